/*
 * check_slot.c
 *		The replication slot, the room for it and the WAL that slots keep.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "source_slot.h"

/* a slot that is behind by more than this is worth a word */
#define MUCH_WAL ((int64_t) 1 << 30)

/* to_jsonb: columns that only newer servers have are null on older ones */
static const char slots_query[] =
	"SELECT current_setting('max_replication_slots')::int8 AS slots_max,"
	" (SELECT count(*) FROM pg_replication_slots) AS slots_used,"
	" current_setting('max_wal_senders') AS senders_max,"
	" current_database() AS database";

static const char own_query[] =
	"SELECT s.plugin, s.slot_type, s.database, s.active, s.active_pid,"
	" s.wal_status, s.safe_wal_size, to_jsonb(s)->>'invalidation_reason' AS reason,"
	" s.confirmed_flush_lsn AS confirmed,"
	" pg_wal_lsn_diff(%s, s.restart_lsn)::int8 AS retained,"
	" pg_wal_lsn_diff(%s, s.confirmed_flush_lsn)::int8 AS behind"
	" FROM pg_replication_slots s WHERE s.slot_name = ";

static const char others_query[] =
	"SELECT count(*) AS n,"
	" string_agg(format('\"%%s\" (%%s)', slot_name,"
	"  coalesce(pg_size_pretty(pg_wal_lsn_diff(%s, restart_lsn)), 'its WAL is lost')), ', '"
	"  ORDER BY restart_lsn) AS names,"
	" string_agg(format('SELECT pg_drop_replication_slot(%%L); -- if nobody needs it', slot_name),"
	"  E'\\n' ORDER BY restart_lsn) AS repair"
	" FROM pg_replication_slots WHERE NOT active AND NOT temporary AND slot_name <> ";

static void query_own(Check *c, PgText *sql);
static void judge_own(Check *c, const PGresult *res, const char *database);
static void judge_lost(Check *c, const PGresult *res);
static void judge_wal(Check *c, const PGresult *res);
static void check_headroom(Check *c, const PGresult *counts);
static void check_replication_connection(Check *c);
static void check_others(Check *c);


/* A standby has no current position. */
static const char *
wal_position(const Check *c)
{
	return c->in_recovery ? "pg_last_wal_replay_lsn()" : "pg_current_wal_lsn()";
}

void
check_slot(Check *c)
{
	PgText sql = {0};
	PGresult *counts;
	PGresult *own;
	Error err;

	query_own(c, &sql);
	counts = check_query(&c->source, slots_query, &err);
	own = counts != NULL ? check_query(&c->source, sql.data, &err) : NULL;
	free(sql.data);
	if (own == NULL)
	{
		findings_error(c->findings, FIND_slot, &err);
		PQclear(counts);
		return;
	}
	c->slots_free = (int) (check_number(counts, "slots_max") -
						   check_number(counts, "slots_used"));
	c->slot_exists = PQntuples(own) == 1;
	c->slot_active = c->slot_exists && check_is_true(own, "active");
	judge_own(c, own, check_field(counts, "database"));
	check_headroom(c, counts);
	check_replication_connection(c);
	check_others(c);
	PQclear(own);
	PQclear(counts);
}

static void
query_own(Check *c, PgText *sql)
{
	pg_text_add(sql, own_query, wal_position(c), wal_position(c));
	pg_text_quoted(sql, c->cfg->slot_name, '\'');
}

/* ---- our slot -------------------------------------------------------------- */

static void
judge_plugin(Check *c, const char *plugin)
{
	PgText repair = {0};

	pg_text_add(&repair,
				"tuplecast run --slot.name NEW, a slot of its own; or, to take "
				"over at its position: tuplecast init --from-slot %s "
				"--slot.name NEW, then tuplecast run --slot.name NEW\n"
				"or, if nobody needs it: SELECT pg_drop_replication_slot(",
				c->cfg->slot_name);
	pg_text_quoted(&repair, c->cfg->slot_name, '\'');
	pg_text_add(&repair, ");");
	findings_bad(c->findings, FIND_slot, repair.data,
				 "the slot \"%s\" exists with the output plugin \"%s\"; a slot "
				 "keeps its plugin, and may still serve another program",
				 c->cfg->slot_name, plugin);
	free(repair.data);
}

