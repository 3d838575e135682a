/*
 * config_file.c
 *		Files, and the reader of Java's .properties.
 */
#include "config_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "utf8.h"

static bool
check_text(const char *path, const char *text, size_t len, Error *err)
{
	int line = 1;
	size_t used = 0;

	while (used < len)
	{
		uint32_t cp = 0;
		size_t n = utf8_next(text + used, len - used, &cp);

		if (n == 0 || cp == 0)
		{
			err_set(err, ERR_CONFIG, "config_file", "%s, line %d: %s", path,
					line, n == 0 ? "not UTF-8" : "a NUL byte");
			err_hint(err, "Save the file as plain UTF-8 text.");
			return false;
		}
		line += cp == '\n';
		used += n;
	}
	return true;
}

char *
config_file_read(const char *path, size_t *len, Error *err)
{
	FILE *in = fopen(path, "re");
	struct stat st;
	char *text = NULL;
	size_t size = 0;
	size_t n = 0;

	if (in == NULL || fstat(fileno(in), &st) != 0 || S_ISDIR(st.st_mode))
	{
		err_set(err, ERR_CONFIG, "config_file", "could not read \"%s\": %s",
				path, in == NULL ? strerror(errno) : "it is a directory");
		if (in != NULL)
			fclose(in);
		return NULL;
	}
	do
	{
		size = size == 0 ? 8192 : size * 2;
		text = config_alloc(text, size + 1);
		n += fread(text + n, 1, size - n, in);
	} while (n == size && n <= CONFIG_FILE_MAX);
	text[n] = '\0';
	if (ferror(in))
		err_set(err, ERR_CONFIG, "config_file", "could not read \"%s\": %s",
				path, strerror(errno));
	else if (n > CONFIG_FILE_MAX)
		err_set(err, ERR_CONFIG, "config_file",
				"\"%s\" is larger than %d bytes, so it is no configuration",
				path, CONFIG_FILE_MAX);
	else if (check_text(path, text, n, err))
	{
		fclose(in);
		/* an editor's byte order mark is no part of the first name */
		if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
			memmove(text, text + 3, (n -= 3) + 1);
		*len = n;
		return text;
	}
	fclose(in);
	free(text);
	return NULL;
}

Property *
config_properties_add(Properties *list, const char *name, const char *value,
					  const char *path, int line)
{
	Property *p;

	if ((list->count & (list->count - 1)) == 0)
		list->items =
			config_alloc(list->items, (list->count == 0 ? 1 : list->count * 2) *
										  sizeof(Property));
	p = &list->items[list->count++];
	p->name = config_strdup(name);
	p->value = config_strdup(value);
	p->origin =
		line > 0 ? config_printf("%s:%d", path, line) : config_strdup(path);
	p->line = line;
	return p;
}

/* The last one: where there can be two, the later wins. */
const Property *
config_properties_find(const Properties *list, const char *name)
{
	for (size_t i = list->count; i > 0; i--)
		if (strcmp(list->items[i - 1].name, name) == 0)
			return &list->items[i - 1];
	return NULL;
}

void
config_properties_free(Properties *list)
{
	for (size_t i = 0; i < list->count; i++)
	{
		free(list->items[i].name);
		free(list->items[i].value);
		free(list->items[i].origin);
	}
	free(list->items);
	list->items = NULL;
	list->count = 0;
}

static int
compare_properties(const void *a, const void *b)
{
	const Property *const *x = a;
	const Property *const *y = b;
	int c = strcmp((*x)->name, (*y)->name);

	return c != 0 ? c : (*x)->line - (*y)->line;
}

/* Fails if a name stands twice, naming both lines. */
static bool
config_properties_check(const Properties *list, const char *path, Error *err)
{
	const Property **sorted =
		config_alloc(NULL, (list->count + 1) * sizeof(*sorted));
	bool ok = true;

	for (size_t i = 0; i < list->count; i++)
		sorted[i] = &list->items[i];
	qsort(sorted, list->count, sizeof(*sorted), compare_properties);
	for (size_t i = 1; ok && i < list->count; i++)
		if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
		{
			ok = err_set(
				err, ERR_CONFIG, "config_duplicate",
				"%s has \"%.*s\" twice: in line %d and in line %d", path,
				config_shown_length(sorted[i]->name, strlen(sorted[i]->name)),
				sorted[i]->name, sorted[i - 1]->line, sorted[i]->line);
			err_hint(err, "Remove one of them.");
		}
	free(sorted);
	return ok;
}

/* ---- .properties ---- */

typedef struct Reader
{
	const char *path;
	const char *p;
	int line;
	Config *notes;
	Error *err;
} Reader;

typedef struct Text
{
	char *data;
	size_t len;
	size_t size;
} Text;

static void
text_put(Text *t, char c)
{
	if (t->len + 1 >= t->size)
	{
		t->size = t->size == 0 ? 128 : t->size * 2;
		t->data = config_alloc(t->data, t->size);
	}
	t->data[t->len++] = c;
	t->data[t->len] = '\0';
}

static void
skip_newline(Reader *r)
{
	if (r->p[0] == '\r' && r->p[1] == '\n')
		r->p++;
	r->p++;
	r->line++;
}

/* Joins lines that end with a backslash; the caller frees the result. */
static char *
read_logical_line(Reader *r)
{
	Text t = {0};

	text_put(&t, ' ');
	while (*r->p != '\0')
	{
		if (*r->p == '\n' || *r->p == '\r')
		{
			skip_newline(r);
			break;
		}
		if (*r->p != '\\')
		{
			text_put(&t, *r->p++);
			continue;
		}
		r->p++;
		if (*r->p == '\n' || *r->p == '\r')
		{
			skip_newline(r);
			while (*r->p == ' ' || *r->p == '\t' || *r->p == '\f')
				r->p++;
		}
		else if (*r->p != '\0')
		{
			text_put(&t, '\\');
			text_put(&t, *r->p++);
		}
	}
	return t.data;
}

