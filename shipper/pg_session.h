/*
 * pg_session.h
 *		An ordinary session beside the stream, asked something now and then.
 *
 * A walsender that streams takes no queries.  Nothing blocks; who owns it decides
 * when to connect and what a failure means.
 */
#ifndef TUPLECAST_PG_SESSION_H
#define TUPLECAST_PG_SESSION_H

#include <poll.h>

#include "pg.h"

typedef struct PgSession
{
	PGconn *conn; /* NULL: none */
	bool connected;
	bool running; /* a reply is awaited */
	PgWait want;
	int64_t deadline_ms; /* of connecting, or of the reply */
} PgSession;

/* Starts connecting; to the server of "same" and no other unless it is NULL. */
extern bool pg_session_connect(PgSession *s, const Config *cfg,
							   const PGconn *same, int64_t deadline_ms,
							   Error *err) MUST_CHECK;
/* Goes on with connecting. */
extern bool pg_session_go_on(PgSession *s, const Config *cfg,
							 Error *err) MUST_CHECK;
extern bool pg_session_send(PgSession *s, const char *sql, int64_t deadline_ms,
							Error *err) MUST_CHECK;
/* The next result of what was sent, for PQclear(); NULL: none at the moment or,
 * if it does not run any more, none left. */
extern bool pg_session_result(PgSession *s, PGresult **res,
							  Error *err) MUST_CHECK;
/* It connects, or a reply is awaited: the deadline holds. */
extern bool pg_session_is_busy(const PgSession *s);
/* for poll(): an idle one, too, may be ended by the server */
extern struct pollfd pg_session_pollfd(const PgSession *s);
extern void pg_session_close(PgSession *s);

#endif /* TUPLECAST_PG_SESSION_H */
