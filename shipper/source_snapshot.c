/*
 * source_snapshot.c
 *		Rows that are in the tables: one exported snapshot, several connections
 *		that read under it.
 */
#include "source_snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "failpoint.h"
#include "log.h"
#include "lsn.h"
#include "snapshot_query.h"

#define CONNECT_TIMEOUT_MS 30000
/* between two looks at transactions that must end */
#define RETRY_MS 100

typedef enum RoundState
{
	ROUND_NONE,
	ROUND_CONNECTING,
	ROUND_EXPORTING, /* the temporary slot is made */
	ROUND_LISTING,	 /* reader 0 asks what there is */
	ROUND_LOCKING,	 /* and locks it */
	ROUND_BEGUN,	 /* until snapshot_source_go() */
	ROUND_READING,
	ROUND_END
} RoundState;

struct SnapshotSource
{
	const Config *cfg;
	RoundState state;
	SnapshotPlan *plan;
	uint64_t floor;
	uint64_t position;
	int64_t started_ms;

	PGconn *exporter; /* a walsender; NULL: lost, or none yet */
	PgWait want;
	int64_t deadline_ms;
	char name[128]; /* of the snapshot */
	uint64_t lsn;
	char started[64]; /* when, as the server writes it */
	bool plain;		  /* the exporter is no walsender */
	char barrier
		[32]; /* then: what is older must be visible; "": not asked yet */
	int64_t retry_ms; /* when to look again whether it is; 0: a query is sent */

	int count;
	SnapshotReader readers[SNAPSHOT_MAX_READERS];
	SnapshotUnit units[SNAPSHOT_MAX_READERS];
	int turn;  /* the reader looked at next */
	bool lock; /* all tables at once: one was rewritten before its turn */
};

static bool export_connect(SnapshotSource *s, const PGconn *same,
						   int64_t now_ms, Error *err);
static SnapshotEvent export_next(SnapshotSource *s, int64_t now_ms, Error *err);
static bool export_created(SnapshotSource *s, const PGresult *res, Error *err);
static bool export_plain(SnapshotSource *s, const PGresult *res, Error *err);
static bool is_full(const char *sqlstate);
static SnapshotEvent export_otherwise(SnapshotSource *s, int64_t now_ms,
									  Error *err);
static SnapshotEvent list_next(SnapshotSource *s, int64_t now_ms, Error *err);
static SnapshotEvent lock_next(SnapshotSource *s, int64_t now_ms, Error *err);
static SnapshotEvent begun(SnapshotSource *s);
static SnapshotEvent reader_turn(SnapshotSource *s, int i, int64_t now_ms,
								 SnapshotRows *rows, Error *err);
static SnapshotEvent hand_out(SnapshotSource *s, int i, Error *err);
static SnapshotEvent unit_refused(SnapshotSource *s, int i, SnapshotRows *rows,
								  int64_t now_ms, Error *err);


SnapshotSource *
snapshot_source_open(const Config *cfg)
{
	SnapshotSource *s = calloc(1, sizeof(*s));

	if (s == NULL)
		abort();
	s->cfg = cfg;
	return s;
}

void
snapshot_source_close(SnapshotSource *s)
{
	if (s == NULL)
		return;
	snapshot_source_stop(s);
	free(s);
}

bool
snapshot_source_start(SnapshotSource *s, SnapshotPlan *plan,
					  const PGconn *stream, uint64_t floor, uint64_t position,
					  int64_t now_ms, Error *err)
{
	snapshot_source_stop(s);
	s->plan = plan;
	s->floor = floor;
	s->position = position;
	s->started_ms = now_ms;
	s->turn = 0;
	s->plain = false;
	return export_connect(s, stream, now_ms, err);
}

