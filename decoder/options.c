/*
 * options.c
 *		Options of the output plugin: a table, and one parser a type.
 */
#include "compat.h"

#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "json.h"
#include "mask.h"
#include "options.h"

typedef struct OptionRow
{
	const char *name;
	const char *def;
	const char *words;
	void (*parse)(const struct OptionRow *row, const char *value, void *field);
	size_t offset;
} OptionRow;

static void
invalid_value(const OptionRow *row, const char *value, const char *expected)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid value for option \"%s\": \"%s\"", row->name,
						   value),
					errhint("It must be %s.", expected)));
}

static void
parse_str(const OptionRow *row, const char *value, void *field)
{
	*(opt_str *) field = pstrdup(value);
}

static void
parse_bool_option(const OptionRow *row, const char *value, void *field)
{
	if (!parse_bool(value, (bool *) field))
		invalid_value(row, value, "\"true\" or \"false\"");
}

static void
parse_int(const OptionRow *row, const char *value, void *field)
{
	int min, max;
	char *end;
	long v;

	if (sscanf(row->words, "%d..%d", &min, &max) != 2)
		elog(ERROR, "bad range of option \"%s\"", row->name);
	errno = 0;
	v = strtol(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0' || v < min || v > max)
		invalid_value(row, value,
					  psprintf("an integer from %d to %d", min, max));
	*(opt_int *) field = (int) v;
}

static void
parse_enum(const OptionRow *row, const char *value, void *field)
{
	const char *word = row->words;
	size_t len = strlen(value);

	for (int i = 0; word != NULL; i++)
	{
		const char *bar = strchr(word, '|');
		size_t wordlen = bar ? (size_t) (bar - word) : strlen(word);

		if (wordlen == len && pg_strncasecmp(word, value, len) == 0)
		{
			*(opt_enum *) field = i;
			return;
		}
		word = bar ? bar + 1 : NULL;
	}
	invalid_value(row, value, psprintf("one of %s", row->words));
}

static void
parse_list(const OptionRow *row, const char *value, void *field)
{
	*(opt_list *) field = pattern_list_parse(row->name, value);
}

static void
parse_names(const OptionRow *row, const char *value, void *field)
{
	*(opt_names *) field = pattern_split(value, ',');
}

static void
parse_idents(const OptionRow *row, const char *value, void *field)
{
	if (!SplitIdentifierString(pstrdup(value), ',', (opt_idents *) field))
		invalid_value(row, value,
					  "a list of names, quoted as in SQL where needed");
}

static void
parse_chain(const OptionRow *row, const char *value, void *field)
{
	*(opt_chain *) field = transform_chain_parse(row->name, value);
}

static void
parse_ops(const OptionRow *row, const char *value, void *field)
{
	int ops = 0;
	List *words = pattern_split(value, ',');
	ListCell *lc;

	foreach(lc, words)
	{
		const char *w = lfirst(lc);

		if (strcmp(w, "c") == 0)
			ops |= OPS_CREATE;
		else if (strcmp(w, "u") == 0)
			ops |= OPS_UPDATE;
		else if (strcmp(w, "d") == 0)
			ops |= OPS_DELETE;
		else if (strcmp(w, "t") == 0)
			ops |= OPS_TRUNCATE;
		else if (strcmp(w, "none") != 0 || list_length(words) != 1)
			invalid_value(
				row, value,
				"\"none\" or a list of c (insert), u (update), d (delete), t (truncate)");
	}
	*(opt_ops *) field = ops;
}

#define parse_bool parse_bool_option
static const OptionRow option_rows[] = {
#define OPTION(type, field, name, def, words)                                  \
	{name, def, words, parse_##type, offsetof(PluginOptions, field)},
#include "options.def"
#undef OPTION
};
#undef parse_bool

static const OptionRow *
find_row(const char *name)
{
	for (int i = 0; i < lengthof(option_rows); i++)
		if (strcmp(option_rows[i].name, name) == 0)
			return &option_rows[i];
	return NULL;
}

/* the known name that is nearest to a misspelt one, or NULL */
static const char *
nearest_name(const char *name)
{
	const char *best = NULL;
	int best_distance = 6;

	for (int i = 0; i < lengthof(option_rows); i++)
	{
		int d;

		if (strlen(name) > 200)
			break;
		d = varstr_levenshtein_less_equal(
			name, strlen(name), option_rows[i].name,
			strlen(option_rows[i].name), 1, 1, 1, best_distance, true);
		if (d < best_distance)
		{
			best_distance = d;
			best = option_rows[i].name;
		}
	}
	return best;
}

static void
unknown_option(const char *name)
{
	const char *near = nearest_name(name);

	ereport(
		ERROR,
		(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		 errmsg("unknown option \"%s\"", name),
		 near
			 ? errhint("Perhaps you meant \"%s\".", near)
			 : errhint(
				   "The options of the output plugin are listed in doc/configuration.md.")));
}

static void
check_topic_prefix(const char *prefix)
{
	if (prefix[0] == '\0')
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"topic.prefix\" is missing"),
			 errdetail(
				 "It is the first part of each topic, PREFIX.SCHEMA.TABLE."),
			 errhint(
				 "Give it, as in pg_logical_slot_get_changes('slot', NULL, NULL, 'topic.prefix', 'customers').")));
	if (strspn(
			prefix,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
		strlen(prefix))
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"topic.prefix\": \"%s\"",
					prefix),
			 errhint(
				 "Kafka's topic names consist of letters, digits, \".\", \"_\" and \"-\".")));
}

