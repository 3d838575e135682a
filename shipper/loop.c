/*
 * loop.c
 *		The one thread: source to sink, acknowledgements to the slot.
 *
 * Its poll() is the only call that blocks.  When the sink is full the source is
 * not read, so that the server waits and memory stays flat; the server is told
 * our position all the while.  What goes wrong ends in one of three ways:
 *
 *	the source is lost		connect again, the sink goes on
 *	the sink is lost		both anew: all that was not confirmed comes again
 *	time does not heal it	drain what is under way, confirm it, stop
 */
#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backoff.h"
#include "core.h"
#include "log.h"
#include "signals.h"
#include "source_probe.h"
#include "source_stream.h"

/* frames between two looks at signals, acks and the clock */
#define PUMP_FRAMES 4096
/* longest sleep: /livez wants to see the loop turn */
#define TICK_MS 1000
/* a sink without a descriptor is asked that often while it has work */
#define SINK_TICK_MS	5
#define GAUGES_EVERY_MS 100
/* a source that streams this long has recovered */
#define STABLE_MS 5000
/* the sink stands still this long before we ask whether the server wants to
 * shut down, and so long until we ask again */
#define STUCK_MS		 10000
#define SLOW_STEP_MS	 10000
#define SLOW_STEP_LOG_MS 60000
/* for the server's answer to the end of the stream */
#define END_TIMEOUT_MS 3000

typedef enum LoopPhase
{
	PHASE_RUNNING,
	PHASE_DRAINING, /* nothing new; what the sink has is waited for */
	PHASE_ENDING,	/* the server is told, and that was it */
	PHASE_DONE
} LoopPhase;

typedef struct Loop
{
	const Config *cfg;
	Stats stats;
	Core core;
	Source *source;
	SourceProbe probe;
	const SinkOps *ops;
	Sink *sink; /* NULL: to be opened */

	/* the payload at hand; frame and record point into it */
	bool has_payload;
	FrameReader reader;
	Frame frame;
	bool held; /* the sink did not take record yet */
	SinkRecord record;
	bool idle; /* the source has nothing at the moment */
	bool more; /* the pump stopped on its budget */

	LoopPhase phase;
	Error why;			   /* why we stop; ERR_NONE: we were asked to */
	int64_t drain_ms;	   /* drain until then */
	int64_t finish_txn_ms; /* and read the open transaction until then */
	int64_t end_ms;

	Backoff source_backoff;
	Backoff sink_backoff;
	bool sink_failed;
	Error sink_error;

	int64_t now_ms; /* CLOCK_MONOTONIC, of this turn */
	int64_t turn_us;
	int64_t started_ms; /* of the session; 0: not streaming */
	int64_t step_ms;	/* when the step of connecting began */
	const char *step;
	int64_t step_logged_ms;
	uint64_t moved_count; /* records and acks when last looked at */
	int64_t moved_ms;
	int64_t probe_ms;
	int64_t gauges_ms;
	SinkGauges gauges;
	uint64_t closed_sink_errors; /* of sinks before this one */
} Loop;

static void loop_turn(Loop *l);
static void loop_wait(Loop *l);
static void handle_signals(Loop *l);
static void service_sink(Loop *l);
static void run_source(Loop *l);
static void run_phase(Loop *l);
static bool may_read(const Loop *l);
static void pump(Loop *l);
static void take_frame(Loop *l);
static void offer_record(Loop *l);
static void take_source(Loop *l);
static void on_started(Loop *l, const SourceEvent *ev);
static void source_lost(Loop *l, const Error *err);
static void trouble(Loop *l, const Error *err, bool sink_usable);
static void restart(Loop *l, const Error *err);
static void close_sink(Loop *l);
static void forget_session(Loop *l);
static void stop(Loop *l, const Error *why);
static void watch_stuck(Loop *l);
static void watch_slow_step(Loop *l);
static void publish(Loop *l);
static void on_acked(void *arg, uint64_t ticket);
static void on_failed(void *arg, uint64_t ticket, const Error *why);
static int64_t clock_us(clockid_t clock);


