/*
 * source_probe.c
 *		Does the server of our stream want to shut down?
 */
#include "source_probe.h"

#include <poll.h>
#include <string.h>

#include "pg.h"

#define PROBE_TIMEOUT_MS 5000


void
source_probe_start(SourceProbe *p, const struct pg_conn *stream, int64_t now_ms)
{
	PgParams params = {.count = 0};
	Error err;

	if (p->conn != NULL || stream == NULL)
		return;
	/* a standby or another host of the list would say nothing about this one */
	params.keywords[0] = "host";
	params.values[0] = PQhost(stream);
	params.keywords[1] = "hostaddr";
	params.values[1] = PQhost(stream)[0] == '/' ? "" : PQhostaddr(stream);
	params.keywords[2] = "port";
	params.values[2] = PQport(stream);
	params.keywords[3] = "user";
	params.values[3] = PQuser(stream);
	params.keywords[4] = "dbname";
	params.values[4] = PQdb(stream);
	params.keywords[5] = "application_name";
	params.values[5] = "tuplecast probe";
	params.keywords[6] = NULL;
	params.values[6] = NULL;
	p->conn = pg_connect_start(&params, &err);
	p->want = PG_WAIT_WRITE;
	p->deadline_ms = now_ms + PROBE_TIMEOUT_MS;
}

bool
source_probe_next(SourceProbe *p, int64_t now_ms)
{
	PgWait want = (PgWait) p->want;
	char sqlstate[6] = "";
	PgWait got;

	if (p->conn == NULL)
		return false;
	got = pg_connect_poll(p->conn, &want);
	p->want = (int) want;
	if (got != PG_DONE && got != PG_FAILED && now_ms < p->deadline_ms)
		return false;
	if (got == PG_FAILED)
		pg_connect_sqlstate(p->conn, sqlstate);
	source_probe_cancel(p);
	return strcmp(sqlstate, "57P03") == 0;
}

void
source_probe_cancel(SourceProbe *p)
{
	if (p->conn != NULL)
		PQfinish(p->conn);
	p->conn = NULL;
}

int
source_probe_fd(const SourceProbe *p)
{
	return p->conn != NULL ? PQsocket(p->conn) : -1;
}

short
source_probe_events(const SourceProbe *p)
{
	return p->want == PG_WAIT_READ ? POLLIN : POLLOUT;
}
