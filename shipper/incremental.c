/*
 * incremental.c
 *		Snapshots of tables while the stream goes on: the rules.
 */
#include "incremental_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* of the window's events */
#define JOURNAL_MAX_BYTES ((size_t) 16 << 20)
#define RECENT_MAX		  (1u << 20)
#define STREAM_MAX		  (1u << 24)
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

static IncrementalKey
key_copy(const IncrementalKey *key)
{
	IncrementalKey copy = {NULL, key->len, false};

	if (key->text == NULL)
		return copy;
	copy.text = incremental_alloc(NULL, key->len + 1, 1);
	memcpy(copy.text, key->text, key->len);
	return copy;
}

static void
key_set(IncrementalKey *to, const IncrementalKey *from)
{
	IncrementalKey copy = key_copy(from);

	free(to->text);
	*to = copy;
}

static bool
key_equal(const IncrementalKey *a, const IncrementalKey *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
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
	free(inc->base);
	free(inc->snapshot.running);
	free(inc->journal);
	free(inc->bytes);
	free(inc->records);
	free(inc->buckets);
	free(inc);
}

/* ---- visibility ---------------------------------------------------------- */

static bool
snapshot_parse(XidSnapshot *s, const char *text)
{
	char *end;

	s->count = 0;
	s->xmin = strtoull(text, &end, 10);
	if (*end != ':')
		return false;
	s->xmax = strtoull(end + 1, &end, 10);
	if (*end != ':')
		return false;
	while (*++end >= '0' && *end <= '9')
	{
		if (s->count == s->cap)
		{
			s->cap = s->cap > 0 ? s->cap * 2 : 64;
			s->running =
				incremental_alloc(s->running, s->cap, sizeof(*s->running));
		}
		s->running[s->count++] = strtoull(end, &end, 10);
		if (*end != ',')
			break;
	}
	return *end == '\0';
}

/* The stream's xids have 32 bits: the one that is next to the snapshot's. */
static uint64_t
full_xid(const XidSnapshot *s, uint32_t xid)
{
	return s->xmax + (uint64_t) (int64_t) (int32_t) (xid - (uint32_t) s->xmax);
}

static bool
is_visible_full(const XidSnapshot *s, uint64_t xid)
{
	if (xid >= s->xmax)
		return false;
	if (xid < s->xmin)
		return true;
	for (size_t i = 0; i < s->count; i++)
		if (s->running[i] == xid)
			return false;
	return true;
}

static bool
is_visible(const XidSnapshot *s, uint32_t xid)
{
	return is_visible_full(s, full_xid(s, xid));
}

static void
xids_add(XidList *l, uint32_t xid)
{
	if (l->count > 0 && l->items[l->count - 1] == xid)
		return;
	if (l->count == l->cap)
	{
		l->cap = l->cap > 0 ? l->cap * 2 : 64;
		l->items = incremental_alloc(l->items, l->cap, sizeof(*l->items));
	}
	l->items[l->count++] = xid;
}

/* Those that the snapshot sees need not be asked for again. */
static void
xids_prune(XidList *l, const XidSnapshot *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->count; i++)
		if (!is_visible(s, l->items[i]))
			l->items[kept++] = l->items[i];
	l->count = kept;
}

/* What was published before the window, and this snapshot does not see. */
static bool
barrier_holds(Incremental *inc)
{
	const XidSnapshot *s = &inc->snapshot;
	size_t kept = 0;

	xids_prune(&inc->recent, s);
	xids_prune(&inc->barrier, s);
	for (size_t i = 0; i < inc->nbase; i++)
		if (!is_visible_full(s, inc->base[i]))
			inc->base[kept++] = inc->base[i];
	inc->nbase = kept;
	inc->waiting_xid = inc->nbase > 0 ? inc->base[0]
					   : inc->barrier.count > 0
						   ? full_xid(s, inc->barrier.items[0])
						   : 0;
	return inc->waiting_xid != 0;
}

/* ---- the window ---------------------------------------------------------- */

static const IncrementalTable *
current(const Incremental *inc)
{
	return inc->ntables > 0 ? &inc->tables[0] : NULL;
}

static bool
is_here(const Incremental *inc, const IncrementalStream *s)
{
	const IncrementalTable *t = current(inc);

	return t != NULL && s->name != NULL && strcmp(s->name, t->schema) == 0 &&
		   strcmp(s->name + strlen(s->name) + 1, t->table) == 0;
}

static void
free_keys(Incremental *inc)
{
	for (size_t i = 0; i < inc->nkeys; i++)
		free(inc->keys[i].text);
	free(inc->keys);
	inc->keys = NULL;
	inc->nkeys = 0;
}

static void
forget_chunk(Incremental *inc)
{
	inc->window = inc->loaded = inc->marked = inc->restart = false;
	inc->njournal = inc->nbytes = inc->nrecords = 0;
	inc->asked_requeue = 0;
	inc->put = 0;
	free_keys(inc);
}

