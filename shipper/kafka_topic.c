/*
 * kafka_topic.c
 *		The topics that records went to, by name.
 *
 * Kafka treats two names that differ by '.' and '_' only as one in its metrics
 * and refuses the second; the table hashes names with '.' as '_', so that both
 * meet in one bucket and the second can be refused with both tables named.
 */
#include "kafka_sink.h"

#include <stdlib.h>
#include <string.h>

#define TOPIC_NAME_MAX 249

static inline uint8_t
canonical(uint8_t c)
{
	return c == '.' ? '_' : c;
}

static uint32_t
hash_name(const uint8_t *name, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ canonical(name[i])) * 16777619u;
	return h;
}

static bool
same_canonical(const KafkaTopic *t, const uint8_t *name, size_t len)
{
	if (t->name_len != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (canonical((uint8_t) t->name[i]) != canonical(name[i]))
			return false;
	return true;
}

void
kafka_topics_init(KafkaTopics *t, rd_kafka_t *rk)
{
	t->nbuckets = 64;
	t->count = 0;
	t->buckets = sink_alloc(t->nbuckets * sizeof(KafkaTopic *));
	t->rk = rk;
}

void
kafka_topics_free(KafkaTopics *t)
{
	for (size_t i = 0; i < t->nbuckets; i++)
		while (t->buckets[i] != NULL)
		{
			KafkaTopic *topic = t->buckets[i];

			t->buckets[i] = topic->next;
			free(topic->name);
			free(topic->table);
			free(topic->refusal);
			free(topic);
		}
	free(t->buckets);
	memset(t, 0, sizeof(*t));
}

static void
grow(KafkaTopics *t)
{
	size_t n = t->nbuckets * 4;
	KafkaTopic **buckets = sink_alloc(n * sizeof(KafkaTopic *));

	for (size_t i = 0; i < t->nbuckets; i++)
		while (t->buckets[i] != NULL)
		{
			KafkaTopic *topic = t->buckets[i];

			t->buckets[i] = topic->next;
			topic->next = buckets[topic->hash & (n - 1)];
			buckets[topic->hash & (n - 1)] = topic;
		}
	free(t->buckets);
	t->buckets = buckets;
	t->nbuckets = n;
}

static bool
check_name(const uint8_t *name, size_t len, const char *table, Error *err)
{
	bool ok = len > 0 && len <= TOPIC_NAME_MAX &&
			  !(len == 1 && name[0] == '.') &&
			  !(len == 2 && name[0] == '.' && name[1] == '.');

	for (size_t i = 0; ok && i < len; i++)
		ok = (name[i] >= 'a' && name[i] <= 'z') ||
			 (name[i] >= 'A' && name[i] <= 'Z') ||
			 (name[i] >= '0' && name[i] <= '9') || name[i] == '.' ||
			 name[i] == '_' || name[i] == '-';
	if (ok)
		return true;
	err_set(err, ERR_ENVIRONMENT, "topic_invalid",
			"Kafka allows no topic named \"%.*s\" (records of %s)",
			(int) (len < 260 ? len : 260), (const char *) name, table);
	err_hint(err, "A topic's name has 1 to 249 of the characters a-z A-Z 0-9 "
				  ". _ - and is not \".\" or \"..\": shorten topic.prefix, or "
				  "change the transform that makes the name.");
	return false;
}

static bool
collision(const KafkaTopic *t, const uint8_t *name, size_t len,
		  const char *table, Error *err)
{
	err_set(err, ERR_ENVIRONMENT, "topic_collision",
			"%s and %s would go to the topics \"%s\" and \"%.*s\", which "
			"Kafka does not allow beside each other",
			t->table, table, t->name, (int) len, (const char *) name);
	err_detail(err, "Kafka treats '.' and '_' in the names of topics as the "
					"same character.");
	err_hint(err, "Leave one of the tables out (table.exclude.list), rename "
				  "it, or route it to another topic by a transform.");
	return false;
}

static KafkaTopic *
add(KafkaTopics *t, uint32_t hash, const uint8_t *name, size_t len,
	const char *table, Error *err)
{
	KafkaTopic *topic = sink_alloc(sizeof(*topic));
	bool ok = true;

	topic->hash = hash;
	topic->name = sink_strndup(name, len);
	topic->name_len = (uint32_t) len;
	topic->table = sink_strndup(table, strlen(table));
	topic->wanted_partition = -1;
	/* the embedded broker makes topics by itself as soon as it hears of them */
	if (t->embedded_partitions > 0)
		ok = kafka_embedded_create(topic->name, t->embedded_partitions, err);
	if (ok)
	{
		topic->handle = rd_kafka_topic_new(t->rk, topic->name, NULL);
		if (topic->handle == NULL)
			kafka_error_set(err, rd_kafka_last_error(), topic->name, 0, NULL);
	}
	if (topic->handle == NULL)
	{
		free(topic->name);
		free(topic->table);
		free(topic);
		return NULL;
	}
	if (t->count >= t->nbuckets)
		grow(t);
	topic->next = t->buckets[hash & (t->nbuckets - 1)];
	t->buckets[hash & (t->nbuckets - 1)] = topic;
	t->count++;
	return topic;
}

KafkaTopic *
kafka_topics_get(KafkaTopics *t, const void *name, size_t len,
				 const char *table, Error *err)
{
	uint32_t hash = hash_name(name, len);
	KafkaTopic *topic = t->buckets[hash & (t->nbuckets - 1)];

	for (; topic != NULL; topic = topic->next)
	{
		if (topic->hash != hash || !same_canonical(topic, name, len))
			continue;
		if (memcmp(topic->name, name, len) == 0)
			return topic;
		collision(topic, name, len, table, err);
		return NULL;
	}
	if (!check_name(name, len, table, err))
		return NULL;
	return add(t, hash, name, len, table, err);
}

rd_kafka_topic_t *
kafka_topics_any(const KafkaTopics *t)
{
	for (size_t i = 0; i < t->nbuckets; i++)
		if (t->buckets[i] != NULL)
			return t->buckets[i]->handle;
	return NULL;
}
