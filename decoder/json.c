/*
 * json.c
 *		Appending JSON to a StringInfo.
 */
#include "compat.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "access/xact.h"
#include "catalog/namespace.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "json.h"

int json_ceiling = INT_MAX;

void
json_beyond_ceiling(void)
{
	ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					errmsg("a record is longer than can be built")));
}

void
json_enlarge(StringInfo out, int n)
{
	if (n >= json_ceiling || out->len >= json_ceiling - n)
		json_beyond_ceiling();
	enlargeStringInfo(out, n);
}

/* what stops a run of bytes that are copied as they are */
static inline bool
is_special(unsigned char c)
{
	return c < 0x20 || c == '"' || c == '\\' || c >= 0xf0;
}

#ifdef __SSE2__
/* a bit for each byte that is special */
static inline unsigned
special_bits(__m128i v)
{
	__m128i bad = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);

	bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
	bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
	bad = _mm_or_si128(
		bad, _mm_cmpeq_epi8(_mm_max_epu8(v, _mm_set1_epi8((char) 0xf0)), v));
	return (unsigned) _mm_movemask_epi8(bad);
}

/* 8 bytes, or 4 of them twice */
static inline __m128i
load_half(const char *s, int n)
{
	int32 four;

	if (n == 8)
		return _mm_loadl_epi64((const __m128i *) s);
	memcpy(&four, s, sizeof(four));
	return _mm_set1_epi32(four);
}
#endif

/*
 * Copies the prefix that needs no escape, and returns its length; what is
 * behind it, up to len, may be written, too.
 */
static inline int
copy_prefix(char *to, const char *s, int len)
{
	int i = 0;

#ifdef __SSE2__
	while (i + 16 <= len)
	{
		__m128i v = _mm_loadu_si128((const __m128i *) (s + i));
		unsigned bad = special_bits(v);

		_mm_storeu_si128((__m128i *) (to + i), v);
		if (bad != 0)
			return i + __builtin_ctz(bad);
		i += 16;
		/* the last bytes with some that were looked at before */
		if (i < len && i + 16 > len)
			i = len - 16;
	}
	if (i == 0 && len >= 4)
	{
		int half = len >= 8 ? 8 : 4;
		__m128i first = load_half(s, half);
		__m128i last = load_half(s + len - half, half);

		if (special_bits(_mm_unpacklo_epi64(first, last)) == 0)
		{
			json_move(to, s, len);
			return len;
		}
	}
#endif
	for (; i < len && !is_special((unsigned char) s[i]); i++)
		to[i] = s[i];
	return i;
}

static char *
put_u_escape(char *p, unsigned int unit)
{
	static const char digits[] = "0123456789ABCDEF";

	*p++ = '\\';
	*p++ = 'u';
	*p++ = digits[(unit >> 12) & 0xf];
	*p++ = digits[(unit >> 8) & 0xf];
	*p++ = digits[(unit >> 4) & 0xf];
	*p++ = digits[unit & 0xf];
	return p;
}

/* Writes one special character at s; returns how many bytes it had. */
static int
escape_one(StringInfo out, const char *s, int len)
{
	unsigned char c = (unsigned char) *s;
	char *p = json_reserve(out, 12);
	char *start = p;
	int used = 1;

	switch (c)
	{
		case '"':
		case '\\':
			*p++ = '\\';
			*p++ = (char) c;
			break;
		case '\b':
			*p++ = '\\', *p++ = 'b';
			break;
		case '\t':
			*p++ = '\\', *p++ = 't';
			break;
		case '\n':
			*p++ = '\\', *p++ = 'n';
			break;
		case '\f':
			*p++ = '\\', *p++ = 'f';
			break;
		case '\r':
			*p++ = '\\', *p++ = 'r';
			break;
		default:
			if (c < 0x20)
				p = put_u_escape(p, c);
			else if (len >= 4)
			{
				/* beyond the BMP: a surrogate pair, as Jackson writes it */
				unsigned int cp = ((c & 7u) << 18) | ((s[1] & 0x3fu) << 12) |
								  ((s[2] & 0x3fu) << 6) | (s[3] & 0x3fu);

				cp -= 0x10000;
				p = put_u_escape(p, 0xd800 + ((cp >> 10) & 0x3ff));
				p = put_u_escape(p, 0xdc00 + (cp & 0x3ff));
				used = 4;
			}
			else
				p = put_u_escape(p, 0xfffd);
	}
	out->len += p - start;
	*p = '\0';
	return used;
}

void
json_escape(StringInfo out, const char *s, int len)
{
	while (len > 0)
	{
		int n = copy_prefix(json_reserve(out, len), s, len);

		out->len += n;
		s += n;
		len -= n;
		if (len > 0)
		{
			n = escape_one(out, s, len);
			s += n;
			len -= n;
		}
	}
	out->data[out->len] = '\0';
}

/* SQL_ASCII promises nothing: keep what is valid UTF-8, replace the rest. */
const char *
json_valid_utf8(const char *s, int *len)
{
	StringInfoData buf;
	int i = 0;

	if (pg_encoding_verifymbstr(PG_UTF8, s, *len) == *len)
		return s;
	initStringInfo(&buf);
	while (i < *len)
	{
		int n = pg_utf_mblen((const unsigned char *) s + i);

		if (s[i] == '\0')
			appendStringInfoChar(&buf, s[i++]);
		else if (i + n <= *len &&
				 pg_encoding_verifymbstr(PG_UTF8, s + i, n) == n)
		{
			appendBinaryStringInfo(&buf, s + i, n);
			i += n;
		}
		else
		{
			appendStringInfoString(&buf, "\xef\xbf\xbd");
			i++;
		}
	}
	*len = buf.len;
	return buf.data;
}

