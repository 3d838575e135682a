/*
 * codec_number.c
 *		Integers, floats, booleans, numeric, money and bit strings.
 */
#include "compat.h"

#include <limits.h>
#include <locale.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/cash.h"
#include "utils/numeric.h"
#include "utils/varbit.h"

#include "json.h"
#include "numtext.h"
#include "typecodec.h"

/* precise, but written as a JSON number (decimal.format=NUMERIC) */
#define DECIMAL_PLAIN 3

#define DECIMAL_NAME "org.apache.kafka.connect.data.Decimal"

static void
encode_int2(StringInfo out, Datum value, TypeCodec *codec)
{
	json_int64(out, DatumGetInt16(value));
}

static void
encode_int4(StringInfo out, Datum value, TypeCodec *codec)
{
	char *p = json_reserve(out, 12);

	out->len += pg_ltoa(DatumGetInt32(value), p);
}

static void
encode_int8(StringInfo out, Datum value, TypeCodec *codec)
{
	json_int64(out, DatumGetInt64(value));
}

static void
encode_oid(StringInfo out, Datum value, TypeCodec *codec)
{
	json_uint64(out, DatumGetObjectId(value));
}

static void
encode_float4(StringInfo out, Datum value, TypeCodec *codec)
{
	json_float4(out, DatumGetFloat4(value));
}

static void
encode_float8(StringInfo out, Datum value, TypeCodec *codec)
{
	json_float8(out, DatumGetFloat8(value));
}

static void
encode_bool(StringInfo out, Datum value, TypeCodec *codec)
{
	if (DatumGetBool(value))
		json_lit(out, "true");
	else
		json_lit(out, "false");
}

static void
setup_plain(TypeCodec *codec, TypeEncode encode, const char *type,
			const char *zero)
{
	codec->encode = encode;
	codec->connect_type = type;
	codec->zero = zero;
}

void
codec_int2(TypeCodec *codec, const PluginOptions *opts)
{
	setup_plain(codec, encode_int2, "int16", "0");
}

void
codec_int4(TypeCodec *codec, const PluginOptions *opts)
{
	setup_plain(codec, encode_int4, "int32", "0");
}

void
codec_int8(TypeCodec *codec, const PluginOptions *opts)
{
	setup_plain(codec, encode_int8, "int64", "0");
}

void
codec_oid(TypeCodec *codec, const PluginOptions *opts)
{
	setup_plain(codec, encode_oid, "int64", "0");
}

void
codec_float4(TypeCodec *codec, const PluginOptions *opts)
{
	setup_plain(codec, encode_float4, "float", "0.0");
}

void
codec_float8(TypeCodec *codec, const PluginOptions *opts)
{
	setup_plain(codec, encode_float8, "double", "0.0");
}

void
codec_bool(TypeCodec *codec, const PluginOptions *opts)
{
	setup_plain(codec, encode_bool, "boolean", "false");
}

/* ---- decimals ------------------------------------------------------------ */

/*
 * Decimal digits to the two's complement, big-endian and as short as it can
 * be, of the integer they make (BigInteger.toByteArray).
 */
