/*
 * dateformat.c
 *		Instants as text by a pattern of Java's SimpleDateFormat.
 */
#include "compat.h"

#include "utils/datetime.h"

#include "dateformat.h"

#define MS_PER_DAY INT64CONST(86400000)

/* the numbers that letters stand for */
typedef struct Fields
{
	int year, month, day, hour, minute, second, ms;
	int yearday;
	int weekday; /* 0: Sunday */
	bool afternoon;
	int offset; /* seconds east, when parsing */
} Fields;

static const char *const month_names[] = {
	"January", "February", "March",		"April",   "May",	   "June",
	"July",	   "August",   "September", "October", "November", "December"};
static const char *const day_names[] = {"Sunday",	 "Monday",	 "Tuesday",
										"Wednesday", "Thursday", "Friday",
										"Saturday"};

/* The next run of one letter or a literal; false at the end. */
typedef struct Token
{
	char letter; /* '\0': a literal */
	int count;
	char literal;
} Token;

static bool
next_token(const char **p, bool *quoted, Token *t)
{
	const char *s = *p;

	while (*s == '\'')
	{
		if (s[1] == '\'')
		{
			*t = (Token){'\0', 1, '\''};
			*p = s + 2;
			return true;
		}
		*quoted = !*quoted;
		s++;
	}
	if (*s == '\0')
		return false;
	if (!*quoted && ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z')))
	{
		t->letter = *s;
		t->count = 0;
		while (*s == t->letter)
		{
			s++;
			t->count++;
		}
	}
	else
		*t = (Token){'\0', 1, *s++};
	*p = s;
	return true;
}

const char *
dateformat_check(const char *pattern)
{
	bool quoted = false;
	Token t;

	while (next_token(&pattern, &quoted, &t))
		if (t.letter != '\0' && strchr("yMdHhkKmsSaEDzZXu", t.letter) == NULL)
			return psprintf("the letter \"%c\"", t.letter);
	return quoted ? "a quote that is not closed" : NULL;
}

static int64
floor_div(int64 a, int64 b)
{
	return a / b - (a % b < 0 ? 1 : 0);
}

static void
fields_from_ms(Fields *f, int64 ms)
{
	int64 days = floor_div(ms, MS_PER_DAY);
	int rest = (int) (ms - days * MS_PER_DAY);
	int jd = (int) days + UNIX_EPOCH_JDATE;

	memset(f, 0, sizeof(*f));
	j2date(jd, &f->year, &f->month, &f->day);
	f->yearday = jd - date2j(f->year, 1, 1) + 1;
	/* years are counted within their era, which is not shown */
	if (f->year <= 0)
		f->year = 1 - f->year;
	f->weekday = j2day(jd);
	f->hour = rest / 3600000;
	f->minute = rest / 60000 % 60;
	f->second = rest / 1000 % 60;
	f->ms = rest % 1000;
}

static void
append_zone(StringInfo out, const Token *t)
{
	if (t->letter == 'X')
		appendStringInfoChar(out, 'Z');
	else
		appendStringInfoString(out, t->letter == 'z' ? "UTC" : "+0000");
}

/* What a letter that is written as a number stands for. */
static int
number_of(const Fields *f, char letter)
{
	switch (letter)
	{
		case 'y':
			return f->year;
		case 'M':
			return f->month;
		case 'd':
			return f->day;
		case 'D':
			return f->yearday;
		case 'u':
			return f->weekday == 0 ? 7 : f->weekday;
		case 'H':
			return f->hour;
		case 'k':
			return f->hour == 0 ? 24 : f->hour;
		case 'K':
			return f->hour % 12;
		case 'h':
			return f->hour % 12 == 0 ? 12 : f->hour % 12;
		case 'm':
			return f->minute;
		case 's':
			return f->second;
		default:
			return f->ms;
	}
}

/* The whole name, or its first three letters. */
static void
append_name(StringInfo out, const char *name, int count)
{
	appendBinaryStringInfo(out, name, count >= 4 ? (int) strlen(name) : 3);
}

void
dateformat_append(StringInfo out, int64 ms, const char *pattern)
{
	Fields f;
	bool quoted = false;
	Token t;

	fields_from_ms(&f, ms);
	while (next_token(&pattern, &quoted, &t))
	{
		if (t.letter == '\0')
			appendStringInfoChar(out, t.literal);
		else if (t.letter == 'y' && t.count == 2)
			appendStringInfo(out, "%02d", f.year % 100);
		else if (t.letter == 'M' && t.count >= 3)
			append_name(out, month_names[f.month - 1], t.count);
		else if (t.letter == 'E')
			append_name(out, day_names[f.weekday], t.count);
		else if (t.letter == 'a')
			appendStringInfoString(out, f.hour < 12 ? "AM" : "PM");
		else if (t.letter == 'z' || t.letter == 'Z' || t.letter == 'X')
			append_zone(out, &t);
		else
			appendStringInfo(out, "%0*d", t.count, number_of(&f, t.letter));
	}
}

/* ---- parsing ------------------------------------------------------------- */

/* what an int holds, whatever the digits */
#define MAX_DIGITS 9

static bool
take_number(const char **s, int max_digits, int *v)
{
	int digits = 0;

	*v = 0;
	while (digits < max_digits && **s >= '0' && **s <= '9')
	{
		*v = *v * 10 + (*(*s)++ - '0');
		digits++;
	}
	return digits > 0;
}

static bool
take_name(const char **s, const char *const *names, int n, int *index)
{
	for (int i = 0; i < n; i++)
		for (int len = strlen(names[i]); len >= 3; len = len > 3 ? 3 : 0)
			if (pg_strncasecmp(*s, names[i], len) == 0)
			{
				*s += len;
				*index = i;
				return true;
			}
	return false;
}

static bool
take_zone(const char **s, int *offset)
{
	int hours, minutes = 0;
	int sign;

	if (**s == 'Z' || strncmp(*s, "UTC", 3) == 0 || strncmp(*s, "GMT", 3) == 0)
	{
		*s += **s == 'Z' ? 1 : 3;
		return true;
	}
	if (**s != '+' && **s != '-')
		return false;
	sign = *(*s)++ == '-' ? -1 : 1;
	if (!take_number(s, 2, &hours))
		return false;
	if (**s == ':')
		(*s)++;
	if (**s >= '0' && **s <= '9' && !take_number(s, 2, &minutes))
		return false;
	*offset = sign * (hours * 3600 + minutes * 60);
	return true;
}

static bool
take_field(const char **s, const Token *t, bool abutting, Fields *f)
{
	int max = abutting ? Min(t->count, MAX_DIGITS) : MAX_DIGITS;
	int ignored;

	switch (t->letter)
	{
		case 'y':
			if (!take_number(s, max, &f->year))
				return false;
			/* two digits are of the hundred years around now, as in Java */
			if (t->count == 2 && f->year < 100)
				f->year += f->year < 50 ? 2000 : 1900;
			return true;
		case 'M':
			if (t->count < 3)
				return take_number(s, max, &f->month);
			if (!take_name(s, month_names, lengthof(month_names), &f->month))
				return false;
			f->month++;
			return true;
		case 'd':
			return take_number(s, max, &f->day);
		case 'D':
			return take_number(s, max, &f->yearday);
		case 'u':
			return take_number(s, max, &ignored);
		case 'E':
			return take_name(s, day_names, lengthof(day_names), &ignored);
		case 'H':
		case 'k':
		case 'K':
		case 'h':
			if (!take_number(s, max, &f->hour))
				return false;
			if ((t->letter == 'h' && f->hour == 12) ||
				(t->letter == 'k' && f->hour == 24))
				f->hour = 0;
			return true;
		case 'm':
			return take_number(s, max, &f->minute);
		case 's':
			return take_number(s, max, &f->second);
		case 'S':
			return take_number(s, max, &f->ms);
		case 'a':
			if (pg_strncasecmp(*s, "AM", 2) != 0 &&
				pg_strncasecmp(*s, "PM", 2) != 0)
				return false;
			f->afternoon = (**s | 0x20) == 'p';
			*s += 2;
			return true;
		default:
			return take_zone(s, &f->offset);
	}
}

bool
dateformat_parse(const char *s, const char *pattern, int64 *ms)
{
	Fields f = {.year = 1970, .month = 1, .day = 1};
	bool quoted = false;
	Token t;
	int64 days;

	while (next_token(&pattern, &quoted, &t))
	{
		if (t.letter == '\0')
		{
			if (*s++ != t.literal)
				return false;
			continue;
		}
		/* numbers side by side are as wide as their letters */
		if (!take_field(&s, &t,
						!quoted && *pattern != '\0' &&
							strchr("yMdHhkKmsSD", *pattern) != NULL,
						&f))
			return false;
	}
	if (f.afternoon && f.hour < 12)
		f.hour += 12;
	/* lenient, as Java is: the 32nd is the first of the next month */
	f.year += (f.month - 1) / 12;
	f.month = (f.month - 1) % 12 + 1;
	if (f.year > 5000000)
		return false;
	days = (int64) date2j(f.year, f.month, 1) - UNIX_EPOCH_JDATE +
		   (f.yearday > 0 ? f.yearday : f.day) - 1;
	*ms = days * MS_PER_DAY + f.hour * INT64CONST(3600000) +
		  f.minute * INT64CONST(60000) + f.second * INT64CONST(1000) + f.ms -
		  f.offset * INT64CONST(1000);
	return true;
}
