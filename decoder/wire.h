/*
 * wire.h
 *		The contract between the decoder (inside Postgres) and the shipper.
 *
 * This header is the only file both halves include.  It is plain C99 and
 * needs only the standard headers, so it compiles into a backend and into a
 * libpq program alike.  Nothing else in the project knows a byte offset.
 *
 * One CopyData payload carries any number of whole frames; a frame never
 * spans two payloads.  All integers are big-endian.
 *
 *	frame	u32 length of what follows, u8 kind, body
 *	str		u16 length, bytes (UTF-8, not terminated)
 *	blob	u32 length, bytes; WIRE_NULL as the length means NULL, no bytes
 *	headers	u16 count, count × { str name, blob value }
 *
 *	'H' hello	u16 wire version, str extension version, str format,
 *				u32 server_version_num
 *				First frame of a session.
 *	'S' stream	u32 id, u8 kind (WireStreamKind), str topic, str schema,
 *				str name, blob key head, blob key tail, blob value head,
 *				blob value tail, headers, u8 flags (WIRE_STREAM_TEXT_*;
 *				a frame that ends before has none)
 *				Anything that has a topic.  Sent before its first record, and
 *				again, with the same id, after each change of it.
 *	'B' begin	u32 xid, u64 commit LSN (start of the commit record),
 *				u64 end LSN (its end: the identity of the transaction),
 *				i64 commit time (µs since 1970-01-01 UTC), str origin
 *				Sent lazily: a transaction without records costs nothing.
 *	'R' record	u32 stream id, u8 op (WireOp), u8 flags (WIRE_REC_*), u64 LSN,
 *				u64 ordinal, u8 part, blob key, blob value, headers, then,
 *				each only if its flag is set: str topic, i32 partition,
 *				i64 timestamp (ms), u32 hole offset in the value: there stands
 *				"true", the marker of a snapshot's row, for which the shipper
 *				may write another; oversize; more holes
 *				The bytes of a key (value) are head + row + tail; of a NULL
 *				key or value there is no head and no tail either.
 *	oversize	u8 bits (WIRE_OVER_*), u64 bytes of the key, u64 bytes of the
 *				value, blob SHA-256 of the value or NULL
 *				The record is beyond record.max.bytes, and no record to be
 *				published: its value holds only the first bytes of the row, and
 *				its key may be cut, too.  Lengths and hash are of the whole key
 *				and value with head and tail; those of a value that was not
 *				built to its end are a lower bound, and there is no hash.
 *	more holes	u16 count, count × { u16 number of a header of the record's
 *				own, from 0, or WIRE_HOLE_VALUE, u32 offset in its value, or
 *				the record's }: there the marker stands, too.  First those of
 *				the record's value, all before its hole and in their order;
 *				then, in the order of the headers, one in each.
 *	'G' signal	u64 LSN, u64 ordinal, str id, str type, blob data, u32 bytes
 *				of the data
 *				A row of a table of signals, of which a record may or may not
 *				be published besides.  It belongs to the transaction, whose
 *				count of records does not hold it.  Of id and type
 *				WIRE_SIGNAL_NAME_BYTES are sent at most; data that is longer
 *				than WIRE_SIGNAL_DATA_BYTES is NULL, and only its length told.
 *	'C' commit	u64 end LSN, u64 records in this transaction
 *	'W' watermark	str content
 *				A message with the prefix WIRE_WATERMARK_PREFIX, whatever
 *				messages are published; between begin and commit, and no record.
 *				Anybody may write such a message.
 *
 * A header without a name (and without a value) in a record stands for the
 * headers of its stream; where there is none, those come first.
 *
 * A record is identified by (end LSN of its transaction, ordinal, part).  The
 * ordinal counts the changes of the transaction before any filter, from 1; the
 * part counts the records of one change from 0.  In a snapshot
 * the ordinal is the row's place, block << 16 | item; of a query's rows, a
 * count.  A non-transactional message
 * comes as a transaction of its own: begin with xid 0, record (0, 0), commit.
 *
 * A new field goes at the end of a frame: readers ignore bytes they do not
 * know.  Any other change raises WIRE_VERSION.
 */
#ifndef TUPLECAST_WIRE_H
#define TUPLECAST_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WIRE_VERSION 1
/* bytes gathered before a write; a commit always writes */
#define WIRE_BATCH_BYTES 65536
/* no frame can be longer: a server's message is limited to 1 GB */
#define WIRE_MAX_FRAME	  0x3fffffffu
#define WIRE_NULL		  0xffffffffu
#define WIRE_LENGTH_BYTES 4

typedef enum WireKind
{
	WIRE_HELLO = 'H',
	WIRE_STREAM = 'S',
	WIRE_BEGIN = 'B',
	WIRE_RECORD = 'R',
	WIRE_SIGNAL = 'G',
	WIRE_COMMIT = 'C',
	WIRE_WATERMARK = 'W'
} WireKind;

typedef enum WireStreamKind
{
	WIRE_STREAM_TABLE = 't',
	WIRE_STREAM_MESSAGE = 'm',
	WIRE_STREAM_TRANSACTION = 'x'
} WireStreamKind;

