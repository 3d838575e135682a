/*
 * gap.h
 *		Changes are missing here: the marker of a gap, for every topic that a
 *		lost slot leaves incomplete.
 *
 * Consumers of these topics know records as Debezium writes them and nothing
 * else, so a marker must be nothing new to them: it is a header, which they do
 * not look at.  The first record of each topic behind the gap, a row of the
 * snapshot that repairs it, carries it.  A topic whose table is empty by then
 * has no such record; it gets one with null key and null value, a tombstone of
 * nothing, if its consumers know null values, and else none.  doc/records.md.
 */
#ifndef TUPLECAST_GAP_H
#define TUPLECAST_GAP_H

#include "pg.h"
#include "sink.h"

#define GAP_HEADER "__tuplecast.gap"

typedef struct Gap
{
	const char *slot;
	const char *system_id;
	const char *reason; /* pg_replication_slots.invalidation_reason, or "" */
	uint64_t after_lsn; /* up to here everything was delivered */
	uint64_t until_lsn; /* where the new slot begins */
	int64_t found_us;	/* when it was seen, since 1970 */
} Gap;

/* The header's value: JSON.  Appends to out. */
extern void gap_text(PgText *out, const Gap *gap);
/* Adds the header to the packed ones of a record (count in *count), which the
 * caller's FrameHeaders then points to. */
extern void gap_add_header(PgText *packed, uint16_t *count, const Gap *gap);
/* May a topic of this configuration hold null values? */
extern bool gap_may_be_record(const Config *cfg);
/* Puts the record of its own; SINK_FULL: offer it again. */
extern SinkResult gap_put(const SinkOps *ops, Sink *sink, SinkStream *stream,
						  const Gap *gap, uint64_t ticket, Error *err);

#endif /* TUPLECAST_GAP_H */
