/*
 * sqlfunc.h
 *		What the functions for SQL share.
 */
#ifndef TUPLECAST_SQLFUNC_H
#define TUPLECAST_SQLFUNC_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/array.h"

#include "relcache.h"

/* name, value, name, value, … as DefElems, as the output plugin gets them */
extern List *options_from_array(ArrayType *array);
/* The columns that a query for a relation's rows needs: only what is published,
 * so that no more rights are asked for. */
extern void snapshot_columns(StringInfo sql, const RelationPlan *plan,
							 TupleDesc desc);

#endif /* TUPLECAST_SQLFUNC_H */
