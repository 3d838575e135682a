/*
 * outbox.c
 *		io.debezium.transforms.outbox.EventRouter: rows that are events.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "datatype/timestamp.h"

#include "filter.h"
#include "json.h"
#include "jsonexpand.h"
#include "jsonscan.h"
#include "outbox.h"
#include "pattern.h"
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
};

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

/* behind it a record has no table any more */
static void
check_later_steps(const OutboxPlan *ob, const RelationPlan *plan, int from)
{
	for (int i = from; i < ob->chain->nsteps; i++)
	{
		const TransformStep *step = &ob->chain->steps[i];

		if (step->kind == STEP_UNWRAP || step->kind == STEP_OUTBOX ||
			step->kind == STEP_TIMEZONE)
			continue; /* they let what is no envelope pass */
		if ((step->kind == STEP_REGEX_ROUTER ||
			 step->kind == STEP_INSERT_HEADER) &&
			(step->predicate == PREDICATE_NONE ||
			 step->predicate == PREDICATE_TOPIC))
			continue;
		if (step->predicate == PREDICATE_TOPIC && !step->negate)
			continue;
		outbox_error(
			ob->step, plan,
			psprintf(
				"the transform \"%s\" (%s) behind it is not supported there; RegexRouter and InsertHeader are",
				step->alias, step->word));
	}
}

OutboxPlan *
outbox_plan_build(const Encoder *enc, const RelationPlan *plan,
				  const Shape *shape, const ShapeField *row, int ncolumns)
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
	check_later_steps(ob, plan, shape->after_outbox);
	ob->expand = transform_arg_bool(step, "table.expand.json.payload", false);
	ob->keep_nulls =
		strcmp(
			transform_arg(step, "table.json.payload.null.behavior", "ignore"),
			"optional_bytes") == 0;
	ob->tombstones =
		transform_arg_bool(step, "route.tombstone.on.empty.payload", false);
	ob->fatal = strcmp(behavior, "fatal") == 0;
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

/* The topic of a routed name, behind all steps; UTF-8. */
static char *
route_topic(const OutboxPlan *ob, const char *routed, int from)
{
	int len = strlen(routed);
	const char *name = pnstrdup(json_from_utf8(routed, &len), len);
	char *topic = route_apply(ob->step->route, name);

	if (topic == NULL)
		topic = pstrdup(name);
	for (int i = from; i < ob->chain->nsteps; i++)
	{
		const TransformStep *step = &ob->chain->steps[i];
		char *next;

		if (step->kind != STEP_REGEX_ROUTER ||
			(step->predicate == PREDICATE_TOPIC &&
			 route_match(step->topics, topic) == step->negate))
			continue;
		next = route_apply(step->route, topic);
		if (next != NULL)
			topic = next;
	}
	return topic_sanitize(json_to_utf8_cstring(topic));
}

static RecordHeader *
event_headers(Encoder *enc, const Change *change, const Shape *shape,
			  const char *topic, int *n)
{
	const OutboxPlan *ob = shape->outbox_plan;
	RecordHeader *headers = palloc0(sizeof(RecordHeader) *
									(ob->nadditional + ob->chain->nsteps + 2));

	/* what the stream always carries stands first */
	*n = 1;
	headers[*n].name = "id";
	headers[*n].value =
		plain_text(field_json(enc, change, shape, ob->id), &headers[*n].len);
	(*n)++;
	for (int i = 0; i < ob->nadditional; i++)
	{
		const Additional *a = &ob->additional[i];

		if (a->placement != PLACE_HEADER)
			continue;
		headers[*n].name = a->alias;
		headers[*n].value = plain_text(field_json(enc, change, shape, a->field),
									   &headers[*n].len);
		(*n)++;
	}
	for (int i = shape->after_outbox; i < ob->chain->nsteps; i++)
	{
		const TransformStep *step = &ob->chain->steps[i];
		const char *value = transform_arg_utf8(step, "value.literal");

		if (step->kind != STEP_INSERT_HEADER ||
			(step->predicate == PREDICATE_TOPIC &&
			 route_match(step->topics, topic) == step->negate))
			continue;
		headers[*n].name = transform_arg_utf8(step, "header");
		headers[*n].value = value ? value : "";
		headers[*n].len = strlen(headers[*n].value);
		(*n)++;
	}
	return headers;
}

