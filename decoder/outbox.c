/*
 * outbox.c
 *		io.debezium.transforms.outbox.EventRouter: rows that are events.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "datatype/timestamp.h"

#include "filter.h"
#include "header.h"
#include "json.h"
#include "jsonexpand.h"
#include "jsonscan.h"
#include "outbox.h"
#include "pattern.h"
#include "shape_internal.h"
#include "txnmeta.h"

typedef enum Placement
{
	PLACE_HEADER,
	PLACE_ENVELOPE,
	PLACE_PARTITION
} Placement;

typedef struct Additional
{
	Placement placement;
	const char *alias;
	const ShapeField *field;
} Additional;

struct OutboxPlan
{
	const TransformStep *step;
	const TransformChain *chain;
	const ShapeField *id;
	const ShapeField *key;
	const ShapeField *payload;
	const ShapeField *route;
	const ShapeField *timestamp; /* or NULL */
	const ShapeField *version;	 /* or NULL */
	const char *payload_name;
	int nadditional;
	Additional *additional;
	bool enveloped; /* the value is a struct around the payload */
	bool expand;
	bool keep_nulls;
	bool tombstones;
	bool fatal;
	bool warned;
	const RelationPlan *table;
	int after;		   /* the first step behind it */
	MemoryContext cxt; /* of the plan */
	List *events;	   /* of EventShape *: those of the topics so far */
};

/* shapes that are kept: a topic may come from a column that holds anything */
#define EVENT_SHAPES 256
/* ShapeField.meta of the payload itself */
#define PAYLOAD_MARK 1

/* what the steps behind it make of the events of one topic */
typedef struct EventShape
{
	const char *routed; /* the topic before them */
	bool null_value;
	const char *topic;
	bool bare_key;
	int nkey;
	ShapeField *key;
	const char *key_head;
	bool bare_value;
	int nvalue;
	ShapeField *value;
	int nheaders; /* that they add */
	RecordHeader *headers;
} EventShape;

/* ---- plan ---------------------------------------------------------------- */

static void
outbox_error(const TransformStep *step, const RelationPlan *plan,
			 const char *what)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		 errmsg(
			 "transform \"%s\" (outbox event router) cannot be applied to \"%s.%s\": %s",
			 step->alias, plan->schema, plan->table, what),
		 errhint(
			 "Capture the outbox table alone (table.include.list), or limit the transform to its topic by a predicate TopicNameMatches; name other columns by the properties table.field.event.*.")));
}

static const ShapeField *
find_field(const TransformStep *step, const RelationPlan *plan,
		   const ShapeField *row, int n, const char *property, const char *def)
{
	const char *name = transform_arg_utf8(step, property);
	const ShapeField *f;

	if (name == NULL)
		name = def;
	if (name == NULL)
		return NULL;
	f = shape_field_find(unconstify(ShapeField *, row), n, name);
	if (f == NULL)
		outbox_error(step, plan,
					 psprintf("it has no column \"%s\" (%s)", name, property));
	return f;
}

