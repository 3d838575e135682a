/*
 * frame_writer.c
 *		Records on their way out: frames of wire.h, or one JSON line each.
 */
#include "compat.h"

#include "frame_internal.h"
#include "connecttext.h"
#include "shape.h"

#define KEEP_BYTES (1 << 20)
#define KEY_LABEL  ",\"key\":"

/* ---- writes and frames --------------------------------------------------- */

void
frame_prepare(FrameWriter *w)
{
	if (!w->open && w->ctx != NULL)
	{
		OutputPluginPrepareWrite(w->ctx, true);
		w->out = w->ctx->out;
	}
	w->open = true;
}

void
frame_flush(FrameWriter *w)
{
	if (w->open && w->ctx != NULL)
		OutputPluginWrite(w->ctx, true);
	w->open = false;
	/* one large record is no reason to keep its memory */
	if (w->ctx != NULL && w->out->maxlen > KEEP_BYTES)
	{
		w->out->data = repalloc(w->out->data, 2 * WIRE_BATCH_BYTES);
		w->out->maxlen = 2 * WIRE_BATCH_BYTES;
		resetStringInfo(w->out);
	}
}

static void
frame_open(FrameWriter *w, WireKind kind)
{
	frame_prepare(w);
	w->frame = w->out->len;
	frame_put_u32(w, 0);
	frame_put_u8(w, (uint8) kind);
}

static void
frame_close(FrameWriter *w)
{
	wire_put_u32((uint8 *) w->out->data + w->frame,
				 (uint32) (w->out->len - w->frame - WIRE_LENGTH_BYTES));
}

void
frame_writer_init(FrameWriter *w, LogicalDecodingContext *ctx, StringInfo out,
				  bool wire, const char *format, int max_record)
{
	memset(w, 0, sizeof(*w));
	w->ctx = ctx;
	w->out = out;
	w->wire = wire;
	w->format = format;
	w->max_record = max_record;
}

static void
send_hello(FrameWriter *w)
{
	frame_open(w, WIRE_HELLO);
	frame_put_u16(w, WIRE_VERSION);
	frame_put_str(w, TUPLECAST_VERSION);
	frame_put_str(w, w->format);
	frame_put_u32(w, TC_SERVER_VERSION);
	frame_close(w);
	w->hello_sent = true;
}

static void
send_begin(FrameWriter *w)
{
	frame_open(w, WIRE_BEGIN);
	frame_put_u32(w, w->txn->xid);
	frame_put_u64(w, w->txn->commit_lsn);
	frame_put_u64(w, w->txn->end_lsn);
	frame_put_u64(w, (uint64) w->txn->commit_time_us);
	frame_put_str(w, w->txn->origin);
	frame_close(w);
	w->begin_sent = true;
}

static void
put_headers(FrameWriter *w, const RecordHeader *headers, int n)
{
	frame_put_u16(w, (uint16) n);
	for (int i = 0; i < n; i++)
	{
		frame_put_str(w, headers[i].name ? headers[i].name : "");
		frame_put_blob(w, headers[i].value, headers[i].len);
	}
}

static void
send_stream(FrameWriter *w, StreamInfo *s)
{
	frame_open(w, WIRE_STREAM);
	frame_put_u32(w, s->id);
	frame_put_u8(w, (uint8) s->kind);
	frame_put_str(w, s->topic);
	frame_put_str(w, s->schema);
	frame_put_str(w, s->name);
	frame_put_blob(w, s->key_head, strlen(s->key_head));
	frame_put_blob(w, s->key_tail, strlen(s->key_tail));
	frame_put_blob(w, s->value_head, strlen(s->value_head));
	frame_put_blob(w, s->value_tail, strlen(s->value_tail));
	put_headers(w, s->headers, s->nheaders);
	frame_put_u8(w, (w->text_keys ? WIRE_STREAM_TEXT_KEY : 0) |
						(w->text_values ? WIRE_STREAM_TEXT_VALUE : 0) |
						(s->bytes_values ? WIRE_STREAM_BYTES_VALUE : 0));
	frame_close(w);
	s->key_around = strlen(s->key_head) + strlen(s->key_tail);
	s->value_around = strlen(s->value_head) + strlen(s->value_tail);
	s->announced = true;
}

void
frame_transaction(FrameWriter *w, TxnInfo *txn)
{
	w->txn = txn;
	w->begin_sent = false;
}

