/*
 * core.h
 *		What to do with each frame: produce, skip, stop; and what may be confirmed.
 *
 * A pure state machine: no I/O, no clock, no libpq, no librdkafka.  Whoever
 * drives it (the loop, or a simulator) passes events in and executes verdicts:
 *
 *	session started		core_session_start(); every frame of it follows
 *	frame				core_frame() → verdict; CORE_PRODUCE: offer the record to
 *						the sink and, once it is taken, core_taken()
 *	keepalive			core_keepalive()
 *	record acked		core_acked(), and core_advance() once a turn
 *	source lost			core_session_end(): the sink goes on, and what the next
 *						session sends again is skipped by identity
 *	sink lost			core_reset(): all that was not confirmed comes again
 *
 * Identity of a record: (end LSN of its transaction, ordinal, part); it grows
 * strictly in a stream.  A transaction that was put completely before the
 * source was lost stays in the tracker until it is acknowledged, and its second
 * copy is skipped; one that was cut in the middle goes on in the same entry.
 *
 * With a sink that keeps a position (core_configure()) also:
 *
 *	session started		then read the position, core_resume(); no frame before
 *						that, but acknowledgements
 *	before each put		core_offer(); false: hold the record, offer it again
 *	once a turn			core_next() → put a position, or commit
 *	position acked		core_position_acked()
 *	committed			core_committed()
 *
 * In exactly-once the loss of the source is one of the sink, too.
 */
#ifndef TUPLECAST_CORE_H
#define TUPLECAST_CORE_H

#include "delivery.h"
#include "err.h"
#include "frame_reader.h"
#include "resume.h"
#include "sink.h"
#include "stats.h"
#include "tracker.h"

typedef enum CoreVerdict
{
	CORE_NOTHING, /* bookkeeping only */
	CORE_STREAM,  /* make the sink's stream, then core_set_stream() */
	CORE_PRODUCE, /* the record is filled in */
	CORE_SKIP,	  /* the sink had it before */
	CORE_SIGNAL,  /* act on it: its transaction was not here before */
	CORE_ERROR	  /* err is set */
} CoreVerdict;

typedef struct CoreStream
{
	uint32_t id;
	uint32_t session;	/* that announced it; 0: slot of the table is free */
	uint32_t key_extra; /* bytes of head and tail */
	uint32_t value_extra;
	uint64_t floor_lsn; /* changes that were committed before are left out */
	SinkStream *handle;
} CoreStream;

typedef struct Core
{
	Stats *stats;
	Tracker tracker;
	Delivery delivery;
	RecordId last;	   /* the last record the sink took, or has of before */
	uint64_t done_lsn; /* end of the last transaction put completely */
	uint64_t open_lsn; /* of the tracker's open transaction; else 0 */
	uint64_t open_ticket;
	uint64_t open_records; /* put under this ticket */
	uint64_t put_lsn;	   /* nothing up to here is still to be put */
	char *put_snapshot;	   /* progress of what is put, or NULL */
	bool had_position;	   /* this process read one, or made one durable */
	bool gap;			   /* changes behind gap_lsn are missing */
	uint64_t gap_lsn;
	bool rows_open; /* rows of a snapshot are the tracker's open entry */
	uint64_t rows_ticket;

	/* of the session with the server */
	uint32_t session;
	bool greeted;
	uint64_t session_lsn; /* end of the last transaction of the session */
	/* at its start, before the position is asked for */
	uint64_t known_lsn;	 /* confirmable */
	bool known_wrote;	 /* one of ours was durable: of this sink, */
	bool known_position; /* of this process */

	/* of the transaction being received */
	bool in_txn;
	bool repeated;	/* put completely before */
	FrameBegin txn; /* without origin */
	uint64_t records;
	uint64_t ordinal; /* of its last record, if any */
	uint8_t part;

	/* open addressing by id; a power of two */
	CoreStream *streams;
	uint32_t streams_cap;
	uint32_t streams_count;
	CoreStream *current; /* of the last record */
} Core;

extern void core_init(Core *c, Stats *stats);
extern void core_free(Core *c);
/* Once, behind core_init(); without it there are no positions. */
extern void core_configure(Core *c, const DeliveryOptions *opt);

