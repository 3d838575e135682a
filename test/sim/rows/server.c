/*
 * server.c
 *		The simulated server: rows in versions, transactions that are committed in
 *		one order and seen in another.
 */
#include "rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS 2600

Server db;

static uint32_t new_txn(void);
static void put_log(uint32_t t);
static void make_visible(uint32_t t);


uint32_t
db_blocks(void)
{
	return BLOCKS;
}

uint32_t
db_topic(uint32_t table)
{
	return table == 0 ? 0 : 1;
}

uint32_t
db_topic_of(const Change *c)
{
	if (c->op == 't')
		return c->topic;
	return db_topic(db.versions[c->made != NONE ? c->made : c->old].table);
}

const char *
db_published(uint32_t table)
{
	return table == 0 ? "a" : "p";
}

/* partitions share the keys of their root */
static void
keys_of(uint32_t table, uint32_t *first, uint32_t *count)
{
	*first = table == 2 ? KEYS / 2 : 0;
	*count = table == 0 ? KEYS : KEYS / 2;
}

static uint64_t
free_place(uint32_t table)
{
	for (;;)
	{
		uint64_t place =
			(uint64_t) sim_below(BLOCKS) << 16 | (1 + sim_below(30));
		uint32_t i = 0;

		while (i < db.nversions &&
			   (db.versions[i].table != table || db.versions[i].place != place))
			i++;
		if (i == db.nversions)
			return place;
	}
}

static uint32_t
new_version(uint32_t table, uint32_t key, uint32_t toast, uint32_t txn)
{
	uint64_t place = free_place(table);

	db.versions[db.nversions] = (RowVersion){.table = (uint8_t) table,
											 .key = (uint8_t) key,
											 .toast = toast,
											 .place = place,
											 .maker = txn,
											 .killer = NONE,
											 .truncated = NONE};
	db.current[table][key] = db.nversions;
	return db.nversions++;
}

/* ---- transactions -------------------------------------------------------- */

static void
release(uint32_t t)
{
	for (uint32_t i = 0; i < db.nactive; i++)
		if (db.active[i] == t)
			db.active[i] = db.active[--db.nactive];
	for (uint32_t a = 0; a < TABLES; a++)
	{
		if (db.locked[a] == t)
			db.locked[a] = NONE;
		for (uint32_t k = 0; k < KEYS; k++)
			if (db.owner[a][k] == t)
				db.owner[a][k] = NONE;
	}
	if (db.txns[t].xid > db.latest_xid)
		db.latest_xid = db.txns[t].xid;
}

/* The first numbers of each round mean something else. */
static uint64_t
next_xid(void)
{
	uint64_t xid = db.next_xid;

	if ((uint32_t) xid < 3)
		xid += 3;
	db.next_xid = xid + 1;
	return xid;
}

static uint32_t
new_txn(void)
{
	uint32_t t = db.ntxns++;

	db.txns[t] = (Txn){.state = TXN_RUNNING, .xid = next_xid()};
	db.active[db.nactive++] = t;
	return t;
}

static void
put_log(uint32_t t)
{
	Txn *txn = &db.txns[t];

	txn->state = TXN_LOGGED;
	txn->idle = false;
	/* TRUNCATE gives a table another file */
	for (uint32_t a = 0; a < TABLES; a++)
		db.node[a] += db.locked[a] == t;
	txn->commit_lsn = db.wal_end + 8 + sim_below(200);
	txn->end_lsn = txn->commit_lsn + 0x30;
	db.wal_end = txn->end_lsn;
	db.wal[db.nwal++] = t;
	TRACE("server: commit of %llu, " LSN_FORMAT ", %u changes%s%s",
		  (unsigned long long) txn->xid, LSN_ARGS(txn->end_lsn), txn->count,
		  txn->message[0] != '\0' ? ", a message" : "",
		  txn->signal != NULL ? ", a signal" : "");
}

static void
make_visible(uint32_t t)
{
	TRACE("server: %llu is visible", (unsigned long long) db.txns[t].xid);
	db.txns[t].state = TXN_VISIBLE;
	release(t);
}

static void
untruncate(uint32_t change)
{
	for (uint32_t i = 0; i < db.nversions; i++)
	{
		RowVersion *v = &db.versions[i];

		if (v->truncated != change)
			continue;
		v->killer = v->truncated = NONE;
		db.current[v->table][v->key] = i;
	}
}

static void
roll_back(uint32_t t)
{
	Txn *txn = &db.txns[t];

	while (txn->count > 0)
	{
		const Change *c = &db.changes[txn->changes[--txn->count]];

		if (c->op == 't')
			untruncate(txn->changes[txn->count]);
		if (c->made != NONE)
		{
			RowVersion *v = &db.versions[c->made];

			v->dead = true;
			db.current[v->table][v->key] = NONE;
		}
		if (c->old != NONE)
		{
			RowVersion *v = &db.versions[c->old];

			v->killer = NONE;
			db.current[v->table][v->key] = c->old;
		}
	}
	txn->state = TXN_ABORTED;
	release(t);
}

