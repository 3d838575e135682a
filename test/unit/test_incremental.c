/*
 * test_incremental.c
 *		The rules of snapshots that run with the stream, one by one.
 */
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

static void
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

static IncrementalStep
next(World *w)
{
	w->now += 2000;
	return incremental_next(w->inc, w->now, &w->until);
}

static void
request(World *w, const char *id)
{
	IncrementalCollection item = {.pattern = "public.t"};
	IncrementalRequest req = {.id = id, .items = &item, .count = 1};
	Error err;

	assert_true(incremental_start(w->inc, &req, &err));
}

static World *
world(uint32_t rows)
{
	World *w = calloc(1, sizeof(*w));

	w->inc = incremental_new();
	incremental_configure(w->inc, "nonce", rows);
	incremental_set_notify(w->inc, on_event, w);
	return w;
}

static void
world_free(World *w)
{
	incremental_free(w->inc);
	free(w);
}

static void
announce(World *w)
{
	incremental_stream(w->inc, STREAM, "public", 6, "t", 1);
}

static void
list(World *w)
{
	IncrementalListed item = {1, "public.t", "public.t", "public", "t", 0};

	assert_int_equal(next(w), INCREMENTAL_LIST);
	incremental_listed(w->inc, &item, 1);
}

/* An event of the table, in a transaction of its own. */
static void
event(World *w, uint32_t xid, const char *key, bool unchanged)
{
	incremental_begin(w->inc, xid);
	incremental_record(w->inc, STREAM, key, key ? strlen(key) : 0, unchanged);
	incremental_commit(w->inc);
}

static void
open_chunk(World *w, const char *snapshot)
{
	assert_int_equal(next(w), INCREMENTAL_OPEN);
	incremental_opened(w->inc, snapshot, "public", "t", "id", true);
}

/* Keys of rows 1 … n, of one digit; the records have the same. */
static void
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

static void
up_to(World *w, const char *max)
{
	IncrementalKey key = {(char *) max, strlen(max) + 1, false};

	assert_int_equal(next(w), INCREMENTAL_MAX);
	incremental_max(w->inc, &key);
}

static void
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
static const char *
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
static World *
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

static void
a_table_goes_out_chunk_by_chunk(void **state)
{
	World *w = begun(2);

	(void) state;
	open_chunk(w, "100:100:");
	up_to(w, "3");
	rows(w, "12");
	mark(w);
	assert_string_equal(put(w, 2), "11");
	open_chunk(w, "100:100:");
	rows(w, "3");
	mark(w);
	assert_string_equal(put(w, 1), "1");
	assert_int_equal(next(w), INCREMENTAL_NOTHING);
	assert_string_equal(w->events,
						"started chunk chunk scanned:SUCCEEDED completed ");
	assert_null(incremental_store(w->inc));
	world_free(w);
}

/* The rule that the usual watermarks lack: by the snapshot, not by the order. */
static void
only_events_that_the_snapshot_does_not_see_count(void **state)
{
	World *w = begun(4);

	(void) state;
	assert_int_equal(next(w), INCREMENTAL_OPEN);
	/* both after the window opened, before the rows came */
	event(w, 101, "1", false);
	event(w, 103, "2", false);
	incremental_opened(w->inc, "103:105:103", "public", "t", "id", true);
	up_to(w, "4");
	rows(w, "1234");
	/* and these after them */
	event(w, 102, "3", false);
	event(w, 105, "4", false);
	mark(w);
	assert_string_equal(put(w, 4), "1010");
	world_free(w);
}

static void
what_was_published_before_must_be_visible(void **state)
{
	World *w = begun(4);
	IncrementalStatus s;

	(void) state;
	/* tracked, but its window is over */
	open_chunk(w, "100:100:");
	up_to(w, "9");
	rows(w, "1234");
	event(w, 107, "9", false);
	mark(w);
	assert_string_equal(put(w, 4), "1111");
	/* published as 107 is, the next snapshot does not see it */
	open_chunk(w, "107:110:107");
	incremental_status(w->inc, &s);
	assert_int_equal(s.waiting_xid, 107);
	assert_int_equal(next(w), INCREMENTAL_CLOSE);
	incremental_closed(w->inc);
	assert_int_equal(next(w), INCREMENTAL_POLL);
	incremental_polled(w->inc, "107:111:107", NULL, 0, w->now);
	/* meanwhile the stream goes on: those are in the window */
	event(w, 111, "5", false);
	assert_int_equal(next(w), INCREMENTAL_POLL);
	incremental_polled(w->inc, "110:111:110", NULL, 0, w->now);
	incremental_status(w->inc, &s);
	assert_int_equal(s.waiting_xid, 0);
	open_chunk(w, "110:111:110");
	rows(w, "56");
	mark(w);
	assert_string_equal(put(w, 2), "01");
	world_free(w);
}

