/*
 * known_tables.c
 *		The captured tables by name: which one is new.
 */
#include "known_tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


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
	bool there;
	size_t at;

	if (asprintf(&name, "%.*s.%.*s", (int) schema_len, schema, (int) table_len,
				 table) < 0)
		abort();
	at = find(k, name, &there);
	if (there)
	{
		free(name);
		return false;
	}
	if (k->count == k->cap)
	{
		k->cap = k->cap > 0 ? k->cap * 2 : 64;
		k->names = realloc(k->names, k->cap * sizeof(*k->names));
		if (k->names == NULL)
			abort();
	}
	memmove(k->names + at + 1, k->names + at,
			(k->count - at) * sizeof(*k->names));
	k->names[at] = name;
	k->count++;
	return true;
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
