/*
 * cmd_snapshot.c
 *		`tuplecast snapshot`: signals to the running shipper, sent by SQL with the
 *		rights of the role that connects.
 */
#include "commands.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "snapshot_query.h"

static const char usage[] =
	"tuplecast snapshot start SCHEMA.TABLE… [--where SQL] [--surrogate-key COLUMN]\n"
	"tuplecast snapshot stop [SCHEMA.TABLE…]\n"
	"tuplecast snapshot pause|resume|status\n"
	"Tables come first, then options as for run; --json. SCHEMA.TABLE is a regular\n"
	"expression; --where holds for all tables of the command.\n";

typedef struct Request
{
	const char *verb;
	char **tables;
	int ntables;
	const char *where;
	const char *surrogate;
	bool json;
} Request;

static bool
is_verb(const char *verb)
{
	static const char *const verbs[] = {"start", "stop", "pause", "resume",
										"status"};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verb, verbs[i]) == 0)
			return true;
	return false;
}

/* The data of the signal; free() it. */
static char *
signal_data(const Request *r)
{
	json_t *o = json_object();
	json_t *tables = json_array();
	json_t *conditions = json_array();
	char *text;

	for (int i = 0; i < r->ntables; i++)
	{
		json_array_append_new(tables, json_string(r->tables[i]));
		if (r->where != NULL)
			json_array_append_new(conditions,
								  json_pack("{s:s, s:s}", "data-collection",
											r->tables[i], "filter", r->where));
	}
	if (r->ntables > 0)
		json_object_set(o, "data-collections", tables);
	if (strcmp(r->verb, "start") == 0)
		json_object_set_new(o, "type", json_string("incremental"));
	if (json_array_size(conditions) > 0)
		json_object_set(o, "additional-conditions", conditions);
	if (r->surrogate != NULL)
		json_object_set_new(o, "surrogate-key", json_string(r->surrogate));
	text = json_dumps(o, JSON_COMPACT);
	json_decref(tables);
	json_decref(conditions);
	json_decref(o);
	return text;
}

/*
 * A name that is captured nowhere would be skipped by the shipper, and only its
 * log would tell.  What cannot be found out here is left to it.
 */
static bool
is_captured(CheckSession *s, const Config *cfg, const char *table, Error *err)
{
	PgText sql = {0};
	PgText pattern = {0};
	PGresult *res;
	bool ok = true;

	pg_text_add(&pattern, "^(?:%s)$", table);
	pg_text_add(&sql,
				"SELECT count(*) FROM pg_class c JOIN pg_namespace n ON"
				" n.oid = c.relnamespace, LATERAL tuplecast.plan(c.oid, ");
	snapshot_options_text(&sql, cfg);
	pg_text_add(&sql, ") p WHERE c.relkind = 'r' AND c.relpersistence = 'p'"
					  " AND c.oid >= 16384 AND p.published IS NOT NULL"
					  " AND n.nspname || '.' || c.relname ~* ");
	pg_text_quoted(&sql, pattern.data, '\'');
	res = check_query(s, sql.data, err);
	free(sql.data);
	free(pattern.data);
	if (res == NULL)
		return s->conn != NULL && strcmp(s->sqlstate, "2201B") != 0;
	if (strcmp(PQgetvalue(res, 0, 0), "0") == 0)
	{
		ok = err_set(err, ERR_CONFIG, "snapshot_table",
					 "no captured table matches \"%.200s\"", table);
		err_hint(err,
				 "Write SCHEMA.TABLE as it is stored. Captured is what the "
				 "shipper's own options name: give the command the same "
				 "--config.");
	}
	PQclear(res);
	return ok;
}

static void
explain(CheckSession *s, const Config *cfg, Error *err)
{
	if (strcmp(s->sqlstate, "42501") == 0)
		err_hint(err,
				 "As the extension's owner: GRANT EXECUTE ON FUNCTION "
				 "tuplecast.signal TO %s;",
				 pg_user_name(cfg));
	else if (strcmp(s->sqlstate, "42883") == 0 ||
			 strcmp(s->sqlstate, "3F000") == 0)
		err_hint(err, "As a superuser, in that database: CREATE EXTENSION "
					  "tuplecast;");
}

