/*
 * shim.h
 *		What the decoder's pure files need of a server, in a plain process.
 *
 * Memory is counted byte by byte, so that the address sanitizer sees what the
 * server's contexts would hide; an ERROR ends SHIM_TRY.
 */
#ifndef TUPLECAST_FUZZ_SHIM_H
#define TUPLECAST_FUZZ_SHIM_H

#include <setjmp.h>
#include <stdbool.h>

extern jmp_buf shim_error_jump;
extern char shim_error_text[4096];
/* of the database; PG_UTF8 at first */
extern int shim_encoding;
/* what the setting tuplecast.secrets holds, or NULL */
extern const char *shim_secrets;

/* true: go on; false: an ERROR was raised, and shim_error_text says which */
#define SHIM_TRY() (setjmp(shim_error_jump) == 0)
/* Frees all that was palloc'd. */
extern void shim_reset(void);

#endif /* TUPLECAST_FUZZ_SHIM_H */
