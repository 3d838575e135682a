/*
 * mutant.h
 *		Deliberate defects, by which the tests of delivery are tested.
 *
 * Compiled in with -DTUPLECAST_MUTANT only, and then chosen by the environment:
 * MUTANT=confirm-early|drop|swap, the last two once in
 * MUTANT_EVERY records.  No release has them.
 */
#ifndef TUPLECAST_MUTANT_H
#define TUPLECAST_MUTANT_H

#include <stdbool.h>

#ifdef TUPLECAST_MUTANT
#include <stdlib.h>
#include <string.h>

static inline bool
mutant_is(const char *name)
{
	const char *chosen = getenv("MUTANT");

	return chosen != NULL && strcmp(chosen, name) == 0;
}

static inline bool
mutant_now(const char *name)
{
	static long calls;
	const char *every = getenv("MUTANT_EVERY");

	return mutant_is(name) &&
		   ++calls % (every != NULL ? strtol(every, NULL, 10) : 100000) == 0;
}
#else
#define mutant_is(name)	 (false)
#define mutant_now(name) (false)
#endif

#endif /* TUPLECAST_MUTANT_H */
