/*
 * kafka_request.h
 *		One request to the brokers' administration, waited for: it blocks.
 */
#ifndef TUPLECAST_KAFKA_REQUEST_H
#define TUPLECAST_KAFKA_REQUEST_H

#include <librdkafka/rdkafka.h>

typedef struct KafkaRequest
{
	/* for librdkafka's call, between begin and wait */
	rd_kafka_AdminOptions_t *options;
	rd_kafka_queue_t *queue;
	int timeout_ms;
	rd_kafka_event_t *answer; /* NULL: none came in time */
} KafkaRequest;

extern void kafka_request_begin(KafkaRequest *r, rd_kafka_t *rk,
								rd_kafka_admin_op_t op, int timeout_ms);
extern void kafka_request_wait(KafkaRequest *r);
extern void kafka_request_end(KafkaRequest *r);

/* Asks the controller to make a topic; its answer, and its words in text. */
extern rd_kafka_resp_err_t kafka_request_creation(rd_kafka_t *rk,
												  rd_kafka_NewTopic_t *nt,
												  int timeout_ms, char *text,
												  size_t size);
/* Asks it to delete one. */
extern rd_kafka_resp_err_t
kafka_request_deletion(rd_kafka_t *rk, const char *topic, int timeout_ms);

#endif /* TUPLECAST_KAFKA_REQUEST_H */
