/*
 * kafka_position.c
 *		The position topic: makes it, and reads the last position.  Runs in the
 *		worker's thread and may block.
 *
 * What must not happen is that "none" is taken for an answer when it was only
 * late.  So the end of the topic is asked for first, with all that is not
 * committed yet; then everything is read that is committed, up to there.  In
 * exactly-once init_transactions() came before, so nobody else can add to it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "failpoint.h"
#include "kafka_request.h"
#include "kafka_sink.h"
#include "log.h"
#include "position.h"

#define METADATA_MS 5000
#define READ_MS		10000
#define RETRY_MS	250
/* until brokers know a topic that was just created */
#define CREATED_MS 10
#define CREATE_MS  10000
/* then a position that this process knows of is gone */
#define MISSING_MS 10000
/* how many of the last offsets are looked at, before all are */
#define FIRST_WINDOW  64
#define NEXT_WINDOW	  8192
#define TABLES_WINDOW 200000

char *
kafka_place_topic(const Config *cfg)
{
	char *topic;

	if (cfg->position_topic[0] != '\0')
		topic = strdup(cfg->position_topic);
	else if (asprintf(&topic, "__tuplecast-position.%s.%s", cfg->topic_prefix,
					  cfg->slot_name) < 0)
		topic = NULL;
	if (topic == NULL)
		abort();
	return topic;
}

char *
kafka_place_key(const Config *cfg, const char *what)
{
	char *key;

	/* none of them has characters that JSON escapes */
	if (asprintf(&key, "{\"prefix\":\"%s\",\"slot\":\"%s\"%s%s%s}",
				 cfg->topic_prefix, cfg->slot_name,
				 what != NULL ? ",\"what\":\"" : "", what != NULL ? what : "",
				 what != NULL ? "\"" : "") < 0)
		abort();
	return key;
}

static int
wanted_replication(const Config *cfg)
{
	for (size_t i = 0; i < cfg->topic_creation.count; i++)
		if (strcmp(cfg->topic_creation.items[i].name, "replication.factor") ==
			0)
			return (int) strtol(cfg->topic_creation.items[i].value, NULL, 10);
	return -1;
}

KafkaPlace *
kafka_place_new(const Config *cfg, const char *bootstrap, Error *err)
{
	KafkaPlace *p = sink_alloc(sizeof(*p));

	p->topic = kafka_place_topic(cfg);
	p->key = kafka_place_key(cfg, NULL);
	if (cfg->snapshot_new_tables != NEW_TABLES_OFF)
		p->tables_key = kafka_place_key(cfg, "tables");
	p->bootstrap = sink_strndup(bootstrap, strlen(bootstrap));
	p->exactly_once = cfg->delivery == DELIVERY_EXACTLY_ONCE;
	p->replication = wanted_replication(cfg);
	p->conf = kafka_conf_reader(cfg, bootstrap, err);
	if (p->conf != NULL)
		return p;
	kafka_place_free(p);
	return NULL;
}

void
kafka_place_free(KafkaPlace *p)
{
	if (p == NULL)
		return;
	if (p->conf != NULL)
		rd_kafka_conf_destroy(p->conf);
	free(p->topic);
	free(p->key);
	free(p->tables_key);
	free(p->bootstrap);
	free(p);
}

/* ---- the topic ------------------------------------------------------------- */

static rd_kafka_t *
reader(const KafkaPlace *p, const char *isolation, Error *err)
{
	char errstr[KAFKA_ERRSTR_SIZE] = "";
	rd_kafka_conf_t *conf = rd_kafka_conf_dup(p->conf);
	rd_kafka_t *rk = NULL;

	if (rd_kafka_conf_set(conf, "isolation.level", isolation, errstr,
						  sizeof(errstr)) == RD_KAFKA_CONF_OK)
		rk = kafka_client_new(RD_KAFKA_CONSUMER, conf, errstr, sizeof(errstr));
	if (rk != NULL)
		return rk;
	rd_kafka_conf_destroy(conf);
	err_set(err, ERR_CONFIG, "kafka_setting", "kafka.*: %s", errstr);
	return NULL;
}

static void
set_topic_configs(rd_kafka_NewTopic_t *nt)
{
	/* so that old positions go soon: only closed segments are compacted */
	rd_kafka_NewTopic_set_config(nt, "cleanup.policy", "compact");
	rd_kafka_NewTopic_set_config(nt, "segment.bytes", "16777216");
	rd_kafka_NewTopic_set_config(nt, "segment.ms", "86400000");
	rd_kafka_NewTopic_set_config(nt, "min.cleanable.dirty.ratio", "0.1");
}

