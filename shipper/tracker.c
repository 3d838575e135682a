/*
 * tracker.c
 *		From acknowledgements of records to the LSN that may be confirmed.
 */
#include "tracker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mutant.h"

#define TRACKER_FIRST_CAP 64

static TrackerTxn *tracker_at(const Tracker *t, uint32_t i);
static void tracker_grow(Tracker *t);
static void tracker_raise(Tracker *t, uint64_t lsn);
static void tracker_open(Tracker *t, int64_t commit_time_us);
static void keep_snapshot(char **place, const char *progress);


void
tracker_init(Tracker *t)
{
	memset(t, 0, sizeof(*t));
	t->head_ticket = 1;
}

void
tracker_free(Tracker *t)
{
	tracker_reset(t);
	free(t->snapshot);
	free(t->ring);
	memset(t, 0, sizeof(*t));
}

void
tracker_use_positions(Tracker *t)
{
	t->positions = true;
}

void
tracker_hold(Tracker *t)
{
	t->held = true;
}

void
tracker_reset(Tracker *t)
{
	for (uint32_t i = 0; i < t->count; i++)
		free(tracker_at(t, i)->snapshot);
	t->head_ticket += t->count;
	t->head = 0;
	t->count = 0;
	t->pending = 0;
	t->released = t->head_ticket;
	/* what is delivered will be told, or found out, anew */
	t->delivered = 0;
	t->open = (RecordId){0, 0, 0};
	keep_snapshot(&t->snapshot, NULL);
}

void
tracker_seed(Tracker *t, uint64_t confirmed_lsn)
{
	tracker_raise(t, confirmed_lsn);
	tracker_durable(t, confirmed_lsn);
}

void
tracker_seed_place(Tracker *t, const TrackerPlace *place)
{
	assert(t->count == 0);
	/* less than before, if somebody else went on from an older position */
	t->confirmable = 0;
	tracker_seed(t, place->end_lsn);
	t->open = place->open;
	keep_snapshot(&t->snapshot, place->snapshot);
}

uint64_t
tracker_begin(Tracker *t, int64_t commit_time_us)
{
	assert(!tracker_is_open(t));
	tracker_open(t, commit_time_us);
	return t->head_ticket + t->count - 1;
}

void
tracker_add(Tracker *t, uint64_t ticket)
{
	assert(tracker_is_open(t) && ticket == t->head_ticket + t->count - 1);
	(void) ticket;
	tracker_at(t, t->count - 1)->pending++;
	t->pending++;
}

bool
tracker_ack(Tracker *t, uint64_t ticket)
{
	TrackerTxn *txn;

	if (ticket < t->head_ticket || ticket - t->head_ticket >= t->count)
		return false;
	txn = tracker_at(t, (uint32_t) (ticket - t->head_ticket));
	if (txn->pending == 0)
		return false;
	txn->pending--;
	t->pending--;
	return true;
}

void
tracker_commit(Tracker *t, uint64_t end_lsn)
{
	TrackerTxn *txn;

	assert(tracker_is_open(t));
	txn = tracker_at(t, t->count - 1);
	txn->end_lsn = end_lsn;
	txn->committed = true;
	if (mutant_is("confirm-early"))
		tracker_raise(t, end_lsn);
}

uint64_t
tracker_cut(Tracker *t, RecordId last)
{
	TrackerTxn *txn;

	assert(tracker_is_open(t));
	txn = tracker_at(t, t->count - 1);
	txn->last = last;
	txn->cut = true;
	tracker_open(t, txn->commit_time_us);
	return t->head_ticket + t->count - 1;
}

void
tracker_snapshot(Tracker *t, const char *progress)
{
	uint32_t n = t->count;

	/* of an open entry nothing is complete */
	if (n > 0 && tracker_is_open(t))
		n--;
	keep_snapshot(n > 0 ? &tracker_at(t, n - 1)->snapshot : &t->snapshot,
				  progress);
}

