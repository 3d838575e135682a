/*
 * encode.c
 *		From a change of a row to records.
 */
#include "compat.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "encode_internal.h"
#include "filter.h"
#include "header.h"
#include "json.h"
#include "outbox.h"
#include "schema.h"
#include "txnmeta.h"

/* a random UUID: the name of this run of the decoder */
static void
new_run_id(char *out)
{
	uint8 r[16];

	if (!pg_strong_random(r, sizeof(r)))
		memset(r, 0, sizeof(r));
	r[6] = (r[6] & 0x0f) | 0x40;
	r[8] = (r[8] & 0x3f) | 0x80;
	snprintf(
		out, 37,
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10],
		r[11], r[12], r[13], r[14], r[15]);
}

void
encoder_init(Encoder *enc, const PluginOptions *opts, FrameWriter *writer,
			 const char *database)
{
	memset(enc, 0, sizeof(*enc));
	enc->cxt = CurrentMemoryContext;
	enc->opts = opts;
	enc->writer = writer;
	enc->database = database;
	enc->fields = metafields_parse(opts, "add.fields", opts->add_fields,
								   opts->add_fields_prefix, &enc->nfields);
	enc->headers = metafields_parse(opts, "add.headers", opts->add_headers,
									opts->add_headers_prefix, &enc->nheaders);
	initStringInfo(&enc->scratch[0]);
	initStringInfo(&enc->scratch[1]);
	new_run_id(enc->run_id);
	enc->txnmeta = txnmeta_create(enc, CurrentMemoryContext);
}

const char *
encoder_format_name(const PluginOptions *opts)
{
	static const char *const names[] = {"flat", "envelope", "cloudevents"};

	return names[opts->format];
}

void
encoder_complete_plan(void *arg, RelationPlan *plan)
{
	const Encoder *enc = arg;

	schema_fill_table(enc, plan);
	header_set_stream(enc, &plan->stream);
	header_set_stream(enc, &plan->null_stream);
	plan->key_schema = schema_key(enc, plan);
	shapes_build(enc, plan);
	if (plan->shapes == NULL)
		shape_check_headers(enc, plan, &plan->stream);
}

/* ---- records ------------------------------------------------------------- */

/* provide.transaction.metadata: all but tombstones count */
static void
count_event(Encoder *enc, const Change *change, char op)
{
	if (enc->txnmeta->enabled && op != WIRE_OP_TOMBSTONE)
		txnmeta_event(enc, &change->plan->stream, &enc->total_order,
					  &enc->collection_order);
}

/* what oversize_try() and oversize_value() run */
typedef struct RowWork
{
	Encoder *enc;
	const Change *change;
	char op;
	const RowImage *row; /* of a key */
	const RowImage *before;
	const RowImage *after;
	uint8 part;
	bool result;
} RowWork;

static void
key_work(void *arg)
{
	RowWork *w = arg;

	encode_record_key(w->enc, w->change, w->op, w->row);
}

static void
value_work(void *arg)
{
	RowWork *w = arg;

	encode_record_value(w->enc->writer->out, w->enc, w->change, w->op,
						w->before, w->after);
}

static void
write_value(Encoder *enc, const Change *change, char op, const RowImage *before,
			const RowImage *after)
{
	RowWork work = {.enc = enc,
					.change = change,
					.op = op,
					.before = before,
					.after = after};

	oversize_value(enc, change, value_work, &work);
}

static void
begin_record(Encoder *enc, const Change *change, char op, uint8 part,
			 const RowImage *key_row)
{
	FrameWriter *w = enc->writer;
	Shape *shape = change_shape(change, op);
	bool keyed =
		shape && shape->own_key ? shape->has_key : change->plan->nkey > 0;

	StreamInfo *stream =
		change->bare_null ? &change->plan->null_stream : &change->plan->stream;

	count_event(enc, change, op);
	encode_lost_column = NULL;
	encode_unchanged = false;
	frame_record_begin(w, shape ? &shape->stream : stream, op, change->lsn,
					   part);
	if (!keyed || key_row == NULL || !key_row->present)
		frame_key_null(w);
	else
	{
		RowWork work = {.enc = enc, .change = change, .op = op, .row = key_row};

		frame_key_begin(w);
		if (likely(!change->large))
			key_work(&work);
		else if (!oversize_try(enc->opts, key_work, &work))
		{
			frame_key_stopped(w);
			return;
		}
		frame_key_end(w);
	}
}

