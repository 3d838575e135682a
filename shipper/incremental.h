/*
 * incremental.h
 *		Snapshots of tables while the stream goes on.
 *
 * A pure state machine: no I/O, no clock.  The loop tells it what the stream
 * carries, executes its steps on a second connection, and puts the rows that it
 * hands out.
 *
 * A table is read in chunks of its key.  One chunk:
 *
 *	1 the window opens: from here on each event of the table is remembered
 *	  (key, xid), and all transactions published before must be visible to the
 *	  chunk's snapshot; until then it waits
 *	2 rows are read under REPEATABLE READ, with the snapshot that they have
 *	3 a message with a nonce is written to the WAL
 *	4 where it comes in the stream the rows go out, but those of which an event
 *	  of a transaction that the snapshot does not see was published
 *
 * So a row that goes out is the state behind all published events of its key,
 * although the order of commits in the WAL is not the order in which snapshots
 * see them.
 */
#ifndef TUPLECAST_INCREMENTAL_H
#define TUPLECAST_INCREMENTAL_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* ---- what signals ask for ------------------------------------------------ */

typedef enum IncrementalType
{
	INCREMENTAL_INCREMENTAL,
	INCREMENTAL_BLOCKING /* read in the same way: the stream need not stop */
} IncrementalType;

typedef struct IncrementalCollection
{
	const char *pattern; /* regular expression of "schema.table" */
	const char *filter;	 /* an SQL condition, or NULL */
	const char
		*surrogate; /* a column to read by in place of the key, or NULL */
} IncrementalCollection;

typedef struct IncrementalRequest
{
	const char *id; /* of the signal; one that is known already is ignored */
	IncrementalType type;
	const IncrementalCollection *items;
	size_t count;
} IncrementalRequest;

/* ---- what is told -------------------------------------------------------- */

/* named as Debezium's notifications */
typedef enum IncrementalKind
{
	INCREMENTAL_STARTED,
	INCREMENTAL_IN_PROGRESS, /* a chunk is put, up to last_key */
	INCREMENTAL_TABLE_SCAN_COMPLETED,
	INCREMENTAL_PAUSED,
	INCREMENTAL_RESUMED,
	INCREMENTAL_ABORTED,
	INCREMENTAL_SKIPPED, /* nothing of what is captured matches */
	INCREMENTAL_COMPLETED
} IncrementalKind;

/* Borrowed; what a kind has no use for is NULL or 0. */
typedef struct IncrementalEvent
{
	IncrementalKind kind;
	const char *id;			 /* of the request */
	const char *collection;	 /* "schema.table" being read */
	const char *collections; /* of the request, joined by commas */
	uint64_t chunk;
	const char *last_key; /* values as text, joined by commas */
	const char *maximum_key;
	uint64_t rows;		/* of the table, at TABLE_SCAN_COMPLETED */
	const char *status; /* SUCCEEDED, EMPTY, NO_PRIMARY_KEY, SKIPPED, STOPPED,
						 * SQL_EXCEPTION */
	const char *reason; /* of what did not succeed, or NULL */
} IncrementalEvent;

typedef void (*IncrementalNotify)(void *arg, const IncrementalEvent *ev);

typedef struct IncrementalStatus
{
	bool running; /* something is left to read */
	bool paused;
	const char *id;			/* of the current request, or NULL */
	const char *collection; /* the current one, or NULL */
	size_t tables;			/* left, with the current one */
	size_t requests;		/* whose tables are not known yet */
	uint64_t chunk;			/* chunks read so far, of all tables */
	uint64_t rows;			/* put, of the current table */
	uint64_t dropped;		/* rows dropped for newer events, so far */
	uint64_t requeued;		/* keys to be read once more */
	uint64_t waiting_xid;	/* the chunk waits until it is visible; 0: none */
	int64_t waiting_ms;		/* for so long */
} IncrementalStatus;

/* ---- commands ------------------------------------------------------------ */

typedef struct Incremental Incremental;

extern Incremental *incremental_new(void);
extern void incremental_free(Incremental *inc);
extern void incremental_set_notify(Incremental *inc, IncrementalNotify notify,
								   void *arg);

/*
 * Queues a request; strings are copied.  false: err, of the request.  What it
 * asks for is in the next position, so the signal need not come again.
 */
extern bool incremental_start(Incremental *inc, const IncrementalRequest *req,
							  Error *err) MUST_CHECK;
extern void incremental_pause(Incremental *inc);
extern void incremental_resume(Incremental *inc);
/* Without patterns all that is under way and queued. */
extern void incremental_stop(Incremental *inc, const char *const *patterns,
							 size_t count);
extern void incremental_status(const Incremental *inc, IncrementalStatus *out);

/* ---- what the loop does with it ------------------------------------------ */

/* values of a key as text, each with its terminating zero */
typedef struct IncrementalKey
{
	char *text; /* NULL: none */
	size_t len;
	bool asked; /* of the requeue: the chunk reads it */
} IncrementalKey;

typedef struct IncrementalTable
{
	char *id; /* of the request */
	uint32_t oid;
	char *name;	  /* "schema.table" */
	char *quoted; /* the same for SQL */
	char *schema; /* under which it is published */
	char *table;
	char *filter;		 /* or NULL */
	char *surrogate;	 /* or NULL */
	char *columns;		 /* of the key, as they were; NULL: not known yet */
	IncrementalKey last; /* rows up to here are put */
	IncrementalKey max;	 /* and are wanted up to here */
	bool scanned;		 /* all of them are; keys of requeue may be left */
	IncrementalKey *requeue;
	size_t nrequeue;
	uint64_t rows;	/* put */
	uint32_t limit; /* rows of a chunk */
} IncrementalTable;

