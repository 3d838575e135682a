/*
 * codec_extension.c
 *		Types of extensions with a form of their own: PostGIS and pgvector.
 *
 * They are found by name and read through their own text, which is all that
 * is promised of them.
 */
#include "compat.h"

#include "utils/builtins.h"

#include "json.h"
#include "typecodec.h"

/* ---- PostGIS: its text is the EWKB in hex -------------------------------- */

/* flag in the type word of an EWKB that has an SRID */
#define EWKB_SRID 0x20000000u

static uint32
ewkb_word(const uint8 *p, bool little)
{
	return little ? (uint32) p[0] | (uint32) p[1] << 8 | (uint32) p[2] << 16 |
						(uint32) p[3] << 24
				  : (uint32) p[3] | (uint32) p[2] << 8 | (uint32) p[1] << 16 |
						(uint32) p[0] << 24;
}

static void
encode_geometry(StringInfo out, Datum value, TypeCodec *codec)
{
	const char *hex = OutputFunctionCall(&codec->outfunc, value);
	size_t hexlen = strlen(hex);
	uint8 *bytes = palloc(hexlen / 2 + 1);
	size_t n = hex_decode(hex, hexlen, (char *) bytes);

	json_lit(out, "{\"wkb\":\"");
	json_base64(out, bytes, n, false);
	json_lit(out, "\",\"srid\":");
	if (n >= 9 && (ewkb_word(bytes + 1, bytes[0] == 1) & EWKB_SRID) != 0)
		json_int64(out, (int32) ewkb_word(bytes + 5, bytes[0] == 1));
	else
		json_lit(out, "null");
	json_char(out, '}');
}

static void
setup_geometry(TypeCodec *codec, const char *name, const char *doc)
{
	codec->encode = encode_geometry;
	codec->has_outfunc = true;
	codec->connect_type = "struct";
	codec->schema_name = name;
	codec->schema_version = 1;
	codec->schema_doc = doc;
	codec->always_optional = true;
	codec->schema_fields =
		"[{\"type\":\"bytes\",\"optional\":false,\"field\":\"wkb\"},"
		"{\"type\":\"int32\",\"optional\":true,\"field\":\"srid\"}]";
	/* an empty geometry collection */
	codec->zero = "{\"wkb\":\"AQcAAAAAAAAA\",\"srid\":null}";
}

void
codec_geometry(TypeCodec *codec, const PluginOptions *opts)
{
	setup_geometry(codec, "io.debezium.data.geometry.Geometry", "Geometry");
}

void
codec_geography(TypeCodec *codec, const PluginOptions *opts)
{
	setup_geometry(codec, "io.debezium.data.geometry.Geography", "Geography");
}

/* ---- pgvector: "[1,2.5]", and "{1:201,9:209}/3000" ----------------------- */

/* One number of a vector's text, as a double or as a float. */
static const char *
vector_number(StringInfo out, const char *p, bool is_float)
{
	char *end;

	if (is_float)
		json_float4(out, strtof(p, &end));
	else
		json_float8(out, strtod(p, &end));
	return end > p ? end : p + 1;
}

static void
encode_vector(StringInfo out, Datum value, TypeCodec *codec)
{
	const char *p = OutputFunctionCall(&codec->outfunc, value);

	json_char(out, '[');
	for (p += strcspn(p, "-0123456789.NI"); *p && *p != ']';)
	{
		p = vector_number(out, p, codec->mode != 0);
		if (*p == ',')
		{
			json_char(out, ',');
			p++;
		}
	}
	json_char(out, ']');
}

/* a Connect map whose keys are no strings: pairs */
static void
encode_sparse_vector(StringInfo out, Datum value, TypeCodec *codec)
{
	const char *p = OutputFunctionCall(&codec->outfunc, value);
	const char *slash = strchr(p, '/');

	json_lit(out, "{\"dimensions\":");
	json_int64(out, slash ? atol(slash + 1) : 0);
	json_lit(out, ",\"vector\":[");
	for (p += strcspn(p, "0123456789}"); *p && *p != '}';)
	{
		char *end;

		json_char(out, '[');
		json_int64(out, strtol(p, &end, 10));
		json_char(out, ',');
		p = vector_number(out, *end == ':' ? end + 1 : end, false);
		json_char(out, ']');
		if (*p == ',')
		{
			json_char(out, ',');
			p++;
		}
	}
	json_lit(out, "]}");
}

/* an array of plain items under a name */
static void
setup_vector(TypeCodec *codec, const char *item, const char *name)
{
	codec->encode = encode_vector;
	codec->has_outfunc = true;
	codec->connect_type = "array";
	codec->element = palloc0(sizeof(TypeCodec));
	codec->element->connect_type = item;
	codec->element->items_required = true;
	codec->schema_name = name;
	codec->schema_version = 1;
	codec->zero = "[]";
}

void
codec_vector(TypeCodec *codec, const PluginOptions *opts)
{
	setup_vector(codec, "double", "io.debezium.data.DoubleVector");
}

void
codec_halfvec(TypeCodec *codec, const PluginOptions *opts)
{
	setup_vector(codec, "float", "io.debezium.data.FloatVector");
	codec->mode = 1;
}

void
codec_sparsevec(TypeCodec *codec, const PluginOptions *opts)
{
	codec->encode = encode_sparse_vector;
	codec->has_outfunc = true;
	codec->connect_type = "struct";
	codec->schema_name = "io.debezium.data.SparseDoubleVector";
	codec->schema_version = 1;
	codec->schema_doc = "Sparse double vector";
	codec->schema_fields =
		"[{\"type\":\"int16\",\"optional\":false,\"field\":\"dimensions\"},"
		"{\"type\":\"map\",\"keys\":{\"type\":\"int16\",\"optional\":false},"
		"\"values\":{\"type\":\"double\",\"optional\":false},\"optional\":false,\"field\":\"vector\"}]";
	codec->zero = "{\"dimensions\":0,\"vector\":[]}";
}
