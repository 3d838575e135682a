/*
 * position.c
 *		Records of the position topic, which anybody may have written, and
 *		timeline history files: what is read can be written and read again.
 */
#include "fuzz.h"

#include "position.h"
#include "resume.h"

static void
check_round_trip(const Position *p)
{
	Position again;
	Error err = {0};
	char *text = position_to_json(p);

	FUZZ_CHECK(position_from_json(&again, text, strlen(text), &err), "%s: %s",
			   err.text, text);
	FUZZ_CHECK(p->generation == again.generation &&
				   p->timeline == again.timeline &&
				   p->end_lsn == again.end_lsn &&
				   record_id_compare(p->open, again.open) == 0 &&
				   strcmp(p->writer, again.writer) == 0 &&
				   strcmp(p->system_id, again.system_id) == 0 &&
				   strcmp(p->options, again.options) == 0,
			   "another position: %s", text);
	FUZZ_CHECK((p->snapshot == NULL) == (again.snapshot == NULL), "%s", text);
	position_free(&again);
	free(text);
}

/* Whatever was stored: a start goes on from it or says why not. */
static void
check_resume(const Position *p, FuzzInput *in)
{
	static TimelineHistory history;
	ResumeStored stored = {p, true, "t"};
	ResumeServer server = {.timeline = fuzz_u8(in),
						   .wal_lsn = fuzz_bits(in, 8),
						   .slot_lsn = fuzz_bits(in, 8),
						   .history = &history};
	size_t len;
	uint8_t *text;
	bool drop_open;
	Error err = {0};

	snprintf(server.system_id, sizeof(server.system_id), "%s", p->system_id);
	text = fuzz_until(in, 0, &len);
	if (!timeline_history_parse(&history, (const char *) text, len, &err))
		FUZZ_CHECK(err.code[0] != '\0', "no reason given");
	free(text);
	if (!resume_check(&stored, &server, "o", in->left & 1, &drop_open, &err))
		FUZZ_CHECK(err.code[0] != '\0' && err.text[0] != '\0',
				   "no reason given");
	else
		FUZZ_CHECK(server.slot_lsn <= p->end_lsn &&
					   p->end_lsn <= server.wal_lsn,
				   "a gap, or ahead of the server");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzInput in = {data, size};
	size_t len;
	uint8_t *text = fuzz_until(&in, 0, &len);
	Position p;
	Error err = {0};

	if (position_from_json(&p, text, len, &err))
	{
		check_round_trip(&p);
		check_resume(&p, &in);
		position_free(&p);
	}
	else
		FUZZ_CHECK(err.code[0] != '\0' && p.snapshot == NULL,
				   "no reason given");
	free(text);
	return 0;
}
