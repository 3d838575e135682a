/*
 * relplan.c
 *		Building the plan of a relation from the catalogue.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/transam.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "nodes/bitmapset.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "coldefault.h"
#include "filter.h"
#include "json.h"
#include "publication.h"
#include "mask.h"
#include "relcache.h"
#include "signaltable.h"

static bool
is_publishable(Relation rel)
{
	char kind = rel->rd_rel->relkind;

	return (kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE) &&
		   rel->rd_rel->relpersistence == RELPERSISTENCE_PERMANENT &&
		   RelationGetRelid(rel) >= FirstNormalObjectId;
}

/* ---- which columns make the key ------------------------------------------ */

/* attribute numbers of an index, or NIL if it cannot be a key */
static List *
index_columns(Oid indexrelid, bool compat, bool *is_primary, bool *is_usable)
{
	HeapTuple tup = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(indexrelid));
	Form_pg_index form;
	List *columns = NIL;

	*is_primary = *is_usable = false;
	if (!HeapTupleIsValid(tup))
		return NIL;
	form = (Form_pg_index) GETSTRUCT(tup);
	*is_primary = form->indisprimary;
	/* Debezium looks at no predicate */
	*is_usable = form->indisunique && form->indisvalid &&
				 (compat || heap_attisnull(tup, Anum_pg_index_indpred, NULL));
	for (int i = 0; i < form->indnkeyatts; i++)
	{
		if (form->indkey.values[i] <= 0)
			*is_usable = false;
		columns = lappend_int(columns, form->indkey.values[i]);
	}
	ReleaseSysCache(tup);
	return columns;
}

/*
 * The index of REPLICA IDENTITY USING INDEX, else the primary key, else, of
 * the unique indexes without predicate and expressions, the first by name.
 */
static List *
default_key(Relation rel, bool compat)
{
	List *best = NIL;
	char *best_name = NULL;
	List *indexes = RelationGetIndexList(rel);
	ListCell *lc;
	bool primary;
	bool usable;

	if (rel->rd_rel->relreplident == REPLICA_IDENTITY_INDEX)
	{
		Oid index = RelationGetReplicaIndex(rel);

		if (OidIsValid(index))
			return index_columns(index, compat, &primary, &usable);
	}
	foreach(lc, indexes)
	{
		List *columns =
			index_columns(lfirst_oid(lc), compat, &primary, &usable);
		char *name;

		if (primary)
			return columns;
		if (!usable)
			continue;
		name = get_rel_name(lfirst_oid(lc));
		if (name != NULL && (best == NIL || strcmp(name, best_name) < 0))
		{
			best = columns;
			best_name = name;
		}
	}
	return best;
}

/* columns of message.key.columns for this table, or NIL if it names it not */
static List *
custom_key(Relation rel, const PluginOptions *opts, const char *qualified)
{
	ListCell *lc;

	foreach(lc, pattern_split(opts->message_key_columns, ';'))
	{
		List *names;
		List *columns = NIL;
		ListCell *name;

		if (!pattern_match(options_key_entry(lfirst(lc), &names), qualified))
			continue;
		foreach(name, names)
		{
			AttrNumber attnum = get_attnum(RelationGetRelid(rel), lfirst(name));

			/* Debezium takes what there is */
			if (attnum <= 0 && opts->connector_compat)
				continue;
			if (attnum <= 0)
				ereport(
					ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg(
						 "column \"%s\" of option \"message.key.columns\" does not exist in \"%s\"",
						 (char *) lfirst(name), qualified),
					 errhint(
						 "Correct the option, or leave the table out of it.")));
			columns = lappend_int(columns, attnum);
		}
		return columns;
	}
	return NIL;
}

/* ---- columns ------------------------------------------------------------- */

/* What a column's place in the published relation is in the leaf's tuples. */
static AttrNumber
leaf_attnum(Relation leaf, Relation published, Form_pg_attribute att)
{
	if (leaf == published)
		return att->attnum;
	return get_attnum(RelationGetRelid(leaf), NameStr(att->attname));
}

/* Whether a value can be so large that it is stored out of line. */
static bool
may_be_toasted(Form_pg_attribute att)
{
	int32 typmod = att->atttypmod;
	Oid type = getBaseTypeAndTypmod(att->atttypid, &typmod);
	int32 size = type_maximum_size(type, typmod);

	return att->attlen == -1 && att->attstorage != TYPSTORAGE_PLAIN &&
		   (size < 0 || size > 2000);
}

