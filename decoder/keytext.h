/*
 * keytext.h
 *		Keys as Connect's StringConverter writes them.
 */
#ifndef TUPLECAST_KEYTEXT_H
#define TUPLECAST_KEYTEXT_H

#include "postgres.h"

#include "lib/stringinfo.h"

/*
 * The text of a key that is JSON of ours: "Struct{id=1,name=x}" of an object,
 * without its nulls (Struct.toString), the bare value of anything else.
 */
extern void key_text_append(StringInfo out, const char *json, int len);
/* JSON's escapes undone, of a string without its quotes. */
extern void key_text_unescape(StringInfo out, const char *s, int len);

#endif /* TUPLECAST_KEYTEXT_H */