static uint8 *
twos_complement(const char *digits, int ndigits, bool negative, int *nbytes)
{
	int nlimbs = 0;
	uint32 *limbs = palloc((ndigits / 9 + 2) * sizeof(uint32));
	uint8 *bytes;
	int n;

	for (int i = 0; i < ndigits;)
	{
		uint64 carry = 0;
		uint32 scale = 1;

		for (int k = 0; k < 9 && i < ndigits; k++, i++)
		{
			carry = carry * 10 + (uint64) (digits[i] - '0');
			scale *= 10;
		}
		for (int j = 0; j < nlimbs; j++)
		{
			carry += (uint64) limbs[j] * scale;
			limbs[j] = (uint32) carry;
			carry >>= 32;
		}
		if (carry != 0)
			limbs[nlimbs++] = (uint32) carry;
		CHECK_FOR_INTERRUPTS();
	}
	n = nlimbs * 4 + 1;
	bytes = palloc0(n);
	for (int j = 0; j < nlimbs; j++)
		for (int k = 0; k < 4; k++)
			bytes[n - 1 - (j * 4 + k)] = (uint8) (limbs[j] >> (8 * k));
	if (negative)
	{
		int carry = 1;

		for (int i = n - 1; i >= 0; i--)
		{
			int v = (uint8) ~bytes[i] + carry;

			bytes[i] = (uint8) v;
			carry = v >> 8;
		}
	}
	/* a leading byte that only repeats the sign goes */
	while (n > 1 && ((bytes[0] == 0 && !(bytes[1] & 0x80)) ||
					 (bytes[0] == 0xff && (bytes[1] & 0x80))))
	{
		bytes++;
		n--;
	}
	*nbytes = n;
	return bytes;
}

static void
put_unscaled(StringInfo out, const char *digits, int ndigits, bool negative)
{
	int n;
	uint8 *bytes = twos_complement(digits, ndigits, negative, &n);

	json_char(out, '"');
	json_base64(out, bytes, n, false);
	json_char(out, '"');
}

/* "-12.340" to digits "12340", scale 3 */
static char *
split_decimal(const char *text, bool *negative, int *ndigits, int *scale)
{
	int len = strlen(text);
	char *digits = palloc(len + 1);
	int n = 0;

	*negative = *text == '-';
	*scale = 0;
	for (const char *p = text + *negative; *p; p++)
	{
		if (*p == '.')
			*scale = len - (int) (p - text) - 1;
		else
			digits[n++] = *p;
	}
	*ndigits = n;
	return digits;
}

/* numeric(p,s): the scale stands in the schema */
static void
encode_numeric_scaled(StringInfo out, const char *text, int scale)
{
	bool negative;
	int ndigits, has;
	char *digits = split_decimal(text, &negative, &ndigits, &has);

	if (has < scale)
	{
		digits = repalloc(digits, ndigits + (scale - has) + 1);
		memset(digits + ndigits, '0', scale - has);
		ndigits += scale - has;
	}
	else
		ndigits -= has - scale;
	put_unscaled(out, digits, ndigits, negative);
}

/* numeric without a typmod: Debezium strips zeros after the point */
static void
encode_numeric_variable(StringInfo out, const char *text)
{
	bool negative;
	int ndigits, scale;
	char *digits = split_decimal(text, &negative, &ndigits, &scale);

	while (scale > 0 && ndigits > 1 && digits[ndigits - 1] == '0')
	{
		ndigits--;
		scale--;
	}
	json_lit(out, "{\"scale\":");
	json_int64(out, scale);
	json_lit(out, ",\"value\":");
	put_unscaled(out, digits, ndigits, negative);
	json_char(out, '}');
}

/* NaN and infinities, in Debezium's words */
static void
encode_special_numeric(StringInfo out, Numeric num, int mode)
{
	static const char *const strings[] = {"\"NAN\"", "\"POSITIVE_INFINITY\"",
										  "\"NEGATIVE_INFINITY\""};
	static const char *const doubles[] = {"\"NaN\"", "\"Infinity\"",
										  "\"-Infinity\""};
	int which = 0;

	if (!numeric_is_nan(num))
		which = DatumGetCString(DirectFunctionCall1(
					numeric_out, NumericGetDatum(num)))[0] == '-'
					? 2
					: 1;
	if (mode == DECIMAL_PRECISE || mode == DECIMAL_PLAIN)
		json_lit(out, "null");
	else if (mode == DECIMAL_STRING)
		json_str(out, strings[which]);
	else
		json_str(out, doubles[which]);
}

