/*
 * schema.c
 *		Connect schemas as JsonConverter writes them.
 */
#include "compat.h"

#include "cloudevents.h"
#include "filter.h"
#include "json.h"
#include "schema.h"

#define PAYLOAD ",\"payload\":"

static void
optional_flag(StringInfo out, bool optional)
{
	if (optional)
		json_lit(out, ",\"optional\":true");
	else
		json_lit(out, ",\"optional\":false");
}

static void
field_name(StringInfo out, const char *field)
{
	if (field != NULL)
	{
		json_lit(out, ",\"field\":");
		json_utf8(out, field, strlen(field));
	}
	json_char(out, '}');
}

/* what follows "optional": name, version, doc, parameters, default, field */
static void
schema_rest(StringInfo out, const TypeCodec *codec, const char *default_json,
			const char *field)
{
	if (codec->schema_name != NULL)
	{
		json_lit(out, ",\"name\":\"");
		json_str(out, codec->schema_name);
		json_char(out, '"');
	}
	if (codec->schema_version > 0)
	{
		json_lit(out, ",\"version\":");
		json_int64(out, codec->schema_version);
	}
	if (codec->schema_doc != NULL)
	{
		json_lit(out, ",\"doc\":\"");
		json_str(out, codec->schema_doc);
		json_char(out, '"');
	}
	if (codec->schema_params != NULL)
	{
		json_lit(out, ",\"parameters\":");
		json_str(out, codec->schema_params);
	}
	if (default_json != NULL)
	{
		json_lit(out, ",\"default\":");
		json_str(out, default_json);
	}
	field_name(out, field);
}

/* One type; default_json and field (not escaped, UTF-8) may be NULL. */
static void
schema_type(StringInfo out, const TypeCodec *codec, bool optional,
			const char *default_json, const char *field)
{
	json_lit(out, "{\"type\":\"");
	json_str(out, codec->connect_type);
	json_char(out, '"');
	if (strcmp(codec->connect_type, "array") == 0)
	{
		json_lit(out, ",\"items\":");
		/* Debezium builds an enum's items without the flag */
		schema_type(out, codec->element, !codec->element->items_required, NULL,
					NULL);
	}
	else if (strcmp(codec->connect_type, "map") == 0)
	{
		json_char(out, ',');
		json_str(out, codec->schema_fields);
	}
	else if (codec->schema_fields != NULL)
	{
		json_lit(out, ",\"fields\":");
		json_str(out, codec->schema_fields);
	}
	optional_flag(out, optional || codec->always_optional);
	schema_rest(out, codec, default_json, field);
}

void
schema_plain(StringInfo out, const char *type, bool optional, const char *field)
{
	json_lit(out, "{\"type\":\"");
	json_str(out, type);
	json_char(out, '"');
	optional_flag(out, optional);
	field_name(out, field);
}

static void
columns_fields(StringInfo out, const ColumnPlan *columns, int n)
{
	json_lit(out, "{\"type\":\"struct\",\"fields\":[");
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			json_char(out, ',');
		schema_type(out, columns[i].codec, !columns[i].notnull,
					columns[i].default_json, columns[i].field);
	}
	json_char(out, ']');
}

/* ,"optional":…,"name":"PREFIX.SCHEMA.TABLE.Suffix": the topic, if not routed */
static void
struct_name(StringInfo out, const Encoder *enc, const StreamInfo *s,
			const char *suffix, bool optional)
{
	char *name = psprintf("%s.%s", s->schema_prefix, suffix);

	name = name_adjust(enc->opts->schema_adjustment, true, name);
	optional_flag(out, optional);
	json_lit(out, ",\"name\":");
	json_utf8(out, name, strlen(name));
}

static void
flat_schema(StringInfo out, const Encoder *enc, const RelationPlan *plan)
{
	int mode = enc->opts->delete_mode;
	bool first = plan->ncolumns == 0;

	columns_fields(out, plan->columns, plan->ncolumns);
	out->data[--out->len] = '\0';
	if (mode == DELETE_REWRITE || mode == DELETE_REWRITE_WITH_TOMBSTONE)
	{
		if (!first)
			json_char(out, ',');
		schema_plain(out, "string", true, "__deleted");
		first = false;
	}
	metafields_schema(out, enc, first);
	json_char(out, ']');
	struct_name(out, enc, &plan->stream, "Value", false);
	json_char(out, '}');
}

static void
transaction_block(StringInfo out)
{
	json_lit(out, "{\"type\":\"struct\",\"fields\":[");
	schema_plain(out, "string", false, "id");
	json_char(out, ',');
	schema_plain(out, "int64", false, "total_order");
	json_char(out, ',');
	schema_plain(out, "int64", false, "data_collection_order");
	json_lit(
		out,
		"],\"optional\":true,\"name\":\"event.block\",\"version\":1,\"field\":\"transaction\"}");
}