static void
event_key(Encoder *enc, const Change *change, const Shape *shape)
{
	const OutboxPlan *ob = shape->outbox_plan;
	FrameWriter *w = enc->writer;
	char *json = field_json(enc, change, shape, ob->key);

	frame_key_begin(w);
	if (enc->opts->key_schemas)
	{
		json_lit(w->out, "{\"schema\":");
		shape_field_schema(w->out, ob->key, NULL);
		json_lit(w->out, ",\"payload\":");
	}
	json_str(w->out, json);
	if (enc->opts->key_schemas)
		json_char(w->out, '}');
	frame_key_end(w);
}

/* {"type":"struct",… around the payload and what is placed beside it */
static void
envelope_schema(StringInfo out, Encoder *enc, const Change *change,
				const Shape *shape, const char *payload_schema,
				const char *routed)
{
	const OutboxPlan *ob = shape->outbox_plan;
	const char *name =
		psprintf("%s.%s.Value", shape->stream.schema_prefix, routed);

	json_lit(out, "{\"type\":\"struct\",\"fields\":[");
	json_str(out, payload_schema);
	json_lit(out, ",\"field\":\"payload\"}");
	for (int i = 0; i < ob->nadditional; i++)
	{
		if (ob->additional[i].placement != PLACE_ENVELOPE)
			continue;
		json_char(out, ',');
		shape_field_schema(out, ob->additional[i].field,
						   ob->additional[i].alias);
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

static void
envelope_payload(StringInfo out, Encoder *enc, const Change *change,
				 const Shape *shape, const char *payload)
{
	const OutboxPlan *ob = shape->outbox_plan;

	json_lit(out, "{\"payload\":");
	json_str(out, payload);
	for (int i = 0; i < ob->nadditional; i++)
	{
		const Additional *a = &ob->additional[i];

		if (a->placement != PLACE_ENVELOPE)
			continue;
		json_char(out, ',');
		json_utf8(out, a->alias, strlen(a->alias));
		json_char(out, ':');
		json_str(out, field_json(enc, change, shape, a->field));
	}
	json_char(out, '}');
}

static bool
is_empty(const char *json)
{
	int len;
	const char *s = plain_text(json, &len);

	return s == NULL || s[strspn(s, " \t\r\n")] == '\0';
}

static void
event_value(Encoder *enc, const Change *change, const Shape *shape,
			const char *routed)
{
	const OutboxPlan *ob = shape->outbox_plan;
	FrameWriter *w = enc->writer;
	const char *payload = field_json(enc, change, shape, ob->payload);
	StringInfoData expanded;
	StringInfoData schema;

	if (is_empty(payload) && ob->tombstones)
	{
		frame_value_null(w);
		return;
	}
	/* under a connector's JSON a null with a schema is the word */
	if (strcmp(payload, "null") == 0 && !ob->enveloped &&
		!enc->opts->connector_compat)
	{
		frame_value_null(w);
		return;
	}
	initStringInfo(&expanded);
	initStringInfo(&schema);
	if (ob->expand && payload[0] == '"' &&
		json_expand(jsonscan_unquote(payload, NULL), ob->payload_name,
					ob->keep_nulls, &expanded, &schema))
		payload = expanded.data;
	else
		json_str(&schema, ob->payload->schema);
	frame_value_begin(w);
	if (enc->opts->value_schemas)
	{
		json_lit(w->out, "{\"schema\":");
		if (ob->enveloped)
			envelope_schema(w->out, enc, change, shape, schema.data, routed);
		else
			json_str(w->out, schema.data);
		json_lit(w->out, "},\"payload\":");
	}
	if (ob->enveloped)
		envelope_payload(w->out, enc, change, shape, payload);
	else
		json_str(w->out, payload);
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
	RecordHeader *headers;
	char *routed;
	int n;

	routed = plain_text(field_json(enc, change, shape, ob->route), &n);
	if (routed == NULL)
		routed = pstrdup("null");
	route.topic = route_topic(ob, routed, shape->after_outbox);
	route.has_timestamp = true;
	route.timestamp_ms = event_time(ob, change->after);
	event_partition(enc, change, shape, &route);
	headers = event_headers(enc, change, shape, route.topic, &n);
	frame_record_route(w, &route);
	frame_record_begin(w, &shape->stream, WIRE_OP_CREATE, change->lsn, part);
	event_key(enc, change, shape);
	event_value(enc, change, shape, routed);
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