static void
encode_numeric(StringInfo out, Datum value, TypeCodec *codec)
{
	int start = out->len;
	bool quoted = codec->mode == DECIMAL_STRING;
	StringInfoData buf;
	const char *text;

	if (quoted || codec->mode == DECIMAL_PLAIN)
	{
		if (quoted)
			json_char(out, '"');
		if (numeric_append(out, value))
		{
			if (quoted)
				json_char(out, '"');
			return;
		}
		out->len = start;
	}
	initStringInfo(&buf);
	if (!numeric_append(&buf, value))
	{
		encode_special_numeric(out, DatumGetNumeric(value), codec->mode);
		return;
	}
	text = buf.data;
	if (codec->mode == DECIMAL_DOUBLE)
		json_float8(out, strtod(text, NULL));
	else if (codec->scale >= 0)
		encode_numeric_scaled(out, text, codec->scale);
	else
		encode_numeric_variable(out, text);
}

/* "0.00" */
static char *
plain_zero(int scale)
{
	StringInfoData z;

	initStringInfo(&z);
	appendStringInfoString(&z, scale > 0 ? "0." : "0");
	for (int i = 0; i < scale; i++)
		appendStringInfoChar(&z, '0');
	return z.data;
}

static void
setup_decimal(TypeCodec *codec, int mode, int format, int scale, int precision,
			  const char *placeholder)
{
	codec->mode = mode;
	codec->scale = scale;
	if (mode == DECIMAL_PRECISE && scale >= 0 &&
		format == DECIMAL_FORMAT_NUMERIC)
		codec->mode = DECIMAL_PLAIN;
	if (mode == DECIMAL_STRING)
	{
		codec->connect_type = "string";
		codec->unavailable = placeholder;
		codec->zero = psprintf("\"%s\"", plain_zero(scale));
	}
	else if (mode == DECIMAL_DOUBLE)
	{
		codec->connect_type = "double";
		codec->zero = "0.0";
	}
	else if (scale >= 0)
	{
		codec->connect_type = "bytes";
		codec->schema_name = DECIMAL_NAME;
		codec->schema_version = 1;
		if (precision > 0)
			codec->schema_params = psprintf(
				"{\"scale\":\"%d\",\"connect.decimal.precision\":\"%d\"}",
				scale, precision);
		else
			codec->schema_params = psprintf("{\"scale\":\"%d\"}", scale);
		codec->zero =
			codec->mode == DECIMAL_PLAIN ? plain_zero(scale) : "\"AA==\"";
	}
	else
	{
		codec->connect_type = "struct";
		codec->schema_name = "io.debezium.data.VariableScaleDecimal";
		codec->schema_version = 1;
		codec->schema_doc = "Variable scaled decimal";
		codec->schema_fields =
			"[{\"type\":\"int32\",\"optional\":false,\"field\":\"scale\"},"
			"{\"type\":\"bytes\",\"optional\":false,\"field\":\"value\"}]";
		codec->zero = "{\"scale\":0,\"value\":\"AA==\"}";
	}
}

void
codec_numeric(TypeCodec *codec, const PluginOptions *opts)
{
	int scale = -1;
	int precision = 0;

	codec->encode = encode_numeric;
	if (codec->typmod >= (int32) VARHDRSZ)
	{
		int32 t = codec->typmod - VARHDRSZ;

		precision = (t >> 16) & 0xffff;
		/* eleven bits, signed since 15; a negative one has no decimals */
		scale = (((t & 0x7ff) ^ 1024) - 1024);
		scale = Max(scale, 0);
	}
	setup_decimal(codec, opts->decimal_mode, opts->decimal_format, scale,
				  precision, opts->placeholder_json);
}

