/*
 * convert_internal.h
 *		What the conversions of a value share.
 */
#ifndef TUPLECAST_CONVERT_INTERNAL_H
#define TUPLECAST_CONVERT_INTERNAL_H

#include "convert.h"

#define CONNECT_DATA "org.apache.kafka.connect.data."
#define MS_PER_DAY	 INT64CONST(86400000)

static inline void
convert_truncate(StringInfo out, int start)
{
	out->len = start;
	out->data[start] = '\0';
}

/* ERROR: the step cannot be applied to the field, and why. */
extern void convert_error(const ShapeField *field, const TransformStep *step,
						  const char *what);
/* One conversion more of the field, zeroed but for its function. */
extern Conversion *convert_add(ShapeField *field, ConvertFunction convert);
/* The field's new type; without a name and a default if they are NULL. */
extern void convert_set_schema(ShapeField *field, const char *type,
							   const char *type_name, const char *default_json);
/* Whether its schema has that name. */
extern bool convert_is_named(const ShapeField *field, const char *name);

#endif /* TUPLECAST_CONVERT_INTERNAL_H */
