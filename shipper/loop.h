/*
 * loop.h
 *		The one thread: source to sink, acknowledgements to the slot.
 */
#ifndef TUPLECAST_LOOP_H
#define TUPLECAST_LOOP_H

#include "config.h"
#include "err.h"

/*
 * Runs until a signal or an error that time does not heal; signals_init() comes
 * before.  false: err says why, its kind gives the exit code.
 */
extern bool loop_run(const Config *cfg, Error *err) MUST_CHECK;

#endif /* TUPLECAST_LOOP_H */
