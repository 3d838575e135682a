/*
 * document.c
 *		JSON that comes out of a column: found one's way in, expanded with a
 *		schema, made a key's text.  Another parser says what it really is.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "connecttext.h"
#include "json.h"
#include "jsonexpand.h"
#include "jsonscan.h"

#include "fuzz.h"
#include "shim/shim.h"

#include <jansson.h>

static json_t *
parse(const char *text)
{
	json_error_t err;

	return json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &err);
}

/* Any text may stand in a column. */
static void
check_expand(const char *text, bool keep_nulls)
{
	StringInfoData value;
	StringInfoData schema;
	json_t *v;

	initStringInfo(&value);
	initStringInfo(&schema);
	if (!json_expand(text, "p.name", keep_nulls, &value, &schema))
	{
		FUZZ_CHECK(value.len == 0 && schema.len == 0, "something was left");
		return;
	}
	v = parse(value.data);
	FUZZ_CHECK(json_is_object(v), "%s -> %s", text, value.data);
	json_decref(v);
	/* its last brace is the caller's */
	json_char(&schema, '}');
	v = parse(schema.data);
	FUZZ_CHECK(json_is_object(v), "%s -> %s", text, schema.data);
	json_decref(v);
}

/* Any text may stand in a transform: its JSON and schema are valid. */
static void
check_literal(const char *text)
{
	const char *json;
	const char *schema;
	StringInfoData out;
	json_t *v;

	connect_literal(text, &json, &schema);
	if (json == NULL)
		return;
	v = parse(schema);
	FUZZ_CHECK(json_is_object(v), "%s -> %s", text, schema);
	json_decref(v);
	v = parse(json);
	FUZZ_CHECK(v != NULL, "%s -> %s", text, json);
	/* a string is itself */
	if (json_is_string(v))
		FUZZ_CHECK(strcmp(json_string_value(v), text) == 0, "%s -> %s", text,
				   json);
	json_decref(v);
	initStringInfo(&out);
	connect_text(&out, json, schema, CONNECT_TEXT_SIMPLE);
	connect_text(&out, json, schema, CONNECT_TEXT_JAVA);
}

/* What is known to be valid JSON: each member is found, with its value. */
static void
check_members(const char *text, json_t *root)
{
	const char *name;
	json_t *value;

	if (!json_is_object(root))
		return;
	json_object_foreach(root, name, value)
	{
		const char *at = jsonscan_member(text, name);
		char *copy;
		json_t *found;

		/* an escaped name is looked for as it is written */
		if (at == NULL)
			continue;
		copy = jsonscan_copy(at);
		found = parse(copy);
		FUZZ_CHECK(found != NULL, "\"%s\" of %s: %s", name, text, copy);
		if (json_is_string(found))
		{
			int len;
			char *s = jsonscan_unquote(at, &len);

			FUZZ_CHECK((size_t) len == json_string_length(found) &&
						   memcmp(s, json_string_value(found), len) == 0,
					   "%s -> %s", copy, s);
		}
		json_decref(found);
	}
}

/* A key that we wrote: as text, it has each value that is not null. */
static void
check_key(json_t *root)
{
	StringInfoData key;
	StringInfoData out;
	const char *name;
	json_t *value;
	bool first = true;

	initStringInfo(&key);
	initStringInfo(&out);
	json_char(&key, '{');
	json_object_foreach(root, name, value)
	{
		if (!first)
			json_char(&key, ',');
		first = false;
		json_utf8(&key, name, (int) strlen(name));
		json_char(&key, ':');
		if (json_is_string(value))
			json_utf8(&key, json_string_value(value),
					  (int) json_string_length(value));
		else if (json_is_integer(value))
			json_int64(&key, json_integer_value(value));
		else
			json_lit(&key, "null");
	}
	json_char(&key, '}');
	connect_text(&out, key.data, NULL, CONNECT_TEXT_JAVA);
	FUZZ_CHECK(strncmp(out.data, "Struct{", 7) == 0 &&
				   out.data[out.len - 1] == '}',
			   "%s -> %s", key.data, out.data);
	json_object_foreach(root, name, value)
	{
		if (json_is_string(value) &&
			strlen(json_string_value(value)) == json_string_length(value))
			FUZZ_CHECK(memmem(out.data, out.len, json_string_value(value),
							  json_string_length(value)) != NULL,
					   "%s -> %s", key.data, out.data);
	}
}

static void
run(FuzzInput *in)
{
	bool keep_nulls = fuzz_u8(in) & 1;
	char *raw = fuzz_text(in, -1);
	char *text = pstrdup(raw);
	int len = (int) strlen(text);
	json_t *root;

	free(raw);
	/* text of a database is valid in its encoding */
	if (pg_encoding_verifymbstr(PG_UTF8, text, len) != len)
		return;
	check_expand(text, keep_nulls);
	check_literal(text);
	root = parse(text);
	if (root == NULL)
		return;
	FUZZ_CHECK(*jsonscan_blanks(jsonscan_skip(text)) == '\0', "%s", text);
	check_members(text, root);
	if (json_is_object(root))
		check_key(root);
	json_decref(root);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzInput in = {data, size};

	if (SHIM_TRY())
		run(&in);
	else
		FUZZ_CHECK(strstr(shim_error_text, "stack depth") != NULL, "%s",
				   shim_error_text);
	shim_reset();
	return 0;
}