static bool
create(rd_kafka_t *rk, const KafkaPlace *p, KafkaJob *job)
{
	char text[KAFKA_ERRSTR_SIZE] = "";
	rd_kafka_NewTopic_t *nt =
		rd_kafka_NewTopic_new(p->topic, 1, p->replication, text, sizeof(text));
	rd_kafka_resp_err_t code;

	if (nt == NULL)
	{
		err_set(&job->err, ERR_CONFIG, "position_topic", "position.topic: %s",
				text);
		return kafka_refuse(job);
	}
	set_topic_configs(nt);
	code = kafka_request_creation(rk, nt, CREATE_MS, text, sizeof(text));
	rd_kafka_NewTopic_destroy(nt);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		return kafka_again(job, CREATED_MS);
	if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS ||
		!kafka_error_is_final(code))
		return kafka_again(job, RETRY_MS);
	err_set(&job->err, ERR_ENVIRONMENT, "position_topic_missing",
			"the position topic \"%s\" does not exist and cannot be created: "
			"%s",
			p->topic, text[0] != '\0' ? text : rd_kafka_err2str(code));
	err_detail(&job->err, "It holds how far the changes of the slot were "
						  "delivered.");
	err_hint(&job->err,
			 "Create it: kafka-topics.sh --bootstrap-server %.200s --create "
			 "--topic %.249s --partitions 1 --config cleanup.policy=compact "
			 "(and allow tuplecast Read, Write and Describe on it); or allow "
			 "tuplecast Create on it; or name another one with "
			 "position.topic.",
			 p->bootstrap, p->topic);
	return kafka_refuse(job);
}

/*
 * A position that this process knows of is not there.  A broker that has just
 * started may not know its topics yet: some seconds decide whether it is gone.
 */
static bool
still_expected(const KafkaPlace *p, KafkaJob *job)
{
	int64_t now = clock_ms();

	if (!job->expected)
		return false;
	if (job->missing_ms == 0)
	{
		job->missing_ms = now;
		log_event(LOG_WARN, "the position is missing: asking again",
				  F_STR("topic", p->topic));
	}
	return now - job->missing_ms < MISSING_MS;
}

/* true: it is there and fit; else *done as of a job. */
static bool
look(rd_kafka_t *rk, const KafkaPlace *p, rd_kafka_topic_t *rkt, KafkaJob *job,
	 bool *done)
{
	const struct rd_kafka_metadata *md = NULL;
	rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, rkt, &md, METADATA_MS);
	int partitions = 0;

	if (code == 0)
	{
		code = md->topic_cnt == 1 ? md->topics[0].err
								  : RD_KAFKA_RESP_ERR__TIMED_OUT;
		partitions = md->topic_cnt == 1 ? md->topics[0].partition_cnt : 0;
		rd_kafka_metadata_destroy(md);
	}
	if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		*done = still_expected(p, job) ? kafka_again(job, RETRY_MS)
									   : create(rk, p, job);
	else if (code != 0 && kafka_error_is_final(code))
	{
		kafka_error_set(&job->err, code, p->topic, 0, NULL);
		*done = kafka_refuse(job);
	}
	else if (code != 0 || partitions == 0)
		*done = kafka_again(job, RETRY_MS);
	else if (partitions != 1)
	{
		err_set(&job->err, ERR_ENVIRONMENT, "position_topic_partitions",
				"the position topic \"%s\" has %d partitions", p->topic,
				partitions);
		err_detail(&job->err, "With more than one nobody can say which "
							  "position is the last.");
		err_hint(&job->err, "Name another topic with position.topic, or, if "
							"this one holds nothing yet, delete it; tuplecast "
							"makes it with one partition.");
		*done = kafka_refuse(job);
	}
	else
		return true;
	return false;
}

/* ---- reading --------------------------------------------------------------- */

typedef struct Found
{
	void *data; /* owned; NULL: none */
	size_t len;
	uint64_t generation;
	bool gone; /* there was one: somebody deleted it */
	/* which tables were captured */
	bool tables_only; /* no position is looked for */
	void *tables;	  /* owned; NULL: none */
	size_t tables_len;
} Found;

/*
 * The last one counts; but not one of an older generation, which a process wrote
 * that had lost the slot without knowing.  What cannot be read is kept, so that
 * it is told.
 */
