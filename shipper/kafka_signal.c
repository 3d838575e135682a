/*
 * kafka_signal.c
 *		The channel "kafka": signals of a topic, with the prefix as their key.
 */
#include "kafka_signal.h"

#include <stdlib.h>
#include <string.h>

#include "kafka_sink.h"
#include "log.h"

/* what a signal asks for is in a durable position by then */
#define COMMIT_AFTER_MS 2000
#define LOG_EVERY_MS	60000
#define TAKE_AT_ONCE	100

struct KafkaSignals
{
	rd_kafka_t *rk;
	char *topic;
	const char *prefix;
	int64_t next;	  /* offset behind what was taken; -1: nothing */
	int64_t taken_ms; /* when */
	int64_t committed;
	int64_t logged_ms; /* of the last complaint */
};

static bool
set(rd_kafka_conf_t *conf, const char *name, const char *value, Error *err)
{
	char text[KAFKA_ERRSTR_SIZE];

	return rd_kafka_conf_set(conf, name, value, text, sizeof(text)) ==
			   RD_KAFKA_CONF_OK ||
		   err_set(err, ERR_CONFIG, "kafka_setting", "%s: %s", name, text);
}

static bool
assign(KafkaSignals *k, Error *err)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new(1);
	rd_kafka_resp_err_t code;

	rd_kafka_topic_partition_list_add(list, k->topic, 0)->offset =
		RD_KAFKA_OFFSET_STORED;
	code = rd_kafka_assign(k->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	return code == RD_KAFKA_RESP_ERR_NO_ERROR ||
		   err_set(err, ERR_CONFIG, "signal_topic",
				   "the topic of signals \"%s\" cannot be read: %s", k->topic,
				   rd_kafka_err2str(code));
}

static const char *
brokers(const Config *cfg, Error *err)
{
	if (cfg->signal_bootstrap[0] != '\0')
		return cfg->signal_bootstrap;
	if (strcmp(cfg->kafka_bootstrap, "embedded") == 0)
		return kafka_embedded_start(err);
	return cfg->kafka_bootstrap;
}

/* What signal.consumer.* says; a secret is not shown. */
static bool
set_own(rd_kafka_conf_t *conf, const Config *cfg, Error *err)
{
	char text[KAFKA_ERRSTR_SIZE];

	for (size_t i = 0; i < cfg->signal_consumer.count; i++)
	{
		const ConfigPair *p = &cfg->signal_consumer.items[i];

		if (rd_kafka_conf_set(conf, p->name, p->value, text, sizeof(text)) ==
			RD_KAFKA_CONF_OK)
			continue;
		err_set(err, ERR_CONFIG, "kafka_setting", "signal.consumer.%s: %s",
				p->name, p->secret ? "librdkafka refuses this value" : text);
		err_detail(err, "It was set by %s.", p->origin);
		err_hint(err,
				 "What follows \"signal.consumer.\" is a setting of a consumer "
				 "of librdkafka %s; its CONFIGURATION.md lists them.",
				 rd_kafka_version_str());
		return false;
	}
	return true;
}

static rd_kafka_conf_t *
make_conf(const Config *cfg, const char *bootstrap, Error *err)
{
	rd_kafka_conf_t *conf = kafka_conf_reader(cfg, bootstrap, err);

	if (conf == NULL)
		return NULL;
	if (set(conf, "auto.offset.reset", "earliest", err) &&
		set_own(conf, cfg, err) &&
		set(conf, "group.id", cfg->signal_group, err) &&
		set(conf, "enable.auto.commit", "false", err) &&
		set(conf, "enable.partition.eof", "false", err) &&
		(cfg->signal_consumer.count == 0 ||
		 kafka_oauth_prepare(conf, cfg, err)))
		return conf;
	rd_kafka_conf_destroy(conf);
	return NULL;
}

