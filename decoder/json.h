/*
 * json.h
 *		Appending JSON to a StringInfo, in the very form Debezium writes it
 *		(Jackson and Java's Double.toString), since keys are hashed by bytes.
 */
#ifndef TUPLECAST_JSON_H
#define TUPLECAST_JSON_H

#include "postgres.h"

#include "lib/stringinfo.h"

/* No buffer grows beyond it: oversize.c lowers it for a while. */
extern int json_ceiling;
/* ERROR: program limit exceeded */
extern void json_beyond_ceiling(void) __attribute__((noreturn));
extern void json_enlarge(StringInfo out, int n);

/* Room for n more bytes and the terminator, without a call in most cases. */
static inline char *
json_reserve(StringInfo out, int n)
{
	if (unlikely(out->len + n >= out->maxlen))
		json_enlarge(out, n);
	return out->data + out->len;
}

/* The first and the last of n bytes, two words that may overlap. */
#define JSON_MOVE_ENDS(word, to, from, n)                                      \
	do                                                                         \
	{                                                                          \
		word first;                                                            \
		word last;                                                             \
                                                                               \
		memcpy(&first, (from), sizeof(word));                                  \
		memcpy(&last, (from) + (n) - sizeof(word), sizeof(word));              \
		memcpy((to), &first, sizeof(word));                                    \
		memcpy((to) + (n) - sizeof(word), &last, sizeof(word));                \
	} while (0)

/* memcpy() of what mostly is a few bytes */
static inline void
json_move(char *to, const char *from, int n)
{
	if (n > 16 || n <= 0)
		memcpy(to, from, n);
	else if (n >= 8)
		JSON_MOVE_ENDS(uint64, to, from, n);
	else if (n >= 4)
		JSON_MOVE_ENDS(uint32, to, from, n);
	else
	{
		char middle = from[n / 2];
		char last = from[n - 1];

		to[0] = from[0];
		to[n / 2] = middle;
		to[n - 1] = last;
	}
}

/* n bytes as they are */
static inline void
json_raw(StringInfo out, const char *s, int n)
{
	char *p = json_reserve(out, n);

	/* of a literal the compiler makes moves itself */
	if (__builtin_constant_p(n))
		memcpy(p, s, n);
	else
		json_move(p, s, n);
	out->len += n;
	out->data[out->len] = '\0';
}

static inline void
json_char(StringInfo out, char c)
{
	char *p = json_reserve(out, 1);

	p[0] = c;
	p[1] = '\0';
	out->len++;
}

#define json_lit(out, s) json_raw((out), "" s "", sizeof(s) - 1)

static inline void
json_str(StringInfo out, const char *s)
{
	json_raw(out, s, (int) strlen(s));
}

/* Escapes UTF-8; no quotes around it. */
extern void json_escape(StringInfo out, const char *s, int len);
/*
 * Copies text in the database's encoding to where there is room for it.  False
 * if it needs an escape or a conversion: what is there then has no meaning.
 */
extern bool json_copy_clean(char *to, const char *s, int len);
/* A JSON string of text in the database's encoding. */
extern void json_text(StringInfo out, const char *s, int len);
/* The same of text that is UTF-8 already. */
extern void json_utf8(StringInfo out, const char *s, int len);
extern void json_int64(StringInfo out, int64 v);
extern void json_uint64(StringInfo out, uint64 v);
/* Java's notation; NaN and infinities as strings */
extern void json_float8(StringInfo out, double v);
extern void json_float4(StringInfo out, float v);
/* bytes, without quotes */
extern void json_base64(StringInfo out, const uint8 *p, size_t len, bool url);
extern void json_hex(StringInfo out, const uint8 *p, size_t len);
/*
 * UTF-8 of text in the database's encoding: s itself if nothing needs to
 * change, else palloc'd.  *len is updated.  What has no form in UTF-8 becomes
 * U+FFFD: an error would come again at each restart.
 */
extern const char *json_to_utf8(const char *s, int *len);
/* The same of text that should be UTF-8. */
extern const char *json_valid_utf8(const char *s, int *len);
/* The same of a C string, always a copy. */
extern char *json_to_utf8_cstring(const char *s);
/* The way back; what has no form there becomes "?". */
extern const char *json_from_utf8(const char *s, int *len);
/*
 * Looks up the conversions, for calls outside of a transaction.  Needs one
 * itself.
 */
extern void json_init_encoding(void);

#endif /* TUPLECAST_JSON_H */
