/*
 * jsonexpand.h
 *		A JSON document in a string, turned into a struct with a schema, by the
 *		rules of the outbox event router.
 */
#ifndef TUPLECAST_JSONEXPAND_H
#define TUPLECAST_JSONEXPAND_H

#include "postgres.h"

#include "lib/stringinfo.h"

/*
 * Appends the struct and its schema (without the last brace); nulls and empty
 * arrays go unless "keep_nulls".  false: the document has no such form, as
 * with an array of mixed types.
 */
extern bool json_expand(const char *document, const char *name, bool keep_nulls,
						StringInfo value, StringInfo schema);

#endif /* TUPLECAST_JSONEXPAND_H */
