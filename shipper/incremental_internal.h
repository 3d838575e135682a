/*
 * incremental_internal.h
 *		What the files of the state machine share.  Nobody else includes it.
 */
#ifndef TUPLECAST_INCREMENTAL_INTERNAL_H
#define TUPLECAST_INCREMENTAL_INTERNAL_H

#include "incremental.h"

typedef enum IncrementalState
{
	STATE_IDLE,
	STATE_LISTING,
	STATE_POLLING, /* what was published is to become visible */
	STATE_OPENING,
	STATE_ASKING_MAX,
	STATE_KEYS,
	STATE_ROWS,
	STATE_EMITTING,
	STATE_WAITING, /* for our message in the stream */
	STATE_PUTTING
} IncrementalState;

/* pg_current_snapshot() */
typedef struct XidSnapshot
{
	uint64_t xmin;
	uint64_t xmax;
	uint64_t *running;
	size_t count;
	size_t cap;
} XidSnapshot;

typedef struct XidList
{
	uint32_t *items;
	size_t count;
	size_t cap;
} XidList;

typedef struct IncrementalStream
{
	char *name; /* schema, zero, table; NULL: free */
	bool here;	/* of the table that is read */
} IncrementalStream;

/* an event of the window */
typedef struct IncrementalEntry
{
	uint32_t xid;
	uint32_t len;
	size_t key; /* in bytes */
	bool any;	/* it may be of any row */
	bool unchanged;
} IncrementalEntry;

/* of a row of the chunk */
typedef struct IncrementalRecord
{
	uint32_t row;
	uint32_t len;
	size_t key; /* in bytes */
	uint32_t hash;
	uint32_t next; /* in its bucket, from 1 on; 0: none */
	bool stale;
	bool unchanged; /* of the newest event */
} IncrementalRecord;

/* what was asked for, its relations not known yet */
typedef struct IncrementalQueued
{
	char *id;
	IncrementalCollection *items; /* strings are owned */
	size_t count;
	size_t behind; /* of a stop: so many requests were asked for before */
} IncrementalQueued;

struct Incremental
{
	IncrementalNotify notify;
	void *notify_arg;
	char nonce[64];
	uint32_t chunk_rows;
	bool paused;
	bool changed; /* since it was asked */

	IncrementalQueued *requests;
	size_t nrequests;
	IncrementalQueued *stops;
	size_t nstops;
	IncrementalTable *tables; /* the first is the current one */
	size_t ntables;

	IncrementalState state;
	bool asked; /* an answer is awaited */
	bool dirty; /* the connection may be in a transaction */
	unsigned delays;
	int64_t retry_ms; /* 0: not set */
	unsigned polls;
	int64_t poll_ms;
	int64_t now_ms;
	uint64_t waiting_xid;
	int64_t waiting_since_ms;

	/* of the stream */
	IncrementalStream *streams; /* by id */
	uint32_t nstreams;
	uint32_t xid;	 /* of the transaction at hand */
	bool tracking;	 /* recent is complete since it became true */
	bool unknown;	 /* what was published before is not */
	XidList recent;	 /* published, and not yet seen to be visible */
	XidList barrier; /* the same when the window opened */
	XidList held;	 /* had not ended at the last poll */
	uint64_t *base;	 /* what was running when it became true */
	size_t nbase;

	/* of the chunk */
	uint64_t attempt;
	char message[128];
	bool window;  /* events are noted */
	bool loaded;  /* the rows are there: compared at once */
	bool marked;  /* our message came, its commit not yet */
	bool restart; /* an event of any row came */
	bool exact;
	size_t asked_requeue;
	XidSnapshot snapshot;
	IncrementalEntry *journal;
	size_t njournal;
	size_t journal_cap;
	char *bytes; /* keys of journal and records */
	size_t nbytes;
	size_t bytes_cap;
	IncrementalKey *keys; /* of its rows */
	size_t nkeys;
	IncrementalRecord *records;
	size_t nrecords;
	size_t records_cap;
	uint32_t *buckets;
	uint32_t nbuckets;
	size_t put;

	uint64_t chunks;
	uint64_t dropped;
	uint64_t requeues;
};

/* ---- incremental.c ---- */
extern void *incremental_alloc(void *old, size_t n, size_t size);
extern char *incremental_copy(const char *s);
extern IncrementalKey incremental_key_copy(const IncrementalKey *key);
/* A copy in place of what is freed. */
extern void incremental_key_set(IncrementalKey *to, const IncrementalKey *from);

/* ---- incremental_window.c ---- */
extern bool incremental_snapshot_parse(XidSnapshot *s, const char *text);
/* of the lowest 32 bits: the one that is next to the snapshot's */
extern uint64_t incremental_full_xid(const XidSnapshot *s, uint32_t xid);
extern bool incremental_is_visible(const XidSnapshot *s, uint32_t xid);
/* What was published before the window, and the snapshot does not see. */
extern bool incremental_barrier_holds(Incremental *inc);
extern void incremental_open_window(Incremental *inc);
extern void incremental_forget_chunk(Incremental *inc);
extern void incremental_free_keys(Incremental *inc);
/* The chunk is given up; what of it was put stays so. */
extern void incremental_restart(Incremental *inc);
/* Whenever there was a time without a look at what is published. */
extern void incremental_track(Incremental *inc);
extern uint32_t incremental_hash_key(const void *key, size_t len);
/* Where in bytes it is. */
extern size_t incremental_keep_bytes(Incremental *inc, const void *data,
									 size_t len);
/* An event that the chunk's snapshot does not see: its rows are older. */
extern void incremental_apply_event(Incremental *inc, const void *key,
									size_t len, bool unchanged);

/* ---- incremental_queue.c ---- */
extern void incremental_queue_stop(Incremental *inc,
								   const IncrementalCollection *items, size_t n,
								   size_t behind);
/* Of the current table. */
extern void incremental_tell(Incremental *inc, IncrementalKind kind,
							 const char *reason);
/* The current table is done with. */
extern void incremental_end_table(Incremental *inc, const char *status,
								  const char *reason);
extern void incremental_table_free(IncrementalTable *t);

#endif /* TUPLECAST_INCREMENTAL_INTERNAL_H */
