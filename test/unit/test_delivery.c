/*
 * test_delivery.c
 *		The core with positions: what is written down, when, and what a stored
 *		position spares.
 */
#include "delivery_world.h"

static void
writes_before_it_confirms(void **state)
{
	World *w = world(false);

	(void) state;
	start(w);
	transaction(w, 0x100, 2);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	ack_all(w);
	assert_int_equal(core_confirmable(&w->core), 0x10);
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	put_position(w);
	assert_int_equal(w->put.end_lsn, 0x100);
	assert_int_equal(w->put.generation, 1);
	/* one at a time */
	transaction(w, 0x200, 1);
	ack_all(w);
	w->now += 1000;
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	assert_int_equal(core_confirmable(&w->core), 0x10);
	core_position_acked(&w->core);
	assert_int_equal(core_confirmable(&w->core), 0x100);
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	end(w);
}

static void
paces_positions(void **state)
{
	World *w = world(false);

	(void) state;
	start(w);
	transaction(w, 0x100, 1);
	ack_all(w);
	assert_int_equal(next(w, false), DELIVERY_POSITION);
	put_position(w);
	core_position_acked(&w->core);
	transaction(w, 0x200, 1);
	ack_all(w);
	w->now += 19;
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	assert_int_equal(core_deadline(&w->core, true), w->now + 1);
	w->now += 1;
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	put_position(w);
	core_position_acked(&w->core);
	/* a source without changes: by time, by bytes, or because it asks */
	core_keepalive(&w->core, 0x300, false);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	core_keepalive(&w->core, 0x300 + (16 << 20), false);
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	put_position(w);
	core_position_acked(&w->core);
	core_keepalive(&w->core, 0x400 + (16 << 20), false);
	w->now += 9999;
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	w->now += 1;
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	put_position(w);
	core_position_acked(&w->core);
	core_keepalive(&w->core, 0x500 + (16 << 20), true);
	w->now += 100;
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	end(w);
}

static void
resumes_inside_a_transaction(void **state)
{
	for (int exactly_once = 0; exactly_once < 2; exactly_once++)
	{
		World *w = world(exactly_once == 1);

		(void) state;
		w->any = true;
		w->stored = (Position){.system_id = "7500",
							   .timeline = 1,
							   .generation = 4,
							   .end_lsn = 0x100,
							   .open = {0x200, 2, 0},
							   .options = "aa"};
		core_reset(&w->core);
		assert_true(resume(w, 0x80));
		assert_int_equal(core_confirmable(&w->core), 0x100);
		start(w);
		transaction(w, 0x100, 3);
		/* the rest of 0x200 is missing, whatever the server says */
		core_keepalive(&w->core, 0x900, false);
		w->now += 20000;
		assert_int_equal(next(w, true), DELIVERY_NOTHING);
		transaction(w, 0x200, 3);
		assert_int_equal(w->taken, 1);
		assert_int_equal(w->skipped, 5);
		if (exactly_once)
			w->now += 20;
		else
			ack_all(w);
		assert_int_equal(next(w, true), DELIVERY_POSITION);
		put_position(w);
		assert_int_equal(w->put.generation, 5);
		assert_int_equal(w->put.end_lsn, 0x200);
		assert_int_equal(w->put.open.end_lsn, 0);
		w->stored.snapshot = NULL;
		end(w);
	}
}

static void
writes_parts_of_a_long_transaction(void **state)
{
	World *w = world(false);

	(void) state;
	start(w);
	put_begin(&w->in, 0x300);
	for (int i = 1; i <= 4; i++)
		put_record(&w->in, 7, (uint64_t) i, 0);
	/* of the fourth change: not to be parted */
	put_record(&w->in, 7, 4, 1);
	put_record(&w->in, 7, 5, 0);
	feed(w);
	assert_int_equal(w->taken, 6);
	for (int i = 0; i < 5; i++)
		assert_true(core_acked(&w->core, w->tickets[i], &w->err));
	core_advance(&w->core, 0);
	assert_int_equal(next(w, false), DELIVERY_POSITION);
	put_position(w);
	assert_int_equal(w->put.end_lsn, 0x10);
	assert_int_equal(w->put.open.end_lsn, 0x300);
	assert_int_equal(w->put.open.ordinal, 4);
	assert_int_equal(w->put.open.part, 1);
	core_position_acked(&w->core);
	assert_int_equal(core_confirmable(&w->core), 0x10);
	end(w);
}

