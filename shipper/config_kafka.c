/*
 * config_kafka.c
 *		Settings of the producer, and of the signal topic's consumer: librdkafka's
 *		names, and Java's.
 *
 * What would break the delivery guarantee is refused; the sink itself sets
 * acks, idempotence, the partitioner and the message timeout.
 */
#include "config_internal.h"

#include <ctype.h>
#include <inttypes.h>
#include <strings.h>

typedef enum KafkaVerdict
{
	KV_SAME,	/* the same name and meaning in both */
	KV_RENAMED, /* .to is librdkafka's name */
	KV_OPTION,	/* .to is an option of ours */
	KV_IGNORED, /* .why goes into a warning */
	KV_SILENT,	/* means nothing here, and nobody minds */
	KV_NEWER,	/* Java's: as KV_SILENT; newer librdkafkas have it */
	KV_FIXED,	/* only the values of .to, which hold anyway */
	KV_REFUSED,
	KV_JAAS,
	KV_TRUSTSTORE,
	KV_KEYSTORE,
	KV_STORE_TYPE,
	KV_ENDPOINT
} KafkaVerdict;

typedef struct KafkaRule
{
	const char *name;
	KafkaVerdict verdict;
	const char *to;
	const char *why;
} KafkaRule;

static const char not_a_member[] =
	"the topic's one partition is assigned, not shared out in a group";

/* librdkafka's and Java's names alike */
static const KafkaRule rules_both[] = {
	{"acks", KV_FIXED, "all|-1",
	 "a record counts as delivered only when all in-sync replicas have it"},
	{"request.required.acks", KV_FIXED, "all|-1",
	 "a record counts as delivered only when all in-sync replicas have it"},
	{"enable.idempotence", KV_FIXED, "true",
	 "without it, retries could duplicate or reorder records"},
	{"partitioner", KV_FIXED, "murmur2_random",
	 "it places keys where Java's producer places them; another would move them to other partitions"},
	{"transactional.id", KV_REFUSED, NULL,
	 "whether records are sent in transactions is a matter of the option delivery"},
	{"queuing.strategy", KV_FIXED, "fifo",
	 "records of one key must keep their order"},
	{"enable.gapless.guarantee", KV_IGNORED, NULL,
	 "gaps are impossible: a record that fails stops the stream"},
	{"plugin.library.paths", KV_REFUSED, NULL,
	 "no foreign code is loaded into this process"},
};

static const KafkaRule rules_native[] = {
	{"message.timeout.ms", KV_FIXED, "0",
	 "a record is never given up because a broker is away for long"},
	{"delivery.timeout.ms", KV_FIXED, "0",
	 "a record is never given up because a broker is away for long"},
	{"delivery.report.only.error", KV_FIXED, "false",
	 "progress is counted from delivery reports"},
	{"produce.offset.report", KV_IGNORED, NULL, "offsets are not used"},
	{"opaque", KV_REFUSED, NULL, "it is no setting for a person"},
	{"interceptors", KV_REFUSED, NULL, "it is no setting for a person"},
	{"default_topic_conf", KV_REFUSED, NULL, "it is no setting for a person"},
	{"enabled_events", KV_REFUSED, NULL, "the sink handles events itself"},
	{"log.queue", KV_REFUSED, NULL, "the sink handles events itself"},
	{"msg_order_cmp", KV_REFUSED, NULL,
	 "records of one key must keep their order"},
};

