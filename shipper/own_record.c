/*
 * own_record.c
 *		Records of the shipper's own: heartbeats, notifications, names of tables.
 */
#include "own_record.h"

#include <string.h>

#include "wire.h"


static WireSlice
slice(const char *s)
{
	return (WireSlice){(const uint8_t *) s, s ? (uint32_t) strlen(s) : 0};
}

SinkStream *
own_stream(const SinkOps *ops, Sink *sink, const OwnTopic *t, Error *err)
{
	FrameStream f = {
		.kind = WIRE_STREAM_MESSAGE,
		.topic = slice(t->topic),
		.schema = slice(""),
		.name = slice(t->name),
		.key_head = slice(t->key_head ? t->key_head : ""),
		.key_tail = slice(t->key_head ? "}" : ""),
		.value_head = slice(t->value_head ? t->value_head : ""),
		.value_tail = slice(t->value_head ? "}" : ""),
	};

	return ops->stream(sink, NULL, &f, err);
}

SinkResult
own_put(const SinkOps *ops, Sink *sink, SinkStream *stream, const OwnRecord *r,
		Error *err)
{
	FrameRecord frame = {.op = WIRE_OP_MESSAGE,
						 .flags = r->flags,
						 .lsn = r->lsn,
						 .key = slice(r->key),
						 .value = slice(r->value)};
	SinkRecord record = {.stream = stream,
						 .frame = &frame,
						 .end_lsn = r->lsn,
						 .commit_time_us = r->wall_us,
						 .ticket = OWN_TICKET};

	return ops->put(sink, &record, err);
}
