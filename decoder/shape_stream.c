/*
 * shape_stream.c
 *		What the chain of transforms makes of streams that are no table's:
 *		messages, transaction metadata.
 */
#include "compat.h"

#include "filter.h"
#include "header.h"
#include "json.h"
#include "jsonscan.h"
#include "shape_internal.h"

/* its key and value are objects whose fields only grow */
typedef struct StreamDraft
{
	const PluginOptions *opts;
	StreamInfo *stream;
	const char *topic;
	List *key; /* of ShapeField * */
	List *value;
	List *headers;
} StreamDraft;

static bool
stream_applies(const StreamDraft *d, const TransformStep *step)
{
	bool holds = false;

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
			holds = shape_list_has_header(d->headers, step->header);
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
	bool required;
	char *name;
	ShapeField *f;

	if (spec == NULL)
		return;
	required = spec[strlen(spec) - 1] == '!';
	name = pstrdup(spec);
	if (required || name[strlen(name) - 1] == '?')
		name[strlen(name) - 1] = '\0';
	f = shape_constant_field(name, json, type, type_name, !required);
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
	char *topic;

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
				d->key = lappend(d->key, shape_constant_field(
											 name ? name : LOGICAL_KEY_FIELD,
											 shape_quoted(d->topic), "string",
											 NULL, false));
			d->topic = topic;
			return;
		case STEP_INSERT_FIELD:
			name = transform_arg_utf8(step, "static.value");
			stream_insert(d, step, "topic.field", shape_quoted(d->topic),
						  "string", NULL);
			stream_insert(d, step, "partition.field", "null", "int32", NULL);
			stream_insert(d, step, "timestamp.field", "null", "int64",
						  CONNECT_TIMESTAMP);
			stream_insert(d, step, "static.field",
						  shape_quoted(name ? name : ""), "string", NULL);
			return;
		case STEP_INSERT_HEADER:
			h = palloc(sizeof(RecordHeader));
			h->name = transform_arg_utf8(step, "header");
			name = transform_arg_utf8(step, "value.literal");
			header_set_literal(h, d->opts, name ? name : "");
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
	ListCell *lc;

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
stream_transform(const PluginOptions *opts, StreamInfo *stream)
{
	const TransformChain *chain = opts->transforms;
	StreamDraft d = {opts, stream, stream->topic};

	if (chain == NULL)
		return;
	for (int i = 0; i < chain->nsteps; i++)
		if (stream_applies(&d, &chain->steps[i]))
			stream_step(&d, &chain->steps[i]);
	stream->topic = topic_sanitize(d.topic);
	stream->key_extra = stream_extra(d.key, &stream->key_head);
	stream->value_extra = stream_extra(d.value, &stream->value_head);
	stream->headers =
		shape_headers_array(stream->headers, &stream->nheaders, d.headers);
}
