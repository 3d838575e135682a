/*
 * snapshot_query.c
 *		The commands of a snapshot, and what the server answers.
 */
#include "snapshot_query.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "lsn.h"

/* columns of snapshot_list_text() */
enum
{
	L_OID,
	L_NODE,
	L_NAME,
	L_SCHEMA,
	L_TABLE,
	L_BLOCKS,
	L_ROWS,
	L_RANGED,
	L_XMIN,
	L_STARTED,
	L_KIND,
	L_SORTED,
	L_QUOTED,
	L_LOCKABLE,
	L_WHOLE,
	L_SEEN,
	L_PLACE,
	L_COUNT
};


void
snapshot_create_text(PgText *sql, const Config *cfg, int version,
					 unsigned nonce)
{
	char name[64];

	snprintf(name, sizeof(name), "%.40s_snapshot_%08x", cfg->slot_name, nonce);
	pg_text_add(sql, "CREATE_REPLICATION_SLOT ");
	pg_text_quoted(sql, name, '"');
	pg_text_add(sql, " TEMPORARY LOGICAL \"tuplecast\" %s",
				version < 150000 ? "EXPORT_SNAPSHOT" : "(SNAPSHOT 'export')");
}

void
snapshot_export_text(PgText *sql, const char *barrier)
{
	/* its xmax is behind the last that has ended: whose commit is in the WAL and
	 * waits for a standby may be beyond, and is known by its lock */
	if (barrier[0] == '\0')
	{
		pg_text_add(
			sql,
			"SET client_min_messages = error; SET idle_in_transaction_session_timeout = 0;"
			" SELECT s.xmax + COALESCE((SELECT pg_catalog.max(d.ahead) + 1 FROM"
			" (SELECT (l.transactionid::pg_catalog.text::pg_catalog.int8 - s.xmax %% 4294967296 + 4294967296) %% 4294967296 AS ahead"
			" FROM pg_catalog.pg_locks l WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted) d"
			" WHERE d.ahead < 2147483648), 0),"
			" CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()"
			" ELSE pg_catalog.pg_current_wal_lsn() END"
			" FROM (SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::pg_catalog.text::pg_catalog.int8 AS xmax) s");
		return;
	}
	pg_text_add(
		sql,
		"ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
		" SELECT pg_catalog.pg_export_snapshot(),"
		" pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()) >= ");
	pg_text_quoted(sql, barrier, '\'');
	pg_text_add(sql, "::pg_catalog.xid8");
}

void
snapshot_options_text(PgText *sql, const Config *cfg)
{
	pg_text_add(sql, "ARRAY['wire', '1'");
	for (size_t i = 0; i < cfg->plugin.count; i++)
	{
		pg_text_add(sql, ", ");
		pg_text_quoted(sql, cfg->plugin.items[i].name, '\'');
		pg_text_add(sql, ", ");
		pg_text_quoted(sql, cfg->plugin.items[i].value, '\'');
	}
	pg_text_add(sql, "]");
}

/* What the list names as it stands, no expression, and has no rows to read. */
static void
add_unreadable(PgText *sql, const char *list)
{
	pg_text_add(
		sql,
		" UNION ALL SELECT 0, 0, n.nspname || '.' || c.relname, n.nspname, c.relname, 0, 0, false,"
		" pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()), pg_catalog.now(), c.relkind, '', '', false, false, pg_catalog.pg_current_snapshot(), 0"
		" FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
		" WHERE (c.relkind IN ('v', 'm', 'f', 'p') OR c.relkind = 'r' AND c.relpersistence <> 'p')"
		" AND n.nspname || '.' || c.relname = ANY (SELECT pg_catalog.replace(pg_catalog.replace(pg_catalog.btrim(e), '\\.', '.'), '[.]', '.')"
		" FROM pg_catalog.unnest(pg_catalog.string_to_array(");
	pg_text_quoted(sql, list, '\'');
	pg_text_add(sql, ", ',')) e)");
}

/*
 * A row for each table that holds rows, in the order of table.include.list; and,
 * told by its kind, for what snapshot.include.collection.list names and cannot be read.  Names are those of
 * the snapshot.
 */
