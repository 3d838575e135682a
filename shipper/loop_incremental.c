/*
 * loop_incremental.c
 *		The loop's part in snapshots that run with the stream: a second connection,
 *		and the rows into the sink.
 */
#include "loop_internal.h"

#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "failpoint.h"
#include "log.h"
#include "loop_rows.h"

/* of a chunk's rows; the next one is smaller */
#define CHUNK_MAX_BYTES ((size_t) 16 << 20)
/* commands between two looks at the stream */
#define TURN_STEPS 16
#define TELL_MS	   60000

static void rows_forget(LoopIncremental *li);
static void tell(Loop *l);


/* ---- what is told -------------------------------------------------------- */

static const char *
kind_name(IncrementalKind kind)
{
	switch (kind)
	{
		case INCREMENTAL_STARTED:
			return "an incremental snapshot begins";
		case INCREMENTAL_TABLE_SCAN_COMPLETED:
			return "an incremental snapshot is through with a table";
		case INCREMENTAL_PAUSED:
			return "the incremental snapshot pauses";
		case INCREMENTAL_RESUMED:
			return "the incremental snapshot goes on";
		case INCREMENTAL_ABORTED:
			return "an incremental snapshot was given up";
		case INCREMENTAL_SKIPPED:
			return "an incremental snapshot has nothing to read";
		case INCREMENTAL_COMPLETED:
			return "an incremental snapshot is complete";
		default:
			return "an incremental snapshot reads a chunk";
	}
}

void
loop_incremental_log(const IncrementalEvent *ev)
{
	bool wrong = ev->reason != NULL &&
				 (ev->kind == INCREMENTAL_SKIPPED ||
				  ev->kind == INCREMENTAL_ABORTED || ev->status != NULL);

	log_event(wrong									? LOG_WARN
			  : ev->kind == INCREMENTAL_IN_PROGRESS ? LOG_DEBUG
													: LOG_INFO,
			  kind_name(ev->kind), F_STR("id", ev->id),
			  F_STR("table", ev->collection ? ev->collection : ev->collections),
			  F_INT("rows", ev->rows), F_STR("last_key", ev->last_key),
			  F_STR("status", ev->status), F_STR("reason", ev->reason));
}

/* ---- life ---------------------------------------------------------------- */

void
loop_incremental_init(Loop *l)
{
	uint64_t n[2] = {0, 0};
	char nonce[40];

	if (getrandom(n, sizeof(n), 0) != (ssize_t) sizeof(n))
		abort();
	snprintf(nonce, sizeof(nonce), "%016llx%016llx", (unsigned long long) n[0],
			 (unsigned long long) n[1]);
	l->inc.machine = l->incremental = incremental_new();
	incremental_configure(l->incremental, nonce, (uint32_t) l->cfg->chunk_size);
	l->inc.until = INT64_MAX;
}

void
loop_incremental_free(Loop *l)
{
	LoopIncremental *li = &l->inc;

	reader_close(&li->reader);
	rows_forget(li);
	chunk_query_free(&li->query);
	free(li->buffers);
	free(li->records);
	free(li->streams);
	free(li->snapshot);
	incremental_free(li->machine);
}

static void
rows_forget(LoopIncremental *li)
{
	for (size_t i = 0; i < li->nbuffers; i++)
		PQfreemem(li->buffers[i]);
	li->nbuffers = li->nrecords = li->bytes = li->next = 0;
	li->held = false;
}

static void
disconnect(LoopIncremental *li)
{
	reader_close(&li->reader);
	if (li->reader.result != NULL)
		PQclear(li->reader.result);
	li->reader.result = NULL;
	li->prepared = li->sent = false;
	li->step = INCREMENTAL_NOTHING;
	/* a chunk that waits for its message keeps its rows */
	incremental_lost(li->machine);
}

/* ---- progress ------------------------------------------------------------ */

static char *
dump_and_free(json_t *o)
{
	char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;

	json_decref(o);
	return text;
}

