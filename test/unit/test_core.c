/*
 * test_core.c
 *		Verdicts of the core, above all after a lost connection.
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
	/* what the sink took, oldest first */
	uint64_t tickets[64];
	int taken;
	int skipped;
	int signals;
} World;

static int
setup(void **state)
{
	World *w = calloc(1, sizeof(*w));

	core_init(&w->core, &w->stats);
	core_session_start(&w->core);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	World *w = *state;

	core_free(&w->core);
	free(w);
	return 0;
}

/* Feeds what was packed; false when the core refuses, see err. */
static bool
feed(World *w)
{
	FrameReader r;
	Frame f;
	SinkRecord rec;

	frame_reader_init(&r, w->in.data, w->in.len);
	w->in.len = 0;
	while (frame_reader_next(&r, &f, &w->err) == FRAME_OK)
	{
		switch (core_frame(&w->core, &f, &rec, &w->err))
		{
			case CORE_NOTHING:
				break;
			case CORE_STREAM:
				core_set_stream(&w->core, &f.stream, STREAM);
				break;
			case CORE_PRODUCE:
				assert_ptr_equal(rec.stream, STREAM);
				core_taken(&w->core, &rec);
				w->tickets[w->taken++] = rec.ticket;
				break;
			case CORE_SKIP:
				w->skipped++;
				break;
			case CORE_SIGNAL:
				w->signals++;
				break;
			case CORE_ERROR:
				return false;
		}
	}
	assert_true(r.p == r.end);
	return true;
}

static void
expect_refused(World *w, const char *code)
{
	assert_false(feed(w));
	assert_string_equal(w->err.code, code);
}

static void
ack(World *w, int i)
{
	assert_true(core_acked(&w->core, w->tickets[i], &w->err));
	core_advance(&w->core, 1748096784907638 + 3000);
}

static void
start(World *w)
{
	put_hello(&w->in, WIRE_VERSION);
	put_stream(&w->in, 7, "p.public.users");
}

static void
reconnect(World *w)
{
	core_session_end(&w->core);
	core_session_start(&w->core);
	start(w);
}

static void
put_transaction(World *w, uint64_t end_lsn, int records)
{
	put_begin(&w->in, end_lsn);
	for (int i = 1; i <= records; i++)
		put_record(&w->in, 7, (uint64_t) i, 0);
	put_commit(&w->in, end_lsn, (uint64_t) records);
}

static void
produces_and_confirms(void **state)
{
	World *w = *state;

	start(w);
	put_transaction(w, 0x100, 2);
	assert_true(feed(w));
	assert_int_equal(w->taken, 2);
	assert_int_equal(w->tickets[0], w->tickets[1]);
	assert_int_equal(core_confirmable(&w->core), 0);
	assert_int_equal(core_oldest_us(&w->core), 1748096784907638);
	ack(w, 0);
	assert_int_equal(core_confirmable(&w->core), 0);
	ack(w, 1);
	assert_int_equal(core_confirmable(&w->core), 0x100);
	assert_int_equal(core_pending(&w->core), 0);
	assert_int_equal(w->stats.records, 2);
	assert_int_equal(w->stats.creates, 2);
	assert_int_equal(w->stats.acked, 2);
	assert_int_equal(w->stats.transactions, 1);
	assert_int_equal(w->stats.latency_count, 1);
}

static void
skips_what_was_put(void **state)
{
	World *w = *state;

	start(w);
	put_transaction(w, 0x100, 2);
	put_transaction(w, 0x200, 1);
	assert_true(feed(w));
	ack(w, 1);

	/* the second copies change nothing, the third transaction is new */
	reconnect(w);
	put_transaction(w, 0x100, 2);
	put_transaction(w, 0x200, 1);
	put_transaction(w, 0x300, 1);
	assert_true(feed(w));
	assert_int_equal(w->taken, 4);
	assert_int_equal(w->skipped, 3);
	assert_int_equal(w->stats.skipped, 3);
	assert_int_equal(w->stats.transactions, 3);
	assert_int_equal(core_pending(&w->core), 3);
	ack(w, 0);
	assert_int_equal(core_confirmable(&w->core), 0x100);
	ack(w, 3);
	assert_int_equal(core_confirmable(&w->core), 0x100);
	ack(w, 2);
	assert_int_equal(core_confirmable(&w->core), 0x300);
}

static void
goes_on_in_a_cut_transaction(void **state)
{
	World *w = *state;

	start(w);
	put_begin(&w->in, 0x100);
	put_record(&w->in, 7, 1, 0);
	put_record(&w->in, 7, 2, 0);
	assert_true(feed(w));
	ack(w, 0);
	ack(w, 1);
	assert_int_equal(core_confirmable(&w->core), 0);

	reconnect(w);
	assert_true(feed(w));
	/* the server has read far, but the rest of 0/100 was not sent */
	core_keepalive(&w->core, 0x900, false);
	assert_int_equal(core_confirmable(&w->core), 0);
	put_begin(&w->in, 0x100);
	put_record(&w->in, 7, 1, 0);
	put_record(&w->in, 7, 2, 0);
	put_record(&w->in, 7, 2, 1);
	put_record(&w->in, 7, 3, 0);
	put_commit(&w->in, 0x100, 4);
	assert_true(feed(w));
	assert_int_equal(w->taken, 4);
	assert_int_equal(w->skipped, 2);
	assert_int_equal(w->tickets[0], w->tickets[3]);
	ack(w, 2);
	assert_int_equal(core_confirmable(&w->core), 0);
	ack(w, 3);
	assert_int_equal(core_confirmable(&w->core), 0x100);
	assert_int_equal(w->stats.transactions, 1);
}