/* Java's producer; what is not here does not exist there */
static const KafkaRule rules_java[] = {
	{"bootstrap.servers", KV_SAME, NULL, NULL},
	{"client.id", KV_SAME, NULL, NULL},
	{"compression.type", KV_SAME, NULL, NULL},
	{"linger.ms", KV_SAME, NULL, NULL},
	{"batch.size", KV_SAME, NULL, NULL},
	{"retries", KV_SAME, NULL, NULL},
	{"request.timeout.ms", KV_SAME, NULL, NULL},
	{"max.in.flight.requests.per.connection", KV_SAME, NULL, NULL},
	{"metadata.max.age.ms", KV_SAME, NULL, NULL},
	{"connections.max.idle.ms", KV_SAME, NULL, NULL},
	{"reconnect.backoff.ms", KV_SAME, NULL, NULL},
	{"reconnect.backoff.max.ms", KV_SAME, NULL, NULL},
	{"retry.backoff.ms", KV_SAME, NULL, NULL},
	{"socket.connection.setup.timeout.ms", KV_SAME, NULL, NULL},
	{"transaction.timeout.ms", KV_SAME, NULL, NULL},
	{"security.protocol", KV_SAME, NULL, NULL},
	{"sasl.mechanism", KV_SAME, NULL, NULL},
	{"sasl.kerberos.service.name", KV_SAME, NULL, NULL},
	{"ssl.cipher.suites", KV_SAME, NULL, NULL},
	{"ssl.key.password", KV_SAME, NULL, NULL},
	{"ssl.keystore.password", KV_SAME, NULL, NULL},
	{"buffer.memory", KV_OPTION, "queue.max.bytes", NULL},
	{"max.request.size", KV_RENAMED, "message.max.bytes", NULL},
	{"send.buffer.bytes", KV_RENAMED, "socket.send.buffer.bytes", NULL},
	{"receive.buffer.bytes", KV_RENAMED, "socket.receive.buffer.bytes", NULL},
	{"compression.gzip.level", KV_RENAMED, "compression.level", NULL},
	{"compression.lz4.level", KV_RENAMED, "compression.level", NULL},
	{"compression.zstd.level", KV_RENAMED, "compression.level", NULL},
	{"ssl.truststore.certificates", KV_RENAMED, "ssl.ca.pem", NULL},
	{"ssl.keystore.key", KV_RENAMED, "ssl.key.pem", NULL},
	{"ssl.keystore.certificate.chain", KV_RENAMED, "ssl.certificate.pem", NULL},
	{"sasl.oauthbearer.token.endpoint.url", KV_RENAMED,
	 "sasl.oauthbearer.token.endpoint.url", NULL},
	{"sasl.jaas.config", KV_JAAS, NULL, NULL},
	{"ssl.truststore.location", KV_TRUSTSTORE, "ssl.ca.location", NULL},
	{"ssl.keystore.location", KV_KEYSTORE, "ssl.keystore.location", NULL},
	{"ssl.truststore.type", KV_STORE_TYPE, NULL, NULL},
	{"ssl.keystore.type", KV_STORE_TYPE, NULL, NULL},
	{"ssl.endpoint.identification.algorithm", KV_ENDPOINT, NULL, NULL},
	{"ssl.truststore.password", KV_SILENT, NULL, NULL},
	{"key.serializer", KV_SILENT, NULL, NULL},
	{"value.serializer", KV_SILENT, NULL, NULL},
	{"ssl.protocol", KV_SILENT, NULL, NULL},
	{"ssl.enabled.protocols", KV_SILENT, NULL, NULL},
	{"ssl.provider", KV_SILENT, NULL, NULL},
	{"ssl.secure.random.implementation", KV_SILENT, NULL, NULL},
	{"ssl.keymanager.algorithm", KV_SILENT, NULL, NULL},
	{"ssl.trustmanager.algorithm", KV_SILENT, NULL, NULL},
	{"auto.include.jmx.reporter", KV_SILENT, NULL, NULL},
	{"client.dns.lookup", KV_NEWER, NULL, NULL},
	{"enable.metrics.push", KV_NEWER, NULL, NULL},
	{"metric.reporters", KV_IGNORED, NULL, "metrics are at /metrics"},
	{"metrics.num.samples", KV_SILENT, NULL, NULL},
	{"metrics.recording.level", KV_SILENT, NULL, NULL},
	{"metrics.sample.window.ms", KV_SILENT, NULL, NULL},
	{"metadata.max.idle.ms", KV_SILENT, NULL, NULL},
	{"metadata.recovery.strategy", KV_NEWER, NULL, NULL},
	{"metadata.recovery.rebootstrap.trigger.ms", KV_NEWER, NULL, NULL},
	{"retry.backoff.max.ms", KV_NEWER, NULL, NULL},
	{"socket.connection.setup.timeout.max.ms", KV_SILENT, NULL, NULL},
	{"max.block.ms", KV_IGNORED, NULL,
	 "nothing here blocks: while brokers are away, reading stops and waits"},
	{"delivery.timeout.ms", KV_IGNORED, NULL,
	 "a record is never given up because a broker is away for long"},
	{"partitioner.adaptive.partitioning.enable", KV_SILENT, NULL, NULL},
	{"partitioner.availability.timeout.ms", KV_SILENT, NULL, NULL},
	{"partitioner.class", KV_FIXED,
	 "org.apache.kafka.clients.producer.internals.DefaultPartitioner",
	 "keys are placed as Java's default partitioner places them; classes cannot be loaded here"},
	{"partitioner.ignore.keys", KV_FIXED, "false",
	 "the order of a key's records needs them in one partition"},
	{"interceptor.classes", KV_IGNORED, NULL,
	 "Java classes cannot be loaded here"},
	{"sasl.client.callback.handler.class", KV_REFUSED, NULL,
	 "Java classes cannot be loaded here; set kafka.sasl.* in librdkafka's names"},
	{"sasl.login.callback.handler.class", KV_FIXED,
	 "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler|"
	 "org.apache.kafka.common.security.oauthbearer.secured.OAuthBearerLoginCallbackHandler",
	 "Java classes cannot be loaded here; set kafka.sasl.* in librdkafka's names"},
	{"sasl.login.class", KV_REFUSED, NULL,
	 "Java classes cannot be loaded here; set kafka.sasl.* in librdkafka's names"},
	{"security.providers", KV_REFUSED, NULL,
	 "Java classes cannot be loaded here"},
	{"ssl.engine.factory.class", KV_REFUSED, NULL,
	 "Java classes cannot be loaded here"},
};

