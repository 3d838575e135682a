/*
 * findings.c
 *		What `tuplecast check` found, each with what repairs it.
 */
#include "findings.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

static const struct FindingRow
{
	const char *name;
	FindingStatus severity;
	const char *title;
	const char *why;
} rows[] = {
#define FINDING(id, severity, title, why) {#id, FINDING_##severity, title, why},
#include "findings.def"
#undef FINDING
};

static const char *const status_words[] = {"ok", "warn", "fail", "skipped"};
static const char *const status_labels[] = {"ok  ", "WARN", "FAIL", "-   "};


static char *
format_text(const char *fmt, va_list ap)
{
	char *text;

	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	return text;
}

/* Takes over text. */
static void
append(Findings *f, FindingId id, FindingStatus status, ErrKind kind,
	   char *text, const char *repair)
{
	char *copy = strdup(repair);

	if (f->count == f->cap)
	{
		f->cap = f->cap * 2 + 32;
		f->items = realloc(f->items, f->cap * sizeof(Finding));
	}
	if (f->items == NULL || copy == NULL)
		abort();
	f->items[f->count++] = (Finding){
		.id = id, .status = status, .kind = kind, .text = text, .repair = copy};
}

void
findings_ok(Findings *f, FindingId id, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(f, id, FINDING_OK, ERR_NONE, format_text(fmt, ap), "");
	va_end(ap);
}

void
findings_skip(Findings *f, FindingId id, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(f, id, FINDING_SKIPPED, ERR_NONE, format_text(fmt, ap), "");
	va_end(ap);
}

void
findings_bad(Findings *f, FindingId id, const char *repair, const char *fmt,
			 ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(f, id, rows[id].severity, ERR_ENVIRONMENT, format_text(fmt, ap),
		   repair);
	va_end(ap);
}

void
findings_add(Findings *f, FindingId id, FindingStatus status,
			 const char *repair, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(f, id, status, ERR_ENVIRONMENT, format_text(fmt, ap), repair);
	va_end(ap);
}

static void
append_error(Findings *f, FindingId id, FindingStatus status, const Error *err)
{
	char *text;

	if (asprintf(&text, "%s%s%s", err->text, err->detail[0] != '\0' ? "; " : "",
				 err->detail) < 0)
		abort();
	append(f, id, status, err->kind, text, err->hint);
}

void
findings_error(Findings *f, FindingId id, const Error *err)
{
	append_error(f, id, FINDING_FAIL, err);
}

void
findings_error_warn(Findings *f, FindingId id, const Error *err)
{
	append_error(f, id, FINDING_WARN, err);
}

void
findings_skip_rest(Findings *f, FindingId first, FindingId last,
				   const char *because)
{
	for (int id = (int) first; id <= (int) last; id++)
		if (findings_find(f, (FindingId) id) == NULL)
			findings_skip(f, (FindingId) id, "not checked: %s", because);
}

const Finding *
findings_find(const Findings *f, FindingId id)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].id == id)
			return &f->items[i];
	return NULL;
}

void
findings_sort(Findings *f)
{
	/* insertion: there are few, and equal ones must stay in order */
	for (size_t i = 1; i < f->count; i++)
	{
		Finding moved = f->items[i];
		size_t j = i;

		for (; j > 0 && f->items[j - 1].id > moved.id; j--)
			f->items[j] = f->items[j - 1];
		f->items[j] = moved;
	}
}

const char *
finding_name(FindingId id)
{
	return rows[id].name;
}

const char *
finding_why(FindingId id)
{
	return rows[id].why;
}

/* What a person must do comes first: time heals the rest meanwhile. */
int
findings_exit_code(const Findings *f)
{
	bool failed[ERR_ENVIRONMENT + 1] = {false};

	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].status == FINDING_FAIL)
			failed[f->items[i].kind] = true;
	if (failed[ERR_ENVIRONMENT])
		return 3;
	if (failed[ERR_CONFIG])
		return 2;
	return failed[ERR_RETRY] || failed[ERR_RESTART] || failed[ERR_NONE];
}

/* ---- text ------------------------------------------------------------------ */

/* Nothing a terminal would act upon; lines go on below the first one. */
static void
print_indented(FILE *out, const char *s, int indent)
{
	size_t n = strlen(s);

	while (n > 0)
	{
		uint32_t cp = 0;
		size_t len = utf8_next(s, n, &cp);

		if (len == 0)
			fprintf(out, "\\x%02x", (unsigned char) *s);
		else if (cp == '\n')
			fprintf(out, "\n%*s", indent, "");
		else if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
			fprintf(out, "\\u%04" PRIx32, cp);
		else
			fwrite(s, 1, len, out);
		len += len == 0;
		s += len;
		n -= len;
	}
}

static void
print_part(FILE *out, const char *label, const char *s)
{
	if (s[0] == '\0')
		return;
	fprintf(out, "      %-8s", label);
	print_indented(out, s, 14);
	fputc('\n', out);
}

void
findings_print_text(const Findings *f, FILE *out)
{
	size_t counts[FINDING_SKIPPED + 1] = {0};

	for (size_t i = 0; i < f->count; i++)
	{
		const Finding *it = &f->items[i];

		counts[it->status]++;
		fprintf(out, "%s  %s: ", status_labels[it->status], rows[it->id].title);
		print_indented(out, it->text, 6);
		fputc('\n', out);
		if (it->status != FINDING_WARN && it->status != FINDING_FAIL)
			continue;
		print_part(out, "why:", rows[it->id].why);
		print_part(out, "repair:", it->repair);
	}
	fprintf(out, "%zu ok, %zu warnings, %zu failures", counts[FINDING_OK],
			counts[FINDING_WARN], counts[FINDING_FAIL]);
	if (counts[FINDING_SKIPPED] > 0)
		fprintf(out, ", %zu not checked", counts[FINDING_SKIPPED]);
	fputc('\n', out);
}

/* ---- JSON ------------------------------------------------------------------ */

static void
print_json_string(FILE *out, const char *s)
{
	size_t n = strlen(s);

	fputc('"', out);
	while (n > 0)
	{
		uint32_t cp = 0;
		size_t len = utf8_next(s, n, &cp);

		/* a server's message may be in any encoding */
		if (len == 0)
			fputs("\\ufffd", out);
		else if (cp == '"' || cp == '\\')
			fprintf(out, "\\%c", (int) cp);
		else if (cp == '\n')
			fputs("\\n", out);
		else if (cp < 0x20 || cp == 0x7f)
			fprintf(out, "\\u%04" PRIx32, cp);
		else
			fwrite(s, 1, len, out);
		len += len == 0;
		s += len;
		n -= len;
	}
	fputc('"', out);
}

void
findings_print_json(const Findings *f, FILE *out)
{
	fputc('[', out);
	for (size_t i = 0; i < f->count; i++)
	{
		const Finding *it = &f->items[i];

		fprintf(out, "%s\n  {\"id\": \"%s\", \"status\": \"%s\", \"text\": ",
				i > 0 ? "," : "", rows[it->id].name, status_words[it->status]);
		print_json_string(out, it->text);
		fputs(", \"why\": ", out);
		print_json_string(out, rows[it->id].why);
		fputs(", \"repair\": ", out);
		print_json_string(out, it->repair);
		fputc('}', out);
	}
	fputs("\n]\n", out);
}

void
findings_free(Findings *f)
{
	for (size_t i = 0; i < f->count; i++)
	{
		free(f->items[i].text);
		free(f->items[i].repair);
	}
	free(f->items);
	memset(f, 0, sizeof(*f));
}