/* Nobody knows what an earlier process published. */
static void
at_first_all_that_runs_is_waited_for_but_the_idle(void **state)
{
	World *w = world(4);
	uint32_t idle[] = {50};
	IncrementalStatus s;

	(void) state;
	request(w, "one");
	list(w);
	assert_int_equal(next(w), INCREMENTAL_POLL);
	incremental_polled(w->inc, "50:60:50,55", idle, 1, w->now);
	incremental_status(w->inc, &s);
	assert_int_equal(s.waiting_xid, 55);
	assert_int_equal(next(w), INCREMENTAL_POLL);
	incremental_polled(w->inc, "50:60:50", NULL, 0, w->now);
	assert_int_equal(next(w), INCREMENTAL_OPEN);
	world_free(w);
}

/* The newest of all is beyond the snapshot's xmax. */
static void
at_first_who_is_beyond_the_snapshot_is_waited_for(void **state)
{
	static const uint32_t held[] = {100, 101};
	static const uint32_t idle[] = {101};
	World *w = world(4);

	(void) state;
	request(w, "one");
	list(w);
	announce(w);
	assert_int_equal(next(w), INCREMENTAL_POLL);
	incremental_held(w->inc, held, 2);
	incremental_polled(w->inc, "100:100:", idle, 1, w->now);
	assert_int_equal(next(w), INCREMENTAL_POLL);
	incremental_polled(w->inc, "100:100:", NULL, 0, w->now);
	assert_int_equal(next(w), INCREMENTAL_POLL);
	incremental_polled(w->inc, "101:101:", NULL, 0, w->now);
	assert_int_equal(next(w), INCREMENTAL_OPEN);
	world_free(w);
}

static void
xids_of_the_stream_have_an_epoch(void **state)
{
	World *w = begun(4);

	(void) state;
	/* 2^32 + 10 and 2^32 - 5 */
	open_chunk(w, "4294967296:4294967300:");
	up_to(w, "4");
	rows(w, "1234");
	event(w, 10, "1", false);
	event(w, 4294967291u, "2", false);
	mark(w);
	assert_string_equal(put(w, 4), "0111");
	world_free(w);
}

static void
rows_dropped_for_an_unchanged_value_are_read_again(void **state)
{
	World *w = begun(4);
	const IncrementalTable *t;

	(void) state;
	open_chunk(w, "100:100:");
	up_to(w, "4");
	rows(w, "1234");
	event(w, 101, "1", true);
	event(w, 102, "2", true);
	event(w, 103, "2", false); /* the newest has it all */
	mark(w);
	assert_string_equal(put(w, 4), "0011");
	t = incremental_table(w->inc);
	assert_int_equal(t->nrequeue, 1);
	assert_string_equal(t->requeue[0].text, "1");
	open_chunk(w, "104:104:");
	assert_int_equal(incremental_requeued(w->inc), 1);
	rows(w, "1");
	event(w, 105, "1", true);
	mark(w);
	assert_string_equal(put(w, 1), "0");
	assert_int_equal(incremental_table(w->inc)->nrequeue, 1);
	assert_int_equal(next(w), INCREMENTAL_NOTHING); /* not at once */
	open_chunk(w, "106:106:");
	rows(w, "1");
	mark(w);
	assert_string_equal(put(w, 1), "1");
	/* and behind the last key there is none left */
	open_chunk(w, "106:106:");
	rows(w, "");
	assert_int_equal(next(w), INCREMENTAL_CLOSE);
	assert_non_null(strstr(w->events, "completed"));
	world_free(w);
}

static void
a_row_to_be_read_again_may_be_gone(void **state)
{
	World *w = begun(4);

	(void) state;
	open_chunk(w, "100:100:");
	up_to(w, "2");
	rows(w, "12");
	event(w, 101, "1", true);
	mark(w);
	assert_string_equal(put(w, 2), "01");
	open_chunk(w, "104:104:");
	rows(w, "");
	assert_non_null(strstr(w->events, "completed"));
	world_free(w);
}

static void
keys_that_several_rows_have_are_read_again(void **state)
{
	World *w = begun(4);

	(void) state;
	assert_int_equal(next(w), INCREMENTAL_OPEN);
	incremental_opened(w->inc, "100:100:", "public", "t", "id", false);
	up_to(w, "2");
	rows(w, "12");
	event(w, 101, "1", false);
	mark(w);
	assert_string_equal(put(w, 2), "01");
	assert_int_equal(incremental_table(w->inc)->nrequeue, 1);
	world_free(w);
}