/*
 * Behind unacknowledged transactions the keepalive's position is merged into
 * the last of them: it becomes confirmable with it, and the ring stays as it
 * is.  Inside a transaction the position says nothing about its commit.
 */
void
tracker_keepalive(Tracker *t, uint64_t wal_end)
{
	TrackerTxn *txn;

	if (t->count == 0)
	{
		tracker_raise(t, wal_end);
		return;
	}
	txn = tracker_at(t, t->count - 1);
	if (txn->committed && txn->end_lsn < wal_end)
		txn->end_lsn = wal_end;
}

bool
tracker_pop(Tracker *t, TrackerTxn *done)
{
	TrackerTxn *txn;

	if (t->count == 0)
		return false;
	txn = tracker_at(t, 0);
	if (!(txn->committed || txn->cut) || txn->pending > 0 ||
		(t->held && t->head_ticket >= t->released))
		return false;
	if (txn->committed)
		tracker_raise(t, txn->end_lsn);
	else
		t->open = txn->last;
	if (txn->snapshot != NULL)
	{
		free(t->snapshot);
		t->snapshot = txn->snapshot;
		txn->snapshot = NULL;
	}
	*done = *txn;
	t->head = (t->head + 1) & (t->cap - 1);
	t->head_ticket++;
	t->count--;
	return true;
}

void
tracker_release(Tracker *t, uint64_t ticket)
{
	if (ticket > t->released)
		t->released = ticket;
}

uint64_t
tracker_next_ticket(const Tracker *t)
{
	return t->head_ticket + t->count - (tracker_is_open(t) ? 1 : 0);
}

TrackerPlace
tracker_delivered(const Tracker *t)
{
	TrackerPlace place = {.end_lsn = t->delivered, .snapshot = t->snapshot};

	if (t->open.end_lsn > t->delivered)
		place.open = t->open;
	return place;
}

void
tracker_durable(Tracker *t, uint64_t end_lsn)
{
	if (end_lsn > t->confirmable)
		t->confirmable = end_lsn;
}

uint64_t
tracker_confirmable(const Tracker *t)
{
	return t->confirmable;
}

uint64_t
tracker_pending(const Tracker *t)
{
	return t->pending;
}

bool
tracker_is_open(const Tracker *t)
{
	return t->count > 0 && !tracker_at(t, t->count - 1)->committed;
}

const TrackerTxn *
tracker_oldest(const Tracker *t)
{
	return t->count > 0 ? tracker_at(t, 0) : NULL;
}

static TrackerTxn *
tracker_at(const Tracker *t, uint32_t i)
{
	return &t->ring[(t->head + i) & (t->cap - 1)];
}

/* Doubles the ring and lays it out from 0. */
static void
tracker_grow(Tracker *t)
{
	uint32_t cap = t->cap > 0 ? t->cap * 2 : TRACKER_FIRST_CAP;
	TrackerTxn *ring;

	/* the sink's queue bounds the ring long before */
	if (cap <= t->cap)
		abort();
	ring = malloc(cap * sizeof(*ring));
	if (ring == NULL)
		abort();
	for (uint32_t i = 0; i < t->count; i++)
		ring[i] = *tracker_at(t, i);
	free(t->ring);
	t->ring = ring;
	t->cap = cap;
	t->head = 0;
}

static void
tracker_raise(Tracker *t, uint64_t lsn)
{
	if (lsn > t->delivered)
		t->delivered = lsn;
	if (!t->positions)
		tracker_durable(t, t->delivered);
}

static void
tracker_open(Tracker *t, int64_t commit_time_us)
{
	if (t->count == t->cap)
		tracker_grow(t);
	*tracker_at(t, t->count++) = (TrackerTxn){.commit_time_us = commit_time_us};
}

static void
keep_snapshot(char **place, const char *progress)
{
	free(*place);
	*place = NULL;
	if (progress != NULL && (*place = strdup(progress)) == NULL)
		abort();
}
