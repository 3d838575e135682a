/*
 * shape_step.c
 *		The steps, one by one, on the draft of a record.
 */
#include "compat.h"

#include "connecttext.h"
#include "convert.h"
#include "header.h"
#include "json.h"
#include "jsonscan.h"
#include "schema.h"
#include "shape_internal.h"

void
shape_step_error(const Draft *d, const TransformStep *step, const char *what)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		 errmsg("transform \"%s\" (%s) cannot be applied to \"%s.%s\": %s",
				step->alias, step->word, d->plan->schema, d->plan->table, what),
		 errhint(
			 "Correct the transform, limit it to other topics by a predicate TopicNameMatches, or leave the table out with table.include.list.")));
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

/* A field whose value is this JSON in every record. */
static ShapeField *
shape_constant_field(const char *name, const char *json, const char *type,
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

/* JSON of a string */
static const char *
shape_quoted(const char *s)
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
	char *topic = route_apply(step->route, d->topic);
	ListCell *lc;

	if (topic == NULL || topic[0] == '\0')
		return;
	if (d->has_key)
	{
		if (d->bare_key)
			shape_step_error(d, step, "the key is no struct any more");
		d->key_rest = rest_renamed(d->key_rest, psprintf("%s.Key", topic));
		d->key_changed = true;
		if (transform_arg_bool(step, "key.enforce.uniqueness", true))
		{
			if (step->key_route != NULL)
			{
				char *routed = route_apply(step->key_route, d->topic);

				if (routed != NULL)
					id = routed;
			}
			d->key = lappend(
				d->key,
				shape_constant_field(name ? name : LOGICAL_KEY_FIELD,
									 shape_quoted(id), "string", NULL, false));
		}
	}
	if (!d->flat)
	{
		foreach(lc, d->value)
		{
			ShapeField *f = lfirst(lc);

			if (f->source == FIELD_BEFORE || f->source == FIELD_AFTER)
				f->schema =
					struct_renamed(f->schema, psprintf("%s.Value", topic));
		}
		d->value_rest =
			rest_renamed(d->value_rest, psprintf("%s.Envelope", topic));
	}
	d->topic = topic;
}

static void
add_field(Draft *d, const TransformStep *step, ShapeField *f)
{
	List **fields = step->of_key ? &d->key : &d->value;

	if (shape_list_find(*fields, f->name) != NULL)
		shape_step_error(d, step,
						 psprintf("there is a field \"%s\" already", f->name));
	*fields = lappend(*fields, f);
}

/* "name?" is optional, as is "name"; "name!" is not */
static void
insert_field(Draft *d, const TransformStep *step, const char *word,
			 const char *json, const char *type, const char *type_name)
{
	const char *spec = transform_arg_utf8(step, word);
	char *name;
	size_t len;
	bool optional = true;

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
		shape_step_error(
			d, step,
			"the record has neither timestamp nor partition yet, so that their fields cannot be required");
	add_field(d, step,
			  shape_constant_field(name, json, type, type_name, optional));
}

static void
apply_insert_field(Draft *d, const TransformStep *step)
{
	const char *value = transform_arg_utf8(step, "static.value");

	insert_field(d, step, "topic.field", shape_quoted(d->topic), "string",
				 NULL);
	/* as Debezium's, a record has neither before it is produced */
	insert_field(d, step, "partition.field", "null", "int32", NULL);
	insert_field(d, step, "timestamp.field", "null", "int64",
				 CONNECT_TIMESTAMP);
	insert_field(d, step, "static.field", shape_quoted(value ? value : ""),
				 "string", NULL);
}

static void
apply_insert_header(Draft *d, const TransformStep *step)
{
	RecordHeader *h = palloc0(sizeof(RecordHeader));
	const char *value = transform_arg_utf8(step, "value.literal");

	h->name = transform_arg_utf8(step, "header");
	if (h->name == NULL)
		shape_step_error(d, step, "the header has no name");
	header_set_literal(h, d->enc->opts, value ? value : "");
	d->inserted = lappend(d->inserted, unconstify(TransformStep *, step));
	if (d->unwrapped && d->enc->nheaders > 0)
		d->late_headers = lappend(d->late_headers, h);
	else
		d->headers = lappend(d->headers, h);
}

