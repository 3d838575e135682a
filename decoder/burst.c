/*
 * burst.c
 *		Catching up faster than the walsender does by itself.
 *
 * PqCommMethods, the table of functions that talk to the client, is replaced by
 * a copy with three functions of ours.  The walsender's main loop
 * (WalSndLoop() in walsender.c) calls flush_if_writable() after each record:
 * that is where the next records are decoded.  The same function is called
 * from other places, where that must not happen: inside a read of WAL, inside a
 * write of the plugin, inside a report of progress.  All three are entered
 * through pointers of the context or its reader, which are wrapped, so that
 * "depth" says whether we are in one of them.
 *
 * What keeps the walsender's promises:
 *	- held bytes stay in the connection's own buffer, in order, before any
 *	  keepalive; a keepalive or any other message ends the hold at once
 *	- inside a read of WAL nothing is held: there the walsender may wait, for
 *	  more WAL or (from 17 on) for a standby
 *	- nothing is held for longer than HOLD_US, however little of the WAL is
 *	  ours: the clock is looked at before each burst and inside transactions.
 *	  Only a record that takes longer by itself, as one that waits for a lock,
 *	  delays what came before it
 *	- a burst ends after so many records, so many microseconds, when the socket
 *	  does not take the bytes, and on any interrupt: replies, timeouts,
 *	  configuration and shutdown are seen as often as between two large
 *	  transactions
 *	- after CopyDone nothing is decoded or held any more
 *	- its position (sentPtr) stays behind by a burst at the most, never ahead
 *
 * After an error the connection lives on, with the original functions, because
 * the memory context that these live in is gone before the next command.
 */
#include "burst.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "postmaster/interrupt.h"
#include "replication/decode.h"
#include "replication/walsender.h"

/* libpq.h pulls in headers of libraries that need not be there; nothing of the
 * structures that depend on them is used */
#undef ENABLE_GSS
#undef ENABLE_SSPI
#undef USE_SSL
#undef USE_OPENSSL
#include "libpq/libpq.h"

/* the walsender is behind if so much WAL is there that it has not read */
#define BEHIND_BYTES  (256 * 1024)
#define HOLD_BYTES	  (64 * 1024)
#define BURST_RECORDS 64
#define BURST_US	  2000
#define HOLD_US		  20000
/* a message's type and length */
#define MESSAGE_OVERHEAD 5

static struct
{
	LogicalDecodingContext *ctx; /* NULL: not installed */
	const PQcommMethods *original;
	PQcommMethods methods;
	XLogPageReadCB page_read;
	LogicalOutputPluginWriterWrite write;
	LogicalOutputPluginWriterUpdateProgress update_progress;
	MemoryContextCallback gone;
	XLogRecPtr flushed; /* WAL that surely is there; only grows */
	int depth;			/* inside a read, a write or a report */
	int reading;		/* inside a read */
	bool bursting;
	bool took_time;	  /* the last record may have */
	bool urgent;	  /* something must go out now */
	bool ended;		  /* by CopyDone */
	size_t held;	  /* bytes that a flush would have sent */
	instr_time since; /* the hold's first burst; zero: none yet */
} burst;

/* others still call our functions: they cannot be replaced once more */
static bool left_behind;


static bool
is_behind(void)
{
	XLogRecPtr wanted;

	if (burst.ctx == NULL)
		return false;
	wanted = burst.ctx->reader->EndRecPtr + BEHIND_BYTES;
	if (wanted < burst.flushed)
		return true;
	burst.flushed = tc_flush_position();
	return wanted < burst.flushed;
}

static bool
may_hold(void)
{
	return burst.held < HOLD_BYTES && !burst.urgent && !burst.ended &&
		   burst.reading == 0 && is_behind();
}

static int64
microseconds_since(instr_time start)
{
	instr_time now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return (int64) INSTR_TIME_GET_MICROSEC(now);
}

static bool
held_too_long(void)
{
	return burst.held > 0 && !INSTR_TIME_IS_ZERO(burst.since) &&
		   microseconds_since(burst.since) > HOLD_US;
}

static int
flush_held(void)
{
	int rc = burst.original->flush_if_writable();

	/* what the socket did not take is pending, and no longer held */
	burst.held = 0;
	burst.urgent = false;
	INSTR_TIME_SET_ZERO(burst.since);
	return rc;
}

/* between two records */
static bool
may_decode(void)
{
	return !InterruptPending && !ConfigReloadPending && !burst.urgent &&
		   !burst.ended && is_behind() &&
		   (burst.held > 0 || !burst.original->is_send_pending());
}

/*
 * As XLogSendLogical(), many times; the loop's own call goes on where this
 * ends.
 */
