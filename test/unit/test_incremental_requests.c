/*
 * test_incremental_requests.c
 *		Snapshots that run with the stream: what is stored of them, and how they
 *		are paused, stopped, refused and begun again.
 */
#include "incremental_world.h"

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
		cmocka_unit_test(progress_goes_with_each_row),
		cmocka_unit_test(what_is_lost_is_read_again),
		cmocka_unit_test(pause_resume_and_stop),
		cmocka_unit_test(a_step_that_was_not_sent_may_be_withdrawn),
		cmocka_unit_test(a_stop_is_of_what_was_asked_for_before),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
