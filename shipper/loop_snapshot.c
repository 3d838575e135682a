/*
 * loop_snapshot.c
 *		The loop's part in snapshots: whether one is to be taken, its rows into the
 *		sink, its progress into the position.
 */
#include "loop_internal.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "lsn.h"

/* rows between two looks at signals, acks and the clock */
#define PUMP_ROWS 4096
/* between two notes of what is put */
#define PROGRESS_MS 200

static const char marker_true[] = "true";

static void want(Loop *l, const char *why);
static void begin_round(Loop *l);
static void on_begun(Loop *l);
static void on_payload(Loop *l);
static void on_unit(Loop *l, SnapshotRows *rows);
static void on_round_lost(Loop *l, const Error *err);
static void complete(Loop *l);
static void completed(Loop *l);
static void take_row_frame(Loop *l);
static void take_stream(Loop *l);
static void keep_row(Loop *l);
static void release_rows(Loop *l);
static void offer_row(Loop *l);
static void put_row(Loop *l);
static void refuse_row(Loop *l, const Error *why);
static void row_taken(Loop *l);
static void end_round(LoopSnapshot *s);
static void drop_rows(LoopSnapshot *s);
static const char *marker_of(const Loop *l, const SnapshotTable *t, bool last,
							 bool very_last);
static void mark(LoopSnapshot *s, const char *marker);


void
loop_snapshot_init(Loop *l)
{
	l->snapshot.source = snapshot_source_open(l->cfg);
	snapshot_plan_init(&l->snapshot.plan);
}

void
loop_snapshot_free(Loop *l)
{
	LoopSnapshot *s = &l->snapshot;

	loop_snapshot_cancel(l, true);
	snapshot_source_close(s->source);
	free(s->streams);
	free(s->patched);
}

/* ---- whether ------------------------------------------------------------- */

static bool
mode_is(const Loop *l, const char *mode)
{
	return strcmp(l->cfg->snapshot_mode, mode) == 0;
}

static bool
mode_reads_rows(const Loop *l)
{
	if (mode_is(l, "configuration_based"))
		return l->cfg->snapshot_based_data;
	return !mode_is(l, "no_data");
}

static bool
mode_stops(const Loop *l)
{
	return mode_is(l, "initial_only") ||
		   (mode_is(l, "configuration_based") && l->cfg->snapshot_based_data &&
			!l->cfg->snapshot_based_stream);
}

/* What is stored is of this or an earlier process. */
static void
load(Loop *l, bool slot_created)
{
	LoopSnapshot *s = &l->snapshot;
	const char *stored = core_stored_snapshot(&l->core);
	bool known = l->positions ? core_has_position(&l->core) : !slot_created;
	Error err;

	s->loaded = true;
	s->floor = 0;
	if (stored != NULL && !snapshot_plan_load(&s->plan, stored, &err))
	{
		loop_trouble(l, &err, true);
		return;
	}
	if (!mode_reads_rows(l))
	{
		if (stored != NULL && !s->plan.complete)
			log_event(
				LOG_WARN,
				"a snapshot was cut off; its rest is not taken, as snapshot.mode says",
				F_STR("snapshot.mode", l->cfg->snapshot_mode));
		if (!s->plan.complete)
			snapshot_plan_free(&s->plan);
		return;
	}
	if (stored != NULL && !s->plan.complete)
	{
		want(l, "a snapshot was cut off: going on with what is left of it");
		return;
	}
	if (mode_is(l, "always") && !s->taken)
	{
		snapshot_plan_free(&s->plan);
		/* of rows that were deleted meanwhile only the stream tells */
		s->floor = known ? core_position_lsn(&l->core) : 0;
		want(l, "a snapshot is taken, as at each start");
	}
	else if (stored == NULL && !known)
		want(l, "a snapshot is taken of what is in the tables");
	else if (mode_stops(l))
		completed(l);
}

static void
want(Loop *l, const char *why)
{
	l->snapshot.phase = SNAPSHOT_WANTED;
	log_event(LOG_INFO, why, F_STR("snapshot.mode", l->cfg->snapshot_mode));
}

