/*
 * convert.c
 *		Changes of a single value: mask-field, cast, timestamp-converter,
 *		timezone-converter.
 */
#include "compat.h"

#include <math.h>

#include "common/int.h"
#include "common/int.h"
#include "pgtime.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "convert.h"
#include "dateformat.h"
#include "json.h"
#include "jsonscan.h"
#include "pattern.h"
#include "schema.h"

#define CONNECT_DATA  "org.apache.kafka.connect.data."
#define DEBEZIUM_TIME "io.debezium.time."
#define MS_PER_DAY	  INT64CONST(86400000)

void
convert_run(StringInfo out, int start, const ShapeField *field)
{
	for (int i = 0; i < field->nconversions; i++)
	{
		if (out->len - start == 4 && memcmp(out->data + start, "null", 4) == 0)
			return;
		field->conversions[i].convert(out, start, &field->conversions[i]);
	}
}

static void
convert_error(const ShapeField *field, const TransformStep *step,
			  const char *what)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		 errmsg(
			 "transform \"%s\" (%s) cannot be applied to the field \"%s\": %s",
			 step->alias, step->word, field->name, what),
		 errhint(
			 "Take the field off the transform, or limit it to other topics by a predicate TopicNameMatches.")));
}

static void
truncate_to(StringInfo out, int start)
{
	out->len = start;
	out->data[start] = '\0';
}

static Conversion *
add_conversion(ShapeField *field, ConvertFunction convert)
{
	Conversion *all = palloc0(sizeof(Conversion) * (field->nconversions + 1));

	if (field->nconversions > 0)
		memcpy(all, field->conversions,
			   sizeof(Conversion) * field->nconversions);
	field->conversions = all;
	all[field->nconversions].convert = convert;
	return &all[field->nconversions++];
}

static void
set_schema(ShapeField *field, const char *type, const char *type_name,
		   const char *default_json)
{
	StringInfoData s;

	initStringInfo(&s);
	schema_plain(&s, type, field->optional, NULL);
	truncate_to(&s, s.len - 1);
	if (type_name != NULL)
		appendStringInfo(&s, ",\"name\":\"%s\",\"version\":1", type_name);
	if (default_json != NULL)
		appendStringInfo(&s, ",\"default\":%s", default_json);
	field->schema = s.data;
	field->type = type;
	field->type_name = type_name;
}

static bool
is_named(const ShapeField *field, const char *name)
{
	return field->type_name != NULL && strcmp(field->type_name, name) == 0;
}

/* ---- mask-field ---------------------------------------------------------- */

static void
put_constant(StringInfo out, int start, const Conversion *conv)
{
	truncate_to(out, start);
	json_str(out, conv->json);
}

/* the zero of a type, or NULL */
static const char *
zero_json(const ShapeField *field)
{
	if (strncmp(field->type, "int", 3) == 0)
		return "0";
	if (strcmp(field->type, "float") == 0 || strcmp(field->type, "double") == 0)
		return "0.0";
	if (strcmp(field->type, "boolean") == 0)
		return "false";
	if (strcmp(field->type, "string") == 0)
		return "\"\"";
	if (strcmp(field->type, "array") == 0)
		return "[]";
	if (strcmp(field->type, "map") == 0)
		return "{}";
	if (is_named(field, CONNECT_DATA "Decimal") &&
		field->source == FIELD_COLUMN)
		return field->column->codec->zero;
	return NULL;
}

static const char *
replacement_json(const ShapeField *field, const TransformStep *step,
				 const char *s)
{
	StringInfoData out;
	char *end;

	initStringInfo(&out);
	if (strcmp(field->type, "string") == 0)
	{
		json_utf8(&out, s, strlen(s));
		return out.data;
	}
	errno = 0;
	if (strncmp(field->type, "int", 3) == 0)
		json_int64(&out, strtoll(s, &end, 10));
	else if (strcmp(field->type, "double") == 0)
		json_float8(&out, strtod(s, &end));
	else if (strcmp(field->type, "float") == 0)
		json_float4(&out, strtof(s, &end));
	else
		convert_error(
			field, step,
			psprintf("a value of type %s has no replacement", field->type));
	if (errno != 0 || end == s || *end != '\0')
		convert_error(field, step, psprintf("\"%s\" is no %s", s, field->type));
	return out.data;
}

