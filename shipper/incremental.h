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
	INCREMENTAL_IN_PROGRESS, /* a chunk begins */
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

#endif /* TUPLECAST_INCREMENTAL_H */
