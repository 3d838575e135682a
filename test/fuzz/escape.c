/*
 * escape.c
 *		What becomes JSON: text, numbers, bytes; read back by another parser.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "json.h"
#include "jsonscan.h"

#include "fuzz.h"
#include "shim/shim.h"

#include <jansson.h>
#include <math.h>

static json_t *
parse(StringInfo s)
{
	json_error_t err;
	json_t *v = json_loadb(s->data, (size_t) s->len,
						   JSON_DECODE_ANY | JSON_ALLOW_NUL, &err);

	FUZZ_CHECK(v != NULL, "%s: %s", err.text, s->data);
	FUZZ_CHECK(s->data[s->len] == '\0', "not terminated");
	return v;
}

static void
check_text(const uint8 *bytes, int len)
{
	StringInfoData s;
	char *back;
	int back_len;
	int valid_len = len;
	const char *valid = json_valid_utf8((const char *) bytes, &valid_len);
	json_t *v;
	char *copy;

	initStringInfo(&s);
	json_utf8(&s, valid, valid_len);
	v = parse(&s);
	FUZZ_CHECK(json_string_length(v) == (size_t) valid_len &&
				   memcmp(json_string_value(v), valid, valid_len) == 0,
			   "another text");
	json_decref(v);
	/* and by our own reader */
	back = jsonscan_unquote(s.data, &back_len);
	FUZZ_CHECK(back_len == valid_len && memcmp(back, valid, valid_len) == 0,
			   "another text by jsonscan_unquote");
	copy = malloc(len + 1);
	if (json_copy_clean(copy, (const char *) bytes, len) &&
		valid == (const char *) bytes)
		FUZZ_CHECK(s.len == len + 2 && memcmp(copy, bytes, len) == 0,
				   "it was said to be clean");
	free(copy);
	/* as a server of another encoding has it */
	shim_encoding = PG_SQL_ASCII;
	resetStringInfo(&s);
	json_text(&s, (const char *) bytes, len);
	shim_encoding = PG_UTF8;
	json_decref(parse(&s));
}

/* how many digits it takes to read v back */
static int
shortest_digits(double v)
{
	char text[40];

	for (int n = 1; n < 17; n++)
	{
		snprintf(text, sizeof(text), "%.*e", n - 1, v);
		if (strtod(text, NULL) == v)
			return n;
	}
	return 17;
}

/* those of a number as it was written, without zeros at its ends */
static int
digits_of(const char *s)
{
	int n = 0;
	int zeros = 0;

	for (; *s != '\0' && *s != 'E'; s++)
	{
		if (*s < '0' || *s > '9')
			continue;
		if (*s != '0')
		{
			n += zeros + 1;
			zeros = 0;
		}
		else if (n > 0)
			zeros++;
	}
	return Max(n, 1);
}

static void
check_double(double v)
{
	StringInfoData s;
	json_t *j;

	initStringInfo(&s);
	json_float8(&s, v);
	j = parse(&s);
	if (isnan(v) || isinf(v))
		FUZZ_CHECK(json_is_string(j), "%s", s.data);
	else
	{
		FUZZ_CHECK(json_is_real(j), "%s has no point", s.data);
		FUZZ_CHECK(json_real_value(j) == v, "%s is not %.17g", s.data, v);
		/* of a larger one that lies between two, the server takes the exact */
		if (fabs(v) < 1e15)
			FUZZ_CHECK(digits_of(s.data) <= shortest_digits(v),
					   "%s is not the shortest", s.data);
	}
	json_decref(j);
}

static void
check_float(float v)
{
	StringInfoData s;

	initStringInfo(&s);
	json_float4(&s, v);
	json_decref(parse(&s));
	if (!isnan(v) && !isinf(v))
		FUZZ_CHECK(strtof(s.data, NULL) == v, "%s is not %.9g", s.data, v);
}

static void
check_integer(uint64 u)
{
	StringInfoData s;

	initStringInfo(&s);
	json_int64(&s, (int64) u);
	FUZZ_CHECK(strtoll(s.data, NULL, 10) == (int64) u, "%s", s.data);
	resetStringInfo(&s);
	json_uint64(&s, u);
	FUZZ_CHECK(strtoull(s.data, NULL, 10) == u && (int) strlen(s.data) == s.len,
			   "%s", s.data);
}

static int
base64_digit(char c, bool url)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	const char *d = c == '\0' ? NULL : strchr(digits, c);

	if (d != NULL)
		return (int) (d - digits);
	return c == (url ? '-' : '+') ? 62 : c == (url ? '_' : '/') ? 63 : -1;
}

static void
check_base64(const uint8 *bytes, size_t len, bool url)
{
	StringInfoData s;
	size_t n = 0;

	initStringInfo(&s);
	json_base64(&s, bytes, len, url);
	FUZZ_CHECK((size_t) s.len == (len + 2) / 3 * 4, "length");
	for (int i = 0; i < s.len; i += 4)
	{
		uint32 v = 0;

		for (int k = 0; k < 4; k++)
		{
			int d = base64_digit(s.data[i + k], url);

			FUZZ_CHECK(d >= 0 || s.data[i + k] == '=', "%s", s.data);
			v = v << 6 | (uint32) (d < 0 ? 0 : d);
		}
		for (int k = 16; k >= 0 && n < len; k -= 8, n++)
			FUZZ_CHECK((uint8) (v >> k) == bytes[n], "byte %zu", n);
	}
	FUZZ_CHECK(n == len, "%zu of %zu bytes", n, len);
}

static void
check_hex(const uint8 *bytes, size_t len)
{
	StringInfoData s;

	initStringInfo(&s);
	json_hex(&s, bytes, len);
	FUZZ_CHECK((size_t) s.len == len * 2, "length");
	for (size_t i = 0; i < len; i++)
	{
		char two[3] = {s.data[2 * i], s.data[2 * i + 1], '\0'};

		FUZZ_CHECK(strtoul(two, NULL, 16) == bytes[i], "%s", two);
	}
}

static void
run(FuzzInput *in)
{
	uint64 bits = fuzz_bits(in, 8);
	double d;
	float f;
	uint32 half = (uint32) bits;
	size_t len;
	uint8 *bytes = fuzz_until(in, -1, &len);
	uint8 *copy = palloc(len);

	/* palloc'd: an ERROR must not lose it */
	memcpy(copy, bytes, len);
	free(bytes);
	memcpy(&d, &bits, sizeof(d));
	memcpy(&f, &half, sizeof(f));
	check_double(d);
	/* and a number that people would enter */
	if (fabs(d) < 1e9)
		check_double(rint(d * 1000) / 1000);
	check_float(f);
	check_integer(bits);
	check_text(copy, (int) len);
	check_base64(copy, len, (bits & 1) != 0);
	check_hex(copy, len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzInput in = {data, size};

	if (SHIM_TRY())
		run(&in);
	else
		FUZZ_CHECK(false, "%s", shim_error_text);
	shim_reset();
	return 0;
}
