/*
 * convert_cast.c
 *		Changes of a single value: cast.
 */
#include "compat.h"

#include <math.h>

#include "utils/datetime.h"

#include "convert_internal.h"
#include "dateformat.h"
#include "json.h"
#include "jsonscan.h"
#include "pattern.h"

typedef enum CastType
{
	CAST_INT8,
	CAST_INT16,
	CAST_INT32,
	CAST_INT64,
	CAST_FLOAT32,
	CAST_FLOAT64,
	CAST_BOOLEAN,
	CAST_STRING,
	CAST_DATE, /* Connect's own, as what is cast */
	CAST_TIME,
	CAST_TIMESTAMP,
	CAST_BYTES
} CastType;

/* in the order of CastType: Connect's word, and the one in a schema's JSON */
static const struct
{
	const char *word;
	const char *type;
} cast_types[] = {{"int8", "int8"},		  {"int16", "int16"},
				  {"int32", "int32"},	  {"int64", "int64"},
				  {"float32", "float"},	  {"float64", "double"},
				  {"boolean", "boolean"}, {"string", "string"}};

static int
cast_type_of_word(const char *word)
{
	for (int i = 0; i < lengthof(cast_types); i++)
		if (pg_strcasecmp(cast_types[i].word, word) == 0)
			return i;
	return -1;
}

static int
cast_type_of_field(const ShapeField *field)
{
	for (int i = 0; i < lengthof(cast_types); i++)
		if (strcmp(cast_types[i].type, field->type) == 0)
			return i;
	return -1;
}

/* a number as Java narrows it */
static int64
narrow(int64 v, int to)
{
	switch (to)
	{
		case CAST_INT8:
			return (int8) v;
		case CAST_INT16:
			return (int16) v;
		case CAST_INT32:
			return (int32) v;
		default:
			return v;
	}
}

static int64
narrow_float(double d, int to)
{
	if (isnan(d))
		return 0;
	if (to != CAST_INT64)
		return narrow(d >= PG_INT32_MAX	  ? PG_INT32_MAX
					  : d <= PG_INT32_MIN ? PG_INT32_MIN
										  : (int64) d,
					  to);
	return d >= 9223372036854775808.0	? PG_INT64_MAX
		   : d < -9223372036854775808.0 ? PG_INT64_MIN
										: (int64) d;
}

/* The number in text; strict: a string, which must be one as a whole. */
static bool
read_number(const char *s, bool strict, bool want_integer, int64 *i, double *d,
			bool *is_integer)
{
	char *end;

	*is_integer = s[strspn(s, "+-0123456789")] == '\0' && s[0] != '\0';
	errno = 0;
	*i = 0;
	if (*is_integer)
	{
		*i = strtoll(s, &end, 10);
		*d = strtod(s, NULL);
		if (errno == 0 && *end == '\0')
			return true;
		*is_integer = false;
	}
	else if (strict && want_integer)
		return false;
	errno = 0;
	*d = strtod(s, &end);
	return end != s && *end == '\0' &&
		   s[strspn(s, "+-0123456789.eEInfityNa")] == '\0';
}

static void
put_integer(StringInfo out, const char *s, bool from_string, int to)
{
	static const int64 limits[] = {PG_INT8_MAX, PG_INT16_MAX, PG_INT32_MAX,
								   PG_INT64_MAX};
	int64 i;
	double d;
	bool is_integer;

	if (strcmp(s, "true") == 0 && !from_string)
		json_lit(out, "1");
	else if (strcmp(s, "false") == 0 && !from_string)
		json_lit(out, "0");
	else if (!read_number(s, from_string, true, &i, &d, &is_integer) ||
			 (from_string &&
			  (!is_integer || i > limits[to] || i < -limits[to] - 1)))
		json_lit(out, "null");
	else
		json_int64(out, is_integer ? narrow(i, to) : narrow_float(d, to));
}

static void
put_float(StringInfo out, const char *s, bool from_string, int to)
{
	int64 i;
	double d;
	bool is_integer;

	s += from_string ? strspn(s, " \t") : 0;
	if (!from_string && (strcmp(s, "true") == 0 || strcmp(s, "false") == 0))
		d = s[0] == 't';
	else if (!read_number(s, from_string, false, &i, &d, &is_integer))
	{
		json_lit(out, "null");
		return;
	}
	if (to == CAST_FLOAT32)
		json_float4(out, (float) d);
	else
		json_float8(out, d);
}

static void
put_boolean(StringInfo out, const char *s, bool from_string)
{
	int64 i;
	double d;
	bool is_integer;
	bool v;

	if (from_string || strcmp(s, "true") == 0 || strcmp(s, "false") == 0)
		v = pg_strcasecmp(s, "true") == 0;
	else
		v = read_number(s, false, false, &i, &d, &is_integer) &&
			(is_integer ? i != 0 : narrow_float(d, CAST_INT64) != 0);
	json_str(out, v ? "true" : "false");
}

