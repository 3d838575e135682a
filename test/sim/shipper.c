/*
 * shipper.c
 *		A shipper around the real core: what loop.c and the sinks do, as single
 *		steps, so that it can be killed between any two.
 */
#include "sim.h"

#include <stdio.h>
#include <string.h>

#include "lsn.h"

SimShipper shippers[SHIPPERS];

static uint32_t writers;

void
shipper_begin(void)
{
	memset(shippers, 0, sizeof(shippers));
	writers = 0;
}

static void take_acks(int i);

static void
free_shipper(SimShipper *s)
{
	if (s->state == DOWN)
		return;
	producer_destroy(&s->producer);
	core_free(&s->core);
	position_free(&s->read);
	position_free(&s->early);
	s->state = DOWN;
}

void
shipper_free_all(void)
{
	for (int i = 0; i < SHIPPERS; i++)
		free_shipper(&shippers[i]);
}

void
shipper_start(int i)
{
	SimShipper *s = &shippers[i];

	if (s->state != DOWN)
		return;
	memset(s, 0, offsetof(SimShipper, producer));
	s->options = sim_options;
	s->holding = false;
	memset(&s->read, 0, sizeof(s->read));
	memset(&s->early, 0, sizeof(s->early));
	snprintf(s->options.writer, sizeof(s->options.writer), "w%u", ++writers);
	/* now and then the options were changed */
	snprintf(s->options.hash, sizeof(s->options.hash), "%016x",
			 !sim_healing && sim_once_in(20) ? 2 : 1);
	if (sim_healing && kafka.position.open.end_lsn != 0)
		memcpy(s->options.hash, kafka.position.options,
			   sizeof(s->options.hash));
	core_init(&s->core, &s->stats);
	core_configure(&s->core, &s->options);
	s->state = CONNECTING;
	TRACE("shipper %d: start as %s, options %s", i, s->options.writer,
		  s->options.hash);
}

void
shipper_kill(int i)
{
	SimShipper *s = &shippers[i];

	if (s->state == DOWN)
		return;
	TRACE("shipper %d: killed", i);
	if (pg.owner == i)
		pg.owner = NOBODY;
	free_shipper(s);
	totals.kills++;
}

/* Noticed when it reads on, or not at all. */
void
shipper_session_lost(int i)
{
	shippers[i].lost = true;
}

/* ---- recovery ---- */

static void
start_over(int i, bool sink)
{
	SimShipper *s = &shippers[i];

	/* exactly-once has one way back for all errors */
	sink |= kafka.exactly_once;
	TRACE("shipper %d: starts over%s", i, sink ? ", with its sink" : "");
	if (pg.owner == i && s->session == pg.session)
		pg.owner = NOBODY;
	s->holding = false;
	s->lost = false;
	if (sink)
	{
#ifdef SIM_BUG_KEEP_PRODUCER
		s->producer.failed = s->producer.committing = false;
#else
		producer_destroy(&s->producer);
#endif
		core_reset(&s->core);
	}
	else
		core_session_end(&s->core);
	s->state = CONNECTING;
}

/* An error that stops the shipper: it must have a reason. */
static void
stop_with(int i, const Error *err)
{
	SimShipper *s = &shippers[i];
	/* as it was when it was asked for: it may be another one by now */
	const Position *p = &s->early;
	bool reason = false;

	TRACE("shipper %d: %s: %s", i, err->code, err->text);
	if (strcmp(err->code, "position_gap") == 0)
		reason = pg.slot_moved || kafka.overlap;
	else if (strcmp(err->code, "position_lost") == 0)
		reason = kafka.position_lost && kafka.exactly_once;
	else if (strcmp(err->code, "cannot_resume_transaction") == 0)
		/* whoever changed the options takes them back */
		reason =
			p->open.end_lsn != 0 && strcmp(p->options, s->options.hash) != 0;
	else if (strcmp(err->code, "timeline_unknown") == 0)
		reason = !pg_in_history(p->timeline);
	else if (strcmp(err->code, "ghost_transactions") == 0 ||
			 strcmp(err->code, "transaction_vanished") == 0 ||
			 strcmp(err->code, "position_ahead") == 0)
	{
		for (int h = 0; h < pg.history.count; h++)
			reason |= p->generation != 0 &&
					  p->timeline <= pg.history.items[h].timeline &&
					  (p->end_lsn > pg.history.items[h].end_lsn ||
					   p->open.end_lsn > pg.history.items[h].end_lsn);
	}
	HOLDS("I8", reason, "shipper %d stops without a reason: %s: %s", i,
		  err->code, err->text);
	if (strcmp(err->code, "cannot_resume_transaction") == 0)
	{
		shipper_kill(i);
		return;
	}
	totals.reported++;
	s->state = STOPPED;
	sim_over = true;
}

