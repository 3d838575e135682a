/*
 * test_position.c
 *		The record of the position topic, and whether a stream may go on from it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "position.h"
#include "resume.h"

#define GOOD                                                                   \
	"{\"v\":1,\"generation\":3,\"writer\":\"a1\",\"system\":\"7500\","         \
	"\"timeline\":2,\"lsn\":\"1/AB\",\"open\":null,\"options\":\"00ff\","      \
	"\"snapshot\":null}"

static Error err;

static Position
example(void)
{
	Position p = {.generation = 7,
				  .writer = "0123abcd",
				  .system_id = "7512345678901234567",
				  .timeline = 3,
				  .end_lsn = UINT64_C(0x1A00000F0),
				  .open = {UINT64_C(0x1A0000200), 12345678901, 2},
				  .options = "00112233aabbccdd",
				  .snapshot = (char *) "{\"table\":\"a\\\"b\",\"done\":[1,2]}"};

	return p;
}

static void
round_trip(void **state)
{
	Position p = example();
	Position back;
	char *text = position_to_json(&p);

	(void) state;
	assert_true(position_from_json(&back, text, strlen(text), &err));
	assert_int_equal(back.generation, 7);
	assert_string_equal(back.writer, p.writer);
	assert_string_equal(back.system_id, p.system_id);
	assert_int_equal(back.timeline, 3);
	assert_int_equal(back.end_lsn, p.end_lsn);
	assert_int_equal(record_id_compare(back.open, p.open), 0);
	assert_string_equal(back.options, p.options);
	assert_string_equal(back.snapshot, p.snapshot);
	free(text);
	position_free(&back);
	p.open.end_lsn = 0;
	p.snapshot = NULL;
	text = position_to_json(&p);
	assert_true(position_from_json(&back, text, strlen(text), &err));
	assert_int_equal(back.open.end_lsn, 0);
	assert_null(back.snapshot);
	free(text);
}

static void
refused(const char *text, const char *code)
{
	Position p;

	if (position_from_json(&p, text, strlen(text), &err))
		fail_msg("taken: %s", text);
	assert_string_equal(err.code, code);
	assert_int_equal(err.kind, ERR_ENVIRONMENT);
	assert_null(p.snapshot);
}

/* GOOD with one piece replaced */
static const char *
with(const char *from, const char *to)
{
	static char out[1024];
	const char *at = strstr(GOOD, from);

	assert_non_null(at);
	snprintf(out, sizeof(out), "%.*s%s%s", (int) (at - GOOD), GOOD, to,
			 at + strlen(from));
	return out;
}

static void
refuses_garbage(void **state)
{
	static const char *const cases[][2] = {
		{"\"1/AB\"", "\"1/ABCDEFABC\""},
		{"\"1/AB\"", "\"1AB\""},
		{"\"1/AB\"", "\"-1/AB\""},
		{"\"1/AB\"", "\"1/AB \""},
		{"\"1/AB\"", "\"\""},
		{"\"1/AB\"", "5"},
		{"\"timeline\":2", "\"timeline\":-1"},
		{"\"timeline\":2", "\"timeline\":4294967296"},
		{"\"timeline\":2", "\"timeline\":2.0"},
		{"\"generation\":3", "\"generation\":\"3\""},
		{"\"writer\":\"a1\"", "\"writer\":null"},
		{"\"7500\"", "\"123456789012345678901234567890\""},
		{"\"7500\"", "\"75\\u0000\""},
		{"\"open\":null", "\"open\":5"},
		{"\"snapshot\":null", "\"snapshot\":5"},
		{"\"snapshot\":null", "\"snapshot\":\"x\""},
		{"\"open\":null", "\"open\":{\"lsn\":\"1/AC\",\"ordinal\":1}"},
		{"\"open\":null",
		 "\"open\":{\"lsn\":\"1/AC\",\"ordinal\":1,\"part\":256}"},
		{"\"open\":null",
		 "\"open\":{\"lsn\":\"1/AB\",\"ordinal\":1,\"part\":0}"},
		{"}", ""},
		{"}", "}x"},
		{"\"v\":1", "\"v\":1,\"v\":1"},
	};
	char deep[5000];
	Position p;

	(void) state;
	assert_true(position_from_json(&p, GOOD, strlen(GOOD), &err));
	position_free(&p);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refused(with(cases[i][0], cases[i][1]), "position_garbage");
	refused("", "position_garbage");
	refused("[]", "position_garbage");
	refused("{}", "position_garbage");
	refused("nonsense", "position_garbage");
	refused(with("\"v\":1", "\"v\":2"), "position_version");
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	refused(deep, "position_garbage");
	assert_false(position_from_json(&p, NULL, 0, &err));
	/* not terminated, and cut anywhere */
	for (size_t n = 0; n < strlen(GOOD); n++)
	{
		char *part = malloc(n + 1);

		memcpy(part, GOOD, n);
		assert_false(position_from_json(&p, part, n, &err));
		free(part);
	}
}

