/*
 * test_wal_budget.c
 *		Retained WAL: thresholds, growth, what the connection's hosts are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pg.h"
#include "wal_budget.h"

#define MB ((uint64_t) 1 << 20)
#define GB ((uint64_t) 1 << 30)

static void
thresholds_are_read(void **state)
{
	static const char *const bad[] = {
		"0",   "101", "50,50", "90,50", "50,",
		",50", "x",	  "50;90", "-1",	"1,2,3,4,5,6,7,8,9"};
	int p[WAL_MAX_THRESHOLDS];
	int n;

	(void) state;
	assert_true(wal_thresholds_parse("", p, &n));
	assert_int_equal(n, 0);
	assert_true(wal_thresholds_parse("50, 75,100", p, &n));
	assert_int_equal(n, 3);
	assert_int_equal(p[1], 75);
	assert_int_equal(p[2], 100);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(wal_thresholds_parse(bad[i], p, &n));
}

static void
each_threshold_is_told_once(void **state)
{
	WalBudget b;
	WalSample s = {.limited = true};
	int64_t now = 1000;
	int higher = 0;

	(void) state;
	wal_budget_init(&b, 0, "50,75,90");
	for (uint64_t mb = 0; mb <= 95; mb++)
	{
		s.retained = mb * MB;
		s.safe_bytes = (int64_t) ((100 - mb) * MB);
		now += 1000;
		if (wal_budget_note(&b, &s, now) == WAL_HIGHER)
			higher++;
		assert_int_equal(b.percent, mb);
	}
	assert_int_equal(higher, 3);
	assert_int_equal(b.level, 3);
	assert_false(b.own);
	assert_int_equal(b.budget, 100 * MB);
}

static void
it_does_not_flap_at_a_threshold(void **state)
{
	WalBudget b;
	WalSample s = {.retained = 50 * MB};

	(void) state;
	wal_budget_init(&b, 100 * MB, "50");
	assert_int_equal(wal_budget_note(&b, &s, 1000), WAL_HIGHER);
	s.retained = 49 * MB;
	assert_int_equal(wal_budget_note(&b, &s, 2000), WAL_SAME);
	s.retained = 51 * MB;
	assert_int_equal(wal_budget_note(&b, &s, 3000), WAL_SAME);
	s.retained = 40 * MB;
	assert_int_equal(wal_budget_note(&b, &s, 4000), WAL_LOWER);
	assert_int_equal(b.level, 0);
	s.retained = 50 * MB;
	assert_int_equal(wal_budget_note(&b, &s, 5000), WAL_HIGHER);
}

static void
the_tighter_budget_counts(void **state)
{
	WalBudget b;
	WalSample s = {.retained = 10 * MB, .limited = true, .safe_bytes = 90 * MB};

	(void) state;
	wal_budget_init(&b, 50 * MB, "50");
	wal_budget_note(&b, &s, 1000);
	assert_true(b.own);
	assert_int_equal(b.percent, 20);
	s.safe_bytes = 10 * MB;
	wal_budget_note(&b, &s, 2000);
	assert_false(b.own);
	assert_int_equal(b.percent, 50);
	/* beyond: the slot lives on the grace of the next checkpoint */
	s.safe_bytes = -(int64_t) (20 * MB);
	wal_budget_note(&b, &s, 3000);
	assert_true(b.percent > 100);
	assert_int_equal(b.full_us, 0);
}

static void
the_time_left_follows_the_growth(void **state)
{
	WalBudget b;
	WalSample s = {0};
	int64_t now = 1000;

	(void) state;
	wal_budget_init(&b, 1000 * MB, "50");
	assert_true(b.full_us == WAL_NEVER);
	/* 1 MB a second for ten minutes */
	for (int i = 0; i <= 60; i++, now += 10000)
	{
		s.retained = (uint64_t) i * 10 * MB;
		wal_budget_note(&b, &s, now);
	}
	/* 400 MB are left */
	assert_true(b.full_us > 390 * UINT64_C(1000000) &&
				b.full_us < 410 * UINT64_C(1000000));
	/* it stands still: never */
	for (int i = 0; i <= 200; i++, now += 10000)
		wal_budget_note(&b, &s, now);
	assert_true(b.full_us == WAL_NEVER);
	/* what was before a loss of the connection says nothing about now */
	wal_budget_forget(&b);
	s.retained = 900 * MB;
	wal_budget_note(&b, &s, now + 1);
	assert_true(b.full_us == WAL_NEVER);
}

static void
without_a_budget_doublings_are_told(void **state)
{
	WalBudget b;
	WalSample s = {0};
	int higher = 0;

	(void) state;
	wal_budget_init(&b, 0, "50,75,90");
	for (uint64_t gb = 0; gb <= 64; gb++)
	{
		s.retained = gb * GB;
		if (wal_budget_note(&b, &s, (int64_t) (gb + 1) * 1000) == WAL_HIGHER)
			higher++;
	}
	assert_int_equal(higher, 4); /* 8, 16, 32, 64 */
	assert_int_equal(b.budget, 0);
	assert_true(b.full_us == WAL_NEVER);
}

static void
sizes_and_times_read_well(void **state)
{
	char text[32];

	(void) state;
	assert_string_equal(wal_bytes_text(text, sizeof(text), 512), "512 bytes");
	assert_string_equal(wal_bytes_text(text, sizeof(text), 3 * GB / 2),
						"1.5 GB");
	assert_string_equal(wal_time_text(text, sizeof(text), WAL_NEVER),
						"not as it stands");
	assert_string_equal(
		wal_time_text(text, sizeof(text), UINT64_C(200) * 60000000),
		"3 h 20 min");
}

static void
hosts_go_round(void **state)
{
	PgParams p = {.keywords = {"host", "port", "hostaddr"},
				  .values = {"a,b,c", "1,2,3", "10.0.0.1,10.0.0.2,10.0.0.3"},
				  .count = 3,
				  .hosts = 3};

	(void) state;
	pg_params_first_host(&p, 3);
	assert_string_equal(p.values[0], "a,b,c");
	pg_params_first_host(&p, 1);
	assert_string_equal(p.values[0], "b,c,a");
	assert_string_equal(p.values[1], "2,3,1");
	assert_string_equal(p.values[2], "10.0.0.2,10.0.0.3,10.0.0.1");

	p = (PgParams){.keywords = {"host", "port"},
				   .values = {"a,b,c", "5432"},
				   .count = 2,
				   .hosts = 3};
	pg_params_first_host(&p, 5);
	assert_string_equal(p.values[0], "c,a,b");
	assert_string_equal(p.values[1], "5432");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thresholds_are_read),
		cmocka_unit_test(each_threshold_is_told_once),
		cmocka_unit_test(it_does_not_flap_at_a_threshold),
		cmocka_unit_test(the_tighter_budget_counts),
		cmocka_unit_test(the_time_left_follows_the_growth),
		cmocka_unit_test(without_a_budget_doublings_are_told),
		cmocka_unit_test(sizes_and_times_read_well),
		cmocka_unit_test(hosts_go_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
