/*
 * shape.c
 *		What the chain of transforms makes of a relation's records.
 *
 * Each step is applied to a draft of the record, once, when the plan is built.
 */
#include "compat.h"

#include "cloudevents.h"
#include "convert.h"
#include "filter.h"
#include "header.h"
#include "json.h"
#include "jsonscan.h"
#include "outbox.h"
#include "schema.h"
#include "shape_internal.h"

/* ---- the record before the steps ------------------------------------------- */

/* The streams' heads with schemas, whatever the options say. */
static RelationPlan
plan_with_schemas(const Encoder *enc, const RelationPlan *plan, bool flat)
{
	PluginOptions opts = *enc->opts;
	Encoder with = *enc;
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
void
draft_flat(Draft *d)
{
	StreamInfo stream = stream_with_schemas(d->enc, d->plan, true);
	List *fields = shape_fields_from_head(stream.value_head, &d->value_rest);
	int n = d->plan->ncolumns;
	int mode = d->enc->opts->delete_mode;

	set_columns(fields, d->plan->columns, n);
	for (int i = 0; i < n && d->row != NIL; i++)
		lfirst(list_nth_cell(fields, i)) =
			shape_field_copy(list_nth(d->row, i));
	if (mode == DELETE_REWRITE || mode == DELETE_REWRITE_WITH_TOMBSTONE)
		((ShapeField *) list_nth(fields, n++))->source = FIELD_DELETED;
	if (list_length(fields) != n + d->enc->nfields)
		elog(ERROR, "unexpected number of fields in a flat schema");
	for (int i = 0; i < d->enc->nfields; i++)
	{
		ShapeField *f = list_nth(fields, n + i);

		f->source = FIELD_META;
		f->meta = i;
		if (d->source_zone != NULL &&
			metafield_source_clock(d->enc, i, d->source_clocks) > 0)
			convert_clock_zone(
				f, d->source_zone,
				metafield_source_clock(d->enc, i, d->source_clocks));
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
	} members[] = {{"before", FIELD_BEFORE},
				   {"after", FIELD_AFTER},
				   {"source", FIELD_SOURCE_BLOCK},
				   {"transaction", FIELD_TRANSACTION},
				   {"op", FIELD_OP},
				   {"ts_ms", FIELD_TS_MS},
				   {"ts_us", FIELD_TS_US},
				   {"ts_ns", FIELD_TS_NS}};
	StreamInfo stream = stream_with_schemas(d->enc, d->plan, false);
	const char *ignored;
	ShapeField *after;

	d->value = shape_fields_from_head(stream.value_head, &d->value_rest);
	for (int i = 0; i < lengthof(members); i++)
	{
		ShapeField *f = shape_list_find(d->value, members[i].name);

		if (f != NULL)
			f->source = members[i].source;
	}
	after = shape_list_find(d->value, "after");
	d->row = shape_fields_from_head(psprintf("{\"schema\":%s},", after->schema),
									&ignored);
	set_columns(d->row, d->plan->columns, d->plan->ncolumns);
}

static void
draft_key(Draft *d)
{
	StreamInfo stream;

	if (d->plan->nkey == 0)
		return;
	stream = stream_with_schemas(d->enc, d->plan, d->flat);
	d->key = shape_fields_from_head(stream.key_head, &d->key_rest);
	set_columns(d->key, d->plan->key, d->plan->nkey);
	d->has_key = true;
}

/* ---- predicates ---------------------------------------------------------- */

static bool
shape_list_has_header(List *headers, const char *name)
{
	ListCell *lc;

	foreach(lc, headers)
		if (strcmp(((RecordHeader *) lfirst(lc))->name, name) == 0)
			return true;
	return false;
}

List *
shape_header_names(List *names)
{
	List *headers = NIL;
	ListCell *lc;

	foreach(lc, names)
	{
		RecordHeader *h = palloc0(sizeof(RecordHeader));

		h->name = lfirst(lc);
		headers = lappend(headers, h);
	}
	return headers;
}

static bool
has_header(const Draft *d, const char *name)
{
	StreamInfo stream = {0};

	if (d->moved &&
		strcmp(name, d->class == SHAPE_ROW ? "__debezium.oldkey"
										   : "__debezium.newkey") == 0)
		return true;
	header_set_stream(d->enc, &stream);
	for (int i = 0; i < stream.nheaders; i++)
		if (strcmp(stream.headers[i].name, name) == 0)
			return true;
	if (d->unwrapped && metafields_has_header(d->enc, name))
		return true;
	return shape_list_has_header(d->headers, name) ||
		   shape_list_has_header(d->late_headers, name);
}

static bool
is_null_value(const Draft *d)
{
	int mode = d->enc->opts->delete_mode;

	return d->class == SHAPE_TOMBSTONE ||
		   (d->class == SHAPE_DELETE && d->flat &&
			(mode == DELETE_TOMBSTONE || mode == DELETE_TO_TOMBSTONE ||
			 mode == DELETE_TOMBSTONE_TWICE));
}

bool
shape_step_applies(const Draft *d, const TransformStep *step)
{
	bool holds = true;

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

/* ---- the result ---------------------------------------------------------- */

/* Of a CloudEvent only the data has a schema: before and after. */
static const char *
event_head(const Draft *d, const StreamInfo *stream)
{
	StringInfoData before;
	StringInfoData after;

	initStringInfo(&before);
	initStringInfo(&after);
	shape_field_schema(&before, shape_list_find(d->value, "before"), "before");
	shape_field_schema(&after, shape_list_find(d->value, "after"), "after");
	return cloudevent_data_head(d->enc, stream, before.data, after.data);
}

void
shape_check_headers(const Encoder *enc, const RelationPlan *plan,
					const StreamInfo *stream)
{
	const char *missing = enc->opts->format == FORMAT_CLOUDEVENTS
							  ? cloudevent_missing_header(enc, stream)
							  : NULL;

	if (missing != NULL)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg(
				 "the records of \"%s.%s\" cannot be CloudEvents: they have no header \"%s\" that is a string",
				 plan->schema, plan->table, missing),
			 errdetail("The option \"metadata.headers\" takes \"%s\" from it.",
					   missing),
			 errhint(
				 "Set it by a transform InsertHeader, take \"%s\" off the list, or leave the table out with table.include.list.",
				 missing)));
}

