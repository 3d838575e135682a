/*
 * outbox.c
 *		io.debezium.transforms.outbox.EventRouter: rows that are events.
 */
#include "compat.h"

#include "datatype/timestamp.h"

#include "header.h"
#include "json.h"
#include "jsonexpand.h"
#include "jsonscan.h"
#include "outbox_internal.h"
#include "txnmeta.h"

/* The topic of a routed name; UTF-8. */
static char *
route_topic(const OutboxPlan *ob, const char *routed)
{
	int len = strlen(routed);
	const char *name = pnstrdup(json_from_utf8(routed, &len), len);
	char *topic = route_apply(ob->step->route, name);

	return topic != NULL ? topic : pstrdup(name);
}

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
	event = outbox_event_shape(ob, enc, route_topic(ob, routed),
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