static bool
export_connect(SnapshotSource *s, const PGconn *same, int64_t now_ms,
			   Error *err)
{
	PgParams params;
	int64_t timeout;
	PGconn *old = s->exporter;

	if (!pg_params_build(&params, s->cfg, !s->plain, err))
		return false;
	if (same != NULL)
		pg_params_same_host(&params, same);
	s->exporter = pg_connect_start(&params, err);
	PQfinish(old);
	if (s->exporter == NULL)
		return false;
	timeout = pg_params_timeout(&params);
	s->state = ROUND_CONNECTING;
	s->name[0] = '\0';
	s->retry_ms = 0;
	s->barrier[0] = '\0';
	s->want = PG_WAIT_WRITE;
	s->deadline_ms = now_ms + (timeout > 0 ? timeout : CONNECT_TIMEOUT_MS);
	return true;
}

void
snapshot_source_stop(SnapshotSource *s)
{
	for (int i = 0; i < s->count; i++)
	{
		reader_close(&s->readers[i]);
		s->units[i].table = NULL;
	}
	s->count = 0;
	if (s->exporter != NULL)
		PQfinish(s->exporter);
	s->exporter = NULL;
	s->state = ROUND_NONE;
}

void
snapshot_source_go(SnapshotSource *s)
{
	s->state = ROUND_READING;
}

SnapshotEvent
snapshot_source_next(SnapshotSource *s, int64_t now_ms, SnapshotRows *rows,
					 Error *err)
{
	switch (s->state)
	{
		case ROUND_CONNECTING:
		case ROUND_EXPORTING:
			return export_next(s, now_ms, err);
		case ROUND_LISTING:
			return list_next(s, now_ms, err);
		case ROUND_LOCKING:
			return lock_next(s, now_ms, err);
		case ROUND_READING:
			break;
		default:
			return SNAPSHOT_WAIT;
	}
	if (snapshot_plan_finished(s->plan))
	{
		s->state = ROUND_END;
		return SNAPSHOT_END;
	}
	for (int n = 0; n < s->count; n++)
	{
		int i = (s->turn + n) % s->count;
		SnapshotEvent event = reader_turn(s, i, now_ms, rows, err);

		if (event == SNAPSHOT_LOST)
			return event;
		if (event != SNAPSHOT_WAIT)
		{
			s->turn = event == SNAPSHOT_PAYLOAD ? i : (i + 1) % s->count;
			return event;
		}
	}
	return SNAPSHOT_WAIT;
}

void
snapshot_source_release(SnapshotSource *s, int reader)
{
	reader_release(&s->readers[reader]);
	/* one after the other, a payload each */
	s->turn = s->count > 0 ? (reader + 1) % s->count : 0;
}

char *
snapshot_source_take(SnapshotSource *s, int reader)
{
	return reader_take(&s->readers[reader]);
}

const char *
snapshot_source_step(const SnapshotSource *s)
{
	static const char *const steps[] = {
		[ROUND_NONE] = "waiting",
		[ROUND_CONNECTING] = "connecting for the snapshot",
		[ROUND_EXPORTING] = "creating the snapshot",
		[ROUND_LISTING] = "listing the tables of the snapshot",
		[ROUND_LOCKING] = "locking the tables of the snapshot",
		[ROUND_BEGUN] = "beginning the snapshot",
		[ROUND_READING] = "snapshot",
		[ROUND_END] = "ending the snapshot",
	};

	return steps[s->state];
}

SnapshotUnit *
snapshot_source_units(SnapshotSource *s, size_t *count)
{
	*count = SNAPSHOT_MAX_READERS;
	return s->units;
}

int64_t
snapshot_source_deadline(const SnapshotSource *s)
{
	return s->state == ROUND_EXPORTING && s->retry_ms > 0 ? s->retry_ms
														  : INT64_MAX;
}

int
snapshot_source_fds(const SnapshotSource *s, struct pollfd *fds, bool reading)
{
	int n = 0;

	if ((s->state == ROUND_CONNECTING || s->state == ROUND_EXPORTING) &&
		s->retry_ms == 0)
		fds[n++] = (struct pollfd){
			.fd = PQsocket(s->exporter),
			.events = (short) (s->want == PG_WAIT_WRITE ? POLLOUT : POLLIN)};
	for (int i = 0; i < s->count; i++)
	{
		short events = reader_events(&s->readers[i], reading);

		if (events != 0)
			fds[n++] = (struct pollfd){.fd = reader_fd(&s->readers[i]),
									   .events = events};
	}
	return n;
}

