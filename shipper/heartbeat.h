/*
 * heartbeat.h
 *		A record to the heartbeat topic and a statement to the source, each
 *		heartbeat.interval.ms.
 *
 * Nothing blocks.
 */
#ifndef TUPLECAST_HEARTBEAT_H
#define TUPLECAST_HEARTBEAT_H

#include "own_record.h"
#include "pg_session.h"

typedef struct Heartbeat
{
	const Config *cfg;
	bool stopped;		/* everything that is due waits */
	int64_t next_ms;	/* 0: to be set when the stream runs */
	bool due;			/* the sink did not take the record yet */
	uint64_t sent;		/* records that it took */
	SinkStream *stream; /* of the sink at hand; NULL: to be made */
	PgText topic;
	PgText key;

	/* heartbeat.action.query */
	PgSession session;
	bool wanted; /* to be sent when it can be */
	int64_t logged_ms;
	uint64_t failures; /* since then */
} Heartbeat;

extern void heartbeat_init(Heartbeat *h, const Config *cfg);
extern void heartbeat_free(Heartbeat *h);
/* The sink is closed, or a new one open. */
extern void heartbeat_forget_sink(Heartbeat *h);
/* Once a turn.  running: the source streams and the sink may be put to.
 * lsn, wall_us: for the record's headers and value.  false: err of the sink. */
extern bool heartbeat_turn(Heartbeat *h, const SinkOps *ops, Sink *sink,
						   bool running, uint64_t lsn, int64_t now_ms,
						   int64_t wall_us, Error *err) MUST_CHECK;
/* When to call heartbeat_turn() at the latest. */
extern int64_t heartbeat_deadline(const Heartbeat *h);

#endif /* TUPLECAST_HEARTBEAT_H */