static void
hash_ignores_the_order(void **state)
{
	uint64_t h;
	char a[24];
	char b[24];

	(void) state;
	position_hash_start(&h);
	position_hash_add(&h, "format", "flat");
	position_hash_add(&h, "topic.prefix", "p");
	position_hash_end(h, a);
	position_hash_start(&h);
	position_hash_add(&h, "topic.prefix", "p");
	position_hash_add(&h, "format", "flat");
	position_hash_end(h, b);
	assert_string_equal(a, b);
	position_hash_add(&h, "x", "");
	position_hash_end(h, b);
	assert_string_not_equal(a, b);
}

/* ---- resume ---- */

typedef struct Case
{
	Position p;
	TimelineHistory history;
	ResumeServer server;
	ResumeStored stored;
	bool drop_open;
} Case;

static Case *
fine(void)
{
	static Case c;

	memset(&c, 0, sizeof(c));
	c.p = (Position){
		.system_id = "7500", .timeline = 1, .end_lsn = 0x500, .options = "aa"};
	c.server = (ResumeServer){.system_id = "7500",
							  .timeline = 1,
							  .wal_lsn = 0x900,
							  .slot_lsn = 0x400,
							  .history = &c.history};
	c.stored =
		(ResumeStored){.position = &c.p, .topic_used = true, .topic = "t"};
	return &c;
}

static bool
check(Case *c, bool exactly_once)
{
	return resume_check(&c->stored, &c->server, "aa", exactly_once,
						&c->drop_open, &err);
}

static void
expect(Case *c, const char *code, ErrKind kind)
{
	for (int mode = 0; mode < 2; mode++)
	{
		assert_false(check(c, mode == 1));
		assert_string_equal(err.code, code);
		assert_int_equal(err.kind, kind);
		assert_true(err.hint[0] != '\0');
	}
}

static void
goes_on_from_a_position(void **state)
{
	Case *c = fine();

	(void) state;
	assert_true(check(c, true));
	c->p.end_lsn = c->server.slot_lsn;
	assert_true(check(c, true));
	c->p.end_lsn = c->server.wal_lsn;
	assert_true(check(c, true));
}

static void
refuses_what_would_skip_rows(void **state)
{
	Case *c = fine();

	(void) state;
	strcpy(c->server.system_id, "7501");
	expect(c, "wrong_cluster", ERR_ENVIRONMENT);
	c = fine();
	c->server.slot_lsn = 0x501;
	expect(c, "position_gap", ERR_ENVIRONMENT);
	c = fine();
	c->server.wal_lsn = 0x4FF;
	expect(c, "position_ahead", ERR_ENVIRONMENT);
	c->server.standby = true;
	expect(c, "position_ahead", ERR_RETRY);
}

static void
follows_timelines(void **state)
{
	static const char text[] =
		"1\t0/600\tno recovery target specified\n\n# x\n2\t0/800\tbefore\n";
	Case *c = fine();

	(void) state;
	c->server.timeline = 3;
	expect(c, "timeline_unknown", ERR_ENVIRONMENT);
	assert_true(timeline_history_parse(&c->history, text, strlen(text), &err));
	assert_int_equal(c->history.count, 2);
	assert_true(check(c, true));
	c->p.end_lsn = 0x600;
	assert_true(check(c, true));
	c->p.end_lsn = 0x601;
	expect(c, "ghost_transactions", ERR_ENVIRONMENT);
	c->p.timeline = 2;
	assert_true(check(c, true));
	c->p.timeline = 7;
	expect(c, "timeline_unknown", ERR_ENVIRONMENT);
	assert_false(timeline_history_parse(&c->history, "rubbish\n", 8, &err));
}

static void
begins_without_a_position(void **state)
{
	Case *c = fine();

	(void) state;
	c->stored.position = NULL;
	assert_true(check(c, false));
	assert_false(check(c, true));
	assert_string_equal(err.code, "position_lost");
	c->stored.topic_used = false;
	assert_true(check(c, true));
}

static void
knows_other_options(void **state)
{
	Case *c = fine();

	(void) state;
	strcpy(c->p.options, "bb");
	assert_true(check(c, true));
	c->p.open = (RecordId){0x600, 4, 0};
	assert_false(check(c, true));
	assert_string_equal(err.code, "cannot_resume_transaction");
	assert_true(check(c, false));
	assert_true(c->drop_open);
	strcpy(c->p.options, "aa");
	assert_true(check(c, true));
	assert_false(c->drop_open);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(refuses_garbage),
		cmocka_unit_test(hash_ignores_the_order),
		cmocka_unit_test(goes_on_from_a_position),
		cmocka_unit_test(refuses_what_would_skip_rows),
		cmocka_unit_test(follows_timelines),
		cmocka_unit_test(begins_without_a_position),
		cmocka_unit_test(knows_other_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
