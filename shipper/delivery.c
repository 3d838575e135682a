/*
 * delivery.c
 *		When a position is written, and when a Kafka transaction is committed.
 */
#include "delivery.h"

#include <string.h>

/* While the source keeps coming, commits take a twentieth of the time, or little
 * more; but a transaction is not kept open longer than this for that. */
#define STRETCH		   19
#define STRETCH_MAX_MS 500
/* of the brokers' time for a transaction at most so much is left for its commit */
#define COMMIT_MAX_MS 60000
/* between positions that the server asks for */
#define URGENT_MS 100

static int64_t interval(const Delivery *d, bool idle);
static bool same_place(const Delivery *d, const TrackerPlace *place);


void
delivery_init(Delivery *d)
{
	memset(d, 0, sizeof(*d));
}

void
delivery_free(Delivery *d)
{
	position_free(&d->base);
	position_free(&d->at);
	position_free(&d->next);
}

void
delivery_reset(Delivery *d)
{
	DeliveryOptions opt = d->opt;
	int64_t now_ms = d->now_ms;

	delivery_free(d);
	delivery_init(d);
	d->opt = opt;
	d->now_ms = now_ms;
}

void
delivery_count(Delivery *d, uint64_t bytes)
{
	if (d->opened_ms == 0)
		d->opened_ms = d->now_ms > 0 ? d->now_ms : 1;
	d->records++;
	d->of_source++;
	d->bytes += bytes;
	d->bytes_of_source += bytes;
}

/*
 * By size only for what one source transaction brought alone, so that all but
 * large ones stay whole; by time before the brokers would give the transaction
 * up: half of theirs is left for the commit, or a minute.
 */
bool
delivery_inside_due(const Delivery *d)
{
	int64_t margin = d->opt.timeout_ms / 2;

	if (margin > COMMIT_MAX_MS)
		margin = COMMIT_MAX_MS;
	if (d->opened_ms > 0 &&
		d->now_ms - d->opened_ms >= d->opt.timeout_ms - margin)
		return true;
	return !d->opt.align && (d->of_source >= d->opt.max_records ||
							 d->bytes_of_source >= d->opt.max_bytes);
}

bool
delivery_full(const Delivery *d)
{
	return d->records >= d->opt.max_records || d->bytes >= d->opt.max_bytes;
}

bool
delivery_due(const Delivery *d, const DeliveryHints *h)
{
	if (d->records == 0 && d->others == 0)
		return false;
	return h->stopping || d->urgent || delivery_full(d) ||
		   h->now_ms - d->opened_ms >= interval(d, h->idle);
}

bool
delivery_idle_due(const Delivery *d, uint64_t end_lsn, const DeliveryHints *h)
{
	if (end_lsn <= d->at.end_lsn)
		return false;
	return h->stopping || end_lsn - d->at.end_lsn >= d->opt.idle_bytes ||
		   h->now_ms - d->since_ms >= (d->urgent ? URGENT_MS : d->opt.idle_ms);
}

bool
delivery_moved_due(const Delivery *d, const TrackerPlace *place,
				   const DeliveryHints *h)
{
	if (d->moved_ms == 0 || same_place(d, place))
		return false;
	return h->stopping || h->now_ms - d->since_ms >= d->opt.interval_ms;
}

int64_t
delivery_deadline(const Delivery *d, bool inside, bool idle)
{
	if (!d->live || d->in_flight)
		return INT64_MAX;
	if (d->opt.exactly_once)
	{
		/* inside, the time is looked at when the next record comes */
		if (d->phase != DELIVERY_COLLECTING || inside)
			return INT64_MAX;
		if (d->opened_ms > 0)
			return d->opened_ms + interval(d, idle);
	}
	else if (d->moved_ms > 0)
		return d->since_ms + d->opt.interval_ms;
	return d->urgent ? d->since_ms + URGENT_MS : INT64_MAX;
}

static int64_t
interval(const Delivery *d, bool idle)
{
	int64_t stretched = d->commit_ms * STRETCH;

	if (stretched > STRETCH_MAX_MS)
		stretched = STRETCH_MAX_MS;
	return idle || stretched < d->opt.interval_ms ? d->opt.interval_ms
												  : stretched;
}

static bool
same_place(const Delivery *d, const TrackerPlace *place)
{
	const char *was = d->at.snapshot != NULL ? d->at.snapshot : "";
	const char *is = place->snapshot != NULL ? place->snapshot : "";

	return place->end_lsn == d->at.end_lsn &&
		   record_id_compare(place->open, d->at.open) == 0 &&
		   strcmp(was, is) == 0;
}
