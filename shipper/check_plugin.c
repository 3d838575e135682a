/*
 * check_plugin.c
 *		The extension on the server: may its library be an output plugin, does it
 *		load, is it of our version?
 *
 * Only a role that may read all settings can look at output_plugin_libraries;
 * for others a temporary slot finds out, if one is free.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "wire.h"

#define PROBE_SLOT "'tuplecast_check_' || pg_backend_pid()"

typedef enum Probe
{
	PROBE_GOOD,
	PROBE_NOT_ALLOWED, /* by output_plugin_libraries */
	PROBE_BAD,		   /* err */
	PROBE_NOT_TRIED	   /* reason */
} Probe;

static const char extension_query[] =
	"SELECT current_database() AS database,"
	" (SELECT extversion FROM pg_extension WHERE extname = 'tuplecast') AS created,"
	" (SELECT default_version FROM pg_available_extensions WHERE name = 'tuplecast') AS available,"
	" (SELECT setting FROM pg_settings WHERE name = 'output_plugin_libraries') AS libraries";

static Probe probe_plugin(Check *c, const char **reason, Error *err);
static void judge_libraries(Check *c, const char *setting, Probe probe,
							const char *reason);
static void judge_library(Check *c, const PGresult *res, Probe probe,
						  const char *reason, const Error *err);
static void judge_extension(Check *c, const PGresult *res);
static void judge_version(Check *c, const char *created, const char *available);


void
check_plugin(Check *c)
{
	const char *reason = "";
	PGresult *res;
	Probe probe;
	Error err;
	Error why;

	err_clear(&why);
	res = check_query(&c->source, extension_query, &err);
	if (res == NULL)
	{
		findings_error(c->findings, FIND_extension, &err);
		return;
	}
	probe = probe_plugin(c, &reason, &why);
	judge_libraries(c, check_field(res, "libraries"), probe, reason);
	judge_extension(c, res);
	judge_library(c, res, probe, reason, &why);
	PQclear(res);
}

/* ---- the output plugin ----------------------------------------------------- */

static const char *
reason_not_to_probe(const Check *c)
{
	if (!c->wal_level_ok)
		return "wal_level allows no logical slot";
	if (!c->may_replicate)
		return "the role has no REPLICATION";
	if (c->in_recovery)
		return "making a slot on a standby waits for its primary";
	if (c->slots_free <= 0)
		return "no slot is free";
	return NULL;
}

/*
 * The server checks and loads the plugin before it waits for transactions to
 * end, so that a timeout is a success.
 */
static Probe
probe_plugin(Check *c, const char **reason, Error *err)
{
	CheckSession *s = &c->source;
	PGresult *res;
	const char *state = s->sqlstate;

	if (c->slot_active && c->slot_ours)
		return PROBE_GOOD;
	*reason = reason_not_to_probe(c);
	if (*reason != NULL)
		return PROBE_NOT_TRIED;
	check_run(s, "SET statement_timeout = '3s'");
	s->stage = PG_CREATING_SLOT;
	res = check_query(s,
					  "SELECT pg_create_logical_replication_slot(" PROBE_SLOT
					  ", 'tuplecast', true)",
					  err);
	s->stage = PG_ASKING;
	if (res != NULL)
	{
		PQclear(res);
		check_run(s, "SELECT pg_drop_replication_slot(" PROBE_SLOT ")");
		check_run(s, "SET statement_timeout = '30s'");
		return PROBE_GOOD;
	}
	if (strcmp(state, "57014") == 0)
	{
		check_run(s, "SET statement_timeout = '30s'");
		return PROBE_GOOD;
	}
	if (strcmp(state, "42501") == 0)
	{
		check_run(s, "SET statement_timeout = '30s'");
		return PROBE_NOT_ALLOWED;
	}
	*reason = "no slot is free";
	if (strcmp(state, "53400") != 0)
		return PROBE_BAD;
	check_run(s, "SET statement_timeout = '30s'");
	return PROBE_NOT_TRIED;
}

static void
judge_libraries(Check *c, const char *setting, Probe probe, const char *reason)
{
	Findings *f = c->findings;
	PgText repair = {0};

	if (!check_version_has_libraries(c->version))
		findings_ok(f, FIND_output_plugin_libraries,
					"this release does not have the setting, and would not "
					"start with it");
	else if (probe == PROBE_GOOD || check_list_has(setting, "tuplecast"))
		findings_ok(f, FIND_output_plugin_libraries, "allows tuplecast%s%s%s",
					setting[0] != '\0' ? " (" : "", setting,
					setting[0] != '\0' ? ")" : "");
	else if (setting[0] == '\0' && probe != PROBE_NOT_ALLOWED)
		findings_ok(f, FIND_output_plugin_libraries,
					"could not be probed: only a role with "
					"pg_read_all_settings can see it, and %s",
					probe == PROBE_BAD ? "the output plugin does not load"
									   : reason);
	else
	{
		pg_text_add(&repair, "ALTER SYSTEM SET output_plugin_libraries = ");
		check_list_plus(
			&repair, setting[0] != '\0' ? setting : "pgoutput, test_decoding",
			"tuplecast");
		pg_text_add(
			&repair,
			";\nSELECT pg_reload_conf();\n"
			"-- as a superuser%s; the names stand unquoted here, in "
			"postgresql.conf they are one string: '%s'",
			setting[0] != '\0'
				? ""
				: ", with all that SHOW output_plugin_libraries names already",
			"pgoutput, test_decoding, tuplecast");
		findings_bad(f, FIND_output_plugin_libraries, repair.data,
					 "the server's output_plugin_libraries does not name "
					 "tuplecast%s%s%s",
					 setting[0] != '\0' ? " but: " : "", setting,
					 strchr(setting, '"') != NULL
						 ? " (a quoted string is one name)"
						 : "");
		free(repair.data);
	}
}

