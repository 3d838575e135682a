/*
 * kafka_check_position.c
 *		What `tuplecast check` asks of the position topic and of transactions.
 */
#include <stdlib.h>
#include <string.h>

#include "kafka_check.h"

#define LOOK_MS 10000


/* Its partitions; 0: it does not exist, -1: it may not be seen, -2: told. */
static int
partitions_of(KafkaCheck *k, const char *topic)
{
	const struct rd_kafka_metadata *md = NULL;
	rd_kafka_topic_t *handle = rd_kafka_topic_new(k->rk, topic, NULL);
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__BAD_MSG;
	int partitions = 0;
	Error err;

	if (handle != NULL)
	{
		code = rd_kafka_metadata(k->rk, 0, handle, &md, LOOK_MS);
		rd_kafka_topic_destroy(handle);
	}
	if (code == 0 && md->topic_cnt == 1)
	{
		code = md->topics[0].err;
		partitions = md->topics[0].partition_cnt;
	}
	if (md != NULL)
		rd_kafka_metadata_destroy(md);
	if (code == 0 || code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		return code == 0 ? partitions : 0;
	if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
		return -1;
	kafka_error_set(&err, code, topic, 0, NULL);
	findings_error(k->findings, FIND_position_topic, &err);
	return -2;
}

static void
judge_topic(KafkaCheck *k, const char *topic)
{
	int partitions = partitions_of(k, topic);
	char repair[768];

	if (partitions > 0)
		kafka_check_describe_topic(k, topic);
	if (partitions == -2 || !kafka_check_topic_rights(k, topic, partitions))
		return;
	if (partitions == 0)
		findings_ok(k->findings, FIND_position_topic,
					"\"%s\" does not exist yet: run may make it (and needs "
					"Read, Write and Describe on it then)",
					topic);
	else if (partitions > 1)
		findings_bad(k->findings, FIND_position_topic,
					 "Name another topic with position.topic, or delete this "
					 "one if it holds nothing yet.",
					 "\"%s\" has %d partitions, it must have one", topic,
					 partitions);
	else if (partitions == 1 && k->position_cleanup[0] != '\0' &&
			 strcmp(k->position_cleanup, "compact") != 0)
	{
		snprintf(repair, sizeof(repair),
				 "kafka-configs.sh --bootstrap-server %.200s --alter "
				 "--entity-type topics --entity-name %.249s --add-config "
				 "cleanup.policy=compact",
				 k->cfg->kafka_bootstrap, topic);
		findings_bad(k->findings, FIND_position_topic, repair,
					 "cleanup.policy of \"%s\" is \"%s\": the position would "
					 "be deleted with time",
					 topic, k->position_cleanup);
	}
	else if (partitions == 1)
		findings_ok(k->findings, FIND_position_topic, "\"%s\"%s", topic,
					k->position_cleanup[0] != '\0'
						? ", one partition, compacted"
						: ", one partition (the brokers do not tell its "
						  "cleanup.policy)");
}

static void
judge_transactions(KafkaCheck *k)
{
	int64_t ours = config_transaction_timeout_ms(k->cfg);
	int64_t most = strtoll(k->txn_timeout, NULL, 10);
	int64_t replicas = strtoll(k->txn_replication, NULL, 10);

	if (k->cfg->delivery != DELIVERY_EXACTLY_ONCE)
		findings_ok(k->findings, FIND_kafka_transactions,
					"not used (delivery=at-least-once)");
	else if (most > 0 && ours > most)
		findings_bad(k->findings, FIND_kafka_transactions,
					 "Lower kafka.transaction.timeout.ms, or raise "
					 "transaction.max.timeout.ms of the brokers.",
					 "kafka.transaction.timeout.ms=%lld is more than the "
					 "brokers' transaction.max.timeout.ms=%lld",
					 (long long) ours, (long long) most);
	else if (replicas > k->brokers)
		findings_add(k->findings, FIND_kafka_transactions, FINDING_WARN,
					 "transaction.state.log.replication.factor=1 and "
					 "transaction.state.log.min.isr=1 at the broker, before "
					 "the first transaction.",
					 "transaction.state.log.replication.factor is %lld, and "
					 "there are %d brokers: unless the topic of transactions "
					 "exists already, none can begin",
					 (long long) replicas, k->brokers);
	else if (k->check->slot_active)
		findings_ok(k->findings, FIND_kafka_transactions,
					"transactional.id is tuplecast-%s-%s (whether Write and "
					"Describe on it are allowed was not tried: the slot is in "
					"use, and that would stop whoever uses it)",
					k->cfg->topic_prefix, k->cfg->slot_name);
	else if (kafka_check_transaction_rights(k))
		findings_ok(k->findings, FIND_kafka_transactions,
					"transactional.id is tuplecast-%s-%s", k->cfg->topic_prefix,
					k->cfg->slot_name);
}

void
kafka_check_position(KafkaCheck *k)
{
	char *topic = kafka_place_topic(k->cfg);

	judge_topic(k, topic);
	if (k->txn_timeout[0] == '\0' && k->cfg->delivery == DELIVERY_EXACTLY_ONCE)
		kafka_check_describe_topic(k, topic);
	judge_transactions(k);
	k->config_error[0] = '\0';
	free(topic);
}
