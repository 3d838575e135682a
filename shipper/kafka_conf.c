/*
 * kafka_conf.c
 *		The producer's configuration: what delivery rests on, our defaults, and
 *		what the user gave after "kafka.".
 */
#include "kafka_sink.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* each row a setting that may be given with one of these values only */
static const struct FixedSetting
{
	const char *name;
	const char *value;
	const char *also; /* the same, spelled differently; NULL: none */
	const char *why;
} fixed[] = {
	{"acks", "all", "-1",
	 "a record counts as delivered when all in-sync replicas have it"},
	{"request.required.acks", NULL, "-1|all",
	 "a record counts as delivered when all in-sync replicas have it"},
	{"enable.idempotence", "true", NULL,
	 "retries would duplicate records and change their order"},
	{"message.timeout.ms", "0", NULL,
	 "records wait for the brokers as long as it takes; none is given up"},
	{"delivery.timeout.ms", NULL, "0",
	 "records wait for the brokers as long as it takes; none is given up"},
	{"delivery.report.only.error", "false", NULL,
	 "the slot is confirmed by delivery reports"},
	{"dr_msg_cb", NULL, "", "the slot is confirmed by delivery reports"},
	{"dr_cb", NULL, "", "the slot is confirmed by delivery reports"},
	{"transactional.id", NULL, "",
	 "it is made from topic.prefix and slot.name"},
	{"log.queue", "true", NULL, "librdkafka's log goes into ours"},
	{"queuing.strategy", NULL, "fifo", "order per key must hold"},
};

/* defaults that "kafka.*" may override; "?": absent in some versions */
static const struct DefaultSetting
{
	const char *name;
	const char *value;
} defaults[] = {
	{"client.id", "tuplecast"},
	/* the same partition for a key as the Java producer's */
	{"partitioner", "murmur2_random"},
	/* kafka_flusher.c cuts it short */
	{"linger.ms", "25"},
	{"compression.codec", "lz4"},
	{"max.in.flight.requests.per.connection", "5"},
	/* half the 1 MB that brokers take; with smaller ones all requests in flight
	 * are used up more often, and then librdkafka waits by spinning */
	{"batch.size", "524288"},
	/* the broker's or topic's limit decides about a record's size */
	{"message.max.bytes", "1000000000"},
	{"socket.keepalive.enable", "true"},
	{"socket.nagle.disable", "true"},
	{"reconnect.backoff.ms", "100"},
	{"reconnect.backoff.max.ms", "3000"},
	{"?enable.metrics.push", "false"},
};

static bool
set_failed(const ConfigPair *p, const char *errstr, Error *err)
{
	err_set(err, ERR_CONFIG, "kafka_setting", "kafka.%s: %s", p->name,
			p->secret ? "librdkafka refuses this value" : errstr);
	err_detail(err, "It was set by %s.",
			   p->origin != NULL && p->origin[0] != '\0' ? p->origin
														 : "the configuration");
	err_hint(err,
			 "What follows \"kafka.\" is a setting of librdkafka %s; its "
			 "CONFIGURATION.md lists them.",
			 rd_kafka_version_str());
	return false;
}

static bool
is_word_of(const char *word, const char *list)
{
	size_t n = strlen(word);

	while (list != NULL && *list != '\0')
	{
		size_t len = strcspn(list, "|");

		if (len == n && strncasecmp(word, list, n) == 0)
			return true;
		list += len;
		list += *list == '|';
	}
	return false;
}

/* false: the pair contradicts what delivery rests on. */
static bool
check_fixed(const ConfigPair *p, Error *err)
{
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
	{
		const struct FixedSetting *f = &fixed[i];
		const char *need = f->value != NULL ? f->value : f->also;

		if (strcmp(f->name, p->name) != 0)
			continue;
		if ((f->value != NULL && strcasecmp(p->value, f->value) == 0) ||
			is_word_of(p->value, f->also))
			return true;
		if (need[0] == '\0')
			err_set(err, ERR_CONFIG, "kafka_setting_fixed",
					"kafka.%s cannot be set", p->name);
		else
			err_set(err, ERR_CONFIG, "kafka_setting_fixed",
					"kafka.%s cannot be other than \"%.*s\"", p->name,
					(int) strcspn(need, "|"), need);
		err_detail(err, "It is fixed because %s.", f->why);
		err_hint(err, "Remove kafka.%s.", p->name);
		return false;
	}
	return true;
}

static bool
set(rd_kafka_conf_t *conf, const char *name, const char *value, Error *err)
{
	char errstr[KAFKA_ERRSTR_SIZE];
	bool optional = name[0] == '?';
	rd_kafka_conf_res_t rc =
		rd_kafka_conf_set(conf, name + optional, value, errstr, sizeof(errstr));

	if (rc == RD_KAFKA_CONF_OK || (optional && rc == RD_KAFKA_CONF_UNKNOWN))
		return true;
	err_set(err, ERR_ENVIRONMENT, "librdkafka",
			"librdkafka %s does not take %s=%s: %s", rd_kafka_version_str(),
			name + optional, value, errstr);
	err_hint(err, "Install librdkafka 2.0.2 or later with lz4 support.");
	return false;
}

