/*
 * frames.h
 *		Packs frames for the tests, with the put inlines of wire.h.
 */
#ifndef TUPLECAST_TEST_FRAMES_H
#define TUPLECAST_TEST_FRAMES_H

#include <assert.h>

#include "frame_reader.h"

typedef struct Bytes
{
	uint8_t data[4096];
	size_t len;
	size_t frame; /* start of the frame being packed */
} Bytes;

static inline uint8_t *
bytes_room(Bytes *b, size_t n)
{
	uint8_t *p = b->data + b->len;

	assert(b->len + n <= sizeof(b->data));
	b->len += n;
	return p;
}

static inline void
bytes_u8(Bytes *b, uint8_t v)
{
	wire_put_u8(bytes_room(b, 1), v);
}

static inline void
bytes_u16(Bytes *b, uint16_t v)
{
	wire_put_u16(bytes_room(b, 2), v);
}

static inline void
bytes_u32(Bytes *b, uint32_t v)
{
	wire_put_u32(bytes_room(b, 4), v);
}

static inline void
bytes_u64(Bytes *b, uint64_t v)
{
	wire_put_u64(bytes_room(b, 8), v);
}

static inline void
bytes_str(Bytes *b, const char *s)
{
	size_t n = strlen(s);

	bytes_u16(b, (uint16_t) n);
	memcpy(bytes_room(b, n), s, n);
}

static inline void
bytes_blob(Bytes *b, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	bytes_u32(b, s ? (uint32_t) n : WIRE_NULL);
	if (n > 0)
		memcpy(bytes_room(b, n), s, n);
}

static inline void
frame_open(Bytes *b, WireKind kind)
{
	b->frame = b->len;
	bytes_u32(b, 0);
	bytes_u8(b, (uint8_t) kind);
}

static inline void
frame_close(Bytes *b)
{
	wire_put_u32(b->data + b->frame,
				 (uint32_t) (b->len - b->frame - WIRE_LENGTH_BYTES));
}

static inline void
put_hello(Bytes *b, uint16_t version)
{
	frame_open(b, WIRE_HELLO);
	bytes_u16(b, version);
	bytes_str(b, "0.1.0");
	bytes_str(b, "flat");
	bytes_u32(b, 150020);
	frame_close(b);
}

static inline void
put_stream(Bytes *b, uint32_t id, const char *topic)
{
	frame_open(b, WIRE_STREAM);
	bytes_u32(b, id);
	bytes_u8(b, WIRE_STREAM_TABLE);
	bytes_str(b, topic);
	bytes_str(b, "public");
	bytes_str(b, "users");
	for (int i = 0; i < 4; i++)
		bytes_blob(b, "");
	bytes_u16(b, 0);
	frame_close(b);
}

static inline void
put_begin(Bytes *b, uint64_t end_lsn)
{
	frame_open(b, WIRE_BEGIN);
	bytes_u32(b, 700);
	bytes_u64(b, end_lsn - 0x30);
	bytes_u64(b, end_lsn);
	bytes_u64(b, 1748096784907638);
	bytes_str(b, "");
	frame_close(b);
}

static inline void
put_record(Bytes *b, uint32_t stream, uint64_t ordinal, uint8_t part)
{
	frame_open(b, WIRE_RECORD);
	bytes_u32(b, stream);
	bytes_u8(b, WIRE_OP_CREATE);
	bytes_u8(b, 0);
	bytes_u64(b, 0x1000);
	bytes_u64(b, ordinal);
	bytes_u8(b, part);
	bytes_blob(b, "{\"id\":6}");
	bytes_blob(b, "{\"id\":6,\"__deleted\":\"false\"}");
	bytes_u16(b, 0);
	frame_close(b);
}

static inline void
put_signal(Bytes *b, uint64_t ordinal, const char *id, const char *type,
		   const char *data)
{
	frame_open(b, WIRE_SIGNAL);
	bytes_u64(b, 0x1000);
	bytes_u64(b, ordinal);
	bytes_str(b, id);
	bytes_str(b, type);
	bytes_blob(b, data);
	bytes_u32(b, data ? (uint32_t) strlen(data) : 0);
	frame_close(b);
}

static inline void
put_commit(Bytes *b, uint64_t end_lsn, uint64_t records)
{
	frame_open(b, WIRE_COMMIT);
	bytes_u64(b, end_lsn);
	bytes_u64(b, records);
	frame_close(b);
}

#endif /* TUPLECAST_TEST_FRAMES_H */