static void
tell_lost(Encoder *enc, RelationPlan *plan)
{
	frame_mark_lost(enc->writer);
	if (!plan->told_lost)
		ereport(
			WARNING,
			(errmsg(
				 "an unchanged value of column \"%s\" of \"%s.%s\" is not in the WAL and is published as null",
				 encode_lost_column->name, plan->schema, plan->table),
			 errdetail(
				 "Its type has no form for a placeholder; this is said once for each table."),
			 errhint("ALTER TABLE %s REPLICA IDENTITY FULL logs such values.",
					 quote_qualified_identifier(plan->schema, plan->table))));
	plan->told_lost = true;
	encode_lost_column = NULL;
}

/*
 * Headers in Debezium's order: where the key moved, what the stream always
 * carries, add.headers.
 */
static void
end_record(Encoder *enc, const Change *change, char op)
{
	int n;
	RecordHeader *headers = metafields_headers(enc, change, op, &n);
	const Shape *shape = change_shape(change, op);
	int late = shape ? shape->nheaders : 0;
	char *cut;

	/* what was not unwrapped has none of add.headers */
	if (!change->plan->flat && enc->opts->format == FORMAT_FLAT)
		n = 0;
	if (change->moved.name != NULL || late > 0)
	{
		RecordHeader *all = palloc0(sizeof(RecordHeader) * (n + late + 2));
		int first = change->moved.name != NULL ? 2 : 1;

		if (first == 2)
			all[0] = change->moved;
		if (n > 0)
			memcpy(all + first, headers, sizeof(RecordHeader) * n);
		if (late > 0)
			memcpy(all + first + n, shape->headers,
				   sizeof(RecordHeader) * late);
		headers = all;
		n += first + late;
	}
	if (unlikely((cut = oversize_cuts()) != NULL))
	{
		RecordHeader *all = palloc(sizeof(RecordHeader) * (n + 1));

		if (n > 0)
			memcpy(all, headers, sizeof(RecordHeader) * n);
		all[n++] = (RecordHeader){"__truncated", cut, (int) strlen(cut)};
		headers = all;
	}
	if (unlikely(encode_unchanged))
		frame_mark_unchanged(enc->writer);
	if (encode_lost_column != NULL)
		tell_lost(enc, change->plan);
	frame_record_end(enc->writer, headers, n);
}

static void
write_tombstone(Encoder *enc, const Change *change, uint8 part,
				const RowImage *key_row)
{
	begin_record(enc, change, WIRE_OP_TOMBSTONE, part, key_row);
	frame_value_null(enc->writer);
	end_record(enc, change, WIRE_OP_TOMBSTONE);
}

void
encode_stopped(Encoder *enc, StreamInfo *stream, char op, XLogRecPtr lsn,
			   uint8 part, uint64 least)
{
	FrameWriter *w = enc->writer;

	frame_record_abandon(w);
	frame_record_begin(w, stream, op, lsn, part);
	frame_key_begin(w);
	frame_key_stopped(w);
	frame_value_begin(w);
	frame_value_stopped(w, least);
	frame_record_end(w, NULL, 0);
}

static void
event_work(void *arg)
{
	RowWork *w = arg;

	outbox_change(w->enc, w->change, w->op, change_shape(w->change, w->op),
				  w->part);
}

static void
write_event(Encoder *enc, const Change *change, char op, Shape *shape,
			uint8 part)
{
	RowWork work = {.enc = enc, .change = change, .op = op, .part = part};

	if (likely(!change->large))
		event_work(&work);
	else if (!oversize_try(enc->opts, event_work, &work))
		encode_stopped(enc, &shape->stream, op, change->lsn, part,
					   oversize_least(change));
}

