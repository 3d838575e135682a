/*
 * tracker.h
 *		From acknowledgements of records to the LSN that may be confirmed.
 *
 * Pure arithmetic: no I/O, no clock.  A ring holds the transactions, or parts
 * of transactions, that are not fully acknowledged, oldest first; a record's
 * ticket names its entry.  Delivered is the oldest unbroken run of entries all
 * of whose records are acknowledged.
 *
 * Without positions the end of what is delivered is what may be confirmed.
 * With positions (of sinks that keep one) only what a durable position covers
 * may: the caller writes tracker_delivered() down and reports
 * tracker_durable().  What may be confirmed never moves back.
 */
#ifndef TUPLECAST_TRACKER_H
#define TUPLECAST_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "record_id.h"

typedef struct TrackerTxn
{
	uint64_t end_lsn; /* of the commit, or of a keepalive after it */
	RecordId last;	  /* of a part that was cut off: its last record */
	int64_t commit_time_us;
	uint32_t pending; /* records put but not acknowledged */
	bool committed;	  /* nothing will be added */
	bool cut;		  /* nor here, the rest is in the next entry */
	char *snapshot;	  /* progress of a snapshot with this entry, or NULL */
} TrackerTxn;

/* How far something got. */
typedef struct TrackerPlace
{
	uint64_t end_lsn;	  /* transactions up to here */
	RecordId open;		  /* and of the next up to here; end_lsn 0: nothing */
	const char *snapshot; /* borrowed; NULL: none */
} TrackerPlace;

typedef struct Tracker
{
	TrackerTxn *ring;
	uint32_t cap; /* a power of two, or 0 */
	uint32_t head;
	uint32_t count;
	uint64_t head_ticket; /* ticket of ring[head] */
	uint64_t pending;	  /* of all transactions */
	bool positions;
	bool held;
	uint64_t released; /* when held: tickets before this one count */
	uint64_t delivered;
	RecordId open;	/* of what is delivered; stale once delivered is beyond */
	char *snapshot; /* delivered */
	uint64_t confirmable;
} Tracker;

extern void tracker_init(Tracker *t);
extern void tracker_free(Tracker *t);
/* Only what a durable position covers is confirmed. */
extern void tracker_use_positions(Tracker *t);
/* What is acknowledged counts only once it is released (a Kafka transaction). */
extern void tracker_hold(Tracker *t);
/* Forgets all transactions; what is confirmable stays so.  Tickets given out
 * before are unknown from now on. */
extern void tracker_reset(Tracker *t);
/* What the slot has confirmed already. */
extern void tracker_seed(Tracker *t, uint64_t confirmed_lsn);
/* What a stored position says; the ring is empty. */
extern void tracker_seed_place(Tracker *t, const TrackerPlace *place);

/* Opens a transaction; the one before must be committed.  Returns its ticket. */
extern uint64_t tracker_begin(Tracker *t, int64_t commit_time_us);
/* One more record of the open transaction: only after the sink took it. */
extern void tracker_add(Tracker *t, uint64_t ticket);
/* false: no such record is outstanding. */
extern bool tracker_ack(Tracker *t, uint64_t ticket) MUST_CHECK;
/* The open transaction is complete. */
extern void tracker_commit(Tracker *t, uint64_t end_lsn);
/* Cuts the open transaction behind its record "last"; the ticket of the rest. */
extern uint64_t tracker_cut(Tracker *t, RecordId last);
/* Progress of a snapshot that counts once all before it is delivered. */
extern void tracker_snapshot(Tracker *t, const char *progress);
/* The server has nothing before wal_end that was not sent.  Counts when no
 * transaction is open; behind those not yet acknowledged. */
extern void tracker_keepalive(Tracker *t, uint64_t wal_end);

/* Entries before this ticket count from now on. */
extern void tracker_release(Tracker *t, uint64_t ticket);
/* The ticket that the next entry will have, or the open one has. */
extern uint64_t tracker_next_ticket(const Tracker *t);
/* Takes the oldest entry off if it is complete and acknowledged. */
extern bool tracker_pop(Tracker *t, TrackerTxn *done);
extern TrackerPlace tracker_delivered(const Tracker *t);
/* A position that says so is durable. */
extern void tracker_durable(Tracker *t, uint64_t end_lsn);
extern uint64_t tracker_confirmable(const Tracker *t);
extern uint64_t tracker_pending(const Tracker *t);
/* Whether a transaction is begun but not committed. */
extern bool tracker_is_open(const Tracker *t);
/* The oldest transaction, or NULL. */
extern const TrackerTxn *tracker_oldest(const Tracker *t);

#endif /* TUPLECAST_TRACKER_H */
