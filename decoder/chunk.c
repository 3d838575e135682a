/*
 * chunk.c
 *		tuplecast.chunk(): what a query needs that reads a table in the order of
 *		its key, a part at a time.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/relation.h"
#include "catalog/pg_index.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "relcache.h"
#include "sqlfunc.h"

PG_FUNCTION_INFO_V1(tuplecast_chunk);

/* an attribute number is in the list, and never NULL */
static bool
is_key_column(Relation rel, const List *key, AttrNumber attnum)
{
	return attnum > 0 && list_member_int(key, attnum) &&
		   TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attnotnull;
}

/* Whether no two rows have the same values in these columns. */
static bool
is_unique(Relation rel, const List *key)
{
	ListCell *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		HeapTuple tup =
			SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(lc)));
		Form_pg_index form;
		bool unique;

		if (!HeapTupleIsValid(tup))
			continue;
		form = (Form_pg_index) GETSTRUCT(tup);
		unique = form->indisunique && form->indisvalid &&
				 heap_attisnull(tup, Anum_pg_index_indpred, NULL);
		for (int i = 0; unique && i < form->indnkeyatts; i++)
			unique = is_key_column(rel, key, form->indkey.values[i]);
		ReleaseSysCache(tup);
		if (unique)
			return true;
	}
	return false;
}

static List *
plan_key(const RelationPlan *plan)
{
	List *key = NIL;

	for (int i = 0; i < plan->nkey; i++)
		key = list_append_unique_int(key, plan->key[i].attnum);
	return key;
}

static bool
all_not_null(Relation rel, const List *key)
{
	ListCell *lc;

	foreach(lc, key)
		if (!is_key_column(rel, key, lfirst_int(lc)))
			return false;
	return true;
}

/*
 * The columns that rows are read by.  exact: equal keys of records mean equal
 * rows.
 */
static List *
chunk_key(Relation rel, const RelationPlan *plan, const PluginOptions *opts,
		  const char *surrogate, bool *exact)
{
	PluginOptions own = *opts;
	List *key;
	AttrNumber attnum;

	/* message.key.columns may make keys that several rows have */
	own.message_key_columns = "";
	key = plan_key(relation_plan_build(rel, &own));
	*exact = opts->transforms == NULL && equal(key, plan_key(plan));
	if (plan->nkey == 0 || key == NIL || !all_not_null(rel, key) ||
		!is_unique(rel, key))
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg(
				 "table \"%s.%s\" has no key to be read by while its changes are streamed",
				 plan->schema, plan->table),
			 errdetail(
				 "Rows that were read are compared by their keys with changes that came meanwhile."),
			 errhint(
				 "Give it a primary key, or a unique index on columns that are NOT NULL; or read it with snapshot.mode=initial.")));
	if (surrogate == NULL)
		return key;
	attnum = get_attnum(RelationGetRelid(rel), surrogate);
	if (attnum <= 0 ||
		!TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attnotnull)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("the surrogate key \"%s\" is no column of \"%s.%s\" "
						"that is NOT NULL",
						surrogate, plan->schema, plan->table)));
	return list_concat(list_make1_int(attnum), list_delete_int(key, attnum));
}

/* "schema.operator" of a type's order, as OPERATOR() takes it */
static char *
operator_name(Oid opr)
{
	HeapTuple tup = SearchSysCache1(OPEROID, ObjectIdGetDatum(opr));
	Form_pg_operator form;
	char *name;

	if (!HeapTupleIsValid(tup))
		return NULL;
	form = (Form_pg_operator) GETSTRUCT(tup);
	name = psprintf("OPERATOR(%s.%s)",
					quote_identifier(get_namespace_name(form->oprnamespace)),
					NameStr(form->oprname));
	ReleaseSysCache(tup);
	return name;
}

