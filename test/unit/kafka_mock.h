/*
 * kafka_mock.h
 *		librdkafka's mock cluster, and a reader of what came to it.
 */
#ifndef TEST_KAFKA_MOCK_H
#define TEST_KAFKA_MOCK_H

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

static inline int
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

static inline int
stop_mock(void **state)
{
	(void) state;
	rd_kafka_mock_cluster_destroy(mock);
	rd_kafka_destroy(mock_host);
	return 0;
}

static inline Driver *
kafka(void)
{
	Driver *d = driver_new(SINK_KAFKA);

	d->cfg.kafka_bootstrap = bootstrap;
	return d;
}

/* A topic of its own for each test, made before if it has partitions. */
static inline const char *
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

static inline Reader *
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

static inline rd_kafka_message_t *
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

static inline void
reader_free(Reader *r)
{
	if (r->m != NULL)
		rd_kafka_message_destroy(r->m);
	rd_kafka_consumer_close(r->rk);
	rd_kafka_destroy(r->rk);
	free(r);
}

static inline void
assert_text(const void *data, size_t len, const char *expected)
{
	assert_non_null(data);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(data, expected, len);
}

#endif /* TEST_KAFKA_MOCK_H */