bool
loop_run(const Config *cfg, Error *err)
{
	Loop *l = calloc(1, sizeof(*l));
	Error why;

	if (l == NULL)
		abort();
	l->cfg = cfg;
	l->ops =
		sink_by_name((const char *[]){"kafka", "stdout", "file"}[cfg->sink]);
	core_init(&l->core, &l->stats);
	l->source = source_open(cfg);
	l->turn_us = clock_us(CLOCK_MONOTONIC);
	l->stats.start_us = (uint64_t) clock_us(CLOCK_REALTIME);
	l->moved_ms = l->turn_us / 1000;
	srandom((unsigned) l->stats.start_us ^ (unsigned) getpid());

	while (l->phase != PHASE_DONE)
	{
		loop_turn(l);
		publish(l);
		if (l->phase != PHASE_DONE)
			loop_wait(l);
	}

	log_event(LOG_INFO, "stopped",
			  F_LSN("confirmed", core_confirmable(&l->core)),
			  F_INT("records", l->stats.records),
			  F_INT("unacknowledged", core_pending(&l->core)));
	source_probe_cancel(&l->probe);
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
	handle_signals(l);
	service_sink(l);
	core_advance(&l->core, clock_us(CLOCK_REALTIME));
	run_source(l);
	run_phase(l);
	watch_stuck(l);
	watch_slow_step(l);
}

/* Sleeps until there is work: the only place. */
static void
loop_wait(Loop *l)
{
	bool reading = may_read(l) && !l->held && !l->has_payload;
	bool busy = l->held || core_pending(&l->core) > 0;
	int64_t until = l->now_ms + TICK_MS;
	int64_t due =
		source_deadline(l->source, core_confirmable(&l->core), l->idle);
	struct pollfd fds[4];
	int64_t timeout;

	if (l->phase == PHASE_ENDING)
		reading = true;
	fds[0] = (struct pollfd){.fd = source_fd(l->source),
							 .events = source_events(l->source, reading)};
	fds[1] = (struct pollfd){.fd = l->sink != NULL ? l->ops->fd(l->sink) : -1,
							 .events = POLLIN};
	fds[2] = (struct pollfd){.fd = signals_fd(), .events = POLLIN};
	fds[3] = (struct pollfd){.fd = source_probe_fd(&l->probe),
							 .events = source_probe_events(&l->probe)};

	if (due < until)
		until = due;
	if (!source_is_connected(l->source) && l->source_backoff.next_ms < until &&
		l->phase == PHASE_RUNNING)
		until = l->source_backoff.next_ms;
	if (fds[1].fd < 0 && busy && l->now_ms + SINK_TICK_MS < until)
		until = l->now_ms + SINK_TICK_MS;
	timeout = l->more ? 0 : until - clock_us(CLOCK_MONOTONIC) / 1000;
	if (poll(fds, 4, timeout > 0 ? (int) timeout : 0) <= 0)
		return;

	/* a lost connection that is not being read would be reported for ever */
	if (!reading && source_is_streaming(l->source) &&
		(fds[0].revents & (POLLERR | POLLHUP | POLLNVAL)))
	{
		Error err;

		err_set(&err, ERR_RETRY, "source_lost",
				"the connection to the source was lost");
		source_disconnect(l->source);
		source_lost(l, &err);
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
		stop(l, NULL);
	}
}

static void
service_sink(Loop *l)
{
	uint64_t acked = l->stats.acked;
	Error err;

	if (l->sink == NULL)
	{
		SinkEvents events = {.arg = l, .acked = on_acked, .failed = on_failed};

		if (l->phase != PHASE_RUNNING || l->now_ms < l->sink_backoff.next_ms)
			return;
		l->sink = l->ops->open(l->cfg, events, &err);
		if (l->sink == NULL)
			trouble(l, &err, false);
		return;
	}
	if (!l->ops->service(l->sink, &err))
		trouble(l, &err, false);
	else if (l->sink_failed)
	{
		err = l->sink_error;
		trouble(l, &err, false);
	}
	else if (l->stats.acked != acked)
		backoff_succeed(&l->sink_backoff, "the sink works again", l->now_ms);
}

static void
run_source(Loop *l)
{
	Error err;

	l->more = false;
	l->idle = false;
	if (l->phase == PHASE_DONE)
		return;
	if (!source_is_connected(l->source))
	{
		/* without a sink there is nothing to read for; it comes first */
		if (l->phase != PHASE_RUNNING || l->sink == NULL ||
			l->now_ms < l->source_backoff.next_ms)
			return;
		if (!source_connect(l->source, core_confirmable(&l->core), l->now_ms,
							&err))
		{
			source_lost(l, &err);
			return;
		}
	}
	pump(l);
	if (!source_confirm(l->source, core_confirmable(&l->core), l->idle,
						l->now_ms, &err))
	{
		source_disconnect(l->source);
		source_lost(l, &err);
	}
	if (l->started_ms > 0 && l->now_ms - l->started_ms >= STABLE_MS)
		backoff_succeed(&l->source_backoff, "the source works again",
						l->now_ms);
}

