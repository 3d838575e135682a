/*
 * snapshot_bar.c
 *		How far a snapshot is: a line that is rewritten on a terminal, log lines
 *		elsewhere.
 */
#include "snapshot_bar.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "log.h"

#define TERMINAL_MS 200
#define LOG_MS		10000
#define CELLS		20

typedef struct BarState
{
	const SnapshotTable *table; /* the first that is read */
	double table_part;
	size_t finished;
	uint64_t rows;
	double blocks; /* of all, done */
	double all;
} BarState;


/* Of this round, places of what is being read. */
static double
under_way(const SnapshotTable *t, const SnapshotUnit *units, size_t nunits)
{
	double done = 0;

	for (size_t i = 0; i < nunits; i++)
		if (units[i].table == t && units[i].younger == 0 && t->ranged)
			done += (double) (units[i].next - units[i].span.first);
	return done;
}

/* 0 to 1, by pages */
static double
table_part(const SnapshotTable *t, const SnapshotUnit *units, size_t nunits)
{
	double done = under_way(t, units, nunits);
	double end = (double) SNAPSHOT_PLACE(t->blocks);

	if (t->complete)
		return 1;
	for (size_t i = 0; i < t->done.count && end > 0; i++)
	{
		double before = t->done.items[i].before == SNAPSHOT_NO_END
							? end
							: (double) t->done.items[i].before;

		done += before - (double) t->done.items[i].first;
	}
	return end <= 0 ? 0 : done < end ? done / end : 1;
}

static BarState
look(const SnapshotPlan *p, const SnapshotUnit *units, size_t nunits)
{
	BarState s = {NULL, 1, 0, 0, 0, 0};

	for (size_t i = 0; i < p->count; i++)
	{
		const SnapshotTable *t = p->tables[i];
		double blocks = (double) t->blocks + 1;
		double part = table_part(t, units, nunits);

		s.finished += t->complete;
		s.rows += t->rows;
		s.all += blocks;
		s.blocks += blocks * part;
		if (!t->complete && s.table == NULL)
		{
			s.table = t;
			s.table_part = part;
		}
	}
	return s;
}

void
snapshot_bar_begin(SnapshotBar *b, const SnapshotPlan *p, int64_t now_ms)
{
	BarState s = look(p, NULL, 0);

	*b = (SnapshotBar){.active = true,
					   .terminal = isatty(STDERR_FILENO) == 1,
					   .begun_ms = now_ms,
					   .shown_ms = now_ms,
					   .begun_rows = s.rows,
					   .begun_part = s.all > 0 ? s.blocks / s.all : 1};
}

/* As much as fits into a line: one that wraps cannot be written over. */
static void
draw(const BarState *s, const SnapshotPlan *p, double part, int64_t rate,
	 int64_t left)
{
	struct winsize size = {0};
	char line[512];
	size_t n;
	size_t width = 80;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		width = size.ws_col;
	memset(line, ' ', CELLS + 2);
	memset(line + 1, '#', (size_t) (CELLS * part));
	line[0] = '[';
	line[CELLS + 1] = ']';
	n = CELLS + 2;
	n += (size_t) snprintf(line + n, sizeof(line) - n, " %3d%%",
						   (int) (100 * part));
	if (left >= 0)
		n += (size_t) snprintf(line + n, sizeof(line) - n, " %lld:%02lld left",
							   (long long) left / 60, (long long) left % 60);
	n += (size_t) snprintf(line + n, sizeof(line) - n,
						   " %lld rows/s %zu/%zu tables", (long long) rate,
						   s->finished, p->count);
	if (s->table != NULL)
		n += (size_t) snprintf(line + n, sizeof(line) - n,
							   " %.80s: %llu rows %d%%", s->table->name,
							   (unsigned long long) s->table->rows,
							   (int) (100 * s->table_part));
	log_bar(line, n < width ? n : width - 1);
}

void
snapshot_bar_show(SnapshotBar *b, const SnapshotPlan *p,
				  const SnapshotUnit *units, size_t nunits, int64_t now_ms)
{
	BarState s;
	double part;
	int64_t ms = now_ms - b->begun_ms;
	int64_t left;
	int64_t rate;

	if (!b->active ||
		now_ms - b->shown_ms < (b->terminal ? TERMINAL_MS : LOG_MS))
		return;
	b->shown_ms = now_ms;
	s = look(p, units, nunits);
	part = s.all > 0 ? s.blocks / s.all : 1;
	rate = ms > 0 ? (int64_t) (s.rows - b->begun_rows) * 1000 / ms : 0;
	left = part > b->begun_part
			   ? (int64_t) ((double) ms * (1 - part) / (part - b->begun_part)) /
					 1000
			   : -1;
	if (b->terminal)
		draw(&s, p, part, rate, left);
	else
		log_event(LOG_INFO, "the snapshot goes on",
				  F_STR("table", s.table != NULL ? s.table->name : ""),
				  F_INT("table_rows", s.table != NULL ? s.table->rows : 0),
				  F_INT("table_percent", (int) (100 * s.table_part)),
				  F_INT("tables", p->count), F_INT("finished", s.finished),
				  F_INT("rows", s.rows), F_INT("percent", (int) (100 * part)),
				  F_INT("rows_per_second", rate), F_INT("seconds_left", left));
}

void
snapshot_bar_end(SnapshotBar *b)
{
	if (b->active && b->terminal)
		log_bar(NULL, 0);
	b->active = false;
}
