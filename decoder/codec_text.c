/*
 * codec_text.c
 *		Strings and what goes out as one: text, json, uuid, bytea, enums,
 *		hstore, and every type that has no form of its own.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/geo_decls.h"
#include "utils/hsearch.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

#include "json.h"
#include "typecodec.h"

static void
encode_text(StringInfo out, Datum value, TypeCodec *codec)
{
	text *t = DatumGetTextPP(value);

	json_text(out, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t));
}

static void
encode_name(StringInfo out, Datum value, TypeCodec *codec)
{
	const char *s = NameStr(*DatumGetName(value));

	json_text(out, s, strlen(s));
}

/*
 * "char" holds any byte, so beyond ASCII it is no text of any encoding: as the
 * server writes it since 16.
 */
static void
encode_char(StringInfo out, Datum value, TypeCodec *codec)
{
	char s[5];
	unsigned char c = (unsigned char) DatumGetChar(value);

	if (IS_HIGHBIT_SET(c))
		snprintf(s, sizeof(s), "\\%03o", c);
	else
	{
		s[0] = (char) c;
		s[1] = '\0';
	}
	json_utf8(out, s, strlen(s));
}

/* through the type's own output function */
static void
encode_output(StringInfo out, Datum value, TypeCodec *codec)
{
	char *s = OutputFunctionCall(&codec->outfunc, value);

	json_text(out, s, strlen(s));
}

static void
encode_uuid(StringInfo out, Datum value, TypeCodec *codec)
{
	static const char digits[] = "0123456789abcdef";
	const uint8 *u = DatumGetUUIDP(value)->data;
	char *p = json_reserve(out, 38);

	*p++ = '"';
	for (int i = 0; i < UUID_LEN; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = digits[u[i] >> 4];
		*p++ = digits[u[i] & 15];
	}
	*p++ = '"';
	*p = '\0';
	out->len += 38;
}

static void
put_bytes(StringInfo out, const uint8 *p, size_t len, int mode)
{
	json_char(out, '"');
	if (mode == BINARY_HEX)
		json_hex(out, p, len);
	else
		json_base64(out, p, len, mode == BINARY_BASE64_URL);
	json_char(out, '"');
}

static void
encode_bytea(StringInfo out, Datum value, TypeCodec *codec)
{
	bytea *b = DatumGetByteaPP(value);

	put_bytes(out, (uint8 *) VARDATA_ANY(b), VARSIZE_ANY_EXHDR(b), codec->mode);
}

/* little-endian whatever the machine */
static void
put_le_double(uint8 *p, double v)
{
	uint64 bits;

	memcpy(&bits, &v, sizeof(bits));
	for (int i = 0; i < 8; i++)
		p[i] = (uint8) (bits >> (8 * i));
}

static void
encode_point(StringInfo out, Datum value, TypeCodec *codec)
{
	Point *pt = DatumGetPointP(value);
	uint8 wkb[21] = {1, 1, 0, 0, 0};

	put_le_double(wkb + 5, pt->x);
	put_le_double(wkb + 13, pt->y);
	json_lit(out, "{\"x\":");
	json_float8(out, pt->x);
	json_lit(out, ",\"y\":");
	json_float8(out, pt->y);
	json_lit(out, ",\"wkb\":\"");
	json_base64(out, wkb, sizeof(wkb), false);
	json_lit(out, "\",\"srid\":null}");
}

/* ---- enums: labels are looked up once and kept --------------------------- */

typedef struct EnumLabel
{
	Oid value;
	int len;
	/* escaped and quoted */
	char json[NAMEDATALEN * 6 + 3];
} EnumLabel;

static void
enum_label_load(EnumLabel *label, TypeCodec *codec)
{
	HeapTuple tup = SearchSysCache1(ENUMOID, ObjectIdGetDatum(label->value));
	StringInfoData s;
	const char *name;

	if (!HeapTupleIsValid(tup))
	{
		Oid value = label->value;

		hash_search(codec->cache, &value, HASH_REMOVE, NULL);
		elog(ERROR, "no label for value %u of enum %u", value, codec->type);
	}
	initStringInfo(&s);
	name = NameStr(((Form_pg_enum) GETSTRUCT(tup))->enumlabel);
	json_text(&s, name, strlen(name));
	ReleaseSysCache(tup);
	label->len = Min(s.len, (int) sizeof(label->json) - 1);
	memcpy(label->json, s.data, label->len);
	pfree(s.data);
}

