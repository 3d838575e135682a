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
#include "loop_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "failpoint.h"
#include "log.h"
#include "loop_gap.h"
#include "signals.h"

/* frames between two looks at signals, acks and the clock */
#define PUMP_FRAMES 4096
/* longest sleep: /livez wants to see the loop turn */
#define TICK_MS 1000
/* a sink without a descriptor is asked that often while it has work */
#define SINK_TICK_MS 5
/* a source that streams this long has recovered */
#define STABLE_MS 5000
/* for the server's answer to the end of the stream */
#define END_TIMEOUT_MS 3000

static void loop_turn(Loop *l);
static void loop_wait(Loop *l);
static void handle_signals(Loop *l);
static void service_sink(Loop *l);
static void beat(Loop *l);
static void run_source(Loop *l);
static void run_phase(Loop *l);
static void pump(Loop *l);
static void take_frame(Loop *l);
static void offer_record(Loop *l);
static void refuse_record(Loop *l, const Error *why);
static void take_source(Loop *l);
static void on_started(Loop *l, const SourceEvent *ev);
static void restart(Loop *l, const Error *err);
static void close_sink(Loop *l);
static void forget_session(Loop *l);
static void stop(Loop *l, const Error *why);
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
	run_source(l);
	beat(l);
	loop_signals(l);
	loop_notify(l);
	loop_incremental_turn(l);
	loop_tables_turn(l);
	loop_deliver(l);
	run_phase(l);
	loop_watch_stuck(l);
	loop_watch_slow_step(l);
	loop_watch_wal(l);
}

/* Sleeps until there is work: the only place. */
static void
loop_wait(Loop *l)
{
	bool reading = loop_may_read(l) && !l->held && !l->has_payload;
	bool busy = l->held || core_pending(&l->core) > 0;
	int64_t until = l->now_ms + TICK_MS;
	int64_t due =
		source_deadline(l->source, core_confirmable(&l->core), l->idle);
	struct pollfd fds[7 + 1 + SNAPSHOT_MAX_READERS];
	int count = 7;
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
	fds[4] = pg_session_pollfd(&l->heartbeat.session);
	fds[5] = pg_session_pollfd(&l->wal.session);
	fds[6] = (struct pollfd){.fd = loop_incremental_fd(l),
							 .events = loop_incremental_events(l)};
	count += loop_snapshot_fds(l, fds + count);
	if (snapshot_source_deadline(l->snapshot.source) < due)
		due = snapshot_source_deadline(l->snapshot.source);
	if (l->snapshot.phase == SNAPSHOT_WANTED &&
		l->snapshot.backoff.next_ms > l->now_ms &&
		l->snapshot.backoff.next_ms < due)
		due = l->snapshot.backoff.next_ms;
	if (due < until)
		until = due;
	due = core_deadline(&l->core);
	if (due < until)
		until = due;
	due = heartbeat_deadline(&l->heartbeat);
	if (due < until)
		until = due;
	due = loop_incremental_deadline(l);
	if (due < until)
		until = due;
	due = wal_watch_deadline(&l->wal);
	if (due < until)
		until = due;
	if (!source_is_connected(l->source) && l->source_backoff.next_ms < until &&
		l->phase == PHASE_RUNNING)
		until = l->source_backoff.next_ms;
	if (fds[1].fd < 0 && busy && l->now_ms + SINK_TICK_MS < until)
		until = l->now_ms + SINK_TICK_MS;
	if (!l->more && l->sink != NULL && l->ops->idle != NULL)
		l->ops->idle(l->sink);
	timeout = l->more ? 0 : until - clock_us(CLOCK_MONOTONIC) / 1000;
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
			loop_source_lost(l, &err);
			return;
		}
	}
	if (loop_snapshot_blocks(l) && l->phase == PHASE_RUNNING)
		loop_snapshot_pump(l);
	else if (loop_incremental_blocks(l) && l->phase == PHASE_RUNNING)
		loop_incremental_put(l);
	else
	{
		pump(l);
		if (loop_incremental_blocks(l))
			l->more = true;
	}
	if (!source_confirm(l->source, core_confirmable(&l->core), l->idle,
						l->now_ms, &err))
	{
		source_disconnect(l->source);
		loop_source_lost(l, &err);
	}
	if (source_sent_lsn(l->source) > l->confirmed_lsn)
	{
		l->confirmed_lsn = source_sent_lsn(l->source);
		if (FAILPOINT("after_confirm"))
		{
			failpoint_error("after_confirm", &err);
			loop_trouble(l, &err, false);
		}
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
bool
loop_may_read(const Loop *l)
{
	if (l->resuming || loop_snapshot_blocks(l) || loop_incremental_blocks(l))
		return false;
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
		if (!loop_may_read(l) || l->idle || !source_is_connected(l->source))
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
			loop_trouble(l, &err, true);
			return;
	}
	if (l->frame.kind != WIRE_RECORD || incremental_follows(l->incremental))
		loop_incremental_frame(l, &l->frame);
	switch (core_frame(&l->core, &l->frame, &l->record, &err))
	{
		case CORE_PRODUCE:
			l->dead.active = false;
			if (l->snapshot.nunmarked > 0)
				loop_gap_change(l);
			offer_record(l);
			break;
		case CORE_NOTHING:
			if (l->snapshot.marks_moved)
				loop_gap_between(l);
			if (l->frame.kind == WIRE_COMMIT)
				loop_incremental_commit(l);
			break;
		case CORE_SKIP:
			break;
		case CORE_STREAM:
			stream = l->ops->stream(
				l->sink, core_get_stream(&l->core, l->frame.stream.id),
				&l->frame.stream, &err);
			if (stream == NULL)
				loop_trouble(l, &err, true);
			else
			{
				core_set_stream(&l->core, &l->frame.stream, stream);
				loop_snapshot_stream(l, &l->frame.stream);
				loop_new_table(l, &l->frame.stream);
			}
			break;
		case CORE_SIGNAL:
			loop_signal_frame(l, &l->frame.signal);
			break;
		case CORE_ERROR:
			loop_trouble(l, &err, true);
			break;
	}
}