static void
judge_own(Check *c, const PGresult *res, const char *database)
{
	const char *plugin = check_field(res, "plugin");
	const char *name = c->cfg->slot_name;

	if (!c->slot_exists)
	{
		findings_ok(c->findings, FIND_slot,
					"\"%s\" does not exist yet: run makes it, and changes from "
					"then on are published",
					name);
		findings_ok(c->findings, FIND_slot_wal, "none: there is no slot yet");
		return;
	}
	if (strcmp(plugin, "tuplecast") != 0)
		judge_plugin(c, plugin[0] != '\0' ? plugin
										  : check_field(res, "slot_type"));
	else if (strcmp(check_field(res, "database"), database) != 0)
		findings_bad(c->findings, FIND_slot,
					 "Choose another slot.name (names are of the whole "
					 "server), or connect to the slot's database.",
					 "the slot \"%s\" belongs to the database \"%s\", not to "
					 "\"%s\"",
					 name, check_field(res, "database"), database);
	else if (strcmp(check_field(res, "wal_status"), "lost") == 0 ||
			 check_field(res, "reason")[0] != '\0')
		judge_lost(c, res);
	else
	{
		c->slot_ours = true;
		if (c->slot_active)
			findings_ok(c->findings, FIND_slot,
						"\"%s\" is in use by process %s: a tuplecast that "
						"runs; a second one would wait to take over",
						name, check_field(res, "active_pid"));
		else
			findings_ok(c->findings, FIND_slot, "\"%s\" exists, confirmed %s%s",
						name, check_field(res, "confirmed"),
						check_number(res, "behind") > MUCH_WAL
							? "; there is much to catch up with"
							: "");
	}
	judge_wal(c, res);
}

static void
judge_lost(Check *c, const PGresult *res)
{
	const char *reason = check_field(res, "reason");
	PgText repair = {0};
	Error err;

	pg_text_add(&repair, "SELECT pg_drop_replication_slot(");
	pg_text_quoted(&repair, c->cfg->slot_name, '\'');
	pg_text_add(&repair,
				"); -- run then makes a new one; bring the data in line");
	slot_lost_error(&err, c->cfg, reason);
	findings_bad(c->findings, FIND_slot, repair.data,
				 "%s: the changes since its position are gone", err.text);
	free(repair.data);
}

static void
judge_wal(Check *c, const PGresult *res)
{
	const char *status = check_field(res, "wal_status");
	int64_t retained = check_number(res, "retained");
	bool limited = check_field(res, "safe_wal_size")[0] != '\0';
	int64_t safe = check_number(res, "safe_wal_size");
	char size[32];
	char left[32];

	check_size_text(size, retained);
	check_size_text(left, safe);
	if (strcmp(status, "lost") == 0)
		findings_ok(c->findings, FIND_slot_wal, "none: the slot is lost");
	else if (strcmp(status, "unreserved") == 0)
		findings_bad(c->findings, FIND_slot_wal,
					 "ALTER SYSTEM SET max_slot_wal_keep_size = '200GB';\n"
					 "SELECT pg_reload_conf();\n"
					 "-- as a superuser, as much as the disk allows, before "
					 "the next checkpoint; and let tuplecast run",
					 "%s, beyond max_slot_wal_keep_size: the next checkpoint "
					 "may invalidate the slot",
					 size);
	else if (limited && safe < retained / 4)
		findings_bad(c->findings, FIND_slot_wal,
					 "Let tuplecast run and catch up, or raise "
					 "max_slot_wal_keep_size.",
					 "%s; after %s more the slot may be invalidated", size,
					 left);
	else if (c->cfg->wal_budget > 0 && retained > c->cfg->wal_budget / 2)
	{
		check_size_text(left, c->cfg->wal_budget);
		findings_bad(c->findings, FIND_slot_wal,
					 "Let tuplecast run and catch up, or see what holds it up "
					 "(tuplecast_lag_seconds, Kafka).",
					 "%s, more than half of wal.budget.bytes, which is %s",
					 size, left);
	}
	else if (retained > MUCH_WAL && !c->slot_active)
		findings_bad(c->findings, FIND_slot_wal,
					 "Let tuplecast run and catch up; or, if the slot is no "
					 "longer needed, drop it.",
					 "%s, and nobody reads the slot", size);
	else
		findings_ok(c->findings, FIND_slot_wal, "%s%s%s%s", size,
					limited ? "; the slot is safe for another " : "",
					limited ? left : "", limited ? " of WAL" : "");
}