static void
encode_enum(StringInfo out, Datum value, TypeCodec *codec)
{
	Oid oid = DatumGetObjectId(value);
	bool found;
	EnumLabel *label = hash_search(codec->cache, &oid, HASH_ENTER, &found);

	if (!found)
		enum_label_load(label, codec);
	json_raw(out, label->json, label->len);
}

/* "a,b,c" in the order of the enum, for the schema */
static const char *
enum_allowed(Oid type)
{
	CatCList *list =
		SearchSysCacheList1(ENUMTYPOIDNAME, ObjectIdGetDatum(type));
	StringInfoData s;
	StringInfoData quoted;
	HeapTuple *sorted = palloc(sizeof(HeapTuple) * Max(list->n_members, 1));

	initStringInfo(&s);
	for (int i = 0; i < list->n_members; i++)
	{
		HeapTuple tup = &list->members[i]->tuple;
		float4 order = ((Form_pg_enum) GETSTRUCT(tup))->enumsortorder;
		int j = i;

		for (; j > 0 &&
			   ((Form_pg_enum) GETSTRUCT(sorted[j - 1]))->enumsortorder > order;
			 j--)
			sorted[j] = sorted[j - 1];
		sorted[j] = tup;
	}
	for (int i = 0; i < list->n_members; i++)
		appendStringInfo(
			&s, "%s%s", i > 0 ? "," : "",
			NameStr(((Form_pg_enum) GETSTRUCT(sorted[i]))->enumlabel));
	ReleaseCatCacheList(list);
	initStringInfo(&quoted);
	json_text(&quoted, s.data, s.len);
	return quoted.data;
}

/* ---- hstore: from its text, "k"=>"v", "n"=>NULL -------------------------- */

/* Appends the next quoted word of hstore's text as a JSON string. */
static const char *
hstore_word(StringInfo out, const char *p)
{
	StringInfoData word;

	initStringInfo(&word);
	if (*p == '"')
		p++;
	while (*p && *p != '"')
	{
		if (*p == '\\' && p[1])
			p++;
		appendStringInfoChar(&word, *p++);
	}
	if (*p == '"')
		p++;
	json_text(out, word.data, word.len);
	pfree(word.data);
	return p;
}

static void
encode_hstore(StringInfo out, Datum value, TypeCodec *codec)
{
	const char *p = OutputFunctionCall(&codec->outfunc, value);
	StringInfoData map;

	initStringInfo(&map);
	json_char(&map, '{');
	while (*p)
	{
		if (map.len > 1)
			json_char(&map, ',');
		p = hstore_word(&map, p);
		json_char(&map, ':');
		if (strncmp(p, "=>", 2) == 0)
			p += 2;
		if (*p == '"')
			p = hstore_word(&map, p);
		else
		{
			json_lit(&map, "null");
			p += strcspn(p, ",");
		}
		p += strspn(p, ", ");
	}
	json_char(&map, '}');
	if (codec->mode == HSTORE_MAP)
		json_raw(out, map.data, map.len);
	else
		json_utf8(out, map.data, map.len);
}

/* ---- set-up -------------------------------------------------------------- */

static void
setup_string(TypeCodec *codec, const PluginOptions *opts, TypeEncode encode,
			 const char *schema_name)
{
	codec->encode = encode;
	codec->connect_type = "string";
	codec->schema_name = schema_name;
	codec->schema_version = schema_name ? 1 : 0;
	codec->zero = "\"\"";
	codec->unavailable = opts->placeholder_json;
}

void
codec_text(TypeCodec *codec, const PluginOptions *opts)
{
	setup_string(codec, opts, encode_text, NULL);
	codec->size_class = SIZE_TEXT;
}

void
codec_name(TypeCodec *codec, const PluginOptions *opts)
{
	setup_string(codec, opts, encode_name, NULL);
}

void
codec_output(TypeCodec *codec, const PluginOptions *opts)
{
	setup_string(codec, opts, encode_output, NULL);
	codec->has_outfunc = true;
}

/* include.unknown.datatypes: the text as bytes */
static void
encode_unknown(StringInfo out, Datum value, TypeCodec *codec)
{
	char *s = OutputFunctionCall(&codec->outfunc, value);
	int len = strlen(s);
	const char *text = json_to_utf8(s, &len);

	put_bytes(out, (const uint8 *) text, len, codec->mode);
}

/* a type without a form of its own */
void
codec_unknown(TypeCodec *codec, const PluginOptions *opts)
{
	codec_output(codec, opts);
	if (!opts->unknown_types)
		return;
	codec_bytea(codec, opts);
	codec->encode = encode_unknown;
	codec->size_class = SIZE_UNKNOWN;
	codec->items_required = true;
	codec->schema_name = NULL;
	codec->schema_version = 0;
}

