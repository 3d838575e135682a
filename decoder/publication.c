/*
 * publication.c
 *		What publications say of a relation: operations, columns, rows, name.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_publication_rel.h"
#include "executor/executor.h"
#include "nodes/bitmapset.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "publication.h"
#include "wire.h"

enum
{
	FILTER_INSERT,
	FILTER_UPDATE,
	FILTER_DELETE,
	FILTER_COUNT
};

struct RowFilter
{
	ExprContext *econtext;
	ExprState *exprs[FILTER_COUNT]; /* NULL: every row */
	TupleTableSlot *old_slot;		/* both of the published relation's type */
	TupleTableSlot *new_slot;
	AttrNumber *leaf_attnums; /* of its columns; 0: dropped */
};

/* ---- which publications, and as what ------------------------------------- */

static int
published_ops(const Publication *pub)
{
	return (pub->pubactions.pubinsert ? OPS_CREATE : 0) |
		   (pub->pubactions.pubupdate ? OPS_UPDATE : 0) |
		   (pub->pubactions.pubdelete ? OPS_DELETE : 0) |
		   (pub->pubactions.pubtruncate ? OPS_TRUNCATE : 0);
}

/* publications that name the relation or its schema */
static List *
publications_of(Oid relid)
{
	return list_concat(tc_relation_publications(relid),
					   tc_schema_publications(get_rel_namespace(relid)));
}

/*
 * How far up a publication publishes the relation: 0 under its own name, else
 * the level of the ancestor, or -1: not at all.
 */
static int
published_level(const Publication *pub, List *direct, List *ancestors)
{
	int level = 0;
	int found = list_member_oid(direct, pub->oid) ? 0 : -1;
	ListCell *lc;

	if (pub->alltables)
		return pub->pubviaroot ? list_length(ancestors) : 0;
	foreach(lc, ancestors)
	{
		level++;
		if (list_member_oid(publications_of(lfirst_oid(lc)), pub->oid))
			found = pub->pubviaroot ? level : 0;
	}
	return found;
}

static void
missing_publication(const char *name)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_UNDEFINED_OBJECT),
		 errmsg("publication \"%s\" does not exist", name),
		 errdetail(
			 "Option \"publication.name\" names it; changes are judged by the publication as it was when they were made."),
		 errhint(
			 "Create it before the slot. Changes between the slot's position and its creation cannot be judged: to have them, take publication.name out until they are through; to skip them, make the slot anew.")));
}

void
publication_find(Published *out, Relation rel, const PluginOptions *opts)
{
	bool partitioned = rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
	List *direct = publications_of(RelationGetRelid(rel));
	List *ancestors = NIL;
	int top = 0;
	ListCell *lc;

	if (rel->rd_rel->relispartition)
		ancestors = get_partition_ancestors(RelationGetRelid(rel));
	out->ops = 0;
	out->relid = RelationGetRelid(rel);
	out->publications = NIL;
	foreach(lc, opts->publications)
	{
		Publication *pub = GetPublicationByName(lfirst(lc), true);
		int level;

		if (pub == NULL)
			missing_publication(lfirst(lc));
		level = published_level(pub, direct, ancestors);
		/* of a partitioned table itself there is only TRUNCATE */
		if (level < 0 || (partitioned && !pub->pubviaroot))
			continue;
		out->ops |= published_ops(pub);
		/* the highest name wins, and what is said of it */
		if (level < top)
			continue;
		if (level > top)
		{
			top = level;
			out->relid = list_nth_oid(ancestors, level - 1);
			out->publications = NIL;
		}
		out->publications = lappend(out->publications, pub);
	}
}

/* ---- columns ------------------------------------------------------------- */

/* what a publication says of the table itself: false if nothing */
static bool
publication_attribute(const Publication *pub, Oid relid, int attribute,
					  Datum *value)
{
	HeapTuple tup;
	bool isnull;

	if (attribute == 0 || pub->alltables)
		return false;
	tup = SearchSysCache2(PUBLICATIONRELMAP, ObjectIdGetDatum(relid),
						  ObjectIdGetDatum(pub->oid));
	if (!HeapTupleIsValid(tup))
		return false;
	*value = SysCacheGetAttr(PUBLICATIONRELMAP, tup, attribute, &isnull);
	if (!isnull)
		*value = PointerGetDatum(PG_DETOAST_DATUM_COPY(*value));
	ReleaseSysCache(tup);
	return !isnull;
}

static Bitmapset *
column_list(const Publication *pub, Relation published)
{
	TupleDesc desc = RelationGetDescr(published);
	Bitmapset *columns = NULL;
	ArrayType *array;
	int16 *attnums;
	bool all = true;
	Datum value;

	if (!publication_attribute(pub, RelationGetRelid(published),
							   TC_PUBLICATION_COLUMNS, &value))
		return NULL;
	array = DatumGetArrayTypeP(value);
	attnums = (int16 *) ARR_DATA_PTR(array);
	for (int i = 0; i < ARR_DIMS(array)[0]; i++)
		columns = bms_add_member(columns, attnums[i]);
	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped &&
			!bms_is_member(i + 1, columns))
			all = false;
	return all ? NULL : columns;
}

