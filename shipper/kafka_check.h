/*
 * kafka_check.h
 *		Between the two files of `tuplecast check` that ask the brokers.
 */
#ifndef TUPLECAST_KAFKA_CHECK_H
#define TUPLECAST_KAFKA_CHECK_H

#include "check.h"
#include "kafka_sink.h"

typedef struct TopicState
{
	const CheckTable *table;
	bool exists;
	int replicas;
	/* "" or 0: the brokers do not say */
	char cleanup[64];
	int min_insync;
	int64_t max_bytes;
} TopicState;

typedef struct KafkaCheck
{
	Check *check;
	Findings *findings;
	const Config *cfg;
	rd_kafka_t *rk;
	rd_kafka_queue_t *events;
	int64_t batch_size;
	int brokers;
	int32_t broker_id;
	TopicState *topics;
	size_t ntopics;
	size_t nmissing;
	/* of the broker; "": it does not say */
	char auto_create[8];
	char message_max[24];
	char partitions[24];
	char replication[24];
	char txn_timeout[24];
	char txn_replication[24];
	/* of the position topic */
	char position_cleanup[64];
	/* why the brokers do not say */
	char config_error[256];
} KafkaCheck;

/* Fills what the brokers tell of themselves and of the topics that exist; a user
 * without DESCRIBE_CONFIGS is told so, and nothing else changes. */
extern void kafka_check_describe(KafkaCheck *k);
/* The full list leaves out what we may not describe: a topic by its name. */
extern rd_kafka_resp_err_t kafka_check_look(KafkaCheck *k, const char *topic,
											int timeout_ms);
/* Asks the controller whether it would make the topics that are missing, without
 * making them. */
extern bool kafka_check_validate(KafkaCheck *k, const KafkaCreation *creation,
								 Error *err) MUST_CHECK;

/* What one topic's configuration says of cleanup.policy, into cleanup. */
extern void kafka_check_describe_topic(KafkaCheck *k, const char *topic);

/* ---- kafka_check_rights.c ---- */
/* What the position topic needs; partitions: 0: it is missing, -1: it may not
 * be seen.  false: a right is missing, and told. */
extern bool kafka_check_topic_rights(KafkaCheck *k, const char *topic,
									 int partitions);
/* Only where nobody uses the id: whoever does would be fenced.  false: told. */
extern bool kafka_check_transaction_rights(KafkaCheck *k);

/* ---- kafka_check_position.c ---- */
extern void kafka_check_position(KafkaCheck *k);

#endif /* TUPLECAST_KAFKA_CHECK_H */
