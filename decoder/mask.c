/*
 * mask.c
 *		column.mask.*, column.truncate.*: values that go out disguised.
 */
#include "compat.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/md5.h"
#include "common/sha1.h"
#include "common/sha2.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "json.h"
#include "mask.h"
#include "options.h"
#include "sourcetype.h"
#include "typecodec.h"

#define MAX_DIGEST PG_SHA512_DIGEST_LENGTH
/* Java's serialisation of a string: magic, version, TC_STRING */
static const uint8 java_string[] = {0xac, 0xed, 0x00, 0x05, 0x74};
static const uint8 java_long_string[] = {0xac, 0xed, 0x00, 0x05, 0x7c};

typedef struct HashRow
{
	const char *name;
	int algorithm;
	int length;
} HashRow;

static const HashRow hash_rows[] = {
	{"MD5", PG_MD5, MD5_DIGEST_LENGTH},
	{"SHA-1", PG_SHA1, SHA1_DIGEST_LENGTH},
	{"SHA", PG_SHA1, SHA1_DIGEST_LENGTH},
	{"SHA-224", PG_SHA224, PG_SHA224_DIGEST_LENGTH},
	{"SHA-256", PG_SHA256, PG_SHA256_DIGEST_LENGTH},
	{"SHA-384", PG_SHA384, PG_SHA384_DIGEST_LENGTH},
	{"SHA-512", PG_SHA512, PG_SHA512_DIGEST_LENGTH},
};

static int
digest_length(int algorithm)
{
	for (int i = 0; i < lengthof(hash_rows); i++)
		if (hash_rows[i].algorithm == algorithm)
			return hash_rows[i].length;
	elog(ERROR, "unknown hash algorithm %d", algorithm);
}

/* ---- options ------------------------------------------------------------- */

/* The salt itself is never in a message. */
static void
bad_mask(const char *shown, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid option \"%s\"", shown), errhint("%s", hint)));
}

/* the Nth of tuplecast.secrets */
static void
load_secret(MaskRule *rule, int n)
{
	const char *secrets = GetConfigOption("tuplecast.secrets", true, false);
	List *words = secrets ? pattern_split(secrets, ',') : NIL;
	const char *hex;

	if (n < 1 || n > list_length(words))
		bad_mask(
			"column.mask.hash.*.with.salt.#N",
			"The setting tuplecast.secrets of this session must hold the salt, in hex.");
	hex = list_nth(words, n - 1);
	rule->salt = palloc(strlen(hex) / 2 + 1);
	rule->salt_len = (int) hex_decode(hex, strlen(hex), (char *) rule->salt);
}

static void
parse_hash(MaskRule *rule, const char *rest)
{
	static const char with_salt[] = ".with.salt.";
	const char *mark = strstr(rest, with_salt);

	if (mark == NULL)
		bad_mask("column.mask.hash.*",
				 "Write column.mask.hash.v2.ALGORITHM.with.salt.SALT.");
	rule->algorithm = -1;
	for (int i = 0; i < lengthof(hash_rows); i++)
		if (strlen(hash_rows[i].name) == (size_t) (mark - rest) &&
			pg_strncasecmp(hash_rows[i].name, rest, mark - rest) == 0)
			rule->algorithm = hash_rows[i].algorithm;
	if (rule->algorithm < 0)
		bad_mask(
			"column.mask.hash.*",
			"The algorithm must be one of MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512.");
	mark += sizeof(with_salt) - 1;
	if (mark[0] == '#')
		load_secret(rule, atoi(mark + 1));
	else
	{
		rule->salt = (uint8 *) pstrdup(mark);
		rule->salt_len = strlen(mark);
	}
}

/* "prefixNsuffix" with a number that is not negative */
static bool
match_length(const char *name, const char *prefix, const char *suffix, int *n)
{
	size_t len = strlen(prefix);
	char *end;
	long v;

	if (strncmp(name, prefix, len) != 0)
		return false;
	errno = 0;
	v = strtol(name + len, &end, 10);
	if (end == name + len || errno != 0 || v < 0 || v > 10000000 ||
		strcmp(end, suffix) != 0)
		bad_mask(name, "The length must be a number from 0 to 10000000.");
	*n = (int) v;
	return true;
}