/* ---- room ------------------------------------------------------------------ */

static void
check_headroom(Check *c, const PGresult *counts)
{
	int64_t max = check_number(counts, "slots_max");
	const char *senders = check_field(counts, "senders_max");
	char repair[256];

	if (c->slot_exists)
		findings_ok(c->findings, FIND_slot_headroom,
					"the slot exists, no other is needed (%d of %" PRId64
					" are free)",
					c->slots_free > 0 ? c->slots_free : 0, max);
	else if (c->slots_free > 0)
		findings_ok(c->findings, FIND_slot_headroom,
					"%d of %" PRId64 " are free", c->slots_free, max);
	else
	{
		snprintf(repair, sizeof(repair),
				 "ALTER SYSTEM SET max_replication_slots = %" PRId64 ";\n"
				 "-- as a superuser; then restart the server. Or drop a slot "
				 "that nobody needs",
				 max + 5);
		findings_bad(c->findings, FIND_slot_headroom, repair,
					 "all of max_replication_slots = %" PRId64 " are taken",
					 max);
	}
	if (c->slot_active && c->slot_ours)
		findings_ok(c->findings, FIND_walsender_headroom,
					"the slot's walsender runs (%d of %s are free)",
					c->senders_free > 0 ? c->senders_free : 0, senders);
	else if (c->senders_free > 0)
		findings_ok(c->findings, FIND_walsender_headroom, "%d of %s are free",
					c->senders_free, senders);
	else
	{
		snprintf(repair, sizeof(repair),
				 "ALTER SYSTEM SET max_wal_senders = %d;\n"
				 "-- as a superuser; then restart the server",
				 (int) strtol(senders, NULL, 10) + 5);
		findings_bad(c->findings, FIND_walsender_headroom, repair,
					 "all of max_wal_senders = %s are taken", senders);
	}
}

/* The way that run will take, as far as it can be tried without a slot. */
static void
check_replication_connection(Check *c)
{
	CheckSession session;
	PGresult *res;
	Error err;

	if (c->slot_active && c->slot_ours)
	{
		findings_ok(c->findings, FIND_replication_connection,
					"one is streaming");
		return;
	}
	if (!c->may_replicate || c->senders_free <= 0)
	{
		findings_skip(c->findings, FIND_replication_connection,
					  "not checked: %s",
					  c->may_replicate ? "no walsender is free"
									   : "the role has no REPLICATION");
		return;
	}
	if (!check_connect(&session, c->cfg, true, &err))
	{
		/* another client was faster */
		if (strcmp(session.sqlstate, "53300") == 0)
			findings_skip(c->findings, FIND_replication_connection,
						  "not checked: no walsender is free");
		else
			findings_error(c->findings, FIND_replication_connection, &err);
		return;
	}
	res = check_query(&session, "IDENTIFY_SYSTEM", &err);
	if (res == NULL)
	{
		err_hint(&err, "Connect to the server itself, not to a pooler: only "
					   "the server understands replication commands.");
		err.kind = ERR_ENVIRONMENT;
		findings_error(c->findings, FIND_replication_connection, &err);
	}
	else
		findings_ok(c->findings, FIND_replication_connection,
					"accepted; system identifier %s",
					check_field(res, "systemid"));
	PQclear(res);
	check_disconnect(&session);
}

/* ---- other slots ----------------------------------------------------------- */

static void
check_others(Check *c)
{
	PgText sql = {0};
	PGresult *res;
	Error err;

	pg_text_add(&sql, others_query, wal_position(c));
	pg_text_quoted(&sql, c->cfg->slot_name, '\'');
	res = check_query(&c->source, sql.data, &err);
	free(sql.data);
	if (res == NULL)
		findings_error_warn(c->findings, FIND_other_slots, &err);
	else if (check_number(res, "n") == 0)
		findings_ok(c->findings, FIND_other_slots,
					"none that nobody reads keeps WAL");
	else
		findings_bad(c->findings, FIND_other_slots, check_field(res, "repair"),
					 "nobody reads %s; they keep the WAL that is in brackets",
					 check_field(res, "names"));
	PQclear(res);
}
