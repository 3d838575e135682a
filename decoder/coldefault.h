/*
 * coldefault.h
 *		The default of a column, as it stands in a Debezium schema.
 */
#ifndef TUPLECAST_COLDEFAULT_H
#define TUPLECAST_COLDEFAULT_H

#include "compat.h"

#include "typecodec.h"

/*
 * JSON of the column's default in the current context, or NULL if it has none.
 * A default that is not constant counts as the zero of its type, as in
 * Debezium.
 */
extern const char *column_default_json(Relation rel, Form_pg_attribute att,
									   TypeCodec *codec);

#endif /* TUPLECAST_COLDEFAULT_H */