void
loop_snapshot_session(Loop *l, bool slot_created)
{
	LoopSnapshot *s = &l->snapshot;

	if (!s->loaded)
		load(l, slot_created);
	else if (s->phase != SNAPSHOT_OFF)
		s->phase = SNAPSHOT_WANTED;
}

void
loop_snapshot_cancel(Loop *l, bool all)
{
	LoopSnapshot *s = &l->snapshot;

	if (!all)
		loop_snapshot_progress(l);
	end_round(s);
	if (s->phase != SNAPSHOT_OFF)
		s->phase = SNAPSHOT_WANTED;
	if (!all)
		return;
	snapshot_plan_free(&s->plan);
	s->phase = SNAPSHOT_OFF;
	s->loaded = false;
	s->nstreams = 0;
	s->current = NULL;
	s->put = 0;
}

/* Of what was under way, what is put is done; the rest comes again. */
static void
end_round(LoopSnapshot *s)
{
	size_t n;
	const SnapshotUnit *active = snapshot_source_units(s->source, &n);

	for (size_t i = 0; i < n; i++)
		snapshot_plan_cut(&active[i]);
	for (int i = 0; i < SNAPSHOT_MAX_KEPT; i++)
		snapshot_plan_cut(&s->kept[i].unit);
	snapshot_source_stop(s->source);
	drop_rows(s);
	snapshot_bar_end(&s->bar);
}

static void
drop_rows(LoopSnapshot *s)
{
	s->has_payload = false;
	s->held = false;
	s->releasing = NULL;
	for (int i = 0; i < SNAPSHOT_MAX_KEPT; i++)
	{
		PQfreemem(s->kept[i].memory);
		s->kept[i] = (KeptRow){.memory = NULL};
	}
}

bool
loop_snapshot_blocks(const Loop *l)
{
	const LoopSnapshot *s = &l->snapshot;

	if (s->phase == SNAPSHOT_OFF)
		return false;
	/* a transaction that is cut comes first */
	return s->phase != SNAPSHOT_WANTED || core_between(&l->core);
}

void
loop_snapshot_stream(Loop *l, const FrameStream *f)
{
	uint64_t floor;

	if (f->kind != WIRE_STREAM_TABLE || l->snapshot.plan.count == 0)
		return;
	floor = snapshot_plan_floor(&l->snapshot.plan,
								(const char *) f->schema.data, f->schema.len,
								(const char *) f->name.data, f->name.len);
	if (floor != 0)
		core_set_floor(&l->core, f->id, floor);
}

int
loop_snapshot_fds(const Loop *l, struct pollfd *fds)
{
	const LoopSnapshot *s = &l->snapshot;

	return snapshot_source_fds(s->source, fds,
							   !s->held && s->phase == SNAPSHOT_ROWS);
}

void
loop_snapshot_publish(Loop *l)
{
	const LoopSnapshot *s = &l->snapshot;
	uint64_t left = 0;

	for (size_t i = 0; i < s->plan.count; i++)
		left += !s->plan.tables[i]->complete;
	l->stats.snapshot_running = s->phase != SNAPSHOT_OFF;
	l->stats.snapshot_tables = s->plan.complete ? 0 : s->plan.count;
	l->stats.snapshot_remaining = s->plan.complete ? 0 : left;
	if (s->phase == SNAPSHOT_ROWS)
		snapshot_bar_show(&l->snapshot.bar, &s->plan, l->now_ms);
}

/* ---- progress ------------------------------------------------------------ */

void
loop_snapshot_progress(Loop *l)
{
	LoopSnapshot *s = &l->snapshot;
	SnapshotUnit units[SNAPSHOT_MAX_READERS + SNAPSHOT_MAX_KEPT];
	const SnapshotUnit *active;
	size_t n;
	char *text;

	if (s->put == 0 || s->phase != SNAPSHOT_ROWS)
		return;
	active = snapshot_source_units(s->source, &n);
	memcpy(units, active, sizeof(*units) * n);
	for (int i = 0; i < SNAPSHOT_MAX_KEPT; i++)
		units[n++] = s->kept[i].unit;
	text = snapshot_plan_store(&s->plan, units, n);
	core_snapshot_progress(&l->core, text);
	free(text);
	s->put = 0;
	s->told_ms = l->now_ms;
}

