/*
 * source_stream.c
 *		The stream: messages in, the confirmed position out; and what the rest of
 *		the shipper may ask of the source.
 */
#include "source_internal.h"

#include <stdlib.h>

#include "clock.h"
#include "wire.h"

/* A position that moved is told at once when there is nothing else to do, but
 * not more often than each IDLE_GAP_MS; under load, each BUSY_GAP_MS.  The
 * latter also paces the answers to a server that asks without end, as one does
 * that wants to shut down. */
#define IDLE_GAP_MS 10
#define BUSY_GAP_MS 100
/* 'w': kind, start, end, time; 'k': kind, end, time, reply wanted */
#define DATA_HEAD_BYTES 25
#define KEEPALIVE_BYTES 18
#define STATUS_BYTES	34
/* microseconds from 1970-01-01 to 2000-01-01 */
#define POSTGRES_EPOCH_US INT64_C(946684800000000)
#define NEVER_MS		  INT64_MAX
/* A server that says nothing is asked to answer after half of its own
 * wal_sender_timeout, and given up after all of it; without one, of this.  A
 * peer that vanished behind a proxy or a firewall is noticed by nothing else. */
#define SILENCE_MS 60000

static void stream_begin(Source *s, SourceEvent *ev, int64_t now_ms);
static SourceResult stream_next(Source *s, SourceEvent *ev, int64_t now_ms,
								Error *err);
static SourceResult stream_message(Source *s, size_t len, SourceEvent *ev,
								   int64_t now_ms, Error *err);
static SourceResult stream_quiet(Source *s, int64_t now_ms, Error *err);
static SourceResult stream_ended(Source *s, Error *err);
static bool send_status(Source *s, uint64_t lsn, Error *err);
static bool flush_output(Source *s, Error *err);
static int64_t status_due_ms(const Source *s, uint64_t lsn, bool idle);


Source *
source_open(const Config *cfg)
{
	Source *s = calloc(1, sizeof(*s));

	if (s == NULL)
		abort();
	s->cfg = cfg;
	return s;
}

SourceResult
source_next(Source *s, int64_t now_ms, SourceEvent *ev, Error *err)
{
	SourceResult result;

	if (s->state == STATE_DOWN)
		return SOURCE_WAIT;
	if (s->state >= STATE_STREAM)
		return stream_next(s, ev, now_ms, err);
	result = source_start_next(s, now_ms, err);
	if (result == SOURCE_STARTED)
		stream_begin(s, ev, now_ms);
	return result;
}

bool
source_confirm(Source *s, uint64_t lsn, bool idle, int64_t now_ms, Error *err)
{
	if (s->state != STATE_STREAM)
		return true;
	if (now_ms >= status_due_ms(s, lsn, idle))
	{
		if (!send_status(s, lsn, err))
			return false;
		s->status_ms = now_ms;
	}
	return !s->flush_left || flush_output(s, err);
}

bool
source_finish(Source *s, uint64_t lsn, Error *err)
{
	if (!send_status(s, lsn, err))
		return false;
	if (PQputCopyEnd(s->conn, NULL) < 0)
		return pg_lost_error(s->conn, err);
	s->state = STATE_END;
	return flush_output(s, err);
}

void
source_disconnect(Source *s)
{
	PQfreemem(s->message);
	s->message = NULL;
	if (s->conn != NULL)
		PQfinish(s->conn);
	s->conn = NULL;
	s->state = STATE_DOWN;
	s->flush_left = false;
	s->reply_wanted = false;
	s->refused_busy = false;
	s->pressed_ms = 0;
	prepare_free(&s->prepare);
}

SourceResult
source_lose(Source *s, SourceResult how)
{
	source_disconnect(s);
	return how;
}

KnownTables *
source_captured(Source *s)
{
	return &s->prepare.captured;
}

void
source_close(Source *s)
{
	if (s == NULL)
		return;
	source_disconnect(s);
	free(s);
}

int
source_fd(const Source *s)
{
	return s->conn != NULL ? PQsocket(s->conn) : -1;
}

short
source_events(const Source *s, bool reading)
{
	if (s->state >= STATE_STREAM)
		return (short) ((reading ? POLLIN : 0) | (s->flush_left ? POLLOUT : 0));
	if (s->state == STATE_CONNECT)
		return s->want == PG_WAIT_READ ? POLLIN : POLLOUT;
	return (short) (POLLIN | (s->want == PG_WAIT_WRITE ? POLLOUT : 0));
}

int64_t
source_deadline(const Source *s, uint64_t lsn, bool idle)
{
	if (s->state == STATE_STREAM)
		return status_due_ms(s, lsn, idle);
	return s->state == STATE_DOWN || s->state == STATE_END ? NEVER_MS
														   : s->deadline_ms;
}

