/*
 * loop_rows.c
 *		Rows of a snapshot into the sink: frames, the markers of Debezium, and the
 *		rows that are kept back for them.
 */
#include "loop_rows.h"

#include <stdlib.h>
#include <string.h>

#include "failpoint.h"
#include "loop_gap.h"
#include "loop_internal.h"
#include "marker.h"

static void take_stream(Loop *l);
static void keep_row(Loop *l);
static void row_taken(Loop *l);
static void mark(Loop *l, bool last, bool very_last);


void
loop_rows_begin(LoopSnapshot *s)
{
	frame_reader_init(&s->reader, s->rows.payload, s->rows.len);
	s->has_payload = true;
	s->current = NULL;
}

void
loop_rows_drop(LoopSnapshot *s)
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

/* ---- frames -------------------------------------------------------------- */

static void
payload_through(LoopSnapshot *s)
{
	s->has_payload = false;
	snapshot_source_release(s->source, s->rows.reader);
}

void
loop_rows_take(Loop *l)
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
				mark(l, false, false);
				loop_gap_row(l);
				loop_rows_offer(l);
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

/* Partitions that are published as their root are one collection. */
static bool
same_collection(const SnapshotTable *a, const SnapshotTable *b)
{
	return a == b || (strcmp(a->table, b->table) == 0 &&
					  strcmp(a->schema, b->schema) == 0);
}

static bool
begins_collection(const SnapshotPlan *p, const SnapshotTable *t)
{
	for (size_t i = 0; i < p->count && t->rows == 0; i++)
		if (p->tables[i]->rows > 0 && same_collection(p->tables[i], t))
			return false;
	return t->rows == 0;
}

static bool
ends_collection(const SnapshotPlan *p, const SnapshotTable *t)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->tables[i] != t && !p->tables[i]->complete &&
			same_collection(p->tables[i], t))
			return false;
	return true;
}

/* As Debezium marks them; of the first table there may be no first record. */
static const char *
marker_of(const Loop *l, const SnapshotTable *t, bool last, bool very_last)
{
	const SnapshotPlan *p = &l->snapshot.plan;
	bool first = begins_collection(p, t);

	if (very_last)
		return "last";
	if (first && same_collection(t, p->tables[0]))
		return "first";
	if (last && ends_collection(p, t))
		return "last_in_data_collection";
	return first ? "first_in_data_collection" : MARKER_PLAIN;
}

/* Of the record at hand; last: of its table. */
static void
mark(Loop *l, bool last, bool very_last)
{
	LoopSnapshot *s = &l->snapshot;

	marker_write(&s->record, marker_of(l, s->table, last, very_last),
				 &s->patched_value, &s->patched_headers);
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
	mark(l, kept->last, very_last);
	loop_gap_row(l);
	loop_rows_offer(l);
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
void
loop_rows_release(Loop *l)
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

void
loop_rows_offer(Loop *l)
{
	LoopSnapshot *s = &l->snapshot;
	RowStream *stream = NULL;
	uint32_t extra;
	Error err;

	s->out.frame = &s->record;
	s->out.end_lsn = s->plan.lsn;
	if (s->releasing != NULL)
	{
		s->out.stream = s->releasing->stream;
		extra = s->releasing->extra;
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
		extra = stream->extra;
	}
	s->held = true;
	if (!loop_put_row(l, &s->out, extra))
		return;
	s->held = false;
	row_taken(l);
}

static bool refuse_row(Loop *l, SinkRecord *out, uint32_t extra,
					   const Error *why);

static bool
put_row(Loop *l, SinkRecord *out, uint32_t extra)
{
	const FrameRecord *f = out->frame;
	Error err;

	l->dead.record.ticket = out->ticket;
	switch (l->ops->put(l->sink, l->dead.active ? &l->dead.record : out, &err))
	{
		case SINK_OK:
			l->stats.dead_letters += l->dead.active;
			l->dead.active = false;
			core_row_taken(&l->core, out, f->key.len + f->value.len + extra);
			return true;
		case SINK_FULL:
		case SINK_PENDING:
			break;
		case SINK_ERROR:
			loop_trouble(l, &err, true);
			break;
		case SINK_REFUSED:
			return refuse_row(l, out, extra, &err);
	}
	return false;
}

/* As of a change: a dead letter takes its place, or we stop. */
static bool
refuse_row(Loop *l, SinkRecord *out, uint32_t extra, const Error *why)
{
	Error err;

	if (l->dead.active || !dead_letter_wanted(l->cfg, why))
		loop_trouble(l, why, true);
	else if (!dead_letter_make(&l->dead, l->ops, l->sink, out, why, &err))
		loop_trouble(l, &err, true);
	else
	{
		dead_letter_log(&l->dead, why, l->now_ms);
		return put_row(l, out, extra);
	}
	return false;
}

bool
loop_put_row(Loop *l, SinkRecord *out, uint32_t extra)
{
	Error err;

	if (!core_row_offer(&l->core, out, l->wall_us))
		return false;
	if (!(out->frame->flags & WIRE_REC_OVERSIZE) || l->dead.active)
		return put_row(l, out, extra);
	dead_letter_oversized(out, l->cfg, &err);
	return refuse_row(l, out, extra, &err);
}

static void
row_taken(Loop *l)
{
	LoopSnapshot *s = &l->snapshot;
	KeptRow *kept = s->releasing;

	if (failpoint_active)
		failpoint_hit("snapshot_row");
	s->put++;
	s->table->rows++;
	loop_gap_row_taken(s);
	if (kept == NULL)
	{
		s->rows.unit->next = s->record.ordinal + 1;
		return;
	}
	s->releasing = NULL;
	loop_snapshot_done(l, &kept->unit);
	PQfreemem(kept->memory);
	*kept = (KeptRow){.memory = NULL};
}
