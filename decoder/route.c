/*
 * route.c
 *		A topic's new name.
 */
#include "compat.h"

#include "catalog/pg_collation.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "regex/regex.h"
#include "utils/builtins.h"

#include "pattern.h"
#include "route.h"

#define MAX_GROUPS 100

/*
 * The server's engine has no named groups: "(?<name>" becomes "(", and the
 * names are kept.
 */
static char *
strip_names(Route *route, const char *regex)
{
	StringInfoData out;
	bool in_class = false;

	initStringInfo(&out);
	route->names = palloc0(sizeof(char *) * (MAX_GROUPS + 1));
	for (const char *p = regex; *p; p++)
	{
		appendStringInfoChar(&out, *p);
		if (*p == '\\' && p[1] != '\0')
			appendStringInfoChar(&out, *++p);
		else if (in_class)
			in_class = *p != ']';
		else if (*p == '[')
			in_class = true;
		else if (*p == '(')
		{
			bool named =
				p[1] == '?' && p[2] == '<' && p[3] != '=' && p[3] != '!';

			if (p[1] == '?' && !named)
				continue;
			if (route->ngroups < MAX_GROUPS)
				route->ngroups++;
			if (named)
			{
				size_t n = strcspn(p + 3, ">");

				route->names[route->ngroups] = pnstrdup(p + 3, n);
				p += 3 + n;
				if (*p == '\0')
					break;
			}
		}
	}
	return out.data;
}

static void
bad_replacement(const char *what, const char *replacement, const char *why)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		 errmsg("invalid replacement \"%s\" in option \"%s\": %s", replacement,
				what, why),
		 errhint(
			 "A group of the expression is $1 or ${name}; a \"$\" itself is written \"\\$\".")));
}

/*
 * The group that "$" at *p refers to; *p is left at its last character.  As in
 * Java, digits are taken as long as there is such a group.
 */
static int
replacement_group(const Route *route, const char **p)
{
	const char *s = *p + 1;
	int group;

	if (*s == '{')
	{
		size_t n = strcspn(s + 1, "}");

		if (s[1 + n] != '}')
			return -1;
		*p = s + 1 + n;
		for (int i = 1; i <= route->ngroups; i++)
			if (route->names[i] != NULL && strlen(route->names[i]) == n &&
				strncmp(route->names[i], s + 1, n) == 0)
				return i;
		return -1;
	}
	if (*s < '0' || *s > '9')
		return -1;
	group = *s - '0';
	while (s[1] >= '0' && s[1] <= '9' &&
		   group * 10 + (s[1] - '0') <= route->ngroups)
		group = group * 10 + (*++s - '0');
	*p = s;
	return group <= route->ngroups ? group : -1;
}

Route *
route_compile(const char *what, const char *regex, const char *replacement)
{
	Route *route = palloc0(sizeof(Route));

	route->anchored = pattern_compile(what, strip_names(route, regex));
	route->replacement = pstrdup(replacement);
	for (const char *p = replacement; *p; p++)
	{
		if (*p == '\\')
		{
			if (*++p == '\0')
				bad_replacement(what, replacement, "it ends in a backslash");
		}
		else if (*p == '$' && replacement_group(route, &p) < 0)
			bad_replacement(
				what, replacement,
				"it names a group that the expression does not have");
	}
	return route;
}

/* a group of the match, whose offsets count characters */
static void
append_group(StringInfo out, const char *name, const regmatch_t *m)
{
	int len = strlen(name);
	int from;

	if (m->rm_so < 0)
		return;
	from = pg_mbcharcliplen(name, len, m->rm_so);
	appendBinaryStringInfo(out, name + from,
						   pg_mbcharcliplen(name, len, m->rm_eo) - from);
}

char *
route_apply(const Route *route, const char *name)
{
	regmatch_t *m = palloc0(sizeof(regmatch_t) * (route->ngroups + 1));
	StringInfoData out;

	if (!RE_compile_and_execute(route->anchored, unconstify(char *, name),
								strlen(name), REG_ADVANCED, C_COLLATION_OID,
								route->ngroups + 1, m))
		return NULL;
	initStringInfo(&out);
	for (const char *p = route->replacement; *p; p++)
	{
		if (*p == '\\' && p[1] != '\0')
			appendStringInfoChar(&out, *++p);
		else if (*p == '$')
			append_group(&out, name, &m[replacement_group(route, &p)]);
		else
			appendStringInfoChar(&out, *p);
	}
	return out.data;
}

bool
route_match(text *anchored, const char *name)
{
	return RE_compile_and_execute(anchored, unconstify(char *, name),
								  strlen(name), REG_ADVANCED | REG_NOSUB,
								  C_COLLATION_OID, 0, NULL);
}
