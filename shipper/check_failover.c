/*
 * check_failover.c
 *		Does the slot survive: its own idleness, and a promotion?
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define FAILOVER_VERSION 170000
#define IDLE_VERSION	 180000

/* settings and columns that only newer servers have are null on older ones */
static const char facts_query[] =
	"SELECT current_setting('idle_replication_slot_timeout', true) AS idle,"
	" current_setting('synchronized_standby_slots', true) AS waits,"
	" (SELECT to_jsonb(s)->>'failover' FROM pg_replication_slots s WHERE s.slot_name = %s) AS failover,"
	" (SELECT string_agg(quote_ident(p.slot_name), ', ') FROM pg_replication_slots p"
	"  WHERE p.slot_type = 'physical' AND NOT p.temporary) AS physical,"
	" (SELECT string_agg(btrim(n, ' \"'), ', ')"
	"  FROM unnest(string_to_array(current_setting('synchronized_standby_slots', true), ',')) AS n"
	"  WHERE btrim(n, ' \"') <> '' AND NOT EXISTS (SELECT FROM pg_replication_slots p"
	"   WHERE p.slot_name = btrim(n, ' \"') AND p.slot_type = 'physical' AND p.active)) AS silent";

static const char standby_query[] =
	"SELECT pg_is_in_recovery() AS standby,"
	" current_setting('sync_replication_slots', true) AS sync,"
	" current_setting('hot_standby_feedback') AS feedback,"
	" (SELECT count(*) FROM pg_replication_slots s WHERE s.slot_name = %s) AS n,"
	" (SELECT to_jsonb(s)->>'synced' FROM pg_replication_slots s WHERE s.slot_name = %s) AS synced,"
	" (SELECT s.temporary FROM pg_replication_slots s WHERE s.slot_name = %s) AS temporary,"
	" (SELECT to_jsonb(s)->>'invalidation_reason' FROM pg_replication_slots s WHERE s.slot_name = %s) AS reason";

static void judge_idle(Check *c, const PGresult *facts);
static void judge_failover(Check *c, const PGresult *facts);
static void judge_waits(Check *c, const PGresult *facts);
static void check_hosts(Check *c);
static void check_host(Check *c, int host);


static PGresult *
query(CheckSession *s, const char *format, const char *slot, Error *err)
{
	PgText sql = {0};
	PGresult *res;

	for (const char *p = format; *p != '\0'; p++)
	{
		if (p[0] == '%' && p[1] == 's')
		{
			pg_text_quoted(&sql, slot, '\'');
			p++;
		}
		else
			pg_text_add(&sql, "%c", *p);
	}
	res = check_query(s, sql.data, err);
	free(sql.data);
	return res;
}

void
check_failover(Check *c)
{
	Error err;
	PGresult *facts = query(&c->source, facts_query, c->cfg->slot_name, &err);

	if (facts == NULL)
	{
		findings_error_warn(c->findings, FIND_slot_failover, &err);
		return;
	}
	judge_idle(c, facts);
	judge_failover(c, facts);
	PQclear(facts);
}

static void
judge_idle(Check *c, const PGresult *facts)
{
	const char *idle = check_field(facts, "idle");

	if (c->version < IDLE_VERSION)
		findings_ok(c->findings, FIND_slot_idle,
					"none: it comes with PostgreSQL 18");
	else if (strcmp(idle, "0") == 0 || idle[0] == '\0')
		findings_ok(c->findings, FIND_slot_idle, "0: none");
	else
		findings_bad(c->findings, FIND_slot_idle,
					 "ALTER SYSTEM SET idle_replication_slot_timeout = 0;\n"
					 "SELECT pg_reload_conf();\n"
					 "-- as a superuser; or make it longer than any time that "
					 "tuplecast may be away",
					 "%s: a slot that nobody reads for that long is "
					 "invalidated at the next checkpoint",
					 idle);
}

static void
judge_failover(Check *c, const PGresult *facts)
{
	PgText repair = {0};

	if (!c->cfg->slot_failover)
		findings_ok(c->findings, FIND_slot_failover,
					"not asked for (slot.failover): after a promotion the "
					"slot is gone, and run stops");
	else if (c->version < FAILOVER_VERSION)
		findings_bad(c->findings, FIND_slot_failover,
					 "Set slot.failover=false, or upgrade the servers to "
					 "PostgreSQL 17.",
					 "slot.failover=true has no effect before PostgreSQL 17");
	else if (c->slot_exists &&
			 strcmp(check_field(facts, "failover"), "true") != 0)
	{
		pg_text_add(&repair, "tuplecast run, which makes it one; or, while "
							 "nobody streams from it, over a replication "
							 "connection: ALTER_REPLICATION_SLOT ");
		pg_text_quoted(&repair, c->cfg->slot_name, '"');
		pg_text_add(&repair, " (FAILOVER true);");
		findings_bad(c->findings, FIND_slot_failover, repair.data,
					 "the slot \"%s\" is not one that standbys keep in step",
					 c->cfg->slot_name);
		free(repair.data);
	}
	else
	{
		judge_waits(c, facts);
		if (c->slot_exists)
			check_hosts(c);
	}
}

