/*
 * shape_stream.c
 *		What the chain of transforms makes of streams that are no table's:
 *		messages, transaction metadata.
 */
#include "compat.h"

#include "convert.h"
#include "filter.h"
#include "json.h"
#include "jsonscan.h"
#include "shape_internal.h"

struct StreamShape
{
	bool own_key;
	bool key_of_value;
	bool bare_key;
	int nkey;
	ShapeField *key;
	bool own_value;
	int nvalue;
	ShapeField *value;
};

/* Its fields are found by name in what is written. */
static List *
members(const char *head, const char **rest)
{
	List *fields = shape_fields_from_head(head, rest);
	ListCell *lc;

	foreach(lc, fields)
	{
		ShapeField *f = lfirst(lc);

		f->source = FIELD_MEMBER;
		f->json = f->name;
	}
	return fields;
}

static List *
copied(List *fields)
{
	List *copy = NIL;
	ListCell *lc;

	foreach(lc, fields)
		copy = lappend(copy, shape_field_copy(lfirst(lc)));
	return copy;
}

/*
 * One step; one that does not fit leaves the record as it is: it is meant for
 * rows, and a message must not stop the stream.
 */
static void
apply_step(Draft *d, const TransformStep *step)
{
	MemoryContext cxt = CurrentMemoryContext;
	Draft before = *d;

	d->key = copied(d->key);
	d->value = copied(d->value);
	PG_TRY();
	{
		shape_step_apply(d, step);
	}
	PG_CATCH();
	{
		if (geterrcode() != ERRCODE_INVALID_PARAMETER_VALUE)
			PG_RE_THROW();
		MemoryContextSwitchTo(cxt);
		FlushErrorState();
		*d = before;
	}
	PG_END_TRY();
}

static void
finish(const Draft *d, StreamInfo *stream)
{
	const PluginOptions *opts = d->enc->opts;
	struct StreamShape *shape = palloc0(sizeof(struct StreamShape));

	stream->topic = topic_sanitize(d->topic);
	stream->headers =
		shape_headers_array(stream->headers, &stream->nheaders, d->headers);
	if (!d->key_changed && !d->value_changed)
		return;
	shape->own_key = d->key_changed;
	shape->key_of_value = d->key_of_value;
	shape->bare_key = d->bare_key;
	shape->nkey = list_length(d->key);
	shape->key = shape_fields_array(d->key);
	shape->own_value = d->value_changed && !stream->null_values;
	shape->nvalue = list_length(d->value);
	shape->value = shape_fields_array(d->value);
	if (shape->own_key && opts->key_schemas)
		stream->key_head = d->bare_key ? shape_bare_head(linitial(d->key))
									   : shape_struct_head(d->key, d->key_rest);
	if (shape->own_value && opts->value_schemas)
		stream->value_head = shape_struct_head(d->value, d->value_rest);
	stream->shape = shape;
}

void
stream_transform(const Encoder *enc, StreamInfo *stream, const StreamInfo *full)
{
	const TransformChain *chain = enc->opts->transforms;
	RelationPlan plan = {.schema = "", .table = stream->topic};
	Draft d = {.enc = enc,
			   .plan = &plan,
			   .class = SHAPE_ROW,
			   .topic = stream->topic,
			   /* no envelope: what takes such lets it pass */
			   .flat = true,
			   .has_key = true};

	if (chain == NULL)
		return;
	d.key = members(full->key_head, &d.key_rest);
	d.value = members(full->value_head, &d.value_rest);
	for (int i = 0; i < chain->nsteps; i++)
	{
		const TransformStep *step = &chain->steps[i];

		if (step->kind != STEP_UNWRAP && step->kind != STEP_OUTBOX &&
			step->kind != STEP_TIMEZONE && shape_step_applies(&d, step))
			apply_step(&d, step);
	}
	finish(&d, stream);
}

/* ---- records ------------------------------------------------------------- */

static void
put_member(StringInfo out, const ShapeField *f, const char *object)
{
	const char *value =
		f->source == FIELD_MEMBER ? jsonscan_member(object, f->json) : f->json;
	int start = out->len;

	if (value == NULL)
		json_lit(out, "null");
	else
		json_raw(out, value, (int) (jsonscan_skip(value) - value));
	if (f->nconversions > 0)
		convert_run(out, start, f, 0);
}

static void
rewrite(StringInfo out, int start, const ShapeField *fields, int n, bool bare)
{
	char *object = pnstrdup(out->data + start, out->len - start);

	out->len = start;
	if (bare)
	{
		put_member(out, &fields[0], object);
		return;
	}
	json_char(out, '{');
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			json_char(out, ',');
		json_raw(out, fields[i].name_json, fields[i].name_len);
		put_member(out, &fields[i], object);
	}
	json_char(out, '}');
}

void
stream_rewrite_key(StringInfo out, int start, const struct StreamShape *shape)
{
	if (shape != NULL && shape->own_key && !shape->key_of_value)
		rewrite(out, start, shape->key, shape->nkey, shape->bare_key);
}

bool
stream_key_of_value(const struct StreamShape *shape)
{
	return shape->key_of_value;
}

void
stream_value_to_key(StringInfo out, int start, const struct StreamShape *shape)
{
	rewrite(out, start, shape->key, shape->nkey, shape->bare_key);
}

void
stream_rewrite_value(StringInfo out, int start, const struct StreamShape *shape)
{
	if (shape != NULL && shape->own_value)
		rewrite(out, start, shape->value, shape->nvalue, false);
}
