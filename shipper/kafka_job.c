/*
 * kafka_job.c
 *		Jobs for the worker, and what comes of them: topics, recovery, commits.
 */
#include "kafka_sink_internal.h"

#include <string.h>

#include "log.h"

#define SLOW_COMMIT_MS 1000

void
kafka_job_ask(KafkaSink *ks, KafkaTopic *topic)
{
	KafkaJob *job = sink_alloc(sizeof(*job));

	job->topic = topic;
	job->wanted_partition = -1;
	if (topic != NULL)
	{
		job->handle = topic->handle;
		job->name = sink_strndup(topic->name, topic->name_len);
		job->table = sink_strndup(topic->table, strlen(topic->table));
		job->wanted_partition = topic->wanted_partition;
		topic->state = KAFKA_TOPIC_ASKED;
	}
	else
	{
		job->handle = kafka_topics_any(&ks->topics);
		ks->probing = true;
	}
	kafka_worker_submit(ks->worker, job);
}

void
kafka_job_submit(KafkaSink *ks, KafkaJobKind kind, bool expected)
{
	KafkaJob *job = sink_alloc(sizeof(*job));

	job->kind = kind;
	job->expected = expected;
	ks->busy = true;
	ks->errors_before = ks->log.transport_errors;
	kafka_worker_submit(ks->worker, job);
}

static void
take_recovery(KafkaSink *ks, KafkaJob *job)
{
	SinkRecovered r = {.position = job->position,
					   .len = job->position_len,
					   .used = job->used,
					   .tables = job->tables,
					   .tables_len = job->tables_len,
					   .where = ks->position_name};

	ks->busy = false;
	if (job->ok && ks->position_topic == NULL)
	{
		ks->position_topic =
			rd_kafka_topic_new(ks->rk, ks->position_name, NULL);
		if (ks->position_topic == NULL)
		{
			job->ok = false;
			kafka_error_set(&job->err, rd_kafka_last_error(), ks->position_name,
							0, NULL);
		}
	}
	if (job->ok)
	{
		kafka_log_success(&ks->log);
		ks->base.events.recovered(ks->base.events.arg, &r);
	}
	else if (ks->broken.kind == ERR_NONE)
		ks->broken = job->err;
}

/*
 * librdkafka repeats a request for the end of a transaction that got no answer.
 * Without KIP-890 one that comes late could end the next transaction; a new
 * client has another epoch, under which it counts for nothing.
 */
static void
take_commit(KafkaSink *ks, KafkaJob *job)
{
	ks->busy = false;
	if (job->ok)
		ks->base.events.committed(ks->base.events.arg);
	if (ks->broken.kind != ERR_NONE)
		return;
	if (job->err.kind != ERR_NONE)
		ks->broken = job->err;
	else if (job->took_ms > SLOW_COMMIT_MS ||
			 ks->log.transport_errors != ks->errors_before)
	{
		err_set(&ks->worn, ERR_RETRY, "kafka_commit_slow",
				"a commit took %lld ms, or a connection broke during it: the "
				"Kafka client is made anew",
				(long long) job->took_ms);
		err_detail(&ks->worn,
				   "It was committed. Its request may have been sent twice, "
				   "and the second must not meet the next transaction.");
	}
}

void
kafka_job_take(KafkaSink *ks, KafkaJob *job)
{
	KafkaTopic *topic = job->topic;

	if (job->kind == KAFKA_JOB_RECOVER)
		take_recovery(ks, job);
	else if (job->kind == KAFKA_JOB_COMMIT)
		take_commit(ks, job);
	if (job->kind != KAFKA_JOB_TOPIC)
	{
		kafka_job_free(job);
		return;
	}
	/* done, well or not, means that a broker answered */
	kafka_log_success(&ks->log);
	if (topic == NULL)
		ks->probing = false;
	else if (job->ok)
	{
		kafka_queue_partitions(&ks->queued,
							   job->partitions - topic->partitions);
		topic->state = KAFKA_TOPIC_READY;
		topic->partitions = job->partitions;
		log_event(LOG_DEBUG, "topic is ready", F_STR("topic", topic->name),
				  F_INT("partitions", topic->partitions));
	}
	else
	{
		topic->state = KAFKA_TOPIC_REFUSED;
		if (topic->refusal == NULL)
			topic->refusal = sink_alloc(sizeof(Error));
		*topic->refusal = job->err;
	}
	kafka_job_free(job);
}
