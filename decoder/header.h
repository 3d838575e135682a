/*
 * header.h
 *		Headers as Kafka Connect's header.converter writes them.
 */
#ifndef TUPLECAST_HEADER_H
#define TUPLECAST_HEADER_H

#include "encode.h"

/*
 * Each sets the value of a header, in the current context, from JSON with its
 * schema (both NULL of a null without one), from a string in UTF-8, and from a
 * literal as Connect reads it in a configuration.
 */
extern void header_set(RecordHeader *h, const PluginOptions *opts,
					   const char *json, const char *schema);
extern void header_set_string(RecordHeader *h, const PluginOptions *opts,
							  const char *s);
extern void header_set_literal(RecordHeader *h, const PluginOptions *opts,
							   const char *text);
/* constant headers of a table's stream: __debezium.context.* */
extern void header_set_stream(const Encoder *enc, StreamInfo *stream);
/* __debezium.newkey or .oldkey: the key of that row */
extern void header_set_moved(const Encoder *enc, Change *change,
							 const char *name, const RowImage *row);

#endif /* TUPLECAST_HEADER_H */
