/*
 * test_kafka_errors.c
 *		What the Kafka sink makes of errors, topics and settings, against a mock
 *		cluster.
 */
#include "kafka_mock.h"

/* ---- errors ---------------------------------------------------------------- */

static void
test_retriable_errors(void **state)
{
	Driver *d = kafka();
	const char *topic = fresh_topic(1);
	FrameRecord f = record("{\"id\":1}", "{\"id\":1}");
	SinkStream *st;

	(void) state;
	must_open(d);
	st = make_stream(d, topic, "t");
	rd_kafka_mock_push_request_errors(
		mock, API_PRODUCE, 4, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
		RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
		RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
		RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR);
	for (int i = 0; i < 2000; i++)
		must_put(d, st, &f);
	must_drain(d);
	driver_free(d);
}

static void
test_too_large(void **state)
{
	static ConfigPair pair = {.name = (char *) "message.max.bytes",
							  .value = (char *) "2000",
							  .origin = (char *) "test"};
	Driver *d = kafka();
	const char *topic = fresh_topic(1);
	char value[3001];
	FrameRecord f;
	SinkStream *st;

	(void) state;
	memset(value, 'x', 3000);
	value[3000] = '\0';
	/* by the client */
	d->cfg.kafka = (ConfigPairs){&pair, 1};
	must_open(d);
	st = make_stream(d, topic, "t");
	f = record("k", value);
	f.headers = headers("a", "b", NULL);
	assert_int_equal(put(d, st, &f), SINK_REFUSED);
	assert_int_equal(d->err.kind, ERR_ENVIRONMENT);
	assert_string_equal(d->err.code, "record_too_large");
	assert_non_null(strstr(d->err.text, topic));
	assert_non_null(strstr(d->err.hint, "max.message.bytes"));
	driver_free(d);

	/* by the broker */
	d = kafka();
	must_open(d);
	st = make_stream(d, topic, "t");
	rd_kafka_mock_push_request_errors(mock, API_PRODUCE, 1,
									  RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
	must_put(d, st, &f);
	assert_true(drain(d));
	assert_int_equal(d->failed, 1);
	/* it may have been the batch: that gets smaller until it is alone */
	for (int i = 0; i < 5 && d->why.kind == ERR_RETRY; i++)
	{
		assert_string_equal(d->why.code, "batch_refused");
		driver_free(d);
		d = kafka();
		must_open(d);
		st = make_stream(d, topic, "t");
		rd_kafka_mock_push_request_errors(mock, API_PRODUCE, 1,
										  RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
		must_put(d, st, &f);
		assert_true(drain(d));
	}
	assert_int_equal(d->why.kind, ERR_ENVIRONMENT);
	assert_string_equal(d->why.code, "record_too_large");
	assert_non_null(strstr(d->why.text, topic));
	assert_int_equal(gauges(d).queued_bytes, 0);
	driver_free(d);
	kafka_refusal_forget();
}

/*
 * Each code that a broker may answer to Produce, and what comes of it: the record
 * waits and arrives (HOLD), is offered again by a sink made anew (ANEW), or the
 * process stops (STOP).
 */
typedef enum Reaction
{
	HOLD,
	ANEW,
	STOP
} Reaction;

static const struct ProduceError
{
	rd_kafka_resp_err_t code;
	Reaction reaction;
	const char *error;
} produce_errors[] = {
	{RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, HOLD, NULL},
	{RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, HOLD, NULL},
	{RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, HOLD, NULL},
	{RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, ANEW, "kafka_error"},
	{RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, HOLD, NULL},
	{RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, HOLD, NULL},
	{RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, HOLD, NULL},
	{RD_KAFKA_RESP_ERR_INVALID_MSG, ANEW, "kafka_error"},
	{RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, HOLD, NULL},
	{RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, HOLD, NULL},
	{RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH, ANEW, "kafka_error"},
	{RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH, ANEW, "kafka_error"},
	{RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER, HOLD, NULL},
	{RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, ANEW, "kafka_fatal"},
	{RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID, HOLD, NULL},
	{RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, ANEW, NULL},
	{RD_KAFKA_RESP_ERR_UNKNOWN, ANEW, NULL},
	{RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, HOLD, NULL},
	{RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, STOP,
	 "topic_not_authorized"},
	{RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, STOP,
	 "cluster_not_authorized"},
	{RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, STOP, "topic_invalid"},
	{RD_KAFKA_RESP_ERR_INVALID_RECORD, STOP, "record_refused"},
	{RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, STOP, "record_refused"},
	{RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, STOP, "record_refused"},
	{RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE, STOP, "record_refused"},
	{RD_KAFKA_RESP_ERR_POLICY_VIOLATION, STOP, "policy_violation"},
	{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, STOP, "record_too_large"},
	{RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, ANEW, NULL},
	{RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS, ANEW, NULL},
	{RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, STOP, "kafka_too_old"},
};

/* What the sink reports of one record that is answered with the code once. */
static Reaction
reaction_to(const struct ProduceError *row, Error *why)
{
	Driver *d = kafka();
	const char *topic = fresh_topic(1);
	FrameRecord f = record("{\"id\":1}", "{\"id\":1}");
	SinkStream *st;
	Reaction got;

	must_open(d);
	st = make_stream(d, topic, "t");
	must_put(d, st, &f);
	must_drain(d);
	rd_kafka_mock_push_request_errors(mock, API_PRODUCE, 1, row->code);
	must_put(d, st, &f);
	if (!drain(d))
		*why = d->err;
	else
		*why = d->why;
	got = d->acked == 2 ? HOLD : why->kind == ERR_RETRY ? ANEW : STOP;
	rd_kafka_mock_clear_request_errors(mock, API_PRODUCE);
	driver_free(d);
	return got;
}

static void
test_produce_errors(void **state)
{
	int wrong = 0;

	(void) state;
	for (size_t i = 0; i < sizeof(produce_errors) / sizeof(*produce_errors);
		 i++)
	{
		const struct ProduceError *row = &produce_errors[i];
		Error why = {0};
		Reaction got;

		kafka_refusal_forget();
		got = reaction_to(row, &why);
		/* one that may have been another's fault is tried alone first */
		while (got == ANEW && strcmp(why.code, "batch_refused") == 0)
			got = reaction_to(row, &why);
		if (got == row->reaction &&
			(row->error == NULL || strcmp(row->error, why.code) == 0) &&
			(got == HOLD || why.text[0] != '\0') &&
			(got != STOP || why.hint[0] != '\0'))
			continue;
		wrong++;
		print_message("%s: reaction %d \"%s\" (%s), expected %d \"%s\"\n",
					  rd_kafka_err2name(row->code), (int) got, why.code,
					  why.text, (int) row->reaction,
					  row->error ? row->error : "");
	}
	kafka_refusal_forget();
	assert_int_equal(wrong, 0);
}

/* A record that brokers refuse is known, in another client, too; what was in a
 * batch with it is not suspected. */
static void
test_refusals_are_remembered(void **state)
{
	static const rd_kafka_resp_err_t codes[] = {
		RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_INVALID_RECORD};

	(void) state;
	for (size_t i = 0; i < 2; i++)
	{
		const char *topic = fresh_topic(1);
		char value[2001];
		FrameRecord bad;
		FrameRecord good = record("{\"id\":2}", "{}");
		int rounds = 0;
		Driver *d;
		SinkStream *st;

		kafka_refusal_forget();
		memset(value, 'x', 2000);
		value[2000] = '\0';
		bad = record("{\"id\":1}", value);
		for (;; rounds++)
		{
			SinkResult rc;

			assert_true(rounds < 20);
			d = kafka();
			d->cfg.topic_prefix = (char *) "p";
			d->cfg.on_error = 1;
			d->cfg.oversize = 1;
			must_open(d);
			st = make_stream(d, topic, "t");
			rc = put(d, st, &bad);
			if (rc == SINK_REFUSED)
				break;
			assert_int_equal(rc, SINK_OK);
			rd_kafka_mock_push_request_errors(mock, API_PRODUCE, 1, codes[i]);
			assert_true(drain(d));
			assert_int_equal(d->failed, 1);
			assert_int_equal(d->why.kind, ERR_RETRY);
			driver_free(d);
		}
		assert_true(rounds > 1);
		assert_int_equal(d->err.kind, ERR_ENVIRONMENT);
		rd_kafka_mock_clear_request_errors(mock, API_PRODUCE);
		must_put(d, st, &good);
		must_drain(d);
		/* a longer one of a topic with a limit is not even tried */
		bad.key = slice("{\"id\":333}");
		assert_int_equal(put(d, st, &bad), i == 0 ? SINK_REFUSED : SINK_OK);
		must_drain(d);
		driver_free(d);
	}
	kafka_refusal_forget();
}

/* A fatal error asks for a new sink; with it everything arrives. */
static void
test_fatal_error(void **state)
{
	Driver *d = kafka();
	const char *topic = fresh_topic(1);
	FrameRecord f = record("{\"id\":1}", "{\"id\":1}");
	int64_t end = test_now_ms() + PATIENCE_MS;
	SinkStream *st;

	(void) state;
	must_open(d);
	st = make_stream(d, topic, "t");
	must_put(d, st, &f);
	must_drain(d);
	rd_kafka_mock_push_request_errors(
		mock, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	must_put(d, st, &f);
	while (turn(d))
		assert_true(test_now_ms() < end);
	assert_int_equal(d->err.kind, ERR_RETRY);
	assert_string_equal(d->err.code, "kafka_fatal");
	assert_int_equal(offer(d, st, &f), SINK_ERROR);
	assert_int_equal(d->err.kind, ERR_RETRY);
	driver_free(d);

	rd_kafka_mock_clear_request_errors(mock, API_PRODUCE);
	d = kafka();
	must_open(d);
	st = make_stream(d, topic, "t");
	for (int i = 0; i < 100; i++)
		must_put(d, st, &f);
	must_drain(d);
	driver_free(d);
}

static void
refused_topic(rd_kafka_resp_err_t code, const char *expected)
{
	Driver *d = kafka();
	const char *topic = fresh_topic(1);
	FrameRecord f = record("{\"id\":1}", "{}");
	SinkStream *st;

	rd_kafka_mock_topic_set_error(mock, topic, code);
	must_open(d);
	st = make_stream(d, topic, "t");
	assert_int_equal(put(d, st, &f), SINK_ERROR);
	assert_int_equal(d->err.kind, ERR_ENVIRONMENT);
	assert_string_equal(d->err.code, expected);
	assert_non_null(strstr(d->err.text, topic));
	assert_true(d->err.hint[0] != '\0');
	/* repaired, it goes on without a new sink */
	rd_kafka_mock_topic_set_error(mock, topic, RD_KAFKA_RESP_ERR_NO_ERROR);
	must_put(d, st, &f);
	must_drain(d);
	driver_free(d);
}

static void
test_topic_missing(void **state)
{
	(void) state;
	refused_topic(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "topic_missing");
}

static void
test_topic_not_authorized(void **state)
{
	(void) state;
	refused_topic(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
				  "topic_not_authorized");
}

static void
test_topic_invalid(void **state)
{
	(void) state;
	refused_topic(RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, "topic_invalid");
}

/* A topic that does not exist is made by the broker when it is asked for. */
static void
test_topic_made_by_the_broker(void **state)
{
	Driver *d = kafka();
	const char *topic = fresh_topic(0);
	FrameRecord f = record("{\"id\":1}", "{}");
	SinkStream *st;

	(void) state;
	must_open(d);
	st = make_stream(d, topic, "t");
	must_put(d, st, &f);
	must_drain(d);
	driver_free(d);
}

/* Another topic on the broker has the name but for '.' and '_'. */
static void
test_collision_on_the_broker(void **state)
{
	Driver *d = kafka();
	const char *topic = fresh_topic(1);
	char other[64];
	FrameRecord f = record("{\"id\":1}", "{}");
	SinkStream *st;

	(void) state;
	snprintf(other, sizeof(other), "%s", topic);
	*strchr(other, '.') = '_';
	assert_int_equal(rd_kafka_mock_topic_create(mock, other, 1, 1), 0);
	rd_kafka_mock_topic_set_error(mock, topic,
								  RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION);
	must_open(d);
	st = make_stream(d, topic, "t");
	assert_int_equal(put(d, st, &f), SINK_ERROR);
	assert_string_equal(d->err.code, "topic_collision");
	assert_non_null(strstr(d->err.text, other));
	driver_free(d);
}

static void
test_collision_of_streams(void **state)
{
	Driver *d = kafka();

	(void) state;
	must_open(d);
	assert_non_null(make_stream(d, "c.public.a_b", "a_b"));
	assert_null(make_stream(d, "c.public.a.b", "a.b"));
	assert_string_equal(d->err.code, "topic_collision");
	assert_non_null(strstr(d->err.text, "public.a_b"));
	assert_non_null(strstr(d->err.text, "public.a.b"));
	assert_non_null(make_stream(d, "c.public.a_b", "a_b"));
	assert_null(make_stream(d, "no spaces", "a"));
	assert_string_equal(d->err.code, "topic_invalid");
	/* many, so that the table grows */
	for (int i = 0; i < 300; i++)
	{
		char name[32];

		snprintf(name, sizeof(name), "many.%d", i);
		assert_non_null(make_stream(d, name, name));
	}
	assert_null(make_stream(d, "many_299", "x"));
	driver_free(d);
}

static void
refused_setting(const char *name, const char *value, bool secret,
				const char *code)
{
	ConfigPair pair = {.name = (char *) name,
					   .value = (char *) value,
					   .origin = (char *) "test.properties",
					   .secret = secret};
	Driver *d = kafka();

	d->cfg.kafka = (ConfigPairs){&pair, 1};
	assert_false(driver_open(d));
	assert_int_equal(d->err.kind, ERR_CONFIG);
	assert_string_equal(d->err.code, code);
	assert_non_null(strstr(d->err.text, name));
	if (secret)
	{
		assert_null(strstr(d->err.text, value));
		assert_null(strstr(d->err.detail, value));
		assert_null(strstr(d->err.hint, value));
	}
	driver_free(d);
}

static void
test_settings(void **state)
{
	static ConfigPair same[] = {
		{.name = (char *) "acks", .value = (char *) "-1"},
		{.name = (char *) "enable.idempotence", .value = (char *) "true"},
		{.name = (char *) "linger.ms", .value = (char *) "20"}};
	Driver *d;

	(void) state;
	refused_setting("no.such.thing", "1", false, "kafka_setting");
	refused_setting("linger.ms", "never", false, "kafka_setting");
	refused_setting("security.protocol", "hunter2", true, "kafka_setting");
	refused_setting("acks", "1", false, "kafka_setting_fixed");
	refused_setting("message.timeout.ms", "1000", false, "kafka_setting_fixed");
	refused_setting("delivery.report.only.error", "true", false,
					"kafka_setting_fixed");
	refused_setting("transactional.id", "x", false, "kafka_setting_fixed");
	d = kafka();
	d->cfg.kafka = (ConfigPairs){same, 3};
	must_open(d);
	driver_free(d);

	d = kafka();
	d->cfg.kafka_bootstrap = (char *) "";
	assert_false(driver_open(d));
	assert_string_equal(d->err.code, "kafka_bootstrap_missing");
	driver_free(d);
}

static void
test_creation_settings(void **state)
{
	ConfigPair pair = {.name = (char *) "partitions", .value = (char *) "0"};
	Driver *d = kafka();

	(void) state;
	d->cfg.topic_creation = (ConfigPairs){&pair, 1};
	assert_false(driver_open(d));
	assert_int_equal(d->err.kind, ERR_CONFIG);
	assert_non_null(strstr(d->err.text, "topic.creation.default.partitions"));
	driver_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retriable_errors),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_produce_errors),
		cmocka_unit_test(test_refusals_are_remembered),
		cmocka_unit_test(test_fatal_error),
		cmocka_unit_test(test_topic_missing),
		cmocka_unit_test(test_topic_not_authorized),
		cmocka_unit_test(test_topic_invalid),
		cmocka_unit_test(test_topic_made_by_the_broker),
		cmocka_unit_test(test_collision_on_the_broker),
		cmocka_unit_test(test_collision_of_streams),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_creation_settings),
	};

	return cmocka_run_group_tests(tests, start_mock, stop_mock);
}
