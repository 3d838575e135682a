/*
 * test_kafka_sink.c
 *		The Kafka sink against librdkafka's mock cluster.
 */
#include "kafka_mock.h"

/* ---- the ordinary ---------------------------------------------------------- */

static void
test_produce_and_ack(void **state)
{
	Driver *d = kafka();
	const char *topic = fresh_topic(1);
	SinkStream *st;
	Reader *r;
	char key[32];
	char value[64];

	(void) state;
	must_open(d);
	st = make_stream(d, topic, "t");
	for (int i = 0; i < 5000; i++)
	{
		FrameRecord f;

		snprintf(key, sizeof(key), "{\"id\":%d}", i);
		snprintf(value, sizeof(value), "{\"id\":%d,\"x\":\"y\"}", i);
		f = record(key, value);
		must_put(d, st, &f);
	}
	must_drain(d);
	assert_true(d->pending > 0);
	assert_int_equal(gauges(d).queued_records, 0);
	assert_int_equal(gauges(d).queued_bytes, 0);
	assert_true(gauges(d).connected);

	r = reader_new(bootstrap, topic, 1);
	for (int i = 0; i < 5000; i++)
	{
		rd_kafka_message_t *m = read_one(r);

		snprintf(key, sizeof(key), "{\"id\":%d}", i);
		snprintf(value, sizeof(value), "{\"id\":%d,\"x\":\"y\"}", i);
		assert_text(m->key, m->key_len, key);
		assert_text(m->payload, m->len, value);
	}
	reader_free(r);
	driver_free(d);
}

static void
test_nulls(void **state)
{
	Driver *d = kafka();
	const char *topic = fresh_topic(1);
	SinkStream *st;
	FrameRecord f;
	rd_kafka_message_t *m;
	Reader *r;

	(void) state;
	must_open(d);
	st = make_stream(d, topic, "t");
	f = record(NULL, "{}");
	must_put(d, st, &f);
	f = record("{\"id\":1}", NULL);
	must_put(d, st, &f);
	f = record(NULL, NULL);
	must_put(d, st, &f);
	f = record("", "");
	must_put(d, st, &f);
	must_drain(d);
	r = reader_new(bootstrap, topic, 1);
	m = read_one(r);
	assert_null(m->key);
	assert_text(m->payload, m->len, "{}");
	m = read_one(r);
	assert_text(m->key, m->key_len, "{\"id\":1}");
	assert_null(m->payload);
	m = read_one(r);
	assert_null(m->key);
	assert_null(m->payload);
	m = read_one(r);
	assert_text(m->key, m->key_len, "");
	assert_text(m->payload, m->len, "");
	reader_free(r);
	driver_free(d);
}

