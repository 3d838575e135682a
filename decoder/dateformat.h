/*
 * dateformat.h
 *		Instants as text by a pattern of Java's SimpleDateFormat, in UTC and
 *		English.
 */
#ifndef TUPLECAST_DATEFORMAT_H
#define TUPLECAST_DATEFORMAT_H

#include "postgres.h"

#include "lib/stringinfo.h"

/* NULL, or what in the pattern is not supported */
extern const char *dateformat_check(const char *pattern);
/* ms since 1970 */
extern void dateformat_append(StringInfo out, int64 ms, const char *pattern);
/* false if the text does not match the pattern */
extern bool dateformat_parse(const char *s, const char *pattern, int64 *ms);

#endif /* TUPLECAST_DATEFORMAT_H */
