/*
 * json_number.c
 *		Appending numbers to a StringInfo, in Java's notation.
 */
#include "compat.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "utils/builtins.h"

#include "json.h"


void
json_int64(StringInfo out, int64 v)
{
	char *p = json_reserve(out, 24);

	out->len += pg_lltoa(v, p);
	out->data[out->len] = '\0';
}

void
json_uint64(StringInfo out, uint64 v)
{
	char *p = json_reserve(out, 24);

	out->len += pg_ulltoa_n(v, p);
	out->data[out->len] = '\0';
}

/* The digits of a number and where its point is: 0.d1d2d3… × 10^point. */
static inline int
significant_digits(const char *s, const char *end, char *digits, int *point)
{
	int n = 0;
	int at = 0;
	bool seen_point = false;

	for (; s < end && *s != 'e'; s++)
	{
		if (*s == '.')
			seen_point = true;
		else
		{
			/* leading zeros carry no digit, only the position of the point */
			if (n > 0 || *s != '0')
				digits[n++] = *s;
			if (!seen_point)
			{
				if (n > 0)
					at++;
			}
			else if (n == 0)
				at--;
		}
	}
	if (s < end)
		at += atoi(s + 1);
	while (n > 1 && digits[n - 1] == '0')
		n--;
	*point = at;
	return n;
}

static inline char *
put_plain(char *p, const char *digits, int n, int point)
{
	int d = 0;

	if (point <= 0)
	{
		*p++ = '0';
		*p++ = '.';
		for (int z = point; z < 0; z++)
			*p++ = '0';
	}
	else
	{
		for (; d < point; d++)
			*p++ = d < n ? digits[d] : '0';
		*p++ = '.';
		if (d >= n)
			*p++ = '0';
	}
	for (; d < n; d++)
		*p++ = digits[d];
	return p;
}

static inline char *
put_scientific(char *p, const char *digits, int n, int point)
{
	*p++ = digits[0];
	*p++ = '.';
	if (n == 1)
		*p++ = '0';
	for (int d = 1; d < n; d++)
		*p++ = digits[d];
	*p++ = 'E';
	return p + pg_ltoa(point - 1, p);
}

/*
 * Double.toString from the shortest digits: plain from 1e-3 to 1e7, else
 * "computerised scientific notation"; always one digit after the point.
 */
static void
java_notation(StringInfo out, const char *shortest, int len)
{
	const char *end = shortest + len;
	char digits[32];
	int n;
	int point;
	char *start = json_reserve(out, 48);
	char *p = start;

	if (*shortest == '-')
		*p++ = *shortest++;
	n = significant_digits(shortest, end, digits, &point);
	if (n == 0)
	{
		memcpy(p, "0.0", 3);
		p += 3;
	}
	else if (point > -3 && point <= 7)
		p = put_plain(p, digits, n, point);
	else
		p = put_scientific(p, digits, n, point);
	out->len += p - start;
	*p = '\0';
}

static bool
json_special_float(StringInfo out, double v)
{
	if (isnan(v))
		json_lit(out, "\"NaN\"");
	else if (isinf(v))
	{
		if (v > 0)
			json_lit(out, "\"Infinity\"");
		else
			json_lit(out, "\"-Infinity\"");
	}
	else
		return false;
	return true;
}

/*
 * What has up to six decimals, as most numbers that people enter: then its
 * digits are those of an integer, without a search for the shortest.  No two
 * decimals of up to 15 digits come to the same double, and the quotient of two
 * integers that a double holds is rounded as the decimal itself is: so if it is
 * v, there is no shorter one.
 */
static bool
few_decimals(StringInfo out, double v)
{
	double absolute = fabs(v);
	uint64 millionths;
	uint32 fraction;
	char *start;
	char *p;

	/* Java writes what is less, or more, with an exponent */
	if (!(absolute >= 1e-3 && absolute < 1e7))
		return false;
	millionths = (uint64) (absolute * 1e6 + 0.5);
	if ((double) millionths / 1e6 != absolute)
		return false;
	p = start = json_reserve(out, 24);
	if (v < 0)
		*p++ = '-';
	p += pg_ulltoa_n(millionths / 1000000, p);
	*p++ = '.';
	fraction = (uint32) (millionths % 1000000);
	do
	{
		*p++ = (char) ('0' + fraction / 100000);
		fraction = fraction % 100000 * 10;
	} while (fraction != 0);
	*p = '\0';
	out->len += p - start;
	return true;
}

void
json_float8(StringInfo out, double v)
{
	char buf[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (!few_decimals(out, v) && !json_special_float(out, v))
		java_notation(out, buf, double_to_shortest_decimal_buf(v, buf));
}

void
json_float4(StringInfo out, float v)
{
	char buf[FLOAT_SHORTEST_DECIMAL_LEN];

	if (!json_special_float(out, v))
		java_notation(out, buf, float_to_shortest_decimal_buf(v, buf));
}
