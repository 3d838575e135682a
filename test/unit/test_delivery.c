/*
 * test_delivery.c
 *		The core with positions: what is written down, when, and what a stored
 *		position spares.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core.h"
#include "frames.h"

#define STREAM ((SinkStream *) 0x1000)

typedef struct World
{
	Core core;
	Stats stats;
	Bytes in;
	Error err;
	FrameReader reader; /* of what the core holds back */
	Frame frame;
	SinkRecord record;
	bool unclaimed; /* as the test does it itself */
	bool held;
	uint64_t tickets[256]; /* put, not acknowledged */
	int outstanding;
	int taken;
	int skipped;
	int64_t now;
	Position stored; /* as the topic has it */
	Position put;	 /* not acknowledged, or not committed */
	bool repair;
	bool any;
	int commits;
} World;

static DeliveryOptions
options(bool exactly_once)
{
	DeliveryOptions o = {.positions = true,
						 .exactly_once = exactly_once,
						 .interval_ms = 20,
						 .max_records = 4,
						 .max_bytes = 1 << 20,
						 .timeout_ms = 60000,
						 .idle_ms = 10000,
						 .idle_bytes = 16 << 20,
						 .writer = "me",
						 .hash = "aa"};

	return o;
}

static DeliveryStep
next(World *w, bool idle)
{
	DeliveryHints h = {.now_ms = w->now, .idle = idle};

	return core_next(&w->core, &h);
}

static void
put_position(World *w)
{
	position_free(&w->put);
	position_copy(&w->put, core_position(&w->core));
	core_position_taken(&w->core);
}

static void
store(World *w)
{
	position_free(&w->stored);
	position_copy(&w->stored, &w->put);
	w->any = true;
}

/* The first position, before any record. */
static void
claim(World *w)
{
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	put_position(w);
	assert_false(core_may_put(&w->core));
	core_position_acked(&w->core);
	store(w);
	assert_true(core_may_put(&w->core));
	/* not so soon that the next one waits */
	w->now += 20;
}

/* The session has been started. */
static bool
resume_here(World *w, uint32_t timeline, uint64_t slot_lsn)
{
	static const TimelineHistory history = {
		.known = true, .count = 1, .items = {{1, 0x10000}}};
	ResumeServer server = {.system_id = "7500",
						   .timeline = timeline,
						   .wal_lsn = 0x100000000,
						   .slot_lsn = slot_lsn,
						   .history = &history};
	ResumeStored stored = {.position = w->any ? &w->stored : NULL,
						   .topic_used = w->any,
						   .topic = "t",
						   .repair = w->repair};

	if (!core_resume(&w->core, &stored, &server, &w->err))
		return false;
	if (!core_may_put(&w->core) && !w->unclaimed)
		claim(w);
	return true;
}

static bool
resume_on(World *w, uint32_t timeline, uint64_t slot_lsn)
{
	core_session_start(&w->core);
	return resume_here(w, timeline, slot_lsn);
}

static bool
resume(World *w, uint64_t slot_lsn)
{
	return resume_on(w, 1, slot_lsn);
}

static World *
world(bool exactly_once)
{
	World *w = calloc(1, sizeof(*w));
	DeliveryOptions o = options(exactly_once);

	w->now = 1000000;
	core_init(&w->core, &w->stats);
	core_configure(&w->core, &o);
	/* every turn, from the first on */
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	assert_true(resume(w, 0x10));
	return w;
}

static void
end(World *w)
{
	core_free(&w->core);
	position_free(&w->stored);
	position_free(&w->put);
	free(w);
}

static void
offer(World *w)
{
	w->held = !core_offer(&w->core, &w->record);
	if (w->held)
		return;
	core_taken(&w->core, &w->record);
	w->tickets[w->outstanding++] = w->record.ticket;
	w->taken++;
}

/* Feeds what was packed until it is used up, or held back. */
static void
feed(World *w)
{
	if (!w->held)
	{
		frame_reader_init(&w->reader, w->in.data, w->in.len);
		w->in.len = 0;
	}
	else
		offer(w);
	while (!w->held &&
		   frame_reader_next(&w->reader, &w->frame, &w->err) == FRAME_OK)
	{
		switch (core_frame(&w->core, &w->frame, &w->record, &w->err))
		{
			case CORE_STREAM:
				core_set_stream(&w->core, &w->frame.stream, STREAM);
				break;
			case CORE_PRODUCE:
				offer(w);
				break;
			case CORE_SKIP:
				w->skipped++;
				break;
			case CORE_NOTHING:
			case CORE_SIGNAL:
				break;
			case CORE_ERROR:
				fail_msg("%s", w->err.text);
		}
	}
}

