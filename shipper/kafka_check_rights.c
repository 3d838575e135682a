/*
 * kafka_check_rights.c
 *		What `tuplecast check` finds out about rights: on the position topic and on
 *		the transactional id.  It leaves no record behind.
 */
#include <stdlib.h>
#include <string.h>

#include "kafka_check.h"
#include "kafka_request.h"

#define PROBE_MS 10000
#define INIT_MS	 10000


/* "kafka-acls.sh … " up to the resource, for the user that logs in. */
static void
acl_text(PgText *out, const KafkaCheck *k, const char *operations)
{
	const char *user = config_pair_value(&k->cfg->kafka, "sasl.username");

	pg_text_add(out,
				"kafka-acls.sh --bootstrap-server %s --add --allow-principal "
				"User:%s %s ",
				k->cfg->kafka_bootstrap, user != NULL ? user : "NAME",
				operations);
}

static void
topic_refused(KafkaCheck *k, const char *topic, const char *what)
{
	PgText repair = {0};

	acl_text(&repair, k,
			 "--operation Read --operation Write --operation Describe "
			 "--operation Create --topic");
	pg_text_add(&repair, "%s", topic);
	findings_bad(k->findings, FIND_position_topic, repair.data,
				 "no permission to %s \"%s\"", what, topic);
	free(repair.data);
}

static bool
is_authorization(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
		   code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
}

/* ---- the position topic ----------------------------------------------------- */

/* NULL: it cannot be made, which says nothing of rights. */
static rd_kafka_t *
prober(const KafkaCheck *k, rd_kafka_type_t type)
{
	char errstr[KAFKA_ERRSTR_SIZE];
	rd_kafka_conf_t *conf;
	rd_kafka_t *rk;
	Error err;

	conf = kafka_conf_reader(k->cfg, k->cfg->kafka_bootstrap, &err);
	if (conf == NULL)
		return NULL;
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR);
	rk = kafka_client_new(type, conf, errstr, sizeof(errstr));
	if (rk == NULL)
		rd_kafka_conf_destroy(conf);
	return rk;
}

/*
 * A compacted topic refuses a record without a key, but only of who may write:
 * the answer tells which of the two it is.
 */
static bool
may_write(KafkaCheck *k, const char *topic)
{
	rd_kafka_t *rk = prober(k, RD_KAFKA_PRODUCER);
	rd_kafka_queue_t *events;
	rd_kafka_topic_t *handle;
	int64_t end = clock_ms() + PROBE_MS;
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;

	if (rk == NULL)
		return true;
	events = rd_kafka_queue_get_main(rk);
	handle = rd_kafka_topic_new(rk, topic, NULL);
	if (handle == NULL || rd_kafka_produce(handle, 0, RD_KAFKA_MSG_F_COPY, "",
										   0, NULL, 0, NULL) != 0)
		code = RD_KAFKA_RESP_ERR_NO_ERROR;
	while (code == RD_KAFKA_RESP_ERR__TIMED_OUT && clock_ms() < end)
	{
		rd_kafka_event_t *ev = rd_kafka_queue_poll(events, 100);
		const rd_kafka_message_t *m;

		if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_DR)
			while ((m = rd_kafka_event_message_next(ev)) != NULL)
				code = m->err;
		rd_kafka_event_destroy(ev);
	}
	if (handle != NULL)
		rd_kafka_topic_destroy(handle);
	rd_kafka_queue_destroy(events);
	rd_kafka_destroy(rk);
	return !is_authorization(code);
}

static bool
may_read(KafkaCheck *k, const char *topic)
{
	rd_kafka_t *rk = prober(k, RD_KAFKA_CONSUMER);
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
	int64_t end = clock_ms() + PROBE_MS;
	rd_kafka_topic_t *handle;

	if (rk == NULL)
		return true;
	handle = rd_kafka_topic_new(rk, topic, NULL);
	if (handle == NULL ||
		rd_kafka_consume_start(handle, 0, RD_KAFKA_OFFSET_END) != 0)
		code = RD_KAFKA_RESP_ERR_NO_ERROR;
	while (code == RD_KAFKA_RESP_ERR__TIMED_OUT && clock_ms() < end)
	{
		rd_kafka_message_t *m = rd_kafka_consume(handle, 0, 100);

		/* the end, a record just written, or what is wrong */
		if (m != NULL)
		{
			if (m->err != RD_KAFKA_RESP_ERR__TRANSPORT)
				code = m->err;
			rd_kafka_message_destroy(m);
		}
	}
	if (handle != NULL)
	{
		rd_kafka_consume_stop(handle, 0);
		rd_kafka_topic_destroy(handle);
	}
	rd_kafka_destroy(rk);
	return !is_authorization(code);
}

