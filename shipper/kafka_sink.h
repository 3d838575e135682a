/*
 * kafka_sink.h
 *		Between the files of the Kafka sink only.
 *
 * The main thread owns everything but KafkaWorker, which has the one thread
 * for librdkafka's calls that block.  Jobs go there and come back; whoever has
 * a job at the moment owns it.
 */
#ifndef TUPLECAST_KAFKA_SINK_H
#define TUPLECAST_KAFKA_SINK_H

#include <librdkafka/rdkafka.h>

#include "clock.h"
#include "kafka_admin.h"
#include "sink_stream.h"

#define KAFKA_ERRSTR_SIZE 512

/* ---- kafka_topic.c: topics by name ---------------------------------------- */

typedef enum KafkaTopicState
{
	KAFKA_TOPIC_NEW,   /* nobody has asked the brokers yet */
	KAFKA_TOPIC_ASKED, /* a job is under way */
	KAFKA_TOPIC_READY,
	KAFKA_TOPIC_REFUSED /* "refusal" says why */
} KafkaTopicState;

typedef struct KafkaTopic
{
	struct KafkaTopic *next; /* of the same bucket */
	uint32_t hash;			 /* of the name with '.' as '_' */
	uint32_t name_len;
	char *name;
	char *table; /* that brought it first, for messages */
	rd_kafka_topic_t *handle;
	KafkaTopicState state;
	int32_t partitions;
	int32_t wanted_partition; /* asked again because of this one; else -1 */
	Error *refusal;
} KafkaTopic;

typedef struct KafkaTopics
{
	KafkaTopic **buckets;
	size_t nbuckets; /* a power of two */
	size_t count;
	rd_kafka_t *rk;
	int embedded_partitions; /* of topics at the embedded broker; 0: others */
} KafkaTopics;

extern void kafka_topics_init(KafkaTopics *t, rd_kafka_t *rk);
/* Without librdkafka's handles, which the worker destroys. */
extern void kafka_topics_free(KafkaTopics *t);
/* Finds or makes; NULL: two topics collide, or the name is impossible. */
extern KafkaTopic *kafka_topics_get(KafkaTopics *t, const void *name,
									size_t len, const char *table, Error *err);
/* Any topic's handle; NULL when there is none. */
extern rd_kafka_topic_t *kafka_topics_any(const KafkaTopics *t);

/* ---- kafka_message.c: one record as one message ---------------------------- */

typedef struct KafkaSender
{
	rd_kafka_t *rk;
	bool identity; /* the headers of headers.identity */
	SinkBuf key;   /* where head, row and tail are joined */
	SinkBuf value;
} KafkaSender;

/* Gives the record to librdkafka, which copies it.  In any case: the size of
 * its key and value, and what it costs with its headers. */
extern rd_kafka_resp_err_t
kafka_message_send(KafkaSender *s, const SinkRecord *r, const StreamCopy *c,
				   rd_kafka_topic_t *topic, int32_t partition, size_t *payload,
				   size_t *cost);
/* The same cost, of a message that comes back. */
extern size_t kafka_message_cost(const rd_kafka_message_t *m);
extern void kafka_sender_free(KafkaSender *s);

/* ---- kafka_worker.c: the calls that block --------------------------------- */

struct KafkaPlace;
typedef struct KafkaWorker KafkaWorker;

typedef enum KafkaJobKind
{
	KAFKA_JOB_TOPIC,
	KAFKA_JOB_RECOVER,
	KAFKA_JOB_COMMIT
} KafkaJobKind;

typedef struct KafkaJob
{
	struct KafkaJob *next;
	KafkaJobKind kind;
	KafkaTopic *topic; /* not touched by the worker; NULL: is a broker there? */
	rd_kafka_topic_t *handle;
	char *name;
	char *table;
	int32_t wanted_partition;
	/* progress */
	int64_t due_ms;
	int64_t first_answer_ms; /* when a broker first said something; 0: never */
	int timeout_ms;
	bool created;
	/* result */
	bool ok;
	int32_t partitions;
	int brokers;
	Error err;
	/* of a recovery */
	bool expected;		/* this process knows of a position */
	int64_t missing_ms; /* when it was missed first; 0: not yet */
	void *position;		/* owned; NULL: there is none */
	size_t position_len;
	void *tables; /* the same, of the captured tables */
	size_t tables_len;
	bool used;
	/* of a commit */
	int64_t took_ms;
} KafkaJob;

/* Writes to the eventfd when a job is done.  Takes place over. */
extern KafkaWorker *kafka_worker_start(const Config *cfg, rd_kafka_t *rk,
									   int eventfd, struct KafkaPlace *place,
									   Error *err);
