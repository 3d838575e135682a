/*
 * outbox.h
 *		io.debezium.transforms.outbox.EventRouter: rows that are events.
 */
#ifndef TUPLECAST_OUTBOX_H
#define TUPLECAST_OUTBOX_H

#include "shape.h"

typedef struct OutboxPlan OutboxPlan;

/* In the current context; ERROR if the table lacks a column that is needed. */
extern OutboxPlan *outbox_plan_build(const Encoder *enc,
									 const RelationPlan *plan, Shape *shape,
									 const ShapeField *row, int ncolumns);
/* The record of a row that was inserted; of other changes, none. */
extern void outbox_change(Encoder *enc, const Change *change, char op,
						  Shape *shape, uint8 part);

#endif /* TUPLECAST_OUTBOX_H */