/* Debezium's letters; the tombstone is a record of its own */
typedef enum WireOp
{
	WIRE_OP_CREATE = 'c',
	WIRE_OP_UPDATE = 'u',
	WIRE_OP_DELETE = 'd',
	WIRE_OP_READ = 'r',
	WIRE_OP_TRUNCATE = 't',
	WIRE_OP_MESSAGE = 'm',
	WIRE_OP_TOMBSTONE = 'x'
} WireOp;

/* keys, values are text, not JSON; values are any bytes */
#define WIRE_STREAM_TEXT_KEY	0x01
#define WIRE_STREAM_TEXT_VALUE	0x02
#define WIRE_STREAM_BYTES_VALUE 0x04

#define WIRE_REC_TOPIC	   0x01
#define WIRE_REC_PARTITION 0x02
#define WIRE_REC_TIMESTAMP 0x04
#define WIRE_REC_HOLE	   0x08
#define WIRE_REC_OVERSIZE  0x10
/* a value is null because the WAL does not hold it */
#define WIRE_REC_LOST 0x20
/* a value was left out of line and unchanged: the WAL does not hold it, and the
 * record has its placeholder, or null */
#define WIRE_REC_UNCHANGED 0x40
/* the marker of a snapshot's row stands in other places, too */
#define WIRE_REC_HOLES 0x80

#define WIRE_HOLE_VALUE 0xffffu

#define WIRE_OVER_EXACT	  0x01 /* the value's length is exact */
#define WIRE_OVER_CUT_KEY 0x02 /* the key is cut */

/* what is kept of an oversized value, and of a key that is longer than that */
#define WIRE_OVER_VALUE_BYTES 4096
#define WIRE_OVER_KEY_BYTES	  65536

/* what a signal's frame takes of id and type, and of data */
#define WIRE_SIGNAL_NAME_BYTES 255
#define WIRE_SIGNAL_DATA_BYTES 65536

/* logical messages of the shipper's own; longer ones are ignored */
#define WIRE_WATERMARK_PREFIX "tuplecast.hw"
#define WIRE_WATERMARK_BYTES  256

/* ---- packing: each put has its get below -------------------------------- */

static inline void
wire_put_u8(uint8_t *p, uint8_t v)
{
	p[0] = v;
}

static inline void
wire_put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t) (v >> 8);
	p[1] = (uint8_t) v;
}

static inline void
wire_put_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t) (v >> 24);
	p[1] = (uint8_t) (v >> 16);
	p[2] = (uint8_t) (v >> 8);
	p[3] = (uint8_t) v;
}

static inline void
wire_put_u64(uint8_t *p, uint64_t v)
{
	wire_put_u32(p, (uint32_t) (v >> 32));
	wire_put_u32(p + 4, (uint32_t) v);
}

static inline uint16_t
wire_load_u16(const uint8_t *p)
{
	return (uint16_t) ((p[0] << 8) | p[1]);
}

static inline uint32_t
wire_load_u32(const uint8_t *p)
{
	return ((uint32_t) p[0] << 24) | ((uint32_t) p[1] << 16) |
		   ((uint32_t) p[2] << 8) | (uint32_t) p[3];
}

static inline uint64_t
wire_load_u64(const uint8_t *p)
{
	return ((uint64_t) wire_load_u32(p) << 32) | wire_load_u32(p + 4);
}

/*
 * A bounds-checked cursor.  A read past the end yields zeros and NULLs and
 * sets "bad" for good, so a reader checks once, at the end.
 */
typedef struct WireCursor
{
	const uint8_t *p;
	const uint8_t *end;
	bool bad;
} WireCursor;

/* Borrowed bytes; "data" is NULL only for a NULL blob. */
typedef struct WireSlice
{
	const uint8_t *data;
	uint32_t len;
} WireSlice;

static inline const uint8_t *
wire_take(WireCursor *c, size_t n)
{
	const uint8_t *p = c->p;

	if (c->bad || (size_t) (c->end - c->p) < n)
	{
		c->bad = true;
		return NULL;
	}
	c->p += n;
	return p;
}

static inline uint8_t
wire_get_u8(WireCursor *c)
{
	const uint8_t *p = wire_take(c, 1);

	return p ? p[0] : 0;
}

static inline uint16_t
wire_get_u16(WireCursor *c)
{
	const uint8_t *p = wire_take(c, 2);

	return p ? wire_load_u16(p) : 0;
}

static inline uint32_t
wire_get_u32(WireCursor *c)
{
	const uint8_t *p = wire_take(c, 4);

	return p ? wire_load_u32(p) : 0;
}

static inline uint64_t
wire_get_u64(WireCursor *c)
{
	const uint8_t *p = wire_take(c, 8);

	return p ? wire_load_u64(p) : 0;
}

static inline WireSlice
wire_get_str(WireCursor *c)
{
	WireSlice s;

	s.len = wire_get_u16(c);
	s.data = wire_take(c, s.len);
	if (s.data == NULL)
		s.len = 0;
	return s;
}

static inline WireSlice
wire_get_blob(WireCursor *c)
{
	WireSlice s;
	uint32_t len = wire_get_u32(c);

	s.data = NULL;
	s.len = 0;
	if (len == WIRE_NULL)
		return s;
	s.data = wire_take(c, len);
	if (s.data != NULL)
		s.len = len;
	return s;
}

#endif /* TUPLECAST_WIRE_H */
