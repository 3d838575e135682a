/*
 * cloudevents.c
 *		Change events as CloudEvents 1.0, in JSON and in structured mode, as
 *		io.debezium.converters.CloudEventsConverter writes them.
 */
#include "compat.h"

#include "utils/datetime.h"

#include "cloudevents.h"
#include "json.h"
#include "jsonscan.h"

#define EXTENSION "iodebezium"

static const char *const transaction_members[] = {"id", "total_order",
												  "data_collection_order"};

/* ,"name": */
static void
attribute(StringInfo out, const char *name)
{
	json_lit(out, ",\"");
	json_str(out, name);
	json_lit(out, "\":");
}

/* ,"iodebeziumname": of a name in JSON; names of attributes have no "_" */
static void
extension_name(StringInfo out, const char *prefix, const char *name, int len)
{
	json_lit(out, ",\"" EXTENSION);
	json_str(out, prefix);
	for (int i = 0; i < len; i++)
		if (isalnum((unsigned char) name[i]))
			json_char(out, name[i]);
	json_lit(out, "\":");
}

/* There is no int64 among the types of attributes: it is a string. */
static void
extension_value(StringInfo out, const char *value)
{
	int len = (int) (jsonscan_skip(value) - value);
	bool number = value[0] == '-' || isdigit((unsigned char) value[0]);

	if (number)
		json_char(out, '"');
	json_raw(out, value, len);
	if (number)
		json_char(out, '"');
}

/* Each member of the source block. */
static void
source_extensions(StringInfo out, const Encoder *enc, const char *source)
{
	const char *p = source + 1;

	while (*p == '"')
	{
		const char *name_end = jsonscan_skip(p);

		extension_name(out, "", p + 1, (int) (name_end - p) - 2);
		if (strncmp(p, "\"snapshot\"", name_end - p) == 0)
			frame_mark_hole(enc->writer, out, out->len + 1);
		extension_value(out, name_end + 1);
		p = jsonscan_skip(name_end + 1);
		p += *p == ',';
	}
}

static void
transaction_extensions(StringInfo out, const char *transaction)
{
	for (int i = 0; i < lengthof(transaction_members); i++)
	{
		const char *name = transaction_members[i];
		const char *value =
			*transaction == '{' ? jsonscan_member(transaction, name) : NULL;

		extension_name(out, "tx", name, strlen(name));
		extension_value(out, value ? value : "null");
	}
}

/* A member of the source block as text: a string without its quotes. */
static char *
source_text(const char *source, const char *name)
{
	const char *value = jsonscan_member(source, name);

	if (value == NULL)
		return pstrdup("null");
	return *value == '"' ? jsonscan_unquote(value, NULL) : jsonscan_copy(value);
}

/* "2024-01-31T23:59:59.123Z" of ms since 1970 */
static void
event_time(StringInfo out, int64 ms)
{
	int64 days = ms / 86400000 - (ms % 86400000 < 0 ? 1 : 0);
	int rest = (int) (ms - days * 86400000);
	int year, month, day;

	j2date((int) days + UNIX_EPOCH_JDATE, &year, &month, &day);
	appendStringInfo(out, "\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"", year,
					 month, day, rest / 3600000, rest / 60000 % 60,
					 rest / 1000 % 60, rest % 1000);
}

/* ---- metadata.headers ---------------------------------------------------- */

/* What a header says, in JSON, if that is a string; else NULL. */
static const char *
header_string(const Encoder *enc, const StreamInfo *stream, const char *name)
{
	const RecordHeader *h = NULL;
	StringInfoData json;
	const char *value;

	for (int i = 0; i < stream->nheaders; i++)
		if (strcmp(stream->headers[i].name, name) == 0)
			h = &stream->headers[i];
	if (h == NULL || h->value == NULL)
		return NULL;
	if (enc->opts->header_format != HEADER_JSON)
	{
		initStringInfo(&json);
		json_utf8(&json, h->value, h->len);
		return json.data;
	}
	value = enc->opts->header_schemas ? jsonscan_member(h->value, "payload")
									  : h->value;
	return value != NULL && *value == '"' ? jsonscan_copy(value) : NULL;
}