/* ---- the exported snapshot ----------------------------------------------- */

static bool
send_create(SnapshotSource *s, Error *err)
{
	PgText sql = {NULL, 0, 0};
	bool sent;

	if (s->plain)
		snapshot_export_text(&sql, s->barrier);
	else
		snapshot_create_text(&sql, s->cfg, PQserverVersion(s->exporter),
							 (unsigned) s->started_ms ^ (unsigned) getpid());
	sent = PQsendQuery(s->exporter, sql.data) == 1;
	free(sql.data);
	s->state = ROUND_EXPORTING;
	s->retry_ms = 0;
	s->want = PG_WAIT_WRITE;
	return sent || pg_lost_error(s->exporter, err);
}

static SnapshotEvent
export_connecting(SnapshotSource *s, int64_t now_ms, Error *err)
{
	char sqlstate[6] = "";

	switch (pg_connect_poll(s->exporter, &s->want))
	{
		case PG_DONE:
			if (!send_create(s, err))
				return SNAPSHOT_LOST;
			return SNAPSHOT_WAIT;
		case PG_FAILED:
			pg_connect_sqlstate(s->exporter, sqlstate);
			if (!s->plain && is_full(sqlstate))
				return export_otherwise(s, now_ms, err);
			pg_connect_error(s->exporter, s->cfg, err);
			return SNAPSHOT_LOST;
		default:
			break;
	}
	if (now_ms < s->deadline_ms)
		return SNAPSHOT_WAIT;
	err_set(err, ERR_RETRY, "source_timeout",
			"the source %s did not answer in time", config_source_name(s->cfg));
	return SNAPSHOT_LOST;
}

static SnapshotEvent
export_reply(SnapshotSource *s, const PGresult *res, int64_t now_ms, Error *err)
{
	const char *code = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	bool good;

	if (!s->plain && code != NULL && is_full(code))
		return export_otherwise(s, now_ms, err);
	good = s->plain ? export_plain(s, res, err) : export_created(s, res, err);
	return good ? SNAPSHOT_WAIT : SNAPSHOT_LOST;
}

static SnapshotEvent
export_next(SnapshotSource *s, int64_t now_ms, Error *err)
{
	SnapshotEvent event;
	PGresult *res;

	if (s->retry_ms > 0 && s->state == ROUND_EXPORTING)
	{
		if (now_ms < s->retry_ms || send_create(s, err))
			return SNAPSHOT_WAIT;
		return SNAPSHOT_LOST;
	}
	if (s->state == ROUND_CONNECTING)
		return export_connecting(s, now_ms, err);
	s->want = pg_result_poll(s->exporter, &res);
	if (s->want == PG_FAILED)
	{
		pg_lost_error(s->exporter, err);
		return SNAPSHOT_LOST;
	}
	if (s->want != PG_DONE)
		return SNAPSHOT_WAIT;
	if (res != NULL)
	{
		event = export_reply(s, res, now_ms, err);
		PQclear(res);
		return event;
	}
	/* the answer of the last query was not it yet */
	if (s->name[0] == '\0')
	{
		s->retry_ms = now_ms + (s->barrier[0] != '\0' ? RETRY_MS : 0);
		return SNAPSHOT_WAIT;
	}
	s->count = 1;
	if (!reader_connect(&s->readers[0], s->cfg, s->exporter, now_ms, err))
		return SNAPSHOT_LOST;
	s->state = ROUND_LISTING;
	return SNAPSHOT_WAIT;
}

