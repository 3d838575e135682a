/*
 * commands.h
 *		The commands of main.c's table.
 */
#ifndef TUPLECAST_COMMANDS_H
#define TUPLECAST_COMMANDS_H

#include "config.h"
#include "err.h"
#include "log.h"

/* ---- commands.c ---- */
typedef bool (*CommandBody)(const Config *cfg, void *arg, Error *err);

/* Loads the configuration and runs the body with it; an error of either is
 * logged, in that form.  The result is the exit code. */
extern int command_run(int argc, char **argv, LogFormat format,
					   CommandBody body, void *arg);
/* Takes a flag of the command's own ("--json") out of argv, wherever it is;
 * true if it was there.  Before command_run(), as the next. */
extern bool command_take_flag(int *argc, char **argv, const char *flag);
/* Takes "NAME VALUE" or "NAME=VALUE" out of argv, once; NULL: it is not there,
 * "": it has no value. */
extern char *command_take_value(int *argc, char **argv, const char *name);

/* ---- cmd_*.c ---- */
/* argv without program and command name; the result is the exit code */
extern int cmd_run(int argc, char **argv);
extern int cmd_check(int argc, char **argv);
extern int cmd_init(int argc, char **argv);
extern int cmd_drop(int argc, char **argv);
extern int cmd_snapshot(int argc, char **argv);
extern int cmd_status(int argc, char **argv);
extern int cmd_config(int argc, char **argv);
/* Snapshots, of a running shipper or else as they are stored, as lines or JSON;
 * false: err. */
extern bool cmd_status_print_snapshot(const Config *cfg, bool json,
									  Error *err) MUST_CHECK;
/*
 * Deletes the position topic; one that position.topic names only if it was
 * asked for.  No topic, or a sink without one, is no error.
 */
extern bool cmd_drop_position(const Config *cfg, bool asked,
							  Error *err) MUST_CHECK;

#endif /* TUPLECAST_COMMANDS_H */
