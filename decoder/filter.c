/*
 * filter.c
 *		Decisions about names: what is captured, and its topic.
 */
#include "compat.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "filter.h"
#include "wire.h"

/* the longest name Kafka takes */
#define TOPIC_MAX_LENGTH 249

static bool
selected(const PatternList *include, const PatternList *exclude,
		 const char *name)
{
	if (include->count > 0)
		return pattern_list_match(include, name);
	return exclude->count == 0 || !pattern_list_match(exclude, name);
}

bool
filter_is_signal(const PluginOptions *opts, const char *schema,
				 const char *table)
{
	size_t len = strlen(schema);
	ListCell *lc;

	foreach(lc, opts->signal_tables)
	{
		const char *name = lfirst(lc);

		if (strncmp(name, schema, len) == 0 && name[len] == '.' &&
			strcmp(name + len + 1, table) == 0)
			return true;
	}
	return false;
}

bool
filter_table(const PluginOptions *opts, const char *schema, const char *table)
{
	char *qualified;
	bool keep;

	/* ours, and what is no user's data: PostGIS's table of projections, too */
	if (strcmp(schema, "tuplecast") == 0 ||
		strcmp(schema, "information_schema") == 0 ||
		strcmp(schema, "pg_catalog") == 0 || strcmp(schema, "pg_toast") == 0 ||
		strcmp(table, "spatial_ref_sys") == 0)
		return false;
	/* Debezium publishes it whatever the lists say */
	if (opts->connector_compat && filter_is_signal(opts, schema, table))
		return true;
	if (!selected(&opts->schema_include, &opts->schema_exclude, schema))
		return false;
	if (opts->table_include.count == 0 && opts->table_exclude.count == 0)
		return true;
	qualified = psprintf("%s.%s", schema, table);
	keep = selected(&opts->table_include, &opts->table_exclude, qualified);
	pfree(qualified);
	return keep;
}

int
filter_place(const PluginOptions *opts, const char *schema, const char *table)
{
	char *qualified = psprintf("%s.%s", schema, table);
	int place = 0;

	while (place < opts->table_include.count &&
		   !pattern_match(opts->table_include.anchored[place], qualified))
		place++;
	pfree(qualified);
	return place;
}

bool
filter_column(const PluginOptions *opts, const char *schema, const char *table,
			  const char *column)
{
	char *qualified;
	bool keep;

	if (opts->column_include.count == 0 && opts->column_exclude.count == 0)
		return true;
	qualified = psprintf("%s.%s.%s", schema, table, column);
	keep = selected(&opts->column_include, &opts->column_exclude, qualified);
	pfree(qualified);
	return keep;
}

bool
filter_message(const PluginOptions *opts, const char *prefix)
{
	return selected(&opts->message_include, &opts->message_exclude, prefix);
}

int
filter_operation(char op)
{
	switch (op)
	{
		case WIRE_OP_CREATE:
			return OPS_CREATE;
		case WIRE_OP_UPDATE:
			return OPS_UPDATE;
		case WIRE_OP_DELETE:
			return OPS_DELETE;
		case WIRE_OP_TRUNCATE:
			return OPS_TRUNCATE;
		default:
			return 0;
	}
}

bool
filter_skips_operation(const PluginOptions *opts, char op)
{
	return (opts->skipped & filter_operation(op)) != 0;
}

static void
append_sanitized(StringInfo out, const char *s)
{
	while (*s)
	{
		unsigned char c = (unsigned char) *s;
		int n = pg_utf_mblen((const unsigned char *) s);

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-')
			appendStringInfoChar(out, (char) c);
		else
			/* one for each UTF-16 unit, as Java counts */
			appendStringInfoString(out, n == 4 ? "__" : "_");
		while (n-- > 0 && *s)
			s++;
	}
}

char *
topic_sanitize(const char *name)
{
	StringInfoData s;

	initStringInfo(&s);
	append_sanitized(&s, name);
	if (s.len > TOPIC_MAX_LENGTH)
		s.data[TOPIC_MAX_LENGTH] = '\0';
	return s.data;
}

char *
topic_name(const PluginOptions *opts, const char *schema, const char *table)
{
	return topic_sanitize(psprintf("%s%s%s%s%s", opts->topic_prefix,
								   opts->topic_delimiter, schema,
								   opts->topic_delimiter, table));
}

static bool
is_avro_character(unsigned char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		   (!first && c >= '0' && c <= '9');
}

/* "_u00e9" for each UTF-16 unit; as Debezium, three digits of U+03B1 */
static void
append_unit(StringInfo s, unsigned int unit)
{
	appendStringInfo(s, unit <= 0xff ? "_u00%x" : "_u%x", unit);
}

static void
append_unicode(StringInfo s, const char *p)
{
	unsigned int c = utf8_to_unicode((const unsigned char *) p);

	if (c >= 0x10000)
		append_unit(s, 0xd800 + ((c - 0x10000) >> 10));
	append_unit(s, c >= 0x10000 ? 0xdc00 + ((c - 0x10000) & 0x3ff) : c);
}

char *
name_adjust(int mode, bool dotted, const char *name)
{
	StringInfoData s;
	bool unicode = mode == NAMES_AVRO_UNICODE;

	if (mode == NAMES_NONE)
		return pstrdup(name);
	initStringInfo(&s);
	for (const char *p = name; *p;)
	{
		unsigned char c = (unsigned char) *p;
		int n = pg_utf_mblen((const unsigned char *) p);

		if ((is_avro_character(c, p == name) && !(unicode && c == '_')) ||
			(dotted && c == '.' && p > name))
			appendStringInfoChar(&s, (char) c);
		else if (unicode)
			append_unicode(&s, p);
		else if (p == name && c >= '0' && c <= '9')
			appendStringInfo(&s, "_%c", c);
		else
			appendStringInfoString(&s, n == 4 ? "__" : "_");
		while (n-- > 0 && *p)
			p++;
	}
	return s.data;
}

char *
field_name_adjust(const PluginOptions *opts, const char *name)
{
	return name_adjust(opts->field_adjustment, false, name);
}
