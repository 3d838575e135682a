/*
 * config_json.c
 *		A connector's JSON to properties.
 *
 * People keep comments in these files, so comments are blanked first; the
 * same pass notes the line of each name, which the JSON library does not keep.
 */
#include "config_internal.h"

#include <ctype.h>
#include <jansson.h>

#define DEPTH_MAX 32

typedef struct Name
{
	const char *start; /* raw, between the quotes */
	size_t len;
	int object; /* which one, counted from 1 */
	int line;
} Name;

typedef struct Scan
{
	const char *path;
	char *p;
	int line;
	int objects;
	int depth;
	int stack[DEPTH_MAX]; /* object, or 0 for an array */
	Name *names;
	size_t count;
	Error *err;
} Scan;

static bool
skip_string(Scan *s)
{
	int begun = s->line;

	for (s->p++; *s->p != '"'; s->p++)
	{
		if (*s->p == '\\' && s->p[1] != '\0')
			s->p++;
		if (*s->p == '\0' || *s->p == '\n')
			return err_set(s->err, ERR_CONFIG, "config_syntax",
						   "%s, line %d: a string is not closed", s->path,
						   begun);
	}
	s->p++;
	return true;
}

static bool
blank_comment(Scan *s)
{
	int begun = s->line;

	if (s->p[0] == '#' || s->p[1] == '/')
	{
		while (*s->p != '\0' && *s->p != '\n')
			*s->p++ = ' ';
		return true;
	}
	while (*s->p != '\0' && !(s->p[0] == '*' && s->p[1] == '/'))
	{
		/* do not take the star of the opening for that of the end */
		bool opening = s->p[0] == '/' && s->p[1] == '*';

		s->line += *s->p == '\n';
		if (*s->p != '\n')
			*s->p = ' ';
		s->p++;
		if (opening)
			*s->p++ = ' ';
	}
	if (*s->p == '\0')
		return err_set(s->err, ERR_CONFIG, "config_syntax",
					   "%s, line %d: a comment is not closed", s->path, begun);
	s->p[0] = s->p[1] = ' ';
	s->p += 2;
	return true;
}

static bool
open_container(Scan *s)
{
	if (s->depth == DEPTH_MAX)
		return err_set(s->err, ERR_CONFIG, "config_syntax",
					   "%s, line %d: nested deeper than %d levels", s->path,
					   s->line, DEPTH_MAX);
	s->stack[s->depth++] = *s->p == '{' ? ++s->objects : 0;
	s->p++;
	return true;
}

static void
note_name(Scan *s, const char *start, size_t len, int line)
{
	if ((s->count & (s->count - 1)) == 0)
		s->names = config_alloc(s->names, (s->count == 0 ? 1 : s->count * 2) *
											  sizeof(Name));
	s->names[s->count++] = (Name){start, len, s->stack[s->depth - 1], line};
}

/* Blanks comments and gathers the names with their lines. */
static bool
scan(Scan *s)
{
	const char *string = NULL; /* the last one, if nothing came after it */
	size_t string_len = 0;
	int string_line = 0;

	while (*s->p != '\0')
	{
		char c = *s->p;

		if (c == '#' || (c == '/' && (s->p[1] == '/' || s->p[1] == '*')))
		{
			if (!blank_comment(s))
				return false;
			continue;
		}
		if (isspace((unsigned char) c))
		{
			s->line += c == '\n';
			s->p++;
			continue;
		}
		if (c == '"')
		{
			string = s->p + 1;
			string_line = s->line;
			if (!skip_string(s))
				return false;
			string_len = (size_t) (s->p - 1 - string);
			continue;
		}
		if (c == ':' && string != NULL && s->depth > 0)
			note_name(s, string, string_len, string_line);
		string = NULL;
		if (c == '{' || c == '[')
		{
			if (!open_container(s))
				return false;
			continue;
		}
		if ((c == '}' || c == ']') && s->depth > 0)
			s->depth--;
		s->p++;
	}
	return true;
}

/* by object, then by name */
static int
compare_names(const void *a, const void *b)
{
	const Name *x = a;
	const Name *y = b;
	size_t n = x->len < y->len ? x->len : y->len;
	int c;

	if (x->object != y->object)
		return x->object < y->object ? -1 : 1;
	c = memcmp(x->start, y->start, n);
	if (c != 0)
		return c;
	return x->len < y->len ? -1 : x->len > y->len;
}

