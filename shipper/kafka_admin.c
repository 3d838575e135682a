/*
 * kafka_admin.c
 *		What is done to topics outside of the stream.  It may block.
 */
#include "kafka_admin.h"

#include "kafka_sink.h"

#define ADMIN_MS 15000

static rd_kafka_resp_err_t
delete_topic(rd_kafka_t *rk, const char *topic)
{
	rd_kafka_DeleteTopic_t *dt = rd_kafka_DeleteTopic_new(topic);
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	rd_kafka_AdminOptions_t *opts =
		rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_DELETETOPICS);
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
	char errstr[KAFKA_ERRSTR_SIZE];
	rd_kafka_event_t *ev;

	/* a value that librdkafka does not take leaves its default: 60 s */
	rd_kafka_AdminOptions_set_request_timeout(opts, ADMIN_MS, errstr,
											  sizeof(errstr));
	rd_kafka_DeleteTopics(rk, &dt, 1, opts, q);
	ev = rd_kafka_queue_poll(q, ADMIN_MS + 1000);
	if (ev != NULL)
	{
		const rd_kafka_DeleteTopics_result_t *result =
			rd_kafka_event_DeleteTopics_result(ev);
		size_t n = 0;
		const rd_kafka_topic_result_t **topics =
			result != NULL ? rd_kafka_DeleteTopics_result_topics(result, &n)
						   : NULL;

		code = rd_kafka_event_error(ev);
		if (code == 0)
			code = n == 1 ? rd_kafka_topic_result_error(topics[0])
						  : RD_KAFKA_RESP_ERR__BAD_MSG;
		rd_kafka_event_destroy(ev);
	}
	rd_kafka_AdminOptions_destroy(opts);
	rd_kafka_queue_destroy(q);
	rd_kafka_DeleteTopic_destroy(dt);
	return code;
}

bool
kafka_admin_delete(const Config *cfg, const char *topic, bool *existed,
				   Error *err)
{
	char errstr[KAFKA_ERRSTR_SIZE];
	rd_kafka_conf_t *conf = kafka_conf_reader(cfg, cfg->kafka_bootstrap, err);
	rd_kafka_resp_err_t code;
	rd_kafka_t *rk;

	if (conf == NULL)
		return false;
	rk = kafka_client_new(RD_KAFKA_PRODUCER, conf, errstr, sizeof(errstr));
	if (rk == NULL)
	{
		rd_kafka_conf_destroy(conf);
		return err_set(err, ERR_CONFIG, "kafka_setting", "kafka.*: %s", errstr);
	}
	code = delete_topic(rk, topic);
	rd_kafka_destroy(rk);
	*existed = code == 0;
	if (code == 0 || code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		return true;
	err_set(err, ERR_ENVIRONMENT, "position_topic_kept",
			"the position topic \"%s\" could not be deleted: %s", topic,
			rd_kafka_err2str(code));
	err_hint(err,
			 "kafka-topics.sh --bootstrap-server %.200s --delete --topic "
			 "%.249s",
			 cfg->kafka_bootstrap, topic);
	return false;
}
