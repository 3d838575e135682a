/*
 * test_tracker.c
 *		Which LSN may be confirmed, whatever the order of acknowledgements.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tracker.h"

static int
setup(void **state)
{
	Tracker *t = malloc(sizeof(*t));

	tracker_init(t);
	*state = t;
	return 0;
}

static int
teardown(void **state)
{
	tracker_free(*state);
	free(*state);
	return 0;
}

static uint64_t
confirm(Tracker *t)
{
	TrackerTxn done;

	while (tracker_pop(t, &done))
		;
	return tracker_confirmable(t);
}

static uint64_t
transaction(Tracker *t, uint64_t end_lsn, int records)
{
	uint64_t ticket = tracker_begin(t, 0);

	for (int i = 0; i < records; i++)
		tracker_add(t, ticket);
	tracker_commit(t, end_lsn);
	return ticket;
}

static void
waits_for_the_oldest(void **state)
{
	Tracker *t = *state;
	uint64_t a = transaction(t, 100, 2);
	uint64_t b = transaction(t, 200, 1);

	assert_true(tracker_ack(t, b));
	assert_int_equal(confirm(t), 0);
	assert_true(tracker_ack(t, a));
	assert_int_equal(confirm(t), 0);
	assert_int_equal(tracker_pending(t), 1);
	assert_true(tracker_ack(t, a));
	assert_int_equal(confirm(t), 200);
	assert_null(tracker_oldest(t));
}

static void
waits_for_the_commit(void **state)
{
	Tracker *t = *state;
	uint64_t a = tracker_begin(t, 42);

	tracker_add(t, a);
	assert_true(tracker_ack(t, a));
	assert_true(tracker_is_open(t));
	assert_int_equal(confirm(t), 0);
	assert_int_equal(tracker_oldest(t)->commit_time_us, 42);
	tracker_commit(t, 100);
	assert_false(tracker_is_open(t));
	assert_int_equal(confirm(t), 100);
}

static void
refuses_unknown_acks(void **state)
{
	Tracker *t = *state;
	uint64_t a = transaction(t, 100, 1);

	assert_false(tracker_ack(t, a + 1));
	assert_false(tracker_ack(t, 0));
	assert_true(tracker_ack(t, a));
	assert_false(tracker_ack(t, a));
	assert_int_equal(confirm(t), 100);
	assert_false(tracker_ack(t, a));
	assert_int_equal(tracker_pending(t), 0);
}

static void
keepalive_confirms_when_idle(void **state)
{
	Tracker *t = *state;

	tracker_keepalive(t, 500);
	assert_int_equal(confirm(t), 500);
	tracker_keepalive(t, 400);
	assert_int_equal(confirm(t), 500);
}

static void
keepalive_waits_behind_transactions(void **state)
{
	Tracker *t = *state;
	uint64_t a = transaction(t, 100, 1);
	uint64_t b = transaction(t, 200, 1);

	tracker_keepalive(t, 300);
	tracker_keepalive(t, 250);
	assert_int_equal(confirm(t), 0);
	assert_true(tracker_ack(t, a));
	assert_int_equal(confirm(t), 100);
	assert_true(tracker_ack(t, b));
	assert_int_equal(confirm(t), 300);
}

static void
keepalive_inside_a_transaction_is_ignored(void **state)
{
	Tracker *t = *state;
	uint64_t a = tracker_begin(t, 0);

	tracker_keepalive(t, 900);
	tracker_add(t, a);
	assert_true(tracker_ack(t, a));
	assert_int_equal(confirm(t), 0);
	tracker_commit(t, 100);
	assert_int_equal(confirm(t), 100);
}

static void
never_moves_back(void **state)
{
	Tracker *t = *state;

	tracker_seed(t, 1000);
	assert_true(tracker_ack(t, transaction(t, 100, 1)));
	assert_int_equal(confirm(t), 1000);
	tracker_seed(t, 10);
	assert_int_equal(confirm(t), 1000);
}

static void
reset_forgets_tickets(void **state)
{
	Tracker *t = *state;
	uint64_t a = transaction(t, 100, 1);
	uint64_t b;

	tracker_reset(t);
	assert_int_equal(tracker_pending(t), 0);
	assert_false(tracker_ack(t, a));
	b = transaction(t, 100, 1);
	assert_true(b > a);
	assert_false(tracker_ack(t, a));
	assert_int_equal(confirm(t), 0);
	assert_true(tracker_ack(t, b));
	assert_int_equal(confirm(t), 100);
}

/* An empty transaction (all of it skipped) counts as soon as it is complete. */
static void
empty_transactions_pass(void **state)
{
	Tracker *t = *state;
	uint64_t a = transaction(t, 100, 1);

	transaction(t, 200, 0);
	assert_int_equal(confirm(t), 0);
	assert_true(tracker_ack(t, a));
	assert_int_equal(confirm(t), 200);
}

/*
 * Many transactions, acks in random order, the ring growing and turning: after
 * each step the confirmable LSN is what a plain look at all of them says.
 */
static void
agrees_with_a_model(void **state)
{
	enum
	{
		N = 3000
	};
	static int left[N];
	static uint64_t ticket[N];
	Tracker *t = *state;
	int sent = 0;
	int done = 0;

	srandom(20260401);
	while (done < N)
	{
		if (sent < N && random() % 3 != 0)
		{
			left[sent] = (int) (random() % 4);
			ticket[sent] = transaction(t, 100 + (uint64_t) sent, left[sent]);
			sent++;
		}
		for (int k = (int) (random() % 4); k > 0 && done < sent; k--)
		{
			/* mostly near the oldest, so that the model moves on */
			int i = done + (int) (random() % (random() % 2 ? 4 : 300));

			if (i < sent && left[i] > 0)
			{
				left[i]--;
				assert_true(tracker_ack(t, ticket[i]));
			}
		}
		while (done < sent && left[done] == 0)
			done++;
		assert_int_equal(confirm(t), done > 0 ? 99 + done : 0);
	}
	assert_int_equal(tracker_pending(t), 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(waits_for_the_oldest),
		T(waits_for_the_commit),
		T(refuses_unknown_acks),
		T(keepalive_confirms_when_idle),
		T(keepalive_waits_behind_transactions),
		T(keepalive_inside_a_transaction_is_ignored),
		T(never_moves_back),
		T(reset_forgets_tickets),
		T(empty_transactions_pass),
		T(agrees_with_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
