/*
 * kafka_ready.c
 *		Is a topic there, may we write to it, shall we make it?  Runs in the
 *		worker's thread and may block.
 *
 * Why before the first record: librdkafka gives no early answer for a topic
 * that does not exist, and a topic that the broker makes by itself has the
 * broker's number of partitions, not the one that was asked for.
 */
#include "kafka_sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kafka_request.h"

/* how long a broker that answers may take to make a topic by itself */
#define CREATION_MS	   5000
#define RETRY_MS	   250
#define AWAY_RETRY_MS  500
#define TIMEOUT_MIN_MS 1000
#define TIMEOUT_MAX_MS 10000
#define CREATE_MS	   10000

/* ---- topic.creation.* ------------------------------------------------------ */

static bool
parse_count(const ConfigPair *p, int *out, Error *err)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(p->value, &end, 10);
	if (errno == 0 && end != p->value && *end == '\0' &&
		(v == -1 || (v >= 1 && v <= 100000)))
	{
		*out = (int) v;
		return true;
	}
	err_set(err, ERR_CONFIG, "topic_creation",
			"topic.creation.default.%s=\"%s\" is no number from 1, nor -1",
			p->name, p->value);
	err_hint(err, "-1 takes the brokers' default.");
	return false;
}

bool
kafka_creation_init(KafkaCreation *c, const Config *cfg, Error *err)
{
	const ConfigPairs *pairs = &cfg->topic_creation;

	memset(c, 0, sizeof(*c));
	c->bootstrap =
		sink_strndup(cfg->kafka_bootstrap, strlen(cfg->kafka_bootstrap));
	c->wanted = pairs->count > 0;
	c->partitions = c->replication = -1;
	c->configs = sink_alloc(pairs->count * sizeof(*c->configs));
	for (size_t i = 0; i < pairs->count; i++)
	{
		const ConfigPair *p = &pairs->items[i];

		if (strcmp(p->name, "partitions") == 0)
		{
			if (!parse_count(p, &c->partitions, err))
				return false;
		}
		else if (strcmp(p->name, "replication.factor") == 0)
		{
			if (!parse_count(p, &c->replication, err))
				return false;
		}
		else
		{
			ConfigPair *to = &c->configs[c->nconfigs++];

			to->name = sink_strndup(p->name, strlen(p->name));
			to->value = sink_strndup(p->value, strlen(p->value));
		}
	}
	return true;
}

void
kafka_creation_free(KafkaCreation *c)
{
	for (size_t i = 0; i < c->nconfigs; i++)
	{
		free(c->configs[i].name);
		free(c->configs[i].value);
	}
	free(c->configs);
	free(c->bootstrap);
	memset(c, 0, sizeof(*c));
}

/* ---- outcomes -------------------------------------------------------------- */

bool
kafka_again(KafkaJob *job, int after_ms)
{
	job->due_ms = clock_ms() + after_ms;
	return false;
}

/* job->err is filled */
bool
kafka_refuse(KafkaJob *job)
{
	job->ok = false;
	return true;
}

bool
kafka_is_patient(rd_kafka_resp_err_t code)
{
	switch (code)
	{
		case RD_KAFKA_RESP_ERR__TRANSPORT:
		case RD_KAFKA_RESP_ERR__TIMED_OUT:
		case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
		case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
		case RD_KAFKA_RESP_ERR__WAIT_COORD:
		case RD_KAFKA_RESP_ERR__WAIT_CACHE:
		case RD_KAFKA_RESP_ERR__INTR:
		case RD_KAFKA_RESP_ERR__DESTROY:
		case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
		case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
		case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
		case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
		case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
		case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
		case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
			return true;
		default:
			return false;
	}
}

/* ---- names that collide ---------------------------------------------------- */

static bool
collides(const char *a, const char *b)
{
	if (strcmp(a, b) == 0)
		return false;
	for (; *a != '\0' && *b != '\0'; a++, b++)
		if ((*a == '.' ? '_' : *a) != (*b == '.' ? '_' : *b))
			return false;
	return *a == *b;
}

/* true: another topic has this name but for '.' and '_'; err says so. */
static bool
find_collision(rd_kafka_t *rk, KafkaJob *job)
{
	const struct rd_kafka_metadata *md = NULL;
	bool found = false;

	if (rd_kafka_metadata(rk, 1, NULL, &md, TIMEOUT_MAX_MS) != 0)
		return false;
	for (int i = 0; !found && i < md->topic_cnt; i++)
	{
		const char *other = md->topics[i].topic;

		found = collides(other, job->name);
		if (!found)
			continue;
		err_set(&job->err, ERR_ENVIRONMENT, "topic_collision",
				"topic \"%s\" (of %s) cannot be created beside \"%s\"",
				job->name, job->table, other);
		err_detail(&job->err, "Kafka treats '.' and '_' in the names of topics "
							  "as the same character.");
		err_hint(&job->err,
				 "Delete \"%.249s\" if it is not needed, or give "
				 "the table another topic (topic.prefix, a "
				 "transform).",
				 other);
	}
	rd_kafka_metadata_destroy(md);
	return found;
}

