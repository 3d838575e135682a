/*
 * snapshot_spans.h
 *		Sets of places in a table.
 */
#ifndef TUPLECAST_SNAPSHOT_SPANS_H
#define TUPLECAST_SNAPSHOT_SPANS_H

#include <stddef.h>
#include <stdint.h>

#define SNAPSHOT_NO_END UINT64_MAX

typedef struct SnapshotSpan
{
	uint64_t first;
	uint64_t before; /* SNAPSHOT_NO_END: the end, wherever that is */
} SnapshotSpan;

typedef struct SnapshotSpans
{
	SnapshotSpan *items; /* ascending, disjoint, not adjacent */
	size_t count;
	size_t cap;
} SnapshotSpans;

/* What overlaps or touches becomes one. */
extern void snapshot_spans_add(SnapshotSpans *s, SnapshotSpan span);
extern void snapshot_spans_copy(SnapshotSpans *to, const SnapshotSpans *from);
/* All that is not in the other. */
extern void snapshot_spans_complement(SnapshotSpans *to,
									  const SnapshotSpans *of);
extern void snapshot_spans_free(SnapshotSpans *s);

#endif /* TUPLECAST_SNAPSHOT_SPANS_H */
