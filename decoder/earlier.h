/*
 * earlier.h
 *		Whether a row's version was there for an earlier snapshot, too.
 */
#ifndef TUPLECAST_EARLIER_H
#define TUPLECAST_EARLIER_H

#include "postgres.h"

#include "executor/tuptable.h"

typedef struct EarlierSnapshot EarlierSnapshot;

/* text: of pg_current_snapshot() then; an error if it is not of that form. */
extern EarlierSnapshot *earlier_parse(const char *text);
/* The slot's row lies in a heap and is visible now. */
extern bool earlier_saw(const EarlierSnapshot *s, TupleTableSlot *slot);

#endif /* TUPLECAST_EARLIER_H */
