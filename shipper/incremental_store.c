/*
 * incremental_store.c
 *		Progress of snapshots that run with the stream, as it is stored.
 */
#include "incremental_internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1

static json_t *
text_value(const char *s)
{
	return s != NULL ? json_string(s) : json_null();
}

/* an array of its values */
static json_t *
key_value(const IncrementalKey *key)
{
	json_t *a;

	if (key->text == NULL)
		return json_null();
	a = json_array();
	for (size_t at = 0; at < key->len; at += strlen(key->text + at) + 1)
		json_array_append_new(a, json_string(key->text + at));
	return a;
}

static json_t *
table_value(const IncrementalTable *t)
{
	json_t *requeue = json_array();

	for (size_t i = 0; i < t->nrequeue; i++)
		json_array_append_new(requeue, key_value(&t->requeue[i]));
	return json_pack(
		"{s:s, s:I, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:I}",
		"id", t->id, "oid", (json_int_t) t->oid, "name", t->name, "quoted",
		t->quoted, "schema", t->schema, "table", t->table, "filter",
		text_value(t->filter), "surrogate", text_value(t->surrogate), "key",
		text_value(t->columns), "last", key_value(&t->last), "max",
		key_value(&t->max), "scanned", t->scanned, "requeue", requeue, "rows",
		(json_int_t) t->rows);
}

static json_t *
items_value(const IncrementalQueued *q)
{
	json_t *items = json_array();

	for (size_t i = 0; i < q->count; i++)
		json_array_append_new(
			items, json_pack("{s:s, s:o, s:o}", "pattern", q->items[i].pattern,
							 "filter", text_value(q->items[i].filter),
							 "surrogate", text_value(q->items[i].surrogate)));
	return items;
}

static json_t *
request_value(const IncrementalQueued *q)
{
	return json_pack("{s:s, s:o}", "id", q->id, "collections", items_value(q));
}

/* A stop that is not carried out yet is not to be forgotten, either. */
static void
add_stops(json_t *o, const Incremental *inc)
{
	json_t *stops;

	if (inc->nstops == 0 || o == NULL)
		return;
	stops = json_array();
	for (size_t i = 0; i < inc->nstops; i++)
		json_array_append_new(stops,
							  json_pack("{s:o, s:I}", "collections",
										items_value(&inc->stops[i]), "behind",
										(json_int_t) inc->stops[i].behind));
	json_object_set_new(o, "stops", stops);
}

char *
incremental_store(const Incremental *inc)
{
	json_t *requests = json_array();
	json_t *tables = json_array();
	json_t *o;
	char *text;

	if (inc->ntables == 0 && inc->nrequests == 0)
	{
		json_decref(requests);
		json_decref(tables);
		return NULL;
	}
	for (size_t i = 0; i < inc->nrequests; i++)
		json_array_append_new(requests, request_value(&inc->requests[i]));
	for (size_t i = 0; i < inc->ntables; i++)
		json_array_append_new(tables, table_value(&inc->tables[i]));
	o = json_pack("{s:i, s:b, s:o, s:o}", "v", VERSION, "paused", inc->paused,
				  "requests", requests, "tables", tables);
	add_stops(o, inc);
	text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	if (text == NULL)
		abort();
	return text;
}

/* ---- reading ------------------------------------------------------------- */

static char *
read_text(const json_t *o, const char *name)
{
	return incremental_copy(json_string_value(json_object_get(o, name)));
}

/* Values with zeros inside, or no array: no key. */
static IncrementalKey
read_key(const json_t *a)
{
	IncrementalKey key = {NULL, 0, false};
	size_t i;
	json_t *v;

	json_array_foreach(a, i, v)
	{
		size_t len;

		if (!json_is_string(v))
			continue;
		len = strlen(json_string_value(v)) + 1;
		key.text = incremental_alloc(key.text, key.len + len, 1);
		memcpy(key.text + key.len, json_string_value(v), len);
		key.len += len;
	}
	return key;
}