void
convert_mask(ShapeField *field, const TransformStep *step)
{
	const char *replacement = transform_arg_utf8(step, "replacement");
	const char *json = replacement ? replacement_json(field, step, replacement)
								   : zero_json(field);

	if (json == NULL)
		convert_error(
			field, step,
			psprintf("a value of type %s cannot be masked", field->type));
	add_conversion(field, put_constant)->json = json;
}

/* ---- cast ---------------------------------------------------------------- */

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
	truncate_to(out, start);
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
	if (is_named(field, CONNECT_DATA "Date"))
		from = CAST_DATE;
	else if (is_named(field, CONNECT_DATA "Time"))
		from = CAST_TIME;
	else if (is_named(field, CONNECT_DATA "Timestamp"))
		from = CAST_TIMESTAMP;
	else if (is_named(field, CONNECT_DATA "Decimal") &&
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
	conv = add_conversion(field, cast_value);
	conv->from = from;
	conv->to = to;
	if (def != NULL)
	{
		initStringInfo(&s);
		json_str(&s, jsonscan_copy(def));
		cast_value(&s, 0, conv);
	}
	set_schema(field, cast_types[to].type, NULL, def != NULL ? s.data : NULL);
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

/* ---- timestamp-converter ------------------------------------------------- */

typedef enum TimeKind
{
	TIME_KIND_STRING,
	TIME_KIND_UNIX,
	TIME_KIND_DATE,
	TIME_KIND_TIME,
	TIME_KIND_TIMESTAMP
} TimeKind;

/* in the order of TimeKind; their Connect types */
static const struct
{
	const char *word;
	const char *type;
	const char *type_name;
} time_kinds[] = {
	{"string", "string", NULL},
	{"unix", "int64", NULL},
	{"Date", "int32", CONNECT_DATA "Date"},
	{"Time", "int32", CONNECT_DATA "Time"},
	{"Timestamp", "int64", CONNECT_DATA "Timestamp"},
};

static bool
read_instant(const char *json, const Conversion *conv, int64 *ms)
{
	int64 v;

	if (conv->from == TIME_KIND_STRING)
		return *json == '"' &&
			   dateformat_parse(jsonscan_unquote(json, NULL), conv->format, ms);
	v = strtoll(json, NULL, 10);
	if (conv->from == TIME_KIND_DATE)
		*ms = v * MS_PER_DAY;
	else if (conv->from != TIME_KIND_UNIX)
		*ms = v;
	else if (conv->unit >= 1000)
		*ms = v / (conv->unit / 1000);
	else
		return !pg_mul_s64_overflow(v, 1000, ms);
	return true;
}

static void
put_instant(StringInfo out, int64 ms, const Conversion *conv)
{
	int64 day = ms / MS_PER_DAY - (ms % MS_PER_DAY < 0 ? 1 : 0);
	int64 v;
	StringInfoData s;

	switch ((TimeKind) conv->to)
	{
		case TIME_KIND_STRING:
			initStringInfo(&s);
			dateformat_append(&s, ms, conv->format);
			json_utf8(out, s.data, s.len);
			break;
		case TIME_KIND_UNIX:
			if (conv->unit < 1000)
				json_int64(out, ms / 1000);
			else if (pg_mul_s64_overflow(ms, conv->unit / 1000, &v))
				json_int64(out, ms < 0 ? PG_INT64_MIN : PG_INT64_MAX);
			else
				json_int64(out, v);
			break;
		case TIME_KIND_DATE:
			json_int64(out, day);
			break;
		case TIME_KIND_TIME:
			json_int64(out, ms - day * MS_PER_DAY);
			break;
		case TIME_KIND_TIMESTAMP:
			json_int64(out, ms);
			break;
	}
}

static void
timestamp_value(StringInfo out, int start, const Conversion *conv)
{
	int64 ms;
	bool ok = read_instant(out->data + start, conv, &ms);

	truncate_to(out, start);
	if (ok)
		put_instant(out, ms, conv);
	else
		json_lit(out, "null");
}

static int64
unix_unit(const ShapeField *field, const TransformStep *step)
{
	const char *word = transform_arg(step, "unix.precision", "milliseconds");
	static const struct
	{
		const char *word;
		int64 unit;
	} units[] = {{"seconds", 1},
				 {"milliseconds", 1000},
				 {"microseconds", 1000000},
				 {"nanoseconds", 1000000000}};

	for (int i = 0; i < lengthof(units); i++)
		if (strcmp(units[i].word, word) == 0)
			return units[i].unit;
	convert_error(
		field, step,
		psprintf(
			"\"%s\" is no unix.precision: it must be seconds, milliseconds, microseconds or nanoseconds",
			word));
	return 0;
}

void
convert_timestamp(ShapeField *field, const TransformStep *step)
{
	const char *target = transform_arg(step, "target.type", "");
	const char *format = transform_arg_utf8(step, "format");
	int to = -1;
	int from = -1;
	Conversion *conv;
	const char *problem;

	for (int i = 0; i < lengthof(time_kinds); i++)
	{
		if (strcmp(time_kinds[i].word, target) == 0)
			to = i;
		if (time_kinds[i].type_name != NULL &&
			is_named(field, time_kinds[i].type_name))
			from = i;
	}
	if (from < 0 && strcmp(field->type, "string") == 0)
		from = TIME_KIND_STRING;
	else if (from < 0 && strcmp(field->type, "int64") == 0)
		from = TIME_KIND_UNIX;
	if (to < 0)
		convert_error(
			field, step,
			psprintf(
				"\"%s\" is no target.type: it must be string, unix, Date, Time or Timestamp",
				target));
	if (from < 0)
		convert_error(
			field, step,
			psprintf("a value of type %s is no timestamp", field->type));
	if (format == NULL && (from == TIME_KIND_STRING || to == TIME_KIND_STRING))
		convert_error(
			field, step,
			"\"format\" is missing, which timestamps as strings need");
	problem = format ? dateformat_check(format) : NULL;
	if (problem != NULL)
		convert_error(field, step,
					  psprintf("%s in the format \"%s\" is not supported",
							   problem, format));
	conv = add_conversion(field, timestamp_value);
	conv->from = from;
	conv->to = to;
	conv->format = format;
	conv->unit = unix_unit(field, step);
	set_schema(field, time_kinds[to].type, time_kinds[to].type_name, NULL);
}

/* ---- timezone-converter -------------------------------------------------- */

/* the offset, seconds east, that holds where the clock shows this time */
static int
local_offset(const Conversion *conv, int64 local_seconds)
{
	struct pg_tm tm = {0};
	int64 days = local_seconds / 86400 - (local_seconds % 86400 < 0 ? 1 : 0);
	int rest = (int) (local_seconds - days * 86400);

	if (conv->zone == NULL)
		return conv->offset;
	j2date((int) days + UNIX_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	tm.tm_hour = rest / 3600;
	tm.tm_min = rest / 60 % 60;
	tm.tm_sec = rest % 60;
	return -DetermineTimeZoneOffset(&tm, conv->zone);
}

static void
put_offset(StringInfo out, int offset)
{
	int abs_offset = abs(offset);

	if (offset == 0)
	{
		json_char(out, 'Z');
		return;
	}
	appendStringInfo(out, "%c%02d:%02d", offset < 0 ? '-' : '+',
					 abs_offset / 3600, abs_offset / 60 % 60);
	if (abs_offset % 60 != 0)
		appendStringInfo(out, ":%02d", abs_offset % 60);
}

/* ".678901" without the zeros at its end, as Java writes it */
static void
put_fraction(StringInfo out, const char *fraction, int len)
{
	while (len > 0 && fraction[len - 1] == '0')
		len--;
	if (len > 1)
		json_raw(out, fraction, len);
}

/* "YYYY-MM-DDTHH:MM:SS.ffffffZ", as the codecs write it */
static void
zoned_timestamp(StringInfo out, int start, const Conversion *conv)
{
	char *s = jsonscan_unquote(out->data + start, NULL);
	int year, month, day, hour, minute, second, used = 0;
	const char *fraction;
	int fraction_len;
	int64 utc;
	int64 local;
	int offset;

	if (sscanf(s, "%d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour,
			   &minute, &second, &used) != 6 ||
		used == 0)
		return; /* infinity, or a placeholder */
	fraction = s + used;
	fraction_len =
		*fraction == '.' ? 1 + (int) strspn(fraction + 1, "0123456789") : 0;
	if (fraction[fraction_len] != 'Z')
		return;
	utc = ((int64) date2j(year, month, day) - UNIX_EPOCH_JDATE) * 86400 +
		  hour * 3600 + minute * 60 + second;
	offset = local_offset(conv, utc);
	local = utc + offset;
	hour = (int) ((local % 86400 + 86400) % 86400);
	j2date((int) ((local - hour) / 86400) + UNIX_EPOCH_JDATE, &year, &month,
		   &day);
	truncate_to(out, start);
	appendStringInfo(out, "\"%s%04d-%02d-%02dT%02d:%02d:%02d",
					 year < 0	   ? "-"
					 : year > 9999 ? "+"
								   : "",
					 abs(year), month, day, hour / 3600, hour / 60 % 60,
					 hour % 60);
	put_fraction(out, fraction, fraction_len);
	put_offset(out, offset);
	json_char(out, '"');
}

/* "HH:MM:SS.ffffffZ", by the offset of today */
static void
zoned_time(StringInfo out, int start, const Conversion *conv)
{
	char *s = jsonscan_unquote(out->data + start, NULL);
	int hour, minute, second, used = 0;
	int64 now = encode_clock() / 1000000;
	int offset = conv->offset;
	int local;
	int fraction_len;

	if (sscanf(s, "%2d:%2d:%2d%n", &hour, &minute, &second, &used) != 3 ||
		used == 0)
		return;
	fraction_len =
		s[used] == '.' ? 1 + (int) strspn(s + used + 1, "0123456789") : 0;
	if (s[used + fraction_len] != 'Z')
		return;
	if (conv->zone != NULL)
	{
		pg_time_t t = (pg_time_t) now;
		struct pg_tm *tm = pg_localtime(&t, conv->zone);

		offset = tm != NULL ? (int) tm->tm_gmtoff : 0;
	}
	local =
		((hour * 3600 + minute * 60 + second + offset) % 86400 + 86400) % 86400;
	truncate_to(out, start);
	appendStringInfo(out, "\"%02d:%02d:%02d", local / 3600, local / 60 % 60,
					 local % 60);
	put_fraction(out, s + used, fraction_len);
	put_offset(out, offset);
	json_char(out, '"');
}

/* a local time that is counted as if it were UTC's */
static void
zoned_number(StringInfo out, int start, const Conversion *conv)
{
	int64 v = strtoll(out->data + start, NULL, 10);
	int64 seconds = v / conv->unit - (v % conv->unit < 0 ? 1 : 0);
	int64 shifted;

	/* infinities and what is near them stay */
	if (seconds > INT64CONST(9224318015999) ||
		seconds < INT64CONST(-210866803200) ||
		pg_sub_s64_overflow(v, local_offset(conv, seconds) * conv->unit,
							&shifted))
		return;
	truncate_to(out, start);
	json_int64(out, shifted);
}

static void
set_zone(Conversion *conv, const ShapeField *field, const TransformStep *step)
{
	const char *zone = transform_arg(step, "converted.timezone", "");
	int hours, minutes, seconds = 0;
	int used = 0;

	if ((zone[0] == '+' || zone[0] == '-') &&
		sscanf(zone + 1, "%2d:%2d%n", &hours, &minutes, &used) == 2)
	{
		if (zone[1 + used] == ':')
			seconds = (int) strtol(zone + 2 + used, NULL, 10);
		conv->offset =
			(zone[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds);
		return;
	}
	conv->zone = pg_tzset(zone);
	if (conv->zone == NULL)
		convert_error(field, step,
					  psprintf("there is no time zone \"%s\"", zone));
}

void
convert_timezone(ShapeField *field, const TransformStep *step)
{
	static const struct
	{
		const char *type_name;
		ConvertFunction convert;
		int64 unit;
	} rows[] = {
		{DEBEZIUM_TIME "ZonedTimestamp", zoned_timestamp, 0},
		{DEBEZIUM_TIME "ZonedTime", zoned_time, 0},
		{DEBEZIUM_TIME "Timestamp", zoned_number, 1000},
		{DEBEZIUM_TIME "MicroTimestamp", zoned_number, 1000000},
		{DEBEZIUM_TIME "NanoTimestamp", zoned_number, 1000000000},
		{CONNECT_DATA "Timestamp", zoned_number, 1000},
	};

	for (int i = 0; i < lengthof(rows); i++)
	{
		Conversion *conv;

		if (!is_named(field, rows[i].type_name))
			continue;
		conv = add_conversion(field, rows[i].convert);
		conv->unit = rows[i].unit;
		set_zone(conv, field, step);
		return;
	}
}

/* ---- clocks of the source block ------------------------------------------ */

/* A point in time, by the clock on a wall in the zone. */
static int64
zoned_clock(int64 v, int64 unit, const Conversion *conv)
{
	pg_time_t seconds = (pg_time_t) (v / unit);
	int offset = conv->offset;

	if (conv->zone != NULL)
	{
		struct pg_tm *tm = pg_localtime(&seconds, conv->zone);

		offset = tm != NULL ? (int) tm->tm_gmtoff : 0;
	}
	return v + offset * unit;
}

static void
zoned_source(StringInfo out, int start, const Conversion *conv)
{
	static const struct
	{
		const char *name;
		int64 unit;
	} clocks[] = {{"ts_ms", 1000}, {"ts_us", 1000000}, {"ts_ns", 1000000000}};

	for (int i = 0; i < lengthof(clocks); i++)
	{
		const char *block = out->data + start;
		const char *value = jsonscan_member(block, clocks[i].name);
		int at = value ? (int) (value - out->data) : 0;
		char *rest;
		int64 v;

		if (value == NULL || (conv->from & (1 << i)) == 0)
			continue;
		v = strtoll(value, NULL, 10);
		rest = pstrdup(jsonscan_skip(value));
		truncate_to(out, at);
		json_int64(out, zoned_clock(v, clocks[i].unit, conv));
		json_str(out, rest);
	}
}

static void
zoned_single(StringInfo out, int start, const Conversion *conv)
{
	int64 v = strtoll(out->data + start, NULL, 10);

	truncate_to(out, start);
	json_int64(out, zoned_clock(v, conv->unit, conv));
}

void
convert_source_zone(ShapeField *field, const TransformStep *step, int clocks)
{
	Conversion *conv = add_conversion(field, zoned_source);

	conv->from = clocks;
	set_zone(conv, field, step);
}

void
convert_clock_zone(ShapeField *field, const TransformStep *step, int64 unit)
{
	Conversion *conv = add_conversion(field, zoned_single);

	conv->unit = unit;
	set_zone(conv, field, step);
}
