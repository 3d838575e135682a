/*
 * known_tables.h
 *		The captured tables by name: which one is new.
 *
 * Pure.
 */
#ifndef TUPLECAST_KNOWN_TABLES_H
#define TUPLECAST_KNOWN_TABLES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct KnownTables
{
	bool listed;  /* else nothing is known, and nothing new */
	char **names; /* "schema.table", sorted */
	size_t count;
	size_t cap;
} KnownTables;

/* false: it was there. */
extern bool known_tables_add(KnownTables *k, const char *schema,
							 size_t schema_len, const char *table,
							 size_t table_len);
extern bool known_tables_has(const KnownTables *k, const char *name);
/* As they are stored; to_json: free() it.  false: it cannot be read, and *k is
 * not listed. */
extern char *known_tables_to_json(const KnownTables *k);
extern bool known_tables_from_json(KnownTables *k, const char *text,
								   size_t len);
extern void known_tables_free(KnownTables *k);
/* A regular expression of just that text; free() it. */
extern char *known_tables_pattern(const char *name, size_t len);

#endif /* TUPLECAST_KNOWN_TABLES_H */
