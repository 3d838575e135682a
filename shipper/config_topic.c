/*
 * config_topic.c
 *		Settings of topics that are made: topic.creation.*, as Kafka Connect's.
 */
#include "config_internal.h"

/* what is a number, or -1 */
static const struct TopicNumber
{
	const char *name;
	int64_t most;
	const char *wanted;
} numbers[] = {
	{"replication.factor", 32767,
	 "It is a number of brokers, or -1 for the brokers' default."},
	{"partitions", 1000000,
	 "It is a number of partitions, or -1 for the brokers' default."},
};

static bool
bad_topic(const char *name, const char *value, const char *origin,
		  const char *wanted, Error *err)
{
	err_set(err, ERR_CONFIG, "config_bad_value",
			"the value \"%.100s\" of %.100s is not valid", value, name);
	err_detail(err, "It comes from %s.", origin);
	err_hint(err, "%s", wanted);
	return false;
}

bool
config_topic_set(Config *cfg, const char *name, const char *value,
				 const char *origin, int rank, Error *err)
{
	const char *rest = name + strlen("topic.creation.");
	int64_t n;
	bool on;

	if (strcmp(rest, "enable") == 0)
	{
		if (!config_parse_bool(value, &on))
			return bad_topic(name, value, origin, "It is true or false.", err);
		cfg->state->topic_creation_off = !on;
		return true;
	}
	if (strcmp(rest, "groups") == 0 && value[0] == '\0')
		return true;
	if (strncmp(rest, "default.", 8) != 0 || rest[8] == '\0')
	{
		err_set(err, ERR_CONFIG, "config_unsupported",
				"%.100s is not supported yet: only the group \"default\" is",
				name);
		err_detail(err, "It comes from %s.", origin);
		err_hint(err, "Make the topics of other groups before they are used, "
					  "and set topic.creation.default.* for the rest.");
		return false;
	}
	rest += 8;
	if (strcmp(rest, "include") == 0 || strcmp(rest, "exclude") == 0)
		return bad_topic(name, value, origin,
						 "The default group takes every topic; remove it.",
						 err);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(rest, numbers[i].name) == 0 &&
			(!config_parse_int(value, &n) ||
			 (n != -1 && (n < 1 || n > numbers[i].most))))
			return bad_topic(name, value, origin, numbers[i].wanted, err);
	config_pairs_set(&cfg->topic_creation, &cfg->state->topic_ranks, rest,
					 value, origin, false, rank);
	return true;
}
