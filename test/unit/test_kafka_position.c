/*
 * test_kafka_position.c
 *		The position topic and transactions against librdkafka's mock cluster.
 */
#include "sink_driver.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "kafka_sink.h"
#include "log.h"

static rd_kafka_t *mock_host;
static rd_kafka_mock_cluster_t *mock;
static char bootstrap[256];

typedef struct World
{
	Driver d;
	int recovered;
	int committed;
	int positions; /* acknowledged */
	char found[256];
	bool used;
} World;

static int
start_mock(void **state)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	(void) state;
	log_init(LOG_TEXT, LOG_ERROR);
	rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
	mock_host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
	assert_non_null(mock_host);
	mock = rd_kafka_mock_cluster_new(mock_host, 1);
	assert_non_null(mock);
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

static void
acked(void *arg, uint64_t ticket)
{
	World *w = arg;

	if (ticket == SINK_POSITION_TICKET)
		w->positions++;
	else
		w->d.acked++;
}

static void
failed(void *arg, uint64_t ticket, const Error *why)
{
	(void) arg;
	(void) ticket;
	fail_msg("%s: %s", why->code, why->text);
}

static void
recovered(void *arg, const SinkRecovered *r)
{
	World *w = arg;

	w->recovered++;
	w->used = r->used;
	w->found[0] = '\0';
	if (r->position != NULL)
		snprintf(w->found, sizeof(w->found), "%.*s", (int) r->len,
				 (const char *) r->position);
}

static void
committed(void *arg)
{
	((World *) arg)->committed++;
}

static World *
open_sink(const char *slot, bool exactly_once)
{
	World *w = calloc(1, sizeof(*w));
	Driver *d = driver_new(SINK_KAFKA);
	SinkEvents ev = {.arg = w,
					 .acked = acked,
					 .failed = failed,
					 .recovered = recovered,
					 .committed = committed};

	w->d = *d;
	w->d.cfg.kafka_bootstrap = bootstrap;
	w->d.cfg.slot_name = (char *) slot;
	w->d.cfg.delivery =
		exactly_once ? DELIVERY_EXACTLY_ONCE : DELIVERY_AT_LEAST_ONCE;
	w->d.sink = w->d.ops->open(&w->d.cfg, ev, &w->d.err);
	free(d);
	assert_non_null(w->d.sink);
	return w;
}

static void
close_sink(World *w)
{
	w->d.ops->close(w->d.sink);
	free(w->d.seen);
	free(w);
}

static void
until(World *w, const int *count, int wanted)
{
	int64_t end = test_now_ms() + PATIENCE_MS;

	while (*count < wanted)
	{
		assert_true(test_now_ms() < end);
		if (!turn(&w->d))
			fail_msg("%s: %s", w->d.err.code, w->d.err.text);
	}
}

static void
recover(World *w)
{
	int wanted = w->recovered + 1;

	w->d.ops->recover(w->d.sink, false);
	until(w, &w->recovered, wanted);
}

static void
write_position(World *w, const char *text)
{
	int wanted = w->positions + 1;

	assert_int_equal(
		w->d.ops->put_position(w->d.sink, text, strlen(text), &w->d.err),
		SINK_OK);
	until(w, &w->positions, wanted);
}

static void
make_topic(const char *slot)
{
	char name[128];

	snprintf(name, sizeof(name), "__tuplecast-position.test.%s", slot);
	assert_int_equal(rd_kafka_mock_topic_create(mock, name, 1, 1), 0);
}

static void
at_least_once_reads_what_was_written_last(void **state)
{
	World *w;

	(void) state;
	make_topic("alo");
	w = open_sink("alo", false);
	recover(w);
	assert_false(w->used);
	assert_string_equal(w->found, "");
	for (int i = 0; i < 300; i++)
		write_position(w, i < 299 ? "{\"n\":1}" : "{\"n\":2}");
	/* as after a loss of the source */
	recover(w);
	assert_string_equal(w->found, "{\"n\":2}");
	close_sink(w);
	w = open_sink("alo", false);
	recover(w);
	assert_true(w->used || w->found[0] != '\0');
	assert_string_equal(w->found, "{\"n\":2}");
	close_sink(w);
}

