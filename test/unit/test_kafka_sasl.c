/*
 * test_kafka_sasl.c
 *		What a token says of itself, good or garbage.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "kafka_sink.h"

#define NOW_MS INT64_C(1700000000000)

static int64_t expires_ms;
static char principal[64];
static Error err;

static bool
claims(const char *token)
{
	memset(&err, 0, sizeof(err));
	return kafka_oauth_claims(token, NOW_MS, &expires_ms, principal,
							  sizeof(principal), &err);
}

static void
test_jwt(void **state)
{
	(void) state;
	/* {"sub":"cdc","exp":1700000600} */
	assert_true(claims("eyJhbGciOiJub25lIn0."
					   "eyJzdWIiOiJjZGMiLCJleHAiOjE3MDAwMDA2MDB9.c2ln"));
	assert_int_equal(expires_ms, NOW_MS + 600000);
	assert_string_equal(principal, "cdc");
	/* {"exp":1700000600.5}, padded */
	assert_true(claims("e30.eyJleHAiOjE3MDAwMDA2MDAuNX0=."));
	assert_int_equal(expires_ms, NOW_MS + 600500);
	assert_string_equal(principal, "tuplecast");
}

static void
test_expired(void **state)
{
	(void) state;
	/* {"sub":"cdc","exp":1699999990} */
	assert_false(claims("e30.eyJzdWIiOiJjZGMiLCJleHAiOjE2OTk5OTk5OTB9.x"));
	assert_int_equal(err.kind, ERR_RETRY);
	assert_non_null(strstr(err.text, "expired 10 s ago"));
}

/* No JWT: taken as it is, and read again soon. */
static void
test_opaque(void **state)
{
	static const char *const tokens[] = {"",		 ".",	   "..",
										 "opaque",	 "a.b",	   "a.!!!.c",
										 "a.W10.c", /* [] */
										 "a.eyJl.c", "a.e30.c"};

	(void) state;
	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
	{
		assert_true(claims(tokens[i]));
		assert_int_equal(expires_ms, NOW_MS + 300000);
		assert_string_equal(principal, "tuplecast");
	}
}

static void
test_which_urls_are_files(void **state)
{
	ConfigPair p = {.name = "sasl.oauthbearer.token.endpoint.url"};

	(void) state;
	p.value = "file:///run/token";
	assert_true(kafka_oauth_takes(&p));
	p.value = "FILE:/run/token";
	assert_true(kafka_oauth_takes(&p));
	p.value = "https://issuer/token";
	assert_false(kafka_oauth_takes(&p));
	p.name = "ssl.ca.location";
	p.value = "file:///run/token";
	assert_false(kafka_oauth_takes(&p));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jwt),
		cmocka_unit_test(test_expired),
		cmocka_unit_test(test_opaque),
		cmocka_unit_test(test_which_urls_are_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