static void
failed(int i, const Error *err)
{
	if (err->kind == ERR_RETRY)
	{
		TRACE("shipper %d: %s: %s", i, err->code, err->text);
		start_over(i, true);
	}
	else
		stop_with(i, err);
}

/* Nothing of what must be found out at a start was overlooked. */
static void
check_resumed(int i, const Position *p)
{
	SimShipper *s = &shippers[i];

	HOLDS(
		"I1",
		!pg.slot_moved || p->generation == 0 || p->end_lsn >= s->early_slot_lsn,
		"shipper %d streams, though the slot was moved beyond the position", i);
	HOLDS("I1", !s->early_lost || !kafka.exactly_once,
		  "shipper %d streams, though the position is lost", i);
	HOLDS("I13", p->generation == 0 || pg_in_history(p->timeline),
		  "shipper %d streams from a server that is of another branch", i);
	if (p->generation != 0)
		for (int h = 0; h < pg.history.count; h++)
			HOLDS("I13",
				  p->timeline > pg.history.items[h].timeline ||
					  p->end_lsn <= pg.history.items[h].end_lsn,
				  "shipper %d streams from a server that never had what is "
				  "delivered",
				  i);
	s->slot_at_start = pg.slot_lsn;
	position_free(&s->read);
	position_copy(&s->read, p);
	s->read_dropped_open =
		p->open.end_lsn != 0 && strcmp(p->options, s->options.hash) != 0;
}

/* The position as it is now; the answer may come much later. */
static void
read_position(int i)
{
	SimShipper *s = &shippers[i];

	position_free(&s->early);
	position_copy(&s->early, kafka_seen());
	s->early_used = kafka.topic_used;
	s->early_lost = kafka.position_lost;
	s->early_slot_lsn = pg.slot_lsn;
	for (int other = 0; other < SHIPPERS; other++)
		shippers[other].producer.succeeded |= other != i;
}

static void
recover(int i)
{
	SimShipper *s = &shippers[i];
	const Position *p = &s->early;
	ResumeStored stored = {.position = p->generation != 0 ? p : NULL,
						   .topic_used = s->early_used,
						   .topic = "position"};
	ResumeServer server = {.system_id = "1",
						   .timeline = pg.timeline,
						   .wal_lsn = pg.wal_end,
						   .slot_lsn = s->early_slot_lsn,
						   .history = &pg.history};
	bool again = s->core.delivery.resumed;
	Error err = {0};

	if (!core_resume(&s->core, &stored, &server, &err))
	{
		failed(i, &err);
		return;
	}
	TRACE("shipper %d: goes on from " LSN_FORMAT "%s", i,
		  LSN_ARGS(p->generation != 0 ? p->end_lsn : pg.slot_lsn),
		  again ? ", as before" : "");
	s->producer.succeeded = false;
	/* what it put itself may be beyond the position */
	if (!again)
		check_resumed(i, p);
	s->state = STREAMING;
}

/* ---- streaming ---- */

static void
make_frame(const SimMessage *m, Frame *f)
{
	static const uint8_t byte;
	const SimTxn *t = &pg.txns[m->txn];
	const SimRecord *r = &pg.records[m->record];

	memset(f, 0, sizeof(*f));
	f->kind = m->frame;
	switch (m->frame)
	{
		case WIRE_HELLO:
			f->hello.wire_version = WIRE_VERSION;
			break;
		case WIRE_STREAM:
			f->stream.id = 1;
			break;
		case WIRE_BEGIN:
			f->begin.commit_lsn = t->commit_lsn;
			f->begin.end_lsn = t->end_lsn;
			f->begin.commit_time_us = 1;
			break;
		case WIRE_COMMIT:
			f->commit.end_lsn = t->end_lsn;
			f->commit.records = t->count;
			break;
		default:
			f->record.stream = 1;
			f->record.op = WIRE_OP_CREATE;
			f->record.ordinal = r->ordinal;
			f->record.part = r->part;
			f->record.key = f->record.value = (WireSlice){&byte, 1};
	}
}

