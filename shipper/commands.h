/*
 * commands.h
 *		The commands of main.c's table.
 */
#ifndef TUPLECAST_COMMANDS_H
#define TUPLECAST_COMMANDS_H

#include "config.h"
#include "err.h"

/* argv without program and command name; the result is the exit code */
extern int cmd_run(int argc, char **argv);
extern int cmd_check(int argc, char **argv);
extern int cmd_init(int argc, char **argv);
extern int cmd_drop(int argc, char **argv);
extern int cmd_snapshot(int argc, char **argv);
extern int cmd_status(int argc, char **argv);
/* What a running shipper says of itself, as lines or JSON; false: err. */
extern bool cmd_status_print_snapshot(const Config *cfg, bool json,
									  Error *err) MUST_CHECK;
/*
 * Deletes the position topic; one that position.topic names only if it was
 * asked for.  No topic, or a sink without one, is no error.
 */
extern bool cmd_drop_position(const Config *cfg, bool asked,
							  Error *err) MUST_CHECK;

#endif /* TUPLECAST_COMMANDS_H */
