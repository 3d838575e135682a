/*
 * wal_watch.c
 *		Asks the server each wal.watch.interval.ms how much WAL the slot keeps
 *		and whether it still has the slot.
 */
#include "wal_watch.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "source_slot.h"

/* of connecting, and of an answer */
#define WATCH_TIMEOUT_MS 10000
/* after a failure; a server that is short of connections is left alone */
#define WATCH_PAUSE_MS 60000
/* between the two answers that must show the walsender ending */
#define WATCH_AGAIN_MS 500
#define NEVER_MS	   INT64_MAX

enum
{
	W_STATUS,
	W_REASON,
	W_SAFE,
	W_RETAINED,
	W_WAIT_EVENT,
	W_COUNT
};

/* to_jsonb: invalidation_reason is of 17 and later */
static const char watch_query[] =
	"SELECT s.wal_status, pg_catalog.to_jsonb(s)->>'invalidation_reason',"
	" s.safe_wal_size, pg_catalog.pg_wal_lsn_diff("
	"CASE WHEN pg_catalog.pg_is_in_recovery()"
	" THEN pg_catalog.pg_last_wal_replay_lsn()"
	" ELSE pg_catalog.pg_current_wal_lsn() END, s.restart_lsn)::int8,"
	" (SELECT a.wait_event FROM pg_catalog.pg_stat_activity a"
	" WHERE a.pid = s.active_pid)"
	" FROM pg_catalog.pg_replication_slots s WHERE s.slot_name = ";

static bool watch_step(WalWatch *w, const PGconn *stream, Stats *stats,
					   int64_t now_ms, bool *lost, Error *err);
static void drop_connection(WalWatch *w);


void
wal_watch_init(WalWatch *w, const Config *cfg, Stats *stats)
{
	memset(w, 0, sizeof(*w));
	w->cfg = cfg;
	wal_budget_init(&w->budget, (uint64_t) cfg->wal_budget,
					cfg->wal_budget_warn);
	stats->wal_full_us = WAL_NEVER;
}

void
wal_watch_free(WalWatch *w)
{
	drop_connection(w);
}

WatchResult
wal_watch_turn(WalWatch *w, const PGconn *stream, Stats *stats, int64_t now_ms,
			   Error *err)
{
	bool lost = false;
	Error failure;

	if (w->cfg->wal_watch_interval == 0)
		return WATCH_QUIET;
	if (stream == NULL)
	{
		if (w->conn != NULL)
			drop_connection(w);
		/* the next stream's server is asked soon */
		w->next_ms = 0;
		w->endings = 0;
		return WATCH_QUIET;
	}
	if (watch_step(w, stream, stats, now_ms, &lost, &failure))
		return w->endings >= 2 ? WATCH_ENDING : WATCH_QUIET;
	if (lost)
	{
		*err = failure;
		return WATCH_LOST;
	}
	drop_connection(w);
	w->next_ms = now_ms + WATCH_PAUSE_MS;
	if (!w->failed)
		log_event(LOG_WARN, "retained WAL is not watched: no connection for it",
				  F_STR("error", failure.text),
				  F_STR("hint",
						"the stream goes on without it; it needs one ordinary "
						"connection, wal.watch.interval.ms=0 turns it off"));
	w->failed = true;
	return WATCH_QUIET;
}

int64_t
wal_watch_deadline(const WalWatch *w)
{
	if (w->cfg->wal_watch_interval == 0 || w->next_ms == 0)
		return NEVER_MS;
	return w->running || (w->conn != NULL && !w->connected) ? w->deadline_ms
															: w->next_ms;
}

int
wal_watch_fd(const WalWatch *w)
{
	return w->conn != NULL ? PQsocket(w->conn) : -1;
}

/* Of an idle connection the end may come. */
short
wal_watch_events(const WalWatch *w)
{
	if (!w->connected)
		return w->want == PG_WAIT_READ ? POLLIN : POLLOUT;
	return (short) (POLLIN |
					(w->running && w->want == PG_WAIT_WRITE ? POLLOUT : 0));
}

static bool
start_connection(WalWatch *w, const PGconn *stream, int64_t now_ms, Error *err)
{
	PgParams params;

	if (!pg_params_build(&params, w->cfg, false, err))
		return false;
	pg_params_same_host(&params, stream);
	w->conn = pg_connect_start(&params, err);
	w->connected = false;
	w->running = false;
	w->want = PG_WAIT_WRITE;
	w->deadline_ms = now_ms + WATCH_TIMEOUT_MS;
	return w->conn != NULL;
}

static bool
send_query(WalWatch *w, int64_t now_ms, Error *err)
{
	PgText sql = {0};
	bool sent;

	pg_text_add(&sql, "%s", watch_query);
	pg_text_quoted(&sql, w->cfg->slot_name, '\'');
	sent = PQsendQuery(w->conn, sql.data) == 1;
	free(sql.data);
	w->running = true;
	w->want = PG_WAIT_WRITE;
	w->deadline_ms = now_ms + WATCH_TIMEOUT_MS;
	w->next_ms = now_ms + w->cfg->wal_watch_interval;
	return sent || pg_lost_error(w->conn, err);
}

