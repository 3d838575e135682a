/*
 * err.c
 *		Filling an Error.
 */
#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A message cut by the buffer's end must not end inside a UTF-8 sequence. */
static void
cut_at_character(char *s, size_t size, int wanted)
{
	size_t n;

	if (wanted < 0 || (size_t) wanted < size)
		return;
	/* room for the dots, then back to where a character begins */
	n = strlen(s) - 3;
	while (n > 0 && ((unsigned char) s[n] & 0xc0) == 0x80)
		n--;
	memcpy(s + n, "...", 4);
}

static void
fill(char *dst, size_t size, const char *fmt, va_list ap)
{
	int n = vsnprintf(dst, size, fmt, ap);

	if (n < 0)
		dst[0] = '\0';
	cut_at_character(dst, size, n);
}

bool
err_set(Error *err, ErrKind kind, const char *code, const char *fmt, ...)
{
	/* arguments may point into *err itself: format before it is cleared */
	char text[sizeof(err->text)];
	char name[sizeof(err->code)];
	va_list ap;

	va_start(ap, fmt);
	fill(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(name, sizeof(name), "%s", code);
	err->kind = kind;
	memcpy(err->code, name, sizeof(name));
	memcpy(err->text, text, sizeof(text));
	err->detail[0] = '\0';
	err->hint[0] = '\0';
	return false;
}

void
err_detail(Error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(err->detail, sizeof(err->detail), fmt, ap);
	va_end(ap);
}

void
err_hint(Error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(err->hint, sizeof(err->hint), fmt, ap);
	va_end(ap);
}

void
err_clear(Error *err)
{
	memset(err, 0, sizeof(*err));
}

int
err_exit_code(const Error *err)
{
	switch (err->kind)
	{
		case ERR_NONE:
			return 0;
		case ERR_RETRY:
		case ERR_RESTART:
			return 1;
		case ERR_CONFIG:
			return 2;
		case ERR_ENVIRONMENT:
			return 3;
	}
	return 1;
}