/* The same, if the attribute is to come from there. */
static const char *
attribute_header(const Encoder *enc, const StreamInfo *stream, const char *name)
{
	ListCell *lc;

	foreach(lc, enc->opts->metadata_headers)
		if (strcmp(lfirst(lc), name) == 0)
			return header_string(enc, stream, name);
	return NULL;
}

const char *
cloudevent_missing_header(const Encoder *enc, const StreamInfo *stream)
{
	ListCell *lc;

	foreach(lc, enc->opts->metadata_headers)
		if (header_string(enc, stream, lfirst(lc)) == NULL)
			return lfirst(lc);
	return NULL;
}

/* ---- the event ----------------------------------------------------------- */

static void
event_id(StringInfo out, const Encoder *enc, const StreamInfo *stream,
		 const char *source)
{
	const char *given = attribute_header(enc, stream, "id");
	StringInfoData id;

	if (given != NULL)
	{
		json_str(out, given);
		return;
	}
	initStringInfo(&id);
	appendStringInfo(&id, "name:%s;lsn:%s;txId:%s", source_text(source, "name"),
					 source_text(source, "lsn"), source_text(source, "txId"));
	if (enc->opts->compat_version >= COMPAT_2_5)
		appendStringInfo(&id, ";sequence:%s", source_text(source, "sequence"));
	json_utf8(out, id.data, id.len);
}

static void
event_type(StringInfo out, const Encoder *enc, const StreamInfo *stream)
{
	const char *given = attribute_header(enc, stream, "type");

	if (given != NULL)
		json_str(out, given);
	else if (enc->opts->compat_version >= COMPAT_2_5)
		json_lit(out, "\"io.debezium.connector.postgresql.DataChangeEvent\"");
	else
		json_lit(out, "\"io.debezium.postgresql.datachangeevent\"");
}

void
cloudevent_begin(StringInfo out, const Encoder *enc, const StreamInfo *stream,
				 char op, const char *source, const char *transaction)
{
	const char *name =
		psprintf("/debezium/postgresql/%s", source_text(source, "name"));

	json_lit(out, "{\"id\":");
	event_id(out, enc, stream, source);
	attribute(out, "source");
	json_utf8(out, name, strlen(name));
	json_lit(out, ",\"specversion\":\"1.0\",\"type\":");
	event_type(out, enc, stream);
	json_lit(out, ",\"time\":");
	event_time(out, strtoll(source_text(source, "ts_ms"), NULL, 10));
	json_lit(out, ",\"datacontenttype\":\"application/json\"");
	if (enc->opts->extension_attributes)
	{
		json_lit(out, ",\"" EXTENSION "op\":\"");
		json_char(out, op);
		json_char(out, '"');
		source_extensions(out, enc, source);
		transaction_extensions(out, transaction);
	}
	attribute(out, "data");
	if (stream->data_head != NULL)
		json_str(out, stream->data_head);
}

void
cloudevent_end(StringInfo out, const StreamInfo *stream)
{
	if (stream->data_head != NULL)
		json_char(out, '}');
	json_char(out, '}');
}

const char *
cloudevent_data_head(const Encoder *enc, const StreamInfo *stream,
					 const char *before, const char *after)
{
	const char *name = attribute_header(enc, stream, "dataSchemaName");

	/* 2.0 took PostgreSQL for another one here */
	if (name == NULL)
		name = enc->opts->compat_version >= COMPAT_2_5
				   ? "\"io.debezium.connector.postgresql.Data\""
				   : "\"io.debezium.connector.mysql.Data\"";
	return psprintf(
		"{\"schema\":{\"type\":\"struct\",\"fields\":[%s,%s],\"optional\":false,"
		"\"name\":%s},\"payload\":",
		before, after, name);
}
