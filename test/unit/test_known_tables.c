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

static void
stores_them(void **state)
{
	KnownTables k = {0};
	KnownTables again;
	char *text;
	static const char *const garbage[] = {"",
										  "x",
										  "[]",
										  "{\"v\":1}",
										  "{\"v\":2,\"tables\":[]}",
										  "{\"v\":1,\"tables\":[\"a\",1]}",
										  "{\"v\":1,\"tables\":{}}"};

	(void) state;
	assert_true(add(&k, "b"));
	assert_true(add(&k, "a \"é\\"));
	text = known_tables_to_json(&k);
	assert_true(known_tables_from_json(&again, text, strlen(text)));
	assert_true(again.listed);
	assert_int_equal(again.count, 2);
	assert_true(known_tables_has(&again, "public.a \"é\\"));
	assert_true(known_tables_has(&again, "public.b"));
	assert_false(known_tables_has(&again, "public.c"));
	known_tables_free(&again);
	free(text);
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++)
	{
		assert_false(
			known_tables_from_json(&again, garbage[i], strlen(garbage[i])));
		assert_false(again.listed);
		assert_null(again.names);
	}
	assert_false(known_tables_from_json(&again, NULL, 0));
	known_tables_free(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_each_once),
		cmocka_unit_test(quotes_expressions),
		cmocka_unit_test(stores_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
