/*
 * frame_writer.c
 *		Records on their way out: frames of wire.h, or one JSON line each.
 */
#include "compat.h"

#include "mb/pg_wchar.h"

#include "frame_writer.h"
#include "json.h"
#include "keytext.h"

/* ---- packing ------------------------------------------------------------- */

static void
put_u8(FrameWriter *w, uint8 v)
{
	json_char(w->out, (char) v);
}

static void
put_u16(FrameWriter *w, uint16 v)
{
	wire_put_u16((uint8 *) json_reserve(w->out, 2), v);
	w->out->len += 2;
}

static void
put_u32(FrameWriter *w, uint32 v)
{
	wire_put_u32((uint8 *) json_reserve(w->out, 4), v);
	w->out->len += 4;
}

static void
put_u64(FrameWriter *w, uint64 v)
{
	wire_put_u64((uint8 *) json_reserve(w->out, 8), v);
	w->out->len += 8;
}

static void
put_str(FrameWriter *w, const char *s)
{
	size_t len = strlen(s);

	if (len > PG_UINT16_MAX)
		elog(ERROR, "a name of %zu bytes does not fit a frame", len);
	put_u16(w, (uint16) len);
	json_raw(w->out, s, (int) len);
}

static void
put_blob(FrameWriter *w, const char *s, int len)
{
	if (s == NULL)
	{
		put_u32(w, WIRE_NULL);
		return;
	}
	put_u32(w, (uint32) len);
	json_raw(w->out, s, len);
}

static void
put_headers(FrameWriter *w, const RecordHeader *headers, int n)
{
	put_u16(w, (uint16) n);
	for (int i = 0; i < n; i++)
	{
		put_str(w, headers[i].name ? headers[i].name : "");
		put_blob(w, headers[i].value, headers[i].len);
	}
}

/* ---- writes and frames --------------------------------------------------- */

static void
prepare(FrameWriter *w)
{
	if (!w->open && w->ctx != NULL)
	{
		OutputPluginPrepareWrite(w->ctx, true);
		w->out = w->ctx->out;
	}
	w->open = true;
}

static void
flush(FrameWriter *w)
{
	if (w->open && w->ctx != NULL)
		OutputPluginWrite(w->ctx, true);
	w->open = false;
}

static void
frame_open(FrameWriter *w, WireKind kind)
{
	prepare(w);
	w->frame = w->out->len;
	put_u32(w, 0);
	put_u8(w, (uint8) kind);
}

static void
frame_close(FrameWriter *w)
{
	wire_put_u32((uint8 *) w->out->data + w->frame,
				 (uint32) (w->out->len - w->frame - WIRE_LENGTH_BYTES));
}

void
frame_writer_init(FrameWriter *w, LogicalDecodingContext *ctx, StringInfo out,
				  bool wire, const char *format)
{
	memset(w, 0, sizeof(*w));
	w->ctx = ctx;
	w->out = out;
	w->wire = wire;
	w->format = format;
}

static void
send_hello(FrameWriter *w)
{
	frame_open(w, WIRE_HELLO);
	put_u16(w, WIRE_VERSION);
	put_str(w, TUPLECAST_VERSION);
	put_str(w, w->format);
	put_u32(w, TC_SERVER_VERSION);
	frame_close(w);
	w->hello_sent = true;
}

static void
send_begin(FrameWriter *w)
{
	frame_open(w, WIRE_BEGIN);
	put_u32(w, w->txn->xid);
	put_u64(w, w->txn->commit_lsn);
	put_u64(w, w->txn->end_lsn);
	put_u64(w, (uint64) w->txn->commit_time_us);
	put_str(w, w->txn->origin);
	frame_close(w);
	w->begin_sent = true;
}

