/*
 * snapshot.c
 *		tuplecast.snapshot(): rows that are in a table, as records.
 *
 * The rows come from a query of the caller's own, so that the server itself
 * looks after rights and visibility; they go from the executor's slot straight
 * into the encoder.  One value holds about 64 KB of frames.
 */
#include "compat.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/pg_lsn.h"
#include "utils/portal.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "earlier.h"
#include "encode.h"
#include "publication.h"
#include "session.h"
#include "sqlfunc.h"

PG_FUNCTION_INFO_V1(tuplecast_snapshot);

enum
{
	ARG_RELATION,
	ARG_OPTIONS,
	ARG_LSN,
	ARG_STARTED,
	ARG_FIRST,
	ARG_END,
	ARG_YOUNGER_THAN,
	ARG_QUERY,
	ARG_MARKER,
	ARG_NODE,
	ARG_VISIBLE_IN
};

typedef struct SnapshotScan
{
	DestReceiver dest; /* first: the executor knows no more */
	PluginOptions opts;
	/* of the relation, which is locked until the transaction ends */
	Oid relid;
	const char *table;
	TupleDesc desc;
	RelationPlan *plan;
	Encoder encoder;
	FrameWriter writer;
	TxnInfo txn;
	StringInfoData out;
	MemoryContext cxt;
	MemoryContext row_cxt; /* reset after each row */
	Portal portal;
	char filter_op; /* whose row filter counts */
	bool mapped;
	bool whole; /* the slots are the relation's own rows */
	bool is_heap;
	bool own_query;			  /* and no rows in the order of the table */
	ScanState *scan_node;	  /* of the query: knows where its row lies */
	EarlierSnapshot *earlier; /* NULL: all rows; else those it has seen, too */
	int nfrom;				  /* columns of the query */
	AttrNumber *attno;		  /* of each, in the relation */
	int keep; /* where the last record begins: it stays for the next value */
	bool full;
	bool done;
} SnapshotScan;

/* ---- the query ----------------------------------------------------------- */

static bool
is_needed(const RelationPlan *plan, AttrNumber attnum)
{
	for (int i = 0; i < plan->ncolumns; i++)
		if (plan->columns[i].attnum == attnum)
			return true;
	for (int i = 0; i < plan->nkey; i++)
		if (plan->key[i].attnum == attnum)
			return true;
	/* a row filter may name any */
	return plan->filter != NULL;
}

static bool
is_selected(const RelationPlan *plan, Form_pg_attribute att)
{
	return !att->attisdropped && !tc_attribute_is_virtual(att) &&
		   is_needed(plan, att->attnum);
}

void
snapshot_columns(StringInfo sql, const RelationPlan *plan, TupleDesc desc)
{
	const char *comma = "";

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!is_selected(plan, att))
			continue;
		appendStringInfo(sql, "%s%s", comma,
						 quote_identifier(NameStr(att->attname)));
		comma = ", ";
	}
}

static const char *
query_text(const SnapshotScan *scan, FunctionCallInfo fcinfo)
{
	StringInfoData sql;
	const char *and = " WHERE ";
	ItemPointer tid;

	if (!PG_ARGISNULL(ARG_QUERY))
		return text_to_cstring(PG_GETARG_TEXT_PP(ARG_QUERY));
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	snapshot_columns(&sql, scan->plan, scan->desc);
	appendStringInfo(
		&sql, " FROM ONLY %s",
		quote_qualified_identifier(
			get_namespace_name(get_rel_namespace(scan->relid)), scan->table));
	for (int arg = ARG_FIRST; arg <= ARG_END; arg++)
	{
		if (PG_ARGISNULL(arg))
			continue;
		tid = (ItemPointer) PG_GETARG_POINTER(arg);
		appendStringInfo(
			&sql,
			"%sctid OPERATOR(pg_catalog.%s) '(%u,%u)'::pg_catalog.tid", and,
			arg == ARG_FIRST ? ">=" : "<",
			ItemPointerGetBlockNumberNoCheck(tid),
			ItemPointerGetOffsetNumberNoCheck(tid));
		and = " AND ";
	}
	if (!PG_ARGISNULL(ARG_YOUNGER_THAN))
		appendStringInfo(
			&sql,
			"%spg_catalog.age(xmin) OPERATOR(pg_catalog.<=) pg_catalog.age('%u'::pg_catalog.xid)",
				and, PG_GETARG_TRANSACTIONID(ARG_YOUNGER_THAN));
	return sql.data;
}

