/*
 * connectliteral.c
 *		Texts of a configuration as Kafka Connect reads them: numbers, dates,
 *		lists and maps, and strings for the rest.
 */
#include "compat.h"

#include <math.h>

#include "miscadmin.h"

#include "connecttext.h"
#include "dateformat.h"
#include "json.h"

typedef struct Parser
{
	const char *p;
	const char *end;
} Parser;

/* what has no type is null */
typedef struct Literal
{
	const char *type; /* Connect's, or NULL */
	int rank;		  /* of a number: a wider one has a higher */
	const char *json;
	const char *schema;
} Literal;

static bool parse_value(Parser *in, bool embedded, Literal *lit);

static const char *
schema_of(const char *type, const char *name)
{
	return psprintf("{\"type\":\"%s\",\"optional\":false%s%s%s}", type,
					name ? ",\"name\":\"org.apache.kafka.connect.data." : "",
					name ? name : "", name ? "\",\"version\":1" : "");
}

static void
set_plain(Literal *lit, const char *type, const char *json)
{
	lit->type = type;
	lit->json = json;
	lit->schema = schema_of(type, NULL);
}

static void
set_string(Literal *lit, const char *s, int len)
{
	StringInfoData json;

	initStringInfo(&json);
	json_utf8(&json, s, len);
	set_plain(lit, "string", json.data);
}

/* ---- tokens -------------------------------------------------------------- */

/* A delimiter, or what stands before the next one; a backslash hides it. */
static const char *
token_end(const Parser *in)
{
	const char *p = in->p;
	bool escaped = false;

	for (; p < in->end; p++)
	{
		if (*p == '\\')
			escaped = !escaped;
		else if (strchr(":,{}[]\"", *p) != NULL && !escaped)
			return p == in->p ? p + 1 : p;
		else
			escaped = false;
	}
	return p;
}

static void
trim(const char **p, const char **end)
{
	while (*p < *end && (unsigned char) **p <= ' ')
		(*p)++;
	while (*end > *p && (unsigned char) (*end)[-1] <= ' ')
		(*end)--;
}

/* Takes the next token if it is that word; blank ones are passed over. */
static bool
take(Parser *in, const char *word)
{
	const char *end = token_end(in);
	const char *p = in->p;
	const char *next = end;

	trim(&p, &end);
	while (p == end && next < in->end)
	{
		in->p = p = next;
		end = next = token_end(in);
		trim(&p, &end);
	}
	if ((size_t) (end - p) != strlen(word) || strncmp(p, word, end - p) != 0)
		return false;
	in->p = next;
	return true;
}

/* ---- numbers and times --------------------------------------------------- */

static bool
parse_time(const char *s, Literal *lit)
{
	static const struct
	{
		size_t len;
		const char *pattern;
		const char *type;
		const char *name;
		int64 unit;
	} forms[] = {{10, "yyyy-MM-dd", "int32", "Date", INT64CONST(86400000)},
				 {13, "HH:mm:ss.SSS'Z'", "int32", "Time", 1},
				 {24, "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", "int64", "Timestamp", 1}};
	int64 ms;

	for (int i = 0; i < lengthof(forms); i++)
	{
		if (strlen(s) != forms[i].len ||
			!dateformat_parse(s, forms[i].pattern, &ms))
			continue;
		lit->type = forms[i].type;
		lit->json = psprintf(INT64_FORMAT, ms / forms[i].unit);
		lit->schema = schema_of(forms[i].type, forms[i].name);
		return true;
	}
	return false;
}

/* BigDecimal's digits without zeros at either end, and their exponent */
static bool
scan_number(const char *s, char *digits, int *ndigits, int64 *exponent,
			bool *has_scale)
{
	bool point = false;
	bool any = false;
	int n = 0;
	char *end;

	*exponent = 0;
	for (s += *s == '+' || *s == '-'; *s != '\0'; s++)
	{
		if (*s == '.' && !point)
			point = true;
		else if (*s >= '0' && *s <= '9')
		{
			any = true;
			if (n > 0 || *s != '0')
				digits[n++] = *s;
			*exponent -= point;
		}
		else
			break;
	}
	if (any && (*s == 'e' || *s == 'E'))
	{
		const char *number = s + 1;
		int64 e;

		errno = 0;
		e = strtoll(number, &end, 10);
		if (end == number || *number == ' ' || errno != 0 || e > PG_INT32_MAX ||
			e < PG_INT32_MIN)
			return false;
		*exponent += e;
		s = end;
	}
	*has_scale = *exponent != 0;
	while (n > 0 && digits[n - 1] == '0')
	{
		n--;
		(*exponent)++;
	}
	*ndigits = n;
	return any && *s == '\0';
}