static void
start(World *w)
{
	put_hello(&w->in, WIRE_VERSION);
	put_stream(&w->in, 7, "p.public.users");
	feed(w);
}

static void
transaction(World *w, uint64_t end_lsn, int records)
{
	put_begin(&w->in, end_lsn);
	for (int i = 1; i <= records; i++)
		put_record(&w->in, 7, (uint64_t) i, 0);
	put_commit(&w->in, end_lsn, (uint64_t) records);
	feed(w);
}

static void
ack_all(World *w)
{
	while (w->outstanding > 0)
		assert_true(
			core_acked(&w->core, w->tickets[--w->outstanding], &w->err));
	core_advance(&w->core, 0);
}

/* All steps of a Kafka transaction's end. */
static void
commit(World *w)
{
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	put_position(w);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	core_position_acked(&w->core);
	ack_all(w);
	assert_int_equal(next(w, true), DELIVERY_COMMIT);
	core_commit_started(&w->core);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	store(w);
	core_committed(&w->core, w->now);
	core_advance(&w->core, 0);
	w->commits++;
}

/* ---- at-least-once --------------------------------------------------------- */

static void
writes_before_it_confirms(void **state)
{
	World *w = world(false);

	(void) state;
	start(w);
	transaction(w, 0x100, 2);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	ack_all(w);
	assert_int_equal(core_confirmable(&w->core), 0x10);
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	put_position(w);
	assert_int_equal(w->put.end_lsn, 0x100);
	assert_int_equal(w->put.generation, 1);
	/* one at a time */
	transaction(w, 0x200, 1);
	ack_all(w);
	w->now += 1000;
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	assert_int_equal(core_confirmable(&w->core), 0x10);
	core_position_acked(&w->core);
	assert_int_equal(core_confirmable(&w->core), 0x100);
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	end(w);
}

static void
paces_positions(void **state)
{
	World *w = world(false);

	(void) state;
	start(w);
	transaction(w, 0x100, 1);
	ack_all(w);
	assert_int_equal(next(w, false), DELIVERY_POSITION);
	put_position(w);
	core_position_acked(&w->core);
	transaction(w, 0x200, 1);
	ack_all(w);
	w->now += 19;
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	assert_int_equal(core_deadline(&w->core), w->now + 1);
	w->now += 1;
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	put_position(w);
	core_position_acked(&w->core);
	/* a source without changes: by time, by bytes, or because it asks */
	core_keepalive(&w->core, 0x300, false);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	core_keepalive(&w->core, 0x300 + (16 << 20), false);
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	put_position(w);
	core_position_acked(&w->core);
	core_keepalive(&w->core, 0x400 + (16 << 20), false);
	w->now += 9999;
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	w->now += 1;
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	put_position(w);
	core_position_acked(&w->core);
	core_keepalive(&w->core, 0x500 + (16 << 20), true);
	w->now += 100;
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	end(w);
}

static void
resumes_inside_a_transaction(void **state)
{
	for (int exactly_once = 0; exactly_once < 2; exactly_once++)
	{
		World *w = world(exactly_once == 1);

		(void) state;
		w->any = true;
		w->stored = (Position){.system_id = "7500",
							   .timeline = 1,
							   .generation = 4,
							   .end_lsn = 0x100,
							   .open = {0x200, 2, 0},
							   .options = "aa"};
		core_reset(&w->core);
		assert_true(resume(w, 0x80));
		assert_int_equal(core_confirmable(&w->core), 0x100);
		start(w);
		transaction(w, 0x100, 3);
		/* the rest of 0x200 is missing, whatever the server says */
		core_keepalive(&w->core, 0x900, false);
		w->now += 20000;
		assert_int_equal(next(w, true), DELIVERY_NOTHING);
		transaction(w, 0x200, 3);
		assert_int_equal(w->taken, 1);
		assert_int_equal(w->skipped, 5);
		if (exactly_once)
			w->now += 20;
		else
			ack_all(w);
		assert_int_equal(next(w, true), DELIVERY_POSITION);
		put_position(w);
		assert_int_equal(w->put.generation, 5);
		assert_int_equal(w->put.end_lsn, 0x200);
		assert_int_equal(w->put.open.end_lsn, 0);
		w->stored.snapshot = NULL;
		end(w);
	}
}

