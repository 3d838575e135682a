/*
 * check_signals.c
 *		Can signals come, and be acted on?
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "kafka_signal.h"

static const char own_query[] =
	/* to_regclass() fails for whom the schema is closed */
	"SELECT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON"
	" n.oid = c.relnamespace WHERE n.nspname = 'tuplecast'"
	" AND c.relname = 'signals') AS own,"
	" coalesce((SELECT bool_and(has_function_privilege(p.oid, 'EXECUTE'))"
	" FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
	" WHERE n.nspname = 'tuplecast' AND p.proname = 'snapshot'), true) AS may,"
	" quote_ident(current_user) AS role,"
	" coalesce((SELECT string_agg(DISTINCT coalesce(quote_ident(r.rolname), 'PUBLIC'), ', ')"
	" FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace,"
	" aclexplode(p.proacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee"
	" WHERE n.nspname = 'tuplecast' AND p.proname = 'signal'"
	" AND a.grantee <> p.proowner AND a.privilege_type = 'EXECUTE'), '') AS senders";

/* The first table of the list that is no table of signals; a row, or none. */
static void
collections_text(PgText *sql, const char *list)
{
	pg_text_add(sql,
				"SELECT trim(w.name) AS name, count(a.attname) AS columns FROM"
				" regexp_split_to_table(");
	pg_text_quoted(sql, list, '\'');
	pg_text_add(
		sql, ", ',') w(name) LEFT JOIN (pg_class c JOIN pg_namespace n ON"
			 " n.oid = c.relnamespace AND c.relkind IN ('r', 'p')) ON"
			 " n.nspname || '.' || c.relname = trim(w.name)"
			 " LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
			 " AND NOT a.attisdropped WHERE trim(w.name) <> ''"
			 " GROUP BY 1 HAVING count(a.attname) < 3 LIMIT 1");
}

/* true: nothing is wrong with them. */
static bool
judge_collections(Check *c)
{
	PgText sql = {0};
	PgText repair = {0};
	PGresult *res;
	Error err;
	bool ok;

	if (c->cfg->signal_tables[0] == '\0')
		return true;
	collections_text(&sql, c->cfg->signal_tables);
	res = check_query(&c->source, sql.data, &err);
	free(sql.data);
	if (res == NULL)
	{
		findings_error(c->findings, FIND_signals, &err);
		return false;
	}
	ok = PQntuples(res) == 0;
	if (!ok)
	{
		pg_text_add(&repair,
					"CREATE TABLE %s (id varchar(42) PRIMARY KEY, type "
					"varchar(32) NOT NULL, data varchar(2048)); -- or correct "
					"signal.data.collection",
					check_field(res, "name"));
		findings_bad(c->findings, FIND_signals, repair.data,
					 "signal.data.collection names \"%s\", which is no table "
					 "with the columns id, type and data",
					 check_field(res, "name"));
		free(repair.data);
	}
	PQclear(res);
	return ok;
}

static bool
judge_file(Check *c)
{
	const char *path = c->cfg->signal_file;

	if (!config_has_word(c->cfg->signal_channels, "file") ||
		access(path, F_OK) != 0 || access(path, R_OK | W_OK) == 0)
		return true;
	findings_bad(c->findings, FIND_signals,
				 "Let the user that tuplecast runs as read and write it, or "
				 "name another one with signal.file.",
				 "signal.file \"%s\" cannot be read and written", path);
	return false;
}

static void
judge_own(Check *c, const PGresult *res)
{
	bool asked = c->cfg->signal_tables[0] != '\0' ||
				 !config_has_word(c->cfg->signal_channels, "source") ||
				 check_field(res, "senders")[0] != '\0';
	PgText repair = {0};

	if (!check_is_true(res, "own"))
		findings_ok(c->findings, FIND_signals,
					"tuplecast.signal() is not there (no extension)");
	else if (!check_is_true(res, "may") && asked)
	{
		pg_text_add(&repair,
					"GRANT EXECUTE ON FUNCTION tuplecast.snapshot TO %s;",
					check_field(res, "role"));
		findings_bad(c->findings, FIND_signals, repair.data,
					 "a snapshot that a signal asks for cannot be read: the "
					 "role %s may not call tuplecast.snapshot()",
					 check_field(res, "role"));
		free(repair.data);
	}
	else
		findings_ok(c->findings, FIND_signals,
					"by %s; who may call tuplecast.signal(): its owner%s%s",
					c->cfg->signal_channels,
					check_field(res, "senders")[0] != '\0' ? ", " : "",
					check_field(res, "senders"));
}

void
check_signals(Check *c)
{
	PGresult *res;
	Error err;

	if (!kafka_signals_check(c->cfg, &err))
	{
		findings_error(c->findings, FIND_signals, &err);
		return;
	}
	if (!judge_collections(c) || !judge_file(c))
		return;
	res = check_query(&c->source, own_query, &err);
	if (res == NULL)
		findings_error(c->findings, FIND_signals, &err);
	else
		judge_own(c, res);
	PQclear(res);
}
