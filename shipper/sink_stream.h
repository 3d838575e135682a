/*
 * sink_stream.h
 *		What the sinks share: a stream as it was announced, a record's headers,
 *		a growing buffer.
 */
#ifndef TUPLECAST_SINK_STREAM_H
#define TUPLECAST_SINK_STREAM_H

#include "sink.h"

/* A growing buffer; running out of memory ends the process. */
typedef struct SinkBuf
{
	char *data;
	size_t len;
	size_t size;
} SinkBuf;

extern void *sink_alloc(size_t size); /* never NULL */
extern char *sink_strndup(const void *s, size_t len);
extern void sink_buf_reserve(SinkBuf *b, size_t more);
extern void sink_buf_add(SinkBuf *b, const void *p, size_t n);
extern void sink_buf_free(SinkBuf *b);
/* A JSON string of UTF-8. */
extern void sink_buf_add_string(SinkBuf *b, const void *data, size_t len);

/* An announced stream, copied: the slices point into memory of its own. */
typedef struct StreamCopy
{
	char *topic;
	char *table; /* "schema.name", or what a message stream calls itself */
	WireSlice key_head;
	WireSlice key_tail;
	WireSlice value_head;
	WireSlice value_tail;
	FrameHeaders headers;
	bool text_key; /* not JSON */
	bool text_value;
	bool bytes_value;
	uint8_t *memory;
} StreamCopy;

extern void stream_copy_init(StreamCopy *c, const FrameStream *f);
extern void stream_copy_free(StreamCopy *c);

static inline const StreamCopy *
sink_stream_copy(const SinkStream *st)
{
	return (const StreamCopy *) st;
}

/*
 * All headers of a record in their order: the stream's, or where a nameless
 * one of the record's stands for them, the record's, and with "identity" __lsn, __ordinal, __part, __ts_us as decimal text.
 */
typedef struct SinkHeaders
{
	FrameHeaders lists[3];
	const SinkRecord *record;
	int identity; /* next of the four; 4: none left */
	char text[24];
} SinkHeaders;

extern void sink_headers_start(SinkHeaders *h, const StreamCopy *c,
							   const SinkRecord *r, bool identity);
/* false: no more.  The slices live until the next call. */
extern bool sink_headers_next(SinkHeaders *h, WireSlice *name,
							  WireSlice *value);

/*
 * One line of JSON with a newline: topic, key, value, and what else the record
 * has.  Keys and values are JSON as they come; header values become strings.
 */
extern void sink_line_add(SinkBuf *b, const StreamCopy *c, const SinkRecord *r,
						  bool identity);

#endif /* TUPLECAST_SINK_STREAM_H */