/* TRUNCATE, or a DELETE without identity. */
static void
an_event_of_any_row_restarts_the_chunk(void **state)
{
	World *w = begun(4);

	(void) state;
	open_chunk(w, "100:100:");
	up_to(w, "2");
	rows(w, "12");
	event(w, 101, NULL, false);
	mark(w);
	assert_false(incremental_putting(w->inc));
	assert_int_equal(next(w), INCREMENTAL_NOTHING); /* not at once */
	open_chunk(w, "102:102:");
	rows(w, "");
	assert_non_null(strstr(w->events, "completed"));
	world_free(w);
}

static void
another_form_of_the_table_restarts_the_chunk(void **state)
{
	World *w = begun(4);

	(void) state;
	open_chunk(w, "100:100:");
	up_to(w, "2");
	rows(w, "12");
	announce(w);
	assert_int_equal(next(w), INCREMENTAL_CLOSE);
	incremental_closed(w->inc);
	(void) next(w);
	/* another key: from the beginning */
	assert_int_equal(next(w), INCREMENTAL_OPEN);
	incremental_opened(w->inc, "100:100:", "public", "t", "other", true);
	up_to(w, "2");
	world_free(w);
}

static void
only_our_message_opens_the_gate(void **state)
{
	World *w = begun(4);
	char message[128];

	(void) state;
	open_chunk(w, "100:100:");
	up_to(w, "2");
	rows(w, "12");
	assert_int_equal(next(w), INCREMENTAL_EMIT);
	incremental_begin(w->inc, 200);
	incremental_watermark(w->inc, "nonce:99", 8);
	incremental_watermark(w->inc, "", 0);
	incremental_commit(w->inc);
	assert_false(incremental_putting(w->inc));
	/* it may come before the answer to the command does */
	snprintf(message, sizeof(message), "%s", incremental_message(w->inc));
	incremental_begin(w->inc, 201);
	incremental_watermark(w->inc, message, strlen(message));
	incremental_commit(w->inc);
	assert_true(incremental_putting(w->inc));
	incremental_emitted(w->inc);
	assert_string_equal(put(w, 2), "11");
	world_free(w);
}

/* What is put before a crash, and nothing else, is in what is stored. */
static void
progress_goes_with_each_row(void **state)
{
	World *w = begun(4);
	Incremental *other = incremental_new();
	Error err;
	char *text;

	(void) state;
	open_chunk(w, "100:100:");
	up_to(w, "4");
	rows(w, "1234");
	event(w, 101, "1", true);
	mark(w);
	for (size_t i = 0; i < 2; i++)
		incremental_done(w->inc, i);
	assert_true(incremental_changed(w->inc));
	text = incremental_store(w->inc);
	assert_true(incremental_load(other, text, &err));
	free(text);
	assert_string_equal(incremental_table(other)->last.text, "2");
	assert_string_equal(incremental_table(other)->max.text, "4");
	assert_int_equal(incremental_table(other)->nrequeue, 1);
	assert_int_equal(incremental_table(other)->rows, 1);
	assert_false(incremental_load(other, "{\"v\":2}", &err));
	assert_false(
		incremental_load(other, "{\"v\":1,\"tables\":[{\"id\":\"x\"}]}", &err));
	assert_true(incremental_load(other, NULL, &err));
	incremental_free(other);
	world_free(w);
}

static void
what_is_lost_is_read_again(void **state)
{
	World *w = begun(4);

	(void) state;
	open_chunk(w, "100:100:");
	up_to(w, "4");
	incremental_lost(w->inc);
	(void) next(w);
	open_chunk(w, "100:100:");
	rows(w, "1");
	incremental_session_end(w->inc);
	/* its transaction is still open */
	assert_int_equal(next(w), INCREMENTAL_CLOSE);
	incremental_closed(w->inc);
	(void) next(w);
	/* another process may have published meanwhile */
	assert_int_equal(next(w), INCREMENTAL_POLL);
	world_free(w);
}