/* the consumer of the signal topic, in both spellings; what is not here is as
 * the producer's */
static const KafkaRule rules_consumer[] = {
	{"group.id", KV_OPTION, "signal.kafka.groupId", NULL},
	{"bootstrap.servers", KV_OPTION, "signal.kafka.bootstrap.servers", NULL},
	{"metadata.broker.list", KV_OPTION, "signal.kafka.bootstrap.servers", NULL},
	{"enable.auto.commit", KV_FIXED, "false",
	 "a signal counts as read when what it asks for is stored"},
	{"enable.partition.eof", KV_FIXED, "false",
	 "the end of the topic is no signal"},
	{"auto.offset.reset", KV_SAME, NULL, NULL},
	{"isolation.level", KV_SAME, NULL, NULL},
	{"client.rack", KV_SAME, NULL, NULL},
	{"check.crcs", KV_SAME, NULL, NULL},
	{"fetch.min.bytes", KV_SAME, NULL, NULL},
	{"fetch.max.bytes", KV_SAME, NULL, NULL},
	{"max.partition.fetch.bytes", KV_SAME, NULL, NULL},
	{"fetch.max.wait.ms", KV_RENAMED, "fetch.wait.max.ms", NULL},
	{"key.deserializer", KV_SILENT, NULL, NULL},
	{"value.deserializer", KV_SILENT, NULL, NULL},
	{"exclude.internal.topics", KV_SILENT, NULL, NULL},
	{"default.api.timeout.ms", KV_IGNORED, NULL, "nothing waits for an answer"},
	{"max.poll.records", KV_IGNORED, NULL, "signals are taken as they come"},
	{"max.poll.interval.ms", KV_IGNORED, NULL, not_a_member},
	{"session.timeout.ms", KV_IGNORED, NULL, not_a_member},
	{"heartbeat.interval.ms", KV_IGNORED, NULL, not_a_member},
	{"partition.assignment.strategy", KV_IGNORED, NULL, not_a_member},
	{"group.instance.id", KV_IGNORED, NULL, not_a_member},
	{"group.protocol", KV_IGNORED, NULL, not_a_member},
	{"group.remote.assignor", KV_IGNORED, NULL, not_a_member},
	{"auto.commit.interval.ms", KV_IGNORED, NULL,
	 "how far the topic was read is stored 2 s after a signal was acted on"},
	{"enable.auto.offset.store", KV_IGNORED, NULL,
	 "how far the topic was read is stored 2 s after a signal was acted on"},
	{"allow.auto.create.topics", KV_IGNORED, NULL,
	 "reading does not make the topic"},
};

