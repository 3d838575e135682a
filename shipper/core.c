/*
 * core.c
 *		What to do with each frame: produce, skip, stop; and what may be confirmed.
 */
#include "core_internal.h"

#include <stdlib.h>

#include "lsn.h"
#include "mutant.h"

#define CORE_FIRST_STREAMS 64

static CoreVerdict core_hello(Core *c, const FrameHello *f, Error *err);
static CoreVerdict core_begin(Core *c, const FrameBegin *f, Error *err);
static CoreVerdict core_record(Core *c, const FrameRecord *f, SinkRecord *out,
							   Error *err);
static CoreVerdict core_signal(Core *c, const FrameSignal *f, Error *err);
static CoreVerdict core_commit(Core *c, const FrameCommit *f, Error *err);
static CoreVerdict core_violation(Core *c, Error *err, const char *what);
static CoreStream *core_find_stream(const Core *c, uint32_t id);
static void core_grow_streams(Core *c);
static uint64_t core_count(Core *c, const FrameRecord *f);


void
core_init(Core *c, Stats *stats)
{
	memset(c, 0, sizeof(*c));
	c->stats = stats;
	tracker_init(&c->tracker);
	delivery_init(&c->delivery);
}

void
core_free(Core *c)
{
	tracker_free(&c->tracker);
	delivery_free(&c->delivery);
	free(c->put_snapshot);
	free(c->streams);
	c->put_snapshot = NULL;
	c->streams = NULL;
}

void
core_configure(Core *c, const DeliveryOptions *opt)
{
	c->delivery.opt = *opt;
	if (opt->positions)
		tracker_use_positions(&c->tracker);
	if (opt->exactly_once)
		tracker_hold(&c->tracker);
}

void
core_session_start(Core *c)
{
	core_session_end(c);
	c->session++;
	if (tracker_confirmable(&c->tracker) > c->known_lsn)
		c->known_lsn = tracker_confirmable(&c->tracker);
	c->known_wrote = c->delivery.wrote;
	c->known_position = c->had_position;
}

/* Ids of streams are of one session; their handles stay to be reused. */
void
core_session_end(Core *c)
{
	c->greeted = false;
	c->session_lsn = 0;
	c->in_txn = false;
	c->current = NULL;
	c->delivery.live = false;
	c->delivery.urgent = false;
}

void
core_reset(Core *c)
{
	core_session_end(c);
	tracker_reset(&c->tracker);
	delivery_reset(&c->delivery);
	c->last = (RecordId){0, 0, 0};
	c->done_lsn = 0;
	c->open_lsn = 0;
	c->open_records = 0;
	c->rows_open = false;
	c->put_lsn = 0;
	free(c->put_snapshot);
	c->put_snapshot = NULL;
	if (c->streams != NULL)
		memset(c->streams, 0, c->streams_cap * sizeof(*c->streams));
	c->streams_count = 0;
}

void
core_seed(Core *c, uint64_t confirmed_lsn)
{
	tracker_seed(&c->tracker, confirmed_lsn);
}

CoreVerdict
core_frame(Core *c, const Frame *f, SinkRecord *out, Error *err)
{
	if (f->kind == WIRE_HELLO)
		return core_hello(c, &f->hello, err);
	if (!c->greeted)
		return core_violation(c, err, "the first frame is no hello");
	switch (f->kind)
	{
		case WIRE_RECORD:
			return core_record(c, &f->record, out, err);
		case WIRE_BEGIN:
			return core_begin(c, &f->begin, err);
		case WIRE_COMMIT:
			return core_commit(c, &f->commit, err);
		case WIRE_STREAM:
			return CORE_STREAM;
		case WIRE_SIGNAL:
			return core_signal(c, &f->signal, err);
		case WIRE_WATERMARK:
			return c->in_txn ? CORE_NOTHING
							 : core_violation(
								   c, err, "a watermark outside a transaction");
		default:
			return core_violation(c, err, "a frame of unknown kind");
	}
}

