/*
 * check_source.c
 *		The server, its settings and our role.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define OLDEST_VERSION	140000
#define STANDBY_VERSION 160000
#define NEWEST_TESTED	180000

/* everything here is visible to every role */
static const char facts_query[] =
	"SELECT current_setting('server_version_num') AS version,"
	" current_setting('server_version') AS version_text,"
	" pg_is_in_recovery() AS in_recovery,"
	" current_setting('hot_standby_feedback') AS feedback,"
	" current_setting('server_encoding') AS encoding,"
	" current_setting('wal_level') AS wal_level,"
	" current_setting('max_wal_senders')::int8 AS max_wal_senders,"
	" (SELECT count(*) FROM pg_stat_replication) AS walsenders,"
	" (SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout') AS sender_timeout,"
	" current_setting('wal_sender_timeout') AS sender_timeout_text,"
	" current_setting('max_slot_wal_keep_size') AS keep_size,"
	" current_user AS role, r.rolsuper AS superuser, r.rolreplication AS replication,"
	" (SELECT pg_has_role(r.oid, g.oid, 'member') FROM pg_roles g"
	"  WHERE g.rolname = 'rds_replication') AS rds,"
	" EXISTS (SELECT FROM pg_roles g WHERE g.rolname = 'rds_replication') AS on_rds"
	" FROM pg_roles r WHERE r.rolname = current_user";

static const char long_query[] =
	"SELECT pg_has_role('pg_read_all_stats', 'usage') AS sees_all,"
	" count(*) AS n, max(extract(epoch FROM now() - xact_start))::int8 AS seconds,"
	" string_agg(pid::text, ', ' ORDER BY xact_start) AS pids,"
	" string_agg(format('SELECT pg_terminate_backend(%s); -- %s, database %s, role %s, for %s',"
	"  pid, state, translate(datname, E'\\n\\r', '  '), translate(usename, E'\\n\\r', '  '),"
	"  date_trunc('second', now() - xact_start)), E'\\n' ORDER BY xact_start) AS repair"
	" FROM pg_stat_activity"
	" WHERE xact_start < now() - interval '5 minutes' AND datname IS NOT NULL"
	" AND pid <> pg_backend_pid()"
	/* a walsender of a replication connection is no transaction of anybody */
	" AND (backend_type IS NULL OR backend_type = 'client backend')";

static const char prepared_query[] =
	"SELECT count(*) AS n, string_agg(quote_literal(gid), ', ' ORDER BY prepared) AS gids,"
	" string_agg(format('ROLLBACK PREPARED %L; -- or COMMIT PREPARED; database %s, since %s',"
	"  gid, database, date_trunc('second', prepared)), E'\\n' ORDER BY prepared) AS repair"
	" FROM pg_prepared_xacts";

static void check_tls(Check *c);
static void check_version(Check *c, const PGresult *facts);
static void check_standby(Check *c, const PGresult *facts);
static void check_wal_level(Check *c, const PGresult *facts);
static void check_role(Check *c, const PGresult *facts);
static void check_settings(Check *c, const PGresult *facts);
static void check_encoding(Check *c, const PGresult *facts);
static void check_transactions(Check *c);


bool
check_server(Check *c)
{
	PGresult *facts;
	Error err;

	if (!check_connect(&c->source, c->cfg, false, &err))
	{
		findings_error(c->findings, FIND_source_connection, &err);
		return false;
	}
	facts = check_query(&c->source, facts_query, &err);
	if (facts == NULL)
	{
		findings_error(c->findings, FIND_source_connection, &err);
		return false;
	}
	findings_ok(c->findings, FIND_source_connection, "connected to %s",
				config_source_name(c->cfg));
	snprintf(c->role, sizeof(c->role), "%s", check_field(facts, "role"));
	c->version = (int) check_number(facts, "version");
	c->in_recovery = check_is_true(facts, "in_recovery");
	check_tls(c);
	check_version(c, facts);
	check_encoding(c, facts);
	check_standby(c, facts);
	check_wal_level(c, facts);
	check_role(c, facts);
	check_settings(c, facts);
	PQclear(facts);
	check_transactions(c);
	return true;
}

/* ---- the connection -------------------------------------------------------- */

static char *
effective_sslmode(PGconn *conn)
{
	PQconninfoOption *options = PQconninfo(conn);
	char *mode = NULL;

	for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++)
		if (strcmp(o->keyword, "sslmode") == 0 && o->val != NULL)
			mode = strdup(o->val);
	PQconninfoFree(options);
	return mode != NULL ? mode : strdup("prefer");
}

