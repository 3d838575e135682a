/*
 * test_signal_request.c
 *		What a signal asks for, and what is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "signal_request.h"

static void
parse(SignalRequest *s, const char *type, const char *data)
{
	Error err;

	if (!signal_request_parse(s, "id-1", type, data, data ? strlen(data) : 0,
							  &err))
		fail_msg("%s", err.text);
	assert_string_equal(s->id, "id-1");
	assert_string_equal(s->type, type);
}

static void
refused(const char *type, const char *data, const char *why)
{
	SignalRequest s;
	Error err;

	assert_false(
		signal_request_parse(&s, "id-1", type, data, strlen(data), &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	if (strstr(err.text, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, why);
	assert_null(s.id);
	assert_null(s.items);
}

static void
reads_execute(void **state)
{
	SignalRequest s;

	(void) state;
	parse(&s, "execute-snapshot",
		  "{\"data-collections\":[\" public.a \",\"public\\\\.b\",\"x.*\"],"
		  "\"type\":\"INCREMENTAL\",\"additional-conditions\":["
		  "{\"data-collection\":\"PUBLIC.B\",\"filter\":\"c = 'é'\"}],"
		  "\"surrogate-key\":\"n\",\"unknown\":1}");
	assert_int_equal(s.kind, SIGNAL_EXECUTE);
	assert_int_equal(s.count, 3);
	assert_string_equal(s.items[0].pattern, "public.a");
	assert_null(s.items[0].filter);
	assert_string_equal(s.items[1].pattern, "public\\.b");
	assert_string_equal(s.items[1].filter, "c = 'é'");
	assert_null(s.items[2].filter);
	assert_string_equal(s.items[2].surrogate, "n");
	assert_false(s.blocking);
	signal_request_free(&s);
	parse(&s, "execute-snapshot",
		  "{\"data-collections\":[\"a.b\"],\"type\":\"blocking\",\"surrogate-"
		  "key\":\" \",\"additional-conditions\":null,\"additional-condition\":"
		  "\"id > 7\"}");
	assert_true(s.blocking);
	assert_null(s.items[0].surrogate);
	assert_string_equal(s.items[0].filter, "id > 7");
	signal_request_free(&s);
}

static void
refuses_execute(void **state)
{
	const char *type = "execute-snapshot";

	(void) state;
	refused(type, "{}", "missing or empty");
	refused(type, "", "missing or empty");
	refused(type, "{\"data-collections\":[]}", "missing or empty");
	refused(type, "{\"data-collections\":\"a.b\"}", "missing or empty");
	refused(type, "{\"data-collections\":[1]}", "no string");
	refused(type, "{\"data-collections\":[\"  \"]}", "an empty name");
	refused(type, "{\"data-collections\":[\"a.b\"],\"type\":\"full\"}",
			"neither");
	refused(type,
			"{\"data-collections\":[\"a.b\"],\"additional-conditions\":{}}",
			"no array");
	refused(
		type,
		"{\"data-collections\":[\"a.b\"],\"additional-conditions\":[\"x\"]}",
		"an entry of");
	/* rows that were not asked for would be published */
	refused(type,
			"{\"data-collections\":[\"a.*\"],\"additional-conditions\":"
			"[{\"data-collection\":\"a.b\",\"filter\":\"false\"}]}",
			"in the same words");
	refused(type, "[]", "no JSON object");
	refused(type, "{", "cannot be read");
	refused(type, "{\"data-collections\":[\"a\\u0000b\"]}", "cannot be read");
}

static void
refuses_what_is_large(void **state)
{
	char *text = malloc(SIGNAL_MESSAGE_MAX + 2);
	size_t n;

	(void) state;
	memset(text, ' ', SIGNAL_MESSAGE_MAX + 1);
	text[SIGNAL_MESSAGE_MAX + 1] = '\0';
	refused("log", text, "too long");
	n = (size_t) sprintf(text, "{\"data-collections\":[\"a.b\"");
	for (int i = 0; i < 1000; i++)
		n += (size_t) sprintf(text + n, ",\"a.b\"");
	strcpy(text + n, "]}");
	refused("stop-snapshot", text, "more than 1000");
	free(text);
}

static void
reads_others(void **state)
{
	SignalRequest s;

	(void) state;
	parse(&s, "stop-snapshot", NULL);
	assert_int_equal(s.kind, SIGNAL_STOP);
	assert_int_equal(s.count, 0);
	signal_request_free(&s);
	parse(&s, "stop-snapshot",
		  "{\"data-collections\":[\"a.b\"],\"type\":\"incremental\"}");
	assert_int_equal(s.count, 1);
	signal_request_free(&s);
	parse(&s, "pause-snapshot", "{}");
	assert_int_equal(s.kind, SIGNAL_PAUSE);
	signal_request_free(&s);
	parse(&s, "resume-snapshot", "");
	assert_int_equal(s.kind, SIGNAL_RESUME);
	signal_request_free(&s);
	parse(&s, "log", "{\"message\":\"at {}\"}");
	assert_int_equal(s.kind, SIGNAL_LOG);
	assert_string_equal(s.message, "at {}");
	signal_request_free(&s);
	refused("log", "{}", "missing");
	parse(&s, "snapshot-window-open", "{\"openWindowTimestamp\":\"x\"}");
	assert_int_equal(s.kind, SIGNAL_WINDOW);
	signal_request_free(&s);
	/* types are exact */
	parse(&s, "Log", NULL);
	assert_int_equal(s.kind, SIGNAL_UNKNOWN);
	signal_request_free(&s);
}

static bool
read_text(SignalRequest *s, const char *text, Error *err)
{
	return signal_request_read(s, text, strlen(text), err);
}

static void
reads_messages(void **state)
{
	SignalRequest s;
	Error err;

	(void) state;
	assert_true(read_text(
		&s, "{\"id\":\"a\",\"type\":\"log\",\"data\":{\"message\":\"m\"}}",
		&err));
	assert_string_equal(s.id, "a");
	assert_string_equal(s.message, "m");
	signal_request_free(&s);
	/* the data as a text of JSON, and without an id */
	assert_true(read_text(
		&s, "{\"type\":\"log\",\"data\":\"{\\\"message\\\":\\\"m\\\"}\"}",
		&err));
	assert_string_equal(s.id, "");
	assert_string_equal(s.message, "m");
	signal_request_free(&s);
	assert_true(read_text(&s, "{\"type\":\"stop-snapshot\"}", &err));
	signal_request_free(&s);
	assert_false(read_text(&s, "{\"id\":\"a\"}", &err));
	assert_false(read_text(&s, "{\"type\":\"log\",\"data\":[]}", &err));
	assert_false(read_text(&s, "log", &err));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_execute),
		cmocka_unit_test(refuses_execute),
		cmocka_unit_test(refuses_what_is_large),
		cmocka_unit_test(reads_others),
		cmocka_unit_test(reads_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
