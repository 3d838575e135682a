/*
 * dead_letter.h
 *		What stands in for a record that no topic takes: a small record to the
 *		dead-letter topic, with the identity and the ticket of the one refused,
 *		so that the source is confirmed only when it is acknowledged.
 */
#ifndef TUPLECAST_DEAD_LETTER_H
#define TUPLECAST_DEAD_LETTER_H

#include "sink_stream.h"

typedef struct DeadLetters
{
	const Config *cfg;
	SinkStream *stream; /* of the dead-letter topic; NULL: not made yet */
	SinkBuf topic;
	SinkBuf key;
	SinkBuf value;
	FrameRecord frame;
	SinkRecord record;
	bool active; /* "record" stands in for the one at hand */
	/* of the log */
	int64_t logged_ms;
	uint64_t unlogged;
} DeadLetters;

extern void dead_letters_init(DeadLetters *d, const Config *cfg);
extern void dead_letters_free(DeadLetters *d);
/* The sink is gone, and its streams with it. */
extern void dead_letters_forget_sink(DeadLetters *d);

/* Whether the options want a dead letter of a record refused with that error. */
extern bool dead_letter_wanted(const Config *cfg, const Error *why);
/* Of a record that the output plugin did not build; always false. */
extern bool dead_letter_oversized(const SinkRecord *r, const Config *cfg,
								  Error *err);
/* Fills "record", which lives until the next call.  false: err. */
extern bool dead_letter_make(DeadLetters *d, const SinkOps *ops, Sink *sink,
							 const SinkRecord *r, const Error *why,
							 Error *err) MUST_CHECK;
/* It was taken. */
extern void dead_letter_log(DeadLetters *d, const Error *why, int64_t now_ms);

#endif /* TUPLECAST_DEAD_LETTER_H */
