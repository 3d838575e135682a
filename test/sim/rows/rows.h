/*
 * rows.h
 *		A seeded simulator of snapshots: the shipper's own loop among tables that
 *		change.
 *
 * One process, no threads, no clock, no I/O.  The loop, its snapshots and the
 * core are the program's own sources; what they call at their ends is simulated:
 * a server whose transactions commit in one order and become visible in another,
 * its slot, exported snapshots and a second connection, and a cluster that
 * acknowledges late.  An episode is decided by its seed alone.  The invariants
 * have the names of doc/internals.md.
 */
#ifndef TUPLECAST_SIM_ROWS_H
#define TUPLECAST_SIM_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "incremental.h"
#include "lsn.h"
#include "position.h"
#include "sink.h"

#define TABLES		 3 /* the last two are partitions of one */
#define TOPICS		 2
#define KEYS		 16
#define PARTITIONS	 3
#define MAX_VERSIONS 1500
#define MAX_TXNS	 2000
#define MAX_CHANGES	 3000
#define TXN_CHANGES	 16
#define MAX_ACTIVE	 6
#define MAX_REQUESTS 8
#define NONE		 UINT32_MAX
#define OID_OF(t)	 (1000 + (t))

/* ---- randomness ---- */

extern uint64_t sim_random(void);
/* 0 … n-1 */
extern uint32_t sim_below(uint32_t n);
/* true once in n */
extern bool sim_once_in(uint32_t n);

/* ---- the server ---- */

typedef struct RowVersion
{
	uint8_t table;
	uint8_t key;
	uint32_t toast; /* of the value out of line; never 0 */
	uint64_t place;
	uint32_t maker; /* transaction */
	uint32_t killer;
	uint32_t truncated; /* the change that is a TRUNCATE; NONE: another one */
	bool dead;			/* its maker was rolled back */
	uint32_t rows; /* times it is in the log as a row of the first snapshot */
} RowVersion;

typedef struct Change
{
	char op;		/* c, u, d; k: the key changed; t: TRUNCATE */
	uint32_t old;	/* version */
	uint32_t made;	/* version */
	uint32_t topic; /* of a TRUNCATE: its versions before this one are gone */
	uint32_t bound;
	bool unchanged;
	uint8_t ordinal;
	uint8_t delivered; /* bit for each part */
	uint32_t txn;
} Change;

typedef enum TxnState
{
	TXN_RUNNING,
	TXN_LOGGED,	 /* its commit is in the WAL, and nobody sees it yet */
	TXN_VISIBLE, /* to new snapshots */
	TXN_ABORTED
} TxnState;

typedef struct Txn
{
	TxnState state;
	uint64_t xid;
	bool stalled; /* it waits for a standby */
	bool idle;	  /* the session is idle in the transaction */
	uint64_t commit_lsn;
	uint64_t end_lsn;
	uint32_t changes[TXN_CHANGES];
	uint32_t count;
	char message[128]; /* a watermark */
	const char *signal;
	char id[16];
	const char *data;
	bool missed; /* the slot was moved over it */
} Txn;

/* pg_current_snapshot(), or the exported one of a slot */
typedef struct Seen
{
	uint64_t xmin;
	uint64_t xmax;
	uint64_t running[MAX_TXNS];
	uint32_t count;
} Seen;

typedef struct Server
{
	RowVersion versions[MAX_VERSIONS];
	uint32_t nversions;
	Change changes[MAX_CHANGES];
	uint32_t nchanges;
	Txn txns[MAX_TXNS];
	uint32_t ntxns;
	uint32_t wal[MAX_TXNS]; /* in the order of their commits */
	uint32_t nwal;
	uint32_t active[MAX_ACTIVE]; /* running, or logged and not visible */
	uint32_t nactive;
	uint32_t current[TABLES][KEYS];
	uint32_t owner[TABLES][KEYS]; /* who holds the row's lock */
	uint32_t locked[TABLES];	  /* who holds the table's, after a TRUNCATE */
	uint32_t node[TABLES];
	bool whole[TABLES]; /* changes hold all values of a row */
	bool ranged[TABLES];
	uint32_t toasts;
	uint64_t next_xid;
	uint64_t latest_xid; /* completed */
	uint64_t wal_end;
	bool slot;
	uint64_t slot_lsn;
	uint64_t slot_saved;
	uint32_t requests;
	uint32_t signals;
} Server;

extern Server db;