static void
test_headers_and_heads(void **state)
{
	static const char *const expected[][2] = {{"const", "1"},
											  {"__op", "d"},
											  {"none", NULL},
											  {"__lsn", "123456789"},
											  {"__ordinal", "3"},
											  {"__part", "1"},
											  {"__ts_us", "1700000000000001"}};
	Driver *d = kafka();
	const char *topic = fresh_topic(1);
	FrameStream fs = {.topic = slice(topic),
					  .schema = slice("public"),
					  .name = slice("t"),
					  .key_head = slice("{\"payload\":"),
					  .key_tail = slice("}"),
					  .value_head = slice("{\"schema\":1,\"payload\":"),
					  .value_tail = slice("}")};
	FrameRecord f = record("{\"id\":1}", "{\"a\":2}");
	SinkStream *st;
	rd_kafka_headers_t *list;
	rd_kafka_message_t *m;
	Reader *r;

	(void) state;
	d->cfg.identity_headers = true;
	must_open(d);
	fs.headers = headers("const", "1", NULL);
	st = d->ops->stream(d->sink, NULL, &fs, &d->err);
	assert_non_null(st);
	f.headers = headers("__op", "d", "none", "-", NULL);
	must_put(d, st, &f);
	f.value.data = NULL;
	must_put(d, st, &f);
	/* announced anew, under the same handle, without heads */
	fs.value_head = fs.value_tail = fs.key_head = fs.key_tail = slice(NULL);
	fs.headers = (FrameHeaders){0};
	assert_ptr_equal(d->ops->stream(d->sink, st, &fs, &d->err), st);
	f = record("{\"id\":1}", "{\"a\":2}");
	must_put(d, st, &f);
	must_drain(d);
	assert_int_equal(gauges(d).queued_bytes, 0);

	r = reader_new(bootstrap, topic, 1);
	m = read_one(r);
	assert_text(m->key, m->key_len, "{\"payload\":{\"id\":1}}");
	assert_text(m->payload, m->len, "{\"schema\":1,\"payload\":{\"a\":2}}");
	assert_int_equal(rd_kafka_message_headers(m, &list), 0);
	assert_int_equal(rd_kafka_header_cnt(list), 7);
	for (size_t i = 0; i < 7; i++)
	{
		const char *name;
		const void *value;
		size_t size;

		assert_int_equal(rd_kafka_header_get_all(list, i, &name, &value, &size),
						 0);
		assert_string_equal(name, expected[i][0]);
		if (expected[i][1] == NULL)
			assert_null(value);
		else
			assert_text(value, size, expected[i][1]);
	}
	m = read_one(r);
	assert_text(m->key, m->key_len, "{\"payload\":{\"id\":1}}");
	assert_null(m->payload);
	m = read_one(r);
	assert_text(m->key, m->key_len, "{\"id\":1}");
	assert_text(m->payload, m->len, "{\"a\":2}");
	assert_int_equal(rd_kafka_message_headers(m, &list), 0);
	assert_int_equal(rd_kafka_header_cnt(list), 4);
	reader_free(r);
	driver_free(d);
}

/* What the Java producer computes for these keys: toPositive(murmur2) % 7. */
static void
test_placement_is_java_s(void **state)
{
	static const struct
	{
		const char *key;
		int partition;
	} rows[] = {
		{"{\"id\":1}", 3},
		{"{\"id\":2}", 5},
		{"{\"id\":1001}", 4},
		{"{\"id\":\"\xc3\xbc\"}", 1},
		{"21", 3},
		{"foobar", 0},
		{"", 2},
		{"{\"a\":1,\"b\":\"x\"}", 3},
	};
	const int n = sizeof(rows) / sizeof(rows[0]);
	Driver *d = kafka();
	const char *topic = fresh_topic(7);
	SinkStream *st;
	Reader *r;
	int found = 0;

	(void) state;
	must_open(d);
	st = make_stream(d, topic, "t");
	for (int i = 0; i < n; i++)
	{
		FrameRecord f = record(rows[i].key, "{}");

		must_put(d, st, &f);
	}
	must_drain(d);
	r = reader_new(bootstrap, topic, 7);
	for (int i = 0; i < n; i++)
	{
		rd_kafka_message_t *m = read_one(r);

		for (int k = 0; k < n; k++)
			if (strlen(rows[k].key) == m->key_len &&
				memcmp(rows[k].key, m->key, m->key_len) == 0)
			{
				assert_int_equal(m->partition, rows[k].partition);
				found++;
			}
	}
	assert_int_equal(found, n);
	reader_free(r);
	driver_free(d);
}

static void
test_own_topic_partition_timestamp(void **state)
{
	Driver *d = kafka();
	const char *topic = fresh_topic(1);
	const char *own = fresh_topic(3);
	SinkStream *st;
	FrameRecord f = record("{\"id\":1}", "{}");
	rd_kafka_message_t *m;
	rd_kafka_timestamp_type_t type;
	Reader *r;

	(void) state;
	must_open(d);
	st = make_stream(d, topic, "outbox");
	f.flags = WIRE_REC_TOPIC | WIRE_REC_PARTITION | WIRE_REC_TIMESTAMP;
	f.topic = slice(own);
	f.partition = 2;
	f.timestamp_ms = 1234567890123;
	must_put(d, st, &f);
	must_drain(d);
	r = reader_new(bootstrap, own, 3);
	m = read_one(r);
	assert_int_equal(m->partition, 2);
	assert_true(rd_kafka_message_timestamp(m, &type) == 1234567890123);

	/* a partition that does not exist: never given to the library */
	f.partition = 3;
	f.headers = headers("a", "b", NULL);
	assert_int_equal(put(d, st, &f), SINK_REFUSED);
	assert_string_equal(d->err.code, "partition_missing");
	assert_non_null(strstr(d->err.text, own));
	reader_free(r);
	driver_free(d);
}

