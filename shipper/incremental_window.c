/*
 * incremental_window.c
 *		Snapshots of tables while the stream goes on: what is published, and which
 *		of it a snapshot sees.
 */
#include "incremental_internal.h"

#include <stdlib.h>
#include <string.h>

/* of the window's events */
#define JOURNAL_MAX_BYTES ((size_t) 16 << 20)
#define RECENT_MAX		  (1u << 20)
#define STREAM_MAX		  (1u << 24)


/* ---- visibility ---------------------------------------------------------- */

bool
incremental_snapshot_parse(XidSnapshot *s, const char *text)
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

/* The stream's xids have 32 bits. */
uint64_t
incremental_full_xid(const XidSnapshot *s, uint32_t xid)
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

bool
incremental_is_visible(const XidSnapshot *s, uint32_t xid)
{
	return is_visible_full(s, incremental_full_xid(s, xid));
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
		if (!incremental_is_visible(s, l->items[i]))
			l->items[kept++] = l->items[i];
	l->count = kept;
}

/* What was published before the window, and this snapshot does not see. */
bool
incremental_barrier_holds(Incremental *inc)
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
						   ? incremental_full_xid(s, inc->barrier.items[0])
						   : 0;
	return inc->waiting_xid != 0;
}

/* ---- the window ---------------------------------------------------------- */

static bool
is_here(const Incremental *inc, const IncrementalStream *s)
{
	const IncrementalTable *t = incremental_table(inc);

	return t != NULL && s->name != NULL && strcmp(s->name, t->schema) == 0 &&
		   strcmp(s->name + strlen(s->name) + 1, t->table) == 0;
}

void
incremental_free_keys(Incremental *inc)
{
	for (size_t i = 0; i < inc->nkeys; i++)
		free(inc->keys[i].text);
	free(inc->keys);
	inc->keys = NULL;
	inc->nkeys = 0;
}

void
incremental_forget_chunk(Incremental *inc)
{
	inc->window = inc->loaded = inc->marked = inc->restart = false;
	inc->njournal = inc->nbytes = inc->nrecords = 0;
	inc->asked_requeue = 0;
	inc->put = 0;
	incremental_free_keys(inc);
}

void
incremental_open_window(Incremental *inc)
{
	IncrementalTable *t = inc->tables;

	incremental_forget_chunk(inc);
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
	incremental_forget_chunk(inc);
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
incremental_held(Incremental *inc, const uint32_t *xids, size_t count)
{
	inc->held.count = 0;
	for (size_t i = 0; i < count; i++)
		xids_add(&inc->held, xids[i]);
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

uint32_t
incremental_hash_key(const void *key, size_t len)
{
	const unsigned char *p = key;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return h ^ h >> 15;
}

/* An event that the chunk's snapshot does not see: its rows are older. */
void
incremental_apply_event(Incremental *inc, const void *key, size_t len,
						bool unchanged)
{
	uint32_t h = incremental_hash_key(key, len);

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

size_t
incremental_keep_bytes(Incremental *inc, const void *data, size_t len)
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
		if (incremental_is_visible(&inc->snapshot, inc->xid))
			return;
		if (key == NULL)
			inc->restart = true;
		else
			incremental_apply_event(inc, key, len, unchanged);
		return;
	}
	if (inc->njournal == inc->journal_cap)
	{
		inc->journal_cap = inc->journal_cap > 0 ? inc->journal_cap * 2 : 256;
		inc->journal = incremental_alloc(inc->journal, inc->journal_cap,
										 sizeof(*inc->journal));
	}
	inc->journal[inc->njournal++] = (IncrementalEntry){
		.xid = inc->xid,
		.key = incremental_keep_bytes(inc, key, key ? len : 0),
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