static bool
send_signal(CheckSession *s, const Config *cfg, const Request *r, char *id,
			size_t size, Error *err)
{
	char *data = signal_data(r);
	PgText sql = {0};
	PGresult *res;

	if (data == NULL)
		return err_set(err, ERR_CONFIG, "snapshot_text",
					   "the command's words are no UTF-8");
	check_run(s, "SET default_transaction_read_only = off");
	check_run(s, "SET client_encoding = 'UTF8'");
	pg_text_add(&sql, "SELECT tuplecast.signal('%s-snapshot', ",
				strcmp(r->verb, "start") == 0 ? "execute" : r->verb);
	pg_text_quoted(&sql, data, '\'');
	pg_text_add(&sql, ")");
	res = check_query(s, sql.data, err);
	free(sql.data);
	free(data);
	if (res == NULL)
	{
		explain(s, cfg, err);
		return false;
	}
	snprintf(id, size, "%s", PQgetvalue(res, 0, 0));
	PQclear(res);
	return true;
}

/* Does somebody read the slot? */
static bool
is_streamed(CheckSession *s, const Config *cfg)
{
	PgText sql = {0};
	PGresult *res;
	Error ignored;
	bool yes;

	pg_text_add(&sql, "SELECT 1 FROM pg_replication_slots WHERE active AND "
					  "slot_name = ");
	pg_text_quoted(&sql, cfg->slot_name, '\'');
	res = check_query(s, sql.data, &ignored);
	free(sql.data);
	yes = res != NULL && PQntuples(res) == 1;
	PQclear(res);
	return yes;
}

static bool
run_request(const Config *cfg, void *arg, Error *err)
{
	const Request *r = arg;
	CheckSession s;
	char id[64] = "";
	bool ok;
	bool streamed = false;

	if (strcmp(r->verb, "status") == 0)
		return cmd_status_print_snapshot(cfg, r->json, err);
	ok = check_connect(&s, cfg, false, err);
	for (int i = 0; ok && strcmp(r->verb, "start") == 0 && i < r->ntables; i++)
		ok = is_captured(&s, cfg, r->tables[i], err);
	if (ok)
		ok = send_signal(&s, cfg, r, id, sizeof(id), err);
	if (ok)
		streamed = is_streamed(&s, cfg);
	check_disconnect(&s);
	if (!ok)
		return false;
	if (r->json)
		printf("{\"id\": \"%s\", \"streamed\": %s}\n", id,
			   streamed ? "true" : "false");
	else
		printf("sent the signal %s%s\n", id,
			   streamed
				   ? "; tuplecast snapshot status shows what becomes of it"
				   : ": nobody streams the slot at the moment, it is acted "
					 "on when somebody does");
	return true;
}

/* Tables stand before the first option. */
static bool
parse(Request *r, int *argc, char ***argv)
{
	memset(r, 0, sizeof(*r));
	if (*argc == 0 || !is_verb((*argv)[0]))
		return false;
	r->verb = (*argv)[0];
	r->tables = *argv + 1;
	while (1 + r->ntables < *argc && (*argv)[1 + r->ntables][0] != '-')
		r->ntables++;
	*argc -= 1 + r->ntables;
	*argv += 1 + r->ntables;
	r->json = command_take_flag(argc, *argv, "--json");
	r->where = command_take_value(argc, *argv, "--where");
	r->surrogate = command_take_value(argc, *argv, "--surrogate-key");
	if ((r->where != NULL && r->where[0] == '\0') ||
		(r->surrogate != NULL && r->surrogate[0] == '\0'))
		return false;
	if (strcmp(r->verb, "start") == 0)
		return r->ntables > 0;
	if (strcmp(r->verb, "stop") != 0 && r->ntables > 0)
		return false;
	return r->where == NULL && r->surrogate == NULL;
}

int
cmd_snapshot(int argc, char **argv)
{
	Request r;

	if (!parse(&r, &argc, &argv))
	{
		fputs(usage, stderr);
		return 2;
	}
	return command_run(argc, argv, r.json ? LOG_JSON : LOG_TEXT, run_request,
					   &r);
}