/* Without it the destination may be ahead of a standby that is promoted. */
static void
judge_waits(Check *c, const PGresult *facts)
{
	const char *waits = check_field(facts, "waits");
	const char *physical = check_field(facts, "physical");
	const char *silent = check_field(facts, "silent");
	PgText repair = {0};

	if (c->in_recovery)
		return;
	if (silent[0] != '\0')
	{
		findings_bad(c->findings, FIND_slot_failover,
					 "Start the standby, or take its slot out of "
					 "synchronized_standby_slots.",
					 "nobody streams from %s of synchronized_standby_slots: "
					 "until somebody does, nothing is sent to us either",
					 silent);
		return;
	}
	if (waits[0] != '\0')
	{
		findings_ok(c->findings, FIND_slot_failover,
					"nothing is sent before %s has it", waits);
		return;
	}
	pg_text_add(&repair, "ALTER SYSTEM SET synchronized_standby_slots = %s;\n",
				physical[0] != '\0' ? physical : "NAME");
	pg_text_add(&repair, "SELECT pg_reload_conf();\n"
						 "-- as a superuser: the physical slots "
						 "(primary_slot_name) of the standbys that may be "
						 "promoted");
	findings_bad(c->findings, FIND_slot_failover, repair.data,
				 "synchronized_standby_slots is empty: records may be "
				 "published that a promoted standby never had");
	free(repair.data);
}

/* ---- the other hosts of source.url ----------------------------------------- */

static void
check_hosts(Check *c)
{
	PgParams params;
	Error err;

	if (!pg_params_build(&params, c->cfg, false, &err) || params.hosts < 2)
		return;
	for (int i = 0; i < params.hosts; i++)
		check_host(c, i);
}

static void
judge_host(Check *c, const char *name, const PGresult *res)
{
	PgText repair = {0};

	if (!check_is_true(res, "standby"))
		return;
	if (check_number(res, "n") == 1 &&
		strcmp(check_field(res, "synced"), "true") == 0 &&
		!check_is_true(res, "temporary") &&
		check_field(res, "reason")[0] == '\0')
	{
		findings_ok(c->findings, FIND_slot_failover,
					"the standby %s has the slot in step", name);
		return;
	}
	if (strcmp(check_field(res, "sync"), "on") != 0)
		pg_text_add(&repair, "ALTER SYSTEM SET sync_replication_slots = on;\n");
	if (strcmp(check_field(res, "feedback"), "on") != 0)
		pg_text_add(&repair, "ALTER SYSTEM SET hot_standby_feedback = on;\n");
	pg_text_add(&repair,
				"SELECT pg_reload_conf();\n"
				"-- as a superuser, on that standby; it also needs a "
				"primary_slot_name, and dbname=… in primary_conninfo; its log "
				"says what is missing");
	findings_bad(c->findings, FIND_slot_failover, repair.data,
				 "the standby %s %s", name,
				 check_number(res, "n") == 0
					 ? "does not have the slot: promoted, it would lose it"
				 : check_field(res, "reason")[0] != '\0'
					 ? "has the slot, but invalidated"
					 : "has the slot, but not yet in step with the primary's");
	free(repair.data);
}

static void
check_host(Check *c, int host)
{
	CheckSession s;
	PGresult *res;
	char name[256];
	Error err;

	if (!check_connect_host(&s, c->cfg, host, &err))
	{
		findings_add(c->findings, FIND_slot_failover, FINDING_WARN,
					 "See that the host is up; a promotion there needs the "
					 "slot.",
					 "a host of source.url was not asked: %s", err.text);
		return;
	}
	snprintf(name, sizeof(name), "%s:%s", PQhost(s.conn), PQport(s.conn));
	res = query(&s, standby_query, c->cfg->slot_name, &err);
	if (res != NULL)
		judge_host(c, name, res);
	else
		findings_error_warn(c->findings, FIND_slot_failover, &err);
	PQclear(res);
	check_disconnect(&s);
}
