/*
 * pg_session.c
 *		An ordinary session beside the stream, asked something now and then.
 */
#include "pg_session.h"


bool
pg_session_connect(PgSession *s, const Config *cfg, const PGconn *same,
				   int64_t deadline_ms, Error *err)
{
	PgParams params;

	if (!pg_params_build(&params, cfg, false, err))
		return false;
	if (same != NULL)
		pg_params_same_host(&params, same);
	s->conn = pg_connect_start(&params, err);
	s->connected = false;
	s->running = false;
	s->want = PG_WAIT_WRITE;
	s->deadline_ms = deadline_ms;
	return s->conn != NULL;
}

bool
pg_session_go_on(PgSession *s, const Config *cfg, Error *err)
{
	switch (pg_connect_poll(s->conn, &s->want))
	{
		case PG_DONE:
			s->connected = true;
			return true;
		case PG_FAILED:
			return pg_connect_error(s->conn, cfg, err);
		default:
			return true;
	}
}

bool
pg_session_send(PgSession *s, const char *sql, int64_t deadline_ms, Error *err)
{
	s->running = true;
	s->want = PG_WAIT_WRITE;
	s->deadline_ms = deadline_ms;
	return PQsendQuery(s->conn, sql) == 1 || pg_lost_error(s->conn, err);
}

bool
pg_session_result(PgSession *s, PGresult **res, Error *err)
{
	*res = NULL;
	s->want = pg_result_poll(s->conn, res);
	if (s->want == PG_FAILED)
		return pg_lost_error(s->conn, err);
	if (s->want == PG_DONE && *res == NULL)
		s->running = false;
	return true;
}

bool
pg_session_is_busy(const PgSession *s)
{
	return s->conn != NULL && (s->running || !s->connected);
}

struct pollfd
pg_session_pollfd(const PgSession *s)
{
	struct pollfd p = {.fd = s->conn != NULL ? PQsocket(s->conn) : -1};

	if (!s->connected)
		p.events = s->want == PG_WAIT_READ ? POLLIN : POLLOUT;
	else
		p.events =
			(short) (POLLIN |
					 (s->running && s->want == PG_WAIT_WRITE ? POLLOUT : 0));
	return p;
}

void
pg_session_close(PgSession *s)
{
	if (s->conn != NULL)
		PQfinish(s->conn);
	*s = (PgSession){.conn = NULL};
}
