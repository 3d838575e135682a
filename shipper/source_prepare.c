/*
 * source_prepare.c
 *		What is made ready in the source before the slot: the publication and the
 *		replica identities that the configuration asks for.
 */
#include "source_prepare.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "snapshot_query.h"

typedef enum PrepareKind
{
	SET_SESSION,
	LOOK_PUBLICATIONS,
	LIST_TABLES,
	CHANGE_PUBLICATION,
	LIST_IDENTITIES,
	CHANGE_IDENTITY,
	LIST_CAPTURED
} PrepareKind;

struct PrepareCommand
{
	PrepareKind kind;
	bool create; /* of LIST_TABLES: there is no publication yet */
	char *sql;
	PrepareCommand *next;
};

/*
 * Regular expressions are full of backslashes, and no application must queue for
 * long behind our wait for its table.  But making a slot waits in a lock, too.
 */
static const char session_set[] =
	"SET standard_conforming_strings = on; SET lock_timeout = '5s'";
static const char session_reset[] = "RESET lock_timeout";

static char *captured_text(const Config *cfg);
static void read_captured(Prepare *p, const PGresult *res);
static PrepareCommand **put(PrepareCommand **at, PrepareKind kind, char *sql);
static void drop_current(Prepare *p);
static char *next_name(const char **s);
static void tables_text(PgText *sql, const Config *cfg, const char *name);
static bool read_publications(Prepare *p, const PGresult *res, Error *err);
static bool read_tables(Prepare *p, const PGresult *res, Error *err);
static void create_text(PgText *sql, const Config *cfg, const char *name,
						const char *tables);
static bool read_error(Prepare *p, const PGresult *res, Error *err);
static bool missing_publication(const char *name, const Config *cfg,
								Error *err);


bool
prepare_init(Prepare *p, const Config *cfg, bool slot_exists, Error *err)
{
	PrepareCommand **at = &p->todo;
	PgText sql = {0};

	memset(p, 0, sizeof(*p));
	p->cfg = cfg;
	p->slot_exists = slot_exists;
	if (cfg->publication_name[0] == '\0' && cfg->replica_identity[0] == '\0')
	{
		if (cfg->snapshot_new_tables != NEW_TABLES_OFF)
			put(at, LIST_CAPTURED, captured_text(cfg));
		return true;
	}
	pg_text_add(&sql, "%s", session_set);
	at = put(at, SET_SESSION, sql.data);
	if (cfg->publication_name[0] != '\0')
	{
		sql = (PgText){0};
		prepare_look_text(&sql, cfg);
		at = put(at, LOOK_PUBLICATIONS, sql.data);
	}
	if (cfg->replica_identity[0] != '\0')
	{
		sql = (PgText){0};
		if (!prepare_identities_text(&sql, cfg, err))
		{
			free(sql.data);
			prepare_free(p);
			return false;
		}
		at = put(at, LIST_IDENTITIES, sql.data);
	}
	sql = (PgText){0};
	pg_text_add(&sql, "%s", session_reset);
	at = put(at, SET_SESSION, sql.data);
	if (cfg->snapshot_new_tables != NEW_TABLES_OFF)
		put(at, LIST_CAPTURED, captured_text(cfg));
	return true;
}

void
prepare_free(Prepare *p)
{
	drop_current(p);
	while (p->todo != NULL)
	{
		p->current = p->todo;
		p->todo = p->current->next;
		drop_current(p);
	}
	known_tables_free(&p->captured);
}

bool
prepare_next(Prepare *p, PgText *sql)
{
	const char *change = prepare_change(p);

	if (change != NULL && !p->failed)
		log_event(LOG_INFO,
				  p->current->kind == CHANGE_IDENTITY
					  ? "set the replica identity of a table"
					  : "changed the publication",
				  F_STR("sql", change));
	drop_current(p);
	p->failed = false;
	p->current = p->todo;
	if (p->current == NULL)
		return false;
	p->todo = p->current->next;
	pg_text_add(sql, "%s", p->current->sql);
	return true;
}

const char *
prepare_change(const Prepare *p)
{
	if (p->current == NULL || (p->current->kind != CHANGE_PUBLICATION &&
							   p->current->kind != CHANGE_IDENTITY))
		return NULL;
	return p->current->sql;
}

void
prepare_skip(Prepare *p)
{
	p->failed = true;
}

