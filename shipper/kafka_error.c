/*
 * kafka_error.c
 *		What librdkafka and the brokers say, in our words: errors of records and
 *		topics, and the log.
 */
#include "kafka_sink.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

/* Codes that need more than a new attempt; all others are ERR_RETRY. */
static const struct KafkaErrorRow
{
	rd_kafka_resp_err_t code;
	ErrKind kind;
	const char *name;
	const char *hint;
} rows[] = {
	{RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, ERR_ENVIRONMENT,
	 "cluster_not_authorized",
	 "Allow the user that tuplecast logs in as: kafka-acls.sh --add "
	 "--allow-principal User:NAME --operation IdempotentWrite --operation "
	 "Create --cluster (brokers before 2.8 need IdempotentWrite; Create is for "
	 "topics that tuplecast makes)."},
	{RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, ERR_ENVIRONMENT,
	 "transaction_not_authorized",
	 "Allow the user that tuplecast logs in as: kafka-acls.sh --add "
	 "--allow-principal User:NAME --operation Write --operation Describe "
	 "--transactional-id tuplecast- --resource-pattern-type prefixed."},
	{RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, ERR_CONFIG,
	 "transaction_timeout",
	 "kafka.transaction.timeout.ms (60000 unless set, 900000 with "
	 "delivery.align=transaction) must not be more than the brokers' "
	 "transaction.max.timeout.ms: set it, or raise theirs."},
	{RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, ERR_ENVIRONMENT, "topic_invalid",
	 "A topic's name has at most 249 of the characters a-z A-Z 0-9 . _ - and "
	 "may not differ from another topic's only by '.' and '_'. Rename it by "
	 "topic.prefix or a transform."},
	{RD_KAFKA_RESP_ERR_INVALID_RECORD, ERR_ENVIRONMENT, "record_refused",
	 "A topic with cleanup.policy=compact takes no record without a key: give "
	 "the table a primary key or message.key.columns, or the topic another "
	 "policy."},
	{RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, ERR_ENVIRONMENT, "record_refused",
	 "The record's timestamp is outside of what the topic's "
	 "message.timestamp.difference.max.ms (or .before/.after.max.ms) allows."},
	{RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, ERR_ENVIRONMENT,
	 "record_refused",
	 "The topic's message.format.version is older than 0.11: raise it, because "
	 "headers and idempotence need it."},
	{RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE, ERR_ENVIRONMENT,
	 "record_refused", "Choose another kafka.compression.codec."},
	{RD_KAFKA_RESP_ERR_POLICY_VIOLATION, ERR_ENVIRONMENT, "policy_violation",
	 "A policy of the brokers (create.topic.policy.class.name) refuses it; "
	 "create the topic as the policy wants it."},
	{RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, ERR_ENVIRONMENT,
	 "topic_creation_refused",
	 "topic.creation.default.replication.factor is more than there are "
	 "brokers; -1 takes the brokers' default."},
	{RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, ERR_ENVIRONMENT,
	 "topic_creation_refused",
	 "Set topic.creation.default.partitions to a number from 1, or to -1 for "
	 "the brokers' default."},
	{RD_KAFKA_RESP_ERR_INVALID_CONFIG, ERR_ENVIRONMENT,
	 "topic_creation_refused",
	 "The brokers do not take one of topic.creation.default.*: correct or "
	 "remove it."},
	{RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, ERR_ENVIRONMENT, "kafka_too_old",
	 "tuplecast needs brokers from version 0.11."},
	{RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, ERR_ENVIRONMENT, "kafka_too_old",
	 "The brokers are too old for what was asked; with topic.creation.* give "
	 "numbers instead of -1."},
	{RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, ERR_RETRY, "topic_vanished",
	 "It was deleted, or its broker has just started; tuplecast looks for it "
	 "anew."},
	{RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, ERR_RETRY, "topic_vanished",
	 "It was deleted, or its broker has just started; tuplecast looks for it "
	 "anew."},
	{RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, ERR_RETRY, "topic_vanished",
	 "The topic was made anew with fewer partitions; tuplecast looks for it "
	 "anew."},
};