/* From draining to ending to done. */
static void
run_phase(Loop *l)
{
	Error err;

	if (l->phase == PHASE_DRAINING && !may_read(l))
	{
		uint64_t left = core_pending(&l->core);

		/* dropped: it was not taken, so it comes again */
		l->held = false;
		l->has_payload = false;
		if (left > 0 && l->sink != NULL && l->now_ms < l->drain_ms)
			return;
		if (left > 0 && l->why.kind == ERR_NONE)
			err_set(
				&l->why, ERR_RESTART, "drain_incomplete",
				"%llu records were not acknowledged within shutdown.timeout.ms; they come again at the next start",
				(unsigned long long) left);
		l->phase = PHASE_DONE;
		if (source_is_streaming(l->source) &&
			source_finish(l->source, core_confirmable(&l->core), &err))
		{
			l->phase = PHASE_ENDING;
			l->end_ms = l->now_ms + END_TIMEOUT_MS;
		}
	}
	if (l->phase == PHASE_ENDING &&
		(!source_is_connected(l->source) || l->now_ms >= l->end_ms))
		l->phase = PHASE_DONE;
}

/* While stopping, the transaction that is being received is finished, if that
 * does not take long: it would come again whole. */
static bool
may_read(const Loop *l)
{
	if (l->phase == PHASE_RUNNING)
		return true;
	return l->phase == PHASE_DRAINING && l->why.kind == ERR_NONE &&
		   core_in_txn(&l->core) && l->now_ms < l->finish_txn_ms &&
		   source_is_streaming(l->source);
}

static void
pump(Loop *l)
{
	if (l->phase == PHASE_ENDING)
	{
		take_source(l);
		return;
	}
	for (int n = 0; n < PUMP_FRAMES; n++)
	{
		if (!may_read(l) || l->idle || !source_is_connected(l->source))
			return;
		if (l->held)
			offer_record(l);
		else if (l->has_payload)
			take_frame(l);
		else
			take_source(l);
		if (l->held)
			return;
	}
	l->more = true;
}

/* The next frame of the payload: hot, no allocation, no call into libpq. */
static void
take_frame(Loop *l)
{
	Error err;
	SinkStream *stream;

	switch (frame_reader_next(&l->reader, &l->frame, &err))
	{
		case FRAME_OK:
			break;
		case FRAME_END:
			l->has_payload = false;
			return;
		case FRAME_CORRUPT:
			trouble(l, &err, true);
			return;
	}
	switch (core_frame(&l->core, &l->frame, &l->record, &err))
	{
		case CORE_PRODUCE:
			offer_record(l);
			break;
		case CORE_NOTHING:
		case CORE_SKIP:
			break;
		case CORE_STREAM:
			stream = l->ops->stream(
				l->sink, core_get_stream(&l->core, l->frame.stream.id),
				&l->frame.stream, &err);
			if (stream == NULL)
				trouble(l, &err, true);
			else
				core_set_stream(&l->core, &l->frame.stream, stream);
			break;
		case CORE_ERROR:
			trouble(l, &err, true);
			break;
	}
}

static void
offer_record(Loop *l)
{
	Error err;

	switch (l->ops->put(l->sink, &l->record, &err))
	{
		case SINK_OK:
			core_taken(&l->core, &l->record);
			l->held = false;
			break;
		case SINK_FULL:
		case SINK_PENDING:
			l->held = true;
			break;
		case SINK_ERROR:
			trouble(l, &err, true);
			break;
	}
}

static void
take_source(Loop *l)
{
	SourceEvent ev;
	Error err;

	switch (source_next(l->source, l->now_ms, &ev, &err))
	{
		case SOURCE_PAYLOAD:
			frame_reader_init(&l->reader, ev.payload, ev.len);
			l->has_payload = true;
			break;
		case SOURCE_KEEPALIVE:
			core_keepalive(&l->core, ev.wal_end);
			l->stats.ready = 1;
			break;
		case SOURCE_WAIT:
			l->idle = true;
			break;
		case SOURCE_STARTED:
			on_started(l, &ev);
			break;
		case SOURCE_ENDED:
			break;
		case SOURCE_LOST:
			source_lost(l, &err);
			break;
		case SOURCE_DIVERGED:
			trouble(l, &err, true);
			/* not even what was confirmed means anything there */
			core_free(&l->core);
			core_init(&l->core, &l->stats);
			break;
	}
}