static void
other_options_repeat_a_transaction(void **state)
{
	World *w = world(false);

	(void) state;
	w->any = true;
	w->stored = (Position){.system_id = "7500",
						   .timeline = 1,
						   .end_lsn = 0x100,
						   .open = {0x200, 2, 0},
						   .options = "bb"};
	core_reset(&w->core);
	assert_true(resume(w, 0x80));
	start(w);
	transaction(w, 0x200, 3);
	assert_int_equal(w->taken, 3);
	end(w);
}

static void
notices_a_takeover(void **state)
{
	World *w = world(false);

	(void) state;
	start(w);
	transaction(w, 0x100, 1);
	ack_all(w);
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	put_position(w);
	core_position_acked(&w->core);
	store(w);
	/* the sink goes on, nobody else was there */
	core_session_end(&w->core);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	assert_true(resume(w, 0x80));
	start(w);
	transaction(w, 0x100, 1);
	assert_int_equal(w->skipped, 1);
	core_session_end(&w->core);
	strcpy(w->stored.writer, "she");
	w->stored.end_lsn = 0x500;
	assert_false(resume(w, 0x80));
	assert_string_equal(w->err.code, "taken_over");
	assert_int_equal(w->err.kind, ERR_RETRY);
	core_reset(&w->core);
	assert_true(resume(w, 0x500));
	assert_int_equal(core_confirmable(&w->core), 0x500);
	end(w);
}

/* It wrote nothing itself, and who wrote before it went on. */
static void
notices_that_the_position_moved(void **state)
{
	World *w = calloc(1, sizeof(*w));
	DeliveryOptions o = options(false);

	(void) state;
	core_init(&w->core, &w->stats);
	core_configure(&w->core, &o);
	w->unclaimed = true;
	w->any = true;
	w->stored.generation = 3;
	strcpy(w->stored.writer, "she");
	strcpy(w->stored.system_id, "7500");
	w->stored.timeline = 1;
	w->stored.end_lsn = 0x100;
	w->stored.open = (RecordId){0x180, 2, 0};
	strcpy(w->stored.options, "aa");
	assert_true(resume(w, 0x80));
	core_session_end(&w->core);
	assert_true(resume(w, 0x80));
	core_session_end(&w->core);
	w->stored.end_lsn = 0x180;
	w->stored.open = (RecordId){0, 0, 0};
	assert_false(resume(w, 0x180));
	assert_string_equal(w->err.code, "taken_over");
	end(w);
}

/* No record before it is said whose the slot is. */
static void
claims_before_the_first_record(void **state)
{
	World *w = calloc(1, sizeof(*w));
	DeliveryOptions o = options(false);

	(void) state;
	core_init(&w->core, &w->stats);
	core_configure(&w->core, &o);
	w->unclaimed = true;
	assert_true(resume(w, 0x10));
	start(w);
	transaction(w, 0x100, 2);
	assert_true(w->held);
	assert_false(core_may_put(&w->core));
	assert_int_equal(next(w, false), DELIVERY_POSITION);
	put_position(w);
	assert_int_equal(w->put.end_lsn, 0x10);
	assert_int_equal(w->put.generation, 1);
	assert_int_equal(next(w, false), DELIVERY_NOTHING);
	assert_false(core_may_put(&w->core));
	core_position_acked(&w->core);
	store(w);
	feed(w);
	assert_int_equal(w->taken, 2);
	/* our own, the next time */
	core_session_end(&w->core);
	assert_true(resume(w, 0x10));
	assert_true(core_may_put(&w->core));
	end(w);
}

