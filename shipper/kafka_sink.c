/*
 * kafka_sink.c
 *		Records to Kafka, acknowledgements back.
 */
#include "kafka_sink_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sinks.h"

_Static_assert(sizeof(void *) >= sizeof(uint64_t),
			   "a ticket must fit into librdkafka's opaque pointer");

/* ---- streams --------------------------------------------------------------- */

static SinkStream *
kafka_stream(Sink *s, SinkStream *old, const FrameStream *f, Error *err)
{
	KafkaSink *ks = (KafkaSink *) s;
	StreamCopy copy;
	SinkStream *st = old;
	KafkaTopic *topic = NULL;

	stream_copy_init(&copy, f);
	if (f->topic.len > 0)
	{
		topic = kafka_topics_get(&ks->topics, f->topic.data, f->topic.len,
								 copy.table, err);
		if (topic == NULL)
		{
			stream_copy_free(&copy);
			return NULL;
		}
	}
	if (st != NULL)
		stream_copy_free(&st->copy);
	else
	{
		st = sink_alloc(sizeof(*st));
		st->next = ks->streams;
		ks->streams = st;
	}
	st->copy = copy;
	st->topic = topic;
	return st;
}

/* ---- put ------------------------------------------------------------------- */

/* Whether records can go to the topic now, at this partition if it is >= 0. */
static SinkResult
make_ready(KafkaSink *ks, KafkaTopic *topic, int32_t partition, Error *err)
{
	switch (topic->state)
	{
		case KAFKA_TOPIC_NEW:
			kafka_job_ask(ks, topic);
			return SINK_PENDING;
		case KAFKA_TOPIC_ASKED:
			return SINK_PENDING;
		case KAFKA_TOPIC_REFUSED:
			*err = *topic->refusal;
			/* whoever tries again may find it repaired */
			topic->state = KAFKA_TOPIC_NEW;
			return SINK_ERROR;
		case KAFKA_TOPIC_READY:
			break;
	}
	if (partition < topic->partitions)
	{
		topic->wanted_partition = -1;
		return SINK_OK;
	}
	/* librdkafka 2.0.2 must not be given one that does not exist; ask once */
	if (topic->wanted_partition != partition)
	{
		topic->wanted_partition = partition;
		kafka_job_ask(ks, topic);
		return SINK_PENDING;
	}
	topic->wanted_partition = -1;
	err_set(err, ERR_ENVIRONMENT, "partition_missing",
			"a record is for partition %d of topic \"%s\", which has %d",
			(int) partition, topic->name, (int) topic->partitions);
	err_hint(err, "Add partitions to the topic, or correct what computes the "
				  "partition.");
	return SINK_REFUSED;
}

static SinkResult
refused_by_library(KafkaSink *ks, KafkaTopic *topic, rd_kafka_resp_err_t code,
				   size_t size, Error *err)
{
	switch (code)
	{
		case RD_KAFKA_RESP_ERR__QUEUE_FULL:
			if (ks->queued.records > 0)
				return SINK_FULL;
			err_set(err, ERR_CONFIG, "kafka_queue_too_small",
					"a record of %zu bytes does not fit into the queue", size);
			err_hint(err,
					 "Raise kafka.queue.buffering.max.kbytes and "
					 "kafka.queue.buffering.max.messages, or remove them.");
			return SINK_ERROR;
		case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
		case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
			/* deleted since: as if it had never been asked for */
			kafka_job_ask(ks, topic);
			return SINK_PENDING;
		case RD_KAFKA_RESP_ERR__FATAL:
			if (ks->broken.kind != ERR_NONE)
			{
				*err = ks->broken;
				return SINK_ERROR;
			}
			/* FALLTHROUGH */
		default:
			kafka_error_set(err, code, topic->name, size, NULL);
			return kafka_refusal_is_about_record(code) ? SINK_REFUSED
													   : SINK_ERROR;
	}
}

static SinkResult
find_topic(KafkaSink *ks, const SinkRecord *r, KafkaTopic **topic, Error *err)
{
	const FrameRecord *f = r->frame;

	*topic = r->stream->topic;
	if (f->flags & WIRE_REC_TOPIC)
		*topic = kafka_topics_get(&ks->topics, f->topic.data, f->topic.len,
								  r->stream->copy.table, err);
	else if (*topic == NULL)
		err_set(err, ERR_RESTART, "topic_missing_in_frame",
				"a record of %s came without a topic", r->stream->copy.table);
	if (*topic != NULL)
		return SINK_OK;
	/* a name that the row made */
	return f->flags & WIRE_REC_TOPIC ? SINK_REFUSED : SINK_ERROR;
}

/* Nothing may be put any more. */
static bool
is_spent(const KafkaSink *ks, Error *err)
{
	if (ks->broken.kind != ERR_NONE)
		*err = ks->broken;
	else if (ks->worn.kind != ERR_NONE)
		*err = ks->worn;
	else
		return false;
	return true;
}