static void
envelope_schema(StringInfo out, const Encoder *enc, const RelationPlan *plan)
{
	static const char *const images[] = {"before", "after"};
	bool fine = enc->opts->compat_version >= COMPAT_2_7;

	json_lit(out, "{\"type\":\"struct\",\"fields\":[");
	for (int i = 0; i < 2; i++)
	{
		columns_fields(out, plan->columns, plan->ncolumns);
		struct_name(out, enc, &plan->stream, "Value", true);
		field_name(out, images[i]);
		json_char(out, ',');
	}
	source_schema(out, enc);
	json_char(out, ',');
	if (fine)
	{
		transaction_block(out);
		json_char(out, ',');
	}
	schema_plain(out, "string", false, "op");
	json_char(out, ',');
	schema_plain(out, "int64", true, "ts_ms");
	if (fine)
	{
		json_char(out, ',');
		schema_plain(out, "int64", true, "ts_us");
		json_char(out, ',');
		schema_plain(out, "int64", true, "ts_ns");
	}
	else
	{
		json_char(out, ',');
		transaction_block(out);
	}
	json_char(out, ']');
	struct_name(out, enc, &plan->stream, "Envelope", false);
	json_lit(out, ",\"version\":");
	json_int64(out, fine ? 2 : 1);
	json_char(out, '}');
}

/* "{"schema":" before, "}" after */
static const char *
head_begin(StringInfo s)
{
	initStringInfo(s);
	json_lit(s, "{\"schema\":");
	return s->data;
}

/* The schema is that of the event's data; the event itself has none. */
static void
event_schema(const Encoder *enc, RelationPlan *plan)
{
	StreamInfo *stream = &plan->stream;
	StringInfoData s;
	char *image[2];

	for (int i = 0; i < 2; i++)
	{
		initStringInfo(&s);
		columns_fields(&s, plan->columns, plan->ncolumns);
		struct_name(&s, enc, stream, "Value", true);
		field_name(&s, i == 0 ? "before" : "after");
		image[i] = s.data;
	}
	stream->data_head = cloudevent_data_head(enc, stream, image[0], image[1]);
	stream->value_head = stream->value_tail = "";
}

static void
key_schema(StringInfo out, const Encoder *enc, const RelationPlan *plan,
		   const ColumnPlan *columns)
{
	columns_fields(out, columns, plan->nkey);
	struct_name(out, enc, &plan->stream, "Key", false);
	json_char(out, '}');
}

const char *
schema_key(const Encoder *enc, const RelationPlan *plan)
{
	StringInfoData s;

	if (plan->nkey == 0)
		return NULL;
	initStringInfo(&s);
	key_schema(&s, enc, plan, plan->header_key);
	return s.data;
}

void
schema_fill_table(const Encoder *enc, RelationPlan *plan)
{
	StreamInfo *stream = &plan->stream;
	StringInfoData s;

	if (enc->opts->key_schemas && plan->nkey > 0)
	{
		head_begin(&s);
		key_schema(&s, enc, plan, plan->key);
		json_lit(&s, PAYLOAD);
		stream->key_head = s.data;
		stream->key_tail = "}";
	}
	plan->null_stream = *stream;
	if (enc->opts->value_schemas)
	{
		head_begin(&s);
		columns_fields(&s, plan->columns, plan->ncolumns);
		struct_name(&s, enc, stream, "Value", true);
		json_lit(&s, "}" PAYLOAD);
		plan->null_stream.value_head = s.data;
		plan->null_stream.value_tail = "}";
		head_begin(&s);
		if (enc->opts->format == FORMAT_FLAT)
			flat_schema(&s, enc, plan);
		else
			envelope_schema(&s, enc, plan);
		json_lit(&s, PAYLOAD);
		stream->value_head = s.data;
		stream->value_tail = "}";
		if (enc->opts->format == FORMAT_CLOUDEVENTS)
			event_schema(enc, plan);
	}
}

void
schema_fill_messages(const Encoder *enc, StreamInfo *stream)
{
	StringInfoData s;

	if (enc->opts->key_schemas)
	{
		head_begin(&s);
		json_lit(&s, "{\"type\":\"struct\",\"fields\":[");
		schema_plain(&s, "string", true, "prefix");
		json_lit(
			&s,
			"],\"optional\":false,\"name\":\"io.debezium.connector.postgresql.MessageKey\",\"version\":1}" PAYLOAD);
		stream->key_head = s.data;
		stream->key_tail = "}";
	}
	stream->null_values = enc->opts->format == FORMAT_CLOUDEVENTS;
	if (enc->opts->value_schemas && !stream->null_values)
	{
		const char *bytes =
			enc->opts->binary_mode == BINARY_BYTES ? "bytes" : "string";

		head_begin(&s);
		json_lit(&s, "{\"type\":\"struct\",\"fields\":[");
		schema_plain(&s, "string", false, "op");
		json_char(&s, ',');
		schema_plain(&s, "int64", true, "ts_ms");
		json_char(&s, ',');
		source_schema(&s, enc);
		if (enc->opts->compat_version > COMPAT_2_7)
		{
			json_char(&s, ',');
			transaction_block(&s);
		}
		json_lit(&s, ",{\"type\":\"struct\",\"fields\":[");
		schema_plain(&s, "string", true, "prefix");
		json_char(&s, ',');
		schema_plain(&s, bytes, true, "content");
		json_lit(
			&s,
			"],\"optional\":false,\"name\":\"io.debezium.connector.postgresql.Message\",\"version\":1,\"field\":\"message\"}");
		json_lit(
			&s,
			"],\"optional\":false,\"name\":\"io.debezium.connector.postgresql.MessageValue\",\"version\":1}" PAYLOAD);
		stream->value_head = s.data;
		stream->value_tail = "}";
	}
}
