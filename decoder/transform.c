/*
 * transform.c
 *		The option "transforms": its text, taken apart and checked.
 */
#include "compat.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "json.h"
#include "pattern.h"
#include "transform.h"

typedef struct StepRow
{
	const char *word;
	StepKind kind;
	const char *required; /* "|"-separated */
	const char *allowed;
} StepRow;

static const StepRow step_rows[] = {
	{"unwrap", STEP_UNWRAP, "",
	 "drop.fields.header.name|drop.fields.from.key|drop.fields.keep.schema.compatible"},
	{"regex-router", STEP_REGEX_ROUTER, "regex|replacement", ""},
	{"logical-router", STEP_LOGICAL_ROUTER, "topic.regex|topic.replacement",
	 "key.enforce.uniqueness|key.field.name|key.field.regex|key.field.replacement"},
	{"insert-field", STEP_INSERT_FIELD, "of",
	 "topic.field|partition.field|timestamp.field|static.field|static.value"},
	{"insert-header", STEP_INSERT_HEADER, "header|value.literal", ""},
	{"replace-field", STEP_REPLACE_FIELD, "of", "include|exclude|renames"},
	{"mask-field", STEP_MASK_FIELD, "of|fields", "replacement"},
	{"cast", STEP_CAST, "of|spec", ""},
	{"timestamp-converter", STEP_TIMESTAMP, "of|target.type",
	 "field|format|unix.precision"},
	{"value-to-key", STEP_VALUE_TO_KEY, "fields", ""},
	{"extract-key", STEP_EXTRACT_KEY, "field", ""},
	{"timezone-converter", STEP_TIMEZONE, "converted.timezone",
	 "include.list|exclude.list"},
	{"outbox", STEP_OUTBOX, "",
	 "route.by.field|route.topic.regex|route.topic.replacement|"
	 "route.tombstone.on.empty.payload|table.field.event.id|"
	 "table.field.event.key|table.field.event.payload|"
	 "table.field.event.timestamp|table.field.event.schema.version|"
	 "table.fields.additional.placement|table.field.additional.missing|"
	 "table.expand.json.payload|table.json.payload.null.behavior|"
	 "table.op.invalid.behavior"},
};

#define COMMON_WORDS "alias|if.topic|if.tombstone|if.header|if.not"

static void
invalid(const char *option, const char *step, const char *what)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		 errmsg("invalid step \"%s\" of option \"%s\": %s", step, option, what),
		 errhint(
			 "Steps are separated by \";\"; a step is a word and then NAME=VALUE, with \"%%XX\" for a byte that is a blank, \";\" or \"%%\".")));
}

static bool
has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = words; *p;)
	{
		size_t n = strcspn(p, "|");

		if (n == len && strncmp(p, word, n) == 0)
			return true;
		p += n + (p[n] == '|');
	}
	return false;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes %XX; NULL if it is not valid. */
static char *
decode_value(const char *s, size_t len)
{
	StringInfoData out;

	initStringInfo(&out);
	for (size_t i = 0; i < len; i++)
	{
		int hi, lo;

		if (s[i] != '%')
		{
			appendStringInfoChar(&out, s[i]);
			continue;
		}
		if (i + 2 >= len || (hi = hex_digit(s[i + 1])) < 0 ||
			(lo = hex_digit(s[i + 2])) < 0 || hi + lo == 0)
			return NULL;
		appendStringInfoChar(&out, (char) (hi * 16 + lo));
		i += 2;
	}
	return out.data;
}

const char *
transform_arg(const TransformStep *step, const char *name, const char *def)
{
	ListCell *lc;

	foreach(lc, step->args)
	{
		StepArg *arg = lfirst(lc);

		if (strcmp(arg->name, name) == 0)
			return arg->value;
	}
	return def;
}

static void
bad_argument(const TransformStep *step, const char *name, const char *wanted)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		 errmsg("invalid value \"%s\" for \"%s\" of transform \"%s\" (%s)",
				transform_arg(step, name, ""), name, step->alias, step->word),
		 errhint("It must be %s.", wanted)));
}

bool
transform_arg_bool(const TransformStep *step, const char *name, bool def)
{
	const char *text_value = transform_arg(step, name, NULL);
	bool v = def;

	if (text_value != NULL && text_value[0] != '\0' &&
		!parse_bool(text_value, &v))
		bad_argument(step, name, "true or false");
	return v;
}

const char *
transform_arg_utf8(const TransformStep *step, const char *name)
{
	const char *s = transform_arg(step, name, NULL);
	int len;

	if (s == NULL || s[0] == '\0')
		return NULL;
	len = strlen(s);
	s = json_to_utf8(s, &len);
	return pnstrdup(s, len);
}

List *
transform_arg_list(const TransformStep *step, const char *name)
{
	const char *s = transform_arg_utf8(step, name);

	return s ? pattern_split(s, ',') : NIL;
}

static void
parse_predicate(TransformStep *step, const char *option)
{
	const char *topics = transform_arg(step, "if.topic", NULL);

	step->header = transform_arg(step, "if.header", NULL);
	step->negate = transform_arg_bool(step, "if.not", false);
	if (topics != NULL)
	{
		step->predicate = PREDICATE_TOPIC;
		step->topics =
			route_compile(psprintf("%s (if.topic of %s)", option, step->alias),
						  topics, "")
				->anchored;
	}
	else if (step->header != NULL)
		step->predicate = PREDICATE_HEADER;
	else if (transform_arg_bool(step, "if.tombstone", false))
		step->predicate = PREDICATE_TOMBSTONE;
	else if (step->negate)
		invalid(option, step->word, "\"if.not\" needs a predicate");
}

