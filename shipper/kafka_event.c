/*
 * kafka_event.c
 *		What librdkafka reports: deliveries, errors, its log.
 *
 * Its events, not its callbacks: they wait in its main queue until they are
 * taken on the main thread, and an eventfd says that they do.
 */
#include "kafka_sink_internal.h"

#include <stdio.h>
#include <unistd.h>

#include "log.h"

/* messages reported in one turn, so that the loop goes on turning */
#define TURN_MESSAGES 20000
#define TURN_EVENTS	  1000

static void
note_fatal(KafkaSink *ks)
{
	char text[KAFKA_ERRSTR_SIZE];
	rd_kafka_resp_err_t code = rd_kafka_fatal_error(ks->rk, text, sizeof(text));

	if (code == RD_KAFKA_RESP_ERR_NO_ERROR || ks->broken.kind != ERR_NONE)
		return;
	err_set(&ks->broken, ERR_RETRY, "kafka_fatal",
			"the Kafka client cannot go on: %s (%s)", rd_kafka_err2str(code),
			rd_kafka_err2name(code));
	err_detail(&ks->broken, "%s", text);
	err_hint(&ks->broken, "A new one is made; what was not acknowledged is "
						  "sent again.");
}

static size_t
report_deliveries(KafkaSink *ks, rd_kafka_event_t *ev)
{
	const SinkEvents *events = &ks->base.events;
	const rd_kafka_message_t *m;
	size_t n = 0;

	while ((m = rd_kafka_event_message_next(ev)) != NULL)
	{
		uint64_t ticket = (uint64_t) (uintptr_t) m->_private;
		size_t cost = kafka_message_cost(m);
		Error why;

		n++;
		kafka_queue_done(&ks->queued, m->len + m->key_len, cost);
		if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
		{
			events->acked(events->arg, ticket);
			continue;
		}
		note_fatal(ks);
		if (ks->broken.kind != ERR_NONE)
			why = ks->broken;
		else
			/* not rd_kafka_message_errstr(): of a message that was sent it is
			 * the payload, which has no end and is no business of the log */
			kafka_error_set(&why, m->err, rd_kafka_topic_name(m->rkt), cost,
							NULL);
		if (ks->broken.kind == ERR_NONE)
			kafka_refusal_judge(ks->cfg, m, ks->batch_bytes, &why);
		snprintf(ks->log.last_error, sizeof(ks->log.last_error), "%.255s",
				 why.text);
		events->failed(events->arg, ticket, &why);
	}
	return n;
}

/* One event; the number of messages in it. */
static size_t
handle_event(KafkaSink *ks, rd_kafka_event_t *ev)
{
	const char *facility;
	const char *text;
	int level;
	rd_kafka_resp_err_t code;

	switch (rd_kafka_event_type(ev))
	{
		case RD_KAFKA_EVENT_DR:
			kafka_log_success(&ks->log);
			return report_deliveries(ks, ev);
		case RD_KAFKA_EVENT_ERROR:
			code = rd_kafka_event_error(ev);
			if (code == RD_KAFKA_RESP_ERR__FATAL)
				note_fatal(ks);
			else
				kafka_log_error(&ks->log, code,
								rd_kafka_event_error_string(ev));
			return 0;
		case RD_KAFKA_EVENT_LOG:
			if (rd_kafka_event_log(ev, &facility, &text, &level) == 0)
				kafka_log_line(&ks->log, level, facility, text);
			return 0;
		default:
			return 0;
	}
}

void
kafka_events_take(KafkaSink *ks)
{
	static const uint64_t one = 1;
	size_t messages = 0;
	rd_kafka_event_t *ev;

	for (int i = 0; i < TURN_EVENTS && messages < TURN_MESSAGES; i++)
	{
		ev = rd_kafka_queue_poll(ks->queue, 0);
		if (ev == NULL)
			return;
		messages += handle_event(ks, ev);
		rd_kafka_event_destroy(ev);
	}
	/* the queue may hold more, and it signals only when it was empty */
	if (write(ks->eventfd, &one, sizeof(one)) != (ssize_t) sizeof(one))
		log_event(LOG_DEBUG, "eventfd is full");
}