/* Cut after its last record, before its commit; and cut again while repeated. */
static void
survives_two_cuts(void **state)
{
	World *w = *state;

	start(w);
	put_begin(&w->in, 0x100);
	put_record(&w->in, 7, 1, 0);
	assert_true(feed(w));
	reconnect(w);
	put_begin(&w->in, 0x100);
	assert_true(feed(w));
	reconnect(w);
	put_transaction(w, 0x100, 1);
	put_transaction(w, 0x200, 1);
	assert_true(feed(w));
	assert_int_equal(w->taken, 2);
	assert_int_equal(w->skipped, 1);
	ack(w, 1);
	assert_int_equal(core_confirmable(&w->core), 0);
	ack(w, 0);
	assert_int_equal(core_confirmable(&w->core), 0x200);
}

static void
starts_over_when_a_cut_transaction_vanishes(void **state)
{
	World *w = *state;

	start(w);
	put_begin(&w->in, 0x100);
	put_record(&w->in, 7, 1, 0);
	assert_true(feed(w));
	reconnect(w);
	put_transaction(w, 0x200, 1);
	expect_refused(w, "transaction_vanished");
	assert_int_equal(w->err.kind, ERR_RETRY);

	core_reset(&w->core);
	core_session_start(&w->core);
	start(w);
	put_transaction(w, 0x200, 1);
	assert_true(feed(w));
	assert_false(core_acked(&w->core, w->tickets[0], &w->err));
	ack(w, 1);
	assert_int_equal(core_confirmable(&w->core), 0x200);
}

/* The sink is new and empty: nothing is skipped, nothing confirmed is lost. */
static void
reset_produces_again(void **state)
{
	World *w = *state;

	core_seed(&w->core, 0x80);
	start(w);
	put_transaction(w, 0x100, 1);
	assert_true(feed(w));
	core_reset(&w->core);
	assert_int_equal(core_confirmable(&w->core), 0x80);
	assert_int_equal(core_pending(&w->core), 0);
	core_session_start(&w->core);
	assert_null(core_get_stream(&w->core, 7));
	start(w);
	put_transaction(w, 0x100, 1);
	assert_true(feed(w));
	assert_int_equal(w->taken, 2);
	assert_int_equal(w->skipped, 0);
	ack(w, 1);
	assert_int_equal(core_confirmable(&w->core), 0x100);
}

static void
keepalives_move_an_idle_slot(void **state)
{
	World *w = *state;

	start(w);
	assert_true(feed(w));
	core_keepalive(&w->core, 0x50, false);
	assert_int_equal(core_confirmable(&w->core), 0x50);
	put_transaction(w, 0x100, 1);
	assert_true(feed(w));
	core_keepalive(&w->core, 0x180, false);
	assert_int_equal(core_confirmable(&w->core), 0x50);
	ack(w, 0);
	assert_int_equal(core_confirmable(&w->core), 0x180);
	put_begin(&w->in, 0x200);
	assert_true(feed(w));
	core_keepalive(&w->core, 0x300, false);
	assert_int_equal(core_confirmable(&w->core), 0x180);
}

static void
streams_belong_to_a_session(void **state)
{
	World *w = *state;

	start(w);
	assert_true(feed(w));
	assert_ptr_equal(core_get_stream(&w->core, 7), STREAM);
	core_session_end(&w->core);
	core_session_start(&w->core);
	/* kept for the sink's sake, but not to be used before it is announced */
	assert_ptr_equal(core_get_stream(&w->core, 7), STREAM);
	put_hello(&w->in, WIRE_VERSION);
	put_transaction(w, 0x100, 1);
	expect_refused(w, "wire_sequence");
}

static void
holds_many_streams(void **state)
{
	World *w = *state;

	put_hello(&w->in, WIRE_VERSION);
	assert_true(feed(w));
	for (uint32_t id = 16384; id < 21384; id += 7)
	{
		put_stream(&w->in, id, "t");
		assert_true(feed(w));
	}
	put_begin(&w->in, 0x100);
	put_record(&w->in, 16384, 1, 0);
	put_record(&w->in, 21375, 2, 0);
	put_record(&w->in, 16384 + 7 * 300, 3, 0);
	put_commit(&w->in, 0x100, 3);
	assert_true(feed(w));
	assert_int_equal(w->taken, 3);
	put_begin(&w->in, 0x200);
	put_record(&w->in, 16385, 1, 0);
	expect_refused(w, "wire_sequence");
}

