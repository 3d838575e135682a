/*
 * gap.h
 *		Changes are missing here: the marker of a gap, for every topic that a
 *		lost slot leaves incomplete.
 *
 * Consumers of these topics know records as Debezium writes them and nothing
 * else, so a marker must be nothing new to them: it is a header, which they do
 * not look at.  The first record of each topic behind the gap carries it: a row
 * of the snapshot that repairs it or, of a table that is empty by then, its next
 * change.  A record of its own would stop consumers that insist on keys, and
 * compacted topics refuse it.  doc/records.md.
 */
#ifndef TUPLECAST_GAP_H
#define TUPLECAST_GAP_H

#include "frame_reader.h"
#include "pg.h"
#include "snapshot_plan.h"

#define GAP_HEADER "__tuplecast.gap"

typedef struct Gap
{
	const char *slot;
	const char *system_id;
	const SnapshotGap *what;
} Gap;

/* Adds the header to a record's, which then stand in packed: the caller's, as
 * long as the record is used. */
extern void gap_mark(FrameRecord *r, PgText *packed, const Gap *gap);

#endif /* TUPLECAST_GAP_H */
