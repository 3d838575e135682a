/*
 * oversize.h
 *		Records beyond record.max.bytes: they are stopped while they are built,
 *		or the columns that fill them are cut.
 */
#ifndef TUPLECAST_OVERSIZE_H
#define TUPLECAST_OVERSIZE_H

#include "compat.h"

#include "lib/stringinfo.h"

#include "options.h"
#include "relcache.h"

/* a value that does not fit is built up to here, to learn its length and hash */
#define OVERSIZE_BUILD_BYTES (64 << 20)
/* without record.max.bytes */
#define OVERSIZE_DEFAULT_BYTES (128 << 20)
#define OVERSIZE_CUT_BYTES	   1000000
/* changes whose tuples are larger, or have values out of line, are built under
 * guard; the others cannot come near 1 GB */
#define OVERSIZE_TUPLE_BYTES 65536

struct Encoder;
struct Change;

/* Bytes of key and value that a record may have. */
extern int oversize_limit(const PluginOptions *opts);

/*
 * Runs work(arg).  false: what it builds goes beyond the ceiling, or beyond
 * what the server can hold; other errors are raised as ever.
 */
typedef void (*OversizeWork)(void *arg);
extern bool oversize_try(const PluginOptions *opts, OversizeWork work,
						 void *arg);

/* ERROR, inside oversize_try(), if so many bytes more are beyond the ceiling. */
extern void oversize_expect(const StringInfoData *out, Size bytes);

/*
 * While values are cut: a value that is longer is appended short, with a mark
 * of its length, and booked.  false: it is to be appended as ever.
 */
extern int oversize_cut_at; /* 0: nothing is cut */
extern bool oversize_cut(StringInfo out, const ColumnPlan *col, Datum value);
/* {"column":bytes,…} of what was cut since the last call, or NULL */
extern char *oversize_cuts(void);

/* A value: whole, or cut, or stopped, as the options want it. */
extern void oversize_value(struct Encoder *enc, const struct Change *change,
						   OversizeWork work, void *arg);
/* A lower bound of a value's bytes as JSON, of a class that is known; it is not
 * expanded. */
extern Size oversize_least_of(SizeClass class, Datum value);
/* A lower bound of the bytes of a change's rows. */
extern uint64 oversize_least(const struct Change *change);

#endif /* TUPLECAST_OVERSIZE_H */
