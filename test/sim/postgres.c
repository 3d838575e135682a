/*
 * postgres.c
 *		The simulated server: WAL, a slot, one session, crashes, failovers.
 */
#include "sim.h"

#include <string.h>

#include "lsn.h"

SimServer pg;

void
pg_begin(void)
{
	/* the arrays are overwritten as they are used */
	pg.ntxns = pg.nrecords = pg.nwal = 0;
	pg.wal_end = 0x1000 + sim_below(1000);
	pg.timeline = 1;
	pg.history.known = true;
	pg.history.count = 0;
	pg.slot_lsn = pg.slot_saved = pg.slot_synced = pg.wal_end;
	pg.owner = NOBODY;
	pg.session = 0;
	pg.sent_lsn = 0;
	pg.socket_count = 0;
	pg.slot_moved = pg.failed_over = false;
}

static void
new_record(SimTxn *t, uint64_t ordinal, uint8_t part, bool last_part)
{
	SimRecord *r = &pg.records[pg.nrecords++];

	*r = (SimRecord){.txn = (uint32_t) (t - pg.txns),
					 .ordinal = ordinal,
					 .part = part,
					 .last_part = last_part,
					 .partition = (uint8_t) sim_below(PARTITIONS),
					 .key = (uint8_t) sim_below(8)};
	t->count++;
}

/* Ordinals have gaps, where changes were filtered; a change has up to three
 * parts. */
void
pg_new_transaction(void)
{
	uint32_t changes = sim_once_in(15) ? 1 + sim_below(60) : 1 + sim_below(4);
	uint64_t ordinal = 0;
	SimTxn *t;

	if (pg.ntxns == MAX_TXNS || pg.nrecords + changes * 3 > MAX_RECORDS)
		return;
	t = &pg.txns[pg.ntxns];
	*t = (SimTxn){.first = pg.nrecords};
	t->commit_lsn = pg.wal_end + 8 + sim_below(300);
	t->end_lsn = t->commit_lsn + 0x30;
	while (changes-- > 0)
	{
		uint8_t parts = sim_once_in(4) ? (uint8_t) (1 + sim_below(3)) : 1;

		ordinal += sim_once_in(4) ? 1 + sim_below(9) : 1;
		for (uint8_t part = 0; part < parts; part++)
			new_record(t, ordinal, part, part + 1 == parts);
	}
	pg.wal_end = t->end_lsn;
	pg.wal[pg.nwal++] = pg.ntxns++;
	TRACE("server: commit " LSN_FORMAT ", %u records", LSN_ARGS(t->end_lsn),
		  t->count);
}

void
pg_other_wal(void)
{
	pg.wal_end += sim_once_in(10) ? 5000 : 8 + sim_below(100);
}

void
pg_checkpoint(void)
{
	pg.slot_saved = pg.slot_lsn;
}

void
pg_sync_standby(void)
{
	pg.slot_synced = pg.slot_lsn;
}

void
pg_drop_session(void)
{
	if (pg.owner == NOBODY)
		return;
	TRACE("server: session of shipper %d is gone", pg.owner);
	shipper_session_lost(pg.owner);
	pg.owner = NOBODY;
}

/* What was confirmed since the last checkpoint is forgotten. */
void
pg_crash(void)
{
	TRACE("server: crash, slot " LSN_FORMAT " -> " LSN_FORMAT,
		  LSN_ARGS(pg.slot_lsn), LSN_ARGS(pg.slot_saved));
	pg_drop_session();
	pg.slot_lsn = pg.slot_saved;
	totals.crashes++;
}

/* safe: the standby had all that was sent (synchronized_standby_slots). */
void
pg_fail_over(bool safe)
{
	uint32_t keep = pg.nwal;
	uint32_t from;
	uint64_t fork;

	if (pg.history.count == MAX_BRANCHES)
		return;
	while (keep > 0 && !sim_once_in(3) &&
		   !(safe && pg.txns[pg.wal[keep - 1]].end_lsn <= pg.sent_lsn))
		keep--;
	fork = keep > 0 ? pg.txns[pg.wal[keep - 1]].end_lsn : 0x1000;
	if (keep == pg.nwal)
		fork = pg.wal_end;
	if (safe && fork < pg.sent_lsn)
		fork = pg.sent_lsn;
	/* nor did it lack what its slot was confirmed to */
	if (fork < pg.slot_synced || (safe && fork < pg.slot_lsn))
		return;
	pg_drop_session();
	for (uint32_t i = keep; i < pg.nwal; i++)
		pg.txns[pg.wal[i]].lost = true;
	pg.nwal = keep;
	/* one that is so far behind has not come to the later branches, and knows
	 * nothing of them */
	from = pg.timeline;
	while (pg.history.count > 0 &&
		   pg.history.items[pg.history.count - 1].end_lsn > fork)
		from = pg.history.items[--pg.history.count].timeline;
	pg.history.items[pg.history.count].timeline = from;
	pg.history.items[pg.history.count++].end_lsn = fork;
	pg.timeline++;
	pg.wal_end = fork;
	pg.slot_lsn = pg.slot_saved = pg.slot_synced;
	if (pg.sent_lsn > fork)
		pg.sent_lsn = fork;
	pg.failed_over = true;
	totals.failovers++;
	TRACE("server: %s failover to timeline %u at " LSN_FORMAT
		  ", slot " LSN_FORMAT,
		  safe ? "safe" : "careless", pg.timeline, LSN_ARGS(fork),
		  LSN_ARGS(pg.slot_lsn));
}

