/*
 * connecttext.c
 *		Values as the text that Kafka Connect makes of them, in place of JSON.
 *
 * What is read here was written by this extension, so it is known to be JSON.
 */
#include "compat.h"

#include "miscadmin.h"

#include "connecttext.h"
#include "dateformat.h"
#include "json.h"
#include "jsonscan.h"

#define CONNECT_DATA "\"org.apache.kafka.connect.data."
#define MS_PER_DAY	 INT64CONST(86400000)

static const char *append(StringInfo out, const char *p, const char *schema,
						  ConnectText kind, bool embedded);

/* Whether a member of the schema is the string, quotes and all. */
static bool
schema_is(const char *schema, const char *member, const char *quoted)
{
	const char *p = schema ? jsonscan_member(schema, member) : NULL;

	return p != NULL && strncmp(p, quoted, strlen(quoted)) == 0;
}

/* ---- decimals ------------------------------------------------------------ */

/* Digits of a big-endian two's complement number; the bytes are used up. */
static char *
unscaled_digits(uint8 *bytes, int n, bool *negative)
{
	char *digits = palloc(n * 5 / 2 + 20);
	char *p = digits + n * 5 / 2 + 19;
	bool zero = false;

	*negative = n > 0 && (bytes[0] & 0x80) != 0;
	if (*negative)
	{
		int carry = 1;

		for (int i = n - 1; i >= 0; i--)
		{
			carry += (uint8) ~bytes[i];
			bytes[i] = (uint8) carry;
			carry >>= 8;
		}
	}
	*p = '\0';
	while (!zero)
	{
		unsigned int rest = 0;

		zero = true;
		for (int i = 0; i < n; i++)
		{
			rest = rest << 8 | bytes[i];
			bytes[i] = rest / 10;
			rest %= 10;
			zero &= bytes[i] == 0;
		}
		*--p = '0' + rest;
	}
	return p;
}

/* BigDecimal.toString */
static void
append_scaled(StringInfo out, const char *digits, bool negative, int scale)
{
	int n = strlen(digits);
	int exponent = n - 1 - scale;

	if (negative)
		json_char(out, '-');
	if (scale == 0)
		json_raw(out, digits, n);
	else if (scale > 0 && exponent >= -6)
	{
		int whole = n - scale;

		if (whole <= 0)
			json_char(out, '0');
		else
			json_raw(out, digits, whole);
		json_char(out, '.');
		for (int i = whole; i < 0; i++)
			json_char(out, '0');
		json_str(out, digits + Max(whole, 0));
	}
	else
	{
		json_char(out, digits[0]);
		if (n > 1)
		{
			json_char(out, '.');
			json_str(out, digits + 1);
		}
		appendStringInfo(out, "E%+d", exponent);
	}
}

/* base64 of the unscaled number, as Decimal's schema has it */
static void
append_decimal(StringInfo out, const char *json, const char *schema)
{
	const char *params = jsonscan_member(schema, "parameters");
	const char *scale = params ? jsonscan_member(params, "scale") : NULL;
	int len;
	char *text = jsonscan_unquote(json, &len);
	uint8 *bytes = palloc(len + 1);
	int n = tc_b64_decode(text, len, (char *) bytes, len);
	bool negative;
	char *digits = unscaled_digits(bytes, Max(n, 0), &negative);

	append_scaled(out, digits, negative,
				  scale ? atoi(jsonscan_unquote(scale, NULL)) : 0);
}

/* ---- dates and times ----------------------------------------------------- */

/*
 * Connect's Date, Time and Timestamp are all java.util.Date.  Before the second
 * day of 1970 Connect takes any of them for a time of the day; only those that
 * are one are written so here.
 */
static void
append_date(StringInfo out, const char *json, const char *name,
			ConnectText kind)
{
	int64 ms = strtoll(json, NULL, 10);
	bool day = strncmp(name, "Date\"", 5) == 0;

	if (day)
		ms *= MS_PER_DAY;
	if (kind == CONNECT_TEXT_JAVA)
		dateformat_append(out, ms, "EEE MMM dd HH:mm:ss 'UTC' yyyy");
	else if (strncmp(name, "Time\"", 5) == 0 && ms < MS_PER_DAY)
		dateformat_append(out, ms, "HH:mm:ss.SSS'Z'");
	else if (day || (ms >= MS_PER_DAY && ms % MS_PER_DAY == 0))
		dateformat_append(out, ms, "yyyy-MM-dd");
	else
		dateformat_append(out, ms, "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'");
}

