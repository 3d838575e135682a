/*
 * test_check.c
 *		Findings and how they are printed; names, versions and addresses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "check.h"

static char *
printed(const Findings *f, void (*print)(const Findings *, FILE *))
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	print(f, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void
fail_as(Findings *f, ErrKind kind)
{
	Error err;

	err_set(&err, kind, "code", "text");
	err_hint(&err, "hint");
	findings_error(f, FIND_slot, &err);
}

static void
test_exit_codes(void **state)
{
	Findings f = {0};

	(void) state;
	assert_int_equal(findings_exit_code(&f), 0);
	findings_ok(&f, FIND_role, "fine");
	findings_skip(&f, FIND_slot, "not checked: x");
	findings_bad(&f, FIND_wal_keep, "", "a warning by its row");
	assert_int_equal(findings_exit_code(&f), 0);
	fail_as(&f, ERR_RETRY);
	assert_int_equal(findings_exit_code(&f), 1);
	fail_as(&f, ERR_CONFIG);
	assert_int_equal(findings_exit_code(&f), 2);
	findings_bad(&f, FIND_wal_level, "repair", "a failure by its row");
	assert_int_equal(findings_exit_code(&f), 3);
	findings_free(&f);
	assert_int_equal(f.count, 0);
}

static void
test_text(void **state)
{
	Findings f = {0};
	char *text;

	(void) state;
	findings_bad(&f, FIND_wal_level, "FIRST;\nSECOND;", "is %d\x1b[31m", 7);
	findings_ok(&f, FIND_role, "good");
	findings_sort(&f);
	text = printed(&f, findings_print_text);
	assert_string_equal(
		text, "FAIL  wal_level: is 7\\u001b[31m\n"
			  "      why:    below \"logical\" the WAL does not say which rows "
			  "changed\n"
			  "      repair: FIRST;\n"
			  "              SECOND;\n"
			  "ok    role: good\n"
			  "1 ok, 0 warnings, 1 failures\n");
	free(text);
	findings_skip_rest(&f, FIND_server_version, FIND_role, "why not");
	assert_int_equal(findings_find(&f, FIND_wal_level)->status, FINDING_FAIL);
	assert_string_equal(findings_find(&f, FIND_standby)->text,
						"not checked: why not");
	text = printed(&f, findings_print_text);
	assert_non_null(
		strstr(text, "1 ok, 0 warnings, 1 failures, 3 not checked\n"));
	free(text);
	findings_free(&f);
}

static void
test_json(void **state)
{
	Findings f = {0};
	json_error_t error;
	char *text;
	json_t *array;
	json_t *first;

	(void) state;
	text = printed(&f, findings_print_json);
	array = json_loads(text, 0, &error);
	assert_int_equal(json_array_size(array), 0);
	json_decref(array);
	free(text);

	findings_bad(&f, FIND_wal_keep, "a\nb\t\"\\", "\x01 \xff \xc3\xa4 %s", "x");
	findings_skip(&f, FIND_slot, "y");
	text = printed(&f, findings_print_json);
	array = json_loads(text, 0, &error);
	assert_non_null(array);
	assert_int_equal(json_array_size(array), 2);
	first = json_array_get(array, 0);
	assert_int_equal(json_object_size(first), 5);
	assert_string_equal(json_string_value(json_object_get(first, "id")),
						"wal_keep");
	assert_string_equal(json_string_value(json_object_get(first, "status")),
						"warn");
	assert_string_equal(json_string_value(json_object_get(first, "text")),
						"\x01 \xef\xbf\xbd \xc3\xa4 x");
	assert_string_equal(json_string_value(json_object_get(first, "repair")),
						"a\nb\t\"\\");
	assert_string_equal(json_string_value(json_object_get(first, "why")),
						finding_why(FIND_wal_keep));
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(array, 1), "status")),
		"skipped");
	json_decref(array);
	free(text);
	findings_free(&f);
}

static void
test_order(void **state)
{
	Findings f = {0};

	(void) state;
	findings_ok(&f, FIND_sink_file, "last");
	findings_ok(&f, FIND_slot, "second a");
	findings_ok(&f, FIND_configuration, "first");
	findings_ok(&f, FIND_slot, "second b");
	findings_sort(&f);
	assert_string_equal(f.items[0].text, "first");
	assert_string_equal(f.items[1].text, "second a");
	assert_string_equal(f.items[2].text, "second b");
	assert_string_equal(f.items[3].text, "last");
	findings_free(&f);
}

static void
assert_plus(const char *setting, const char *expected)
{
	PgText out = {0};

	check_list_plus(&out, setting, "tuplecast");
	assert_string_equal(out.data, expected);
	free(out.data);
}

static void
test_library_lists(void **state)
{
	(void) state;
	assert_true(check_list_has("pgoutput, tuplecast", "tuplecast"));
	assert_true(check_list_has("tuplecast", "tuplecast"));
	assert_true(check_list_has("\"tuplecast\",x", "tuplecast"));
	assert_true(check_list_has("\"a\"\"b\", c", "a\"b"));
	assert_false(check_list_has("", "tuplecast"));
	assert_false(check_list_has("\"pgoutput, tuplecast\"", "tuplecast"));
	assert_false(check_list_has("$libdir/tuplecast", "tuplecast"));
	assert_false(check_list_has("tuplecast2, xtuplecast", "tuplecast"));
	assert_plus("", "tuplecast");
	assert_plus("pgoutput, test_decoding",
				"pgoutput, test_decoding, tuplecast");
	assert_plus("tuplecast, pgoutput", "pgoutput, tuplecast");
	assert_plus("\"Wal2\", \"$libdir/x\"",
				"\"Wal2\", \"$libdir/x\", tuplecast");
	/* the known mistake is not carried on */
	assert_plus("\"pgoutput, tuplecast\", wal2json", "wal2json, tuplecast");
}

