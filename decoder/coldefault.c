/*
 * coldefault.c
 *		The default of a column, as it stands in a Debezium schema.
 */
#include "compat.h"

#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "coldefault.h"
#include "json.h"

/* the server's own immutable functions alone are safe to run here */
static bool
is_foreign_function(Oid funcid, void *context)
{
	return funcid >= FirstNormalObjectId ||
		   func_volatile(funcid) != PROVOLATILE_IMMUTABLE;
}

static bool
is_unsafe(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_foreign_function, context))
		return true;
	switch (nodeTag(node))
	{
		case T_Const:
		case T_FuncExpr:
		case T_OpExpr:
		case T_RelabelType:
		case T_List:
			return expression_tree_walker(node, is_unsafe, context);
		default:
			return true;
	}
}

static Node *
default_expression(Relation rel, AttrNumber attnum)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;

	if (constr == NULL)
		return NULL;
	for (int i = 0; i < constr->num_defval; i++)
		if (constr->defval[i].adnum == attnum)
			return stringToNode(constr->defval[i].adbin);
	return NULL;
}

/* Debezium's schemas show the defaults of some types only. */
static bool
shows_default(Form_pg_attribute att, const TypeCodec *codec)
{
	if (codec->element != NULL || codec->type != att->atttypid)
		return false; /* arrays, domains */
	switch (codec->type)
	{
		case BYTEAOID:
		case CASHOID:
		case INETOID:
		case CIDROID:
		case MACADDROID:
		case MACADDR8OID:
			return false;
		default:
			/* a numeric that is a struct has none */
			return strcmp(codec->connect_type, "struct") != 0;
	}
}

const char *
column_default_json(Relation rel, Form_pg_attribute att, TypeCodec *codec)
{
	Node *expr;
	StringInfoData out;
	Datum value;

	if (!shows_default(att, codec))
		return NULL;
	if (!att->atthasdef || att->attgenerated != '\0')
		return NULL;
	expr = default_expression(rel, att->attnum);
	if (expr == NULL)
		return NULL;
	if (!is_unsafe(expr, NULL))
		expr = eval_const_expressions(NULL, expr);
	if (!IsA(expr, Const))
		return codec->default_zero ? codec->default_zero : codec->zero;
	if (((Const *) expr)->constisnull)
		return NULL;
	value = ((Const *) expr)->constvalue;
	/* the text of the default, not yet padded to its column */
	if (codec->type == BPCHAROID)
		value = DirectFunctionCall1(rtrim1, value);
	initStringInfo(&out);
	codec->encode(&out, value, codec);
	return out.data;
}
