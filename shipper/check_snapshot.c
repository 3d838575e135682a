/*
 * check_snapshot.c
 *		May the role read the rows that a snapshot is to have?
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "snapshot_query.h"

/* a function of that name, whatever its arguments are by now */
static const char function_query[] =
	"SELECT pg_catalog.bool_and(pg_catalog.has_function_privilege(p.oid, 'EXECUTE')) AS may,"
	" pg_catalog.quote_ident(current_user) AS role"
	" FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace"
	" WHERE n.nspname = 'tuplecast' AND p.proname = 'snapshot'";

static void judge_tables(Check *c, const char *role);


void
check_snapshot(Check *c)
{
	PgText repair = {0};
	PGresult *res;
	Error err;

	if (strcmp(c->cfg->snapshot_mode, "no_data") == 0)
	{
		findings_ok(c->findings, FIND_snapshot,
					"none is asked for (snapshot.mode=no_data)");
		return;
	}
	res = check_query(&c->source, function_query, &err);
	if (res == NULL)
	{
		findings_error(c->findings, FIND_snapshot, &err);
		return;
	}
	if (check_field(res, "may")[0] == '\0')
		findings_bad(c->findings, FIND_snapshot,
					 "CREATE EXTENSION tuplecast; -- as a superuser, in that "
					 "database",
					 "snapshot.mode=%s needs the function "
					 "tuplecast.snapshot(), which is not there",
					 c->cfg->snapshot_mode);
	else if (!check_is_true(res, "may"))
	{
		pg_text_add(&repair,
					"GRANT EXECUTE ON FUNCTION tuplecast.snapshot TO %s;",
					check_field(res, "role"));
		findings_bad(c->findings, FIND_snapshot, repair.data,
					 "the role %s may not call tuplecast.snapshot()",
					 check_field(res, "role"));
		free(repair.data);
	}
	else
		judge_tables(c, check_field(res, "role"));
	PQclear(res);
}

static void
judge_tables(Check *c, const char *role)
{
	PgText sql = {0};
	PgText repair = {0};
	CheckList hidden = {.limit = 10};
	CheckList secured = {.limit = 10};
	PGresult *res;
	Error err;

	pg_text_add(&sql,
				"SELECT c.oid::pg_catalog.regclass::pg_catalog.text AS name,"
				" pg_catalog.has_any_column_privilege(c.oid, 'SELECT') AS may,"
				" pg_catalog.row_security_active(c.oid) AS secured"
				" FROM pg_catalog.pg_class c, LATERAL tuplecast.plan(c.oid, ");
	snapshot_options_text(&sql, c->cfg);
	pg_text_add(&sql, ") p WHERE c.relkind = 'r' AND c.relpersistence = 'p'"
					  " AND c.oid >= 16384 AND p.published IS NOT NULL"
					  " ORDER BY 1");
	res = check_query(&c->source, sql.data, &err);
	free(sql.data);
	if (res == NULL)
	{
		findings_error(c->findings, FIND_snapshot, &err);
		return;
	}
	for (int i = 0; i < PQntuples(res); i++)
	{
		if (PQgetvalue(res, i, 1)[0] != 't')
		{
			check_list_add(&hidden, PQgetvalue(res, i, 0));
			pg_text_add(&repair, "%s%s",
						repair.len > 0 ? ", " : "GRANT SELECT ON ",
						PQgetvalue(res, i, 0));
		}
		if (PQgetvalue(res, i, 2)[0] == 't')
			check_list_add(&secured, PQgetvalue(res, i, 0));
	}
	if (hidden.count > 0)
	{
		pg_text_add(&repair, " TO %s;", role);
		findings_bad(c->findings, FIND_snapshot, repair.data,
					 "the role %s may not read %s", role,
					 check_list_text(&hidden));
	}
	else if (secured.count > 0)
	{
		pg_text_add(&repair, "ALTER ROLE %s BYPASSRLS; -- as a superuser",
					role);
		findings_bad(c->findings, FIND_snapshot, repair.data,
					 "row-level security hides rows from the role %s: %s", role,
					 check_list_text(&secured));
	}
	else
		findings_ok(c->findings, FIND_snapshot,
					"the role may read all rows of the captured tables (%d)",
					PQntuples(res));
	free(repair.data);
	check_list_free(&hidden);
	check_list_free(&secured);
	PQclear(res);
}
