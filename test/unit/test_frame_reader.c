/*
 * test_frame_reader.c
 *		The wire format, byte by byte; and what cannot be read is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "frames.h"

/* exactly what wire.h says, written by hand */
static const uint8_t GOLDEN[] =
	/* hello: version 1, "0.1.0", "flat", 150020 */
	"\x00\x00\x00\x14H\x00\x01\x00\x05"
	"0.1.0\x00\x04"
	"flat\x00\x02\x4a\x04"
	/* stream 16385, table, one constant header "h": "v" */
	"\x00\x00\x00\x48S\x00\x00\x40\x01t\x00\x0b"
	"p.public.us\x00\x06"
	"public\x00\x02us"
	"\x00\x00\x00\x03{k:\x00\x00\x00\x01}\x00\x00\x00\x03{v:\x00\x00\x00\x01}"
	"\x00\x02\x00\x01h\x00\x00\x00\x01v\x00\x01n\xff\xff\xff\xff"
	/* begin: xid 739, commit 0/16B3748, end 1/2, time, origin "" */
	"\x00\x00\x00\x1f"
	"B\x00\x00\x02\xe3\x00\x00\x00\x00\x01\x6b\x37\x48\x00\x00\x00\x01\x00\x00\x00\x02"
	"\xff\xff\xff\xff\xff\xff\xff\xfe\x00\x00"
	/* record: create, LSN 0/16B3700, ordinal 7, part 2, key {}, no value, no headers */
	"\x00\x00\x00\x24R\x00\x00\x40\x01"
	"c\x00\x00\x00\x00\x00\x01\x6b\x37\x00\x00\x00\x00\x00\x00\x00\x00\x07\x02"
	"\x00\x00\x00\x02{}\xff\xff\xff\xff\x00\x00"
	/* record with everything: null key, empty value, header, topic, partition 3, time 5 ms, hole 0, hole 0 in header 0 */
	"\x00\x00\x00\x47R\x00\x00\x40\x01"
	"d\x8f\x00\x00\x00\x00\x01\x6b\x37\x00\x00\x00\x00\x00\x00\x00\x00\x08\x00"
	"\xff\xff\xff\xff\x00\x00\x00\x00\x00\x01\x00\x01"
	"a\x00\x00\x00\x01z\x00\x03out\x00\x00\x00\x03"
	"\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00"
	"\x00\x01\x00\x00\x00\x00\x00\x00"
	/* signal: LSN 0/16B3700, ordinal 9, "s1", "log", data {}, 2 bytes */
	"\x00\x00\x00\x24G\x00\x00\x00\x00\x01\x6b\x37\x00\x00\x00\x00\x00\x00\x00\x00\x09"
	"\x00\x02s1\x00\x03log\x00\x00\x00\x02{}\x00\x00\x00\x02"
	/* watermark "n:1" */
	"\x00\x00\x00\x06W\x00\x03n:1"
	/* commit: end 1/2, 2 records, and two bytes of a later version */
	"\x00\x00\x00\x13"
	"C\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x02zz";

static bool
slice_is(WireSlice s, const char *text)
{
	return s.data != NULL && s.len == strlen(text) &&
		   memcmp(s.data, text, s.len) == 0;
}

