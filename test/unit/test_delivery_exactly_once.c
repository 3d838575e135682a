/*
 * test_delivery_exactly_once.c
 *		The core with Kafka transactions: when one is cut, what it holds, and what
 *		is confirmed after it.
 */
#include "delivery_world.h"

static void
confirms_after_the_commit(void **state)
{
	World *w = world(true);

	(void) state;
	start(w);
	transaction(w, 0x100, 2);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	w->now += 20;
	commit(w);
	assert_int_equal(w->stored.end_lsn, 0x100);
	assert_int_equal(core_confirmable(&w->core), 0x100);
	assert_int_equal(w->stats.latency_count, 1);
	assert_int_equal(core_oldest_us(&w->core), 0);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	end(w);
}

static void
waits_for_no_answer_for_ever(void **state)
{
	World *w = world(true);

	(void) state;
	start(w);
	transaction(w, 0x100, 2);
	w->now += 20;
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	assert_false(core_flush_overdue(&w->core, w->now + 1000000));
	put_position(w);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	assert_false(core_flush_overdue(&w->core, w->now + 120000));
	assert_true(core_flush_overdue(&w->core, w->now + 120001));
	core_position_acked(&w->core);
	ack_all(w);
	assert_int_equal(next(w, true), DELIVERY_COMMIT);
	core_commit_started(&w->core);
	/* the library's call has limits of its own */
	assert_false(core_flush_overdue(&w->core, w->now + 1000000));
	end(w);
}

static void
acks_alone_do_not_count(void **state)
{
	World *w = world(true);

	(void) state;
	start(w);
	transaction(w, 0x100, 2);
	ack_all(w);
	assert_int_equal(core_confirmable(&w->core), 0x10);
	assert_int_equal(w->stats.latency_count, 0);
	assert_true(core_oldest_us(&w->core) != 0);
	w->now += 20;
	commit(w);
	assert_int_equal(core_confirmable(&w->core), 0x100);
	end(w);
}

/* The topic was deleted, or lost its last records, while we know better. */
static void
remembers_what_was_durable(void **state)
{
	World *w = world(true);

	(void) state;
	start(w);
	transaction(w, 0x100, 1);
	w->now += 20;
	commit(w);
	core_reset(&w->core);
	w->any = false;
	assert_false(core_expects_position(&w->core));
	assert_false(resume(w, 0x80));
	assert_true(core_expects_position(&w->core));
	assert_string_equal(w->err.code, "position_lost");
	w->any = true;
	w->stored.end_lsn = 0x90;
	assert_false(resume(w, 0x80));
	assert_string_equal(w->err.code, "position_gap");
	end(w);
}

/* Read, though none of ours came after it. */
static void
remembers_what_it_read(void **state)
{
	World *w = world(true);
	Core before;

	(void) state;
	start(w);
	transaction(w, 0x100, 1);
	w->now += 20;
	commit(w);
	before = w->core;
	core_init(&w->core, &w->stats);
	core_configure(&w->core, &before.delivery.opt);
	assert_true(resume(w, 0x80));
	assert_false(core_expects_position(&w->core));
	core_reset(&w->core);
	w->any = false;
	assert_false(resume(w, 0x80));
	assert_true(core_expects_position(&w->core));
	assert_string_equal(w->err.code, "position_lost");
	core_free(&before);
	end(w);
}

/* Told to repair, it begins at the slot, and says what is missing. */
static void
goes_on_behind_a_gap(void **state)
{
	World *w = world(true);
	uint64_t after;

	(void) state;
	start(w);
	transaction(w, 0x100, 1);
	w->now += 20;
	commit(w);
	core_reset(&w->core);
	w->repair = true;
	assert_true(resume(w, 0x200));
	assert_true(core_gap(&w->core, &after));
	assert_int_equal(after, 0x100);
	assert_int_equal(core_position_lsn(&w->core), 0x200);
	/* the sink went on, but the slot is another one */
	assert_false(resume(w, 0x300));
	assert_string_equal(w->err.code, "slot_replaced");
	assert_int_equal(w->err.kind, ERR_RETRY);
	core_reset(&w->core);
	w->stored.end_lsn = 0x300;
	assert_true(resume(w, 0x300));
	assert_false(core_gap(&w->core, &after));
	end(w);
}

