/*
 * core_position.c
 *		Of the core: what a session begins with, when a position is written or a
 *		Kafka transaction committed, and rows of snapshots between transactions.
 */
#include "core_internal.h"

#include <stdlib.h>

/* of no answer to what was put, however long a transaction may take */
#define FLUSH_MAX_MS 120000
/* transactions of the source in one of Kafka: all of them are kept track of */
#define TRACKED_MAX 16384

static void core_rows_close(Core *c);
static void core_close(Core *c);
static TrackerPlace core_place(const Core *c);
static bool core_is_ours(const Core *c, const Position *p);
static bool core_resume_again(Core *c, const ResumeStored *stored,
							  const ResumeServer *server, Error *err);


bool
core_resume(Core *c, const ResumeStored *stored, const ResumeServer *server,
			Error *err)
{
	Delivery *d = &c->delivery;
	ResumeServer s = *server;
	ResumeStored t = *stored;
	TrackerPlace place = {0};
	bool drop_open;

	/* what we might confirm was durable, whatever became of it; but what became
	 * so since the position was asked for may be missing in the answer, and who
	 * took the slot over may have begun before it */
	if (!core_is_ours(c, stored->position) && stored->position != NULL)
		c->known_lsn = 0;
	if (c->known_lsn > s.slot_lsn)
		s.slot_lsn = c->known_lsn;
	if (c->known_position)
		t.topic_used = true;
	c->gap = t.repair && resume_is_gap(&t, &s);
	if (c->gap && d->resumed)
		return err_set(err, ERR_RETRY, "slot_replaced",
					   "the slot is another one now: starting over");
	if (!c->gap && !resume_check(&t, &s, d->opt.hash, d->opt.exactly_once,
								 &drop_open, err))
		return false;
	place.end_lsn = s.slot_lsn;
	if (stored->position != NULL)
		c->had_position = true;
	if (d->resumed)
		return core_resume_again(c, stored, server, err);
	position_free(&d->base);
	if (stored->position != NULL)
	{
		position_copy(&d->base, stored->position);
		c->gap_lsn = d->base.end_lsn;
	}
	if (stored->position != NULL && !c->gap)
	{
		place.end_lsn = d->base.end_lsn;
		place.snapshot = d->base.snapshot;
		if (!drop_open)
			place.open = d->base.open;
	}
	tracker_seed_place(&c->tracker, &place);
	c->last = place.open;
	c->done_lsn = c->put_lsn = place.end_lsn;
	free(c->put_snapshot);
	c->put_snapshot = NULL;
	if (place.snapshot != NULL &&
		(c->put_snapshot = strdup(place.snapshot)) == NULL)
		abort();
	position_free(&d->at);
	d->at.generation = d->base.generation + 1;
	memcpy(d->at.writer, d->opt.writer, sizeof(d->at.writer));
	memcpy(d->at.options, d->opt.hash, sizeof(d->at.options));
	memcpy(d->at.system_id, server->system_id, sizeof(d->at.system_id));
	d->at.timeline = server->timeline;
	d->at.end_lsn = place.end_lsn;
	d->at.open = place.open;
	d->resumed = d->live = true;
	d->claimed = core_is_ours(c, stored->position);
	return true;
}

static bool
core_is_ours(const Core *c, const Position *p)
{
	return p != NULL && strcmp(p->writer, c->delivery.opt.writer) == 0;
}

/* Whether it is still the one that this core started from. */
static bool
core_is_base(const Core *c, const Position *stored)
{
	const Position *base = &c->delivery.base;

	if (stored == NULL)
		return base->generation == 0;
	return strcmp(stored->writer, base->writer) == 0 &&
		   stored->generation == base->generation &&
		   stored->end_lsn == base->end_lsn &&
		   record_id_compare(stored->open, base->open) == 0;
}

bool
core_expects_position(const Core *c)
{
	return c->known_position;
}

bool
core_gap(const Core *c, uint64_t *after)
{
	*after = c->gap_lsn;
	return c->gap;
}

/*
 * The sink went on while the source was away.  If somebody else streamed from
 * the slot in the meantime, or the server is another one now, what we remember
 * is of no use: positions in the WAL may stand for other transactions.
 */
static bool
core_resume_again(Core *c, const ResumeStored *stored,
				  const ResumeServer *server, Error *err)
{
	Delivery *d = &c->delivery;
	const Position *p = stored->position;

	if (server->timeline != d->at.timeline)
		return err_set(err, ERR_RETRY, "timeline_changed",
					   "the server is on timeline %u, it was on %u: starting "
					   "over from the position",
					   server->timeline, d->at.timeline);
	if (!core_is_ours(c, p) && (c->known_wrote || !core_is_base(c, p)))
		return err_set(err, ERR_RETRY, "taken_over",
					   "another tuplecast had the slot in the meantime: "
					   "starting over from its position");
	d->live = true;
	return true;
}

