/*
 * known_tables.c
 *		The captured tables by name: which one is new.
 */
#include "known_tables.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool add(KnownTables *k, const char *name);


/* The place of a name, or where it belongs. */
static size_t
find(const KnownTables *k, const char *name, bool *there)
{
	size_t low = 0;
	size_t high = k->count;

	*there = false;
	while (low < high)
	{
		size_t mid = low + (high - low) / 2;
		int c = strcmp(k->names[mid], name);

		if (c == 0)
		{
			*there = true;
			return mid;
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool
known_tables_add(KnownTables *k, const char *schema, size_t schema_len,
				 const char *table, size_t table_len)
{
	char *name;
	bool added;

	if (asprintf(&name, "%.*s.%.*s", (int) schema_len, schema, (int) table_len,
				 table) < 0)
		abort();
	added = add(k, name);
	free(name);
	return added;
}

static bool
add(KnownTables *k, const char *name)
{
	bool there;
	size_t at = find(k, name, &there);

	if (there)
		return false;
	if (k->count == k->cap)
	{
		k->cap = k->cap > 0 ? k->cap * 2 : 64;
		k->names = realloc(k->names, k->cap * sizeof(*k->names));
		if (k->names == NULL)
			abort();
	}
	memmove(k->names + at + 1, k->names + at,
			(k->count - at) * sizeof(*k->names));
	k->names[at] = strdup(name);
	if (k->names[at] == NULL)
		abort();
	k->count++;
	return true;
}

bool
known_tables_has(const KnownTables *k, const char *name)
{
	bool there;

	(void) find(k, name, &there);
	return there;
}

/* ---- as they are stored ------------------------------------------------------ */

#define VERSION 1

char *
known_tables_to_json(const KnownTables *k)
{
	json_t *names = json_array();
	json_t *o;
	char *text;

	for (size_t i = 0; i < k->count; i++)
		json_array_append_new(names, json_string(k->names[i]));
	o = json_pack("{s:i, s:o}", "v", VERSION, "tables", names);
	text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	if (text == NULL)
		abort();
	return text;
}

bool
known_tables_from_json(KnownTables *k, const char *text, size_t len)
{
	json_t *o = text != NULL ? json_loadb(text, len, 0, NULL) : NULL;
	const json_t *names = json_object_get(o, "tables");
	bool ok = json_is_array(names) &&
			  json_integer_value(json_object_get(o, "v")) == VERSION;
	const json_t *v;
	size_t i;

	memset(k, 0, sizeof(*k));
	json_array_foreach(names, i, v)
	{
		ok = ok && json_is_string(v);
		if (ok)
			(void) add(k, json_string_value(v));
	}
	json_decref(o);
	if (!ok)
		known_tables_free(k);
	k->listed = ok;
	return ok;
}

void
known_tables_free(KnownTables *k)
{
	for (size_t i = 0; i < k->count; i++)
		free(k->names[i]);
	free(k->names);
	memset(k, 0, sizeof(*k));
}

char *
known_tables_pattern(const char *name, size_t len)
{
	char *out = malloc(2 * len + 1);
	size_t n = 0;

	if (out == NULL)
		abort();
	for (size_t i = 0; i < len; i++)
	{
		if (strchr(".^$*+?()[]{}|\\", name[i]) != NULL)
			out[n++] = '\\';
		out[n++] = name[i];
	}
	out[n] = '\0';
	return out;
}
