/*
 * test_dead_letter.c
 *		What stands in for a record that no topic takes.
 */
#include "sink_driver.h"

#include <jansson.h>

#include "dead_letter.h"
#include "log.h"
#include "sha256.h"

static void
hex_of(const uint8_t *digest, char *out)
{
	for (int i = 0; i < SHA256_BYTES; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* The examples of FIPS 180-4, in pieces of each size. */
static void
test_sha256(void **state)
{
	static const struct
	{
		const char *text;
		int times;
		const char *hash;
	} rows[] = {
		{"", 1,
		 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", 1,
		 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
		{"aaaaaaaaaa", 100000,
		 "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
	};
	uint8_t digest[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t piece = 1; piece < 70; piece += 13)
		{
			Sha256 s;

			sha256_init(&s);
			for (int n = 0; n < rows[i].times; n++)
			{
				size_t len = strlen(rows[i].text);

				for (size_t at = 0; at < len; at += piece)
					sha256_add(&s, rows[i].text + at,
							   len - at < piece ? len - at : piece);
			}
			sha256_end(&s, digest);
			hex_of(digest, hex);
			assert_string_equal(hex, rows[i].hash);
		}
}

/* ---- letters --------------------------------------------------------------- */

typedef struct FakeStream
{
	StreamCopy copy;
} FakeStream;

static int streams_made;

static SinkStream *
fake_stream(Sink *s, SinkStream *old, const FrameStream *f, Error *err)
{
	FakeStream *st = calloc(1, sizeof(*st));

	(void) s;
	(void) old;
	(void) err;
	stream_copy_init(&st->copy, f);
	streams_made++;
	return (SinkStream *) st;
}

static const SinkOps fake_ops = {.name = "fake", .stream = fake_stream};

static Config cfg;
static DeadLetters letters;

static void
begin(cfg_enum on_error, cfg_enum oversize)
{
	memset(&cfg, 0, sizeof(cfg));
	cfg.topic_prefix = (char *) "shop";
	cfg.dead_letter_topic = (char *) "";
	cfg.on_error = on_error;
	cfg.oversize = oversize;
	dead_letters_init(&letters, &cfg);
}

static void
end(void)
{
	if (letters.stream != NULL)
	{
		stream_copy_free((StreamCopy *) letters.stream);
		free(letters.stream);
	}
	dead_letters_free(&letters);
}

static json_t *
make(const FrameStream *fs, const FrameRecord *f, const Error *why)
{
	FakeStream st;
	SinkRecord r = {.stream = (SinkStream *) &st,
					.frame = f,
					.end_lsn = 4711,
					.commit_time_us = 1700000000000001,
					.ticket = 42};
	Error err;
	json_t *value;

	stream_copy_init(&st.copy, fs);
	assert_true(dead_letter_make(&letters, &fake_ops, NULL, &r, why, &err));
	assert_true(letters.active);
	assert_int_equal(letters.record.ticket, 42);
	assert_int_equal(letters.record.end_lsn, 4711);
	assert_int_equal(letters.frame.ordinal, f->ordinal);
	assert_int_equal(letters.frame.part, f->part);
	assert_int_equal(letters.frame.flags, 0);
	value = json_loadb((const char *) letters.frame.value.data,
					   letters.frame.value.len, 0, NULL);
	assert_non_null(value);
	stream_copy_free(&st.copy);
	return value;
}

static const char *
text(json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static int64_t
number(json_t *o, const char *name)
{
	assert_true(json_is_integer(json_object_get(o, name)));
	return json_integer_value(json_object_get(o, name));
}

static void
test_refused_record(void **state)
{
	FrameStream fs = {.topic = slice("shop.public.t"),
					  .schema = slice("public"),
					  .name = slice("t"),
					  .key_head = slice("<"),
					  .key_tail = slice(">"),
					  .value_head = slice("["),
					  .value_tail = slice("]")};
	FrameRecord f = record("{\"id\":1}", "{\"a\":\"\\\"\x01\"}");
	Error why;
	uint8_t digest[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];
	Sha256 s;
	json_t *v;

	(void) state;
	begin(ON_ERROR_DEAD_LETTER, OVERSIZE_STOP);
	err_set(&why, ERR_ENVIRONMENT, "record_refused", "no \"good\"");
	v = make(&fs, &f, &why);
	assert_string_equal(sink_stream_copy(letters.stream)->topic,
						"__tuplecast-dead-letter.shop");
	assert_int_equal(letters.frame.key.len, strlen("<{\"id\":1}>"));
	assert_memory_equal(letters.frame.key.data, "<{\"id\":1}>", 10);
	assert_string_equal(text(v, "reason"), "record_refused");
	assert_string_equal(text(v, "text"), "no \"good\"");
	assert_string_equal(text(v, "topic"), "shop.public.t");
	assert_string_equal(text(v, "table"), "public.t");
	assert_string_equal(text(v, "op"), "c");
	assert_int_equal(number(v, "lsn"), 4711);
	assert_int_equal(number(v, "ordinal"), 3);
	assert_int_equal(number(v, "part"), 1);
	assert_int_equal(number(v, "ts_us"), 1700000000000001);
	assert_string_equal(text(v, "key"), "<{\"id\":1}>");
	assert_int_equal(number(v, "key_bytes"), 10);
	assert_string_equal(text(v, "value"), "{\"a\":\"\\\"\x01\"}");
	assert_int_equal(number(v, "value_bytes"), f.value.len + 2);
	assert_true(json_is_true(json_object_get(v, "value_bytes_exact")));
	sha256_init(&s);
	sha256_add(&s, "[", 1);
	sha256_add(&s, f.value.data, f.value.len);
	sha256_add(&s, "]", 1);
	sha256_end(&s, digest);
	hex_of(digest, hex);
	assert_string_equal(text(v, "value_sha256"), hex);
	json_decref(v);

	/* a tombstone of a routed record, without a key */
	f.key.data = f.value.data = NULL;
	f.key.len = f.value.len = 0;
	f.flags = WIRE_REC_TOPIC | WIRE_REC_PARTITION;
	f.topic = slice("else where");
	f.partition = 9;
	v = make(&fs, &f, &why);
	assert_null(letters.frame.key.data);
	assert_string_equal(text(v, "topic"), "else where");
	assert_int_equal(number(v, "partition"), 9);
	assert_true(json_is_null(json_object_get(v, "key")));
	assert_true(json_is_null(json_object_get(v, "value")));
	assert_true(json_is_null(json_object_get(v, "value_sha256")));
	json_decref(v);
	assert_int_equal(streams_made, 1);
	end();
}

/* What is shown is whole characters; what the plugin told is told on. */
static void
test_oversized_record(void **state)
{
	static char big[20001];
	FrameStream fs = {.topic = slice("t"), .name = slice("t")};
	FrameRecord f;
	Error why;
	json_t *v;

	(void) state;
	begin(ON_ERROR_STOP, OVERSIZE_DEAD_LETTER);
	for (int i = 0; i < 20000; i += 2)
		memcpy(big + i, "\xc3\xa4", 2);
	big[0] = 'x';
	big[1] = 'y';
	big[2] = 'z';
	memmove(big + 3, big + 4, 19996);
	big[19999] = '\0';
	err_set(&why, ERR_ENVIRONMENT, "record_too_large", "large");
	f = record("k", big);
	v = make(&fs, &f, &why);
	assert_int_equal(strlen(text(v, "value")), 4095);
	assert_int_equal(number(v, "value_bytes"), 19999);
	json_decref(v);

	/* a payload of bytes */
	f = record("k", "a\xff\xc3\xa4\"\xc3");
	v = make(&fs, &f, &why);
	assert_string_equal(text(v, "value"),
						"a\xef\xbf\xbd\xc3\xa4\"\xef\xbf\xbd");
	json_decref(v);

	f = record("k", "{\"a\":");
	f.flags = WIRE_REC_OVERSIZE;
	f.oversize.bits = WIRE_OVER_CUT_KEY;
	f.oversize.key_bytes = 70000;
	f.oversize.value_bytes = 5000000000;
	v = make(&fs, &f, &why);
	assert_string_equal(text(v, "value"), "{\"a\":");
	assert_int_equal(number(v, "key_bytes"), 70000);
	assert_int_equal(number(v, "value_bytes"), 5000000000);
	assert_true(json_is_false(json_object_get(v, "value_bytes_exact")));
	assert_true(json_is_null(json_object_get(v, "value_sha256")));
	json_decref(v);
	f.oversize.bits = WIRE_OVER_EXACT;
	f.oversize.sha256 = slice("abcdefghijklmnopqrstuvwxyz012345");
	v = make(&fs, &f, &why);
	assert_memory_equal(text(v, "value_sha256"), "6162636465", 10);
	assert_true(json_is_true(json_object_get(v, "value_bytes_exact")));
	json_decref(v);
	end();
}

static void
test_what_the_options_want(void **state)
{
	Error large;
	Error other;

	(void) state;
	err_set(&large, ERR_ENVIRONMENT, "record_too_large", "x");
	err_set(&other, ERR_ENVIRONMENT, "record_refused", "x");
	for (int on_error = 0; on_error < 2; on_error++)
		for (int oversize = 0; oversize < 3; oversize++)
		{
			bool dead = on_error == ON_ERROR_DEAD_LETTER;

			begin(on_error, oversize);
			assert_int_equal(dead_letter_wanted(&cfg, &other), dead);
			assert_int_equal(dead_letter_wanted(&cfg, &large),
							 oversize == OVERSIZE_DEAD_LETTER ||
								 (oversize == OVERSIZE_TRUNCATE && dead));
			end();
		}
	begin(ON_ERROR_STOP, OVERSIZE_STOP);
	dead_letters_free(&letters);
	cfg.dead_letter_topic = (char *) "mine";
	dead_letters_init(&letters, &cfg);
	assert_memory_equal(letters.topic.data, "mine", 4);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_refused_record),
		cmocka_unit_test(test_oversized_record),
		cmocka_unit_test(test_what_the_options_want),
	};

	log_init(LOG_TEXT, LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