static void
log_budget(WalWatch *w, WalChange change)
{
	const WalBudget *b = &w->budget;
	char retained[32];
	char budget[32];
	char rate[32];
	char left[32];

	wal_bytes_text(retained, sizeof(retained), b->retained);
	if (change == WAL_LOWER)
		log_event(LOG_INFO, "the slot keeps less WAL again",
				  F_STR("retained", retained), F_INT("percent", b->percent));
	if (change != WAL_HIGHER)
		return;
	wal_bytes_text(rate, sizeof(rate), b->rate > 0 ? (uint64_t) b->rate : 0);
	if (b->budget == 0)
	{
		log_event(
			LOG_WARN,
			"the slot keeps much WAL, and nothing limits it but the server's disk",
			F_STR("retained", retained), F_STR("growth_per_second", rate),
			F_STR("hint", "let tuplecast catch up; tell what the disk can bear "
						  "with wal.budget.bytes or max_slot_wal_keep_size"));
		return;
	}
	log_event(
		LOG_WARN,
		b->own
			? "the slot's WAL comes near wal.budget.bytes"
			: "the slot's WAL comes near max_slot_wal_keep_size: beyond it the server invalidates the slot",
		F_STR("retained", retained), F_INT("percent", b->percent),
		F_STR("budget", wal_bytes_text(budget, sizeof(budget), b->budget)),
		F_STR("growth_per_second", rate),
		F_STR("full_in", wal_time_text(left, sizeof(left), b->full_us)),
		F_STR("hint",
			  "see why records are not acknowledged, or raise the limit"));
}

/* false: the slot is lost */
static bool
take_answer(WalWatch *w, const PGresult *res, Stats *stats, int64_t now_ms,
			Error *err)
{
	const char *status;
	WalSample s = {0};

	/* dropped: the stream ends by itself then, and that is told there */
	if (PQntuples(res) != 1 || PQnfields(res) != W_COUNT)
		return true;
	if (w->failed)
		log_event(LOG_INFO, "retained WAL is watched again");
	w->failed = false;
	status = PQgetvalue(res, 0, W_STATUS);
	if (strcmp(status, "lost") == 0 || !PQgetisnull(res, 0, W_REASON))
	{
		stats->slot_lost = 1;
		return slot_lost_error(err, w->cfg, PQgetvalue(res, 0, W_REASON));
	}
	s.limited = !PQgetisnull(res, 0, W_SAFE);
	s.safe_bytes = strtoll(PQgetvalue(res, 0, W_SAFE), NULL, 10);
	s.retained = strtoull(PQgetvalue(res, 0, W_RETAINED), NULL, 10);
	log_budget(w, wal_budget_note(&w->budget, &s, now_ms));
	if (strcmp(status, "unreserved") == 0 && !w->endangered)
		log_event(
			LOG_ERROR,
			"the slot's WAL is beyond max_slot_wal_keep_size: the next checkpoint invalidates it",
			F_STR("hint", "as a superuser, now: ALTER SYSTEM SET "
						  "max_slot_wal_keep_size = '…'; SELECT "
						  "pg_reload_conf();"));
	w->endangered = strcmp(status, "unreserved") == 0;
	/* what it streams is written without waiting, so this is its last word */
	if (strcmp(PQgetvalue(res, 0, W_WAIT_EVENT), "ClientWrite") != 0)
		w->endings = 0;
	else if (w->endings++ == 0 && w->next_ms > now_ms + WATCH_AGAIN_MS)
		w->next_ms = now_ms + WATCH_AGAIN_MS;
	stats->retained_wal = w->budget.retained;
	stats->wal_budget = w->budget.budget;
	stats->wal_budget_percent = w->budget.percent;
	stats->wal_full_us = w->budget.full_us;
	return true;
}

static bool
read_answer(WalWatch *w, Stats *stats, int64_t now_ms, bool *lost, Error *err)
{
	for (;;)
	{
		PGresult *res;
		bool ok = true;

		w->want = pg_result_poll(w->conn, &res);
		if (w->want == PG_FAILED)
			return pg_lost_error(w->conn, err);
		if (w->want != PG_DONE)
			return true;
		if (res == NULL)
		{
			w->running = false;
			return true;
		}
		if (PQresultStatus(res) == PGRES_TUPLES_OK)
		{
			ok = take_answer(w, res, stats, now_ms, err);
			*lost = !ok;
		}
		else
			ok = pg_result_error(res, PG_ASKING, w->cfg, err);
		PQclear(res);
		if (!ok)
			return false;
	}
}

static bool
watch_step(WalWatch *w, const PGconn *stream, Stats *stats, int64_t now_ms,
		   bool *lost, Error *err)
{
	if (w->conn == NULL)
	{
		if (now_ms < w->next_ms)
			return true;
		w->next_ms = now_ms;
		if (!start_connection(w, stream, now_ms, err))
			return false;
	}
	if (!w->connected)
	{
		switch (pg_connect_poll(w->conn, &w->want))
		{
			case PG_DONE:
				w->connected = true;
				w->next_ms = now_ms;
				break;
			case PG_FAILED:
				return pg_connect_error(w->conn, w->cfg, err);
			default:
				break;
		}
	}
	else if (w->running && !read_answer(w, stats, now_ms, lost, err))
		return false;
	else if (!w->running && PQconsumeInput(w->conn) == 0)
		return pg_lost_error(w->conn, err);
	if ((w->running || !w->connected) && now_ms >= w->deadline_ms)
		return err_set(err, ERR_RETRY, "source_timeout",
					   "no answer within %d s", WATCH_TIMEOUT_MS / 1000);
	if (w->connected && !w->running && now_ms >= w->next_ms)
		return send_query(w, now_ms, err);
	return true;
}

static void
drop_connection(WalWatch *w)
{
	if (w->conn != NULL)
		PQfinish(w->conn);
	w->conn = NULL;
	w->connected = false;
	w->running = false;
	wal_budget_forget(&w->budget);
}