static void
parse_additional(OutboxPlan *ob, const RelationPlan *plan,
				 const ShapeField *row, int n)
{
	const TransformStep *step = ob->step;
	List *list = transform_arg_list(step, "table.fields.additional.placement");
	bool ignore =
		strcmp(transform_arg(step, "table.field.additional.missing", "error"),
			   "ignore") == 0;
	ListCell *lc;

	ob->additional = palloc0(sizeof(Additional) * Max(list_length(list), 1));
	foreach(lc, list)
	{
		List *parts = pattern_split(lfirst(lc), ':');
		Additional *a = &ob->additional[ob->nadditional];
		const char *place = list_length(parts) >= 2 ? lsecond(parts) : "";

		if (pg_strcasecmp(place, "header") == 0)
			a->placement = PLACE_HEADER;
		else if (pg_strcasecmp(place, "envelope") == 0)
			a->placement = PLACE_ENVELOPE;
		else if (pg_strcasecmp(place, "partition") == 0)
			a->placement = PLACE_PARTITION;
		else
			outbox_error(
				step, plan,
				psprintf(
					"\"%s\" of table.fields.additional.placement is no FIELD:header, FIELD:envelope:ALIAS or FIELD:partition",
					(char *) lfirst(lc)));
		a->field =
			shape_field_find(unconstify(ShapeField *, row), n, linitial(parts));
		if (a->field == NULL && ignore)
			continue;
		if (a->field == NULL)
			outbox_error(
				step, plan,
				psprintf(
					"it has no column \"%s\" (table.fields.additional.placement)",
					(char *) linitial(parts)));
		if (a->placement == PLACE_PARTITION &&
			strcmp(a->field->type, "int32") != 0)
			outbox_error(
				step, plan,
				psprintf("the partition \"%s\" is no integer", a->field->name));
		a->alias = list_length(parts) >= 3 ? lthird(parts) : a->field->name;
		ob->enveloped |= a->placement == PLACE_ENVELOPE;
		ob->nadditional++;
	}
}

static void
check_timestamp(const OutboxPlan *ob, const RelationPlan *plan)
{
	Oid type;

	if (ob->timestamp == NULL)
		return;
	type = ob->timestamp->column->codec->type;
	if (type != TIMESTAMPOID && type != TIMESTAMPTZOID)
		outbox_error(
			ob->step, plan,
			psprintf(
				"the column \"%s\" (table.field.event.timestamp) is no timestamp",
				ob->timestamp->name));
}

/* Payloads as bytes, where the values may be bytes. */
static void
check_bytes(const OutboxPlan *ob, const Encoder *enc, const RelationPlan *plan,
			StreamInfo *stream)
{
	const ShapeField *f = ob->payload;

	if (enc->opts->value_format != VALUE_BYTES)
		return;
	if (strcmp(f->type, "bytes") != 0 || f->type_name != NULL || ob->enveloped)
		outbox_error(
			ob->step, plan,
			ob->enveloped
				? "with fields beside the payload (placement envelope) there is no value that is bytes"
				: psprintf(
					  "the column \"%s\" is no bytea under binary.handling.mode=bytes, so its values are no bytes (value.format)",
					  f->name));
	stream->bytes_values = true;
}

/* ---- the steps behind it ------------------------------------------------- */

static ShapeField *
renamed_copy(const ShapeField *field, const char *name)
{
	ShapeField *copy = shape_field_copy(field);

	shape_field_rename(copy, name);
	return copy;
}

/* A record as the router leaves it, whose topic is "routed". */
static void
draft_event(const OutboxPlan *ob, const Encoder *enc, const char *routed,
			bool null_value, Draft *d)
{
	ShapeField *payload;

	memset(d, 0, sizeof(*d));
	d->enc = enc;
	d->plan = unconstify(RelationPlan *, ob->table);
	d->class = null_value ? SHAPE_TOMBSTONE : SHAPE_ROW;
	d->topic = routed;
	/* no envelope: what takes such lets it pass */
	d->flat = true;
	d->has_key = d->bare_key = true;
	d->key = list_make1(shape_field_copy(ob->key));
	d->bare_value = !ob->enveloped;
	payload = renamed_copy(ob->payload, "payload");
	payload->meta = PAYLOAD_MARK;
	d->value = list_make1(payload);
	d->headers = shape_header_names(list_make1("id"));
	for (int i = 0; i < ob->nadditional; i++)
	{
		const Additional *a = &ob->additional[i];

		if (a->placement == PLACE_ENVELOPE)
			d->value = lappend(d->value, renamed_copy(a->field, a->alias));
		else if (a->placement == PLACE_HEADER)
			d->headers = list_concat(
				d->headers,
				shape_header_names(list_make1(unconstify(char *, a->alias))));
	}
}

