/*
 * log.c
 *		Events to lines.
 *
 * A line is made in memory and written with one call, so that lines of
 * several threads do not mix.
 */
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "utf8.h"

/* longer values are cut: a line is for a reader */
#define VALUE_MAX 8192

static const char *const level_words[] = {"debug", "info", "warn", "error"};
static const char *const level_labels[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};

/* set once, before there are other threads */
static LogFormat log_format = LOG_TEXT;
static LogLevel log_threshold = LOG_INFO;

void
log_init(LogFormat format, LogLevel threshold)
{
	log_format = format;
	log_threshold = threshold;
}

bool
log_enabled(LogLevel level)
{
	return level >= log_threshold;
}

/* characters that a terminal or a line-based reader would act upon */
static bool
is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 ||
		   cp == 0x2029 || (cp >= 0x202a && cp <= 0x202e) ||
		   (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff;
}

static void
put_escape(FILE *out, uint32_t cp)
{
	if (cp == '\n')
		fputs("\\n", out);
	else if (cp == '\r')
		fputs("\\r", out);
	else if (cp == '\t')
		fputs("\\t", out);
	else
		fprintf(out, "\\u%04" PRIx32, cp);
}

/* Writes s with everything escaped that could end a line or a quotation. */
static void
put_escaped(FILE *out, const char *s, bool json, bool quoted)
{
	size_t n = strnlen(s, VALUE_MAX + 1);
	bool cut = n > VALUE_MAX;
	size_t used = 0;

	n = cut ? VALUE_MAX : n;
	while (used < n)
	{
		uint32_t cp = 0;
		size_t len = utf8_next(s + used, n - used, &cp);

		if (len == 0)
		{
			/* a character cut by VALUE_MAX is no fault of the value's */
			if (cut && n - used < 4)
				break;
			if (json)
				fputs("\xef\xbf\xbd", out);
			else
				fprintf(out, "\\x%02x", (unsigned char) s[used]);
			used++;
			continue;
		}
		if (is_control(cp))
			put_escape(out, cp);
		else if ((cp == '"' && quoted) || (cp == '\\' && (json || quoted)))
			fprintf(out, "\\%c", (int) cp);
		else
			fwrite(s + used, 1, len, out);
		used += len;
	}
	if (cut)
		fputs("...", out);
}

static bool
needs_quotes(const char *s)
{
	size_t n = strnlen(s, VALUE_MAX + 1);
	size_t used = 0;

	if (n == 0 || n > VALUE_MAX)
		return true;
	while (used < n)
	{
		uint32_t cp = 0;
		size_t len = utf8_next(s + used, n - used, &cp);

		if (len == 0 || cp <= ' ' || cp == '"' || cp == '=' || cp == '\\' ||
			is_control(cp))
			return true;
		used += len;
	}
	return false;
}

static void
put_text_field(FILE *out, const LogField *f)
{
	fprintf(out, " %s=", f->name);
	if (f->type == LOG_FIELD_INT)
		fprintf(out, "%" PRId64, f->i);
	else if (f->type == LOG_FIELD_LSN)
		fprintf(out, "%X/%X", (unsigned) (f->lsn >> 32), (unsigned) f->lsn);
	else if (f->s == NULL)
		fputs("null", out);
	else if (needs_quotes(f->s))
	{
		fputc('"', out);
		put_escaped(out, f->s, false, true);
		fputc('"', out);
	}
	else
		fputs(f->s, out);
}

static void
put_json_string(FILE *out, const char *s)
{
	fputc('"', out);
	put_escaped(out, s, true, true);
	fputc('"', out);
}

static void
put_json_field(FILE *out, const LogField *f)
{
	fputc(',', out);
	put_json_string(out, f->name);
	fputc(':', out);
	if (f->type == LOG_FIELD_INT)
		fprintf(out, "%" PRId64, f->i);
	else if (f->type == LOG_FIELD_LSN)
		fprintf(out, "\"%X/%X\"", (unsigned) (f->lsn >> 32), (unsigned) f->lsn);
	else if (f->s == NULL)
		fputs("null", out);
	else
		put_json_string(out, f->s);
}

/* "2026-01-02T03:04:05.678Z" */
static void
format_now(char *buf, size_t size)
{
	struct timespec now;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(buf, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, size - n, ".%03dZ", (int) (now.tv_nsec / 1000000));
}

static void
write_all(const char *p, size_t n)
{
	while (n > 0)
	{
		ssize_t w = write(STDERR_FILENO, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		/* there is nowhere left to complain */
		if (w <= 0)
			return;
		p += w;
		n -= (size_t) w;
	}
}

/* a bar stands in the terminal's line */
static bool bar;
static const char erase[] = "\r\033[K";

void
log_bar(const char *text, size_t len)
{
	char line[1024];
	size_t n = 0;

	if (__atomic_exchange_n(&bar, text != NULL, __ATOMIC_RELAXED) ||
		text != NULL)
		n = strlen(erase);
	memcpy(line, erase, n);
	if (text != NULL)
	{
		len = len < sizeof(line) - n ? len : sizeof(line) - n;
		memcpy(line + n, text, len);
		n += len;
	}
	write_all(line, n);
}

void
log_fields(LogLevel level, const char *message, const LogField *fields)
{
	char now[64];
	char *line = NULL;
	size_t len = 0;
	int saved_errno = errno;
	FILE *out;

	if (!log_enabled(level))
		return;
	out = open_memstream(&line, &len);
	if (out == NULL)
		return;
	if (__atomic_exchange_n(&bar, false, __ATOMIC_RELAXED))
		fputs(erase, out);
	format_now(now, sizeof(now));
	if (log_format == LOG_JSON)
	{
		fprintf(out, "{\"ts\":\"%s\",\"level\":\"%s\",\"msg\":", now,
				level_words[level]);
		put_json_string(out, message);
		for (const LogField *f = fields; f->name != NULL; f++)
			put_json_field(out, f);
		fputs("}\n", out);
	}
	else
	{
		fprintf(out, "%s %s ", now, level_labels[level]);
		put_escaped(out, message, false, false);
		for (const LogField *f = fields; f->name != NULL; f++)
			put_text_field(out, f);
		fputc('\n', out);
	}
	if (fclose(out) == 0)
		write_all(line, len);
	free(line);
	errno = saved_errno;
}

void
log_error(LogLevel level, const Error *err)
{
	LogField fields[4];
	size_t n = 0;

	if (err->code[0] != '\0')
		fields[n++] = F_STR("code", err->code);
	if (err->detail[0] != '\0')
		fields[n++] = F_STR("detail", err->detail);
	if (err->hint[0] != '\0')
		fields[n++] = F_STR("hint", err->hint);
	fields[n] = F_END;
	log_fields(level, err->text, fields);
}