static void
store_plan(Loop *l)
{
	char *text = snapshot_plan_store(&l->snapshot.plan, NULL, 0);

	core_snapshot_progress(&l->core, text);
	free(text);
	l->snapshot.put = 0;
}

/* ---- rounds -------------------------------------------------------------- */

void
loop_snapshot_pump(Loop *l)
{
	LoopSnapshot *s = &l->snapshot;
	Error err;

	if (s->phase == SNAPSHOT_WANTED)
		begin_round(l);
	if (s->phase == SNAPSHOT_STORING && core_snapshot_stored(&l->core))
	{
		s->phase = SNAPSHOT_ROWS;
		s->told_ms = l->now_ms;
		snapshot_source_go(s->source);
	}
	if (s->phase == SNAPSHOT_COMPLETING && core_snapshot_stored(&l->core))
		completed(l);
	for (int n = 0; n < PUMP_ROWS; n++)
	{
		if (l->phase != PHASE_RUNNING ||
			(s->phase != SNAPSHOT_RUNNING && s->phase != SNAPSHOT_ROWS))
			return;
		if (s->held)
			offer_row(l);
		else if (s->has_payload)
			take_row_frame(l);
		else
		{
			release_rows(l);
			if (s->held || s->phase == SNAPSHOT_OFF)
				return;
			switch (snapshot_source_next(s->source, l->now_ms, &s->rows, &err))
			{
				case SNAPSHOT_WAIT:
					if (s->put > 0 && l->now_ms - s->told_ms >= PROGRESS_MS)
						loop_snapshot_progress(l);
					return;
				case SNAPSHOT_BEGUN:
					on_begun(l);
					break;
				case SNAPSHOT_PAYLOAD:
					on_payload(l);
					break;
				case SNAPSHOT_UNIT:
					on_unit(l, &s->rows);
					break;
				case SNAPSHOT_END:
					complete(l);
					return;
				case SNAPSHOT_LOST:
					on_round_lost(l, &err);
					return;
			}
		}
		if (s->held)
			return;
	}
	if (l->now_ms - s->told_ms >= PROGRESS_MS)
		loop_snapshot_progress(l);
	l->more = true;
}

static void
begin_round(Loop *l)
{
	LoopSnapshot *s = &l->snapshot;
	Error err;

	if (l->phase != PHASE_RUNNING || l->now_ms < s->backoff.next_ms ||
		!source_is_streaming(l->source) || !core_between(&l->core))
		return;
	s->plan.exact = l->cfg->delivery == DELIVERY_EXACTLY_ONCE;
	if (!snapshot_source_start(s->source, &s->plan, source_conn(l->source),
							   s->floor, core_position_lsn(&l->core), l->now_ms,
							   &err))
	{
		on_round_lost(l, &err);
		return;
	}
	s->phase = SNAPSHOT_RUNNING;
}

static void
on_begun(Loop *l)
{
	LoopSnapshot *s = &l->snapshot;
	uint64_t left = 0;

	for (size_t i = 0; i < s->plan.count; i++)
		left += !s->plan.tables[i]->complete;
	log_event(LOG_INFO, "the snapshot begins", F_LSN("lsn", s->plan.lsn),
			  F_INT("tables", left), F_INT("finished", s->plan.count - left));
	s->begun_ms = l->now_ms;
	s->begun_rows = l->stats.reads;
	s->nstreams = 0;
	s->current = NULL;
	memset(s->counted, 0, sizeof(s->counted));
	snapshot_bar_begin(&s->bar, &s->plan, l->now_ms);
	store_plan(l);
	s->phase = SNAPSHOT_STORING;
}

static void
on_payload(Loop *l)
{
	LoopSnapshot *s = &l->snapshot;

	frame_reader_init(&s->reader, s->rows.payload, s->rows.len);
	s->has_payload = true;
	s->current = NULL;
}

/* All of a part is through, or its table is gone. */
static void
on_unit(Loop *l, SnapshotRows *rows)
{
	LoopSnapshot *s = &l->snapshot;
	Error err;

	/* its last row, if it has one, took it along */
	if (rows->unit->table == NULL)
		return;
	if (rows->refused)
		s->counted[rows->reader] = 0;
	if (s->counted[rows->reader] > 0)
	{
		err_set(&err, ERR_RETRY, "snapshot_cut",
				"the rows of a part of table \"%s\" came without their end",
				rows->unit->table->name);
		on_round_lost(l, &err);
		return;
	}
	snapshot_plan_done(&s->plan, rows->unit);
	s->put++;
}

