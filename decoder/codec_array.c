/*
 * codec_array.c
 *		Arrays: nested JSON arrays, whatever their lower bounds.
 */
#include "compat.h"

#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "json.h"
#include "typecodec.h"

typedef struct ArrayWalk
{
	char *p; /* next element's bytes */
	bits8 *nulls;
	int index; /* of the next element */
	int ndim;
	int *dims;
} ArrayWalk;

static void
encode_element(StringInfo out, ArrayWalk *w, TypeCodec *element)
{
	if (w->nulls != NULL &&
		(w->nulls[w->index / 8] & (1 << (w->index % 8))) == 0)
		json_lit(out, "null");
	else
	{
		element->encode(
			out, fetch_att(w->p, element->typbyval, element->typlen), element);
		w->p = att_addlength_pointer(w->p, element->typlen, w->p);
		w->p = (char *) att_align_nominal(w->p, element->typalign);
	}
	w->index++;
}

static void
encode_dimension(StringInfo out, ArrayWalk *w, int dim, TypeCodec *element)
{
	check_stack_depth();
	json_char(out, '[');
	for (int i = 0; i < w->dims[dim]; i++)
	{
		if (i > 0)
			json_char(out, ',');
		if (dim + 1 < w->ndim)
			encode_dimension(out, w, dim + 1, element);
		else
			encode_element(out, w, element);
	}
	json_char(out, ']');
}

static void
encode_array(StringInfo out, Datum value, TypeCodec *codec)
{
	ArrayType *array = DatumGetArrayTypeP(value);
	ArrayWalk w;

	if (ARR_NDIM(array) == 0)
	{
		json_lit(out, "[]");
		return;
	}
	w.p = ARR_DATA_PTR(array);
	w.nulls = ARR_NULLBITMAP(array);
	w.index = 0;
	w.ndim = ARR_NDIM(array);
	w.dims = ARR_DIMS(array);
	encode_dimension(out, &w, 0, codec->element);
}

/* the placeholder's bytes as numbers, which is what Debezium makes of it */
static const char *
placeholder_numbers(const bytea *placeholder)
{
	StringInfoData s;

	initStringInfo(&s);
	appendStringInfoChar(&s, '[');
	for (int i = 0; i < VARSIZE_ANY_EXHDR(placeholder); i++)
		appendStringInfo(&s, "%s%d", i > 0 ? "," : "",
						 (int) (signed char) VARDATA_ANY(placeholder)[i]);
	appendStringInfoChar(&s, ']');
	return s.data;
}

/* UUID.nameUUIDFromBytes: MD5 with the version's and variant's bits */
static const char *
placeholder_uuid(const bytea *placeholder)
{
	char *hex = text_to_cstring(DatumGetTextPP(
		DirectFunctionCall1(md5_bytea, PointerGetDatum(placeholder))));
	static const char variant[] = "89ab";
	char v = hex[16];
	int nibble = v >= 'a' ? v - 'a' + 10 : v - '0';

	hex[12] = '3';
	hex[16] = variant[nibble & 3];
	return psprintf("[\"%.8s-%.4s-%.4s-%.4s-%.12s\"]", hex, hex + 8, hex + 12,
					hex + 16, hex + 20);
}

static const char *
array_unavailable(const TypeCodec *element, const PluginOptions *opts)
{
	switch (element->type)
	{
		case INT4OID:
		case INT8OID:
		case DATEOID:
			return placeholder_numbers(opts->placeholder_bytes);
		case UUIDOID:
			return placeholder_uuid(opts->placeholder_bytes);
		default:
			if (element->unavailable == NULL)
				return NULL;
			return psprintf("[%s]", element->unavailable);
	}
}

/* codec->element is set */
void
codec_array(TypeCodec *codec, const PluginOptions *opts)
{
	codec->encode = encode_array;
	codec->connect_type = "array";
	codec->zero = "[]";
	codec->has_outfunc = codec->element->has_outfunc;
	codec->unavailable = array_unavailable(codec->element, opts);
}