Bitmapset *
publication_columns(const Published *pub, Relation published)
{
	Bitmapset *columns = NULL;
	ListCell *lc;

	foreach(lc, pub->publications)
	{
		Bitmapset *these = column_list(lfirst(lc), published);

		if (lc == list_head(pub->publications))
			columns = these;
		else if (!bms_equal(columns, these))
			ereport(
				ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg(
					 "publications name different columns of table \"%s.%s\"",
					 get_namespace_name(RelationGetNamespace(published)),
					 RelationGetRelationName(published)),
				 errhint(
					 "Give it the same column list in each publication of option \"publication.name\".")));
	}
	return columns;
}

/* ---- rows ---------------------------------------------------------------- */

static Node *
row_filter_node(const Publication *pub, Relation published)
{
	Oid schema = RelationGetNamespace(published);
	Datum value;

	if (list_member_oid(tc_schema_publications(schema), pub->oid) ||
		!publication_attribute(pub, RelationGetRelid(published),
							   TC_PUBLICATION_FILTER, &value))
		return NULL;
	return tc_expand_generated(stringToNode(TextDatumGetCString(value)),
							   published);
}

/* The rows of any of the publications; NULL: all rows of one of them. */
static ExprState *
filter_expression(const Published *pub, List *nodes, int op)
{
	List *quals = NIL;
	ListCell *lp;
	ListCell *ln;
	Expr *expr;

	forboth(lp, pub->publications, ln, nodes)
	{
		if (!(published_ops(lfirst(lp)) & op))
			continue;
		if (lfirst(ln) == NULL)
			return NULL;
		quals = lappend(quals, lfirst(ln));
	}
	if (quals == NIL)
		return NULL;
	expr = list_length(quals) > 1 ? makeBoolExpr(OR_EXPR, quals, -1)
								  : linitial(quals);
	return ExecInitExpr(expression_planner(expr), NULL);
}

static AttrNumber *
map_columns(Relation leaf, Relation published)
{
	TupleDesc desc = RelationGetDescr(published);
	AttrNumber *attnums = palloc0(sizeof(AttrNumber) * Max(desc->natts, 1));

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped)
			attnums[i] = leaf == published ? att->attnum
										   : get_attnum(RelationGetRelid(leaf),
														NameStr(att->attname));
	}
	return attnums;
}

RowFilter *
publication_filter(const Published *pub, Relation leaf, Relation published)
{
	RowFilter *filter;
	TupleDesc desc;
	List *nodes = NIL;
	bool filtered = false;
	ListCell *lc;

	foreach(lc, pub->publications)
	{
		Node *node = row_filter_node(lfirst(lc), published);

		filtered |= node != NULL;
		nodes = lappend(nodes, node);
	}
	if (!filtered)
		return NULL;
	filter = palloc0(sizeof(RowFilter));
	filter->exprs[FILTER_INSERT] = filter_expression(pub, nodes, OPS_CREATE);
	filter->exprs[FILTER_UPDATE] = filter_expression(pub, nodes, OPS_UPDATE);
	filter->exprs[FILTER_DELETE] = filter_expression(pub, nodes, OPS_DELETE);
	filter->econtext = CreateStandaloneExprContext();
	/* a copy is not counted, so it lives as long as the filter */
	desc = CreateTupleDescCopyConstr(RelationGetDescr(published));
	filter->old_slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	filter->new_slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	filter->leaf_attnums = map_columns(leaf, published);
	return filter;
}

static bool
row_matches(RowFilter *filter, ExprState *expr, TupleTableSlot *slot,
			const RowImage *row)
{
	Datum result;
	bool isnull;

	ExecClearTuple(slot);
	for (int i = 0; i < slot->tts_tupleDescriptor->natts; i++)
	{
		int from = filter->leaf_attnums[i] - 1;

		slot->tts_isnull[i] = from < 0 || row->nulls[from];
		slot->tts_values[i] =
			slot->tts_isnull[i] ? (Datum) 0 : row->values[from];
	}
	ExecStoreVirtualTuple(slot);
	ResetExprContext(filter->econtext);
	filter->econtext->ecxt_scantuple = slot;
	result = ExecEvalExprSwitchContext(expr, filter->econtext, &isnull);
	ExecClearTuple(slot);
	return !isnull && DatumGetBool(result);
}

static ExprState *
expression_of(const RowFilter *filter, char op)
{
	switch (op)
	{
		case WIRE_OP_UPDATE:
			return filter->exprs[FILTER_UPDATE];
		case WIRE_OP_DELETE:
			return filter->exprs[FILTER_DELETE];
		default:
			return filter->exprs[FILTER_INSERT];
	}
}

bool
row_filter_keeps(RowFilter *filter, char *op, const RowImage *old,
				 const RowImage *new)
{
	ExprState *expr = expression_of(filter, *op);
	bool was;
	bool is;

	if (expr == NULL)
		return true;
	/* an update that left the identity alone has no old row: as good as new */
	if (new->present && !old->present)
		return row_matches(filter, expr, filter->new_slot, new);
	if (!new->present)
		return !old->present ||
			   row_matches(filter, expr, filter->old_slot, old);
	was = row_matches(filter, expr, filter->old_slot, old);
	is = row_matches(filter, expr, filter->new_slot, new);
	if (is && !was)
		*op = WIRE_OP_CREATE;
	else if (was && !is)
		*op = WIRE_OP_DELETE;
	return was || is;
}
