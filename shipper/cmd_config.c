/*
 * cmd_config.c
 *		`tuplecast config`: what holds, and why.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "log.h"

/* Takes "--explain FILE" or "--explain=FILE" out of argv; NULL: not there. */
static const char *
take_explain(int *argc, char **argv)
{
	static const char flag[] = "--explain";
	const char *path = NULL;
	int n = 0;

	for (int i = 0; i < *argc; i++)
	{
		if (strncmp(argv[i], "--explain=", sizeof(flag)) == 0)
			path = argv[i] + sizeof(flag);
		else if (strcmp(argv[i], flag) == 0)
			path = i + 1 < *argc ? argv[++i] : "";
		else
			argv[n++] = argv[i];
	}
	*argc = n;
	return path;
}

int
cmd_config(int argc, char **argv)
{
	bool json = config_take_flag(&argc, argv, "--json");
	bool markdown = config_take_flag(&argc, argv, "--markdown");
	const char *explained = take_explain(&argc, argv);
	Config cfg;
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
