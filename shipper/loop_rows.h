/*
 * loop_rows.h
 *		Rows of a snapshot into the sink: frames, the markers of Debezium, and the
 *		rows that are kept back for them.  Of the loop alone.
 */
#ifndef TUPLECAST_LOOP_ROWS_H
#define TUPLECAST_LOOP_ROWS_H

#include "loop_snapshot.h"

struct Loop;

/* s->rows is a payload: its frames come next. */
extern void loop_rows_begin(LoopSnapshot *s);
/* The next frame of it. */
extern void loop_rows_take(struct Loop *l);
/* The row at hand, once more: the sink did not take it. */
extern void loop_rows_offer(struct Loop *l);
/*
 * Puts a row that was read, or the dead letter in its place; extra: bytes of
 * its stream's heads and tails.  true: the sink has it; else it is offered
 * again, or the loop was told of an error.
 */
extern bool loop_put_row(struct Loop *l, SinkRecord *out, uint32_t extra);
/* Of the rows that are kept back, those whose marker is known by now. */
extern void loop_rows_release(struct Loop *l);
/* The round is over: nothing is held any more. */
extern void loop_rows_drop(LoopSnapshot *s);

#endif /* TUPLECAST_LOOP_ROWS_H */
