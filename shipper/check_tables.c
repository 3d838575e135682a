/*
 * check_tables.c
 *		The captured tables, as tuplecast.relations() gives them: topics, keys and
 *		replica identities.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"

/* names shown in a line, and statements in a repair */
#define NAMES_SHOWN		 10
#define STATEMENTS_SHOWN 50

/*
 * Identity and large values are of the partitions that hold the rows; "full"
 * and "old" are the statements that repair it.
 */
static const char query_head[] =
	"WITH r AS MATERIALIZED (SELECT * FROM tuplecast.relations(VARIADIC ARRAY[";
static const char query_tail[] =
	"]::text[])), routed AS (SELECT %s AS routed), leaf AS (SELECT r.relation, l.oid, l.reltoastrelid,"
	"  l.relreplident = 'f' AS is_full,"
	"  EXISTS (SELECT FROM pg_index i WHERE i.indrelid = l.oid AND i.indisprimary) AS has_pk"
	" FROM r JOIN pg_class c ON c.oid = r.relation CROSS JOIN LATERAL"
	"  (SELECT t.relid FROM pg_partition_tree(c.oid) t WHERE c.relkind = 'p' AND t.isleaf"
	"   UNION ALL SELECT c.oid WHERE c.relkind <> 'p') p JOIN pg_class l ON l.oid = p.relid)"
	" SELECT r.relation::text AS name, r.topic, cardinality(r.key) AS nkey,"
	" r.replica_identity AS identity, r.key_in_identity AS identified,"
	" length(r.topic) > 249 AS too_long,"
	" (min(r.topic) OVER same <> max(r.topic) OVER same"
	"  OR (count(r.topic) OVER same > 1 AND NOT routed.routed)) AS collides,"
	" array_to_string(r.lost_if_unchanged, ', ') AS lost,"
	" l.large, l.full_sql, l.old_sql"
	" FROM r CROSS JOIN routed LEFT JOIN LATERAL (SELECT"
	"  bool_or(reltoastrelid <> 0) AS large,"
	"  string_agg(format('ALTER TABLE %%s REPLICA IDENTITY FULL;', oid::regclass), E'\\n' ORDER BY oid)"
	"   FILTER (WHERE NOT is_full) AS full_sql,"
	"  string_agg(format('ALTER TABLE %%s REPLICA IDENTITY %%s;', oid::regclass,"
	"   CASE WHEN has_pk THEN 'DEFAULT' ELSE 'FULL' END), E'\\n' ORDER BY oid)"
	"   FILTER (WHERE NOT is_full) AS old_sql"
	"  FROM leaf WHERE leaf.relation = r.relation) l ON true"
	" WINDOW same AS (PARTITION BY translate(r.topic, '.', '_'))"
	" ORDER BY r.topic COLLATE \"C\"";

static const char others_query[] =
	"SELECT count(*) AS n, string_agg(name, ', ' ORDER BY name) FILTER (WHERE i <= 10) AS names"
	" FROM (SELECT format('%s.%s', n.nspname, c.relname) AS name,"
	"  row_number() OVER (ORDER BY n.nspname, c.relname) AS i"
	" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
	" WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.oid >= 16384"
	" AND n.nspname NOT IN ('tuplecast', 'information_schema')) t";

/* the cases that are told together, each as one finding */
typedef struct Group
{
	CheckList names;
	PgText repair;
	size_t statements;
} Group;

static PGresult *query_tables(Check *c, Error *err);
static void judge_none(Check *c);
static void judge_refused(Check *c, const Error *err);
static void keep_tables(Check *c, const PGresult *res);
static void judge_topics(Check *c, const PGresult *res);
static void judge_keys(Check *c, const PGresult *res);
static void judge_deletes(Check *c, const PGresult *res);
static void judge_old_keys(Check *c, const PGresult *res);
static void judge_large(Check *c, const PGresult *res);


