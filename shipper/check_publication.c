/*
 * check_publication.c
 *		The publications that the configuration names.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "source_prepare.h"

/* what CREATE PUBLICATION would say; NULL: it is not ours to make */
static const char *const create_forms[] = {
	[AUTOCREATE_ALL_TABLES] = " FOR ALL TABLES",
	[AUTOCREATE_FILTERED] = " FOR TABLE …",
	[AUTOCREATE_NO_TABLES] = "",
	[AUTOCREATE_DISABLED] = NULL};

static const char rights_query[] =
	"SELECT r.rolsuper, has_database_privilege(current_database(), 'CREATE') AS may,"
	" quote_ident(current_database()) AS db"
	" FROM pg_roles r WHERE r.rolname = current_user";

static void judge_missing(Check *c, const char *name, bool alone);
static void judge_rights(Check *c, const char *name, const PgText *sql);


void
check_publication(Check *c)
{
	PgText sql = {0};
	PGresult *res;
	Error err;
	int missing = 0;

	if (c->cfg->publication_name[0] == '\0')
	{
		findings_ok(c->findings, FIND_publication,
					"none is named: the include and exclude lists alone "
					"select the tables");
		return;
	}
	prepare_look_text(&sql, c->cfg);
	res = check_query(&c->source, sql.data, &err);
	free(sql.data);
	if (res == NULL)
	{
		findings_error(c->findings, FIND_publication, &err);
		return;
	}
	for (int i = 0; i < PQntuples(res); i++)
	{
		if (PQgetvalue(res, i, 1)[0] == 't')
			continue;
		missing++;
		judge_missing(c, PQgetvalue(res, i, 0), PQntuples(res) == 1);
	}
	c->publication_missing = missing > 0;
	if (missing == 0)
		findings_ok(c->findings, FIND_publication, "exists: %s",
					c->cfg->publication_name);
	PQclear(res);
}

/* Only of a single name is it clear what it is to hold. */
static void
judge_missing(Check *c, const char *name, bool alone)
{
	const char *form = create_forms[c->cfg->publication_autocreate];
	PgText sql = {0};

	pg_text_add(&sql, "CREATE PUBLICATION ");
	pg_text_quoted(&sql, name, '"');
	pg_text_add(&sql, "%s%s;", alone && form != NULL ? form : " FOR TABLE …",
				c->cfg->via_root ? " WITH (publish_via_partition_root = true)"
								 : "");
	if (alone && form != NULL)
		judge_rights(c, name, &sql);
	else
	{
		pg_text_add(&sql,
					"\n-- or let run make it: publication.autocreate.mode");
		findings_bad(c->findings, FIND_publication, sql.data,
					 "\"%s\" does not exist", name);
	}
	free(sql.data);
}

static void
judge_rights(Check *c, const char *name, const PgText *sql)
{
	Error err;
	PGresult *res = check_query(&c->source, rights_query, &err);
	bool all = strstr(sql->data, " FOR ALL TABLES") != NULL;
	PgText repair = {0};

	if (res == NULL)
	{
		findings_error(c->findings, FIND_publication, &err);
		return;
	}
	if (check_is_true(res, "rolsuper") || (!all && check_is_true(res, "may")))
		findings_ok(c->findings, FIND_publication,
					"\"%s\" does not exist yet: run makes it", name);
	else
	{
		pg_text_add(&repair, "%s\n-- as %s", sql->data,
					all ? "a superuser"
						: "the owner of the tables, or a superuser");
		findings_bad(c->findings, FIND_publication, repair.data,
					 "\"%s\" does not exist, and the role may not make it",
					 name);
	}
	free(repair.data);
	PQclear(res);
}