static bool
export_created(SnapshotSource *s, const PGresult *res, Error *err)
{
	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		return pg_result_error(res, PG_CREATING_SLOT, s->cfg, err);
	if (PQntuples(res) != 1 || PQnfields(res) < 3 ||
		!pg_parse_lsn(PQgetvalue(res, 0, 1), &s->lsn))
		return err_set(err, ERR_ENVIRONMENT, "source_reply",
					   "the source answered CREATE_REPLICATION_SLOT in a form "
					   "that is not known");
	snprintf(s->name, sizeof(s->name), "%s", PQgetvalue(res, 0, 2));
	return true;
}

/* No walsender, or no slot, is free. */
static bool
is_full(const char *sqlstate)
{
	return strcmp(sqlstate, "53300") == 0 || strcmp(sqlstate, "53400") == 0;
}

static SnapshotEvent
export_otherwise(SnapshotSource *s, int64_t now_ms, Error *err)
{
	log_event(
		LOG_WARN,
		"the server has no walsender or no slot to spare for the snapshot: one of an ordinary session is taken, and changes made meanwhile come twice, as rows and as changes",
		F_STR("hint",
			  "raise max_wal_senders and max_replication_slots by one"));
	s->plain = true;
	if (!export_connect(s, s->exporter, now_ms, err))
		return SNAPSHOT_LOST;
	return SNAPSHOT_WAIT;
}

/*
 * First the transactions that may have been committed before the slot was made;
 * then a snapshot in which none of them runs any more.
 */
static bool
export_plain(SnapshotSource *s, const PGresult *res, Error *err)
{
	if (PQresultStatus(res) == PGRES_FATAL_ERROR)
		return pg_result_error(res, PG_READING, s->cfg, err);
	if (PQresultStatus(res) != PGRES_TUPLES_OK || PQntuples(res) != 1)
		return true;
	if (s->barrier[0] == '\0')
	{
		snprintf(s->barrier, sizeof(s->barrier), "%s", PQgetvalue(res, 0, 0));
		if (!pg_parse_lsn(PQgetvalue(res, 0, 1), &s->lsn))
			s->lsn = s->position;
		s->floor = s->position;
	}
	else if (PQgetvalue(res, 0, 1)[0] == 't')
		snprintf(s->name, sizeof(s->name), "%s", PQgetvalue(res, 0, 0));
	return true;
}

/* ---- what there is ------------------------------------------------------- */

static SnapshotEvent
list_next(SnapshotSource *s, int64_t now_ms, Error *err)
{
	SnapshotReader *r = &s->readers[0];
	PgText sql = {NULL, 0, 0};
	bool good;

	switch (reader_next(r, now_ms, err))
	{
		case READER_READY:
			if (!r->imported)
			{
				if (!reader_import(r, s->name, now_ms, err))
					return SNAPSHOT_LOST;
				return SNAPSHOT_WAIT;
			}
			snapshot_list_text(&sql, s->cfg);
			good = reader_ask(r, sql.data, now_ms, err);
			free(sql.data);
			return good ? SNAPSHOT_WAIT : SNAPSHOT_LOST;
		case READER_ANSWER:
			good = snapshot_list_read(s->plan, r->result, s->cfg, s->lsn,
									  !s->plain, s->started, sizeof(s->started),
									  err);
			PQclear(r->result);
			r->result = NULL;
			if (!good)
				return SNAPSHOT_LOST;
			if (!s->lock && s->cfg->snapshot_locking == SNAPSHOT_LOCKING_NONE)
				return begun(s);
			if (!snapshot_lock_text(&sql, s->plan))
				return begun(s);
			good = reader_ask(r, sql.data, now_ms, err);
			free(sql.data);
			s->state = ROUND_LOCKING;
			return good ? SNAPSHOT_WAIT : SNAPSHOT_LOST;
		case READER_REFUSED:
		case READER_LOST:
			return SNAPSHOT_LOST;
		default:
			return SNAPSHOT_WAIT;
	}
}