void
snapshot_list_text(PgText *sql, const Config *cfg)
{
	const char *list = cfg->snapshot_include;

	pg_text_add(
		sql,
		"SELECT * FROM (SELECT c.oid::pg_catalog.int8, c.relfilenode::pg_catalog.int8, n.nspname || '.' || c.relname, pn.nspname, pc.relname,"
		" pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::pg_catalog.int8,"
		" c.reltuples, a.amname = 'heap' AND pg_catalog.has_table_privilege(c.oid, 'SELECT'),"
		" pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()), pg_catalog.now(), c.relkind,"
		" pn.nspname || '.' || pc.relname, pg_catalog.format('%%I.%%I', n.nspname, c.relname),"
		" pg_catalog.has_table_privilege(c.oid, 'SELECT'), c.reltoastrelid = 0 OR c.relreplident = 'f', pg_catalog.pg_current_snapshot(), p.place"
		" FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
		" JOIN pg_catalog.pg_am a ON a.oid = c.relam,"
		" LATERAL tuplecast.plan(c.oid, ");
	snapshot_options_text(sql, cfg);
	pg_text_add(
		sql,
		") p JOIN pg_catalog.pg_class pc ON pc.oid = p.published"
		" JOIN pg_catalog.pg_namespace pn ON pn.oid = pc.relnamespace"
		" WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.oid >= 16384 AND p.published IS NOT NULL");
	if (list[0] != '\0')
	{
		pg_text_add(
			sql,
			" AND (tuplecast.plan(p.published, ARRAY['topic.prefix', 'x', 'table.include.list', ");
		pg_text_quoted(sql, list, '\'');
		pg_text_add(sql, "])).published IS NOT NULL");
		add_unreadable(sql, list);
	}
	/* one row at least, for the time and the snapshot */
	pg_text_add(
		sql,
		" UNION ALL SELECT 0, 0, '', '', '', 0, 0, false,"
		" pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()), pg_catalog.now(), '-', '', '', false, false, pg_catalog.pg_current_snapshot(), 0)"
		" AS q(oid, node, name, schema, tab, blocks, rows, ranged, xmin, started, kind, sorted, quoted, lockable, whole, seen, place)"
		" ORDER BY place, sorted COLLATE \"C\", oid");
}

/* Whatever is inserted or updated comes with the stream; a publication may leave
 * it out. */
static bool
streams_rows(const Config *cfg)
{
	const char *skipped = config_pair_value(&cfg->plugin, "skipped.operations");
	const char *publication =
		config_pair_value(&cfg->plugin, "publication.name");

	return (publication == NULL || publication[0] == '\0') &&
		   (skipped == NULL || strpbrk(skipped, "cu") == NULL);
}

static bool
is_published(const SnapshotPlan *plan, const char *schema, const char *table)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->tables[i]->listed &&
			strcmp(plan->tables[i]->schema, schema) == 0 &&
			strcmp(plan->tables[i]->table, table) == 0)
			return true;
	return false;
}

/* Rows without an oid are of what the list names and cannot be read. */
static bool
refuse_unreadable(const SnapshotPlan *plan, const PGresult *res, Error *err)
{
	for (int i = 0; i < PQntuples(res); i++)
	{
		char kind = PQgetvalue(res, i, L_KIND)[0];
		const char *name = PQgetvalue(res, i, L_NAME);
		const char *what = kind == 'v'	 ? "a view"
						   : kind == 'm' ? "a materialized view"
						   : kind == 'f' ? "a foreign table"
						   : kind == 'p' ? "a partitioned table"
										 : "an unlogged table";

		if (PQgetvalue(res, i, L_OID)[0] != '0' || kind == '-' ||
			(kind == 'p' && is_published(plan, PQgetvalue(res, i, L_SCHEMA),
										 PQgetvalue(res, i, L_TABLE))))
			continue;
		err_set(
			err, ERR_ENVIRONMENT, "snapshot_relation",
			"snapshot.include.collection.list names %s, which is %s and cannot be read by a snapshot",
			name, what);
		if (kind == 'p')
		{
			err_detail(err,
					   "Its partitions are published under their own names.");
			err_hint(
				err,
				"Name the partitions, or set publish.via.partition.root=true.");
			return false;
		}
		err_detail(
			err,
			"Changes of it are not in the WAL, so its rows would stay as they are now.");
		err_hint(err, "Take it off the list; name the tables behind it.");
		return false;
	}
	return true;
}

static void
warn_unused(const SnapshotPlan *plan, const Config *cfg)
{
	for (size_t o = 0; o < cfg->overrides.count; o++)
	{
		bool used = false;

		for (size_t i = 0; i < plan->count; i++)
			used |= plan->tables[i]->listed &&
					strcmp(plan->tables[i]->name,
						   cfg->overrides.items[o].name) == 0;
		if (!used)
			log_event(
				LOG_WARN,
				"a query of snapshot.select.statement.overrides is of no table that is read",
				F_STR("table", cfg->overrides.items[o].name));
	}
}