/* The narrowest type that holds it; false if it is no number. */
static bool
parse_number(const char *s, Literal *lit)
{
	static const struct
	{
		const char *type;
		int64 max;
	} ints[] = {{"int8", PG_INT8_MAX},
				{"int16", PG_INT16_MAX},
				{"int32", PG_INT32_MAX},
				{"int64", PG_INT64_MAX}};
	char *digits = palloc(strlen(s) + 1);
	int64 exponent;
	bool has_scale;
	int n;
	StringInfoData json;
	float f;

	if (!scan_number(s, digits, &n, &exponent, &has_scale))
		return false;
	initStringInfo(&json);
	if (n == 0 || (exponent >= 0 && n + exponent <= 19))
	{
		int64 v;

		appendStringInfo(&json, "%s%.*s", *s == '-' ? "-" : "", n, digits);
		for (int i = 0; i < exponent && n > 0; i++)
			json_char(&json, '0');
		errno = 0;
		v = n > 0 ? strtoll(json.data, NULL, 10) : 0;
		for (int i = 0; i < lengthof(ints) && errno == 0; i++)
			if (v <= ints[i].max && v >= -ints[i].max - 1)
			{
				lit->rank = i + 1;
				set_plain(lit, ints[i].type, psprintf(INT64_FORMAT, v));
				return true;
			}
	}
	resetStringInfo(&json);
	f = strtof(s, NULL);
	if (has_scale && !isinf(f))
	{
		lit->rank = lengthof(ints) + 1;
		json_float4(&json, f);
		set_plain(lit, "float", json.data);
		return true;
	}
	if (has_scale && !isinf(strtod(s, NULL)))
	{
		lit->rank = lengthof(ints) + 2;
		json_float8(&json, strtod(s, NULL));
		set_plain(lit, "double", json.data);
		return true;
	}
	/* a Decimal there; of no use as a header */
	return false;
}

/* ---- lists and maps ------------------------------------------------------ */

/*
 * Elements of a list, or keys or values of a map: one type for all, the widest
 * of numbers.  False if Connect takes the whole for a string.
 */
static bool
common_type(Literal *items, int n, const char **schema)
{
	int widest = 0;
	int nulls = 0;
	bool numbers = true;
	bool same = true;

	*schema = "null";
	for (int i = 0; i < n; i++)
	{
		nulls += items[i].type == NULL;
		numbers &= items[i].rank > 0;
		same &= items[i].type != NULL && items[0].type != NULL &&
				strcmp(items[i].schema, items[0].schema) == 0;
		if (items[i].rank > items[widest].rank)
			widest = i;
	}
	if (nulls > 0)
		return nulls == n;
	if (n > 0 && (same || numbers))
		*schema = items[widest].schema;
	/* an integer among floats is one of them */
	for (int i = 0; numbers && i < n; i++)
		if (items[widest].rank > 4 && items[i].rank <= 4)
			items[i].json = psprintf("%s.0", items[i].json);
	return true;
}

#define MOST_ITEMS 256

static bool
parse_list(Parser *in, Literal *lit)
{
	Literal *items = palloc0(sizeof(Literal) * MOST_ITEMS);
	const char *schema;
	StringInfoData json;
	int n = 0;

	while (!take(in, "]"))
	{
		if (n == MOST_ITEMS || !parse_value(in, true, &items[n++]))
			return false;
		if (!take(in, ","))
		{
			if (!take(in, "]"))
				return false;
			break;
		}
	}
	if (!common_type(items, n, &schema))
		return false;
	initStringInfo(&json);
	for (int i = 0; i < n; i++)
		appendStringInfo(&json, "%c%s", i > 0 ? ',' : '[',
						 items[i].type ? items[i].json : "null");
	json_str(&json, n > 0 ? "]" : "[]");
	lit->type = "array";
	lit->json = json.data;
	lit->schema = psprintf(
		"{\"type\":\"array\",\"items\":%s,\"optional\":false}", schema);
	return true;
}