void
check_tables(Check *c)
{
	PGresult *res;
	Error err;

	if (!c->functions)
	{
		findings_skip_rest(c->findings, FIND_captured_tables,
						   FIND_toast_identity,
						   "the functions of the extension cannot be called");
		return;
	}
	res = query_tables(c, &err);
	if (res == NULL)
		judge_refused(c, &err);
	if (c->on_trial)
		check_run(&c->source, "ROLLBACK");
	c->on_trial = false;
	if (res == NULL)
		return;
	c->tables_known = true;
	if (PQntuples(res) == 0)
		judge_none(c);
	else
	{
		keep_tables(c, res);
		judge_topics(c, res);
		judge_keys(c, res);
		judge_deletes(c, res);
		judge_old_keys(c, res);
		judge_large(c, res);
	}
	PQclear(res);
}

void
check_tables_free(Check *c)
{
	for (size_t i = 0; i < c->ntables; i++)
	{
		free(c->tables[i].name);
		free(c->tables[i].topic);
	}
	free(c->tables);
	c->tables = NULL;
	c->ntables = 0;
}

static PGresult *
query_tables(Check *c, Error *err)
{
	const ConfigPairs *options = &c->cfg->plugin;
	PgText sql = {0};
	PGresult *res;

	pg_text_add(&sql, "%s", query_head);
	for (size_t i = 0; i < options->count; i++)
	{
		if (c->publication_missing &&
			strcmp(options->items[i].name, "publication.name") == 0)
			continue;
		if (i > 0)
			pg_text_add(&sql, ", ");
		pg_text_quoted(&sql, options->items[i].name, '\'');
		pg_text_add(&sql, ", ");
		pg_text_quoted(&sql, options->items[i].value, '\'');
	}
	/* a router leads tables to one topic on purpose */
	pg_text_add(&sql, query_tail,
				strstr(c->cfg->transforms, "-router ") != NULL ? "true"
															   : "false");
	res = check_query(&c->source, sql.data, err);
	free(sql.data);
	return res;
}

static void
judge_refused(Check *c, const Error *err)
{
	const char *state = c->source.sqlstate;
	Error told = *err;

	/* not what locks, a lack of time or of a connection did */
	if (strncmp(state, "22", 2) == 0 || strncmp(state, "42", 2) == 0 ||
		strncmp(state, "0A", 2) == 0)
	{
		told.kind = ERR_CONFIG;
		findings_error(c->findings, FIND_captured_tables, &told);
	}
	else
		findings_error_warn(c->findings, FIND_captured_tables, &told);
	findings_skip_rest(c->findings, FIND_captured_tables, FIND_toast_identity,
					   "the captured tables are not known");
}

static void
judge_none(Check *c)
{
	Error err;
	PGresult *res = check_query(&c->source, others_query, &err);

	if (res == NULL)
		findings_error_warn(c->findings, FIND_captured_tables, &err);
	else if (check_number(res, "n") == 0)
		findings_add(c->findings, FIND_captured_tables, FINDING_WARN,
					 "CREATE TABLE …; tables that are made later are captured "
					 "from then on",
					 "the database has no tables yet");
	else
		findings_add(c->findings, FIND_captured_tables,
					 /* messages alone are a use, too */
					 c->cfg->message_prefix_include[0] != '\0' ? FINDING_WARN
															   : FINDING_FAIL,
					 "Correct schema.include.list, schema.exclude.list, "
					 "table.include.list and table.exclude.list: regular "
					 "expressions, divided by commas, each for the whole of "
					 "SCHEMA or SCHEMA.TABLE, as public\\.orders. tuplecast "
					 "config shows what they are and where it comes from.",
					 "none of the %s tables is captured; there are: %s%s",
					 check_field(res, "n"), check_field(res, "names"),
					 check_number(res, "n") > 10 ? ", …" : "");
	PQclear(res);
	findings_skip_rest(c->findings, FIND_topic_names, FIND_toast_identity,
					   "no table is captured");
}

/* ---- rows ------------------------------------------------------------------ */

static const char *
cell(const PGresult *res, int row, const char *column)
{
	int i = PQfnumber(res, column);

	return i < 0 || PQgetisnull(res, row, i) ? "" : PQgetvalue(res, row, i);
}

