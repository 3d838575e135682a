/*
 * source_identity.c
 *		replica.identity.autoset.values as SQL.
 */
#include "source_prepare.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool
identity_entry(PgText *sql, const char *entry, int n, Error *err)
{
	static const char *const words[] = {"FULL", "DEFAULT", "NOTHING", "INDEX "};
	static const char *const codes[] = {"f", "d", "n", "i"};
	const char *colon = strrchr(entry, ':');
	const char *value = colon != NULL ? colon + 1 : "";
	const char *name = "";
	char *pattern;
	int k = 0;

	while (isspace((unsigned char) *value))
		value++;
	while (k < 4 && strcasecmp(value, words[k]) != 0 &&
		   !(k == 3 && strncasecmp(value, words[k], 6) == 0))
		k++;
	if (k == 3)
		for (name = value + 6; isspace((unsigned char) *name); name++)
			;
	if (colon == NULL || colon == entry || k > 3 || (k == 3 && *name == '\0'))
	{
		err_set(err, ERR_CONFIG, "config_value",
				"replica.identity.autoset.values: \"%.200s\" is not understood",
				entry);
		err_hint(
			err,
			"Write SCHEMA.TABLE:VALUE, separated by commas; VALUE is FULL, DEFAULT, NOTHING or INDEX and its name, as in inventory.orders:FULL,inventory.items:INDEX items_sku.");
		return false;
	}
	pattern = strndup(entry, (size_t) (colon - entry));
	if (pattern == NULL)
		abort();
	pg_text_add(sql, "%s(%d, ", n > 0 ? ", " : "", n);
	pg_text_quoted(sql, pattern, '\'');
	pg_text_add(sql, ", '%s', ", codes[k]);
	pg_text_quoted(sql, name, '\'');
	pg_text_add(sql, ")");
	free(pattern);
	return true;
}

bool
prepare_identities_text(PgText *sql, const Config *cfg, Error *err)
{
	const char *p = cfg->replica_identity;
	int n = 0;

	pg_text_add(sql, "WITH v(i, pattern, code, indexname) AS (VALUES ");
	while (*p != '\0')
	{
		char *entry;
		size_t len = 0;
		bool good = true;

		while (isspace((unsigned char) *p) || *p == ',')
			p++;
		while (p[len] != '\0' && p[len] != ',')
			len += p[len] == '\\' && p[len + 1] != '\0' ? 2 : 1;
		entry = strndup(p, len);
		if (entry == NULL)
			abort();
		p += len;
		while (len > 0 && isspace((unsigned char) entry[len - 1]))
			entry[--len] = '\0';
		if (len > 0)
			good = identity_entry(sql, entry, n++, err);
		free(entry);
		if (!good)
			return false;
	}
	if (n == 0)
		pg_text_add(sql, "(0, '', '', '')");
	pg_text_add(
		sql,
		") SELECT pg_catalog.format('ALTER TABLE %%I.%%I REPLICA IDENTITY %%s', nspname, relname,"
		" CASE code WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' WHEN 'd' THEN 'DEFAULT'"
		" ELSE pg_catalog.format('USING INDEX %%I', indexname) END)"
		" FROM (SELECT DISTINCT ON (c.oid) c.oid, n.nspname, c.relname, c.relreplident, v.code, v.indexname"
		" FROM v, pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,"
		" LATERAL tuplecast.plan(c.oid, ARRAY[");
	prepare_options_text(sql, cfg);
	pg_text_add(
		sql,
		"]) p, LATERAL tuplecast.plan(c.oid, ARRAY['topic.prefix', 'x', 'table.include.list', v.pattern,"
		" 'publish.via.partition.root', '%s']) q"
		" WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.oid >= 16384 AND v.pattern <> ''"
		" AND p.published IS NOT NULL AND q.published IS NOT NULL ORDER BY c.oid, v.i) t"
		" WHERE relreplident::text <> code OR (code = 'i' AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i"
		" JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid"
		" WHERE i.indrelid = t.oid AND i.indisreplident AND x.relname = t.indexname)) ORDER BY 1",
		cfg->via_root ? "true" : "false");
	return true;
}
