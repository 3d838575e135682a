/*
 * json_text.h
 *		Any text as a JSON value.
 */
#ifndef TUPLECAST_JSON_TEXT_H
#define TUPLECAST_JSON_TEXT_H

#include <jansson.h>

/* Never NULL, whatever bytes it has: what is no UTF-8 becomes "". */
static inline json_t *
json_text(const char *s)
{
	json_t *v = json_string(s);

	return v != NULL ? v : json_string("");
}

#endif /* TUPLECAST_JSON_TEXT_H */
