/*
 * outbox_plan.c
 *		The event router: which columns of a table make an event, and what the
 *		steps behind it make of the events of a topic.
 */
#include "compat.h"

#include "catalog/pg_type.h"

#include "filter.h"
#include "outbox_internal.h"
#include "pattern.h"

/* shapes that are kept: a topic may come from a column that holds anything */
#define EVENT_SHAPES 256

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

const EventShape *
outbox_event_shape(OutboxPlan *ob, const Encoder *enc, const char *routed,
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
