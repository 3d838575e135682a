/*
 * own_record.h
 *		Records of the shipper's own: heartbeats, notifications, names of tables.
 *
 * They go through the sink like any other, but under a ticket of their own, so
 * that no position waits for them.
 */
#ifndef TUPLECAST_OWN_RECORD_H
#define TUPLECAST_OWN_RECORD_H

#include "sink.h"

/* none that the core gives out */
#define OWN_TICKET UINT64_MAX

typedef struct OwnTopic
{
	const char *topic;
	const char *name;		/* of the stream, for messages */
	const char *key_head;	/* with the schema; NULL: without */
	const char *value_head; /* the same */
} OwnTopic;

typedef struct OwnRecord
{
	const char *key;
	const char *value; /* NULL: none */
	uint8_t flags;
	uint64_t lsn; /* this and the time are for headers */
	int64_t wall_us;
} OwnRecord;

/* The sink's own, until it is closed; NULL: err. */
extern SinkStream *own_stream(const SinkOps *ops, Sink *sink, const OwnTopic *t,
							  Error *err) MUST_CHECK;
/* As the sink's put(). */
extern SinkResult own_put(const SinkOps *ops, Sink *sink, SinkStream *stream,
						  const OwnRecord *r, Error *err) MUST_CHECK;

#endif /* TUPLECAST_OWN_RECORD_H */
