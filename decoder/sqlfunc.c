/*
 * sqlfunc.c
 *		What SQL may ask: which relations are captured, and how.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "encode.h"
#include "filter.h"
#include "json.h"
#include "relcache.h"
#include "shape.h"
#include "sqlfunc.h"

PG_FUNCTION_INFO_V1(tuplecast_plan);
PG_FUNCTION_INFO_V1(tuplecast_version);
PG_FUNCTION_INFO_V1(tuplecast_wire_version);

Datum
tuplecast_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(TUPLECAST_VERSION));
}

Datum
tuplecast_wire_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(WIRE_VERSION);
}

List *
options_from_array(ArrayType *array)
{
	Datum *items;
	bool *nulls;
	int n;
	List *options = NIL;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls,
					  &n);
	if (n % 2 != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the last option has no value"),
				 errhint("Options are given as name, value, name, value.")));
	for (int i = 0; i < n; i += 2)
	{
		if (nulls[i] || nulls[i + 1])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("names and values of options must not be null")));
		options = lappend(
			options,
			makeDefElem(TextDatumGetCString(items[i]),
						(Node *) makeString(TextDatumGetCString(items[i + 1])),
						-1));
	}
	return options;
}

static const char *
identity_name(char replident)
{
	switch (replident)
	{
		case REPLICA_IDENTITY_FULL:
			return "full";
		case REPLICA_IDENTITY_INDEX:
			return "index";
		case REPLICA_IDENTITY_NOTHING:
			return "nothing";
		default:
			return "default";
	}
}

/* key columns by name, and whether old tuples hold all of them */
static Datum
key_names(const RelationPlan *plan, bool *identified)
{
	Datum *names = palloc(sizeof(Datum) * Max(plan->nkey, 1));

	*identified = plan->nkey > 0;
	for (int i = 0; i < plan->nkey; i++)
	{
		names[i] = CStringGetTextDatum(plan->key[i].name);
		*identified &= plan->key[i].in_identity;
	}
	return PointerGetDatum(
		construct_array(names, plan->nkey, TEXTOID, -1, false, TYPALIGN_INT));
}

/* columns whose values are null where an update leaves them out of line */
static Datum
lost_names(const RelationPlan *plan)
{
	Datum *names = palloc(sizeof(Datum) * Max(plan->ncolumns, 1));
	int n = 0;

	for (int i = 0; i < plan->ncolumns; i++)
		if (plan->columns[i].lost_if_unchanged &&
			plan->columns[i].may_be_toasted &&
			plan->replident != REPLICA_IDENTITY_FULL)
			names[n++] = CStringGetTextDatum(plan->columns[i].name);
	return PointerGetDatum(
		construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* What transforms make of topic and key; NULL: each record has its own. */
static const Shape *
apply_transforms(RelationPlan *plan, const PluginOptions *opts)
{
	Encoder enc;
	FrameWriter writer;

	frame_writer_init(&writer, NULL, NULL, false, "", INT_MAX);
	encoder_init(&enc, opts, &writer, "");
	shapes_build(&enc, plan);
	return plan->shapes[0];
}

/* The names of a key's fields that are columns, or what they are called. */
static Datum
shape_key_names(const Shape *shape)
{
	Datum *names = palloc(sizeof(Datum) * Max(shape->nkey, 1));

	for (int i = 0; i < shape->nkey; i++)
	{
		int len = strlen(shape->key[i].name);
		const char *name = json_from_utf8(shape->key[i].name, &len);

		names[i] = PointerGetDatum(cstring_to_text_with_len(name, len));
	}
	return PointerGetDatum(
		construct_array(names, shape->nkey, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * plan(relation regclass, options text[]): one row, or NULLs if the relation is
 * not captured.
 */
Datum
tuplecast_plan(PG_FUNCTION_ARGS)
{
	Oid relid = PG_GETARG_OID(0);
	PluginOptions opts;
	Relation rel;
	RelationPlan *plan;
	TupleDesc desc;
	Datum values[8] = {0};
	bool nulls[8] = {true, true, true, true, true, true, true, true};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	options_parse(&opts, options_from_array(PG_GETARG_ARRAYTYPE_P(1)));
	/* dropped meanwhile: as if it had never been captured */
	rel = try_relation_open(relid, AccessShareLock);
	if (rel == NULL)
		PG_RETURN_DATUM(
			HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
	plan = relation_plan_build(rel, &opts);
	if (plan->captured)
	{
		bool identified;

		memset(nulls, false, sizeof(nulls));
		values[0] = ObjectIdGetDatum(plan->publish_relid);
		values[1] = CStringGetTextDatum(plan->stream.topic);
		values[2] = key_names(plan, &identified);
		values[3] = CStringGetTextDatum(identity_name(plan->replident));
		values[4] = BoolGetDatum(identified);
		values[5] = Int32GetDatum(plan->ncolumns);
		values[6] = lost_names(plan);
		values[7] = Int32GetDatum(
			filter_place(&opts, plan->stream.schema, plan->stream.name));
		if (opts.transforms != NULL)
		{
			const Shape *shape = apply_transforms(plan, &opts);

			values[1] = CStringGetTextDatum(plan->stream.topic);
			nulls[1] = shape->outbox != NULL;
			if (shape->own_key && shape->outbox == NULL)
				values[2] = shape_key_names(shape);
		}
	}
	relation_close(rel, AccessShareLock);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}
