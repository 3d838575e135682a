/*
 * config_value.c
 *		Texts to typed values, and the known name nearest to an unknown one.
 */
#include "config_internal.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <strings.h>

bool
config_parse_bool(const char *text, bool *out)
{
	static const char *const yes[] = {"true", "yes", "on", "1"};
	static const char *const no[] = {"false", "no", "off", "0"};

	for (size_t i = 0; i < 4; i++)
	{
		if (strcasecmp(text, yes[i]) == 0)
			return *out = true, true;
		if (strcasecmp(text, no[i]) == 0)
			return *out = false, true;
	}
	return false;
}

/* A number and what follows it. */
static bool
parse_number(const char *text, int64_t *out, const char **unit)
{
	char *end;

	/* strtoll would skip white space and take '+' */
	if (!isdigit((unsigned char) text[0]) &&
		!(text[0] == '-' && isdigit((unsigned char) text[1])))
		return false;
	errno = 0;
	*out = strtoll(text, &end, 10);
	*unit = end;
	return errno == 0;
}

bool
config_parse_int(const char *text, int64_t *out)
{
	const char *unit;

	return parse_number(text, out, &unit) && *unit == '\0';
}

static bool
parse_scaled(const char *text, OptionType type, int64_t *out)
{
	static const struct
	{
		OptionType type;
		const char *unit;
		int64_t factor;
	} units[] = {
		{OPT_msec, "ms", 1},
		{OPT_msec, "s", 1000},
		{OPT_msec, "min", 60000},
		{OPT_msec, "h", 3600000},
		{OPT_bytes, "B", 1},
		{OPT_bytes, "kB", 1024},
		{OPT_bytes, "MB", 1024 * 1024},
		{OPT_bytes, "GB", 1024 * 1024 * 1024},
	};
	const char *unit;

	if (!parse_number(text, out, &unit))
		return false;
	if (*unit == '\0')
		return true;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].type == type && strcasecmp(units[i].unit, unit) == 0)
			return !__builtin_mul_overflow(*out, units[i].factor, out);
	return false;
}

bool
config_word_find(const char *words, const char *word, int *index,
				 char **spelling)
{
	size_t n = strlen(word);
	int i = 0;

	for (const char *p = words; p != NULL; i++)
	{
		const char *bar = strchr(p, '|');
		size_t len = bar != NULL ? (size_t) (bar - p) : strlen(p);

		if (len == n && strncasecmp(p, word, n) == 0)
		{
			if (index != NULL)
				*index = i;
			if (spelling != NULL)
				*spelling = config_strndup(p, len);
			return true;
		}
		p = bar != NULL ? bar + 1 : NULL;
	}
	return false;
}

static bool
bad_value(const ConfigOption *o, const char *text, const char *origin,
		  const char *wanted, Error *err)
{
	err_set(err, ERR_CONFIG, "config_bad_value",
			"the value \"%.120s\" of %s is not valid",
			(o->flags & CF_SECRET) ? "********" : text, o->name);
	err_detail(err, "It comes from %s.", origin);
	err_hint(err, "%s is %s.", o->name, wanted);
	return false;
}

/* "a, b or c" of "a|b|c"; the caller frees it */
static char *
describe_words(const char *words)
{
	char *text = config_alloc(NULL, strlen(words) * 4 + 1);
	char *out = text;
	const char *last = strrchr(words, '|');

	for (const char *p = words; *p != '\0'; p++)
	{
		if (*p != '|')
			*out++ = *p;
		else
		{
			const char *between = p == last ? " or " : ", ";

			memcpy(out, between, strlen(between));
			out += strlen(between);
		}
	}
	*out = '\0';
	return text;
}

static bool
parse_word(const ConfigOption *o, const char *text, const char *origin,
		   OptionValue *out, Error *err)
{
	int index;
	char *words;
	char wanted[400];

	if (config_word_find(o->words, text, &index, &out->text))
		return out->number = index, true;
	words = describe_words(o->words);
	snprintf(wanted, sizeof(wanted), "one of: %s", words);
	free(words);
	return bad_value(o, text, origin, wanted, err);
}

