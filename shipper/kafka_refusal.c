/*
 * kafka_refusal.c
 *		Records that no topic takes: whose fault a refusal is, and what is known
 *		of earlier ones.
 *
 * The brokers refuse batches, not records.  A refused record that was alone in
 * its batch is refused for what it is; of another nobody knows, so everything
 * is sent again in smaller batches.  A client that had a refusal is made anew,
 * and the source is read again, so what was found out outlives both: it is of
 * the process.
 */
#include "kafka_sink.h"

#include <stdlib.h>
#include <string.h>

#include "dead_letter.h"

#define REFUSALS_MAX 4096
/* then a record is tried again: the limit may have been raised */
#define FORGET_MS 600000

typedef struct Refusal
{
	uint64_t hash; /* of topic and key, or of the topic alone */
	uint64_t size; /* of key and value; of a limit: the least refused */
	rd_kafka_resp_err_t code;
	int64_t when_ms;
} Refusal;

static struct
{
	Refusal *list;
	size_t count;
	int64_t batch_bytes; /* 0: as configured */
} memory;

static uint64_t
hash_more(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 1099511628211u;
	return h;
}

static uint64_t
hash_topic(const char *topic)
{
	/* with the zero at its end */
	return hash_more(14695981039346656037u, topic, strlen(topic) + 1);
}

bool
kafka_refusal_is_about_record(rd_kafka_resp_err_t code)
{
	switch (code)
	{
		case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
		case RD_KAFKA_RESP_ERR_INVALID_RECORD:
		case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
			return true;
		default:
			return false;
	}
}

void
kafka_refusal_forget(void)
{
	free(memory.list);
	memset(&memory, 0, sizeof(memory));
}

/* What is refused for its size stands for all that is larger. */
static Refusal *
find(uint64_t topic, uint64_t record, uint64_t size, int64_t now_ms)
{
	for (size_t i = 0; i < memory.count; i++)
	{
		Refusal *r = &memory.list[i];

		if (now_ms - r->when_ms > FORGET_MS)
			continue;
		if (r->code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
				? r->hash == topic && size >= r->size
				: r->hash == record && size == r->size)
			return r;
	}
	return NULL;
}

static void
remember(uint64_t hash, uint64_t size, rd_kafka_resp_err_t code, int64_t now_ms)
{
	size_t i = 0;

	if (memory.list == NULL)
		memory.list = sink_alloc(REFUSALS_MAX * sizeof(Refusal));
	/* the place of what is expired, or is a larger limit of the same topic */
	for (; i < memory.count; i++)
		if (now_ms - memory.list[i].when_ms > FORGET_MS ||
			(code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE &&
			 memory.list[i].code == code && memory.list[i].hash == hash))
			break;
	if (i == REFUSALS_MAX)
		i = 0;
	else if (i == memory.count)
		memory.count++;
	memory.list[i] = (Refusal){hash, size, code, now_ms};
}

bool
kafka_refusal_known(const char *topic, const StreamCopy *c,
					const FrameRecord *f, Error *err)
{
	uint64_t hash = hash_topic(topic);
	uint64_t record = hash;
	uint64_t size = 0;
	const Refusal *r;

	if (memory.count == 0)
		return false;
	if (f->key.data != NULL)
	{
		record = hash_more(record, c->key_head.data, c->key_head.len);
		record = hash_more(record, f->key.data, f->key.len);
		record = hash_more(record, c->key_tail.data, c->key_tail.len);
		size += (uint64_t) c->key_head.len + f->key.len + c->key_tail.len;
	}
	if (f->value.data != NULL)
		size += (uint64_t) c->value_head.len + f->value.len + c->value_tail.len;
	r = find(hash, record, size, clock_ms());
	if (r == NULL)
		return false;
	kafka_error_set(err, r->code, topic, size, NULL);
	return true;
}

bool
kafka_refusal_set_batch(rd_kafka_conf_t *conf, int64_t *batch_bytes, Error *err)
{
	char text[24];
	char errstr[KAFKA_ERRSTR_SIZE];
	size_t n = sizeof(text);

	*batch_bytes = 1;
	if (rd_kafka_conf_get(conf, "batch.size", text, &n) == RD_KAFKA_CONF_OK)
		*batch_bytes = strtoll(text, NULL, 10);
	if (memory.batch_bytes == 0 || memory.batch_bytes >= *batch_bytes)
		return true;
	*batch_bytes = memory.batch_bytes;
	snprintf(text, sizeof(text), "%lld", (long long) *batch_bytes);
	return rd_kafka_conf_set(conf, "batch.size", text, errstr,
							 sizeof(errstr)) == RD_KAFKA_CONF_OK ||
		   err_set(err, ERR_RESTART, "librdkafka", "batch.size: %s", errstr);
}

/* Of all that was in the batch nobody knows which record it was. */
static void
try_smaller(int64_t batch_bytes, bool size, Error *why)
{
	memory.batch_bytes = size && batch_bytes > 4 ? batch_bytes / 4 : 1;
	why->kind = ERR_RETRY;
	snprintf(why->code, sizeof(why->code), "batch_refused");
	err_hint(why,
			 "A batch of records was refused as a whole: all are sent "
			 "again in batches of at most %lld bytes.",
			 (long long) memory.batch_bytes);
}

void
kafka_refusal_judge(const Config *cfg, const rd_kafka_message_t *m,
					int64_t batch_bytes, Error *why)
{
	uint64_t size = (uint64_t) m->len + m->key_len;
	uint64_t hash = hash_topic(rd_kafka_topic_name(m->rkt));
	bool too_large = m->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
	bool wanted = dead_letter_wanted(cfg, why);

	if (!kafka_refusal_is_about_record(m->err))
		return;
	/* batches of one byte hold one record each */
	if (batch_bytes > 1 && size < (uint64_t) batch_bytes)
	{
		if (wanted || too_large)
			try_smaller(batch_bytes, too_large, why);
		return;
	}
	if (!wanted)
		return;
	if (!too_large)
	{
		hash = hash_more(hash, m->key, m->key_len);
		memory.batch_bytes = 0;
	}
	remember(hash, size, m->err, clock_ms());
	why->kind = ERR_RETRY;
	err_hint(why, "It is sent to the dead-letter topic.");
}