static bool
core_is_full(const Core *c)
{
	return delivery_full(&c->delivery) || c->tracker.count >= TRACKED_MAX;
}

bool
core_offer(Core *c, SinkRecord *r)
{
	Delivery *d = &c->delivery;

	/* its transaction may have been cut while it was held back */
	r->ticket = c->open_ticket;
	if (!d->opt.exactly_once)
		return core_may_put(c);
	if (d->phase != DELIVERY_COLLECTING || !d->live)
		return false;
	if (core_begins_change(c, r->end_lsn, r->frame->ordinal) &&
		(d->of_source > 0 ? delivery_inside_due(d) : core_is_full(c)))
	{
		if (d->of_source > 0)
		{
			if (!d->split)
				c->stats->split_transactions++;
			d->split = true;
		}
		core_close(c);
		r->ticket = c->open_ticket;
		return false;
	}
	return true;
}

bool
core_may_put(const Core *c)
{
	const Delivery *d = &c->delivery;

	if (!d->opt.exactly_once)
		return !d->opt.positions || d->claimed;
	return d->phase == DELIVERY_COLLECTING && d->live;
}

void
core_other_taken(Core *c)
{
	Delivery *d = &c->delivery;

	d->others++;
	if (d->opened_ms == 0)
		d->opened_ms = d->now_ms > 0 ? d->now_ms : 1;
}

/* Rows that were put are an entry of the tracker, which is complete now. */
static void
core_rows_close(Core *c)
{
	if (c->rows_open)
		tracker_commit(&c->tracker, c->put_lsn);
	c->rows_open = false;
}

bool
core_has_position(const Core *c)
{
	return c->delivery.base.generation > 0;
}

uint64_t
core_position_lsn(const Core *c)
{
	return c->put_lsn;
}

bool
core_between(const Core *c)
{
	return !c->in_txn && c->open_lsn == 0 && c->last.end_lsn <= c->done_lsn;
}

bool
core_row_offer(Core *c, SinkRecord *r, int64_t wall_us)
{
	if (!core_may_put(c))
		return false;
	if (c->delivery.opt.exactly_once && delivery_full(&c->delivery))
	{
		core_close(c);
		return false;
	}
	if (!c->rows_open)
		c->rows_ticket = tracker_begin(&c->tracker, wall_us);
	c->rows_open = true;
	r->ticket = c->rows_ticket;
	return true;
}

void
core_row_taken(Core *c, const SinkRecord *r, uint64_t bytes)
{
	tracker_add(&c->tracker, r->ticket);
	delivery_count(&c->delivery, bytes);
	/* none of a source transaction's */
	c->delivery.of_source = c->delivery.bytes_of_source = 0;
	c->stats->records++;
	c->stats->reads++;
	c->stats->record_bytes += bytes;
}

bool
core_snapshot_stored(const Core *c)
{
	const Delivery *d = &c->delivery;
	const char *durable;

	if (!d->opt.positions || c->put_snapshot == NULL)
		return true;
	durable = d->wrote ? d->at.snapshot : d->base.snapshot;
	return !d->in_flight && durable != NULL &&
		   strcmp(durable, c->put_snapshot) == 0;
}

void
core_snapshot_progress(Core *c, const char *progress)
{
	char *copy = strdup(progress);

	if (copy == NULL)
		abort();
	core_rows_close(c);
	free(c->put_snapshot);
	c->put_snapshot = copy;
	if (c->open_lsn != 0 && c->open_records > 0)
		core_cut(c);
	tracker_snapshot(&c->tracker, progress);
	c->delivery.moved_ms = c->delivery.now_ms > 0 ? c->delivery.now_ms : 1;
	if (c->delivery.opt.exactly_once)
		core_other_taken(c);
}

const char *
core_stored_snapshot(const Core *c)
{
	return c->delivery.base.snapshot;
}

void
core_turn(Core *c, int64_t now_ms)
{
	c->delivery.now_ms = now_ms;
}

DeliveryStep
core_next(Core *c, const DeliveryHints *hints)
{
	Delivery *d = &c->delivery;
	TrackerPlace place;

	d->now_ms = hints->now_ms;
	if (!d->live)
		return DELIVERY_NOTHING;
	if (!d->opt.exactly_once)
	{
		place = tracker_delivered(&c->tracker);
		return !d->in_flight &&
					   (!d->claimed || delivery_moved_due(d, &place, hints) ||
						delivery_idle_due(d, place.end_lsn, hints))
				   ? DELIVERY_POSITION
				   : DELIVERY_NOTHING;
	}
	if (d->phase == DELIVERY_COLLECTING && !c->in_txn &&
		c->last.end_lsn <= c->done_lsn &&
		(d->opened_ms > 0 ? delivery_due(d, hints)
						  : delivery_idle_due(d, c->put_lsn, hints)))
		core_close(c);
	if (d->phase == DELIVERY_CLOSING)
		return DELIVERY_POSITION;
	if (d->phase == DELIVERY_FLUSHING && d->acked &&
		tracker_pending(&c->tracker) == 0)
		return DELIVERY_COMMIT;
	return DELIVERY_NOTHING;
}

