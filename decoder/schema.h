/*
 * schema.h
 *		Connect schemas as JsonConverter writes them: the constant text around
 *		each record when schemas are enabled.
 */
#ifndef TUPLECAST_SCHEMA_H
#define TUPLECAST_SCHEMA_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "encode.h"

/* A plain type without a name. */
extern void schema_plain(StringInfo out, const char *type, bool optional,
						 const char *field);

/* The schema of a table's key, NULL if it has none. */
extern const char *schema_key(const Encoder *enc, const RelationPlan *plan);
/* Fills heads and tails of a table's stream, in the current context. */
extern void schema_fill_table(const Encoder *enc, RelationPlan *plan);
/* The same of the stream of logical messages. */
extern void schema_fill_messages(const Encoder *enc, StreamInfo *stream);

#endif /* TUPLECAST_SCHEMA_H */