/* Connect's dates are written as ISO 8601 has them. */
static void
put_iso(StringInfo out, const char *s, int from)
{
	int64 ms = strtoll(s, NULL, 10) * (from == CAST_DATE ? MS_PER_DAY : 1);

	json_char(out, '"');
	if (ms < MS_PER_DAY && ms >= 0)
		dateformat_append(out, ms, "HH:mm:ss.SSS'Z'");
	else if (ms % MS_PER_DAY == 0)
		dateformat_append(out, ms, "yyyy-MM-dd");
	else
		dateformat_append(out, ms, "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'");
	json_char(out, '"');
}

/* What cannot be cast becomes null: it must not stop the stream. */
static void
cast_value(StringInfo out, int start, const Conversion *conv)
{
	bool is_string = out->data[start] == '"';
	char *s = is_string ? jsonscan_unquote(out->data + start, NULL)
						: pstrdup(out->data + start);
	/* the specials of floats are written as strings */
	bool from_string = conv->from == CAST_STRING;

	if (conv->to == CAST_STRING && is_string)
		return;
	convert_truncate(out, start);
	switch (conv->to)
	{
		case CAST_STRING:
			if (conv->from >= CAST_DATE && conv->from <= CAST_TIMESTAMP)
				put_iso(out, s, conv->from);
			else
				json_utf8(out, s, strlen(s));
			break;
		case CAST_FLOAT32:
		case CAST_FLOAT64:
			put_float(out, s, from_string, conv->to);
			break;
		case CAST_BOOLEAN:
			put_boolean(out, s, from_string);
			break;
		default:
			put_integer(out, s, from_string, conv->to);
	}
	pfree(s);
}

static const char *
zero_or_null(const char *json, const TypeCodec *codec)
{
	return strcmp(json, "null") == 0 ? json
		   : codec->zero			 ? codec->zero
									 : "null";
}

/* A decimal goes through its text. */
static void
decimal_as_text(ShapeField *field, const PluginOptions *opts)
{
	PluginOptions text_opts = *opts;
	ColumnPlan *col = palloc(sizeof(ColumnPlan));

	text_opts.decimal_mode = DECIMAL_STRING;
	*col = *field->column;
	col->codec =
		typecodec_build(col->codec->type, col->codec->typmod, &text_opts);
	col->null_json = zero_or_null(col->null_json, col->codec);
	col->absent_json = zero_or_null(col->absent_json, col->codec);
	col->unavailable_json = "null";
	field->column = col;
}

void
convert_cast(ShapeField *field, const TransformStep *step, const char *type,
			 const PluginOptions *opts)
{
	List *words = pattern_split(type, ' ');
	int to = cast_type_of_word(words != NIL ? linitial(words) : "");
	int from = cast_type_of_field(field);
	const char *def =
		jsonscan_member(psprintf("%s}", field->schema), "default");
	StringInfoData s;
	Conversion *conv;

	if (to < 0)
		convert_error(
			field, step,
			psprintf(
				"\"%s\" is no type of a cast: it must be one of int8, int16, int32, int64, float32, float64, boolean, string",
				type));
	if (convert_is_named(field, CONNECT_DATA "Date"))
		from = CAST_DATE;
	else if (convert_is_named(field, CONNECT_DATA "Time"))
		from = CAST_TIME;
	else if (convert_is_named(field, CONNECT_DATA "Timestamp"))
		from = CAST_TIMESTAMP;
	else if (convert_is_named(field, CONNECT_DATA "Decimal") &&
			 field->nconversions == 0 && field->source == FIELD_COLUMN)
	{
		decimal_as_text(field, opts);
		/* a number, although it comes as a string */
		from = to == CAST_STRING ? CAST_STRING : CAST_FLOAT64;
		def = NULL;
	}
	else if (strcmp(field->type, "bytes") == 0 && to == CAST_STRING)
		from = CAST_BYTES;
	else if (from < 0)
		convert_error(
			field, step,
			psprintf("a value of type %s cannot be cast", field->type));
	conv = convert_add(field, cast_value);
	conv->from = from;
	conv->to = to;
	if (def != NULL)
	{
		initStringInfo(&s);
		json_str(&s, jsonscan_copy(def));
		cast_value(&s, 0, conv);
	}
	convert_set_schema(field, cast_types[to].type, NULL,
					   def != NULL ? s.data : NULL);
}

/* The type of a schema, all else unchanged. */
static const char *
schema_retyped(const char *schema, const char *type)
{
	const char *whole = psprintf("%s}", schema);
	const char *rest = jsonscan_skip(jsonscan_member(whole, "type"));

	return psprintf("{\"type\":\"%s\"%s", type, schema + (rest - whole));
}

void
convert_cast_whole(ShapeField *field, const TransformStep *step,
				   const char *type, const PluginOptions *opts)
{
	const char *schema = field->schema;
	const char *type_name = field->type_name;

	convert_cast(field, step, type, opts);
	/* Connect keeps the name here, but not a field's */
	field->schema = schema_retyped(schema, field->type);
	field->type_name = type_name;
}