const char *
loop_incremental_session(Loop *l)
{
	LoopIncremental *li = &l->inc;
	const char *stored = core_stored_snapshot(&l->core);
	json_t *o = stored != NULL ? json_loads(stored, 0, NULL) : NULL;
	json_t *own = json_object_get(o, "incremental");
	char *text = own != NULL ? dump_and_free(json_incref(own)) : NULL;
	Error err;

	if (li->loaded)
	{
		json_decref(o);
		free(text);
		return li->snapshot;
	}
	if (o != NULL)
		json_object_del(o, "incremental");
	free(li->snapshot);
	li->snapshot = NULL;
	if (json_object_size(o) > 0)
		li->snapshot = dump_and_free(o);
	else
		json_decref(o);
	li->loaded = true;
	if (l->positions && !incremental_load(li->machine, text, &err))
		loop_trouble(l, &err, true);
	else if (text != NULL)
		log_event(LOG_INFO,
				  "an incremental snapshot was cut off: going on with it");
	free(text);
	return li->snapshot;
}

/* Both snapshots' progress is one. */
static void
tell(Loop *l)
{
	LoopIncremental *li = &l->inc;
	char *own = incremental_store(li->machine);
	const char *other = li->snapshot != NULL ? li->snapshot : "{}";
	PgText text = {NULL, 0, 0};
	size_t len = strlen(other);

	(void) incremental_changed(li->machine);
	if (own == NULL)
		core_snapshot_progress(&l->core, other);
	else
	{
		pg_text_add(&text, "%.*s%s\"incremental\":%s}", (int) (len - 1), other,
					len > 2 ? "," : "", own);
		core_snapshot_progress(&l->core, text.data);
	}
	free(own);
	free(text.data);
}

void
loop_incremental_progress(Loop *l)
{
	if (incremental_changed(l->inc.machine))
		tell(l);
}

void
loop_incremental_snapshot(Loop *l, const char *progress)
{
	LoopIncremental *li = &l->inc;

	free(li->snapshot);
	li->snapshot = strdup(progress);
	if (li->snapshot == NULL)
		abort();
	tell(l);
}

void
loop_incremental_cancel(Loop *l, bool all)
{
	LoopIncremental *li = &l->inc;

	if (!all)
		loop_incremental_progress(l);
	disconnect(li);
	incremental_session_end(li->machine);
	rows_forget(li);
	if (!all)
		return;
	li->nstreams = 0;
	/* what was put may be lost: it comes again from what is stored */
	if (!l->positions)
		return;
	li->loaded = false;
	incremental_clear(li->machine);
}

/* ---- the stream ---------------------------------------------------------- */

void
loop_incremental_frame(Loop *l, const Frame *f)
{
	Incremental *m = l->inc.machine;

	switch (f->kind)
	{
		case WIRE_BEGIN:
			incremental_begin(m, f->begin.xid);
			break;
		case WIRE_RECORD:
			incremental_record(m, f->record.stream, f->record.key.data,
							   f->record.key.len,
							   f->record.flags & WIRE_REC_UNCHANGED);
			break;
		case WIRE_STREAM:
			if (f->stream.kind == WIRE_STREAM_TABLE)
				incremental_stream(
					m, f->stream.id, (const char *) f->stream.schema.data,
					f->stream.schema.len, (const char *) f->stream.name.data,
					f->stream.name.len);
			break;
		case WIRE_WATERMARK:
			incremental_watermark(m, (const char *) f->watermark.content.data,
								  f->watermark.content.len);
			break;
		default:
			break;
	}
}

/* A signal's request is stored with the signal's transaction. */
void
loop_incremental_commit(Loop *l)
{
	loop_incremental_progress(l);
	incremental_commit(l->inc.machine);
}

bool
loop_incremental_blocks(const Loop *l)
{
	return incremental_putting(l->inc.machine);
}

/* ---- rows into the sink -------------------------------------------------- */

static void
offer_row(Loop *l)
{
	LoopIncremental *li = &l->inc;
	const ChunkRecord *r = &li->records[li->next];

	if (!li->held)
		l->dead.active = false;
	li->held = true;
	li->out.frame = &r->frame;
	li->out.stream = li->streams[r->stream].handle;
	li->out.end_lsn = core_position_lsn(&l->core);
	li->out.commit_time_us = li->commit_time_us;
	if (!loop_put_row(l, &li->out, li->streams[r->stream].extra))
		return;
	li->held = false;
	incremental_done(li->machine, li->next++);
	if (failpoint_active)
		failpoint_hit("chunk_row");
}

