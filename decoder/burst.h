/*
 * burst.h
 *		Catching up faster than the walsender does by itself.
 *
 * After each WAL record the walsender looks for replies, asks the clock and
 * flushes; while it is behind, that is three quarters of its time.  Here, only
 * while it is behind, small writes are held until 64 KB have come together, and
 * up to BURST_RECORDS records are decoded in one turn of its loop.  The bytes
 * sent are the same.  Caught up, everything is as without.
 */
#ifndef TUPLECAST_BURST_H
#define TUPLECAST_BURST_H

#include "compat.h"

/*
 * Does nothing but in the walsender of a primary.  Ends by itself with
 * ctx->context, which also an error leads to.
 */
extern void burst_install(LogicalDecodingContext *ctx);

#endif /* TUPLECAST_BURST_H */
