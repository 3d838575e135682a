/*
 * cmd_drop.c
 *		`tuplecast drop`: the slot goes, and with it the position.
 */
#include "commands.h"

#include <sys/prctl.h>

#include "config.h"
#include "log.h"
#include "slot_admin.h"


int
cmd_drop(int argc, char **argv)
{
	bool json = config_take_flag(&argc, argv, "--json");
	Config cfg;
	Error err;
	int code = 0;

	log_init(json ? LOG_JSON : LOG_TEXT, LOG_INFO);
	prctl(PR_SET_DUMPABLE, 0);
	if (!config_load(&cfg, argc, argv, &err))
	{
		log_error(LOG_ERROR, &err);
		return err_exit_code(&err);
	}
	if (slot_drop(&cfg, false, &err))
		log_event(LOG_INFO,
				  "dropped the replication slot: changes from now on are not "
				  "kept for it",
				  F_STR("slot", cfg.slot_name));
	else
	{
		log_error(LOG_ERROR, &err);
		code = err_exit_code(&err);
	}
	config_free(&cfg);
	return code;
}
