/*
 * shape.c
 *		What the chain of transforms makes of a relation's records.
 *
 * Each step is applied to a draft of the record, once, when the plan is built.
 * The schemas are those that schema.c writes, taken apart.
 */
#include "compat.h"

#include "convert.h"
#include "filter.h"
#include "json.h"
#include "jsonscan.h"
#include "outbox.h"
#include "schema.h"
#include "shape.h"
#include "txnmeta.h"

#define STRUCT_HEAD "{\"type\":\"struct\",\"fields\":["
#define LOGICAL_KEY_FIELD "__dbz__physicalTableIdentifier"
#define CONNECT_TIMESTAMP "org.apache.kafka.connect.data.Timestamp"

/* a record as it is between two steps */
typedef struct Draft
{
	const Encoder *enc;
	RelationPlan *plan;
	ShapeClass	class;
	bool		moved;
	const char *topic;
	bool		flat;
	bool		has_key;
	bool		bare_key;
	bool		key_changed;
	List	   *key;			/* of ShapeField * */
	const char *key_rest;		/* of its schema, behind the fields */
	bool		value_changed;
	List	   *value;
	const char *value_rest;
	bool		row_changed;
	List	   *row;			/* the columns */
	bool		unwrapped;		/* add.headers are there */
	List	   *headers;		/* of RecordHeader *: before add.headers */
	List	   *late_headers;	/* and after */
} Draft;

static void
step_error(const Draft *d, const TransformStep *step, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("transform \"%s\" (%s) cannot be applied to \"%s.%s\": %s",
					step->alias, step->word, d->plan->schema, d->plan->table, what),
			 errhint("Correct the transform, limit it to other topics by a predicate TopicNameMatches, or leave the table out with table.include.list.")));
}

/* ---- fields -------------------------------------------------------------- */

void
shape_field_rename(ShapeField *field, const char *name)
{
	StringInfoData s;

	initStringInfo(&s);
	json_utf8(&s, name, strlen(name));
	json_char(&s, ':');
	field->name = name;
	field->name_json = s.data;
	field->name_len = s.len;
}

void
shape_field_schema(StringInfo out, const ShapeField *field, const char *name)
{
	json_str(out, field->schema);
	if (name != NULL)
	{
		json_lit(out, ",\"field\":");
		json_utf8(out, name, strlen(name));
	}
	json_char(out, '}');
}

static ShapeField *
list_find(List *fields, const char *name)
{
	ListCell   *lc;

	foreach(lc, fields)
	{
		ShapeField *f = lfirst(lc);

		if (strcmp(f->name, name) == 0)
			return f;
	}
	return NULL;
}