static int
read_hex4(const char *s)
{
	int v = 0;

	for (int i = 0; i < 4; i++)
	{
		unsigned char c = (unsigned char) s[i];

		if (!isxdigit(c))
			return -1;
		v = v * 16 + (isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
	}
	return v;
}

static size_t
put_utf8(char *out, uint32_t cp)
{
	if (cp < 0x80)
		return out[0] = (char) cp, 1;
	if (cp < 0x800)
	{
		out[0] = (char) (0xc0 | cp >> 6);
		out[1] = (char) (0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000)
	{
		out[0] = (char) (0xe0 | cp >> 12);
		out[1] = (char) (0x80 | (cp >> 6 & 0x3f));
		out[2] = (char) (0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char) (0xf0 | cp >> 18);
	out[1] = (char) (0x80 | (cp >> 12 & 0x3f));
	out[2] = (char) (0x80 | (cp >> 6 & 0x3f));
	out[3] = (char) (0x80 | (cp & 0x3f));
	return 4;
}

/* \uXXXX, or a pair of them; *s points behind the 'u' and is moved on. */
static bool
unescape_unicode(const Reader *r, int line, const char **s, char **out)
{
	int hi = read_hex4(*s);
	uint32_t cp = (uint32_t) hi;

	*s += hi < 0 ? 0 : 4;
	if (hi >= 0xd800 && hi <= 0xdbff && (*s)[0] == '\\' && (*s)[1] == 'u')
	{
		int lo = read_hex4(*s + 2);

		if (lo >= 0xdc00 && lo <= 0xdfff)
		{
			cp = 0x10000 + (((uint32_t) hi - 0xd800) << 10) +
				 ((uint32_t) lo - 0xdc00);
			*s += 6;
		}
	}
	if (hi <= 0 || (cp >= 0xd800 && cp <= 0xdfff))
		return err_set(r->err, ERR_CONFIG, "config_syntax",
					   "%s, line %d: \\u needs four hexadecimal digits of a "
					   "character other than NUL",
					   r->path, line);
	*out += put_utf8(*out, cp);
	return true;
}

/* Java drops the backslash of an escape it does not know, so "\." in a regular
 * expression becomes "."; that deserves a word. */
static bool
unescape(const Reader *r, int line, char *text)
{
	static const char known[] = "tnrf";
	static const char meant[] = "\t\n\r\f";
	const char *s = text;
	char *out = text;

	while (*s != '\0')
	{
		const char *k;

		if (*s != '\\')
		{
			*out++ = *s++;
			continue;
		}
		s++;
		if (*s == '\0')
			break;
		if (*s == 'u')
		{
			s++;
			if (!unescape_unicode(r, line, &s, &out))
				return false;
			continue;
		}
		k = strchr(known, *s);
		if (k != NULL)
			*out++ = meant[k - known];
		else
		{
			if (strchr("\\:=#! '\"", *s) == NULL)
				config_warn(r->notes,
							"%s, line %d: \"\\%.1s\" means just \"%.1s\" in a "
							".properties file, as in Java; for a backslash "
							"write \"\\\\\"",
							r->path, line, s, s);
			*out++ = *s;
		}
		s++;
	}
	*out = '\0';
	return true;
}

/* Cuts "name = value" in two; returns the value. */
static char *
split_line(char *text)
{
	char *s = text;
	char *value;

	while (*s != '\0' && strchr("=: \t\f", *s) == NULL)
		s += *s == '\\' && s[1] != '\0' ? 2 : 1;
	value = s;
	while (*value == ' ' || *value == '\t' || *value == '\f')
		value++;
	if (*value == '=' || *value == ':')
		value++;
	while (*value == ' ' || *value == '\t' || *value == '\f')
		value++;
	*s = '\0';
	return value;
}

static bool
parse_line(Reader *r, char *text, int line, Properties *out)
{
	char *value;
	char *end;

	while (isspace((unsigned char) *text))
		text++;
	if (*text == '\0' || *text == '#' || *text == '!')
		return true;
	if (strpbrk(text, "=: \t\f") == NULL)
		return err_set(r->err, ERR_CONFIG, "config_syntax",
					   "%s, line %d: \"%.60s\" has no value; write NAME=VALUE",
					   r->path, line, text);
	value = split_line(text);
	/* Kafka trims what it reads; so must we to mean the same */
	end = value + strlen(value);
	while (end > value && isspace((unsigned char) end[-1]))
		*--end = '\0';
	if (!unescape(r, line, text) || !unescape(r, line, value))
		return false;
	config_properties_add(out, text, value, r->path, line);
	return true;
}

bool
config_file_parse(const char *path, const char *text, Properties *out,
				  Config *notes, Error *err)
{
	Reader r = {.path = path, .p = text, .line = 1, .notes = notes, .err = err};

	while (*r.p != '\0')
	{
		int line = r.line;
		char *logical;
		bool ok;

		/* a comment is never continued */
		while (*r.p == ' ' || *r.p == '\t' || *r.p == '\f')
			r.p++;
		if (*r.p == '#' || *r.p == '!')
		{
			r.p += strcspn(r.p, "\r\n");
			continue;
		}
		logical = read_logical_line(&r);
		ok = parse_line(&r, logical, line, out);
		free(logical);
		if (!ok)
			return false;
	}
	return config_properties_check(out, path, err);
}