extern void core_session_start(Core *c);
extern void core_session_end(Core *c);
extern void core_reset(Core *c);
/* The slot has confirmed this much. */
extern void core_seed(Core *c, uint64_t confirmed_lsn);
/*
 * Instead of core_seed() where there are positions: the session's server and
 * what is stored.  false: err; ERR_RETRY: reset both ends and come again.
 */
extern bool core_resume(Core *c, const ResumeStored *stored,
						const ResumeServer *server, Error *err) MUST_CHECK;
/* core_resume(), told to repair, begins at the slot although changes between
 * *after and the slot are missing. */
extern bool core_gap(const Core *c, uint64_t *after);
/* Was one stored when the session began?  Then none is no answer. */
extern bool core_expects_position(const Core *c);

extern CoreVerdict core_frame(Core *c, const Frame *f, SinkRecord *out,
							  Error *err) MUST_CHECK;
/* The sink's handle of a stream announced before with this id, or NULL. */
extern SinkStream *core_get_stream(const Core *c, uint32_t id);
extern void core_set_stream(Core *c, const FrameStream *f, SinkStream *handle);
/* The sink took the record of the last CORE_PRODUCE. */
extern void core_taken(Core *c, const SinkRecord *r);
/* urgent: the server waits for an answer. */
extern void core_keepalive(Core *c, uint64_t wal_end, bool urgent);
/* false: the sink acknowledged what it does not have. */
extern bool core_acked(Core *c, uint64_t ticket, Error *err) MUST_CHECK;
/* Retires acknowledged transactions; wall_us since 1970, for the latency. */
extern void core_advance(Core *c, int64_t wall_us);

/* ---- positions ---- */

/* May the record be put now?  It may get another ticket. */
extern bool core_offer(Core *c, SinkRecord *r);
/* A record that is of no source transaction was put (a heartbeat); only if
 * core_may_put(). */
extern void core_other_taken(Core *c);
extern bool core_may_put(const Core *c);
/*
 * All that a snapshot's progress speaks of has been put, and nothing else of
 * it; JSON, copied.  Not between the records of one change.
 */
extern void core_snapshot_progress(Core *c, const char *progress);
/* The hello of a snapshot's rows. */
extern bool core_check_hello(const FrameHello *f, Error *err) MUST_CHECK;
/* A position was stored before this process. */
extern bool core_has_position(const Core *c);
/* All changes up to here are put. */
extern uint64_t core_position_lsn(const Core *c);
/* No transaction of the source is half put. */
extern bool core_between(const Core *c);
/* Whether a durable position has the last of it. */
extern bool core_snapshot_stored(const Core *c);
/*
 * A row of a snapshot, which is of no source transaction, and not inside of
 * one: gives the record its ticket.  false: not now.
 */
extern bool core_row_offer(Core *c, SinkRecord *r, int64_t wall_us);
extern void core_row_taken(Core *c, const SinkRecord *r, uint64_t bytes);
/* Changes of a stream that were committed before this are in a snapshot. */
extern void core_set_floor(Core *c, uint32_t stream, uint64_t lsn);
/* The progress read by core_resume(); NULL: none. */
extern const char *core_stored_snapshot(const Core *c);

/* The time, at the start of each turn. */
extern void core_turn(Core *c, int64_t now_ms);
extern DeliveryStep core_next(Core *c, const DeliveryHints *hints);
/* What to put at DELIVERY_POSITION; borrowed until the next call. */
extern const Position *core_position(Core *c);
extern void core_position_taken(Core *c);
extern void core_position_acked(Core *c);
extern void core_commit_started(Core *c);
/*
 * Is what was put for a commit neither acknowledged nor failed long after the
 * Kafka transaction's time was over?  Then it never will be: of a topic that was
 * deleted, librdkafka may report nothing any more.
 */
extern bool core_flush_overdue(const Core *c, int64_t now_ms);
extern void core_committed(Core *c, int64_t now_ms);
/* Nothing is under way that could still become durable (when stopping). */
extern bool core_settled(const Core *c);
/* When to call core_next() at the latest; idle: as in its hints. */
extern int64_t core_deadline(const Core *c, bool idle);

extern uint64_t core_confirmable(const Core *c);
/* records the sink has and did not acknowledge */
extern uint64_t core_pending(const Core *c);
extern bool core_in_txn(const Core *c);
extern RecordId core_last(const Core *c);
/* commit time of the oldest transaction not acknowledged, or 0 */
extern int64_t core_oldest_us(const Core *c);

#endif /* TUPLECAST_CORE_H */
