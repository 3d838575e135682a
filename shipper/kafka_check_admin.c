/*
 * kafka_check_admin.c
 *		The questions of `tuplecast check` to the brokers: configurations, single
 *		topics, and whether topics would be made.
 */
#include <stdlib.h>
#include <string.h>

#include "kafka_check.h"
#include "kafka_request.h"

#define ADMIN_MS 10000

typedef const rd_kafka_ConfigEntry_t *Entry;


/* ---- configurations -------------------------------------------------------- */

static void
copy_value(char *out, size_t size, Entry e)
{
	const char *value = rd_kafka_ConfigEntry_value(e);

	snprintf(out, size, "%s", value != NULL ? value : "");
}

static void
take_broker_entry(KafkaCheck *k, const char *name, Entry e)
{
	if (strcmp(name, "auto.create.topics.enable") == 0)
		copy_value(k->auto_create, sizeof(k->auto_create), e);
	else if (strcmp(name, "message.max.bytes") == 0)
		copy_value(k->message_max, sizeof(k->message_max), e);
	else if (strcmp(name, "num.partitions") == 0)
		copy_value(k->partitions, sizeof(k->partitions), e);
	else if (strcmp(name, "default.replication.factor") == 0)
		copy_value(k->replication, sizeof(k->replication), e);
	else if (strcmp(name, "transaction.max.timeout.ms") == 0)
		copy_value(k->txn_timeout, sizeof(k->txn_timeout), e);
	else if (strcmp(name, "transaction.state.log.replication.factor") == 0)
		copy_value(k->txn_replication, sizeof(k->txn_replication), e);
}

static void
take_topic_entry(TopicState *t, const char *name, Entry e)
{
	char value[24];

	copy_value(value, sizeof(value), e);
	if (strcmp(name, "cleanup.policy") == 0)
		copy_value(t->cleanup, sizeof(t->cleanup), e);
	else if (strcmp(name, "min.insync.replicas") == 0)
		t->min_insync = (int) strtol(value, NULL, 10);
	else if (strcmp(name, "max.message.bytes") == 0)
		t->max_bytes = strtoll(value, NULL, 10);
}

static TopicState *
state_of(KafkaCheck *k, const char *topic)
{
	for (size_t i = 0; i < k->ntopics; i++)
		if (strcmp(k->topics[i].table->topic, topic) == 0)
			return &k->topics[i];
	return NULL;
}

static void
take_resource(KafkaCheck *k, const rd_kafka_ConfigResource_t *r)
{
	bool broker = rd_kafka_ConfigResource_type(r) == RD_KAFKA_RESOURCE_BROKER;
	TopicState *t = state_of(k, rd_kafka_ConfigResource_name(r));
	const char *words = rd_kafka_ConfigResource_error_string(r);
	size_t n = 0;
	const rd_kafka_ConfigEntry_t **entries;

	if (rd_kafka_ConfigResource_error(r) != 0)
	{
		snprintf(k->config_error, sizeof(k->config_error), "%s",
				 words != NULL
					 ? words
					 : rd_kafka_err2str(rd_kafka_ConfigResource_error(r)));
		return;
	}
	entries = rd_kafka_ConfigResource_configs(r, &n);
	for (size_t i = 0; i < n; i++)
	{
		const char *name = rd_kafka_ConfigEntry_name(entries[i]);

		if (broker)
			take_broker_entry(k, name, entries[i]);
		else if (t != NULL)
			take_topic_entry(t, name, entries[i]);
		else if (strcmp(name, "cleanup.policy") == 0)
			copy_value(k->position_cleanup, sizeof(k->position_cleanup),
					   entries[i]);
	}
}

static void
ask_configs(KafkaCheck *k, rd_kafka_ConfigResource_t **resources, size_t n)
{
	KafkaRequest r;
	const rd_kafka_DescribeConfigs_result_t *result = NULL;
	const rd_kafka_ConfigResource_t **answers;
	size_t count = 0;

	kafka_request_begin(&r, k->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, ADMIN_MS);
	rd_kafka_DescribeConfigs(k->rk, resources, n, r.options, r.queue);
	kafka_request_wait(&r);
	if (r.answer != NULL)
		result = rd_kafka_event_DescribeConfigs_result(r.answer);
	if (result == NULL || rd_kafka_event_error(r.answer) != 0)
		snprintf(k->config_error, sizeof(k->config_error), "%s",
				 result != NULL ? rd_kafka_event_error_string(r.answer)
								: "no answer");
	else
	{
		answers = rd_kafka_DescribeConfigs_result_resources(result, &count);
		for (size_t i = 0; i < count; i++)
			take_resource(k, answers[i]);
	}
	kafka_request_end(&r);
}