/* what an event is made of */
static void
check_event(const Draft *d)
{
	static const char *const members[] = {"before", "after", "source", "op"};

	if (d->enc->opts->format != FORMAT_CLOUDEVENTS)
		return;
	for (int i = 0; i < lengthof(members); i++)
		if (d->flat || shape_list_find(d->value, members[i]) == NULL)
			ereport(
				ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(
					 "the records of \"%s.%s\" cannot be CloudEvents: the transforms take \"%s\" away from them",
					 d->plan->schema, d->plan->table, members[i]),
				 errhint(
					 "CloudEvents are made of envelopes: leave out ExtractNewRecordState and transforms that remove or rename before, after, source or op.")));
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
			stream->key_head = shape_bare_head(linitial(d->key));
		}
		else
			stream->key_head = shape_struct_head(d->key, d->key_rest);
		stream->key_tail = "}";
	}
	if (opts->value_schemas)
	{
		/* no transform changes the schema of a null */
		if (d->class == SHAPE_DELETE && d->flat &&
			(opts->delete_mode == DELETE_TOMBSTONE ||
			 opts->delete_mode == DELETE_TOMBSTONE_TWICE))
			stream->value_head =
				plan_with_schemas(d->enc, d->plan, true).null_stream.value_head;
		else if (d->enc->opts->format == FORMAT_CLOUDEVENTS && !d->flat)
		{
			stream->data_head = event_head(d, stream);
			return;
		}
		else
			stream->value_head = shape_struct_head(d->value, d->value_rest);
		stream->value_tail = "}";
	}
}