static void
fill_column(ColumnPlan *col, const RelationPlan *plan, Relation leaf,
			Relation published, Form_pg_attribute att,
			const PluginOptions *opts)
{
	StringInfoData name;

	col->attnum = leaf_attnum(leaf, published, att);
	if (col->attnum <= 0)
		elog(ERROR, "column \"%s\" of \"%s\" is missing in partition \"%s\"",
			 NameStr(att->attname), RelationGetRelationName(published),
			 RelationGetRelationName(leaf));
	col->in_identity = plan->identity[col->attnum - 1];
	col->varlena = att->attlen == -1;
	col->codec = typecodec_build(att->atttypid, att->atttypmod, opts);
	col->notnull = att->attnotnull;
	col->name = pstrdup(NameStr(att->attname));
	initStringInfo(&name);
	json_char(&name, ',');
	col->field = field_name_adjust(opts, json_to_utf8_cstring(col->name));
	json_utf8(&name, col->field, strlen(col->field));
	json_char(&name, ':');
	col->name_json = name.data;
	col->name_len = name.len;

	col->default_json = opts->connector_compat || opts->null_defaults
							? column_default_json(published, att, col->codec)
							: NULL;
	col->null_json = "null";
	if (opts->null_defaults && col->default_json != NULL)
		col->null_json = col->default_json;
	col->absent_json = col->null_json;
	/* Debezium invents a value where its schema allows no null */
	if (opts->connector_compat && att->attnotnull)
		col->absent_json = col->default_json  ? col->default_json
						   : col->codec->zero ? col->codec->zero
											  : "null";
	col->unavailable_json =
		col->codec->unavailable ? col->codec->unavailable : "null";
	col->lost_if_unchanged = col->codec->unavailable == NULL;
	col->may_be_toasted = may_be_toasted(att);
}

/* Keys are not disguised: equal ones must stay equal, and on their partition. */
static void
disguise_column(ColumnPlan *col, const RelationPlan *plan,
				Form_pg_attribute att, const PluginOptions *opts)
{
	const char *null_json;
	bool invented = opts->connector_compat && att->attnotnull;

	col->codec =
		mask_wrap(opts, col->codec, att->atttypid, att->atttypmod,
				  psprintf("%s.%s", plan->schema, plan->table), col->name);
	null_json = mask_null_json(col->codec);
	if (null_json != NULL)
	{
		col->null_json = col->absent_json = col->unavailable_json = null_json;
		col->lost_if_unchanged = false;
	}
	/* an unchanged TOASTed value must be known for one: it stays as it is */
	if (null_json == NULL && invented)
		col->absent_json = mask_constant_json(col->codec, col->absent_json);
}

/* The first of the two is for decoding only, the second takes a lock. */
static Bitmapset *
identity_columns(Relation rel)
{
	if (HistoricSnapshotActive())
		return RelationGetIdentityKeyBitmap(rel);
	return RelationGetIndexAttrBitmap(rel, INDEX_ATTR_BITMAP_IDENTITY_KEY);
}

/* A key column stays in the key even if it is left out of the value. */
static ColumnPlan *
key_columns(const RelationPlan *plan, Relation leaf, Relation published,
			List *attnums, const PluginOptions *opts,
			const PluginOptions *key_opts)
{
	ColumnPlan *columns =
		palloc0(sizeof(ColumnPlan) * Max(list_length(attnums), 1));
	ColumnPlan *col = columns;
	ListCell *lc;

	foreach(lc, attnums)
	{
		fill_column(
			col, plan, leaf, published,
			TupleDescAttr(RelationGetDescr(published), lfirst_int(lc) - 1),
			key_opts);
		/* Debezium makes what it does not publish optional */
		if (opts->connector_compat &&
			!filter_column(opts, plan->schema, plan->table, col->name))
		{
			col->notnull = false;
			col->default_json = NULL;
		}
		/* an invented key would be somebody else's */
		col->absent_json = "null";
		col++;
	}
	return columns;
}

