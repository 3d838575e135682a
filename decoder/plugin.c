/*
 * plugin.c
 *		The callbacks of the output plugin: they decide what is published and in
 *		which memory; other files know how.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "mb/pg_wchar.h"
#include "replication/origin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "burst.h"
#include "encode.h"
#include "filter.h"
#include "json.h"
#include "publication.h"
#include "schema.h"
#include "session.h"
#include "shape.h"
#include "signaltable.h"
#include "txnmeta.h"

TC_MODULE_MAGIC;

/* of a message's prefix */
#define MATCH_BYTES 65536

typedef struct PluginState
{
	PluginOptions opts;
	/* reset after each change: nothing a row needs outlives it */
	MemoryContext change_cxt;
	RelCache *relcache;
	FrameWriter writer;
	Encoder encoder;
	TxnInfo txn;
	StreamInfo messages;
	uint32 progress_count;
} PluginState;

/* ---- start --------------------------------------------------------------- */

static void
init_messages(PluginState *state)
{
	StreamInfo *s = &state->messages;

	s->id = 1;
	s->kind = WIRE_STREAM_MESSAGE;
	/* Debezium asks topic.delimiter of tables and transactions alone */
	s->topic = topic_sanitize(psprintf("%s.message", state->opts.topic_prefix));
	s->schema = s->name = "";
	s->key_head = s->key_tail = s->value_head = s->value_tail = "";
}

static void
transform_messages(PluginState *state)
{
	PluginOptions opts = state->opts;
	Encoder with = state->encoder;
	StreamInfo full = state->messages;

	opts.key_schemas = opts.value_schemas = true;
	opts.format = FORMAT_ENVELOPE;
	with.opts = &opts;
	schema_fill_messages(&with, &full);
	stream_transform(&state->encoder, &state->messages, &full);
}

static void
decode_startup(LogicalDecodingContext *ctx, OutputPluginOptions *opt,
			   bool is_init)
{
	PluginState *state;

	/* whole transactions only; on 18 a callback below would turn this on */
	ctx->streaming = false;
	opt->output_type = OUTPUT_PLUGIN_TEXTUAL_OUTPUT;
	opt->receive_rewrites = false;
	if (is_init)
		return;

	state = palloc0(sizeof(PluginState));
	ctx->output_plugin_private = state;
	options_parse(&state->opts, ctx->output_plugin_options);
	if (state->opts.wire)
		opt->output_type = OUTPUT_PLUGIN_BINARY_OUTPUT;
	state->change_cxt = AllocSetContextCreate(ctx->context, "tuplecast change",
											  ALLOCSET_DEFAULT_SIZES);
	state->relcache = relcache_create(ctx->context, &state->opts,
									  encoder_complete_plan, &state->encoder);
	frame_writer_init(&state->writer, ctx, ctx->out, state->opts.wire,
					  encoder_format_name(&state->opts),
					  oversize_limit(&state->opts));
	state->writer.text_values = state->opts.value_format == VALUE_STRING;
	state->writer.text_keys = state->opts.key_format != 0;
	encoder_init(&state->encoder, &state->opts, &state->writer,
				 session_database_name());
	init_messages(state);
	schema_fill_messages(&state->encoder, &state->messages);
	transform_messages(state);
	state->txn.origin = "";
	/* last: an error before it leaves the walsender as it was */
	if (state->opts.burst)
		burst_install(ctx);
}

/* ---- transactions -------------------------------------------------------- */

