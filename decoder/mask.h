/*
 * mask.h
 *		column.mask.*, column.truncate.*: values that go out disguised.
 *
 * Options, each with a list of expressions of SCHEMA.TABLE.COLUMN:
 *		column.mask.with.N.chars
 *		column.truncate.to.N.chars
 *		column.mask.hash.ALGORITHM.with.salt.SALT
 *		column.mask.hash.v2.ALGORITHM.with.salt.SALT
 * A salt is a secret, and options are seen in logs and in pg_stat_activity: a
 * SALT of "#N" means the Nth word (from 1) of the setting tuplecast.secrets,
 * in hex, separated by commas.
 */
#ifndef TUPLECAST_MASK_H
#define TUPLECAST_MASK_H

#include "postgres.h"

#include "pattern.h"

/* of several that match a column the first of these holds, as for Debezium */
typedef enum MaskKind
{
	MASK_TRUNCATE,
	MASK_CHARS,
	MASK_HASH,
	MASK_HASH_V2
} MaskKind;

typedef struct MaskRule
{
	MaskKind kind;
	int length;	   /* of MASK_CHARS and MASK_TRUNCATE */
	int algorithm; /* a pg_cryptohash_type */
	uint8 *salt;
	int salt_len;
	PatternList columns;
} MaskRule;

struct PluginOptions;
struct TypeCodec;

/*
 * Takes an option whose name is of one of these forms; false if it is not.
 * ERROR for a bad length, algorithm or salt.
 */
extern bool mask_parse_option(List **rules, const char *name,
							  const char *value);

/*
 * The codec of a column's value as it is to be shown: disguised, and with the
 * parameters of its schema that tell so, or tell the type of the source.
 * "table" is SCHEMA.TABLE.  Current context; the given codec may be changed.
 */
extern struct TypeCodec *mask_wrap(const struct PluginOptions *opts,
								   struct TypeCodec *codec, Oid type,
								   int32 typmod, const char *table,
								   const char *column);
/* What a NULL becomes, or NULL: it stays one. */
extern const char *mask_null_json(const struct TypeCodec *codec);
/* A constant that stands in for a value, disguised as a value is. */
extern const char *mask_constant_json(const struct TypeCodec *codec,
									  const char *json);

#endif /* TUPLECAST_MASK_H */
