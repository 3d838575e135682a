/*
 * frame_oversize.c
 *		Records beyond max_record: what is told of them in their place.
 */
#include "compat.h"

#include "common/cryptohash.h"
#include "utils/resowner.h"

#include "frame_internal.h"

void
frame_value_restart(FrameWriter *w)
{
	w->out->len = w->value_at;
	w->hole = 0;
	frame_blob_begin(w, w->stream->value_head);
	w->row = w->out->len;
}

bool
frame_value_fits(const FrameWriter *w)
{
	int around = w->wire ? w->stream->value_around : 0;

	return w->key_len <= w->max_record &&
		   frame_blob_bytes(w, w->value_at, around) <=
			   w->max_record - w->key_len;
}

void
frame_value_stopped(FrameWriter *w, uint64 least)
{
	w->stopped = true;
	w->value_len = frame_blob_bytes(w, w->value_at, w->stream->value_around);
	w->least = Max(least, (uint64) w->value_len);
}

void
frame_key_stopped(FrameWriter *w)
{
	w->out->len = w->key_at;
	w->key_stopped = true;
	w->key_at = 0;
	frame_blob_null(w);
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
	int keep = frame_whole_characters(row, WIRE_OVER_VALUE_BYTES, len);

	memmove(row + keep, row + len, w->out->data + w->out->len - (row + len));
	w->out->len -= len - keep;
	w->value_at -= w->value_at > 0 ? len - keep : 0;
	wire_put_u32((uint8 *) row - WIRE_LENGTH_BYTES, (uint32) keep);
}

void
frame_make_oversized(FrameWriter *w, FrameOversize *over)
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
				at + frame_whole_characters(row, WIRE_OVER_VALUE_BYTES, len);
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

void
frame_put_oversize(FrameWriter *w, const FrameOversize *over)
{
	frame_put_u8(w, over->bits);
	frame_put_u64(w, over->key_bytes);
	frame_put_u64(w, over->value_bytes);
	frame_put_blob(w, over->hashed ? (const char *) over->sha256 : NULL,
				   sizeof(over->sha256));
}