SinkStream *
core_get_stream(const Core *c, uint32_t id)
{
	return c->streams_cap > 0 ? core_find_stream(c, id)->handle : NULL;
}

void
core_set_stream(Core *c, const FrameStream *f, SinkStream *handle)
{
	CoreStream *s;

	if (c->streams_count >= c->streams_cap / 2)
		core_grow_streams(c);
	s = core_find_stream(c, f->id);
	if (s->session == 0)
		c->streams_count++;
	s->id = f->id;
	s->session = c->session;
	s->key_extra = f->key_head.len + f->key_tail.len;
	s->value_extra = f->value_head.len + f->value_tail.len;
	s->handle = handle;
	s->floor_lsn = 0;
	c->current = NULL;
}

void
core_set_floor(Core *c, uint32_t stream, uint64_t lsn)
{
	core_find_stream(c, stream)->floor_lsn = lsn;
}

void
core_taken(Core *c, const SinkRecord *r)
{
	tracker_add(&c->tracker, r->ticket);
	c->last.end_lsn = r->end_lsn;
	c->last.ordinal = r->frame->ordinal;
	c->last.part = r->frame->part;
	c->open_records++;
	delivery_count(&c->delivery, core_count(c, r->frame));
}

/* Inside a transaction it says nothing of its end; nor where one was cut off,
 * before it has come again. */
void
core_keepalive(Core *c, uint64_t wal_end, bool urgent)
{
	if (urgent)
		c->delivery.urgent = true;
	if (c->in_txn || c->open_lsn != 0 || c->last.end_lsn > c->done_lsn)
		return;
	tracker_keepalive(&c->tracker, wal_end);
	if (wal_end > c->put_lsn)
		c->put_lsn = wal_end;
}

bool
core_acked(Core *c, uint64_t ticket, Error *err)
{
	if (tracker_ack(&c->tracker, ticket))
	{
		c->stats->acked++;
		return true;
	}
	return err_set(
		err, ERR_RESTART, "ack_unknown",
		"the sink acknowledged a record that was not outstanding (transaction %llu)",
		(unsigned long long) ticket);
}

void
core_advance(Core *c, int64_t wall_us)
{
	TrackerTxn done;

	while (tracker_pop(&c->tracker, &done))
	{
		int64_t us = wall_us - done.commit_time_us;

		if (c->delivery.moved_ms == 0)
			c->delivery.moved_ms =
				c->delivery.now_ms > 0 ? c->delivery.now_ms : 1;
		if (!done.committed)
			continue;
		/* clocks of two machines: not before the commit */
		stats_latency(c->stats, us > 0 ? us : 0);
	}
}

uint64_t
core_confirmable(const Core *c)
{
	return tracker_confirmable(&c->tracker);
}

uint64_t
core_pending(const Core *c)
{
	return tracker_pending(&c->tracker);
}

bool
core_in_txn(const Core *c)
{
	return c->in_txn;
}

RecordId
core_last(const Core *c)
{
	return c->last;
}

int64_t
core_oldest_us(const Core *c)
{
	const TrackerTxn *txn = tracker_oldest(&c->tracker);

	return txn != NULL ? txn->commit_time_us : 0;
}

static CoreVerdict
core_hello(Core *c, const FrameHello *f, Error *err)
{
	if (c->greeted)
		return core_violation(c, err, "a second hello");
	if (!core_check_hello(f, err))
		return CORE_ERROR;
	c->greeted = true;
	return CORE_NOTHING;
}

bool
core_check_hello(const FrameHello *f, Error *err)
{
	if (f->wire_version != WIRE_VERSION)
	{
		err_set(
			err, ERR_ENVIRONMENT, "wire_version",
			"the extension speaks version %u of the protocol, this program version %u",
			f->wire_version, WIRE_VERSION);
		err_detail(
			err,
			"The extension's library is version %.*s, this program is version %s.",
			(int) f->extension_version.len,
			(const char *) f->extension_version.data, TUPLECAST_VERSION);
		err_hint(err, "Install the %s of the other's version and start again.",
				 f->wire_version < WIRE_VERSION
					 ? "extension (a new session loads it)"
					 : "program");
		return false;
	}
	return true;
}

