/*
 * incremental_query.c
 *		The commands of a snapshot that runs with the stream, and their answers.
 */
#include "incremental_query.h"

#include <stdlib.h>
#include <string.h>

#include "snapshot_query.h"
#include "snapshot_reader.h"
#include "wire.h"

/* columns of incremental_list_text() */
enum
{
	L_OID,
	L_NAME,
	L_QUOTED,
	L_SCHEMA,
	L_TABLE,
	L_ITEM
};

/* columns of incremental_open_text(), a row for each column of the key */
enum
{
	O_SNAPSHOT,
	O_SCHEMA,
	O_TABLE,
	O_COLUMNS,
	O_OPERATOR,
	O_EXACT = O_OPERATOR + 3,
	O_KEY,
	O_TYPE
};

/* of tuplecast.chunk() */
enum
{
	AFTER,
	UP_TO,
	EQUAL
};


void
chunk_query_free(ChunkQuery *q)
{
	for (size_t i = 0; i < q->nkey; i++)
	{
		free(q->key[i]);
		free(q->types[i]);
	}
	for (int i = 0; i < 3; i++)
		free(q->operators[i]);
	free(q->key);
	free(q->types);
	free(q->columns);
	memset(q, 0, sizeof(*q));
}

/*
 * Keys go to the server as the text that it gave.  The message must not wait for
 * a synchronous standby.
 */
void
incremental_session_text(PgText *sql, const Config *cfg)
{
	pg_text_add(
		sql,
		"%s SET lock_timeout = %lld; SET synchronous_commit = local;"
		" SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET timezone = 'UTC';"
		" SET bytea_output = 'hex'; SET extra_float_digits = 1; SET xmloption = 'content'",
		reader_session_text, (long long) cfg->snapshot_lock_timeout);
}

/* Each relation that holds rows, and the first of the collections that names it,
 * its root, or what it is published as. */
void
incremental_list_text(PgText *sql, const Config *cfg,
					  const IncrementalCollection *items, size_t count)
{
	pg_text_add(
		sql,
		"SELECT c.oid::pg_catalog.int8, n.nspname || '.' || c.relname,"
		" pg_catalog.format('%%I.%%I', n.nspname, c.relname),"
		" pn.nspname, pc.relname, w.item"
		" FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,"
		" LATERAL tuplecast.plan(c.oid, ");
	snapshot_options_text(sql, cfg);
	pg_text_add(sql,
				") p JOIN pg_catalog.pg_class pc ON pc.oid = p.published"
				" JOIN pg_catalog.pg_namespace pn ON pn.oid = pc.relnamespace,"
				" (VALUES ");
	for (size_t i = 0; i < count; i++)
	{
		pg_text_add(sql, "%s(%zu, ", i > 0 ? ", " : "", i);
		pg_text_quoted(sql, items[i].pattern, '\'');
		pg_text_add(sql, ")");
	}
	pg_text_add(
		sql,
		") w(item, pattern)"
		" WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.oid >= 16384"
		" AND p.published IS NOT NULL AND EXISTS (SELECT 1 FROM (VALUES (c.oid),"
		" (p.published::pg_catalog.oid), (pg_catalog.pg_partition_root(c.oid)::pg_catalog.oid)) r(oid)"
		" WHERE r.oid IS NOT NULL AND (tuplecast.plan(r.oid,"
		" ARRAY['topic.prefix', 'x', 'table.include.list', w.pattern])).published IS NOT NULL)"
		" ORDER BY w.item, (n.nspname || '.' || c.relname) COLLATE \"C\"");
}

void
incremental_list_read(Incremental *inc, const PGresult *res)
{
	int n = PQntuples(res);
	IncrementalListed *items = calloc((size_t) n + 1, sizeof(*items));

	if (items == NULL)
		abort();
	for (int i = 0; i < n; i++)
		items[i] = (IncrementalListed){
			.oid = (uint32_t) strtoul(PQgetvalue(res, i, L_OID), NULL, 10),
			.name = PQgetvalue(res, i, L_NAME),
			.quoted = PQgetvalue(res, i, L_QUOTED),
			.schema = PQgetvalue(res, i, L_SCHEMA),
			.table = PQgetvalue(res, i, L_TABLE),
			.item = strtoul(PQgetvalue(res, i, L_ITEM), NULL, 10),
		};
	incremental_listed(inc, items, (size_t) n);
	free(items);
}

/* Who is idle in a transaction did not commit it.  Of other roles' sessions only
 * members of pg_read_all_stats see the state. */
void
incremental_poll_text(PgText *sql)
{
	pg_text_add(
		sql,
		"SELECT pg_catalog.pg_current_snapshot(), (SELECT pg_catalog.string_agg(backend_xid::pg_catalog.text, ',')"
		" FROM pg_catalog.pg_stat_activity WHERE backend_xid IS NOT NULL AND state LIKE 'idle in transaction%%'),"
		" (SELECT pg_catalog.string_agg(transactionid::pg_catalog.text, ',') FROM pg_catalog.pg_locks"
		" WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock' AND granted)");
}

