/*
 * sourcetype.c
 *		Name, length and scale of a column's type, as JDBC's driver counts them.
 *
 * Debezium passes on what the driver says: digits of numbers, characters of
 * what a date or a time looks like as text.
 */
#include "compat.h"

#include <limits.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "sourcetype.h"

/* numeric without precision: digits before and after the point, and more */
#define NUMERIC_DISPLAY	 131089
#define DATE_DISPLAY	 13
#define TIME_DISPLAY	 8
#define ZONE_DISPLAY	 6
#define INTERVAL_DISPLAY 49

/* the point and the digits after it */
static int
fraction_display(int32 typmod)
{
	switch (typmod)
	{
		case -1:
			return 7;
		case 0:
			return 0;
		case 1:
			/* the driver's own: "…:00.10" */
			return 3;
		default:
			return typmod + 1;
	}
}

static int
type_length(Oid type, int32 typmod)
{
	switch (type)
	{
		case INT2OID:
			return 5;
		case INT4OID:
		case OIDOID:
			return 10;
		case INT8OID:
			return 19;
		case FLOAT4OID:
			return 8;
		case FLOAT8OID:
			return 17;
		case BOOLOID:
		case CHAROID:
			return 1;
		case NUMERICOID:
			return typmod < 0 ? NUMERIC_DISPLAY
							  : ((typmod - VARHDRSZ) >> 16) & 0xffff;
		case BPCHAROID:
		case VARCHAROID:
			return typmod < 0 ? INT_MAX : typmod - (int32) VARHDRSZ;
		case BITOID:
			return typmod;
		case VARBITOID:
			return typmod < 0 ? INT_MAX : typmod;
		case DATEOID:
			return DATE_DISPLAY;
		case TIMEOID:
			return TIME_DISPLAY + fraction_display(typmod);
		case TIMETZOID:
			return TIME_DISPLAY + fraction_display(typmod) + ZONE_DISPLAY;
		case TIMESTAMPOID:
			return DATE_DISPLAY + 1 + TIME_DISPLAY + fraction_display(typmod);
		case TIMESTAMPTZOID:
			return DATE_DISPLAY + 1 + TIME_DISPLAY + fraction_display(typmod) +
				   ZONE_DISPLAY;
		case INTERVALOID:
			return INTERVAL_DISPLAY;
		default:
			return INT_MAX;
	}
}

static int
type_scale(Oid type, int32 typmod)
{
	switch (type)
	{
		case FLOAT4OID:
			return 8;
		case FLOAT8OID:
			return 17;
		case NUMERICOID:
			/* since 15 it has a sign, of 11 bits */
			return typmod < 0 ? 0
							  : (((typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return typmod < 0 ? 6 : typmod;
		case INTERVALOID:
			return typmod < 0 ? 6 : INTERVAL_PRECISION(typmod);
		default:
			return 0;
	}
}

void
source_type_describe(Oid type, int32 typmod, SourceType *out)
{
	HeapTuple tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Oid element;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for type %u", type);
	out->name = pstrdup(NameStr(((Form_pg_type) GETSTRUCT(tup))->typname));
	ReleaseSysCache(tup);
	type = getBaseTypeAndTypmod(type, &typmod);
	/* an array has those of its elements */
	element = get_element_type(type);
	if (OidIsValid(element))
		type = element;
	out->length = type_length(type, typmod);
	out->scale = type_scale(type, typmod);
}
