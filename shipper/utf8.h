/*
 * utf8.h
 *		One UTF-8 sequence, checked.
 */
#ifndef TUPLECAST_UTF8_H
#define TUPLECAST_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * Bytes of the well-formed character at s (of n bytes), its code point in
 * *cp; 0 if there is none: overlong, surrogate, beyond U+10FFFF, cut off.
 */
static inline size_t
utf8_next(const char *s, size_t n, uint32_t *cp)
{
	const uint8_t *p = (const uint8_t *) s;
	size_t len;
	uint32_t c, least;

	if (n == 0)
		return 0;
	if (p[0] < 0x80)
	{
		*cp = p[0];
		return 1;
	}
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2, c = p[0] & 0x1f, least = 0x80;
	else if ((p[0] & 0xf0) == 0xe0)
		len = 3, c = p[0] & 0x0f, least = 0x800;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4, c = p[0] & 0x07, least = 0x10000;
	else
		return 0;
	if (n < len)
		return 0;
	for (size_t i = 1; i < len; i++)
	{
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*cp = c;
	return len;
}

#endif /* TUPLECAST_UTF8_H */
