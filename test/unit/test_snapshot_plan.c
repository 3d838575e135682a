/*
 * test_snapshot_plan.c
 *		What a snapshot reads, round after round: everything, whatever is cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "snapshot_plan.h"

static void
begin(SnapshotPlan *p, uint64_t lsn, uint32_t xmin, uint32_t node)
{
	SnapshotTable *t;

	snapshot_plan_begin(p, lsn, xmin, NULL);
	t = snapshot_plan_table(p, 100, node, "s.a", "s", "a");
	t->ranged = true;
	t->blocks = 3000;
	t = snapshot_plan_table(p, 200, 7, "s.b", "s", "b");
	t->ranged = false;
	snapshot_plan_begun(p, lsn);
}

/* stored and read again, as another process does */
static void
restart(SnapshotPlan *p, const SnapshotUnit *units, size_t n)
{
	char *text = snapshot_plan_store(p, units, n);
	Error err;

	snapshot_plan_free(p);
	assert_true(snapshot_plan_load(p, text, &err));
	free(text);
}

static void
test_parts_until_all_is_read(void **state)
{
	SnapshotPlan p;
	SnapshotUnit u[8];

	(void) state;
	snapshot_plan_init(&p);
	begin(&p, 1000, 50, 1);
	for (int i = 0; i < 3; i++)
	{
		assert_true(snapshot_plan_next(&p, &u[i]));
		assert_string_equal(u[i].table->name, "s.a");
		assert_int_equal(u[i].span.first, SNAPSHOT_PLACE(i * 1024));
		assert_int_equal(u[i].younger, 0);
	}
	assert_true(u[2].span.before == SNAPSHOT_NO_END);
	assert_true(snapshot_plan_next(&p, &u[3]));
	assert_string_equal(u[3].table->name, "s.b");
	assert_false(snapshot_plan_next(&p, &u[4]));
	for (int i = 3; i >= 0; i--)
	{
		assert_false(snapshot_plan_finished(&p));
		snapshot_plan_done(&p, &u[i]);
	}
	assert_true(snapshot_plan_finished(&p));
	assert_int_equal(snapshot_plan_floor(&p, "s", 1, "a", 1), 1000);
	assert_int_equal(snapshot_plan_floor(&p, "s", 1, "c", 1), 0);
	snapshot_plan_free(&p);
}

static void
test_what_is_cut_goes_on(void **state)
{
	SnapshotPlan p;
	SnapshotUnit u[8];

	(void) state;
	snapshot_plan_init(&p);
	begin(&p, 1000, 50, 1);
	assert_true(snapshot_plan_next(&p, &u[0]));
	assert_true(snapshot_plan_next(&p, &u[1]));
	assert_true(snapshot_plan_next(&p, &u[2]));
	snapshot_plan_done(&p, &u[1]);
	/* of the first part rows up to here were put, of the third none */
	u[0].next = SNAPSHOT_PLACE(10) + 4;
	restart(&p, u, 3);
	assert_false(p.complete);
	begin(&p, 2000, 90, 1);
	/* what was moved into what is read already */
	assert_true(snapshot_plan_next(&p, &u[0]));
	assert_int_equal(u[0].younger, 50);
	assert_int_equal(u[0].span.first, 0);
	assert_int_equal(u[0].span.before, SNAPSHOT_PLACE(10) + 4);
	assert_true(snapshot_plan_next(&p, &u[1]));
	assert_int_equal(u[1].younger, 50);
	assert_int_equal(u[1].span.first, SNAPSHOT_PLACE(1024));
	assert_int_equal(u[1].span.before, SNAPSHOT_PLACE(2048));
	/* and what is left */
	assert_true(snapshot_plan_next(&p, &u[2]));
	assert_int_equal(u[2].younger, 0);
	assert_int_equal(u[2].span.first, SNAPSHOT_PLACE(10) + 4);
	assert_int_equal(u[2].span.before, SNAPSHOT_PLACE(1024));
	assert_true(snapshot_plan_next(&p, &u[3]));
	assert_int_equal(u[3].span.first, SNAPSHOT_PLACE(2048));
	/* changes since the first round are not left out */
	assert_int_equal(snapshot_plan_floor(&p, "s", 1, "a", 1), 1000);
	assert_int_equal(snapshot_plan_floor(&p, "s", 1, "b", 1), 1000);
	snapshot_plan_free(&p);
}

