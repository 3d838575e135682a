/*
 * encode_row.c
 *		Keys and values of records: columns, rows, and what each format puts around
 *		them.
 */
#include "compat.h"

#include "access/detoast.h"
#include "utils/timestamp.h"

#include "cloudevents.h"
#include "encode_internal.h"
#include "json.h"
#include "txnmeta.h"

/* ---- rows ---------------------------------------------------------------- */

const ColumnPlan *encode_lost_column;
bool encode_unchanged;

static void
external_value(StringInfo out, const ColumnPlan *col, Datum value)
{
	SizeClass class = col->codec->size_class;

	if (VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(value)))
	{
		/* not in the WAL, and perhaps no longer in the table */
		json_str(out, col->unavailable_json);
		encode_unchanged = true;
		if (col->lost_if_unchanged)
			encode_lost_column = col;
		return;
	}
	if (oversize_cut_at > 0 && oversize_cut(out, col, value))
		return;
	/* before it is expanded */
	if (class != SIZE_UNKNOWN)
		oversize_expect(out, oversize_least_of(class, value));
	col->codec->encode(out, value, col->codec);
}

static inline void
column_value(StringInfo out, const ColumnPlan *col, const RowImage *row)
{
	int i = col->attnum - 1;

	if (row->identity_only && !col->in_identity)
		json_str(out, col->absent_json);
	else if (row->nulls[i])
		json_str(out, col->null_json);
	else if (col->varlena &&
			 VARATT_IS_EXTERNAL(DatumGetPointer(row->values[i])))
		external_value(out, col, row->values[i]);
	else if (oversize_cut_at == 0 || !oversize_cut(out, col, row->values[i]))
		col->codec->encode(out, row->values[i], col->codec);
}

void
encode_column_value(StringInfo out, const ColumnPlan *col, const RowImage *row)
{
	column_value(out, col, row);
}

int64
encode_clock(void)
{
	return GetCurrentTimestamp() +
		   (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
}

void
encode_columns(StringInfo out, const ColumnPlan *columns, int n,
			   const RowImage *row)
{
	json_char(out, '{');
	for (int i = 0; i < n; i++)
	{
		int first = i == 0 ? 1 : 0; /* has no comma */

		json_raw(out, columns[i].name_json + first,
				 columns[i].name_len - first);
		column_value(out, &columns[i], row);
	}
}

/* {"a":1,"b":2 of all columns, without the closing brace */
static void
encode_row_open(StringInfo out, const RelationPlan *plan, const RowImage *row)
{
	encode_columns(out, plan->columns, plan->ncolumns, row);
}

void
encode_row(StringInfo out, const RelationPlan *plan, const RowImage *row)
{
	if (row == NULL || !row->present)
	{
		json_lit(out, "null");
		return;
	}
	encode_row_open(out, plan, row);
	json_char(out, '}');
}

void
encode_key(StringInfo out, const RelationPlan *plan, const RowImage *row)
{
	encode_columns(out, plan->key, plan->nkey, row);
	json_char(out, '}');
}

void
encode_record_key(Encoder *enc, const Change *change, char op,
				  const RowImage *row)
{
	const Shape *shape = change_shape(change, op);

	if (shape != NULL && shape->own_key)
		shape_encode_key(enc->writer->out, enc, change, op, shape, row);
	else
		encode_key(enc->writer->out, change->plan, row);
}

/* ---- values by format ---------------------------------------------------- */

/* In the flat format a row of nothing but nulls stands for an unknown one. */
static void
flat_value(StringInfo out, Encoder *enc, const Change *change, char op,
		   const RowImage *row)
{
	bool rewrite = enc->opts->delete_mode == DELETE_REWRITE ||
				   enc->opts->delete_mode == DELETE_REWRITE_WITH_TOMBSTONE;
	const Shape *shape = change_shape(change, op);

	if (shape != NULL && shape->own_value)
	{
		bool deleted = op == WIRE_OP_DELETE;

		shape_encode_value(out, enc, change, op, shape, deleted ? row : NULL,
						   deleted ? NULL : row);
		return;
	}
	encode_row_open(out, change->plan, row);
	if (rewrite)
	{
		if (change->plan->ncolumns > 0)
			json_char(out, ',');
		if (op == WIRE_OP_DELETE)
			json_lit(out, "\"__deleted\":\"true\"");
		else
			json_lit(out, "\"__deleted\":\"false\"");
	}
	metafields_append(out, enc, change, op,
					  !rewrite && change->plan->ncolumns == 0);
	json_char(out, '}');
}

static void
cloudevent_value(StringInfo out, Encoder *enc, const Change *change, char op,
				 const RowImage *before, const RowImage *after)
{
	const StreamInfo *table = &change->plan->stream;
	const Shape *shape = change_shape(change, op);
	const StreamInfo *stream = shape ? &shape->stream : table;
	StringInfoData source;
	StringInfoData transaction;

	initStringInfo(&source);
	initStringInfo(&transaction);
	encode_source(&source, enc, table->schema, table->name, change->lsn);
	txnmeta_block(&transaction, enc, table, change->lsn);
	cloudevent_begin(out, enc, stream, op, strchr(source.data, '{'),
					 strchr(transaction.data, ':') + 1);
	json_lit(out, "{\"before\":");
	encode_row(out, change->plan, before);
	json_lit(out, ",\"after\":");
	encode_row(out, change->plan, after);
	json_char(out, '}');
	cloudevent_end(out, stream);
}

static void
envelope_value(StringInfo out, Encoder *enc, const Change *change, char op,
			   const RowImage *before, const RowImage *after)
{
	int64 now = encode_clock();
	const Shape *shape = change_shape(change, op);

	if (shape != NULL && shape->own_value)
	{
		shape_encode_value(out, enc, change, op, shape, before, after);
		return;
	}
	if (enc->opts->format == FORMAT_CLOUDEVENTS)
	{
		cloudevent_value(out, enc, change, op, before, after);
		return;
	}
	json_lit(out, "{\"before\":");
	encode_row(out, change->plan, before);
	json_lit(out, ",\"after\":");
	encode_row(out, change->plan, after);
	json_char(out, ',');
	encode_source(out, enc, change->plan->stream.schema,
				  change->plan->stream.name, change->lsn);
	if (enc->opts->compat_version < COMPAT_2_7)
	{
		json_lit(out, ",\"op\":\"");
		json_char(out, op);
		json_lit(out, "\",\"ts_ms\":");
		json_int64(out, now / 1000);
		json_char(out, ',');
		txnmeta_block(out, enc, &change->plan->stream, change->lsn);
		json_char(out, '}');
		return;
	}
	json_char(out, ',');
	txnmeta_block(out, enc, &change->plan->stream, change->lsn);
	json_lit(out, ",\"op\":\"");
	json_char(out, op);
	json_lit(out, "\",\"ts_ms\":");
	json_int64(out, now / 1000);
	json_lit(out, ",\"ts_us\":");
	json_int64(out, now);
	json_lit(out, ",\"ts_ns\":");
	json_int64(out, now);
	json_lit(out, "000}");
}

void
encode_record_value(StringInfo out, Encoder *enc, const Change *change, char op,
					const RowImage *before, const RowImage *after)
{
	if (!change->plan->flat)
		envelope_value(out, enc, change, op, before, after);
	else
		flat_value(out, enc, change, op, op == WIRE_OP_DELETE ? before : after);
}
