/*
 * loop.c
 *		The one thread: source to sink, acknowledgements to the slot.
 *
 * Its poll() is the only call that blocks.  When the sink is full the source is
 * not read, so that the server waits and memory stays flat; the server is told
 * our position all the while.
 */
#include "loop_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "signals.h"

/* longest sleep: /livez wants to see the loop turn */
#define TICK_MS 1000
/* a sink without a descriptor is asked that often while it has work */
#define SINK_TICK_MS 5

static void loop_turn(Loop *l);
static void loop_wait(Loop *l);
static void handle_signals(Loop *l);
static void service_sink(Loop *l);
static void beat(Loop *l);
static void on_acked(void *arg, uint64_t ticket);


bool
loop_run(const Config *cfg, Error *err)
{
	Loop *l = calloc(1, sizeof(*l));
	Error why;

	if (l == NULL)
		abort();
	l->cfg = cfg;
	l->ops = sink_configured(cfg);
	loop_core_init(l);
	heartbeat_init(&l->heartbeat, cfg);
	dead_letters_init(&l->dead, cfg);
	wal_watch_init(&l->wal, cfg, &l->stats);
	loop_snapshot_init(l);
	loop_incremental_init(l);
	loop_notify_init(l);
	l->source = source_open(cfg);
	l->turn_us = clock_us(CLOCK_MONOTONIC);
	l->stats.start_us = (uint64_t) clock_us(CLOCK_REALTIME);
	l->moved_ms = l->turn_us / 1000;
	srandom((unsigned) l->stats.start_us ^ (unsigned) getpid());

	while (l->phase != PHASE_DONE)
	{
		loop_turn(l);
		loop_publish(l);
		if (l->phase != PHASE_DONE)
			loop_wait(l);
	}

	log_event(LOG_INFO, "stopped",
			  F_LSN("confirmed", core_confirmable(&l->core)),
			  F_INT("records", l->stats.records),
			  F_INT("unacknowledged", core_pending(&l->core)));
	source_probe_cancel(&l->probe);
	heartbeat_free(&l->heartbeat);
	dead_letters_free(&l->dead);
	notifications_free(&l->notifications);
	loop_signals_free(l);
	wal_watch_free(&l->wal);
	loop_snapshot_free(l);
	loop_incremental_free(l);
	source_close(l->source);
	if (l->sink != NULL)
		l->ops->close(l->sink);
	core_free(&l->core);
	why = l->why;
	free(l);
	if (why.kind == ERR_NONE)
		return true;
	*err = why;
	return false;
}

