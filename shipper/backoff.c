/*
 * backoff.c
 *		When to try again, and what to say about it meanwhile.
 */
#include "backoff.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

#define FIRST_MS	 100
#define LONGEST_MS	 10000
#define LOG_EVERY_MS 60000


void
backoff_fail(Backoff *b, const Error *err, int64_t now_ms)
{
	int64_t delay = FIRST_MS;

	for (int i = 0; i < b->failures && delay < LONGEST_MS; i++)
		delay *= 2;
	if (delay > LONGEST_MS)
		delay = LONGEST_MS;
	b->next_ms = now_ms + delay / 2 + random() % (delay / 2 + 1);

	if (b->failures++ == 0)
		b->since_ms = now_ms;
	if (b->failures == 1 || strcmp(b->code, err->code) != 0)
	{
		log_error(LOG_WARN, err);
		b->logged_ms = now_ms;
	}
	else if (now_ms - b->logged_ms >= LOG_EVERY_MS)
	{
		log_event(LOG_WARN, "still waiting", F_STR("code", err->code),
				  F_STR("error", err->text),
				  F_INT("seconds", (now_ms - b->since_ms) / 1000),
				  F_INT("attempts", b->failures));
		b->logged_ms = now_ms;
	}
	memcpy(b->code, err->code, sizeof(b->code));
}

void
backoff_succeed(Backoff *b, const char *what, int64_t now_ms)
{
	if (b->failures > 0)
		log_event(LOG_INFO, what,
				  F_INT("seconds", (now_ms - b->since_ms) / 1000),
				  F_INT("attempts", b->failures));
	*b = (Backoff){0};
}