bool
shape_names_have(List *names, const char *name)
{
	ListCell *lc;

	foreach(lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

/* The names in the header that tells which fields go, or NIL. */
static List *
dropped_names(const Draft *d, const TransformStep *step)
{
	const char *header = transform_arg_utf8(step, "drop.fields.header.name");
	const char *json = NULL;
	const char *schema;
	List *names = NIL;
	ListCell *lc;

	foreach(lc, d->inserted)
	{
		const TransformStep *inserted = lfirst(lc);

		if (header == NULL || json != NULL ||
			strcmp(transform_arg_utf8(inserted, "header"), header) != 0)
			continue;
		connect_literal(transform_arg_utf8(inserted, "value.literal"), &json,
						&schema);
		if (json != NULL && json[0] != '[')
			shape_step_error(
				d, step,
				psprintf(
					"the header \"%s\" (drop.fields.header.name) is no list, as in [\"a\",\"b\"]",
					header));
	}
	for (json = json ? json + 1 : ""; *json != '\0' && *json != ']';)
	{
		if (*json == '"')
			names = lappend(names, jsonscan_unquote(json, NULL));
		json = jsonscan_skip(json);
		json += *json == ',';
	}
	return names;
}

static List *
without_names(List *fields, List *names, bool optional_only, bool keep_meta)
{
	List *kept = NIL;
	ListCell *lc;

	foreach(lc, fields)
	{
		ShapeField *f = lfirst(lc);

		if ((optional_only && !f->optional) ||
			(keep_meta && f->source == FIELD_META) ||
			!shape_names_have(names, f->name))
			kept = lappend(kept, f);
	}
	return kept;
}

/*
 * drop.fields.header.name.  Debezium looks for the names before it adds
 * add.fields to a delete, and leaves tombstones alone.
 */
static void
drop_fields(Draft *d, const TransformStep *step)
{
	List *names = dropped_names(d, step);
	bool optional_only =
		transform_arg_bool(step, "drop.fields.keep.schema.compatible", true);
	int n = list_length(d->key);

	if (names == NIL || d->class == SHAPE_TOMBSTONE)
		return;
	d->value =
		without_names(d->value, names, optional_only, d->class == SHAPE_DELETE);
	d->value_changed = true;
	if (!transform_arg_bool(step, "drop.fields.from.key", false))
		return;
	d->key = without_names(d->key, names, optional_only, false);
	d->key_changed |= list_length(d->key) != n;
}

/* "from:to" among the renames, or the name itself */
static const char *
renamed(const Draft *d, const TransformStep *step, List *renames,
		const char *name)
{
	size_t len = strlen(name);
	const char *to = name;
	ListCell *lc;

	foreach(lc, renames)
	{
		const char *pair = lfirst(lc);
		const char *colon = strchr(pair, ':');

		if (colon == NULL || colon[1] == '\0')
			shape_step_error(d, step, psprintf("\"%s\" is no FROM:TO", pair));
		if ((size_t) (colon - pair) == len && strncmp(pair, name, len) == 0)
			to = pstrdup(colon + 1);
	}
	return to;
}

static void
apply_replace_field(Draft *d, const TransformStep *step)
{
	List **fields = step->of_key ? &d->key : &d->value;
	List *include = transform_arg_list(step, "include");
	List *exclude = transform_arg_list(step, "exclude");
	List *renames = transform_arg_list(step, "renames");
	List *kept = NIL;
	ListCell *lc;

	foreach(lc, *fields)
	{
		ShapeField *f = lfirst(lc);
		const char *to;

		if (shape_names_have(exclude, f->name) ||
			(include != NIL && !shape_names_have(include, f->name)))
			continue;
		to = renamed(d, step, renames, f->name);
		if (to != f->name)
			shape_field_rename(f, to);
		if (shape_list_find(kept, f->name) != NULL)
			shape_step_error(d, step,
							 psprintf("two fields are named \"%s\"", f->name));
		kept = lappend(kept, f);
	}
	*fields = kept;
}

static void
apply_convert(Draft *d, const TransformStep *step)
{
	List *fields = step->of_key ? d->key : d->value;
	ListCell *lc;
	ShapeField *f;

	switch (step->kind)
	{
		case STEP_MASK_FIELD:
			foreach(lc, transform_arg_list(step, "fields"))
				if ((f = shape_list_find(fields, lfirst(lc))) != NULL)
					convert_mask(f, step);
			break;
		case STEP_CAST:
			foreach(lc, transform_arg_list(step, "spec"))
			{
				char *pair = lfirst(lc);
				char *colon = strrchr(pair, ':');

				if (colon == NULL)
					shape_step_error(
						d, step,
						"a cast is of the whole value or of fields, not both");
				*colon = '\0';
				if ((f = shape_list_find(fields, pair)) != NULL)
					convert_cast(f, step, colon + 1, d->enc->opts);
			}
			break;
		default:
			f = shape_list_find(fields, transform_arg_utf8(step, "field"));
			if (f != NULL)
				convert_timestamp(f, step);
	}
}

static void
apply_value_to_key(Draft *d, const TransformStep *step)
{
	List *key = NIL;
	ListCell *lc;

	foreach(lc, transform_arg_list(step, "fields"))
	{
		ShapeField *f = shape_list_find(d->value, lfirst(lc));

		if (f == NULL)
			shape_step_error(
				d, step,
				psprintf("its value has no field \"%s\"", (char *) lfirst(lc)));
		key = lappend(key, shape_field_copy(f));
	}
	d->key = key;
	d->key_rest = ",\"optional\":false";
	d->has_key = d->key_changed = d->key_of_value = true;
	d->bare_key = false;
}

static void
apply_extract_key(Draft *d, const TransformStep *step)
{
	const char *name = transform_arg_utf8(step, "field");
	ShapeField *f;

	if (d->bare_key)
		shape_step_error(d, step, "the key is no struct any more");
	f = name ? shape_list_find(d->key, name) : NULL;
	if (f == NULL)
		shape_step_error(
			d, step, psprintf("its key has no field \"%s\"", name ? name : ""));
	d->key = list_make1(f);
	d->bare_key = d->key_changed = true;
}

/* ---- one step -------------------------------------------------------------- */

/* A cast or timestamp of a whole key or value, not of its fields. */
static bool
is_whole(const TransformStep *step)
{
	if (step->kind == STEP_CAST)
		return strchr(transform_arg(step, "spec", ""), ':') == NULL;
	return step->kind == STEP_TIMESTAMP &&
		   transform_arg(step, "field", "")[0] == '\0';
}

static bool
takes_value(const TransformStep *step)
{
	switch (step->kind)
	{
		case STEP_INSERT_FIELD:
		case STEP_REPLACE_FIELD:
		case STEP_MASK_FIELD:
		case STEP_CAST:
		case STEP_TIMESTAMP:
			return !step->of_key;
		case STEP_VALUE_TO_KEY:
			return true;
		default:
			return false;
	}
}

/* The one field that is the key or the value. */
static void
apply_whole(Draft *d, const TransformStep *step)
{
	ShapeField *f = linitial(step->of_key ? d->key : d->value);

	if (step->of_key ? !d->bare_key : !d->bare_value)
		shape_step_error(
			d, step,
			step->kind == STEP_CAST
				? "a struct cannot be cast as a whole; name fields, as in \"spec\": \"amount:string\""
				: "a struct is no timestamp; name a field (\"field\")");
	if (step->kind == STEP_CAST)
		convert_cast_whole(f, step, transform_arg(step, "spec", ""),
						   d->enc->opts);
	else
		convert_timestamp(f, step);
}

void
shape_step_apply(Draft *d, const TransformStep *step)
{
	char *topic;

	/* what is not there is not changed */
	if ((step->of_key || step->kind == STEP_EXTRACT_KEY) && !d->has_key)
		return;
	if (takes_value(step) && d->class == SHAPE_TOMBSTONE && d->bare_value)
		return;
	if (step->of_key && d->bare_key && !is_whole(step))
		shape_step_error(d, step, "the key is no struct any more");
	if (takes_value(step) && d->bare_value && !is_whole(step))
		shape_step_error(
			d, step,
			"the value is the payload alone, and no struct; columns beside it (placement envelope) make it one");
	switch (step->kind)
	{
		case STEP_UNWRAP:
			if (d->flat)
				return;
			draft_flat(d);
			drop_fields(d, step);
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
			shape_zone_apply(d, step);
			return;
		case STEP_INSERT_FIELD:
			apply_insert_field(d, step);
			break;
		case STEP_REPLACE_FIELD:
			apply_replace_field(d, step);
			break;
		default:
			if (is_whole(step))
				apply_whole(d, step);
			else
				apply_convert(d, step);
	}
	if (step->of_key)
		d->key_changed = true;
	else
		d->value_changed = true;
}
