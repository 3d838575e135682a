/*
 * keytext.c
 *		Keys as Connect's StringConverter writes them.
 *
 * What is read here was written by this extension, so it is known to be JSON.
 */
#include "compat.h"

#include "mb/pg_wchar.h"

#include "json.h"
#include "keytext.h"

/* four hex digits */
static unsigned int
hex_unit(const char *p)
{
	char digits[5] = {p[0], p[1], p[2], p[3], '\0'};

	return (unsigned int) strtoul(digits, NULL, 16);
}

void
key_text_unescape(StringInfo out, const char *s, int len)
{
	static const char escapes[] = "b\bt\tn\nf\fr\r";

	for (int i = 0; i < len; i++)
	{
		const char *found;

		if (s[i] != '\\' || i + 1 >= len)
			json_char(out, s[i]);
		else if (s[++i] != 'u')
		{
			found = strchr(escapes, s[i]);
			json_char(out, found && s[i] != '"' ? found[1] : s[i]);
		}
		else
		{
			unsigned int unit = hex_unit(s + i + 1);
			unsigned char utf8[5] = {0};

			i += 4;
			/* our own pairs are always whole */
			if (unit >= 0xd800 && unit < 0xdc00 && i + 6 < len)
			{
				unit = 0x10000 + ((unit - 0xd800) << 10) +
					   (hex_unit(s + i + 3) - 0xdc00);
				i += 6;
			}
			unicode_to_utf8(unit, utf8);
			json_raw(out, (char *) utf8, pg_utf_mblen(utf8));
		}
	}
}

/* The end of the value that starts at p: behind its last character. */
static const char *
value_end(const char *p, const char *end)
{
	int depth = 0;
	bool quoted = false;

	for (; p < end; p++)
	{
		if (quoted)
		{
			if (*p == '\\')
				p++;
			else if (*p == '"')
				quoted = false;
		}
		else if (*p == '"')
			quoted = true;
		else if (*p == '{' || *p == '[')
			depth++;
		else if (*p == '}' || *p == ']')
		{
			if (depth-- == 0)
				break;
		}
		else if ((*p == ',' || *p == ':') && depth == 0)
			break;
	}
	return p;
}

static void
append_list(StringInfo out, const char *p, const char *end)
{
	json_char(out, '[');
	for (p++; p < end && *p != ']';)
	{
		const char *value = p;

		p = value_end(value, end);
		key_text_append(out, value, (int) (p - value));
		if (p < end && *p == ',')
		{
			json_lit(out, ", ");
			p++;
		}
	}
	json_char(out, ']');
}

/* Connect's Struct leaves nulls out. */
static void
append_struct(StringInfo out, const char *p, const char *end)
{
	bool first = true;

	json_lit(out, "Struct{");
	for (p++; p < end && *p != '}';)
	{
		const char *name = p;
		const char *name_end = value_end(p, end);
		const char *value = name_end + 1;

		p = value_end(value, end);
		if (p - value != 4 || strncmp(value, "null", 4) != 0)
		{
			if (!first)
				json_char(out, ',');
			first = false;
			key_text_append(out, name, (int) (name_end - name));
			json_char(out, '=');
			key_text_append(out, value, (int) (p - value));
		}
		if (p < end && *p == ',')
			p++;
	}
	json_char(out, '}');
}

void
key_text_append(StringInfo out, const char *json, int len)
{
	const char *end = json + len;

	if (len >= 2 && json[0] == '"')
		key_text_unescape(out, json + 1, len - 2);
	else if (len > 0 && json[0] == '{')
		append_struct(out, json, end);
	else if (len > 0 && json[0] == '[')
		append_list(out, json, end);
	else
		json_raw(out, json, len);
}