static const struct KafkaErrorRow *
find_row(rd_kafka_resp_err_t code)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].code == code)
			return &rows[i];
	return NULL;
}

bool
kafka_error_is_final(rd_kafka_resp_err_t code)
{
	const struct KafkaErrorRow *row = find_row(code);

	return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
		   (row != NULL && row->kind != ERR_RETRY);
}

static bool
kafka_error_too_large(Error *err, const char *topic, size_t size)
{
	err_set(err, ERR_ENVIRONMENT, "record_too_large",
			"a record of %zu bytes is too large for topic \"%s\"", size, topic);
	err_detail(err, "The broker, the topic or kafka.message.max.bytes allows "
					"less, for a record or for the batch that it came in. "
					"Nothing after it is confirmed.");
	err_hint(err,
			 "Raise max.message.bytes of the topic (kafka-configs.sh "
			 "--alter --entity-type topics --entity-name %.200s --add-config "
			 "max.message.bytes=%zu), or message.max.bytes of the brokers; "
			 "consumers may need max.partition.fetch.bytes. If the record is "
			 "smaller than the limit, set kafka.batch.size below the limit.",
			 topic, size + size / 4 + 4096);
	return false;
}

bool
kafka_error_set(Error *err, rd_kafka_resp_err_t code, const char *topic,
				size_t size, const char *text)
{
	const struct KafkaErrorRow *row = find_row(code);

	if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE && topic != NULL)
		return kafka_error_too_large(err, topic, size);
	if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED && topic != NULL)
	{
		err_set(err, ERR_ENVIRONMENT, "topic_not_authorized",
				"no permission to write to topic \"%s\"", topic);
		err_hint(
			err,
			"Allow the user that tuplecast logs in as: kafka-acls.sh --add "
			"--allow-principal User:NAME --operation Write --operation "
			"Describe --operation Create --topic %.249s (Create: if "
			"tuplecast or the broker shall make it).",
			topic);
		return false;
	}
	err_set(err, row != NULL ? row->kind : ERR_RETRY,
			row != NULL ? row->name : "kafka_error", "Kafka%s%s%s: %s (%s)",
			topic != NULL ? ", topic \"" : "", topic != NULL ? topic : "",
			topic != NULL ? "\"" : "", rd_kafka_err2str(code),
			rd_kafka_err2name(code));
	if (text != NULL && text[0] != '\0' &&
		strcmp(text, rd_kafka_err2str(code)) != 0)
		err_detail(err, "%s", text);
	if (row != NULL)
		err_hint(err, "%s", row->hint);
	return false;
}

/* ---- the log --------------------------------------------------------------- */

static uint32_t
hash_bytes(const char *s, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char) s[i]) * 16777619u;
	return h;
}

/*
 * Whether a line of this source may be logged now, and how many were not.  A
 * source that finds no place takes the oldest one's.
 */
static bool
may_log(KafkaLog *l, uint32_t hash, uint64_t *suppressed)
{
	int64_t now = clock_ms();
	KafkaLogGate *gate = &l->gates[0];

	for (int i = 0; i < KAFKA_LOG_SOURCES; i++)
	{
		if (l->gates[i].hash == hash && l->gates[i].last_ms != 0)
		{
			gate = &l->gates[i];
			break;
		}
		if (l->gates[i].last_ms < gate->last_ms)
			gate = &l->gates[i];
	}
	if (gate->hash == hash && gate->last_ms != 0 &&
		now - gate->last_ms < KAFKA_LOG_EVERY_MS)
	{
		gate->suppressed++;
		return false;
	}
	*suppressed = gate->hash == hash ? gate->suppressed : 0;
	*gate = (KafkaLogGate){.hash = hash, .last_ms = now};
	return true;
}