/* Of an expanded payload the fields are known with each row only. */
static void
check_expanded(const OutboxPlan *ob, const Draft *d, const TransformStep *step)
{
	ListCell *lc;
	bool of_value =
		!step->of_key &&
		(step->kind == STEP_INSERT_FIELD || step->kind == STEP_REPLACE_FIELD ||
		 step->kind == STEP_MASK_FIELD || step->kind == STEP_CAST ||
		 step->kind == STEP_TIMESTAMP || step->kind == STEP_VALUE_TO_KEY);
	bool bad = of_value && d->bare_value && d->class != SHAPE_TOMBSTONE;

	if (!ob->expand)
		return;
	foreach(lc, d->key)
		bad |= ((ShapeField *) lfirst(lc))->meta == PAYLOAD_MARK;
	foreach(lc, d->value)
	{
		const ShapeField *f = lfirst(lc);

		bad |= f->meta == PAYLOAD_MARK && f->nconversions > 0;
	}
	if (bad)
		shape_step_error(
			d, step,
			"with table.expand.json.payload the fields of a payload differ from row to row; place columns beside it (placement envelope) and change those");
}

static EventShape *
event_shape_build(const OutboxPlan *ob, const Encoder *enc, const char *routed,
				  bool null_value)
{
	EventShape *event = palloc0(sizeof(EventShape));
	Draft d;
	int known;

	draft_event(ob, enc, pstrdup(routed), null_value, &d);
	known = list_length(d.headers);
	for (int i = ob->after; i < ob->chain->nsteps; i++)
	{
		const TransformStep *step = &ob->chain->steps[i];

		if (step->kind == STEP_UNWRAP || step->kind == STEP_OUTBOX ||
			step->kind == STEP_TIMEZONE || !shape_step_applies(&d, step))
			continue;
		shape_step_apply(&d, step);
		check_expanded(ob, &d, step);
	}
	event->routed = pstrdup(routed);
	event->null_value = null_value;
	event->topic = topic_sanitize(d.topic);
	event->bare_key = d.bare_key;
	event->nkey = list_length(d.key);
	event->key = shape_fields_array(d.key);
	event->key_head = d.bare_key ? shape_bare_head(linitial(d.key))
								 : shape_struct_head(d.key, d.key_rest);
	event->bare_value = d.bare_value;
	event->nvalue = list_length(d.value);
	event->value = shape_fields_array(d.value);
	event->headers = shape_headers_array(NULL, &event->nheaders,
										 list_copy_tail(d.headers, known));
	return event;
}

/* The shape of the events of a topic; kept with the plan. */
static const EventShape *
event_shape(OutboxPlan *ob, const Encoder *enc, const char *routed,
			bool null_value)
{
	MemoryContext old;
	EventShape *event;
	ListCell *lc;

	foreach(lc, ob->events)
	{
		event = lfirst(lc);
		if (event->null_value == null_value &&
			strcmp(event->routed, routed) == 0)
			return event;
	}
	if (list_length(ob->events) >= EVENT_SHAPES)
		return event_shape_build(ob, enc, routed, null_value);
	old = MemoryContextSwitchTo(ob->cxt);
	event = event_shape_build(ob, enc, routed, null_value);
	ob->events = lappend(ob->events, event);
	MemoryContextSwitchTo(old);
	return event;
}

/* The topic of a routed name; UTF-8. */
static char *
route_topic(const OutboxPlan *ob, const char *routed)
{
	int len = strlen(routed);
	const char *name = pnstrdup(json_from_utf8(routed, &len), len);
	char *topic = route_apply(ob->step->route, name);

	return topic != NULL ? topic : pstrdup(name);
}

/* What no event could pass is said when the plan is built. */
static void
check_later_steps(OutboxPlan *ob, const Encoder *enc)
{
	bool by_topic = false;

	for (int i = ob->after; i < ob->chain->nsteps; i++)
		by_topic |= ob->chain->steps[i].predicate == PREDICATE_TOPIC;
	if (!by_topic)
		(void) event_shape_build(ob, enc, "", false);
}