/* The order of the table is the order of the records' places. */
static int
plan_for_order(void)
{
	static const char *const off[] = {
		"enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan"};
	int level = NewGUCNestLevel();

	for (int i = 0; i < lengthof(off); i++)
		(void) set_config_option(off[i], "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

static void
open_query(SnapshotScan *scan, const char *sql)
{
	int level = scan->own_query ? 0 : plan_for_order();
	SPIParseOpenOptions options = {.read_only = true};
	PlanState *node;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	scan->portal = SPI_cursor_parse_open(NULL, sql, &options);
	if (scan->portal == NULL || scan->portal->strategy != PORTAL_ONE_SELECT)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the query of a snapshot must be a SELECT")));
	SPI_finish();
	if (level > 0)
		AtEOXact_GUC(true, level);
	node = scan->portal->queryDesc->planstate;
	if (!scan->own_query &&
		(IsA(node, SeqScanState) || IsA(node, TidRangeScanState)))
		scan->scan_node = (ScanState *) node;
	if (scan->earlier != NULL && (scan->scan_node == NULL || !scan->is_heap))
		ereport(
			ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("visible_in needs the rows of a heap, in their order")));
}

/* ---- rows ---------------------------------------------------------------- */

/* Columns of the query are found by their names. */
static void
map_columns(SnapshotScan *scan, TupleDesc from)
{
	TupleDesc to = scan->desc;
	bool *found = palloc0(sizeof(bool) * (to->natts + 1));

	scan->mapped = true;
	scan->nfrom = from->natts;
	scan->attno = MemoryContextAllocZero(scan->cxt, sizeof(AttrNumber) *
														Max(from->natts, 1));
	scan->whole = from->natts == to->natts;
	for (int i = 0; i < from->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(from, i);
		AttrNumber n = att->attisdropped
						   ? InvalidAttrNumber
						   : get_attnum(scan->relid, NameStr(att->attname));

		if (n > 0 && TupleDescAttr(to, n - 1)->atttypid != att->atttypid)
			ereport(
				ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg(
					 "column \"%s\" of the snapshot's query has the type %s, in table \"%s\" it has %s",
					 NameStr(att->attname), format_type_be(att->atttypid),
					 scan->table,
					 format_type_be(TupleDescAttr(to, n - 1)->atttypid)),
				 errhint("Cast it to the column's type.")));
		scan->attno[i] = n > 0 ? n : InvalidAttrNumber;
		if (n > 0)
			found[n] = true;
		scan->whole &= n == i + 1;
	}
	for (int i = 0; i < scan->plan->nkey; i++)
		if (!found[scan->plan->key[i].attnum])
			ereport(
				ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg(
					 "the snapshot's query gives no column \"%s\", which is in the key of table \"%s\"",
					 scan->plan->key[i].name, scan->table)));
	pfree(found);
}

