/*
 * loop_notify.c
 *		The loop's part in notifications: what became of snapshots.
 *
 * Of the initial one its state is compared, once a turn, with what was told.
 */
#include "loop_internal.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "pg.h"

#define INITIAL		"Initial Snapshot"
#define INCREMENTAL "Incremental Snapshot"

/* what was told of the initial one */
enum
{
	NOTE_NOTHING,
	NOTE_STARTED,
	NOTE_ENDED
};
/* and of a table of it */
enum
{
	TABLE_NOTHING,
	TABLE_BEGUN,
	TABLE_ENDED
};

#define PAIR(name, value) ((NotificationPair){(name), (value)})
#define CONNECTOR		  PAIR(NULL, NULL)

static void
tell(Loop *l, const Notification *what)
{
	notifications_add(&l->notifications, what, l->wall_us);
}

static void
tell_initial(Loop *l, const char *type)
{
	tell(l, &(Notification){.aggregate = INITIAL,
							.type = type,
							.pairs = {CONNECTOR},
							.count = 1});
}

/* ---- the initial snapshot ------------------------------------------------------ */

static char *
all_tables(const SnapshotPlan *p)
{
	PgText t = {0};

	for (size_t i = 0; i < p->count; i++)
		pg_text_add(&t, "%s%s", i > 0 ? "," : "", p->tables[i]->name);
	return t.data;
}

static void
tell_table(Loop *l, const SnapshotTable *t, char **all)
{
	char rows[24];

	if (*all == NULL)
		*all = all_tables(&l->snapshot.plan);
	if (t->told == TABLE_BEGUN)
	{
		tell(l, &(Notification){
					.aggregate = INITIAL,
					.type = "IN_PROGRESS",
					.pairs = {PAIR("current_collection_in_progress", t->name),
							  CONNECTOR, PAIR("data_collections", *all)},
					.count = 3});
		return;
	}
	snprintf(rows, sizeof(rows), "%llu", (unsigned long long) t->rows);
	tell(l,
		 &(Notification){.aggregate = INITIAL,
						 .type = "TABLE_SCAN_COMPLETED",
						 .pairs = {PAIR("scanned_collection", t->name),
								   CONNECTOR, PAIR("total_rows_scanned", rows),
								   PAIR("data_collections", *all),
								   PAIR("status", "SUCCEEDED")},
						 .count = 5});
}

static void
tell_tables(Loop *l)
{
	const SnapshotPlan *p = &l->snapshot.plan;
	char *all = NULL;

	for (size_t i = 0; i < p->count; i++)
	{
		SnapshotTable *t = p->tables[i];

		if (t->told == TABLE_NOTHING &&
			(t->complete || t->rows > 0 || t->under_way > 0))
		{
			t->told = TABLE_BEGUN;
			tell_table(l, t, &all);
		}
		if (t->told == TABLE_BEGUN && t->complete)
		{
			t->told = TABLE_ENDED;
			tell_table(l, t, &all);
		}
	}
	free(all);
}

/* What an earlier process read is told of by that. */
static void
begin_initial(Loop *l)
{
	const SnapshotPlan *p = &l->snapshot.plan;

	for (size_t i = 0; i < p->count; i++)
		if (p->tables[i]->complete)
			p->tables[i]->told = TABLE_ENDED;
	tell_initial(l, "STARTED");
	l->told = NOTE_STARTED;
}

static void
follow_initial(Loop *l)
{
	const LoopSnapshot *s = &l->snapshot;

	if (l->told == NOTE_NOTHING && s->loaded)
	{
		if (s->phase >= SNAPSHOT_STORING || s->taken)
			begin_initial(l);
		else if (s->phase == SNAPSHOT_OFF)
		{
			tell_initial(l, "SKIPPED");
			l->told = NOTE_ENDED;
		}
	}
	if (l->told != NOTE_STARTED)
		return;
	if (s->phase >= SNAPSHOT_STORING || s->plan.complete)
		tell_tables(l);
	if (s->plan.complete)
	{
		tell_initial(l, "COMPLETED");
		l->told = NOTE_ENDED;
	}
	else if (l->phase != PHASE_RUNNING)
	{
		tell_initial(l, "ABORTED");
		l->told = NOTE_ENDED;
	}
}

/* ---- incremental ones ---------------------------------------------------------- */

static const char *const incremental_types[] = {
	[INCREMENTAL_STARTED] = "STARTED",
	[INCREMENTAL_IN_PROGRESS] = "IN_PROGRESS",
	[INCREMENTAL_TABLE_SCAN_COMPLETED] = "TABLE_SCAN_COMPLETED",
	[INCREMENTAL_PAUSED] = "PAUSED",
	[INCREMENTAL_RESUMED] = "RESUMED",
	[INCREMENTAL_ABORTED] = "ABORTED",
	[INCREMENTAL_SKIPPED] = "SKIPPED",
	[INCREMENTAL_COMPLETED] = "COMPLETED",
};

static void
on_incremental(void *arg, const IncrementalEvent *ev)
{
	Loop *l = arg;
	char rows[24];
	Notification n = {.id = ev->id,
					  .aggregate = INCREMENTAL,
					  .type = incremental_types[ev->kind]};

	loop_incremental_log(ev);
	snprintf(rows, sizeof(rows), "%llu", (unsigned long long) ev->rows);
	switch (ev->kind)
	{
		case INCREMENTAL_IN_PROGRESS:
			n.pairs[n.count++] =
				PAIR("current_collection_in_progress", ev->collection);
			n.pairs[n.count++] = CONNECTOR;
			n.pairs[n.count++] = PAIR("maximum_key", ev->maximum_key);
			n.pairs[n.count++] = PAIR("last_processed_key", ev->last_key);
			n.pairs[n.count++] = PAIR("data_collections", ev->collections);
			break;
		case INCREMENTAL_TABLE_SCAN_COMPLETED:
			n.pairs[n.count++] = PAIR("scanned_collection", ev->collection);
			n.pairs[n.count++] = CONNECTOR;
			n.pairs[n.count++] = PAIR("total_rows_scanned", rows);
			n.pairs[n.count++] = PAIR("data_collections", ev->collections);
			n.pairs[n.count++] = PAIR("status", ev->status);
			break;
		default:
			n.pairs[n.count++] = CONNECTOR;
			if (ev->collections != NULL && ev->kind != INCREMENTAL_COMPLETED)
				n.pairs[n.count++] = PAIR("data_collections", ev->collections);
			break;
	}
	tell(l, &n);
}

/* ---- the loop -------------------------------------------------------------------- */

void
loop_notify_init(Loop *l)
{
	notifications_init(&l->notifications, l->cfg);
	incremental_set_notify(l->incremental, on_incremental, l);
}

void
loop_notify(Loop *l)
{
	Notifications *n = &l->notifications;
	uint64_t sent = n->sent;
	Error err;

	follow_initial(l);
	if (n->count == 0 || l->sink == NULL || l->phase >= PHASE_ENDING ||
		!source_is_streaming(l->source) || !core_may_put(&l->core))
		return;
	if (!notifications_put(n, l->ops, l->sink, core_confirmable(&l->core),
						   l->wall_us, &err))
		loop_trouble(l, &err, true);
	else if (n->sent != sent)
		core_other_taken(&l->core);
}