OutboxPlan *
outbox_plan_build(const Encoder *enc, const RelationPlan *plan, Shape *shape,
				  const ShapeField *row, int ncolumns)
{
	OutboxPlan *ob = palloc0(sizeof(OutboxPlan));
	const TransformStep *step = shape->outbox;
	const char *behavior =
		transform_arg(step, "table.op.invalid.behavior", "warn");

	ob->step = step;
	ob->chain = enc->opts->transforms;
	ob->id =
		find_field(step, plan, row, ncolumns, "table.field.event.id", "id");
	ob->key = find_field(step, plan, row, ncolumns, "table.field.event.key",
						 "aggregateid");
	ob->payload = find_field(step, plan, row, ncolumns,
							 "table.field.event.payload", "payload");
	ob->route = find_field(step, plan, row, ncolumns, "route.by.field",
						   "aggregatetype");
	ob->timestamp = find_field(step, plan, row, ncolumns,
							   "table.field.event.timestamp", NULL);
	ob->version = find_field(step, plan, row, ncolumns,
							 "table.field.event.schema.version", NULL);
	ob->payload_name = ob->payload->name;
	if (strcmp(ob->route->type, "string") != 0)
		outbox_error(step, plan,
					 psprintf("the column \"%s\" (route.by.field) is no text",
							  ob->route->name));
	check_timestamp(ob, plan);
	parse_additional(ob, plan, row, ncolumns);
	ob->table = plan;
	ob->after = shape->after_outbox;
	ob->cxt = CurrentMemoryContext;
	check_bytes(ob, enc, plan, &shape->stream);
	ob->expand = transform_arg_bool(step, "table.expand.json.payload", false);
	ob->keep_nulls =
		strcmp(
			transform_arg(step, "table.json.payload.null.behavior", "ignore"),
			"optional_bytes") == 0;
	ob->tombstones =
		transform_arg_bool(step, "route.tombstone.on.empty.payload", false);
	ob->fatal = strcmp(behavior, "fatal") == 0;
	check_later_steps(ob, enc);
	return ob;
}

/* ---- records ------------------------------------------------------------- */

/* A value as text: a string without its quotes; NULL of a null. */
static char *
plain_text(const char *json, int *len)
{
	if (strcmp(json, "null") == 0)
		return NULL;
	if (json[0] == '"')
		return jsonscan_unquote(json, len);
	*len = strlen(json);
	return pstrdup(json);
}

static char *
field_json(Encoder *enc, const Change *change, const Shape *shape,
		   const ShapeField *field)
{
	StringInfoData s;

	initStringInfo(&s);
	shape_encode_field(&s, enc, change, change->op, shape, field,
					   change->after);
	return s.data;
}

/* ---- headers, key, value ------------------------------------------------ */

static void
field_header(Encoder *enc, const Change *change, const Shape *shape,
			 const ShapeField *field, RecordHeader *h)
{
	StringInfoData schema;

	initStringInfo(&schema);
	shape_field_schema(&schema, field, NULL);
	header_set(h, enc->opts, field_json(enc, change, shape, field),
			   schema.data);
}

static RecordHeader *
event_headers(Encoder *enc, const Change *change, const Shape *shape,
			  const EventShape *event, int *n)
{
	const OutboxPlan *ob = shape->outbox_plan;
	RecordHeader *headers =
		palloc0(sizeof(RecordHeader) * (ob->nadditional + event->nheaders + 2));

	/* what the stream always carries stands first */
	*n = 1;
	headers[*n].name = "id";
	field_header(enc, change, shape, ob->id, &headers[(*n)++]);
	for (int i = 0; i < ob->nadditional; i++)
	{
		const Additional *a = &ob->additional[i];

		if (a->placement != PLACE_HEADER)
			continue;
		headers[*n].name = a->alias;
		field_header(enc, change, shape, a->field, &headers[(*n)++]);
	}
	for (int i = 0; i < event->nheaders; i++)
		headers[(*n)++] = event->headers[i];
	return headers;
}