bool
mask_parse_option(List **rules, const char *name, const char *value)
{
	static const char hash[] = "column.mask.hash.";
	static const char hash_v2[] = "column.mask.hash.v2.";
	MaskRule *rule = palloc0(sizeof(MaskRule));
	const char *shown = name;

	if (match_length(name, "column.mask.with.", ".chars", &rule->length))
		rule->kind = MASK_CHARS;
	else if (match_length(name, "column.truncate.to.", ".chars", &rule->length))
		rule->kind = MASK_TRUNCATE;
	else if (strncmp(name, hash, sizeof(hash) - 1) == 0)
	{
		bool v2 = strncmp(name, hash_v2, sizeof(hash_v2) - 1) == 0;

		rule->kind = v2 ? MASK_HASH_V2 : MASK_HASH;
		parse_hash(rule, name + (v2 ? sizeof(hash_v2) : sizeof(hash)) - 1);
		shown = "column.mask.hash.*";
	}
	else
		return false;
	rule->columns = pattern_list_parse(shown, value);
	*rules = lappend(*rules, rule);
	return true;
}

/* ---- values -------------------------------------------------------------- */

/* codec->cache of a column that is disguised */
typedef struct Mask
{
	MaskRule *rule;
	TypeCodec *inner; /* of the value as it is */
	int limit;		  /* length of the column */
} Mask;

static unsigned int
four_digits(const char *hex)
{
	char digits[5] = {hex[0], hex[1], hex[2], hex[3], '\0'};

	return strtoul(digits, NULL, 16);
}

/* "\uXXXX" or a pair of them at p, which json.c wrote; its length */
static int
unescape_unit(StringInfo out, const char *p)
{
	unsigned int c = four_digits(p + 2);
	bool pair = c >= 0xd800 && c < 0xdc00 && p[6] == '\\';
	unsigned char utf8[MAX_MULTIBYTE_CHAR_LEN];

	if (pair)
		c = 0x10000 + ((c - 0xd800) << 10) + (four_digits(p + 8) - 0xdc00);
	unicode_to_utf8(c, utf8);
	appendBinaryStringInfo(out, (char *) utf8, pg_utf_mblen(utf8));
	return pair ? 12 : 6;
}

/* Back from a JSON string, quotes and all, to what it stands for. */
static void
unescape_json(StringInfo out, const char *json, int len)
{
	static const char letters[] = "bfnrt";
	static const char values[] = "\b\f\n\r\t";

	for (int i = 1; i < len - 1; i++)
	{
		const char *letter;

		if (json[i] == '\\' && json[i + 1] == 'u')
			i += unescape_unit(out, json + i) - 1;
		else if (json[i] != '\\')
			appendStringInfoChar(out, json[i]);
		else if ((letter = strchr(letters, json[++i])) != NULL)
			appendStringInfoChar(out, values[letter - letters]);
		else
			appendStringInfoChar(out, json[i]);
	}
}

/* bytes of the first n UTF-16 units; a pair is not torn apart */
static int
utf16_prefix(const char *s, int len, int n)
{
	int used = 0;

	while (used < len && n > 0)
	{
		int bytes = pg_utf_mblen((const unsigned char *) s + used);

		n -= bytes == 4 ? 2 : 1;
		if (n < 0 || used + bytes > len)
			break;
		used += bytes;
	}
	return used;
}

/* Modified UTF-8: a pair is two characters of three bytes, NUL one of two. */
static void
java_utf(StringInfo out, const char *s, int len)
{
	for (int i = 0; i < len;)
	{
		int n = Min(pg_utf_mblen((const unsigned char *) s + i), len - i);

		if (n == 4)
		{
			unsigned int cp =
				utf8_to_unicode((const unsigned char *) s + i) - 0x10000;
			unsigned int units[] = {0xd800 + (cp >> 10), 0xdc00 + (cp & 0x3ff)};

			for (int u = 0; u < 2; u++)
			{
				appendStringInfoChar(out, (char) (0xe0 | (units[u] >> 12)));
				appendStringInfoChar(out,
									 (char) (0x80 | ((units[u] >> 6) & 0x3f)));
				appendStringInfoChar(out, (char) (0x80 | (units[u] & 0x3f)));
			}
		}
		else
			appendBinaryStringInfo(out, s + i, n);
		i += n;
	}
}

