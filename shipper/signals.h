/*
 * signals.h
 *		SIGTERM and SIGINT, as something that poll() sees.
 */
#ifndef TUPLECAST_SIGNALS_H
#define TUPLECAST_SIGNALS_H

#include "err.h"

extern bool signals_init(Error *err) MUST_CHECK;
/* readable when a signal came */
extern int signals_fd(void);
/* How many times we were asked to stop so far; empties the pipe. */
extern int signals_stops(void);

#endif /* TUPLECAST_SIGNALS_H */