bool
kafka_signals_check(const Config *cfg, Error *err)
{
	rd_kafka_conf_t *conf;

	if (!config_has_word(cfg->signal_channels, "kafka"))
		return true;
	conf = make_conf(cfg, "localhost:9092", err);
	if (conf == NULL)
		return false;
	rd_kafka_conf_destroy(conf);
	return true;
}

KafkaSignals *
kafka_signals_open(const Config *cfg, Error *err)
{
	KafkaSignals *k;
	const char *bootstrap = brokers(cfg, err);
	rd_kafka_conf_t *conf =
		bootstrap != NULL ? make_conf(cfg, bootstrap, err) : NULL;
	char text[KAFKA_ERRSTR_SIZE];

	if (conf == NULL)
		return NULL;
	k = sink_alloc(sizeof(*k));
	k->prefix = cfg->topic_prefix;
	k->next = k->committed = -1;
	if (cfg->signal_topic[0] != '\0')
		k->topic = sink_strndup(cfg->signal_topic, strlen(cfg->signal_topic));
	else if (asprintf(&k->topic, "%s-signal", cfg->topic_prefix) < 0)
		abort();
	k->rk = kafka_client_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
	if (k->rk == NULL)
	{
		rd_kafka_conf_destroy(conf);
		err_set(err, ERR_CONFIG, "kafka_setting",
				"kafka.* and signal.consumer.*: %s", text);
	}
	else if (assign(k, err))
	{
		log_event(LOG_INFO, "signals are read from a topic",
				  F_STR("topic", k->topic), F_STR("group", cfg->signal_group));
		return k;
	}
	kafka_signals_close(k);
	return NULL;
}

static void
commit(KafkaSignals *k)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(list, k->topic, 0)->offset = k->next;
	if (rd_kafka_commit(k->rk, list, 1) == RD_KAFKA_RESP_ERR_NO_ERROR)
		k->committed = k->next;
	rd_kafka_topic_partition_list_destroy(list);
}

void
kafka_signals_close(KafkaSignals *k)
{
	if (k == NULL)
		return;
	if (k->rk != NULL)
	{
		if (k->next > k->committed)
			commit(k);
		/* what did not arrive is taken again: a signal's id tells that */
		rd_kafka_message_t *m = rd_kafka_consumer_poll(k->rk, 100);

		if (m != NULL)
			rd_kafka_message_destroy(m);
		rd_kafka_destroy_flags(k->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	}
	free(k->topic);
	free(k);
}

static void
complain(KafkaSignals *k, const rd_kafka_message_t *m, int64_t now_ms)
{
	if (k->logged_ms > 0 && now_ms - k->logged_ms < LOG_EVERY_MS)
		return;
	k->logged_ms = now_ms;
	log_event(LOG_WARN, "the topic of signals cannot be read",
			  F_STR("topic", k->topic),
			  F_STR("error", rd_kafka_message_errstr(m)));
}

static void
take_message(KafkaSignals *k, const rd_kafka_message_t *m, int64_t now_ms,
			 KafkaSignal take, void *arg)
{
	k->next = m->offset + 1;
	k->taken_ms = now_ms;
	if (m->key == NULL || m->key_len != strlen(k->prefix) ||
		memcmp(m->key, k->prefix, m->key_len) != 0)
		log_event(LOG_INFO,
				  "a signal of the topic is for somebody else: its key is not "
				  "our topic.prefix",
				  F_STR("topic", k->topic), F_INT("offset", m->offset));
	else if (m->len > 0)
		take(arg, m->payload, m->len);
}

void
kafka_signals_take(KafkaSignals *k, int64_t now_ms, KafkaSignal take, void *arg)
{
	for (int i = 0; i < TAKE_AT_ONCE; i++)
	{
		rd_kafka_message_t *m = rd_kafka_consumer_poll(k->rk, 0);

		if (m == NULL)
			break;
		if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR)
			complain(k, m, now_ms);
		else
			take_message(k, m, now_ms, take, arg);
		rd_kafka_message_destroy(m);
	}
	if (k->next > k->committed && now_ms - k->taken_ms >= COMMIT_AFTER_MS)
		commit(k);
}