static bool
is_ascii(const char *s, int len)
{
	for (int i = 0; i < len; i++)
		if (IS_HIGHBIT_SET(s[i]))
			return false;
	return true;
}

/* ---- conversions: of this process, whose database never changes ---------- */

static bool encoding_ready = false;
static FmgrInfo to_utf8;
static FmgrInfo from_utf8;

void
json_init_encoding(void)
{
	int encoding = GetDatabaseEncoding();
	Oid to;
	Oid from;

	if (encoding_ready || encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return;
	to = FindDefaultConversionProc(encoding, PG_UTF8);
	from = FindDefaultConversionProc(PG_UTF8, encoding);
	if (OidIsValid(to))
		fmgr_info_cxt(to, &to_utf8, TopMemoryContext);
	if (OidIsValid(from))
		fmgr_info_cxt(from, &from_utf8, TopMemoryContext);
	encoding_ready = true;
}

static const char *
convert(FmgrInfo *conversion, int src, int dest, const char *s, int *len,
		const char *substitute)
{
	Size room = (Size) *len * MAX_CONVERSION_GROWTH + 1;
	char *result = palloc_extended(room, MCXT_ALLOC_HUGE);
	char *p = result;
	int left = *len;

	for (;;)
	{
		int done = DatumGetInt32(
			FunctionCall6(conversion, Int32GetDatum(src), Int32GetDatum(dest),
						  CStringGetDatum(s), CStringGetDatum(p),
						  Int32GetDatum(left), BoolGetDatum(true)));
		int bad;

		p += strlen(p);
		s += done;
		left -= done;
		if (left <= 0)
			break;
		bad = Min(pg_encoding_mblen(src, s), left);
		s += bad;
		left -= bad;
		p += strlcpy(p, substitute, 4);
		CHECK_FOR_INTERRUPTS();
	}
	if (p - result >= MaxAllocSize)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a value of %zu bytes is too long for a record",
							   (size_t) (p - result))));
	*len = (int) (p - result);
	return result;
}

const char *
json_to_utf8(const char *s, int *len)
{
	int encoding = GetDatabaseEncoding();

	if (encoding == PG_UTF8 || is_ascii(s, *len))
		return s;
	if (!encoding_ready && IsTransactionState())
		json_init_encoding();
	if (to_utf8.fn_addr == NULL)
		return json_valid_utf8(s, len);
	return convert(&to_utf8, encoding, PG_UTF8, s, len, "\xef\xbf\xbd");
}

char *
json_to_utf8_cstring(const char *s)
{
	int len = strlen(s);

	s = json_to_utf8(s, &len);
	return pnstrdup(s, len);
}

const char *
json_from_utf8(const char *s, int *len)
{
	if (from_utf8.fn_addr == NULL || is_ascii(s, *len))
		return s;
	return convert(&from_utf8, PG_UTF8, GetDatabaseEncoding(), s, len, "?");
}

bool
json_copy_clean(char *to, const char *s, int len)
{
	return copy_prefix(to, s, len) == len &&
		   (GetDatabaseEncoding() == PG_UTF8 || is_ascii(s, len));
}

void
json_utf8(StringInfo out, const char *s, int len)
{
	char *p = json_reserve(out, len + 2);
	int n = copy_prefix(p + 1, s, len);

	*p = '"';
	out->len += n + 1;
	if (n < len)
		json_escape(out, s + n, len - n);
	json_char(out, '"');
}

void
json_text(StringInfo out, const char *s, int len)
{
	if (GetDatabaseEncoding() != PG_UTF8)
		s = json_to_utf8(s, &len);
	json_utf8(out, s, len);
}

void
json_base64(StringInfo out, const uint8 *p, size_t len, bool url)
{
	static const char standard[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const char url_safe[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *alphabet = url ? url_safe : standard;
	size_t need = (len + 2) / 3 * 4;
	char *q;

	if (need >= MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a value of %zu bytes is too long for a record", len)));
	q = json_reserve(out, (int) need);
	out->len += (int) need;
	for (; len >= 3; len -= 3, p += 3)
	{
		*q++ = alphabet[p[0] >> 2];
		*q++ = alphabet[((p[0] & 3) << 4) | (p[1] >> 4)];
		*q++ = alphabet[((p[1] & 15) << 2) | (p[2] >> 6)];
		*q++ = alphabet[p[2] & 63];
	}
	if (len > 0)
	{
		uint8 second = len > 1 ? p[1] : 0;

		*q++ = alphabet[p[0] >> 2];
		*q++ = alphabet[((p[0] & 3) << 4) | (second >> 4)];
		*q++ = len > 1 ? alphabet[(second & 15) << 2] : '=';
		*q++ = '=';
	}
	*q = '\0';
}

void
json_hex(StringInfo out, const uint8 *p, size_t len)
{
	char *q;

	if (len * 2 >= MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a value of %zu bytes is too long for a record", len)));
	q = json_reserve(out, (int) (len * 2));
	out->len += (int) hex_encode((const char *) p, len, q);
	out->data[out->len] = '\0';
}
