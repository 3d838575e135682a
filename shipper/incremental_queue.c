/*
 * incremental_queue.c
 *		What is asked for: requests, tables, pause and stop, and what is told.
 */
#include "incremental_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
queued_free(IncrementalQueued *q)
{
	for (size_t i = 0; i < q->count; i++)
	{
		free((char *) q->items[i].pattern);
		free((char *) q->items[i].filter);
		free((char *) q->items[i].surrogate);
	}
	free(q->items);
	free(q->id);
}

void
incremental_table_free(IncrementalTable *t)
{
	for (size_t i = 0; i < t->nrequeue; i++)
		free(t->requeue[i].text);
	free(t->requeue);
	free(t->last.text);
	free(t->max.text);
	free(t->id);
	free(t->name);
	free(t->quoted);
	free(t->schema);
	free(t->table);
	free(t->filter);
	free(t->surrogate);
	free(t->columns);
}

static void
drop_first(IncrementalQueued *list, size_t *count)
{
	queued_free(&list[0]);
	memmove(&list[0], &list[1], --*count * sizeof(*list));
}

static void
drop_request(Incremental *inc)
{
	drop_first(inc->requests, &inc->nrequests);
	for (size_t i = 0; i < inc->nstops; i++)
		inc->stops[i].behind -= inc->stops[i].behind > 0;
}

/* A stop is of what was asked for before it, and of nothing else. */
static bool
stop_is_next(const Incremental *inc)
{
	return inc->nstops > 0 &&
		   (inc->stops[0].behind == 0 || inc->nrequests == 0);
}

void
incremental_clear(Incremental *inc)
{
	incremental_restart(inc);
	while (inc->nrequests > 0)
		drop_first(inc->requests, &inc->nrequests);
	while (inc->nstops > 0)
		drop_first(inc->stops, &inc->nstops);
	for (size_t i = 0; i < inc->ntables; i++)
		incremental_table_free(&inc->tables[i]);
	free(inc->requests);
	free(inc->stops);
	free(inc->tables);
	inc->requests = inc->stops = NULL;
	inc->tables = NULL;
	inc->ntables = 0;
	inc->paused = false;
	inc->tracking = false;
}

void
incremental_set_notify(Incremental *inc, IncrementalNotify notify, void *arg)
{
	inc->notify = notify;
	inc->notify_arg = arg;
}

/* ---- what is told -------------------------------------------------------- */

/* values joined by commas */
static char *
key_text(const IncrementalKey *key)
{
	char *text;

	if (key->text == NULL || key->len == 0)
		return NULL;
	text = incremental_alloc(NULL, key->len, 1);
	memcpy(text, key->text, key->len);
	for (size_t i = 0; i + 1 < key->len; i++)
		if (text[i] == '\0')
			text[i] = ',';
	return text;
}

static char *
collections_of(const Incremental *inc, const char *id)
{
	size_t len = 0;
	char *text;

	for (size_t i = 0; i < inc->ntables; i++)
		len += strlen(inc->tables[i].name) + 1;
	text = incremental_alloc(NULL, len + 1, 1);
	len = 0;
	for (size_t i = 0; i < inc->ntables; i++)
	{
		const char *name = inc->tables[i].name;

		if (strcmp(inc->tables[i].id, id) != 0)
			continue;
		if (len > 0)
			text[len++] = ',';
		memcpy(text + len, name, strlen(name));
		len += strlen(name);
	}
	text[len] = '\0';
	return text;
}

static void
tell(Incremental *inc, const IncrementalEvent *ev)
{
	if (inc->notify != NULL)
		inc->notify(inc->notify_arg, ev);
}

static void
tell_table(Incremental *inc, IncrementalKind kind, const char *status,
		   const char *reason)
{
	const IncrementalTable *t = inc->tables;
	char *collections = collections_of(inc, t->id);
	char *last = key_text(&t->last);
	char *max = key_text(&t->max);

	tell(inc, &(IncrementalEvent){.kind = kind,
								  .id = t->id,
								  .collection = t->name,
								  .collections = collections,
								  .chunk = inc->chunks + 1,
								  .last_key = last,
								  .maximum_key = max,
								  .rows = t->rows,
								  .status = status,
								  .reason = reason});
	free(collections);
	free(last);
	free(max);
}

void
incremental_tell(Incremental *inc, IncrementalKind kind, const char *reason)
{
	tell_table(inc, kind, NULL, reason);
}

static void
tell_request(Incremental *inc, IncrementalKind kind, const char *id,
			 const char *reason)
{
	char *collections = collections_of(inc, id);

	tell(inc, &(IncrementalEvent){.kind = kind,
								  .id = id,
								  .collections = collections,
								  .reason = reason});
	free(collections);
}

