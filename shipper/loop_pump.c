/*
 * loop_pump.c
 *		The loop's way from source to sink: messages, frames, records.
 */
#include "loop_internal.h"

#include "failpoint.h"
#include "log.h"
#include "loop_gap.h"

/* frames between two looks at signals, acks and the clock */
#define PUMP_FRAMES 4096
/* a source that streams this long has recovered */
#define STABLE_MS 5000

static void pump(Loop *l);
static void take_frame(Loop *l);
static void offer_record(Loop *l);
static void refuse_record(Loop *l, const Error *why);
static void take_source(Loop *l);
static void on_started(Loop *l, const SourceEvent *ev);


void
loop_pump(Loop *l)
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
