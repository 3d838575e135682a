/*
 * incremental_put.c
 *		Snapshots of tables while the stream goes on: a chunk's rows go out, or
 *		are read again.
 */
#include "incremental_internal.h"

#include <stdlib.h>
#include <string.h>


bool
incremental_putting(const Incremental *inc)
{
	return inc->state == STATE_PUTTING;
}

bool
incremental_is_fresh(const Incremental *inc, size_t record)
{
	return !inc->records[record].stale;
}

static bool
key_equal(const IncrementalKey *a, const IncrementalKey *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

static void
requeue_remove(IncrementalTable *t, const IncrementalKey *key)
{
	for (size_t i = 0; i < t->nrequeue; i++)
		if (key_equal(&t->requeue[i], key))
		{
			free(t->requeue[i].text);
			t->requeue[i] = t->requeue[--t->nrequeue];
			return;
		}
}

static void
requeue_add(IncrementalTable *t, const IncrementalKey *key)
{
	requeue_remove(t, key);
	t->requeue =
		incremental_alloc(t->requeue, t->nrequeue + 1, sizeof(*t->requeue));
	t->requeue[t->nrequeue++] = incremental_key_copy(key);
}

void
incremental_done(Incremental *inc, size_t record)
{
	const IncrementalRecord *r = &inc->records[record];
	const IncrementalKey *key = &inc->keys[r->row];
	IncrementalTable *t = inc->tables;

	inc->put++;
	inc->changed = true;
	if (inc->asked_requeue > 0)
		requeue_remove(t, key);
	else
		incremental_key_set(&t->last, key);
	if (!r->stale)
	{
		t->rows++;
		return;
	}
	inc->dropped++;
	/* its event has less than the row, or was of another row */
	if (r->unchanged || !inc->exact)
	{
		requeue_add(t, key);
		inc->requeues++;
	}
}

/* What of the requeue was asked for and has no row any more is done, too. */
static void
end_requeue(IncrementalTable *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->nrequeue; i++)
	{
		if (t->requeue[i].asked)
			free(t->requeue[i].text);
		else
			t->requeue[kept++] = t->requeue[i];
	}
	t->nrequeue = kept;
}

void
incremental_chunk_done(Incremental *inc)
{
	IncrementalTable *t = inc->tables;

	if (inc->asked_requeue > 0)
		end_requeue(t);
	else
	{
		/* rows behind the last record are not published */
		if (inc->nkeys > 0)
			incremental_key_set(&t->last, &inc->keys[inc->nkeys - 1]);
		t->scanned = inc->nkeys < t->limit;
		if (inc->nkeys > 0)
			incremental_tell(inc, INCREMENTAL_IN_PROGRESS, NULL);
	}
	inc->chunks++;
	inc->changed = true;
	/* the same keys again: they change all the time */
	inc->delays =
		inc->asked_requeue > 0 && t->nrequeue > 0 ? inc->delays + 1 : 0;
	incremental_forget_chunk(inc);
	inc->state = STATE_IDLE;
	if (t->limit < inc->chunk_rows)
		t->limit++;
	if (t->scanned && t->nrequeue == 0)
		incremental_end_table(inc, t->rows > 0 ? "SUCCEEDED" : "EMPTY", NULL);
}
