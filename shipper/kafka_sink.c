/*
 * kafka_sink.c
 *		Records to Kafka, acknowledgements back.
 *
 * librdkafka's events, not its callbacks: they wait in its main queue until
 * service() takes them on the main thread, and an eventfd says that they do.
 */
#include "kafka_sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "log.h"
#include "sinks.h"

/* messages reported in one turn, so that the loop goes on turning */
#define TURN_MESSAGES 20000
#define TURN_EVENTS	  1000
/* larger buffers are given back after the record */
#define KEEP_BYTES	   ((size_t) 1 << 20)
#define OLDEST_LIBRARY 0x020002ff
#define SLOW_COMMIT_MS 1000

_Static_assert(sizeof(void *) >= sizeof(uint64_t),
			   "a ticket must fit into librdkafka's opaque pointer");

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
	bool transactional;
	bool busy; /* with a recovery or a commit */
	uint64_t errors_before;
	rd_kafka_topic_t *position_topic;
	char *position_name;
	char *position_key;
	KafkaQueue queued;
	Error broken; /* ERR_NONE while the client is good */
	Error worn;	  /* the same, but it may still report */
} KafkaSink;

/* ---- jobs ------------------------------------------------------------------ */

static void
ask(KafkaSink *ks, KafkaTopic *topic)
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