static void
writes_parts_of_a_long_transaction(void **state)
{
	World *w = world(false);

	(void) state;
	start(w);
	put_begin(&w->in, 0x300);
	for (int i = 1; i <= 4; i++)
		put_record(&w->in, 7, (uint64_t) i, 0);
	/* of the fourth change: not to be parted */
	put_record(&w->in, 7, 4, 1);
	put_record(&w->in, 7, 5, 0);
	feed(w);
	assert_int_equal(w->taken, 6);
	for (int i = 0; i < 5; i++)
		assert_true(core_acked(&w->core, w->tickets[i], &w->err));
	core_advance(&w->core, 0);
	assert_int_equal(next(w, false), DELIVERY_POSITION);
	put_position(w);
	assert_int_equal(w->put.end_lsn, 0x10);
	assert_int_equal(w->put.open.end_lsn, 0x300);
	assert_int_equal(w->put.open.ordinal, 4);
	assert_int_equal(w->put.open.part, 1);
	core_position_acked(&w->core);
	assert_int_equal(core_confirmable(&w->core), 0x10);
	end(w);
}

static void
other_options_repeat_a_transaction(void **state)
{
	World *w = world(false);

	(void) state;
	w->any = true;
	w->stored = (Position){.system_id = "7500",
						   .timeline = 1,
						   .end_lsn = 0x100,
						   .open = {0x200, 2, 0},
						   .options = "bb"};
	core_reset(&w->core);
	assert_true(resume(w, 0x80));
	start(w);
	transaction(w, 0x200, 3);
	assert_int_equal(w->taken, 3);
	end(w);
}

static void
notices_a_takeover(void **state)
{
	World *w = world(false);

	(void) state;
	start(w);
	transaction(w, 0x100, 1);
	ack_all(w);
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	put_position(w);
	core_position_acked(&w->core);
	store(w);
	/* the sink goes on, nobody else was there */
	core_session_end(&w->core);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	assert_true(resume(w, 0x80));
	start(w);
	transaction(w, 0x100, 1);
	assert_int_equal(w->skipped, 1);
	core_session_end(&w->core);
	strcpy(w->stored.writer, "she");
	w->stored.end_lsn = 0x500;
	assert_false(resume(w, 0x80));
	assert_string_equal(w->err.code, "taken_over");
	assert_int_equal(w->err.kind, ERR_RETRY);
	core_reset(&w->core);
	assert_true(resume(w, 0x500));
	assert_int_equal(core_confirmable(&w->core), 0x500);
	end(w);
}

/* It wrote nothing itself, and who wrote before it went on. */
static void
notices_that_the_position_moved(void **state)
{
	World *w = calloc(1, sizeof(*w));
	DeliveryOptions o = options(false);

	(void) state;
	core_init(&w->core, &w->stats);
	core_configure(&w->core, &o);
	w->unclaimed = true;
	w->any = true;
	w->stored.generation = 3;
	strcpy(w->stored.writer, "she");
	strcpy(w->stored.system_id, "7500");
	w->stored.timeline = 1;
	w->stored.end_lsn = 0x100;
	w->stored.open = (RecordId){0x180, 2, 0};
	strcpy(w->stored.options, "aa");
	assert_true(resume(w, 0x80));
	core_session_end(&w->core);
	assert_true(resume(w, 0x80));
	core_session_end(&w->core);
	w->stored.end_lsn = 0x180;
	w->stored.open = (RecordId){0, 0, 0};
	assert_false(resume(w, 0x180));
	assert_string_equal(w->err.code, "taken_over");
	end(w);
}

/* No record before it is said whose the slot is. */
static void
claims_before_the_first_record(void **state)
{
	World *w = calloc(1, sizeof(*w));
	DeliveryOptions o = options(false);

	(void) state;
	core_init(&w->core, &w->stats);
	core_configure(&w->core, &o);
	w->unclaimed = true;
	assert_true(resume(w, 0x10));
	start(w);
	transaction(w, 0x100, 2);
	assert_true(w->held);
	assert_false(core_may_put(&w->core));
	assert_int_equal(next(w, false), DELIVERY_POSITION);
	put_position(w);
	assert_int_equal(w->put.end_lsn, 0x10);
	assert_int_equal(w->put.generation, 1);
	assert_int_equal(next(w, false), DELIVERY_NOTHING);
	assert_false(core_may_put(&w->core));
	core_position_acked(&w->core);
	store(w);
	feed(w);
	assert_int_equal(w->taken, 2);
	/* our own, the next time */
	core_session_end(&w->core);
	assert_true(resume(w, 0x10));
	assert_true(core_may_put(&w->core));
	end(w);
}