static void
decode_burst(void)
{
	XLogReaderState *reader = burst.ctx->reader;
	instr_time start;

	INSTR_TIME_SET_CURRENT(start);
	if (INSTR_TIME_IS_ZERO(burst.since))
		burst.since = start;
	burst.bursting = true;
	for (int n = 0; n < BURST_RECORDS && may_decode(); n++)
	{
		char *error = NULL;
		XLogRecord *record;

		if (burst.took_time || n % 8 == 7)
		{
			burst.took_time = false;
			if (microseconds_since(start) > BURST_US)
				break;
		}
		record = XLogReadRecord(reader, &error);
		if (error != NULL)
			elog(ERROR, "could not read WAL at %X/%X: %s",
				 LSN_FORMAT_ARGS(reader->EndRecPtr), error);
		if (record == NULL)
			break;
		LogicalDecodingProcessRecord(burst.ctx, reader);
	}
	burst.bursting = false;
}

/* ---- the connection ------------------------------------------------------ */

static void
burst_putmessage_noblock(char type, const char *body, size_t len)
{
	/* rows are 'w'; a keepalive ('k') or the end of the stream is awaited */
	if (type != 'd' || len == 0 || body[0] != 'w')
		burst.urgent = true;
	if (type == 'c')
		burst.ended = true;
	burst.held += len + MESSAGE_OVERHEAD;
	burst.original->putmessage_noblock(type, body, len);
}

static int
burst_flush_if_writable(void)
{
	if (burst.depth == 0 && !burst.bursting)
	{
		if (held_too_long())
			return flush_held();
		if (may_decode())
			decode_burst();
	}
	if (burst.held > 0 && may_hold())
		return 0;
	return flush_held();
}

static bool
burst_is_send_pending(void)
{
	if (burst.held > 0 && may_hold())
		return false;
	return burst.original->is_send_pending();
}

/* ---- what must not be interrupted by a burst ----------------------------- */

static int
burst_page_read(XLogReaderState *reader, XLogRecPtr page, int wanted,
				XLogRecPtr target, char *buf)
{
	int got;

	burst.depth++;
	burst.reading++;
	got = burst.page_read(reader, page, wanted, target, buf);
	burst.reading--;
	burst.depth--;
	return got;
}

static void
burst_write(LogicalDecodingContext *ctx, XLogRecPtr lsn, TransactionId xid,
			bool last_write)
{
	burst.depth++;
	burst.write(ctx, lsn, xid, last_write);
	burst.took_time = true;
	burst.depth--;
}

/*
 * A transaction may take minutes and write nothing.  A connection that is lost
 * here is seen by the next to use it.
 */
static void
progress_reported(void)
{
	burst.took_time = true;
	if (held_too_long())
		(void) flush_held();
}

#if TC_PROGRESS_SAYS_SKIPPED
static void
burst_update_progress(LogicalDecodingContext *ctx, XLogRecPtr lsn,
					  TransactionId xid, bool skipped)
{
	burst.depth++;
	burst.update_progress(ctx, lsn, xid, skipped);
	progress_reported();
	burst.depth--;
}
#else
static void
burst_update_progress(LogicalDecodingContext *ctx, XLogRecPtr lsn,
					  TransactionId xid)
{
	burst.depth++;
	burst.update_progress(ctx, lsn, xid);
	progress_reported();
	burst.depth--;
}
#endif

/* ---- start and end ------------------------------------------------------- */

static void
burst_remove(void *arg)
{
	if (burst.ctx == NULL)
		return;
	/* whoever replaced them after us is left alone, with what we pass on */
	if (PqCommMethods == &burst.methods)
		PqCommMethods = burst.original;
	else
		left_behind = true;
	burst.ctx = NULL;
}

void
burst_install(LogicalDecodingContext *ctx)
{
	/* a standby may be promoted meanwhile, and its flush position is another */
	if (!am_walsender || RecoveryInProgress() || burst.ctx != NULL ||
		left_behind || ctx->reader == NULL || ctx->write == NULL ||
		ctx->update_progress == NULL)
		return;
	memset(&burst, 0, sizeof(burst));
	burst.ctx = ctx;
	burst.page_read = ctx->reader->routine.page_read;
	burst.write = ctx->write;
	burst.update_progress = ctx->update_progress;
	burst.original = PqCommMethods;
	burst.methods = *PqCommMethods;
	burst.methods.flush_if_writable = burst_flush_if_writable;
	burst.methods.is_send_pending = burst_is_send_pending;
	burst.methods.putmessage_noblock = burst_putmessage_noblock;
	burst.gone.func = burst_remove;
	MemoryContextRegisterResetCallback(ctx->context, &burst.gone);

	ctx->reader->routine.page_read = burst_page_read;
	ctx->write = burst_write;
	ctx->update_progress = burst_update_progress;
	PqCommMethods = &burst.methods;
}
