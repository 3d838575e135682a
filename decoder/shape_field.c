/*
 * shape_field.c
 *		Fields of keys and values, with their schemas.
 *
 * The schemas are those that schema.c writes, taken apart.
 */
#include "compat.h"

#include "convert.h"
#include "json.h"
#include "jsonscan.h"
#include "shape_internal.h"

#define STRUCT_HEAD "{\"type\":\"struct\",\"fields\":["

void
shape_field_rename(ShapeField *field, const char *name)
{
	StringInfoData s;

	initStringInfo(&s);
	json_utf8(&s, name, strlen(name));
	json_char(&s, ':');
	field->name = name;
	field->name_json = s.data;
	field->name_len = s.len;
}

void
shape_field_schema(StringInfo out, const ShapeField *field, const char *name)
{
	json_str(out, field->schema);
	if (name != NULL)
	{
		json_lit(out, ",\"field\":");
		json_utf8(out, name, strlen(name));
	}
	json_char(out, '}');
}

ShapeField *
shape_list_find(List *fields, const char *name)
{
	ListCell *lc;

	foreach(lc, fields)
	{
		ShapeField *f = lfirst(lc);

		if (strcmp(f->name, name) == 0)
			return f;
	}
	return NULL;
}

ShapeField *
shape_field_find(ShapeField *fields, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

ShapeField *
shape_field_copy(const ShapeField *field)
{
	ShapeField *copy = palloc(sizeof(ShapeField));

	*copy = *field;
	if (field->nconversions > 0)
	{
		copy->conversions = palloc(sizeof(Conversion) * field->nconversions);
		memcpy(copy->conversions, field->conversions,
			   sizeof(Conversion) * field->nconversions);
	}
	return copy;
}

/* A field of its schema {"type":…,"field":"name"}. */
static ShapeField *
field_from_schema(const char *schema)
{
	static const char mark[] = ",\"field\":\"";
	ShapeField *f = palloc0(sizeof(ShapeField));
	const char *tail = NULL;
	const char *p = schema;
	const char *name;

	/* a name's own quotes are escaped, so the last mark is the right one */
	while ((p = strstr(p, mark)) != NULL)
		tail = p++;
	if (tail == NULL)
		elog(ERROR, "schema of a field without its name: %s", schema);
	f->schema = pnstrdup(schema, tail - schema);
	shape_field_rename(f, jsonscan_unquote(tail + sizeof(mark) - 2, NULL));
	f->type = jsonscan_unquote(jsonscan_member(schema, "type"), NULL);
	name = jsonscan_member(schema, "name");
	f->type_name = name ? jsonscan_unquote(name, NULL) : NULL;
	p = jsonscan_member(schema, "optional");
	f->optional = p != NULL && *p == 't';
	return f;
}

/*
 * The fields of the struct in {"schema":{…},"payload":, and what follows them
 * in its schema, without the last brace.
 */
List *
shape_fields_from_head(const char *head, const char **rest)
{
	const char *schema = head + strlen("{\"schema\":");
	const char *end = jsonscan_skip(schema);
	const char *p = schema + strlen(STRUCT_HEAD);
	List *fields = NIL;

	if (strncmp(schema, STRUCT_HEAD, strlen(STRUCT_HEAD)) != 0)
		elog(ERROR, "unexpected schema %s", head);
	while (*p == '{')
	{
		fields = lappend(fields, field_from_schema(jsonscan_copy(p)));
		p = jsonscan_skip(p);
		p += *p == ',';
	}
	*rest = pnstrdup(p + 1, end - 1 - (p + 1));
	return fields;
}

ShapeField *
shape_fields_array(List *fields)
{
	ShapeField *array =
		palloc(sizeof(ShapeField) * Max(list_length(fields), 1));
	ListCell *lc;

	foreach(lc, fields)
		array[foreach_current_index(lc)] = *(ShapeField *) lfirst(lc);
	return array;
}

/* {"schema":{…},"payload": */
const char *
shape_struct_head(List *fields, const char *rest)
{
	StringInfoData s;
	ListCell *lc;

	initStringInfo(&s);
	json_lit(&s, "{\"schema\":" STRUCT_HEAD);
	foreach(lc, fields)
	{
		ShapeField *f = lfirst(lc);

		if (foreach_current_index(lc) > 0)
			json_char(&s, ',');
		shape_field_schema(&s, f, f->name);
	}
	json_char(&s, ']');
	json_str(&s, rest);
	json_lit(&s, "},\"payload\":");
	return s.data;
}

/* the same of a value that is no struct */
const char *
shape_bare_head(const ShapeField *field)
{
	StringInfoData s;

	initStringInfo(&s);
	json_lit(&s, "{\"schema\":");
	shape_field_schema(&s, field, NULL);
	json_lit(&s, ",\"payload\":");
	return s.data;
}