/* topic.creation.default.partitions, or 1 */
extern int kafka_worker_partitions(const KafkaWorker *w);
extern void kafka_worker_submit(KafkaWorker *w, KafkaJob *job);
extern KafkaJob *kafka_worker_take(KafkaWorker *w);
extern void kafka_job_free(KafkaJob *job);
/*
 * Gives the worker the rest: it gives up all messages, destroys handles, queue,
 * client and itself, and closes the eventfd.  Waits a moment at the most.
 */
extern void kafka_worker_finish(KafkaWorker *w, rd_kafka_queue_t *queue,
								rd_kafka_topic_t **handles, size_t nhandles);

/* One look at a topic; true: the job is done.  Blocks for up to timeout_ms. */
typedef struct KafkaCreation
{
	char *bootstrap; /* for hints */
	bool wanted;
	int partitions; /* -1: the broker's default */
	int replication;
	ConfigPair *configs; /* name and value only */
	size_t nconfigs;
} KafkaCreation;

extern bool kafka_creation_init(KafkaCreation *c, const Config *cfg,
								Error *err) MUST_CHECK;
extern void kafka_creation_free(KafkaCreation *c);
extern bool kafka_topic_look(rd_kafka_t *rk, const KafkaCreation *c,
							 KafkaJob *job);

/* ---- kafka_queue.c: what is not acknowledged ------------------------------- */

typedef struct KafkaQueue
{
	uint64_t bytes;	  /* what the messages cost, headers included */
	uint64_t payload; /* their keys and values: what fills a batch */
	uint64_t records;
	/* of those, what is not known to have been sent */
	uint64_t waiting_payload;
	uint64_t waiting_records;
	uint64_t max_bytes;
	uint64_t max_payload;
	uint64_t batch_bytes;
	uint64_t partitions; /* of the topics that are ready */
	bool prompt;		 /* linger.ms is ours, and long */
} KafkaQueue;

/* what librdkafka keeps beside each message; it is not in "bytes" */
#define KAFKA_RECORD_BYTES 256

extern void kafka_queue_init(KafkaQueue *q, int64_t max_bytes,
							 int64_t batch_bytes, bool prompt);
extern void kafka_queue_partitions(KafkaQueue *q, int32_t more);
extern void kafka_queue_put(KafkaQueue *q, size_t payload, size_t cost);
extern void kafka_queue_done(KafkaQueue *q, size_t payload, size_t cost);
/* All of it is, or will be at once; false: there was nothing. */
extern bool kafka_queue_sent(KafkaQueue *q);

static inline bool
kafka_queue_full(const KafkaQueue *q)
{
	return q->bytes + q->records * KAFKA_RECORD_BYTES >= q->max_bytes ||
		   q->payload >= q->max_payload;
}

/* As in Nagle's algorithm: alone, a record goes at once; beside others that are
 * in flight it waits for their acknowledgement, or for a batch to be full. */
static inline bool
kafka_queue_should_send(const KafkaQueue *q)
{
	return q->waiting_records > 0 && q->waiting_records == q->records;
}

/* ---- kafka_flusher.c: rd_kafka_flush() ------------------------------------- */

typedef struct KafkaFlusher KafkaFlusher;

/* NULL: err.  The client must outlive it. */
extern KafkaFlusher *kafka_flusher_start(rd_kafka_t *rk, Error *err);
/* What was produced until now need not wait for linger.ms. */
extern void kafka_flusher_ask(KafkaFlusher *f);
/* NULL is ignored; takes some milliseconds at the most. */
extern void kafka_flusher_stop(KafkaFlusher *f);

/* ---- kafka_position.c: the position topic, in the worker's thread ----------- */

/* Where the position is. */
typedef struct KafkaPlace
{
	char *topic;
	char *key;
	char *tables_key;	   /* NULL: nobody asks for the captured tables */
	char *bootstrap;	   /* for hints */
	rd_kafka_conf_t *conf; /* of the clients that read it */
	bool exactly_once;
	bool fenced;	 /* init_transactions() was done */
	bool begin;		 /* and a transaction is to be begun */
	int replication; /* of the topic if we make it; -1: the brokers' default */
} KafkaPlace;

/* NULL: err */
extern KafkaPlace *kafka_place_new(const Config *cfg, const char *bootstrap,
								   Error *err);
extern void kafka_place_free(KafkaPlace *p);
/* One try; true: the job is done.  Blocks for seconds. */
extern bool kafka_position_recover(rd_kafka_t *rk, KafkaPlace *p,
								   KafkaJob *job);

/* ---- kafka_txn.c: transactions, in the worker's thread ---------------------- */

/* Fences whoever used the transactional.id, and settles its transaction. */
extern bool kafka_txn_init(rd_kafka_t *rk, KafkaPlace *p, KafkaJob *job,
						   bool *done);