extern void db_begin(void);
/* Something that others do. */
extern void db_step(void);
/* All transactions end, and are seen. */
extern void db_settle(void);
extern void db_crash(void);
/* Somebody moves the slot over changes that nobody has. */
extern void db_move_slot(void);
extern uint32_t db_signal(const char *type, const char *id, const char *data);
extern uint32_t db_message(const char *content);
/* VACUUM FULL of a table that nobody has locked */
extern void db_rewrite(uint32_t table);
extern void db_snapshot(Seen *s);
/* As of the end of the WAL, whoever sees it. */
extern void db_exact_snapshot(Seen *s);
extern char *db_seen_text(const Seen *s);
extern bool db_sees(const Seen *s, uint64_t xid);
extern bool db_visible(const Seen *s, const RowVersion *v);
extern bool db_committed(uint32_t txn);
/* By the order of the WAL; NONE: there is no such row. */
extern uint32_t db_state_at(uint32_t table, uint32_t key, uint64_t lsn);
extern uint32_t db_topic(uint32_t table);
/* Of a change. */
extern uint32_t db_topic_of(const Change *c);
extern const char *db_published(uint32_t table);
/* Places of the table are less. */
extern uint32_t db_blocks(void);

/* ---- its connections ---- */

extern void links_begin(void);
extern void links_drop_stream(void);
extern void links_drop_round(void);
extern void links_drop_second(void);
/* Has a reader locked it? */
extern bool links_lock(uint32_t table);
extern void links_sigterm(void);

/* ---- the cluster ---- */

typedef struct Known
{
	bool present;
	uint32_t version;
	uint32_t toast; /* 0: not known */
} Known;

typedef struct Cluster
{
	bool exactly_once;
	char *position; /* NULL: none */
	Position parsed;
	uint64_t position_max;
	Known model[TOPICS][KEYS]; /* the log, folded */
	/* older versions are gone: whatever of them arrives later, on another
	 * partition, counts for nothing */
	uint32_t bound[TOPICS];
	uint64_t last[PARTITIONS][3];
	uint32_t checked; /* of the WAL: all of it is delivered */
	uint8_t chunk_rows[MAX_REQUESTS][TABLES][KEYS];
} Cluster;

extern Cluster cluster;
extern const SinkOps sim_sink_ops;

extern void cluster_begin(bool exactly_once);
extern void cluster_end(void);
/* The brokers do something. */
extern void cluster_step(void);
extern void cluster_fail(void);

/* A position is stored: all that it tells of is in the logs. */
extern void claims_check(const Position *p);

/* ---- the process ---- */

extern void process_start(void);
extern void process_kill(void);
extern bool process_is_up(void);
extern void process_turn(void);
/* Nothing is left to do. */
extern bool process_is_settled(void);
extern Incremental *process_incremental(void);

/* ---- the run ---- */

typedef struct Totals
{
	uint64_t episodes;
	uint64_t steps;
	uint64_t changes;
	uint64_t again;
	uint64_t rows;
	uint64_t chunk_rows;
	uint64_t rounds;
	uint64_t chunks;
	uint64_t dropped;
	uint64_t requeued;
	uint64_t kills;
	uint64_t crashes;
	uint64_t lost;
	uint64_t stops;
	uint64_t positions;
	uint64_t rewrites;
	uint64_t gaps;
	uint64_t truncates;
} Totals;

typedef struct Request
{
	bool asked; /* its signal is in the WAL */
	bool stopped;
	bool completed;
	bool tables[TABLES];
} Request;

extern Totals totals;
extern Config sim_config;
extern Request sim_requests[MAX_REQUESTS];
extern int64_t sim_now_ms;
extern int64_t sim_timeout_ms; /* of a Kafka transaction */
extern bool sim_healing;	   /* no more faults: all must come right */
extern bool sim_tracing;
extern bool sim_plain; /* the server has no walsender to spare */
extern bool sim_was_plain;
extern bool sim_rewritten;
extern bool sim_repairs; /* slot.lost=resnapshot */
extern bool sim_gap;	 /* and changes were lost */
extern bool sim_foreign; /* somebody else writes watermarks */
extern bool sim_truncates;

#define TRACE(...)                                                             \
	do                                                                         \
	{                                                                          \
		if (sim_tracing)                                                       \
			sim_trace(__VA_ARGS__);                                            \
	} while (0)
extern void sim_trace(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* An invariant does not hold: says which, how to replay it, and ends. */
extern void sim_violation(const char *invariant, const char *fmt, ...)
	PRINTF_LIKE(2, 3) __attribute__((noreturn));
#define HOLDS(invariant, condition, ...)                                       \
	do                                                                         \
	{                                                                          \
		if (!(condition))                                                      \
			sim_violation((invariant), __VA_ARGS__);                           \
	} while (0)

#endif /* TUPLECAST_SIM_ROWS_H */