/*
 * New, known already, or the rest of the one that was cut when the source was
 * lost.  If that one does not come again the server is not the one it was.
 */
static CoreVerdict
core_begin(Core *c, const FrameBegin *f, Error *err)
{
	if (c->in_txn)
		return core_violation(c, err, "a begin inside a transaction");
	if (f->end_lsn <= c->session_lsn)
		return core_violation(
			c, err, "a transaction that ends at or before the last one");

	c->repeated = f->end_lsn <= c->done_lsn;
	if (!c->repeated && c->open_lsn != f->end_lsn)
	{
		uint64_t missing = c->open_lsn;

		/* of a stored position, that no ticket stands for */
		if (missing == 0 && c->last.end_lsn > c->done_lsn &&
			c->last.end_lsn != f->end_lsn)
			missing = c->last.end_lsn;
		if (missing != 0)
		{
			/* tried again it is the same, if a stored position says so */
			err_set(err, c->open_lsn != 0 ? ERR_RETRY : ERR_ENVIRONMENT,
					"transaction_vanished",
					"the transaction that ends at " LSN_FORMAT
					" was delivered in part and did not come again",
					LSN_ARGS(missing));
			err_detail(
				err,
				"The next one ends at " LSN_FORMAT
				". After a failover the new server may never have had it.",
				LSN_ARGS(f->end_lsn));
			err_hint(
				err,
				"Bring the data in line, or give the position up with tuplecast drop --position, which makes the next start begin at the slot.");
			return CORE_ERROR;
		}
		c->open_ticket = tracker_begin(&c->tracker, f->commit_time_us);
		c->open_lsn = f->end_lsn;
		c->open_records = 0;
		c->delivery.of_source = 0;
		c->delivery.bytes_of_source = 0;
		c->delivery.split = false;
	}
	c->in_txn = true;
	c->txn = *f;
	c->txn.origin = (WireSlice){NULL, 0};
	c->records = 0;
	return CORE_NOTHING;
}

static CoreVerdict
core_record(Core *c, const FrameRecord *f, SinkRecord *out, Error *err)
{
	if (!c->in_txn)
		return core_violation(c, err, "a record outside a transaction");
	if (c->records > 0 && (f->ordinal < c->ordinal ||
						   (f->ordinal == c->ordinal && f->part <= c->part)))
		return core_violation(c, err,
							  "a record that is not after the one before it");
	if (c->current == NULL || c->current->id != f->stream)
	{
		CoreStream *s =
			c->streams_cap > 0 ? core_find_stream(c, f->stream) : NULL;

		if (s == NULL || s->session != c->session)
			return core_violation(
				c, err, "a record of a stream that was not announced");
		c->current = s;
	}
	c->records++;
	c->ordinal = f->ordinal;
	c->part = f->part;

	if (c->txn.commit_lsn < c->current->floor_lsn)
	{
		c->stats->snapshot_skipped++;
		return CORE_SKIP;
	}
	if (c->repeated ||
		(c->last.end_lsn == c->txn.end_lsn &&
		 (f->ordinal < c->last.ordinal ||
		  (f->ordinal == c->last.ordinal && f->part <= c->last.part))))
	{
		c->stats->skipped++;
		return CORE_SKIP;
	}
	/* so that a long transaction is not sent again from its beginning */
	if (c->delivery.opt.positions && !c->delivery.opt.exactly_once &&
		c->open_records >= c->delivery.opt.max_records &&
		core_begins_change(c, c->txn.end_lsn, f->ordinal))
		core_cut(c);
	if (mutant_now("drop"))
		return CORE_SKIP;
	out->stream = c->current->handle;
	out->frame = f;
	out->end_lsn = c->txn.end_lsn;
	out->commit_time_us = c->txn.commit_time_us;
	out->ticket = c->open_ticket;
	return CORE_PRODUCE;
}

