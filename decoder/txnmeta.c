/*
 * txnmeta.c
 *		provide.transaction.metadata.
 */
#include "compat.h"

#include "utils/memutils.h"

#include "filter.h"
#include "json.h"
#include "schema.h"
#include "shape.h"
#include "txnmeta.h"

#define COMMON "io.debezium.connector.common."

static void
fill_schemas(const Encoder *enc, StreamInfo *stream)
{
	StringInfoData s;

	if (enc->opts->key_schemas)
	{
		initStringInfo(&s);
		json_lit(&s, "{\"schema\":{\"type\":\"struct\",\"fields\":[");
		schema_plain(&s, "string", false, "id");
		json_lit(&s, "],\"optional\":false,\"name\":\"" COMMON
					 "TransactionMetadataKey\",\"version\":1},\"payload\":");
		stream->key_head = s.data;
		stream->key_tail = "}";
	}
	stream->null_values = enc->opts->format == FORMAT_CLOUDEVENTS;
	if (enc->opts->value_schemas && !stream->null_values)
	{
		initStringInfo(&s);
		json_lit(&s, "{\"schema\":{\"type\":\"struct\",\"fields\":[");
		schema_plain(&s, "string", false, "status");
		json_char(&s, ',');
		schema_plain(&s, "string", false, "id");
		json_char(&s, ',');
		schema_plain(&s, "int64", true, "event_count");
		json_lit(
			&s,
			",{\"type\":\"array\",\"items\":{\"type\":\"struct\",\"fields\":[");
		schema_plain(&s, "string", false, "data_collection");
		json_char(&s, ',');
		schema_plain(&s, "int64", false, "event_count");
		json_lit(
			&s,
			"],\"optional\":true,\"name\":\"event.collection\",\"version\":1},\"optional\":true,\"field\":\"data_collections\"},");
		schema_plain(&s, "int64", false, "ts_ms");
		json_lit(&s, "],\"optional\":false,\"name\":\"" COMMON
					 "TransactionMetadataValue\",\"version\":1},\"payload\":");
		stream->value_head = s.data;
		stream->value_tail = "}";
	}
}

TxnMeta *
txnmeta_create(const Encoder *enc, MemoryContext parent)
{
	TxnMeta *meta = palloc0(sizeof(TxnMeta));
	StreamInfo *stream = &meta->stream;
	StreamInfo full;
	PluginOptions opts = *enc->opts;
	Encoder with = *enc;

	meta->enabled = enc->opts->transaction_metadata;
	meta->cxt = AllocSetContextCreate(parent, "tuplecast transaction",
									  ALLOCSET_SMALL_SIZES);
	stream->id = 2;
	stream->kind = WIRE_STREAM_TRANSACTION;
	stream->topic = topic_sanitize(psprintf("%s%s%s", enc->opts->topic_prefix,
											enc->opts->topic_delimiter,
											enc->opts->topic_transaction));
	stream->schema = stream->name = "";
	stream->key_head = stream->key_tail = "";
	stream->value_head = stream->value_tail = "";
	full = *stream;
	fill_schemas(enc, stream);
	opts.key_schemas = opts.value_schemas = true;
	opts.format = FORMAT_ENVELOPE;
	with.opts = &opts;
	fill_schemas(&with, &full);
	stream_transform(enc, stream, &full);
	return meta;
}

void
txnmeta_start(TxnMeta *meta)
{
	meta->begun = false;
	meta->events = 0;
	meta->ncollections = 0;
	meta->size = 0;
	meta->collections = NULL;
	MemoryContextReset(meta->cxt);
}

/* "XID:LSN" */
static void
put_id(StringInfo out, const Encoder *enc, XLogRecPtr lsn)
{
	json_char(out, '"');
	json_uint64(out, enc->writer->txn->xid);
	json_char(out, ':');
	json_uint64(out, lsn);
	json_char(out, '"');
}