/* A position is acknowledged while the answer with the one before it comes. */
static void
a_late_answer_is_no_gap(void **state)
{
	World *w = world(false);

	(void) state;
	start(w);
	transaction(w, 0x100, 1);
	ack_all(w);
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	put_position(w);
	core_session_end(&w->core);
	core_session_start(&w->core);
	core_position_acked(&w->core);
	assert_int_equal(core_confirmable(&w->core), 0x100);
	assert_true(resume_here(w, 1, 0x10));
	/* but the next one has to bring it */
	core_session_end(&w->core);
	assert_false(resume(w, 0x10));
	assert_string_equal(w->err.code, "position_gap");
	end(w);
}

/* Positions may stand for other transactions on another timeline. */
static void
starts_over_on_another_timeline(void **state)
{
	World *w = world(false);

	(void) state;
	start(w);
	transaction(w, 0x100, 1);
	core_session_end(&w->core);
	assert_false(resume_on(w, 2, 0x10));
	assert_string_equal(w->err.code, "timeline_changed");
	assert_int_equal(w->err.kind, ERR_RETRY);
	core_reset(&w->core);
	assert_true(resume_on(w, 2, 0x10));
	start(w);
	transaction(w, 0x100, 1);
	assert_int_equal(w->skipped, 0);
	end(w);
}

/* ---- exactly-once ---------------------------------------------------------- */

static void
confirms_after_the_commit(void **state)
{
	World *w = world(true);

	(void) state;
	start(w);
	transaction(w, 0x100, 2);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	w->now += 20;
	commit(w);
	assert_int_equal(w->stored.end_lsn, 0x100);
	assert_int_equal(core_confirmable(&w->core), 0x100);
	assert_int_equal(w->stats.latency_count, 1);
	assert_int_equal(core_oldest_us(&w->core), 0);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	end(w);
}

static void
waits_for_no_answer_for_ever(void **state)
{
	World *w = world(true);

	(void) state;
	start(w);
	transaction(w, 0x100, 2);
	w->now += 20;
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	assert_false(core_flush_overdue(&w->core, w->now + 1000000));
	put_position(w);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	assert_false(core_flush_overdue(&w->core, w->now + 120000));
	assert_true(core_flush_overdue(&w->core, w->now + 120001));
	core_position_acked(&w->core);
	ack_all(w);
	assert_int_equal(next(w, true), DELIVERY_COMMIT);
	core_commit_started(&w->core);
	/* the library's call has limits of its own */
	assert_false(core_flush_overdue(&w->core, w->now + 1000000));
	end(w);
}

static void
acks_alone_do_not_count(void **state)
{
	World *w = world(true);

	(void) state;
	start(w);
	transaction(w, 0x100, 2);
	ack_all(w);
	assert_int_equal(core_confirmable(&w->core), 0x10);
	assert_int_equal(w->stats.latency_count, 0);
	assert_true(core_oldest_us(&w->core) != 0);
	w->now += 20;
	commit(w);
	assert_int_equal(core_confirmable(&w->core), 0x100);
	end(w);
}

/* The topic was deleted, or lost its last records, while we know better. */
static void
remembers_what_was_durable(void **state)
{
	World *w = world(true);

	(void) state;
	start(w);
	transaction(w, 0x100, 1);
	w->now += 20;
	commit(w);
	core_reset(&w->core);
	w->any = false;
	assert_false(resume(w, 0x80));
	assert_string_equal(w->err.code, "position_lost");
	w->any = true;
	w->stored.end_lsn = 0x90;
	assert_false(resume(w, 0x80));
	assert_string_equal(w->err.code, "position_gap");
	end(w);
}

/* Told to repair, it begins at the slot, and says what is missing. */
static void
goes_on_behind_a_gap(void **state)
{
	World *w = world(true);
	uint64_t after;

	(void) state;
	start(w);
	transaction(w, 0x100, 1);
	w->now += 20;
	commit(w);
	core_reset(&w->core);
	w->repair = true;
	assert_true(resume(w, 0x200));
	assert_true(core_gap(&w->core, &after));
	assert_int_equal(after, 0x100);
	assert_int_equal(core_position_lsn(&w->core), 0x200);
	/* the sink went on, but the slot is another one */
	assert_false(resume(w, 0x300));
	assert_string_equal(w->err.code, "slot_replaced");
	assert_int_equal(w->err.kind, ERR_RETRY);
	core_reset(&w->core);
	w->stored.end_lsn = 0x300;
	assert_true(resume(w, 0x300));
	assert_false(core_gap(&w->core, &after));
	end(w);
}