/* The controller is asked, and makes nothing. */
static bool
may_create(KafkaCheck *k, const char *topic)
{
	char errstr[KAFKA_ERRSTR_SIZE];
	rd_kafka_NewTopic_t *nt =
		rd_kafka_NewTopic_new(topic, 1, -1, errstr, sizeof(errstr));
	const rd_kafka_topic_result_t **answers;
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
	KafkaRequest r;
	size_t n = 0;

	kafka_request_begin(&r, k->rk, RD_KAFKA_ADMIN_OP_CREATETOPICS, PROBE_MS);
	if (nt != NULL && rd_kafka_AdminOptions_set_validate_only(
						  r.options, 1, errstr, sizeof(errstr)) == 0)
	{
		rd_kafka_CreateTopics(k->rk, &nt, 1, r.options, r.queue);
		kafka_request_wait(&r);
	}
	if (r.answer != NULL && rd_kafka_event_error(r.answer) != 0)
		code = rd_kafka_event_error(r.answer);
	else if (r.answer != NULL)
	{
		answers = rd_kafka_CreateTopics_result_topics(
			rd_kafka_event_CreateTopics_result(r.answer), &n);
		if (n == 1)
			code = rd_kafka_topic_result_error(answers[0]);
	}
	if (nt != NULL)
		rd_kafka_NewTopic_destroy(nt);
	kafka_request_end(&r);
	return !is_authorization(code);
}

bool
kafka_check_topic_rights(KafkaCheck *k, const char *topic, int partitions)
{
	if (partitions < 0)
		topic_refused(k, topic, "see");
	else if (partitions == 0 && !may_create(k, topic))
		topic_refused(k, topic, "make");
	else if (partitions == 1 && !may_read(k, topic))
		topic_refused(k, topic, "read");
	/* of another topic a record without a key might be taken */
	else if (partitions == 1 && strcmp(k->position_cleanup, "compact") == 0 &&
			 !may_write(k, topic))
		topic_refused(k, topic, "write to");
	else
		return true;
	return false;
}

/* ---- the transactional id --------------------------------------------------- */

bool
kafka_check_transaction_rights(KafkaCheck *k)
{
	char errstr[KAFKA_ERRSTR_SIZE];
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
	rd_kafka_error_t *e = NULL;
	rd_kafka_t *rk = NULL;
	rd_kafka_conf_t *conf;
	PgText repair = {0};
	Error err;

	conf = kafka_conf_make(k->cfg, k->cfg->kafka_bootstrap, &err);
	if (conf == NULL)
		return true;
	rk = kafka_client_new(RD_KAFKA_PRODUCER, conf, errstr, sizeof(errstr));
	if (rk == NULL)
	{
		rd_kafka_conf_destroy(conf);
		return true;
	}
	e = rd_kafka_init_transactions(rk, INIT_MS);
	if (e != NULL)
	{
		code = rd_kafka_error_code(e);
		/* the fatal one that it stands for */
		if (code == RD_KAFKA_RESP_ERR__FATAL)
			code = rd_kafka_fatal_error(rk, errstr, sizeof(errstr));
		rd_kafka_error_destroy(e);
	}
	rd_kafka_destroy(rk);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		return true;
	if (code != RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
	{
		/* the brokers may be making the topic of transactions just now */
		findings_add(k->findings, FIND_kafka_transactions, FINDING_WARN,
					 "Look again in a moment; if it stays so, see the brokers' "
					 "logs for their topic __transaction_state.",
					 "transactional.id is tuplecast-%s-%s, and no transaction "
					 "could be prepared: %s",
					 k->cfg->topic_prefix, k->cfg->slot_name,
					 rd_kafka_err2str(code));
		return false;
	}
	acl_text(&repair, k,
			 "--operation Write --operation Describe --transactional-id");
	pg_text_add(&repair, "tuplecast-%s-%s", k->cfg->topic_prefix,
				k->cfg->slot_name);
	findings_bad(k->findings, FIND_kafka_transactions, repair.data,
				 "no permission to use the transactional id "
				 "tuplecast-%s-%s",
				 k->cfg->topic_prefix, k->cfg->slot_name);
	free(repair.data);
	return false;
}
