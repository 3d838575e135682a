/*
 * jsonexpand.c
 *		A JSON document in a string, turned into a struct with a schema.
 */
#include "compat.h"

#include <ctype.h>

#include "miscadmin.h"
#include "nodes/pg_list.h"

#include "json.h"
#include "jsonexpand.h"
#include "jsonscan.h"

typedef enum NodeKind
{
	NODE_NULL,
	NODE_STRING,
	NODE_BOOLEAN,
	NODE_NUMBER,
	NODE_ARRAY,
	NODE_OBJECT
} NodeKind;

typedef struct JsonNode
{
	NodeKind kind;
	const char *text; /* of a scalar: where it begins */
	int len;
	List *names; /* of an object's members: char * */
	List *items; /* of JsonNode * */
} JsonNode;

typedef struct JsonSchema
{
	const char *type;
	bool optional;
	const char *name; /* of a struct, or NULL */
	List *fields;	  /* names, parallel to */
	List *types;	  /* JsonSchema *; of an array: the one */
} JsonSchema;

/* ---- parsing ------------------------------------------------------------- */

static JsonNode *parse_value(const char **p);

/* The length of the escape at s, behind its backslash; 0: there is no such. */
static int
escape_length(const char *s)
{
	if (*s != 'u')
		return *s != '\0' && strchr("\"\\/bfnrt", *s) != NULL ? 1 : 0;
	for (int i = 1; i <= 4; i++)
		if (!isxdigit((unsigned char) s[i]))
			return 0;
	return 5;
}

/* Whether a string begins at p that is closed, and all of it valid. */
static bool
is_whole_string(const char *p)
{
	for (const char *s = p + 1; (unsigned char) *s >= 0x20; s++)
	{
		if (*s == '"')
			return true;
		if (*s == '\\')
		{
			int n = escape_length(s + 1);

			if (n == 0)
				return false;
			s += n;
		}
	}
	return false;
}

static JsonNode *
parse_object(const char **p, JsonNode *node)
{
	const char *s = jsonscan_blanks(*p + 1);

	node->kind = NODE_OBJECT;
	while (*s == '"')
	{
		char *name;
		JsonNode *item;
		ListCell *lc;
		bool seen = false;

		if (!is_whole_string(s))
			return NULL;
		name = jsonscan_unquote(s, NULL);
		s = jsonscan_blanks(jsonscan_skip(s));
		if (*s++ != ':')
			return NULL;
		item = parse_value(&s);
		if (item == NULL)
			return NULL;
		/* the last of equal names counts, in the place of the first */
		foreach(lc, node->names)
			if (strcmp(lfirst(lc), name) == 0)
			{
				lfirst(list_nth_cell(node->items, foreach_current_index(lc))) =
					item;
				seen = true;
			}
		if (!seen)
		{
			node->names = lappend(node->names, name);
			node->items = lappend(node->items, item);
		}
		s = jsonscan_blanks(s);
		if (*s != ',')
			break;
		s = jsonscan_blanks(s + 1);
		if (*s != '"')
			return NULL;
	}
	*p = s + 1;
	return *s == '}' ? node : NULL;
}

static JsonNode *
parse_array(const char **p, JsonNode *node)
{
	const char *s = jsonscan_blanks(*p + 1);

	node->kind = NODE_ARRAY;
	while (*s != ']')
	{
		JsonNode *item = parse_value(&s);

		if (item == NULL)
			return NULL;
		node->items = lappend(node->items, item);
		s = jsonscan_blanks(s);
		if (*s == ']')
			break;
		if (*s++ != ',' || *jsonscan_blanks(s) == ']')
			return NULL;
	}
	*p = s + 1;
	return node;
}

static bool
is_number(const char *s, int len)
{
	const char *end = s + len;

	s += *s == '-';
	if (s == end || *s < '0' || *s > '9' ||
		(*s == '0' && s + 1 < end && s[1] >= '0' && s[1] <= '9'))
		return false;
	while (s < end && *s >= '0' && *s <= '9')
		s++;
	if (s < end && *s == '.')
	{
		if (++s == end || *s < '0' || *s > '9')
			return false;
		while (s < end && *s >= '0' && *s <= '9')
			s++;
	}
	if (s < end && (*s | 0x20) == 'e')
	{
		s++;
		if (s < end && (*s == '+' || *s == '-'))
			s++;
		if (s == end)
			return false;
		while (s < end && *s >= '0' && *s <= '9')
			s++;
	}
	return s == end;
}

static JsonNode *
parse_value(const char **p)
{
	JsonNode *node = palloc0(sizeof(JsonNode));
	const char *s = jsonscan_blanks(*p);

	check_stack_depth();
	*p = s;
	if (*s == '{')
		return parse_object(p, node);
	if (*s == '[')
		return parse_array(p, node);
	node->text = s;
	node->len = (int) (jsonscan_skip(s) - s);
	*p = s + node->len;
	if (*s == '"')
		node->kind = NODE_STRING;
	else if (node->len == 4 && strncmp(s, "null", 4) == 0)
		node->kind = NODE_NULL;
	else if ((node->len == 4 && strncmp(s, "true", 4) == 0) ||
			 (node->len == 5 && strncmp(s, "false", 5) == 0))
		node->kind = NODE_BOOLEAN;
	else
		node->kind = NODE_NUMBER;
	if (node->kind == NODE_STRING
			? !is_whole_string(s)
			: node->kind == NODE_NUMBER && !is_number(s, node->len))
		return NULL;
	return node;
}

