/*
 * test_gap.c
 *		The marker of a gap: bytes that a reader of frames understands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gap.h"

static const Gap gap = {.slot = "shop",
						.system_id = "7354711234567890123",
						.reason = "wal_removed",
						.after_lsn = UINT64_C(0x100000020),
						.until_lsn = UINT64_C(0x2000000F0),
						.found_us = INT64_C(1700000000123456)};
static const char expected[] =
	"{\"slot\":\"shop\",\"system\":\"7354711234567890123\","
	"\"reason\":\"wal_removed\",\"after\":\"1/20\",\"until\":\"2/F0\","
	"\"ts_ms\":1700000000123}";

static int puts_seen;

static SinkResult
fake_put(Sink *s, const SinkRecord *r, Error *err)
{
	FrameHeaders h = r->frame->headers;
	WireSlice name;
	WireSlice value;

	(void) s;
	(void) err;
	assert_null(r->frame->key.data);
	assert_null(r->frame->value.data);
	assert_int_equal(r->ticket, 42);
	assert_int_equal(h.count, 1);
	assert_true(frame_next_header(&h, &name, &value));
	assert_int_equal(name.len, strlen(GAP_HEADER));
	assert_memory_equal(name.data, GAP_HEADER, name.len);
	assert_int_equal(value.len, strlen(expected));
	assert_memory_equal(value.data, expected, value.len);
	assert_int_equal(h.packed.len, 0);
	return puts_seen++ == 0 ? SINK_FULL : SINK_OK;
}

static void
a_record_of_its_own(void **state)
{
	static const SinkOps ops = {.put = fake_put};
	Error err;

	(void) state;
	assert_int_equal(gap_put(&ops, NULL, NULL, &gap, 42, &err), SINK_FULL);
	assert_int_equal(gap_put(&ops, NULL, NULL, &gap, 42, &err), SINK_OK);
}

static void
behind_other_headers(void **state)
{
	PgText packed = {0};
	uint16_t count = 0;
	FrameHeaders h;
	WireSlice name;
	WireSlice value;

	(void) state;
	gap_add_header(&packed, &count, &gap);
	gap_add_header(&packed, &count, &gap);
	h = (FrameHeaders){count,
					   {(const uint8_t *) packed.data, (uint32_t) packed.len}};
	assert_true(frame_next_header(&h, &name, &value));
	assert_true(frame_next_header(&h, &name, &value));
	assert_memory_equal(value.data, expected, value.len);
	assert_false(frame_next_header(&h, &name, &value));
	free(packed.data);
}

static void
only_where_null_values_are_known(void **state)
{
	char *flat_drop[] = {"--delete.tombstone.handling.mode=drop"};
	char *flat_rewrite[] = {"--delete.tombstone.handling.mode=rewrite"};
	char *flat_tombstone[] = {"--delete.tombstone.handling.mode=tombstone"};
	char *envelope[] = {"--format=envelope"};
	char *envelope_off[] = {"--format=envelope",
							"--tombstones.on.delete=false"};
	struct
	{
		char **argv;
		int argc;
		bool may;
	} cases[] = {
		{NULL, 0, true},		  {flat_drop, 1, false},
		{flat_rewrite, 1, false}, {flat_tombstone, 1, true},
		{envelope, 1, true},	  {envelope_off, 2, false},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Config cfg;
		Error err;

		assert_true(config_load(&cfg, cases[i].argc, cases[i].argv, &err));
		assert_int_equal(gap_may_be_record(&cfg), cases[i].may);
		config_free(&cfg);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_of_its_own),
		cmocka_unit_test(behind_other_headers),
		cmocka_unit_test(only_where_null_values_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
