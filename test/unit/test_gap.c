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

static const SnapshotGap what = {.set = true,
								 .reason = "wal_removed",
								 .after_lsn = UINT64_C(0x100000020),
								 .until_lsn = UINT64_C(0x2000000F0),
								 .found_us = INT64_C(1700000000123456)};
static const Gap gap = {
	.slot = "shop", .system_id = "7354711234567890123", .what = &what};
static const char expected[] =
	"{\"slot\":\"shop\",\"system\":\"7354711234567890123\","
	"\"reason\":\"wal_removed\",\"after\":\"1/20\",\"until\":\"2/F0\","
	"\"ts_ms\":1700000000123}";

static void
a_header_of_a_record(void **state)
{
	FrameRecord r = {.op = 'r'};
	PgText packed = {0};
	FrameHeaders h;
	WireSlice name;
	WireSlice value;

	(void) state;
	gap_mark(&r, &packed, &gap);
	h = r.headers;
	assert_int_equal(h.count, 1);
	assert_true(frame_next_header(&h, &name, &value));
	assert_int_equal(name.len, strlen(GAP_HEADER));
	assert_memory_equal(name.data, GAP_HEADER, name.len);
	assert_int_equal(value.len, strlen(expected));
	assert_memory_equal(value.data, expected, value.len);
	assert_int_equal(h.packed.len, 0);
	free(packed.data);
}

static void
behind_other_headers(void **state)
{
	FrameRecord r = {.op = 'r'};
	PgText first = {0};
	PgText second = {0};
	FrameHeaders h;
	WireSlice name;
	WireSlice value;

	(void) state;
	gap_mark(&r, &first, &gap);
	gap_mark(&r, &second, &gap);
	h = r.headers;
	assert_int_equal(h.count, 2);
	assert_true(frame_next_header(&h, &name, &value));
	assert_true(frame_next_header(&h, &name, &value));
	assert_memory_equal(value.data, expected, value.len);
	assert_false(frame_next_header(&h, &name, &value));
	free(first.data);
	free(second.data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_of_a_record),
		cmocka_unit_test(behind_other_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