static void
holds_records_while_it_commits(void **state)
{
	World *w = world(true);

	(void) state;
	start(w);
	transaction(w, 0x100, 1);
	w->now += 20;
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	transaction(w, 0x200, 1);
	assert_true(w->held);
	assert_int_equal(w->taken, 1);
	commit(w);
	assert_int_equal(w->stored.end_lsn, 0x100);
	assert_int_equal(w->stored.open.end_lsn, 0);
	feed(w);
	assert_false(w->held);
	assert_int_equal(w->taken, 2);
	ack_all(w);
	/* what came after the commit began is not covered by it */
	assert_int_equal(core_confirmable(&w->core), 0x100);
	w->now += 20;
	commit(w);
	assert_int_equal(core_confirmable(&w->core), 0x200);
	end(w);
}

static void
splits_between_changes_only(void **state)
{
	World *w = world(true);

	(void) state;
	start(w);
	put_begin(&w->in, 0x300);
	for (int i = 1; i <= 4; i++)
		put_record(&w->in, 7, (uint64_t) i, 0);
	put_record(&w->in, 7, 4, 1);
	put_record(&w->in, 7, 4, 2);
	put_record(&w->in, 7, 5, 0);
	put_commit(&w->in, 0x300, 7);
	feed(w);
	assert_true(w->held);
	assert_int_equal(w->taken, 6);
	commit(w);
	assert_int_equal(w->stored.end_lsn, 0x10);
	assert_int_equal(w->stored.open.end_lsn, 0x300);
	assert_int_equal(w->stored.open.ordinal, 4);
	assert_int_equal(w->stored.open.part, 2);
	assert_int_equal(core_confirmable(&w->core), 0x10);
	assert_int_equal(w->stats.split_transactions, 1);
	feed(w);
	assert_int_equal(w->taken, 7);
	w->now += 500;
	commit(w);
	assert_int_equal(w->stored.end_lsn, 0x300);
	assert_int_equal(w->stored.open.end_lsn, 0);
	assert_int_equal(core_confirmable(&w->core), 0x300);
	end(w);
}

static void
keeps_small_transactions_whole(void **state)
{
	World *w = world(true);

	(void) state;
	start(w);
	transaction(w, 0x100, 3);
	transaction(w, 0x200, 3);
	/* full, but at the end of a transaction only */
	assert_false(w->held);
	transaction(w, 0x300, 3);
	assert_true(w->held);
	assert_int_equal(w->taken, 6);
	commit(w);
	assert_int_equal(w->stored.end_lsn, 0x200);
	assert_int_equal(w->stats.split_transactions, 0);
	end(w);
}

/* However small they are: each is kept track of. */
static void
many_transactions_are_not_one(void **state)
{
	World *w = world(true);
	int n = 0;

	(void) state;
	w->core.delivery.opt.max_records = UINT64_MAX;
	start(w);
	while (!w->held && n < 20000)
		transaction(w, 0x1000 + 0x100 * (uint64_t) ++n, 1);
	assert_int_equal(n, 16384);
	assert_int_equal(w->taken, 16383);
	commit(w);
	assert_int_equal(w->stored.end_lsn, 0x1000 + 0x100 * 16383);
	feed(w);
	assert_int_equal(w->taken, 16384);
	assert_int_equal(w->stats.split_transactions, 0);
	end(w);
}

static void
aligned_splits_only_before_the_timeout(void **state)
{
	World *w = world(true);

	(void) state;
	w->core.delivery.opt.align = true;
	start(w);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	put_begin(&w->in, 0x300);
	for (int i = 1; i <= 9; i++)
		put_record(&w->in, 7, (uint64_t) i, 0);
	feed(w);
	assert_int_equal(w->taken, 9);
	w->now += 29999;
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	put_record(&w->in, 7, 10, 0);
	feed(w);
	assert_false(w->held);
	w->now += 1;
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	put_record(&w->in, 7, 10, 1);
	feed(w);
	assert_false(w->held);
	put_record(&w->in, 7, 11, 0);
	feed(w);
	assert_true(w->held);
	commit(w);
	assert_int_equal(w->stored.open.ordinal, 10);
	assert_int_equal(w->stored.open.part, 1);
	assert_int_equal(w->stats.split_transactions, 1);
	end(w);
}

