/*
 * position.c
 *		How far the destination has the changes of a slot: the record of the
 *		position topic.
 */
#include "position.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lsn.h"

/* nesting, for a parser that recurses */
#define MAX_DEPTH 32

static json_t *lsn_value(uint64_t lsn);
static bool garbage(Error *err, const char *what);
static bool read_lsn(const json_t *o, const char *name, uint64_t *lsn,
					 Error *err);
static bool read_number(const json_t *o, const char *name, json_int_t most,
						json_int_t *out, Error *err);
static bool read_text(const json_t *o, const char *name, char *out, size_t size,
					  Error *err);
static bool read_fields(Position *p, const json_t *o, Error *err);
static bool read_open(Position *p, const json_t *o, Error *err);
static bool too_deep(const char *text, size_t len);


char *
position_to_json(const Position *p)
{
	json_t *open = json_null();
	json_t *snapshot =
		p->snapshot != NULL ? json_loads(p->snapshot, 0, NULL) : NULL;
	json_t *o;
	char *text;

	if (p->open.end_lsn != 0)
		open = json_pack("{s:o, s:I, s:i}", "lsn", lsn_value(p->open.end_lsn),
						 "ordinal", (json_int_t) p->open.ordinal, "part",
						 (int) p->open.part);
	o = json_pack("{s:i, s:I, s:s, s:s, s:I, s:o, s:o, s:s, s:o}", "v",
				  POSITION_VERSION, "generation", (json_int_t) p->generation,
				  "writer", p->writer, "system", p->system_id, "timeline",
				  (json_int_t) p->timeline, "lsn", lsn_value(p->end_lsn),
				  "open", open, "options", p->options, "snapshot",
				  snapshot != NULL ? snapshot : json_null());
	text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	if (text == NULL)
		abort();
	return text;
}

bool
position_from_json(Position *p, const void *text, size_t len, Error *err)
{
	json_error_t why;
	json_t *o;
	bool ok;

	memset(p, 0, sizeof(*p));
	if (text == NULL || len == 0)
		return garbage(err, "it is empty");
	if (len > POSITION_MAX_BYTES)
		return garbage(err, "it is too long");
	if (too_deep(text, len))
		return garbage(err, "it is nested too deeply");
	o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (o == NULL)
		return garbage(err, why.text);
	ok = json_is_object(o) ? read_fields(p, o, err)
						   : garbage(err, "it is no JSON object");
	json_decref(o);
	if (!ok)
		position_free(p);
	return ok;
}

void
position_free(Position *p)
{
	free(p->snapshot);
	memset(p, 0, sizeof(*p));
}

void
position_copy(Position *to, const Position *from)
{
	*to = *from;
	if (from->snapshot != NULL &&
		(to->snapshot = strdup(from->snapshot)) == NULL)
		abort();
}

void
position_hash_start(uint64_t *state)
{
	*state = 0;
}

/* A sum of hashes does not depend on the order. */
void
position_hash_add(uint64_t *state, const char *name, const char *value)
{
	uint64_t h = UINT64_C(14695981039346656037);
	const char *const parts[] = {name, value};

	for (int i = 0; i < 2; i++)
		for (const char *s = parts[i];; s++)
		{
			h = (h ^ (unsigned char) *s) * UINT64_C(1099511628211);
			if (*s == '\0')
				break;
		}
	*state += h;
}

void
position_hash_end(uint64_t state, char out[24])
{
	snprintf(out, 24, "%016llx", (unsigned long long) state);
}

static json_t *
lsn_value(uint64_t lsn)
{
	char text[32];

	snprintf(text, sizeof(text), LSN_FORMAT, LSN_ARGS(lsn));
	return json_string(text);
}

static bool
garbage(Error *err, const char *what)
{
	err_set(err, ERR_ENVIRONMENT, "position_garbage",
			"the record of the position topic cannot be read: %.300s", what);
	err_detail(err, "Without it nobody knows what was delivered; to begin "
					"anywhere else could lose or double changes.");
	err_hint(err,
			 "Is the topic written by somebody else? Name another one with "
			 "position.topic. To give this position up: tuplecast drop "
			 "--position; the next start then begins at the slot.");
	return false;
}

static bool
parse_lsn(const char *s, uint64_t *lsn)
{
	unsigned high;
	unsigned low;
	char rest;

	if (strlen(s) > 17 || strspn(s, "0123456789abcdefABCDEF/") != strlen(s) ||
		sscanf(s, "%8X/%8X%c", &high, &low, &rest) != 2)
		return false;
	*lsn = (uint64_t) high << 32 | low;
	return true;
}

