/*
 * source_stream.c
 *		The slot, streamed: connect, make sure of the slot, START_REPLICATION,
 *		messages in, the confirmed position out.
 */
#include "source_stream.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "log.h"
#include "lsn.h"
#include "source_prepare.h"
#include "source_slot.h"
#include "wire.h"

/* how long the server may take to answer, in ms; making a slot may wait for
 * every open transaction, so it has no limit */
#define CONNECT_TIMEOUT_MS 30000
/* where another host may be the one to go on with */
#define HOST_TIMEOUT_MS	   5000
#define COMMAND_TIMEOUT_MS 60000
/* A position that moved is told at once when there is nothing else to do, but
 * not more often than each IDLE_GAP_MS; under load, each BUSY_GAP_MS.  The
 * latter also paces the answers to a server that asks without end, as one does
 * that wants to shut down. */
#define IDLE_GAP_MS 10
#define BUSY_GAP_MS 100
/* 'w': kind, start, end, time; 'k': kind, end, time, reply wanted */
#define DATA_HEAD_BYTES	 25
#define KEEPALIVE_BYTES	 18
#define STATUS_BYTES	 34
#define ENCRYPTED_RCVBUF (256 * 1024)
/* microseconds from 1970-01-01 to 2000-01-01 */
#define POSTGRES_EPOCH_US INT64_C(946684800000000)
#define NEVER_MS		  INT64_MAX
/* while another process streams from the slot it is looked at that often */
#define TAKEN_MS 500
/* A server that says nothing is asked to answer after half of its own
 * wal_sender_timeout, and given up after all of it; without one, of this.  A
 * peer that vanished behind a proxy or a firewall is noticed by nothing else. */
#define SILENCE_MS 60000

typedef enum SourceState
{
	STATE_DOWN,
	STATE_CONNECT,
	STATE_IDENTIFY,
	STATE_HISTORY,
	STATE_QUERY,
	STATE_TAKEN,
	STATE_PREPARE,
	STATE_ALTER,
	STATE_REPLACE,
	STATE_CREATE,
	STATE_START,
	STATE_DROP,
	STATE_STREAM,
	STATE_END
} SourceState;

struct Source
{
	const Config *cfg;
	SourceServer server;
	TimelineHistory history; /* of its timeline, if that is not the first */
	SourceState state;
	PGconn *conn;
	PgWait want; /* while connecting or waiting for a reply */
	int64_t deadline_ms;
	unsigned first_host; /* of several: begin with this one */
	int hosts;
	int refusals;		  /* of hosts in a row */
	unsigned hosts_tried; /* in this attempt, before the one at hand */
	const char *host;	  /* libpq's: where it is trying to connect */
	int64_t connect_ms;	  /* for each host */
	bool taken;			  /* another process streams from the slot */
	bool refused_busy;	  /* it was free when we looked, but not any more */
	uint64_t resume_lsn;
	bool slot_created;
	Prepare prepare;
	bool prepared;	   /* once is enough */
	unsigned commands; /* sent so far */
	Error refusal;	   /* why the slot just made is dropped again */
	bool encrypted;

	char *message;	 /* libpq's; the last one handed out */
	bool flush_left; /* output that the socket did not take yet */
	bool greeted;	 /* the first status of the session is out */
	bool reply_wanted;
	int64_t quiet_ms;  /* since when nothing has come; 0: something has */
	int64_t asked_ms;  /* since when it is asked to answer; 0: it is not */
	int64_t status_ms; /* when the last status was sent */
	int64_t interval_ms;
	int64_t pressed_ms; /* first unsatisfied request; 0: none */
	uint64_t pressed_lsn;
	uint64_t received_lsn;
	uint64_t sent_lsn;
	uint64_t server_lsn;
	uint64_t received_bytes;
};

static SourceResult source_lose(Source *s, SourceResult how);
static SourceResult step_connect(Source *s, Error *err);
static SourceResult step_taken(Source *s, int64_t now_ms, Error *err);
static void note_taken(Source *s, bool taken);
static void bound_input(const Source *s);
static SourceResult step_command(Source *s, SourceEvent *ev, Error *err);
static SourceResult read_reply(Source *s, PGresult *res, SourceEvent *ev,
							   Error *err);
static bool next_command(Source *s, Error *err);
static bool send_command(Source *s, SourceState state, char *command,
						 Error *err);
static void start_streaming(Source *s, SourceEvent *ev);
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