static SnapshotTable *
begin_whole(SnapshotPlan *p, uint64_t lsn, uint32_t xmin, const char *seen,
			bool whole)
{
	SnapshotTable *t;

	snapshot_plan_begin(p, lsn, xmin, seen);
	t = snapshot_plan_table(p, 100, 1, "s.a", "s", "a");
	t->ranged = true;
	t->whole = whole;
	t->blocks = 3000;
	snapshot_plan_begun(p, lsn);
	return t;
}

static void
test_where_changes_are_whole_nothing_is_read_twice(void **state)
{
	static const struct
	{
		const char *seen; /* in the first round */
		bool then, now;
		bool as_seen;
	} cases[] = {{"50:60:51", true, true, true},
				 {"50:60:51", false, true, false},
				 {"50:60:51", true, false, false},
				 {NULL, true, true, false}};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		SnapshotPlan p;
		SnapshotUnit u;
		const SnapshotTable *t;

		snapshot_plan_init(&p);
		t = begin_whole(&p, 1000, 50, cases[i].seen, cases[i].then);
		assert_false(t->as_seen);
		assert_true(snapshot_plan_next(&p, &u));
		u.next = SNAPSHOT_PLACE(10) + 4;
		restart(&p, &u, 1);
		/* another round, and one more */
		for (int round = 1; round <= 2; round++)
		{
			t = begin_whole(&p, 1000 + 1000 * round, 90,
							"90:95:", cases[i].now);
			assert_int_equal(t->as_seen, cases[i].as_seen);
			if (cases[i].as_seen)
				assert_string_equal(t->seen, "50:60:51");
			assert_true(snapshot_plan_next(&p, &u));
			assert_int_equal(u.younger, cases[i].as_seen ? 0 : 50);
			assert_int_equal(u.span.first,
							 cases[i].as_seen ? SNAPSHOT_PLACE(10) + 4 : 0);
			u.next = u.span.first;
			restart(&p, &u, 1);
		}
		snapshot_plan_free(&p);
	}
}

/* Parts were empty: the floor is raised, and so is the snapshot that counts. */
static void
test_nothing_put_begins_with_the_new_round(void **state)
{
	SnapshotPlan p;
	SnapshotUnit u;
	const SnapshotTable *t;

	(void) state;
	snapshot_plan_init(&p);
	p.exact = true;
	begin_whole(&p, 1000, 50, "50:60:51", true);
	assert_true(snapshot_plan_next(&p, &u));
	snapshot_plan_done(&p, &u);
	restart(&p, &u, 1);
	p.exact = true;
	t = begin_whole(&p, 2000, 90, "90:95:", true);
	assert_true(t->lsn == 2000 && !t->as_seen);
	assert_string_equal(t->seen, "90:95:");
	assert_true(snapshot_plan_next(&p, &u));
	assert_true(u.span.first == 0 && u.younger == 0);
	snapshot_plan_free(&p);
}

static void
test_a_table_that_was_rewritten_begins_anew(void **state)
{
	SnapshotPlan p;
	SnapshotUnit u[8];

	(void) state;
	snapshot_plan_init(&p);
	begin(&p, 1000, 50, 1);
	assert_true(snapshot_plan_next(&p, &u[0]));
	snapshot_plan_done(&p, &u[0]);
	restart(&p, u, 1);
	begin(&p, 2000, 90, 2);
	assert_true(snapshot_plan_next(&p, &u[0]));
	assert_int_equal(u[0].younger, 0);
	assert_int_equal(u[0].span.first, 0);
	/* rows that went out may have been deleted since */
	assert_int_equal(snapshot_plan_floor(&p, "s", 1, "a", 1), 1000);
	snapshot_plan_free(&p);
}