static void
on_round_lost(Loop *l, const Error *err)
{
	LoopSnapshot *s = &l->snapshot;

	loop_snapshot_progress(l);
	end_round(s);
	if (err->kind != ERR_RETRY)
	{
		loop_trouble(l, err, true);
		return;
	}
	s->phase = SNAPSHOT_WANTED;
	backoff_fail(&s->backoff, err, l->now_ms);
}

/* Nothing is left: the stream begins, and may as well before this is stored. */
static void
complete(Loop *l)
{
	LoopSnapshot *s = &l->snapshot;
	int64_t ms = l->now_ms - s->begun_ms;
	uint64_t rows = l->stats.reads - s->begun_rows;

	snapshot_source_stop(s->source);
	snapshot_bar_end(&s->bar);
	s->plan.complete = true;
	s->taken = true;
	log_event(
		LOG_INFO, "the snapshot is complete", F_INT("tables", s->plan.count),
		F_INT("rows", rows), F_INT("ms", ms),
		F_INT("rows_per_second", ms > 0 ? (int64_t) rows * 1000 / ms : 0));
	store_plan(l);
	backoff_succeed(&s->backoff, "the snapshot goes on", l->now_ms);
	s->phase = mode_stops(l) ? SNAPSHOT_COMPLETING : SNAPSHOT_OFF;
}

static void
completed(Loop *l)
{
	l->snapshot.phase = SNAPSHOT_OFF;
	if (!mode_stops(l))
		return;
	log_event(LOG_INFO, "the snapshot is taken and nothing else is asked for",
			  F_STR("snapshot.mode", l->cfg->snapshot_mode));
	loop_stop(l);
}

/* ---- frames -------------------------------------------------------------- */

static void
payload_through(LoopSnapshot *s)
{
	s->has_payload = false;
	snapshot_source_release(s->source, s->rows.reader);
}

static void
take_row_frame(Loop *l)
{
	LoopSnapshot *s = &l->snapshot;
	uint64_t *counted = &s->counted[s->rows.reader];
	Error err;

	switch (frame_reader_next(&s->reader, &s->frame, &err))
	{
		case FRAME_OK:
			break;
		case FRAME_END:
			payload_through(s);
			return;
		case FRAME_CORRUPT:
			loop_trouble(l, &err, true);
			return;
	}
	switch (s->frame.kind)
	{
		case WIRE_HELLO:
			if (!core_check_hello(&s->frame.hello, &err))
				loop_trouble(l, &err, true);
			break;
		case WIRE_BEGIN:
			s->out.commit_time_us = s->frame.begin.commit_time_us;
			break;
		case WIRE_STREAM:
			take_stream(l);
			break;
		case WIRE_RECORD:
			++*counted;
			if (frame_reader_peek(&s->reader) == WIRE_COMMIT)
				keep_row(l);
			else
			{
				s->record = s->frame.record;
				s->table = s->rows.unit->table;
				s->releasing = NULL;
				l->dead.active = false;
				mark(s, marker_of(l, s->table, false, false));
				offer_row(l);
			}
			break;
		case WIRE_COMMIT:
			if (s->frame.commit.records != *counted)
			{
				err_set(&err, ERR_ENVIRONMENT, "wire_count",
						"a part of the snapshot came with %llu records, its "
						"end counts %llu",
						(unsigned long long) *counted,
						(unsigned long long) s->frame.commit.records);
				loop_trouble(l, &err, true);
			}
			*counted = 0;
			break;
	}
}

static RowStream *
find_stream(LoopSnapshot *s, uint32_t oid, uint32_t id)
{
	if (s->current != NULL && s->current->id == id && s->current->oid == oid)
		return s->current;
	for (size_t i = 0; i < s->nstreams; i++)
		if (s->streams[i].id == id && s->streams[i].oid == oid)
			return s->current = &s->streams[i];
	return NULL;
}

