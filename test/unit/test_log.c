/*
 * test_log.c
 *		One event is one line, whatever bytes it holds; Errors are kept whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "err.h"
#include "log.h"

static int saved_stderr;
static FILE *captured;

static void
capture_begin(void)
{
	captured = tmpfile();
	assert_non_null(captured);
	saved_stderr = dup(STDERR_FILENO);
	assert_true(dup2(fileno(captured), STDERR_FILENO) >= 0);
}

/* what was written since capture_begin(); the caller frees it */
static char *
capture_end(void)
{
	char *text;
	long n;

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	n = lseek(fileno(captured), 0, SEEK_END);
	text = calloc(1, (size_t) n + 1);
	assert_int_equal(pread(fileno(captured), text, (size_t) n, 0), n);
	fclose(captured);
	return text;
}

static void
assert_one_line(const char *text)
{
	assert_non_null(strchr(text, '\n'));
	assert_string_equal(strchr(text, '\n'), "\n");
	assert_null(strchr(text, '\r'));
	assert_null(strchr(text, '\033'));
}

static void
test_text_line(void **state)
{
	char *s;
	const char *p;

	(void) state;
	log_init(LOG_TEXT, LOG_INFO);
	capture_begin();
	log_event(LOG_INFO, "streaming", F_STR("slot", "tuplecast"), F_INT("n", -7),
			  F_LSN("lsn", UINT64_C(0x16B374D848)),
			  F_STR("hint", "say \"why\"\nand where"), F_STR("none", NULL),
			  F_STR("empty", ""), F_STR("path", "a\\b"));
	s = capture_end();
	assert_one_line(s);
	/* 2026-01-02T03:04:05.678Z */
	assert_int_equal(strspn(s, "0123456789-:.TZ"), 24);
	assert_int_equal(s[10], 'T');
	assert_int_equal(s[19], '.');
	assert_int_equal(s[23], 'Z');
	p = s + 24;
	assert_string_equal(p,
						" INFO  streaming slot=tuplecast n=-7 lsn=16/B374D848 "
						"hint=\"say \\\"why\\\"\\nand where\" none=null "
						"empty=\"\" path=\"a\\\\b\"\n");
	free(s);
}

