/*
 * snapshot_reader.h
 *		One connection that reads rows under an exported snapshot.
 *
 * Nothing blocks.  The session is set so that no setting of the role or the
 * database leaves rows out, ends it in the middle, or changes the order of
 * reading.
 */
#ifndef TUPLECAST_SNAPSHOT_READER_H
#define TUPLECAST_SNAPSHOT_READER_H

#include <stddef.h>

#include "pg.h"

typedef enum ReaderState
{
	READER_DOWN,
	READER_CONNECTING,
	READER_IMPORTING, /* of the snapshot */
	READER_IDLE,
	READER_ASKING,
	READER_COPYING,
	READER_ENDING /* the rows are through */
} ReaderState;

typedef enum ReaderEvent
{
	READER_WAIT,
	READER_READY,	/* the snapshot is imported */
	READER_ANSWER,	/* result: of reader_ask(); PQclear() it */
	READER_PAYLOAD, /* payload, len: frames, until reader_release() */
	READER_END,		/* of reader_copy() */
	READER_REFUSED, /* err, sqlstate: the command failed and with it the
					 * transaction; reader_import() again */
	READER_LOST		/* err; closed already */
} ReaderEvent;

typedef struct SnapshotReader
{
	const Config *cfg;
	ReaderState state;
	PGconn *conn;
	PgWait want;
	int64_t deadline_ms;
	bool imported; /* the snapshot, in the transaction that is open */
	bool copying;  /* rows come */
	bool at_start; /* of their messages */
	bool failed;   /* sqlstate and why are set, results are still to come */
	char sqlstate[6];
	Error why;
	char *buffer; /* libpq's */
	const void *payload;
	size_t len;
	PGresult *result;
} SnapshotReader;

/* settings of the session, for a connection of another kind, too */
extern const char reader_session_text[];

/* to the server that "same" is connected to */
extern bool reader_connect(SnapshotReader *r, const Config *cfg,
						   const PGconn *same, int64_t now_ms,
						   Error *err) MUST_CHECK;
/* Becomes READER_READY; the reader is connected and idle, or failed. */
extern bool reader_import(SnapshotReader *r, const char *snapshot,
						  int64_t now_ms, Error *err) MUST_CHECK;
extern bool reader_ask(SnapshotReader *r, const char *sql, int64_t now_ms,
					   Error *err) MUST_CHECK;
/* The same of one command, whatever a part of it may hold. */
extern bool reader_ask_one(SnapshotReader *r, const char *sql,
						   Error *err) MUST_CHECK;
extern bool reader_copy(SnapshotReader *r, const char *sql,
						Error *err) MUST_CHECK;
extern ReaderEvent reader_next(SnapshotReader *r, int64_t now_ms,
							   Error *err) MUST_CHECK;
/* The payload is done with. */
extern void reader_release(SnapshotReader *r);
/* The memory that the payload lies in is the caller's now: PQfreemem() it. */
extern char *reader_take(SnapshotReader *r);
extern void reader_close(SnapshotReader *r);

extern int reader_fd(const SnapshotReader *r);
extern short reader_events(const SnapshotReader *r, bool reading);

#endif /* TUPLECAST_SNAPSHOT_READER_H */
