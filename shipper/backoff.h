/*
 * backoff.h
 *		When to try again, and what to say about it meanwhile.
 *
 * 0.1 s, doubled up to 10 s, with jitter.  The first failure is logged, and
 * each of another kind; of those that repeat, one a minute.
 */
#ifndef TUPLECAST_BACKOFF_H
#define TUPLECAST_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

typedef struct Backoff
{
	int failures;	  /* in a row */
	int64_t since_ms; /* of the first of them */
	int64_t next_ms;  /* when to try again; 0: at once */
	int64_t logged_ms;
	char code[48]; /* of the last failure */
} Backoff;

/* Notes a failure, logs it if it is time to. */
extern void backoff_fail(Backoff *b, const Error *err, int64_t now_ms);
/* It works again: says so if it did not before. */
extern void backoff_succeed(Backoff *b, const char *what, int64_t now_ms);

#endif /* TUPLECAST_BACKOFF_H */
