/*
 * check_session.c
 *		An ordinary connection to the source, with limits of time.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "check.h"
#include "clock.h"

#define CONNECT_MS 10000
/* the server ends a statement itself after 30 s; this is for one that hangs */
#define QUERY_MS 40000


/* false: the deadline is over */
static bool
wait_socket(PGconn *conn, PgWait want, int64_t deadline)
{
	struct pollfd fd = {.fd = PQsocket(conn), .events = POLLIN};
	int64_t left = deadline - clock_ms();
	int n;

	if (want == PG_WAIT_WRITE)
		fd.events = POLLIN | POLLOUT;
	if (left <= 0)
		return false;
	n = poll(&fd, 1, (int) left);
	return n > 0 || (n < 0 && errno == EINTR);
}

static bool
prepare_session(CheckSession *s, bool replication, Error *err)
{
	static const char *const settings[] = {
		"SET search_path = pg_catalog, pg_temp",
		"SET default_transaction_read_only = on",
		"SET standard_conforming_strings = on",
		"SET statement_timeout = '30s'",
		"SET lock_timeout = '5s'",
	};

	for (size_t i = 0;
		 !replication && i < sizeof(settings) / sizeof(settings[0]); i++)
	{
		PGresult *res = check_query(s, settings[i], err);

		if (res == NULL)
			return false;
		PQclear(res);
	}
	return true;
}

static void
no_notice(void *arg, const PGresult *res)
{
	(void) arg;
	(void) res;
}

static bool
connect_params(CheckSession *s, const Config *cfg, const PgParams *params,
			   bool replication, Error *err)
{
	PgWait want = PG_WAIT_WRITE;
	PgWait got;
	int64_t limit;
	int64_t deadline;

	memset(s, 0, sizeof(*s));
	s->cfg = cfg;
	s->stage = PG_ASKING;
	limit = pg_params_timeout(params);
	limit = limit > 0 ? limit : CONNECT_MS;
	deadline = clock_ms() + limit;
	s->conn = pg_connect_start(params, err);
	if (s->conn == NULL)
		return false;
	PQsetNoticeReceiver(s->conn, no_notice, NULL);
	while ((got = pg_connect_poll(s->conn, &want)) != PG_DONE)
	{
		struct pollfd fd = {.fd = PQsocket(s->conn),
							.events = want == PG_WAIT_READ ? POLLIN : POLLOUT};
		int64_t left = deadline - clock_ms();

		if (got == PG_FAILED)
		{
			pg_connect_error(s->conn, cfg, err);
			pg_connect_sqlstate(s->conn, s->sqlstate);
			check_disconnect(s);
			return false;
		}
		if (left <= 0)
		{
			err_set(err, ERR_RETRY, "source_unreachable",
					"could not connect to the source %s: no answer within %d s",
					config_source_name(cfg), (int) (limit / 1000));
			check_disconnect(s);
			return false;
		}
		poll(&fd, 1, (int) left);
	}
	if (prepare_session(s, replication, err))
		return true;
	check_disconnect(s);
	return false;
}

bool
check_connect(CheckSession *s, const Config *cfg, bool replication, Error *err)
{
	PgParams params;

	return pg_params_build(&params, cfg, replication, err) &&
		   connect_params(s, cfg, &params, replication, err);
}

bool
check_connect_host(CheckSession *s, const Config *cfg, int host, Error *err)
{
	PgParams params;

	if (!pg_params_build(&params, cfg, false, err))
		return false;
	pg_params_only_host(&params, (unsigned) host);
	return connect_params(s, cfg, &params, false, err);
}

static PGresult *
lost(CheckSession *s, Error *err)
{
	pg_lost_error(s->conn, err);
	check_disconnect(s);
	return NULL;
}

PGresult *
check_query(CheckSession *s, const char *sql, Error *err)
{
	int64_t deadline = clock_ms() + QUERY_MS;
	PGresult *kept = NULL;
	PGresult *res = NULL;
	const char *state;

	s->sqlstate[0] = '\0';
	if (s->conn == NULL)
	{
		err_set(err, ERR_RETRY, "source_lost",
				"the connection to the source was lost");
		return NULL;
	}
	if (!PQsendQuery(s->conn, sql))
		return lost(s, err);
	for (;;)
	{
		PgWait got = pg_result_poll(s->conn, &res);

		if (got == PG_DONE && res == NULL)
			break;
		if (got == PG_DONE)
		{
			/* an error ends what came before it */
			PQclear(kept);
			kept = res;
		}
		else if (got == PG_FAILED || !wait_socket(s->conn, got, deadline))
		{
			PQclear(kept);
			return lost(s, err);
		}
	}
	if (PQresultStatus(kept) == PGRES_TUPLES_OK ||
		PQresultStatus(kept) == PGRES_COMMAND_OK)
		return kept;
	if (kept == NULL || PQstatus(s->conn) == CONNECTION_BAD)
	{
		PQclear(kept);
		return lost(s, err);
	}
	state = PQresultErrorField(kept, PG_DIAG_SQLSTATE);
	snprintf(s->sqlstate, sizeof(s->sqlstate), "%s",
			 state != NULL ? state : "");
	pg_result_error(kept, s->stage, s->cfg, err);
	PQclear(kept);
	return NULL;
}

void
check_run(CheckSession *s, const char *sql)
{
	Error ignored;

	PQclear(check_query(s, sql, &ignored));
}

void
check_disconnect(CheckSession *s)
{
	if (s->conn != NULL)
		PQfinish(s->conn);
	s->conn = NULL;
}