static bool
has_id(const Incremental *inc, const char *id)
{
	for (size_t i = 0; i < inc->ntables; i++)
		if (strcmp(inc->tables[i].id, id) == 0)
			return true;
	for (size_t i = 0; i < inc->nrequests; i++)
		if (strcmp(inc->requests[i].id, id) == 0)
			return true;
	return false;
}

static void
remove_table(Incremental *inc, size_t i)
{
	incremental_table_free(&inc->tables[i]);
	inc->ntables--;
	memmove(&inc->tables[i], &inc->tables[i + 1],
			(inc->ntables - i) * sizeof(*inc->tables));
	inc->changed = true;
}

void
incremental_end_table(Incremental *inc, const char *status, const char *reason)
{
	char *id = incremental_copy(inc->tables[0].id);

	tell_table(inc, INCREMENTAL_TABLE_SCAN_COMPLETED, status, reason);
	incremental_restart(inc);
	inc->delays = 0;
	remove_table(inc, 0);
	if (!has_id(inc, id))
		tell_request(inc, INCREMENTAL_COMPLETED, id, NULL);
	free(id);
	incremental_track(inc);
}

/* ---- commands ------------------------------------------------------------ */

static void
queue(IncrementalQueued **list, size_t *count, const char *id,
	  const IncrementalCollection *items, size_t n)
{
	IncrementalQueued *q;

	*list = incremental_alloc(*list, *count + 1, sizeof(**list));
	q = &(*list)[(*count)++];
	q->id = incremental_copy(id);
	q->items = incremental_alloc(NULL, n + 1, sizeof(*q->items));
	q->count = n;
	q->behind = 0;
	for (size_t i = 0; i < n; i++)
	{
		q->items[i].pattern = incremental_copy(items[i].pattern);
		q->items[i].filter = incremental_copy(items[i].filter);
		q->items[i].surrogate = incremental_copy(items[i].surrogate);
	}
}

bool
incremental_start(Incremental *inc, const IncrementalRequest *req, Error *err)
{
	if (req->id == NULL || req->count == 0)
	{
		err_set(err, ERR_CONFIG, "incremental_request",
				"a snapshot was asked for without %s",
				req->id == NULL ? "an id" : "tables");
		err_hint(err, "Name them in data-collections, as in "
					  "{\"data-collections\":[\"public.orders\"]}.");
		return false;
	}
	if (has_id(inc, req->id))
		return true;
	queue(&inc->requests, &inc->nrequests, req->id, req->items, req->count);
	inc->changed = true;
	incremental_track(inc);
	return true;
}

void
incremental_pause(Incremental *inc)
{
	if (inc->paused || (inc->ntables == 0 && inc->nrequests == 0))
		return;
	inc->paused = inc->changed = true;
	if (inc->state != STATE_PUTTING)
		incremental_restart(inc);
	incremental_track(inc);
	if (inc->ntables > 0)
		incremental_tell(inc, INCREMENTAL_PAUSED, NULL);
}

void
incremental_resume(Incremental *inc)
{
	if (!inc->paused)
		return;
	inc->paused = false;
	inc->changed = true;
	inc->delays = 0;
	incremental_track(inc);
	if (inc->ntables > 0)
		incremental_tell(inc, INCREMENTAL_RESUMED, NULL);
}

static void
stop_tables(Incremental *inc, bool (*matches)(void *arg, uint32_t oid),
			void *arg)
{
	for (size_t i = inc->ntables; i-- > 0;)
	{
		char *id;

		if (matches != NULL && !matches(arg, inc->tables[i].oid))
			continue;
		if (i == 0)
			incremental_restart(inc);
		id = incremental_copy(inc->tables[i].id);
		remove_table(inc, i);
		if (!has_id(inc, id))
			tell_request(inc, INCREMENTAL_ABORTED, id, "it was stopped");
		free(id);
	}
	inc->delays = 0;
	incremental_track(inc);
}

void
incremental_stop(Incremental *inc, const char *const *patterns, size_t count)
{
	IncrementalCollection *items;

	inc->changed = true;
	if (count == 0)
	{
		bool listing = inc->state == STATE_LISTING;

		while (inc->nrequests > 0)
		{
			tell_request(inc, INCREMENTAL_ABORTED, inc->requests[0].id,
						 "it was stopped");
			drop_request(inc);
		}
		while (inc->nstops > 0)
			drop_first(inc->stops, &inc->nstops);
		if (listing)
			inc->state = STATE_IDLE;
		inc->paused = false;
		stop_tables(inc, NULL, NULL);
		return;
	}
	items = incremental_alloc(NULL, count, sizeof(*items));
	for (size_t i = 0; i < count; i++)
		items[i] = (IncrementalCollection){.pattern = patterns[i]};
	incremental_queue_stop(inc, items, count, inc->nrequests);
	free(items);
}