static void
open_window(Incremental *inc)
{
	IncrementalTable *t = inc->tables;

	forget_chunk(inc);
	inc->attempt++;
	inc->window = true;
	inc->barrier.count = 0;
	for (size_t i = 0; i < inc->recent.count; i++)
		xids_add(&inc->barrier, inc->recent.items[i]);
	for (size_t i = 0; i < t->nrequeue; i++)
	{
		t->requeue[i].asked = i < t->limit;
		inc->asked_requeue += t->requeue[i].asked;
	}
	for (uint32_t i = 0; i < inc->nstreams; i++)
		inc->streams[i].here = is_here(inc, &inc->streams[i]);
}

/* The chunk is given up; what of it was put stays so. */
void
incremental_restart(Incremental *inc)
{
	if (inc->state == STATE_LISTING)
		return;
	if (inc->state != STATE_IDLE)
		inc->delays++;
	forget_chunk(inc);
	inc->state = STATE_IDLE;
	inc->waiting_xid = 0;
	inc->waiting_since_ms = 0;
}

static bool
tracks(const Incremental *inc)
{
	return (inc->ntables > 0 || inc->nrequests > 0) && !inc->paused;
}

/* Whenever there was a time without a look at what is published. */
void
incremental_track(Incremental *inc)
{
	bool now = tracks(inc);

	if (now && !inc->tracking)
	{
		inc->unknown = true;
		inc->nbase = 0;
		inc->recent.count = 0;
	}
	inc->tracking = now;
}

bool
incremental_follows(const Incremental *inc)
{
	return inc->tracking;
}

void
incremental_begin(Incremental *inc, uint32_t xid)
{
	inc->xid = xid;
	if (!inc->tracking || xid == 0)
		return;
	xids_add(&inc->recent, xid);
	if (inc->recent.count < RECENT_MAX)
		return;
	inc->tracking = false;
	incremental_track(inc);
	incremental_restart(inc);
}

void
incremental_stream(Incremental *inc, uint32_t id, const char *schema,
				   size_t schema_len, const char *table, size_t table_len)
{
	IncrementalStream *s;
	bool was;

	if (id >= STREAM_MAX)
		return;
	if (id >= inc->nstreams)
	{
		uint32_t n = id + 64;

		inc->streams =
			incremental_alloc(inc->streams, n, sizeof(*inc->streams));
		memset(&inc->streams[inc->nstreams], 0,
			   (n - inc->nstreams) * sizeof(*inc->streams));
		inc->nstreams = n;
	}
	s = &inc->streams[id];
	was = s->here;
	free(s->name);
	s->name = incremental_alloc(NULL, schema_len + table_len + 2, 1);
	memcpy(s->name, schema, schema_len);
	s->name[schema_len] = '\0';
	memcpy(s->name + schema_len + 1, table, table_len);
	s->name[schema_len + 1 + table_len] = '\0';
	s->here = is_here(inc, s);
	/* it is another table now than what the rows were read of */
	if (inc->window && (was || s->here))
		incremental_restart(inc);
}

static uint32_t
hash_key(const void *key, size_t len)
{
	const unsigned char *p = key;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return h ^ h >> 15;
}

/* An event that the chunk's snapshot does not see: its rows are older. */
static void
apply_event(Incremental *inc, const void *key, size_t len, bool unchanged)
{
	uint32_t h = hash_key(key, len);

	if (inc->nbuckets == 0)
		return;
	for (uint32_t i = inc->buckets[h & (inc->nbuckets - 1)]; i != 0;
		 i = inc->records[i - 1].next)
	{
		IncrementalRecord *r = &inc->records[i - 1];

		if (r->hash != h || r->len != len ||
			memcmp(inc->bytes + r->key, key, len) != 0)
			continue;
		r->stale = true;
		/* the newest event counts */
		r->unchanged = unchanged;
	}
}

static size_t
keep_bytes(Incremental *inc, const void *data, size_t len)
{
	size_t at = inc->nbytes;

	if (inc->nbytes + len > inc->bytes_cap)
	{
		inc->bytes_cap = (inc->nbytes + len) * 2 + 4096;
		inc->bytes = incremental_alloc(inc->bytes, inc->bytes_cap, 1);
	}
	if (len > 0)
		memcpy(inc->bytes + at, data, len);
	inc->nbytes += len;
	return at;
}