/* What is kept out of line is fetched; in the stream the WAL has it. */
static void
load_slot(SnapshotScan *scan, TupleTableSlot *slot)
{
	TupleDesc desc = slot->tts_tupleDescriptor;
	RowImage *row = &scan->plan->new_row;

	slot_getallattrs(slot);
	if (!scan->whole)
		memset(row->nulls, true, sizeof(bool) * scan->plan->natts);
	for (int i = 0; i < scan->nfrom; i++)
	{
		int to = scan->attno[i] - 1;

		if (to < 0)
			continue;
		row->nulls[to] = slot->tts_isnull[i];
		row->values[to] = slot->tts_values[i];
		if (!row->nulls[to] && TupleDescAttr(desc, i)->attlen == -1 &&
			VARATT_IS_EXTERNAL(DatumGetPointer(row->values[to])))
			row->values[to] = PointerGetDatum(detoast_external_attr(
				(struct varlena *) DatumGetPointer(row->values[to])));
	}
	row->present = true;
	row->identity_only = false;
}

/*
 * The ordinal of a row says where it lies, so that a snapshot that was cut off
 * anywhere can go on behind it.
 */
static void
set_ordinal(SnapshotScan *scan)
{
	ItemPointer tid;

	if (scan->scan_node == NULL)
		return;
	tid = &scan->scan_node->ss_ScanTupleSlot->tts_tid;
	scan->txn.ordinal = (uint64) ItemPointerGetBlockNumberNoCheck(tid) << 16 |
						ItemPointerGetOffsetNumberNoCheck(tid);
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	SnapshotScan *scan = (SnapshotScan *) self;
	MemoryContext old = MemoryContextSwitchTo(scan->row_cxt);
	uint64 records = scan->txn.records;
	char op = scan->filter_op;

	if (scan->earlier != NULL &&
		!earlier_saw(scan->earlier, scan->scan_node->ss_ScanTupleSlot))
	{
		MemoryContextSwitchTo(old);
		return true;
	}
	/* a slot of an index's own has no names */
	if (!scan->mapped)
		map_columns(scan, scan->portal->queryDesc->tupDesc);
	/* of a query it counts rows, not only those that are published */
	if (scan->scan_node == NULL)
		scan->txn.ordinal++;
	load_slot(scan, slot);
	if (scan->plan->filter == NULL ||
		row_filter_keeps(scan->plan->filter, &op, &scan->plan->old_row,
						 &scan->plan->new_row))
	{
		Change change = {.op = WIRE_OP_READ,
						 .plan = scan->plan,
						 .before = &scan->plan->old_row,
						 .after = &scan->plan->new_row,
						 .lsn = scan->txn.end_lsn,
						 .large = true};

		set_ordinal(scan);
		session_encode(&scan->encoder, &change);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(scan->row_cxt);
	if (scan->txn.records == records)
		return true;
	scan->keep = scan->writer.wire ? scan->writer.frame : scan->out.len;
	/* the first record alone stays for the next value */
	scan->full = scan->out.len >= WIRE_BATCH_BYTES || !scan->writer.wire;
	return !scan->full || scan->keep == 0;
}

static void
receive_start(DestReceiver *self, int operation, TupleDesc desc)
{
}

static void
receive_end(DestReceiver *self)
{
}

/* Lets the query go on until a value is full; at its end the frames of the end
 * follow. */
static void
scan_run(SnapshotScan *scan)
{
	QueryDesc *query = scan->portal->queryDesc;
	ResourceOwner owner = CurrentResourceOwner;

	scan->full = false;
	query->dest = &scan->dest;
	PushActiveSnapshot(query->snapshot);
	PG_TRY();
	{
		CurrentResourceOwner = scan->portal->resowner;
		tc_executor_run(query);
	}
	PG_FINALLY();
	{
		CurrentResourceOwner = owner;
	}
	PG_END_TRY();
	PopActiveSnapshot();
	if (scan->full)
		return;
	scan->done = true;
	scan->keep = scan->out.len;
	SPI_connect();
	SPI_cursor_close(scan->portal);
	SPI_finish();
	if (scan->writer.wire)
	{
		frame_range_end(&scan->writer);
		scan->keep = scan->out.len;
	}
}

/* ---- the function -------------------------------------------------------- */

static void
refuse_relation(Relation rel)
{
	char kind = rel->rd_rel->relkind;
	const char *what = kind == RELKIND_VIEW			   ? "a view"
					   : kind == RELKIND_MATVIEW	   ? "a materialized view"
					   : kind == RELKIND_FOREIGN_TABLE ? "a foreign table"
					   : kind == RELKIND_PARTITIONED_TABLE
						   ? "a partitioned table"
						   : NULL;

	if (kind == RELKIND_RELATION)
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_WRONG_OBJECT_TYPE),
		 errmsg("\"%s\" is %s and has no rows of its own",
				RelationGetRelationName(rel), what ? what : "no table"),
		 kind == RELKIND_PARTITIONED_TABLE
			 ? errhint("Its partitions are read one by one.")
			 : errdetail(
				   "Its changes are not in the WAL, so its rows would stay as they are now.")));
}

