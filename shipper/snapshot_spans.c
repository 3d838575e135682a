/*
 * snapshot_spans.c
 *		Sets of places in a table.
 */
#include "snapshot_spans.h"

#include <stdlib.h>
#include <string.h>

static void
spans_reserve(SnapshotSpans *s, size_t n)
{
	if (n <= s->cap)
		return;
	s->cap = n < 8 ? 8 : n * 2;
	s->items = realloc(s->items, s->cap * sizeof(*s->items));
	if (s->items == NULL)
		abort();
}

void
snapshot_spans_add(SnapshotSpans *s, SnapshotSpan span)
{
	size_t from = 0;
	size_t to;

	while (from < s->count && s->items[from].before < span.first)
		from++;
	for (to = from; to < s->count && s->items[to].first <= span.before; to++)
	{
		if (s->items[to].first < span.first)
			span.first = s->items[to].first;
		if (s->items[to].before > span.before)
			span.before = s->items[to].before;
	}
	spans_reserve(s, s->count + 1);
	memmove(&s->items[from + 1], &s->items[to],
			(s->count - to) * sizeof(*s->items));
	s->items[from] = span;
	s->count = s->count - (to - from) + 1;
}

void
snapshot_spans_free(SnapshotSpans *s)
{
	free(s->items);
	*s = (SnapshotSpans){NULL, 0, 0};
}

void
snapshot_spans_copy(SnapshotSpans *to, const SnapshotSpans *from)
{
	spans_reserve(to, from->count);
	if (from->count > 0)
		memcpy(to->items, from->items, from->count * sizeof(*from->items));
	to->count = from->count;
}

void
snapshot_spans_complement(SnapshotSpans *to, const SnapshotSpans *of)
{
	uint64_t at = 0;

	to->count = 0;
	spans_reserve(to, of->count + 1);
	for (size_t i = 0; i < of->count; i++)
	{
		if (of->items[i].first > at)
			to->items[to->count++] = (SnapshotSpan){at, of->items[i].first};
		at = of->items[i].before;
	}
	if (at != SNAPSHOT_NO_END)
		to->items[to->count++] = (SnapshotSpan){at, SNAPSHOT_NO_END};
}