/* Between the message's transaction and the next one of the stream. */
void
loop_incremental_put(Loop *l)
{
	LoopIncremental *li = &l->inc;

	while (incremental_putting(li->machine) && l->phase == PHASE_RUNNING &&
		   li->next < li->nrecords)
	{
		if (incremental_is_fresh(li->machine, li->next))
			offer_row(l);
		else
			incremental_done(li->machine, li->next++);
		if (li->held)
			return;
	}
	if (!incremental_putting(li->machine) || l->phase != PHASE_RUNNING)
		return;
	incremental_chunk_done(li->machine);
	rows_forget(li);
	tell(l);
	l->more = true;
	if (FAILPOINT("after_chunk"))
	{
		Error err;

		failpoint_error("after_chunk", &err);
		loop_trouble(l, &err, false);
	}
}

/* ---- rows from the server ------------------------------------------------ */

static size_t
find_stream(const LoopIncremental *li, uint32_t oid, uint32_t id)
{
	size_t i = 0;

	while (i < li->nstreams &&
		   (li->streams[i].oid != oid || li->streams[i].id != id))
		i++;
	return i;
}

static bool
take_stream(Loop *l, const FrameStream *f)
{
	LoopIncremental *li = &l->inc;
	uint32_t oid = incremental_table(li->machine)->oid;
	size_t i = find_stream(li, oid, f->id);
	RowStream *s;
	Error err;

	if (i == li->nstreams)
	{
		li->streams = realloc(li->streams, (i + 1) * sizeof(*li->streams));
		if (li->streams == NULL)
			abort();
		li->streams[li->nstreams++] = (RowStream){.oid = oid, .id = f->id};
	}
	s = &li->streams[i];
	s->extra = f->key_head.len + f->key_tail.len + f->value_head.len +
			   f->value_tail.len;
	s->handle = l->ops->stream(l->sink, s->handle, f, &err);
	if (s->handle != NULL)
		return true;
	li->nstreams = 0;
	loop_trouble(l, &err, true);
	return false;
}

static void
take_record(LoopIncremental *li, const FrameRecord *f)
{
	uint32_t oid = incremental_table(li->machine)->oid;
	size_t stream = find_stream(li, oid, f->stream);

	if (stream == li->nstreams ||
		!incremental_row(li->machine, f->ordinal - 1, f->key.data, f->key.len))
		return;
	if (li->nrecords == li->records_cap)
	{
		li->records_cap = li->records_cap > 0 ? li->records_cap * 2 : 1024;
		li->records =
			realloc(li->records, li->records_cap * sizeof(*li->records));
		if (li->records == NULL)
			abort();
	}
	li->records[li->nrecords++] = (ChunkRecord){*f, stream};
}

static bool
take_payload(Loop *l)
{
	LoopIncremental *li = &l->inc;
	FrameReader reader;
	Frame f;
	FrameResult rc;
	Error err;

	frame_reader_init(&reader, li->reader.payload, li->reader.len);
	while ((rc = frame_reader_next(&reader, &f, &err)) == FRAME_OK &&
		   incremental_table(li->machine) != NULL)
	{
		if (f.kind == WIRE_HELLO && !core_check_hello(&f.hello, &err))
			rc = FRAME_CORRUPT;
		else if (f.kind == WIRE_BEGIN)
			li->commit_time_us = f.begin.commit_time_us;
		else if (f.kind == WIRE_STREAM && !take_stream(l, &f.stream))
			return false;
		else if (f.kind == WIRE_RECORD)
			take_record(li, &f.record);
		if (rc == FRAME_CORRUPT)
			break;
	}
	if (rc == FRAME_CORRUPT)
	{
		loop_trouble(l, &err, true);
		return false;
	}
	li->bytes += li->reader.len;
	li->buffers =
		realloc(li->buffers, (li->nbuffers + 1) * sizeof(*li->buffers));
	if (li->buffers == NULL)
		abort();
	li->buffers[li->nbuffers++] = reader_take(&li->reader);
	reader_release(&li->reader);
	if (li->bytes > CHUNK_MAX_BYTES && li->nrecords > 1)
	{
		incremental_too_large(li->machine);
		rows_forget(li);
	}
	return true;
}

/* ---- the second connection ----------------------------------------------- */