bool
prepare_reply(Prepare *p, const PGresult *res, Error *err)
{
	PrepareCommand **at = &p->todo;

	if (PQresultStatus(res) == PGRES_COMMAND_OK)
		return true;
	if (PQresultStatus(res) != PGRES_TUPLES_OK &&
		p->current->kind == LIST_CAPTURED)
	{
		log_event(LOG_WARN,
				  "new tables are not noticed: which ones are captured could "
				  "not be asked (CREATE EXTENSION tuplecast)",
				  F_STR("error", PQresultErrorMessage(res)));
		return true;
	}
	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		return read_error(p, res, err);
	switch (p->current->kind)
	{
		case LOOK_PUBLICATIONS:
			return read_publications(p, res, err);
		case LIST_TABLES:
			return read_tables(p, res, err);
		case LIST_IDENTITIES:
			for (int i = 0; i < PQntuples(res); i++)
				at = put(at, CHANGE_IDENTITY, strdup(PQgetvalue(res, i, 0)));
			return true;
		case LIST_CAPTURED:
			read_captured(p, res);
			return true;
		default:
			return true;
	}
}

/* ---- the list of commands -------------------------------------------------- */

/* Takes the text; returns the place behind it. */
static PrepareCommand **
put(PrepareCommand **at, PrepareKind kind, char *sql)
{
	PrepareCommand *c = calloc(1, sizeof(*c));

	if (c == NULL || sql == NULL)
		abort();
	c->kind = kind;
	c->sql = sql;
	c->next = *at;
	*at = c;
	return &c->next;
}

static void
drop_current(Prepare *p)
{
	if (p->current == NULL)
		return;
	free(p->current->sql);
	free(p->current);
	p->current = NULL;
}

/* ---- publications ---------------------------------------------------------- */

/*
 * The next of a list of names as the output plugin reads it: in lower case
 * unless quoted.  NULL: none is left; the caller frees it.
 */