static void
on_started(Loop *l, const SourceEvent *ev)
{
	core_seed(&l->core, ev->confirmed_lsn);
	core_session_start(&l->core);
	l->started_ms = l->now_ms;
	l->stats.source_connected = 1;
	if (ev->slot_created)
		log_event(
			LOG_INFO,
			"created the replication slot: changes from here on are sent, rows that exist already are not",
			F_STR("slot", l->cfg->slot_name), F_LSN("lsn", ev->confirmed_lsn));
	log_event(LOG_INFO, "streaming", F_STR("slot", l->cfg->slot_name),
			  F_LSN("lsn", ev->start_lsn));
}

/* The source is disconnected: the sink goes on with what it has. */
static void
source_lost(Loop *l, const Error *err)
{
	forget_session(l);
	if (l->phase != PHASE_RUNNING)
		return;
	snprintf(l->stats.last_error, sizeof(l->stats.last_error), "%s", err->text);
	if (err->kind != ERR_RETRY)
	{
		stop(l, err);
		return;
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
static void
trouble(Loop *l, const Error *err, bool sink_usable)
{
	Error ignored;

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
		if (l->phase == PHASE_RUNNING)
			stop(l, err);
		return;
	}
	core_advance(&l->core, clock_us(CLOCK_REALTIME));
	close_sink(l);
	l->phase = PHASE_DONE;
	if (source_is_streaming(l->source) &&
		source_finish(l->source, core_confirmable(&l->core), &ignored))
	{
		l->phase = PHASE_ENDING;
		l->end_ms = l->now_ms + END_TIMEOUT_MS;
	}
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
	if (l->sink != NULL)
	{
		l->ops->gauges(l->sink, &l->gauges);
		l->closed_sink_errors += l->gauges.transport_errors;
		l->ops->close(l->sink);
	}
	l->sink = NULL;
	l->stats.sink_connected = 0;
	l->stats.queue_bytes = 0;
	l->sink_failed = false;
	l->has_payload = false;
	l->held = false;
}

/* What was under way in the session is dropped: it comes again. */
static void
forget_session(Loop *l)
{
	l->has_payload = false;
	l->held = false;
	core_session_end(&l->core);
	source_probe_cancel(&l->probe);
	l->stats.source_connected = 0;
	l->stats.ready = 0;
}

/* Begins the end.  why: NULL if we were asked to. */
static void
stop(Loop *l, const Error *why)
{
	if (why != NULL)
		l->why = *why;
	l->phase = PHASE_DRAINING;
	l->drain_ms = l->now_ms + l->cfg->shutdown_timeout;
	l->finish_txn_ms = l->now_ms + l->cfg->shutdown_timeout / 4;
}

/*
 * A server that shuts down waits for us, and we for the destination.  When that
 * stands still we ask whether this is so, and if it is we let the server go.
 */
static void
watch_stuck(Loop *l)
{
	uint64_t moved = l->stats.records + l->stats.acked;
	Error err;

	if (moved != l->moved_count || (!l->held && core_pending(&l->core) == 0))
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
		source_lost(l, &err);
		return;
	}
	if (l->now_ms - l->moved_ms < STUCK_MS || l->now_ms < l->probe_ms ||
		!source_is_streaming(l->source))
		return;
	/* while the source is not read its questions are not heard */
	if (l->held || source_pressed_ms(l->source, l->now_ms) > 0)
	{
		source_probe_start(&l->probe, source_conn(l->source), l->now_ms);
		l->probe_ms = l->now_ms + STUCK_MS;
	}
}

/* A step of connecting that hangs is told: making a slot waits for every
 * transaction that is open. */
static void
watch_slow_step(Loop *l)
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
			"a new slot waits for all transactions that are open: SELECT pid, xact_start, state FROM pg_stat_activity WHERE backend_xid IS NOT NULL"));
}

static void
publish(Loop *l)
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
			 l->phase == PHASE_RUNNING	  ? source_step(l->source)
			 : l->phase == PHASE_DRAINING ? "draining"
										  : "ending");
	stats_publish(s);
}

static void
on_acked(void *arg, uint64_t ticket)
{
	Loop *l = arg;
	Error err;

	if (!core_acked(&l->core, ticket, &err))
		on_failed(arg, ticket, &err);
}

/* The first failure counts: what follows is often only its echo. */
static void
on_failed(void *arg, uint64_t ticket, const Error *why)
{
	Loop *l = arg;

	(void) ticket;
	if (l->sink_failed)
		return;
	l->sink_failed = true;
	l->sink_error = *why;
}

static int64_t
clock_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}