/* One record of create, update or read; returns the next part. */
static uint8
write_row(Encoder *enc, const Change *change, char op, uint8 part,
		  const RowImage *before, const RowImage *after)
{
	Shape *shape = change_shape(change, op);

	if (shape != NULL && shape->outbox != NULL)
	{
		write_event(enc, change, op, shape, part);
		return part + 1;
	}
	begin_record(enc, change, op, part, after);
	write_value(enc, change, op, before, after);
	end_record(enc, change, op);
	return part + 1;
}

/* A delete in the flat format, by delete.tombstone.handling.mode. */
static uint8
write_flat_delete(Encoder *enc, const Change *change, uint8 part,
				  const RowImage *row)
{
	FrameWriter *w = enc->writer;
	Change bare = *change;

	switch ((DeleteMode) enc->opts->delete_mode)
	{
		case DELETE_DROP:
			count_event(enc, change, WIRE_OP_DELETE);
			return part;
		case DELETE_TOMBSTONE:
		case DELETE_TOMBSTONE_TWICE:
			bare.bare_null = enc->opts->connector_compat;
			begin_record(enc, &bare, WIRE_OP_DELETE, part, row);
			if (enc->opts->connector_compat)
			{
				/* a null with a schema: JsonConverter writes the word */
				frame_value_begin(w);
				json_lit(w->out, "null");
				frame_value_end(w);
			}
			else
				frame_value_null(w);
			break;
		case DELETE_TO_TOMBSTONE:
			begin_record(enc, change, WIRE_OP_DELETE, part, row);
			frame_value_null(w);
			break;
		default:
			begin_record(enc, change, WIRE_OP_DELETE, part, row);
			write_value(enc, change, WIRE_OP_DELETE, row, NULL);
	}
	/* 2.x dropped the delete behind which its tombstone then came */
	end_record(enc, change,
			   enc->opts->delete_mode == DELETE_TO_TOMBSTONE &&
					   enc->opts->compat_version <= COMPAT_2_7
				   ? WIRE_OP_TOMBSTONE
				   : WIRE_OP_DELETE);
	part++;
	if ((enc->opts->delete_mode == DELETE_REWRITE_WITH_TOMBSTONE ||
		 enc->opts->delete_mode == DELETE_TOMBSTONE_TWICE) &&
		enc->opts->tombstones)
		write_tombstone(enc, change, part++, row);
	return part;
}

static uint8
write_delete(Encoder *enc, const Change *change, uint8 part,
			 const RowImage *row)
{
	const Shape *shape = change_shape(change, WIRE_OP_DELETE);

	/* events are deleted once they are sent */
	if (shape != NULL && shape->outbox != NULL)
		return part;
	if (change->plan->flat)
		return write_flat_delete(enc, change, part, row);
	begin_record(enc, change, WIRE_OP_DELETE, part, row);
	write_value(enc, change, WIRE_OP_DELETE, row, NULL);
	end_record(enc, change, WIRE_OP_DELETE);
	part++;
	if (enc->opts->tombstones)
		write_tombstone(enc, change, part++, row);
	return part;
}

/*
 * An old tuple is there if the key changed, but also with REPLICA IDENTITY FULL
 * and for keys kept out of line: so the bytes of both keys are compared.
 */
static bool
key_changed(Encoder *enc, const Change *change)
{
	StringInfo a = &enc->scratch[0];
	StringInfo b = &enc->scratch[1];
	const RelationPlan *plan = change->plan;

	if (plan->nkey == 0 || !change->before->present)
		return false;
	for (int i = 0; i < plan->nkey; i++)
		if (change->before->identity_only && !plan->key[i].in_identity)
			return false; /* the old key is not known */
	resetStringInfo(a);
	resetStringInfo(b);
	encode_key(a, plan, change->before);
	encode_key(b, plan, change->after);
	return a->len != b->len || memcmp(a->data, b->data, a->len) != 0;
}

