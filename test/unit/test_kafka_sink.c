/*
 * test_kafka_sink.c
 *		The Kafka sink against librdkafka's mock cluster.
 */
#include "sink_driver.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <unistd.h>

#include "kafka_sink.h"
#include "log.h"

#define API_PRODUCE 0

static rd_kafka_t *mock_host;
static rd_kafka_mock_cluster_t *mock;
static char bootstrap[256];
static int topic_number;

static int
start_mock(void **state)
{
	char errstr[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	(void) state;
	log_init(LOG_TEXT, LOG_ERROR);
	rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
	mock_host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, errstr, sizeof(errstr));
	if (mock_host == NULL)
		return -1;
	mock = rd_kafka_mock_cluster_new(mock_host, 1);
	if (mock == NULL)
		return -1;
	snprintf(bootstrap, sizeof(bootstrap), "%s",
			 rd_kafka_mock_cluster_bootstraps(mock));
	return 0;
}

static int
stop_mock(void **state)
{
	(void) state;
	rd_kafka_mock_cluster_destroy(mock);
	rd_kafka_destroy(mock_host);
	return 0;
}

static Driver *
kafka(void)
{
	Driver *d = driver_new("kafka");

	d->cfg.kafka_bootstrap = bootstrap;
	return d;
}

/* A topic of its own for each test, made before if it has partitions. */
static const char *
fresh_topic(int partitions)
{
	static char names[8][64];
	char *name = names[topic_number % 8];

	snprintf(name, sizeof(names[0]), "test.public.t%d", topic_number++);
	if (partitions > 0)
		assert_int_equal(rd_kafka_mock_topic_create(mock, name, partitions, 1),
						 0);
	return name;
}

/* ---- reading back ---------------------------------------------------------- */

typedef struct Reader
{
	rd_kafka_t *rk;
	rd_kafka_message_t *m;
} Reader;

static Reader *
reader_new(const char *brokers, const char *topic, int partitions)
{
	Reader *r = calloc(1, sizeof(*r));
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new(partitions);

	rd_kafka_conf_set(conf, "bootstrap.servers", brokers, NULL, 0);
	rd_kafka_conf_set(conf, "group.id", "test", NULL, 0);
	rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", NULL, 0);
	rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
	r->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, NULL, 0);
	assert_non_null(r->rk);
	rd_kafka_poll_set_consumer(r->rk);
	for (int i = 0; i < partitions; i++)
		rd_kafka_topic_partition_list_add(list, topic, i)->offset =
			RD_KAFKA_OFFSET_BEGINNING;
	assert_int_equal(rd_kafka_assign(r->rk, list), 0);
	rd_kafka_topic_partition_list_destroy(list);
	return r;
}

static rd_kafka_message_t *
read_one(Reader *r)
{
	int64_t end = test_now_ms() + PATIENCE_MS;

	if (r->m != NULL)
		rd_kafka_message_destroy(r->m);
	r->m = NULL;
	while (r->m == NULL || r->m->err != 0)
	{
		assert_true(test_now_ms() < end);
		if (r->m != NULL)
			rd_kafka_message_destroy(r->m);
		r->m = rd_kafka_consumer_poll(r->rk, 100);
	}
	return r->m;
}

static void
reader_free(Reader *r)
{
	if (r->m != NULL)
		rd_kafka_message_destroy(r->m);
	rd_kafka_consumer_close(r->rk);
	rd_kafka_destroy(r->rk);
	free(r);
}

static void
assert_text(const void *data, size_t len, const char *expected)
{
	assert_non_null(data);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(data, expected, len);
}

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
		cmocka_unit_test(test_embedded),
#if !defined(__SANITIZE_ADDRESS__)
		cmocka_unit_test(test_flat_memory),
#endif
	};

	return cmocka_run_group_tests(tests, start_mock, stop_mock);
}
