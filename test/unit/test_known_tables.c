/*
 * test_known_tables.c
 *		Which captured table is new, and an expression of just its name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "known_tables.h"

static bool
add(KnownTables *k, const char *table)
{
	return known_tables_add(k, "public", 6, table, strlen(table));
}

static void
knows_each_once(void **state)
{
	KnownTables k = {0};
	char name[16];

	(void) state;
	for (int i = 0; i < 500; i++)
	{
		snprintf(name, sizeof(name), "t%d", i * 7919 % 500);
		assert_true(add(&k, name));
	}
	for (int i = 0; i < 500; i++)
	{
		snprintf(name, sizeof(name), "t%d", i);
		assert_false(add(&k, name));
	}
	assert_true(add(&k, "T1"));
	assert_true(known_tables_add(&k, "other", 5, "t1", 2));
	assert_int_equal(k.count, 502);
	for (size_t i = 1; i < k.count; i++)
		assert_true(strcmp(k.names[i - 1], k.names[i]) < 0);
	known_tables_free(&k);
}

static void
quotes_expressions(void **state)
{
	const char *name = "public.a$(1)[x]{2}|\\^*+?é";
	char *pattern = known_tables_pattern(name, strlen(name));

	(void) state;
	assert_string_equal(
		pattern, "public\\.a\\$\\(1\\)\\[x\\]\\{2\\}\\|\\\\\\^\\*\\+\\?é");
	free(pattern);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_each_once),
		cmocka_unit_test(quotes_expressions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
