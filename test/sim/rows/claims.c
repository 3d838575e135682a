/*
 * claims.c
 *		What a position claims to be in the logs is there.
 */
#include "rows.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>


static json_t *
table_named(const json_t *progress, uint32_t table)
{
	json_t *t;
	size_t i;

	json_array_foreach(json_object_get(progress, "tables"), i, t)
	{
		const char *name = json_string_value(json_object_get(t, "table"));

		if (json_object_get(t, "oid") != NULL
				? json_integer_value(json_object_get(t, "oid")) ==
					  (json_int_t) OID_OF(table)
				: name != NULL && strcmp(name, db_published(table)) == 0)
			return t;
	}
	return NULL;
}

/* Of the partitions of a topic the oldest. */
static uint64_t
floor_of(const json_t *progress, uint32_t topic)
{
	uint64_t floor = 0;

	for (uint32_t a = 0; a < TABLES; a++)
	{
		uint64_t lsn = (uint64_t) json_integer_value(
			json_object_get(table_named(progress, a), "lsn"));

		if (db_topic(a) == topic && lsn != 0 && (floor == 0 || lsn < floor))
			floor = lsn;
	}
	return floor;
}

/* All changes before it are in the logs, but those that are in a snapshot. */
static void
check_changes(const Position *p, const json_t *progress)
{
	uint64_t floors[TOPICS] = {floor_of(progress, 0), floor_of(progress, 1)};

	for (uint32_t i = cluster.checked; i < db.nwal; i++)
	{
		const Txn *txn = &db.txns[db.wal[i]];

		if (txn->end_lsn > p->end_lsn && txn->end_lsn != p->open.end_lsn)
			break;
		for (uint32_t n = 0; n < txn->count; n++)
		{
			const Change *c = &db.changes[txn->changes[n]];
			uint8_t parts = c->op == 'k' ? 7 : c->op == 'd' ? 3 : 1;

			if (txn->end_lsn > p->end_lsn && c->ordinal > p->open.ordinal)
				break;
			/* progress of an incremental snapshot does not wait for the rest
			 * of a change; a Kafka transaction does */
			if (txn->end_lsn > p->end_lsn && c->ordinal == p->open.ordinal &&
				!cluster.exactly_once)
				parts &= (uint8_t) ((2 << p->open.part) - 1);
			HOLDS("I1",
				  (c->delivered & parts) == parts ||
					  txn->commit_lsn < floors[db_topic_of(c)],
				  "the position is " LSN_FORMAT
				  ", but change %u of the transaction that ends at " LSN_FORMAT
				  " is not in the log",
				  LSN_ARGS(p->end_lsn), c->ordinal, LSN_ARGS(txn->end_lsn));
		}
		if (txn->end_lsn <= p->end_lsn)
			cluster.checked = i + 1;
	}
}

static bool
is_done(const json_t *t, uint32_t table, uint64_t place)
{
	const json_t *pair;
	size_t i;

	if (json_is_true(json_object_get(t, "complete")))
		return true;
	if (json_integer_value(json_object_get(t, "node")) !=
		(json_int_t) db.node[table])
		return false;
	json_array_foreach(json_object_get(t, "done"), i, pair)
	{
		uint64_t first = (uint64_t) json_integer_value(json_array_get(pair, 0));

		if (place >= first &&
			(json_array_size(pair) < 2 ||
			 place < (uint64_t) json_integer_value(json_array_get(pair, 1))))
			return true;
	}
	return false;
}

/* Of what the snapshot is said to have read, all that has not changed since is
 * in the log as a row. */
static void
check_snapshot(const json_t *progress)
{
	if (json_object_get(progress, "state") == NULL)
		return;
	for (uint32_t a = 0; a < TABLES; a++)
	{
		const json_t *t = table_named(progress, a);
		uint64_t lsn = (uint64_t) json_integer_value(json_object_get(t, "lsn"));

		for (uint32_t i = 0; t != NULL && i < db.nversions; i++)
		{
			const RowVersion *v = &db.versions[i];

			if (v->table != a || v->dead || !db_committed(v->maker) ||
				db.txns[v->maker].commit_lsn >= lsn ||
				(v->killer != NONE && db_committed(v->killer)) ||
				!is_done(t, a, v->place))
				continue;
			HOLDS("I14", v->rows > 0,
				  "the progress has key %u of table %u, version %u, the log "
				  "has not",
				  v->key, a, i);
		}
	}
}

static bool
is_requeued(const json_t *t, uint32_t key)
{
	const json_t *k;
	size_t i;

	json_array_foreach(json_object_get(t, "requeue"), i, k)
	{
		const char *text = json_string_value(json_array_get(k, 0));

		if (text != NULL && (uint32_t) atoi(text) == key)
			return true;
	}
	return false;
}

/* Up to the last key that is said to be published, the log has each row that
 * the position covers, with all its values. */
static void
check_incremental(const Position *p, const json_t *progress)
{
	const json_t *t;
	size_t i;

	json_array_foreach(
		json_object_get(json_object_get(progress, "incremental"), "tables"), i,
		t)
	{
		uint32_t a = (uint32_t) json_integer_value(json_object_get(t, "oid")) -
					 OID_OF(0);
		const char *last =
			json_string_value(json_array_get(json_object_get(t, "last"), 0));

		for (uint32_t k = 0; last != NULL && k <= (uint32_t) atoi(last); k++)
		{
			uint32_t v = db_state_at(a, k, p->end_lsn);
			const Known *known = &cluster.model[db_topic(a)][k];

			/* what is in a gap the other snapshot brings */
			if (v == NONE || is_requeued(t, k) ||
				db.txns[db.versions[v].maker].missed)
				continue;
			/* what is behind the position may be in the log, too, and then the
			 * way to it a second time */
			if (db.versions[v].killer != NONE &&
				(!cluster.exactly_once || p->open.end_lsn != 0))
				continue;
			if (known->present && known->version > v)
				continue;
			HOLDS("I14",
				  known->present && known->version >= v && known->toast != 0,
				  "the progress is beyond key %u of table %u, but %s", k, a,
				  !known->present	   ? "the log has no row of it"
				  : known->version < v ? "the log has an old row of it"
									   : "the log lacks a value of it");
		}
	}
}

void
claims_check(const Position *p)
{
	json_t *progress =
		p->snapshot != NULL ? json_loads(p->snapshot, 0, NULL) : NULL;

	HOLDS("I6", p->end_lsn <= db.wal_end, "a position beyond the WAL");
	check_changes(p, progress);
	check_snapshot(progress);
	check_incremental(p, progress);
	json_decref(progress);
}
