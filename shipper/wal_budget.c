/*
 * wal_budget.c
 *		How much WAL the slot keeps, how much it may, and when that is used up.
 */
#include "wal_budget.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* of the smoothed growth: restart_lsn moves in jumps, each 15 s or more */
#define SMOOTH_MS 60000.0
/* a level is left again only well below its threshold, in percent of it */
#define HYSTERESIS 90

static void note_rate(WalBudget *b, uint64_t retained, int64_t now_ms);
static void note_budget(WalBudget *b, const WalSample *s);
static int level_of(const WalBudget *b, uint64_t bytes);


bool
wal_thresholds_parse(const char *text, int *percents, int *count)
{
	long last = 0;

	*count = 0;
	while (*text != '\0')
	{
		char *end;
		long n = strtol(text, &end, 10);

		if (end == text || n <= last || n > 100 || *count == WAL_MAX_THRESHOLDS)
			return false;
		percents[(*count)++] = (int) n;
		last = n;
		text = end + strspn(end, " ");
		if (*text == '\0')
			return true;
		if (*text != ',')
			return false;
		text += 1 + strspn(text + 1, " ");
		if (*text == '\0')
			return false;
	}
	return true;
}

void
wal_budget_init(WalBudget *b, uint64_t limit, const char *thresholds)
{
	memset(b, 0, sizeof(*b));
	b->limit = limit;
	b->full_us = WAL_NEVER;
	if (!wal_thresholds_parse(thresholds, b->percents, &b->count))
		b->count = 0;
}

WalChange
wal_budget_note(WalBudget *b, const WalSample *s, int64_t now_ms)
{
	int before = b->level;
	int above;

	note_rate(b, s->retained, now_ms);
	b->retained = s->retained;
	b->sampled_ms = now_ms;
	note_budget(b, s);

	above = level_of(b, s->retained);
	if (above < before)
	{
		/* near a threshold it does not go back and forth */
		int held = level_of(b, s->retained / HYSTERESIS * 100);

		above = held < before ? held : before;
	}
	b->level = above;
	return above > before ? WAL_HIGHER : above < before ? WAL_LOWER : WAL_SAME;
}

void
wal_budget_forget(WalBudget *b)
{
	b->sampled_ms = 0;
	b->rate = 0;
	b->full_us = WAL_NEVER;
}

const char *
wal_bytes_text(char *out, size_t size, uint64_t bytes)
{
	static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
	double n = (double) bytes;
	size_t i = 0;

	while (n >= 1024 && i < 4)
	{
		n /= 1024;
		i++;
	}
	snprintf(out, size, i == 0 ? "%.0f %s" : "%.1f %s", n, units[i]);
	return out;
}

const char *
wal_time_text(char *out, size_t size, uint64_t us)
{
	uint64_t min = us / 60000000;

	if (us == WAL_NEVER)
		snprintf(out, size, "not as it stands");
	else if (min < 1)
		snprintf(out, size, "less than a minute");
	else if (min < 60)
		snprintf(out, size, "%" PRIu64 " min", min);
	else if (min < 48 * 60)
		snprintf(out, size, "%" PRIu64 " h %" PRIu64 " min", min / 60,
				 min % 60);
	else
		snprintf(out, size, "%" PRIu64 " days", min / (24 * 60));
	return out;
}

static void
note_rate(WalBudget *b, uint64_t retained, int64_t now_ms)
{
	double ms = (double) (now_ms - b->sampled_ms);
	double now;
	double weight;

	if (b->sampled_ms == 0 || ms <= 0)
		return;
	now = ((double) retained - (double) b->retained) * 1000 / ms;
	weight = ms / (ms + SMOOTH_MS);
	b->rate += (now - b->rate) * weight;
}

static void
note_budget(WalBudget *b, const WalSample *s)
{
	int64_t server = INT64_MAX; /* what the slot may keep in all */

	if (s->limited)
		server = (int64_t) s->retained + s->safe_bytes;
	if (server < 1)
		server = 1;
	b->own = b->limit > 0 && (!s->limited || b->limit <= (uint64_t) server);
	b->budget = b->own ? b->limit : s->limited ? (uint64_t) server : 0;
	b->percent = 0;
	b->full_us = WAL_NEVER;
	if (b->budget == 0)
		return;
	b->percent = (unsigned) ((double) s->retained * 100 / (double) b->budget);
	if (s->retained >= b->budget)
		b->full_us = 0;
	else if (b->rate >= 1)
		b->full_us =
			(uint64_t) ((double) (b->budget - s->retained) / b->rate * 1e6);
}

static int
level_of(const WalBudget *b, uint64_t bytes)
{
	int level = 0;

	if (b->budget == 0)
	{
		for (uint64_t much = WAL_MUCH_BYTES; bytes >= much && level < 20;
			 much *= 2)
			level++;
		return level;
	}
	while (level < b->count &&
		   (double) bytes * 100 >=
			   (double) b->budget * (double) b->percents[level])
		level++;
	return level;
}