/* {"a":…,"b":…}; the payload is given, as it may have been expanded */
static void
event_fields(StringInfo out, Encoder *enc, const Change *change,
			 const Shape *shape, const ShapeField *fields, int n,
			 const char *payload)
{
	json_char(out, '{');
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			json_char(out, ',');
		json_raw(out, fields[i].name_json, fields[i].name_len);
		if (fields[i].meta == PAYLOAD_MARK && payload != NULL)
			json_str(out, payload);
		else
			json_str(out, field_json(enc, change, shape, &fields[i]));
	}
	json_char(out, '}');
}

static void
event_key(Encoder *enc, const Change *change, const Shape *shape,
		  const EventShape *event)
{
	FrameWriter *w = enc->writer;

	frame_key_begin(w);
	if (enc->opts->key_schemas)
		json_str(w->out, event->key_head);
	if (event->bare_key)
		json_str(w->out, field_json(enc, change, shape, &event->key[0]));
	else
		event_fields(w->out, enc, change, shape, event->key, event->nkey, NULL);
	if (enc->opts->key_schemas)
		json_char(w->out, '}');
	frame_key_end(w);
}

/* {"type":"struct",… around the payload and what is placed beside it */
static void
envelope_schema(StringInfo out, Encoder *enc, const Change *change,
				const Shape *shape, const EventShape *event,
				const char *payload_schema, const char *routed)
{
	const OutboxPlan *ob = shape->outbox_plan;
	const char *name =
		psprintf("%s.%s.Value", shape->stream.schema_prefix, routed);

	json_lit(out, "{\"type\":\"struct\",\"fields\":[");
	for (int i = 0; i < event->nvalue; i++)
	{
		const ShapeField *f = &event->value[i];
		ShapeField expanded = *f;

		if (i > 0)
			json_char(out, ',');
		if (f->meta == PAYLOAD_MARK && payload_schema != NULL)
			expanded.schema = payload_schema;
		shape_field_schema(out, &expanded, f->name);
	}
	json_lit(out, "],\"optional\":false,\"name\":");
	json_utf8(out, name, strlen(name));
	if (ob->version != NULL)
	{
		char *version = field_json(enc, change, shape, ob->version);

		if (strcmp(version, "null") != 0)
			appendStringInfo(out, ",\"version\":%s", version);
	}
}

static bool
is_empty(const char *json)
{
	int len;
	const char *s = plain_text(json, &len);

	return s == NULL || s[strspn(s, " \t\r\n")] == '\0';
}

/* A record whose value is null has the class of a tombstone. */
static bool
is_null_event(const OutboxPlan *ob, const char *payload)
{
	return (ob->tombstones && is_empty(payload)) ||
		   (!ob->enveloped && strcmp(payload, "null") == 0);
}

static void
event_value(Encoder *enc, const Change *change, const Shape *shape,
			const EventShape *event, const char *payload, const char *routed)
{
	const OutboxPlan *ob = shape->outbox_plan;
	FrameWriter *w = enc->writer;
	StringInfoData expanded;
	StringInfoData schema;
	bool is_expanded;

	/* under a connector's JSON a null with a schema is the word */
	if (event->null_value &&
		((ob->tombstones && is_empty(payload)) ||
		 !enc->opts->connector_compat || enc->opts->value_format != VALUE_JSON))
	{
		frame_value_null(w);
		return;
	}
	initStringInfo(&expanded);
	initStringInfo(&schema);
	is_expanded = ob->expand && payload[0] == '"' &&
				  json_expand(jsonscan_unquote(payload, NULL), ob->payload_name,
							  ob->keep_nulls, &expanded, &schema);
	frame_value_begin(w);
	if (enc->opts->value_schemas)
	{
		json_lit(w->out, "{\"schema\":");
		if (!event->bare_value)
			envelope_schema(w->out, enc, change, shape, event,
							is_expanded ? schema.data : NULL, routed);
		else
			json_str(w->out,
					 is_expanded ? schema.data : event->value[0].schema);
		json_lit(w->out, "},\"payload\":");
	}
	if (!event->bare_value)
		event_fields(w->out, enc, change, shape, event->value, event->nvalue,
					 is_expanded ? expanded.data : NULL);
	else
		json_str(w->out, is_expanded ? expanded.data
									 : field_json(enc, change, shape,
												  &event->value[0]));
	if (enc->opts->value_schemas)
		json_char(w->out, '}');
	frame_value_end(w);
}