/* ---- schemas ------------------------------------------------------------- */

typedef struct Expansion
{
	bool keep_nulls;
	bool failed;
} Expansion;

static JsonSchema *to_schema(Expansion *x, const char *key,
							 const JsonNode *node);

static JsonSchema *
scalar_schema(const char *type)
{
	JsonSchema *s = palloc0(sizeof(JsonSchema));

	s->type = type;
	s->optional = true;
	return s;
}

/* NULL: a number that fits no type */
static const char *
number_type(const JsonNode *node)
{
	char *text_value = pnstrdup(node->text, node->len);
	int64 v;

	if (strpbrk(text_value, ".eE") != NULL)
		return "double";
	errno = 0;
	v = strtoll(text_value, NULL, 10);
	if (errno != 0)
		return NULL;
	return v >= PG_INT32_MIN && v <= PG_INT32_MAX ? "int32" : "int64";
}

static bool
schema_equal(const JsonSchema *a, const JsonSchema *b)
{
	ListCell *la;
	ListCell *lb;

	if (a == NULL || b == NULL)
		return a == b;
	if (strcmp(a->type, b->type) != 0 || a->optional != b->optional ||
		list_length(a->types) != list_length(b->types))
		return false;
	forboth(la, a->fields, lb, b->fields)
		if (strcmp(lfirst(la), lfirst(lb)) != 0)
			return false;
	forboth(la, a->types, lb, b->types)
		if (!schema_equal(lfirst(la), lfirst(lb)))
			return false;
	return true;
}

static int
field_index(const JsonSchema *s, const char *name)
{
	ListCell *lc;

	foreach(lc, s->fields)
		if (strcmp(lfirst(lc), name) == 0)
			return foreach_current_index(lc);
	return -1;
}

static JsonSchema *
merge_schemas(const JsonSchema *a, const JsonSchema *b)
{
	JsonSchema *s = palloc(sizeof(JsonSchema));
	ListCell *name;
	ListCell *type;

	*s = *a;
	/* a merged struct is built without the flag */
	s->optional = false;
	s->fields = list_copy(a->fields);
	s->types = list_copy(a->types);
	forboth(name, b->fields, type, b->types)
	{
		int i = field_index(s, lfirst(name));

		if (i < 0)
		{
			s->fields = lappend(s->fields, lfirst(name));
			s->types = lappend(s->types, lfirst(type));
		}
		else if (strcmp(((JsonSchema *) list_nth(s->types, i))->type,
						"bytes") == 0)
			lfirst(list_nth_cell(s->types, i)) = lfirst(type);
	}
	return s;
}

/* The first element that is not null; all must be of its kind. */
static const JsonNode *
array_sample(Expansion *x, const JsonNode *array)
{
	const JsonNode *sample = NULL;
	ListCell *lc;

	foreach(lc, array->items)
	{
		const JsonNode *item = lfirst(lc);

		if (item->kind == NODE_NULL)
			continue;
		if (sample == NULL)
			sample = item;
		if (item->kind != sample->kind)
			x->failed = true;
		else if (item->kind == NODE_NUMBER)
		{
			const char *a = number_type(sample);
			const char *b = number_type(item);

			if (a == NULL || b == NULL || strcmp(a, b) != 0)
				x->failed = true;
		}
	}
	return sample ? sample : linitial(array->items);
}

static JsonSchema *
array_schema(Expansion *x, const char *key, const JsonNode *array)
{
	const JsonNode *sample = array_sample(x, array);
	JsonSchema *element = NULL;
	List *seen = NIL;
	JsonSchema *s;
	ListCell *lc;

	if (x->failed)
		return NULL;
	if (sample->kind == NODE_OBJECT)
		foreach(lc, array->items)
		{
			JsonSchema *one;
			bool known = false;
			ListCell *old;

			if (((JsonNode *) lfirst(lc))->kind != NODE_OBJECT)
				continue;
			one = to_schema(x, key, lfirst(lc));
			if (x->failed)
				return NULL;
			foreach(old, seen)
				known |= schema_equal(lfirst(old), one);
			if (known)
				continue;
			seen = lappend(seen, one);
			element = element ? merge_schemas(element, one) : one;
		}
	else
		element = to_schema(x, NULL, sample);
	if (element == NULL)
	{
		x->failed = true;
		return NULL;
	}
	s = scalar_schema("array");
	s->types = list_make1(element);
	return s;
}