/* ---- back-pressure and brokers away ---------------------------------------- */

static void
test_full_then_ok(void **state)
{
	Driver *d = kafka();
	const char *topic = fresh_topic(1);
	char value[1001];
	SinkStream *st;

	(void) state;
	memset(value, 'x', 1000);
	value[1000] = '\0';
	d->cfg.queue_bytes = 100000;
	must_open(d);
	st = make_stream(d, topic, "t");
	rd_kafka_mock_broker_set_rtt(mock, 1, 100);
	for (int i = 0; i < 500; i++)
	{
		FrameRecord f = record("k", value);
		SinkGauges g;

		must_put(d, st, &f);
		g = gauges(d);
		assert_true(g.queued_bytes <= 100000 + 1001);
		assert_true(g.queued_records <= 1024);
	}
	assert_true(d->full > 0);
	must_drain(d);
	rd_kafka_mock_broker_set_rtt(mock, 1, 0);
	driver_free(d);
}

/* A record larger than the whole queue goes through alone. */
static void
test_larger_than_the_queue(void **state)
{
	Driver *d = kafka();
	const char *topic = fresh_topic(1);
	char *value = malloc(700001);
	SinkStream *st;
	FrameRecord f;

	(void) state;
	memset(value, 'x', 700000);
	value[700000] = '\0';
	d->cfg.queue_bytes = 1000;
	must_open(d);
	st = make_stream(d, topic, "t");
	f = record("k", value);
	for (int i = 0; i < 3; i++)
		must_put(d, st, &f);
	must_drain(d);
	free(value);
	driver_free(d);
}

static void
test_broker_away_and_back(void **state)
{
	Driver *d = kafka();
	const char *topic = fresh_topic(1);
	int64_t end = test_now_ms() + PATIENCE_MS;
	FrameRecord f = record("{\"id\":1}", "{\"id\":1,\"text\":\"some text\"}");
	SinkStream *st;

	(void) state;
	d->cfg.queue_bytes = 50000;
	/* away from the start */
	rd_kafka_mock_broker_set_down(mock, 1);
	must_open(d);
	st = make_stream(d, topic, "t");
	while (gauges(d).transport_errors == 0)
	{
		assert_int_equal(offer(d, st, &f), SINK_PENDING);
		assert_true(turn(d));
		assert_true(test_now_ms() < end);
	}
	assert_false(gauges(d).connected);
	assert_true(gauges(d).last_error[0] != '\0');
	rd_kafka_mock_broker_set_up(mock, 1);
	for (int i = 0; i < 1000; i++)
		must_put(d, st, &f);
	must_drain(d);
	assert_true(gauges(d).connected);

	/* away in the middle, until the queue is full */
	rd_kafka_mock_broker_set_down(mock, 1);
	while (offer(d, st, &f) != SINK_FULL)
		continue;
	while (gauges(d).connected)
	{
		assert_true(turn(d));
		assert_true(test_now_ms() < end);
	}
	assert_int_equal(offer(d, st, &f), SINK_FULL);
	assert_int_equal(d->failed, 0);
	rd_kafka_mock_broker_set_up(mock, 1);
	for (int i = 0; i < 1000; i++)
		must_put(d, st, &f);
	must_drain(d);
	/* also with nothing to send it is noticed that the broker is back */
	while (!gauges(d).connected)
	{
		assert_true(turn(d));
		assert_true(test_now_ms() < end);
	}
	driver_free(d);
}

