/*
 * frame_writer.c
 *		Records on their way out: frames of wire.h, or one JSON line each.
 */
#include "compat.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "mb/pg_wchar.h"
#include "utils/resowner.h"

#include "frame_writer.h"
#include "connecttext.h"
#include "json.h"
#include "shape.h"

#define KEEP_BYTES (1 << 20)
#define KEY_LABEL  ",\"key\":"

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
frame_watermark(FrameWriter *w, const char *content)
{
	if (!w->wire)
		return;
	if (!w->hello_sent)
		send_hello(w);
	if (!w->begin_sent)
		send_begin(w);
	frame_open(w, WIRE_WATERMARK);
	put_str(w, content);
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
	w->in_record = true;
	w->stopped = w->key_stopped = false;
	w->key_at = w->value_at = 0;
	w->key_len = w->value_len = 0;
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
	w->flags_at = w->out->len;
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

static void
blob_end(FrameWriter *w, const char *tail)
{
	if (w->wire)
		wire_put_u32((uint8 *) w->out->data + w->blob,
					 (uint32) (w->out->len - w->blob - 4));
	else
		json_str(w->out, tail);
}

/* of what was written from "at" on, as it is published */
static int
blob_bytes(const FrameWriter *w, int at, int around)
{
	if (!w->wire)
		return w->out->len - at;
	return w->out->len - at - WIRE_LENGTH_BYTES + around;
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
		json_lit(w->out, KEY_LABEL);
	w->key_at = w->out->len;
	blob_begin(w, w->stream->key_head);
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
	blob_end(w, w->stream->key_tail);
	w->key_len = blob_bytes(w, w->key_at, w->stream->key_around);
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
	blob_null(w);
}

void
frame_value_begin(FrameWriter *w)
{
	if (!w->wire)
		json_lit(w->out, ",\"value\":");
	w->value_at = w->out->len;
	blob_begin(w, w->stream->value_head);
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
		blob_null(w);
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
	blob_end(w, w->stream->value_tail);
	w->value_len = blob_bytes(w, w->value_at, w->stream->value_around);
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
	if (w->closed != NULL)
		json_raw(w->out, w->closed->data, w->closed->len);
	w->closed = NULL;
	json_char(w->out, '}');
	if (GetDatabaseEncoding() != PG_UTF8)
		line_to_server_encoding(w);
	flush(w);
}

/* n bytes at p, or less so that no character is broken */
static int
whole_characters(const char *p, int n, int len)
{
	if (n >= len)
		return len;
	while (n > 0 && (p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* ---- signals --------------------------------------------------------------- */

/* a name cut to what a frame takes of it */
static const char *
signal_name(const char *s)
{
	int len = strlen(s);

	if (len <= WIRE_SIGNAL_NAME_BYTES)
		return s;
	return pnstrdup(s, whole_characters(s, WIRE_SIGNAL_NAME_BYTES, len));
}

static void
line_signal(FrameWriter *w, const char *id, const char *type, const char *data)
{
	prepare(w);
	w->frame = w->out->len;
	json_lit(w->out, "{\"signal\":");
	json_utf8(w->out, type, strlen(type));
	json_lit(w->out, ",\"id\":");
	json_utf8(w->out, id, strlen(id));
	json_lit(w->out, ",\"data\":");
	if (data != NULL)
		json_utf8(w->out, data, strlen(data));
	else
		json_lit(w->out, "null");
	json_char(w->out, '}');
	if (GetDatabaseEncoding() != PG_UTF8)
		line_to_server_encoding(w);
	flush(w);
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
		line_signal(w, id, type, data);
		return;
	}
	if (!w->hello_sent)
		send_hello(w);
	if (!w->begin_sent)
		send_begin(w);
	frame_open(w, WIRE_SIGNAL);
	put_u64(w, lsn);
	put_u64(w, w->txn->ordinal);
	put_str(w, id);
	put_str(w, type);
	put_blob(w, data, len);
	put_u32(w, (uint32) len);
	frame_close(w);
}

/* ---- records beyond max_record ------------------------------------------- */

typedef struct FrameOversize
{
	uint8 bits;
	uint64 key_bytes;
	uint64 value_bytes;
	bool hashed;
	uint8 sha256[PG_SHA256_DIGEST_LENGTH];
} FrameOversize;

void
frame_value_restart(FrameWriter *w)
{
	w->out->len = w->value_at;
	w->hole = 0;
	blob_begin(w, w->stream->value_head);
	w->row = w->out->len;
}

bool
frame_value_fits(const FrameWriter *w)
{
	int around = w->wire ? w->stream->value_around : 0;

	return w->key_len <= w->max_record &&
		   blob_bytes(w, w->value_at, around) <= w->max_record - w->key_len;
}

void
frame_value_stopped(FrameWriter *w, uint64 least)
{
	w->stopped = true;
	w->value_len = blob_bytes(w, w->value_at, w->stream->value_around);
	w->least = Max(least, (uint64) w->value_len);
}

void
frame_key_stopped(FrameWriter *w)
{
	w->out->len = w->key_at;
	w->key_stopped = true;
	w->key_at = 0;
	blob_null(w);
}

void
frame_record_abandon(FrameWriter *w)
{
	if (w->in_record)
		w->out->len = w->frame;
	w->in_record = false;
	memset(&w->route, 0, sizeof(w->route));
}

/* Of a value as it is published.  Messages come outside of a transaction, where
 * nobody owns what OpenSSL allocates. */
static void
hash_value(const FrameWriter *w, const char *row, int len, uint8 *digest)
{
	const char *head = w->wire ? w->stream->value_head : "";
	const char *tail = w->wire ? w->stream->value_tail : "";
	ResourceOwner owner = CurrentResourceOwner;
	pg_cryptohash_ctx *ctx;

	if (owner == NULL)
		CurrentResourceOwner = ResourceOwnerCreate(NULL, "tuplecast hash");
	ctx = pg_cryptohash_create(PG_SHA256);
	if (ctx == NULL || pg_cryptohash_init(ctx) < 0 ||
		pg_cryptohash_update(ctx, (const uint8 *) head, strlen(head)) < 0 ||
		pg_cryptohash_update(ctx, (const uint8 *) row, len) < 0 ||
		pg_cryptohash_update(ctx, (const uint8 *) tail, strlen(tail)) < 0 ||
		pg_cryptohash_final(ctx, digest, PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute a hash");
	pg_cryptohash_free(ctx);
	if (owner == NULL)
	{
		ResourceOwner own = CurrentResourceOwner;

		CurrentResourceOwner = NULL;
		ResourceOwnerDelete(own);
	}
}

/* What a line tells; its value becomes null. */
static void
close_line(FrameWriter *w, const FrameOversize *over)
{
	if (w->value_at > 0)
	{
		w->out->len = w->value_at;
		json_lit(w->out, "null");
	}
	w->closed = makeStringInfo();
	json_lit(w->closed, ",\"oversize\":{\"key_bytes\":");
	json_uint64(w->closed, over->key_bytes);
	json_lit(w->closed, ",\"value_bytes\":");
	json_uint64(w->closed, over->value_bytes);
	json_str(w->closed, over->bits & WIRE_OVER_EXACT ? ",\"exact\":true"
													 : ",\"exact\":false");
	if (over->hashed)
	{
		json_lit(w->closed, ",\"sha256\":\"");
		json_hex(w->closed, over->sha256, sizeof(over->sha256));
		json_char(w->closed, '"');
	}
	json_char(w->closed, '}');
}

/* The key comes before the value in the buffer, so that is moved. */
static void
cut_key(FrameWriter *w)
{
	char *row = w->out->data + w->key_at + WIRE_LENGTH_BYTES;
	int len = (int) wire_load_u32((uint8 *) row - WIRE_LENGTH_BYTES);
	int keep = whole_characters(row, WIRE_OVER_VALUE_BYTES, len);

	memmove(row + keep, row + len, w->out->data + w->out->len - (row + len));
	w->out->len -= len - keep;
	w->value_at -= w->value_at > 0 ? len - keep : 0;
	wire_put_u32((uint8 *) row - WIRE_LENGTH_BYTES, (uint32) keep);
}

/* Of the record that was written only what tells of it stays. */
static void
make_oversized(FrameWriter *w, FrameOversize *over)
{
	memset(over, 0, sizeof(*over));
	w->hole = 0;
	over->key_bytes = w->key_len;
	over->value_bytes = w->stopped ? w->least : (uint64) w->value_len;
	over->bits = w->stopped ? 0 : WIRE_OVER_EXACT;
	if (w->key_stopped)
		over->bits |= WIRE_OVER_CUT_KEY;
	if (w->value_at > 0)
	{
		int at = w->value_at + (w->wire ? WIRE_LENGTH_BYTES : 0);
		char *row = w->out->data + at;
		int len = w->out->len - at;

		over->hashed = !w->stopped;
		if (over->hashed)
			hash_value(w, row, len, over->sha256);
		if (w->wire)
		{
			w->out->len =
				at + whole_characters(row, WIRE_OVER_VALUE_BYTES, len);
			wire_put_u32((uint8 *) w->out->data + w->value_at,
						 (uint32) (w->out->len - at));
		}
	}
	if (!w->wire)
	{
		close_line(w, over);
		return;
	}
	if (w->key_at > 0 && w->key_len > WIRE_OVER_KEY_BYTES)
	{
		cut_key(w);
		over->bits |= WIRE_OVER_CUT_KEY;
	}
	w->out->data[w->flags_at] |= WIRE_REC_OVERSIZE;
}

static void
put_oversize(FrameWriter *w, const FrameOversize *over)
{
	put_u8(w, over->bits);
	put_u64(w, over->key_bytes);
	put_u64(w, over->value_bytes);
	put_blob(w, over->hashed ? (const char *) over->sha256 : NULL,
			 sizeof(over->sha256));
}

void
frame_mark_hole(FrameWriter *w, StringInfo out, int at)
{
	if (!w->wire || w->marker == NULL || out != w->out)
		return;
	if (w->hole == 0)
		w->nholes = 0;
	else if (w->nholes < FRAME_MAX_HOLES)
		w->holes[w->nholes++] = w->hole;
	w->hole = at;
}

void
frame_move_hole(FrameWriter *w, StringInfo out, int by)
{
	if (w->hole != 0 && out == w->out)
		w->hole += by;
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

/* A transform may have done something to the value meanwhile. */
static bool
hole_is_good(const FrameWriter *w, int hole)
{
	int len;

	if (hole == 0)
		return false;
	len = strlen(w->marker);
	return hole > w->blob && hole + len < w->out->len &&
		   memcmp(w->out->data + hole, w->marker, len) == 0;
}

/* Those before the hole that are still good. */
static void
keep_good_holes(FrameWriter *w)
{
	int n = 0;

	for (int i = 0; i < w->nholes; i++)
		if (hole_is_good(w, w->holes[i]))
			w->holes[n++] = w->holes[i];
	w->nholes = n;
}

/* Holes of the value before its last, and in each header that has the marker. */
static void
put_holes(FrameWriter *w, bool hole, const RecordHeader *headers, int n)
{
	int values = hole ? w->nholes : 0;
	int count = values;

	for (int i = 0; i < n; i++)
		count += headers[i].marker > 0;
	if (count == 0)
		return;
	w->out->data[w->flags_at] |= WIRE_REC_HOLES;
	put_u16(w, (uint16) count);
	for (int i = 0; i < values; i++)
	{
		put_u16(w, WIRE_HOLE_VALUE);
		put_u32(w, (uint32) (w->holes[i] - w->blob - WIRE_LENGTH_BYTES));
	}
	for (int i = 0; i < n; i++)
	{
		if (headers[i].marker == 0)
			continue;
		put_u16(w, (uint16) i);
		put_u32(w, (uint32) headers[i].marker - 1);
	}
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
		make_oversized(w, &over);
	if (!w->wire)
	{
		line_end(w, headers, nheaders);
		return;
	}
	hole = hole_is_good(w, w->hole);
	if (unlikely(hole))
		keep_good_holes(w);
	put_headers(w, headers, nheaders);
	put_route(w);
	if (hole)
	{
		w->out->data[w->flags_at] |= WIRE_REC_HOLE;
		put_u32(w, (uint32) (w->hole - w->blob - WIRE_LENGTH_BYTES));
	}
	if (unlikely(oversized))
		put_oversize(w, &over);
	if (unlikely(w->marker != NULL))
		put_holes(w, hole, headers, nheaders);
	frame_close(w);
	if (w->out->len >= WIRE_BATCH_BYTES)
		flush(w);
}
