/*
 * options.h
 *		Options of the output plugin, from options.def.
 */
#ifndef TUPLECAST_OPTIONS_H
#define TUPLECAST_OPTIONS_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "pattern.h"
#include "transform.h"

typedef enum FormatKind
{
	FORMAT_FLAT,
	FORMAT_ENVELOPE,
	FORMAT_CLOUDEVENTS
} FormatKind;

typedef enum ValueFormat
{
	VALUE_JSON,
	VALUE_STRING,
	VALUE_BYTES
} ValueFormat;

typedef enum DeleteMode
{
	DELETE_DROP,
	DELETE_TOMBSTONE,
	DELETE_REWRITE,
	DELETE_REWRITE_WITH_TOMBSTONE,
	DELETE_TO_TOMBSTONE,
	/* 2.x: a null for the delete, and one for its tombstone */
	DELETE_TOMBSTONE_TWICE
} DeleteMode;

typedef enum OversizeMode
{
	OVERSIZE_STOP,
	OVERSIZE_DEAD_LETTER,
	OVERSIZE_TRUNCATE
} OversizeMode;

typedef enum HeaderFormat
{
	HEADER_SIMPLE,
	HEADER_STRING,
	HEADER_JSON
} HeaderFormat;

typedef enum DecimalMode
{
	DECIMAL_PRECISE,
	DECIMAL_STRING,
	DECIMAL_DOUBLE
} DecimalMode;

typedef enum TimeMode
{
	TIME_ADAPTIVE,
	TIME_ADAPTIVE_MICROSECONDS,
	TIME_CONNECT,
	TIME_ISOSTRING,
	TIME_MICROSECONDS,
	TIME_NANOSECONDS
} TimeMode;

typedef enum BinaryMode
{
	BINARY_BYTES,
	BINARY_BASE64,
	BINARY_BASE64_URL,
	BINARY_HEX
} BinaryMode;

typedef enum IntervalMode
{
	INTERVAL_NUMERIC,
	INTERVAL_STRING
} IntervalMode;

typedef enum HstoreMode
{
	HSTORE_JSON,
	HSTORE_MAP
} HstoreMode;

typedef enum DecimalFormat
{
	DECIMAL_FORMAT_BASE64,
	DECIMAL_FORMAT_NUMERIC
} DecimalFormat;

typedef enum NameAdjustment
{
	NAMES_NONE,
	NAMES_AVRO,
	NAMES_AVRO_UNICODE
} NameAdjustment;

/* releases of Debezium at which fields appeared */
typedef enum CompatVersion
{
	COMPAT_2_0,
	COMPAT_2_5,
	COMPAT_2_7,
	COMPAT_3_6
} CompatVersion;

#define OPS_CREATE	 0x01
#define OPS_UPDATE	 0x02
#define OPS_DELETE	 0x04
#define OPS_TRUNCATE 0x08

typedef char *opt_str;
typedef bool opt_bool;
typedef int opt_int;
typedef int opt_enum;
typedef PatternList opt_list;
typedef List *opt_names;		   /* of char * */
typedef List *opt_idents;		   /* of char * */
typedef TransformChain *opt_chain; /* NULL: none */
typedef int opt_ops;			   /* OPS_* */

typedef struct PluginOptions
{
#define OPTION(type, field, name, def, words) opt_##type field;
#include "options.def"
#undef OPTION
	List *masks; /* of MaskRule *: column.mask.*, column.truncate.* */
	/* unavailable.value.placeholder: "hex:…" decoded, else its UTF-8; and a text
	 * of it as a JSON string */
	bytea *placeholder_bytes;
	const char *placeholder_json;
} PluginOptions;

/*
 * Options from a list of DefElem, into memory of the current context.  What is
 * unknown, repeated or out of range is an ERROR with a hint.
 */
extern void options_parse(PluginOptions *opts, List *defelems);
/*
 * An entry of message.key.columns, TABLE:COLUMN,COLUMN, which is cut at its
 * colon: the table as a pattern, the names of the columns (char *).  ERROR if it
 * is none.
 */
extern text *options_key_entry(char *entry, List **columns);

#endif /* TUPLECAST_OPTIONS_H */
