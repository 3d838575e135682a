/*
 * jsonscan.c
 *		Finding one's way in JSON text that is known to be valid.
 */
#include "compat.h"

#include "mb/pg_wchar.h"

#include "jsonscan.h"

const char *
jsonscan_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
		p++;
	return p;
}

static const char *
skip_string(const char *p)
{
	for (p++; *p != '\0' && *p != '"'; p++)
		if (*p == '\\' && p[1] != '\0')
			p++;
	return *p == '"' ? p + 1 : p;
}

const char *
jsonscan_skip(const char *p)
{
	int depth = 0;

	p = jsonscan_blanks(p);
	do
	{
		if (*p == '"')
			p = skip_string(p);
		else if (*p == '{' || *p == '[')
		{
			depth++;
			p++;
		}
		else if (*p == '}' || *p == ']')
		{
			depth--;
			p++;
		}
		else if (depth > 0)
			p++;
		else
			while (*p != '\0' && strchr(",]} \t\r\n", *p) == NULL)
				p++;
	} while (depth > 0 && *p != '\0');
	return p;
}

const char *
jsonscan_member(const char *object, const char *name)
{
	size_t len = strlen(name);
	const char *p = jsonscan_blanks(object);

	if (*p != '{')
		return NULL;
	for (p = jsonscan_blanks(p + 1); *p == '"';)
	{
		const char *key = p + 1;
		const char *end = skip_string(p);

		p = jsonscan_blanks(end);
		if (*p != ':')
			return NULL;
		p = jsonscan_blanks(p + 1);
		if ((size_t) (end - 1 - key) == len && strncmp(key, name, len) == 0)
			return p;
		p = jsonscan_blanks(jsonscan_skip(p));
		if (*p != ',')
			return NULL;
		p = jsonscan_blanks(p + 1);
	}
	return NULL;
}

char *
jsonscan_copy(const char *p)
{
	p = jsonscan_blanks(p);
	return pnstrdup(p, jsonscan_skip(p) - p);
}

static unsigned int
hex4(const char *p)
{
	unsigned int v = 0;

	for (int i = 0; i < 4; i++)
	{
		char c = p[i];

		v = v * 16 + (c >= '0' && c <= '9' ? c - '0'
					  : (c | 0x20) >= 'a' && (c | 0x20) <= 'f'
						  ? (c | 0x20) - 'a' + 10
						  : 0);
	}
	return v;
}

/* \uXXXX or a pair of them; p is left at the last character */
static void
unquote_unicode(StringInfo out, const char **p, const char *end)
{
	unsigned int cp = 0xfffd;
	unsigned char utf8[8];

	if (end - *p > 4)
	{
		cp = hex4(*p + 1);
		*p += 4;
		if (cp >= 0xd800 && cp < 0xdc00 && end - *p > 6 && (*p)[1] == '\\' &&
			(*p)[2] == 'u' && hex4(*p + 3) >= 0xdc00 && hex4(*p + 3) < 0xe000)
		{
			cp = 0x10000 + ((cp - 0xd800) << 10) + (hex4(*p + 3) - 0xdc00);
			*p += 6;
		}
		else if (cp >= 0xd800 && cp < 0xe000)
			cp = 0xfffd;
	}
	unicode_to_utf8(cp, utf8);
	appendBinaryStringInfo(out, (char *) utf8, pg_utf_mblen(utf8));
}

char *
jsonscan_unquote(const char *p, int *len)
{
	StringInfoData out;
	const char *end = jsonscan_skip(p) - 1;

	initStringInfo(&out);
	for (p = jsonscan_blanks(p) + 1; p < end; p++)
	{
		if (*p != '\\')
		{
			appendStringInfoChar(&out, *p);
			continue;
		}
		switch (*++p)
		{
			case 'b':
				appendStringInfoChar(&out, '\b');
				break;
			case 'f':
				appendStringInfoChar(&out, '\f');
				break;
			case 'n':
				appendStringInfoChar(&out, '\n');
				break;
			case 'r':
				appendStringInfoChar(&out, '\r');
				break;
			case 't':
				appendStringInfoChar(&out, '\t');
				break;
			case 'u':
				unquote_unicode(&out, &p, end);
				break;
			default:
				appendStringInfoChar(&out, *p);
		}
	}
	if (len != NULL)
		*len = out.len;
	return out.data;
}