/* A position is acknowledged while the answer with the one before it comes. */
static void
a_late_answer_is_no_gap(void **state)
{
	World *w = world(false);

	(void) state;
	start(w);
	transaction(w, 0x100, 1);
	ack_all(w);
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	put_position(w);
	core_session_end(&w->core);
	core_session_start(&w->core);
	core_position_acked(&w->core);
	assert_int_equal(core_confirmable(&w->core), 0x100);
	assert_true(resume_here(w, 1, 0x10));
	/* but the next one has to bring it */
	core_session_end(&w->core);
	assert_false(resume(w, 0x10));
	assert_string_equal(w->err.code, "position_gap");
	end(w);
}

/* Positions may stand for other transactions on another timeline. */
static void
starts_over_on_another_timeline(void **state)
{
	World *w = world(false);

	(void) state;
	start(w);
	transaction(w, 0x100, 1);
	core_session_end(&w->core);
	assert_false(resume_on(w, 2, 0x10));
	assert_string_equal(w->err.code, "timeline_changed");
	assert_int_equal(w->err.kind, ERR_RETRY);
	core_reset(&w->core);
	assert_true(resume_on(w, 2, 0x10));
	start(w);
	transaction(w, 0x100, 1);
	assert_int_equal(w->skipped, 0);
	end(w);
}

static void
snapshot_progress_travels_with_its_rows(void **state)
{
	World *w = world(false);

	(void) state;
	start(w);
	put_begin(&w->in, 0x100);
	put_record(&w->in, 7, 1, 0);
	feed(w);
	core_snapshot_progress(&w->core, "{\"rows\":1}");
	put_record(&w->in, 7, 2, 0);
	feed(w);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	assert_true(core_acked(&w->core, w->tickets[0], &w->err));
	core_advance(&w->core, 0);
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	put_position(w);
	assert_string_equal(w->put.snapshot, "{\"rows\":1}");
	assert_int_equal(w->put.open.ordinal, 1);
	core_position_acked(&w->core);
	store(w);
	core_reset(&w->core);
	assert_true(resume(w, 0x10));
	assert_string_equal(core_stored_snapshot(&w->core), "{\"rows\":1}");
	end(w);
	w = world(true);
	start(w);
	put_begin(&w->in, 0x100);
	put_record(&w->in, 7, 1, 0);
	put_commit(&w->in, 0x100, 1);
	feed(w);
	core_snapshot_progress(&w->core, "{\"rows\":1}");
	w->now += 20;
	commit(w);
	assert_string_equal(w->stored.snapshot, "{\"rows\":1}");
	end(w);
}

/* A full sink: the position is not on its way, and neither stored nor done with. */
static void
a_position_that_is_not_taken_is_put_again(void **state)
{
	World *w = world(false);

	(void) state;
	core_snapshot_progress(&w->core, "{\"v\":1}");
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	assert_string_equal(core_position(&w->core)->snapshot, "{\"v\":1}");
	assert_false(core_snapshot_stored(&w->core));
	assert_false(core_settled(&w->core));
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	put_position(w);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	core_position_acked(&w->core);
	assert_true(core_snapshot_stored(&w->core));
	end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_position_that_is_not_taken_is_put_again),
		cmocka_unit_test(writes_before_it_confirms),
		cmocka_unit_test(paces_positions),
		cmocka_unit_test(resumes_inside_a_transaction),
		cmocka_unit_test(writes_parts_of_a_long_transaction),
		cmocka_unit_test(other_options_repeat_a_transaction),
		cmocka_unit_test(notices_a_takeover),
		cmocka_unit_test(notices_that_the_position_moved),
		cmocka_unit_test(claims_before_the_first_record),
		cmocka_unit_test(a_late_answer_is_no_gap),
		cmocka_unit_test(starts_over_on_another_timeline),
		cmocka_unit_test(snapshot_progress_travels_with_its_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