/* free() it. */
static uint32_t *
read_xids(const char *s, size_t *count)
{
	uint32_t *xids = calloc(strlen(s) + 1, sizeof(*xids));
	char *end;

	if (xids == NULL)
		abort();
	for (*count = 0; *s != '\0'; s = *end == ',' ? end + 1 : "")
		xids[(*count)++] = (uint32_t) strtoul(s, &end, 10);
	return xids;
}

void
incremental_poll_read(Incremental *inc, const PGresult *res, int64_t now_ms)
{
	size_t nheld;
	size_t nidle;
	uint32_t *idle = read_xids(PQgetvalue(res, 0, 1), &nidle);
	uint32_t *held = read_xids(PQgetvalue(res, 0, 2), &nheld);

	incremental_held(inc, held, nheld);
	incremental_polled(inc, PQgetvalue(res, 0, 0), idle, nidle, now_ms);
	free(held);
	free(idle);
}

/* The lock comes before the snapshot, so that both have the same table. */
void
incremental_open_text(PgText *sql, const Config *cfg, const IncrementalTable *t)
{
	pg_text_add(sql,
				"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
				" LOCK TABLE ONLY %s IN ACCESS SHARE MODE;"
				" SELECT pg_catalog.pg_current_snapshot(), c.published[1], "
				"c.published[2], c.columns, c.operators[1], c.operators[2], "
				"c.operators[3], c.exact, k.name, k.type FROM (SELECT) one"
				" LEFT JOIN LATERAL tuplecast.chunk(%u, ",
				t->quoted, t->oid);
	snapshot_options_text(sql, cfg);
	if (t->surrogate != NULL)
	{
		pg_text_add(sql, ", ");
		pg_text_quoted(sql, t->surrogate, '\'');
	}
	pg_text_add(sql, ") c ON c.name = ");
	pg_text_quoted(sql, t->quoted, '\'');
	pg_text_add(sql, " LEFT JOIN LATERAL ROWS FROM (pg_catalog.unnest(c.key),"
					 " pg_catalog.unnest(c.types)) k(name, type) ON true");
}

static char *
copy_value(const PGresult *res, int row, int column)
{
	char *copy = strdup(PQgetvalue(res, row, column));

	if (copy == NULL)
		abort();
	return copy;
}

void
incremental_open_read(Incremental *inc, ChunkQuery *q, const PGresult *res)
{
	PgText columns = {NULL, 0, 0};
	int n = PQntuples(res);

	chunk_query_free(q);
	if (n < 1 || PQgetisnull(res, 0, O_KEY))
	{
		incremental_refused(inc, INCREMENTAL_GONE,
							"the table was dropped or renamed, or is not "
							"captured any more");
		return;
	}
	q->columns = copy_value(res, 0, O_COLUMNS);
	for (int i = 0; i < 3; i++)
		q->operators[i] = copy_value(res, 0, O_OPERATOR + i);
	q->key = calloc((size_t) n, sizeof(*q->key));
	q->types = calloc((size_t) n, sizeof(*q->types));
	if (q->key == NULL || q->types == NULL)
		abort();
	for (q->nkey = 0; q->nkey < (size_t) n; q->nkey++)
	{
		q->key[q->nkey] = copy_value(res, (int) q->nkey, O_KEY);
		q->types[q->nkey] = copy_value(res, (int) q->nkey, O_TYPE);
		pg_text_add(&columns, "%s%s %s", q->nkey > 0 ? ", " : "",
					q->key[q->nkey], q->types[q->nkey]);
	}
	incremental_opened(inc, PQgetvalue(res, 0, O_SNAPSHOT),
					   PQgetvalue(res, 0, O_SCHEMA),
					   PQgetvalue(res, 0, O_TABLE), columns.data,
					   PQgetvalue(res, 0, O_EXACT)[0] == 't');
	free(columns.data);
}

/* ---- the key ------------------------------------------------------------- */

/* Under names of their own: by that of the column they would be sorted as text. */
static void
key_texts(PgText *sql, const ChunkQuery *q)
{
	for (size_t i = 0; i < q->nkey; i++)
		pg_text_add(sql, "%s(%s)::pg_catalog.text AS \"tuplecast key %zu\"",
					i > 0 ? ", " : "", q->key[i], i);
}

static void
order_by(PgText *sql, const ChunkQuery *q, const char *how)
{
	pg_text_add(sql, " ORDER BY ");
	for (size_t i = 0; i < q->nkey; i++)
		pg_text_add(sql, "%s%s%s", i > 0 ? ", " : "", q->key[i], how);
}

