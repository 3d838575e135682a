/*
 * loop_gap.h
 *		The loop's part in marking a gap: which record is the first of its topic.
 *		Of the loop alone.
 */
#ifndef TUPLECAST_LOOP_GAP_H
#define TUPLECAST_LOOP_GAP_H

#include "loop_snapshot.h"

struct Loop;

/* The row at hand of a snapshot gets the marker if it needs one; it was put. */
extern void loop_gap_row(struct Loop *l);
extern void loop_gap_row_taken(LoopSnapshot *s);
/* A stream of the session was announced: is its next change the first? */
extern void loop_gap_stream(struct Loop *l, const FrameStream *f);
/* The change at hand gets the marker if it needs one; it was put. */
extern void loop_gap_change(struct Loop *l);
extern void loop_gap_changed(struct Loop *l);
/* Between two transactions: what was marked goes into the progress. */
extern void loop_gap_between(struct Loop *l);
/* The snapshot is over: names topics whose marker comes with a change. */
extern void loop_gap_tell_empty(const struct Loop *l);

#endif /* TUPLECAST_LOOP_GAP_H */