void
codec_char(TypeCodec *codec, const PluginOptions *opts)
{
	setup_string(codec, opts, encode_char, NULL);
}

void
codec_json(TypeCodec *codec, const PluginOptions *opts)
{
	setup_string(codec, opts, encode_text, "io.debezium.data.Json");
	codec->size_class = SIZE_JSON;
}

void
codec_xml(TypeCodec *codec, const PluginOptions *opts)
{
	/* the declared encoding is not the one that the text is in */
	setup_string(codec, opts, encode_output, "io.debezium.data.Xml");
	codec->has_outfunc = true;
	codec->size_class = SIZE_TEXT;
}

void
codec_tsvector(TypeCodec *codec, const PluginOptions *opts)
{
	setup_string(codec, opts, encode_output, "io.debezium.data.Tsvector");
	codec->has_outfunc = true;
}

void
codec_ltree(TypeCodec *codec, const PluginOptions *opts)
{
	setup_string(codec, opts, encode_output, "io.debezium.data.Ltree");
	codec->has_outfunc = true;
}

void
codec_uuid(TypeCodec *codec, const PluginOptions *opts)
{
	setup_string(codec, opts, encode_uuid, "io.debezium.data.Uuid");
	codec->default_zero = "\"00000000-0000-0000-0000-000000000000\"";
}

void
codec_point(TypeCodec *codec, const PluginOptions *opts)
{
	codec->encode = encode_point;
	codec->connect_type = "struct";
	codec->schema_name = "io.debezium.data.geometry.Point";
	codec->schema_version = 1;
	codec->schema_doc = "Geometry (POINT)";
	codec->schema_fields =
		"[{\"type\":\"double\",\"optional\":false,\"field\":\"x\"},"
		"{\"type\":\"double\",\"optional\":false,\"field\":\"y\"},"
		"{\"type\":\"bytes\",\"optional\":true,\"field\":\"wkb\"},"
		"{\"type\":\"int32\",\"optional\":true,\"field\":\"srid\"}]";
	codec->zero =
		"{\"x\":0.0,\"y\":0.0,\"wkb\":\"AQEAAAAAAAAAAAAAAAAAAAAAAAAA\",\"srid\":null}";
}

void
codec_bytea(TypeCodec *codec, const PluginOptions *opts)
{
	StringInfoData u;

	codec->encode = encode_bytea;
	codec->size_class = SIZE_BYTES;
	codec->mode = opts->binary_mode;
	codec->connect_type = codec->mode == BINARY_BYTES ? "bytes" : "string";
	codec->zero = "\"\"";
	initStringInfo(&u);
	if (codec->mode == BINARY_HEX)
		json_str(&u, opts->placeholder_json);
	else
		put_bytes(&u, (uint8 *) VARDATA_ANY(opts->placeholder_bytes),
				  VARSIZE_ANY_EXHDR(opts->placeholder_bytes), codec->mode);
	codec->unavailable = u.data;
}

void
codec_enum(TypeCodec *codec, const PluginOptions *opts)
{
	HASHCTL ctl = {0};

	setup_string(codec, opts, encode_enum, "io.debezium.data.Enum");
	codec->schema_params =
		psprintf("{\"allowed\":%s}", enum_allowed(codec->type));
	codec->items_required = true;
	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(EnumLabel);
	ctl.hcxt = CurrentMemoryContext;
	codec->cache = hash_create("tuplecast enum labels", 16, &ctl,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void
codec_hstore(TypeCodec *codec, const PluginOptions *opts)
{
	StringInfoData map;
	const char *quoted = opts->placeholder_json;

	codec->encode = encode_hstore;
	codec->has_outfunc = true;
	codec->mode = opts->hstore_mode;
	initStringInfo(&map);
	appendStringInfo(&map, "{%s:%s}", quoted, quoted);
	if (codec->mode == HSTORE_MAP)
	{
		codec->connect_type = "map";
		codec->schema_fields =
			"\"keys\":{\"type\":\"string\",\"optional\":false},"
			"\"values\":{\"type\":\"string\",\"optional\":true}";
		codec->zero = "{}";
		codec->unavailable = map.data;
	}
	else
	{
		StringInfoData s;

		codec->connect_type = "string";
		codec->schema_name = "io.debezium.data.Json";
		codec->schema_version = 1;
		codec->zero = "\"{}\"";
		initStringInfo(&s);
		json_utf8(&s, map.data, map.len);
		codec->unavailable = s.data;
	}
}
