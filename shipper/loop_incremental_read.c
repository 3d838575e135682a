/*
 * loop_incremental_read.c
 *		Snapshots that run with the stream: the second connection, step by step,
 *		and the rows of a chunk that come by it.
 */
#include "loop_internal.h"

#include <stdlib.h>
#include <string.h>

#include "failpoint.h"

/* of a chunk's rows; the next one is smaller */
#define CHUNK_MAX_BYTES ((size_t) 16 << 20)
/* commands between two looks at the stream */
#define TURN_STEPS 16

void
loop_incremental_forget(LoopIncremental *li)
{
	for (size_t i = 0; i < li->nbuffers; i++)
		PQfreemem(li->buffers[i]);
	li->nbuffers = li->nrecords = li->bytes = li->next = 0;
	li->held = false;
}

void
loop_incremental_disconnect(LoopIncremental *li)
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
		loop_incremental_forget(li);
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
			loop_incremental_forget(li);
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
	loop_incremental_forget(li);
	li->sent = false;
	li->step = INCREMENTAL_NOTHING;
	incremental_refused(li->machine, why, reason);
}

static void
on_lost(Loop *l, const Error *err)
{
	backoff_fail(&l->inc.backoff, err, l->now_ms);
	loop_incremental_disconnect(&l->inc);
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

/* ---- a turn --------------------------------------------------------------- */

void
loop_incremental_read(Loop *l)
{
	LoopIncremental *li = &l->inc;
	Error err;

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
