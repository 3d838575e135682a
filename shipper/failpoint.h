/*
 * failpoint.h
 *		Places where a test can kill, delay or fail the program.
 *
 * TUPLECAST_FAILPOINT=NAME:kill, NAME:sleep=MS, NAME:hold=PATH (PATH.held is made;
 * it ends when PATH is there) or NAME:error, each with :NTH at
 * the end for the nth time only; several with commas.  Without the variable a
 * failpoint is one test of a flag.
 */
#ifndef TUPLECAST_FAILPOINT_H
#define TUPLECAST_FAILPOINT_H

#include "err.h"

extern bool failpoint_active;

/* Reads the variable; once, before threads. */
extern void failpoint_init(void);
/* true: an error is wanted here. */
extern bool failpoint_hit(const char *name);
/* Fills err, of a kind that time heals; false. */
extern bool failpoint_error(const char *name, Error *err);

/* true: fail here */
#define FAILPOINT(name) (failpoint_active && failpoint_hit(name))

#endif /* TUPLECAST_FAILPOINT_H */