static void
send_stream(FrameWriter *w, StreamInfo *s)
{
	frame_open(w, WIRE_STREAM);
	put_u32(w, s->id);
	put_u8(w, (uint8) s->kind);
	put_str(w, s->topic);
	put_str(w, s->schema);
	put_str(w, s->name);
	put_blob(w, s->key_head, strlen(s->key_head));
	put_blob(w, s->key_tail, strlen(s->key_tail));
	put_blob(w, s->value_head, strlen(s->value_head));
	put_blob(w, s->value_tail, strlen(s->value_tail));
	put_headers(w, s->headers, s->nheaders);
	put_u8(w, (w->text_keys ? WIRE_STREAM_TEXT_KEY : 0) |
				  (w->text_values ? WIRE_STREAM_TEXT_VALUE : 0) |
				  (s->bytes_values ? WIRE_STREAM_BYTES_VALUE : 0));
	frame_close(w);
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
		put_u64(w, w->txn->end_lsn);
		put_u64(w, w->txn->records);
		frame_close(w);
	}
	/*
	 * Nothing may be held back across commits: the server's next keepalive
	 * already promises these bytes, and there is no later hook to send them.
	 */
	if (w->wire)
		flush(w);
	w->begin_sent = false;
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
		put_str(w, w->route.topic);
	if (w->route.has_partition)
		put_u32(w, (uint32) w->route.partition);
	if (w->route.has_timestamp)
		put_u64(w, (uint64) w->route.timestamp_ms);
	memset(&w->route, 0, sizeof(w->route));
}

/* the same in a line */
static void
line_route(FrameWriter *w)
{
	if (w->route.has_partition)
	{
		json_lit(w->out, ",\"partition\":");
		json_int64(w->out, w->route.partition);
	}
	if (w->route.has_timestamp)
	{
		json_lit(w->out, ",\"timestamp\":");
		json_int64(w->out, w->route.timestamp_ms);
	}
	memset(&w->route, 0, sizeof(w->route));
}

