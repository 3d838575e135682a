/*
 * signaltable.c
 *		Rows that are signals to the shipper.
 */
#include "compat.h"

#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "utils/lsyscache.h"

#include "filter.h"
#include "json.h"
#include "signaltable.h"

#define OWN_SCHEMA "tuplecast"
#define OWN_TABLE  "signals"

/*
 * Where the extension is not installed anybody who may create a schema could
 * give it this name, so the name alone does not make the table ours.
 */
static bool
is_ours(Relation rel, const char *schema)
{
	Oid extension;

	if (strcmp(schema, OWN_SCHEMA) != 0 ||
		strcmp(RelationGetRelationName(rel), OWN_TABLE) != 0)
		return false;
	extension = get_extension_oid(OWN_SCHEMA, true);
	return OidIsValid(extension) &&
		   getExtensionOfObject(RelationRelationId, RelationGetRelid(rel)) ==
			   extension;
}

bool
signal_relation(Relation rel, const PluginOptions *opts)
{
	const char *schema = get_namespace_name(RelationGetNamespace(rel));

	return schema != NULL &&
		   (is_ours(rel, schema) ||
			filter_is_signal(opts, schema, RelationGetRelationName(rel)));
}

/* A column as UTF-8 text, or NULL. */
static const char *
column_text(Relation rel, const RowImage *row, int attno)
{
	Oid func;
	bool varlena;

	if (row->nulls[attno])
		return NULL;
	getTypeOutputInfo(TupleDescAttr(RelationGetDescr(rel), attno)->atttypid,
					  &func, &varlena);
	return json_to_utf8_cstring(
		OidOutputFunctionCall(func, row->values[attno]));
}

void
signal_send(FrameWriter *w, Relation rel, const RowImage *row, XLogRecPtr lsn)
{
	TupleDesc desc = RelationGetDescr(rel);
	const char *texts[3];
	int n = 0;

	for (int i = 0; i < desc->natts && n < 3; i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
			texts[n++] = column_text(rel, row, i);
	if (n < 3)
	{
		ereport(
			WARNING,
			(errmsg("the table of signals \"%s\" has %d columns",
					RelationGetRelationName(rel), n),
			 errdetail("Its row was not taken for a signal."),
			 errhint(
				 "Its first three columns are to be id, type and data, all text.")));
		return;
	}
	frame_signal(w, lsn, texts[0] ? texts[0] : "", texts[1] ? texts[1] : "",
				 texts[2]);
}
