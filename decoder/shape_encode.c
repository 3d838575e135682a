/*
 * shape_encode.c
 *		Keys and values by their shapes.
 */
#include "compat.h"

#include "cloudevents.h"
#include "convert.h"
#include "json.h"
#include "shape_internal.h"
#include "txnmeta.h"

/* what a member of the envelope writes, without its name */
static void
drop_name(StringInfo out, int start, int len)
{
	memmove(out->data + start, out->data + start + len, out->len - start - len);
	out->len -= len;
	out->data[out->len] = '\0';
}

typedef struct FieldContext
{
	Encoder *enc;
	const Change *change;
	char op;
	const Shape *shape;
	const RowImage *row;
	const RowImage *before;
	const RowImage *after;
	int64 now;
} FieldContext;

static void encode_fields(StringInfo out, const FieldContext *c,
						  const ShapeField *fields, int n);

static void
encode_image(StringInfo out, const FieldContext *c, const RowImage *row)
{
	FieldContext inner = *c;

	if (c->shape->row == NULL || row == NULL || !row->present)
	{
		encode_row(out, c->change->plan, row);
		return;
	}
	inner.row = row;
	encode_fields(out, &inner, c->shape->row, c->change->plan->ncolumns);
}

static void
encode_source_of(StringInfo out, const ShapeField *f, const FieldContext *c)
{
	const StreamInfo *stream = &c->change->plan->stream;
	int start = out->len;

	switch (f->source)
	{
		case FIELD_COLUMN:
			encode_column_value(out, f->column, c->row);
			break;
		case FIELD_MEMBER:
			elog(ERROR, "a row has no such field: %s", f->json);
			break;
		case FIELD_CONSTANT:
			json_str(out, f->json);
			break;
		case FIELD_DELETED:
			json_str(out, c->op == WIRE_OP_DELETE ? "\"true\"" : "\"false\"");
			break;
		case FIELD_META:
			metafield_value(out, c->enc, c->change, c->op, f->meta);
			break;
		case FIELD_BEFORE:
			encode_image(out, c, c->before);
			break;
		case FIELD_AFTER:
			encode_image(out, c, c->after);
			break;
		case FIELD_SOURCE_BLOCK:
			encode_source(out, c->enc, stream->schema, stream->name,
						  c->change->lsn);
			drop_name(out, start, strlen("\"source\":"));
			frame_move_hole(c->enc->writer, out, -(int) strlen("\"source\":"));
			break;
		case FIELD_TRANSACTION:
			txnmeta_block(out, c->enc, stream, c->change->lsn);
			drop_name(out, start, strlen("\"transaction\":"));
			break;
		case FIELD_OP:
			json_char(out, '"');
			json_char(out, c->op);
			json_char(out, '"');
			break;
		case FIELD_TS_MS:
			json_int64(out, c->now / 1000);
			break;
		case FIELD_TS_US:
			json_int64(out, c->now);
			break;
		case FIELD_TS_NS:
			json_int64(out, c->now);
			json_lit(out, "000");
			break;
	}
}

static void
encode_field(StringInfo out, const ShapeField *f, const FieldContext *c)
{
	int start = out->len;

	encode_source_of(out, f, c);
	if (f->nconversions > 0)
		convert_run(out, start, f,
					c->row != NULL && c->row == c->before ? CONVERT_BEFORE
														  : CONVERT_AFTER);
}

static void
encode_fields(StringInfo out, const FieldContext *c, const ShapeField *fields,
			  int n)
{
	json_char(out, '{');
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			json_char(out, ',');
		json_raw(out, fields[i].name_json, fields[i].name_len);
		encode_field(out, &fields[i], c);
	}
	json_char(out, '}');
}

void
shape_encode_key(StringInfo out, Encoder *enc, const Change *change, char op,
				 const Shape *shape, const RowImage *row)
{
	bool deleted = op == WIRE_OP_DELETE || op == WIRE_OP_TOMBSTONE;
	FieldContext c = {enc,
					  change,
					  deleted ? WIRE_OP_DELETE : op,
					  shape,
					  row,
					  deleted ? row : NULL,
					  deleted ? NULL : row,
					  encode_clock()};

	if (shape->bare_key)
		encode_field(out, &shape->key[0], &c);
	else
		encode_fields(out, &c, shape->key, shape->nkey);
}

static void
encode_member(StringInfo out, const FieldContext *c, const char *name)
{
	const ShapeField *f =
		shape_field_find(c->shape->value, c->shape->nvalue, name);

	if (f != NULL)
		encode_field(out, f, c);
	else
		json_lit(out, "null");
}

/* What a CloudEvent takes from the envelope. */
static void
encode_event(StringInfo out, const FieldContext *c)
{
	StringInfoData source;
	StringInfoData transaction;

	initStringInfo(&source);
	initStringInfo(&transaction);
	encode_member(&source, c, "source");
	encode_member(&transaction, c, "transaction");
	cloudevent_begin(out, c->enc, &c->shape->stream, c->op, source.data,
					 transaction.data);
	json_lit(out, "{\"before\":");
	encode_member(out, c, "before");
	json_lit(out, ",\"after\":");
	encode_member(out, c, "after");
	json_char(out, '}');
	cloudevent_end(out, &c->shape->stream);
}

void
shape_encode_value(StringInfo out, Encoder *enc, const Change *change, char op,
				   const Shape *shape, const RowImage *before,
				   const RowImage *after)
{
	FieldContext c = {
		enc,   change,		  op, shape, after ? after : before, before,
		after, encode_clock()};

	if (enc->opts->format == FORMAT_CLOUDEVENTS)
		encode_event(out, &c);
	else
		encode_fields(out, &c, shape->value, shape->nvalue);
}

void
shape_encode_field(StringInfo out, Encoder *enc, const Change *change, char op,
				   const Shape *shape, const ShapeField *field,
				   const RowImage *row)
{
	FieldContext c = {enc, change, op, shape, row, NULL, row, encode_clock()};

	encode_field(out, field, &c);
}