void
kafka_check_describe(KafkaCheck *k)
{
	rd_kafka_ConfigResource_t **resources =
		sink_alloc((k->ntopics + 1) * sizeof(*resources));
	size_t n = 0;
	char id[16];

	snprintf(id, sizeof(id), "%d", (int) k->broker_id);
	resources[n++] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, id);
	for (size_t i = 0; i < k->ntopics; i++)
		if (k->topics[i].exists)
			resources[n++] = rd_kafka_ConfigResource_new(
				RD_KAFKA_RESOURCE_TOPIC, k->topics[i].table->topic);
	ask_configs(k, resources, n);
	rd_kafka_ConfigResource_destroy_array(resources, n);
	free(resources);
}

void
kafka_check_describe_topic(KafkaCheck *k, const char *topic)
{
	rd_kafka_ConfigResource_t *resources[2];
	char id[16];

	snprintf(id, sizeof(id), "%d", (int) k->broker_id);
	resources[0] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, id);
	resources[1] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
	ask_configs(k, resources, 2);
	rd_kafka_ConfigResource_destroy_array(resources, 2);
}

/* ---- topics that are missing ----------------------------------------------- */

rd_kafka_resp_err_t
kafka_check_look(KafkaCheck *k, const char *topic, int timeout_ms)
{
	const struct rd_kafka_metadata *md = NULL;
	rd_kafka_topic_t *handle = rd_kafka_topic_new(k->rk, topic, NULL);
	rd_kafka_resp_err_t code;

	if (handle == NULL)
		return rd_kafka_last_error();
	code = rd_kafka_metadata(k->rk, 0, handle, &md, timeout_ms);
	if (code == 0 && md->topic_cnt == 1)
		code = md->topics[0].err;
	if (md != NULL)
		rd_kafka_metadata_destroy(md);
	rd_kafka_topic_destroy(handle);
	return code;
}

static rd_kafka_NewTopic_t *
new_topic(const KafkaCreation *creation, const char *name)
{
	char errstr[KAFKA_ERRSTR_SIZE];
	rd_kafka_NewTopic_t *nt =
		rd_kafka_NewTopic_new(name, creation->partitions, creation->replication,
							  errstr, sizeof(errstr));

	for (size_t i = 0; nt != NULL && i < creation->nconfigs; i++)
		rd_kafka_NewTopic_set_config(nt, creation->configs[i].name,
									 creation->configs[i].value);
	return nt;
}

/* The first refusal among the answers, as err; false if there is one. */
static bool
read_validation(rd_kafka_event_t *ev, Error *err)
{
	const rd_kafka_CreateTopics_result_t *result =
		ev != NULL ? rd_kafka_event_CreateTopics_result(ev) : NULL;
	const rd_kafka_topic_result_t **answers;
	size_t n = 0;

	if (result == NULL)
		return kafka_error_set(err, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, 0,
							   NULL);
	if (rd_kafka_event_error(ev) != 0)
		return kafka_error_set(err, rd_kafka_event_error(ev), NULL, 0,
							   rd_kafka_event_error_string(ev));
	answers = rd_kafka_CreateTopics_result_topics(result, &n);
	for (size_t i = 0; i < n; i++)
	{
		rd_kafka_resp_err_t code = rd_kafka_topic_result_error(answers[i]);

		if (code != 0 && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
			return kafka_error_set(
				err, code, rd_kafka_topic_result_name(answers[i]), 0,
				rd_kafka_topic_result_error_string(answers[i]));
	}
	return true;
}

bool
kafka_check_validate(KafkaCheck *k, const KafkaCreation *creation, Error *err)
{
	char errstr[KAFKA_ERRSTR_SIZE];
	rd_kafka_NewTopic_t **topics =
		sink_alloc((k->nmissing + 1) * sizeof(*topics));
	KafkaRequest r;
	size_t n = 0;
	bool ok;

	for (size_t i = 0; i < k->ntopics; i++)
		if (!k->topics[i].exists)
		{
			topics[n] = new_topic(creation, k->topics[i].table->topic);
			n += topics[n] != NULL;
		}
	kafka_request_begin(&r, k->rk, RD_KAFKA_ADMIN_OP_CREATETOPICS, ADMIN_MS);
	ok = n > 0 && rd_kafka_AdminOptions_set_validate_only(r.options, 1, errstr,
														  sizeof(errstr)) == 0;
	if (ok)
	{
		rd_kafka_CreateTopics(k->rk, topics, n, r.options, r.queue);
		kafka_request_wait(&r);
		ok = read_validation(r.answer, err);
	}
	else
		err_set(err, ERR_CONFIG, "topic_creation",
				"topic.creation.* is not what librdkafka takes");
	rd_kafka_NewTopic_destroy_array(topics, n);
	free(topics);
	kafka_request_end(&r);
	return ok;
}