void
frame_commit(FrameWriter *w)
{
	if (w->wire && w->begin_sent)
	{
		frame_open(w, WIRE_COMMIT);
		frame_put_u64(w, w->txn->end_lsn);
		frame_put_u64(w, w->txn->records);
		frame_close(w);
	}
	/*
	 * Nothing may be held back across commits: the server's next keepalive
	 * already promises these bytes, and there is no later hook to send them.
	 */
	if (w->wire)
		frame_flush(w);
	w->begin_sent = false;
}

void
frame_watermark(FrameWriter *w, const char *content)
{
	if (!w->wire)
		return;
	if (!w->hello_sent)
		send_hello(w);
	if (!w->begin_sent)
		send_begin(w);
	frame_open(w, WIRE_WATERMARK);
	frame_put_str(w, content);
	frame_close(w);
}

void
frame_range_end(FrameWriter *w)
{
	if (!w->hello_sent)
		send_hello(w);
	if (!w->begin_sent)
		send_begin(w);
	frame_commit(w);
}

/* ---- records ------------------------------------------------------------- */

void
frame_record_route(FrameWriter *w, const RecordRoute *route)
{
	w->route = *route;
}

static uint8
route_flags(const RecordRoute *route)
{
	return (route->topic ? WIRE_REC_TOPIC : 0) |
		   (route->has_partition ? WIRE_REC_PARTITION : 0) |
		   (route->has_timestamp ? WIRE_REC_TIMESTAMP : 0);
}

static void
put_route(FrameWriter *w)
{
	if (w->route.topic != NULL)
		frame_put_str(w, w->route.topic);
	if (w->route.has_partition)
		frame_put_u32(w, (uint32) w->route.partition);
	if (w->route.has_timestamp)
		frame_put_u64(w, (uint64) w->route.timestamp_ms);
	memset(&w->route, 0, sizeof(w->route));
}

void
frame_record_begin(FrameWriter *w, StreamInfo *stream, char op, XLogRecPtr lsn,
				   uint8 part)
{
	const char *topic;

	w->stream = stream;
	w->in_record = true;
	w->stopped = w->key_stopped = false;
	w->key_at = w->value_at = 0;
	w->key_len = w->value_len = 0;
	if (!w->wire)
	{
		frame_prepare(w);
		w->frame = w->out->len;
		json_lit(w->out, "{\"topic\":");
		topic = w->route.topic ? w->route.topic : stream->topic;
		json_utf8(w->out, topic, strlen(topic));
		return;
	}
	if (!w->hello_sent)
		send_hello(w);
	if (!w->begin_sent)
		send_begin(w);
	if (!stream->announced)
		send_stream(w, stream);
	frame_open(w, WIRE_RECORD);
	frame_put_u32(w, stream->id);
	frame_put_u8(w, (uint8) op);
	w->flags_at = w->out->len;
	w->hole = 0;
	frame_put_u8(w, route_flags(&w->route));
	frame_put_u64(w, lsn);
	frame_put_u64(w, w->txn->ordinal);
	frame_put_u8(w, part);
}

void
frame_key_begin(FrameWriter *w)
{
	if (!w->wire)
		json_lit(w->out, KEY_LABEL);
	w->key_at = w->out->len;
	frame_blob_begin(w, w->stream->key_head);
	w->row = w->out->len;
}

/* key.format=string: the JSON that was written from "start" becomes text. */
static void
json_to_text(FrameWriter *w, int start)
{
	StringInfoData text;

	initStringInfo(&text);
	connect_text(&text, w->out->data + start, NULL, CONNECT_TEXT_JAVA);
	w->out->len = start;
	if (w->wire)
		json_raw(w->out, text.data, text.len);
	else
		json_utf8(w->out, text.data, text.len);
	pfree(text.data);
}

/* "…" in base64 becomes what it stands for; a line keeps it */
static void
base64_to_bytes(FrameWriter *w, int start)
{
	int len = w->out->len - start - 2;
	char *bytes = palloc(Max(len, 1));
	int n = tc_b64_decode(w->out->data + start + 1, len, bytes, len);

	if (n < 0)
		elog(ERROR, "a payload in bytes is no base64");
	w->out->len = start;
	json_raw(w->out, bytes, n);
	pfree(bytes);
}

static void
finish_key(FrameWriter *w)
{
	if (w->text_keys)
		json_to_text(w, w->row);
	frame_blob_end(w, w->stream->key_tail);
	w->key_len = frame_blob_bytes(w, w->key_at, w->stream->key_around);
}

void
frame_key_end(FrameWriter *w)
{
	stream_rewrite_key(w->out, w->row, w->stream->shape);
	finish_key(w);
}

