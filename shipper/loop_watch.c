/*
 * loop_watch.c
 *		What the loop sees of itself: does it stand still, and the statistics.
 */
#include "loop_internal.h"

#include <stdio.h>

#include "log.h"

#define GAUGES_EVERY_MS 100
/* the sink stands still this long before we ask whether the server wants to
 * shut down, and so long until we ask again */
#define STUCK_MS		 10000
#define SLOW_STEP_MS	 10000
#define SLOW_STEP_LOG_MS 60000

/*
 * A server that shuts down waits for us, and we for the destination.  When that
 * stands still we ask whether this is so, and if it is we let the server go.
 */
void
loop_watch_stuck(Loop *l)
{
	uint64_t moved = l->stats.records + l->stats.acked;
	Error err;

	if (moved != l->moved_count ||
		(!l->held && !l->resuming && core_pending(&l->core) == 0))
	{
		l->moved_count = moved;
		l->moved_ms = l->now_ms;
	}
	if (source_probe_next(&l->probe, l->now_ms) &&
		source_is_streaming(l->source))
	{
		err_set(
			&err, ERR_RETRY, "source_shutdown",
			"the server wants to shut down while the destination is away: the connection is closed to let it");
		source_disconnect(l->source);
		loop_source_lost(l, &err);
		return;
	}
	if (l->now_ms - l->moved_ms < STUCK_MS || l->now_ms < l->probe_ms ||
		!source_is_streaming(l->source))
		return;
	/* while the source is not read its questions are not heard */
	if (l->held || l->resuming || source_pressed_ms(l->source, l->now_ms) > 0)
	{
		source_probe_start(&l->probe, source_conn(l->source), l->now_ms);
		l->probe_ms = l->now_ms + STUCK_MS;
	}
}

/* A step of connecting that hangs is told: making a slot waits for every
 * transaction that is open. */
void
loop_watch_slow_step(Loop *l)
{
	const char *step = source_step(l->source);

	if (step != l->step)
	{
		l->step = step;
		l->step_ms = l->now_ms;
		l->step_logged_ms = 0;
	}
	if (!source_is_connected(l->source) || source_is_streaming(l->source) ||
		l->now_ms - l->step_ms < SLOW_STEP_MS ||
		(l->step_logged_ms > 0 &&
		 l->now_ms - l->step_logged_ms < SLOW_STEP_LOG_MS))
		return;
	l->step_logged_ms = l->now_ms;
	log_event(
		LOG_WARN, "still waiting for the server", F_STR("step", step),
		F_INT("seconds", (l->now_ms - l->step_ms) / 1000),
		F_STR(
			"hint",
			source_is_taken(l->source)
				? "another process streams from the slot; this one takes over when that one is gone: SELECT active_pid FROM pg_replication_slots"
				: "a new slot waits for all transactions that are open: SELECT pid, xact_start, state FROM pg_stat_activity WHERE backend_xid IS NOT NULL"));
}

/* A slot that is lost stops us: what the sink has is still waited for. */
void
loop_watch_wal(Loop *l)
{
	Error err;

	switch (wal_watch_turn(&l->wal, source_conn(l->source), &l->stats,
						   l->now_ms, &err))
	{
		case WATCH_QUIET:
			return;
		case WATCH_LOST:
			break;
		case WATCH_ENDING:
			/* while we read, we read that, too */
			if (!l->held && !l->resuming)
				return;
			err_set(
				&err, ERR_RETRY, "source_ending",
				"the server wants to end the connection while the destination is away: it is closed to let it");
			break;
	}
	source_disconnect(l->source);
	loop_source_lost(l, &err);
}

static void
publish_incremental(Loop *l)
{
	StatsIncremental *out = &l->stats.incremental;
	IncrementalStatus st;

	incremental_status(l->incremental, &st);
	out->running = st.running;
	out->paused = st.paused;
	snprintf(out->id, sizeof(out->id), "%s", st.id ? st.id : "");
	snprintf(out->collection, sizeof(out->collection), "%s",
			 st.collection ? st.collection : "");
	out->tables = st.tables;
	out->requests = st.requests;
	out->chunks = st.chunk;
	out->rows = st.rows;
	out->dropped = st.dropped;
	out->waiting_xid = st.waiting_xid;
}

void
loop_publish(Loop *l)
{
	Stats *s = &l->stats;
	int64_t oldest_us = core_oldest_us(&l->core);
	int64_t age_us = oldest_us > 0 ? clock_us(CLOCK_REALTIME) - oldest_us : 0;

	if (l->sink != NULL &&
		(l->now_ms - l->gauges_ms >= GAUGES_EVERY_MS ||
		 (l->gauges.queued_bytes > 0 && core_pending(&l->core) == 0)))
	{
		l->ops->gauges(l->sink, &l->gauges);
		l->gauges_ms = l->now_ms;
		s->sink_connected = l->gauges.connected;
		s->sink_errors = l->closed_sink_errors + l->gauges.transport_errors;
		s->queue_bytes = l->gauges.queued_bytes;
		if (l->gauges.last_error[0] != '\0')
			snprintf(s->last_error, sizeof(s->last_error), "%s",
					 l->gauges.last_error);
	}
	s->queue_records = core_pending(&l->core);
	s->received_bytes = source_received_bytes(l->source);
	s->received_lsn = source_received_lsn(l->source);
	s->server_lsn = source_server_lsn(l->source);
	if (source_sent_lsn(l->source) > s->confirmed_lsn)
		s->confirmed_lsn = source_sent_lsn(l->source);
	s->lag_bytes =
		s->server_lsn > s->confirmed_lsn ? s->server_lsn - s->confirmed_lsn : 0;
	s->lag_us = age_us > 0 ? (uint64_t) age_us : 0;
	s->turn_ms = l->now_ms;
	s->progress_ms = l->moved_ms;
	snprintf(s->state, sizeof(s->state), "%s",
			 l->phase == PHASE_RUNNING && l->snapshot.phase >= SNAPSHOT_RUNNING
				 ? snapshot_source_step(l->snapshot.source)
			 : l->phase == PHASE_RUNNING  ? source_step(l->source)
			 : l->phase == PHASE_DRAINING ? "draining"
										  : "ending");
	loop_snapshot_publish(l);
	publish_incremental(l);
	stats_publish(s);
}