/* A record at or before the position that was read is not put again. */
static void
check_not_repeated(const SimShipper *s, uint32_t record)
{
	const SimRecord *r = &pg.records[record];
	const SimTxn *t = &pg.txns[r->txn];
	RecordId id = {t->end_lsn, r->ordinal, r->part};

	if (s->read.generation == 0)
		return;
	HOLDS("I2", t->end_lsn > s->read.end_lsn,
		  "record (" LSN_FORMAT ", %u, %u) is put again, but the position "
		  "read was " LSN_FORMAT,
		  LSN_ARGS(t->end_lsn), (unsigned) r->ordinal, r->part,
		  LSN_ARGS(s->read.end_lsn));
	HOLDS("I2",
		  s->read_dropped_open || t->end_lsn != s->read.open.end_lsn ||
			  record_id_compare(id, s->read.open) > 0,
		  "record (" LSN_FORMAT ", %u, %u) is put again, but it is in the "
		  "open part of the position read",
		  LSN_ARGS(t->end_lsn), (unsigned) r->ordinal, r->part);
}

/* Offers the held record; false: it is held on. */
static bool
offer(int i)
{
	SimShipper *s = &shippers[i];
	uint32_t queue = pg.records[s->held_record].partition;

	if (!core_offer(&s->core, &s->held))
		return false;
	/* the sink is full, or its topic is not ready */
	if (!producer_has_room(&s->producer, queue) || sim_once_in(20))
		return false;
	check_not_repeated(s, s->held_record);
	producer_put(&s->producer, queue,
				 (SimItem){.kind = ITEM_RECORD,
						   .record = s->held_record,
						   .ticket = s->held.ticket});
#ifdef SIM_BUG_SWAP
	producer_swap(&s->producer, queue);
#endif
	core_taken(&s->core, &s->held);
	s->holding = false;
	return true;
}

static void
read_one(int i)
{
	static char handle;
	SimShipper *s = &shippers[i];
	SimMessage m;
	Error err = {0};

	if (s->holding)
	{
		offer(i);
		return;
	}
	if (!pg_receive(i, &m))
	{
		if (s->lost)
			start_over(i, false);
		return;
	}
	/* it is noticed before all was read */
	if (s->lost && sim_once_in(3))
	{
		start_over(i, false);
		return;
	}
	if (m.kind == MSG_KEEPALIVE)
	{
		core_keepalive(&s->core, m.lsn, m.urgent);
		return;
	}
	make_frame(&m, &s->held_frame);
	switch (core_frame(&s->core, &s->held_frame, &s->held, &err))
	{
		case CORE_STREAM:
			core_set_stream(&s->core, &s->held_frame.stream,
							(SinkStream *) &handle);
			break;
		case CORE_PRODUCE:
			s->holding = true;
			s->held_record = m.record;
			offer(i);
			break;
		case CORE_ERROR:
			failed(i, &err);
			break;
		default:
			break;
	}
}

static void
take_acks(int i)
{
	SimShipper *s = &shippers[i];
	SimItem item;
	Error err = {0};

	if (producer_take_ack(&s->producer, &item))
	{
		if (item.kind == ITEM_POSITION)
			core_position_acked(&s->core);
		else if (item.kind == ITEM_RECORD)
			HOLDS("I6", core_acked(&s->core, item.ticket, &err), "%s",
				  err.text);
		position_free(&item.position);
	}
	core_advance(&s->core, sim_now_ms * 1000);
}