static void
holds_records_while_it_commits(void **state)
{
	World *w = world(true);

	(void) state;
	start(w);
	transaction(w, 0x100, 1);
	w->now += 20;
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	transaction(w, 0x200, 1);
	assert_true(w->held);
	assert_int_equal(w->taken, 1);
	commit(w);
	assert_int_equal(w->stored.end_lsn, 0x100);
	assert_int_equal(w->stored.open.end_lsn, 0);
	feed(w);
	assert_false(w->held);
	assert_int_equal(w->taken, 2);
	ack_all(w);
	/* what came after the commit began is not covered by it */
	assert_int_equal(core_confirmable(&w->core), 0x100);
	w->now += 20;
	commit(w);
	assert_int_equal(core_confirmable(&w->core), 0x200);
	end(w);
}

static void
splits_between_changes_only(void **state)
{
	World *w = world(true);

	(void) state;
	start(w);
	put_begin(&w->in, 0x300);
	for (int i = 1; i <= 4; i++)
		put_record(&w->in, 7, (uint64_t) i, 0);
	put_record(&w->in, 7, 4, 1);
	put_record(&w->in, 7, 4, 2);
	put_record(&w->in, 7, 5, 0);
	put_commit(&w->in, 0x300, 7);
	feed(w);
	assert_true(w->held);
	assert_int_equal(w->taken, 6);
	commit(w);
	assert_int_equal(w->stored.end_lsn, 0x10);
	assert_int_equal(w->stored.open.end_lsn, 0x300);
	assert_int_equal(w->stored.open.ordinal, 4);
	assert_int_equal(w->stored.open.part, 2);
	assert_int_equal(core_confirmable(&w->core), 0x10);
	assert_int_equal(w->stats.split_transactions, 1);
	feed(w);
	assert_int_equal(w->taken, 7);
	w->now += 500;
	commit(w);
	assert_int_equal(w->stored.end_lsn, 0x300);
	assert_int_equal(w->stored.open.end_lsn, 0);
	assert_int_equal(core_confirmable(&w->core), 0x300);
	end(w);
}

static void
keeps_small_transactions_whole(void **state)
{
	World *w = world(true);

	(void) state;
	start(w);
	transaction(w, 0x100, 3);
	transaction(w, 0x200, 3);
	/* full, but at the end of a transaction only */
	assert_false(w->held);
	transaction(w, 0x300, 3);
	assert_true(w->held);
	assert_int_equal(w->taken, 6);
	commit(w);
	assert_int_equal(w->stored.end_lsn, 0x200);
	assert_int_equal(w->stats.split_transactions, 0);
	end(w);
}

static void
aligned_splits_only_before_the_timeout(void **state)
{
	World *w = world(true);

	(void) state;
	w->core.delivery.opt.align = true;
	start(w);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	put_begin(&w->in, 0x300);
	for (int i = 1; i <= 9; i++)
		put_record(&w->in, 7, (uint64_t) i, 0);
	feed(w);
	assert_int_equal(w->taken, 9);
	w->now += 29999;
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	put_record(&w->in, 7, 10, 0);
	feed(w);
	assert_false(w->held);
	w->now += 1;
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	put_record(&w->in, 7, 10, 1);
	feed(w);
	assert_false(w->held);
	put_record(&w->in, 7, 11, 0);
	feed(w);
	assert_true(w->held);
	commit(w);
	assert_int_equal(w->stored.open.ordinal, 10);
	assert_int_equal(w->stored.open.part, 1);
	assert_int_equal(w->stats.split_transactions, 1);
	end(w);
}

static void
commits_rarely_while_the_source_is_busy(void **state)
{
	World *w = world(true);

	(void) state;
	w->core.delivery.opt.max_records = 1000;
	start(w);
	transaction(w, 0x100, 1);
	w->now += 20;
	assert_int_equal(next(w, false), DELIVERY_POSITION);
	put_position(w);
	core_position_acked(&w->core);
	ack_all(w);
	assert_int_equal(next(w, false), DELIVERY_COMMIT);
	core_commit_started(&w->core);
	w->now += 10;
	core_committed(&w->core, w->now);
	/* 10 ms a commit: 90 ms of collecting, unless there is nothing to collect */
	transaction(w, 0x200, 1);
	w->now += 89;
	assert_int_equal(next(w, false), DELIVERY_NOTHING);
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	end(w);
}

