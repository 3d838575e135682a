/*
 * commands.h
 *		The commands of main.c's table.
 */
#ifndef TUPLECAST_COMMANDS_H
#define TUPLECAST_COMMANDS_H

/* argv without program and command name; the result is the exit code */
extern int cmd_run(int argc, char **argv);
extern int cmd_check(int argc, char **argv);
extern int cmd_init(int argc, char **argv);
extern int cmd_drop(int argc, char **argv);

#endif /* TUPLECAST_COMMANDS_H */