ShapeField *
shape_field_find(ShapeField *fields, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

static ShapeField *
field_copy(const ShapeField *field)
{
	ShapeField *copy = palloc(sizeof(ShapeField));

	*copy = *field;
	if (field->nconversions > 0)
	{
		copy->conversions = palloc(sizeof(Conversion) * field->nconversions);
		memcpy(copy->conversions, field->conversions,
			   sizeof(Conversion) * field->nconversions);
	}
	return copy;
}

/* A field of its schema {"type":…,"field":"name"}. */
static ShapeField *
field_from_schema(const char *schema)
{
	static const char mark[] = ",\"field\":\"";
	ShapeField *f = palloc0(sizeof(ShapeField));
	const char *tail = NULL;
	const char *p = schema;
	const char *name;

	/* a name's own quotes are escaped, so the last mark is the right one */
	while ((p = strstr(p, mark)) != NULL)
		tail = p++;
	if (tail == NULL)
		elog(ERROR, "schema of a field without its name: %s", schema);
	f->schema = pnstrdup(schema, tail - schema);
	shape_field_rename(f, jsonscan_unquote(tail + sizeof(mark) - 2, NULL));
	f->type = jsonscan_unquote(jsonscan_member(schema, "type"), NULL);
	name = jsonscan_member(schema, "name");
	f->type_name = name ? jsonscan_unquote(name, NULL) : NULL;
	p = jsonscan_member(schema, "optional");
	f->optional = p != NULL && *p == 't';
	return f;
}

/*
 * The fields of the struct in {"schema":{…},"payload":, and what follows them
 * in its schema, without the last brace.
 */
static List *
fields_from_head(const char *head, const char **rest)
{
	const char *schema = head + strlen("{\"schema\":");
	const char *end = jsonscan_skip(schema);
	const char *p = schema + strlen(STRUCT_HEAD);
	List	   *fields = NIL;

	if (strncmp(schema, STRUCT_HEAD, strlen(STRUCT_HEAD)) != 0)
		elog(ERROR, "unexpected schema %s", head);
	while (*p == '{')
	{
		fields = lappend(fields, field_from_schema(jsonscan_copy(p)));
		p = jsonscan_skip(p);
		p += *p == ',';
	}
	*rest = pnstrdup(p + 1, end - 1 - (p + 1));
	return fields;
}

/* The streams' heads with schemas, whatever the options say. */
static RelationPlan
plan_with_schemas(const Encoder *enc, const RelationPlan *plan, bool flat)
{
	PluginOptions opts = *enc->opts;
	Encoder		with = *enc;
	RelationPlan copy = *plan;

	opts.key_schemas = opts.value_schemas = true;
	opts.format = flat ? FORMAT_FLAT : FORMAT_ENVELOPE;
	with.opts = &opts;
	copy.stream.key_head = copy.stream.value_head = "";
	schema_fill_table(&with, &copy);
	return copy;
}

static StreamInfo
stream_with_schemas(const Encoder *enc, const RelationPlan *plan, bool flat)
{
	return plan_with_schemas(enc, plan, flat).stream;
}

static void
set_columns(List *fields, ColumnPlan *columns, int n)
{
	for (int i = 0; i < n; i++)
	{
		ShapeField *f = list_nth(fields, i);

		f->source = FIELD_COLUMN;
		f->column = &columns[i];
	}
}

/* The fields of a flat row; its columns are those of the envelope before. */
static void
draft_flat(Draft *d)
{
	StreamInfo	stream = stream_with_schemas(d->enc, d->plan, true);
	List	   *fields = fields_from_head(stream.value_head, &d->value_rest);
	int			n = d->plan->ncolumns;
	int			mode = d->enc->opts->delete_mode;

	set_columns(fields, d->plan->columns, n);
	for (int i = 0; i < n && d->row != NIL; i++)
		lfirst(list_nth_cell(fields, i)) = field_copy(list_nth(d->row, i));
	if (mode == DELETE_REWRITE || mode == DELETE_REWRITE_WITH_TOMBSTONE)
		((ShapeField *) list_nth(fields, n++))->source = FIELD_DELETED;
	if (list_length(fields) != n + d->enc->nfields)
		elog(ERROR, "unexpected number of fields in a flat schema");
	for (int i = 0; i < d->enc->nfields; i++)
	{
		ShapeField *f = list_nth(fields, n + i);

		f->source = FIELD_META;
		f->meta = i;
	}
	d->value = fields;
	d->value_changed = d->row_changed;
	d->flat = d->unwrapped = true;
}

static void
draft_envelope(Draft *d)
{
	static const struct
	{
		const char *name;
		FieldSource source;
	}			members[] = {
		{"before", FIELD_BEFORE}, {"after", FIELD_AFTER},
		{"source", FIELD_SOURCE_BLOCK}, {"transaction", FIELD_TRANSACTION},
		{"op", FIELD_OP}, {"ts_ms", FIELD_TS_MS}, {"ts_us", FIELD_TS_US},
		{"ts_ns", FIELD_TS_NS}
	};
	StreamInfo	stream = stream_with_schemas(d->enc, d->plan, false);
	const char *ignored;
	ShapeField *after;

	d->value = fields_from_head(stream.value_head, &d->value_rest);
	for (int i = 0; i < lengthof(members); i++)
	{
		ShapeField *f = list_find(d->value, members[i].name);

		if (f != NULL)
			f->source = members[i].source;
	}
	after = list_find(d->value, "after");
	d->row = fields_from_head(psprintf("{\"schema\":%s},", after->schema), &ignored);
	set_columns(d->row, d->plan->columns, d->plan->ncolumns);
}

static void
draft_key(Draft *d)
{
	StreamInfo	stream;

	if (d->plan->nkey == 0)
		return;
	stream = stream_with_schemas(d->enc, d->plan, d->flat);
	d->key = fields_from_head(stream.key_head, &d->key_rest);
	set_columns(d->key, d->plan->key, d->plan->nkey);
	d->has_key = true;
}

/* ---- predicates ---------------------------------------------------------- */

static bool
list_has_header(List *headers, const char *name)
{
	ListCell   *lc;

	foreach(lc, headers)
		if (strcmp(((RecordHeader *) lfirst(lc))->name, name) == 0)
			return true;
	return false;
}

static bool
has_header(const Draft *d, const char *name)
{
	StreamInfo	stream = {0};

	if (d->moved && strcmp(name, d->class == SHAPE_ROW ? "__debezium.oldkey"
						   : "__debezium.newkey") == 0)
		return true;
	encoder_stream_headers(d->enc, &stream);
	for (int i = 0; i < stream.nheaders; i++)
		if (strcmp(stream.headers[i].name, name) == 0)
			return true;
	if (d->unwrapped && metafields_has_header(d->enc, name))
		return true;
	return list_has_header(d->headers, name) || list_has_header(d->late_headers, name);
}

static bool
is_null_value(const Draft *d)
{
	int			mode = d->enc->opts->delete_mode;

	return d->class == SHAPE_TOMBSTONE ||
		(d->class == SHAPE_DELETE && d->flat &&
		 (mode == DELETE_TOMBSTONE || mode == DELETE_TO_TOMBSTONE));
}

static bool
applies(const Draft *d, const TransformStep *step)
{
	bool		holds = true;

	switch (step->predicate)
	{
		case PREDICATE_NONE:
			return true;
		case PREDICATE_TOPIC:
			holds = route_match(step->topics, d->topic);
			break;
		case PREDICATE_TOMBSTONE:
			holds = is_null_value(d);
			break;
		case PREDICATE_HEADER:
			holds = has_header(d, step->header);
			break;
	}
	return holds != step->negate;
}

/* ---- steps --------------------------------------------------------------- */

/* The name in what follows the fields of a schema. */
static const char *
rest_renamed(const char *rest, const char *name)
{
	static const char mark[] = ",\"name\":\"";
	const char *p = strstr(rest, mark);
	StringInfoData s;

	initStringInfo(&s);
	if (p == NULL)
		p = rest + strlen(rest);
	json_raw(&s, rest, p - rest);
	json_lit(&s, ",\"name\":");
	json_utf8(&s, name, strlen(name));
	if (*p != '\0')
		json_str(&s, jsonscan_skip(p + sizeof(mark) - 2));
	return s.data;
}

/* The schema of a struct, without its last brace, under another name. */
static const char *
struct_renamed(const char *schema, const char *name)
{
	const char *fields = strchr(schema, '[');
	const char *rest = jsonscan_skip(fields);

	return psprintf("%.*s%s", (int) (rest - schema), schema,
					rest_renamed(rest, name));
}

static ShapeField *
constant_field(const char *name, const char *json, const char *type,
			   const char *type_name, bool optional)
{
	StringInfoData s;
	ShapeField *f;

	initStringInfo(&s);
	schema_plain(&s, type, optional, NULL);
	s.len--;
	s.data[s.len] = '\0';
	if (type_name != NULL)
		appendStringInfo(&s, ",\"name\":\"%s\",\"version\":1", type_name);
	f = palloc0(sizeof(ShapeField));
	f->source = FIELD_CONSTANT;
	f->json = json;
	f->schema = s.data;
	f->type = type;
	f->type_name = type_name;
	f->optional = optional;
	shape_field_rename(f, name);
	return f;
}

static const char *
quoted(const char *s)
{
	StringInfoData out;

	initStringInfo(&out);
	json_utf8(&out, s, strlen(s));
	return out.data;
}

static void
apply_logical_router(Draft *d, const TransformStep *step)
{
	const char *name = transform_arg_utf8(step, "key.field.name");
	const char *id = d->topic;
	char	   *topic = route_apply(step->route, d->topic);
	ListCell   *lc;

	if (topic == NULL || topic[0] == '\0')
		return;
	if (d->has_key)
	{
		if (d->bare_key)
			step_error(d, step, "the key is no struct any more");
		d->key_rest = rest_renamed(d->key_rest, psprintf("%s.Key", topic));
		d->key_changed = true;
		if (transform_arg_bool(step, "key.enforce.uniqueness", true))
		{
			if (step->key_route != NULL)
			{
				char	   *routed = route_apply(step->key_route, d->topic);

				if (routed != NULL)
					id = routed;
			}
			d->key = lappend(d->key, constant_field(name ? name : LOGICAL_KEY_FIELD,
													quoted(id), "string", NULL, false));
		}
	}
	if (!d->flat)
	{
		foreach(lc, d->value)
		{
			ShapeField *f = lfirst(lc);

			if (f->source == FIELD_BEFORE || f->source == FIELD_AFTER)
				f->schema = struct_renamed(f->schema, psprintf("%s.Value", topic));
		}
		d->value_rest = rest_renamed(d->value_rest, psprintf("%s.Envelope", topic));
	}
	d->topic = topic;
}

static void
add_field(Draft *d, const TransformStep *step, ShapeField *f)
{
	List	  **fields = step->of_key ? &d->key : &d->value;

	if (list_find(*fields, f->name) != NULL)
		step_error(d, step, psprintf("there is a field \"%s\" already", f->name));
	*fields = lappend(*fields, f);
}

/* "name?" is optional, as is "name"; "name!" is not */
static void
insert_field(Draft *d, const TransformStep *step, const char *word,
			 const char *json, const char *type, const char *type_name)
{
	const char *spec = transform_arg_utf8(step, word);
	char	   *name;
	size_t		len;
	bool		optional = true;

	if (spec == NULL)
		return;
	name = pstrdup(spec);
	len = strlen(name);
	if (name[len - 1] == '?' || name[len - 1] == '!')
	{
		optional = name[len - 1] == '?';
		name[len - 1] = '\0';
	}
	if (!optional && strcmp(json, "null") == 0)
		step_error(d, step, "the record has neither timestamp nor partition yet, so that their fields cannot be required");
	add_field(d, step, constant_field(name, json, type, type_name, optional));
}

static void
apply_insert_field(Draft *d, const TransformStep *step)
{
	const char *value = transform_arg_utf8(step, "static.value");

	insert_field(d, step, "topic.field", quoted(d->topic), "string", NULL);
	/* as Debezium's, a record has neither before it is produced */
	insert_field(d, step, "partition.field", "null", "int32", NULL);
	insert_field(d, step, "timestamp.field", "null", "int64", CONNECT_TIMESTAMP);
	insert_field(d, step, "static.field", quoted(value ? value : ""), "string", NULL);
}

static void
apply_insert_header(Draft *d, const TransformStep *step)
{
	RecordHeader *h = palloc(sizeof(RecordHeader));
	const char *value = transform_arg_utf8(step, "value.literal");

	h->name = transform_arg_utf8(step, "header");
	if (h->name == NULL)
		step_error(d, step, "the header has no name");
	h->value = value ? value : "";
	h->len = strlen(h->value);
	if (d->unwrapped && d->enc->nheaders > 0)
		d->late_headers = lappend(d->late_headers, h);
	else
		d->headers = lappend(d->headers, h);
}

static bool
names_have(List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

/* "from:to" among the renames, or the name itself */
static const char *
renamed(const Draft *d, const TransformStep *step, List *renames, const char *name)
{
	size_t		len = strlen(name);
	const char *to = name;
	ListCell   *lc;

	foreach(lc, renames)
	{
		const char *pair = lfirst(lc);
		const char *colon = strchr(pair, ':');

		if (colon == NULL || colon[1] == '\0')
			step_error(d, step, psprintf("\"%s\" is no FROM:TO", pair));
		if ((size_t) (colon - pair) == len && strncmp(pair, name, len) == 0)
			to = pstrdup(colon + 1);
	}
	return to;
}

static void
apply_replace_field(Draft *d, const TransformStep *step)
{
	List	  **fields = step->of_key ? &d->key : &d->value;
	List	   *include = transform_arg_list(step, "include");
	List	   *exclude = transform_arg_list(step, "exclude");
	List	   *renames = transform_arg_list(step, "renames");
	List	   *kept = NIL;
	ListCell   *lc;

	foreach(lc, *fields)
	{
		ShapeField *f = lfirst(lc);
		const char *to;

		if (names_have(exclude, f->name) ||
			(include != NIL && !names_have(include, f->name)))
			continue;
		to = renamed(d, step, renames, f->name);
		if (to != f->name)
			shape_field_rename(f, to);
		if (list_find(kept, f->name) != NULL)
			step_error(d, step, psprintf("two fields are named \"%s\"", f->name));
		kept = lappend(kept, f);
	}
	*fields = kept;
}

static void
apply_convert(Draft *d, const TransformStep *step)
{
	List	   *fields = step->of_key ? d->key : d->value;
	ListCell   *lc;
	ShapeField *f;

	switch (step->kind)
	{
		case STEP_MASK_FIELD:
			foreach(lc, transform_arg_list(step, "fields"))
				if ((f = list_find(fields, lfirst(lc))) != NULL)
					convert_mask(f, step);
			break;
		case STEP_CAST:
			foreach(lc, transform_arg_list(step, "spec"))
			{
				char	   *pair = lfirst(lc);
				char	   *colon = strrchr(pair, ':');

				if (colon == NULL)
					step_error(d, step, "a cast of the whole value is not supported; name fields, as in \"spec\": \"amount:string\"");
				*colon = '\0';
				if ((f = list_find(fields, pair)) != NULL)
					convert_cast(f, step, colon + 1, d->enc->opts);
			}
			break;
		default:
			f = list_find(fields, transform_arg_utf8(step, "field"));
			if (f != NULL)
				convert_timestamp(f, step);
	}
}

static void
apply_value_to_key(Draft *d, const TransformStep *step)
{
	List	   *key = NIL;
	ListCell   *lc;

	foreach(lc, transform_arg_list(step, "fields"))
	{
		ShapeField *f = list_find(d->value, lfirst(lc));

		if (f == NULL)
			step_error(d, step, psprintf("its value has no field \"%s\"", (char *) lfirst(lc)));
		key = lappend(key, field_copy(f));
	}
	d->key = key;
	d->key_rest = ",\"optional\":false";
	d->has_key = d->key_changed = true;
	d->bare_key = false;
}

static void
apply_extract_key(Draft *d, const TransformStep *step)
{
	const char *name = transform_arg_utf8(step, "field");
	ShapeField *f;

	if (d->bare_key)
		step_error(d, step, "the key is no struct any more");
	f = name ? list_find(d->key, name) : NULL;
	if (f == NULL)
		step_error(d, step, psprintf("its key has no field \"%s\"", name ? name : ""));
	d->key = list_make1(f);
	d->bare_key = d->key_changed = true;
}

/* ---- which columns a timezone-converter changes -------------------------- */

/*
 * The rule of a list for a table: "source:TABLE", "topic:TOPIC", or either
 * name alone, with or without ":FIELD".  Returns whether there is one; *fields
 * are those that it names.
 */
static bool
timezone_rule(const Draft *d, List *list, List **fields)
{
	const char *names[] = {d->topic, d->plan->stream.name};
	const char *prefixes[] = {"topic:", "source:", ""};

	*fields = NIL;
	for (int i = 0; i < lengthof(prefixes); i++)
	{
		for (int j = 0; j < lengthof(names); j++)
		{
			const char *wanted = psprintf("%s%s", prefixes[i], names[j]);
			size_t		len = strlen(wanted);
			bool		found = false;
			ListCell   *lc;

			if (i < 2 && i != j)
				continue;
			foreach(lc, list)
			{
				const char *item = lfirst(lc);

				if (strncmp(item, wanted, len) != 0 ||
					(item[len] != '\0' && item[len] != ':'))
					continue;
				found = true;
				if (item[len] == ':')
					*fields = lappend(*fields, pstrdup(item + len + 1));
			}
			if (found)
				return true;
		}
	}
	return false;
}

static bool
in_zone_list(List *fields, const char *name)
{
	return names_have(fields, name) ||
		(names_have(fields, psprintf("before.%s", name)) &&
		 names_have(fields, psprintf("after.%s", name)));
}

static void
apply_timezone(Draft *d, const TransformStep *step)
{
	List	   *include = transform_arg_list(step, "include.list");
	List	   *exclude = transform_arg_list(step, "exclude.list");
	List	   *fields;
	ListCell   *lc;
	bool		found;

	/* it changes nothing but envelopes */
	if (d->flat)
		return;
	found = timezone_rule(d, include != NIL ? include : exclude, &fields);
	if (include != NIL ? !found : found && fields == NIL)
		return;
	foreach(lc, fields)
		if (strncmp(lfirst(lc), "source.", 7) == 0)
			step_error(d, step, psprintf("\"%s\" of the source block is not supported", (char *) lfirst(lc)));
	foreach(lc, d->row)
	{
		ShapeField *f = lfirst(lc);

		if (fields == NIL || in_zone_list(fields, f->name) == (include != NIL))
			convert_timezone(f, step);
	}
	d->row_changed = d->value_changed = true;
}

static void
apply_step(Draft *d, const TransformStep *step)
{
	char	   *topic;

	/* what is not there is not changed */
	if (step->of_key && !d->has_key)
		return;
	if (step->kind == STEP_EXTRACT_KEY && !d->has_key)
		return;
	if (step->of_key && d->bare_key)
		step_error(d, step, "the key is no struct any more");
	switch (step->kind)
	{
		case STEP_UNWRAP:
			if (!d->flat)
				draft_flat(d);
			return;
		case STEP_REGEX_ROUTER:
			topic = route_apply(step->route, d->topic);
			if (topic != NULL)
				d->topic = topic;
			return;
		case STEP_LOGICAL_ROUTER:
			apply_logical_router(d, step);
			return;
		case STEP_INSERT_HEADER:
			apply_insert_header(d, step);
			return;
		case STEP_VALUE_TO_KEY:
			apply_value_to_key(d, step);
			return;
		case STEP_EXTRACT_KEY:
			apply_extract_key(d, step);
			return;
		case STEP_TIMEZONE:
			apply_timezone(d, step);
			return;
		case STEP_INSERT_FIELD:
			apply_insert_field(d, step);
			break;
		case STEP_REPLACE_FIELD:
			apply_replace_field(d, step);
			break;
		default:
			apply_convert(d, step);
	}
	if (step->of_key)
		d->key_changed = true;
	else
		d->value_changed = true;
}

/* ---- the result ---------------------------------------------------------- */

static ShapeField *
fields_array(List *fields)
{
	ShapeField *array = palloc(sizeof(ShapeField) * Max(list_length(fields), 1));
	ListCell   *lc;

	foreach(lc, fields)
		array[foreach_current_index(lc)] = *(ShapeField *) lfirst(lc);
	return array;
}

/* {"schema":{…},"payload": */
static const char *
struct_head(List *fields, const char *rest)
{
	StringInfoData s;
	ListCell   *lc;

	initStringInfo(&s);
	json_lit(&s, "{\"schema\":" STRUCT_HEAD);
	foreach(lc, fields)
	{
		ShapeField *f = lfirst(lc);

		if (foreach_current_index(lc) > 0)
			json_char(&s, ',');
		shape_field_schema(&s, f, f->name);
	}
	json_char(&s, ']');
	json_str(&s, rest);
	json_lit(&s, "},\"payload\":");
	return s.data;
}

static void
finish_schemas(const Draft *d, StreamInfo *stream)
{
	const PluginOptions *opts = d->enc->opts;

	stream->key_head = stream->key_tail = "";
	stream->value_head = stream->value_tail = "";
	if (opts->key_schemas && d->has_key)
	{
		if (d->bare_key)
		{
			StringInfoData s;

			initStringInfo(&s);
			json_lit(&s, "{\"schema\":");
			shape_field_schema(&s, linitial(d->key), NULL);
			json_lit(&s, ",\"payload\":");
			stream->key_head = s.data;
		}
		else
			stream->key_head = struct_head(d->key, d->key_rest);
		stream->key_tail = "}";
	}
	if (opts->value_schemas)
	{
		/* no transform changes the schema of a null */
		if (d->class == SHAPE_DELETE && d->flat &&
			opts->delete_mode == DELETE_TOMBSTONE)
			stream->value_head = plan_with_schemas(d->enc, d->plan, true).null_stream.value_head;
		else
			stream->value_head = struct_head(d->value, d->value_rest);
		stream->value_tail = "}";
	}
}

static RecordHeader *
headers_array(RecordHeader *first, int *n, List *more)
{
	RecordHeader *all = palloc(sizeof(RecordHeader) * Max(*n + list_length(more), 1));
	ListCell   *lc;

	if (*n > 0)
		memcpy(all, first, sizeof(RecordHeader) * *n);
	foreach(lc, more)
		all[(*n)++] = *(RecordHeader *) lfirst(lc);
	return all;
}

static Shape *
finish(const Draft *d)
{
	Shape	   *shape = palloc0(sizeof(Shape));
	StreamInfo *stream = &shape->stream;

	*stream = d->plan->stream;
	stream->announced = false;
	stream->topic = topic_sanitize(d->topic);
	finish_schemas(d, stream);
	stream->nheaders = 0;
	stream->headers = NULL;
	encoder_stream_headers(d->enc, stream);
	stream->headers = headers_array(stream->headers, &stream->nheaders, d->headers);
	shape->headers = headers_array(NULL, &shape->nheaders, d->late_headers);
	shape->flat = d->flat;
	shape->own_key = d->key_changed;
	shape->bare_key = d->bare_key;
	shape->nkey = list_length(d->key);
	shape->key = fields_array(d->key);
	shape->own_value = d->value_changed;
	shape->nvalue = list_length(d->value);
	shape->value = fields_array(d->value);
	if (d->row_changed)
		shape->row = fields_array(d->row);
	return shape;
}

static Shape *
shape_build(const Encoder *enc, RelationPlan *plan, ShapeClass class, bool moved)
{
	const TransformChain *chain = enc->opts->transforms;
	Draft		d = {0};
	Shape	   *shape;
	int			i;

	d.enc = enc;
	d.plan = plan;
	d.class = class;
	d.moved = moved;
	d.topic = plan->stream.topic;
	if (enc->opts->format == FORMAT_FLAT && !chain->unwraps)
		draft_flat(&d);
	else
		draft_envelope(&d);
	draft_key(&d);
	for (i = 0; i < chain->nsteps; i++)
	{
		const TransformStep *step = &chain->steps[i];

		if (!applies(&d, step))
			continue;
		if (!chain->unwraps && d.flat &&
			(step->kind == STEP_OUTBOX || step->kind == STEP_TIMEZONE))
			step_error(&d, step, "it takes envelopes; set format=envelope, or put a step \"unwrap\" behind it");
		if (step->kind == STEP_OUTBOX)
		{
			/* it takes envelopes and lets the rest pass */
			if (d.flat)
				continue;
			break;
		}
		apply_step(&d, step);
	}
	shape = finish(&d);
	if (i < chain->nsteps)
	{
		ShapeField *row = fields_array(d.row);

		shape->outbox = &chain->steps[i];
		shape->after_outbox = i + 1;
		shape->outbox_plan = outbox_plan_build(enc, plan, shape, row,
											   list_length(d.row));
		shape->stream.key_head = shape->stream.key_tail = "";
		shape->stream.value_head = shape->stream.value_tail = "";
	}
	return shape;
}

void
shapes_build(const Encoder *enc, RelationPlan *plan)
{
	const TransformChain *chain = enc->opts->transforms;
	Shape	   *shape;
	bool		by_class;

	plan->flat = enc->opts->format == FORMAT_FLAT;
	if (chain == NULL)
		return;
	by_class = chain->by_class || (enc->opts->value_schemas &&
								   enc->opts->delete_mode == DELETE_TOMBSTONE);
	shape = shape_build(enc, plan, SHAPE_ROW, false);
	plan->shapes = palloc(sizeof(Shape *) * RELATION_SHAPES);
	for (int i = 0; i < RELATION_SHAPES; i++)
		plan->shapes[i] = by_class && i > 0 && shape->outbox == NULL
			? shape_build(enc, plan, i / 2, i % 2) : shape;
	plan->routed = strcmp(plan->stream.topic, shape->stream.topic) != 0;
	plan->flat = shape->flat;
	plan->stream.topic = shape->stream.topic;
}

/* ---- streams that are no table's ----------------------------------------- */

/* its key and value are objects whose fields only grow */
typedef struct StreamDraft
{
	StreamInfo *stream;
	const char *topic;
	List	   *key;			/* of ShapeField * */
	List	   *value;
	List	   *headers;
} StreamDraft;

static bool
stream_applies(const StreamDraft *d, const TransformStep *step)
{
	bool		holds = false;

	switch (step->predicate)
	{
		case PREDICATE_NONE:
			return true;
		case PREDICATE_TOPIC:
			holds = route_match(step->topics, d->topic);
			break;
		case PREDICATE_TOMBSTONE:
			break;
		case PREDICATE_HEADER:
			holds = list_has_header(d->headers, step->header);
			for (int i = 0; i < d->stream->nheaders; i++)
				holds |= strcmp(d->stream->headers[i].name, step->header) == 0;
			break;
	}
	return holds != step->negate;
}

static void
stream_insert(StreamDraft *d, const TransformStep *step, const char *word,
			  const char *json, const char *type, const char *type_name)
{
	const char *spec = transform_arg_utf8(step, word);
	bool		required;
	char	   *name;
	ShapeField *f;

	if (spec == NULL)
		return;
	required = spec[strlen(spec) - 1] == '!';
	name = pstrdup(spec);
	if (required || name[strlen(name) - 1] == '?')
		name[strlen(name) - 1] = '\0';
	f = constant_field(name, json, type, type_name, !required);
	if (step->of_key)
		d->key = lappend(d->key, f);
	else
		d->value = lappend(d->value, f);
}

static void
stream_step(StreamDraft *d, const TransformStep *step)
{
	RecordHeader *h;
	const char *name;
	char	   *topic;

	switch (step->kind)
	{
		case STEP_REGEX_ROUTER:
		case STEP_LOGICAL_ROUTER:
			topic = route_apply(step->route, d->topic);
			if (topic == NULL || topic[0] == '\0')
				return;
			name = transform_arg_utf8(step, "key.field.name");
			if (step->kind == STEP_LOGICAL_ROUTER &&
				transform_arg_bool(step, "key.enforce.uniqueness", true))
				d->key = lappend(d->key, constant_field(name ? name : LOGICAL_KEY_FIELD,
														quoted(d->topic), "string", NULL, false));
			d->topic = topic;
			return;
		case STEP_INSERT_FIELD:
			name = transform_arg_utf8(step, "static.value");
			stream_insert(d, step, "topic.field", quoted(d->topic), "string", NULL);
			stream_insert(d, step, "partition.field", "null", "int32", NULL);
			stream_insert(d, step, "timestamp.field", "null", "int64", CONNECT_TIMESTAMP);
			stream_insert(d, step, "static.field", quoted(name ? name : ""), "string", NULL);
			return;
		case STEP_INSERT_HEADER:
			h = palloc(sizeof(RecordHeader));
			h->name = transform_arg_utf8(step, "header");
			name = transform_arg_utf8(step, "value.literal");
			h->value = name ? name : "";
			h->len = strlen(h->value);
			d->headers = lappend(d->headers, h);
			return;
		default:
			return;
	}
}

/* The fields as text, and at the end of those in the schema. */
static const char *
stream_extra(List *fields, const char **head)
{
	StringInfoData text;
	StringInfoData schema;
	const char *array = strchr(*head, '[');
	const char *end = array ? jsonscan_skip(array) - 1 : *head;
	ListCell   *lc;

	if (fields == NIL)
		return NULL;
	initStringInfo(&text);
	initStringInfo(&schema);
	json_raw(&schema, *head, end - *head);
	foreach(lc, fields)
	{
		ShapeField *f = lfirst(lc);

		json_char(&text, ',');
		json_raw(&text, f->name_json, f->name_len);
		json_str(&text, f->json);
		json_char(&schema, ',');
		shape_field_schema(&schema, f, f->name);
	}
	json_str(&schema, end);
	if (array != NULL)
		*head = schema.data;
	return text.data;
}

void
stream_transform(const TransformChain *chain, StreamInfo *stream)
{
	StreamDraft d = {stream, stream->topic};

	if (chain == NULL)
		return;
	for (int i = 0; i < chain->nsteps; i++)
		if (stream_applies(&d, &chain->steps[i]))
			stream_step(&d, &chain->steps[i]);
	stream->topic = topic_sanitize(d.topic);
	stream->key_extra = stream_extra(d.key, &stream->key_head);
	stream->value_extra = stream_extra(d.value, &stream->value_head);
	stream->headers = headers_array(stream->headers, &stream->nheaders, d.headers);
}

/* ---- records ------------------------------------------------------------- */

/* what a member of the envelope writes, without its name */
static void
drop_name(StringInfo out, int start, int len)
{
	memmove(out->data + start, out->data + start + len, out->len - start - len);
	out->len -= len;
	out->data[out->len] = '\0';
}

typedef struct FieldContext
{
	Encoder    *enc;
	const Change *change;
	char		op;
	const Shape *shape;
	const RowImage *row;
	const RowImage *before;
	const RowImage *after;
	int64		now;
} FieldContext;

static void encode_fields(StringInfo out, const FieldContext *c,
						  const ShapeField *fields, int n);

static void
encode_image(StringInfo out, const FieldContext *c, const RowImage *row)
{
	FieldContext inner = *c;

	if (c->shape->row == NULL || row == NULL || !row->present)
	{
		encode_row(out, c->change->plan, row);
		return;
	}
	inner.row = row;
	encode_fields(out, &inner, c->shape->row, c->change->plan->ncolumns);
}

static void
encode_source_of(StringInfo out, const ShapeField *f, const FieldContext *c)
{
	const StreamInfo *stream = &c->change->plan->stream;
	int			start = out->len;

	switch (f->source)
	{
		case FIELD_COLUMN:
			encode_column_value(out, f->column, c->row);
			break;
		case FIELD_CONSTANT:
			json_str(out, f->json);
			break;
		case FIELD_DELETED:
			json_str(out, c->op == WIRE_OP_DELETE ? "\"true\"" : "\"false\"");
			break;
		case FIELD_META:
			metafield_value(out, c->enc, c->change, c->op, f->meta);
			break;
		case FIELD_BEFORE:
			encode_image(out, c, c->before);
			break;
		case FIELD_AFTER:
			encode_image(out, c, c->after);
			break;
		case FIELD_SOURCE_BLOCK:
			encode_source(out, c->enc, stream->schema, stream->name, c->change->lsn);
			drop_name(out, start, strlen("\"source\":"));
			break;
		case FIELD_TRANSACTION:
			txnmeta_block(out, c->enc, stream, c->change->lsn);
			drop_name(out, start, strlen("\"transaction\":"));
			break;
		case FIELD_OP:
			json_char(out, '"');
			json_char(out, c->op);
			json_char(out, '"');
			break;
		case FIELD_TS_MS:
			json_int64(out, c->now / 1000);
			break;
		case FIELD_TS_US:
			json_int64(out, c->now);
			break;
		case FIELD_TS_NS:
			json_int64(out, c->now);
			json_lit(out, "000");
			break;
	}
}

static void
encode_field(StringInfo out, const ShapeField *f, const FieldContext *c)
{
	int			start = out->len;

	encode_source_of(out, f, c);
	if (f->nconversions > 0)
		convert_run(out, start, f);
}

static void
encode_fields(StringInfo out, const FieldContext *c, const ShapeField *fields,
			  int n)
{
	json_char(out, '{');
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			json_char(out, ',');
		json_raw(out, fields[i].name_json, fields[i].name_len);
		encode_field(out, &fields[i], c);
	}
	json_char(out, '}');
}

void
shape_encode_key(StringInfo out, Encoder *enc, const Change *change, char op,
				 const Shape *shape, const RowImage *row)
{
	bool		deleted = op == WIRE_OP_DELETE || op == WIRE_OP_TOMBSTONE;
	FieldContext c = {enc, change, deleted ? WIRE_OP_DELETE : op, shape, row,
		deleted ? row : NULL, deleted ? NULL : row, encode_clock()};

	if (shape->bare_key)
		encode_field(out, &shape->key[0], &c);
	else
		encode_fields(out, &c, shape->key, shape->nkey);
}

void
shape_encode_value(StringInfo out, Encoder *enc, const Change *change, char op,
				   const Shape *shape, const RowImage *before,
				   const RowImage *after)
{
	FieldContext c = {enc, change, op, shape, after ? after : before, before,
		after, encode_clock()};

	encode_fields(out, &c, shape->value, shape->nvalue);
}

void
shape_encode_field(StringInfo out, Encoder *enc, const Change *change, char op,
				   const Shape *shape, const ShapeField *field,
				   const RowImage *row)
{
	FieldContext c = {enc, change, op, shape, row, NULL, row, encode_clock()};

	encode_field(out, field, &c);
}