/* NULL: the value is left out, or x->failed. */
static JsonSchema *
to_schema(Expansion *x, const char *key, const JsonNode *node)
{
	JsonSchema *s;
	const char *type;
	ListCell *name;
	ListCell *item;

	switch (node->kind)
	{
		case NODE_STRING:
			return scalar_schema("string");
		case NODE_BOOLEAN:
			return scalar_schema("boolean");
		case NODE_NULL:
			return x->keep_nulls ? scalar_schema("bytes") : NULL;
		case NODE_NUMBER:
			type = number_type(node);
			x->failed |= type == NULL;
			return type ? scalar_schema(type) : NULL;
		case NODE_ARRAY:
			return node->items == NIL ? NULL : array_schema(x, key, node);
		default:
			break;
	}
	s = scalar_schema("struct");
	s->name = key;
	forboth(name, node->names, item, node->items)
	{
		JsonSchema *field = to_schema(
			x,
			key && key[0] ? psprintf("%s.%s", key, (char *) lfirst(name))
						  : lfirst(name),
			lfirst(item));

		if (x->failed)
			return NULL;
		if (field == NULL)
			continue;
		s->fields = lappend(s->fields, lfirst(name));
		s->types = lappend(s->types, field);
	}
	return s;
}

/* ---- text ---------------------------------------------------------------- */

static void
put_schema(StringInfo out, const JsonSchema *s)
{
	ListCell *name;
	ListCell *type;

	appendStringInfo(out, "{\"type\":\"%s\"", s->type);
	if (strcmp(s->type, "array") == 0)
	{
		json_lit(out, ",\"items\":");
		put_schema(out, linitial(s->types));
		json_char(out, '}');
	}
	else if (strcmp(s->type, "struct") == 0)
	{
		json_lit(out, ",\"fields\":[");
		forboth(name, s->fields, type, s->types)
		{
			if (foreach_current_index(name) > 0)
				json_char(out, ',');
			put_schema(out, lfirst(type));
			json_lit(out, ",\"field\":");
			json_utf8(out, lfirst(name), strlen(lfirst(name)));
			json_char(out, '}');
		}
		json_char(out, ']');
	}
	json_str(out, s->optional ? ",\"optional\":true" : ",\"optional\":false");
	if (s->name != NULL)
	{
		json_lit(out, ",\"name\":");
		json_utf8(out, s->name, strlen(s->name));
	}
}

static const char *
node_type(const JsonNode *node)
{
	static const char *const types[] = {"", "string", "boolean",
										"", "array",  "struct"};

	return node->kind == NODE_NUMBER ? number_type(node) : types[node->kind];
}

static const JsonNode *
member(const JsonNode *object, const char *name)
{
	ListCell *lc;

	foreach(lc, object->names)
		if (strcmp(lfirst(lc), name) == 0)
			return list_nth(object->items, foreach_current_index(lc));
	return NULL;
}

static void
put_scalar(StringInfo out, const JsonNode *node)
{
	if (node->kind == NODE_STRING)
	{
		int len;
		char *s = jsonscan_unquote(node->text, &len);

		json_utf8(out, s, len);
	}
	else if (node->kind == NODE_NUMBER &&
			 strcmp(number_type(node), "double") == 0)
		json_float8(out, strtod(node->text, NULL));
	else if (node->kind == NODE_NUMBER)
		json_int64(out, strtoll(node->text, NULL, 10));
	else
		json_raw(out, node->text, node->len);
}

static void
put_node(StringInfo out, Expansion *x, const JsonNode *node,
		 const JsonSchema *s)
{
	ListCell *lc;
	ListCell *type;
	bool first = true;

	if (node == NULL || node->kind == NODE_NULL)
	{
		json_lit(out, "null");
		return;
	}
	if (node_type(node) == NULL || strcmp(node_type(node), s->type) != 0)
	{
		x->failed = true;
		return;
	}
	if (node->kind == NODE_ARRAY)
	{
		json_char(out, '[');
		foreach(lc, node->items)
		{
			if (foreach_current_index(lc) > 0)
				json_char(out, ',');
			put_node(out, x, lfirst(lc), linitial(s->types));
		}
		json_char(out, ']');
	}
	else if (node->kind == NODE_OBJECT)
	{
		json_char(out, '{');
		forboth(lc, s->fields, type, s->types)
		{
			if (!first)
				json_char(out, ',');
			first = false;
			json_utf8(out, lfirst(lc), strlen(lfirst(lc)));
			json_char(out, ':');
			put_node(out, x, member(node, lfirst(lc)), lfirst(type));
		}
		json_char(out, '}');
	}
	else
		put_scalar(out, node);
}

bool
json_expand(const char *document, const char *name, bool keep_nulls,
			StringInfo value, StringInfo schema)
{
	Expansion x = {keep_nulls, false};
	int value_start = value->len;
	const JsonNode *node;
	JsonSchema *s;

	/* only an object is a struct */
	if (document[0] != '{')
		return false;
	node = parse_value(&document);
	if (node == NULL)
		return false;
	s = to_schema(&x, name, node);
	if (!x.failed)
		put_node(value, &x, node, s);
	if (x.failed)
	{
		value->len = value_start;
		value->data[value->len] = '\0';
		return false;
	}
	put_schema(schema, s);
	return true;
}
