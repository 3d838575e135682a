/*
 * kafka_open.c
 *		The Kafka client and all around it: made, and given up.
 */
#include "kafka_sink_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sinks.h"

#define OLDEST_LIBRARY 0x020002ff

static void
collect_handles(KafkaSink *ks, rd_kafka_topic_t ***handles, size_t *n)
{
	*handles = sink_alloc((ks->topics.count + 1) * sizeof(rd_kafka_topic_t *));
	*n = 0;
	if (ks->position_topic != NULL)
		(*handles)[(*n)++] = ks->position_topic;
	for (size_t i = 0; i < ks->topics.nbuckets; i++)
		for (KafkaTopic *t = ks->topics.buckets[i]; t != NULL; t = t->next)
			(*handles)[(*n)++] = t->handle;
}

void
kafka_sink_close(Sink *s)
{
	KafkaSink *ks = (KafkaSink *) s;
	rd_kafka_topic_t **handles;
	size_t nhandles;

	kafka_flusher_stop(ks->flusher);
	if (ks->worker != NULL)
	{
		/* the client goes with the worker, and the eventfd it writes to */
		collect_handles(ks, &handles, &nhandles);
		kafka_worker_finish(ks->worker, ks->queue, handles, nhandles);
	}
	else
	{
		if (ks->queue != NULL)
			rd_kafka_queue_destroy(ks->queue);
		if (ks->rk != NULL)
			rd_kafka_destroy(ks->rk);
		if (ks->eventfd >= 0)
			close(ks->eventfd);
	}
	if (ks->topics.buckets != NULL)
		kafka_topics_free(&ks->topics);
	while (ks->streams != NULL)
	{
		SinkStream *st = ks->streams;

		ks->streams = st->next;
		stream_copy_free(&st->copy);
		free(st);
	}
	kafka_sender_free(&ks->sender);
	free(ks->position_name);
	free(ks->position_key);
	free(ks);
}

static const char *
bootstrap_of(const Config *cfg, Error *err)
{
	if (rd_kafka_version() < OLDEST_LIBRARY)
	{
		err_set(err, ERR_ENVIRONMENT, "librdkafka",
				"librdkafka %s is too old: 2.0.2 or later is needed",
				rd_kafka_version_str());
		err_hint(err, "Older versions can lose records.");
		return NULL;
	}
	if (cfg->kafka_bootstrap[0] == '\0')
	{
		err_set(err, ERR_CONFIG, "kafka_bootstrap_missing",
				"no Kafka broker is named");
		err_hint(err, "Set kafka.bootstrap.servers (--kafka HOST:PORT); "
					  "\"embedded\" tries things out without one.");
		return NULL;
	}
	if (strcmp(cfg->kafka_bootstrap, "embedded") == 0)
		return kafka_embedded_start(err);
	return cfg->kafka_bootstrap;
}

static bool
make_client(KafkaSink *ks, const Config *cfg, const char *bootstrap, Error *err)
{
	char errstr[KAFKA_ERRSTR_SIZE];
	rd_kafka_conf_t *conf = kafka_conf_make(cfg, bootstrap, err);
	bool lacking;

	if (conf == NULL)
		return false;
	if (!kafka_refusal_set_batch(conf, &ks->batch_bytes, err))
	{
		rd_kafka_conf_destroy(conf);
		return false;
	}
	ks->rk = kafka_client_new(RD_KAFKA_PRODUCER, conf, errstr, sizeof(errstr));
	if (ks->rk != NULL)
		return true;
	/* threads that do not start are no fault of the settings */
	lacking = rd_kafka_last_error() == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
	rd_kafka_conf_destroy(conf);
	if (lacking)
		return err_set(err, ERR_RESTART, "kafka_client",
					   "the Kafka client does not start: %s", errstr);
	err_set(err, ERR_CONFIG, "kafka_setting", "kafka.*: %s", errstr);
	err_hint(err, "librdkafka %s does not start with these settings.",
			 rd_kafka_version_str());
	return false;
}

/* Takes place over. */
static bool
start_threads(KafkaSink *ks, const Config *cfg, KafkaPlace *place, Error *err)
{
	bool embedded = strcmp(cfg->kafka_bootstrap, "embedded") == 0;

	if ((embedded && !kafka_embedded_create(place->topic, 1, err)) ||
		(!kafka_conf_lingers(cfg) &&
		 (ks->flusher = kafka_flusher_start(ks->rk, err)) == NULL))
	{
		kafka_place_free(place);
		return false;
	}
	/* while a commit is on its way the brokers take nothing: it fills then, and
	 * all at once is made into requests; more of it is no faster */
	kafka_queue_init(&ks->queued,
					 cfg->delivery == DELIVERY_EXACTLY_ONCE
						 ? cfg->queue_bytes / 2
						 : cfg->queue_bytes,
					 ks->batch_bytes, ks->flusher != NULL);
	ks->worker = kafka_worker_start(cfg, ks->rk, ks->eventfd, place, err);
	if (ks->worker != NULL && embedded)
		ks->topics.embedded_partitions = kafka_worker_partitions(ks->worker);
	return ks->worker != NULL;
}

static bool
start_client(KafkaSink *ks, const Config *cfg, Error *err)
{
	static const uint64_t one = 1;
	const char *bootstrap = bootstrap_of(cfg, err);
	KafkaPlace *place;

	if (bootstrap == NULL)
		return false;
	ks->eventfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (ks->eventfd < 0)
		return err_set(err, ERR_RESTART, "eventfd",
					   "could not create an eventfd: %s", strerror(errno));
	if (!make_client(ks, cfg, bootstrap, err))
		return false;
	ks->sender.rk = ks->rk;
	ks->queue = rd_kafka_queue_get_main(ks->rk);
	rd_kafka_set_log_queue(ks->rk, NULL);
	rd_kafka_queue_io_event_enable(ks->queue, ks->eventfd, &one, sizeof(one));
	kafka_topics_init(&ks->topics, ks->rk);
	place = kafka_place_new(cfg, bootstrap, err);
	if (place == NULL)
		return false;
	ks->position_name = sink_strndup(place->topic, strlen(place->topic));
	ks->position_key = sink_strndup(place->key, strlen(place->key));
	return start_threads(ks, cfg, place, err);
}

Sink *
kafka_sink_open(const Config *cfg, SinkEvents events, Error *err)
{
	KafkaSink *ks = sink_alloc(sizeof(*ks));

	ks->base.ops = &kafka_sink_ops;
	ks->base.events = events;
	ks->cfg = cfg;
	ks->eventfd = -1;
	ks->sender.identity = cfg->identity_headers;
	if (!start_client(ks, cfg, err))
	{
		kafka_sink_close(&ks->base);
		return NULL;
	}
	/* a wrong address or password shows now, not with the first record */
	kafka_job_ask(ks, NULL);
	return &ks->base;
}
