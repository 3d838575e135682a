/*
 * snapshot_reader.c
 *		One connection that reads rows under an exported snapshot.
 */
#include "snapshot_reader.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

#define CONNECT_TIMEOUT_MS 30000
#define COMMAND_TIMEOUT_MS 60000
#define NEVER_MS		   INT64_MAX
/* of COPY's binary form, before the first row and of each */
#define COPY_HEAD_BYTES 19
#define COPY_ROW_BYTES	6

/*
 * Row-level security off is an error where it would apply, on it would leave
 * rows out.  The last of these settings exist on some servers only.
 */
const char reader_session_text[] =
	"SET client_min_messages = error; SET row_security = off; SET statement_timeout = 0;"
	" SET idle_in_transaction_session_timeout = 0;"
	" SET synchronize_seqscans = off; SET standard_conforming_strings = on;"
	" SELECT pg_catalog.set_config(s.name, v.value, false)"
	" FROM pg_catalog.pg_settings s JOIN (VALUES"
	" ('restrict_nonsystem_relation_kind', 'view,foreign-table'),"
	" ('transaction_timeout', '0')) v(name, value) ON s.name = v.name;";

static ReaderEvent lose(SnapshotReader *r);
static bool send(SnapshotReader *r, ReaderState state, const char *sql,
				 int64_t deadline_ms, Error *err);
static ReaderEvent read_results(SnapshotReader *r, Error *err);
static ReaderEvent read_row(SnapshotReader *r, Error *err);
static bool unpack_row(SnapshotReader *r, size_t len);
static void note_failure(SnapshotReader *r, const PGresult *res);


bool
reader_connect(SnapshotReader *r, const Config *cfg, const PGconn *same,
			   int64_t now_ms, Error *err)
{
	PgParams params;
	int64_t timeout;

	memset(r, 0, sizeof(*r));
	r->cfg = cfg;
	if (!pg_params_build(&params, cfg, false, err))
		return false;
	if (same != NULL)
		pg_params_same_host(&params, same);
	r->conn = pg_connect_start(&params, err);
	if (r->conn == NULL)
		return false;
	timeout = pg_params_timeout(&params);
	r->state = READER_CONNECTING;
	r->want = PG_WAIT_WRITE;
	r->deadline_ms = now_ms + (timeout > 0 ? timeout : CONNECT_TIMEOUT_MS);
	return true;
}

bool
reader_import(SnapshotReader *r, const char *snapshot, int64_t now_ms,
			  Error *err)
{
	PgText sql = {NULL, 0, 0};
	bool sent;

	pg_text_add(&sql,
				"%s %s SET lock_timeout = %lld; COMMIT;"
				" BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
				" SET TRANSACTION SNAPSHOT ",
				PQtransactionStatus(r->conn) == PQTRANS_IDLE ? "" : "ROLLBACK;",
				reader_session_text, (long long) r->cfg->snapshot_lock_timeout);
	pg_text_quoted(&sql, snapshot, '\'');
	sent =
		send(r, READER_IMPORTING, sql.data, now_ms + COMMAND_TIMEOUT_MS, err);
	free(sql.data);
	return sent;
}

bool
reader_ask(SnapshotReader *r, const char *sql, int64_t now_ms, Error *err)
{
	(void) now_ms;
	return send(r, READER_ASKING, sql, NEVER_MS, err);
}

bool
reader_ask_one(SnapshotReader *r, const char *sql, Error *err)
{
	r->state = READER_ASKING;
	r->want = PG_WAIT_WRITE;
	r->deadline_ms = NEVER_MS;
	r->failed = false;
	return PQsendQueryParams(r->conn, sql, 0, NULL, NULL, NULL, NULL, 0) == 1 ||
		   pg_lost_error(r->conn, err);
}

bool
reader_copy(SnapshotReader *r, const char *sql, Error *err)
{
	r->at_start = true;
	r->copying = false;
	return send(r, READER_COPYING, sql, NEVER_MS, err);
}

ReaderEvent
reader_next(SnapshotReader *r, int64_t now_ms, Error *err)
{
	ReaderEvent event = READER_WAIT;

	switch (r->state)
	{
		case READER_DOWN:
		case READER_IDLE:
			return READER_WAIT;
		case READER_CONNECTING:
			switch (pg_connect_poll(r->conn, &r->want))
			{
				case PG_DONE:
					r->state = READER_IDLE;
					return READER_READY;
				case PG_FAILED:
					pg_connect_error(r->conn, r->cfg, err);
					return lose(r);
				default:
					break;
			}
			break;
		case READER_COPYING:
			event = read_row(r, err);
			break;
		default:
			event = read_results(r, err);
			break;
	}
	if (event == READER_WAIT && now_ms >= r->deadline_ms)
	{
		err_set(
			err, ERR_RETRY, "source_timeout",
			"the source %s did not answer a connection of the snapshot in time",
			config_source_name(r->cfg));
		return lose(r);
	}
	return event;
}