static void
check_tls(Check *c)
{
	static const char repair[] =
		"database.sslmode=verify-full with database.sslrootcert=FILE (or "
		"sslmode=verify-full&sslrootcert=FILE in source.url); the server needs "
		"ssl = on and a certificate";
	PGconn *conn = c->source.conn;
	char *mode = effective_sslmode(conn);
	bool used = PQsslInUse(conn) != 0;

	if (check_is_local(PQhost(conn), PQhostaddr(conn)))
		findings_ok(c->findings, FIND_source_tls,
					"the server is on this machine%s",
					used ? "; TLS is in use all the same" : "");
	else if (!used)
		findings_bad(c->findings, FIND_source_tls, repair,
					 "the connection is not encrypted (sslmode=%s)", mode);
	else if (strcmp(mode, "prefer") == 0 || strcmp(mode, "allow") == 0)
		findings_bad(c->findings, FIND_source_tls, repair,
					 "the connection is encrypted, but sslmode=%s neither "
					 "insists on it nor proves who the server is",
					 mode);
	else
		findings_ok(c->findings, FIND_source_tls,
					"the connection is encrypted (sslmode=%s)%s", mode,
					strcmp(mode, "require") == 0
						? "; verify-full would prove who the server is, too"
						: "");
	free(mode);
}

/* ---- the server ------------------------------------------------------------ */

static void
check_version(Check *c, const PGresult *facts)
{
	const char *version = check_field(facts, "version_text");
	const char *brings = check_version_of_libraries(c->version);

	if (c->version < OLDEST_VERSION)
		findings_bad(c->findings, FIND_server_version,
					 "Upgrade the server to PostgreSQL 14 or newer.",
					 "PostgreSQL %s is too old", version);
	else if (c->version / 10000 > NEWEST_TESTED / 10000)
		findings_add(c->findings, FIND_server_version, FINDING_WARN, "",
					 "PostgreSQL %s is newer than what this version was "
					 "tested with (14 to 18)",
					 version);
	else if (!check_version_has_libraries(c->version) && brings != NULL)
		findings_ok(c->findings, FIND_server_version,
					"PostgreSQL %s; before an update to %s or later, know that "
					"from then on output_plugin_libraries must name tuplecast "
					"(and that this version does not start with that setting)",
					version, brings);
	else
		findings_ok(c->findings, FIND_server_version, "PostgreSQL %s", version);
}

static void
check_encoding(Check *c, const PGresult *facts)
{
	const char *encoding = check_field(facts, "encoding");

	if (strcmp(encoding, "UTF8") == 0)
		findings_ok(c->findings, FIND_server_encoding, "UTF8");
	else if (strcmp(encoding, "SQL_ASCII") == 0)
		findings_bad(c->findings, FIND_server_encoding,
					 "Move the data to a database with the encoding that it "
					 "really has (pg_dump --encoding, CREATE DATABASE … "
					 "ENCODING 'UTF8').",
					 "SQL_ASCII: the server does not know what its bytes mean");
	else
		findings_ok(c->findings, FIND_server_encoding,
					"%s; records are converted to UTF-8", encoding);
}

static void
check_standby(Check *c, const PGresult *facts)
{
	if (!c->in_recovery)
		findings_ok(c->findings, FIND_standby, "the server is a primary");
	else if (c->version < STANDBY_VERSION)
		findings_bad(c->findings, FIND_standby,
					 "Connect to the primary (source.url with "
					 "target_session_attrs=read-write finds it among several "
					 "hosts), or upgrade both to PostgreSQL 16.",
					 "the server is a standby, and of a version that cannot "
					 "decode there");
	else if (strcmp(check_field(facts, "feedback"), "on") != 0)
		findings_add(c->findings, FIND_standby, FINDING_WARN,
					 "ALTER SYSTEM SET hot_standby_feedback = on;\n"
					 "SELECT pg_reload_conf();\n"
					 "-- as a superuser, on the standby; with a "
					 "primary_slot_name there",
					 "the server is a standby without hot_standby_feedback: "
					 "vacuum on the primary can invalidate the slot");
	else
		findings_ok(c->findings, FIND_standby,
					"the server is a standby with hot_standby_feedback; making "
					"a slot on it waits for the primary (SELECT "
					"pg_log_standby_snapshot() there hastens it)");
}

static void
check_wal_level(Check *c, const PGresult *facts)
{
	const char *level = check_field(facts, "wal_level");

	/* from 19 on a logical slot raises the level by itself */
	c->wal_level_ok = strcmp(level, "logical") == 0 || c->version >= 190000;
	if (c->wal_level_ok)
		findings_ok(c->findings, FIND_wal_level, "%s", level);
	else
		findings_bad(c->findings, FIND_wal_level,
					 "ALTER SYSTEM SET wal_level = logical;\n"
					 "-- as a superuser; then restart the server (a reload is "
					 "not enough)",
					 "the server's wal_level is \"%s\"; logical decoding needs "
					 "\"logical\"",
					 level);
}

