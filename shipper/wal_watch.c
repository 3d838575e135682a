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
static void drop_session(WalWatch *w);


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
	drop_session(w);
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
		if (w->session.conn != NULL)
			drop_session(w);
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
	drop_session(w);
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
	return pg_session_is_busy(&w->session) ? w->session.deadline_ms
										   : w->next_ms;
}

static bool
send_query(WalWatch *w, int64_t now_ms, Error *err)
{
	PgText sql = {0};
	bool sent;

	pg_text_add(&sql, "%s", watch_query);
	pg_text_quoted(&sql, w->cfg->slot_name, '\'');
	sent =
		pg_session_send(&w->session, sql.data, now_ms + WATCH_TIMEOUT_MS, err);
	free(sql.data);
	w->next_ms = now_ms + w->cfg->wal_watch_interval;
	return sent;
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

		if (!pg_session_result(&w->session, &res, err))
			return false;
		if (res == NULL)
			return true;
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
	PgSession *s = &w->session;

	if (s->conn == NULL)
	{
		if (now_ms < w->next_ms)
			return true;
		w->next_ms = now_ms;
		if (!pg_session_connect(s, w->cfg, stream, now_ms + WATCH_TIMEOUT_MS,
								err))
			return false;
	}
	if (!s->connected)
	{
		if (!pg_session_go_on(s, w->cfg, err))
			return false;
		if (s->connected)
			w->next_ms = now_ms;
	}
	else if (s->running && !read_answer(w, stats, now_ms, lost, err))
		return false;
	else if (!s->running && PQconsumeInput(s->conn) == 0)
		return pg_lost_error(s->conn, err);
	if (pg_session_is_busy(s) && now_ms >= s->deadline_ms)
		return err_set(err, ERR_RETRY, "source_timeout",
					   "no answer within %d s", WATCH_TIMEOUT_MS / 1000);
	if (!pg_session_is_busy(s) && now_ms >= w->next_ms)
		return send_query(w, now_ms, err);
	return true;
}

static void
drop_session(WalWatch *w)
{
	pg_session_close(&w->session);
	wal_budget_forget(&w->budget);
}