/* money is an integer of the locale's smallest unit */
static void
encode_money(StringInfo out, Datum value, TypeCodec *codec)
{
	int64 v = DatumGetCash(value);
	int digits = *(int *) codec->cache;
	int drop = codec->mode == DECIMAL_PRECISE ? digits - codec->scale : 0;
	char raw[64];
	char text[80];
	int len;
	uint64 magnitude = v < 0 ? -(uint64) v : (uint64) v;

	/* more decimals than are wanted: rounded, half away from zero */
	for (; drop > 0; drop--, digits--)
		magnitude =
			drop == 1 ? magnitude / 10 + (magnitude % 10 >= 5) : magnitude / 10;
	len = pg_ulltoa_n(magnitude, raw);
	raw[len] = '\0';
	if (len <= digits)
	{
		memmove(raw + (digits + 1 - len), raw, len + 1);
		memset(raw, '0', digits + 1 - len);
		len = digits + 1;
	}
	snprintf(text, sizeof(text), digits > 0 ? "%s%.*s.%s" : "%s%.*s%s",
			 v < 0 ? "-" : "", len - digits, raw, raw + (len - digits));
	switch (codec->mode)
	{
		case DECIMAL_STRING:
			json_char(out, '"');
			json_str(out, text);
			json_char(out, '"');
			break;
		case DECIMAL_DOUBLE:
			json_float8(out, strtod(text, NULL));
			break;
		case DECIMAL_PLAIN:
			json_str(out, text);
			break;
		default:
			encode_numeric_scaled(out, text, codec->scale);
	}
}

void
codec_money(TypeCodec *codec, const PluginOptions *opts)
{
	struct lconv *lc = PGLC_localeconv();
	int *digits = palloc(sizeof(int));

	/* as cash_out() does it */
	*digits = lc->frac_digits;
	if (*digits < 0 || *digits > 10)
		*digits = 2;
	codec->cache = digits;
	codec->encode = encode_money;
	setup_decimal(codec, opts->decimal_mode, opts->decimal_format,
				  opts->money_digits, 0, NULL);
}

/* ---- bit strings --------------------------------------------------------- */

static void
encode_bit_bool(StringInfo out, Datum value, TypeCodec *codec)
{
	VarBit *bits = DatumGetVarBitP(value);

	/* varbit(1) may be empty, which is neither */
	if (VARBITLEN(bits) == 0)
	{
		json_lit(out, "null");
		return;
	}
	encode_bool(out,
				BoolGetDatum(VARBITLEN(bits) > 0 && (VARBITS(bits)[0] & 0x80)),
				codec);
}

/* little-endian bytes of the number, as far as the highest bit that is set */
static void
encode_bits(StringInfo out, Datum value, TypeCodec *codec)
{
	VarBit *bits = DatumGetVarBitP(value);
	int nbits = VARBITLEN(bits);
	int nbytes = (nbits + 7) / 8;
	int shift = nbytes * 8 - nbits;
	const bits8 *src = VARBITS(bits);
	uint8 *le = palloc(nbytes + 1);

	for (int i = 0; i < nbytes; i++)
	{
		unsigned int v = src[i] >> shift;

		if (i > 0 && shift > 0)
			v |= (unsigned int) src[i - 1] << (8 - shift);
		le[nbytes - 1 - i] = (uint8) v;
	}
	while (nbytes > 0 && le[nbytes - 1] == 0)
		nbytes--;
	json_char(out, '"');
	if (codec->mode == BINARY_HEX)
		json_hex(out, le, nbytes);
	else
		json_base64(out, le, nbytes, codec->mode == BINARY_BASE64_URL);
	json_char(out, '"');
}

void
codec_bit(TypeCodec *codec, const PluginOptions *opts)
{
	if (codec->typmod == 1)
	{
		setup_plain(codec, encode_bit_bool, "boolean", "false");
		return;
	}
	setup_plain(codec, encode_bits, "bytes", "\"\"");
	codec->mode = BINARY_BYTES;
	codec->schema_name = "io.debezium.data.Bits";
	codec->schema_version = 1;
	codec->schema_params = psprintf(
		"{\"length\":\"%d\"}", codec->typmod > 0 ? codec->typmod : INT_MAX);
}
