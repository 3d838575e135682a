/*
 * frame_reader.h
 *		Bytes of one CopyData payload to frames: slices, no copies, every length
 *		checked.  See wire.h for the layout.
 */
#ifndef TUPLECAST_FRAME_READER_H
#define TUPLECAST_FRAME_READER_H

#include "err.h"
#include "wire.h"

/* headers of a record or stream, still packed; read with frame_next_header() */
typedef struct FrameHeaders
{
	uint16_t count;
	WireSlice packed;
} FrameHeaders;

typedef struct FrameHello
{
	uint16_t wire_version;
	WireSlice extension_version;
	WireSlice format;
	uint32_t server_version_num;
} FrameHello;

typedef struct FrameStream
{
	uint32_t id;
	uint8_t kind; /* WireStreamKind */
	WireSlice topic;
	WireSlice schema;
	WireSlice name;
	WireSlice key_head;
	WireSlice key_tail;
	WireSlice value_head;
	WireSlice value_tail;
	FrameHeaders headers;
	uint8_t flags; /* WIRE_STREAM_* */
} FrameStream;

typedef struct FrameBegin
{
	uint32_t xid;
	uint64_t commit_lsn;
	uint64_t end_lsn;
	int64_t commit_time_us; /* since 1970 */
	WireSlice origin;
} FrameBegin;

/* of a marker, still packed; read with frame_next_hole() */
typedef struct FrameHoles
{
	uint16_t count;
	WireSlice packed;
} FrameHoles;

/* of a record beyond record.max.bytes */
typedef struct FrameOversize
{
	uint8_t bits; /* WIRE_OVER_* */
	uint64_t key_bytes;
	uint64_t value_bytes;
	WireSlice sha256;
} FrameOversize;

typedef struct FrameRecord
{
	uint32_t stream;
	uint8_t op;	   /* WireOp */
	uint8_t flags; /* WIRE_REC_* */
	uint64_t lsn;
	uint64_t ordinal;
	uint8_t part;
	WireSlice key;	 /* data == NULL: null key */
	WireSlice value; /* data == NULL: tombstone */
	FrameHeaders headers;
	WireSlice topic;
	int32_t partition;
	int64_t timestamp_ms;
	uint32_t hole;
	FrameOversize oversize; /* only with WIRE_REC_OVERSIZE */
	FrameHoles holes;		/* others than hole; only with WIRE_REC_HOLES */
} FrameRecord;

/* a row of a table of signals */
typedef struct FrameSignal
{
	uint64_t lsn;
	uint64_t ordinal;
	WireSlice id;
	WireSlice type;
	WireSlice data;		 /* data == NULL: none, or too long */
	uint32_t data_bytes; /* as it was inserted */
} FrameSignal;

typedef struct FrameCommit
{
	uint64_t end_lsn;
	uint64_t records;
} FrameCommit;

/* not to be trusted: anybody may write one */
typedef struct FrameWatermark
{
	WireSlice content;
} FrameWatermark;

typedef struct Frame
{
	uint8_t kind; /* WireKind */
	union
	{
		FrameHello hello;
		FrameStream stream;
		FrameBegin begin;
		FrameRecord record;
		FrameCommit commit;
		FrameSignal signal;
		FrameWatermark watermark;
	};
} Frame;

typedef struct FrameReader
{
	const uint8_t *p;
	const uint8_t *end;
} FrameReader;

typedef enum FrameResult
{
	FRAME_OK,
	FRAME_END,	  /* payload exhausted, at a frame's boundary */
	FRAME_CORRUPT /* err says where */
} FrameResult;

/* The slices of a frame point into payload and live as long as it does. */
extern void frame_reader_init(FrameReader *r, const void *payload, size_t len);
extern FrameResult frame_reader_next(FrameReader *r, Frame *out,
									 Error *err) MUST_CHECK;
/* Kind of the frame that comes next, 0: none. */
extern uint8_t frame_reader_peek(const FrameReader *r);
/* Takes the next header off h; false when there is none left. */
extern bool frame_next_header(FrameHeaders *h, WireSlice *name,
							  WireSlice *value);
/* Takes the next hole off h: in which header (or WIRE_HOLE_VALUE), and where in
 * its value.  false when there is none left. */
extern bool frame_next_hole(FrameHoles *h, uint16_t *header, uint32_t *offset);

#endif /* TUPLECAST_FRAME_READER_H */
