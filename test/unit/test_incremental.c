/*
 * test_incremental.c
 *		Snapshots that run with the stream: which rows of a chunk go out, rule by
 *		rule.
 */
#include "incremental_world.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
