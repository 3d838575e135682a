/*
 * findings.h
 *		What `tuplecast check` found, each with what repairs it.
 */
#ifndef TUPLECAST_FINDINGS_H
#define TUPLECAST_FINDINGS_H

#include <stddef.h>
#include <stdio.h>

#include "err.h"

typedef enum FindingId
{
#define FINDING(id, severity, title, why) FIND_##id,
#include "findings.def"
#undef FINDING
	FIND_COUNT
} FindingId;

typedef enum FindingStatus
{
	FINDING_OK,
	FINDING_WARN,
	FINDING_FAIL,
	FINDING_SKIPPED /* could not be looked at because of another one */
} FindingStatus;

typedef struct Finding
{
	FindingId id;
	FindingStatus status;
	ErrKind kind; /* of a FINDING_FAIL: decides the exit code */
	char *text;
	/*
	 * SQL statements, one a line, with their notes as SQL comments; or commands
	 * or prose.  "" if there is nothing to do.
	 */
	char *repair;
} Finding;

typedef struct Findings
{
	Finding *items;
	size_t count;
	size_t cap;
} Findings;

extern void findings_ok(Findings *f, FindingId id, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
extern void findings_skip(Findings *f, FindingId id, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/* As grave as its row says; repair is copied. */
extern void findings_bad(Findings *f, FindingId id, const char *repair,
						 const char *fmt, ...) PRINTF_LIKE(4, 5);
extern void findings_add(Findings *f, FindingId id, FindingStatus status,
						 const char *repair, const char *fmt, ...)
	PRINTF_LIKE(5, 6);
/* A failure in the error's words and of its kind. */
extern void findings_error(Findings *f, FindingId id, const Error *err);
/* The same as a warning. */
extern void findings_error_warn(Findings *f, FindingId id, const Error *err);
/* "not checked" for each id of first..last that has no finding yet */
extern void findings_skip_rest(Findings *f, FindingId first, FindingId last,
							   const char *because);
extern const Finding *findings_find(const Findings *f, FindingId id);
/* Puts them into the order of the table, those of one id as they came. */
extern void findings_sort(Findings *f);
extern const char *finding_name(FindingId id);
extern const char *finding_why(FindingId id);

extern int findings_exit_code(const Findings *f);
/* One paragraph each, and a line that counts them. */
extern void findings_print_text(const Findings *f, FILE *out);
/* An array of {id, status, text, why, repair}. */
extern void findings_print_json(const Findings *f, FILE *out);
extern void findings_free(Findings *f);

#endif /* TUPLECAST_FINDINGS_H */
