/*
 * loop_snapshot.h
 *		The loop's part in snapshots: whether one is to be taken, its rows into the
 *		sink, its progress into the position.
 *
 * While rows are read the stream is not.  The last row of each part is kept
 * back: only when nothing else of its table (or of all) is left is it known
 * whether it is the last, which its record says.
 */
#ifndef TUPLECAST_LOOP_SNAPSHOT_H
#define TUPLECAST_LOOP_SNAPSHOT_H

#include "backoff.h"
#include "config.h"
#include "core.h"
#include "snapshot_bar.h"
#include "source_snapshot.h"

struct Loop;

/* a row that is kept back */
typedef struct KeptRow
{
	SnapshotUnit unit; /* of which it is the last; table NULL: free */
	char *memory;	   /* what frame points into */
	FrameRecord frame;
	SinkStream *stream;
	uint32_t extra;	 /* bytes of heads and tails */
	bool last;		 /* of its table */
	uint64_t number; /* in the order they came */
} KeptRow;

#define SNAPSHOT_MAX_KEPT (SNAPSHOT_MAX_READERS + 1)

/* a stream of a table, as its parts announce it */
typedef struct RowStream
{
	uint32_t oid;
	uint32_t id;
	uint32_t extra;
	SinkStream *handle;
} RowStream;

typedef enum SnapshotPhase
{
	SNAPSHOT_OFF,		/* none, or none any more */
	SNAPSHOT_WANTED,	/* to be begun when the stream allows it */
	SNAPSHOT_RUNNING,	/* the round is on its way */
	SNAPSHOT_STORING,	/* its beginning is to become durable */
	SNAPSHOT_ROWS,		/* they come */
	SNAPSHOT_COMPLETING /* all is put; it is to become durable */
} SnapshotPhase;

typedef struct LoopSnapshot
{
	SnapshotSource *source;
	SnapshotPlan plan;
	SnapshotPhase phase;
	bool loaded; /* the plan is that of the stored position */
	bool taken;	 /* by this process: mode "always" has had its */
	Backoff backoff;

	/* the payload at hand */
	bool has_payload;
	SnapshotRows rows;
	FrameReader reader;
	Frame frame;
	uint64_t counted[SNAPSHOT_MAX_READERS]; /* records of each part so far */
	FrameRecord record;						/* the one being put */
	SinkRecord out;
	SnapshotTable *table; /* of it */
	bool held;			  /* the sink did not take it yet */
	KeptRow *releasing;	  /* it is this one; NULL: of the payload */
	PgText patched_value; /* with another marker */
	PgText patched_headers;

	KeptRow kept[SNAPSHOT_MAX_KEPT];
	uint64_t numbers;
	RowStream *streams;
	size_t nstreams;
	RowStream *current;
	/* the marker of a gap on the first record of each topic */
	bool marking; /* the record at hand gets it */
	PgText marked_headers;
	struct
	{
		uint32_t id;
		SnapshotTable *table;
	} *unmarked; /* streams of the session whose next change gets it */
	size_t nunmarked;
	SnapshotTable *marking_table;
	bool marks_moved; /* and that is not told yet */
	uint64_t put;	  /* rows put since progress was told */
	int64_t told_ms;  /* progress */
	int64_t begun_ms;
	uint64_t begun_rows;
	SnapshotBar bar;
} LoopSnapshot;

extern void loop_snapshot_init(struct Loop *l);
extern void loop_snapshot_free(struct Loop *l);
/* The session streams and what is stored is known: is one to be taken? */
extern void loop_snapshot_session(struct Loop *l, bool slot_created);
/* Instead, where changes are missing: one is taken, whatever the mode. */
extern void loop_snapshot_repair(struct Loop *l, uint64_t after_lsn);
/* The session, or with "all" the sink, too, is gone. */
extern void loop_snapshot_cancel(struct Loop *l, bool all);
/* true: the stream is not to be read. */
extern bool loop_snapshot_blocks(const struct Loop *l);
/* Rows into the sink, as far as it takes them. */
extern void loop_snapshot_pump(struct Loop *l);
/* Tells the core what is put, before a position of a Kafka transaction. */
extern void loop_snapshot_progress(struct Loop *l);
/* A stream of the session was announced. */
extern void loop_snapshot_stream(struct Loop *l, const FrameStream *f);
/* The plan as it is becomes the progress. */
extern void loop_snapshot_store(struct Loop *l);
/* All of the unit is put. */
extern void loop_snapshot_done(struct Loop *l, SnapshotUnit *unit);
extern int loop_snapshot_fds(const struct Loop *l, struct pollfd *fds);
extern void loop_snapshot_publish(struct Loop *l);

#endif /* TUPLECAST_LOOP_SNAPSHOT_H */