/* What comes again after its transaction was put was acted on then. */
static CoreVerdict
core_signal(Core *c, const FrameSignal *f, Error *err)
{
	if (!c->in_txn)
		return core_violation(c, err, "a signal outside a transaction");
	if (c->repeated ||
		(c->last.end_lsn == c->txn.end_lsn && f->ordinal <= c->last.ordinal))
		return CORE_SKIP;
	return CORE_SIGNAL;
}

static CoreVerdict
core_commit(Core *c, const FrameCommit *f, Error *err)
{
	if (!c->in_txn)
		return core_violation(c, err, "a commit outside a transaction");
	if (f->end_lsn != c->txn.end_lsn)
		return core_violation(c, err, "a commit of another transaction");
	if (f->records != c->records)
	{
		err_set(err, ERR_ENVIRONMENT, "wire_count",
				"the transaction that ends at " LSN_FORMAT
				" came with %llu records, its commit counts %llu",
				LSN_ARGS(f->end_lsn), (unsigned long long) c->records,
				(unsigned long long) f->records);
		err_detail(err,
				   "Rows would be missing; the transaction is not confirmed.");
		err_hint(
			err,
			"See that the extension's library and this program are of one version, then start again.");
		return CORE_ERROR;
	}
	c->in_txn = false;
	c->session_lsn = f->end_lsn;
	if (c->repeated)
		return CORE_NOTHING;
	tracker_commit(&c->tracker, f->end_lsn);
	c->open_lsn = 0;
	c->done_lsn = f->end_lsn;
	if (c->put_lsn < f->end_lsn)
		c->put_lsn = f->end_lsn;
	c->stats->transactions++;
	if (c->txn.commit_time_us > 0)
		c->stats->last_commit_us = (uint64_t) c->txn.commit_time_us;
	return CORE_NOTHING;
}

static CoreVerdict
core_violation(Core *c, Error *err, const char *what)
{
	err_set(err, ERR_ENVIRONMENT, "wire_sequence",
			"the output plugin broke the protocol: %s", what);
	err_detail(err,
			   "The last transaction received ends at " LSN_FORMAT
			   "; nothing after it is confirmed.",
			   LSN_ARGS(c->session_lsn));
	err_hint(
		err,
		"See that the extension's library and this program are of one version, then start again; the slot resends what was not confirmed.");
	return CORE_ERROR;
}

/* The stream's place, or the free place where it belongs. */
static CoreStream *
core_find_stream(const Core *c, uint32_t id)
{
	uint32_t mask = c->streams_cap - 1;
	uint32_t i = (id * 2654435761u) & mask;

	while (c->streams[i].session != 0 && c->streams[i].id != id)
		i = (i + 1) & mask;
	return &c->streams[i];
}

static void
core_grow_streams(Core *c)
{
	CoreStream *old = c->streams;
	uint32_t old_cap = c->streams_cap;

	c->streams_cap = old_cap > 0 ? old_cap * 2 : CORE_FIRST_STREAMS;
	c->streams = calloc(c->streams_cap, sizeof(*c->streams));
	if (c->streams == NULL || c->streams_cap < old_cap)
		abort();
	for (uint32_t i = 0; i < old_cap; i++)
	{
		if (old[i].session != 0)
			*core_find_stream(c, old[i].id) = old[i];
	}
	free(old);
	c->current = NULL;
}

static uint64_t
core_count(Core *c, const FrameRecord *f)
{
	Stats *s = c->stats;
	uint64_t before = s->record_bytes;

	s->records++;
	if (f->key.data != NULL)
		s->record_bytes += f->key.len + c->current->key_extra;
	if (f->value.data != NULL)
		s->record_bytes += f->value.len + c->current->value_extra;
	if (f->flags & WIRE_REC_LOST)
		s->lost_values++;
	switch (f->op)
	{
		case WIRE_OP_CREATE:
			s->creates++;
			break;
		case WIRE_OP_UPDATE:
			s->updates++;
			break;
		case WIRE_OP_DELETE:
			s->deletes++;
			break;
		case WIRE_OP_TOMBSTONE:
			s->tombstones++;
			break;
		default:
			break;
	}
	return s->record_bytes - before;
}