extern bool kafka_txn_begin(rd_kafka_t *rk, Error *err) MUST_CHECK;
/* One try; true: the job is done. */
extern bool kafka_txn_commit(rd_kafka_t *rk, KafkaJob *job);

/* ---- kafka_ready.c --------------------------------------------------------- */

extern bool kafka_again(KafkaJob *job, int after_ms);
/* job->err is filled */
extern bool kafka_refuse(KafkaJob *job);
extern bool kafka_is_patient(rd_kafka_resp_err_t code);

/* ---- kafka_conf.c ---------------------------------------------------------- */

/* A configuration for rd_kafka_new(), or NULL. */
extern rd_kafka_conf_t *kafka_conf_make(const Config *cfg,
										const char *bootstrap, Error *err);
/* Did the user say how long records wait for others? */
extern bool kafka_conf_lingers(const Config *cfg);

/* ---- kafka_sasl.c ---------------------------------------------------------- */

/* Is the setting ours, and nothing for librdkafka? */
extern bool kafka_oauth_takes(const ConfigPair *p);
/* Before them: false if the library cannot do what they ask for. */
extern bool kafka_oauth_check(rd_kafka_conf_t *conf, const Config *cfg,
							  Error *err) MUST_CHECK;
/* After all settings: the token's file, if OAUTHBEARER asks for one. */
extern bool kafka_oauth_prepare(rd_kafka_conf_t *conf, const Config *cfg,
								Error *err) MUST_CHECK;
/* When a token ends (ms since 1970) and whose it is; one that is no JWT is
 * taken to live for five minutes.  false: it has expired. */
extern bool kafka_oauth_claims(const char *token, int64_t now_ms,
							   int64_t *expires_ms, char *principal,
							   size_t size, Error *err) MUST_CHECK;
/* What to do about a refused log-in whose words are in text; else "advice". */
extern const char *kafka_sasl_advice(const char *text, const char *advice);
/* rd_kafka_new() for every client that talks to the user's brokers. */
extern rd_kafka_t *kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf,
									char *errstr, size_t size);

/* For a client that reads: what is needed to connect, and nothing else. */
extern rd_kafka_conf_t *kafka_conf_reader(const Config *cfg,
										  const char *bootstrap, Error *err);


/* ---- kafka_error.c: what librdkafka says, in our words --------------------- */

/* of the errors and logs that librdkafka sends without being asked */
#define KAFKA_LOG_SOURCES  32
#define KAFKA_LOG_EVERY_MS 60000

typedef struct KafkaLogGate
{
	uint32_t hash; /* of the broker's name, or the log's facility */
	int64_t last_ms;
	uint64_t suppressed;
} KafkaLogGate;

typedef struct KafkaLog
{
	KafkaLogGate gates[KAFKA_LOG_SOURCES];
	bool connected;
	uint64_t transport_errors;
	char last_error[256];
} KafkaLog;

/* A record's or request's failure; topic may be NULL, size 0. */
extern bool kafka_error_set(Error *err, rd_kafka_resp_err_t code,
							const char *topic, size_t size, const char *text);
/* the broker will answer so again, whatever is tried */
extern bool kafka_error_is_final(rd_kafka_resp_err_t code);
extern void kafka_log_error(KafkaLog *l, rd_kafka_resp_err_t code,
							const char *text);
extern void kafka_log_line(KafkaLog *l, int level, const char *facility,
						   const char *text);
extern void kafka_log_success(KafkaLog *l);

/* ---- kafka_refusal.c: records that no topic takes -------------------------- */

/* Whether the code is about a record, and not about its topic or the brokers. */
extern bool kafka_refusal_is_about_record(rd_kafka_resp_err_t code);
/* A delivery failed, "why" says how.  What another attempt may bring out, or
 * has brought out, makes it an error to be retried. */
extern void kafka_refusal_judge(const Config *cfg, const rd_kafka_message_t *m,
								int64_t batch_bytes, Error *why);
/* Whether the record, or a smaller one of its topic, has been refused before. */
extern bool kafka_refusal_known(const char *topic, const StreamCopy *c,
								const FrameRecord *f, Error *err);
/* The size of batches that is left by earlier refusals. */
extern bool kafka_refusal_set_batch(rd_kafka_conf_t *conf, int64_t *batch_bytes,
									Error *err) MUST_CHECK;
/* For tests: the memory is of the process. */
extern void kafka_refusal_forget(void);

/* ---- kafka_embedded.c ------------------------------------------------------ */

/* Starts the process's one embedded broker, if it does not run; its address. */
extern const char *kafka_embedded_start(Error *err);
/* A topic that exists is left as it is. */
extern bool kafka_embedded_create(const char *topic, int partitions,
								  Error *err) MUST_CHECK;

#endif /* TUPLECAST_KAFKA_SINK_H */
