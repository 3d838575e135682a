/*
 * pattern.h
 *		Lists of regular expressions as people write them for Debezium.
 *
 * An expression must match the whole name, without regard to case.  It is
 * written for Java and run by the server's own engine: what means the same in
 * both is passed on, the rest is refused by name.
 */
#ifndef TUPLECAST_PATTERN_H
#define TUPLECAST_PATTERN_H

#include "postgres.h"

#include "nodes/pg_list.h"

typedef struct PatternList
{
	int count;
	text **anchored; /* ^(?:…)$ */
} PatternList;

/* ERROR, naming the option, if an expression cannot be honoured. */
extern PatternList pattern_list_parse(const char *option, const char *value);
/* "name" is in the database's encoding. */
extern bool pattern_list_match(const PatternList *list, const char *name);
/* One expression alone, as in message.key.columns. */
extern text *pattern_compile(const char *option, const char *expression);
extern bool pattern_match(text *anchored, const char *name);
/* Comma separated, "\," is a comma, blanks around items are dropped. */
extern List *pattern_split(const char *value, char separator);

#endif /* TUPLECAST_PATTERN_H */