/* ms since 1970; the time of processing if the row has none */
static int64
event_time(const OutboxPlan *ob, const RowImage *row)
{
	if (ob->timestamp != NULL)
	{
		int i = ob->timestamp->column->attnum - 1;
		Timestamp t;

		if (!row->nulls[i] &&
			!TIMESTAMP_NOT_FINITE(t = DatumGetInt64(row->values[i])))
			/* cut towards 1970, as Debezium does */
			return (t + (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) *
							USECS_PER_DAY) /
				   1000;
	}
	return encode_clock() / 1000;
}

static void
event_partition(Encoder *enc, const Change *change, const Shape *shape,
				RecordRoute *route)
{
	const OutboxPlan *ob = shape->outbox_plan;

	for (int i = 0; i < ob->nadditional; i++)
	{
		const char *json;

		if (ob->additional[i].placement != PLACE_PARTITION)
			continue;
		json = field_json(enc, change, shape, ob->additional[i].field);
		route->has_partition = strcmp(json, "null") != 0;
		route->partition = (int32) strtol(json, NULL, 10);
	}
}

static void
write_event(Encoder *enc, const Change *change, Shape *shape, uint8 part)
{
	OutboxPlan *ob = shape->outbox_plan;
	FrameWriter *w = enc->writer;
	RecordRoute route = {0};
	const EventShape *event;
	RecordHeader *headers;
	const char *payload;
	char *routed;
	int n;

	routed = plain_text(field_json(enc, change, shape, ob->route), &n);
	if (routed == NULL)
		routed = pstrdup("null");
	payload = field_json(enc, change, shape, ob->payload);
	event = event_shape(ob, enc, route_topic(ob, routed),
						is_null_event(ob, payload));
	route.topic = event->topic;
	route.has_timestamp = true;
	route.timestamp_ms = event_time(ob, change->after);
	event_partition(enc, change, shape, &route);
	headers = event_headers(enc, change, shape, event, &n);
	frame_record_route(w, &route);
	frame_record_begin(w, &shape->stream, WIRE_OP_CREATE, change->lsn, part);
	event_key(enc, change, shape, event);
	event_value(enc, change, shape, event, payload, routed);
	frame_record_end(w, headers, n);
}

static void
refuse_update(OutboxPlan *ob, const RelationPlan *plan)
{
	if (!ob->fatal && ob->warned)
		return;
	ob->warned = true;
	ereport(
		ob->fatal ? ERROR : WARNING,
		(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		 errmsg("a row of the outbox table \"%s.%s\" was updated", plan->schema,
				plan->table),
		 errdetail(
			 "Events do not change: only rows that are inserted become records."),
		 ob->fatal
			 ? errhint(
				   "The transform \"%s\" has table.op.invalid.behavior=fatal.",
				   ob->step->alias)
			 : errhint("Insert a new event; this is said once.")));
}

void
outbox_change(Encoder *enc, const Change *change, char op, Shape *shape,
			  uint8 part)
{
	uint64 total;
	uint64 in_collection;

	if (op == WIRE_OP_UPDATE)
		refuse_update(shape->outbox_plan, change->plan);
	else if (op == WIRE_OP_CREATE || op == WIRE_OP_READ)
	{
		if (enc->txnmeta->enabled)
			txnmeta_event(enc, &change->plan->stream, &total, &in_collection);
		write_event(enc, change, shape, part);
	}
}