/* what is to be asked on the second connection */
typedef enum IncrementalStep
{
	INCREMENTAL_NOTHING,
	INCREMENTAL_LIST,  /* the relations that incremental_wanted() names */
	INCREMENTAL_POLL,  /* a snapshot, and who is idle in a transaction */
	INCREMENTAL_OPEN,  /* a transaction with the lock, its snapshot, the key */
	INCREMENTAL_MAX,   /* the last key of the table */
	INCREMENTAL_KEYS,  /* of the chunk */
	INCREMENTAL_ROWS,  /* of the chunk, as frames */
	INCREMENTAL_EMIT,  /* ends the transaction, writes the message */
	INCREMENTAL_CLOSE, /* gives the transaction up */
} IncrementalStep;

/* why a command was refused */
typedef enum IncrementalFailure
{
	INCREMENTAL_GONE,  /* the table is no more */
	INCREMENTAL_LATER, /* a lock, a conflict: the chunk is tried again */
	INCREMENTAL_NO_KEY,
	INCREMENTAL_FAILED
} IncrementalFailure;

typedef struct IncrementalListed
{
	uint32_t oid;
	const char *name;
	const char *quoted;
	const char *schema;
	const char *table;
	size_t item; /* of the wanted collections, which it matches */
} IncrementalListed;

/* nonce: nobody else knows it; rows: of a chunk. */
extern void incremental_configure(Incremental *inc, const char *nonce,
								  uint32_t rows);

/* Progress as it is to be stored, NULL: none; free() it. */
extern char *incremental_store(const Incremental *inc);
/* Instead of what there is; NULL: nothing.  false: err. */
extern bool incremental_load(Incremental *inc, const char *json,
							 Error *err) MUST_CHECK;
/* All that was asked for is forgotten. */
extern void incremental_clear(Incremental *inc);
/* Something is to be stored that was not; clears it. */
extern bool incremental_changed(Incremental *inc);

/* ---- the stream, frame by frame ---- */

/* false: nothing of the stream need be told but this and streams. */
extern bool incremental_follows(const Incremental *inc);
extern void incremental_begin(Incremental *inc, uint32_t xid);
extern void incremental_stream(Incremental *inc, uint32_t id,
							   const char *schema, size_t schema_len,
							   const char *table, size_t table_len);
/* key NULL: it may be of any row.  unchanged: a value is not in the WAL. */
extern void incremental_record(Incremental *inc, uint32_t stream,
							   const void *key, size_t len, bool unchanged);
extern void incremental_watermark(Incremental *inc, const char *content,
								  size_t len);
extern void incremental_commit(Incremental *inc);
/* The session with the server is over. */
extern void incremental_session_end(Incremental *inc);

/* ---- the second connection ---- */

/* Once the last answer is there.  until: when to ask again at the latest. */
extern IncrementalStep incremental_next(Incremental *inc, int64_t now_ms,
										int64_t *until);
/* Before a step is sent that waited for the connection: is it still wanted?
 * false: it need not be answered. */
extern bool incremental_stands(Incremental *inc, IncrementalStep step);
extern const IncrementalCollection *incremental_wanted(const Incremental *inc,
													   size_t *count);
extern const IncrementalTable *incremental_table(const Incremental *inc);
/* The chunk reads this many keys, marked in the requeue; 0: behind the last
 * key. */
extern size_t incremental_requeued(const Incremental *inc);
/* What the message holds. */
extern const char *incremental_message(const Incremental *inc);

extern void incremental_listed(Incremental *inc, const IncrementalListed *items,
							   size_t count);
/* Before incremental_polled(), with its query: who has not ended, of the lowest
 * 32 bits.  A snapshot does not list those beyond its xmax. */
extern void incremental_held(Incremental *inc, const uint32_t *xids,
							 size_t count);
/* snapshot: as pg_current_snapshot() writes it.  idle: xids, of the lowest 32
 * bits, that do nothing, so are not committed. */
extern void incremental_polled(Incremental *inc, const char *snapshot,
							   const uint32_t *idle, size_t count,
							   int64_t now_ms);
/* exact: equal keys of records are of one row. */
extern void incremental_opened(Incremental *inc, const char *snapshot,
							   const char *schema, const char *table,
							   const char *columns, bool exact);
/* NULL: there is no row. */
extern void incremental_max(Incremental *inc, const IncrementalKey *key);
/* The keys are the machine's now. */
extern void incremental_keys(Incremental *inc, const IncrementalKey *keys,
							 size_t count);
/* A record of the chunk's row (from 0 on).  false: it is not wanted any more. */
extern bool incremental_row(Incremental *inc, uint64_t row, const void *key,
							size_t len);
extern void incremental_rows_end(Incremental *inc);
/* Fewer rows, please. */
extern void incremental_too_large(Incremental *inc);
extern void incremental_emitted(Incremental *inc);
extern void incremental_closed(Incremental *inc);
extern void incremental_refused(Incremental *inc, IncrementalFailure why,
								const char *reason);
/* The connection is gone, and what was asked. */
extern void incremental_lost(Incremental *inc);

/* ---- the rows, where the message came ---- */

/* They are to be put now, before anything else of the stream. */
extern bool incremental_putting(const Incremental *inc);
/* Whether the record goes out. */
extern bool incremental_is_fresh(const Incremental *inc, size_t record);
/* It did, or was left out. */
extern void incremental_done(Incremental *inc, size_t record);
extern void incremental_chunk_done(Incremental *inc);

#endif /* TUPLECAST_INCREMENTAL_H */
