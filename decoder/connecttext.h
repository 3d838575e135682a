/*
 * connecttext.h
 *		Values as the text that Kafka Connect makes of them, in place of JSON.
 */
#ifndef TUPLECAST_CONNECTTEXT_H
#define TUPLECAST_CONNECTTEXT_H

#include "postgres.h"

#include "lib/stringinfo.h"

typedef enum ConnectText
{
	/* Values.convertToString, of SimpleHeaderConverter: {"id":1} */
	CONNECT_TEXT_SIMPLE,
	/* Object.toString, of StringConverter: Struct{id=1,name=x} */
	CONNECT_TEXT_JAVA
} ConnectText;

/*
 * Appends the text of a value that is JSON of ours.  Its schema, in JSON, tells
 * decimals and times from numbers; NULL if it has none that matter: then an
 * object is a struct.
 */
extern void connect_text(StringInfo out, const char *json, const char *schema,
						 ConnectText kind);

/*
 * What Connect makes of a text in a configuration (Values.parseString): JSON
 * and its schema, in the current context; both NULL of the word null.
 */
extern void connect_literal(const char *text, const char **json,
							const char **schema);

#endif /* TUPLECAST_CONNECTTEXT_H */