static bool
read_lsn(const json_t *o, const char *name, uint64_t *lsn, Error *err)
{
	const char *s = json_string_value(json_object_get(o, name));
	char what[64];

	if (s != NULL && parse_lsn(s, lsn))
		return true;
	snprintf(what, sizeof(what), "its \"%s\" is no position in the WAL", name);
	return garbage(err, what);
}

static bool
read_number(const json_t *o, const char *name, json_int_t most, json_int_t *out,
			Error *err)
{
	const json_t *v = json_object_get(o, name);
	char what[64];

	*out = json_integer_value(v);
	if (json_is_integer(v) && *out >= 0 && *out <= most)
		return true;
	snprintf(what, sizeof(what), "its \"%s\" is no number in the range", name);
	return garbage(err, what);
}

static bool
read_text(const json_t *o, const char *name, char *out, size_t size, Error *err)
{
	const json_t *v = json_object_get(o, name);
	char what[64];

	if (json_is_string(v) && json_string_length(v) < size &&
		strlen(json_string_value(v)) == json_string_length(v))
	{
		snprintf(out, size, "%s", json_string_value(v));
		return true;
	}
	snprintf(what, sizeof(what), "its \"%s\" is no text of less than %zu bytes",
			 name, size);
	return garbage(err, what);
}

static bool
read_fields(Position *p, const json_t *o, Error *err)
{
	const json_t *snapshot = json_object_get(o, "snapshot");
	json_int_t n;

	if (!read_number(o, "v", INT32_MAX, &n, err))
		return false;
	if (n != POSITION_VERSION)
	{
		err_set(err, ERR_ENVIRONMENT, "position_version",
				"the position is of format %lld, this program knows format %d",
				(long long) n, POSITION_VERSION);
		err_hint(err, "Run the version of tuplecast that wrote it, or a newer "
					  "one.");
		return false;
	}
	if (!read_number(o, "generation", INT64_MAX - 1, &n, err))
		return false;
	p->generation = (uint64_t) n;
	if (!read_number(o, "timeline", UINT32_MAX, &n, err))
		return false;
	p->timeline = (uint32_t) n;
	if (!read_text(o, "writer", p->writer, sizeof(p->writer), err) ||
		!read_text(o, "system", p->system_id, sizeof(p->system_id), err) ||
		!read_text(o, "options", p->options, sizeof(p->options), err) ||
		!read_lsn(o, "lsn", &p->end_lsn, err) || !read_open(p, o, err))
		return false;
	if (snapshot != NULL && !json_is_null(snapshot))
	{
		if (!json_is_object(snapshot) && !json_is_array(snapshot))
			return garbage(err, "its \"snapshot\" is no object");
		p->snapshot = json_dumps(snapshot, JSON_COMPACT | JSON_ENCODE_ANY);
		if (p->snapshot == NULL)
			return garbage(err, "its \"snapshot\" cannot be kept");
	}
	return true;
}

static bool
read_open(Position *p, const json_t *o, Error *err)
{
	const json_t *open = json_object_get(o, "open");
	json_int_t n;

	if (open == NULL || json_is_null(open))
		return true;
	if (!json_is_object(open))
		return garbage(err, "its \"open\" is no object");
	if (!read_lsn(open, "lsn", &p->open.end_lsn, err) ||
		!read_number(open, "ordinal", INT64_MAX, &n, err))
		return false;
	p->open.ordinal = (uint64_t) n;
	if (!read_number(open, "part", UINT8_MAX, &n, err))
		return false;
	p->open.part = (uint8_t) n;
	if (p->open.end_lsn <= p->end_lsn)
		return garbage(err, "its \"open\" is not behind its \"lsn\"");
	return true;
}

/* jansson recurses up to 2048 levels; nothing of ours needs that. */
static bool
too_deep(const char *text, size_t len)
{
	int depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++)
	{
		if (quoted)
		{
			if (text[i] == '\\')
				i++;
			else if (text[i] == '"')
				quoted = false;
		}
		else if (text[i] == '"')
			quoted = true;
		else if (text[i] == '{' || text[i] == '[')
		{
			if (++depth > MAX_DEPTH)
				return true;
		}
		else if (text[i] == '}' || text[i] == ']')
			depth--;
	}
	return false;
}
