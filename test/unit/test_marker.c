/*
 * test_marker.c
 *		The marker of a snapshot's row, into the holes of its record.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "frames.h"
#include "marker.h"

typedef struct Row
{
	Bytes bytes;
	Frame frame;
	PgText value;
	PgText headers;
} Row;

/*
 * A row with three headers of its own: the text true, a null, JSON; and holes
 * in header "first" and in the last, and two in its value.
 */
static void
row_read(Row *row, uint16_t first, uint32_t first_at, uint32_t last_at)
{
	Bytes *b = &row->bytes;
	FrameReader r;
	Error err;

	*row = (Row){.value = {0}};
	frame_open(b, WIRE_RECORD);
	bytes_u32(b, 1);
	bytes_u8(b, WIRE_OP_READ);
	bytes_u8(b, WIRE_REC_HOLE | WIRE_REC_HOLES);
	bytes_u64(b, 1);
	bytes_u64(b, 1);
	bytes_u8(b, 0);
	bytes_blob(b, NULL);
	bytes_blob(b, "{\"a\":\"true\",\"b\":true,\"s\":\"true\"}");
	bytes_u16(b, 3);
	bytes_str(b, "plain");
	bytes_blob(b, "true");
	bytes_str(b, "");
	bytes_blob(b, NULL);
	bytes_str(b, "json");
	bytes_blob(b, "{\"payload\":\"true\"}");
	bytes_u32(b, 26);
	bytes_u16(b, 3);
	bytes_u16(b, WIRE_HOLE_VALUE);
	bytes_u32(b, 6);
	bytes_u16(b, first);
	bytes_u32(b, first_at);
	bytes_u16(b, 2);
	bytes_u32(b, last_at);
	frame_close(b);
	frame_reader_init(&r, b->data, b->len);
	assert_int_equal(frame_reader_next(&r, &row->frame, &err), FRAME_OK);
}

static void
row_free(Row *row)
{
	free(row->value.data);
	free(row->headers.data);
}

static void
expect_slice(WireSlice s, const char *text)
{
	if (text == NULL)
	{
		assert_null(s.data);
		return;
	}
	assert_int_equal(s.len, strlen(text));
	assert_memory_equal(s.data, text, s.len);
}

static void
expect_row(const Row *row, const char *value, const char *plain,
		   const char *json)
{
	static const char *const names[] = {"plain", "", "json"};
	const char *const values[] = {plain, NULL, json};
	FrameHeaders h = row->frame.record.headers;
	WireSlice name;
	WireSlice v;

	expect_slice(row->frame.record.value, value);
	assert_int_equal(h.count, 3);
	for (int i = 0; i < 3; i++)
	{
		assert_true(frame_next_header(&h, &name, &v));
		expect_slice(name, names[i]);
		expect_slice(v, values[i]);
	}
	assert_int_equal(h.packed.len, 0);
}

static void
fills_value_and_headers(void **state)
{
	Row row;

	(void) state;
	row_read(&row, 0, 0, 12);
	marker_write(&row.frame.record, "last", &row.value, &row.headers);
	expect_row(&row, "{\"a\":\"last\",\"b\":true,\"s\":\"last\"}", "last",
			   "{\"payload\":\"last\"}");
	row_free(&row);

	row_read(&row, 0, 0, 12);
	marker_write(&row.frame.record, "first_in_data_collection", &row.value,
				 &row.headers);
	expect_row(&row,
			   "{\"a\":\"first_in_data_collection\",\"b\":true,"
			   "\"s\":\"first_in_data_collection\"}",
			   "first_in_data_collection",
			   "{\"payload\":\"first_in_data_collection\"}");
	row_free(&row);
}

static void
leaves_most_rows_alone(void **state)
{
	Row row;

	(void) state;
	row_read(&row, 0, 0, 12);
	marker_write(&row.frame.record, MARKER_PLAIN, &row.value, &row.headers);
	assert_null(row.value.data);
	assert_null(row.headers.data);
	row_free(&row);
}

/* A hole that is none is not filled, wherever it points. */
static void
fills_nothing_but_the_marker(void **state)
{
	static const struct
	{
		uint16_t header;
		uint32_t at;
	} wrong[] = {{0, 1}, {0, 4}, {0, UINT32_MAX}, {1, 0}, {7, 0}};
	Row row;

	(void) state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
	{
		row_read(&row, wrong[i].header, wrong[i].at, 11);
		/* of the value's, only the one before */
		row.frame.record.hole = 8;
		marker_write(&row.frame.record, "first", &row.value, &row.headers);
		expect_row(&row, "{\"a\":\"first\",\"b\":true,\"s\":\"true\"}", "true",
				   "{\"payload\":\"true\"}");
		row_free(&row);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_value_and_headers),
		cmocka_unit_test(leaves_most_rows_alone),
		cmocka_unit_test(fills_nothing_but_the_marker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