static char *
next_name(const char **s)
{
	const char *p = *s;
	char *name = malloc(strlen(p) + 1);
	size_t n = 0;
	bool quoted = false;

	if (name == NULL)
		abort();
	while (isspace((unsigned char) *p) || *p == ',')
		p++;
	for (; *p != '\0' && (quoted || *p != ','); p++)
	{
		if (*p == '"' && quoted && p[1] == '"')
			name[n++] = *p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (quoted)
			name[n++] = *p;
		else if (!isspace((unsigned char) *p))
			name[n++] = (char) (*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
	}
	*s = p;
	name[n] = '\0';
	if (n > 0)
		return name;
	free(name);
	return NULL;
}

void
prepare_look_text(PgText *sql, const Config *cfg)
{
	const char *rest = cfg->publication_name;
	char *name;
	const char *comma = "";

	pg_text_add(sql, "SELECT n.name, p.pubname IS NOT NULL,"
					 " coalesce(p.puballtables, false)"
					 " FROM unnest(ARRAY[");
	while ((name = next_name(&rest)) != NULL)
	{
		pg_text_add(sql, "%s", comma);
		pg_text_quoted(sql, name, '\'');
		comma = ", ";
		free(name);
	}
	pg_text_add(sql, "]::pg_catalog.name[]) WITH ORDINALITY AS n(name, i)"
					 " LEFT JOIN pg_catalog.pg_publication p"
					 " ON p.pubname = n.name ORDER BY n.i");
}

static bool
read_publications(Prepare *p, const PGresult *res, Error *err)
{
	const char *name = PQntuples(res) > 0 ? PQgetvalue(res, 0, 0) : "";
	bool exists = PQntuples(res) == 1 && PQgetvalue(res, 0, 1)[0] == 't';
	bool all_tables = exists && PQgetvalue(res, 0, 2)[0] == 't';
	int mode = p->cfg->publication_autocreate;
	PgText sql = {0};

	for (int i = 0; i < PQntuples(res); i++)
	{
		if (PQgetvalue(res, i, 1)[0] != 't' &&
			(mode == AUTOCREATE_DISABLED || PQntuples(res) > 1))
			return missing_publication(PQgetvalue(res, i, 0), p->cfg, err);
	}
	if (PQntuples(res) != 1 || (exists && mode != AUTOCREATE_FILTERED))
		return true;
	if (all_tables)
	{
		log_event(
			LOG_WARN,
			"the publication is for all tables and stays so, though publication.autocreate.mode is filtered",
			F_STR("publication", name));
		return true;
	}
	if (!exists && p->slot_exists)
		log_event(
			LOG_WARN,
			"the publication does not exist yet, but the slot does: changes from before cannot be judged by it, and the stream stops at the first of them",
			F_STR("publication", name), F_STR("slot", p->cfg->slot_name));
	if (mode == AUTOCREATE_FILTERED)
	{
		tables_text(&sql, p->cfg, name);
		put(&p->todo, LIST_TABLES, sql.data);
		p->todo->create = !exists;
		return true;
	}
	create_text(&sql, p->cfg, name,
				mode == AUTOCREATE_ALL_TABLES ? "ALL TABLES" : NULL);
	put(&p->todo, CHANGE_PUBLICATION, sql.data);
	return true;
}

/*
 * One row: name, all tables to be published, those that are to be added, those
 * that are to be taken out.  What a person has put in by way of a schema or a
 * partitioned table stays.
 */
static void
tables_text(PgText *sql, const Config *cfg, const char *name)
{
	pg_text_add(sql, "WITH pub AS (SELECT ");
	pg_text_quoted(sql, name, '\'');
	pg_text_add(
		sql,
		"::pg_catalog.name AS name), wanted AS (SELECT relation::pg_catalog.oid AS oid"
		" FROM tuplecast.relations(VARIADIC ARRAY[");
	prepare_options_text(sql, cfg);
	pg_text_add(
		sql,
		"])), listed AS (SELECT r.prrelid AS oid"
		" FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication b ON b.oid = r.prpubid"
		" JOIN pub ON b.pubname = pub.name),"
		" covered AS (SELECT c.oid FROM pg_catalog.pg_publication_tables t JOIN pub ON t.pubname = pub.name"
		" JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname"
		" JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename),"
		" names AS (SELECT c.oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name"
		" FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace)"
		" SELECT pub.name,"
		" (SELECT pg_catalog.string_agg(names.name, ', ' ORDER BY names.name) FROM names JOIN wanted USING (oid)),"
		" (SELECT pg_catalog.string_agg(names.name, ', ' ORDER BY names.name) FROM names JOIN wanted USING (oid)"
		"  WHERE oid NOT IN (SELECT oid FROM listed) AND oid NOT IN (SELECT oid FROM covered)),"
		" (SELECT pg_catalog.string_agg(names.name, ', ' ORDER BY names.name) FROM names JOIN listed USING (oid)"
		"  WHERE NOT EXISTS (SELECT FROM wanted w WHERE w.oid = names.oid OR names.oid IN"
		"   (SELECT a.relid::pg_catalog.oid FROM pg_catalog.pg_partition_ancestors(w.oid) AS a(relid))))"
		" FROM pub");
}

void
prepare_options_text(PgText *sql, const Config *cfg)
{
	const char *comma = "";

	for (size_t i = 0; i < cfg->plugin.count; i++)
	{
		if (strcmp(cfg->plugin.items[i].name, "publication.name") == 0)
			continue;
		pg_text_add(sql, "%s", comma);
		pg_text_quoted(sql, cfg->plugin.items[i].name, '\'');
		pg_text_add(sql, ", ");
		pg_text_quoted(sql, cfg->plugin.items[i].value, '\'');
		comma = ", ";
	}
}

static bool
read_tables(Prepare *p, const PGresult *res, Error *err)
{
	const char *name = PQgetvalue(res, 0, 0);
	PrepareCommand **at = &p->todo;
	PgText sql = {0};

	if (PQgetisnull(res, 0, 1))
	{
		err_set(err, ERR_ENVIRONMENT, "publication_empty",
				"no table is selected for the publication \"%s\"", name);
		err_detail(err, "Nothing would ever be published.");
		err_hint(
			err,
			"Correct schema.include.list, table.include.list and their like, create the tables first, or set publication.autocreate.mode=no_tables.");
		return false;
	}
	if (p->current->create)
	{
		create_text(&sql, p->cfg, name, PQgetvalue(res, 0, 1));
		put(at, CHANGE_PUBLICATION, sql.data);
		return true;
	}
	for (int i = 2; i <= 3; i++)
	{
		if (PQgetisnull(res, 0, i))
			continue;
		sql = (PgText){0};
		pg_text_add(&sql, "ALTER PUBLICATION ");
		pg_text_quoted(&sql, name, '"');
		pg_text_add(&sql, " %s TABLE %s", i == 2 ? "ADD" : "DROP",
					PQgetvalue(res, 0, i));
		at = put(at, CHANGE_PUBLICATION, sql.data);
	}
	return true;
}

/* tables: "ALL TABLES", a list of names, or NULL */
static void
create_text(PgText *sql, const Config *cfg, const char *name,
			const char *tables)
{
	bool all = tables != NULL && strcmp(tables, "ALL TABLES") == 0;

	pg_text_add(sql, "CREATE PUBLICATION ");
	pg_text_quoted(sql, name, '"');
	if (tables != NULL)
		pg_text_add(sql, " FOR %s%s", all ? "" : "TABLE ", tables);
	if (cfg->via_root)
		pg_text_add(sql, " WITH (publish_via_partition_root = true)");
}

static bool
missing_publication(const char *name, const Config *cfg, Error *err)
{
	PgText sql = {0};

	err_set(err, ERR_ENVIRONMENT, "publication_missing",
			"the publication \"%s\" does not exist", name);
	err_detail(err, "publication.name names it.");
	create_text(&sql, cfg, name, NULL);
	err_hint(
		err,
		"Create it: %s, with FOR ALL TABLES or FOR TABLE …; or set publication.autocreate.mode to filtered or all_tables (for a single name); or remove publication.name: without one the include and exclude lists alone select the tables.",
		sql.data);
	free(sql.data);
	return false;
}

/* ---- errors ---------------------------------------------------------------- */

/* The functions by which tables are selected are the extension's. */
static bool
extension_missing(const Prepare *p, const char *message, Error *err)
{
	err_set(
		err, ERR_ENVIRONMENT, "extension_missing",
		"%s needs the SQL functions of the extension, which this database does not have: %s",
		p->current->kind == LIST_IDENTITIES
			? "replica.identity.autoset.values"
			: "publication.autocreate.mode=filtered",
		message);
	err_hint(err, "As a superuser, in this database: CREATE EXTENSION "
				  "tuplecast;");
	return false;
}

/* What a person must repair, what time heals, and what may be left so. */
static bool
read_error(Prepare *p, const PGresult *res, Error *err)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *change = prepare_change(p);
	bool denied;

	state = state != NULL ? state : "";
	message = message != NULL ? message : PQresultErrorMessage(res);
	denied = strcmp(state, "42501") == 0;
	if (change == NULL &&
		(strcmp(state, "3F000") == 0 || strcmp(state, "42883") == 0))
		return extension_missing(p, message, err);
	if (change == NULL || strncmp(state, "57", 2) == 0)
	{
		pg_result_error(res, PG_ASKING, p->cfg, err);
		/* an option that the functions refuse, as the output plugin would */
		if (strncmp(state, "22", 2) == 0)
			err->kind = ERR_CONFIG;
		return false;
	}
	if (denied && p->current->kind == CHANGE_IDENTITY)
	{
		log_event(
			LOG_WARN,
			"could not set the replica identity of a table; its owner or a superuser must",
			F_STR("sql", change), F_STR("error", message));
		p->failed = true;
		return true;
	}
	err_set(err, ERR_ENVIRONMENT,
			p->current->kind == CHANGE_IDENTITY ? "replica_identity"
												: "publication",
			"could not %s: %s (SQLSTATE %s)",
			p->current->kind == CHANGE_IDENTITY
				? "set the replica identity of a table"
				: "make the publication ready",
			message, state);
	err_detail(err, "The statement was: %.450s", change);
	/* somebody made it just now, or holds the table */
	if (strcmp(state, "42710") == 0 || strcmp(state, "55P03") == 0 ||
		strncmp(state, "40", 2) == 0)
		err->kind = ERR_RETRY;
	else if (strcmp(state, "25006") == 0)
		err_hint(err, "The source is a standby: run it on the primary.");
	else if (denied)
		err_hint(
			err,
			"Have it run by %s: %.700s; or let the role do it: GRANT CREATE ON DATABASE … TO \"%s\" and ownership of the tables.",
			strstr(change, " FOR ALL TABLES") != NULL
				? "a superuser"
				: "the owner of the tables, or a superuser",
			change, pg_user_name(p->cfg));
	return false;
}

/* ---- what is captured -------------------------------------------------------- */

static char *
captured_text(const Config *cfg)
{
	PgText sql = {0};

	pg_text_add(
		&sql, "SELECT n.nspname, c.relname FROM tuplecast.relations(VARIADIC ");
	snapshot_options_text(&sql, cfg);
	pg_text_add(&sql,
				") r JOIN pg_catalog.pg_class c ON c.oid = r.relation"
				" JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace");
	return sql.data;
}

static void
read_captured(Prepare *p, const PGresult *res)
{
	p->captured.listed = true;
	for (int i = 0; i < PQntuples(res); i++)
	{
		const char *schema = PQgetvalue(res, i, 0);
		const char *table = PQgetvalue(res, i, 1);

		(void) known_tables_add(&p->captured, schema, strlen(schema), table,
								strlen(table));
	}
}