static bool
set_number(rd_kafka_conf_t *conf, const char *name, int64_t value, Error *err)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	return set(conf, name, text, err);
}

static bool
set_ours(rd_kafka_conf_t *conf, const Config *cfg, Error *err)
{
	/*
	 * kafka_queue.c bounds what is queued, because librdkafka counts neither
	 * keys, headers nor its own overhead, and would never take a record that is
	 * larger than the whole queue.  This is the bound behind that bound.
	 */
	int64_t kbytes = cfg->queue_bytes / 1024 + 1024 * 1024;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (fixed[i].value != NULL &&
			!set(conf, fixed[i].name, fixed[i].value, err))
			return false;
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		if (!set(conf, defaults[i].name, defaults[i].value, err))
			return false;
	/* when we make topics, a look at the metadata must not make them first */
	if (!set(conf, "allow.auto.create.topics",
			 cfg->topic_creation.count > 0 ? "false" : "true", err))
		return false;
	return set_number(conf, "queue.buffering.max.kbytes",
					  kbytes < INT32_MAX ? kbytes : INT32_MAX, err) &&
		   set_number(conf, "queue.buffering.max.messages", 10000000, err);
}

static bool
set_transactions(rd_kafka_conf_t *conf, const Config *cfg, Error *err)
{
	char id[512];

	snprintf(id, sizeof(id), "tuplecast-%s-%s", cfg->topic_prefix,
			 cfg->slot_name);
	return set(conf, "transactional.id", id, err) &&
		   set_number(conf, "transaction.timeout.ms",
					  config_transaction_timeout_ms(cfg), err);
}

bool
kafka_conf_lingers(const Config *cfg)
{
	for (size_t i = 0; i < cfg->kafka.count; i++)
		if (is_word_of(cfg->kafka.items[i].name,
					   "linger.ms|queue.buffering.max.ms"))
			return true;
	return false;
}

static bool
set_user(rd_kafka_conf_t *conf, const Config *cfg, Error *err)
{
	char errstr[KAFKA_ERRSTR_SIZE];

	for (size_t i = 0; i < cfg->kafka.count; i++)
	{
		const ConfigPair *p = &cfg->kafka.items[i];

		if (!check_fixed(p, err))
			return false;
		if (is_word_of(p->name, "dr_cb|dr_msg_cb|transactional.id") ||
			kafka_oauth_takes(p))
			continue;
		if (rd_kafka_conf_set(conf, p->name, p->value, errstr,
							  sizeof(errstr)) != RD_KAFKA_CONF_OK)
			return set_failed(p, errstr, err);
	}
	return true;
}

rd_kafka_conf_t *
kafka_conf_make(const Config *cfg, const char *bootstrap, Error *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	bool transactions = cfg->delivery == DELIVERY_EXACTLY_ONCE;

	if (!kafka_oauth_check(conf, cfg, err) || !set_ours(conf, cfg, err) ||
		(transactions && !set_transactions(conf, cfg, err)) ||
		!set_user(conf, cfg, err) ||
		/* a transaction has an end, and no record may outlast it */
		(transactions &&
		 !set_number(conf, "message.timeout.ms",
					 config_transaction_timeout_ms(cfg), err)) ||
		!set(conf, "bootstrap.servers", bootstrap, err) ||
		!kafka_oauth_prepare(conf, cfg, err))
	{
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR |
									   RD_KAFKA_EVENT_LOG);
	return conf;
}

static bool
is_of_connection(const char *name)
{
	static const char *const prefixes[] = {
		"security.",   "sasl.",		"ssl.",		  "enable.ssl",
		"enable.sasl", "socket.",	"broker.",	  "client.id",
		"client.dns",  "metadata.", "reconnect.", "connections.",
		"api.version", "https.",	"resolve_",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

/* what goes wrong shows in the answers, and the producer says it, too */
static void
no_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void) rk;
	(void) level;
	(void) facility;
	(void) text;
}

rd_kafka_conf_t *
kafka_conf_reader(const Config *cfg, const char *bootstrap, Error *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char errstr[KAFKA_ERRSTR_SIZE];

	rd_kafka_conf_set_log_cb(conf, no_log);
	for (size_t i = 0; i < cfg->kafka.count; i++)
	{
		const ConfigPair *p = &cfg->kafka.items[i];

		if (is_of_connection(p->name) && !kafka_oauth_takes(p) &&
			rd_kafka_conf_set(conf, p->name, p->value, errstr,
							  sizeof(errstr)) != RD_KAFKA_CONF_OK)
		{
			rd_kafka_conf_destroy(conf);
			set_failed(p, errstr, err);
			return NULL;
		}
	}
	if (!set(conf, "client.id", "tuplecast", err) ||
		!set(conf, "socket.nagle.disable", "true", err) ||
		!set(conf, "reconnect.backoff.ms", "100", err) ||
		!set(conf, "fetch.wait.max.ms", "100", err) ||
		!set(conf, "enable.partition.eof", "true", err) ||
		!set(conf, "auto.offset.reset", "error", err) ||
		!set(conf, "allow.auto.create.topics", "false", err) ||
		!set(conf, "bootstrap.servers", bootstrap, err) ||
		!kafka_oauth_prepare(conf, cfg, err))
	{
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	return conf;
}