static bool
send_step(Loop *l, Error *err)
{
	LoopIncremental *li = &l->inc;
	const IncrementalTable *t = incremental_table(li->machine);
	size_t requeued = incremental_requeued(li->machine);
	const IncrementalCollection *items;
	PgText sql = {NULL, 0, 0};
	size_t count;
	bool one = false;
	bool ok;

	switch (li->step)
	{
		case INCREMENTAL_LIST:
			items = incremental_wanted(li->machine, &count);
			incremental_list_text(&sql, l->cfg, items, count);
			break;
		case INCREMENTAL_POLL:
			incremental_poll_text(&sql);
			break;
		case INCREMENTAL_OPEN:
			incremental_open_text(&sql, l->cfg, t);
			break;
		case INCREMENTAL_MAX:
			incremental_max_text(&sql, &li->query, t);
			break;
		case INCREMENTAL_KEYS:
			incremental_keys_text(&sql, &li->query, t, requeued);
			one = true;
			break;
		case INCREMENTAL_ROWS:
			rows_forget(li);
			incremental_rows_text(&sql, l->cfg, &li->query, t, requeued);
			break;
		case INCREMENTAL_EMIT:
			if (failpoint_active)
				failpoint_hit("before_watermark");
			incremental_emit_text(&sql, incremental_message(li->machine));
			break;
		default:
			pg_text_add(&sql, "ROLLBACK");
			break;
	}
	li->sent = true;
	if (li->step == INCREMENTAL_ROWS)
		ok = reader_copy(&li->reader, sql.data, err);
	else if (one)
		ok = reader_ask_one(&li->reader, sql.data, err);
	else
		ok = reader_ask(&li->reader, sql.data, l->now_ms, err);
	free(sql.data);
	return ok;
}

static void
on_answer(Loop *l)
{
	LoopIncremental *li = &l->inc;
	PGresult *res = li->reader.result;
	IncrementalStep step = li->step;

	li->reader.result = NULL;
	if (!li->prepared)
	{
		li->prepared = true;
		backoff_succeed(&li->backoff, "the incremental snapshot is connected",
						l->now_ms);
		PQclear(res);
		return;
	}
	li->sent = false;
	li->step = INCREMENTAL_NOTHING;
	switch (step)
	{
		case INCREMENTAL_LIST:
			incremental_list_read(li->machine, res);
			break;
		case INCREMENTAL_POLL:
			incremental_poll_read(li->machine, res, l->now_ms);
			break;
		case INCREMENTAL_OPEN:
			incremental_open_read(li->machine, &li->query, res);
			break;
		case INCREMENTAL_MAX:
			incremental_max_read(li->machine, res);
			break;
		case INCREMENTAL_KEYS:
			incremental_keys_read(li->machine, res);
			break;
		case INCREMENTAL_EMIT:
			incremental_emitted(li->machine);
			break;
		default:
			incremental_closed(li->machine);
			break;
	}
	PQclear(res);
}

static IncrementalFailure
failure_of(const LoopIncremental *li)
{
	static const char *const later[] = {"55P03", "40001", "40P01", "57014"};
	const char *state = li->reader.sqlstate;

	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		if (strcmp(state, later[i]) == 0)
			return INCREMENTAL_LATER;
	if (strncmp(state, "53", 2) == 0)
		return INCREMENTAL_LATER;
	if (strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0)
		return INCREMENTAL_GONE;
	if (strcmp(state, "55000") == 0 && li->step == INCREMENTAL_OPEN)
		return INCREMENTAL_NO_KEY;
	return INCREMENTAL_FAILED;
}

static void
on_refused(Loop *l, const Error *err)
{
	LoopIncremental *li = &l->inc;
	IncrementalFailure why = failure_of(li);
	char reason[sizeof(err->text) + sizeof(err->detail) + 4];

	snprintf(reason, sizeof(reason), "%s%s%s", err->text,
			 err->detail[0] != '\0' ? ": " : "", err->detail);
	if (why == INCREMENTAL_LATER)
		backoff_fail(&li->backoff, err, l->now_ms);
	rows_forget(li);
	li->sent = false;
	li->step = INCREMENTAL_NOTHING;
	incremental_refused(li->machine, why, reason);
}

static void
on_lost(Loop *l, const Error *err)
{
	backoff_fail(&l->inc.backoff, err, l->now_ms);
	disconnect(&l->inc);
}