static void
submit(KafkaSink *ks, KafkaJobKind kind)
{
	KafkaJob *job = sink_alloc(sizeof(*job));

	job->kind = kind;
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

static void
take_job(KafkaSink *ks, KafkaJob *job)
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

/* ---- open and close -------------------------------------------------------- */

static void
collect_handles(KafkaSink *ks, rd_kafka_topic_t ***handles, size_t *n)
{
	*handles = sink_alloc((ks->topics.count + 1) * sizeof(rd_kafka_topic_t *));
	*n = 0;
	if (ks->position_topic != NULL)
		(*handles)[(*n)++] = ks->position_topic;
	for (size_t i = 0; i < ks->topics.nbuckets; i++)
		for (KafkaTopic *t = ks->topics.buckets[i]; t != NULL; t = t->next)
			(*handles)[(*n)++] = t->handle;
}

static void
kafka_close(Sink *s)
{
	KafkaSink *ks = (KafkaSink *) s;
	rd_kafka_topic_t **handles;
	size_t nhandles;

	kafka_flusher_stop(ks->flusher);
	if (ks->worker != NULL)
	{
		/* the client goes with the worker, and the eventfd it writes to */
		collect_handles(ks, &handles, &nhandles);
		kafka_worker_finish(ks->worker, ks->queue, handles, nhandles);
	}
	else
	{
		if (ks->queue != NULL)
			rd_kafka_queue_destroy(ks->queue);
		if (ks->rk != NULL)
			rd_kafka_destroy(ks->rk);
		if (ks->eventfd >= 0)
			close(ks->eventfd);
	}
	if (ks->topics.buckets != NULL)
		kafka_topics_free(&ks->topics);
	while (ks->streams != NULL)
	{
		SinkStream *st = ks->streams;

		ks->streams = st->next;
		stream_copy_free(&st->copy);
		free(st);
	}
	kafka_sender_free(&ks->sender);
	free(ks->position_name);
	free(ks->position_key);
	free(ks);
}

static const char *
bootstrap_of(const Config *cfg, Error *err)
{
	if (rd_kafka_version() < OLDEST_LIBRARY)
	{
		err_set(err, ERR_ENVIRONMENT, "librdkafka",
				"librdkafka %s is too old: 2.0.2 or later is needed",
				rd_kafka_version_str());
		err_hint(err, "Older versions can lose records.");
		return NULL;
	}
	if (cfg->kafka_bootstrap[0] == '\0')
	{
		err_set(err, ERR_CONFIG, "kafka_bootstrap_missing",
				"no Kafka broker is named");
		err_hint(err, "Set kafka.bootstrap.servers (--kafka HOST:PORT); "
					  "\"embedded\" tries things out without one.");
		return NULL;
	}
	if (strcmp(cfg->kafka_bootstrap, "embedded") == 0)
		return kafka_embedded_start(err);
	return cfg->kafka_bootstrap;
}

static bool
start_client(KafkaSink *ks, const Config *cfg, Error *err)
{
	static const uint64_t one = 1;
	char errstr[KAFKA_ERRSTR_SIZE];
	const char *bootstrap = bootstrap_of(cfg, err);
	rd_kafka_conf_t *conf;
	KafkaPlace *place;

	if (bootstrap == NULL)
		return false;
	ks->eventfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (ks->eventfd < 0)
		return err_set(err, ERR_RESTART, "eventfd",
					   "could not create an eventfd: %s", strerror(errno));
	conf = kafka_conf_make(cfg, bootstrap, err);
	if (conf == NULL)
		return false;
	if (!kafka_refusal_set_batch(conf, &ks->batch_bytes, err))
	{
		rd_kafka_conf_destroy(conf);
		return false;
	}
	ks->rk = kafka_client_new(RD_KAFKA_PRODUCER, conf, errstr, sizeof(errstr));
	if (ks->rk == NULL)
	{
		/* threads that do not start are no fault of the settings */
		bool lacking =
			rd_kafka_last_error() == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;

		rd_kafka_conf_destroy(conf);
		if (lacking)
			return err_set(err, ERR_RESTART, "kafka_client",
						   "the Kafka client does not start: %s", errstr);
		err_set(err, ERR_CONFIG, "kafka_setting", "kafka.*: %s", errstr);
		err_hint(err, "librdkafka %s does not start with these settings.",
				 rd_kafka_version_str());
		return false;
	}
	ks->sender.rk = ks->rk;
	ks->queue = rd_kafka_queue_get_main(ks->rk);
	rd_kafka_set_log_queue(ks->rk, NULL);
	rd_kafka_queue_io_event_enable(ks->queue, ks->eventfd, &one, sizeof(one));
	kafka_topics_init(&ks->topics, ks->rk);
	place = kafka_place_new(cfg, bootstrap, err);
	if (place == NULL)
		return false;
	ks->transactional = place->exactly_once;
	ks->position_name = sink_strndup(place->topic, strlen(place->topic));
	ks->position_key = sink_strndup(place->key, strlen(place->key));
	if (strcmp(cfg->kafka_bootstrap, "embedded") == 0 &&
		!kafka_embedded_create(place->topic, 1, err))
	{
		kafka_place_free(place);
		return false;
	}
	if (!kafka_conf_lingers(cfg) &&
		(ks->flusher = kafka_flusher_start(ks->rk, err)) == NULL)
	{
		kafka_place_free(place);
		return false;
	}
	kafka_queue_init(&ks->queued, cfg->queue_bytes, ks->batch_bytes,
					 ks->flusher != NULL);
	ks->worker = kafka_worker_start(cfg, ks->rk, ks->eventfd, place, err);
	if (ks->worker != NULL && strcmp(cfg->kafka_bootstrap, "embedded") == 0)
		ks->topics.embedded_partitions = kafka_worker_partitions(ks->worker);
	return ks->worker != NULL;
}

static Sink *
kafka_open(const Config *cfg, SinkEvents events, Error *err)
{
	KafkaSink *ks = sink_alloc(sizeof(*ks));

	ks->base.ops = &kafka_sink_ops;
	ks->base.events = events;
	ks->cfg = cfg;
	ks->eventfd = -1;
	ks->sender.identity = cfg->identity_headers;
	if (!start_client(ks, cfg, err))
	{
		kafka_close(&ks->base);
		return NULL;
	}
	/* a wrong address or password shows now, not with the first record */
	ask(ks, NULL);
	return &ks->base;
}

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
			ask(ks, topic);
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
		ask(ks, topic);
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
			ask(ks, topic);
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
kafka_recover(Sink *s)
{
	submit((KafkaSink *) s, KAFKA_JOB_RECOVER);
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
	submit(ks, KAFKA_JOB_COMMIT);
	return SINK_OK;
}

/* ---- service --------------------------------------------------------------- */

static int
kafka_fd(Sink *s)
{
	return ((KafkaSink *) s)->eventfd;
}

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

static void
take_events(KafkaSink *ks)
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
	take_events(ks);
	while ((job = kafka_worker_take(ks->worker)) != NULL)
		take_job(ks, job);
	if (!ks->log.connected && !ks->probing)
		ask(ks, NULL);
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
	.open = kafka_open,
	.stream = kafka_stream,
	.put = kafka_put,
	.idle = kafka_idle,
	.fd = kafka_fd,
	.service = kafka_service,
	.gauges = kafka_gauges,
	.recover = kafka_recover,
	.put_position = kafka_put_position,
	.commit = kafka_commit,
	.close = kafka_close,
};