void
frame_record_begin(FrameWriter *w, StreamInfo *stream, char op, XLogRecPtr lsn,
				   uint8 part)
{
	const char *topic;

	w->stream = stream;
	if (!w->wire)
	{
		prepare(w);
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
	put_u32(w, stream->id);
	put_u8(w, (uint8) op);
	w->flags = w->out->len;
	w->hole = 0;
	put_u8(w, route_flags(&w->route));
	put_u64(w, lsn);
	put_u64(w, w->txn->ordinal);
	put_u8(w, part);
}

static void
blob_begin(FrameWriter *w, const char *head)
{
	if (w->wire)
	{
		w->blob = w->out->len;
		put_u32(w, 0);
	}
	else
		json_str(w->out, head);
}

/* before the brace that closes it */
static void
add_extra(FrameWriter *w, const char *extra)
{
	if (extra == NULL)
		return;
	w->out->len--;
	json_str(w->out, extra);
	json_char(w->out, '}');
}

static void
blob_end(FrameWriter *w, const char *tail)
{
	if (w->wire)
		wire_put_u32((uint8 *) w->out->data + w->blob,
					 (uint32) (w->out->len - w->blob - 4));
	else
		json_str(w->out, tail);
}

static void
blob_null(FrameWriter *w)
{
	if (w->wire)
		put_u32(w, WIRE_NULL);
	else
		json_lit(w->out, "null");
}

void
frame_key_begin(FrameWriter *w)
{
	if (!w->wire)
		json_lit(w->out, ",\"key\":");
	blob_begin(w, w->stream->key_head);
	w->row = w->out->len;
}

/* key.format=string: the JSON that was written from "start" becomes text. */
static void
json_to_text(FrameWriter *w, int start)
{
	StringInfoData text;

	initStringInfo(&text);
	key_text_append(&text, w->out->data + start, w->out->len - start);
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

void
frame_key_end(FrameWriter *w)
{
	add_extra(w, w->stream->key_extra);
	if (w->text_keys)
		json_to_text(w, w->row);
	blob_end(w, w->stream->key_tail);
}

void
frame_key_null(FrameWriter *w)
{
	if (!w->wire)
		json_lit(w->out, ",\"key\":");
	blob_null(w);
}

void
frame_value_begin(FrameWriter *w)
{
	if (!w->wire)
		json_lit(w->out, ",\"value\":");
	w->value = w->out->len;
	blob_begin(w, w->stream->value_head);
	w->row = w->out->len;
}

void
frame_value_end(FrameWriter *w)
{
	if (w->stream->null_values)
	{
		w->out->len = w->value;
		blob_null(w);
		return;
	}
	add_extra(w, w->stream->value_extra);
	if (w->text_values)
		json_to_text(w, w->row);
	else if (w->stream->bytes_values && w->wire)
		base64_to_bytes(w, w->row);
	blob_end(w, w->stream->value_tail);
}

void
frame_value_null(FrameWriter *w)
{
	if (!w->wire)
		json_lit(w->out, ",\"value\":");
	blob_null(w);
}

/* A textual plugin answers in the database's encoding. */
static void
line_to_server_encoding(FrameWriter *w)
{
	const char *line = w->out->data + w->frame;
	int len = w->out->len - w->frame;
	const char *converted = json_from_utf8(line, &len);

	if (converted == line)
		return;
	w->out->len = w->frame;
	json_raw(w->out, converted, len);
}

static void
line_headers(FrameWriter *w, const RecordHeader *headers, int n, bool *any)
{
	for (int i = 0; i < n; i++)
	{
		if (headers[i].name == NULL)
		{
			line_headers(w, w->stream->headers, w->stream->nheaders, any);
			continue;
		}
		if (*any)
			json_char(w->out, ',');
		else
			json_lit(w->out, ",\"headers\":{");
		*any = true;
		json_utf8(w->out, headers[i].name, strlen(headers[i].name));
		json_char(w->out, ':');
		if (headers[i].value != NULL)
			json_utf8(w->out, headers[i].value, headers[i].len);
		else
			json_lit(w->out, "null");
	}
}

static void
line_end(FrameWriter *w, const RecordHeader *headers, int nheaders)
{
	bool any = false;
	bool placed = false;

	for (int i = 0; i < nheaders; i++)
		placed |= headers[i].name == NULL;
	if (!placed)
		line_headers(w, w->stream->headers, w->stream->nheaders, &any);
	line_headers(w, headers, nheaders, &any);
	if (any)
		json_char(w->out, '}');
	line_route(w);
	json_char(w->out, '}');
	if (GetDatabaseEncoding() != PG_UTF8)
		line_to_server_encoding(w);
	flush(w);
}

void
frame_mark_hole(FrameWriter *w, StringInfo out, int at)
{
	if (w->wire && w->marker != NULL && out == w->out)
		w->hole = at;
}

void
frame_move_hole(FrameWriter *w, StringInfo out, int by)
{
	if (w->hole != 0 && out == w->out)
		w->hole += by;
}

/* A transform may have done something to the value meanwhile. */
static bool
hole_is_good(const FrameWriter *w)
{
	int len;

	if (w->hole == 0)
		return false;
	len = strlen(w->marker);
	return w->hole > w->blob && w->hole + len < w->out->len &&
		   memcmp(w->out->data + w->hole, w->marker, len) == 0;
}

void
frame_record_end(FrameWriter *w, const RecordHeader *headers, int nheaders)
{
	bool hole;

	w->txn->records++;
	if (!w->wire)
	{
		line_end(w, headers, nheaders);
		return;
	}
	hole = hole_is_good(w);
	put_headers(w, headers, nheaders);
	put_route(w);
	if (hole)
	{
		w->out->data[w->flags] |= WIRE_REC_HOLE;
		put_u32(w, (uint32) (w->hole - w->blob - WIRE_LENGTH_BYTES));
	}
	frame_close(w);
	if (w->out->len >= WIRE_BATCH_BYTES)
		flush(w);
}