static void
pause_resume_and_stop(void **state)
{
	World *w = begun(4);

	(void) state;
	open_chunk(w, "100:100:");
	up_to(w, "4");
	incremental_pause(w->inc);
	assert_int_equal(next(w), INCREMENTAL_CLOSE);
	incremental_closed(w->inc);
	assert_int_equal(next(w), INCREMENTAL_NOTHING);
	assert_false(incremental_follows(w->inc));
	request(w, "one"); /* known */
	incremental_resume(w->inc);
	/* nobody looked at what was published */
	assert_int_equal(next(w), INCREMENTAL_POLL);
	incremental_stop(w->inc, NULL, 0);
	incremental_polled(w->inc, "100:100:", NULL, 0, w->now);
	assert_int_equal(next(w), INCREMENTAL_NOTHING);
	assert_null(incremental_store(w->inc));
	assert_string_equal(w->events, "started paused resumed aborted ");
	world_free(w);
}

/* The step waits for the connection, and what it is of is stopped. */
static void
a_step_that_was_not_sent_may_be_withdrawn(void **state)
{
	World *w = world(4);

	(void) state;
	request(w, "one");
	assert_int_equal(next(w), INCREMENTAL_LIST);
	assert_true(incremental_stands(w->inc, INCREMENTAL_LIST));
	incremental_stop(w->inc, NULL, 0);
	assert_false(incremental_stands(w->inc, INCREMENTAL_LIST));
	assert_int_equal(next(w), INCREMENTAL_NOTHING);
	world_free(w);

	w = begun(4);
	assert_int_equal(next(w), INCREMENTAL_OPEN);
	assert_true(incremental_stands(w->inc, INCREMENTAL_OPEN));
	incremental_stop(w->inc, NULL, 0);
	assert_false(incremental_stands(w->inc, INCREMENTAL_OPEN));
	assert_null(incremental_table(w->inc));
	world_free(w);
}

/* A stop of a table is of the requests before it; it is stored with them. */
static void
a_stop_is_of_what_was_asked_for_before(void **state)
{
	static const char *const pattern[] = {"public.t"};
	World *w = world(4);
	Error err;
	char *json;
	size_t n;

	(void) state;
	request(w, "one");
	incremental_stop(w->inc, pattern, 1);
	request(w, "two");
	json = incremental_store(w->inc);
	assert_true(incremental_load(w->inc, json, &err));
	free(json);
	list(w); /* of the first request, of the stop, of the second request */
	assert_string_equal(incremental_wanted(w->inc, &n)->pattern, "public.t");
	list(w);
	assert_null(incremental_table(w->inc));
	list(w);
	assert_string_equal(incremental_table(w->inc)->id, "two");
	assert_string_equal(w->events, "started aborted started ");
	world_free(w);
}

static void
refusals(void **state)
{
	World *w = begun(4);
	IncrementalListed none;

	(void) state;
	assert_int_equal(next(w), INCREMENTAL_OPEN);
	incremental_refused(w->inc, INCREMENTAL_LATER, "a lock");
	assert_int_equal(next(w), INCREMENTAL_CLOSE);
	incremental_closed(w->inc);
	(void) next(w);
	assert_int_equal(next(w), INCREMENTAL_OPEN);
	incremental_refused(w->inc, INCREMENTAL_GONE, "dropped");
	assert_string_equal(w->events, "started scanned:SKIPPED completed ");
	assert_int_equal(next(w), INCREMENTAL_CLOSE);
	incremental_closed(w->inc);
	request(w, "two");
	assert_int_equal(next(w), INCREMENTAL_LIST);
	memset(&none, 0, sizeof(none));
	incremental_listed(w->inc, &none, 0);
	assert_non_null(strstr(w->events, "skipped"));
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_goes_out_chunk_by_chunk),
		cmocka_unit_test(only_events_that_the_snapshot_does_not_see_count),
		cmocka_unit_test(what_was_published_before_must_be_visible),
		cmocka_unit_test(at_first_all_that_runs_is_waited_for_but_the_idle),
		cmocka_unit_test(at_first_who_is_beyond_the_snapshot_is_waited_for),
		cmocka_unit_test(xids_of_the_stream_have_an_epoch),
		cmocka_unit_test(rows_dropped_for_an_unchanged_value_are_read_again),
		cmocka_unit_test(a_row_to_be_read_again_may_be_gone),
		cmocka_unit_test(keys_that_several_rows_have_are_read_again),
		cmocka_unit_test(an_event_of_any_row_restarts_the_chunk),
		cmocka_unit_test(another_form_of_the_table_restarts_the_chunk),
		cmocka_unit_test(only_our_message_opens_the_gate),
		cmocka_unit_test(progress_goes_with_each_row),
		cmocka_unit_test(what_is_lost_is_read_again),
		cmocka_unit_test(pause_resume_and_stop),
		cmocka_unit_test(a_step_that_was_not_sent_may_be_withdrawn),
		cmocka_unit_test(a_stop_is_of_what_was_asked_for_before),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
