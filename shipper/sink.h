/*
 * sink.h
 *		Where records go.  A sink is one file and one row in sink.c.
 *
 * Contract: everything is called on the main thread and nothing blocks.  For
 * every SINK_OK of put() exactly one of acked/failed follows, from service(),
 * in any order.  An ack means: as durable as the sink can make it.
 */
#ifndef TUPLECAST_SINK_H
#define TUPLECAST_SINK_H

#include "config.h"
#include "err.h"
#include "frame_reader.h"

typedef struct Sink Sink;
/* the sink's own; one a wire stream.  Its first member is a StreamCopy. */
typedef struct SinkStream SinkStream;

typedef struct SinkRecord
{
	SinkStream *stream;
	const FrameRecord *frame; /* borrowed for the call */
	/* identity, for the headers of headers.identity */
	uint64_t end_lsn;
	int64_t commit_time_us;
	uint64_t ticket; /* handed back by acked/failed */
} SinkRecord;

typedef enum SinkResult
{
	SINK_OK,
	SINK_FULL,	  /* nothing was kept: offer it again after service() */
	SINK_PENDING, /* the stream is being made ready; as SINK_FULL */
	SINK_ERROR,	  /* nothing was kept; err says why */
	SINK_REFUSED  /* the same, and the record itself is the reason */
} SinkResult;

/* of positions; none that the core gives out */
#define SINK_POSITION_TICKET (UINT64_MAX - 1)

/* What recover() found. */
typedef struct SinkRecovered
{
	const void *position; /* as it was put, borrowed; NULL: there is none */
	size_t len;
	bool used;		   /* there is, or was, something where positions go */
	const char *where; /* that is, for messages */
	/* which tables were captured, if snapshot.new.tables asks for it: borrowed,
	 * NULL: not known */
	const void *tables;
	size_t tables_len;
} SinkRecovered;

typedef struct SinkEvents
{
	void *arg;
	void (*acked)(void *arg, uint64_t ticket);
	void (*failed)(void *arg, uint64_t ticket, const Error *why);
	/* of sinks that keep a position */
	void (*recovered)(void *arg, const SinkRecovered *r);
	void (*committed)(void *arg);
} SinkEvents;

typedef struct SinkGauges
{
	uint64_t queued_records; /* put but not acked */
	uint64_t queued_bytes;
	bool connected;			   /* the last thing heard was no failure */
	uint64_t transport_errors; /* connections lost or refused, so far */
	char last_error[256];
} SinkGauges;

typedef struct SinkOps
{
	const char *name;
	/* never waits for the destination: a broker that is away is no error */
	Sink *(*open)(const Config *cfg, SinkEvents events, Error *err);
	/* The stream as announced; called again, with the old handle, when it has
	 * changed.  Copies what it keeps.  NULL: err. */
	SinkStream *(*stream)(Sink *s, SinkStream *old, const FrameStream *f,
						  Error *err);
	SinkResult (*put)(Sink *s, const SinkRecord *r, Error *err);
	/* NULL, or: no more comes for now, what was put need not wait for it */
	void (*idle)(Sink *s);
	/* readable when service() has work; -1: no such descriptor */
	int (*fd)(Sink *s);
	/* Reports acks and failures.  false: the sink is broken, make a new one
	 * (ERR_RETRY) or stop. */
	bool (*service)(Sink *s, Error *err);
	void (*gauges)(Sink *s, SinkGauges *out);
	/*
	 * NULL: the sink keeps no position.  Fences whoever held it before
	 * (exactly-once) and reads the last position; events.recovered() follows, or
	 * service() fails.  expected: there is one, so that "none" is not believed
	 * before it was heard for some seconds.
	 */
	void (*recover)(Sink *s, bool expected);
	/* The same as a record, under SINK_POSITION_TICKET; after recovered(). */
	SinkResult (*put_position)(Sink *s, const void *position, size_t len,
							   Error *err);
	/* exactly-once: makes all that was put since the last commit visible at
	 * once; all of it is acknowledged.  events.committed() follows, or service()
	 * fails, and nobody knows. */
	SinkResult (*commit)(Sink *s, Error *err);
	/* Frees all; what is unacknowledged is given up without a report. */
	void (*close)(Sink *s);
} SinkOps;

/* first member of each sink's own struct */
struct Sink
{
	const SinkOps *ops;
	SinkEvents events;
};

/* The one that the option sink names. */
extern const SinkOps *sink_configured(const Config *cfg);

#endif /* TUPLECAST_SINK_H */