static void
take_stream(Loop *l)
{
	LoopSnapshot *s = &l->snapshot;
	const FrameStream *f = &s->frame.stream;
	uint32_t oid = s->rows.unit->table->oid;
	RowStream *stream = find_stream(s, oid, f->id);
	Error err;

	if (stream == NULL)
	{
		s->streams =
			realloc(s->streams, (s->nstreams + 1) * sizeof(*s->streams));
		if (s->streams == NULL)
			abort();
		stream = &s->streams[s->nstreams++];
		*stream = (RowStream){.oid = oid, .id = f->id};
		s->current = NULL;
	}
	stream->extra = f->key_head.len + f->key_tail.len + f->value_head.len +
					f->value_tail.len;
	stream->handle = l->ops->stream(l->sink, stream->handle, f, &err);
	if (stream->handle == NULL)
	{
		s->nstreams = 0;
		loop_trouble(l, &err, true);
	}
}

/* ---- rows ---------------------------------------------------------------- */

/* As Debezium marks them; of the first table there may be no first record. */
static const char *
marker_of(const Loop *l, const SnapshotTable *t, bool last, bool very_last)
{
	const SnapshotPlan *p = &l->snapshot.plan;

	if (very_last)
		return "last";
	if (t->rows == 0 && t == p->tables[0])
		return "first";
	if (last)
		return "last_in_data_collection";
	return t->rows == 0 ? "first_in_data_collection" : marker_true;
}

/* Writes the marker over the one that stands in the record's hole. */
static void
mark(LoopSnapshot *s, const char *marker)
{
	FrameRecord *r = &s->record;
	size_t len = strlen(marker);
	size_t rest;

	if (!(r->flags & WIRE_REC_HOLE) || marker == marker_true ||
		r->hole + sizeof(marker_true) - 1 > r->value.len)
		return;
	rest = r->value.len - r->hole - (sizeof(marker_true) - 1);
	if (s->patched_size < r->hole + len + rest)
	{
		s->patched_size = r->hole + len + rest;
		s->patched = realloc(s->patched, s->patched_size);
		if (s->patched == NULL)
			abort();
	}
	memcpy(s->patched, r->value.data, r->hole);
	memcpy(s->patched + r->hole, marker, len);
	memcpy(s->patched + r->hole + len,
		   r->value.data + r->hole + sizeof(marker_true) - 1, rest);
	r->value.data = (const uint8_t *) s->patched;
	r->value.len = (uint32_t) (r->hole + len + rest);
}

/* The last row of a part: its memory is ours, and the part with it. */
static void
keep_row(Loop *l)
{
	LoopSnapshot *s = &l->snapshot;
	const FrameRecord *r = &s->frame.record;
	RowStream *stream = find_stream(s, s->rows.unit->table->oid, r->stream);
	KeptRow *kept = s->kept;
	Error err;

	while (kept->unit.table != NULL)
		kept++;
	if (stream == NULL)
	{
		err_set(&err, ERR_ENVIRONMENT, "wire_sequence",
				"a row of a stream that was not announced");
		loop_trouble(l, &err, true);
		return;
	}
	kept->unit = *s->rows.unit;
	s->rows.unit->table = NULL;
	kept->memory = snapshot_source_take(s->source, s->rows.reader);
	kept->frame = *r;
	kept->stream = stream->handle;
	kept->extra = stream->extra;
	kept->last = false;
	kept->number = ++s->numbers;
}

static void
release(Loop *l, KeptRow *kept, bool very_last)
{
	LoopSnapshot *s = &l->snapshot;

	s->releasing = kept;
	l->dead.active = false;
	s->record = kept->frame;
	s->table = kept->unit.table;
	mark(s, marker_of(l, s->table, kept->last, very_last));
	offer_row(l);
}

/* How many parts of the table are under way without a row kept of them. */
static bool
has_unread(const LoopSnapshot *s, const SnapshotTable *t)
{
	uint32_t kept = 0;

	for (int i = 0; i < SNAPSHOT_MAX_KEPT; i++)
		kept += s->kept[i].unit.table == t;
	return snapshot_plan_has_work(t) || t->under_way > kept;
}

static bool
has_younger(const LoopSnapshot *s, const KeptRow *row)
{
	for (int i = 0; i < SNAPSHOT_MAX_KEPT; i++)
		if (s->kept[i].unit.table == row->unit.table &&
			s->kept[i].number > row->number)
			return true;
	return false;
}

