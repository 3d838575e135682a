/*
 * loop_gap.c
 *		The loop's part in marking a gap: which record is the first of its topic.
 */
#include "loop_gap.h"

#include <stdlib.h>

#include "gap.h"
#include "log.h"
#include "loop_internal.h"


static void
mark(Loop *l, FrameRecord *r)
{
	Gap gap = {.slot = l->cfg->slot_name,
			   .system_id = l->server.system_id,
			   .what = &l->snapshot.plan.gap};

	gap_mark(r, &l->snapshot.marked_headers, &gap);
}

void
loop_gap_row(Loop *l)
{
	LoopSnapshot *s = &l->snapshot;

	if (s->plan.gap.set && s->table->unmarked)
		mark(l, &s->record);
}

void
loop_gap_row_taken(LoopSnapshot *s)
{
	if (s->table->unmarked)
		snapshot_plan_marked(&s->plan, s->table);
}

void
loop_gap_stream(Loop *l, const FrameStream *f)
{
	LoopSnapshot *s = &l->snapshot;
	SnapshotTable *t = snapshot_plan_find_unmarked(
		&s->plan, (const char *) f->schema.data, f->schema.len,
		(const char *) f->name.data, f->name.len);
	size_t i = 0;

	while (i < s->nunmarked && s->unmarked[i].id != f->id)
		i++;
	if (i < s->nunmarked)
		s->unmarked[i] = s->unmarked[--s->nunmarked];
	if (t == NULL)
		return;
	s->unmarked =
		realloc(s->unmarked, (s->nunmarked + 1) * sizeof(*s->unmarked));
	if (s->unmarked == NULL)
		abort();
	s->unmarked[s->nunmarked].id = f->id;
	s->unmarked[s->nunmarked++].table = t;
}

void
loop_gap_change(Loop *l)
{
	LoopSnapshot *s = &l->snapshot;

	s->marking = false;
	for (size_t i = 0; i < s->nunmarked && !s->marking; i++)
		if (s->unmarked[i].id == l->frame.record.stream &&
			s->unmarked[i].table->unmarked)
		{
			s->marking = true;
			s->marking_table = s->unmarked[i].table;
			mark(l, &l->frame.record);
		}
}

void
loop_gap_changed(Loop *l)
{
	LoopSnapshot *s = &l->snapshot;

	if (!s->marking)
		return;
	s->marking = false;
	snapshot_plan_marked(&s->plan, s->marking_table);
	s->marks_moved = true;
	if (snapshot_plan_unmarked(&s->plan) == 0)
		s->nunmarked = 0;
}

void
loop_gap_between(Loop *l)
{
	if (!l->snapshot.marks_moved || !core_between(&l->core))
		return;
	l->snapshot.marks_moved = false;
	loop_snapshot_store(l);
}

void
loop_gap_tell_empty(const Loop *l)
{
	const SnapshotPlan *p = &l->snapshot.plan;

	for (size_t i = 0; i < p->count; i++)
		if (p->tables[i]->unmarked)
			log_event(
				LOG_WARN,
				"a table is empty behind the gap: its next change carries the marker",
				F_STR("table", p->tables[i]->name));
}
