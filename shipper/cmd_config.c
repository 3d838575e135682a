/*
 * cmd_config.c
 *		`tuplecast config`: what holds, and why.
 */
#include "config.h"

#include <stdio.h>

#include "log.h"

int
cmd_config(int argc, char **argv)
{
	bool json = config_take_flag(&argc, argv, "--json");
	bool markdown = config_take_flag(&argc, argv, "--markdown");
	Config cfg;
	Error err;

	if (markdown)
	{
		config_print_markdown(stdout);
		return 0;
	}
	if (!config_load(&cfg, argc, argv, &err))
	{
		log_error(LOG_ERROR, &err);
		return err_exit_code(&err);
	}
	if (json)
		config_print_json(&cfg, stdout);
	else
		config_print_text(&cfg, stdout);
	for (const char *const *w = config_warnings(&cfg); *w != NULL; w++)
		log_event(LOG_WARN, *w);
	config_free(&cfg);
	return 0;
}
