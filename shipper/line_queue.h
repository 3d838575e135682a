/*
 * line_queue.h
 *		Records as lines that wait to be written, with the tickets they carry.
 *		Shared by the sinks that write lines.
 */
#ifndef TUPLECAST_LINE_QUEUE_H
#define TUPLECAST_LINE_QUEUE_H

#include "sink_stream.h"

typedef struct LineMark
{
	uint64_t ticket;
	uint64_t end; /* of its line, counted from the first line ever */
} LineMark;

typedef struct LineQueue
{
	SinkBuf buf;
	size_t taken;	  /* bytes of buf that are written */
	uint64_t written; /* the same, counted from the first line ever */
	uint64_t total;
	LineMark *marks;
	size_t head;
	size_t count;
	size_t size;	/* of marks: a power of two */
	uint64_t limit; /* bytes that may wait */
	uint64_t failures;
	char last_error[256];
	int wake; /* an eventfd, readable while lines wait */
	bool woken;
} LineQueue;

struct SinkStream
{
	StreamCopy copy;
	struct SinkStream *next; /* all of one sink, to be freed with it */
};

extern bool line_queue_init(LineQueue *q, const Config *cfg,
							Error *err) MUST_CHECK;
extern void line_queue_free(LineQueue *q);
/* A line of the record; false: full. */
extern bool line_queue_put(LineQueue *q, const SinkRecord *r, bool identity);
/* What is to be written next. */
extern size_t line_queue_peek(const LineQueue *q, const char **data);
extern void line_queue_wrote(LineQueue *q, size_t n);
/* Reports each record whose line is written completely. */
extern void line_queue_ack(LineQueue *q, const SinkEvents *events);
/* The eventfd's state is brought in line with the queue's. */
extern void line_queue_settle(LineQueue *q);
extern void line_queue_gauges(const LineQueue *q, SinkGauges *out);
extern void line_queue_note(LineQueue *q, const Error *err);

extern SinkStream *line_stream_make(SinkStream **all, SinkStream *old,
									const FrameStream *f);
extern void line_streams_free(SinkStream *all);

#endif /* TUPLECAST_LINE_QUEUE_H */