/* The step that is wanted is sent as soon as there is a connection.  false:
 * nothing to do now. */
static bool
begin_step(Loop *l)
{
	LoopIncremental *li = &l->inc;
	Error err;
	bool ok = true;

	/* a stop or a pause may have come while there was no connection */
	if (li->step != INCREMENTAL_NOTHING && !li->sent &&
		!incremental_stands(li->machine, li->step))
		li->step = INCREMENTAL_NOTHING;
	if (li->step == INCREMENTAL_NOTHING)
		li->step = incremental_next(li->machine, l->now_ms, &li->until);
	if (li->step == INCREMENTAL_NOTHING || li->sent)
		return false;
	if (li->reader.state == READER_DOWN)
	{
		if (l->now_ms < li->backoff.next_ms)
		{
			li->until = li->backoff.next_ms;
			return false;
		}
		ok = reader_connect(&li->reader, l->cfg, source_conn(l->source),
							l->now_ms, &err);
	}
	else if (li->reader.state != READER_IDLE)
		return false;
	else if (!li->prepared)
	{
		PgText sql = {NULL, 0, 0};

		incremental_session_text(&sql, l->cfg);
		ok = reader_ask(&li->reader, sql.data, l->now_ms, &err);
		free(sql.data);
	}
	else
		ok = send_step(l, &err);
	if (!ok)
		on_lost(l, &err);
	return ok;
}

/* Says once a minute which transaction a chunk waits for. */
static void
tell_waiting(Loop *l)
{
	LoopIncremental *li = &l->inc;
	IncrementalStatus s;

	incremental_status(li->machine, &s);
	l->stats.incremental_running = s.running;
	l->stats.incremental_paused = s.paused;
	l->stats.incremental_tables = s.tables;
	l->stats.incremental_chunks = s.chunk;
	l->stats.incremental_dropped = s.dropped;
	l->stats.incremental_waiting_xid = s.waiting_xid;
	if (s.waiting_xid == 0 || s.waiting_ms < 1000 ||
		(s.waiting_xid == li->told_xid && l->now_ms < li->told_ms + TELL_MS))
		return;
	li->told_ms = l->now_ms;
	li->told_xid = s.waiting_xid;
	log_event(
		LOG_WARN,
		"a chunk of the incremental snapshot waits until a transaction is visible; the stream goes on",
		F_STR("table", s.collection), F_INT("xid", s.waiting_xid),
		F_INT("waiting_ms", s.waiting_ms),
		F_STR(
			"hint",
			"it is committed or about to: does it wait for a synchronous standby (pg_stat_activity.wait_event SyncRep), or run for long?"));
}

void
loop_incremental_turn(Loop *l)
{
	LoopIncremental *li = &l->inc;
	Error err;

	if (l->phase != PHASE_RUNNING || l->sink == NULL || l->resuming ||
		!li->loaded || !source_is_streaming(l->source) ||
		l->snapshot.phase != SNAPSHOT_OFF)
		return;
	if (core_between(&l->core))
		loop_incremental_progress(l);
	tell_waiting(l);
	for (int n = 0; n < TURN_STEPS; n++)
	{
		switch (reader_next(&li->reader, l->now_ms, &err))
		{
			case READER_WAIT:
				if (!begin_step(l))
					return;
				break;
			case READER_READY:
				break;
			case READER_ANSWER:
				on_answer(l);
				break;
			case READER_PAYLOAD:
				if (!take_payload(l))
					return;
				break;
			case READER_END:
				li->sent = false;
				li->step = INCREMENTAL_NOTHING;
				incremental_rows_end(li->machine);
				break;
			case READER_REFUSED:
				if (!li->prepared)
					on_lost(l, &err);
				else
					on_refused(l, &err);
				break;
			case READER_LOST:
				on_lost(l, &err);
				return;
		}
	}
	l->more = true;
}

int
loop_incremental_fd(const Loop *l)
{
	return reader_fd(&l->inc.reader);
}

short
loop_incremental_events(const Loop *l)
{
	return reader_events(&l->inc.reader, true);
}

int64_t
loop_incremental_deadline(const Loop *l)
{
	const LoopIncremental *li = &l->inc;

	if (li->reader.state != READER_DOWN && li->reader.state != READER_IDLE)
		return li->reader.deadline_ms;
	return li->until;
}
