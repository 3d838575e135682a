/*
 * route.h
 *		A topic's new name: a regular expression and its replacement, as Java's
 *		Matcher.matches() and replaceFirst() have them.
 *
 * The expression must match the whole name, with regard to case.  In the
 * replacement "$1" and "${name}" are groups and "\" quotes what follows.
 */
#ifndef TUPLECAST_ROUTE_H
#define TUPLECAST_ROUTE_H

#include "postgres.h"

typedef struct Route
{
	text *anchored;
	int ngroups;
	char **names; /* of the groups, from 1; NULL: has none */
	const char *replacement;
} Route;

/* In the current context; ERROR, naming "what", if it cannot be honoured. */
extern Route *route_compile(const char *what, const char *regex,
							const char *replacement);
/* The new name, palloc'd, or NULL if the expression does not match. */
extern char *route_apply(const Route *route, const char *name);
/* An expression alone, of the same kind. */
extern bool route_match(text *anchored, const char *name);

#endif /* TUPLECAST_ROUTE_H */