static void
judge_library(Check *c, const PGresult *res, Probe probe, const char *reason,
			  const Error *err)
{
	Findings *f = c->findings;

	/* found out with the functions of the extension */
	if (findings_find(f, FIND_plugin_library) != NULL)
		return;
	if (probe == PROBE_BAD)
		findings_error(f, FIND_plugin_library, err);
	else if (probe == PROBE_GOOD)
		findings_ok(f, FIND_plugin_library,
					c->slot_active ? "in use by the slot" : "loads");
	else if (c->functions)
		findings_ok(f, FIND_plugin_library, "the library loads");
	else if (check_field(res, "available")[0] == '\0')
		findings_bad(f, FIND_plugin_library,
					 "Install the extension on the database server (its "
					 "package, or make install with that server's pg_config); "
					 "no restart is needed.",
					 "the server knows no extension \"tuplecast\"");
	else
		findings_ok(f, FIND_plugin_library,
					"the extension is installed; whether it loads could not be "
					"probed: %s",
					probe == PROBE_NOT_ALLOWED
						? "output_plugin_libraries does not name it"
						: reason);
}

/* ---- the extension --------------------------------------------------------- */

/* So that tables can be judged before the extension is there. */
static bool
create_on_trial(Check *c)
{
	Error ignored;
	PGresult *res;

	if (!c->is_superuser || c->in_recovery)
		return false;
	check_run(&c->source, "BEGIN READ WRITE");
	res = check_query(&c->source, "CREATE EXTENSION tuplecast", &ignored);
	c->on_trial = res != NULL;
	PQclear(res);
	if (!c->on_trial)
		check_run(&c->source, "ROLLBACK");
	return c->on_trial;
}

static void
judge_extension(Check *c, const PGresult *res)
{
	const char *created = check_field(res, "created");
	const char *available = check_field(res, "available");
	PgText repair = {0};

	if (created[0] == '\0')
	{
		pg_text_add(&repair,
					"CREATE EXTENSION tuplecast; -- as a superuser, in the "
					"database ");
		for (const char *s = check_field(res, "database"); *s != '\0'; s++)
			pg_text_add(&repair, "%c", (unsigned char) *s < ' ' ? '?' : *s);
		findings_bad(c->findings, FIND_extension,
					 available[0] != '\0'
						 ? repair.data
						 : "Install the extension on the database server, then "
						   "CREATE EXTENSION tuplecast;",
					 "the extension tuplecast is not created in the database "
					 "\"%s\"",
					 check_field(res, "database"));
		free(repair.data);
		if (available[0] == '\0' || !create_on_trial(c))
			return;
	}
	judge_version(c, created, available);
	if (created[0] != '\0' && c->functions)
		findings_ok(c->findings, FIND_extension, "created, version %s",
					created);
}

static void
judge_refusal(Check *c, const Error *err)
{
	const char *state = c->source.sqlstate;
	PgText repair = {0};

	if (strcmp(state, "42501") == 0)
	{
		pg_text_add(&repair, "GRANT USAGE ON SCHEMA tuplecast TO ");
		pg_text_quoted(&repair, c->role, '"');
		pg_text_add(&repair, ";\nGRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA "
							 "tuplecast TO ");
		pg_text_quoted(&repair, c->role, '"');
		pg_text_add(&repair, "; -- as a superuser");
		findings_bad(c->findings, FIND_extension, repair.data,
					 "the role \"%s\" may not call the extension's functions",
					 c->role);
		free(repair.data);
	}
	else if (strncmp(state, "42", 2) == 0)
		findings_bad(c->findings, FIND_extension_version,
					 "ALTER EXTENSION tuplecast UPDATE; -- as a superuser",
					 "the extension lacks a function: %s", err->text);
	else if (state[0] == '\0')
		findings_error(c->findings, FIND_extension, err);
	else
		findings_bad(c->findings, FIND_plugin_library,
					 "Install the extension on the database server (its "
					 "package, or make install with that server's pg_config).",
					 "the library does not load: %s", err->text);
}

static void
judge_version(Check *c, const char *created, const char *available)
{
	static const char install[] =
		"Install the same version on both sides; then, if the extension's was "
		"the older one: ALTER EXTENSION tuplecast UPDATE;";
	Findings *f = c->findings;
	Error err;
	PGresult *res = check_query(&c->source,
								"SELECT tuplecast.version() AS library,"
								" tuplecast.wire_version() AS wire",
								&err);

	if (res == NULL)
	{
		judge_refusal(c, &err);
		return;
	}
	c->functions = true;
	if (check_number(res, "wire") != WIRE_VERSION)
		findings_bad(f, FIND_extension_version, install,
					 "the extension %s speaks version %s of the frames, "
					 "tuplecast %s version %d",
					 check_field(res, "library"), check_field(res, "wire"),
					 TUPLECAST_VERSION, WIRE_VERSION);
	else if (strcmp(check_field(res, "library"), TUPLECAST_VERSION) != 0)
		findings_add(f, FIND_extension_version, FINDING_WARN, install,
					 "the extension is %s, tuplecast %s; they understand each "
					 "other",
					 check_field(res, "library"), TUPLECAST_VERSION);
	else if (created[0] != '\0' && strcmp(created, available) != 0)
		findings_add(f, FIND_extension_version, FINDING_WARN,
					 "ALTER EXTENSION tuplecast UPDATE; -- as a superuser",
					 "the library is %s, but the functions in this database "
					 "are those of %s",
					 check_field(res, "library"), created);
	else
		findings_ok(f, FIND_extension_version, "%s on both sides",
					TUPLECAST_VERSION);
	PQclear(res);
}
