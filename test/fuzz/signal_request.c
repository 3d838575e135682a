/*
 * signal_request.c
 *		Signals, which come from tables, topics and files: what is read asks for
 *		something that can be done, what is not says why.
 */
#include "fuzz.h"

#include "signal_request.h"

static void
check(const SignalRequest *s)
{
	FUZZ_CHECK(s->id != NULL && s->type != NULL, "nameless");
	FUZZ_CHECK(s->kind != SIGNAL_EXECUTE || s->count > 0, "of no table");
	FUZZ_CHECK(s->kind != SIGNAL_LOG || s->message[0] != '\0', "of no words");
	for (size_t i = 0; i < s->count; i++)
		FUZZ_CHECK(s->items[i].pattern[0] != '\0', "an empty name");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = {"execute-snapshot", "stop-snapshot",
										"log", "other"};
	SignalRequest s;
	Error err = {0};

	if (signal_request_read(&s, (const char *) data, size, &err))
	{
		check(&s);
		signal_request_free(&s);
	}
	else
		FUZZ_CHECK(err.text[0] != '\0' && s.items == NULL, "no reason given");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (signal_request_parse(&s, "i", types[i], (const char *) data, size,
								 &err))
		{
			check(&s);
			signal_request_free(&s);
		}
	return 0;
}