static void
test_tables_that_are_complete_or_gone(void **state)
{
	SnapshotPlan p;
	SnapshotUnit u;
	SnapshotTable *t;

	(void) state;
	snapshot_plan_init(&p);
	begin(&p, 1000, 50, 1);
	while (snapshot_plan_next(&p, &u) && strcmp(u.table->name, "s.a") == 0)
		snapshot_plan_done(&p, &u);
	restart(&p, &u, 1);
	snapshot_plan_begin(&p, 2000, 90, NULL);
	t = snapshot_plan_table(&p, 100, 1, "s.a", "s", "a");
	t->ranged = true;
	t = snapshot_plan_table(&p, 300, 1, "s.new", "s", "new");
	snapshot_plan_begun(&p, 2000);
	assert_int_equal(p.count, 2);
	assert_true(snapshot_plan_next(&p, &u));
	assert_ptr_equal(u.table, t);
	assert_false(snapshot_plan_has_next(&p));
	assert_int_equal(snapshot_plan_floor(&p, "s", 1, "new", 3), 2000);
	snapshot_plan_dropped(&p, t);
	snapshot_plan_done(&p, &u);
	assert_true(snapshot_plan_finished(&p));
	p.complete = true;
	restart(&p, NULL, 0);
	assert_true(p.complete);
	assert_int_equal(snapshot_plan_floor(&p, "s", 1, "a", 1), 1000);
	snapshot_plan_free(&p);
}

static void
test_spans_of_any_order_become_one(void **state)
{
	SnapshotSpans s = {0};

	(void) state;
	snapshot_spans_add(&s, (SnapshotSpan){30, 40});
	snapshot_spans_add(&s, (SnapshotSpan){10, 20});
	assert_int_equal(s.count, 2);
	snapshot_spans_add(&s, (SnapshotSpan){45, 50});
	snapshot_spans_add(&s, (SnapshotSpan){20, 30});
	assert_int_equal(s.count, 2);
	assert_int_equal(s.items[0].first, 10);
	assert_int_equal(s.items[0].before, 40);
	snapshot_spans_add(&s, (SnapshotSpan){35, SNAPSHOT_NO_END});
	assert_int_equal(s.count, 1);
	free(s.items);
}

/* Until each topic has its marker; one of two partitions is enough. */
static void
test_a_gap_is_marked_in_each_topic(void **state)
{
	SnapshotPlan p;
	SnapshotUnit u;

	(void) state;
	snapshot_plan_init(&p);
	p.gap = (SnapshotGap){true, "wal_removed", 10, 20, 30};
	/* nothing was read yet */
	restart(&p, NULL, 0);
	assert_false(p.complete);
	assert_true(p.gap.set);
	begin(&p, 1000, 50, 1);
	assert_int_equal(snapshot_plan_unmarked(&p), 2);
	snapshot_plan_marked(&p, snapshot_plan_find_unmarked(&p, "s", 1, "a", 1));
	restart(&p, NULL, 0);
	begin(&p, 2000, 60, 1);
	assert_int_equal(snapshot_plan_unmarked(&p), 1);
	assert_null(snapshot_plan_find_unmarked(&p, "s", 1, "a", 1));
	while (snapshot_plan_next(&p, &u))
		snapshot_plan_done(&p, &u);
	p.complete = true;
	restart(&p, NULL, 0);
	assert_true(p.complete);
	assert_string_equal(p.gap.reason, "wal_removed");
	assert_int_equal(p.gap.after_lsn, 10);
	assert_int_equal(p.gap.until_lsn, 20);
	assert_int_equal(p.gap.found_us, 30);
	snapshot_plan_marked(&p, snapshot_plan_find_unmarked(&p, "s", 1, "b", 1));
	assert_int_equal(snapshot_plan_unmarked(&p), 0);
	restart(&p, NULL, 0);
	assert_false(p.gap.set);
	snapshot_plan_free(&p);
}

static void
test_progress_that_cannot_be_read(void **state)
{
	SnapshotPlan p;
	Error err;

	(void) state;
	snapshot_plan_init(&p);
	assert_false(snapshot_plan_load(&p, "{\"v\":2,\"state\":\"done\"}", &err));
	assert_false(snapshot_plan_load(&p, "{", &err));
	assert_false(snapshot_plan_load(&p, "{\"v\":1,\"state\":\"else\"}", &err));
	assert_string_equal(err.code, "snapshot_progress");
	snapshot_plan_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts_until_all_is_read),
		cmocka_unit_test(test_what_is_cut_goes_on),
		cmocka_unit_test(test_where_changes_are_whole_nothing_is_read_twice),
		cmocka_unit_test(test_nothing_put_begins_with_the_new_round),
		cmocka_unit_test(test_a_table_that_was_rewritten_begins_anew),
		cmocka_unit_test(test_tables_that_are_complete_or_gone),
		cmocka_unit_test(test_spans_of_any_order_become_one),
		cmocka_unit_test(test_a_gap_is_marked_in_each_topic),
		cmocka_unit_test(test_progress_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