static bool
is_free(uint32_t table, uint32_t key, uint32_t t)
{
	return (db.owner[table][key] == NONE || db.owner[table][key] == t) &&
		   (db.locked[table] == NONE || db.locked[table] == t);
}

static void
new_change(uint32_t t, char op, uint32_t old, uint32_t made, bool unchanged)
{
	Txn *txn = &db.txns[t];

	db.changes[db.nchanges] =
		(Change){.op = op,
				 .old = old,
				 .made = made,
				 .unchanged = unchanged,
				 .ordinal = (uint8_t) (txn->count * 2 + 1),
				 .txn = t};
	txn->changes[txn->count++] = db.nchanges++;
}

/* Of the table, or of all partitions: nobody else may have a lock there. */
static bool
may_truncate(uint32_t topic, uint32_t t)
{
	for (uint32_t a = 0; a < TABLES; a++)
	{
		if (db_topic(a) != topic)
			continue;
		if (links_lock(a))
			return false;
		for (uint32_t k = 0; k < KEYS; k++)
			if (!is_free(a, k, t))
				return false;
	}
	return true;
}

static void
truncate_topic(uint32_t t)
{
	uint32_t topic = sim_below(TOPICS);
	uint32_t change = db.nchanges;

	if (!may_truncate(topic, t))
		return;
	TRACE("server: %llu truncates %s", (unsigned long long) db.txns[t].xid,
		  topic == 0 ? "a" : "p");
	new_change(t, 't', NONE, NONE, false);
	db.changes[change].topic = topic;
	db.changes[change].bound = db.nversions;
	for (uint32_t a = 0; a < TABLES; a++)
	{
		if (db_topic(a) != topic)
			continue;
		db.locked[a] = t;
		for (uint32_t k = 0; k < KEYS; k++)
		{
			uint32_t v = db.current[a][k];

			if (v == NONE)
				continue;
			db.versions[v].killer = t;
			db.versions[v].truncated = change;
			db.current[a][k] = NONE;
		}
	}
	totals.truncates++;
}

static void
change_row(uint32_t t)
{
	uint32_t table = sim_below(TABLES);
	uint32_t first;
	uint32_t count;
	uint32_t key;
	uint32_t old;
	uint32_t toast;
	bool same;

	if (db.txns[t].count == TXN_CHANGES || db.nchanges == MAX_CHANGES ||
		db.nversions + 1 >= MAX_VERSIONS)
		return;
	if (sim_truncates && sim_once_in(12))
	{
		truncate_topic(t);
		return;
	}
	keys_of(table, &first, &count);
	key = first + sim_below(count);
	if (!is_free(table, key, t))
		return;
	old = db.current[table][key];
	db.owner[table][key] = t;
	if (old == NONE)
	{
		new_change(t, 'c', NONE, new_version(table, key, ++db.toasts, t),
				   false);
		return;
	}
	same = !sim_once_in(3);
	toast = same ? db.versions[old].toast : ++db.toasts;
	db.versions[old].killer = t;
	if (sim_once_in(4))
	{
		db.current[table][key] = NONE;
		new_change(t, 'd', old, NONE, false);
		return;
	}
	if (sim_once_in(6))
	{
		uint32_t other = first + sim_below(count);

		if (db.current[table][other] == NONE && is_free(table, other, t))
		{
			db.current[table][key] = NONE;
			db.owner[table][other] = t;
			new_change(t, 'k', old, new_version(table, other, ++db.toasts, t),
					   false);
			return;
		}
	}
	new_change(t, 'u', old, new_version(table, key, toast, t),
			   same && !db.whole[table]);
}

static void
step_txn(uint32_t t)
{
	Txn *txn = &db.txns[t];

	if (txn->state == TXN_LOGGED)
	{
		if (sim_once_in(txn->stalled ? 30 : 3))
			make_visible(t);
		return;
	}
	switch (sim_below(8))
	{
		case 0:
			if (!sim_once_in(3))
				break;
			TRACE("server: %llu is rolled back", (unsigned long long) txn->xid);
			roll_back(t);
			break;
		case 1:
		case 2:
			if (txn->count == 0)
				break;
			txn->stalled = sim_once_in(8);
			put_log(t);
			break;
		case 3:
			txn->idle = !txn->idle;
			break;
		default:
			if (!txn->idle)
				change_row(t);
	}
}

/* a small number in its place is kept, for what must come through */
void
db_step(void)
{
	if (sim_once_in(4))
		db.wal_end += sim_once_in(10) ? 5000 : 8 + sim_below(100);
	if (db.nactive < MAX_ACTIVE - 1 && db.ntxns + 800 < MAX_TXNS &&
		db.nversions + 100 < MAX_VERSIONS && sim_once_in(2))
		(void) new_txn();
	if (db.nactive > 0)
		step_txn(db.active[sim_below(db.nactive)]);
	if (sim_once_in(20))
		db.slot_saved = db.slot_lsn;
}