static bool
holds(const PGresult *res, int row, const char *column)
{
	return cell(res, row, column)[0] == 't';
}

static bool
has_key(const PGresult *res, int row)
{
	return strcmp(cell(res, row, "nkey"), "0") != 0 &&
		   cell(res, row, "nkey")[0] != '\0';
}

static void
group_init(Group *g)
{
	memset(g, 0, sizeof(*g));
	g->names.limit = NAMES_SHOWN;
}

static void
group_add(Group *g, const char *name, const char *statement)
{
	check_list_add(&g->names, name);
	if (statement[0] != '\0' && g->statements++ < STATEMENTS_SHOWN)
		pg_text_add(&g->repair, "%s%s", g->repair.len > 0 ? "\n" : "",
					statement);
}

static const char *
group_repair(Group *g)
{
	if (g->statements > STATEMENTS_SHOWN)
		pg_text_add(&g->repair, "\n-- and %zu more",
					g->statements - STATEMENTS_SHOWN);
	g->statements = 0;
	return g->repair.data != NULL ? g->repair.data : "";
}

static void
group_free(Group *g)
{
	check_list_free(&g->names);
	free(g->repair.data);
}

static const char *
plural(size_t n)
{
	return n == 1 ? "table" : "tables";
}

/* ---- judgements ------------------------------------------------------------ */

static void
keep_tables(Check *c, const PGresult *res)
{
	CheckList topics = {.limit = NAMES_SHOWN};
	int n = PQntuples(res);

	c->tables = calloc((size_t) n, sizeof(*c->tables));
	if (c->tables == NULL)
		abort();
	for (int i = 0; i < n; i++)
	{
		CheckTable *t;

		/* each event of an outbox names its own */
		if (cell(res, i, "topic")[0] == '\0')
		{
			check_list_add(&topics, "the topics that events name");
			continue;
		}
		t = &c->tables[c->ntables++];
		t->name = strdup(cell(res, i, "name"));
		t->topic = strdup(cell(res, i, "topic"));
		if (t->name == NULL || t->topic == NULL)
			abort();
		t->has_key = has_key(res, i);
		c->null_key |= !t->has_key;
		check_list_add(&topics, t->topic);
	}
	findings_ok(c->findings, FIND_captured_tables, "%d %s, to %s", n,
				plural((size_t) n), check_list_text(&topics));
	check_list_free(&topics);
}

static void
judge_topics(Check *c, const PGresult *res)
{
	Group bad;
	char item[1024];

	group_init(&bad);
	for (int i = 0; i < PQntuples(res); i++)
	{
		if (!holds(res, i, "too_long") && !holds(res, i, "collides"))
			continue;
		snprintf(item, sizeof(item), "%s to \"%s\"", cell(res, i, "name"),
				 cell(res, i, "topic"));
		group_add(&bad, item, "");
	}
	if (bad.names.count == 0)
		findings_ok(c->findings, FIND_topic_names,
					"all are allowed, and each is of one table");
	else
		findings_bad(c->findings, FIND_topic_names,
					 "Leave a table out (table.exclude.list), rename it, or "
					 "shorten topic.prefix.",
					 "longer than 249 characters, or the same as another's but "
					 "for '.' and '_', which Kafka takes for one: %s",
					 check_list_text(&bad.names));
	group_free(&bad);
}

static void
judge_keys(Check *c, const PGresult *res)
{
	Group bad;
	PgText note = {0};

	group_init(&bad);
	for (int i = 0; i < PQntuples(res); i++)
		if (!has_key(res, i))
			group_add(&bad, cell(res, i, "name"), "");
	if (bad.names.count == 0)
		findings_ok(c->findings, FIND_table_keys, "all tables have one");
	else
	{
		pg_text_add(&note,
					"-- for each: ALTER TABLE … ADD PRIMARY KEY (…); or "
					"message.key.columns=SCHEMA.TABLE:COLUMN,… if some columns "
					"name a row");
		findings_bad(c->findings, FIND_table_keys, note.data,
					 "%zu %s without a usable key: %s", bad.names.count,
					 plural(bad.names.count), check_list_text(&bad.names));
	}
	free(note.data);
	group_free(&bad);
}