bool
core_flush_overdue(const Core *c, int64_t now_ms)
{
	const Delivery *d = &c->delivery;
	int64_t patience = 2 * d->opt.timeout_ms;

	if (patience > FLUSH_MAX_MS)
		patience = FLUSH_MAX_MS;
	return d->phase == DELIVERY_FLUSHING && now_ms - d->closed_ms > patience;
}

const Position *
core_position(Core *c)
{
	Position *next = &c->delivery.next;
	TrackerPlace place = core_place(c);

	position_free(next);
	*next = c->delivery.at;
	next->end_lsn = place.end_lsn;
	next->open = place.open;
	next->snapshot = NULL;
	if (place.snapshot != NULL &&
		(next->snapshot = strdup(place.snapshot)) == NULL)
		abort();
	return next;
}

void
core_position_taken(Core *c)
{
	Delivery *d = &c->delivery;

	/* not before: one that the sink refuses is to be put again */
	position_free(&d->at);
	d->at = d->next;
	d->next.snapshot = NULL;
	d->in_flight = true;
	d->acked = false;
	d->since_ms = d->now_ms;
	d->moved_ms = 0;
	d->urgent = false;
	c->stats->positions++;
	if (d->opt.exactly_once)
		d->phase = DELIVERY_FLUSHING;
}

void
core_position_acked(Core *c)
{
	Delivery *d = &c->delivery;

	d->acked = true;
	if (d->opt.exactly_once)
		return;
	d->in_flight = false;
	d->claimed = true;
	d->wrote = c->had_position = true;
	tracker_durable(&c->tracker, d->at.end_lsn);
}

void
core_commit_started(Core *c)
{
	c->delivery.phase = DELIVERY_COMMITTING;
}

void
core_committed(Core *c, int64_t now_ms)
{
	Delivery *d = &c->delivery;

	d->now_ms = now_ms;
	d->phase = DELIVERY_COLLECTING;
	d->in_flight = false;
	d->wrote = c->had_position = true;
	d->commit_ms = now_ms - d->closed_ms;
	d->records = d->bytes = d->others = 0;
	d->of_source = d->bytes_of_source = 0;
	d->opened_ms = 0;
	c->stats->commits++;
	tracker_release(&c->tracker, d->release);
	tracker_durable(&c->tracker, d->at.end_lsn);
	/* progress that came after the position was put */
	if (c->put_snapshot != NULL &&
		(d->at.snapshot == NULL ||
		 strcmp(c->put_snapshot, d->at.snapshot) != 0))
		core_other_taken(c);
}

bool
core_settled(const Core *c)
{
	const Delivery *d = &c->delivery;
	TrackerPlace place;

	if (!d->opt.positions || !d->live)
		return tracker_pending(&c->tracker) == 0 || d->opt.exactly_once;
	if (d->opt.exactly_once)
		/* what is of a transaction that will not be finished is given up */
		return d->phase == DELIVERY_COLLECTING &&
			   (c->in_txn || (d->records == 0 && d->others == 0 &&
							  c->put_lsn <= d->at.end_lsn));
	place = tracker_delivered(&c->tracker);
	return tracker_pending(&c->tracker) == 0 && !d->in_flight &&
		   (c->put_snapshot == NULL || core_snapshot_stored(c)) &&
		   place.end_lsn <= d->at.end_lsn;
}

int64_t
core_deadline(const Core *c, bool idle)
{
	return delivery_deadline(&c->delivery, c->in_txn, idle);
}

/* The next record is not another one of the same change. */
bool
core_begins_change(const Core *c, uint64_t end_lsn, uint64_t ordinal)
{
	return c->last.end_lsn != end_lsn || c->last.ordinal != ordinal;
}

void
core_cut(Core *c)
{
	c->open_ticket = tracker_cut(&c->tracker, c->last);
	c->open_records = 0;
}

/* No more records into the Kafka transaction. */
static void
core_close(Core *c)
{
	Delivery *d = &c->delivery;

	core_rows_close(c);
	if (c->open_lsn != 0 && c->open_records > 0)
		core_cut(c);
	d->release = tracker_next_ticket(&c->tracker);
	d->closed_ms = d->now_ms;
	d->phase = DELIVERY_CLOSING;
}

/* How far the position to be written is. */
static TrackerPlace
core_place(const Core *c)
{
	TrackerPlace place = {.end_lsn = c->put_lsn, .snapshot = c->put_snapshot};

	if (!c->delivery.opt.exactly_once)
		return tracker_delivered(&c->tracker);
	if (c->last.end_lsn > c->done_lsn)
		place.open = c->last;
	return place;
}