bool
snapshot_list_read(SnapshotPlan *plan, const PGresult *res, const Config *cfg,
				   uint64_t lsn, bool exact, char *started, size_t size,
				   Error *err)
{
	if (PQntuples(res) < 1 || PQnfields(res) != L_COUNT)
		return err_set(err, ERR_ENVIRONMENT, "source_reply",
					   "the source answered the question for its tables in a "
					   "form that is not known");
	snprintf(started, size, "%s", PQgetvalue(res, 0, L_STARTED));
	snapshot_plan_begin(
		plan, lsn, (uint32_t) strtoull(PQgetvalue(res, 0, L_XMIN), NULL, 10),
		exact && streams_rows(cfg) ? PQgetvalue(res, 0, L_SEEN) : NULL);
	for (int i = 0; i < PQntuples(res); i++)
	{
		uint32_t oid = (uint32_t) strtoul(PQgetvalue(res, i, L_OID), NULL, 10);
		SnapshotTable *t;
		const char *query;

		if (oid == 0)
			continue;
		t = snapshot_plan_table(
			plan, oid, (uint32_t) strtoul(PQgetvalue(res, i, L_NODE), NULL, 10),
			PQgetvalue(res, i, L_NAME), PQgetvalue(res, i, L_SCHEMA),
			PQgetvalue(res, i, L_TABLE));
		/* snapshot.select.statement.overrides.SCHEMA.TABLE */
		query = config_pair_value(&cfg->overrides, t->name);
		free(t->query);
		t->query = query != NULL ? strdup(query) : NULL;
		t->ranged = query == NULL && PQgetvalue(res, i, L_RANGED)[0] == 't';
		t->blocks = strtoull(PQgetvalue(res, i, L_BLOCKS), NULL, 10);
		t->estimate = strtod(PQgetvalue(res, i, L_ROWS), NULL);
		if (t->restarted)
			log_event(
				LOG_WARN,
				"a table was rewritten since a part of it was read: it is read again from its start",
				F_STR("table", t->name));
		t->whole = PQgetvalue(res, i, L_WHOLE)[0] == 't';
		t->lockable = PQgetvalue(res, i, L_LOCKABLE)[0] == 't';
		free(t->quoted);
		t->quoted = strdup(PQgetvalue(res, i, L_QUOTED));
		if (t->quoted == NULL)
			abort();
	}
	if (!refuse_unreadable(plan, res, err))
		return false;
	warn_unused(plan, cfg);
	return true;
}

/* false: there is none to lock. */
bool
snapshot_lock_text(PgText *sql, const SnapshotPlan *plan)
{
	const char *sep = "LOCK TABLE ";

	for (size_t i = 0; i < plan->count; i++)
	{
		const SnapshotTable *t = plan->tables[i];

		/* of single columns the role may not lock the table */
		if (!t->listed || t->complete || !t->lockable)
			continue;
		pg_text_add(sql, "%sONLY %s", sep, t->quoted);
		sep = ", ";
	}
	if (sql->len > 0)
		pg_text_add(sql, " IN ACCESS SHARE MODE; SELECT 1");
	return sql->len > 0;
}

void
snapshot_copy_text(PgText *sql, const Config *cfg, const SnapshotUnit *unit,
				   uint64_t lsn, const char *started)
{
	const SnapshotTable *t = unit->table;

	pg_text_add(sql, "COPY (SELECT tuplecast.snapshot(%u, ", t->oid);
	snapshot_options_text(sql, cfg);
	pg_text_add(sql, ", '" LSN_FORMAT "', ", LSN_ARGS(lsn));
	pg_text_quoted(sql, started, '\'');
	pg_text_add(sql, ", node => %u", t->node);
	if (t->ranged)
		pg_text_add(sql, ", first => '(%llu,%llu)'",
					(unsigned long long) (unit->span.first >> 16),
					(unsigned long long) (unit->span.first & 0xffff));
	if (t->ranged && unit->span.before != SNAPSHOT_NO_END)
		pg_text_add(sql, ", before => '(%llu,%llu)'",
					(unsigned long long) (unit->span.before >> 16),
					(unsigned long long) (unit->span.before & 0xffff));
	if (t->as_seen)
	{
		pg_text_add(sql, ", visible_in => ");
		pg_text_quoted(sql, t->seen, '\'');
	}
	if (unit->younger != 0)
		pg_text_add(sql, ", younger_than => '%u'", unit->younger);
	if (t->query != NULL)
	{
		pg_text_add(sql, ", query => ");
		pg_text_quoted(sql, t->query, '\'');
	}
	pg_text_add(sql, ")) TO STDOUT (FORMAT binary)");
}
