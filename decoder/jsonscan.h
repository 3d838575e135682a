/*
 * jsonscan.h
 *		Finding one's way in JSON text that is known to be valid.
 */
#ifndef TUPLECAST_JSONSCAN_H
#define TUPLECAST_JSONSCAN_H

#include "postgres.h"

#include "lib/stringinfo.h"

/* What follows the value that begins at p. */
extern const char *jsonscan_skip(const char *p);
extern const char *jsonscan_blanks(const char *p);
/* The value of an object's member, or NULL. */
extern const char *jsonscan_member(const char *object, const char *name);
/* The UTF-8 of a JSON string that begins at p; *len may be NULL. */
extern char *jsonscan_unquote(const char *p, int *len);
/* A copy of the value that begins at p. */
extern char *jsonscan_copy(const char *p);

#endif /* TUPLECAST_JSONSCAN_H */