bool
source_is_connected(const Source *s)
{
	return s->state != STATE_DOWN;
}

bool
source_is_streaming(const Source *s)
{
	return s->state == STATE_STREAM;
}

bool
source_is_taken(const Source *s)
{
	return s->taken;
}

uint64_t
source_received_lsn(const Source *s)
{
	return s->received_lsn;
}

uint64_t
source_sent_lsn(const Source *s)
{
	return s->sent_lsn;
}

uint64_t
source_server_lsn(const Source *s)
{
	return s->server_lsn;
}

uint64_t
source_received_bytes(const Source *s)
{
	return s->received_bytes;
}

int64_t
source_pressed_ms(const Source *s, int64_t now_ms)
{
	return s->pressed_ms > 0 ? now_ms - s->pressed_ms : 0;
}

struct pg_conn *
source_conn(const Source *s)
{
	return s->state == STATE_STREAM ? s->conn : NULL;
}

static void
stream_begin(Source *s, SourceEvent *ev, int64_t now_ms)
{
	int64_t limit = s->server.sender_timeout_ms / 3;

	s->state = STATE_STREAM;
	s->server.streamed = true;
	s->interval_ms = s->cfg->status_interval;
	if (limit > 0 && s->interval_ms > limit)
		s->interval_ms = limit;
	if (s->interval_ms < BUSY_GAP_MS)
		s->interval_ms = BUSY_GAP_MS;
	s->status_ms = now_ms - s->interval_ms;
	s->flush_left = false;
	s->greeted = false;
	s->reply_wanted = false;
	s->quiet_ms = 0;
	s->asked_ms = 0;
	s->pressed_ms = 0;
	s->sent_lsn = 0;
	s->received_lsn = s->resume_lsn;
	if (s->received_lsn < s->server.confirmed_lsn)
		s->received_lsn = s->server.confirmed_lsn;
	s->server_lsn = s->server.wal_lsn;
	*ev = (SourceEvent){
		.confirmed_lsn = s->server.confirmed_lsn,
		.start_lsn = s->received_lsn,
		.slot_created = s->slot_created,
		.server = {.timeline = (uint32_t) s->server.timeline,
				   .wal_lsn = s->server.wal_lsn,
				   .slot_lsn = s->server.confirmed_lsn,
				   .slot_created = s->slot_created,
				   .replaced = s->server.replaced,
				   .lost_lsn = s->server.lost_lsn,
				   .lost_reason = s->server.lost_reason,
				   .standby = s->server.in_recovery,
				   .history = &s->history},
	};
	snprintf(ev->server.system_id, sizeof(ev->server.system_id), "%.23s",
			 s->server.system_id);
	s->server.replaced = false;
}

/*
 * One message.  Of an encrypted connection a part may stay inside the TLS
 * library where poll() cannot see it: when a record did not fit into libpq's
 * buffer.  It then filled the buffer, and the next read doubles that; so a few
 * reads in a row leave nothing behind.
 */
static SourceResult
stream_next(Source *s, SourceEvent *ev, int64_t now_ms, Error *err)
{
	int tries = s->encrypted ? 5 : 1;

	for (;;)
	{
		int n;

		PQfreemem(s->message);
		s->message = NULL;
		n = PQgetCopyData(s->conn, &s->message, 1);
		if (n == -1)
			return stream_ended(s, err);
		if (n == -2)
			break;
		if (n > 0)
		{
			s->received_bytes += (uint64_t) n;
			s->quiet_ms = 0;
			s->asked_ms = 0;
			if (s->state == STATE_END)
				continue;
			return stream_message(s, (size_t) n, ev, now_ms, err);
		}
		if (tries-- == 0)
		{
			if (s->state == STATE_END && s->flush_left && !flush_output(s, err))
				return source_lose(s, SOURCE_LOST);
			return stream_quiet(s, now_ms, err);
		}
		if (PQconsumeInput(s->conn) == 0)
			break;
	}
	pg_lost_error(s->conn, err);
	return source_lose(s, SOURCE_LOST);
}

