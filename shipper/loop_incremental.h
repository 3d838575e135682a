/*
 * loop_incremental.h
 *		The loop's part in snapshots that run with the stream: a second connection,
 *		and the rows into the sink.
 */
#ifndef TUPLECAST_LOOP_INCREMENTAL_H
#define TUPLECAST_LOOP_INCREMENTAL_H

#include "backoff.h"
#include "core.h"
#include "incremental_query.h"
#include "loop_snapshot.h"
#include "snapshot_reader.h"

struct Loop;

/* of the chunk; frame points into its buffers */
typedef struct ChunkRecord
{
	FrameRecord frame;
	size_t stream; /* of streams */
} ChunkRecord;

typedef struct LoopIncremental
{
	Incremental *machine;
	bool loaded;	/* with what is stored */
	char *snapshot; /* the other snapshot's progress, which is stored with it */

	SnapshotReader reader;
	bool prepared;		  /* its settings are made */
	bool sent;			  /* step is under way */
	IncrementalStep step; /* INCREMENTAL_NOTHING: none is wanted */
	ChunkQuery query;
	Backoff backoff;
	int64_t until; /* when to look again */
	int64_t told_ms;
	uint64_t told_xid; /* that is waited for */

	char **buffers; /* libpq's */
	size_t nbuffers;
	size_t bytes; /* of the chunk */
	ChunkRecord *records;
	size_t nrecords;
	size_t records_cap;
	int64_t commit_time_us;
	RowStream *streams;
	size_t nstreams;

	/* the rows, while they go out */
	size_t next;
	bool held;
	SinkRecord out;
} LoopIncremental;

extern void loop_incremental_init(struct Loop *l);
extern void loop_incremental_free(struct Loop *l);
/* The session streams and what is stored is known.  What of it is of the other
 * snapshot; NULL: nothing.  Borrowed. */
extern const char *loop_incremental_session(struct Loop *l);
/* The session, or with "all" the sink, too, is gone. */
extern void loop_incremental_cancel(struct Loop *l, bool all);
/* A frame of the stream, before the core takes it; and behind a commit. */
extern void loop_incremental_frame(struct Loop *l, const Frame *f);
extern void loop_incremental_commit(struct Loop *l);
/* true: the stream is not to be read, its rows come first. */
extern bool loop_incremental_blocks(const struct Loop *l);
extern void loop_incremental_put(struct Loop *l);
/* What became of it; for who is notified. */
extern void loop_incremental_log(const IncrementalEvent *ev);
/* Once a turn. */
extern void loop_incremental_turn(struct Loop *l);
/* Tells the core what is put. */
extern void loop_incremental_progress(struct Loop *l);
/* The other snapshot's progress has changed, which is told with it. */
extern void loop_incremental_snapshot(struct Loop *l, const char *progress);

/* ---- loop_incremental_read.c: the second connection ---- */
/* The next steps on it. */
extern void loop_incremental_read(struct Loop *l);
/* The rows of the chunk are not needed any more. */
extern void loop_incremental_forget(LoopIncremental *li);
/* A chunk that waits for its message keeps its rows. */
extern void loop_incremental_disconnect(LoopIncremental *li);
extern int loop_incremental_fd(const struct Loop *l);
extern short loop_incremental_events(const struct Loop *l);
extern int64_t loop_incremental_deadline(const struct Loop *l);

#endif /* TUPLECAST_LOOP_INCREMENTAL_H */
