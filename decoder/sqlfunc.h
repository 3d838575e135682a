/*
 * sqlfunc.h
 *		What the functions for SQL share.
 */
#ifndef TUPLECAST_SQLFUNC_H
#define TUPLECAST_SQLFUNC_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/array.h"

/* name, value, name, value, … as DefElems, as the output plugin gets them */
extern List *options_from_array(ArrayType *array);

#endif /* TUPLECAST_SQLFUNC_H */
