/*
 * source_internal.h
 *		What source_stream.c and source_start.c share.  Nobody else includes it.
 */
#ifndef TUPLECAST_SOURCE_INTERNAL_H
#define TUPLECAST_SOURCE_INTERNAL_H

#include "source_prepare.h"
#include "source_slot.h"
#include "source_stream.h"

typedef enum SourceState
{
	STATE_DOWN,
	/* source_start.c */
	STATE_CONNECT,
	STATE_IDENTIFY,
	STATE_HISTORY,
	STATE_QUERY,
	STATE_TAKEN,
	STATE_PREPARE,
	STATE_ALTER,
	STATE_REPLACE,
	STATE_CREATE,
	STATE_START,
	STATE_DROP,
	/* source_stream.c */
	STATE_STREAM,
	STATE_END
} SourceState;

struct Source
{
	const Config *cfg;
	SourceServer server;
	TimelineHistory history; /* of its timeline, if that is not the first */
	SourceState state;
	PGconn *conn;
	bool encrypted;
	uint64_t resume_lsn;
	bool slot_created;

	/* up to START_REPLICATION */
	PgWait want;
	int64_t deadline_ms;
	unsigned first_host; /* of several: begin with this one */
	int hosts;
	int refusals;		  /* of hosts in a row */
	unsigned hosts_tried; /* in this attempt, before the one at hand */
	const char *host;	  /* libpq's: where it is trying to connect */
	int64_t connect_ms;	  /* for each host */
	bool taken;			  /* another process streams from the slot */
	bool refused_busy;	  /* it was free when we looked, but not any more */
	Prepare prepare;
	bool prepared;	   /* once is enough */
	unsigned commands; /* sent so far */
	Error refusal;	   /* why the slot just made is dropped again */

	/* the stream */
	char *message;	 /* libpq's; the last one handed out */
	bool flush_left; /* output that the socket did not take yet */
	bool greeted;	 /* the first status of the session is out */
	bool reply_wanted;
	int64_t quiet_ms;  /* since when nothing has come; 0: something has */
	int64_t asked_ms;  /* since when it is asked to answer; 0: it is not */
	int64_t status_ms; /* when the last status was sent */
	int64_t interval_ms;
	int64_t pressed_ms; /* first unsatisfied request; 0: none */
	uint64_t pressed_lsn;
	uint64_t received_lsn;
	uint64_t sent_lsn;
	uint64_t server_lsn;
	uint64_t received_bytes;
};

/* Goes on with connecting, or with the command at hand; SOURCE_STARTED: the
 * server streams. */
extern SourceResult source_start_next(Source *s, int64_t now_ms,
									  Error *err) MUST_CHECK;
/* Disconnects, and returns that result. */
extern SourceResult source_lose(Source *s, SourceResult how);

#endif /* TUPLECAST_SOURCE_INTERNAL_H */
