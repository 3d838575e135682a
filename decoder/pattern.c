/*
 * pattern.c
 *		Lists of regular expressions as people write them for Debezium.
 */
#include "compat.h"

#include <ctype.h>

#include "catalog/pg_collation.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "regex/regex.h"
#include "utils/builtins.h"

#include "pattern.h"

#define PATTERN_FLAGS (REG_ADVANCED | REG_ICASE | REG_NOSUB)

static void
refuse(const char *option, const char *expression, const char *what)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_INVALID_REGULAR_EXPRESSION),
		 errmsg("%s in \"%s\" of option \"%s\" is not supported", what,
				expression, option),
		 errhint(
			 "Expressions are run by PostgreSQL's own engine, anchored and without regard to case; write this one without it.")));
}

/*
 * An escape after the backslash before *p, which is left at its last
 * character.
 */
static const char *
translate_escape(const char **p, StringInfo out)
{
	char c = **p;

	switch (c)
	{
		case 'b':
			appendStringInfoString(out, "\\y");
			return NULL;
		case 'B':
			appendStringInfoString(out, "\\Y");
			return NULL;
		case 'z':
			appendStringInfoString(out, "\\Z");
			return NULL;
		case 'p':
		case 'P':
			return "a character property (\\p)";
		case 'Q':
		case 'E':
			return "quoting (\\Q ... \\E)";
		case 'x':
			/* two digits in Java, any number of them in PostgreSQL */
			if (!isxdigit((unsigned char) (*p)[1]) ||
				!isxdigit((unsigned char) (*p)[2]))
				return "a Java-only escape (\\x{...})";
			appendStringInfo(out, "\\u00%.2s", *p + 1);
			*p += 2;
			return NULL;
		case '0':
			return "an octal escape (\\0)";
		default:
			/* the letters that mean the same in both */
			if (isalpha((unsigned char) c) &&
				strchr("dDsSwWtnrfaecuAZ", c) == NULL)
				return psprintf("the escape \\%c", c);
			appendStringInfoChar(out, '\\');
			appendStringInfoChar(out, c);
			return NULL;
	}
}

/* A group that opens with "(?". */
static const char *
check_group(const char *p)
{
	if (p[2] == ':' || p[2] == '=' || p[2] == '!')
		return NULL;
	if (p[2] == '>')
		return "an atomic group";
	if (p[2] == '<' && (p[3] == '=' || p[3] == '!'))
		return NULL;
	if (p[2] == '<')
		return "a named group";
	return "an inline flag";
}

/*
 * From Java's dialect to the server's.  Returns what cannot be honoured, or
 * NULL.
 */
static const char *
pattern_translate(const char *expression, StringInfo out)
{
	bool in_class = false;

	for (const char *p = expression; *p; p++)
	{
		const char *problem = NULL;

		if (*p == '\\')
		{
			if (p[1] == '\0')
				return "a trailing backslash";
			p++;
			if (in_class && (*p == 'b' || *p == 'B'))
				problem = "a word boundary in a character class";
			else
				problem = translate_escape(&p, out);
		}
		else if (in_class)
		{
			if (p[0] == '&' && p[1] == '&')
				problem = "an intersection of character classes (&&)";
			else if (*p == '[' && p[1] != ':')
				problem = "a nested character class";
			in_class = *p != ']';
			appendStringInfoChar(out, *p);
		}
		else
		{
			if (p[0] == '(' && p[1] == '?')
				problem = check_group(p);
			else if (p > expression && *p == '+' && p[-1] != '\\' &&
					 strchr("*+?}", p[-1]) != NULL &&
					 (p - 1 == expression || p[-2] != '\\'))
				problem = "a possessive quantifier";
			in_class = *p == '[';
			appendStringInfoChar(out, *p);
			if (in_class && (p[1] == ']' || (p[1] == '^' && p[2] == ']')))
				problem = "an empty character class";
		}
		if (problem != NULL)
			return problem;
	}
	return NULL;
}

/* Compiled for the sake of the error; RE_compile_and_cache() keeps it later. */
static void
check_regex(const char *option, const char *expression, const char *regex)
{
	int len = strlen(regex);
	pg_wchar *wide = palloc((len + 1) * sizeof(pg_wchar));
	int nwide = pg_mb2wchar_with_len(regex, wide, len);
	regex_t re;
	int rc = pg_regcomp(&re, wide, nwide, PATTERN_FLAGS, C_COLLATION_OID);

	if (rc != REG_OKAY)
	{
		char message[100];

		pg_regerror(rc, &re, message, sizeof(message));
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_REGULAR_EXPRESSION),
			 errmsg("invalid regular expression \"%s\" in option \"%s\": %s",
					expression, option, message),
			 errhint(
				 "A list holds regular expressions, separated by commas; each must match the whole name, as in \"public\\.orders_.*\".")));
	}
	pg_regfree(&re);
	pfree(wide);
}

text *
pattern_compile(const char *option, const char *expression)
{
	StringInfoData bare;
	StringInfoData anchored;
	const char *problem;
	text *result;

	initStringInfo(&bare);
	problem = pattern_translate(expression, &bare);
	if (problem != NULL)
		refuse(option, expression, problem);
	/* first without the anchors, which could balance its parentheses */
	check_regex(option, expression, bare.data);
	initStringInfo(&anchored);
	appendStringInfo(&anchored, "^(?:%s)$", bare.data);
	check_regex(option, expression, anchored.data);
	result = cstring_to_text_with_len(anchored.data, anchored.len);
	pfree(bare.data);
	pfree(anchored.data);
	return result;
}

bool
pattern_match(text *anchored, const char *name)
{
	return RE_compile_and_execute(anchored, unconstify(char *, name),
								  strlen(name), PATTERN_FLAGS,
								  DEFAULT_COLLATION_OID, 0, NULL);
}

List *
pattern_split(const char *value, char separator)
{
	List *items = NIL;
	StringInfoData item;
	const char *p = value;

	initStringInfo(&item);
	for (;; p++)
	{
		if (*p == '\\' && p[1] == separator)
			appendStringInfoChar(&item, *++p);
		else if (*p == separator || *p == '\0')
		{
			char *start = item.data;

			while (*start == ' ' || *start == '\t' || *start == '\n')
				start++;
			while (item.len > 0 && strchr(" \t\r\n", item.data[item.len - 1]))
				item.data[--item.len] = '\0';
			if (*start != '\0')
				items = lappend(items, pstrdup(start));
			resetStringInfo(&item);
			if (*p == '\0')
				break;
		}
		else
			appendStringInfoChar(&item, *p);
	}
	pfree(item.data);
	return items;
}

PatternList
pattern_list_parse(const char *option, const char *value)
{
	PatternList list = {0};
	List *items = pattern_split(value, ',');
	ListCell *lc;

	list.anchored = palloc0(sizeof(text *) * Max(list_length(items), 1));
	foreach(lc, items)
		list.anchored[list.count++] = pattern_compile(option, lfirst(lc));
	list_free_deep(items);
	return list;
}

bool
pattern_list_match(const PatternList *list, const char *name)
{
	for (int i = 0; i < list->count; i++)
		if (pattern_match(list->anchored[i], name))
			return true;
	return false;
}