static void
refuses_other_wire_versions(void **state)
{
	World *w = *state;

	put_hello(&w->in, WIRE_VERSION + 1);
	expect_refused(w, "wire_version");
	assert_int_equal(w->err.kind, ERR_ENVIRONMENT);
}

static void
refuses_wrong_counts(void **state)
{
	World *w = *state;

	start(w);
	put_begin(&w->in, 0x100);
	put_record(&w->in, 7, 1, 0);
	put_commit(&w->in, 0x100, 2);
	expect_refused(w, "wire_count");
	assert_int_equal(w->err.kind, ERR_ENVIRONMENT);
	ack(w, 0);
	assert_int_equal(core_confirmable(&w->core), 0);
}

static void
refuses_begin_first(void **state)
{
	World *w = *state;

	put_begin(&w->in, 0x100);
	expect_refused(w, "wire_sequence");
}

static void
refuses_second_hello(void **state)
{
	World *w = *state;

	start(w);
	put_hello(&w->in, WIRE_VERSION);
	expect_refused(w, "wire_sequence");
}

static void
refuses_begin_in_transaction(void **state)
{
	World *w = *state;

	start(w);
	put_begin(&w->in, 0x100);
	put_begin(&w->in, 0x200);
	expect_refused(w, "wire_sequence");
}

static void
refuses_record_outside_transaction(void **state)
{
	World *w = *state;

	start(w);
	put_record(&w->in, 7, 1, 0);
	expect_refused(w, "wire_sequence");
}

static void
refuses_commit_outside_transaction(void **state)
{
	World *w = *state;

	start(w);
	put_commit(&w->in, 0x100, 0);
	expect_refused(w, "wire_sequence");
}

static void
refuses_commit_of_another(void **state)
{
	World *w = *state;

	start(w);
	put_begin(&w->in, 0x100);
	put_commit(&w->in, 0x200, 0);
	expect_refused(w, "wire_sequence");
}

static void
refuses_lsn_going_back(void **state)
{
	World *w = *state;

	start(w);
	put_transaction(w, 0x200, 1);
	put_transaction(w, 0x200, 1);
	expect_refused(w, "wire_sequence");
}

static void
refuses_repeated_ordinal(void **state)
{
	World *w = *state;

	start(w);
	put_begin(&w->in, 0x200);
	put_record(&w->in, 7, 3, 1);
	put_record(&w->in, 7, 3, 1);
	expect_refused(w, "wire_sequence");
}

/* One without records, one between two, and each once however often it comes. */
static void
acts_on_signals_once(void **state)
{
	World *w = *state;

	put_hello(&w->in, WIRE_VERSION);
	put_begin(&w->in, 0x100);
	put_signal(&w->in, 1, "s1", "log", "{}");
	put_commit(&w->in, 0x100, 0);
	assert_true(feed(w));
	assert_int_equal(w->signals, 1);
	core_advance(&w->core, 0);
	assert_int_equal(core_confirmable(&w->core), 0x100);
	put_stream(&w->in, 7, "p.public.users");
	put_begin(&w->in, 0x200);
	put_record(&w->in, 7, 1, 0);
	put_signal(&w->in, 2, "s2", "log", NULL);
	put_record(&w->in, 7, 2, 0);
	assert_true(feed(w));
	assert_int_equal(w->signals, 2);
	/* the rest of the transaction holds another */
	reconnect(w);
	put_begin(&w->in, 0x100);
	put_signal(&w->in, 1, "s1", "log", "{}");
	put_commit(&w->in, 0x100, 0);
	put_begin(&w->in, 0x200);
	put_record(&w->in, 7, 1, 0);
	put_signal(&w->in, 2, "s2", "log", NULL);
	put_record(&w->in, 7, 2, 0);
	put_signal(&w->in, 3, "s3", "log", NULL);
	put_commit(&w->in, 0x200, 2);
	assert_true(feed(w));
	assert_int_equal(w->signals, 3);
	ack(w, 0);
	ack(w, 1);
	assert_int_equal(core_confirmable(&w->core), 0x200);
}

static void
refuses_signal_outside_transaction(void **state)
{
	World *w = *state;

	put_hello(&w->in, WIRE_VERSION);
	put_signal(&w->in, 1, "s1", "log", "{}");
	expect_refused(w, "wire_sequence");
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(produces_and_confirms),
		T(skips_what_was_put),
		T(goes_on_in_a_cut_transaction),
		T(survives_two_cuts),
		T(starts_over_when_a_cut_transaction_vanishes),
		T(reset_produces_again),
		T(keepalives_move_an_idle_slot),
		T(streams_belong_to_a_session),
		T(holds_many_streams),
		T(refuses_other_wire_versions),
		T(refuses_wrong_counts),
		T(refuses_begin_first),
		T(refuses_second_hello),
		T(refuses_begin_in_transaction),
		T(refuses_record_outside_transaction),
		T(refuses_commit_outside_transaction),
		T(refuses_commit_of_another),
		T(refuses_lsn_going_back),
		T(refuses_repeated_ordinal),
		T(acts_on_signals_once),
		T(refuses_signal_outside_transaction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