/* skip.messages.without.change: only a full old row can tell */
static bool
is_unchanged(Encoder *enc, const Change *change)
{
	StringInfo a = &enc->scratch[0];
	StringInfo b = &enc->scratch[1];

	/* Debezium compares with what it invents for the rest */
	if (!change->before->present ||
		(change->before->identity_only && !enc->opts->connector_compat))
		return false;
	resetStringInfo(a);
	resetStringInfo(b);
	encode_row(a, change->plan, change->before);
	encode_row(b, change->plan, change->after);
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* Debezium asks of each record of a changed key whether its kind is skipped. */
static bool
skips_part(const Encoder *enc, char op)
{
	return enc->opts->connector_compat && filter_skips_operation(enc->opts, op);
}

static void
key_changed_work(void *arg)
{
	RowWork *w = arg;

	w->result = key_changed(w->enc, w->change);
}

static void
unchanged_work(void *arg)
{
	RowWork *w = arg;

	w->result = is_unchanged(w->enc, w->change);
}

/* Neither changed nor unchanged is what cannot be built to be compared. */
static bool
compare(Encoder *enc, const Change *change, OversizeWork work)
{
	RowWork w = {.enc = enc, .change = change};

	if (likely(!change->large))
		work(&w);
	else
	{
		if (!oversize_try(enc->opts, work, &w))
			w.result = false;
	}
	return w.result;
}

static void
encode_update(Encoder *enc, Change *change)
{
	const RowImage *before = change->before;

	/* and looks at the key later */
	if (enc->opts->connector_compat && enc->opts->skip_unchanged &&
		compare(enc, change, unchanged_work))
		return;
	if (compare(enc, change, key_changed_work))
	{
		bool tell = enc->opts->connector_compat;
		uint8 part;

		if (tell)
			header_set_moved(enc, change, "__debezium.newkey", change->after);
		part = skips_part(enc, WIRE_OP_DELETE)
				   ? 0
				   : write_delete(enc, change, 0, before);
		if (tell)
			header_set_moved(enc, change, "__debezium.oldkey", before);
		if (!skips_part(enc, WIRE_OP_CREATE))
			(void) write_row(enc, change, WIRE_OP_CREATE, part, NULL,
							 change->after);
		return;
	}
	if (filter_skips_operation(enc->opts, WIRE_OP_UPDATE) ||
		(enc->opts->skip_unchanged && compare(enc, change, unchanged_work)))
		return;
	/* only a full old row is an image of what was before */
	if (before->present && before->identity_only)
		before = NULL;
	(void) write_row(enc, change, WIRE_OP_UPDATE, 0, before, change->after);
}

/* Buffers that large keys left. */
static void
shrink_scratch(Encoder *enc)
{
	for (int i = 0; i < lengthof(enc->scratch); i++)
		if (enc->scratch[i].maxlen > 2 * WIRE_BATCH_BYTES)
		{
			enc->scratch[i].data =
				repalloc(enc->scratch[i].data, WIRE_BATCH_BYTES);
			enc->scratch[i].maxlen = WIRE_BATCH_BYTES;
			resetStringInfo(&enc->scratch[i]);
		}
}

void
encode_change(Encoder *enc, Change *change)
{
	switch (change->op)
	{
		case WIRE_OP_UPDATE:
			encode_update(enc, change);
			break;
		case WIRE_OP_DELETE:
			(void) write_delete(enc, change, 0, change->before);
			break;
		default:
			(void) write_row(enc, change, change->op, 0, NULL, change->after);
	}
	if (change->large)
		shrink_scratch(enc);
}

void
encode_truncate(Encoder *enc, RelationPlan *plan, XLogRecPtr lsn)
{
	Change change = {.op = WIRE_OP_TRUNCATE, .plan = plan, .lsn = lsn};
	FrameWriter *w = enc->writer;
	bool flat = plan->flat;

	/* ExtractNewRecordState drops what has no row */
	if ((flat && enc->opts->connector_compat) ||
		(plan->shapes != NULL && plan->shapes[0]->outbox != NULL))
		return;
	begin_record(enc, &change, WIRE_OP_TRUNCATE, 0, NULL);
	frame_value_begin(w);
	if (flat)
	{
		json_lit(w->out, "{\"__truncated\":\"true\"");
		metafields_append(w->out, enc, &change, WIRE_OP_TRUNCATE, false);
		json_char(w->out, '}');
	}
	else
		encode_record_value(w->out, enc, &change, WIRE_OP_TRUNCATE, NULL, NULL);
	frame_value_end(w);
	end_record(enc, &change, WIRE_OP_TRUNCATE);
}
