/*
 * cmd_drop.c
 *		`tuplecast drop`: the slot goes, and with it the position.
 *
 * With --position only the position that the destination keeps.
 */
#include "commands.h"

#include <stdlib.h>
#include <string.h>

#include "kafka_admin.h"
#include "slot_admin.h"


/* A topic that the user named may hold more than ours. */
bool
cmd_drop_position(const Config *cfg, bool asked, Error *err)
{
	char *topic = kafka_place_topic(cfg);
	bool existed = false;
	bool ok = true;

	if (cfg->sink != SINK_KAFKA ||
		strcmp(cfg->kafka_bootstrap, "embedded") == 0)
		;
	else if (cfg->kafka_bootstrap[0] == '\0' || cfg->topic_prefix[0] == '\0')
	{
		if (asked)
		{
			ok = err_set(err, ERR_CONFIG, "config_missing",
						 "brokers and prefix are needed to find the position");
			err_hint(err, "Add --kafka HOST:PORT and --prefix NAME.");
		}
		else
			log_event(LOG_INFO, "the position topic, if there is one, stays: "
								"no brokers or no prefix are named");
	}
	else if (cfg->position_topic[0] != '\0' && !asked)
		log_event(LOG_INFO,
				  "the position topic stays, it was named by "
				  "position.topic; drop --position deletes it",
				  F_STR("topic", topic));
	else
	{
		ok = kafka_admin_delete(cfg, topic, &existed, err);
		if (existed)
			log_event(LOG_INFO,
					  "deleted the position topic: the next start begins at "
					  "the slot",
					  F_STR("topic", topic));
		else if (ok && asked)
			log_event(LOG_INFO, "there is no position topic",
					  F_STR("topic", topic));
	}
	free(topic);
	return ok;
}

/* arg: whether only the position is to go */
static bool
run_drop(const Config *cfg, void *arg, Error *err)
{
	const bool *position = arg;

	if (!*position)
	{
		if (!slot_drop(cfg, false, err))
			return false;
		log_event(LOG_INFO,
				  "dropped the replication slot: changes from now on are not "
				  "kept for it",
				  F_STR("slot", cfg->slot_name));
	}
	return cmd_drop_position(cfg, *position, err);
}

int
cmd_drop(int argc, char **argv)
{
	bool json = command_take_flag(&argc, argv, "--json");
	bool position = command_take_flag(&argc, argv, "--position");

	return command_run(argc, argv, json ? LOG_JSON : LOG_TEXT, run_drop,
					   &position);
}
