/*
 * kafka_sink_internal.h
 *		The sink's state: of kafka_sink.c and what it consists of.
 */
#ifndef TUPLECAST_KAFKA_SINK_INTERNAL_H
#define TUPLECAST_KAFKA_SINK_INTERNAL_H

#include "kafka_sink.h"

struct SinkStream
{
	StreamCopy copy;
	KafkaTopic *topic; /* NULL: its records bring their own */
	SinkStream *next;
};

typedef struct KafkaSink
{
	Sink base;
	const Config *cfg;
	int64_t batch_bytes;
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;
	KafkaWorker *worker;
	KafkaFlusher *flusher; /* NULL: the user's linger.ms decides alone */
	KafkaTopics topics;
	KafkaLog log;
	SinkStream *streams;
	KafkaSender sender;
	int eventfd;
	bool probing; /* a job asks whether a broker is there */
	bool busy;	  /* with a recovery or a commit */
	uint64_t errors_before;
	rd_kafka_topic_t *position_topic;
	char *position_name;
	char *position_key;
	KafkaQueue queued;
	Error broken; /* ERR_NONE while the client is good */
	Error worn;	  /* the same, but it may still report */
} KafkaSink;

/* ---- kafka_open.c ---- */
extern Sink *kafka_sink_open(const Config *cfg, SinkEvents events, Error *err);
extern void kafka_sink_close(Sink *s);

/* ---- kafka_job.c ---- */
/* Whether the topic is there and how many partitions it has; with NULL, whether
 * a broker is. */
extern void kafka_job_ask(KafkaSink *ks, KafkaTopic *topic);
/* A recovery or a commit.  expected: the recovery will find a position. */
extern void kafka_job_submit(KafkaSink *ks, KafkaJobKind kind, bool expected);
/* One that is done; it is freed. */
extern void kafka_job_take(KafkaSink *ks, KafkaJob *job);

/* ---- kafka_event.c ---- */
/* What librdkafka has to say, as much of it as fits into a turn. */
extern void kafka_events_take(KafkaSink *ks);

#endif /* TUPLECAST_KAFKA_SINK_INTERNAL_H */