void
db_settle(void)
{
	while (db.nactive > 0)
	{
		uint32_t t = db.active[0];

		if (db.txns[t].state == TXN_RUNNING && db.txns[t].count > 0 &&
			sim_once_in(2))
			put_log(t);
		if (db.txns[t].state == TXN_LOGGED)
			make_visible(t);
		else
			roll_back(t);
	}
}

/* What is in the WAL is visible behind it, what is not is gone; of the slot
 * what was confirmed since the last checkpoint is forgotten. */
void
db_crash(void)
{
	TRACE("server: crash, slot " LSN_FORMAT " -> " LSN_FORMAT,
		  LSN_ARGS(db.slot_lsn), LSN_ARGS(db.slot_saved));
	while (db.nactive > 0)
		if (db.txns[db.active[0]].state == TXN_LOGGED)
			make_visible(db.active[0]);
		else
			roll_back(db.active[0]);
	db.slot_lsn = db.slot_saved;
	links_drop_stream();
	links_drop_round();
	links_drop_second();
	totals.crashes++;
}

void
db_move_slot(void)
{
	if (!db.slot || cluster.position == NULL ||
		db.wal_end <= cluster.parsed.end_lsn || process_is_up())
		return;
	for (uint32_t i = 0; i < db.nwal; i++)
	{
		Txn *t = &db.txns[db.wal[i]];

		if (t->end_lsn <= cluster.parsed.end_lsn)
			continue;
		t->missed = true;
		/* a request that nobody has seen */
		if (t->signal != NULL && t->id[0] == 'r')
			sim_requests[atoi(t->id + 1)].stopped = true;
	}
	TRACE("server: the slot is moved to " LSN_FORMAT, LSN_ARGS(db.wal_end));
	db.slot_lsn = db.slot_saved = db.wal_end;
	cluster.checked = db.nwal;
	sim_gap = true;
	totals.gaps++;
}

/* a transaction of its own, visible at once */
static uint32_t
alone(void)
{
	uint32_t t;

	HOLDS("I8", db.ntxns < MAX_TXNS, "the episode is too long");
	t = db.ntxns++;
	db.txns[t] = (Txn){.state = TXN_RUNNING, .xid = next_xid()};
	return t;
}

uint32_t
db_message(const char *content)
{
	uint32_t t = alone();

	snprintf(db.txns[t].message, sizeof(db.txns[t].message), "%s", content);
	put_log(t);
	make_visible(t);
	return t;
}

uint32_t
db_signal(const char *type, const char *id, const char *data)
{
	uint32_t t = alone();

	db.txns[t].signal = type;
	db.txns[t].data = data;
	snprintf(db.txns[t].id, sizeof(db.txns[t].id), "%s", id);
	put_log(t);
	TRACE("server: signal %s %s %s", type, id, data);
	make_visible(t);
	return t;
}

void
db_rewrite(uint32_t table)
{
	for (uint32_t k = 0; k < KEYS; k++)
		if (!is_free(table, k, NONE))
			return;
	if (links_lock(table))
		return;
	TRACE("server: table %u is rewritten", table);
	db.node[table]++;
	for (uint32_t i = 0; i < db.nversions; i++)
		if (db.versions[i].table == table)
			db.versions[i].place = free_place(table);
	sim_rewritten = true;
	totals.rewrites++;
}

void
db_begin(void)
{
	uint32_t t;

	db.nversions = db.nchanges = db.ntxns = db.nwal = db.nactive = 0;
	db.toasts = db.requests = db.signals = 0;
	db.wal_end = 0x1000 + sim_below(1000);
	db.next_xid = sim_once_in(3) ? (UINT64_C(1) << 32) - 1 - sim_below(60)
								 : 700 + sim_below(100);
	db.latest_xid = db.next_xid - 1;
	db.slot = false;
	for (uint32_t a = 0; a < TABLES; a++)
	{
		db.node[a] = 1;
		db.locked[a] = NONE;
		db.whole[a] = a == 2 ? db.whole[1] : sim_once_in(2);
		db.ranged[a] = !sim_once_in(6);
		for (uint32_t k = 0; k < KEYS; k++)
			db.current[a][k] = db.owner[a][k] = NONE;
	}
	/* what is there before anybody looks */
	t = new_txn();
	for (uint32_t a = 0; a < TABLES; a++)
	{
		uint32_t first;
		uint32_t count;

		keys_of(a, &first, &count);
		for (uint32_t k = first; k < first + count; k++)
			if (!sim_once_in(3))
				(void) new_version(a, k, ++db.toasts, t);
	}
	put_log(t);
	make_visible(t);
	db.nwal = 0;
}
