/*
 * config_expand.c
 *		${env:NAME}, ${file:PATH}, ${file:PATH:KEY}, ${dir:PATH:KEY}.
 *
 * The last two are Kafka Connect's.  What is put in is not looked at again.
 */
#include "config_internal.h"

#include <ctype.h>

#include "utf8.h"

typedef struct Place
{
	const char *option;
	const char *origin;
	Error *err;
} Place;

static bool
expand_error(const Place *at, const char *what, const char *detail)
{
	Error cause = *at->err;

	err_set(at->err, ERR_CONFIG, "config_substitution", "%.*s: %s",
			config_shown_length(at->option, strlen(at->option)), at->option,
			what);
	err_detail(at->err, "The value comes from %s.%s%.300s", at->origin,
			   detail != NULL || cause.kind != ERR_NONE ? " " : "",
			   detail != NULL ? detail : cause.text);
	return false;
}

static bool
take_env(const Place *at, const char *name, char **out)
{
	const char *value = getenv(name);
	char what[200];

	if (value == NULL)
	{
		snprintf(what, sizeof(what), "the environment has no variable %.100s",
				 name);
		return expand_error(at, what, NULL);
	}
	*out = config_strdup(value);
	return true;
}

/* A file's content as a value; an editor's last newline is no part of it. */
static bool
take_file(const Place *at, const char *path, char **out)
{
	size_t len;
	char *text = config_file_read(path, &len, at->err);

	if (text == NULL)
		return expand_error(at, "its file cannot be read", NULL);
	if (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	if (len > 0 && text[len - 1] == '\r')
		text[--len] = '\0';
	*out = text;
	return true;
}

static bool
take_file_key(const Place *at, const char *path, const char *key, char **out)
{
	Properties list = {0};
	Config notes = {0};
	struct ConfigState state = {0};
	size_t len;
	char *text = config_file_read(path, &len, at->err);
	const Property *p;
	bool ok = false;

	notes.state = &state;
	if (text == NULL)
		return expand_error(at, "its file cannot be read", NULL);
	if (!config_file_parse(path, text, &list, &notes, at->err))
		expand_error(at, "its file cannot be read", NULL);
	else if ((p = config_properties_find(&list, key)) == NULL)
	{
		char what[300];

		snprintf(what, sizeof(what), "\"%.150s\" has no key \"%.100s\"", path,
				 key);
		expand_error(at, what, NULL);
	}
	else
	{
		*out = config_strdup(p->value);
		ok = true;
	}
	for (size_t i = 0; i < state.nwarnings; i++)
		free(state.warnings[i]);
	free(state.warnings);
	config_properties_free(&list);
	free(text);
	return ok;
}

static bool
take_dir_key(const Place *at, const char *dir, const char *key, char **out)
{
	char *path;
	bool ok;

	if (strchr(key, '/') != NULL || key[0] == '\0' || strcmp(key, "..") == 0)
		return expand_error(at, "the key of ${dir:…} is no file name", NULL);
	path = config_printf("%s/%s", dir, key);
	ok = take_file(at, path, out);
	free(path);
	return ok;
}

/* One ${…}, without its braces. */
static bool
take_one(const Place *at, char *what, char **out)
{
	char *arg = strchr(what, ':') + 1;
	char *key = strchr(arg, ':');
	char text[200];

	arg[-1] = '\0';
	if (strcmp(what, "env") == 0)
		return take_env(at, *arg == ':' ? arg + 1 : arg, out);
	if (key != NULL)
		*key++ = '\0';
	if (strcmp(what, "file") == 0)
		return key == NULL ? take_file(at, arg, out)
						   : take_file_key(at, arg, key, out);
	if (strcmp(what, "dir") == 0 && key != NULL)
		return take_dir_key(at, arg, key, out);
	snprintf(text, sizeof(text), "there is no substitution ${%.60s:…}", what);
	return expand_error(at, text,
						"Known are ${env:NAME}, ${file:PATH}, "
						"${file:PATH:KEY} and ${dir:PATH:KEY}.");
}

/* whether s, behind "${", is "word:…}" */
static const char *
reference_end(const char *s)
{
	const char *p = s;

	while (isalpha((unsigned char) *p))
		p++;
	return p > s && *p == ':' ? strchr(p, '}') : NULL;
}

static bool
is_utf8(const char *s, size_t len)
{
	while (len > 0)
	{
		uint32_t cp;
		size_t n = utf8_next(s, len, &cp);

		if (n == 0)
			return false;
		s += n;
		len -= n;
	}
	return true;
}

char *
config_expand(const char *value, const char *option, const char *origin,
			  bool *external, Error *err)
{
	Place at = {.option = option, .origin = origin, .err = err};
	char *out = config_strdup("");
	size_t len = 0;

	while (*value != '\0')
	{
		const char *end = value[0] == '$' && value[1] == '{'
							  ? reference_end(value + 2)
							  : NULL;
		char *what;
		char *piece = NULL;
		size_t n;
		bool ok;

		if (end == NULL)
		{
			/* copies up to the next '$' */
			n = 1 + strcspn(value + 1, "$");
			out = config_alloc(out, len + n + 1);
			memcpy(out + len, value, n);
			len += n;
			value += n;
			continue;
		}
		what = config_strndup(value + 2, (size_t) (end - value - 2));
		if (external != NULL && strncmp(what, "env:", 4) != 0)
			*external = true;
		err_clear(err);
		ok = take_one(&at, what, &piece);
		free(what);
		if (!ok)
		{
			free(out);
			return NULL;
		}
		n = strlen(piece);
		out = config_alloc(out, len + n + 1);
		memcpy(out + len, piece, n);
		len += n;
		value = end + 1;
		free(piece);
	}
	out[len] = '\0';
	/* files are checked as they are read; arguments and variables are not */
	if (!is_utf8(out, len) || !is_utf8(option, strlen(option)))
	{
		err_clear(err);
		expand_error(&at, "the name or the value is not UTF-8", NULL);
		free(out);
		return NULL;
	}
	return out;
}