void
reader_release(SnapshotReader *r)
{
	PQfreemem(r->buffer);
	r->buffer = NULL;
	r->payload = NULL;
	r->len = 0;
}

char *
reader_take(SnapshotReader *r)
{
	char *buffer = r->buffer;

	r->buffer = NULL;
	return buffer;
}

void
reader_close(SnapshotReader *r)
{
	reader_release(r);
	if (r->conn != NULL)
		PQfinish(r->conn);
	r->conn = NULL;
	r->state = READER_DOWN;
}

int
reader_fd(const SnapshotReader *r)
{
	return r->conn != NULL ? PQsocket(r->conn) : -1;
}

short
reader_events(const SnapshotReader *r, bool reading)
{
	if (r->state == READER_DOWN || r->state == READER_IDLE)
		return 0;
	if (r->state == READER_CONNECTING)
		return r->want == PG_WAIT_READ ? POLLIN : POLLOUT;
	if (r->state == READER_COPYING && !reading)
		return 0;
	return (short) (POLLIN | (r->want == PG_WAIT_WRITE ? POLLOUT : 0));
}

static ReaderEvent
lose(SnapshotReader *r)
{
	reader_close(r);
	return READER_LOST;
}

static bool
send(SnapshotReader *r, ReaderState state, const char *sql, int64_t deadline_ms,
	 Error *err)
{
	r->state = state;
	r->want = PG_WAIT_WRITE;
	r->deadline_ms = deadline_ms;
	r->failed = false;
	return PQsendQuery(r->conn, sql) == 1 || pg_lost_error(r->conn, err);
}

/* Results until there is none left. */
static ReaderEvent
read_results(SnapshotReader *r, Error *err)
{
	for (;;)
	{
		PGresult *res;
		ReaderState was = r->state;

		r->want = pg_result_poll(r->conn, &res);
		if (r->want == PG_FAILED)
		{
			pg_lost_error(r->conn, err);
			return lose(r);
		}
		if (r->want != PG_DONE)
			return READER_WAIT;
		if (res != NULL)
		{
			if (PQresultStatus(res) == PGRES_FATAL_ERROR)
				note_failure(r, res);
			if (was == READER_ASKING && PQresultStatus(res) == PGRES_TUPLES_OK)
			{
				PQclear(r->result);
				r->result = res;
			}
			else
				PQclear(res);
			continue;
		}
		r->state = READER_IDLE;
		if (r->failed)
		{
			r->imported = false;
			*err = r->why;
			PQclear(r->result);
			r->result = NULL;
			return READER_REFUSED;
		}
		if (was == READER_IMPORTING)
			r->imported = true;
		return was == READER_IMPORTING ? READER_READY
			   : was == READER_ASKING  ? READER_ANSWER
									   : READER_END;
	}
}

static ReaderEvent
read_row(SnapshotReader *r, Error *err)
{
	int tries = 2;

	/* the command itself may still be on its way */
	if (r->at_start && PQflush(r->conn) < 0)
	{
		pg_lost_error(r->conn, err);
		return lose(r);
	}
	for (;;)
	{
		int n = r->copying ? PQgetCopyData(r->conn, &r->buffer, 1) : 0;

		if (n > 0)
		{
			if (unpack_row(r, (size_t) n))
				return READER_PAYLOAD;
			reader_release(r);
			continue;
		}
		if (n < 0 || (!r->copying && !PQisBusy(r->conn)))
		{
			PGresult *res = n < 0 ? NULL : PQgetResult(r->conn);

			r->copying = PQresultStatus(res) == PGRES_COPY_OUT;
			if (res != NULL && PQresultStatus(res) == PGRES_FATAL_ERROR)
				note_failure(r, res);
			PQclear(res);
			if (r->copying)
				continue;
			r->state = READER_ENDING;
			return read_results(r, err);
		}
		if (tries-- == 0)
			return READER_WAIT;
		if (PQconsumeInput(r->conn) == 0)
		{
			pg_lost_error(r->conn, err);
			return lose(r);
		}
	}
}

/* One value of one column; false: nothing in it. */
static bool
unpack_row(SnapshotReader *r, size_t len)
{
	const uint8_t *p = (const uint8_t *) r->buffer;

	if (r->at_start)
	{
		if (len < COPY_HEAD_BYTES)
			return false;
		p += COPY_HEAD_BYTES;
		len -= COPY_HEAD_BYTES;
		r->at_start = false;
	}
	if (len < COPY_ROW_BYTES || wire_load_u16(p) != 1 ||
		wire_load_u32(p + 2) != len - COPY_ROW_BYTES)
		return false;
	r->payload = p + COPY_ROW_BYTES;
	r->len = len - COPY_ROW_BYTES;
	return true;
}

static void
note_failure(SnapshotReader *r, const PGresult *res)
{
	const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	if (r->failed)
		return;
	r->failed = true;
	snprintf(r->sqlstate, sizeof(r->sqlstate), "%s",
			 sqlstate != NULL ? sqlstate : "");
	pg_result_error(res, PG_READING, r->cfg, &r->why);
}