static void
take(Found *f, const rd_kafka_message_t *m)
{
	Position p;
	Error ignored;
	uint64_t generation = f->generation;

	if (m->len > 0 && position_from_json(&p, m->payload, m->len, &ignored))
	{
		generation = p.generation;
		position_free(&p);
	}
	if (generation < f->generation)
		return;
	free(f->data);
	*f = (Found){.generation = generation, .gone = m->payload == NULL};
	if (m->payload == NULL)
		return;
	f->data = sink_alloc(m->len + 1);
	memcpy(f->data, m->payload, m->len);
	f->len = m->len;
}

static void
take_tables(Found *f, const rd_kafka_message_t *m)
{
	free(f->tables);
	f->tables = NULL;
	f->tables_len = m->len;
	if (m->payload == NULL)
		return;
	f->tables = sink_alloc(m->len + 1);
	memcpy(f->tables, m->payload, m->len);
}

static bool
has_key(const rd_kafka_message_t *m, const char *key)
{
	return key != NULL && m->key_len == strlen(key) &&
		   memcmp(m->key, key, m->key_len) == 0;
}

/* true: all from start to the end was seen. */
static bool
read_window(const KafkaPlace *p, rd_kafka_topic_t *rkt, int64_t start,
			int64_t end, Found *f)
{
	int64_t until = clock_ms() + READ_MS;
	bool complete = false;

	if (rd_kafka_consume_start(rkt, 0, start) != 0)
		return false;
	while (!complete && clock_ms() < until)
	{
		rd_kafka_message_t *m = rd_kafka_consume(rkt, 0, 500);

		if (m == NULL)
			continue;
		if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
			complete = m->offset >= end;
		else if (m->err == 0)
		{
			if (has_key(m, p->key) && !f->tables_only)
				take(f, m);
			else if (has_key(m, p->tables_key))
				take_tables(f, m);
			complete = m->offset + 1 >= end;
		}
		else if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
			until = 0;
		rd_kafka_message_destroy(m);
	}
	rd_kafka_consume_stop(rkt, 0);
	return complete;
}

/* The last position between the two; false: not known, try again. */
static bool
read_back(const KafkaPlace *p, int64_t low, int64_t high, Found *f, Error *err)
{
	static const int64_t windows[] = {FIRST_WINDOW, NEXT_WINDOW, INT64_MAX};
	rd_kafka_t *rk = reader(p, "read_committed", err);
	rd_kafka_topic_t *rkt =
		rk != NULL ? rd_kafka_topic_new(rk, p->topic, NULL) : NULL;
	bool known = rkt != NULL;

	for (int i = 0; known && i < 3; i++)
	{
		int64_t start = high - low > windows[i] ? high - windows[i] : low;

		known = read_window(p, rkt, start, high, f);
		if (f->data != NULL || start == low)
			break;
	}
	if (rkt != NULL)
		rd_kafka_topic_destroy(rkt);
	if (rk != NULL)
		rd_kafka_destroy(rk);
	return known;
}

/* It is written again each hour, so it is not far; where it is not found, all
 * but new tables goes on. */
static void
read_tables(const KafkaPlace *p, int64_t low, int64_t high, KafkaJob *job)
{
	Found f = {.tables_only = true};
	Error ignored;
	rd_kafka_t *rk = reader(p, "read_committed", &ignored);
	rd_kafka_topic_t *rkt =
		rk != NULL ? rd_kafka_topic_new(rk, p->topic, NULL) : NULL;

	if (rkt != NULL)
	{
		if (read_window(p, rkt,
						high - low > TABLES_WINDOW ? high - TABLES_WINDOW : low,
						high, &f))
		{
			job->tables = f.tables;
			job->tables_len = f.tables_len;
		}
		else
			free(f.tables);
		rd_kafka_topic_destroy(rkt);
	}
	if (rk != NULL)
		rd_kafka_destroy(rk);
}