/* Somebody advances the slot over changes that nobody has. */
bool
pg_move_slot(void)
{
	if (pg.owner != NOBODY || kafka.position.generation == 0 ||
		pg.wal_end <= kafka.position.end_lsn || pg.slot_lsn >= pg.wal_end)
		return false;
	/* what a shipper that lives will still write may be beyond it */
	for (int i = 0; i < SHIPPERS; i++)
		if (shippers[i].state != DOWN)
			return false;
	TRACE("server: the slot is moved to " LSN_FORMAT, LSN_ARGS(pg.wal_end));
	pg.slot_lsn = pg.slot_saved = pg.slot_synced = pg.wal_end;
	pg.slot_moved = true;
	return true;
}

static bool
push(SimMessage m)
{
	if (pg.socket_count == SOCKET_MAX)
		return false;
	pg.socket[(pg.socket_head + pg.socket_count++) % SOCKET_MAX] = m;
	return true;
}

bool
pg_connect(int shipper)
{
	if (pg.owner != NOBODY)
		return false;
	pg.owner = shipper;
	pg.session++;
	pg.socket_head = pg.socket_count = 0;
	pg.greeting = 0;
	pg.sent = 0;
	/* whole transactions whose commit is not before the slot's place */
	for (pg.next = 0; pg.next < pg.nwal &&
					  pg.txns[pg.wal[pg.next]].commit_lsn < pg.slot_lsn;)
		pg.next++;
	TRACE("server: shipper %d streams from " LSN_FORMAT, shipper,
		  LSN_ARGS(pg.slot_lsn));
	return true;
}

static bool
send_keepalive(void)
{
	uint64_t low = pg.slot_lsn;
	uint64_t high = pg.wal_end;
	SimMessage m = {.kind = MSG_KEEPALIVE, .urgent = sim_once_in(8)};

	if (pg.next > 0 && pg.txns[pg.wal[pg.next - 1]].end_lsn > low)
		low = pg.txns[pg.wal[pg.next - 1]].end_lsn;
	/* never beyond the commit that is next, or being sent */
	if (pg.next < pg.nwal)
		high = pg.txns[pg.wal[pg.next]].commit_lsn;
	if (low > high)
		return false;
	m.lsn =
		sim_once_in(2) ? high : low + sim_below((uint32_t) (high - low) + 1);
	if (!push(m))
		return false;
	/* the standby has the WAL that is spoken of */
	if (m.lsn > pg.sent_lsn)
		pg.sent_lsn = m.lsn;
	return true;
}

bool
pg_send(bool keepalive)
{
	SimMessage m = {.kind = MSG_FRAME};
	const SimTxn *t;

	if (pg.owner == NOBODY)
		return false;
	if (keepalive)
		return send_keepalive();
	if (pg.next == pg.nwal)
		return false;
	if (pg.greeting < 2)
	{
		m.frame = pg.greeting == 0 ? WIRE_HELLO : WIRE_STREAM;
		if (!push(m))
			return false;
		pg.greeting++;
		return true;
	}
	m.txn = pg.wal[pg.next];
	t = &pg.txns[m.txn];
	m.frame = pg.sent == 0			? WIRE_BEGIN
			  : pg.sent <= t->count ? WIRE_RECORD
									: WIRE_COMMIT;
	m.record = t->first + pg.sent - 1;
	if (!push(m))
		return false;
	/* what is sent may get into Kafka at once */
	if (t->end_lsn > pg.sent_lsn)
		pg.sent_lsn = t->end_lsn;
	if (m.frame == WIRE_COMMIT)
	{
		pg.next++;
		pg.sent = 0;
	}
	else
		pg.sent++;
	return true;
}

/* A lost session's bytes may still be read, until somebody connects. */
bool
pg_receive(int shipper, SimMessage *out)
{
	if (shippers[shipper].session != pg.session || pg.socket_count == 0)
		return false;
	*out = pg.socket[pg.socket_head];
	pg.socket_head = (pg.socket_head + 1) % SOCKET_MAX;
	pg.socket_count--;
	return true;
}

void
pg_confirm(int shipper, uint64_t lsn)
{
	if (pg.owner != shipper || shippers[shipper].session != pg.session)
		return;
	HOLDS("I6", lsn <= pg.wal_end,
		  "confirmed " LSN_FORMAT ", but the server is at " LSN_FORMAT,
		  LSN_ARGS(lsn), LSN_ARGS(pg.wal_end));
	HOLDS("I6",
		  lsn <= kafka.position_max || lsn <= shippers[shipper].slot_at_start,
		  "confirmed " LSN_FORMAT ", but the durable position is " LSN_FORMAT,
		  LSN_ARGS(lsn), LSN_ARGS(kafka.position_max));
	for (uint32_t i = pg.nwal; i > 0; i--)
	{
		const SimTxn *t = &pg.txns[pg.wal[i - 1]];

		if (t->end_lsn <= pg.slot_lsn)
			break;
		HOLDS("I1", t->end_lsn > lsn || t->delivered == t->count,
			  "confirmed " LSN_FORMAT
			  ", but of the transaction that ends at " LSN_FORMAT
			  " %u of %u records are delivered",
			  LSN_ARGS(lsn), LSN_ARGS(t->end_lsn), t->delivered, t->count);
	}
	if (lsn > pg.slot_lsn)
	{
		TRACE("server: confirmed " LSN_FORMAT, LSN_ARGS(lsn));
		pg.slot_lsn = lsn;
	}
}

/* of the WAL as it is now */
const SimTxn *
pg_find(uint64_t end_lsn)
{
	for (uint32_t i = pg.nwal; i > 0; i--)
		if (pg.txns[pg.wal[i - 1]].end_lsn == end_lsn)
			return &pg.txns[pg.wal[i - 1]];
	return NULL;
}

bool
pg_in_history(uint32_t timeline)
{
	for (int h = 0; h < pg.history.count; h++)
		if (pg.history.items[h].timeline == timeline)
			return true;
	return timeline == pg.timeline;
}