/* (a, b) > ('x'::type, 'y'::type) */
static void
compare(PgText *sql, const ChunkQuery *q, int operator,
		const IncrementalKey * key)
{
	const char *row = q->nkey > 1 ? "ROW" : "";
	size_t at = 0;

	pg_text_add(sql, "%s(", row);
	for (size_t i = 0; i < q->nkey; i++)
		pg_text_add(sql, "%s%s", i > 0 ? ", " : "", q->key[i]);
	pg_text_add(sql, ") %s %s(", q->operators[operator], row);
	for (size_t i = 0; i < q->nkey; i++)
	{
		pg_text_add(sql, "%s", i > 0 ? ", " : "");
		pg_text_quoted(sql, at < key->len ? key->text + at : "", '\'');
		pg_text_add(sql, "::%s", q->types[i]);
		if (at < key->len)
			at += strlen(key->text + at) + 1;
	}
	pg_text_add(sql, ")");
}

/* what of the table the chunk holds */
static void
condition(PgText *sql, const ChunkQuery *q, const IncrementalTable *t,
		  size_t requeued)
{
	const char * or = "";

	pg_text_add(sql, " FROM ONLY %s WHERE ", t->quoted);
	/* in a line of its own: it may end in a comment */
	if (t->filter != NULL)
	{
		pg_text_add(sql, "(");
		pg_text_add(sql, "%s", t->filter);
		pg_text_add(sql, "\n) AND ");
	}
	if (requeued == 0)
	{
		compare(sql, q, UP_TO, &t->max);
		if (t->last.text != NULL)
		{
			pg_text_add(sql, " AND ");
			compare(sql, q, AFTER, &t->last);
		}
	}
	else
	{
		pg_text_add(sql, "(");
		for (size_t i = 0; i < t->nrequeue; i++)
		{
			if (!t->requeue[i].asked)
				continue;
			pg_text_add(sql, "%s", or);
			compare(sql, q, EQUAL, &t->requeue[i]);
			or = " OR ";
		}
		pg_text_add(sql, ")");
	}
	order_by(sql, q, "");
	pg_text_add(sql, " LIMIT %zu", requeued > 0 ? requeued : t->limit);
}

void
incremental_max_text(PgText *sql, const ChunkQuery *q,
					 const IncrementalTable *t)
{
	pg_text_add(sql, "SELECT ");
	key_texts(sql, q);
	pg_text_add(sql, " FROM ONLY %s", t->quoted);
	order_by(sql, q, " DESC");
	pg_text_add(sql, " LIMIT 1");
}

void
incremental_keys_text(PgText *sql, const ChunkQuery *q,
					  const IncrementalTable *t, size_t requeued)
{
	pg_text_add(sql, "SELECT ");
	key_texts(sql, q);
	condition(sql, q, t, requeued);
}

void
incremental_rows_text(PgText *sql, const Config *cfg, const ChunkQuery *q,
					  const IncrementalTable *t, size_t requeued)
{
	PgText query = {NULL, 0, 0};

	pg_text_add(&query, "SELECT ");
	pg_text_add(&query, "%s", q->columns);
	condition(&query, q, t, requeued);
	pg_text_add(sql, "COPY (SELECT tuplecast.snapshot(%u, ", t->oid);
	snapshot_options_text(sql, cfg);
	pg_text_add(sql, ", marker => 'incremental', query => ");
	pg_text_quoted(sql, query.data, '\'');
	pg_text_add(sql, ")) TO STDOUT (FORMAT binary)");
	free(query.data);
}

void
incremental_emit_text(PgText *sql, const char *message)
{
	pg_text_add(
		sql, "COMMIT; SELECT pg_catalog.pg_logical_emit_message(true, '%s', ",
		WIRE_WATERMARK_PREFIX);
	pg_text_quoted(sql, message, '\'');
	pg_text_add(sql, ")");
}

static IncrementalKey
read_key(const PGresult *res, int row)
{
	IncrementalKey key = {NULL, 0, false};

	for (int i = 0; i < PQnfields(res); i++)
	{
		size_t len = (size_t) PQgetlength(res, row, i) + 1;

		key.text = realloc(key.text, key.len + len);
		if (key.text == NULL)
			abort();
		memcpy(key.text + key.len, PQgetvalue(res, row, i), len);
		key.len += len;
	}
	return key;
}

void
incremental_max_read(Incremental *inc, const PGresult *res)
{
	IncrementalKey key = {NULL, 0, false};

	if (PQntuples(res) > 0)
		key = read_key(res, 0);
	incremental_max(inc, key.text != NULL ? &key : NULL);
	free(key.text);
}

void
incremental_keys_read(Incremental *inc, const PGresult *res)
{
	size_t n = (size_t) PQntuples(res);
	IncrementalKey *keys = calloc(n + 1, sizeof(*keys));

	if (keys == NULL)
		abort();
	for (size_t i = 0; i < n; i++)
		keys[i] = read_key(res, (int) i);
	incremental_keys(inc, keys, n);
	for (size_t i = 0; i < n; i++)
		free(keys[i].text);
	free(keys);
}
