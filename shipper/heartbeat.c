/*
 * heartbeat.c
 *		A record to the heartbeat topic and a statement to the source, each
 *		heartbeat.interval.ms.
 */
#include "heartbeat.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "wire.h"

/* of the statement, and of connecting for it */
#define ACTION_TIMEOUT_MS 60000
#define LOG_EVERY_MS	  60000
#define NEVER_MS		  INT64_MAX

static const char key_head[] =
	"{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"string\","
	"\"optional\":false,\"field\":\"serverName\"}],\"optional\":false,"
	"\"name\":\"io.debezium.connector.common.ServerNameKey\",\"version\":1},"
	"\"payload\":";
static const char value_head[] =
	"{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"int64\","
	"\"optional\":false,\"field\":\"ts_ms\"}],\"optional\":false,"
	"\"name\":\"io.debezium.connector.common.Heartbeat\",\"version\":1},"
	"\"payload\":";

static bool put_record(Heartbeat *h, const SinkOps *ops, Sink *sink,
					   uint64_t lsn, int64_t wall_us, Error *err);
static void run_action(Heartbeat *h, int64_t now_ms);
static bool step_action(Heartbeat *h, int64_t now_ms, Error *err);
static void log_failure(Heartbeat *h, const Error *err, int64_t now_ms);


void
heartbeat_init(Heartbeat *h, const Config *cfg)
{
	memset(h, 0, sizeof(*h));
	h->cfg = cfg;
	if (cfg->heartbeat_interval == 0)
		return;
	if (cfg->heartbeat_topic[0] != '\0')
		pg_text_add(&h->topic, "%s", cfg->heartbeat_topic);
	else
		pg_text_add(&h->topic, "%s%s%s", cfg->heartbeat_prefix,
					cfg->topic_delimiter, cfg->topic_prefix);
	/* a prefix has no character that JSON escapes */
	pg_text_add(&h->key,
				cfg->key_format == KEY_FORMAT_JSON ? "{\"serverName\":\"%s\"}"
												   : "Struct{serverName=%s}",
				cfg->topic_prefix);
}

void
heartbeat_free(Heartbeat *h)
{
	pg_session_close(&h->session);
	free(h->topic.data);
	free(h->key.data);
	memset(h, 0, sizeof(*h));
}

void
heartbeat_forget_sink(Heartbeat *h)
{
	h->stream = NULL;
}

bool
heartbeat_turn(Heartbeat *h, const SinkOps *ops, Sink *sink, bool running,
			   uint64_t lsn, int64_t now_ms, int64_t wall_us, Error *err)
{
	int64_t interval = h->cfg->heartbeat_interval;

	h->stopped = !running;
	if (interval == 0)
		return true;
	if (h->session.conn != NULL)
		run_action(h, now_ms);
	if (!running)
		return true;
	if (h->next_ms == 0)
		h->next_ms = now_ms + interval;
	if (now_ms >= h->next_ms)
	{
		h->due = true;
		/* a statement that lasts longer than the interval is not doubled */
		h->wanted = h->cfg->heartbeat_query[0] != '\0';
		h->next_ms += interval;
		if (h->next_ms <= now_ms)
			h->next_ms = now_ms + interval;
		run_action(h, now_ms);
	}
	return !h->due || put_record(h, ops, sink, lsn, wall_us, err);
}

int64_t
heartbeat_deadline(const Heartbeat *h)
{
	int64_t next =
		h->cfg->heartbeat_interval > 0 && !h->stopped ? h->next_ms : NEVER_MS;

	if (pg_session_is_busy(&h->session) && h->session.deadline_ms < next)
		next = h->session.deadline_ms;
	return next;
}

/* ---- the record ------------------------------------------------------------ */

static bool
make_stream(Heartbeat *h, const SinkOps *ops, Sink *sink, Error *err)
{
	OwnTopic t = {.topic = h->topic.data,
				  .name = "heartbeat",
				  .key_head = h->cfg->key_schemas ? key_head : NULL,
				  .value_head = h->cfg->value_schemas ? value_head : NULL};

	h->stream = own_stream(ops, sink, &t, err);
	return h->stream != NULL;
}