static Route *
parse_route(const TransformStep *step, const char *regex,
			const char *replacement)
{
	return route_compile(psprintf("transforms (%s of %s)", regex, step->alias),
						 transform_arg(step, regex, ""),
						 transform_arg(step, replacement, ""));
}

static void
parse_kind(TransformStep *step)
{
	const char *of = transform_arg(step, "of", "value");

	if (strcmp(of, "key") != 0 && strcmp(of, "value") != 0)
		bad_argument(step, "of", "key or value");
	step->of_key = of[0] == 'k';
	switch (step->kind)
	{
		case STEP_REGEX_ROUTER:
			step->route = parse_route(step, "regex", "replacement");
			break;
		case STEP_LOGICAL_ROUTER:
			step->route = parse_route(step, "topic.regex", "topic.replacement");
			transform_arg_bool(step, "key.enforce.uniqueness", true);
			if (transform_arg(step, "key.field.regex", "")[0] != '\0')
				step->key_route = parse_route(step, "key.field.regex",
											  "key.field.replacement");
			break;
		case STEP_INSERT_FIELD:
			if (transform_arg(step, "static.field", NULL) != NULL &&
				transform_arg(step, "static.value", NULL) == NULL)
				bad_argument(step, "static.value", "given, as static.field is");
			break;
		case STEP_OUTBOX:
			if (transform_arg(step, "route.topic.regex", NULL) == NULL)
				step->args = lappend(step->args,
									 memcpy(palloc(sizeof(StepArg)),
											&(StepArg){"route.topic.regex",
													   "(?<routedByValue>.*)"},
											sizeof(StepArg)));
			if (transform_arg(step, "route.topic.replacement", NULL) == NULL)
				step->args =
					lappend(step->args,
							memcpy(palloc(sizeof(StepArg)),
								   &(StepArg){"route.topic.replacement",
											  "outbox.event.${routedByValue}"},
								   sizeof(StepArg)));
			step->route = parse_route(step, "route.topic.regex",
									  "route.topic.replacement");
			break;
		default:
			break;
	}
}

static void
check_words(const TransformStep *step, const StepRow *row, const char *option)
{
	ListCell *lc;
	List *required = pattern_split(row->required, '|');

	foreach(lc, step->args)
	{
		StepArg *arg = lfirst(lc);

		if (!has_word(row->required, arg->name) &&
			!has_word(row->allowed, arg->name) &&
			!has_word(COMMON_WORDS, arg->name))
			invalid(option, step->word,
					psprintf("unknown word \"%s\"", arg->name));
	}
	foreach(lc, required)
		if (transform_arg(step, lfirst(lc), NULL) == NULL)
			invalid(option, step->word,
					psprintf("\"%s\" is missing", (char *) lfirst(lc)));
}

static void
parse_step(TransformStep *step, char *text_step, const char *option)
{
	List *words = pattern_split(text_step, ' ');
	const StepRow *row = NULL;
	ListCell *lc;

	memset(step, 0, sizeof(*step));
	step->word = linitial(words);
	for (int i = 0; i < lengthof(step_rows); i++)
		if (strcmp(step_rows[i].word, step->word) == 0)
			row = &step_rows[i];
	if (row == NULL)
		invalid(option, step->word, "there is no such step");
	step->kind = row->kind;
	for_each_from(lc, words, 1)
	{
		char *word = lfirst(lc);
		char *eq = strchr(word, '=');
		StepArg *arg = palloc(sizeof(StepArg));

		if (eq == NULL)
			invalid(option, step->word,
					psprintf("\"%s\" is no NAME=VALUE", word));
		arg->name = pnstrdup(word, eq - word);
		arg->value = decode_value(eq + 1, strlen(eq + 1));
		if (arg->value == NULL)
			invalid(option, step->word, psprintf("bad %%XX in \"%s\"", word));
		if (transform_arg(step, arg->name, NULL) != NULL)
			invalid(option, step->word,
					psprintf("\"%s\" is given twice", arg->name));
		step->args = lappend(step->args, arg);
	}
	step->alias = transform_arg(step, "alias", step->word);
	check_words(step, row, option);
	parse_predicate(step, option);
	parse_kind(step);
}

TransformChain *
transform_chain_parse(const char *option, const char *value)
{
	List *steps = pattern_split(value, ';');
	TransformChain *chain;
	ListCell *lc;

	if (steps == NIL)
		return NULL;
	chain = palloc0(sizeof(TransformChain));
	chain->steps = palloc(sizeof(TransformStep) * list_length(steps));
	foreach(lc, steps)
	{
		TransformStep *step = &chain->steps[chain->nsteps++];

		parse_step(step, lfirst(lc), option);
		chain->unwraps |= step->kind == STEP_UNWRAP;
		chain->by_class |=
			step->predicate == PREDICATE_TOMBSTONE ||
			step->predicate == PREDICATE_HEADER ||
			transform_arg(step, "drop.fields.header.name", NULL) != NULL;
		if (step->kind == STEP_UNWRAP && step->predicate != PREDICATE_NONE &&
			step->predicate != PREDICATE_TOPIC)
			invalid(
				option, step->word,
				"its predicate can only be one of topics, as a table's records have one format");
	}
	return chain;
}
