/*
 * header.c
 *		Headers as Kafka Connect's header.converter writes them.
 */
#include "compat.h"

#include "connecttext.h"
#include "header.h"
#include "json.h"

#define CONTENT_TYPE  "application/cloudevents+json; charset=UTF-8"
#define STRING_SCHEMA "{\"type\":\"string\",\"optional\":false}"

void
header_set(RecordHeader *h, const PluginOptions *opts, const char *json,
		   const char *schema)
{
	StringInfoData s;
	bool text = opts->header_format != HEADER_JSON;

	h->value = NULL;
	h->len = 0;
	/* JsonConverter writes the word for a null that has a schema */
	if (json == NULL || (text && strcmp(json, "null") == 0))
		return;
	initStringInfo(&s);
	if (text)
		connect_text(&s, json, schema,
					 opts->header_format == HEADER_SIMPLE ? CONNECT_TEXT_SIMPLE
														  : CONNECT_TEXT_JAVA);
	else if (opts->header_schemas)
		appendStringInfo(&s, "{\"schema\":%s,\"payload\":%s}", schema, json);
	else
		json_str(&s, json);
	h->value = s.data;
	h->len = s.len;
}

void
header_set_string(RecordHeader *h, const PluginOptions *opts, const char *s)
{
	StringInfoData json;

	if (opts->header_format != HEADER_JSON)
	{
		h->value = s;
		h->len = (int) strlen(s);
		return;
	}
	initStringInfo(&json);
	json_utf8(&json, s, strlen(s));
	header_set(h, opts, json.data, STRING_SCHEMA);
}

void
header_set_literal(RecordHeader *h, const PluginOptions *opts, const char *text)
{
	const char *json;
	const char *schema;

	connect_literal(text, &json, &schema);
	header_set(h, opts, json, schema);
}

void
header_set_stream(const Encoder *enc, StreamInfo *stream)
{
	const struct
	{
		const char *name;
		const char *value;
	} context[] = {
		{"__debezium.context.connectorLogicalName", enc->opts->topic_prefix},
		{"__debezium.context.taskId", "0"},
		{"__debezium.context.connectorName", "postgresql"},
		{"__debezium.context.runId", enc->run_id}};

	/* Kafka's binding asks for it, Debezium's converter cannot set it */
	stream->nheaders = 0;
	stream->headers = palloc(sizeof(RecordHeader) * (lengthof(context) + 1));
	if (enc->opts->format == FORMAT_CLOUDEVENTS && !enc->opts->connector_compat)
		stream->headers[stream->nheaders++] = (RecordHeader){
			"content-type", CONTENT_TYPE, (int) strlen(CONTENT_TYPE)};
	/* since 3.2 */
	if (!enc->opts->extended_headers || enc->opts->compat_version <= COMPAT_2_7)
		return;
	for (int i = 0; i < lengthof(context); i++)
	{
		RecordHeader *h = &stream->headers[stream->nheaders++];

		h->name = context[i].name;
		header_set_string(h, enc->opts, context[i].value);
	}
}

void
header_set_moved(const Encoder *enc, Change *change, const char *name,
				 const RowImage *row)
{
	const RelationPlan *plan = change->plan;
	StringInfoData json;

	initStringInfo(&json);
	encode_columns(&json, plan->header_key, plan->nkey, row);
	json_char(&json, '}');
	change->moved.name = name;
	header_set(&change->moved, enc->opts, json.data, plan->key_schema);
}
