/*
 * sourcetype.h
 *		Name, length and scale of a column's type, as JDBC's driver counts them.
 */
#ifndef TUPLECAST_SOURCETYPE_H
#define TUPLECAST_SOURCETYPE_H

#include "postgres.h"

typedef struct SourceType
{
	const char *name; /* of the type itself, a domain's too */
	int length;		  /* INT_MAX: without limit */
	int scale;
} SourceType;

/* Reads the catalogue; in the current context. */
extern void source_type_describe(Oid type, int32 typmod, SourceType *out);

#endif /* TUPLECAST_SOURCETYPE_H */
