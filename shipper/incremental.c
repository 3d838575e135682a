/*
 * incremental.c
 *		Snapshots of tables while the stream goes on: the rules.
 */
#include "incremental_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* between two looks for a transaction that is not visible, or two tries */
#define FIRST_DELAY_MS 20
#define MAX_DELAY_MS   1000


void *
incremental_alloc(void *old, size_t n, size_t size)
{
	void *p = size > 0 && n > SIZE_MAX / size ? NULL : realloc(old, n * size);

	if (p == NULL && n > 0)
		abort();
	return p;
}

char *
incremental_copy(const char *s)
{
	char *copy = s != NULL ? strdup(s) : NULL;

	if (s != NULL && copy == NULL)
		abort();
	return copy;
}

IncrementalKey
incremental_key_copy(const IncrementalKey *key)
{
	IncrementalKey copy = {NULL, key->len, false};

	if (key->text == NULL)
		return copy;
	copy.text = incremental_alloc(NULL, key->len + 1, 1);
	memcpy(copy.text, key->text, key->len);
	return copy;
}

void
incremental_key_set(IncrementalKey *to, const IncrementalKey *from)
{
	IncrementalKey copy = incremental_key_copy(from);

	free(to->text);
	*to = copy;
}

Incremental *
incremental_new(void)
{
	Incremental *inc = incremental_alloc(NULL, 1, sizeof(*inc));

	memset(inc, 0, sizeof(*inc));
	inc->chunk_rows = 1024;
	inc->unknown = true;
	return inc;
}

void
incremental_configure(Incremental *inc, const char *nonce, uint32_t rows)
{
	snprintf(inc->nonce, sizeof(inc->nonce), "%s", nonce);
	inc->chunk_rows = rows;
}

void
incremental_free(Incremental *inc)
{
	incremental_clear(inc);
	for (uint32_t i = 0; i < inc->nstreams; i++)
		free(inc->streams[i].name);
	free(inc->streams);
	free(inc->recent.items);
	free(inc->barrier.items);
	free(inc->held.items);
	free(inc->base);
	free(inc->snapshot.running);
	free(inc->journal);
	free(inc->bytes);
	free(inc->records);
	free(inc->buckets);
	free(inc);
}

/* ---- the second connection ----------------------------------------------- */

static int64_t
delay_ms(const Incremental *inc)
{
	int64_t ms = FIRST_DELAY_MS;

	for (unsigned i = 1; i < inc->delays && ms < MAX_DELAY_MS; i++)
		ms *= 2;
	return ms < MAX_DELAY_MS ? ms : MAX_DELAY_MS;
}

static IncrementalStep
ask(Incremental *inc, IncrementalStep step)
{
	inc->asked = true;
	if (step == INCREMENTAL_OPEN)
		inc->dirty = true;
	if (step == INCREMENTAL_EMIT || step == INCREMENTAL_CLOSE)
		inc->dirty = false;
	return step;
}

static IncrementalStep
next_idle(Incremental *inc, int64_t now_ms, int64_t *until)
{
	if (inc->nstops > 0 || inc->nrequests > 0)
	{
		inc->state = STATE_LISTING;
		return ask(inc, INCREMENTAL_LIST);
	}
	if (inc->ntables == 0 || inc->paused)
		return INCREMENTAL_NOTHING;
	if (inc->delays > 0)
	{
		if (inc->retry_ms == 0)
			inc->retry_ms = now_ms + delay_ms(inc);
		if (now_ms < inc->retry_ms)
		{
			*until = inc->retry_ms;
			return INCREMENTAL_NOTHING;
		}
	}
	inc->retry_ms = 0;
	incremental_open_window(inc);
	inc->state = inc->unknown || inc->nbase > 0 ? STATE_POLLING : STATE_OPENING;
	return ask(inc, inc->state == STATE_POLLING ? INCREMENTAL_POLL
												: INCREMENTAL_OPEN);
}

IncrementalStep
incremental_next(Incremental *inc, int64_t now_ms, int64_t *until)
{
	*until = INT64_MAX;
	if (inc->asked)
		return INCREMENTAL_NOTHING;
	if (inc->dirty &&
		(inc->state == STATE_IDLE || inc->state == STATE_POLLING ||
		 inc->state == STATE_LISTING))
		return ask(inc, INCREMENTAL_CLOSE);
	switch (inc->state)
	{
		case STATE_IDLE:
			return next_idle(inc, now_ms, until);
		case STATE_POLLING:
			if (inc->waiting_xid != 0 && inc->waiting_since_ms == 0)
				inc->waiting_since_ms = now_ms;
			inc->now_ms = now_ms;
			if (now_ms >= inc->poll_ms)
				return ask(inc, INCREMENTAL_POLL);
			*until = inc->poll_ms;
			return INCREMENTAL_NOTHING;
		case STATE_OPENING:
			return ask(inc, INCREMENTAL_OPEN);
		case STATE_ASKING_MAX:
			return ask(inc, INCREMENTAL_MAX);
		case STATE_KEYS:
			return ask(inc, INCREMENTAL_KEYS);
		case STATE_ROWS:
			return ask(inc, INCREMENTAL_ROWS);
		case STATE_EMITTING:
			return ask(inc, INCREMENTAL_EMIT);
		default:
			return INCREMENTAL_NOTHING;
	}
}