static bool
recover_with(rd_kafka_t *rk, KafkaPlace *p, rd_kafka_topic_t *rkt,
			 KafkaJob *job)
{
	int64_t low = 0;
	int64_t high = 0;
	Found f = {0};
	bool done;

	if (!look(rk, p, rkt, job, &done))
		return done;
	if (rd_kafka_query_watermark_offsets(rk, p->topic, 0, &low, &high,
										 METADATA_MS) != 0)
		return kafka_again(job, RETRY_MS);
	if (FAILPOINT("in_position_read"))
	{
		failpoint_error("in_position_read", &job->err);
		return kafka_refuse(job);
	}
	err_clear(&job->err);
	if (high > low && !read_back(p, low, high, &f, &job->err))
	{
		free(f.data);
		free(f.tables);
		return job->err.kind != ERR_NONE ? kafka_refuse(job)
										 : kafka_again(job, RETRY_MS);
	}
	free(f.tables);
	if (f.data == NULL && still_expected(p, job))
		return kafka_again(job, RETRY_MS);
	if (high > low && p->tables_key != NULL)
		read_tables(p, low, high, job);
	job->position = f.data;
	job->position_len = f.len;
	/* what was never committed, or is of another slot, was no position: compaction
	 * keeps the last one, and moves no beginning */
	job->used = low > 0 || f.gone;
	job->ok = true;
	return true;
}

/* ---- only looking ---------------------------------------------------------- */

/* 1: it is there; 0: it is not; -1: err */
static int
find_topic(rd_kafka_t *rk, const KafkaPlace *p, rd_kafka_topic_t *rkt,
		   Error *err)
{
	const struct rd_kafka_metadata *md = NULL;
	rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, rkt, &md, METADATA_MS);

	if (code == 0)
	{
		code = md->topic_cnt == 1 ? md->topics[0].err
								  : RD_KAFKA_RESP_ERR__TIMED_OUT;
		rd_kafka_metadata_destroy(md);
	}
	if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		return 0;
	if (code == 0)
		return 1;
	kafka_error_set(err, code, p->topic, 0, NULL);
	return -1;
}

static char *
peek(const KafkaPlace *p, rd_kafka_t *rk, rd_kafka_topic_t *rkt, Error *err)
{
	int64_t low = 0;
	int64_t high = 0;
	Found f = {0};
	rd_kafka_resp_err_t code;

	if (find_topic(rk, p, rkt, err) != 1)
		return NULL;
	/* of a client that reads what is committed: up to the first open
	 * transaction */
	code = rd_kafka_query_watermark_offsets(rk, p->topic, 0, &low, &high,
											METADATA_MS);
	if (code != 0)
		kafka_error_set(err, code, p->topic, 0, NULL);
	else if (high > low && !read_back(p, low, high, &f, err) &&
			 err->kind == ERR_NONE)
		kafka_error_set(err, RD_KAFKA_RESP_ERR__TIMED_OUT, p->topic, 0, NULL);
	free(f.tables);
	if (err->kind == ERR_NONE)
		return f.data;
	free(f.data);
	return NULL;
}

char *
kafka_position_peek(const Config *cfg, Error *err)
{
	KafkaPlace *p = kafka_place_new(cfg, cfg->kafka_bootstrap, err);
	rd_kafka_t *rk = p != NULL ? reader(p, "read_committed", err) : NULL;
	rd_kafka_topic_t *rkt =
		rk != NULL ? rd_kafka_topic_new(rk, p->topic, NULL) : NULL;
	char *text = NULL;

	if (rkt != NULL)
	{
		err_clear(err);
		text = peek(p, rk, rkt, err);
		rd_kafka_topic_destroy(rkt);
	}
	else if (rk != NULL)
		err_set(err, ERR_CONFIG, "position_topic",
				"\"%s\" cannot be the name of a topic", p->topic);
	if (rk != NULL)
		rd_kafka_destroy(rk);
	kafka_place_free(p);
	return text;
}

bool
kafka_position_recover(rd_kafka_t *rk, KafkaPlace *p, KafkaJob *job)
{
	rd_kafka_t *client;
	rd_kafka_topic_t *rkt;
	bool begin = p->exactly_once && !p->fenced;
	bool done;

	if (p->exactly_once && !kafka_txn_init(rk, p, job, &done))
		return done;
	client = reader(p, "read_uncommitted", &job->err);
	if (client == NULL)
		return kafka_refuse(job);
	rkt = rd_kafka_topic_new(client, p->topic, NULL);
	done = rkt != NULL ? recover_with(client, p, rkt, job)
					   : kafka_again(job, RETRY_MS);
	if (rkt != NULL)
		rd_kafka_topic_destroy(rkt);
	rd_kafka_destroy(client);
	if (begin)
		p->begin = true;
	if (done && job->ok && p->begin)
	{
		p->begin = false;
		if (!kafka_txn_begin(rk, &job->err))
			return kafka_refuse(job);
	}
	return done;
}