void
incremental_record(Incremental *inc, uint32_t stream, const void *key,
				   size_t len, bool unchanged)
{
	if (!inc->window || stream >= inc->nstreams || !inc->streams[stream].here ||
		inc->state == STATE_PUTTING)
		return;
	if (inc->loaded)
	{
		if (is_visible(&inc->snapshot, inc->xid))
			return;
		if (key == NULL)
			inc->restart = true;
		else
			apply_event(inc, key, len, unchanged);
		return;
	}
	if (inc->njournal == inc->journal_cap)
	{
		inc->journal_cap = inc->journal_cap > 0 ? inc->journal_cap * 2 : 256;
		inc->journal = incremental_alloc(inc->journal, inc->journal_cap,
										 sizeof(*inc->journal));
	}
	inc->journal[inc->njournal++] =
		(IncrementalEntry){.xid = inc->xid,
						   .key = keep_bytes(inc, key, key ? len : 0),
						   .len = (uint32_t) len,
						   .any = key == NULL,
						   .unchanged = unchanged};
	/* while it waits the window may as well begin later */
	if (inc->nbytes + inc->njournal * sizeof(*inc->journal) > JOURNAL_MAX_BYTES)
		incremental_restart(inc);
}

/* Anybody may write such a message; only we know the nonce. */
void
incremental_watermark(Incremental *inc, const char *content, size_t len)
{
	const char *ours = incremental_message(inc);

	if ((inc->state == STATE_EMITTING || inc->state == STATE_WAITING) &&
		strlen(ours) == len && memcmp(ours, content, len) == 0)
		inc->marked = true;
}

void
incremental_commit(Incremental *inc)
{
	if (!inc->marked)
		return;
	if (inc->restart)
		incremental_restart(inc);
	else
		inc->state = STATE_PUTTING;
	inc->marked = false;
}

void
incremental_session_end(Incremental *inc)
{
	incremental_restart(inc);
	for (uint32_t i = 0; i < inc->nstreams; i++)
	{
		free(inc->streams[i].name);
		inc->streams[i] = (IncrementalStream){NULL, false};
	}
	/* another process may stream from the slot meanwhile */
	inc->tracking = false;
	incremental_track(inc);
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
	open_window(inc);
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

const IncrementalTable *
incremental_table(const Incremental *inc)
{
	return current(inc);
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

void
incremental_polled(Incremental *inc, const char *snapshot, const uint32_t *idle,
				   size_t count, int64_t now_ms)
{
	XidSnapshot *s = &inc->snapshot;

	inc->asked = false;
	if (inc->state != STATE_POLLING || !snapshot_parse(s, snapshot))
	{
		incremental_restart(inc);
		return;
	}
	/* whatever was published before we looked is visible, or runs */
	if (inc->unknown)
	{
		inc->base =
			incremental_alloc(inc->base, s->count + 1, sizeof(*inc->base));
		inc->nbase = 0;
		for (size_t i = 0; i < s->count; i++)
		{
			bool is_idle = false;

			for (size_t k = 0; k < count && !is_idle; k++)
				is_idle = idle[k] == (uint32_t) s->running[i];
			if (!is_idle)
				inc->base[inc->nbase++] = s->running[i];
		}
		inc->unknown = false;
	}
	if (!barrier_holds(inc))
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
	if (!snapshot_parse(&inc->snapshot, snapshot))
	{
		incremental_restart(inc);
		return;
	}
	if (barrier_holds(inc))
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
	key_set(&inc->tables[0].max, key);
	inc->state = STATE_KEYS;
}

void
incremental_keys(Incremental *inc, const IncrementalKey *keys, size_t count)
{
	inc->asked = false;
	if (inc->state != STATE_KEYS)
		return;
	free_keys(inc);
	inc->keys = incremental_alloc(NULL, count + 1, sizeof(*inc->keys));
	for (size_t i = 0; i < count; i++)
		inc->keys[i] = key_copy(&keys[i]);
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
							 .hash = hash_key(key, len)};
	r->key = keep_bytes(inc, key, len);
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

		if (is_visible(&inc->snapshot, e->xid))
			continue;
		if (e->any)
			inc->restart = true;
		else
			apply_event(inc, inc->bytes + e->key, e->len, e->unchanged);
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

/* ---- the rows ------------------------------------------------------------ */

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
	t->requeue[t->nrequeue++] = key_copy(key);
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
		key_set(&t->last, key);
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
			key_set(&t->last, &inc->keys[inc->nkeys - 1]);
		t->scanned = inc->nkeys < t->limit;
		if (inc->nkeys > 0)
			incremental_tell(inc, INCREMENTAL_IN_PROGRESS, NULL);
	}
	inc->chunks++;
	inc->changed = true;
	/* the same keys again: they change all the time */
	inc->delays =
		inc->asked_requeue > 0 && t->nrequeue > 0 ? inc->delays + 1 : 0;
	forget_chunk(inc);
	inc->state = STATE_IDLE;
	if (t->limit < inc->chunk_rows)
		t->limit++;
	if (t->scanned && t->nrequeue == 0)
		incremental_end_table(inc, t->rows > 0 ? "SUCCEEDED" : "EMPTY", NULL);
}
