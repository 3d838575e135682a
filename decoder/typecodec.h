/*
 * typecodec.h
 *		From a Datum to JSON: one codec a column, resolved once a relation.
 */
#ifndef TUPLECAST_TYPECODEC_H
#define TUPLECAST_TYPECODEC_H

#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"

#include "options.h"

typedef struct TypeCodec TypeCodec;

/* What a value's raw bytes tell of the length of its JSON; from SIZE_TEXT on it
 * can be cut. */
typedef enum SizeClass
{
	SIZE_UNKNOWN,
	SIZE_TEXT,	/* at least as long */
	SIZE_JSON,	/* a string of JSON; at least as long */
	SIZE_JSONB, /* a string of JSON; about as long */
	SIZE_BYTES	/* longer */
} SizeClass;

/* Appends the JSON of a value that is not NULL. */
typedef void (*TypeEncode)(StringInfo out, Datum value, TypeCodec *codec);

struct TypeCodec
{
	TypeEncode encode;
	/* the base type, never a domain */
	Oid type;
	int32 typmod;
	int16 typlen;
	bool typbyval;
	char typalign;
	/* decimals, fraction digits or bits, as the codec needs it */
	int scale;
	int mode;
	SizeClass size_class;
	FmgrInfo outfunc; /* only if has_outfunc */
	bool has_outfunc;
	TypeCodec *element;	  /* of an array */
	bool always_optional; /* Debezium's schema of it is, NOT NULL or not */
	bool items_required;  /* its schema allows no null in an array */
	void *cache;		  /* the codec's own */
	/* JSON for a value that the WAL does not hold; NULL: it has no such form */
	const char *unavailable;
	/* JSON of the type's zero, which stands in where Debezium invents a value */
	const char *zero;
	/* what a default that is no constant becomes; NULL: none is shown */
	const char *default_zero;
	/* the Connect schema: "int32", its name, and what follows the name */
	const char *connect_type;
	const char *schema_name;   /* or NULL */
	int schema_version;		   /* 0: none */
	const char *schema_params; /* JSON object of strings, or NULL */
	const char *schema_doc;	   /* or NULL */
	const char *schema_fields; /* a struct's fields, JSON array */
};

/*
 * The codec of a type, in the current memory context.  Reads the catalogue:
 * call it when a plan is built, never for a row.
 */
extern TypeCodec *typecodec_build(Oid type, int32 typmod,
								  const PluginOptions *opts);

/* set-up of one type; fills what is not zero */
typedef void (*TypeSetup)(TypeCodec *codec, const PluginOptions *opts);

/* codec_number.c */
extern void codec_int2(TypeCodec *codec, const PluginOptions *opts);
extern void codec_int4(TypeCodec *codec, const PluginOptions *opts);
extern void codec_int8(TypeCodec *codec, const PluginOptions *opts);
extern void codec_oid(TypeCodec *codec, const PluginOptions *opts);
extern void codec_float4(TypeCodec *codec, const PluginOptions *opts);
extern void codec_float8(TypeCodec *codec, const PluginOptions *opts);
extern void codec_bool(TypeCodec *codec, const PluginOptions *opts);
extern void codec_numeric(TypeCodec *codec, const PluginOptions *opts);
extern void codec_money(TypeCodec *codec, const PluginOptions *opts);
extern void codec_bit(TypeCodec *codec, const PluginOptions *opts);

/* codec_time.c */
extern void codec_date(TypeCodec *codec, const PluginOptions *opts);
extern void codec_time(TypeCodec *codec, const PluginOptions *opts);
extern void codec_timetz(TypeCodec *codec, const PluginOptions *opts);
extern void codec_timestamp(TypeCodec *codec, const PluginOptions *opts);
extern void codec_timestamptz(TypeCodec *codec, const PluginOptions *opts);
extern void codec_interval(TypeCodec *codec, const PluginOptions *opts);

/* codec_text.c */
extern void codec_text(TypeCodec *codec, const PluginOptions *opts);
extern void codec_name(TypeCodec *codec, const PluginOptions *opts);
extern void codec_char(TypeCodec *codec, const PluginOptions *opts);
extern void codec_output(TypeCodec *codec, const PluginOptions *opts);
extern void codec_unknown(TypeCodec *codec, const PluginOptions *opts);
extern void codec_json(TypeCodec *codec, const PluginOptions *opts);
extern void codec_xml(TypeCodec *codec, const PluginOptions *opts);
extern void codec_uuid(TypeCodec *codec, const PluginOptions *opts);
extern void codec_bytea(TypeCodec *codec, const PluginOptions *opts);
extern void codec_point(TypeCodec *codec, const PluginOptions *opts);
extern void codec_tsvector(TypeCodec *codec, const PluginOptions *opts);
extern void codec_ltree(TypeCodec *codec, const PluginOptions *opts);
extern void codec_hstore(TypeCodec *codec, const PluginOptions *opts);
extern void codec_enum(TypeCodec *codec, const PluginOptions *opts);

/* codec_jsonb.c */
extern void codec_jsonb(TypeCodec *codec, const PluginOptions *opts);

/* codec_extension.c */
extern void codec_geometry(TypeCodec *codec, const PluginOptions *opts);
extern void codec_geography(TypeCodec *codec, const PluginOptions *opts);
extern void codec_vector(TypeCodec *codec, const PluginOptions *opts);
extern void codec_halfvec(TypeCodec *codec, const PluginOptions *opts);
extern void codec_sparsevec(TypeCodec *codec, const PluginOptions *opts);

/* codec_array.c */
extern void codec_array(TypeCodec *codec, const PluginOptions *opts);

#endif /* TUPLECAST_TYPECODEC_H */
