/*
 * signal_request.c
 *		What a signal asks for: Debezium's id, type and data.
 */
#include "signal_request.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ITEMS_MAX 1000

static const struct
{
	const char *type;
	SignalKind kind;
} kinds[] = {
	{"execute-snapshot", SIGNAL_EXECUTE},
	{"stop-snapshot", SIGNAL_STOP},
	{"pause-snapshot", SIGNAL_PAUSE},
	{"resume-snapshot", SIGNAL_RESUME},
	{"log", SIGNAL_LOG},
	{"snapshot-window-open", SIGNAL_WINDOW},
	{"snapshot-window-close", SIGNAL_WINDOW},
};

static bool read_data(SignalRequest *s, json_t *o, Error *err);


static char *
copy(const char *text)
{
	char *s = strdup(text);

	if (s == NULL)
		abort();
	return s;
}

static bool
garbage(Error *err, const char *what)
{
	err_set(err, ERR_CONFIG, "signal_garbage", "it cannot be read: %.300s",
			what);
	return false;
}

/* An object; an empty text is an empty one. */
static json_t *
parse_object(const char *text, size_t len, Error *err)
{
	json_error_t why;
	json_t *o;

	if (text == NULL || len == 0)
		o = json_object();
	else if (len > SIGNAL_MESSAGE_MAX)
	{
		garbage(err, "it is too long");
		return NULL;
	}
	else
		o = json_loadb(text, len, 0, &why);
	if (o == NULL)
		garbage(err, why.text);
	else if (!json_is_object(o))
	{
		garbage(err, "it is no JSON object");
		json_decref(o);
		return NULL;
	}
	return o;
}

/* Takes o. */
static bool
finish(SignalRequest *s, const char *id, const char *type, json_t *o,
	   Error *err)
{
	s->id = copy(id);
	s->type = copy(type);
	s->json = o;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(type, kinds[i].type) == 0)
			s->kind = kinds[i].kind;
	if (read_data(s, o, err))
		return true;
	signal_request_free(s);
	return false;
}

bool
signal_request_parse(SignalRequest *s, const char *id, const char *type,
					 const char *data, size_t len, Error *err)
{
	json_t *o;

	memset(s, 0, sizeof(*s));
	o = parse_object(data, len, err);
	return o != NULL && finish(s, id, type, o, err);
}

bool
signal_request_read(SignalRequest *s, const char *text, size_t len, Error *err)
{
	json_t *o;
	json_t *data;
	const char *id;
	const char *type;
	bool ok;

	memset(s, 0, sizeof(*s));
	o = parse_object(text, len, err);
	if (o == NULL)
		return false;
	id = json_string_value(json_object_get(o, "id"));
	type = json_string_value(json_object_get(o, "type"));
	data = json_object_get(o, "data");
	if (type == NULL)
		ok = garbage(err, "it has no \"type\"");
	else if (json_is_string(data))
		ok =
			signal_request_parse(s, id ? id : "", type, json_string_value(data),
								 json_string_length(data), err);
	else if (data != NULL && !json_is_object(data) && !json_is_null(data))
		ok = garbage(err, "its \"data\" is no JSON object");
	else
		ok = finish(s, id ? id : "", type,
					json_is_object(data) ? json_incref(data) : json_object(),
					err);
	json_decref(o);
	return ok;
}

void
signal_request_free(SignalRequest *s)
{
	free(s->id);
	free(s->type);
	free(s->items);
	json_decref(s->json);
	memset(s, 0, sizeof(*s));
}

/* ---- data ------------------------------------------------------------------ */

/* Without the spaces around it; they are cut off in place. */
static const char *
trimmed(const json_t *v)
{
	char *s = (char *) json_string_value(v);
	size_t len;

	while (isspace((unsigned char) *s))
		s++;
	for (len = strlen(s); len > 0 && isspace((unsigned char) s[len - 1]); len--)
		;
	s[len] = '\0';
	return s;
}