void
frame_key_null(FrameWriter *w)
{
	if (!w->wire)
		json_lit(w->out, KEY_LABEL);
	frame_blob_null(w);
}

void
frame_value_begin(FrameWriter *w)
{
	if (!w->wire)
		json_lit(w->out, ",\"value\":");
	w->value_at = w->out->len;
	frame_blob_begin(w, w->stream->value_head);
	w->row = w->out->len;
}

/* The key comes first, so both are written anew. */
static void
key_of_value(FrameWriter *w)
{
	StringInfo out = w->out;
	int len = out->len - w->row;
	char *value = pnstrdup(out->data + w->row, len);

	out->len = w->key_at - (w->wire ? 0 : (int) strlen(KEY_LABEL));
	frame_key_begin(w);
	json_raw(out, value, len);
	stream_value_to_key(out, w->row, w->stream->shape);
	finish_key(w);
	frame_value_begin(w);
	json_raw(out, value, len);
	pfree(value);
}

void
frame_value_end(FrameWriter *w)
{
	if (unlikely(w->stream->shape != NULL &&
				 stream_key_of_value(w->stream->shape)))
		key_of_value(w);
	if (w->stream->null_values)
	{
		w->out->len = w->value_at;
		w->value_at = 0;
		frame_blob_null(w);
		return;
	}
	stream_rewrite_value(w->out, w->row, w->stream->shape);
	if (w->text_values)
	{
		/* it does not stand there any more */
		w->hole = 0;
		json_to_text(w, w->row);
	}
	else if (w->stream->bytes_values && w->wire)
		base64_to_bytes(w, w->row);
	frame_blob_end(w, w->stream->value_tail);
	w->value_len = frame_blob_bytes(w, w->value_at, w->stream->value_around);
}

void
frame_value_null(FrameWriter *w)
{
	if (!w->wire)
		json_lit(w->out, ",\"value\":");
	frame_blob_null(w);
}

/* ---- signals --------------------------------------------------------------- */

/* a name cut to what a frame takes of it */
static const char *
signal_name(const char *s)
{
	int len = strlen(s);

	if (len <= WIRE_SIGNAL_NAME_BYTES)
		return s;
	return pnstrdup(s, frame_whole_characters(s, WIRE_SIGNAL_NAME_BYTES, len));
}

void
frame_signal(FrameWriter *w, XLogRecPtr lsn, const char *id, const char *type,
			 const char *data)
{
	int len = data != NULL ? strlen(data) : 0;

	id = signal_name(id);
	type = signal_name(type);
	if (len > WIRE_SIGNAL_DATA_BYTES)
		data = NULL;
	if (!w->wire)
	{
		frame_line_signal(w, id, type, data);
		return;
	}
	if (!w->hello_sent)
		send_hello(w);
	if (!w->begin_sent)
		send_begin(w);
	frame_open(w, WIRE_SIGNAL);
	frame_put_u64(w, lsn);
	frame_put_u64(w, w->txn->ordinal);
	frame_put_str(w, id);
	frame_put_str(w, type);
	frame_put_blob(w, data, len);
	frame_put_u32(w, (uint32) len);
	frame_close(w);
}

void
frame_mark_lost(FrameWriter *w)
{
	if (w->wire)
		w->out->data[w->flags_at] |= WIRE_REC_LOST;
}

void
frame_mark_unchanged(FrameWriter *w)
{
	if (w->wire)
		w->out->data[w->flags_at] |= WIRE_REC_UNCHANGED;
}

void
frame_record_end(FrameWriter *w, const RecordHeader *headers, int nheaders)
{
	bool hole;
	FrameOversize over;
	bool oversized = w->stopped || w->key_stopped ||
					 w->key_len > w->max_record ||
					 w->value_len > w->max_record - w->key_len;

	w->txn->records++;
	w->in_record = false;
	if (unlikely(oversized))
		frame_make_oversized(w, &over);
	if (!w->wire)
	{
		frame_line_end(w, headers, nheaders);
		return;
	}
	hole = unlikely(w->hole != 0) && frame_check_holes(w);
	put_headers(w, headers, nheaders);
	put_route(w);
	if (hole)
	{
		w->out->data[w->flags_at] |= WIRE_REC_HOLE;
		frame_put_u32(w, (uint32) (w->hole - w->blob - WIRE_LENGTH_BYTES));
	}
	if (unlikely(oversized))
		frame_put_oversize(w, &over);
	if (unlikely(w->marker != NULL))
		frame_put_holes(w, hole, headers, nheaders);
	frame_close(w);
	if (w->out->len >= WIRE_BATCH_BYTES)
		frame_flush(w);
}
