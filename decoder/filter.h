/*
 * filter.h
 *		Decisions about names: what is captured.  No catalogue access.
 */
#ifndef TUPLECAST_FILTER_H
#define TUPLECAST_FILTER_H

#include "postgres.h"

#include "options.h"

extern bool filter_table(const PluginOptions *opts, const char *schema,
						 const char *table);
/* Number of the first expression of table.include.list that matches, from 0; how
 * many there are if none does. */
extern int filter_place(const PluginOptions *opts, const char *schema,
						const char *table);
/* Whether signal.data.collection names a table. */
extern bool filter_is_signal(const PluginOptions *opts, const char *schema,
							 const char *table);
extern bool filter_column(const PluginOptions *opts, const char *schema,
						  const char *table, const char *column);
extern bool filter_message(const PluginOptions *opts, const char *prefix);
/* op is a WireOp */
/* OPS_* of a record's operation; 0: none of them */
extern int filter_operation(char op);
extern bool filter_skips_operation(const PluginOptions *opts, char op);

/* PREFIX.SCHEMA.TABLE, sanitised as Debezium does; parts in UTF-8. */
extern char *topic_name(const PluginOptions *opts, const char *schema,
						const char *table);
/* Any name made fit for a topic. */
extern char *topic_sanitize(const char *name);
/*
 * A name made fit for Avro, [A-Za-z_][A-Za-z0-9_]*, in one of the modes
 * NAMES_*; dotted: of parts with dots between them.  UTF-8.
 */
extern char *name_adjust(int mode, bool dotted, const char *name);
/* A column's name under field.name.adjustment.mode, UTF-8. */
extern char *field_name_adjust(const PluginOptions *opts, const char *name);

#endif /* TUPLECAST_FILTER_H */