static void
exactly_once_commits_records_with_their_position(void **state)
{
	World *w;
	SinkStream *st;
	FrameRecord f = record("k", "v");

	(void) state;
	make_topic("eos");
	assert_int_equal(rd_kafka_mock_topic_create(mock, "test.public.e", 1, 1),
					 0);
	w = open_sink("eos", true);
	recover(w);
	st = make_stream(&w->d, "test.public.e", "e");
	for (int n = 1; n <= 3; n++)
	{
		char text[32];
		SinkResult rc;

		must_put(&w->d, st, &f);
		snprintf(text, sizeof(text), "{\"n\":%d}", n);
		write_position(w, text);
		while ((rc = w->d.ops->commit(w->d.sink, &w->d.err)) == SINK_PENDING)
			assert_true(turn(&w->d));
		assert_int_equal(rc, SINK_OK);
		until(w, &w->committed, n);
	}
	close_sink(w);
	w = open_sink("eos", true);
	recover(w);
	assert_string_equal(w->found, "{\"n\":3}");
	close_sink(w);
}

static void
a_topic_with_more_partitions_is_refused(void **state)
{
	World *w;
	int64_t end = test_now_ms() + PATIENCE_MS;

	(void) state;
	assert_int_equal(
		rd_kafka_mock_topic_create(mock, "__tuplecast-position.test.two", 2, 1),
		0);
	w = open_sink("two", false);
	w->d.ops->recover(w->d.sink, false);
	while (turn(&w->d))
		assert_true(test_now_ms() < end);
	assert_string_equal(w->d.err.code, "position_topic_partitions");
	assert_int_equal(w->d.err.kind, ERR_ENVIRONMENT);
	close_sink(w);
}

/* A place and a job of the worker, one try at a time. */
static bool
try_again(KafkaPlace *p, KafkaJob *job)
{
	job->due_ms = 0;
	return kafka_position_recover(mock_host, p, job);
}

static void
a_position_that_was_known_is_asked_for_again(void **state)
{
	World *w;
	KafkaJob job = {.kind = KAFKA_JOB_RECOVER, .expected = true};
	KafkaPlace *p;
	Error err;

	(void) state;
	make_topic("known");
	w = open_sink("known", false);
	recover(w);
	p = kafka_place_new(&w->d.cfg, bootstrap, &err);
	assert_non_null(p);
	/* the broker forgot the topic, then it is there but empty */
	rd_kafka_mock_topic_set_error(mock, p->topic,
								  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	assert_false(try_again(p, &job));
	assert_true(job.due_ms > 0);
	rd_kafka_mock_topic_set_error(mock, p->topic, RD_KAFKA_RESP_ERR_NO_ERROR);
	assert_false(try_again(p, &job));
	assert_true(job.due_ms > 0);
	write_position(w, "{\"n\":1}");
	assert_true(try_again(p, &job));
	assert_true(job.ok);
	assert_non_null(job.position);
	assert_int_equal(job.position_len, 7);
	assert_memory_equal(job.position, "{\"n\":1}", 7);
	free(job.position);
	kafka_place_free(p);
	close_sink(w);
}

static void
not_for_ever(void **state)
{
	World *w;
	KafkaJob job = {.kind = KAFKA_JOB_RECOVER, .expected = true};
	KafkaPlace *p;
	Error err;

	(void) state;
	make_topic("gone");
	w = open_sink("gone", false);
	p = kafka_place_new(&w->d.cfg, bootstrap, &err);
	assert_non_null(p);
	assert_false(try_again(p, &job));
	job.missing_ms -= 11000;
	assert_true(try_again(p, &job));
	assert_true(job.ok);
	assert_null(job.position);
	kafka_place_free(p);
	close_sink(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_least_once_reads_what_was_written_last),
		cmocka_unit_test(exactly_once_commits_records_with_their_position),
		cmocka_unit_test(a_topic_with_more_partitions_is_refused),
		cmocka_unit_test(a_position_that_was_known_is_asked_for_again),
		cmocka_unit_test(not_for_ever),
	};

	return cmocka_run_group_tests(tests, start_mock, stop_mock);
}