text *
options_key_entry(char *entry, List **columns)
{
	char *colon = strrchr(entry, ':');

	if (colon != NULL)
		*columns = pattern_split(colon + 1, ',');
	if (colon == NULL || colon == entry || *columns == NIL)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"message.key.columns\": \"%s\"",
					entry),
			 errhint("Write SCHEMA.TABLE:COLUMN,COLUMN; and so on.")));
	*colon = '\0';
	return pattern_compile("message.key.columns", entry);
}

/* The columns are checked with their table. */
static void
check_message_key_columns(const char *value)
{
	ListCell *lc;
	List *columns;

	foreach(lc, pattern_split(value, ';'))
		options_key_entry(lfirst(lc), &columns);
}

static void
check_metadata_headers(const PluginOptions *opts)
{
	ListCell *lc;

	foreach(lc, opts->metadata_headers)
	{
		const char *name = lfirst(lc);

		if (strcmp(name, "id") != 0 && strcmp(name, "type") != 0 &&
			strcmp(name, "dataSchemaName") != 0)
			ereport(
				ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"metadata.headers\": \"%s\"",
						name),
				 errhint("It lists id, type, dataSchemaName.")));
	}
}

static void
check_exclusive(const char *a, bool has_a, const char *b, bool has_b)
{
	if (has_a && has_b)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("options \"%s\" and \"%s\" cannot be used together", a, b),
			 errhint("Keep one of the two.")));
}

/* "hex:00ff41" stands for three bytes, any other text for itself. */
static void
decode_placeholder(PluginOptions *opts)
{
	static const char prefix[] = "hex:";
	const char *text = opts->placeholder;
	int len = strlen(text);
	StringInfoData json;
	char *data;

	if (strncmp(text, prefix, sizeof(prefix) - 1) != 0)
		text = json_to_utf8(text, &len);
	else
	{
		const char *hex = text + sizeof(prefix) - 1;

		len = strlen(hex);
		if (len % 2 != 0 ||
			strspn(hex, "0123456789abcdefABCDEF") != (size_t) len)
			ereport(
				ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(
					 "invalid value for option \"unavailable.value.placeholder\": \"%s\"",
					 text),
				 errhint(
					 "After \"hex:\" there must be pairs of hexadecimal digits.")));
		data = palloc(len / 2 + 1);
		len = (int) hex_decode(hex, len, data);
		text = data;
	}
	opts->placeholder_bytes = palloc(VARHDRSZ + len);
	SET_VARSIZE(opts->placeholder_bytes, VARHDRSZ + len);
	memcpy(VARDATA(opts->placeholder_bytes), text, len);
	initStringInfo(&json);
	text = json_valid_utf8(text, &len);
	json_utf8(&json, text, len);
	opts->placeholder_json = json.data;
}

void
options_parse(PluginOptions *opts, List *defelems)
{
	ListCell *lc;
	bool seen[lengthof(option_rows)] = {0};

	memset(opts, 0, sizeof(*opts));
	foreach(lc, defelems)
	{
		DefElem *elem = lfirst(lc);
		const OptionRow *row = find_row(elem->defname);
		const char *value = elem->arg ? strVal(elem->arg) : "";

		if (row == NULL &&
			mask_parse_option(&opts->masks, elem->defname, value))
			continue;
		if (row == NULL)
			unknown_option(elem->defname);
		if (seen[row - option_rows])
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("option \"%s\" is given twice", row->name),
							errhint("Give each option once.")));
		seen[row - option_rows] = true;
		row->parse(row, value, (char *) opts + row->offset);
	}
	for (int i = 0; i < lengthof(option_rows); i++)
		if (!seen[i])
			option_rows[i].parse(&option_rows[i], option_rows[i].def,
								 (char *) opts + option_rows[i].offset);

	decode_placeholder(opts);
	check_topic_prefix(opts->topic_prefix);
	check_message_key_columns(opts->message_key_columns);
	check_metadata_headers(opts);
	check_exclusive("schema.include.list", opts->schema_include.count > 0,
					"schema.exclude.list", opts->schema_exclude.count > 0);
	check_exclusive("table.include.list", opts->table_include.count > 0,
					"table.exclude.list", opts->table_exclude.count > 0);
	check_exclusive("column.include.list", opts->column_include.count > 0,
					"column.exclude.list", opts->column_exclude.count > 0);
	check_exclusive(
		"message.prefix.include.list", opts->message_include.count > 0,
		"message.prefix.exclude.list", opts->message_exclude.count > 0);
}