static bool
read_table(Incremental *inc, const json_t *o)
{
	IncrementalTable t = {
		.id = read_text(o, "id"),
		.oid = (uint32_t) json_integer_value(json_object_get(o, "oid")),
		.name = read_text(o, "name"),
		.quoted = read_text(o, "quoted"),
		.schema = read_text(o, "schema"),
		.table = read_text(o, "table"),
		.filter = read_text(o, "filter"),
		.surrogate = read_text(o, "surrogate"),
		.columns = read_text(o, "key"),
		.last = read_key(json_object_get(o, "last")),
		.max = read_key(json_object_get(o, "max")),
		.scanned = json_is_true(json_object_get(o, "scanned")),
		.rows = (uint64_t) json_integer_value(json_object_get(o, "rows")),
		.limit = inc->chunk_rows,
	};
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(o, "requeue"), i, v)
	{
		IncrementalKey key = read_key(v);

		if (key.text == NULL)
			continue;
		t.requeue =
			incremental_alloc(t.requeue, t.nrequeue + 1, sizeof(*t.requeue));
		t.requeue[t.nrequeue++] = key;
	}
	if (t.id == NULL || t.oid == 0 || t.name == NULL || t.quoted == NULL ||
		t.schema == NULL || t.table == NULL)
	{
		incremental_table_free(&t);
		return false;
	}
	inc->tables =
		incremental_alloc(inc->tables, inc->ntables + 1, sizeof(*inc->tables));
	inc->tables[inc->ntables++] = t;
	return true;
}

/* What a request or a stop is of; its texts are the object's. */
static IncrementalCollection *
read_items(const json_t *o, size_t *count)
{
	const json_t *items = json_object_get(o, "collections");
	IncrementalCollection *list =
		incremental_alloc(NULL, json_array_size(items) + 1, sizeof(*list));
	size_t i;
	json_t *v;

	*count = 0;
	json_array_foreach(items, i, v)
	{
		list[i] = (IncrementalCollection){
			json_string_value(json_object_get(v, "pattern")),
			json_string_value(json_object_get(v, "filter")),
			json_string_value(json_object_get(v, "surrogate"))};
		*count += list[i].pattern != NULL;
	}
	/* all of them, or none */
	if (*count != json_array_size(items))
		*count = 0;
	return list;
}

static bool
read_request(Incremental *inc, const json_t *o)
{
	IncrementalRequest req = {.id =
								  json_string_value(json_object_get(o, "id"))};
	IncrementalCollection *list = read_items(o, &req.count);
	Error err;
	bool ok;

	req.items = list;
	ok = incremental_start(inc, &req, &err);
	free(list);
	return ok;
}

static bool
read_stop(Incremental *inc, const json_t *o)
{
	size_t count;
	IncrementalCollection *list = read_items(o, &count);

	if (count > 0)
		incremental_queue_stop(
			inc, list, count,
			(size_t) json_integer_value(json_object_get(o, "behind")));
	free(list);
	return count > 0;
}

bool
incremental_load(Incremental *inc, const char *json, Error *err)
{
	json_t *o = json != NULL ? json_loads(json, 0, NULL) : NULL;
	bool ok =
		json == NULL || json_integer_value(json_object_get(o, "v")) == VERSION;
	size_t i;
	json_t *v;

	incremental_clear(inc);
	json_array_foreach(json_object_get(o, "tables"), i, v) ok =
		ok && read_table(inc, v);
	json_array_foreach(json_object_get(o, "requests"), i, v) ok =
		ok && read_request(inc, v);
	json_array_foreach(json_object_get(o, "stops"), i, v) ok =
		ok && read_stop(inc, v);
	inc->paused = json_is_true(json_object_get(o, "paused"));
	json_decref(o);
	if (!ok)
	{
		incremental_clear(inc);
		err_set(err, ERR_ENVIRONMENT, "incremental_garbage",
				"the progress of an incremental snapshot cannot be read");
		err_hint(err, "Is the position topic written by somebody else, or by a "
					  "newer version? tuplecast drop --position gives the "
					  "position up.");
		return false;
	}
	inc->changed = false;
	incremental_track(inc);
	return true;
}