static bool
is_transport(rd_kafka_resp_err_t code)
{
	switch (code)
	{
		case RD_KAFKA_RESP_ERR__TRANSPORT:
		case RD_KAFKA_RESP_ERR__RESOLVE:
		case RD_KAFKA_RESP_ERR__SSL:
		case RD_KAFKA_RESP_ERR__AUTHENTICATION:
		case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
		case RD_KAFKA_RESP_ERR__TIMED_OUT:
		case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
			return true;
		default:
			return false;
	}
}

static const char *
advice_for(rd_kafka_resp_err_t code)
{
	switch (code)
	{
		case RD_KAFKA_RESP_ERR__RESOLVE:
			return "check kafka.bootstrap.servers and the brokers' "
				   "advertised.listeners; trying again";
		case RD_KAFKA_RESP_ERR__SSL:
			return "check kafka.security.protocol, kafka.ssl.ca.location and "
				   "the certificates; trying again";
		case RD_KAFKA_RESP_ERR__AUTHENTICATION:
		case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
			return "check kafka.sasl.mechanism, kafka.sasl.username and "
				   "kafka.sasl.password; trying again";
		default:
			return "records wait; trying again";
	}
}

void
kafka_log_error(KafkaLog *l, rd_kafka_resp_err_t code, const char *text)
{
	const char *end = strstr(text, ": ");
	size_t n = end != NULL ? (size_t) (end - text) : strlen(text);
	const char *slash = memrchr(text, '/', n);
	uint32_t hash;
	uint64_t suppressed;
	bool refused = code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
				   code == RD_KAFKA_RESP_ERR__SSL ||
				   code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED;

	snprintf(l->last_error, sizeof(l->last_error), "%s", text);
	if (is_transport(code))
	{
		l->connected = false;
		/* what follows from the errors of the single brokers */
		if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
			return;
		l->transport_errors++;
	}
	/* a broker is known as HOST:PORT/bootstrap first, as HOST:PORT/ID later */
	if (slash != NULL && slash > text && slash[-1] != '/')
		n = (size_t) (slash - text);
	hash = hash_bytes(text, n);
	if (!may_log(l, hash, &suppressed))
		return;
	if (is_transport(code))
		log_event(refused ? LOG_ERROR : LOG_WARN, "no connection to a broker",
				  F_STR("error", text),
				  F_STR("advice", kafka_sasl_advice(text, advice_for(code))),
				  F_INT("not_logged", suppressed));
	else
		log_event(LOG_WARN, "Kafka reports an error", F_STR("error", text),
				  F_STR("code", rd_kafka_err2name(code)),
				  F_INT("not_logged", suppressed));
}

void
kafka_log_line(KafkaLog *l, int level, const char *facility, const char *text)
{
	/* syslog's levels; what is informative there is detail here */
	LogLevel ours = level <= 2	 ? LOG_ERROR
					: level <= 4 ? LOG_WARN
					: level == 5 ? LOG_INFO
								 : LOG_DEBUG;
	uint64_t suppressed = 0;

	/* a broker that has just started is asked again for the producer's id */
	if (strcmp(facility, "GETPID") == 0 && strstr(text, "retrying") != NULL)
		ours = LOG_DEBUG;
	/* these come as errors, too */
	if (strcmp(facility, "FAIL") == 0 || strcmp(facility, "ERROR") == 0 ||
		strcmp(facility, "FATAL") == 0 || !log_enabled(ours))
		return;
	if (ours != LOG_DEBUG &&
		!may_log(l, hash_bytes(facility, strlen(facility)), &suppressed))
		return;
	log_event(ours, "librdkafka", F_STR("facility", facility),
			  F_STR("text", text), F_INT("not_logged", suppressed));
}

void
kafka_log_success(KafkaLog *l)
{
	if (l->connected)
		return;
	l->connected = true;
	if (l->transport_errors > 0)
	{
		uint64_t suppressed;

		if (may_log(l, hash_bytes("\1back", 5), &suppressed))
			log_event(LOG_INFO, "Kafka answers again",
					  F_INT("connection_errors", l->transport_errors));
	}
	else
		log_event(LOG_INFO, "connected to Kafka");
}
