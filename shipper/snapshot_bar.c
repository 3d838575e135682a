/*
 * snapshot_bar.c
 *		How far a snapshot is: a line that is rewritten on a terminal, log lines
 *		elsewhere.
 */
#include "snapshot_bar.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

#define TERMINAL_MS 200
#define LOG_MS		10000
#define CELLS		20

typedef struct BarState
{
	const SnapshotTable *table; /* the first that is read */
	size_t finished;
	uint64_t rows;
	double blocks; /* of all, done */
	double all;
} BarState;


/* 0 to 1, by pages */
static double
table_part(const SnapshotTable *t)
{
	double done = 0;
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
	return end > 0 && done < end ? done / end : 0;
}

static BarState
look(const SnapshotPlan *p)
{
	BarState s = {NULL, 0, 0, 0, 0};

	for (size_t i = 0; i < p->count; i++)
	{
		const SnapshotTable *t = p->tables[i];
		double blocks = (double) t->blocks + 1;

		s.finished += t->complete;
		s.rows += t->rows;
		s.all += blocks;
		s.blocks += blocks * table_part(t);
		if (!t->complete && s.table == NULL)
			s.table = t;
	}
	return s;
}

void
snapshot_bar_begin(SnapshotBar *b, const SnapshotPlan *p, int64_t now_ms)
{
	BarState s = look(p);

	*b = (SnapshotBar){.active = true,
					   .terminal = isatty(STDERR_FILENO) == 1,
					   .begun_ms = now_ms,
					   .shown_ms = now_ms,
					   .begun_rows = s.rows,
					   .begun_part = s.all > 0 ? s.blocks / s.all : 1};
}

void
snapshot_bar_show(SnapshotBar *b, const SnapshotPlan *p, int64_t now_ms)
{
	BarState s;
	double part;
	int64_t ms = now_ms - b->begun_ms;
	int64_t left;
	int64_t rate;
	char bar[CELLS + 1];

	if (!b->active ||
		now_ms - b->shown_ms < (b->terminal ? TERMINAL_MS : LOG_MS))
		return;
	b->shown_ms = now_ms;
	s = look(p);
	part = s.all > 0 ? s.blocks / s.all : 1;
	rate = ms > 0 ? (int64_t) (s.rows - b->begun_rows) * 1000 / ms : 0;
	left = part > b->begun_part
			   ? (int64_t) ((double) ms * (1 - part) / (part - b->begun_part)) /
					 1000
			   : -1;
	if (!b->terminal)
	{
		log_event(LOG_INFO, "the snapshot goes on",
				  F_STR("table", s.table != NULL ? s.table->name : ""),
				  F_INT("table_percent", s.table != NULL
											 ? (int) (100 * table_part(s.table))
											 : 100),
				  F_INT("tables", p->count), F_INT("finished", s.finished),
				  F_INT("rows", s.rows), F_INT("percent", (int) (100 * part)),
				  F_INT("rows_per_second", rate), F_INT("seconds_left", left));
		return;
	}
	memset(bar, ' ', CELLS);
	memset(bar, '#', (size_t) (CELLS * part));
	bar[CELLS] = '\0';
	fprintf(stderr,
			"\r\033[K[%s] %3d%% %zu/%zu tables  %.40s %d%%  %llu rows  %lld/s",
			bar, (int) (100 * part), s.finished, p->count,
			s.table != NULL ? s.table->name : "",
			s.table != NULL ? (int) (100 * table_part(s.table)) : 100,
			(unsigned long long) s.rows, (long long) rate);
	if (left >= 0)
		fprintf(stderr, "  %lld:%02lld left", (long long) left / 60,
				(long long) left % 60);
	fflush(stderr);
	b->shown = true;
}

void
snapshot_bar_end(SnapshotBar *b)
{
	if (b->active && b->shown)
		fprintf(stderr, "\r\033[K");
	b->active = false;
	b->shown = false;
}