static void
test_close_with_broker_away(void **state)
{
	Driver *d = kafka();
	const char *topic = fresh_topic(1);
	FrameRecord f = record("{\"id\":1}", "{}");
	SinkStream *st;
	int64_t start;

	(void) state;
	must_open(d);
	st = make_stream(d, topic, "t");
	must_put(d, st, &f);
	must_drain(d);
	rd_kafka_mock_broker_set_down(mock, 1);
	for (int i = 0; i < 100; i++)
		assert_int_equal(offer(d, st, &f), SINK_OK);
	start = test_now_ms();
	driver_free(d);
	assert_true(test_now_ms() - start < 5000);
	rd_kafka_mock_broker_set_up(mock, 1);
}

/* ---- the embedded broker --------------------------------------------------- */

static void
test_embedded(void **state)
{
	ConfigPair pair = {.name = (char *) "partitions", .value = (char *) "3"};
	char address[256];
	Driver *d = kafka();
	FrameRecord f = record("{\"id\":2}", "{}");
	SinkStream *st;
	Reader *r;
	rd_kafka_message_t *m;

	(void) state;
	for (int i = 0; i < 2; i++)
	{
		d->cfg.kafka_bootstrap = (char *) "embedded";
		d->cfg.topic_creation = (ConfigPairs){&pair, 1};
		must_open(d);
		st = make_stream(d, "try.public.it", "it");
		must_put(d, st, &f);
		must_drain(d);
		driver_free(d);
		d = kafka();
	}
	driver_free(d);
	/* it is the same broker, in the reach of others, and holds both */
	snprintf(address, sizeof(address), "%s", kafka_embedded_start(&(Error){0}));
	r = reader_new(address, "try.public.it", 3);
	for (int i = 0; i < 2; i++)
	{
		m = read_one(r);
		assert_text(m->key, m->key_len, "{\"id\":2}");
		/* murmur2 of this key, -1705675864, made positive, modulo 3 */
		assert_int_equal(m->partition, (int) ((-1705675864 & 0x7fffffff) % 3));
	}
	reader_free(r);
}

/* ---- memory ---------------------------------------------------------------- */

#if !defined(__SANITIZE_ADDRESS__)
static long
resident_kb(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long size;
	long resident = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%ld %ld", &size, &resident), 2);
	fclose(f);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* With a slow broker, headers, and more records than fit into the queue. */
static void
test_flat_memory(void **state)
{
	Driver *d = kafka();
	const char *topic = fresh_topic(1);
	char value[301];
	long before = resident_kb();
	long most = 0;
	SinkStream *st;

	(void) state;
	memset(value, 'x', 300);
	value[300] = '\0';
	d->cfg.identity_headers = true;
	must_open(d);
	st = make_stream(d, topic, "t");
	rd_kafka_mock_broker_set_rtt(mock, 1, 50);
	for (int i = 0; i < 150000; i++)
	{
		FrameRecord f = record("{\"id\":1}", value);

		must_put(d, st, &f);
		if (i % 1000 == 0)
		{
			long now = resident_kb();

			most = now > most ? now : most;
		}
	}
	must_drain(d);
	assert_true(d->full > 0);
	rd_kafka_mock_broker_set_rtt(mock, 1, 0);
	/* the mock broker, in this process, keeps some 5 MB of it */
	print_message("resident: %ld kB before, %ld kB at most\n", before, most);
	assert_true(most - before < 48 * 1024);
	driver_free(d);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_produce_and_ack),
		cmocka_unit_test(test_nulls),
		cmocka_unit_test(test_headers_and_heads),
		cmocka_unit_test(test_placement_is_java_s),
		cmocka_unit_test(test_own_topic_partition_timestamp),
		cmocka_unit_test(test_full_then_ok),
		cmocka_unit_test(test_larger_than_the_queue),
		cmocka_unit_test(test_broker_away_and_back),
		cmocka_unit_test(test_close_with_broker_away),
		cmocka_unit_test(test_embedded),
#if !defined(__SANITIZE_ADDRESS__)
		cmocka_unit_test(test_flat_memory),
#endif
	};

	return cmocka_run_group_tests(tests, start_mock, stop_mock);
}