static void
reads_golden_bytes(void **state)
{
	FrameReader r;
	Frame f;
	Error err;
	WireSlice name;
	WireSlice value;
	uint16_t header;
	uint32_t offset;

	(void) state;
	frame_reader_init(&r, GOLDEN, sizeof(GOLDEN) - 1);

	assert_int_equal(frame_reader_next(&r, &f, &err), FRAME_OK);
	assert_int_equal(f.kind, WIRE_HELLO);
	assert_int_equal(f.hello.wire_version, 1);
	assert_true(slice_is(f.hello.extension_version, "0.1.0"));
	assert_true(slice_is(f.hello.format, "flat"));
	assert_int_equal(f.hello.server_version_num, 150020);

	assert_int_equal(frame_reader_next(&r, &f, &err), FRAME_OK);
	assert_int_equal(f.kind, WIRE_STREAM);
	assert_int_equal(f.stream.id, 16385);
	assert_int_equal(f.stream.kind, WIRE_STREAM_TABLE);
	assert_true(slice_is(f.stream.topic, "p.public.us"));
	assert_true(slice_is(f.stream.schema, "public"));
	assert_true(slice_is(f.stream.name, "us"));
	assert_true(slice_is(f.stream.key_head, "{k:"));
	assert_true(slice_is(f.stream.key_tail, "}"));
	assert_true(slice_is(f.stream.value_head, "{v:"));
	assert_true(slice_is(f.stream.value_tail, "}"));
	assert_int_equal(f.stream.headers.count, 2);
	assert_true(frame_next_header(&f.stream.headers, &name, &value));
	assert_true(slice_is(name, "h") && slice_is(value, "v"));
	assert_true(frame_next_header(&f.stream.headers, &name, &value));
	assert_true(slice_is(name, "n") && value.data == NULL);
	assert_false(frame_next_header(&f.stream.headers, &name, &value));

	assert_int_equal(frame_reader_next(&r, &f, &err), FRAME_OK);
	assert_int_equal(f.kind, WIRE_BEGIN);
	assert_int_equal(f.begin.xid, 739);
	assert_true(f.begin.commit_lsn == 0x16b3748 &&
				f.begin.end_lsn == 0x100000002);
	assert_true(f.begin.commit_time_us == -2);
	assert_true(slice_is(f.begin.origin, ""));

	assert_int_equal(frame_reader_next(&r, &f, &err), FRAME_OK);
	assert_int_equal(f.kind, WIRE_RECORD);
	assert_int_equal(f.record.stream, 16385);
	assert_int_equal(f.record.op, WIRE_OP_CREATE);
	assert_int_equal(f.record.lsn, 0x16b3700);
	assert_int_equal(f.record.ordinal, 7);
	assert_int_equal(f.record.part, 2);
	assert_true(slice_is(f.record.key, "{}"));
	assert_null(f.record.value.data);
	assert_int_equal(f.record.headers.count, 0);
	assert_null(f.record.topic.data);

	assert_int_equal(frame_reader_next(&r, &f, &err), FRAME_OK);
	assert_int_equal(f.record.op, WIRE_OP_DELETE);
	assert_null(f.record.key.data);
	assert_true(slice_is(f.record.value, ""));
	assert_true(frame_next_header(&f.record.headers, &name, &value));
	assert_true(slice_is(name, "a") && slice_is(value, "z"));
	assert_true(slice_is(f.record.topic, "out"));
	assert_int_equal(f.record.partition, 3);
	assert_int_equal(f.record.timestamp_ms, 5);
	assert_int_equal(f.record.hole, 0);
	assert_int_equal(f.record.holes.count, 1);
	assert_true(frame_next_hole(&f.record.holes, &header, &offset));
	assert_true(header == 0 && offset == 0);
	assert_false(frame_next_hole(&f.record.holes, &header, &offset));

	assert_int_equal(frame_reader_next(&r, &f, &err), FRAME_OK);
	assert_int_equal(f.kind, WIRE_SIGNAL);
	assert_int_equal(f.signal.lsn, 0x16b3700);
	assert_int_equal(f.signal.ordinal, 9);
	assert_true(slice_is(f.signal.id, "s1"));
	assert_true(slice_is(f.signal.type, "log"));
	assert_true(slice_is(f.signal.data, "{}"));
	assert_int_equal(f.signal.data_bytes, 2);

	assert_int_equal(frame_reader_next(&r, &f, &err), FRAME_OK);
	assert_int_equal(f.kind, WIRE_WATERMARK);
	assert_true(slice_is(f.watermark.content, "n:1"));

	assert_int_equal(frame_reader_next(&r, &f, &err), FRAME_OK);
	assert_int_equal(f.kind, WIRE_COMMIT);
	assert_true(f.commit.end_lsn == 0x100000002 && f.commit.records == 2);

	assert_int_equal(frame_reader_next(&r, &f, &err), FRAME_END);
}