/* Without this, policies would leave rows out without a word. */
static void
refuse_row_security(Relation rel)
{
	if (check_enable_rls(RelationGetRelid(rel), InvalidOid, false) !=
		RLS_ENABLED)
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		 errmsg(
			 "row-level security hides rows of table \"%s\" from role \"%s\"",
			 RelationGetRelationName(rel),
			 GetUserNameFromId(GetUserId(), false)),
		 errdetail("The stream has them all, and so must the snapshot."),
		 errhint("ALTER ROLE %s BYPASSRLS, or leave the table out.",
				 quote_identifier(GetUserNameFromId(GetUserId(), false)))));
}

/* A snapshot that is older than a rewrite may see no rows at all. */
static void
refuse_rewritten(Relation rel, Oid node)
{
	if (!OidIsValid(node) || rel->rd_rel->relfilenode == node)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("table \"%s\" was rewritten since the snapshot was taken",
					RelationGetRelationName(rel)),
			 errhint("Take a new snapshot.")));
}

static void
open_relation(SnapshotScan *scan, Oid relid, Oid node)
{
	Relation rel = try_relation_open(relid, AccessShareLock);

	if (rel == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", relid)));
	refuse_relation(rel);
	refuse_row_security(rel);
	refuse_rewritten(rel, node);
	scan->relid = relid;
	scan->table = pstrdup(RelationGetRelationName(rel));
	scan->is_heap = rel->rd_rel->relam == HEAP_TABLE_AM_OID;
	scan->desc = CreateTupleDescCopy(RelationGetDescr(rel));
	scan->plan = relation_plan_build(rel, &scan->opts);
	if (!scan->plan->captured)
		ereport(ERROR,
				/* it may have been when the caller looked */
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("table \"%s.%s\" is not captured under these options",
						get_namespace_name(RelationGetNamespace(rel)),
						scan->table)));
	relation_close(rel, NoLock);
	memset(scan->plan->old_row.nulls, true, sizeof(bool) * scan->plan->natts);
	scan->filter_op = scan->plan->ops & OPS_CREATE	 ? WIRE_OP_CREATE
					  : scan->plan->ops & OPS_UPDATE ? WIRE_OP_UPDATE
													 : WIRE_OP_DELETE;
}