/* how names of settings begin that only producers have */
static const char *const producers_only[] = {
	"acks",
	"request.required.acks",
	"enable.idempotence",
	"enable.gapless.guarantee",
	"partitioner",
	"transaction",
	"queuing.strategy",
	"message.timeout.ms",
	"message.send.max.retries",
	"delivery.",
	"produce.",
	"compression.",
	"linger.ms",
	"batch.",
	"retries",
	"max.in.flight",
	"max.request.size",
	"max.block.ms",
	"buffer.memory",
	"queue.buffering.",
	"key.serializer",
	"value.serializer",
	"sticky.partitioning.",
};

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const KafkaRule *
find_rule(const KafkaRule *rules, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rules[i].name, name) == 0)
			return &rules[i];
	return NULL;
}

/* A setting, with what is needed to keep it or to complain about it. */
typedef struct Pair
{
	Config *cfg;
	const char *name;
	const char *value;
	const char *origin;
	int rank;
	bool java;
	bool secret;
	Error *err;
	bool consumer; /* of the signal topic; else the producer */
} Pair;

bool
config_kafka_is_secret(const char *name)
{
	static const char *const parts[] = {
		"password",			  "secret",		  ".pem", "jaas", "token.value",
		"oauthbearer.config", "sasl.username"};

	for (size_t i = 0; i < LENGTH(parts); i++)
		if (strstr(name, parts[i]) != NULL)
			return true;
	return false;
}

static bool
keep(const Pair *p, const char *name, const char *value)
{
	Config *cfg = p->cfg;

	config_pairs_set(p->consumer ? &cfg->signal_consumer : &cfg->kafka,
					 p->consumer ? &cfg->state->signal_ranks
								 : &cfg->state->kafka_ranks,
					 name, value, p->origin,
					 p->secret || config_kafka_is_secret(name), p->rank);
	return true;
}

static bool
refuse(const Pair *p, const char *why, const char *hint)
{
	bool hide = p->secret || config_kafka_is_secret(p->name);

	err_set(p->err, ERR_CONFIG, "config_refused",
			"%s%.100s=%.100s cannot be set: %s",
			p->consumer ? CONFIG_SIGNAL_CONSUMER : "kafka.", p->name,
			hide ? "********" : p->value, why);
	err_detail(p->err, "It comes from %s.", p->origin);
	err_hint(p->err, "%s", hint);
	return false;
}

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s);
	size_t m = strlen(end);

	return n >= m && strcasecmp(s + n - m, end) == 0;
}

/* The value of name="…" in a JAAS line; the caller frees it. */
static char *
jaas_option(const char *jaas, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = strstr(jaas, name); p != NULL; p = strstr(p + 1, name))
	{
		const char *v = p + n;
		char *out;
		char *to;
		char quote;

		if (p == jaas || !isspace((unsigned char) p[-1]))
			continue;
		v += strspn(v, " \t\r\n");
		if (*v != '=')
			continue;
		v++;
		v += strspn(v, " \t\r\n");
		quote = *v == '"' || *v == '\'' ? *v++ : '\0';
		out = to = config_alloc(NULL, strlen(v) + 1);
		while (
			*v != '\0' &&
			(quote ? *v != quote : !isspace((unsigned char) *v) && *v != ';'))
		{
			if (*v == '\\' && v[1] != '\0')
				v++;
			*to++ = *v++;
		}
		*to = '\0';
		if (!quote || *v == quote)
			return out;
		free(out);
	}
	return NULL;
}

/* A token from a file needs nothing of the line; from a server, the client's
 * id and secret. */
static bool
take_bearer(const Pair *p)
{
	char *id = jaas_option(p->value, "clientId");
	char *secret = jaas_option(p->value, "clientSecret");

	if (id != NULL && secret != NULL)
	{
		keep(p, "sasl.oauthbearer.method", "oidc");
		keep(p, "sasl.oauthbearer.client.id", id);
		keep(p, "sasl.oauthbearer.client.secret", secret);
	}
	free(id);
	free(secret);
	return true;
}

