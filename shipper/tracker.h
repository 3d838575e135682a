/*
 * tracker.h
 *		From acknowledgements of records to the LSN that may be confirmed.
 *
 * Pure arithmetic: no I/O, no clock.  A ring holds the transactions that are
 * not fully acknowledged, oldest first; a record's ticket names its
 * transaction.  The confirmable LSN is the end of the oldest unbroken run of
 * transactions all of whose records are acknowledged.  It never moves back.
 */
#ifndef TUPLECAST_TRACKER_H
#define TUPLECAST_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

typedef struct TrackerTxn
{
	uint64_t end_lsn; /* of the commit, or of a keepalive after it */
	int64_t commit_time_us;
	uint32_t pending; /* records put but not acknowledged */
	bool committed;	  /* nothing will be added */
} TrackerTxn;

typedef struct Tracker
{
	TrackerTxn *ring;
	uint32_t cap; /* a power of two, or 0 */
	uint32_t head;
	uint32_t count;
	uint64_t head_ticket; /* ticket of ring[head] */
	uint64_t pending;	  /* of all transactions */
	uint64_t confirmable;
} Tracker;

extern void tracker_init(Tracker *t);
extern void tracker_free(Tracker *t);
/* Forgets all transactions; what is confirmable stays so.  Tickets given out
 * before are unknown from now on. */
extern void tracker_reset(Tracker *t);
/* What the slot has confirmed already. */
extern void tracker_seed(Tracker *t, uint64_t confirmed_lsn);

/* Opens a transaction; the one before must be committed.  Returns its ticket. */
extern uint64_t tracker_begin(Tracker *t, int64_t commit_time_us);
/* One more record of the open transaction: only after the sink took it. */
extern void tracker_add(Tracker *t, uint64_t ticket);
/* false: no such record is outstanding. */
extern bool tracker_ack(Tracker *t, uint64_t ticket) MUST_CHECK;
/* The open transaction is complete. */
extern void tracker_commit(Tracker *t, uint64_t end_lsn);
/* The server has nothing before wal_end that was not sent.  Counts when no
 * transaction is open; behind those not yet acknowledged. */
extern void tracker_keepalive(Tracker *t, uint64_t wal_end);

/* Takes the oldest transaction off if it is complete and acknowledged. */
extern bool tracker_pop(Tracker *t, TrackerTxn *done);
extern uint64_t tracker_confirmable(const Tracker *t);
extern uint64_t tracker_pending(const Tracker *t);
/* Whether a transaction is begun but not committed. */
extern bool tracker_is_open(const Tracker *t);
/* The oldest transaction, or NULL. */
extern const TrackerTxn *tracker_oldest(const Tracker *t);

#endif /* TUPLECAST_TRACKER_H */
