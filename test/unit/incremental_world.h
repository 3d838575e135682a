/*
 * incremental_world.h
 *		A snapshot that runs with the stream, driven by a test: both connections'
 *		answers in, its steps and what it tells out.
 */
#ifndef TUPLECAST_INCREMENTAL_WORLD_H
#define TUPLECAST_INCREMENTAL_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "incremental.h"

#define STREAM 16

typedef struct World
{
	Incremental *inc;
	int64_t now;
	int64_t until;
	char events[1024]; /* kinds and statuses told, in order */
} World;

static inline void
on_event(void *arg, const IncrementalEvent *ev)
{
	static const char *const names[] = {"started", "chunk",	   "scanned",
										"paused",  "resumed",  "aborted",
										"skipped", "completed"};
	World *w = arg;
	size_t n = strlen(w->events);

	snprintf(w->events + n, sizeof(w->events) - n, "%s%s%s ", names[ev->kind],
			 ev->status ? ":" : "", ev->status ? ev->status : "");
}

static inline IncrementalStep
next(World *w)
{
	w->now += 2000;
	return incremental_next(w->inc, w->now, &w->until);
}

static inline void
request(World *w, const char *id)
{
	IncrementalCollection item = {.pattern = "public.t"};
	IncrementalRequest req = {.id = id, .items = &item, .count = 1};
	Error err;

	assert_true(incremental_start(w->inc, &req, &err));
}

static inline World *
world(uint32_t rows)
{
	World *w = calloc(1, sizeof(*w));

	w->inc = incremental_new();
	incremental_configure(w->inc, "nonce", rows);
	incremental_set_notify(w->inc, on_event, w);
	return w;
}

static inline void
world_free(World *w)
{
	incremental_free(w->inc);
	free(w);
}

static inline void
announce(World *w)
{
	incremental_stream(w->inc, STREAM, "public", 6, "t", 1);
}

static inline void
list(World *w)
{
	IncrementalListed item = {1, "public.t", "public.t", "public", "t", 0};

	assert_int_equal(next(w), INCREMENTAL_LIST);
	incremental_listed(w->inc, &item, 1);
}

/* An event of the table, in a transaction of its own. */
static inline void
event(World *w, uint32_t xid, const char *key, bool unchanged)
{
	incremental_begin(w->inc, xid);
	incremental_record(w->inc, STREAM, key, key ? strlen(key) : 0, unchanged);
	incremental_commit(w->inc);
}

static inline void
open_chunk(World *w, const char *snapshot)
{
	assert_int_equal(next(w), INCREMENTAL_OPEN);
	incremental_opened(w->inc, snapshot, "public", "t", "id", true);
}

/* Keys of rows 1 … n, of one digit; the records have the same. */
static inline void
rows(World *w, const char *digits)
{
	IncrementalKey keys[16];
	char texts[16][2];
	size_t n = strlen(digits);

	for (size_t i = 0; i < n; i++)
	{
		texts[i][0] = digits[i];
		texts[i][1] = '\0';
		keys[i] = (IncrementalKey){texts[i], 2, false};
	}
	assert_int_equal(next(w), INCREMENTAL_KEYS);
	incremental_keys(w->inc, keys, n);
	if (n == 0)
		return;
	assert_int_equal(next(w), INCREMENTAL_ROWS);
	for (size_t i = 0; i < n; i++)
		assert_true(incremental_row(w->inc, i, texts[i], 1));
	incremental_rows_end(w->inc);
}

static inline void
up_to(World *w, const char *max)
{
	IncrementalKey key = {(char *) max, strlen(max) + 1, false};

	assert_int_equal(next(w), INCREMENTAL_MAX);
	incremental_max(w->inc, &key);
}

static inline void
mark(World *w)
{
	char message[128];

	assert_int_equal(next(w), INCREMENTAL_EMIT);
	snprintf(message, sizeof(message), "%s", incremental_message(w->inc));
	incremental_emitted(w->inc);
	incremental_begin(w->inc, 90);
	incremental_watermark(w->inc, message, strlen(message));
	assert_false(incremental_putting(w->inc));
	incremental_commit(w->inc);
}

/* Which of n records go out, as digits 0 and 1. */
static inline const char *
put(World *w, size_t n)
{
	static char out[17];

	assert_true(incremental_putting(w->inc));
	for (size_t i = 0; i < n; i++)
	{
		out[i] = incremental_is_fresh(w->inc, i) ? '1' : '0';
		incremental_done(w->inc, i);
	}
	out[n] = '\0';
	incremental_chunk_done(w->inc);
	return out;
}

/* Asked for, listed, nothing in the way: the first chunk may be opened. */
static inline World *
begun(uint32_t n)
{
	World *w = world(n);

	announce(w);
	request(w, "one");
	list(w);
	assert_int_equal(next(w), INCREMENTAL_POLL);
	incremental_polled(w->inc, "100:100:", NULL, 0, w->now);
	return w;
}

#endif /* TUPLECAST_INCREMENTAL_WORLD_H */