/* the packing of frames.h, which the other tests use, is the golden one */
static void
packs_golden_bytes(void **state)
{
	Bytes b = {.len = 0};

	(void) state;
	put_hello(&b, 1);
	assert_memory_equal(b.data, GOLDEN, b.len);
	assert_int_equal(b.len, 24);
}

/*
 * Every prefix of the payload, in a block of just its size (a sanitizer sees
 * the first byte beyond), is read up to its last whole frame and then refused.
 */
static void
refuses_every_truncation(void **state)
{
	(void) state;
	for (size_t len = 0; len < sizeof(GOLDEN) - 1; len++)
	{
		uint8_t *copy = malloc(len > 0 ? len : 1);
		FrameReader r;
		Frame f;
		Error err;
		FrameResult result;

		memcpy(copy, GOLDEN, len);
		frame_reader_init(&r, copy, len);
		while ((result = frame_reader_next(&r, &f, &err)) == FRAME_OK)
			;
		if (result == FRAME_CORRUPT)
		{
			assert_int_equal(err.kind, ERR_ENVIRONMENT);
			assert_string_equal(err.code, "frame_corrupt");
		}
		else
			assert_true(r.p == r.end);
		free(copy);
	}
}

/* No byte, whatever its value, makes the reader go beyond the payload. */
static void
survives_every_flipped_byte(void **state)
{
	uint8_t *copy = malloc(sizeof(GOLDEN) - 1);

	(void) state;
	for (size_t i = 0; i < sizeof(GOLDEN) - 1; i++)
	{
		for (int v = 0; v < 256; v += 5)
		{
			FrameReader r;
			Frame f;
			Error err;
			WireSlice name;
			WireSlice value;

			memcpy(copy, GOLDEN, sizeof(GOLDEN) - 1);
			copy[i] = (uint8_t) v;
			frame_reader_init(&r, copy, sizeof(GOLDEN) - 1);
			while (frame_reader_next(&r, &f, &err) == FRAME_OK)
			{
				if (f.kind == WIRE_RECORD)
				{
					while (frame_next_header(&f.record.headers, &name, &value))
						assert_true(name.data + name.len <= r.end);
				}
			}
		}
	}
	free(copy);
}

static void
expect_corrupt(const Bytes *b)
{
	FrameReader r;
	Frame f;
	Error err;

	frame_reader_init(&r, b->data, b->len);
	assert_int_equal(frame_reader_next(&r, &f, &err), FRAME_CORRUPT);
}

static void
refuses_bad_lengths(void **state)
{
	Bytes b = {.len = 0};

	(void) state;
	put_commit(&b, 1, 1);
	wire_put_u32(b.data, 0);
	expect_corrupt(&b);
	wire_put_u32(b.data, 18); /* one more than there is */
	expect_corrupt(&b);
	wire_put_u32(b.data, 16); /* one less than its fields need */
	expect_corrupt(&b);
	wire_put_u32(b.data, 0xffffffff);
	expect_corrupt(&b);
	wire_put_u32(b.data, 17);
	b.data[4] = '?';
	expect_corrupt(&b);
}