static void
test_versions(void **state)
{
	static const struct
	{
		int version;
		bool has;
	} cases[] = {
		{140023, false}, {140024, true}, {150018, false}, {150019, true},
		{160014, false}, {160015, true}, {170010, false}, {170011, true},
		{180005, false}, {180006, true}, {190000, true},  {130099, false},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(check_version_has_libraries(cases[i].version),
						 cases[i].has);
	assert_string_equal(check_version_of_libraries(150003), "15.19");
	assert_null(check_version_of_libraries(130003));
}

static void
test_addresses(void **state)
{
	(void) state;
	assert_true(check_is_local("/var/run/postgresql", ""));
	assert_true(check_is_local("@abstract", ""));
	assert_true(check_is_local("localhost", "127.0.0.1"));
	assert_true(check_is_local("db", "127.3.2.1"));
	assert_true(check_is_local("db", "::1"));
	assert_true(check_is_local("localhost", ""));
	assert_false(check_is_local("localhost", "10.0.0.1"));
	assert_false(check_is_local("db.example.org", ""));
	assert_false(check_is_local("::2", "::2"));
}

static void
test_words(void **state)
{
	CheckList l = {.limit = 2};
	char size[32];

	(void) state;
	assert_string_equal(check_size_text(size, 0), "0 bytes");
	assert_string_equal(check_size_text(size, 1023), "1023 bytes");
	assert_string_equal(check_size_text(size, 1536), "1.5 kB");
	assert_string_equal(check_size_text(size, INT64_MAX), "8192.0 PB");
	assert_string_equal(check_list_text(&l), "");
	check_list_add(&l, "a");
	check_list_add(&l, "b");
	assert_string_equal(check_list_text(&l), "a, b");
	check_list_add(&l, "c");
	check_list_add(&l, "d");
	assert_string_equal(check_list_text(&l), "a, b and 2 more");
	check_list_free(&l);
}

/* doc/operations.md has a row for each finding */
static void
test_documented(void **state)
{
	FILE *in = fopen(PROJECT_ROOT "/doc/operations.md", "r");
	static char text[1 << 20];
	size_t n;

	(void) state;
	assert_non_null(in);
	n = fread(text, 1, sizeof(text) - 1, in);
	text[n] = '\0';
	fclose(in);
	for (int id = 0; id < FIND_COUNT; id++)
	{
		char cell[80];

		snprintf(cell, sizeof(cell), "| `%s` |", finding_name((FindingId) id));
		if (strstr(text, cell) == NULL)
			fail_msg("doc/operations.md does not know the finding \"%s\"",
					 finding_name((FindingId) id));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exit_codes),	  cmocka_unit_test(test_text),
		cmocka_unit_test(test_json),		  cmocka_unit_test(test_order),
		cmocka_unit_test(test_library_lists), cmocka_unit_test(test_versions),
		cmocka_unit_test(test_addresses),	  cmocka_unit_test(test_words),
		cmocka_unit_test(test_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