static void
record_begin(Encoder *enc, XLogRecPtr lsn, const char *status)
{
	FrameWriter *w = enc->writer;

	frame_record_begin(w, &enc->txnmeta->stream, WIRE_OP_MESSAGE, lsn, 0);
	frame_key_begin(w);
	json_lit(w->out, "{\"id\":");
	put_id(w->out, enc, lsn);
	json_char(w->out, '}');
	frame_key_end(w);
	frame_value_begin(w);
	json_lit(w->out, "{\"status\":\"");
	json_str(w->out, status);
	json_lit(w->out, "\",\"id\":");
	put_id(w->out, enc, lsn);
}

static void
record_end(Encoder *enc)
{
	FrameWriter *w = enc->writer;

	json_lit(w->out, ",\"ts_ms\":");
	json_int64(w->out, w->txn->commit_time_us / 1000);
	json_char(w->out, '}');
	frame_value_end(w);
	frame_record_end(w, NULL, 0);
}

void
txnmeta_begin(Encoder *enc, XLogRecPtr lsn)
{
	TxnMeta *meta = enc->txnmeta;

	if (!meta->enabled || meta->begun)
		return;
	meta->begun = true;
	record_begin(enc, lsn, "BEGIN");
	json_lit(enc->writer->out,
			 ",\"event_count\":null,\"data_collections\":null");
	record_end(enc);
}

static TxnCollection *
find_collection(TxnMeta *meta, const StreamInfo *stream)
{
	/* messages have no table: their topic stands for it */
	char *name = stream->schema[0] == '\0'
					 ? pstrdup(stream->topic)
					 : psprintf("%s.%s", stream->schema, stream->name);
	MemoryContext old;

	for (int i = 0; i < meta->ncollections; i++)
		if (strcmp(meta->collections[i].name, name) == 0)
			return &meta->collections[i];
	old = MemoryContextSwitchTo(meta->cxt);
	if (meta->ncollections == meta->size)
	{
		meta->size = Max(8, meta->size * 2);
		meta->collections = meta->collections == NULL
								? palloc(sizeof(TxnCollection) * meta->size)
								: repalloc(meta->collections,
										   sizeof(TxnCollection) * meta->size);
	}
	meta->collections[meta->ncollections].name = pstrdup(name);
	meta->collections[meta->ncollections].events = 0;
	MemoryContextSwitchTo(old);
	return &meta->collections[meta->ncollections++];
}

void
txnmeta_event(Encoder *enc, const StreamInfo *stream, uint64 *total,
			  uint64 *in_collection)
{
	TxnCollection *c = find_collection(enc->txnmeta, stream);

	*total = ++enc->txnmeta->events;
	*in_collection = ++c->events;
}

void
txnmeta_block(StringInfo out, Encoder *enc, const StreamInfo *stream,
			  XLogRecPtr lsn)
{
	if (!enc->txnmeta->enabled)
	{
		json_lit(out, "\"transaction\":null");
		return;
	}
	json_lit(out, "\"transaction\":{\"id\":");
	put_id(out, enc, lsn);
	json_lit(out, ",\"total_order\":");
	json_uint64(out, enc->total_order);
	json_lit(out, ",\"data_collection_order\":");
	json_uint64(out, enc->collection_order);
	json_char(out, '}');
}

void
txnmeta_end(Encoder *enc)
{
	TxnMeta *meta = enc->txnmeta;
	StringInfo out;

	if (!meta->enabled || !meta->begun)
		return;
	enc->writer->txn->ordinal++;
	record_begin(enc, enc->writer->txn->end_lsn, "END");
	out = enc->writer->out;
	json_lit(out, ",\"event_count\":");
	json_uint64(out, meta->events);
	json_lit(out, ",\"data_collections\":[");
	for (int i = 0; i < meta->ncollections; i++)
	{
		if (i > 0)
			json_char(out, ',');
		json_lit(out, "{\"data_collection\":");
		json_utf8(out, meta->collections[i].name,
				  strlen(meta->collections[i].name));
		json_lit(out, ",\"event_count\":");
		json_uint64(out, meta->collections[i].events);
		json_char(out, '}');
	}
	json_char(out, ']');
	record_end(enc);
	meta->begun = false;
}
