/*
 * loop_incremental.c
 *		The loop's part in snapshots that run with the stream: what the stream says
 *		to them, their progress into the position, the rows into the sink.
 */
#include "loop_internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "failpoint.h"
#include "log.h"
#include "loop_rows.h"

#define TELL_MS 60000

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
	loop_incremental_forget(li);
	chunk_query_free(&li->query);
	free(li->buffers);
	free(li->records);
	free(li->streams);
	free(li->snapshot);
	incremental_free(li->machine);
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
	loop_incremental_disconnect(li);
	incremental_session_end(li->machine);
	loop_incremental_forget(li);
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
	loop_incremental_forget(li);
	tell(l);
	l->more = true;
	if (FAILPOINT("after_chunk"))
	{
		Error err;

		failpoint_error("after_chunk", &err);
		loop_trouble(l, &err, false);
	}
}

/* ---- a turn --------------------------------------------------------------- */

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
	if (l->phase != PHASE_RUNNING || l->sink == NULL || l->resuming ||
		!l->inc.loaded || !source_is_streaming(l->source) ||
		l->snapshot.phase != SNAPSHOT_OFF)
		return;
	if (core_between(&l->core))
		loop_incremental_progress(l);
	tell_waiting(l);
	loop_incremental_read(l);
}