static bool
read_collections(SignalRequest *s, const json_t *o, Error *err)
{
	const json_t *list = json_object_get(o, "data-collections");
	size_t n = json_array_size(list);

	if (n == 0 && s->kind == SIGNAL_STOP)
		return true;
	if (n == 0)
		return garbage(err, "\"data-collections\" is missing or empty");
	if (n > ITEMS_MAX)
		return garbage(err, "\"data-collections\" has more than 1000 entries");
	s->items = calloc(n, sizeof(*s->items));
	if (s->items == NULL)
		abort();
	for (; s->count < n; s->count++)
	{
		const json_t *v = json_array_get(list, s->count);

		if (!json_is_string(v))
			return garbage(err, "\"data-collections\" holds what is no string");
		s->items[s->count].pattern = trimmed(v);
		if (s->items[s->count].pattern[0] == '\0')
			return garbage(err, "\"data-collections\" holds an empty name");
	}
	return true;
}

/* Whether two expressions of a table are the same, as people write them. */
static bool
same_table(const char *a, const char *b)
{
	for (;; a++, b++)
	{
		while (*a == '\\' || *a == '"')
			a++;
		while (*b == '\\' || *b == '"')
			b++;
		if (tolower((unsigned char) *a) != tolower((unsigned char) *b))
			return false;
		if (*a == '\0')
			return true;
	}
}

/*
 * A condition that belongs to no entry would be left out, and rows be published
 * that were not asked for: the signal is refused.
 */
static bool
read_condition(SignalRequest *s, const json_t *o, Error *err)
{
	const char *table =
		json_string_value(json_object_get(o, "data-collection"));
	const char *filter = json_string_value(json_object_get(o, "filter"));
	bool found = false;

	if (table == NULL || filter == NULL)
		return garbage(err, "an entry of \"additional-conditions\" is not "
							"{\"data-collection\": …, \"filter\": …}");
	for (size_t i = 0; i < s->count; i++)
		if (same_table(s->items[i].pattern, table))
		{
			s->items[i].filter = filter;
			found = true;
		}
	return found || garbage(err, "\"additional-conditions\" names a table "
								 "that \"data-collections\" does not name in "
								 "the same words");
}

static bool
read_execute(SignalRequest *s, const json_t *o, Error *err)
{
	const json_t *conditions = json_object_get(o, "additional-conditions");
	const char *single =
		json_string_value(json_object_get(o, "additional-condition"));
	const char *type = json_string_value(json_object_get(o, "type"));
	const char *key = json_string_value(json_object_get(o, "surrogate-key"));

	if (!read_collections(s, o, err))
		return false;
	if (type != NULL && strcasecmp(type, "incremental") != 0 &&
		strcasecmp(type, "blocking") != 0)
		return garbage(err, "its \"type\" is neither \"incremental\" nor "
							"\"blocking\"");
	s->blocking = type != NULL && strcasecmp(type, "blocking") == 0;
	if (conditions != NULL && !json_is_null(conditions) &&
		!json_is_array(conditions))
		return garbage(err, "\"additional-conditions\" is no array");
	/* of releases before 2.5, for all tables */
	for (size_t i = 0; single != NULL && i < s->count; i++)
		s->items[i].filter = single;
	for (size_t i = 0; i < json_array_size(conditions); i++)
		if (!read_condition(s, json_array_get(conditions, i), err))
			return false;
	for (size_t i = 0; i < s->count; i++)
		if (key != NULL && key[strspn(key, " \t")] != '\0')
			s->items[i].surrogate = key;
	return true;
}

static bool
read_data(SignalRequest *s, json_t *o, Error *err)
{
	switch (s->kind)
	{
		case SIGNAL_EXECUTE:
			return read_execute(s, o, err);
		case SIGNAL_STOP:
			return read_collections(s, o, err);
		case SIGNAL_LOG:
			s->message = json_string_value(json_object_get(o, "message"));
			if (s->message == NULL || s->message[0] == '\0')
				return garbage(err, "its \"message\" is missing");
			return true;
		default:
			return true;
	}
}
