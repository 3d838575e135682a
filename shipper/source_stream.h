/*
 * source_stream.h
 *		The slot, streamed: connect, make sure of the slot, START_REPLICATION,
 *		messages in, the confirmed position out.
 *
 * Nothing blocks.  One connection, a walsender, does it all, so that the
 * smallest server (max_wal_senders=1) is enough.  Only this module sends a
 * position to the server; it sends what it is given.
 */
#ifndef TUPLECAST_SOURCE_STREAM_H
#define TUPLECAST_SOURCE_STREAM_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "err.h"
#include "known_tables.h"
#include "resume.h"

typedef struct Source Source;

typedef enum SourceResult
{
	SOURCE_WAIT,	/* nothing now: poll */
	SOURCE_STARTED, /* the session streams */
	SOURCE_PAYLOAD, /* frames, valid until the next call */
	SOURCE_KEEPALIVE,
	SOURCE_ENDED,	/* after source_finish() */
	SOURCE_LOST,	/* err; closed already, connect again */
	SOURCE_DIVERGED /* as SOURCE_LOST, and what was sent before may
								 * not be of this server's history: forget it */
} SourceResult;

typedef struct SourceEvent
{
	const void *payload;
	size_t len;
	uint64_t wal_end;		/* of a keepalive */
	bool urgent;			/* it wants an answer */
	uint64_t confirmed_lsn; /* of SOURCE_STARTED: the slot's own */
	uint64_t start_lsn;
	bool slot_created;
	ResumeServer server; /* of SOURCE_STARTED */
} SourceEvent;

extern Source *source_open(const Config *cfg);
/* Starts connecting.  resume_lsn: what may be confirmed by now, to go on behind
 * it; 0: as the slot says. */
extern bool source_connect(Source *s, uint64_t resume_lsn, int64_t now_ms,
						   Error *err) MUST_CHECK;
/* Goes on with whatever it is doing. */
extern SourceResult source_next(Source *s, int64_t now_ms, SourceEvent *ev,
								Error *err) MUST_CHECK;
/* Tells the server, if it is time to.  idle: nothing more is at hand. */
extern bool source_confirm(Source *s, uint64_t lsn, bool idle, int64_t now_ms,
						   Error *err) MUST_CHECK;
/* Sends the last position and the end of the stream; then source_next() until
 * SOURCE_ENDED or SOURCE_LOST. */
extern bool source_finish(Source *s, uint64_t lsn, Error *err) MUST_CHECK;
/* Back to not connected. */
extern void source_disconnect(Source *s);
/* The tables that were captured at the first start; the source's own. */
extern KnownTables *source_captured(Source *s);
extern void source_close(Source *s);

/* for poll(); fd -1: nothing to wait for.  reading: messages are wanted */
extern int source_fd(const Source *s);
extern short source_events(const Source *s, bool reading);
/* when to call source_next() or source_confirm() at the latest */
extern int64_t source_deadline(const Source *s, uint64_t lsn, bool idle);

extern bool source_is_connected(const Source *s); /* or connecting */
extern bool source_is_streaming(const Source *s);
/* It waits because another process streams from the slot. */
extern bool source_is_taken(const Source *s);
/* "connecting", "creating the slot", … */
extern const char *source_step(const Source *s);
extern uint64_t source_received_lsn(const Source *s);
extern uint64_t source_sent_lsn(const Source *s); /* confirmed to the slot */
extern uint64_t source_server_lsn(const Source *s);
extern uint64_t source_received_bytes(const Source *s);
/* The server wants an answer that we could not give for so long, in ms since
 * the first of these questions; 0: it does not ask. */
extern int64_t source_pressed_ms(const Source *s, int64_t now_ms);
/* Where the stream comes from, for the probe; NULL: not streaming. */
struct pg_conn;
extern struct pg_conn *source_conn(const Source *s);

#endif /* TUPLECAST_SOURCE_STREAM_H */