RecordHeader *
shape_headers_array(RecordHeader *first, int *n, List *more)
{
	RecordHeader *all =
		palloc(sizeof(RecordHeader) * Max(*n + list_length(more), 1));
	ListCell *lc;

	if (*n > 0)
		memcpy(all, first, sizeof(RecordHeader) * *n);
	foreach(lc, more)
		all[(*n)++] = *(RecordHeader *) lfirst(lc);
	return all;
}

static Shape *
finish(const Draft *d)
{
	Shape *shape = palloc0(sizeof(Shape));
	StreamInfo *stream = &shape->stream;

	*stream = d->plan->stream;
	stream->announced = false;
	stream->topic = topic_sanitize(d->topic);
	check_event(d);
	stream->nheaders = 0;
	stream->headers = NULL;
	header_set_stream(d->enc, stream);
	stream->headers =
		shape_headers_array(stream->headers, &stream->nheaders, d->headers);
	if (d->class != SHAPE_TOMBSTONE)
		shape_check_headers(d->enc, d->plan, stream);
	finish_schemas(d, stream);
	shape->headers =
		shape_headers_array(NULL, &shape->nheaders, d->late_headers);
	shape->flat = d->flat;
	shape->own_key = d->key_changed;
	shape->has_key = d->has_key;
	shape->bare_key = d->bare_key;
	shape->nkey = list_length(d->key);
	shape->key = shape_fields_array(d->key);
	shape->own_value = d->value_changed;
	shape->nvalue = list_length(d->value);
	shape->value = shape_fields_array(d->value);
	if (d->row_changed)
		shape->row = shape_fields_array(d->row);
	return shape;
}

static Shape *
shape_build(const Encoder *enc, RelationPlan *plan, ShapeClass class,
			bool moved)
{
	const TransformChain *chain = enc->opts->transforms;
	Draft d = {0};
	Shape *shape;
	int i;

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

		if (!shape_step_applies(&d, step))
			continue;
		if (!chain->unwraps && d.flat &&
			(step->kind == STEP_OUTBOX || step->kind == STEP_TIMEZONE))
			shape_step_error(
				&d, step,
				"it takes envelopes; set format=envelope, or put a step \"unwrap\" behind it");
		if (step->kind == STEP_OUTBOX &&
			enc->opts->format == FORMAT_CLOUDEVENTS)
			shape_step_error(
				&d, step,
				"its events are no envelopes, of which CloudEvents are made");
		if (step->kind == STEP_OUTBOX)
		{
			/* it takes envelopes and lets the rest pass */
			if (d.flat)
				continue;
			break;
		}
		shape_step_apply(&d, step);
	}
	shape = finish(&d);
	if (i < chain->nsteps)
	{
		ShapeField *row = shape_fields_array(d.row);

		shape->outbox = &chain->steps[i];
		shape->after_outbox = i + 1;
		shape->outbox_plan =
			outbox_plan_build(enc, plan, shape, row, list_length(d.row));
		shape->stream.key_head = shape->stream.key_tail = "";
		shape->stream.value_head = shape->stream.value_tail = "";
	}
	return shape;
}

void
shapes_build(const Encoder *enc, RelationPlan *plan)
{
	const TransformChain *chain = enc->opts->transforms;
	Shape *shape;
	bool by_class;

	plan->flat = enc->opts->format == FORMAT_FLAT;
	if (chain == NULL)
		return;
	by_class =
		chain->by_class || (enc->opts->value_schemas &&
							(enc->opts->delete_mode == DELETE_TOMBSTONE ||
							 enc->opts->delete_mode == DELETE_TOMBSTONE_TWICE));
	shape = shape_build(enc, plan, SHAPE_ROW, false);
	plan->shapes = palloc(sizeof(Shape *) * RELATION_SHAPES);
	for (int i = 0; i < RELATION_SHAPES; i++)
		plan->shapes[i] = by_class && i > 0 && shape->outbox == NULL
							  ? shape_build(enc, plan, i / 2, i % 2)
							  : shape;
	plan->routed = strcmp(plan->stream.topic, shape->stream.topic) != 0;
	plan->flat = shape->flat;
	plan->stream.topic = shape->stream.topic;
}
