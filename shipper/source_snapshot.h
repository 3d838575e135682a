/*
 * source_snapshot.h
 *		Rows that are in the tables: one exported snapshot, several connections
 *		that read under it.
 *
 * A round: a walsender makes a temporary slot, whose snapshot is exact for its
 * consistent point; it stays idle as long as readers may have to import it.
 * Where no walsender or no slot is left, an ordinary session exports a snapshot
 * in which all is visible that was committed before the stream's slot was made;
 * then no change of the stream may be left out.
 * What there is to read, and what of it is done, is the SnapshotPlan's.
 *
 * Nothing blocks.  Rows are taken from one reader at a time, until its payload
 * is through or the sink is full.
 */
#ifndef TUPLECAST_SOURCE_SNAPSHOT_H
#define TUPLECAST_SOURCE_SNAPSHOT_H

#include <poll.h>

#include "snapshot_plan.h"
#include "snapshot_reader.h"

#define SNAPSHOT_MAX_READERS 32

typedef struct SnapshotSource SnapshotSource;

typedef enum SnapshotEvent
{
	SNAPSHOT_WAIT,	  /* nothing now: poll */
	SNAPSHOT_BEGUN,	  /* the plan is laid out; snapshot_source_go() */
	SNAPSHOT_PAYLOAD, /* frames of a unit */
	SNAPSHOT_UNIT,	  /* all of the unit was handed out */
	SNAPSHOT_END,	  /* nothing is left to read */
	SNAPSHOT_LOST	  /* err; the round is over: take what its units have put,
					   * then snapshot_source_stop() */
} SnapshotEvent;

typedef struct SnapshotRows
{
	int reader;			/* until it is released */
	SnapshotUnit *unit; /* of the plan */
	bool refused;		/* SNAPSHOT_UNIT: its table was dropped meanwhile */
	const void *payload;
	size_t len;
} SnapshotRows;

extern SnapshotSource *snapshot_source_open(const Config *cfg);
extern void snapshot_source_close(SnapshotSource *s);

/* A round, on the server that "stream" is connected to.  floor: as in
 * snapshot_plan_begun(); 0: the round's own position.  position: of the stream,
 * all before is put. */
extern bool snapshot_source_start(SnapshotSource *s, SnapshotPlan *plan,
								  const PGconn *stream, uint64_t floor,
								  uint64_t position, int64_t now_ms,
								  Error *err) MUST_CHECK;
/* Gives the round up. */
extern void snapshot_source_stop(SnapshotSource *s);
/* After SNAPSHOT_BEGUN: rows may come. */
extern void snapshot_source_go(SnapshotSource *s);
extern SnapshotEvent snapshot_source_next(SnapshotSource *s, int64_t now_ms,
										  SnapshotRows *rows,
										  Error *err) MUST_CHECK;
/* The payload is through. */
extern void snapshot_source_release(SnapshotSource *s, int reader);
/* Its memory is the caller's: PQfreemem() it.  Then release. */
extern char *snapshot_source_take(SnapshotSource *s, int reader);

/* "creating a temporary slot", … */
extern const char *snapshot_source_step(const SnapshotSource *s);
/* the units under way, for snapshot_plan_store() */
extern SnapshotUnit *snapshot_source_units(SnapshotSource *s, size_t *count);
/* When to call snapshot_source_next() at the latest; INT64_MAX: no reason to. */
extern int64_t snapshot_source_deadline(const SnapshotSource *s);
/* Fills up to 1 + SNAPSHOT_MAX_READERS; returns how many. */
extern int snapshot_source_fds(const SnapshotSource *s, struct pollfd *fds,
							   bool reading);

#endif /* TUPLECAST_SOURCE_SNAPSHOT_H */