bool
incremental_stands(Incremental *inc, IncrementalStep step)
{
	static const IncrementalState states[] = {
		[INCREMENTAL_LIST] = STATE_LISTING,
		[INCREMENTAL_POLL] = STATE_POLLING,
		[INCREMENTAL_OPEN] = STATE_OPENING,
		[INCREMENTAL_MAX] = STATE_ASKING_MAX,
		[INCREMENTAL_KEYS] = STATE_KEYS,
		[INCREMENTAL_ROWS] = STATE_ROWS,
		[INCREMENTAL_EMIT] = STATE_EMITTING,
	};

	if (step == INCREMENTAL_CLOSE || inc->state == states[step])
		return true;
	inc->asked = false;
	/* what it would have ended is still open */
	inc->dirty |= step == INCREMENTAL_EMIT;
	return false;
}

const IncrementalTable *
incremental_table(const Incremental *inc)
{
	return inc->ntables > 0 ? &inc->tables[0] : NULL;
}

size_t
incremental_requeued(const Incremental *inc)
{
	return inc->asked_requeue;
}

const char *
incremental_message(const Incremental *inc)
{
	Incremental *own = (Incremental *) inc;

	snprintf(own->message, sizeof(own->message), "%s:%llu", inc->nonce,
			 (unsigned long long) inc->attempt);
	return inc->message;
}

static void
add_base(Incremental *inc, uint64_t xid, const uint32_t *idle, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (idle[i] == (uint32_t) xid)
			return;
	inc->base =
		incremental_alloc(inc->base, inc->nbase + 1, sizeof(*inc->base));
	inc->base[inc->nbase++] = xid;
}

/*
 * Whatever was published before we looked is visible, or runs: as the snapshot
 * says, or beyond its xmax, which is behind the last that has ended; so the newest
 * commit that waits for a standby is not in the snapshot at all.
 */
static void
begin_base(Incremental *inc, const uint32_t *idle, size_t count)
{
	const XidSnapshot *s = &inc->snapshot;

	inc->nbase = 0;
	for (size_t i = 0; i < s->count; i++)
		add_base(inc, s->running[i], idle, count);
	for (size_t i = 0; i < inc->held.count; i++)
	{
		uint64_t xid = incremental_full_xid(s, inc->held.items[i]);

		if (xid >= s->xmax)
			add_base(inc, xid, idle, count);
	}
	inc->unknown = false;
}

void
incremental_polled(Incremental *inc, const char *snapshot, const uint32_t *idle,
				   size_t count, int64_t now_ms)
{
	XidSnapshot *s = &inc->snapshot;

	inc->asked = false;
	if (inc->state != STATE_POLLING || !incremental_snapshot_parse(s, snapshot))
	{
		incremental_restart(inc);
		return;
	}
	if (inc->unknown)
		begin_base(inc, idle, count);
	if (!incremental_barrier_holds(inc))
	{
		inc->state = STATE_OPENING;
		inc->waiting_since_ms = 0;
		inc->polls = 0;
		return;
	}
	if (inc->waiting_since_ms == 0)
		inc->waiting_since_ms = now_ms;
	inc->poll_ms =
		now_ms + (inc->polls < 5 ? FIRST_DELAY_MS << inc->polls : MAX_DELAY_MS);
	inc->polls++;
}