/*
 * One kept row of a table is enough, and one of the tables that are read: all
 * but the last that came go out.
 */
static void
release_rows(Loop *l)
{
	LoopSnapshot *s = &l->snapshot;
	KeptRow *final = NULL;
	bool unread = false;

	for (int i = 0; i < SNAPSHOT_MAX_KEPT && !s->held; i++)
	{
		KeptRow *a = &s->kept[i];

		if (a->unit.table == NULL)
			continue;
		if (has_younger(s, a))
			release(l, a, false);
		if (a->unit.table == NULL || s->held || s->phase != SNAPSHOT_ROWS)
			continue;
		a->last = !has_unread(s, a->unit.table);
		if (!a->last)
			continue;
		if (final != NULL)
		{
			KeptRow *older = final->number < a->number ? final : a;

			final = older == final ? a : final;
			release(l, older, false);
		}
		else
			final = a;
	}
	if (final == NULL || s->held || s->phase != SNAPSHOT_ROWS)
		return;
	for (size_t i = 0; i < s->plan.count && !unread; i++)
		unread = !s->plan.tables[i]->complete &&
				 s->plan.tables[i] != final->unit.table;
	if (!unread)
		release(l, final, true);
}

static void
offer_row(Loop *l)
{
	LoopSnapshot *s = &l->snapshot;
	RowStream *stream = NULL;
	Error err;

	s->out.frame = &s->record;
	s->out.end_lsn = s->plan.lsn;
	if (s->releasing != NULL)
	{
		s->out.stream = s->releasing->stream;
		s->extra = s->releasing->extra;
	}
	else
	{
		stream = find_stream(s, s->table->oid, s->record.stream);
		if (stream == NULL)
		{
			err_set(&err, ERR_ENVIRONMENT, "wire_sequence",
					"a row of a stream that was not announced");
			loop_trouble(l, &err, true);
			return;
		}
		s->out.stream = stream->handle;
		s->extra = stream->extra;
	}
	s->held = true;
	if (!core_row_offer(&l->core, &s->out, l->wall_us))
		return;
	if ((s->record.flags & WIRE_REC_OVERSIZE) && !l->dead.active)
	{
		dead_letter_oversized(&s->out, l->cfg, &err);
		refuse_row(l, &err);
		return;
	}
	put_row(l);
}

static void
put_row(Loop *l)
{
	LoopSnapshot *s = &l->snapshot;
	Error err;

	l->dead.record.ticket = s->out.ticket;
	switch (
		l->ops->put(l->sink, l->dead.active ? &l->dead.record : &s->out, &err))
	{
		case SINK_OK:
			s->held = false;
			l->stats.dead_letters += l->dead.active;
			l->dead.active = false;
			core_row_taken(&l->core, &s->out,
						   s->record.key.len + s->record.value.len + s->extra);
			row_taken(l);
			break;
		case SINK_FULL:
		case SINK_PENDING:
			break;
		case SINK_ERROR:
			loop_trouble(l, &err, true);
			break;
		case SINK_REFUSED:
			refuse_row(l, &err);
			break;
	}
}

/* As of a change: a dead letter takes its place, or we stop. */
static void
refuse_row(Loop *l, const Error *why)
{
	LoopSnapshot *s = &l->snapshot;
	Error err;

	if (l->dead.active || !dead_letter_wanted(l->cfg, why))
		loop_trouble(l, why, true);
	else if (!dead_letter_make(&l->dead, l->ops, l->sink, &s->out, why, &err))
		loop_trouble(l, &err, true);
	else
	{
		dead_letter_log(&l->dead, why, l->now_ms);
		put_row(l);
	}
}

static void
row_taken(Loop *l)
{
	LoopSnapshot *s = &l->snapshot;
	KeptRow *kept = s->releasing;

	s->put++;
	s->table->rows++;
	if (kept == NULL)
	{
		s->rows.unit->next = s->record.ordinal + 1;
		return;
	}
	s->releasing = NULL;
	snapshot_plan_done(&s->plan, &kept->unit);
	PQfreemem(kept->memory);
	*kept = (KeptRow){.memory = NULL};
}
