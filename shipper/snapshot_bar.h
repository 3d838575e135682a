/*
 * snapshot_bar.h
 *		How far a snapshot is: a line that is rewritten on a terminal, log lines
 *		elsewhere.
 */
#ifndef TUPLECAST_SNAPSHOT_BAR_H
#define TUPLECAST_SNAPSHOT_BAR_H

#include "snapshot_plan.h"

typedef struct SnapshotBar
{
	bool active;
	bool terminal;
	int64_t begun_ms;
	int64_t shown_ms;
	uint64_t begun_rows;
	double begun_part; /* done when it began, 0 to 1 */
} SnapshotBar;

extern void snapshot_bar_begin(SnapshotBar *b, const SnapshotPlan *p,
							   int64_t now_ms);
/* If it is time to. */
extern void snapshot_bar_show(SnapshotBar *b, const SnapshotPlan *p,
							  const SnapshotUnit *units, size_t nunits,
							  int64_t now_ms);
extern void snapshot_bar_end(SnapshotBar *b);

#endif /* TUPLECAST_SNAPSHOT_BAR_H */
