/*
 * encode_internal.h
 *		Between encode.c, which decides about records, and encode_row.c, which
 *		writes what is in them.
 */
#ifndef TUPLECAST_ENCODE_INTERNAL_H
#define TUPLECAST_ENCODE_INTERNAL_H

#include "encode.h"
#include "shape.h"

/* Of the record being written: an unchanged value that has no form is null. */
extern const ColumnPlan *encode_lost_column;
/* one was left out of line, so that the WAL does not hold it */
extern bool encode_unchanged;

/* What transforms make of a record; NULL if there are none. */
static inline Shape *
change_shape(const Change *change, char op)
{
	const RelationPlan *plan = change->plan;
	ShapeClass class = op == WIRE_OP_TOMBSTONE ? SHAPE_TOMBSTONE
					   : op == WIRE_OP_DELETE  ? SHAPE_DELETE
											   : SHAPE_ROW;

	if (plan->shapes == NULL)
		return NULL;
	return plan->shapes[SHAPE_INDEX(class, change->moved.name != NULL)];
}

/* The columns of the key as an object. */
extern void encode_key(StringInfo out, const RelationPlan *plan,
					   const RowImage *row);
/* The key of a record, after all transforms, into the writer. */
extern void encode_record_key(Encoder *enc, const Change *change, char op,
							  const RowImage *row);
/* The value in its format; the flat one is of "before" if it is a delete. */
extern void encode_record_value(StringInfo out, Encoder *enc,
								const Change *change, char op,
								const RowImage *before, const RowImage *after);

#endif /* TUPLECAST_ENCODE_INTERNAL_H */
