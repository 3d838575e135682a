/*
 * source_start.c
 *		From no connection to START_REPLICATION: hosts, the slot, publication and
 *		tables, one command after the other.
 */
#include "source_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "log.h"

/* how long the server may take to answer, in ms; making a slot may wait for
 * every open transaction, so it has no limit */
#define CONNECT_TIMEOUT_MS 30000
/* where another host may be the one to go on with */
#define HOST_TIMEOUT_MS	   5000
#define COMMAND_TIMEOUT_MS 60000
#define NEVER_MS		   INT64_MAX
/* while another process streams from the slot it is looked at that often */
#define TAKEN_MS		 500
#define ENCRYPTED_RCVBUF (256 * 1024)

static SourceResult step_connect(Source *s, Error *err);
static SourceResult step_taken(Source *s, int64_t now_ms, Error *err);
static SourceResult step_command(Source *s, Error *err);
static SourceResult read_reply(Source *s, PGresult *res, Error *err);
static bool next_command(Source *s, Error *err);
static bool wait_for_slot(Source *s);
static void note_taken(Source *s, bool taken);
static bool send_command(Source *s, SourceState state, char *command,
						 Error *err);


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
source_start_next(Source *s, int64_t now_ms, Error *err)
{
	unsigned before = s->commands;
	SourceResult result;

	if (s->state == STATE_TAKEN)
		return step_taken(s, now_ms, err);
	result =
		s->state == STATE_CONNECT ? step_connect(s, err) : step_command(s, err);
	if (result != SOURCE_WAIT)
		return result;
	if (s->state == STATE_TAKEN)
		s->deadline_ms = now_ms + TAKEN_MS;
	else if (s->state == STATE_CONNECT && PQhost(s->conn) != s->host)
	{
		s->host = PQhost(s->conn);
		s->hosts_tried++;
		s->deadline_ms = now_ms + s->connect_ms;
	}
	else if (s->commands != before)
		s->deadline_ms =
			s->state == STATE_CREATE ? NEVER_MS : now_ms + COMMAND_TIMEOUT_MS;
	else if (now_ms >= s->deadline_ms)
	{
		err_set(err, ERR_RETRY, "source_timeout",
				"the source %s did not answer in time while %s",
				config_source_name(s->cfg), source_step(s));
		/* the next attempt begins with the host behind the one that is silent */
		if (s->state == STATE_CONNECT)
			s->first_host += s->hosts_tried + 1;
		return source_lose(s, SOURCE_LOST);
	}
	return SOURCE_WAIT;
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

/* ---- connecting ------------------------------------------------------------ */

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

/* ---- replies ----------------------------------------------------------------- */

static SourceResult
step_command(Source *s, Error *err)
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
		result = read_reply(s, res, err);
		PQclear(res);
		if (result == SOURCE_STARTED)
			note_taken(s, false);
		else if (result != SOURCE_WAIT)
			source_disconnect(s);
		if (result != SOURCE_WAIT)
			return result;
	}
}

/* A file that is missing matters only if it is needed. */
static SourceResult
read_history(Source *s, const PGresult *res, Error *err)
{
	if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) == 1 &&
		PQnfields(res) >= 2 &&
		!timeline_history_parse(&s->history, PQgetvalue(res, 0, 1),
								(size_t) PQgetlength(res, 0, 1), err))
		return SOURCE_LOST;
	return SOURCE_WAIT;
}

static SourceResult
note_changed(Source *s)
{
	if (s->state == STATE_REPLACE)
	{
		log_event(LOG_WARN, "dropped the lost replication slot",
				  F_STR("slot", s->cfg->slot_name));
		s->server.replaced = true;
	}
	else
		log_event(LOG_INFO, "the slot is one that standbys keep in step now",
				  F_STR("slot", s->cfg->slot_name));
	return SOURCE_WAIT;
}

static SourceResult
read_refusal(Source *s, const PGresult *res, Error *err)
{
	bool starting = s->state == STATE_START || s->state == STATE_ALTER ||
					s->state == STATE_REPLACE;

	pg_result_error(res,
					starting				   ? PG_STARTING
					: s->state == STATE_CREATE ? PG_CREATING_SLOT
											   : PG_ASKING,
					s->cfg, err);
	if (starting && strcmp(err->code, "slot_in_use") == 0)
	{
		s->refused_busy = true;
		return SOURCE_WAIT;
	}
	if (!s->slot_created || err->kind == ERR_RETRY)
		return SOURCE_LOST;
	/* a slot that nobody reads would hold back WAL: it is dropped first */
	s->refusal = *err;
	return SOURCE_WAIT;
}

static SourceResult
read_reply(Source *s, PGresult *res, Error *err)
{
	ExecStatusType status = PQresultStatus(res);
	ExecStatusType good = PGRES_TUPLES_OK;
	SlotVerdict verdict;

	if (s->state == STATE_DROP)
		return SOURCE_WAIT;
	if (s->state == STATE_HISTORY)
		return read_history(s, res, err);
	if (s->state == STATE_PREPARE)
		return prepare_reply(&s->prepare, res, err) ? SOURCE_WAIT : SOURCE_LOST;
	if (s->state == STATE_START)
		good = PGRES_COPY_BOTH;
	else if (s->state == STATE_ALTER || s->state == STATE_REPLACE)
		good = PGRES_COMMAND_OK;
	if (status != good)
		return read_refusal(s, res, err);
	switch (s->state)
	{
		case STATE_START:
			return SOURCE_STARTED;
		case STATE_ALTER:
		case STATE_REPLACE:
			return note_changed(s);
		case STATE_IDENTIFY:
			verdict = slot_read_system(&s->server, res, s->resume_lsn, err);
			return verdict == SLOT_GOOD		  ? SOURCE_WAIT
				   : verdict == SLOT_DIVERGED ? SOURCE_DIVERGED
											  : SOURCE_LOST;
		case STATE_QUERY:
			return slot_read_query(&s->server, res, s->cfg, s->resume_lsn, err)
					   ? SOURCE_WAIT
					   : SOURCE_LOST;
		default:
			s->slot_created = slot_read_create(&s->server, res, err);
			return s->slot_created ? SOURCE_WAIT : SOURCE_LOST;
	}
}

/* ---- commands ---------------------------------------------------------------- */

/* What follows on the step that is complete. */
static bool
next_command(Source *s, Error *err)
{
	PgText text = {NULL, 0, 0};

	if (s->refused_busy || (s->state == STATE_QUERY && s->server.slot_exists &&
							s->server.slot_active))
		return wait_for_slot(s);
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
			/* refused, see read_refusal() */
			slot_drop_text(&text, s->cfg);
			return send_command(s, STATE_DROP, text.data, err);
		default:
			break;
	}
	slot_start_text(&text, s->cfg, s->resume_lsn);
	return send_command(s, STATE_START, text.data, err);
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

/* ---- a slot that another process has ------------------------------------------ */

static bool
wait_for_slot(Source *s)
{
	note_taken(s, true);
	s->refused_busy = false;
	s->state = STATE_TAKEN;
	s->want = PG_WAIT_READ;
	return true;
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