/* What is no string in Java, though it may be one in JSON. */
static bool
append_logical(StringInfo out, const char *p, const char *schema,
			   ConnectText kind)
{
	const char *name = schema ? jsonscan_member(schema, "name") : NULL;

	if (name != NULL && strncmp(name, CONNECT_DATA, strlen(CONNECT_DATA)) == 0)
	{
		name += strlen(CONNECT_DATA);
		if (strncmp(name, "Decimal\"", 8) != 0)
		{
			append_date(out, p, name, kind);
			return true;
		}
		if (*p == '"')
		{
			append_decimal(out, p, schema);
			return true;
		}
	}
	/* NaN and infinities */
	if (*p == '"' && (schema_is(schema, "type", "\"double\"") ||
					  schema_is(schema, "type", "\"float\"")))
	{
		json_str(out, jsonscan_unquote(p, NULL));
		return true;
	}
	return false;
}

/* ---- strings, structs, lists, maps --------------------------------------- */

static void
append_string(StringInfo out, const char *p, ConnectText kind, bool embedded)
{
	int len;
	char *s = jsonscan_unquote(p, &len);

	if (kind == CONNECT_TEXT_JAVA || !embedded)
	{
		json_raw(out, s, len);
		return;
	}
	json_char(out, '"');
	for (int i = 0; i < len; i++)
	{
		if (s[i] == '"' || s[i] == '\\')
			json_char(out, '\\');
		json_char(out, s[i]);
	}
	json_char(out, '"');
}

/* An object: a struct, whose fields have schemas of their own, or a map. */
static const char *
append_object(StringInfo out, const char *p, const char *schema,
			  ConnectText kind)
{
	bool map = schema_is(schema, "type", "\"map\"");
	bool java = kind == CONNECT_TEXT_JAVA;
	const char *fields = schema ? jsonscan_member(schema, "fields") : NULL;
	const char *inner = map ? jsonscan_member(schema, "values") : NULL;
	bool first = true;

	if (java && !map)
		json_lit(out, "Struct");
	json_char(out, '{');
	/* fields stand in the order of the schema's */
	fields = fields ? fields + 1 : NULL;
	for (p = jsonscan_blanks(p + 1); *p == '"';)
	{
		const char *name = p;
		const char *value = jsonscan_blanks(jsonscan_skip(p));

		value = jsonscan_blanks(value + 1);
		if (fields != NULL)
			inner = fields;
		if (java && !map && strncmp(value, "null", 4) == 0)
			p = value + 4; /* Struct.toString leaves them out */
		else
		{
			if (!first && java && map)
				json_lit(out, ", ");
			else if (!first)
				json_char(out, ',');
			first = false;
			append_string(out, name, kind, true);
			json_char(out, java ? '=' : ':');
			p = append(out, value, inner, kind, true);
		}
		if (fields != NULL)
		{
			fields = jsonscan_skip(fields);
			fields += *fields == ',';
		}
		p = jsonscan_blanks(p);
		if (*p == ',')
			p = jsonscan_blanks(p + 1);
	}
	json_char(out, '}');
	return p + 1;
}

/* An array: a list, or a map whose keys are no strings, as pairs. */
static const char *
append_array(StringInfo out, const char *p, const char *schema,
			 ConnectText kind)
{
	bool map = schema_is(schema, "type", "\"map\"");
	bool java = kind == CONNECT_TEXT_JAVA;
	const char *items =
		schema ? jsonscan_member(schema, map ? "values" : "items") : NULL;
	const char *keys = map ? jsonscan_member(schema, "keys") : NULL;
	bool first = true;

	json_char(out, map ? '{' : '[');
	for (p = jsonscan_blanks(p + 1); *p != ']' && *p != '\0';)
	{
		if (!first && java)
			json_lit(out, ", ");
		else if (!first)
			json_char(out, ',');
		first = false;
		if (map)
		{
			p = append(out, jsonscan_blanks(p + 1), keys, kind, true);
			json_char(out, java ? '=' : ':');
			p = jsonscan_blanks(jsonscan_blanks(p) + 1);
		}
		p = jsonscan_blanks(append(out, p, items, kind, true));
		if (map)
			p = jsonscan_blanks(p + 1);
		if (*p == ',')
			p = jsonscan_blanks(p + 1);
	}
	json_char(out, map ? '}' : ']');
	return p + 1;
}

/* Returns what follows the value. */
static const char *
append(StringInfo out, const char *p, const char *schema, ConnectText kind,
	   bool embedded)
{
	const char *end;

	check_stack_depth();
	if (*p == '{')
		return append_object(out, p, schema, kind);
	if (*p == '[')
		return append_array(out, p, schema, kind);
	end = jsonscan_skip(p);
	if (strncmp(p, "null", 4) == 0)
		json_lit(out, "null");
	else if (append_logical(out, p, schema, kind))
		;
	else if (*p == '"')
		append_string(out, p, kind, embedded);
	else
		json_raw(out, p, (int) (end - p));
	return end;
}

void
connect_text(StringInfo out, const char *json, const char *schema,
			 ConnectText kind)
{
	(void) append(out, jsonscan_blanks(json), schema, kind, false);
}
