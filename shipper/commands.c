/*
 * commands.c
 *		What commands begin and end with.
 */
#include "commands.h"

#include <string.h>
#include <sys/prctl.h>


int
command_run(int argc, char **argv, LogFormat format, CommandBody body,
			void *arg)
{
	Config cfg;
	Error err;
	int code = 0;

	log_init(format, LOG_INFO);
	/* passwords are in our memory: no core dump, no debugger of the same user */
	prctl(PR_SET_DUMPABLE, 0);
	if (!config_load(&cfg, argc, argv, &err))
	{
		log_error(LOG_ERROR, &err);
		return err_exit_code(&err);
	}
	if (!body(&cfg, arg, &err))
	{
		log_error(LOG_ERROR, &err);
		code = err_exit_code(&err);
	}
	config_free(&cfg);
	return code;
}

bool
command_take_flag(int *argc, char **argv, const char *flag)
{
	bool found = false;
	int n = 0;

	for (int i = 0; i < *argc; i++)
	{
		if (strcmp(argv[i], flag) == 0)
			found = true;
		else
			argv[n++] = argv[i];
	}
	*argc = n;
	return found;
}

char *
command_take_value(int *argc, char **argv, const char *name)
{
	size_t len = strlen(name);

	for (int i = 0; i < *argc; i++)
	{
		int n = 0;
		char *value = NULL;

		if (strcmp(argv[i], name) == 0)
		{
			n = i + 1 < *argc ? 2 : 1;
			value = n == 2 ? argv[i + 1] : argv[i] + len;
		}
		else if (strncmp(argv[i], name, len) == 0 && argv[i][len] == '=')
		{
			n = 1;
			value = argv[i] + len + 1;
		}
		if (n == 0)
			continue;
		memmove(&argv[i], &argv[i + n],
				(size_t) (*argc - i - n) * sizeof(*argv));
		*argc -= n;
		return value;
	}
	return NULL;
}