static void
test_json_line(void **state)
{
	char *s;
	json_t *j;

	(void) state;
	log_init(LOG_JSON, LOG_INFO);
	capture_begin();
	log_event(LOG_ERROR, "it \"broke\"", F_STR("slot", "a\tb\\"),
			  F_INT("n", INT64_MIN), F_LSN("lsn", UINT64_C(0x100000002)),
			  F_STR("none", NULL));
	s = capture_end();
	assert_one_line(s);
	j = json_loads(s, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(j);
	assert_string_equal(json_string_value(json_object_get(j, "level")),
						"error");
	assert_string_equal(json_string_value(json_object_get(j, "msg")),
						"it \"broke\"");
	assert_string_equal(json_string_value(json_object_get(j, "slot")),
						"a\tb\\");
	assert_true(json_integer_value(json_object_get(j, "n")) == INT64_MIN);
	assert_string_equal(json_string_value(json_object_get(j, "lsn")), "1/2");
	assert_true(json_is_null(json_object_get(j, "none")));
	assert_int_equal(strlen(json_string_value(json_object_get(j, "ts"))), 24);
	json_decref(j);
	free(s);
}

/* Every byte, and sequences that are not UTF-8. */
static void
test_hostile_bytes(void **state)
{
	char every[256];
	static const char *const broken[] = {
		"\xff",		"\xc0\xaf",		"\xed\xa0\x80", "\xf4\x90\x80\x80",
		"\xe2\x82", "\xf0\x9f\x98", "ok\x80tail",	"\xe2\x80\xa8",
		"\xc2\x85", "\x1b[31m"};

	(void) state;
	for (int i = 0; i < 255; i++)
		every[i] = (char) (i + 1);
	every[255] = '\0';
	for (int format = LOG_TEXT; format <= LOG_JSON; format++)
	{
		log_init((LogFormat) format, LOG_INFO);
		for (size_t i = 0; i <= sizeof(broken) / sizeof(broken[0]); i++)
		{
			const char *bytes =
				i < sizeof(broken) / sizeof(broken[0]) ? broken[i] : every;
			char *s;
			json_t *j;

			capture_begin();
			log_event(LOG_WARN, bytes, F_STR("f", bytes));
			s = capture_end();
			assert_one_line(s);
			assert_null(strstr(s, "\xe2\x80\xa8"));
			if (format == LOG_JSON)
			{
				/* the reader checks UTF-8, too */
				j = json_loads(s, 0, NULL);
				assert_non_null(j);
				json_decref(j);
			}
			free(s);
		}
	}
}

static void
test_json_replaces_invalid(void **state)
{
	char *s;

	(void) state;
	log_init(LOG_JSON, LOG_INFO);
	capture_begin();
	log_event(LOG_INFO, "m",
			  F_STR("f", "a\xff"
						 "b"));
	s = capture_end();
	assert_non_null(strstr(s, "\"f\":\"a\xef\xbf\xbd"
							  "b\""));
	free(s);
}

static void
test_long_value(void **state)
{
	char *big = malloc(1000001);
	char *s;
	json_t *j;

	(void) state;
	/* an odd start, so that the cut falls inside a character */
	big[0] = 'x';
	for (int i = 0; i < 499999; i++)
		memcpy(big + 1 + 2 * i, "\xc3\xa9", 2);
	big[999999] = '\0';
	log_init(LOG_JSON, LOG_INFO);
	capture_begin();
	log_event(LOG_INFO, "m", F_STR("f", big));
	s = capture_end();
	assert_one_line(s);
	assert_true(strlen(s) < 9000);
	j = json_loads(s, 0, NULL);
	assert_non_null(j);
	assert_null(strstr(s, "\xef\xbf\xbd"));
	json_decref(j);
	free(s);
	log_init(LOG_TEXT, LOG_INFO);
	capture_begin();
	log_event(LOG_INFO, "m", F_STR("f", big));
	s = capture_end();
	assert_one_line(s);
	assert_true(strlen(s) < 9000);
	free(s);
	free(big);
}

static void
test_threshold(void **state)
{
	char *s;

	(void) state;
	log_init(LOG_TEXT, LOG_WARN);
	assert_false(log_enabled(LOG_INFO));
	assert_true(log_enabled(LOG_WARN));
	capture_begin();
	log_event(LOG_INFO, "quiet");
	log_event(LOG_WARN, "loud");
	s = capture_end();
	assert_null(strstr(s, "quiet"));
	assert_non_null(strstr(s, " WARN  loud\n"));
	free(s);
}

static void
test_log_error(void **state)
{
	Error err;
	char *s;

	(void) state;
	assert_false(err_set(&err, ERR_ENVIRONMENT, "slot_in_use",
						 "slot %s is in use", "s"));
	err_detail(&err, "By process %d.", 42);
	log_init(LOG_TEXT, LOG_INFO);
	capture_begin();
	log_error(LOG_ERROR, &err);
	s = capture_end();
	assert_string_equal(s + 24, " ERROR slot s is in use code=slot_in_use "
								"detail=\"By process 42.\"\n");
	free(s);
}

static void
test_err_kinds(void **state)
{
	static const int codes[] = {0, 1, 1, 2, 3};
	Error err;

	(void) state;
	for (int kind = ERR_NONE; kind <= ERR_ENVIRONMENT; kind++)
	{
		err_set(&err, (ErrKind) kind, "c", "t");
		assert_int_equal(err_exit_code(&err), codes[kind]);
	}
	err_hint(&err, "h");
	err_set(&err, ERR_CONFIG, "c2", "%s again", err.text);
	assert_string_equal(err.text, "t again");
	assert_string_equal(err.hint, "");
	err_clear(&err);
	assert_int_equal(err.kind, ERR_NONE);
	assert_string_equal(err.text, "");
}

/* A text that does not fit ends in "..." and stays UTF-8. */
static void
test_err_cut(void **state)
{
	char big[2001];
	Error err;
	size_t n;

	(void) state;
	for (int width = 2; width <= 3; width++)
		for (int shift = 0; shift < 3; shift++)
		{
			memset(big, 'x', 3);
			for (int i = 0; i < 600; i++)
				memcpy(big + shift + width * i,
					   width == 2 ? "\xc3\xa9" : "\xe2\x82\xac",
					   (size_t) width);
			big[shift + width * 600] = '\0';
			err_set(&err, ERR_CONFIG, "c", "%s", big);
			n = strlen(err.text);
			assert_true(n < sizeof(err.text) && n > sizeof(err.text) - 8);
			assert_string_equal(err.text + n - 3, "...");
			assert_int_equal((n - 3 - (size_t) shift) % (size_t) width, 0);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_line),
		cmocka_unit_test(test_json_line),
		cmocka_unit_test(test_hostile_bytes),
		cmocka_unit_test(test_json_replaces_invalid),
		cmocka_unit_test(test_long_value),
		cmocka_unit_test(test_threshold),
		cmocka_unit_test(test_log_error),
		cmocka_unit_test(test_err_kinds),
		cmocka_unit_test(test_err_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
