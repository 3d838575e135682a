/*
 * delivery_world.h
 *		The core with positions, driven by a test: transactions in, what it wants
 *		written or committed out.
 */
#ifndef TUPLECAST_DELIVERY_WORLD_H
#define TUPLECAST_DELIVERY_WORLD_H

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
	uint64_t tickets[20000]; /* put, not acknowledged */
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

static inline DeliveryOptions
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

static inline DeliveryStep
next(World *w, bool idle)
{
	DeliveryHints h = {.now_ms = w->now, .idle = idle};

	return core_next(&w->core, &h);
}

static inline void
put_position(World *w)
{
	position_free(&w->put);
	position_copy(&w->put, core_position(&w->core));
	core_position_taken(&w->core);
}

static inline void
store(World *w)
{
	position_free(&w->stored);
	position_copy(&w->stored, &w->put);
	w->any = true;
}

/* The first position, before any record. */
static inline void
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
static inline bool
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

static inline bool
resume_on(World *w, uint32_t timeline, uint64_t slot_lsn)
{
	core_session_start(&w->core);
	return resume_here(w, timeline, slot_lsn);
}

static inline bool
resume(World *w, uint64_t slot_lsn)
{
	return resume_on(w, 1, slot_lsn);
}

static inline World *
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

static inline void
end(World *w)
{
	core_free(&w->core);
	position_free(&w->stored);
	position_free(&w->put);
	free(w);
}

static inline void
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
static inline void
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

static inline void
start(World *w)
{
	put_hello(&w->in, WIRE_VERSION);
	put_stream(&w->in, 7, "p.public.users");
	feed(w);
}

static inline void
transaction(World *w, uint64_t end_lsn, int records)
{
	put_begin(&w->in, end_lsn);
	for (int i = 1; i <= records; i++)
		put_record(&w->in, 7, (uint64_t) i, 0);
	put_commit(&w->in, end_lsn, (uint64_t) records);
	feed(w);
}

static inline void
ack_all(World *w)
{
	while (w->outstanding > 0)
		assert_true(
			core_acked(&w->core, w->tickets[--w->outstanding], &w->err));
	core_advance(&w->core, 0);
}

/* All steps of a Kafka transaction's end. */
static inline void
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

#endif /* TUPLECAST_DELIVERY_WORLD_H */
