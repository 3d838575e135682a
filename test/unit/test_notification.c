/*
 * test_notification.c
 *		Notifications, byte for byte as Debezium 3.6.1 wrote them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "notification.h"

#define CONNECTOR ((NotificationPair){NULL, NULL})

static char prefix[] = "nt2";

static void
expect(const Config *cfg, const Notification *what, const char *key,
	   const char *value)
{
	NotificationText t = notification_text(cfg, what, 1795287447932999);

	assert_string_equal(t.key, key);
	if (value == NULL)
		assert_null(t.value);
	else
		assert_string_equal(t.value, value);
	free(t.key);
	free(t.value);
}

static void
writes_debezium_bytes(void **state)
{
	Config cfg = {.topic_prefix = prefix};
	Notification n = {.id = "s1",
					  .aggregate = "Incremental Snapshot",
					  .type = "IN_PROGRESS",
					  .pairs = {{"current_collection_in_progress", "public.a"},
								CONNECTOR,
								{"maximum_key", "5"},
								{"last_processed_key", "2"},
								{"data_collections", "public.a,public.\"é\\"}},
					  .count = 5};

	(void) state;
	expect(&cfg, &n, "{\"id\":\"s1\"}",
		   "{\"id\":\"s1\",\"type\":\"IN_PROGRESS\",\"aggregate_type\":"
		   "\"Incremental Snapshot\",\"additional_data\":{"
		   "\"current_collection_in_progress\":\"public.a\","
		   "\"connector_name\":\"nt2\",\"maximum_key\":\"5\","
		   "\"last_processed_key\":\"2\",\"data_collections\":"
		   "\"public.a,public.\\\"é\\\\\"},\"timestamp\":1795287447932}");
	n.count = 2;
	n.pairs[0].value = NULL;
	n.id = "quo\"te";
	expect(&cfg, &n, "{\"id\":\"quo\\\"te\"}",
		   "{\"id\":\"quo\\\"te\",\"type\":\"IN_PROGRESS\","
		   "\"aggregate_type\":\"Incremental Snapshot\",\"additional_data\":{"
		   "\"current_collection_in_progress\":\"<null>\","
		   "\"connector_name\":\"nt2\"},\"timestamp\":1795287447932}");
}

static void
follows_converters(void **state)
{
	Config cfg = {.topic_prefix = prefix, .key_format = 1, .format = 2};
	Notification n = {.id = "s1", .aggregate = "a", .type = "STARTED"};

	(void) state;
	expect(&cfg, &n, "Struct{id=s1}", NULL);
}

static void
makes_ids(void **state)
{
	char a[37];
	char b[37];

	(void) state;
	notification_uuid(a);
	notification_uuid(b);
	assert_int_equal(strlen(a), 36);
	assert_true(a[8] == '-' && a[13] == '-' && a[18] == '-' && a[23] == '-');
	assert_int_equal(a[14], '4');
	assert_string_not_equal(a, b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_debezium_bytes),
		cmocka_unit_test(follows_converters),
		cmocka_unit_test(makes_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
