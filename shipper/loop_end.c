/*
 * loop_end.c
 *		What goes wrong in the loop, and how it ends.  There are three ways:
 *
 *	the source is lost		connect again, the sink goes on
 *	the sink is lost		both anew: all that was not confirmed comes again
 *	time does not heal it	drain what is under way, confirm it, stop
 */
#include "loop_internal.h"

#include <stdio.h>

/* for the server's answer to the end of the stream */
#define END_TIMEOUT_MS 3000

static void restart(Loop *l, const Error *err);
static void close_sink(Loop *l);
static void forget_session(Loop *l);
static void end_session(Loop *l);


void
loop_source_lost(Loop *l, const Error *err)
{
	forget_session(l);
	if (l->phase != PHASE_RUNNING)
		return;
	snprintf(l->stats.last_error, sizeof(l->stats.last_error), "%s", err->text);
	if (err->kind != ERR_RETRY)
	{
		loop_stop(l, err);
		return;
	}
	/* what is in a Kafka transaction may be another's by now: from the start */
	if (l->started_ms > 0 && l->cfg->delivery == DELIVERY_EXACTLY_ONCE)
	{
		close_sink(l);
		core_reset(&l->core);
	}
	if (l->started_ms > 0)
		l->stats.source_reconnects++;
	l->started_ms = 0;
	backoff_fail(&l->source_backoff, err, l->now_ms);
}

/*
 * Something went wrong between source and sink.  What heals is begun anew on
 * both sides.  What does not ends the process: after a drain if the sink can
 * still deliver, else now; in both cases what was acknowledged is confirmed.
 */
void
loop_trouble(Loop *l, const Error *err, bool sink_usable)
{
	snprintf(l->stats.last_error, sizeof(l->stats.last_error), "%s", err->text);
	if (err->kind == ERR_RETRY && l->phase == PHASE_RUNNING)
	{
		restart(l, err);
		return;
	}
	if (l->phase == PHASE_ENDING || l->phase == PHASE_DONE)
		return;
	if (l->why.kind == ERR_NONE)
		l->why = *err;
	if (sink_usable)
	{
		loop_stop(l, err);
		return;
	}
	core_advance(&l->core, clock_us(CLOCK_REALTIME));
	close_sink(l);
	end_session(l);
}

/* The first failure counts: what follows is often only its echo. */
void
loop_sink_failed(void *arg, uint64_t ticket, const Error *why)
{
	Loop *l = arg;

	(void) ticket;
	if (l->sink_failed)
		return;
	l->sink_failed = true;
	l->sink_error = *why;
}

/* Both sides anew: all that is not confirmed comes again. */
static void
restart(Loop *l, const Error *err)
{
	source_disconnect(l->source);
	forget_session(l);
	l->started_ms = 0;
	close_sink(l);
	core_reset(&l->core);
	l->stats.sink_restarts++;
	backoff_fail(&l->sink_backoff, err, l->now_ms);
}

static void
close_sink(Loop *l)
{
	loop_snapshot_cancel(l, true);
	loop_incremental_cancel(l, true);
	if (l->sink != NULL)
	{
		l->ops->gauges(l->sink, &l->gauges);
		l->closed_sink_errors += l->gauges.transport_errors;
		l->ops->close(l->sink);
	}
	l->sink = NULL;
	heartbeat_forget_sink(&l->heartbeat);
	notifications_forget_sink(&l->notifications);
	dead_letters_forget_sink(&l->dead);
	loop_tables_forget_sink(l);
	l->stats.sink_connected = 0;
	l->stats.queue_bytes = 0;
	l->sink_failed = false;
	l->resuming = false;
	l->recoveries = 0;
	l->has_payload = false;
	l->held = false;
}

/* What was under way in the session is dropped: it comes again. */
static void
forget_session(Loop *l)
{
	loop_snapshot_cancel(l, false);
	loop_incremental_cancel(l, false);
	l->has_payload = false;
	l->held = false;
	l->resuming = false;
	core_session_end(&l->core);
	source_probe_cancel(&l->probe);
	l->stats.source_connected = 0;
	l->stats.ready = 0;
}

void
loop_stop(Loop *l, const Error *why)
{
	if (l->phase != PHASE_RUNNING)
		return;
	loop_snapshot_progress(l);
	loop_incremental_progress(l);
	if (why != NULL)
		l->why = *why;
	l->phase = PHASE_DRAINING;
	l->drain_ms = l->now_ms + l->cfg->shutdown_timeout;
	l->finish_txn_ms = l->now_ms + l->cfg->shutdown_timeout / 4;
}

/* Tells the server what is confirmed, and that this was it, if it can be told. */
static void
end_session(Loop *l)
{
	Error ignored;

	l->phase = PHASE_DONE;
	if (source_is_streaming(l->source) &&
		source_finish(l->source, core_confirmable(&l->core), &ignored))
	{
		l->phase = PHASE_ENDING;
		l->end_ms = l->now_ms + END_TIMEOUT_MS;
	}
}

void
loop_phase(Loop *l)
{
	if (l->phase == PHASE_DRAINING && !loop_may_read(l))
	{
		uint64_t left = core_pending(&l->core);

		/* dropped: it was not taken, so it comes again */
		l->held = false;
		l->has_payload = false;
		if (!core_settled(&l->core) && l->sink != NULL &&
			l->now_ms < l->drain_ms)
			return;
		if (!core_settled(&l->core) && l->why.kind == ERR_NONE)
			err_set(
				&l->why, ERR_RESTART, "drain_incomplete",
				"%llu records, or the last position, were not acknowledged within shutdown.timeout.ms; they come again at the next start",
				(unsigned long long) left);
		end_session(l);
	}
	if (l->phase == PHASE_ENDING &&
		(!source_is_connected(l->source) || l->now_ms >= l->end_ms))
		l->phase = PHASE_DONE;
}