static int64
unix_us(TimestampTz ts)
{
	return ts +
		   (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
}

static void
decode_begin(LogicalDecodingContext *ctx, ReorderBufferTXN *txn)
{
	PluginState *state = ctx->output_plugin_private;
	TxnInfo *info = &state->txn;

	info->xid = txn->xid;
	info->commit_lsn = txn->final_lsn;
	info->end_lsn = txn->end_lsn;
	info->commit_time_us = unix_us(tc_commit_time(txn));
	info->ordinal = 0;
	info->records = 0;
	info->origin = "";
	if (txn->origin_id != TC_INVALID_ORIGIN)
	{
		char *name;

		/* in the transaction's own memory, which lives until its commit */
		if (replorigin_by_oid(txn->origin_id, true, &name))
			info->origin = json_to_utf8_cstring(name);
	}
	frame_transaction(&state->writer, info);
	txnmeta_start(state->encoder.txnmeta);
}

static void
decode_commit(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
			  XLogRecPtr commit_lsn)
{
	PluginState *state = ctx->output_plugin_private;

	txnmeta_end(&state->encoder);
	tc_update_progress(ctx, state->txn.records == 0);
	frame_commit(&state->writer);
	state->txn.origin = "";
}

/*
 * Before 16 the server does not keep the connection alive inside a
 * transaction, above all one of which nothing is published.
 */
static void
keep_alive(LogicalDecodingContext *ctx, PluginState *state)
{
	if (tc_progress_due(&state->progress_count))
		tc_update_progress(ctx, false);
}

/* ---- rows ---------------------------------------------------------------- */

static void
load_row(RowImage *row, const RelationPlan *plan, Relation rel, HeapTuple tuple,
		 bool identity_only)
{
	row->present = tuple != NULL;
	row->identity_only = identity_only;
	if (tuple != NULL)
		heap_deform_tuple(tuple, RelationGetDescr(rel), row->values,
						  row->nulls);
	else
		memset(row->nulls, true, plan->natts * sizeof(bool));
}

/* What an update left out of line and untouched may stand in the old tuple. */
static void
fill_unchanged(const RelationPlan *plan, Relation rel)
{
	const RowImage *old = &plan->old_row;
	TupleDesc desc = RelationGetDescr(rel);

	for (int i = 0; i < plan->natts; i++)
		if (TupleDescAttr(desc, i)->attlen == -1 && !plan->new_row.nulls[i] &&
			VARATT_IS_EXTERNAL_ONDISK(
				DatumGetPointer(plan->new_row.values[i])) &&
			(!old->identity_only || plan->identity[i]) && !old->nulls[i])
			plan->new_row.values[i] = old->values[i];
}

/* A delete of which nothing is known but that it happened. */
static void
warn_no_identity(RelationPlan *plan)
{
	if (plan->warned)
		return;
	plan->warned = true;
	ereport(
		WARNING,
		(errmsg("a deleted row of \"%s.%s\" has no identity in the WAL",
				plan->schema, plan->table),
		 errdetail(
			 "Its record has a null key and null values; this is said once for each table."),
		 errhint(
			 "Give the table a primary key, or ALTER TABLE ... REPLICA IDENTITY FULL.")));
}

static char
change_op(ReorderBufferChange *change)
{
	switch (change->action)
	{
		case REORDER_BUFFER_CHANGE_INSERT:
			return WIRE_OP_CREATE;
		case REORDER_BUFFER_CHANGE_UPDATE:
			return WIRE_OP_UPDATE;
		case REORDER_BUFFER_CHANGE_DELETE:
			return WIRE_OP_DELETE;
		default:
			elog(ERROR, "unexpected change action %d", change->action);
	}
}

/*
 * Debezium asks when it knows what became of an update: of a changed key it
 * publishes a delete and a create, each skipped as such.
 */
static bool
skips_change(const PluginState *state, char op)
{
	return filter_skips_operation(&state->opts, op) &&
		   !(op == WIRE_OP_UPDATE && state->opts.connector_compat);
}

/* Values out of line have been fetched: the tuple points to them. */
static bool
is_large(HeapTuple tuple)
{
	return tuple != NULL &&
		   (HeapTupleHasExternal(tuple) || tuple->t_len > OVERSIZE_TUPLE_BYTES);
}

static void
publish_row(PluginState *state, Relation rel, ReorderBufferChange *change,
			char op)
{
	RelationPlan *plan = relcache_get(state->relcache, rel);
	HeapTuple old = tc_change_tuple(change->data.tp.oldtuple);
	HeapTuple new = tc_change_tuple(change->data.tp.newtuple);
	Change c;

	if (unlikely(plan->signals) && op == WIRE_OP_CREATE)
	{
		load_row(&plan->new_row, plan, rel, new, false);
		signal_send(&state->writer, rel, &plan->new_row, change->lsn);
	}
	if (!plan->captured || !(plan->ops & filter_operation(op)))
		return;
	load_row(&plan->old_row, plan, rel, old,
			 plan->replident != REPLICA_IDENTITY_FULL);
	load_row(&plan->new_row, plan, rel, new, false);
	if (old != NULL && new != NULL)
		fill_unchanged(plan, rel);
	if (plan->filter != NULL &&
		!row_filter_keeps(plan->filter, &op, &plan->old_row, &plan->new_row))
		return;
	if (skips_change(state, op))
		return;
	if (op == WIRE_OP_DELETE && old == NULL)
		warn_no_identity(plan);
	c.op = op;
	c.plan = plan;
	c.before = &plan->old_row;
	c.after = &plan->new_row;
	c.lsn = change->lsn;
	c.moved.name = NULL;
	c.bare_null = false;
	c.large = is_large(old) || is_large(new);
	session_encode(&state->encoder, &c);
}

static void
decode_change(LogicalDecodingContext *ctx, ReorderBufferTXN *txn, Relation rel,
			  ReorderBufferChange *change)
{
	PluginState *state = ctx->output_plugin_private;
	MemoryContext old = MemoryContextSwitchTo(state->change_cxt);
	char op = change_op(change);

	txnmeta_begin(&state->encoder, change->lsn);
	state->txn.ordinal++;
	keep_alive(ctx, state);
	/* a publication may make another operation of it; and signals are inserted */
	if (state->opts.publications != NIL || op == WIRE_OP_CREATE ||
		!skips_change(state, op))
		publish_row(state, rel, change, op);
	MemoryContextSwitchTo(old);
	MemoryContextReset(state->change_cxt);
}

static void
decode_truncate(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
				int nrelations, Relation relations[],
				ReorderBufferChange *change)
{
	PluginState *state = ctx->output_plugin_private;
	MemoryContext old = MemoryContextSwitchTo(state->change_cxt);

	for (int i = 0; i < nrelations; i++)
	{
		RelationPlan *plan;

		txnmeta_begin(&state->encoder, change->lsn);
		/* an ordinal for each: a command may name any number of tables */
		state->txn.ordinal++;
		keep_alive(ctx, state);
		if (filter_skips_operation(&state->opts, WIRE_OP_TRUNCATE))
			continue;
		/* what has no rows of its own is published only in place of its leaves */
		if (relations[i]->rd_rel->relkind == RELKIND_PARTITIONED_TABLE &&
			!state->opts.via_root && state->opts.publications == NIL)
			continue;
		plan = relcache_get(state->relcache, relations[i]);
		/* a partition is not the whole of the table it is published as */
		if (plan->captured && (plan->ops & OPS_TRUNCATE) &&
			plan->publish_relid == plan->relid)
			encode_truncate(&state->encoder, plan, change->lsn);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(state->change_cxt);
}

/* ---- messages ------------------------------------------------------------ */

/* Anybody may send messages, and the regular expressions' engine cannot take a
 * prefix of any length: the lists look at its beginning. */
static const char *
match_prefix(const char *prefix)
{
	int len = strlen(prefix);

	if (len <= MATCH_BYTES)
		return prefix;
	return pnstrdup(prefix, pg_mbcliplen(prefix, len, MATCH_BYTES));
}

/* Between begin and commit: of a message without a transaction nothing is. */
static bool
is_watermark(bool transactional, const char *prefix, Size size)
{
	return transactional && size <= WIRE_WATERMARK_BYTES &&
		   strcmp(prefix, WIRE_WATERMARK_PREFIX) == 0;
}

static void
decode_message(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
			   XLogRecPtr lsn, bool transactional, const char *prefix,
			   Size size, const char *content)
{
	PluginState *state = ctx->output_plugin_private;
	MemoryContext old = MemoryContextSwitchTo(state->change_cxt);

	if (transactional)
	{
		txnmeta_begin(&state->encoder, lsn);
		state->txn.ordinal++;
	}
	keep_alive(ctx, state);
	if (is_watermark(transactional, prefix, size))
		frame_watermark(&state->writer, pnstrdup(content, size));
	else if (filter_message(&state->opts, match_prefix(prefix)))
	{
		if (!transactional)
		{
			/* a transaction of its own, named by its end */
			state->txn =
				(TxnInfo){.commit_lsn = lsn,
						  .end_lsn = ctx->reader->EndRecPtr,
						  .commit_time_us = unix_us(GetCurrentTimestamp()),
						  .origin = ""};
			frame_transaction(&state->writer, &state->txn);
		}
		encode_message(&state->encoder, &state->messages, transactional, prefix,
					   content, size, lsn);
		if (!transactional)
			frame_commit(&state->writer);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(state->change_cxt);
}

/*
 * Never of use, as nothing is streamed, but 18.0 to 18.6 call it for an aborted
 * transaction that was larger than logical_decoding_work_mem, and fail without
 * it (bug 19616).
 */
static void
decode_stream_abort(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
					XLogRecPtr abort_lsn)
{
}

void
_PG_output_plugin_init(OutputPluginCallbacks *cb)
{
	cb->startup_cb = decode_startup;
	cb->begin_cb = decode_begin;
	cb->change_cb = decode_change;
	cb->truncate_cb = decode_truncate;
	cb->commit_cb = decode_commit;
	cb->message_cb = decode_message;
	cb->stream_abort_cb = decode_stream_abort;
}
