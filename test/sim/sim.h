/*
 * sim.h
 *		A seeded simulator of everything around the shipper's core.
 *
 * One process, no threads, no clock, no I/O: a Postgres that crashes, fails
 * over and forgets what was confirmed; a Kafka that acknowledges late, out of
 * order or never; shippers that are killed at any step, two of them at once.
 * An episode is decided by its seed alone.  The invariants are checked at each
 * step and have the names of doc/internals.md.
 */
#ifndef TUPLECAST_SIM_H
#define TUPLECAST_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core.h"

#define MAX_TXNS	   1000
#define MAX_RECORDS	   40000
#define MAX_BRANCHES   8
#define PARTITIONS	   4
#define POSITION_QUEUE PARTITIONS /* its place among the queues */
#define QUEUE_MAX	   64
#define ACKS_MAX	   (QUEUE_MAX * (PARTITIONS + 1))
#define SOCKET_MAX	   32
#define SHIPPERS	   2
#define NOBODY		   -1
#define NO_RECORD	   UINT32_MAX /* a heartbeat */
#define LATE_MAX	   8

/* ---- randomness ---- */

extern uint64_t sim_random(void);
/* 0 … n-1 */
extern uint32_t sim_below(uint32_t n);
/* true once in n */
extern bool sim_once_in(uint32_t n);

/* ---- what is published ---- */

typedef struct SimRecord
{
	uint32_t txn;
	uint64_t ordinal;
	uint8_t part;
	bool last_part;
	uint8_t partition;
	uint8_t key;	/* of the partition */
	bool delivered; /* acknowledged or not: it is in the log for good */
} SimRecord;

typedef struct SimTxn
{
	uint64_t commit_lsn;
	uint64_t end_lsn;
	uint32_t first; /* record */
	uint32_t count;
	uint32_t delivered;
	bool lost; /* in a failover */
} SimTxn;

/* ---- Postgres ---- */

typedef struct SimMessage
{
	enum
	{
		MSG_FRAME,
		MSG_KEEPALIVE
	} kind;
	uint8_t frame; /* WireKind */
	uint32_t txn;
	uint32_t record;
	uint64_t lsn;
	bool urgent;
} SimMessage;

typedef struct SimServer
{
	SimTxn txns[MAX_TXNS];
	uint32_t ntxns;
	SimRecord records[MAX_RECORDS];
	uint32_t nrecords;
	/* the WAL: transactions in the order of their commits */
	uint32_t wal[MAX_TXNS];
	uint32_t nwal;
	uint64_t wal_end;
	uint32_t timeline;
	TimelineHistory history;
	uint64_t slot_lsn;	  /* confirmed */
	uint64_t slot_saved;  /* as of the last checkpoint */
	uint64_t slot_synced; /* as the standby has it */

	/* the session that holds the slot */
	int owner; /* shipper or NOBODY */
	uint32_t session;
	uint32_t next; /* transaction of wal[] that is being sent */
	uint32_t sent; /* its frames that went out */
	uint32_t greeting;
	uint64_t sent_lsn; /* end of the last transaction sent, ever */
	SimMessage socket[SOCKET_MAX];
	uint32_t socket_head;
	uint32_t socket_count;

	/* what a start must find out */
	bool slot_moved; /* somebody advanced the slot beyond the position */
	bool failed_over;
} SimServer;

extern SimServer pg;

extern void pg_begin(void);
extern void pg_new_transaction(void);
extern void pg_other_wal(void);
extern void pg_checkpoint(void);
extern void pg_sync_standby(void);
extern void pg_crash(void);
extern void pg_drop_session(void);
extern void pg_fail_over(bool safe);
extern bool pg_move_slot(void);
/* One more frame or keepalive into the socket; false: nothing, or it is full. */
extern bool pg_send(bool keepalive);
extern bool pg_connect(int shipper);
extern bool pg_receive(int shipper, SimMessage *out);
extern void pg_confirm(int shipper, uint64_t lsn);
extern const SimTxn *pg_find(uint64_t end_lsn);
/* Is the timeline the server's own, or one that it came from? */
extern bool pg_in_history(uint32_t timeline);

/* ---- Kafka ---- */

typedef struct SimItem
{
	enum
	{
		ITEM_RECORD,
		ITEM_HEARTBEAT,
		ITEM_POSITION
	} kind;
	uint32_t record;
	uint64_t ticket;
	Position position; /* owned */
} SimItem;

/* a producer's own state, in the shipper's process */
typedef struct SimProducer
{
	bool open;
	uint32_t epoch;
	SimItem queue[PARTITIONS + 1][QUEUE_MAX];
	uint32_t head[PARTITIONS + 1];
	uint32_t count[PARTITIONS + 1];
	SimItem acks[ACKS_MAX]; /* appended, and not yet told */
	uint32_t nacks;
	uint32_t put_last[PARTITIONS]; /* record + 1 */
	bool failed;				   /* it must be made anew */
	bool committing;
	bool committed;
	bool worn;		 /* what ended its transaction was sent twice */
	bool succeeded;	 /* another shipper has read the position since */
	int64_t open_ms; /* how long the Kafka transaction was open, at its end */
} SimProducer;