static bool
take_jaas(const Pair *p)
{
	static const char hint[] =
		"Understood are PlainLoginModule and ScramLoginModule with "
		"username=\"…\" and password=\"…\", and OAuthBearerLoginModule. For "
		"others, set kafka.sasl.* in "
		"librdkafka's names.";
	bool plain = strstr(p->value, "security.plain.PlainLoginModule") != NULL;
	bool scram = strstr(p->value, "security.scram.ScramLoginModule") != NULL;
	bool bearer = strstr(p->value, "OAuthBearerLoginModule") != NULL;
	char *user;
	char *password;
	bool ok;

	if (bearer)
		return take_bearer(p);
	if (!plain && !scram)
		return refuse(p, "its login module exists only in Java", hint);
	user = jaas_option(p->value, "username");
	password = jaas_option(p->value, "password");
	ok = user != NULL && password != NULL;
	if (ok)
	{
		keep(p, "sasl.username", user);
		keep(p, "sasl.password", password);
	}
	free(user);
	free(password);
	return ok || refuse(p, "it has no username and password", hint);
}

static bool
take_store(const Pair *p, const char *to)
{
	bool trust = strcmp(to, "ssl.ca.location") == 0;

	if (ends_with(p->value, ".jks") || ends_with(p->value, ".bcfks"))
		return refuse(p, "a Java key store cannot be read here",
					  trust
						  ? "Export the certificates: keytool -exportcert -rfc "
							"-keystore FILE -alias NAME > ca.pem, and set "
							"kafka.ssl.ca.location=ca.pem."
						  : "Convert it: keytool -importkeystore "
							"-srckeystore FILE -destkeystore key.p12 "
							"-deststoretype PKCS12, and set "
							"kafka.ssl.keystore.location=key.p12.");
	if (trust && (ends_with(p->value, ".p12") || ends_with(p->value, ".pfx")))
		return refuse(p, "certificates to trust are read from PEM files here",
					  "Export them: openssl pkcs12 -in FILE -nokeys > ca.pem, "
					  "and set kafka.ssl.ca.location=ca.pem.");
	if (!trust && ends_with(p->value, ".pem"))
	{
		keep(p, "ssl.key.location", p->value);
		return keep(p, "ssl.certificate.location", p->value);
	}
	return keep(p, to, p->value);
}

static bool
take_rule(const Pair *p, const KafkaRule *rule)
{
	switch (rule->verdict)
	{
		case KV_SAME:
			return keep(p, p->name, p->value);
		case KV_RENAMED:
			return keep(p, rule->to, p->value);
		case KV_OPTION:
			return config_set_name(p->cfg, rule->to, p->value, p->origin,
								   p->rank, p->err);
		case KV_IGNORED:
			config_warn(p->cfg, "%s%s (%s) has no effect: %s",
						p->consumer ? CONFIG_SIGNAL_CONSUMER : "", p->name,
						p->origin, rule->why);
			return true;
		case KV_SILENT:
			return true;
		case KV_NEWER:
			return p->java || keep(p, p->name, p->value);
		case KV_FIXED:
			if (config_word_find(rule->to, p->value, NULL, NULL))
				return true;
			return refuse(p, rule->why, "Remove it.");
		case KV_REFUSED:
			return refuse(p, rule->why, "Remove it.");
		case KV_JAAS:
			return take_jaas(p);
		case KV_TRUSTSTORE:
		case KV_KEYSTORE:
			return take_store(p, rule->to);
		case KV_STORE_TYPE:
			if (config_word_find("PEM|PKCS12", p->value, NULL, NULL))
				return true;
			return refuse(p, "a Java key store cannot be read here",
						  "Convert the store to PEM or PKCS12.");
		case KV_ENDPOINT:
			return keep(p, p->name, p->value[0] == '\0' ? "none" : p->value);
	}
	return true;
}

/* A Java name without a rule: refused by name, with the nearest that has one. */
static bool
refuse_unknown(const Pair *p)
{
	Nearest n = {.wanted = p->name};
	const char *near;
	char hint[300];

	for (size_t i = 0; i < LENGTH(rules_java); i++)
		config_nearest_offer(&n, rules_java[i].name);
	for (size_t i = 0; p->consumer && i < LENGTH(rules_consumer); i++)
		config_nearest_offer(&n, rules_consumer[i].name);
	near = config_nearest_result(&n);
	snprintf(hint, sizeof(hint),
			 "%s%s%sRemove it, or set it in librdkafka's name%s.",
			 near != NULL ? "Did you mean " : "", near != NULL ? near : "",
			 near != NULL ? "? " : "",
			 p->consumer ? " in a native file" : " after \"kafka.\"");
	return refuse(
		p,
		p->consumer ? "it is no setting of Kafka's consumer that is known here"
					: "it is no setting of Kafka's producer that is known here",
		hint);
}

