/*
 * mask.c
 *		column.mask.*, column.truncate.*: values that go out disguised.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/md5.h"
#include "common/sha1.h"
#include "common/sha2.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "json.h"
#include "mask.h"
#include "typecodec.h"

#define MAX_DIGEST PG_SHA512_DIGEST_LENGTH
/* Java's serialisation of a string: magic, version, TC_STRING */
static const uint8 java_string[] = {0xac, 0xed, 0x00, 0x05, 0x74};
static const uint8 java_long_string[] = {0xac, 0xed, 0x00, 0x05, 0x7c};

typedef struct HashRow
{
	const char *name;
	int			algorithm;
	int			length;
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
	List	   *words = secrets ? pattern_split(secrets, ',') : NIL;
	const char *hex;

	if (n < 1 || n > list_length(words))
		bad_mask("column.mask.hash.….with.salt.#…",
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
		bad_mask("column.mask.hash.…",
				 "Write column.mask.hash.v2.ALGORITHM.with.salt.SALT.");
	rule->algorithm = -1;
	for (int i = 0; i < lengthof(hash_rows); i++)
		if (strlen(hash_rows[i].name) == (size_t) (mark - rest) &&
			pg_strncasecmp(hash_rows[i].name, rest, mark - rest) == 0)
			rule->algorithm = hash_rows[i].algorithm;
	if (rule->algorithm < 0)
		bad_mask("column.mask.hash.…",
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
	size_t		len = strlen(prefix);
	char	   *end;
	long		v;

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
	MaskRule   *rule = palloc0(sizeof(MaskRule));
	const char *shown = name;

	if (match_length(name, "column.mask.with.", ".chars", &rule->length))
		rule->kind = MASK_CHARS;
	else if (match_length(name, "column.truncate.to.", ".chars", &rule->length))
		rule->kind = MASK_TRUNCATE;
	else if (strncmp(name, hash, sizeof(hash) - 1) == 0)
	{
		bool		v2 = strncmp(name, hash_v2, sizeof(hash_v2) - 1) == 0;

		rule->kind = v2 ? MASK_HASH_V2 : MASK_HASH;
		parse_hash(rule, name + (v2 ? sizeof(hash_v2) : sizeof(hash)) - 1);
		shown = "column.mask.hash.…";
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
	MaskRule   *rule;
	int			limit;			/* length of the column; 0: none */
} Mask;

static const char *
value_utf8(Datum value, TypeCodec *codec, int *len)
{
	char	   *s = OutputFunctionCall(&codec->outfunc, value);

	*len = strlen(s);
	return json_to_utf8(s, len);
}

/* bytes of the first n UTF-16 units; a pair is not torn apart */
static int
utf16_prefix(const char *s, int len, int n)
{
	int			used = 0;

	while (used < len && n > 0)
	{
		int			bytes = pg_utf_mblen((const unsigned char *) s + used);

		n -= bytes == 4 ? 2 : 1;
		if (n < 0 || used + bytes > len)
			break;
		used += bytes;
	}
	return used;
}

static void
encode_masked(StringInfo out, Datum value, TypeCodec *codec)
{
	json_str(out, mask_null_json(codec));
}

static void
encode_truncated(StringInfo out, Datum value, TypeCodec *codec)
{
	Mask	   *mask = codec->cache;
	int			len;
	const char *s = value_utf8(value, codec, &len);

	json_utf8(out, s, utf16_prefix(s, len, mask->rule->length));
}

/* Modified UTF-8: a pair is two characters of three bytes. */
static void
java_utf(StringInfo out, const char *s, int len)
{
	for (int i = 0; i < len;)
	{
		int			n = Min(pg_utf_mblen((const unsigned char *) s + i), len - i);

		if (n == 4)
		{
			unsigned int cp = utf8_to_unicode((const unsigned char *) s + i) - 0x10000;
			unsigned int units[] = {0xd800 + (cp >> 10), 0xdc00 + (cp & 0x3ff)};

			for (int u = 0; u < 2; u++)
			{
				appendStringInfoChar(out, (char) (0xe0 | (units[u] >> 12)));
				appendStringInfoChar(out, (char) (0x80 | ((units[u] >> 6) & 0x3f)));
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
		appendBinaryStringInfo(out, (const char *) java_string, sizeof(java_string));
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

static void
encode_hashed(StringInfo out, Datum value, TypeCodec *codec)
{
	Mask	   *mask = codec->cache;
	int			digest_len = digest_length(mask->rule->algorithm);
	uint8		digest[MAX_DIGEST];
	pg_cryptohash_ctx *ctx = pg_cryptohash_create(mask->rule->algorithm);
	int			len;
	const char *s = value_utf8(value, codec, &len);
	StringInfoData data;
	int			start;

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

/* ---- plans --------------------------------------------------------------- */

/* Debezium's JDBC character types alone are disguised. */
static bool
is_character_type(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID ||
		type == NAMEOID;
}

TypeCodec *
mask_wrap(List *rules, TypeCodec *codec, const char *qualified)
{
	ListCell   *lc;

	if (!is_character_type(codec->type))
		return codec;
	foreach(lc, rules)
	{
		MaskRule   *rule = lfirst(lc);
		Mask	   *mask;

		if (!pattern_list_match(&rule->columns, qualified))
			continue;
		mask = palloc(sizeof(Mask));
		mask->rule = rule;
		mask->limit = codec->type != TEXTOID && codec->typmod > (int32) VARHDRSZ
			? codec->typmod - VARHDRSZ : 0;
		codec->cache = mask;
		codec->has_outfunc = true;
		codec->encode = rule->kind == MASK_CHARS ? encode_masked
			: rule->kind == MASK_TRUNCATE ? encode_truncated : encode_hashed;
		return codec;
	}
	return codec;
}

const char *
mask_null_json(const TypeCodec *codec)
{
	Mask	   *mask;
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
