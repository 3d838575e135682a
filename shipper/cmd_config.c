/*
 * cmd_config.c
 *		`tuplecast config`: what holds, and why.
 */
#include "commands.h"

/* arg: whether as JSON */
static bool
print_settings(const Config *cfg, void *arg, Error *err)
{
	const bool *json = arg;

	(void) err;
	if (*json)
		config_print_json(cfg, stdout);
	else
		config_print_text(cfg, stdout);
	for (const char *const *w = config_warnings(cfg); *w != NULL; w++)
		log_event(LOG_WARN, *w);
	return true;
}

int
cmd_config(int argc, char **argv)
{
	bool json = command_take_flag(&argc, argv, "--json");
	bool markdown = command_take_flag(&argc, argv, "--markdown");
	const char *explained = command_take_value(&argc, argv, "--explain");
	Error err;

	if (markdown)
	{
		config_print_markdown(stdout);
		return 0;
	}
	if (explained != NULL)
	{
		if (config_explain(explained, argc, argv, json, stdout, &err))
			return 0;
		fflush(stdout);
		log_error(LOG_ERROR, &err);
		return err_exit_code(&err);
	}
	return command_run(argc, argv, LOG_TEXT, print_settings, &json);
}