typedef struct SimCluster
{
	bool exactly_once;
	Position position; /* the last that a reader sees; generation 0: none */
	bool topic_used;
	uint64_t position_max;		   /* highest end_lsn that was ever durable */
	uint32_t last[PARTITIONS];	   /* last record in the log + 1 */
	uint32_t final[PARTITIONS][8]; /* of each key, record + 1 */
	bool overlap; /* at-least-once: one wrote that was succeeded */

	/* of the transactional id */
	uint32_t epoch;
	uint32_t open_records[MAX_RECORDS];
	uint32_t nopen;
	Position open_position;
	bool has_open_position;
	/* a request to end the transaction that is on its way */
	bool end_pending;
	uint32_t end_epoch;
	int end_from;
	bool position_lost; /* the topic was emptied */
	/* a decision of the coordinator, of which the logs do not know yet: markers
	 * are on their way to them */
	bool marking;
	bool marked[PARTITIONS + 1];
	Position seen; /* by readers, until the last marker is there */
	/* requests to end a transaction that were sent a second time */
	uint32_t late[LATE_MAX]; /* their epochs */
	uint32_t nlate;
} SimCluster;

extern SimCluster kafka;

extern void kafka_begin(bool exactly_once);
extern void kafka_end(void);
extern void producer_open(SimProducer *p);
/* What was sent may still arrive: a part of each queue does. */
extern void producer_destroy(SimProducer *p);
extern bool producer_has_room(const SimProducer *p, uint32_t queue);
extern void producer_put(SimProducer *p, uint32_t queue, SimItem item);
/* of a driver that is wrong on purpose: swaps two records, rarely */
extern void producer_swap(SimProducer *p, uint32_t queue);
/* The brokers append the oldest of a queue. */
extern bool kafka_append(SimProducer *p, uint32_t queue);
extern bool producer_take_ack(SimProducer *p, SimItem *out);
/* false: the transaction before is not settled yet. */
extern bool kafka_init_transactions(SimProducer *p);
extern void kafka_request_commit(int shipper, SimProducer *p);
/* The coordinator handles the request; its answer may get lost. */
extern void kafka_end_transaction(bool answer_lost);
/* A marker reaches a log. */
extern void kafka_mark(void);
/* What was sent twice arrives again. */
extern void kafka_late_end(void);
/* The coordinator gives an open transaction up. */
extern void kafka_time_out(void);
/* What a reader of committed records finds. */
extern const Position *kafka_seen(void);
extern bool kafka_lose_position(void);

/* ---- shippers ---- */

typedef enum SimState
{
	DOWN,
	CONNECTING,
	FENCING,
	READING,
	RECOVERING,
	STREAMING,
	STOPPED, /* an error that a person must see to, or the end */
} SimState;

typedef struct SimShipper
{
	SimState state;
	bool paused;
	bool stopping;
	uint32_t session; /* of the server, when it was opened */
	bool lost;		  /* it is gone, but that was not noticed yet */
	Core core;
	Stats stats;
	SimProducer producer;
	DeliveryOptions options;
	SinkRecord held; /* not taken yet */
	Frame held_frame;
	uint32_t held_record;
	bool holding;
	Position read; /* that it started from; generation 0: none */
	/* what the reader brought, of the moment it was asked */
	Position early;
	uint64_t early_slot_lsn;
	bool early_used;
	bool early_lost;
	bool read_dropped_open;
	uint64_t slot_at_start;
} SimShipper;

extern SimShipper shippers[SHIPPERS];

extern void shipper_begin(void);
extern void shipper_free_all(void);
extern void shipper_start(int i);
extern void shipper_kill(int i);
/* One thing that a turn of the loop does. */
extern void shipper_step(int i);
extern void shipper_session_lost(int i);

/* ---- the run ---- */

typedef struct SimTotals
{
	uint64_t episodes;
	uint64_t steps;
	uint64_t records;
	uint64_t duplicates;
	uint64_t kills;
	uint64_t crashes;
	uint64_t failovers;
	uint64_t commits;
	uint64_t aborted;
	uint64_t unknown;
	uint64_t fenced;
	uint64_t splits;
	uint64_t positions;
	uint64_t reported; /* errors that had to be reported, and were */
	uint64_t stops;
	uint64_t overlaps;
	uint64_t late;
	uint64_t timeouts;
} SimTotals;

extern SimTotals totals;
extern int64_t sim_now_ms;
extern bool sim_healing; /* no more faults: all must come right */
extern bool sim_tracing;
/* an episode ends when what must be reported was */
extern bool sim_over;
extern DeliveryOptions sim_options;

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

#define SIM_LSN_FORMAT "%X/%X"

#endif /* TUPLECAST_SIM_H */