static SnapshotEvent
lock_next(SnapshotSource *s, int64_t now_ms, Error *err)
{
	SnapshotReader *r = &s->readers[0];

	switch (reader_next(r, now_ms, err))
	{
		case READER_ANSWER:
			PQclear(r->result);
			r->result = NULL;
			return begun(s);
		case READER_REFUSED:
		case READER_LOST:
			return SNAPSHOT_LOST;
		default:
			return SNAPSHOT_WAIT;
	}
}

static SnapshotEvent
begun(SnapshotSource *s)
{
	snapshot_plan_begun(s->plan, s->floor != 0 ? s->floor : s->lsn);
	s->state = ROUND_BEGUN;
	s->count = s->cfg->snapshot_max_threads;
	if (s->count > SNAPSHOT_MAX_READERS)
		s->count = SNAPSHOT_MAX_READERS;
	for (int i = 1; i < s->count; i++)
		s->readers[i] = (SnapshotReader){.state = READER_DOWN};
	return SNAPSHOT_BEGUN;
}

/* ---- rows ---------------------------------------------------------------- */

static SnapshotEvent
reader_turn(SnapshotSource *s, int i, int64_t now_ms, SnapshotRows *rows,
			Error *err)
{
	SnapshotReader *r = &s->readers[i];

	rows->reader = i;
	rows->unit = &s->units[i];
	rows->refused = false;
	if (r->state == READER_IDLE && r->imported)
		return hand_out(s, i, err);
	if (r->state == READER_DOWN)
	{
		/* one for each part there is, no more */
		if (!snapshot_plan_has_next(s->plan))
			return SNAPSHOT_WAIT;
		return reader_connect(r, s->cfg, s->readers[0].conn, now_ms, err)
				   ? SNAPSHOT_WAIT
				   : SNAPSHOT_LOST;
	}
	switch (reader_next(r, now_ms, err))
	{
		case READER_READY:
			if (r->imported)
				return hand_out(s, i, err);
			return reader_import(r, s->name, now_ms, err) ? SNAPSHOT_WAIT
														  : SNAPSHOT_LOST;
		case READER_PAYLOAD:
			rows->payload = r->payload;
			rows->len = r->len;
			return SNAPSHOT_PAYLOAD;
		case READER_END:
			return SNAPSHOT_UNIT;
		case READER_REFUSED:
			return unit_refused(s, i, rows, now_ms, err);
		case READER_LOST:
			return SNAPSHOT_LOST;
		default:
			return SNAPSHOT_WAIT;
	}
}

static SnapshotEvent
hand_out(SnapshotSource *s, int i, Error *err)
{
	PgText sql = {NULL, 0, 0};
	bool sent;

	/* its last record may still be held back */
	if (s->units[i].table != NULL || !snapshot_plan_next(s->plan, &s->units[i]))
		return SNAPSHOT_WAIT;
	if (failpoint_active)
		failpoint_hit("snapshot_part");
	snapshot_copy_text(&sql, s->cfg, &s->units[i], s->lsn, s->started);
	sent = reader_copy(&s->readers[i], sql.data, err);
	free(sql.data);
	return sent ? SNAPSHOT_WAIT : SNAPSHOT_LOST;
}

/* A table that is no more has no rows; anything else ends the round. */
static SnapshotEvent
unit_refused(SnapshotSource *s, int i, SnapshotRows *rows, int64_t now_ms,
			 Error *err)
{
	SnapshotReader *r = &s->readers[i];
	SnapshotTable *t = s->units[i].table;

	if (strcmp(r->sqlstate, "42P01") != 0 || t == NULL)
	{
		/* the next round waits for no turn */
		s->lock |= strcmp(r->sqlstate, "40001") == 0;
		return SNAPSHOT_LOST;
	}
	log_event(LOG_WARN, "a table was dropped while the snapshot is taken",
			  F_STR("table", t->name));
	snapshot_plan_dropped(s->plan, t);
	r->imported = false;
	if (!reader_import(r, s->name, now_ms, err))
		return SNAPSHOT_LOST;
	rows->refused = true;
	return SNAPSHOT_UNIT;
}
