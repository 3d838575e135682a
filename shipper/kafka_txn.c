/*
 * kafka_txn.c
 *		Kafka transactions.  All of this runs in the worker's thread and may
 *		block.
 *
 * Nothing is ever aborted: librdkafka speaks the transactions of before KIP-890,
 * in which a request for the end of a transaction that comes late may end the
 * next one.  After any error the client is thrown away, and the new one's
 * init_transactions() settles what was open, under an epoch of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "failpoint.h"
#include "kafka_sink.h"

#define INIT_MS	 5000
#define RETRY_MS 250
/* then the caller is told why nothing moves, and begins anew */
#define INIT_PATIENCE_MS 20000

static void
explain(Error *err, rd_kafka_error_t *e, const char *what)
{
	rd_kafka_resp_err_t code = rd_kafka_error_code(e);

	kafka_error_set(err, code, NULL, 0, rd_kafka_error_string(e));
	if (err->hint[0] != '\0')
		return;
	if (code == RD_KAFKA_RESP_ERR__FENCED ||
		code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
		code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH)
		err_set(err, ERR_RETRY, "kafka_fenced",
				"the Kafka transaction was taken away: by another tuplecast, "
				"or by the brokers after its timeout");
	else
		err_set(err, ERR_RETRY, "kafka_transaction",
				"Kafka could not %s a transaction: %s (%s)", what,
				rd_kafka_error_string(e), rd_kafka_error_name(e));
	err_hint(err, "A new client is made; it begins where the position is.");
}

bool
kafka_txn_init(rd_kafka_t *rk, KafkaPlace *p, KafkaJob *job, bool *done)
{
	rd_kafka_error_t *e;
	rd_kafka_resp_err_t code;

	*done = false;
	if (p->fenced)
		return true;
	if (job->first_answer_ms == 0)
		job->first_answer_ms = clock_ms();
	if (FAILPOINT("before_init_transactions"))
	{
		failpoint_error("before_init_transactions", &job->err);
		*done = kafka_refuse(job);
		return false;
	}
	e = rd_kafka_init_transactions(rk, INIT_MS);
	if (e == NULL)
	{
		p->fenced = true;
		if (!FAILPOINT("after_init_transactions"))
			return true;
		failpoint_error("after_init_transactions", &job->err);
		*done = kafka_refuse(job);
		return false;
	}
	code = rd_kafka_error_code(e);
	if ((rd_kafka_error_is_retriable(e) || kafka_is_patient(code)) &&
		clock_ms() - job->first_answer_ms < INIT_PATIENCE_MS)
		*done = kafka_again(job, RETRY_MS);
	else
	{
		explain(&job->err, e, "begin");
		if (job->err.kind == ERR_RETRY)
			err_hint(&job->err,
					 "If the brokers answer otherwise: do they have enough of "
					 "them for transaction.state.log.replication.factor (3 "
					 "unless set)? It must be 1 for a single broker.");
		*done = kafka_refuse(job);
	}
	rd_kafka_error_destroy(e);
	return false;
}

bool
kafka_txn_begin(rd_kafka_t *rk, Error *err)
{
	rd_kafka_error_t *e = rd_kafka_begin_transaction(rk);

	if (e == NULL)
		return true;
	explain(err, e, "begin");
	rd_kafka_error_destroy(e);
	return false;
}

bool
kafka_txn_commit(rd_kafka_t *rk, KafkaJob *job)
{
	int64_t now = clock_ms();
	rd_kafka_error_t *e;

	if (job->first_answer_ms == 0)
		job->first_answer_ms = now;
	if (FAILPOINT("before_commit"))
	{
		failpoint_error("before_commit", &job->err);
		return kafka_refuse(job);
	}
	e = rd_kafka_commit_transaction(rk, -1);
	if (e == NULL)
	{
		job->took_ms = clock_ms() - job->first_answer_ms;
		job->ok = true;
		if (FAILPOINT("after_commit"))
		{
			failpoint_error("after_commit", &job->err);
			return kafka_refuse(job);
		}
		return kafka_txn_begin(rk, &job->err) || kafka_refuse(job);
	}
	if (rd_kafka_error_is_retriable(e))
	{
		rd_kafka_error_destroy(e);
		return kafka_again(job, RETRY_MS);
	}
	explain(&job->err, e, "commit");
	rd_kafka_error_destroy(e);
	return kafka_refuse(job);
}
