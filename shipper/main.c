/*
 * main.c
 *		The table of commands.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "config.h"

typedef struct Command
{
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} Command;

static int cmd_version(int argc, char **argv);
static int cmd_help(int argc, char **argv);

static const Command commands[] = {
	{"run", cmd_run,
	 "send the changes of a database to Kafka until told to stop"},
	{"check", cmd_check,
	 "look for everything that would keep run from working"},
	{"init", cmd_init,
	 "make slot and publication; with --from-slot, at the place of another program's"},
	{"drop", cmd_drop,
	 "drop the slot and the position (--position: only that)"},
	{"status", cmd_status,
	 "how far slot and shipper are, and how fast (--watch)"},
	{"snapshot", cmd_snapshot,
	 "start TABLE… [--where SQL], pause, resume, stop or status: rows of tables, beside the stream"},
	{"config", cmd_config, "show every setting and where it comes from"},
	{"version", cmd_version, "show the version"},
	{"help", cmd_help, "show this"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))


int
main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	int code = 2;

	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	else if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		name = "version";
	for (int i = 2; i < argc; i++)
	{
		if (strcmp(argv[i], "--help") == 0)
			name = "help";
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++)
	{
		if (strcmp(name, commands[i].name) == 0)
		{
			code = commands[i].run(argc - 2, argv + 2);
			if (fflush(stdout) != 0 && code == 0)
				code = 1;
			exit(code);
		}
	}
	if (name[0] == '\0')
		fputs("tuplecast: no command given", stderr);
	else
		fprintf(stderr, "tuplecast: no such command: \"%s\"", name);
	fputs("; there are:", stderr);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(stderr, " %s", commands[i].name);
	fputs(". Try: tuplecast --help\n", stderr);
	exit(code);
}

static int
cmd_version(int argc, char **argv)
{
	(void) argc;
	(void) argv;
	puts("tuplecast " TUPLECAST_VERSION);
	return 0;
}

static int
cmd_help(int argc, char **argv)
{
	(void) argc;
	(void) argv;
	puts(
		"tuplecast " TUPLECAST_VERSION
		": the changes of a PostgreSQL database as records in Kafka\n"
		"\n"
		"  tuplecast run --source postgres://USER@HOST/DATABASE --kafka HOST:PORT --prefix NAME\n"
		"  tuplecast run --config FILE     (.properties, or a Debezium connector's JSON)\n"
		"\n"
		"Commands:");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].help);
	puts(
		"\n"
		"Options, as --NAME=VALUE, as NAME=VALUE in a file, or as TUPLECAST_NAME (dots become\n"
		"underscores) in the environment:");
	config_print_options(stdout);
	puts(
		"\n"
		"Exit codes: 0 ok; 1 a restart may help; 2 configuration; 3 a person must act.");
	return 0;
}