static void
next_step(int i)
{
	SimShipper *s = &shippers[i];
	DeliveryHints hints = {.now_ms = sim_now_ms,
						   .idle = pg.socket_count == 0 && !s->holding,
						   .stopping = s->stopping};
	SimItem item = {.kind = ITEM_POSITION};

	switch (core_next(&s->core, &hints))
	{
		case DELIVERY_POSITION:
			if (!producer_has_room(&s->producer, POSITION_QUEUE) ||
				sim_once_in(20))
				break;
			position_copy(&item.position, core_position(&s->core));
			producer_put(&s->producer, POSITION_QUEUE, item);
			core_position_taken(&s->core);
			break;
		case DELIVERY_COMMIT:
			core_commit_started(&s->core);
			kafka_request_commit(i, &s->producer);
			break;
		default:
			break;
	}
}

static void
put_heartbeat(SimShipper *s)
{
	uint32_t queue = sim_below(PARTITIONS);

	if (!core_may_put(&s->core) || !producer_has_room(&s->producer, queue))
		return;
	producer_put(&s->producer, queue,
				 (SimItem){.kind = ITEM_HEARTBEAT, .record = NO_RECORD});
	core_other_taken(&s->core);
}

static void
orderly_stop(int i)
{
	SimShipper *s = &shippers[i];

	if (!core_settled(&s->core) || s->producer.nacks > 0 ||
		s->producer.committing)
		return;
	TRACE("shipper %d: stopped in order", i);
	pg_confirm(i, core_confirmable(&s->core));
	if (pg.owner == i && s->session == pg.session)
		pg.owner = NOBODY;
	totals.stops++;
	free_shipper(s);
}

static void
stream(int i)
{
	SimShipper *s = &shippers[i];

	if (s->producer.failed)
	{
		start_over(i, true);
		return;
	}
	if (s->producer.committed)
	{
		s->producer.committing = s->producer.committed = false;
		core_committed(&s->core, sim_now_ms);
#ifndef SIM_BUG_KEEP_WORN
		/* another epoch, under which a late request counts for nothing */
		if (s->producer.worn)
			start_over(i, true);
#endif
		return;
	}
	switch (sim_below(8))
	{
		case 0:
		case 1:
		case 2:
			if (!s->stopping)
				read_one(i);
			else if (s->lost)
				start_over(i, false);
			break;
		case 3:
		case 4:
			take_acks(i);
			break;
		case 5:
			if (s->stopping)
				orderly_stop(i);
			else if (sim_once_in(50))
				put_heartbeat(s);
			break;
		case 6:
			next_step(i);
			break;
		default:
			pg_confirm(i, core_confirmable(&s->core));
	}
}

void
shipper_step(int i)
{
	SimShipper *s = &shippers[i];

	if (s->paused)
		return;
	/* nobody waits for a shipper that is to stop and has nothing */
	if (s->stopping && s->state != STREAMING && s->state != DOWN)
	{
		shipper_kill(i);
		return;
	}
	if (s->lost &&
		(s->state == FENCING || s->state == READING || s->state == RECOVERING))
	{
		start_over(i, false);
		return;
	}
	switch (s->state)
	{
		case CONNECTING:
			/* the sink goes on while the source is away */
			if (s->producer.failed && s->producer.open)
				start_over(i, true);
			else if (pg_connect(i))
			{
				s->session = pg.session;
				core_session_start(&s->core);
#ifdef SIM_BUG_READ_FIRST
				read_position(i);
#endif
				s->state = kafka.exactly_once ? FENCING : READING;
				if (!kafka.exactly_once && !s->producer.open)
					producer_open(&s->producer);
			}
			else if (s->producer.open)
				take_acks(i);
			break;
		case FENCING:
#ifdef SIM_BUG_KEEP_PRODUCER
			if (s->producer.open)
				s->state = READING;
			else
#endif
				if (kafka_init_transactions(&s->producer))
				s->state = READING;
#ifdef SIM_BUG_READ_EARLY
			else if (s->early.generation == 0)
				read_position(i);
#endif
			break;
		case READING:
#ifdef SIM_BUG_READ_FIRST
			if (!kafka.exactly_once)
#endif
#ifdef SIM_BUG_READ_EARLY
				if (!kafka.exactly_once || s->early.generation == 0)
#endif
					read_position(i);
			s->state = RECOVERING;
			break;
		case RECOVERING:
			/* of what was put before, acknowledgements go on coming */
			if (!kafka.exactly_once && sim_once_in(2))
				take_acks(i);
			else
				recover(i);
			break;
		case STREAMING:
			stream(i);
			break;
		default:
			break;
	}
}