static void
commits_what_is_of_no_transaction(void **state)
{
	World *w = world(true);

	(void) state;
	start(w);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	assert_true(core_may_put(&w->core));
	core_other_taken(&w->core);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	w->now += 20;
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	assert_false(core_may_put(&w->core));
	end(w);
}

static void
an_idle_source_moves_the_position(void **state)
{
	World *w = world(true);

	(void) state;
	start(w);
	transaction(w, 0x100, 1);
	w->now += 20;
	commit(w);
	core_keepalive(&w->core, 0x900, false);
	w->now += 9999;
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	w->now += 1;
	commit(w);
	assert_int_equal(w->stored.end_lsn, 0x900);
	assert_int_equal(core_confirmable(&w->core), 0x900);
	end(w);
}

static void
a_stop_commits_what_is_whole(void **state)
{
	World *w = world(true);
	DeliveryHints h = {.idle = true, .stopping = true};

	(void) state;
	start(w);
	transaction(w, 0x100, 1);
	h.now_ms = w->now;
	assert_false(core_settled(&w->core));
	assert_int_equal(core_next(&w->core, &h), DELIVERY_POSITION);
	commit(w);
	assert_true(core_settled(&w->core));
	/* the beginning of one that will not be finished is given up */
	put_begin(&w->in, 0x200);
	put_record(&w->in, 7, 1, 0);
	feed(w);
	assert_int_equal(core_next(&w->core, &h), DELIVERY_NOTHING);
	assert_true(core_settled(&w->core));
	end(w);
}

static void
snapshot_progress_travels_with_its_rows(void **state)
{
	World *w = world(false);

	(void) state;
	start(w);
	put_begin(&w->in, 0x100);
	put_record(&w->in, 7, 1, 0);
	feed(w);
	core_snapshot_progress(&w->core, "{\"rows\":1}");
	put_record(&w->in, 7, 2, 0);
	feed(w);
	assert_int_equal(next(w, true), DELIVERY_NOTHING);
	assert_true(core_acked(&w->core, w->tickets[0], &w->err));
	core_advance(&w->core, 0);
	assert_int_equal(next(w, true), DELIVERY_POSITION);
	put_position(w);
	assert_string_equal(w->put.snapshot, "{\"rows\":1}");
	assert_int_equal(w->put.open.ordinal, 1);
	core_position_acked(&w->core);
	store(w);
	core_reset(&w->core);
	assert_true(resume(w, 0x10));
	assert_string_equal(core_stored_snapshot(&w->core), "{\"rows\":1}");
	end(w);
	w = world(true);
	start(w);
	put_begin(&w->in, 0x100);
	put_record(&w->in, 7, 1, 0);
	put_commit(&w->in, 0x100, 1);
	feed(w);
	core_snapshot_progress(&w->core, "{\"rows\":1}");
	w->now += 20;
	commit(w);
	assert_string_equal(w->stored.snapshot, "{\"rows\":1}");
	end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_before_it_confirms),
		cmocka_unit_test(paces_positions),
		cmocka_unit_test(resumes_inside_a_transaction),
		cmocka_unit_test(writes_parts_of_a_long_transaction),
		cmocka_unit_test(other_options_repeat_a_transaction),
		cmocka_unit_test(notices_a_takeover),
		cmocka_unit_test(notices_that_the_position_moved),
		cmocka_unit_test(claims_before_the_first_record),
		cmocka_unit_test(a_late_answer_is_no_gap),
		cmocka_unit_test(starts_over_on_another_timeline),
		cmocka_unit_test(confirms_after_the_commit),
		cmocka_unit_test(waits_for_no_answer_for_ever),
		cmocka_unit_test(acks_alone_do_not_count),
		cmocka_unit_test(remembers_what_was_durable),
		cmocka_unit_test(goes_on_behind_a_gap),
		cmocka_unit_test(holds_records_while_it_commits),
		cmocka_unit_test(splits_between_changes_only),
		cmocka_unit_test(keeps_small_transactions_whole),
		cmocka_unit_test(aligned_splits_only_before_the_timeout),
		cmocka_unit_test(commits_rarely_while_the_source_is_busy),
		cmocka_unit_test(commits_what_is_of_no_transaction),
		cmocka_unit_test(an_idle_source_moves_the_position),
		cmocka_unit_test(a_stop_commits_what_is_whole),
		cmocka_unit_test(snapshot_progress_travels_with_its_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