static void
what_is_left_for_the_commit_is_a_minute_at_most(void **state)
{
	World *w = world(true);
	Delivery *d = &w->core.delivery;

	(void) state;
	d->opt.align = true;
	d->opt.timeout_ms = 900000;
	start(w);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	put_begin(&w->in, 0x300);
	put_record(&w->in, 7, 1, 0);
	feed(w);
	d->now_ms = d->opened_ms + 839999;
	assert_false(delivery_inside_due(d));
	d->now_ms++;
	assert_true(delivery_inside_due(d));
	d->opt.timeout_ms = 20000;
	d->now_ms = d->opened_ms + 9999;
	assert_false(delivery_inside_due(d));
	d->now_ms++;
	assert_true(delivery_inside_due(d));
	end(w);
}

static void
commits_rarely_while_the_source_is_busy(void **state)
{
	World *w = world(true);

	(void) state;
	w->core.delivery.opt.max_records = 1000;
	start(w);
	transaction(w, 0x100, 1);
	w->now += 20;
	assert_int_equal(next(w, false), DELIVERY_POSITION);
	put_position(w);
	core_position_acked(&w->core);
	ack_all(w);
	assert_int_equal(next(w, false), DELIVERY_COMMIT);
	core_commit_started(&w->core);
	w->now += 10;
	core_committed(&w->core, w->now);
	/* 10 ms a commit: 190 ms of collecting, unless there is nothing to collect */
	transaction(w, 0x200, 1);
	w->now += 189;
	assert_int_equal(next(w, false), DELIVERY_NOTHING);
	assert_int_equal(core_deadline(&w->core, false), w->now + 1);
	assert_int_equal(core_deadline(&w->core, true), w->now - 169);
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	end(w);
}

/* Nothing can be done then but to wait for the next record. */
static void
does_not_wake_inside_a_transaction(void **state)
{
	World *w = world(true);

	(void) state;
	start(w);
	put_begin(&w->in, 0x100);
	put_record(&w->in, 7, 1, 0);
	feed(w);
	w->now += 1000;
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	assert_int_equal(core_deadline(&w->core, true), INT64_MAX);
	end(w);
}

static void
commits_what_is_of_no_transaction(void **state)
{
	World *w = world(true);

	(void) state;
	start(w);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	assert_true(core_may_put(&w->core));
	core_other_taken(&w->core);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	w->now += 20;
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	assert_false(core_may_put(&w->core));
	end(w);
}

static void
an_idle_source_moves_the_position(void **state)
{
	World *w = world(true);

	(void) state;
	start(w);
	transaction(w, 0x100, 1);
	w->now += 20;
	commit(w);
	core_keepalive(&w->core, 0x900, false);
	w->now += 9999;
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	w->now += 1;
	commit(w);
	assert_int_equal(w->stored.end_lsn, 0x900);
	assert_int_equal(core_confirmable(&w->core), 0x900);
	end(w);
}

static void
a_stop_commits_what_is_whole(void **state)
{
	World *w = world(true);
	DeliveryHints h = {.idle = true, .stopping = true};

	(void) state;
	start(w);
	transaction(w, 0x100, 1);
	h.now_ms = w->now;
	assert_false(core_settled(&w->core));
	assert_int_equal(core_next(&w->core, &h), DELIVERY_POSITION);
	commit(w);
	assert_true(core_settled(&w->core));
	/* the beginning of one that will not be finished is given up */
	put_begin(&w->in, 0x200);
	put_record(&w->in, 7, 1, 0);
	feed(w);
	assert_int_equal(core_next(&w->core, &h), DELIVERY_NOTHING);
	assert_true(core_settled(&w->core));
	end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(confirms_after_the_commit),
		cmocka_unit_test(waits_for_no_answer_for_ever),
		cmocka_unit_test(acks_alone_do_not_count),
		cmocka_unit_test(remembers_what_was_durable),
		cmocka_unit_test(remembers_what_it_read),
		cmocka_unit_test(goes_on_behind_a_gap),
		cmocka_unit_test(holds_records_while_it_commits),
		cmocka_unit_test(splits_between_changes_only),
		cmocka_unit_test(keeps_small_transactions_whole),
		cmocka_unit_test(many_transactions_are_not_one),
		cmocka_unit_test(aligned_splits_only_before_the_timeout),
		cmocka_unit_test(what_is_left_for_the_commit_is_a_minute_at_most),
		cmocka_unit_test(commits_rarely_while_the_source_is_busy),
		cmocka_unit_test(does_not_wake_inside_a_transaction),
		cmocka_unit_test(commits_what_is_of_no_transaction),
		cmocka_unit_test(an_idle_source_moves_the_position),
		cmocka_unit_test(a_stop_commits_what_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