static bool
parse_ranged(const ConfigOption *o, const char *text, const char *origin,
			 OptionValue *out, Error *err)
{
	static const char *const kinds[] = {
		[OPT_int] = "a whole number",
		[OPT_msec] = "a time in ms, or with a unit (ms, s, min, h)",
		[OPT_bytes] = "a size in bytes, or with a unit (kB, MB, GB)",
	};
	int64_t least = 0;
	int64_t most = INT64_MAX;
	char wanted[200];

	if (o->words != NULL)
		sscanf(o->words, "%" SCNd64 "..%" SCNd64, &least, &most);
	if (!parse_scaled(text, o->type, &out->number) || out->number < least ||
		out->number > most)
	{
		if (most == INT64_MAX)
			snprintf(wanted, sizeof(wanted), "%s of at least %" PRId64,
					 kinds[o->type], least);
		else
			snprintf(wanted, sizeof(wanted),
					 "%s between %" PRId64 " and %" PRId64, kinds[o->type],
					 least, most);
		return bad_value(o, text, origin, wanted, err);
	}
	out->text = config_printf("%" PRId64, out->number);
	return true;
}

bool
config_value_parse(const ConfigOption *o, const char *text, const char *origin,
				   OptionValue *out, Error *err)
{
	bool yes;

	out->number = 0;
	out->text = NULL;
	switch (o->type)
	{
		case OPT_bool:
			if (!config_parse_bool(text, &yes))
				return bad_value(o, text, origin, "true or false", err);
			out->number = yes;
			out->text = config_strdup(yes ? "true" : "false");
			return true;
		case OPT_int:
		case OPT_msec:
		case OPT_bytes:
			return parse_ranged(o, text, origin, out, err);
		case OPT_enum:
			return parse_word(o, text, origin, out, err);
		case OPT_str:
			break;
	}
	if (o->words != NULL)
		return parse_word(o, text, origin, out, err);
	out->text = config_strdup(text);
	return true;
}

#define NEAREST_MAX 100

/* Edits (insert, delete, replace, swap of neighbours) from a to b. */
static size_t
edit_distance(const char *a, const char *b)
{
	size_t rows[3][NEAREST_MAX + 1];
	size_t *before = rows[0];
	size_t *last = rows[1];
	size_t *row = rows[2];
	size_t na = strlen(a);
	size_t nb = strlen(b);

	if (na > NEAREST_MAX || nb > NEAREST_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= nb; j++)
		before[j] = last[j] = j;
	for (size_t i = 1; i <= na; i++)
	{
		size_t *oldest = before;

		row[0] = i;
		for (size_t j = 1; j <= nb; j++)
		{
			size_t d = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < d)
				d = last[j] + 1;
			if (row[j - 1] + 1 < d)
				d = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
				a[i - 2] == b[j - 1] && before[j - 2] + 1 < d)
				d = before[j - 2] + 1;
			row[j] = d;
		}
		before = last;
		last = row;
		row = oldest;
	}
	return last[nb];
}

void
config_nearest_offer(Nearest *n, const char *candidate)
{
	size_t d = edit_distance(n->wanted, candidate);

	if (n->best == NULL || d < n->distance)
	{
		n->best = candidate;
		n->distance = d;
	}
}

const char *
config_nearest_result(const Nearest *n)
{
	size_t len = strlen(n->wanted);

	if (n->best == NULL || n->distance > (len < 6 ? 2 : len / 3))
		return NULL;
	return n->best;
}

const char *
config_nearest_option(const char *name)
{
	Nearest n = {.wanted = name};

	for (size_t i = 0; i < config_option_count; i++)
		config_nearest_offer(&n, config_options[i].name);
	return config_nearest_result(&n);
}