static void
fill_transaction(SnapshotScan *scan, FunctionCallInfo fcinfo)
{
	TimestampTz started = PG_ARGISNULL(ARG_STARTED)
							  ? GetCurrentTransactionStartTimestamp()
							  : PG_GETARG_TIMESTAMPTZ(ARG_STARTED);

	/* the first transaction that is not in it */
	scan->txn.xid = GetActiveSnapshot()->xmax;
	scan->txn.end_lsn =
		PG_ARGISNULL(ARG_LSN) ? InvalidXLogRecPtr : PG_GETARG_LSN(ARG_LSN);
	scan->txn.commit_lsn = scan->txn.end_lsn;
	scan->txn.commit_time_us =
		started +
		(int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
	scan->txn.origin = "";
}

static SnapshotScan *
scan_open(FunctionCallInfo fcinfo)
{
	SnapshotScan *scan = palloc0(sizeof(SnapshotScan));
	Encoder *enc = &scan->encoder;

	if (PG_ARGISNULL(ARG_RELATION) || PG_ARGISNULL(ARG_OPTIONS) ||
		PG_ARGISNULL(ARG_MARKER))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("relation, options and marker must not be null")));
	scan->dest =
		(DestReceiver){receive_row, receive_start, receive_end, NULL, DestNone};
	scan->cxt = CurrentMemoryContext;
	scan->row_cxt = AllocSetContextCreate(
		CurrentMemoryContext, "tuplecast snapshot row", ALLOCSET_DEFAULT_SIZES);
	options_parse(&scan->opts,
				  options_from_array(PG_GETARG_ARRAYTYPE_P(ARG_OPTIONS)));
	/* a snapshot is no transaction that anybody made */
	scan->opts.transaction_metadata = false;
	initStringInfo(&scan->out);
	frame_writer_init(&scan->writer, NULL, &scan->out, scan->opts.wire,
					  encoder_format_name(&scan->opts),
					  oversize_limit(&scan->opts));
	scan->writer.text_values = scan->opts.value_format == VALUE_STRING;
	scan->writer.text_keys = scan->opts.key_format != 0;
	encoder_init(enc, &scan->opts, &scan->writer, session_database_name());
	scan->own_query = !PG_ARGISNULL(ARG_QUERY);
	if (!PG_ARGISNULL(ARG_VISIBLE_IN))
		scan->earlier =
			earlier_parse(text_to_cstring(PG_GETARG_TEXT_PP(ARG_VISIBLE_IN)));
	enc->snapshot = text_to_cstring(PG_GETARG_TEXT_PP(ARG_MARKER));
	enc->incremental = strcmp(enc->snapshot, "incremental") == 0;
	if (strcmp(enc->snapshot, "true") == 0)
		scan->writer.marker = enc->snapshot;
	open_relation(scan, PG_GETARG_OID(ARG_RELATION),
				  PG_ARGISNULL(ARG_NODE) ? InvalidOid
										 : PG_GETARG_OID(ARG_NODE));
	encoder_complete_plan(enc, scan->plan);
	relation_plan_number(scan->plan, FIRST_TABLE_STREAM);
	fill_transaction(scan, fcinfo);
	frame_transaction(&scan->writer, &scan->txn);
	open_query(scan, query_text(scan, fcinfo));
	return scan;
}

/* The next value; the record that is kept back moves to the front. */
static bytea *
scan_next(SnapshotScan *scan)
{
	bytea *value;

	scan_run(scan);
	value = palloc(VARHDRSZ + scan->keep);
	SET_VARSIZE(value, VARHDRSZ + scan->keep);
	memcpy(VARDATA(value), scan->out.data, scan->keep);
	memmove(scan->out.data, scan->out.data + scan->keep,
			scan->out.len - scan->keep);
	scan->out.len -= scan->keep;
	return value;
}

/*
 * snapshot(relation, options, lsn, started, first, before,
 * younger_than, query, marker, node, visible_in): frames (or lines, without wire=1), about 64 KB
 * in a value.  The last record comes in the last value, with the frame that
 * counts them.
 */
Datum
tuplecast_snapshot(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;
	SnapshotScan *scan;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext old;

		call = SRF_FIRSTCALL_INIT();
		old = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		call->user_fctx = scan_open(fcinfo);
		MemoryContextSwitchTo(old);
	}
	call = SRF_PERCALL_SETUP();
	scan = call->user_fctx;
	if (!scan->done)
	{
		bytea *value = scan_next(scan);

		/* without frames there is nothing to say at the end */
		if (VARSIZE(value) > VARHDRSZ)
			SRF_RETURN_NEXT(call, PointerGetDatum(value));
	}
	SRF_RETURN_DONE(call);
}