/* the bytes that the first version hashed: a serialised java.lang.String */
static void
java_serialized(StringInfo out, const char *s, int len)
{
	StringInfoData utf;

	initStringInfo(&utf);
	java_utf(&utf, s, len);
	if (utf.len <= PG_UINT16_MAX)
	{
		appendBinaryStringInfo(out, (const char *) java_string,
							   sizeof(java_string));
		appendStringInfoChar(out, (char) (utf.len >> 8));
		appendStringInfoChar(out, (char) utf.len);
	}
	else
	{
		appendBinaryStringInfo(out, (const char *) java_long_string,
							   sizeof(java_long_string));
		for (int shift = 56; shift >= 0; shift -= 8)
			appendStringInfoChar(out, (char) ((uint64) utf.len >> shift));
	}
	appendBinaryStringInfo(out, utf.data, utf.len);
}

/* Appends the hash of a JSON string, as one. */
static void
put_hash(StringInfo out, const Mask *mask, const char *s, int len)
{
	int digest_len = digest_length(mask->rule->algorithm);
	uint8 digest[MAX_DIGEST];
	pg_cryptohash_ctx *ctx = pg_cryptohash_create(mask->rule->algorithm);
	StringInfoData data;
	int start;

	initStringInfo(&data);
	appendBinaryStringInfo(&data, (const char *) mask->rule->salt,
						   mask->rule->salt_len);
	if (mask->rule->kind == MASK_HASH)
		java_serialized(&data, s, len);
	else
		appendBinaryStringInfo(&data, s, len);
	if (ctx == NULL || pg_cryptohash_init(ctx) < 0 ||
		pg_cryptohash_update(ctx, (uint8 *) data.data, data.len) < 0 ||
		pg_cryptohash_final(ctx, digest, digest_len) < 0)
		elog(ERROR, "could not compute a hash");
	pg_cryptohash_free(ctx);
	json_char(out, '"');
	start = out->len;
	json_hex(out, digest, digest_len);
	if (mask->limit > 0 && out->len - start > mask->limit)
		out->len = start + mask->limit;
	json_char(out, '"');
}

/* Replaces the JSON string from start on; what is none is left alone. */
static void
disguise_json(StringInfo out, int start, const Mask *mask)
{
	StringInfoData plain;

	if (out->len - start < 2 || out->data[start] != '"')
		return;
	/* what is short enough, escapes and all, needs no work */
	if (mask->rule->kind == MASK_TRUNCATE &&
		out->len - start - 2 <= mask->rule->length)
		return;
	initStringInfo(&plain);
	unescape_json(&plain, out->data + start, out->len - start);
	out->len = start;
	if (mask->rule->kind == MASK_TRUNCATE)
		json_utf8(out, plain.data,
				  utf16_prefix(plain.data, plain.len, mask->rule->length));
	else
		put_hash(out, mask, plain.data, plain.len);
	pfree(plain.data);
}

static void
encode_masked(StringInfo out, Datum value, TypeCodec *codec)
{
	json_str(out, mask_null_json(codec));
}

static void
encode_disguised(StringInfo out, Datum value, TypeCodec *codec)
{
	Mask *mask = codec->cache;
	int start = out->len;

	mask->inner->encode(out, value, mask->inner);
	disguise_json(out, start, mask);
}

/* of the bytes, not of their base64 */
static void
encode_truncated_bytes(StringInfo out, Datum value, TypeCodec *codec)
{
	Mask *mask = codec->cache;
	struct varlena *slice =
		PG_DETOAST_DATUM_SLICE(value, 0, mask->rule->length);

	mask->inner->encode(out, PointerGetDatum(slice), mask->inner);
}

/* ---- plans --------------------------------------------------------------- */

/* What JDBC's driver calls a character type: enums are, citext is not. */
static bool
is_character_type(const TypeCodec *codec)
{
	return codec->type == TEXTOID || codec->type == VARCHAROID ||
		   codec->type == BPCHAROID || codec->type == NAMEOID ||
		   codec->type == CHAROID || type_is_enum(codec->type);
}

/* The first that matches, in Debezium's order, which is that of MaskKind. */
static MaskRule *
find_rule(List *rules, const char *qualified)
{
	MaskRule *best = NULL;
	ListCell *lc;

	foreach(lc, rules)
	{
		MaskRule *rule = lfirst(lc);

		if ((best == NULL || rule->kind < best->kind) &&
			pattern_list_match(&rule->columns, qualified))
			best = rule;
	}
	return best;
}

