/*
 * numtext.h
 *		The text of a numeric, straight from the bytes that are stored.
 */
#ifndef TUPLECAST_NUMTEXT_H
#define TUPLECAST_NUMTEXT_H

#include "compat.h"

#include "access/detoast.h"
#include "lib/stringinfo.h"

/*
 * Appends what numeric_out() returns, from any stored form (aligned or not);
 * the layout is that of numeric.c, unchanged since 9.1.  false: NaN or an
 * infinity, and nothing is appended.
 */
extern bool numeric_append(StringInfo out, Datum value);

#endif /* TUPLECAST_NUMTEXT_H */