static bool
refuse_missing(rd_kafka_t *rk, const KafkaCreation *c, KafkaJob *job)
{
	if (find_collision(rk, job))
		return kafka_refuse(job);
	err_set(&job->err, ERR_ENVIRONMENT, "topic_missing",
			"topic \"%s\" does not exist, and the brokers do not create it",
			job->name);
	err_detail(&job->err,
			   "Records of %.200s cannot be delivered; nothing after them is "
			   "confirmed.",
			   job->table);
	err_hint(&job->err,
			 "Create it: kafka-topics.sh --bootstrap-server %.200s --create "
			 "--topic %.249s; or let tuplecast create topics: "
			 "topic.creation.enable=true, topic.creation.default.partitions=-1 "
			 "and topic.creation.default.replication.factor=-1 (-1: the "
			 "brokers' default); or set auto.create.topics.enable=true at the "
			 "brokers.",
			 c->bootstrap, job->name);
	return kafka_refuse(job);
}

/* ---- making a topic -------------------------------------------------------- */

static rd_kafka_NewTopic_t *
new_topic(const KafkaCreation *c, KafkaJob *job)
{
	char errstr[KAFKA_ERRSTR_SIZE];
	rd_kafka_NewTopic_t *nt = rd_kafka_NewTopic_new(
		job->name, c->partitions, c->replication, errstr, sizeof(errstr));

	if (nt == NULL)
	{
		err_set(&job->err, ERR_CONFIG, "topic_creation", "topic.creation.*: %s",
				errstr);
		return NULL;
	}
	for (size_t i = 0; i < c->nconfigs; i++)
		if (rd_kafka_NewTopic_set_config(nt, c->configs[i].name,
										 c->configs[i].value) != 0)
		{
			err_set(&job->err, ERR_CONFIG, "topic_creation",
					"topic.creation.default.%s cannot be set",
					c->configs[i].name);
			rd_kafka_NewTopic_destroy(nt);
			return NULL;
		}
	return nt;
}

static bool
create(rd_kafka_t *rk, const KafkaCreation *c, KafkaJob *job)
{
	char text[KAFKA_ERRSTR_SIZE];
	rd_kafka_NewTopic_t *nt = new_topic(c, job);
	rd_kafka_resp_err_t code;

	if (nt == NULL)
		return kafka_refuse(job);
	code = kafka_request_creation(rk, nt, CREATE_MS, text, sizeof(text));
	rd_kafka_NewTopic_destroy(nt);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR ||
		code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
	{
		job->created = true;
		/* it must be seen from now on */
		job->first_answer_ms = clock_ms();
		return kafka_again(job, RETRY_MS / 5);
	}
	if (kafka_is_patient(code))
		return kafka_again(job, AWAY_RETRY_MS);
	/* a cluster that has just started may have too few brokers for a moment */
	if (code == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR &&
		clock_ms() - job->first_answer_ms < CREATION_MS)
		return kafka_again(job, RETRY_MS);
	if (code == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION && find_collision(rk, job))
		return kafka_refuse(job);
	kafka_error_set(&job->err, code, job->name, 0, text);
	if (job->err.kind == ERR_RETRY)
		err_hint(&job->err, "The brokers could not create the topic.");
	return kafka_refuse(job);
}

/* ---- looking --------------------------------------------------------------- */

static bool
judge_topic(rd_kafka_t *rk, const KafkaCreation *c, KafkaJob *job,
			const struct rd_kafka_metadata_topic *t)
{
	int64_t now = clock_ms();
	bool patient;

	if (job->first_answer_ms == 0)
		job->first_answer_ms = now;
	patient = now - job->first_answer_ms < CREATION_MS;
	if (t->err == RD_KAFKA_RESP_ERR_NO_ERROR && t->partition_cnt > 0)
	{
		job->ok = true;
		job->partitions = t->partition_cnt;
		/* more partitions may have been announced, not spread yet */
		return job->wanted_partition < t->partition_cnt || !patient
				   ? true
				   : kafka_again(job, RETRY_MS);
	}
	if (t->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
	{
		if (c->wanted && !job->created)
			return create(rk, c, job);
		return patient ? kafka_again(job, RETRY_MS)
					   : refuse_missing(rk, c, job);
	}
	if (t->err == RD_KAFKA_RESP_ERR_NO_ERROR || kafka_is_patient(t->err))
		return kafka_again(job, RETRY_MS);
	if (t->err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION && find_collision(rk, job))
		return kafka_refuse(job);
	if (!kafka_error_is_final(t->err) && patient)
		return kafka_again(job, RETRY_MS);
	kafka_error_set(&job->err, t->err, job->name, 0, NULL);
	return kafka_refuse(job);
}

bool
kafka_topic_look(rd_kafka_t *rk, const KafkaCreation *c, KafkaJob *job)
{
	const struct rd_kafka_metadata *md = NULL;
	rd_kafka_resp_err_t code;
	bool done = false;

	if (job->timeout_ms == 0)
		job->timeout_ms = TIMEOUT_MIN_MS;
	code = rd_kafka_metadata(rk, 0, job->handle, &md, job->timeout_ms);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		/* a broker that is connected but slow gets more time */
		if (code == RD_KAFKA_RESP_ERR__TIMED_OUT &&
			job->timeout_ms < TIMEOUT_MAX_MS)
			job->timeout_ms *= 2;
		return kafka_again(job, AWAY_RETRY_MS);
	}
	job->brokers = md->broker_cnt;
	if (job->name == NULL)
		job->ok = done = true;
	else if (md->topic_cnt == 1)
		done = judge_topic(rk, c, job, &md->topics[0]);
	else
		done = kafka_again(job, RETRY_MS);
	rd_kafka_metadata_destroy(md);
	return done;
}