static int
compare_names_and_lines(const void *a, const void *b)
{
	int c = compare_names(a, b);

	return c != 0 ? c : ((const Name *) a)->line - ((const Name *) b)->line;
}

static bool
check_duplicates(Scan *s)
{
	if (s->count > 1)
		qsort(s->names, s->count, sizeof(Name), compare_names_and_lines);
	for (size_t i = 1; i < s->count; i++)
	{
		const Name *a = &s->names[i - 1];
		const Name *b = &s->names[i];

		if (compare_names(a, b) == 0)
		{
			err_set(s->err, ERR_CONFIG, "config_duplicate",
					"%s has \"%.*s\" twice: in line %d and in line %d", s->path,
					config_shown_length(a->start, a->len), a->start, a->line,
					b->line);
			err_hint(s->err, "Remove one of them.");
			return false;
		}
	}
	return true;
}

static int
line_of(const Scan *s, int object, const char *name)
{
	Name wanted = {name, strlen(name), object, 0};
	const Name *found = s->count == 0 ? NULL
									  : bsearch(&wanted, s->names, s->count,
												sizeof(Name), compare_names);

	return found != NULL ? found->line : 0;
}

/* Objects are counted as they open: that of "config" is found by a property
 * of it, since its own number is not kept with its name. */
static int
object_with(const Scan *s, const char *name, int after)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->names[i].object > after && s->names[i].len == strlen(name) &&
			memcmp(s->names[i].start, name, s->names[i].len) == 0)
			return s->names[i].object;
	return 0;
}

static bool
take_property(const Scan *s, int object, const char *name, const json_t *v,
			  Properties *out)
{
	int line = line_of(s, object, name);

	if (json_is_string(v))
		config_properties_add(out, name, json_string_value(v), s->path, line);
	else if (json_is_boolean(v))
		config_properties_add(out, name, json_is_true(v) ? "true" : "false",
							  s->path, line);
	else if (json_is_number(v))
	{
		char *text = json_dumps(v, JSON_ENCODE_ANY);

		config_properties_add(out, name, text != NULL ? text : "", s->path,
							  line);
		free(text);
	}
	else if (!json_is_null(v))
		return err_set(s->err, ERR_CONFIG, "config_syntax",
					   "%s, line %d: the value of \"%.*s\" is neither a "
					   "string nor a number nor true or false",
					   s->path, line, config_shown_length(name, strlen(name)),
					   name);
	return true;
}

static bool
take_object(const Scan *s, const json_t *root, Properties *out)
{
	const json_t *config = json_object_get(root, "config");
	int object = 1;
	const char *name;
	json_t *value;

	if (json_is_object(config))
	{
		const char *first =
			json_object_iter_key(json_object_iter((json_t *) config));

		object = first != NULL ? object_with(s, first, 1) : 0;
	}
	else
		config = root;
	json_object_foreach((json_t *) config, name, value)
	{
		if (!take_property(s, object, name, value, out))
			return false;
	}
	return true;
}

bool
config_json_parse(const char *path, const char *text, size_t len,
				  Properties *out, Error *err)
{
	char *copy = config_strndup(text, len);
	Scan s = {.path = path, .p = copy, .line = 1, .err = err};
	json_error_t jerr;
	json_t *root = NULL;
	bool ok = false;

	if (!scan(&s) || !check_duplicates(&s))
		goto out;
	root = json_loadb(copy, strlen(copy), JSON_REJECT_DUPLICATES, &jerr);
	if (root == NULL)
	{
		/* the library quotes what stands near, which may be a password */
		jerr.text[strcspn(jerr.text, "'\"")] = '\0';
		err_set(err, ERR_CONFIG, "config_syntax", "%s, line %d: %s", path,
				jerr.line, jerr.text);
		err_hint(err, "This is not JSON; a comma lost at the end of this line "
					  "or of the one before is the usual cause.");
		goto out;
	}
	if (!json_is_object(root))
		err_set(err, ERR_CONFIG, "config_syntax",
				"%s is not a JSON object of properties", path);
	else
		ok = take_object(&s, root, out);
out:
	json_decref(root);
	free(s.names);
	free(copy);
	return ok;
}
