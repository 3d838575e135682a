/*
 * kafka_request.c
 *		One request to the brokers' administration, waited for: it blocks.
 */
#include "kafka_request.h"

#include <stdio.h>

#include "kafka_sink.h"

/* librdkafka tells of its own time-out by an answer, a little later */
#define GRACE_MS 1000


void
kafka_request_begin(KafkaRequest *r, rd_kafka_t *rk, rd_kafka_admin_op_t op,
					int timeout_ms)
{
	char errstr[KAFKA_ERRSTR_SIZE];

	r->options = rd_kafka_AdminOptions_new(rk, op);
	r->queue = rd_kafka_queue_new(rk);
	r->timeout_ms = timeout_ms;
	r->answer = NULL;
	/* a value that librdkafka does not take leaves its default: 60 s */
	rd_kafka_AdminOptions_set_request_timeout(r->options, timeout_ms, errstr,
											  sizeof(errstr));
}

void
kafka_request_wait(KafkaRequest *r)
{
	r->answer = rd_kafka_queue_poll(r->queue, r->timeout_ms + GRACE_MS);
}

void
kafka_request_end(KafkaRequest *r)
{
	if (r->answer != NULL)
		rd_kafka_event_destroy(r->answer);
	rd_kafka_AdminOptions_destroy(r->options);
	rd_kafka_queue_destroy(r->queue);
}

/* What an answer says of the one topic that was asked about. */
static rd_kafka_resp_err_t
answer_of_topic(const KafkaRequest *r, const rd_kafka_topic_result_t **topics,
				size_t n, const char **words)
{
	rd_kafka_resp_err_t code = rd_kafka_event_error(r->answer);

	*words = rd_kafka_event_error_string(r->answer);
	if (code != 0)
		return code;
	if (n != 1)
		return RD_KAFKA_RESP_ERR__BAD_MSG;
	*words = rd_kafka_topic_result_error_string(topics[0]);
	return rd_kafka_topic_result_error(topics[0]);
}

rd_kafka_resp_err_t
kafka_request_creation(rd_kafka_t *rk, rd_kafka_NewTopic_t *nt, int timeout_ms,
					   char *text, size_t size)
{
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
	KafkaRequest r;

	text[0] = '\0';
	kafka_request_begin(&r, rk, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
	rd_kafka_CreateTopics(rk, &nt, 1, r.options, r.queue);
	kafka_request_wait(&r);
	if (r.answer != NULL)
	{
		const rd_kafka_CreateTopics_result_t *result =
			rd_kafka_event_CreateTopics_result(r.answer);
		size_t n = 0;
		const rd_kafka_topic_result_t **topics =
			result != NULL ? rd_kafka_CreateTopics_result_topics(result, &n)
						   : NULL;
		const char *words;

		code = answer_of_topic(&r, topics, n, &words);
		snprintf(text, size, "%s", words != NULL ? words : "");
	}
	kafka_request_end(&r);
	return code;
}

rd_kafka_resp_err_t
kafka_request_deletion(rd_kafka_t *rk, const char *topic, int timeout_ms)
{
	rd_kafka_DeleteTopic_t *dt = rd_kafka_DeleteTopic_new(topic);
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
	KafkaRequest r;

	kafka_request_begin(&r, rk, RD_KAFKA_ADMIN_OP_DELETETOPICS, timeout_ms);
	rd_kafka_DeleteTopics(rk, &dt, 1, r.options, r.queue);
	kafka_request_wait(&r);
	if (r.answer != NULL)
	{
		const rd_kafka_DeleteTopics_result_t *result =
			rd_kafka_event_DeleteTopics_result(r.answer);
		size_t n = 0;
		const rd_kafka_topic_result_t **topics =
			result != NULL ? rd_kafka_DeleteTopics_result_topics(result, &n)
						   : NULL;
		const char *words;

		code = answer_of_topic(&r, topics, n, &words);
	}
	kafka_request_end(&r);
	rd_kafka_DeleteTopic_destroy(dt);
	return code;
}