static void
check_role(Check *c, const PGresult *facts)
{
	bool replication = check_is_true(facts, "replication");
	bool rds = check_is_true(facts, "rds");
	PgText repair = {0};

	c->is_superuser = check_is_true(facts, "superuser");
	c->may_replicate = c->is_superuser || replication || rds;
	if (c->may_replicate)
	{
		findings_ok(c->findings, FIND_role, "\"%s\" %s", c->role,
					replication		  ? "has REPLICATION"
					: c->is_superuser ? "is a superuser"
									  : "is a member of rds_replication");
		return;
	}
	pg_text_add(&repair, check_is_true(facts, "on_rds")
							 ? "GRANT rds_replication TO "
							 : "ALTER ROLE ");
	pg_text_quoted(&repair, c->role, '"');
	pg_text_add(&repair, "%s; -- as a superuser",
				check_is_true(facts, "on_rds") ? "" : " REPLICATION");
	findings_bad(c->findings, FIND_role, repair.data,
				 "the role \"%s\" has no REPLICATION", c->role);
	free(repair.data);
}

/* ---- settings -------------------------------------------------------------- */

static void
check_settings(Check *c, const PGresult *facts)
{
	const char *keep = check_field(facts, "keep_size");

	c->senders_free = (int) (check_number(facts, "max_wal_senders") -
							 check_number(facts, "walsenders"));
	if (strcmp(keep, "-1") == 0 && c->cfg->wal_budget > 0)
	{
		char budget[32];

		findings_ok(c->findings, FIND_wal_keep,
					"-1: a slot keeps WAL without limit; run warns as it comes "
					"near wal.budget.bytes, %s",
					check_size_text(budget, c->cfg->wal_budget));
	}
	else if (strcmp(keep, "-1") == 0)
		findings_bad(c->findings, FIND_wal_keep,
					 "ALTER SYSTEM SET max_slot_wal_keep_size = '50GB';\n"
					 "SELECT pg_reload_conf();\n"
					 "-- as a superuser; less than the disk has free. A slot "
					 "that needs more is invalidated: then the data must be "
					 "brought in line. Or tell with wal.budget.bytes what the "
					 "disk can bear, and heed the warnings",
					 "-1: a slot keeps WAL without limit");
	else
		findings_ok(c->findings, FIND_wal_keep,
					"a slot keeps at most %s of WAL, and is invalidated beyond",
					keep);
	if (check_number(facts, "sender_timeout") == 0)
		findings_bad(c->findings, FIND_wal_sender_timeout,
					 "ALTER SYSTEM SET wal_sender_timeout = '60s';\n"
					 "SELECT pg_reload_conf(); -- as a superuser",
					 "0: the server never gives up a client that is silent");
	else
		findings_ok(c->findings, FIND_wal_sender_timeout,
					"%s; tuplecast answers within a third of it",
					check_field(facts, "sender_timeout_text"));
}

/* ---- what a new slot would wait for ---------------------------------------- */

static void
check_transactions(Check *c)
{
	Error err;
	PGresult *res = check_query(&c->source, long_query, &err);

	if (res == NULL)
		findings_error_warn(c->findings, FIND_long_transactions, &err);
	else if (check_number(res, "n") == 0)
		findings_ok(c->findings, FIND_long_transactions,
					"none%s is open for more than 5 minutes",
					check_is_true(res, "sees_all")
						? ""
						: " that this role may see (pg_read_all_stats would "
						  "show all)");
	else
		findings_bad(c->findings, FIND_long_transactions,
					 check_field(res, "repair"),
					 "%s open for more than 5 minutes, the oldest for %lld "
					 "minutes (processes %s)",
					 check_field(res, "n"),
					 (long long) check_number(res, "seconds") / 60,
					 check_field(res, "pids"));
	PQclear(res);
	res = check_query(&c->source, prepared_query, &err);
	if (res == NULL)
		findings_error_warn(c->findings, FIND_prepared_transactions, &err);
	else if (check_number(res, "n") == 0)
		findings_ok(c->findings, FIND_prepared_transactions, "none");
	else
		findings_bad(c->findings, FIND_prepared_transactions,
					 check_field(res, "repair"), "%s: %s",
					 check_field(res, "n"), check_field(res, "gids"));
	PQclear(res);
}
