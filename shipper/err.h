/*
 * err.h
 *		What went wrong, in a form the caller can act on.
 *
 * Functions that can fail return bool (or a small enum) and fill an Error;
 * they neither log nor exit.  The kind decides what happens next.
 */
#ifndef TUPLECAST_ERR_H
#define TUPLECAST_ERR_H

#include <stdbool.h>
#include <stdint.h>

typedef enum ErrKind
{
	ERR_NONE,
	ERR_RETRY,		/* time heals it: back off and start over */
	ERR_RESTART,	/* a new process may help: exit code 1 */
	ERR_CONFIG,		/* exit code 2 */
	ERR_ENVIRONMENT /* a person must act: exit code 3 */
} ErrKind;

/* what, why it matters, what to do; unused parts are empty strings */
typedef struct Error
{
	ErrKind kind;
	char code[48]; /* a stable name for machines: "slot_in_use" */
	char text[512];
	char detail[512];
	char hint[1024];
} Error;

#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define MUST_CHECK		  __attribute__((warn_unused_result))

/* Fill err (never NULL) and return false, so that "return err_set(…)" reads. */
extern bool err_set(Error *err, ErrKind kind, const char *code, const char *fmt,
					...) PRINTF_LIKE(4, 5);
extern void err_detail(Error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
extern void err_hint(Error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
extern void err_clear(Error *err);
extern int err_exit_code(const Error *err);

#endif /* TUPLECAST_ERR_H */