/* listed: attribute numbers that publications name; NULL: all */
static void
plan_columns(RelationPlan *plan, Relation leaf, Relation published,
			 const Bitmapset *listed, const PluginOptions *opts)
{
	TupleDesc desc = RelationGetDescr(published);
	Bitmapset *identity = identity_columns(leaf);
	char *qualified = psprintf("%s.%s", plan->schema, plan->table);
	List *key = NIL;
	PluginOptions key_opts = *opts;

	if (opts->message_key_columns[0] != '\0')
		key = custom_key(published, opts, qualified);
	if (key == NIL)
		key = default_key(published, opts->connector_compat);
	plan->columns = palloc0(sizeof(ColumnPlan) * Max(desc->natts, 1));
	plan->identity = palloc0(sizeof(bool) * Max(plan->natts, 1));
	for (int i = 0; i < plan->natts; i++)
		plan->identity[i] =
			plan->replident == REPLICA_IDENTITY_FULL ||
			bms_is_member(i + 1 - FirstLowInvalidHeapAttributeNumber, identity);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped || tc_attribute_is_virtual(att) ||
			(listed != NULL && !bms_is_member(att->attnum, listed)) ||
			!filter_column(opts, plan->schema, plan->table,
						   NameStr(att->attname)))
			continue;
		fill_column(&plan->columns[plan->ncolumns], plan, leaf, published, att,
					opts);
		disguise_column(&plan->columns[plan->ncolumns++], plan, att, opts);
	}
	key_opts.decimal_format = opts->key_decimal_format;
	/* BigDecimal.toString */
	if (opts->key_format != 0 && opts->decimal_mode == DECIMAL_PRECISE)
		key_opts.decimal_mode = DECIMAL_STRING;
	plan->nkey = list_length(key);
	plan->key = key_columns(plan, leaf, published, key, opts, &key_opts);
	key_opts = *opts;
	key_opts.decimal_format = DECIMAL_FORMAT_BASE64;
	plan->header_key = key_columns(plan, leaf, published, key, opts, &key_opts);
	for (int i = 0; i < plan->ncolumns; i++)
		plan->text_settings |= plan->columns[i].codec->has_outfunc;
	for (int i = 0; i < plan->nkey; i++)
		plan->text_settings |= plan->key[i].codec->has_outfunc;
}

static void
alloc_row(RowImage *row, int natts)
{
	row->values = palloc0(sizeof(Datum) * Max(natts, 1));
	row->nulls = palloc0(sizeof(bool) * Max(natts, 1));
}

static void
plan_stream(RelationPlan *plan, const PluginOptions *opts)
{
	StreamInfo *stream = &plan->stream;

	stream->kind = WIRE_STREAM_TABLE;
	stream->schema = json_to_utf8_cstring(plan->schema);
	stream->name = json_to_utf8_cstring(plan->table);
	stream->topic = topic_name(opts, stream->schema, stream->name);
	stream->schema_prefix = stream->topic;
	stream->key_head = stream->key_tail = "";
	stream->value_head = stream->value_tail = "";
}

/* the relation whose name and columns the rows go out under */
static Oid
published_relid(Relation rel, const PluginOptions *opts)
{
	if (opts->via_root && rel->rd_rel->relispartition)
	{
		List *ancestors = get_partition_ancestors(RelationGetRelid(rel));

		if (ancestors != NIL)
			return llast_oid(ancestors);
	}
	return RelationGetRelid(rel);
}

/* Under whose name, and which of its changes; with publications they decide. */
static void
plan_publication(RelationPlan *plan, Published *pub, Relation rel,
				 const PluginOptions *opts)
{
	if (opts->publications != NIL)
		publication_find(pub, rel, opts);
	else
	{
		pub->ops = OPS_CREATE | OPS_UPDATE | OPS_DELETE | OPS_TRUNCATE;
		pub->relid = published_relid(rel, opts);
		pub->publications = NIL;
	}
	plan->ops = pub->ops;
	plan->publish_relid = pub->relid;
}

static bool
has_columns(Relation rel)
{
	TupleDesc desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
			return true;
	return false;
}

RelationPlan *
relation_plan_build(Relation rel, const PluginOptions *opts)
{
	Published pub;
	RelationPlan *plan = palloc0(sizeof(RelationPlan));
	Relation published = rel;

	plan->relid = RelationGetRelid(rel);
	plan->replident = rel->rd_rel->relreplident;
	plan->is_partition = rel->rd_rel->relispartition;
	if (!is_publishable(rel))
		return plan;
	if (signal_relation(rel, opts))
	{
		/* whatever is published of it */
		plan->signals = true;
		plan->natts = RelationGetDescr(rel)->natts;
		alloc_row(&plan->new_row, plan->natts);
	}
	plan_publication(plan, &pub, rel, opts);
	if (plan->ops == 0)
		return plan;
	if (plan->publish_relid != plan->relid)
	{
		published = RelationIdGetRelation(plan->publish_relid);
		if (!RelationIsValid(published))
			elog(ERROR, "could not open relation %u", plan->publish_relid);
	}
	plan->schema = get_namespace_name(RelationGetNamespace(published));
	plan->table = pstrdup(RelationGetRelationName(published));
	if (plan->schema != NULL && filter_table(opts, plan->schema, plan->table))
	{
		plan->captured = true;
		plan->natts = RelationGetDescr(rel)->natts;
		alloc_row(&plan->old_row, plan->natts);
		alloc_row(&plan->new_row, plan->natts);
		plan_columns(plan, rel, published, publication_columns(&pub, published),
					 opts);
		plan->filter = publication_filter(&pub, rel, published);
		plan_stream(plan, opts);
		/* Debezium publishes nothing of a table without columns */
		if (opts->connector_compat && !has_columns(published))
			plan->captured = false;
	}
	if (published != rel)
		RelationClose(published);
	return plan;
}