static bool
parse_map(Parser *in, Literal *lit)
{
	Literal *keys = palloc0(sizeof(Literal) * MOST_ITEMS);
	Literal *values = palloc0(sizeof(Literal) * MOST_ITEMS);
	const char *key_schema;
	const char *value_schema;
	StringInfoData json;
	bool strings;
	int n = 0;

	while (!take(in, "}"))
	{
		if (n == MOST_ITEMS || !parse_value(in, true, &keys[n]) ||
			keys[n].type == NULL || !take(in, ":") ||
			!parse_value(in, true, &values[n]))
			return false;
		n++;
		(void) take(in, ",");
	}
	/* Connect fails at an empty one */
	if (n == 0 || !common_type(keys, n, &key_schema) ||
		!common_type(values, n, &value_schema))
		return false;
	strings = strcmp(key_schema, schema_of("string", NULL)) == 0;
	initStringInfo(&json);
	for (int i = 0; i < n; i++)
		appendStringInfo(&json, strings ? "%s%s:%s" : "%s[%s,%s]",
						 i > 0	   ? ","
						 : strings ? "{"
								   : "[",
						 keys[i].json,
						 values[i].type ? values[i].json : "null");
	/* the pairs' own brackets are closed already */
	json_char(&json, strings ? '}' : ']');
	lit->type = "map";
	lit->json = json.data;
	lit->schema = psprintf(
		"{\"type\":\"map\",\"keys\":%s,\"values\":%s,\"optional\":false}",
		key_schema, value_schema);
	return true;
}

/* ---- values -------------------------------------------------------------- */

/* Within a list or map: between quotes stands a string, or a time. */
static void
parse_quoted(Parser *in, Literal *lit)
{
	const char *start = in->p;
	const char *end;

	while (in->p < in->end)
	{
		end = in->p;
		if (*in->p == '"')
		{
			in->p++;
			if (!parse_time(pnstrdup(start, end - start), lit))
				set_string(lit, start, (int) (end - start));
			return;
		}
		in->p = token_end(in);
	}
	set_string(lit, start, (int) (in->p - start));
}

/* true, false or null: alone, or followed by a delimiter */
static bool
parse_word(Parser *in, bool embedded, Literal *lit)
{
	static const char *const words[] = {"null", "true", "false"};
	Parser start = *in;

	for (int i = 0; i < lengthof(words); i++)
	{
		if (take(in, words[i]) && (embedded || in->p == in->end))
		{
			if (i > 0)
				set_plain(lit, "boolean", words[i]);
			return true;
		}
		*in = start;
	}
	return false;
}

/* A number or a time, which may have colons; the whole rest outside of lists. */
static bool
parse_scalar(Parser *in, Literal *lit)
{
	const char *p = in->p;
	const char *end = token_end(in);
	char *s;

	in->p = end;
	trim(&p, &end);
	s = pnstrdup(p, end - p);
	if (*s >= '0' && *s <= '9')
	{
		Parser ahead = *in;

		for (int i = 0; i < 4; i++)
			ahead.p = token_end(&ahead);
		if (parse_time(pnstrdup(p, ahead.p - p), lit))
		{
			in->p = ahead.p;
			return true;
		}
		if (parse_time(s, lit))
			return true;
	}
	return ((*s >= '0' && *s <= '9') || *s == '+' || *s == '-') &&
		   parse_number(s, lit);
}

/* False if it is no value of these, so that the whole is a string. */
static bool
parse_value(Parser *in, bool embedded, Literal *lit)
{
	Parser start = *in;

	check_stack_depth();
	if (embedded && take(in, "\""))
	{
		parse_quoted(in, lit);
		return true;
	}
	*in = start;
	if (parse_word(in, embedded, lit))
		return true;
	if (take(in, "["))
		return parse_list(in, lit);
	*in = start;
	if (take(in, "{"))
		return parse_map(in, lit);
	*in = start;
	return parse_scalar(in, lit);
}

void
connect_literal(const char *text, const char **json, const char **schema)
{
	Parser in = {text, text + strlen(text)};
	Literal lit = {0};

	/* Connect forgets what follows a value; that would be another text */
	if (!parse_value(&in, false, &lit) ||
		strspn(in.p, " \t\r\n") != strlen(in.p))
	{
		memset(&lit, 0, sizeof(lit));
		set_string(&lit, text, strlen(text));
	}
	*json = lit.json;
	*schema = lit.schema;
}
