/*
 * convert.c
 *		Changes of a single value: what all have in common, mask-field,
 *		timestamp-converter.
 */
#include "compat.h"

#include "common/int.h"

#include "convert_internal.h"
#include "dateformat.h"
#include "json.h"
#include "jsonscan.h"
#include "schema.h"

void
convert_run(StringInfo out, int start, const ShapeField *field, int image)
{
	for (int i = 0; i < field->nconversions; i++)
	{
		if (out->len - start == 4 && memcmp(out->data + start, "null", 4) == 0)
			return;
		if ((field->conversions[i].skips & image) == 0)
			field->conversions[i].convert(out, start, &field->conversions[i]);
	}
}

void
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

Conversion *
convert_add(ShapeField *field, ConvertFunction convert)
{
	Conversion *all = palloc0(sizeof(Conversion) * (field->nconversions + 1));

	if (field->nconversions > 0)
		memcpy(all, field->conversions,
			   sizeof(Conversion) * field->nconversions);
	field->conversions = all;
	all[field->nconversions].convert = convert;
	return &all[field->nconversions++];
}

void
convert_set_schema(ShapeField *field, const char *type, const char *type_name,
				   const char *default_json)
{
	StringInfoData s;

	initStringInfo(&s);
	schema_plain(&s, type, field->optional, NULL);
	convert_truncate(&s, s.len - 1);
	if (type_name != NULL)
		appendStringInfo(&s, ",\"name\":\"%s\",\"version\":1", type_name);
	if (default_json != NULL)
		appendStringInfo(&s, ",\"default\":%s", default_json);
	field->schema = s.data;
	field->type = type;
	field->type_name = type_name;
}

bool
convert_is_named(const ShapeField *field, const char *name)
{
	return field->type_name != NULL && strcmp(field->type_name, name) == 0;
}

/* ---- mask-field ---------------------------------------------------------- */

static void
put_constant(StringInfo out, int start, const Conversion *conv)
{
	convert_truncate(out, start);
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
	if (convert_is_named(field, CONNECT_DATA "Decimal") &&
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
	convert_add(field, put_constant)->json = json;
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

	convert_truncate(out, start);
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
			convert_is_named(field, time_kinds[i].type_name))
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
	conv = convert_add(field, timestamp_value);
	conv->from = from;
	conv->to = to;
	conv->format = format;
	conv->unit = unix_unit(field, step);
	convert_set_schema(field, time_kinds[to].type, time_kinds[to].type_name,
					   NULL);
}