/* How a value is disguised, or NULL: it stays as it is. */
static TypeEncode
find_encode(const MaskRule *rule, const TypeCodec *codec,
			const SourceType *type)
{
	switch (rule->kind)
	{
		case MASK_TRUNCATE:
			if (type->length >= 0 && type->length <= rule->length)
				return NULL;
			if (codec->type == BYTEAOID &&
				strcmp(codec->connect_type, "bytes") == 0)
				return encode_truncated_bytes;
			return strcmp(codec->connect_type, "string") == 0 ? encode_disguised
															  : NULL;
		case MASK_CHARS:
			return is_character_type(codec) ? encode_masked : NULL;
		case MASK_HASH:
		case MASK_HASH_V2:
			return is_character_type(codec) ? encode_disguised : NULL;
	}
	return NULL;
}

/* Adds "name":"value" to the parameters of the codec's schema. */
static void
add_parameter(TypeCodec *codec, const char *name, const char *value)
{
	StringInfoData s;

	initStringInfo(&s);
	if (codec->schema_params != NULL)
	{
		appendStringInfoString(&s, codec->schema_params);
		s.data[--s.len] = '\0';
		json_char(&s, ',');
	}
	else
		json_char(&s, '{');
	json_utf8(&s, name, strlen(name));
	json_char(&s, ':');
	json_utf8(&s, value, strlen(value));
	json_char(&s, '}');
	codec->schema_params = s.data;
}

static void
add_source_type(TypeCodec *codec, const SourceType *type, const char *column)
{
	char *upper =
		str_toupper(type->name, strlen(type->name), DEFAULT_COLLATION_OID);

	add_parameter(codec, "__debezium.source.column.type",
				  json_to_utf8_cstring(upper));
	add_parameter(codec, "__debezium.source.column.length",
				  psprintf("%d", type->length));
	add_parameter(codec, "__debezium.source.column.scale",
				  psprintf("%d", type->scale));
	add_parameter(codec, "__debezium.source.column.name",
				  json_to_utf8_cstring(column));
}

static bool
propagates(const PluginOptions *opts, const char *table, const char *qualified,
		   const SourceType *type)
{
	return pattern_list_match(&opts->propagate_column, qualified) ||
		   pattern_list_match(&opts->propagate_datatype,
							  psprintf("%s.%s", table, type->name));
}

TypeCodec *
mask_wrap(const PluginOptions *opts, TypeCodec *codec, Oid type, int32 typmod,
		  const char *table, const char *column)
{
	char *qualified = psprintf("%s.%s", table, column);
	MaskRule *rule = find_rule(opts->masks, qualified);
	bool hashed = rule != NULL && rule->kind > MASK_CHARS;
	TypeEncode encode;
	SourceType source;
	Mask *mask;
	TypeCodec *wrapped;

	if (rule == NULL && opts->propagate_column.count == 0 &&
		opts->propagate_datatype.count == 0)
		return codec;
	source_type_describe(type, typmod, &source);
	/*
	 * One of them holds for Debezium, so that a hash would be given up for the
	 * type's name: the value is hashed here all the same.
	 */
	if ((rule == NULL || hashed) && propagates(opts, table, qualified, &source))
		add_source_type(codec, &source, column);
	else if (rule != NULL && rule->kind != MASK_TRUNCATE)
		add_parameter(codec, "masked", "true");
	else if (rule != NULL &&
			 (source.length < 0 || source.length > rule->length))
		add_parameter(codec, "truncateLength", psprintf("%d", rule->length));
	encode = rule != NULL ? find_encode(rule, codec, &source) : NULL;
	if (encode == NULL)
		return codec;
	mask = palloc(sizeof(Mask));
	mask->rule = rule;
	mask->inner = codec;
	mask->limit = source.length;
	wrapped = palloc(sizeof(TypeCodec));
	*wrapped = *codec;
	wrapped->cache = mask;
	wrapped->encode = encode;
	wrapped->size_class = SIZE_UNKNOWN;
	return wrapped;
}

const char *
mask_null_json(const TypeCodec *codec)
{
	Mask *mask;
	StringInfoData s;

	if (codec->encode != encode_masked)
		return NULL;
	mask = codec->cache;
	initStringInfo(&s);
	appendStringInfoChar(&s, '"');
	for (int i = 0; i < mask->rule->length; i++)
		appendStringInfoChar(&s, '*');
	appendStringInfoChar(&s, '"');
	return s.data;
}

const char *
mask_constant_json(const TypeCodec *codec, const char *json)
{
	StringInfoData s;

	if (codec->encode != encode_disguised)
		return json;
	initStringInfo(&s);
	appendStringInfoString(&s, json);
	disguise_json(&s, 0, codec->cache);
	return s.data;
}