static void
loop_turn(Loop *l)
{
	int64_t us = clock_us(CLOCK_MONOTONIC);

	if (l->held)
		l->stats.backpressure_us += (uint64_t) (us - l->turn_us);
	l->turn_us = us;
	l->now_ms = us / 1000;
	l->wall_us = clock_us(CLOCK_REALTIME);
	core_turn(&l->core, l->now_ms);
	handle_signals(l);
	service_sink(l);
	core_advance(&l->core, clock_us(CLOCK_REALTIME));
	loop_pump(l);
	beat(l);
	loop_signals(l);
	loop_notify(l);
	loop_incremental_turn(l);
	loop_tables_turn(l);
	loop_deliver(l);
	loop_phase(l);
	loop_watch_stuck(l);
	loop_watch_slow_step(l);
	loop_watch_wal(l);
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When to turn at the latest, on the clock of now_ms. */
static int64_t
wake_ms(const Loop *l)
{
	const LoopSnapshot *s = &l->snapshot;
	bool busy = l->held || core_pending(&l->core) > 0;
	int64_t until = l->now_ms + TICK_MS;

	until = earlier(
		until, source_deadline(l->source, core_confirmable(&l->core), l->idle));
	until = earlier(until, core_deadline(&l->core, l->idle));
	until = earlier(until, heartbeat_deadline(&l->heartbeat));
	until = earlier(until, wal_watch_deadline(&l->wal));
	until = earlier(until, snapshot_source_deadline(s->source));
	until = earlier(until, loop_incremental_deadline(l));
	if (s->phase == SNAPSHOT_WANTED && s->backoff.next_ms > l->now_ms)
		until = earlier(until, s->backoff.next_ms);
	if (!source_is_connected(l->source) && l->phase == PHASE_RUNNING)
		until = earlier(until, l->source_backoff.next_ms);
	if (busy && (l->sink == NULL || l->ops->fd(l->sink) < 0))
		until = earlier(until, l->now_ms + SINK_TICK_MS);
	return until;
}

/* Sleeps until there is work: the only place. */
static void
loop_wait(Loop *l)
{
	bool reading = l->phase == PHASE_ENDING ||
				   (loop_may_read(l) && !l->held && !l->has_payload);
	struct pollfd fds[7 + SNAPSHOT_MAX_READERS + 1] = {
		{.fd = source_fd(l->source),
		 .events = source_events(l->source, reading)},
		{.fd = l->sink != NULL ? l->ops->fd(l->sink) : -1, .events = POLLIN},
		{.fd = signals_fd(), .events = POLLIN},
		{.fd = source_probe_fd(&l->probe),
		 .events = source_probe_events(&l->probe)},
		pg_session_pollfd(&l->heartbeat.session),
		pg_session_pollfd(&l->wal.session),
		{.fd = loop_incremental_fd(l), .events = loop_incremental_events(l)},
	};
	int count = 7 + loop_snapshot_fds(l, fds + 7);
	int64_t timeout;

	if (!l->more && l->sink != NULL && l->ops->idle != NULL)
		l->ops->idle(l->sink);
	timeout = l->more ? 0 : wake_ms(l) - clock_ms();
	if (poll(fds, (nfds_t) count, timeout > 0 ? (int) timeout : 0) <= 0)
		return;

	/* a lost connection that is not being read would be reported for ever */
	if (!reading && source_is_streaming(l->source) &&
		(fds[0].revents & (POLLERR | POLLHUP | POLLNVAL)))
	{
		Error err;

		err_set(&err, ERR_RETRY, "source_lost",
				"the connection to the source was lost");
		source_disconnect(l->source);
		loop_source_lost(l, &err);
	}
}

static void
handle_signals(Loop *l)
{
	int stops = signals_stops();

	if (stops >= 2)
	{
		err_set(
			&l->why, ERR_RESTART, "stopped_at_once",
			"stopped at once by a second signal; what was not confirmed comes again");
		l->phase = PHASE_DONE;
	}
	else if (stops == 1 && l->phase == PHASE_RUNNING)
	{
		log_event(LOG_INFO, "asked to stop: draining",
				  F_INT("unacknowledged", core_pending(&l->core)));
		loop_stop(l, NULL);
	}
}

static void
service_sink(Loop *l)
{
	uint64_t acked = l->stats.acked;
	Error err;

	if (l->sink == NULL)
	{
		SinkEvents events = {.arg = l,
							 .acked = on_acked,
							 .failed = loop_sink_failed,
							 .recovered = loop_on_recovered,
							 .committed = loop_on_committed};

		if (l->phase != PHASE_RUNNING || l->now_ms < l->sink_backoff.next_ms)
			return;
		l->sink = l->ops->open(l->cfg, events, &err);
		if (l->sink == NULL)
			loop_trouble(l, &err, false);
		return;
	}
	if (!l->ops->service(l->sink, &err))
		loop_trouble(l, &err, false);
	else if (l->sink_failed)
	{
		err = l->sink_error;
		loop_trouble(l, &err, false);
	}
	else if (l->stats.acked != acked)
		backoff_succeed(&l->sink_backoff, "the sink works again", l->now_ms);
}

static void
beat(Loop *l)
{
	uint64_t sent = l->heartbeat.sent;
	Error err;

	if (l->sink != NULL &&
		!heartbeat_turn(&l->heartbeat, l->ops, l->sink,
						l->phase == PHASE_RUNNING &&
							source_is_streaming(l->source) &&
							core_may_put(&l->core),
						core_confirmable(&l->core), l->now_ms,
						clock_us(CLOCK_REALTIME), &err))
		loop_trouble(l, &err, true);
	else if (l->heartbeat.sent != sent)
		core_other_taken(&l->core);
}

static void
on_acked(void *arg, uint64_t ticket)
{
	Loop *l = arg;
	Error err;

	if (ticket == OWN_TICKET)
		return;
	if (ticket == SINK_POSITION_TICKET)
	{
		core_position_acked(&l->core);
		return;
	}
	if (!core_acked(&l->core, ticket, &err))
		loop_sink_failed(arg, ticket, &err);
}
