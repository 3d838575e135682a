/*
 * check_text.c
 *		The parts of `tuplecast check` that need no server.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"


/* ---- lists of names, as settings hold them --------------------------------- */

/* The next name, without its quotes, into name; false: there is none. */
static bool
next_name(const char **list, char *name, size_t size)
{
	const char *s = *list;
	size_t n = 0;

	while (*s == ' ' || *s == ',' || *s == '\t' || *s == '\n')
		s++;
	if (*s == '\0')
		return false;
	if (*s == '"')
	{
		for (s++; *s != '\0' && (*s != '"' || s[1] == '"'); s++)
		{
			s += *s == '"';
			if (n < size - 1)
				name[n++] = *s;
		}
		s += *s == '"';
	}
	else
		for (; *s != '\0' && *s != ',' && *s != ' '; s++)
			if (n < size - 1)
				name[n++] = *s;
	name[n] = '\0';
	*list = s;
	return true;
}

bool
check_list_has(const char *setting, const char *name)
{
	char item[1024];

	while (next_name(&setting, item, sizeof(item)))
		if (strcmp(item, name) == 0)
			return true;
	return false;
}

static bool
is_plain_name(const char *name)
{
	if (!islower((unsigned char) name[0]) && name[0] != '_')
		return false;
	for (; *name != '\0'; name++)
		if (!islower((unsigned char) *name) &&
			!isdigit((unsigned char) *name) && *name != '_')
			return false;
	return true;
}

static void
add_name(PgText *out, const char *name)
{
	if (out->len > 0)
		pg_text_add(out, ", ");
	if (is_plain_name(name))
		pg_text_add(out, "%s", name);
	else
		pg_text_quoted(out, name, '"');
}

void
check_list_plus(PgText *out, const char *setting, const char *name)
{
	PgText list = {0};
	char item[1024];

	/* what has blanks or commas inside is the known mistake, not a library */
	while (next_name(&setting, item, sizeof(item)))
		if (strcmp(item, name) != 0 && strpbrk(item, ", ") == NULL)
			add_name(&list, item);
	add_name(&list, name);
	pg_text_add(out, "%s", list.data);
	free(list.data);
}

/* ---- versions -------------------------------------------------------------- */

static const struct
{
	int major;
	int minor;
	const char *text;
} first_releases[] = {
	{14, 24, "14.24"}, {15, 19, "15.19"}, {16, 15, "16.15"},
	{17, 11, "17.11"}, {18, 6, "18.6"},
};

#define RELEASES (sizeof(first_releases) / sizeof(first_releases[0]))

bool
check_version_has_libraries(int version)
{
	for (size_t i = 0; i < RELEASES; i++)
		if (version / 10000 == first_releases[i].major)
			return version % 10000 >= first_releases[i].minor;
	return version / 10000 > first_releases[RELEASES - 1].major;
}

const char *
check_version_of_libraries(int version)
{
	for (size_t i = 0; i < RELEASES; i++)
		if (version / 10000 == first_releases[i].major)
			return first_releases[i].text;
	return NULL;
}

/* ---- for readers ----------------------------------------------------------- */

const char *
check_size_text(char out[32], int64_t bytes)
{
	static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
	double size = (double) bytes;
	int unit = 0;

	while (size >= 1024 && unit < 5)
	{
		size /= 1024;
		unit++;
	}
	if (unit == 0)
		snprintf(out, 32, "%" PRId64 " bytes", bytes);
	else
		snprintf(out, 32, "%.1f %s", size, units[unit]);
	return out;
}

void
check_list_add(CheckList *l, const char *name)
{
	if (l->count++ < l->limit)
		pg_text_add(&l->text, "%s%s", l->text.len > 0 ? ", " : "", name);
}

const char *
check_list_text(CheckList *l)
{
	if (l->count > l->limit)
	{
		pg_text_add(&l->text, " and %zu more", l->count - l->limit);
		l->limit = l->count;
	}
	return l->text.data != NULL ? l->text.data : "";
}

void
check_list_free(CheckList *l)
{
	free(l->text.data);
	memset(l, 0, sizeof(*l));
}

bool
check_is_local(const char *host, const char *address)
{
	const char *a = address != NULL && address[0] != '\0' ? address : host;

	/* a directory or an abstract name is a Unix-domain socket */
	if (host != NULL && (host[0] == '/' || host[0] == '@'))
		return true;
	return a == NULL || a[0] == '\0' || strncmp(a, "127.", 4) == 0 ||
		   strcmp(a, "::1") == 0 || strcmp(a, "localhost") == 0;
}

/* ---- the only row of a result ---------------------------------------------- */

const char *
check_field(const PGresult *res, const char *column)
{
	int i = PQfnumber(res, column);

	if (i < 0 || PQntuples(res) < 1 || PQgetisnull(res, 0, i))
		return "";
	return PQgetvalue(res, 0, i);
}

bool
check_is_true(const PGresult *res, const char *column)
{
	return check_field(res, column)[0] == 't';
}

int64_t
check_number(const PGresult *res, const char *column)
{
	return strtoll(check_field(res, column), NULL, 10);
}
