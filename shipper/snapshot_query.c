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
	if (barrier[0] == '\0')
	{
		pg_text_add(
			sql,
			"SET client_min_messages = error; SET idle_in_transaction_session_timeout = 0;"
			" SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot()),"
			" CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()"
			" ELSE pg_catalog.pg_current_wal_lsn() END");
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

/*
 * A row for each table that holds rows; and, told by its kind, for what
 * snapshot.include.collection.list names and cannot be read.  Names are those of
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
		" pn.nspname || '.' || pc.relname, pg_catalog.format('%%I.%%I', n.nspname, c.relname)"
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
	}
	/* one row at least, for the time and the snapshot */
	pg_text_add(
		sql,
		" UNION ALL SELECT 0, 0, '', '', '', 0, 0, false,"
		" pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()), pg_catalog.now(), '-', '', '')"
		" AS q(oid, node, name, schema, tab, blocks, rows, ranged, xmin, started, kind, sorted, quoted)"
		" ORDER BY sorted COLLATE \"C\", oid");
}

bool
snapshot_list_read(SnapshotPlan *plan, const PGresult *res, const Config *cfg,
				   uint64_t lsn, char *started, size_t size, Error *err)
{
	if (PQntuples(res) < 1 || PQnfields(res) != L_COUNT)
		return err_set(err, ERR_ENVIRONMENT, "source_reply",
					   "the source answered the question for its tables in a "
					   "form that is not known");
	snprintf(started, size, "%s", PQgetvalue(res, 0, L_STARTED));
	snapshot_plan_begin(
		plan, lsn, (uint32_t) strtoull(PQgetvalue(res, 0, L_XMIN), NULL, 10));
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
	}
	return true;
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
	if (unit->younger != 0)
		pg_text_add(sql, ", younger_than => '%u'", unit->younger);
	if (t->query != NULL)
	{
		pg_text_add(sql, ", query => ");
		pg_text_quoted(sql, t->query, '\'');
	}
	pg_text_add(sql, ")) TO STDOUT (FORMAT binary)");
}