static void
refuses_hole_outside_value(void **state)
{
	Bytes b = {.len = 0};
	FrameReader r;
	Frame f;
	Error err;

	(void) state;
	frame_open(&b, WIRE_RECORD);
	bytes_u32(&b, 1);
	bytes_u8(&b, WIRE_OP_READ);
	bytes_u8(&b, WIRE_REC_HOLE);
	bytes_u64(&b, 1);
	bytes_u64(&b, 1);
	bytes_u8(&b, 0);
	bytes_blob(&b, NULL);
	bytes_blob(&b, "abc");
	bytes_u16(&b, 0);
	bytes_u32(&b, 3);
	frame_close(&b);
	frame_reader_init(&r, b.data, b.len);
	assert_int_equal(frame_reader_next(&r, &f, &err), FRAME_OK);
	assert_int_equal(f.record.hole, 3);
	wire_put_u32(b.data + b.len - 4, 4);
	expect_corrupt(&b);
}

static void
expect_signal(size_t name, size_t data, bool good)
{
	static uint8_t bytes[WIRE_SIGNAL_DATA_BYTES + 1024];
	uint8_t *p = bytes + WIRE_LENGTH_BYTES;
	FrameReader r;
	Frame f;
	Error err;

	memset(bytes, 'x', sizeof(bytes));
	*p++ = WIRE_SIGNAL;
	p += 16;
	wire_put_u16(p, (uint16_t) name);
	p += 2 + name;
	wire_put_u16(p, 1);
	p += 3;
	wire_put_u32(p, (uint32_t) data);
	p += 4 + data;
	p += 4;
	wire_put_u32(bytes, (uint32_t) (p - bytes - WIRE_LENGTH_BYTES));
	frame_reader_init(&r, bytes, (size_t) (p - bytes));
	assert_int_equal(frame_reader_next(&r, &f, &err),
					 good ? FRAME_OK : FRAME_CORRUPT);
}

static void
bounds_signals(void **state)
{
	(void) state;
	expect_signal(WIRE_SIGNAL_NAME_BYTES, WIRE_SIGNAL_DATA_BYTES, true);
	expect_signal(WIRE_SIGNAL_NAME_BYTES + 1, 0, false);
	expect_signal(1, WIRE_SIGNAL_DATA_BYTES + 1, false);
}

static void
reads_oversize(void **state)
{
	Bytes b = {.len = 0};
	FrameReader r;
	Frame f;
	Error err;

	(void) state;
	frame_open(&b, WIRE_RECORD);
	bytes_u32(&b, 1);
	bytes_u8(&b, WIRE_OP_CREATE);
	bytes_u8(&b, WIRE_REC_PARTITION | WIRE_REC_OVERSIZE);
	bytes_u64(&b, 1);
	bytes_u64(&b, 1);
	bytes_u8(&b, 0);
	bytes_blob(&b, NULL);
	bytes_blob(&b, "{\"a\":\"xx");
	bytes_u16(&b, 0);
	bytes_u32(&b, 5);
	bytes_u8(&b, WIRE_OVER_CUT_KEY);
	bytes_u64(&b, 70000);
	bytes_u64(&b, 5000000000);
	bytes_blob(&b, "hash");
	frame_close(&b);
	frame_reader_init(&r, b.data, b.len);
	assert_int_equal(frame_reader_next(&r, &f, &err), FRAME_OK);
	assert_int_equal(f.record.partition, 5);
	assert_int_equal(f.record.oversize.bits, WIRE_OVER_CUT_KEY);
	assert_int_equal(f.record.oversize.key_bytes, 70000);
	assert_int_equal(f.record.oversize.value_bytes, 5000000000);
	assert_int_equal(f.record.oversize.sha256.len, 4);
	/* cut off, it is no frame */
	wire_put_u32(b.data, (uint32_t) b.len - WIRE_LENGTH_BYTES - 1);
	expect_corrupt(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_golden_bytes),
		cmocka_unit_test(packs_golden_bytes),
		cmocka_unit_test(refuses_every_truncation),
		cmocka_unit_test(survives_every_flipped_byte),
		cmocka_unit_test(refuses_bad_lengths),
		cmocka_unit_test(refuses_hole_outside_value),
		cmocka_unit_test(reads_oversize),
		cmocka_unit_test(bounds_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
