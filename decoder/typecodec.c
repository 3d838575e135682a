/*
 * typecodec.c
 *		From a type to its codec: one row a type.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "json.h"
#include "typecodec.h"

typedef struct TypeRow
{
	Oid type;
	TypeSetup setup;
} TypeRow;

/* what is not here goes out as its text */
static const TypeRow type_rows[] = {
	{BOOLOID, codec_bool},
	{INT2OID, codec_int2},
	{INT4OID, codec_int4},
	{INT8OID, codec_int8},
	{OIDOID, codec_oid},
	{FLOAT4OID, codec_float4},
	{FLOAT8OID, codec_float8},
	{NUMERICOID, codec_numeric},
	{CASHOID, codec_money},
	{BITOID, codec_bit},
	{VARBITOID, codec_bit},
	{TEXTOID, codec_text},
	{VARCHAROID, codec_text},
	{BPCHAROID, codec_text},
	{NAMEOID, codec_name},
	{CHAROID, codec_char},
	{BYTEAOID, codec_bytea},
	{UUIDOID, codec_uuid},
	{JSONOID, codec_json},
	{JSONBOID, codec_jsonb},
	{XMLOID, codec_xml},
	{DATEOID, codec_date},
	{TIMEOID, codec_time},
	{TIMETZOID, codec_timetz},
	{TIMESTAMPOID, codec_timestamp},
	{TIMESTAMPTZOID, codec_timestamptz},
	{INTERVALOID, codec_interval},
	{POINTOID, codec_point},
	{TSVECTOROID, codec_tsvector},
	{INETOID, codec_output},
	{CIDROID, codec_output},
	{MACADDROID, codec_output},
	{MACADDR8OID, codec_output},
	{INT4RANGEOID, codec_output},
	{INT8RANGEOID, codec_output},
	{NUMRANGEOID, codec_output},
	{TSRANGEOID, codec_output},
	{TSTZRANGEOID, codec_output},
	{DATERANGEOID, codec_output},
};

typedef struct NamedTypeRow
{
	const char *name;
	TypeSetup setup;
} NamedTypeRow;

/* types of extensions have no fixed OID */
static const NamedTypeRow named_type_rows[] = {
	{"citext", codec_text},			{"hstore", codec_hstore},
	{"ltree", codec_ltree},			{"geometry", codec_geometry},
	{"geography", codec_geography}, {"vector", codec_vector},
	{"halfvec", codec_halfvec},		{"sparsevec", codec_sparsevec},
	{"isbn", codec_output},			{"isbn13", codec_output},
	{"issn", codec_output},			{"issn13", codec_output},
	{"ismn", codec_output},			{"ismn13", codec_output},
	{"ean13", codec_output},		{"upc", codec_output},
};

static TypeSetup
find_setup(Oid type, const char *typname)
{
	for (int i = 0; i < lengthof(type_rows); i++)
		if (type_rows[i].type == type)
			return type_rows[i].setup;
	if (type >= FirstNormalObjectId)
		for (int i = 0; i < lengthof(named_type_rows); i++)
			if (strcmp(named_type_rows[i].name, typname) == 0)
				return named_type_rows[i].setup;
	return codec_unknown;
}

TypeCodec *
typecodec_build(Oid type, int32 typmod, const PluginOptions *opts)
{
	TypeCodec *codec = palloc0(sizeof(TypeCodec));
	HeapTuple tup;
	Form_pg_type form;
	TypeSetup setup;

	codec->typmod = typmod;
	codec->type = getBaseTypeAndTypmod(type, &codec->typmod);
	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(codec->type));
	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for type %u", codec->type);
	form = (Form_pg_type) GETSTRUCT(tup);
	codec->typlen = form->typlen;
	codec->typbyval = form->typbyval;
	codec->typalign = form->typalign;

	if (form->typtype == TYPTYPE_ENUM)
		setup = codec_enum;
	else if (IsTrueArrayType(form))
	{
		codec->element = typecodec_build(form->typelem, codec->typmod, opts);
		/* Debezium does not look behind a domain in an array */
		if (opts->unknown_types && getBaseType(form->typelem) != form->typelem)
			codec_unknown(codec->element, opts);
		setup = codec_array;
	}
	else
		setup = find_setup(codec->type, NameStr(form->typname));
	fmgr_info(form->typoutput, &codec->outfunc);
	ReleaseSysCache(tup);
	setup(codec, opts);
	return codec;
}