static bool
put_record(Heartbeat *h, const SinkOps *ops, Sink *sink, uint64_t lsn,
		   int64_t wall_us, Error *err)
{
	char value[64];
	/* all go to one partition, the first */
	OwnRecord r = {.key = h->key.data,
				   .flags = WIRE_REC_PARTITION,
				   .lsn = lsn,
				   .wall_us = wall_us};

	if (h->stream == NULL && !make_stream(h, ops, sink, err))
		return false;
	snprintf(value, sizeof(value), "{\"ts_ms\":%" PRId64 "}", wall_us / 1000);
	/* no event is made of it */
	if (h->cfg->format != FORMAT_CLOUDEVENTS)
		r.value = value;
	switch (own_put(ops, sink, h->stream, &r, err))
	{
		case SINK_OK:
			h->due = false;
			h->sent++;
			break;
		case SINK_FULL:
		case SINK_PENDING:
			break;
		case SINK_ERROR:
		case SINK_REFUSED:
			return false;
	}
	return true;
}

/* ---- the statement --------------------------------------------------------- */

static void
run_action(Heartbeat *h, int64_t now_ms)
{
	Error err;

	if (step_action(h, now_ms, &err))
		return;
	pg_session_close(&h->session);
	h->wanted = false;
	log_failure(h, &err, now_ms);
}

static bool
start_action(Heartbeat *h, int64_t now_ms, Error *err)
{
	int64_t deadline_ms = now_ms + ACTION_TIMEOUT_MS;

	if (h->session.conn == NULL)
		return pg_session_connect(&h->session, h->cfg, NULL, deadline_ms, err);
	h->wanted = false;
	return pg_session_send(&h->session, h->cfg->heartbeat_query, deadline_ms,
						   err);
}

/* All results; one that failed is told, and the connection goes on. */
static bool
read_results(Heartbeat *h, int64_t now_ms, Error *err)
{
	for (;;)
	{
		PGresult *res;
		ExecStatusType status;

		if (!pg_session_result(&h->session, &res, err))
			return false;
		if (res == NULL)
			return true;
		status = PQresultStatus(res);
		if (status == PGRES_FATAL_ERROR)
		{
			pg_result_error(res, PG_ASKING, h->cfg, err);
			log_failure(h, err, now_ms);
		}
		PQclear(res);
		if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT)
			return err_set(err, ERR_CONFIG, "heartbeat_action",
						   "COPY with the client is no statement for it");
	}
}

static bool
step_action(Heartbeat *h, int64_t now_ms, Error *err)
{
	PgSession *s = &h->session;

	if (s->conn == NULL)
		return !h->wanted || start_action(h, now_ms, err);
	if (!s->connected)
	{
		if (!pg_session_go_on(s, h->cfg, err))
			return false;
	}
	else if (s->running && !read_results(h, now_ms, err))
		return false;
	/* the server may end a connection that idles; the next beat makes another */
	else if (!s->running && PQconsumeInput(s->conn) == 0)
		pg_session_close(s);
	if (pg_session_is_busy(s) && now_ms >= s->deadline_ms)
		return err_set(err, ERR_RETRY, "heartbeat_action",
					   "no answer within %d s", ACTION_TIMEOUT_MS / 1000);
	if (h->wanted && !pg_session_is_busy(s))
		return start_action(h, now_ms, err);
	return true;
}

static void
log_failure(Heartbeat *h, const Error *err, int64_t now_ms)
{
	h->failures++;
	if (h->logged_ms > 0 && now_ms - h->logged_ms < LOG_EVERY_MS)
		return;
	log_event(LOG_WARN, "heartbeat.action.query failed",
			  F_STR("error", err->text), F_INT("failures", h->failures));
	h->logged_ms = now_ms;
	h->failures = 0;
}