static bool
same_text(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static void
set_text(char **to, const char *s)
{
	free(*to);
	*to = incremental_copy(s);
}

/* Another key than the one that the table was read by: from its beginning. */
static void
begin_table(IncrementalTable *t, const char *columns)
{
	set_text(&t->columns, columns);
	free(t->last.text);
	free(t->max.text);
	t->last = t->max = (IncrementalKey){NULL, 0, false};
	for (size_t i = 0; i < t->nrequeue; i++)
		free(t->requeue[i].text);
	t->nrequeue = 0;
	t->scanned = false;
}

void
incremental_opened(Incremental *inc, const char *snapshot, const char *schema,
				   const char *table, const char *columns, bool exact)
{
	IncrementalTable *t = inc->tables;

	inc->asked = false;
	if (inc->state != STATE_OPENING)
		return;
	if (!incremental_snapshot_parse(&inc->snapshot, snapshot))
	{
		incremental_restart(inc);
		return;
	}
	if (incremental_barrier_holds(inc))
	{
		inc->state = STATE_POLLING;
		inc->poll_ms = 0;
		inc->polls = 0;
		return;
	}
	/* its events came under another name, or it is read from its beginning */
	if (!same_text(t->schema, schema) || !same_text(t->table, table))
	{
		set_text(&t->schema, schema);
		set_text(&t->table, table);
		inc->changed = true;
		incremental_restart(inc);
		return;
	}
	if (!same_text(t->columns, columns))
	{
		begin_table(t, columns);
		inc->asked_requeue = 0;
	}
	inc->exact = exact;
	inc->state = t->max.text == NULL ? STATE_ASKING_MAX : STATE_KEYS;
}

void
incremental_max(Incremental *inc, const IncrementalKey *key)
{
	inc->asked = false;
	if (inc->state != STATE_ASKING_MAX)
		return;
	if (key == NULL)
	{
		incremental_end_table(inc, "EMPTY", NULL);
		return;
	}
	incremental_key_set(&inc->tables[0].max, key);
	inc->state = STATE_KEYS;
}

void
incremental_keys(Incremental *inc, const IncrementalKey *keys, size_t count)
{
	inc->asked = false;
	if (inc->state != STATE_KEYS)
		return;
	incremental_free_keys(inc);
	inc->keys = incremental_alloc(NULL, count + 1, sizeof(*inc->keys));
	for (size_t i = 0; i < count; i++)
		inc->keys[i] = incremental_key_copy(&keys[i]);
	inc->nkeys = count;
	if (count > 0)
	{
		inc->state = STATE_ROWS;
		return;
	}
	incremental_chunk_done(inc);
}

bool
incremental_row(Incremental *inc, uint64_t row, const void *key, size_t len)
{
	IncrementalRecord *r;

	if (inc->state != STATE_ROWS)
		return false;
	/* it cannot be told from others */
	if (key == NULL || row >= inc->nkeys)
	{
		incremental_refused(inc, INCREMENTAL_FAILED,
							key == NULL
								? "its records have no keys"
								: "the chunk's rows are not those of its keys");
		inc->asked = true;
		return false;
	}
	if (inc->nrecords == inc->records_cap)
	{
		inc->records_cap = inc->records_cap > 0 ? inc->records_cap * 2 : 1024;
		inc->records = incremental_alloc(inc->records, inc->records_cap,
										 sizeof(*inc->records));
	}
	r = &inc->records[inc->nrecords++];
	*r = (IncrementalRecord){.row = (uint32_t) row,
							 .len = (uint32_t) len,
							 .hash = incremental_hash_key(key, len)};
	r->key = incremental_keep_bytes(inc, key, len);
	return true;
}

/* From here on events are compared with the rows at once. */
void
incremental_rows_end(Incremental *inc)
{
	inc->asked = false;
	if (inc->state != STATE_ROWS)
		return;
	inc->nbuckets = 16;
	while (inc->nbuckets < inc->nrecords * 2)
		inc->nbuckets *= 2;
	inc->buckets =
		incremental_alloc(inc->buckets, inc->nbuckets, sizeof(*inc->buckets));
	memset(inc->buckets, 0, inc->nbuckets * sizeof(*inc->buckets));
	for (uint32_t i = 0; i < inc->nrecords; i++)
	{
		uint32_t *b = &inc->buckets[inc->records[i].hash & (inc->nbuckets - 1)];

		inc->records[i].next = *b;
		*b = i + 1;
	}
	inc->loaded = true;
	for (size_t i = 0; i < inc->njournal; i++)
	{
		const IncrementalEntry *e = &inc->journal[i];

		if (incremental_is_visible(&inc->snapshot, e->xid))
			continue;
		if (e->any)
			inc->restart = true;
		else
			incremental_apply_event(inc, inc->bytes + e->key, e->len,
									e->unchanged);
	}
	inc->njournal = 0;
	inc->state = STATE_EMITTING;
}

void
incremental_too_large(Incremental *inc)
{
	if (inc->state == STATE_ROWS && inc->tables[0].limit > 1)
	{
		inc->tables[0].limit /= 2;
		incremental_restart(inc);
		inc->delays = 0;
	}
}

void
incremental_emitted(Incremental *inc)
{
	inc->asked = false;
	if (inc->state == STATE_EMITTING)
		inc->state = STATE_WAITING;
}

void
incremental_closed(Incremental *inc)
{
	inc->asked = false;
}

void
incremental_lost(Incremental *inc)
{
	bool listing = inc->state == STATE_LISTING;

	inc->asked = inc->dirty = false;
	if (listing)
		inc->state = STATE_IDLE;
	/* the message may be on its way, or the rows */
	else if (inc->state != STATE_WAITING && inc->state != STATE_PUTTING)
		incremental_restart(inc);
}