bool
source_connect(Source *s, uint64_t resume_lsn, int64_t now_ms, Error *err)
{
	PgParams params;

	source_disconnect(s);
	if (!pg_params_build(&params, s->cfg, true, err))
		return false;
	pg_params_first_host(&params, s->first_host);
	s->conn = pg_connect_start(&params, err);
	if (s->conn == NULL)
		return false;
	s->hosts = params.hosts;
	s->connect_ms = pg_params_timeout(&params);
	if (s->connect_ms <= 0)
		s->connect_ms = params.hosts > 1 ? HOST_TIMEOUT_MS : CONNECT_TIMEOUT_MS;
	s->state = STATE_CONNECT;
	s->want = PG_WAIT_WRITE;
	s->host = PQhost(s->conn);
	s->hosts_tried = 0;
	s->deadline_ms = now_ms + s->connect_ms;
	s->resume_lsn = resume_lsn;
	s->slot_created = false;
	return true;
}

SourceResult
source_next(Source *s, int64_t now_ms, SourceEvent *ev, Error *err)
{
	unsigned before = s->commands;
	SourceResult result;

	if (s->state == STATE_DOWN)
		return SOURCE_WAIT;
	if (s->state >= STATE_STREAM)
		return stream_next(s, ev, now_ms, err);
	if (s->state == STATE_TAKEN)
		return step_taken(s, now_ms, err);
	result = s->state == STATE_CONNECT ? step_connect(s, err)
									   : step_command(s, ev, err);
	if (result == SOURCE_STARTED)
		s->status_ms = now_ms - s->interval_ms;
	else if (result == SOURCE_WAIT && s->state == STATE_TAKEN)
		s->deadline_ms = now_ms + TAKEN_MS;
	else if (result == SOURCE_WAIT && s->state == STATE_CONNECT &&
			 PQhost(s->conn) != s->host)
	{
		s->host = PQhost(s->conn);
		s->hosts_tried++;
		s->deadline_ms = now_ms + s->connect_ms;
	}
	else if (result == SOURCE_WAIT && s->commands != before)
		s->deadline_ms =
			s->state == STATE_CREATE ? NEVER_MS : now_ms + COMMAND_TIMEOUT_MS;
	else if (result == SOURCE_WAIT && now_ms >= s->deadline_ms)
	{
		err_set(err, ERR_RETRY, "source_timeout",
				"the source %s did not answer in time while %s",
				config_source_name(s->cfg), source_step(s));
		/* the next attempt begins with the host behind the one that is silent */
		if (s->state == STATE_CONNECT)
			s->first_host += s->hosts_tried + 1;
		return source_lose(s, SOURCE_LOST);
	}
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

const char *
source_step(const Source *s)
{
	static const char *const steps[] = {
		[STATE_DOWN] = "waiting",
		[STATE_CONNECT] = "connecting",
		[STATE_IDENTIFY] = "identifying the server",
		[STATE_HISTORY] = "reading the timeline's history",
		[STATE_QUERY] = "looking the slot up",
		[STATE_TAKEN] = "waiting for the slot",
		[STATE_PREPARE] = "preparing publication and tables",
		[STATE_ALTER] = "changing the slot",
		[STATE_REPLACE] = "dropping the lost slot",
		[STATE_CREATE] = "creating the slot",
		[STATE_START] = "starting the stream",
		[STATE_DROP] = "dropping the slot just made",
		[STATE_STREAM] = "streaming",
		[STATE_END] = "ending the stream",
	};

	/* it is asked for again and again meanwhile */
	return steps[s->taken && s->state < STATE_TAKEN ? STATE_TAKEN : s->state];
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

static SourceResult
source_lose(Source *s, SourceResult how)
{
	source_disconnect(s);
	return how;
}

static SourceResult
step_connect(Source *s, Error *err)
{
	switch (pg_connect_poll(s->conn, &s->want))
	{
		case PG_DONE:
			s->refusals = 0;
			s->encrypted = PQsslInUse(s->conn) || PQgssEncInUse(s->conn);
			if (s->encrypted)
				bound_input(s);
			if (!next_command(s, err))
				return source_lose(s, SOURCE_LOST);
			return SOURCE_WAIT;
		case PG_FAILED:
			pg_connect_error(s->conn, s->cfg, err);
			/* what one host refuses another may take: a standby that is behind
			 * does not have the role or the database yet */
			s->first_host += s->hosts_tried + 1;
			if (err->kind != ERR_RETRY && ++s->refusals < s->hosts)
				err->kind = ERR_RETRY;
			return source_lose(s, SOURCE_LOST);
		default:
			return SOURCE_WAIT;
	}
}

/*
 * libpq doubles its input buffer, for good, whenever one read fills it in the
 * middle of a TLS record.  The kernel's own buffer, which would tune itself up
 * to megabytes, decides how much one read can find; so it is what must be small.
 */
static void
bound_input(const Source *s)
{
	int bytes = ENCRYPTED_RCVBUF;

	/* of no consequence but memory if it fails (a Unix socket has no such) */
	(void) setsockopt(PQsocket(s->conn), SOL_SOCKET, SO_RCVBUF, &bytes,
					  sizeof(bytes));
}

static SourceResult
step_command(Source *s, SourceEvent *ev, Error *err)
{
	PGresult *res;
	SourceResult result;

	for (;;)
	{
		s->want = pg_result_poll(s->conn, &res);
		if (s->want == PG_FAILED)
		{
			pg_lost_error(s->conn, err);
			return source_lose(s, SOURCE_LOST);
		}
		if (s->want != PG_DONE)
			return SOURCE_WAIT;
		if (res == NULL)
		{
			if (s->state == STATE_DROP)
			{
				*err = s->refusal;
				return source_lose(s, SOURCE_LOST);
			}
			if (!next_command(s, err))
				return source_lose(s, SOURCE_LOST);
			return SOURCE_WAIT;
		}
		result = read_reply(s, res, ev, err);
		PQclear(res);
		if (result != SOURCE_WAIT)
			return result == SOURCE_STARTED ? result : source_lose(s, result);
	}
}

static SourceResult
read_reply(Source *s, PGresult *res, SourceEvent *ev, Error *err)
{
	ExecStatusType status = PQresultStatus(res);
	PgStage stage = s->state == STATE_START || s->state == STATE_ALTER ||
							s->state == STATE_REPLACE
						? PG_STARTING
					: s->state == STATE_CREATE ? PG_CREATING_SLOT
											   : PG_ASKING;
	bool good;

	if (s->state == STATE_START && status == PGRES_COPY_BOTH)
	{
		start_streaming(s, ev);
		return SOURCE_STARTED;
	}
	if (s->state == STATE_DROP)
		return SOURCE_WAIT;
	if (s->state == STATE_HISTORY)
	{
		/* a file that is missing matters only if it is needed */
		if (status == PGRES_TUPLES_OK && PQntuples(res) == 1 &&
			PQnfields(res) >= 2 &&
			!timeline_history_parse(&s->history, PQgetvalue(res, 0, 1),
									(size_t) PQgetlength(res, 0, 1), err))
			return SOURCE_LOST;
		return SOURCE_WAIT;
	}
	if (s->state == STATE_PREPARE)
		return prepare_reply(&s->prepare, res, err) ? SOURCE_WAIT : SOURCE_LOST;
	if (s->state == STATE_ALTER && status == PGRES_COMMAND_OK)
	{
		log_event(LOG_INFO, "the slot is one that standbys keep in step now",
				  F_STR("slot", s->cfg->slot_name));
		return SOURCE_WAIT;
	}
	if (s->state == STATE_REPLACE && status == PGRES_COMMAND_OK)
	{
		log_event(LOG_WARN, "dropped the lost replication slot",
				  F_STR("slot", s->cfg->slot_name));
		s->server.replaced = true;
		return SOURCE_WAIT;
	}
	if (s->state == STATE_START || status != PGRES_TUPLES_OK)
	{
		pg_result_error(res, stage, s->cfg, err);
		if (stage == PG_STARTING && strcmp(err->code, "slot_in_use") == 0)
		{
			s->refused_busy = true;
			return SOURCE_WAIT;
		}
		/* a slot that nobody reads would hold back WAL */
		if (s->slot_created && err->kind != ERR_RETRY)
			s->refusal = *err;
		else
			return SOURCE_LOST;
		return SOURCE_WAIT;
	}
	if (s->state == STATE_IDENTIFY)
	{
		SlotVerdict verdict =
			slot_read_system(&s->server, res, s->resume_lsn, err);

		if (verdict == SLOT_DIVERGED)
			return SOURCE_DIVERGED;
		good = verdict == SLOT_GOOD;
	}
	else if (s->state == STATE_QUERY)
		good = slot_read_query(&s->server, res, s->cfg, s->resume_lsn, err);
	else
	{
		good = slot_read_create(&s->server, res, err);
		s->slot_created = good;
	}
	return good ? SOURCE_WAIT : SOURCE_LOST;
}

/* What follows on the step that is complete. */
static bool
next_command(Source *s, Error *err)
{
	PgText text = {NULL, 0, 0};

	if (s->refused_busy || (s->state == STATE_QUERY && s->server.slot_exists &&
							s->server.slot_active))
	{
		note_taken(s, true);
		s->refused_busy = false;
		s->state = STATE_TAKEN;
		s->want = PG_WAIT_READ;
		return true;
	}
	switch (s->state)
	{
		case STATE_CONNECT:
		case STATE_TAKEN:
			pg_text_add(&text, "IDENTIFY_SYSTEM");
			return send_command(s, STATE_IDENTIFY, text.data, err);
		case STATE_IDENTIFY:
			s->history.known = false;
			s->history.count = 0;
			if (s->server.timeline > 1 && s->cfg->sink == SINK_KAFKA)
			{
				pg_text_add(&text, "TIMELINE_HISTORY %d", s->server.timeline);
				return send_command(s, STATE_HISTORY, text.data, err);
			}
			/* FALLTHROUGH */
		case STATE_HISTORY:
			slot_query_text(&text, s->cfg);
			return send_command(s, STATE_QUERY, text.data, err);
		case STATE_QUERY:
			if (!s->prepared &&
				!prepare_init(&s->prepare, s->cfg, s->server.slot_exists, err))
				return false;
			/* FALLTHROUGH */
		case STATE_PREPARE:
			if (!s->prepared && prepare_next(&s->prepare, &text))
				return send_command(s, STATE_PREPARE, text.data, err);
			s->prepared = true;
			if (s->server.slot_lost)
			{
				slot_drop_text(&text, s->cfg);
				return send_command(s, STATE_REPLACE, text.data, err);
			}
			/* FALLTHROUGH */
		case STATE_REPLACE:
			if (!s->server.slot_exists || s->server.slot_lost)
			{
				slot_create_text(&text, s->cfg, s->server.version);
				return send_command(s, STATE_CREATE, text.data, err);
			}
			if (slot_alter_text(&text, s->cfg, &s->server))
				return send_command(s, STATE_ALTER, text.data, err);
			break;
		case STATE_START:
			/* refused, see read_reply() */
			slot_drop_text(&text, s->cfg);
			return send_command(s, STATE_DROP, text.data, err);
		default:
			break;
	}
	slot_start_text(&text, s->cfg, s->resume_lsn);
	return send_command(s, STATE_START, text.data, err);
}

/*
 * A standby of ours: it stays connected and looks whether the slot is free, so
 * that it takes over soon, and the server's log is not filled with refusals.
 */
static SourceResult
step_taken(Source *s, int64_t now_ms, Error *err)
{
	if (PQconsumeInput(s->conn) == 0 || PQstatus(s->conn) == CONNECTION_BAD)
	{
		pg_lost_error(s->conn, err);
		return source_lose(s, SOURCE_LOST);
	}
	if (now_ms < s->deadline_ms)
		return SOURCE_WAIT;
	/* from the beginning: the server may have been promoted meanwhile */
	if (!next_command(s, err))
		return source_lose(s, SOURCE_LOST);
	s->deadline_ms = now_ms + COMMAND_TIMEOUT_MS;
	return SOURCE_WAIT;
}

static void
note_taken(Source *s, bool taken)
{
	if (taken && !s->taken)
		log_event(LOG_WARN,
				  "another process streams from the slot: waiting to take over",
				  F_STR("slot", s->cfg->slot_name),
				  F_INT("walsender", s->server.slot_pid),
				  F_STR("hint", "if that process is gone with its machine, the "
								"server notices after wal_sender_timeout"));
	else if (!taken && s->taken)
		log_event(LOG_INFO, "the slot is free: taking over",
				  F_STR("slot", s->cfg->slot_name));
	s->taken = taken;
}

/* Frees the command. */
static bool
send_command(Source *s, SourceState state, char *command, Error *err)
{
	bool sent = PQsendQuery(s->conn, command) == 1;

	free(command);
	s->state = state;
	s->commands++;
	s->want = PG_WAIT_WRITE;
	return sent || pg_lost_error(s->conn, err);
}

static void
start_streaming(Source *s, SourceEvent *ev)
{
	int64_t limit = s->server.sender_timeout_ms / 3;

	note_taken(s, false);
	s->state = STATE_STREAM;
	s->server.streamed = true;
	s->interval_ms = s->cfg->status_interval;
	if (limit > 0 && s->interval_ms > limit)
		s->interval_ms = limit;
	if (s->interval_ms < BUSY_GAP_MS)
		s->interval_ms = BUSY_GAP_MS;
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