/* What of the old row the records show; NULL: nothing but its key. */
static const char *
needs_old_row(const Config *cfg)
{
	if (cfg->format != FORMAT_FLAT)
		return "format=envelope";
	if (strchr(cfg->skipped_operations, 'd') != NULL)
		return NULL;
	if (cfg->delete_mode == DELETE_REWRITE)
		return "delete.tombstone.handling.mode=rewrite";
	if (cfg->delete_mode == DELETE_REWRITE_WITH_TOMBSTONE)
		return "delete.tombstone.handling.mode=rewrite-with-tombstone";
	return NULL;
}

static void
judge_deletes(Check *c, const PGresult *res)
{
	const char *because = needs_old_row(c->cfg);
	Group bad;

	group_init(&bad);
	for (int i = 0; because != NULL && i < PQntuples(res); i++)
		if (cell(res, i, "full_sql")[0] != '\0')
			group_add(&bad, cell(res, i, "name"), cell(res, i, "full_sql"));
	if (because == NULL)
		findings_ok(c->findings, FIND_delete_identity,
					"no record shows more of a deleted row than its key");
	else if (bad.names.count == 0)
		findings_ok(c->findings, FIND_delete_identity,
					"all tables have REPLICA IDENTITY FULL");
	else
		findings_bad(c->findings, FIND_delete_identity, group_repair(&bad),
					 "%s shows the old row, but of %zu %s only the columns of "
					 "the replica identity are known, not FULL: %s",
					 because, bad.names.count, plural(bad.names.count),
					 check_list_text(&bad.names));
	group_free(&bad);
}

static void
judge_old_keys(Check *c, const PGresult *res)
{
	Group bad;

	group_init(&bad);
	for (int i = 0; i < PQntuples(res); i++)
		if (has_key(res, i) && !holds(res, i, "identified"))
			group_add(&bad, cell(res, i, "name"), cell(res, i, "old_sql"));
	if (bad.names.count == 0)
		findings_ok(c->findings, FIND_key_identity,
					"the replica identity of each table holds its key");
	else
		findings_bad(c->findings, FIND_key_identity, group_repair(&bad),
					 "the replica identity of %zu %s lacks columns of the key: "
					 "%s",
					 bad.names.count, plural(bad.names.count),
					 check_list_text(&bad.names));
	group_free(&bad);
}

static void
judge_large(Check *c, const PGresult *res)
{
	Group bad;
	CheckList lost = {.limit = NAMES_SHOWN};
	char item[512];

	group_init(&bad);
	for (int i = 0; i < PQntuples(res); i++)
	{
		if (!holds(res, i, "large") || cell(res, i, "full_sql")[0] == '\0')
			continue;
		group_add(&bad, cell(res, i, "name"), cell(res, i, "full_sql"));
		if (cell(res, i, "lost")[0] == '\0')
			continue;
		snprintf(item, sizeof(item), "%s (%s)", cell(res, i, "name"),
				 cell(res, i, "lost"));
		check_list_add(&lost, item);
	}
	if (bad.names.count == 0)
		findings_ok(c->findings, FIND_toast_identity,
					"no table has them without REPLICA IDENTITY FULL");
	else
		findings_bad(c->findings, FIND_toast_identity, group_repair(&bad),
					 "%zu %s with columns that can hold values stored apart "
					 "(TOAST), and no REPLICA IDENTITY FULL: %s%s%s",
					 bad.names.count, plural(bad.names.count),
					 check_list_text(&bad.names),
					 lost.count > 0 ? "; of types that have no form for a "
									  "placeholder, so that such a value "
									  "becomes null: "
									: "",
					 lost.count > 0 ? check_list_text(&lost) : "");
	check_list_free(&lost);
	group_free(&bad);
}