/* >, <=, = of all columns: rows are compared by operators of one name. */
static void
chunk_operators(Relation rel, const List *key, char *operators[3])
{
	ListCell *lc;

	foreach(lc, key)
	{
		Form_pg_attribute att =
			TupleDescAttr(RelationGetDescr(rel), lfirst_int(lc) - 1);
		TypeCacheEntry *type = lookup_type_cache(
			att->atttypid,
			TYPECACHE_BTREE_OPFAMILY | TYPECACHE_GT_OPR | TYPECACHE_EQ_OPR);
		Oid oids[3] = {type->gt_opr, InvalidOid, type->eq_opr};

		if (OidIsValid(type->btree_opf))
			oids[1] = get_opfamily_member(type->btree_opf, type->btree_opintype,
										  type->btree_opintype,
										  BTLessEqualStrategyNumber);
		for (int i = 0; i < 3; i++)
		{
			char *name = OidIsValid(oids[i]) ? operator_name(oids[i]) : NULL;

			if (name != NULL && operators[i] == NULL)
				operators[i] = name;
			if (name == NULL || strcmp(name, operators[i]) != 0)
				ereport(
					ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg(
						 "the key of table \"%s\" cannot be compared as a whole: its column \"%s\" has an order of its own",
						 RelationGetRelationName(rel), NameStr(att->attname))));
		}
	}
}

static Datum
text_array(Datum *items, int n)
{
	return PointerGetDatum(
		construct_array(items, n, TEXTOID, -1, false, TYPALIGN_INT));
}

static void
chunk_values(Relation rel, const RelationPlan *plan, const List *key,
			 Datum *values)
{
	int n = list_length(key);
	Datum *names = palloc(sizeof(Datum) * n);
	Datum *types = palloc(sizeof(Datum) * n);
	char *operators[3] = {NULL, NULL, NULL};
	Datum items[3];
	StringInfoData columns;

	initStringInfo(&columns);
	snapshot_columns(&columns, plan, RelationGetDescr(rel));
	chunk_operators(rel, key, operators);
	for (int i = 0; i < n; i++)
	{
		Form_pg_attribute att =
			TupleDescAttr(RelationGetDescr(rel), list_nth_int(key, i) - 1);

		names[i] = CStringGetTextDatum(quote_identifier(NameStr(att->attname)));
		types[i] = CStringGetTextDatum(format_type_extended(
			att->atttypid, -1,
			FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
	}
	for (int i = 0; i < 3; i++)
		items[i] = CStringGetTextDatum(operators[i]);
	values[0] = CStringGetTextDatum(quote_qualified_identifier(
		get_namespace_name(RelationGetNamespace(rel)),
		RelationGetRelationName(rel)));
	values[2] = CStringGetTextDatum(columns.data);
	values[3] = text_array(names, n);
	values[4] = text_array(types, n);
	values[5] = text_array(items, 3);
	items[0] = CStringGetTextDatum(plan->schema);
	items[1] = CStringGetTextDatum(plan->table);
	values[1] = text_array(items, 2);
}

Datum
tuplecast_chunk(PG_FUNCTION_ARGS)
{
	TupleDesc desc;
	PluginOptions opts;
	Relation rel;
	RelationPlan *plan;
	Datum values[7] = {0};
	bool nulls[7] = {true, true, true, true, true, true, true};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("relation and options must not be null")));
	options_parse(&opts, options_from_array(PG_GETARG_ARRAYTYPE_P(1)));
	rel = try_relation_open(PG_GETARG_OID(0), AccessShareLock);
	if (rel == NULL)
		PG_RETURN_DATUM(
			HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
	plan = relation_plan_build(rel, &opts);
	if (plan->captured && rel->rd_rel->relkind == RELKIND_RELATION)
	{
		bool exact;
		char *surrogate =
			PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
		List *key = chunk_key(rel, plan, &opts, surrogate, &exact);

		chunk_values(rel, plan, key, values);
		values[6] = BoolGetDatum(exact);
		memset(nulls, false, sizeof(nulls));
	}
	relation_close(rel, NoLock);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}
