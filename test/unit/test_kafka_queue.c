/*
 * test_kafka_queue.c
 *		How much may wait for acknowledgement, and when it is sent.
 */
#include "kafka_mock.h"

#define BATCH 400000
#define MAX	  8000000

static void
test_is_full(void **state)
{
	KafkaQueue q;

	(void) state;
	/* by what the messages cost */
	kafka_queue_init(&q, 1000000, BATCH, true);
	assert_false(kafka_queue_full(&q));
	kafka_queue_put(&q, 10, 999999 - KAFKA_RECORD_BYTES);
	assert_false(kafka_queue_full(&q));
	kafka_queue_put(&q, 10, 1);
	assert_true(kafka_queue_full(&q));
	kafka_queue_done(&q, 10, 1);
	assert_false(kafka_queue_full(&q));
	kafka_queue_done(&q, 10, 999999 - KAFKA_RECORD_BYTES);
	assert_int_equal(q.bytes + q.payload + q.records, 0);

	/* of many short ones what is kept beside them counts most */
	kafka_queue_init(&q, 1000 * (KAFKA_RECORD_BYTES + 1), BATCH, true);
	for (int i = 0; i < 1000; i++)
	{
		assert_false(kafka_queue_full(&q));
		kafka_queue_put(&q, 1, 1);
	}
	assert_true(kafka_queue_full(&q));

	/* one record is always taken */
	kafka_queue_init(&q, 0, 1, true);
	assert_false(kafka_queue_full(&q));
	kafka_queue_put(&q, MAX, MAX);
	assert_true(kafka_queue_full(&q));
}

static void
test_one_batch_ahead_of_each_partition(void **state)
{
	KafkaQueue q;

	(void) state;
	kafka_queue_init(&q, MAX, BATCH, true);
	kafka_queue_put(&q, BATCH, BATCH);
	assert_false(kafka_queue_full(&q));
	kafka_queue_put(&q, BATCH * 3 / 4, BATCH * 3 / 4);
	assert_true(kafka_queue_full(&q));
	/* a topic with three is ready, then is found to have five */
	kafka_queue_partitions(&q, 3);
	assert_false(kafka_queue_full(&q));
	kafka_queue_put(&q, BATCH * 7 / 2, BATCH * 7 / 2);
	assert_true(kafka_queue_full(&q));
	kafka_queue_partitions(&q, 2);
	assert_false(kafka_queue_full(&q));
	/* never more than the limit */
	kafka_queue_partitions(&q, 1000);
	kafka_queue_put(&q, MAX, MAX);
	assert_true(kafka_queue_full(&q));

	/* batches that were made small because one was refused */
	kafka_queue_init(&q, MAX, 1, true);
	kafka_queue_put(&q, 1000, 1000);
	assert_false(kafka_queue_full(&q));

	/* the user's linger.ms: nothing but the limit */
	kafka_queue_init(&q, MAX, BATCH, false);
	kafka_queue_put(&q, MAX / 2, MAX / 2);
	assert_false(kafka_queue_full(&q));
}

static void
test_when_to_send(void **state)
{
	KafkaQueue q;

	(void) state;
	kafka_queue_init(&q, MAX, BATCH, true);
	assert_false(kafka_queue_should_send(&q));
	assert_false(kafka_queue_sent(&q));
	/* alone */
	kafka_queue_put(&q, 10, 10);
	assert_true(kafka_queue_should_send(&q));
	assert_true(kafka_queue_sent(&q));
	assert_false(kafka_queue_should_send(&q));
	/* beside one in flight, until that is acknowledged */
	kafka_queue_put(&q, 10, 10);
	assert_false(kafka_queue_should_send(&q));
	kafka_queue_done(&q, 10, 10);
	assert_true(kafka_queue_should_send(&q));
	/* a full batch has gone */
	kafka_queue_put(&q, BATCH, BATCH);
	assert_false(kafka_queue_should_send(&q));
	assert_false(kafka_queue_sent(&q));
	/* what went by itself and was acknowledged does not wait */
	kafka_queue_init(&q, MAX, BATCH, true);
	kafka_queue_put(&q, 10, 10);
	kafka_queue_done(&q, 10, 10);
	assert_false(kafka_queue_should_send(&q));
}

/* A record that would wait ten minutes for others goes when it is asked to. */
static void
test_flusher_cuts_it_short(void **state)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	int64_t end = test_now_ms() + PATIENCE_MS;
	rd_kafka_event_t *ev = NULL;
	rd_kafka_queue_t *queue;
	KafkaFlusher *f;
	rd_kafka_t *rk;
	Error err;

	(void) state;
	rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, NULL, 0);
	rd_kafka_conf_set(conf, "linger.ms", "600000", NULL, 0);
	rd_kafka_conf_set(conf, "message.timeout.ms", "0", NULL, 0);
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
	assert_non_null(rk);
	queue = rd_kafka_queue_get_main(rk);
	f = kafka_flusher_start(rk, &err);
	assert_non_null(f);
	assert_int_equal(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(fresh_topic(1)),
									   RD_KAFKA_V_VALUE((void *) "x", 1),
									   RD_KAFKA_V_END),
					 0);
	while (ev == NULL)
	{
		assert_true(test_now_ms() < end);
		/* the broker may not be connected yet */
		kafka_flusher_ask(f);
		ev = rd_kafka_queue_poll(queue, 100);
	}
	assert_int_equal(rd_kafka_event_type(ev), RD_KAFKA_EVENT_DR);
	rd_kafka_event_destroy(ev);
	kafka_flusher_stop(f);
	kafka_flusher_stop(NULL);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(rk);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_full),
		cmocka_unit_test(test_one_batch_ahead_of_each_partition),
		cmocka_unit_test(test_when_to_send),
		cmocka_unit_test(test_flusher_cuts_it_short),
	};

	return cmocka_run_group_tests(tests, start_mock, stop_mock);
}