/* A few numbers that librdkafka would take and that break the order. */
static bool
check_numbers(const Pair *p)
{
	int64_t n;

	if (!config_parse_int(p->value, &n))
		return true;
	if (n > 5 &&
		(strcmp(p->name, "max.in.flight.requests.per.connection") == 0 ||
		 strcmp(p->name, "max.in.flight") == 0))
		return refuse(p, "idempotence allows at most 5", "Remove it.");
	if (n == 0 && (strcmp(p->name, "retries") == 0 ||
				   strcmp(p->name, "message.send.max.retries") == 0))
		return refuse(p, "without retries a lost connection loses records",
					  "Remove it.");
	return true;
}

bool
config_kafka_set(Config *cfg, const char *name, const char *value,
				 const char *origin, int rank, bool java, bool secret,
				 Error *err)
{
	Pair p = {cfg, name, value, origin, rank, java, secret, err, false};
	const KafkaRule *rule = find_rule(rules_both, LENGTH(rules_both), name);

	if (strcmp(name, "bootstrap.servers") == 0)
		return config_set_name(cfg, "kafka.bootstrap.servers", value, origin,
							   rank, err);
	if (name[0] == '\0')
		return refuse(&p, "a name is missing after the dot", "Remove it.");
	if (!check_numbers(&p))
		return false;
	if (rule == NULL && !java)
		rule = find_rule(rules_native, LENGTH(rules_native), name);
	if (rule == NULL)
		rule = find_rule(rules_java, LENGTH(rules_java), name);
	if (rule != NULL)
		return take_rule(&p, rule);
	if (java)
		return refuse_unknown(&p);
	if (ends_with(name, "_cb"))
		return refuse(&p, "the sink handles callbacks itself", "Remove it.");
	return keep(&p, name, value);
}

/* ---- the consumer of the signal topic ---- */

bool
config_is_signal_consumer(const char *name)
{
	return strncmp(name, CONFIG_SIGNAL_CONSUMER,
				   strlen(CONFIG_SIGNAL_CONSUMER)) == 0;
}

static bool
is_producers_only(const char *name)
{
	for (size_t i = 0; i < LENGTH(producers_only); i++)
		if (strncmp(name, producers_only[i], strlen(producers_only[i])) == 0)
			return true;
	return false;
}

bool
config_signal_consumer_set(Config *cfg, const char *name, const char *value,
						   const char *origin, int rank, bool java, bool secret,
						   Error *err)
{
	Pair p = {cfg,	  name + strlen(CONFIG_SIGNAL_CONSUMER),
			  value,  origin,
			  rank,	  java,
			  secret, err,
			  true};
	const KafkaRule *rule =
		find_rule(rules_consumer, LENGTH(rules_consumer), p.name);

	if (p.name[0] == '\0')
		return refuse(&p, "a name is missing after the dot", "Remove it.");
	if (rule == NULL && is_producers_only(p.name))
		return refuse(&p, "it is a setting of a producer, and signals are read",
					  "Remove it.");
	if (strcmp(p.name, "sasl.oauthbearer.token.endpoint.url") == 0 &&
		strncasecmp(value, "file:", 5) == 0)
		return refuse(&p, "a process reads its token from one file",
					  "Set kafka.sasl.oauthbearer.token.endpoint.url.");
	if (rule == NULL)
		rule = find_rule(rules_both, LENGTH(rules_both), p.name);
	if (rule == NULL && !java)
		rule = find_rule(rules_native, LENGTH(rules_native), p.name);
	if (rule == NULL)
		rule = find_rule(rules_java, LENGTH(rules_java), p.name);
	if (rule != NULL)
		return take_rule(&p, rule);
	if (java)
		return refuse_unknown(&p);
	if (ends_with(p.name, "_cb"))
		return refuse(&p, "callbacks are no settings", "Remove it.");
	return keep(&p, p.name, value);
}