static SourceResult
stream_message(Source *s, size_t len, SourceEvent *ev, int64_t now_ms,
			   Error *err)
{
	const uint8_t *p = (const uint8_t *) s->message;
	uint64_t wal_end;

	if (p[0] == 'w' && len > DATA_HEAD_BYTES)
	{
		/* of a batch this is the position of its first record: not to be
		 * confirmed, only shown */
		wal_end = wire_load_u64(p + 9);
		ev->payload = p + DATA_HEAD_BYTES;
		ev->len = len - DATA_HEAD_BYTES;
	}
	else if (p[0] == 'k' && len >= KEEPALIVE_BYTES)
	{
		wal_end = wire_load_u64(p + 1);
		ev->wal_end = wal_end;
		ev->urgent = p[17] != 0;
		if (p[17] != 0)
		{
			s->reply_wanted = true;
			if (s->pressed_ms == 0 && wal_end > s->sent_lsn)
			{
				s->pressed_ms = now_ms;
				s->pressed_lsn = wal_end;
			}
		}
	}
	else
	{
		err_set(
			err, ERR_ENVIRONMENT, "source_reply",
			"the source sent a replication message that is not known (kind 0x%02x, %zu bytes)",
			p[0], len);
		return source_lose(s, SOURCE_LOST);
	}
	if (wal_end > s->received_lsn)
		s->received_lsn = wal_end;
	if (wal_end > s->server_lsn)
		s->server_lsn = wal_end;
	return p[0] == 'w' ? SOURCE_PAYLOAD : SOURCE_KEEPALIVE;
}

/* Nothing is there to be read.  Time in which we do not read does not count. */
static SourceResult
stream_quiet(Source *s, int64_t now_ms, Error *err)
{
	int64_t limit = s->server.sender_timeout_ms > 0
						? s->server.sender_timeout_ms
						: SILENCE_MS;

	if (s->state != STATE_STREAM)
		return SOURCE_WAIT;
	if (s->quiet_ms == 0)
		s->quiet_ms = now_ms;
	if (s->asked_ms == 0)
	{
		if (now_ms - s->quiet_ms >= limit / 2)
		{
			/* the next status asks, as the first one of a session does */
			s->greeted = false;
			s->reply_wanted = true;
			s->asked_ms = now_ms;
		}
		return SOURCE_WAIT;
	}
	/* in a large transaction the server looks at replies each half of its
	 * time-out, and not sooner */
	if (now_ms - s->asked_ms < limit)
		return SOURCE_WAIT;
	err_set(err, ERR_RETRY, "source_silent",
			"the source %s does not answer any more",
			config_source_name(s->cfg));
	err_detail(err, "Nothing has come for %lld ms, though it was asked.",
			   (long long) (now_ms - s->quiet_ms));
	return source_lose(s, SOURCE_LOST);
}

static SourceResult
stream_ended(Source *s, Error *err)
{
	PGresult *res = PQisBusy(s->conn) ? NULL : PQgetResult(s->conn);

	if (PQresultStatus(res) == PGRES_FATAL_ERROR && res != NULL)
		pg_result_error(res, PG_STREAMING, s->cfg, err);
	else if (s->state == STATE_END)
	{
		PQclear(res);
		return source_lose(s, SOURCE_ENDED);
	}
	else
		err_set(err, ERR_RETRY, "source_stopped",
				"the server ended the stream, it shuts down");
	PQclear(res);
	return source_lose(s, SOURCE_LOST);
}

/*
 * write: received; flush and apply: what the caller says is safe.  What the
 * socket does not take waits in libpq, a few bytes each interval.
 */
static bool
send_status(Source *s, uint64_t lsn, Error *err)
{
	uint8_t m[STATUS_BYTES];
	uint64_t received = s->received_lsn > lsn ? s->received_lsn : lsn;

	wire_put_u8(m, 'r');
	wire_put_u64(m + 1, received);
	wire_put_u64(m + 9, lsn);
	wire_put_u64(m + 17, lsn);
	wire_put_u64(m + 25,
				 (uint64_t) (clock_us(CLOCK_REALTIME) - POSTGRES_EPOCH_US));
	/* of a session that has nothing to send the first keepalive would otherwise
	 * come late: the server sends none to who is at its position already */
	wire_put_u8(m + 33, s->greeted ? 0 : 1);
	s->greeted = true;
	if (PQputCopyData(s->conn, (const char *) m, STATUS_BYTES) < 0)
		return pg_lost_error(s->conn, err);
	if (lsn > s->sent_lsn)
		s->sent_lsn = lsn;
	s->reply_wanted = false;
	if (lsn >= s->pressed_lsn)
		s->pressed_ms = 0;
	return flush_output(s, err);
}

static bool
flush_output(Source *s, Error *err)
{
	int left = PQflush(s->conn);

	if (left < 0)
		return pg_lost_error(s->conn, err);
	s->flush_left = left > 0;
	return true;
}

static int64_t
status_due_ms(const Source *s, uint64_t lsn, bool idle)
{
	/* nothing is added while the last ones wait for the socket */
	if (s->flush_left)
		return s->status_ms + s->interval_ms;
	if (lsn > s->sent_lsn && idle)
		return s->status_ms + IDLE_GAP_MS;
	if (lsn > s->sent_lsn || s->reply_wanted)
		return s->status_ms + BUSY_GAP_MS;
	return s->status_ms + s->interval_ms;
}