static void
flush(KafkaSink *ks)
{
	if (ks->flusher != NULL && kafka_queue_sent(&ks->queued))
		kafka_flusher_ask(ks->flusher);
}

static void
kafka_idle(Sink *s)
{
	KafkaSink *ks = (KafkaSink *) s;

	if (kafka_queue_should_send(&ks->queued))
		flush(ks);
}

static SinkResult
kafka_put(Sink *s, const SinkRecord *r, Error *err)
{
	KafkaSink *ks = (KafkaSink *) s;
	const FrameRecord *f = r->frame;
	KafkaTopic *topic;
	int32_t partition =
		f->flags & WIRE_REC_PARTITION ? f->partition : RD_KAFKA_PARTITION_UA;
	rd_kafka_resp_err_t code;
	size_t payload;
	size_t cost;
	SinkResult rc;

	if (is_spent(ks, err))
		return SINK_ERROR;
	if (kafka_queue_full(&ks->queued))
		return SINK_FULL;
	rc = find_topic(ks, r, &topic, err);
	if (rc == SINK_OK)
		rc = make_ready(ks, topic, partition < 0 ? -1 : partition, err);
	if (rc != SINK_OK)
		return rc;
	if (kafka_refusal_known(topic->name, &r->stream->copy, f, err))
		return SINK_REFUSED;

	code = kafka_message_send(&ks->sender, r, &r->stream->copy, topic->handle,
							  partition, &payload, &cost);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return refused_by_library(ks, topic, code, cost, err);
	kafka_queue_put(&ks->queued, payload, cost);
	return SINK_OK;
}

/* ---- position and transactions --------------------------------------------- */

static void
kafka_recover(Sink *s, bool expected)
{
	kafka_job_submit((KafkaSink *) s, KAFKA_JOB_RECOVER, expected);
}

static SinkResult
kafka_put_position(Sink *s, const void *position, size_t len, Error *err)
{
	KafkaSink *ks = (KafkaSink *) s;

	if (is_spent(ks, err))
		return SINK_ERROR;
	if (rd_kafka_produce(ks->position_topic, 0, RD_KAFKA_MSG_F_COPY,
						 (void *) position, len, ks->position_key,
						 strlen(ks->position_key),
						 (void *) (uintptr_t) SINK_POSITION_TICKET) != 0)
	{
		rd_kafka_resp_err_t code = rd_kafka_last_error();

		if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
			return SINK_FULL;
		kafka_error_set(err, code, ks->position_name, len, NULL);
		return SINK_ERROR;
	}
	len += strlen(ks->position_key);
	kafka_queue_put(&ks->queued, len, len);
	return SINK_OK;
}

static SinkResult
kafka_commit(Sink *s, Error *err)
{
	KafkaSink *ks = (KafkaSink *) s;

	if (is_spent(ks, err))
		return SINK_ERROR;
	/* heartbeats may be under way */
	if (ks->queued.records > 0)
		flush(ks);
	if (ks->busy || ks->queued.records > 0)
		return SINK_PENDING;
	kafka_job_submit(ks, KAFKA_JOB_COMMIT, false);
	return SINK_OK;
}

/* ---- service --------------------------------------------------------------- */

static int
kafka_fd(Sink *s)
{
	return ((KafkaSink *) s)->eventfd;
}

static bool
kafka_service(Sink *s, Error *err)
{
	KafkaSink *ks = (KafkaSink *) s;
	KafkaJob *job;
	uint64_t count;

	/* first the signal, then what it announced: none is lost in between */
	if (read(ks->eventfd, &count, sizeof(count)) < 0 && errno != EAGAIN &&
		errno != EINTR)
		return err_set(err, ERR_RESTART, "eventfd",
					   "could not read an eventfd: %s", strerror(errno));
	kafka_events_take(ks);
	while ((job = kafka_worker_take(ks->worker)) != NULL)
		kafka_job_take(ks, job);
	if (!ks->log.connected && !ks->probing)
		kafka_job_ask(ks, NULL);
	if (ks->broken.kind == ERR_NONE)
		return true;
	*err = ks->broken;
	return false;
}

static void
kafka_gauges(Sink *s, SinkGauges *out)
{
	const KafkaSink *ks = (const KafkaSink *) s;

	out->queued_records = ks->queued.records;
	out->queued_bytes = ks->queued.bytes;
	out->connected = ks->log.connected;
	out->transport_errors = ks->log.transport_errors;
	memcpy(out->last_error, ks->log.last_error, sizeof(out->last_error));
}

const SinkOps kafka_sink_ops = {
	.name = "kafka",
	.open = kafka_sink_open,
	.stream = kafka_stream,
	.put = kafka_put,
	.idle = kafka_idle,
	.fd = kafka_fd,
	.service = kafka_service,
	.gauges = kafka_gauges,
	.recover = kafka_recover,
	.put_position = kafka_put_position,
	.commit = kafka_commit,
	.close = kafka_sink_close,
};
