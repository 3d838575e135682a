/*
 * loop_snapshot.c
 *		The loop's part in snapshots: whether one is to be taken, its rounds, its
 *		progress into the position.  Its rows: loop_rows.c.
 */
#include "loop_internal.h"

#include <stdlib.h>
#include <string.h>

#include "gap.h"
#include "log.h"
#include "loop_gap.h"
#include "loop_rows.h"
#include "lsn.h"

/* rows between two looks at signals, acks and the clock */
#define PUMP_ROWS 4096
/* between two notes of what is put */
#define PROGRESS_MS 200

static void want(Loop *l, const char *why);
static void begin_round(Loop *l);
static void on_begun(Loop *l);
static void on_unit(Loop *l, SnapshotRows *rows);
static void on_round_lost(Loop *l, const Error *err);
static void complete(Loop *l);
static void completed(Loop *l);
static void end_round(LoopSnapshot *s);


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
	free(s->patched_value.data);
	free(s->patched_headers.data);
	free(s->marked_headers.data);
	free(s->unmarked);
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
	const char *stored = loop_incremental_session(l);
	bool known = l->positions ? core_has_position(&l->core) : !slot_created;
	Error err;

	s->loaded = true;
	if (stored != NULL && !snapshot_plan_load(&s->plan, stored, &err))
	{
		loop_trouble(l, &err, true);
		return;
	}
	/* one that repairs a gap is not the mode's matter */
	if (!mode_reads_rows(l) && !s->plan.gap.set)
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
		s->plan.had_rows = known;
		loop_snapshot_store(l);
		want(l, "a snapshot is taken, as at each start");
	}
	else if (stored == NULL && !known)
	{
		/* a position without it would say that none is wanted */
		loop_snapshot_store(l);
		want(l, "a snapshot is taken of what is in the tables");
	}
	else if (mode_stops(l))
		completed(l);
}

void
loop_snapshot_repair(Loop *l, uint64_t after_lsn)
{
	LoopSnapshot *s = &l->snapshot;
	SnapshotGap *gap = &s->plan.gap;

	/* what was asked for besides goes on */
	(void) loop_incremental_session(l);
	snapshot_plan_free(&s->plan);
	s->loaded = true;
	s->plan.had_rows = true;
	*gap = (SnapshotGap){.set = true,
						 .after_lsn = after_lsn,
						 .until_lsn = l->server.slot_lsn,
						 .found_us = l->wall_us};
	snprintf(gap->reason, sizeof(gap->reason), "%s",
			 l->server.lost_reason != NULL ? l->server.lost_reason : "");
	l->stats.gaps++;
	log_event(
		LOG_ERROR,
		"changes are missing: a snapshot is taken, and the first record of each topic behind the gap is marked",
		F_LSN("after", gap->after_lsn), F_LSN("until", gap->until_lsn),
		F_STR("reason", gap->reason), F_STR("header", GAP_HEADER),
		F_STR("hint",
			  "rows that were deleted in the gap stay in the destination"));
	/* from here on a position without it would hide the gap */
	loop_snapshot_store(l);
	want(l, "a snapshot is taken because changes were lost");
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

	(void) loop_incremental_session(l);
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
	s->nunmarked = 0;
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
	s->nunmarked = 0;
	s->marks_moved = false;
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
	loop_rows_drop(s);
	snapshot_bar_end(&s->bar);
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
	loop_gap_stream(l, f);
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
	{
		size_t n;
		const SnapshotUnit *units = snapshot_source_units(s->source, &n);

		snapshot_bar_show(&l->snapshot.bar, &s->plan, units, n, l->now_ms);
	}
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
	loop_incremental_snapshot(l, text);
	free(text);
	s->put = 0;
	s->told_ms = l->now_ms;
}

void
loop_snapshot_store(Loop *l)
{
	char *text = snapshot_plan_store(&l->snapshot.plan, NULL, 0);

	loop_incremental_snapshot(l, text);
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
			loop_rows_offer(l);
		else if (s->has_payload)
			loop_rows_take(l);
		else
		{
			loop_rows_release(l);
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
					loop_rows_begin(s);
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
							   s->plan.had_rows ? core_position_lsn(&l->core)
												: 0,
							   core_position_lsn(&l->core), l->now_ms, &err))
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
	loop_snapshot_store(l);
	s->phase = SNAPSHOT_STORING;
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
	loop_snapshot_done(l, rows->unit);
	s->put++;
}

void
loop_snapshot_done(Loop *l, SnapshotUnit *unit)
{
	const SnapshotTable *t = unit->table;

	snapshot_plan_done(&l->snapshot.plan, unit);
	if (t->complete)
		log_event(LOG_INFO, "a table is read", F_STR("table", t->name),
				  F_INT("rows", t->rows));
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
	loop_gap_tell_empty(l);
	log_event(
		LOG_INFO, "the snapshot is complete", F_INT("tables", s->plan.count),
		F_INT("rows", rows), F_INT("ms", ms),
		F_INT("rows_per_second", ms > 0 ? (int64_t) rows * 1000 / ms : 0));
	loop_snapshot_store(l);
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
	loop_stop(l, NULL);
}
