/*
 * codec_jsonb.c
 *		jsonb as a JSON string of its text, written in one pass.
 *
 * The text is the server's own ("{"a": 1, "b": [1, 2]}"), escaped once more
 * because it stands inside a string.  The container is walked directly: its
 * layout is that of utils/jsonb.h.
 */
#include "compat.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"

#include "json.h"
#include "numtext.h"
#include "typecodec.h"

static void walk_container(StringInfo out, const JsonbContainer *c);

/* A string inside the string: quotes and what they hold are escaped twice. */
static void
walk_string(StringInfo out, const char *s, int len)
{
	StringInfoData once;
	char *copy;
	char *p = json_reserve(out, len + 4);

	if (likely(json_copy_clean(p + 2, s, len)))
	{
		memcpy(p, "\\\"", 2);
		memcpy(p + len + 2, "\\\"", 3);
		out->len += len + 4;
		return;
	}
	initStringInfo(&once);
	copy = pnstrdup(s, len);
	escape_json(&once, copy);
	len = once.len;
	s = json_to_utf8(once.data, &len);
	json_escape(out, s, len);
	pfree(once.data);
	pfree(copy);
}

/* the value of one entry, whose bytes start at base + offset */
static void
walk_entry(StringInfo out, JEntry entry, const char *base, uint32 offset,
		   uint32 len)
{
	if (JBE_ISSTRING(entry))
		walk_string(out, base + offset, (int) len);
	else if (JBE_ISNUMERIC(entry))
		(void) numeric_append(out, PointerGetDatum(base + INTALIGN(offset)));
	else if (JBE_ISBOOL_TRUE(entry))
		json_lit(out, "true");
	else if (JBE_ISBOOL_FALSE(entry))
		json_lit(out, "false");
	else if (JBE_ISNULL(entry))
		json_lit(out, "null");
	else
		walk_container(out, (const JsonbContainer *) (base + INTALIGN(offset)));
}

/* length of an entry that starts at offset; moves offset behind it */
static inline uint32
entry_length(JEntry entry, uint32 *offset)
{
	uint32 start = *offset;

	JBE_ADVANCE_OFFSET(*offset, entry);
	return *offset - start;
}

static void
walk_object(StringInfo out, const JsonbContainer *c, int n)
{
	const JEntry *keys = c->children;
	const JEntry *values = c->children + n;
	const char *base = (const char *) (c->children + 2 * n);
	uint32 key_at = 0;
	uint32 value_at = 0;

	/* all keys come first, then all values */
	for (int i = 0; i < n; i++)
		JBE_ADVANCE_OFFSET(value_at, keys[i]);
	json_char(out, '{');
	for (int i = 0; i < n; i++)
	{
		uint32 at = key_at;
		uint32 len = entry_length(keys[i], &key_at);

		if (i > 0)
			json_lit(out, ", ");
		walk_string(out, base + at, (int) len);
		json_lit(out, ": ");
		at = value_at;
		len = entry_length(values[i], &value_at);
		walk_entry(out, values[i], base, at, len);
	}
	json_char(out, '}');
}

static void
walk_container(StringInfo out, const JsonbContainer *c)
{
	int n = JsonContainerSize(c);
	const char *base = (const char *) (c->children + n);
	bool scalar = JsonContainerIsScalar(c);
	uint32 next = 0;

	check_stack_depth();
	if (JsonContainerIsObject(c))
	{
		walk_object(out, c, n);
		return;
	}
	if (!scalar)
		json_char(out, '[');
	for (int i = 0; i < n; i++)
	{
		uint32 at = next;
		uint32 len = entry_length(c->children[i], &next);

		if (i > 0)
			json_lit(out, ", ");
		walk_entry(out, c->children[i], base, at, len);
	}
	if (!scalar)
		json_char(out, ']');
}

/* The container, aligned; short ones need no memory. */
static const JsonbContainer *
aligned_container(Datum value)
{
	static union
	{
		JsonbContainer container;
		char bytes[VARATT_SHORT_MAX];
	} copy;
	const struct varlena *stored = (struct varlena *) DatumGetPointer(value);

	if (VARATT_IS_EXTERNAL(stored) || !VARATT_IS_SHORT(stored))
		return &DatumGetJsonbP(value)->root;
	memcpy(copy.bytes, VARDATA_SHORT(stored),
		   VARSIZE_SHORT(stored) - VARHDRSZ_SHORT);
	return &copy.container;
}

static void
encode_jsonb(StringInfo out, Datum value, TypeCodec *codec)
{
	json_char(out, '"');
	walk_container(out, aligned_container(value));
	json_char(out, '"');
}

void
codec_jsonb(TypeCodec *codec, const PluginOptions *opts)
{
	codec_json(codec, opts);
	codec->encode = encode_jsonb;
	codec->size_class = SIZE_JSONB;
}
