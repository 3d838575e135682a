/*
 * frame_internal.h
 *		What the frame_*.c files share.  Nobody else includes it.
 */
#ifndef TUPLECAST_FRAME_INTERNAL_H
#define TUPLECAST_FRAME_INTERNAL_H

#include "frame_writer.h"

#include "common/sha2.h"

#include "json.h"

/* ---- packing ------------------------------------------------------------- */

static inline void
frame_put_u8(FrameWriter *w, uint8 v)
{
	json_char(w->out, (char) v);
}

static inline void
frame_put_u16(FrameWriter *w, uint16 v)
{
	wire_put_u16((uint8 *) json_reserve(w->out, 2), v);
	w->out->len += 2;
}

static inline void
frame_put_u32(FrameWriter *w, uint32 v)
{
	wire_put_u32((uint8 *) json_reserve(w->out, 4), v);
	w->out->len += 4;
}

static inline void
frame_put_u64(FrameWriter *w, uint64 v)
{
	wire_put_u64((uint8 *) json_reserve(w->out, 8), v);
	w->out->len += 8;
}

static inline void
frame_put_str(FrameWriter *w, const char *s)
{
	size_t len = strlen(s);

	if (len > PG_UINT16_MAX)
		elog(ERROR, "a name of %zu bytes does not fit a frame", len);
	frame_put_u16(w, (uint16) len);
	json_raw(w->out, s, (int) len);
}

static inline void
frame_put_blob(FrameWriter *w, const char *s, int len)
{
	if (s == NULL)
	{
		frame_put_u32(w, WIRE_NULL);
		return;
	}
	frame_put_u32(w, (uint32) len);
	json_raw(w->out, s, len);
}

/* ---- keys and values ------------------------------------------------------ */

static inline void
frame_blob_begin(FrameWriter *w, const char *head)
{
	if (w->wire)
	{
		w->blob = w->out->len;
		frame_put_u32(w, 0);
	}
	else
		json_str(w->out, head);
}

static inline void
frame_blob_end(FrameWriter *w, const char *tail)
{
	if (w->wire)
		wire_put_u32((uint8 *) w->out->data + w->blob,
					 (uint32) (w->out->len - w->blob - 4));
	else
		json_str(w->out, tail);
}

/* of what was written from "at" on, as it is published */
static inline int
frame_blob_bytes(const FrameWriter *w, int at, int around)
{
	if (!w->wire)
		return w->out->len - at;
	return w->out->len - at - WIRE_LENGTH_BYTES + around;
}

static inline void
frame_blob_null(FrameWriter *w)
{
	if (w->wire)
		frame_put_u32(w, WIRE_NULL);
	else
		json_lit(w->out, "null");
}

/* n bytes at p, or less so that no character is broken */
static inline int
frame_whole_characters(const char *p, int n, int len)
{
	if (n >= len)
		return len;
	while (n > 0 && (p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* ---- frame_writer.c ---- */
/* Before the first byte of a write; and what is there goes out. */
extern void frame_prepare(FrameWriter *w);
extern void frame_flush(FrameWriter *w);

/* ---- frame_line.c ---- */
/* All that comes behind the value; the line goes out. */
extern void frame_line_end(FrameWriter *w, const RecordHeader *headers,
						   int nheaders);
extern void frame_line_signal(FrameWriter *w, const char *id, const char *type,
							  const char *data);

/* ---- frame_oversize.c ---- */
typedef struct FrameOversize
{
	uint8 bits;
	uint64 key_bytes;
	uint64 value_bytes;
	bool hashed;
	uint8 sha256[PG_SHA256_DIGEST_LENGTH];
} FrameOversize;

/* Of the record that was written only what tells of it stays. */
extern void frame_make_oversized(FrameWriter *w, FrameOversize *over);
extern void frame_put_oversize(FrameWriter *w, const FrameOversize *over);

/* ---- frame_hole.c ---- */
/* Does the marker still stand in w->hole?  Those before it where it does not are
 * forgotten. */
extern bool frame_check_holes(FrameWriter *w);
/* Holes of the value before its last, and in each header that has the marker. */
extern void frame_put_holes(FrameWriter *w, bool hole,
							const RecordHeader *headers, int n);

#endif /* TUPLECAST_FRAME_INTERNAL_H */