static void
offer_record(Loop *l)
{
	const SinkRecord *r = l->dead.active ? &l->dead.record : &l->record;
	Error err;

	if (!core_offer(&l->core, &l->record))
	{
		l->held = true;
		return;
	}
	if (FAILPOINT("before_produce"))
	{
		failpoint_error("before_produce", &err);
		loop_trouble(l, &err, false);
		return;
	}
	if (r->frame->flags & WIRE_REC_OVERSIZE)
	{
		dead_letter_oversized(r, l->cfg, &err);
		refuse_record(l, &err);
		return;
	}
	l->dead.record.ticket = l->record.ticket;
	switch (l->ops->put(l->sink, r, &err))
	{
		case SINK_OK:
			core_taken(&l->core, &l->record);
			if (l->snapshot.marking)
				loop_gap_changed(l);
			l->stats.dead_letters += l->dead.active;
			l->held = false;
			if (FAILPOINT("after_produce"))
			{
				failpoint_error("after_produce", &err);
				loop_trouble(l, &err, false);
			}
			break;
		case SINK_FULL:
		case SINK_PENDING:
			l->held = true;
			break;
		case SINK_ERROR:
			loop_trouble(l, &err, true);
			break;
		case SINK_REFUSED:
			refuse_record(l, &err);
			break;
	}
}

/* No topic takes the record: a dead letter takes its place, or we stop. */
static void
refuse_record(Loop *l, const Error *why)
{
	Error err;

	if (l->dead.active || !dead_letter_wanted(l->cfg, why))
		loop_trouble(l, why, true);
	else if (!dead_letter_make(&l->dead, l->ops, l->sink, &l->record, why,
							   &err))
		loop_trouble(l, &err, true);
	else
	{
		dead_letter_log(&l->dead, why, l->now_ms);
		offer_record(l);
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
			if (FAILPOINT("after_read"))
			{
				failpoint_error("after_read", &err);
				loop_trouble(l, &err, false);
			}
			break;
		case SOURCE_KEEPALIVE:
			core_keepalive(&l->core, ev.wal_end, ev.urgent);
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
			loop_source_lost(l, &err);
			break;
		case SOURCE_DIVERGED:
			loop_trouble(l, &err, true);
			/* not even what was confirmed means anything there */
			core_free(&l->core);
			loop_core_init(l);
			break;
	}
}

static void
on_started(Loop *l, const SourceEvent *ev)
{
	core_session_start(&l->core);
	l->server = ev->server;
	l->stats.slot_lost = 0;
	if (l->positions)
		loop_resume(l);
	else
	{
		core_seed(&l->core, ev->confirmed_lsn);
		if (ev->server.replaced)
			loop_snapshot_repair(l, ev->server.lost_lsn);
		else
			loop_snapshot_session(l, ev->slot_created);
	}
	l->started_ms = l->now_ms;
	l->stats.source_connected = 1;
	if (ev->slot_created)
		log_event(LOG_INFO,
				  "created the replication slot: changes from here on are sent",
				  F_STR("slot", l->cfg->slot_name),
				  F_LSN("lsn", ev->confirmed_lsn));
	log_event(LOG_INFO, "streaming", F_STR("slot", l->cfg->slot_name),
			  F_LSN("lsn", ev->start_lsn));
}

/* The source is disconnected: the sink goes on with what it has. */
void
loop_source_lost(Loop *l, const Error *err)
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
loop_stop(Loop *l)
{
	if (l->phase == PHASE_RUNNING)
		stop(l, NULL);
}

/* Begins the end.  why: NULL if we were asked to. */
static void
stop(Loop *l, const Error *why)
{
	loop_snapshot_progress(l);
	loop_incremental_progress(l);
	if (why != NULL)
		l->why = *why;
	l->phase = PHASE_DRAINING;
	l->drain_ms = l->now_ms + l->cfg->shutdown_timeout;
	l->finish_txn_ms = l->now_ms + l->cfg->shutdown_timeout / 4;
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