void
incremental_queue_stop(Incremental *inc, const IncrementalCollection *items,
					   size_t n, size_t behind)
{
	queue(&inc->stops, &inc->nstops, NULL, items, n);
	inc->stops[inc->nstops - 1].behind = behind;
}

void
incremental_status(const Incremental *inc, IncrementalStatus *out)
{
	memset(out, 0, sizeof(*out));
	out->running = inc->ntables > 0 || inc->nrequests > 0;
	out->paused = inc->paused;
	out->tables = inc->ntables;
	out->requests = inc->nrequests;
	out->chunk = inc->chunks;
	out->dropped = inc->dropped;
	out->requeued = inc->requeues;
	out->waiting_xid = inc->waiting_xid;
	if (inc->waiting_xid != 0 && inc->waiting_since_ms != 0)
		out->waiting_ms = inc->now_ms - inc->waiting_since_ms;
	if (inc->ntables == 0)
		return;
	out->id = inc->tables[0].id;
	out->collection = inc->tables[0].name;
	out->rows = inc->tables[0].rows;
}

bool
incremental_changed(Incremental *inc)
{
	bool changed = inc->changed;

	inc->changed = false;
	return changed;
}

/* ---- answers ------------------------------------------------------------- */

const IncrementalCollection *
incremental_wanted(const Incremental *inc, size_t *count)
{
	const IncrementalQueued *q =
		stop_is_next(inc) ? &inc->stops[0] : &inc->requests[0];

	*count = q->count;
	return q->items;
}

typedef struct Listed
{
	const IncrementalListed *items;
	size_t count;
} Listed;

static bool
is_listed(void *arg, uint32_t oid)
{
	const Listed *l = arg;

	for (size_t i = 0; i < l->count; i++)
		if (l->items[i].oid == oid)
			return true;
	return false;
}

static void
add_tables(Incremental *inc, const IncrementalQueued *q,
		   const IncrementalListed *items, size_t count)
{
	size_t before = inc->ntables;

	for (size_t i = 0; i < count; i++)
	{
		const IncrementalListed *item = &items[i];
		Listed same = {items, i};
		IncrementalTable *t;

		/* once, as the first that it matches says */
		if (item->item >= q->count || is_listed(&same, item->oid))
			continue;
		inc->tables = incremental_alloc(inc->tables, inc->ntables + 1,
										sizeof(*inc->tables));
		t = &inc->tables[inc->ntables++];
		*t = (IncrementalTable){
			.id = incremental_copy(q->id),
			.oid = item->oid,
			.name = incremental_copy(item->name),
			.quoted = incremental_copy(item->quoted),
			.schema = incremental_copy(item->schema),
			.table = incremental_copy(item->table),
			.filter = incremental_copy(q->items[item->item].filter),
			.surrogate = incremental_copy(q->items[item->item].surrogate),
			.limit = inc->chunk_rows,
		};
	}
	tell_request(
		inc, inc->ntables > before ? INCREMENTAL_STARTED : INCREMENTAL_SKIPPED,
		q->id,
		inc->ntables > before ? NULL : "no captured table has such a name");
}

void
incremental_listed(Incremental *inc, const IncrementalListed *items,
				   size_t count)
{
	inc->asked = false;
	if (inc->state != STATE_LISTING)
		return;
	inc->state = STATE_IDLE;
	inc->changed = true;
	if (stop_is_next(inc))
	{
		Listed listed = {items, count};

		stop_tables(inc, is_listed, &listed);
		drop_first(inc->stops, &inc->nstops);
	}
	else if (inc->nrequests > 0)
	{
		add_tables(inc, &inc->requests[0], items, count);
		drop_request(inc);
	}
	incremental_track(inc);
}

void
incremental_refused(Incremental *inc, IncrementalFailure why,
					const char *reason)
{
	inc->asked = false;
	if (inc->state == STATE_LISTING)
	{
		inc->state = STATE_IDLE;
		if (why == INCREMENTAL_LATER)
			return;
		if (stop_is_next(inc))
			drop_first(inc->stops, &inc->nstops);
		else if (inc->nrequests > 0)
		{
			tell_request(inc, INCREMENTAL_ABORTED, inc->requests[0].id, reason);
			drop_request(inc);
		}
		inc->changed = true;
		incremental_track(inc);
		return;
	}
	inc->dirty = true;
	if (inc->state == STATE_IDLE || inc->ntables == 0)
		return;
	if (why == INCREMENTAL_LATER)
		incremental_restart(inc);
	else
		incremental_end_table(inc,
							  why == INCREMENTAL_GONE	  ? "SKIPPED"
							  : why == INCREMENTAL_NO_KEY ? "NO_PRIMARY_KEY"
														  : "SQL_EXCEPTION",
							  reason);
}
