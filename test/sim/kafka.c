/*
 * kafka.c
 *		The simulated cluster: a log for each partition, a position topic, one
 *		transactional id; and what must hold of them.
 *
 * Of the logs only what the checks need is kept: which records are in them,
 * the last of each partition, the last of each key.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#include "lsn.h"

SimCluster kafka;

void
kafka_begin(bool exactly_once)
{
	kafka_end();
	memset(&kafka, 0, offsetof(SimCluster, open_records));
	kafka.exactly_once = exactly_once;
	kafka.nopen = 0;
	kafka.has_open_position = false;
	kafka.end_pending = false;
	kafka.position_lost = false;
	kafka.marking = false;
	kafka.nlate = 0;
	memset(&kafka.seen, 0, sizeof(kafka.seen));
	memset(&kafka.open_position, 0, sizeof(kafka.open_position));
}

void
kafka_end(void)
{
	position_free(&kafka.position);
	position_free(&kafka.open_position);
	position_free(&kafka.seen);
}

/* ---- what is in the logs ---- */

/* A record that readers see from now on. */
static void
deliver(uint32_t record)
{
	SimRecord *r = &pg.records[record];
	SimTxn *t = &pg.txns[r->txn];

	totals.records++;
	if (r->delivered)
	{
		totals.duplicates++;
		HOLDS("I2", !kafka.exactly_once,
			  "record (" LSN_FORMAT ", %u, %u) is committed twice",
			  LSN_ARGS(t->end_lsn), (unsigned) r->ordinal, r->part);
	}
	else
	{
		/* first occurrences are in the order of the WAL, in each partition; but
		 * a branch that was lost may have a late writer that nobody fences */
		HOLDS("I3",
			  record >= kafka.last[r->partition] || (kafka.overlap && t->lost),
			  "record (" LSN_FORMAT ", %u, %u) comes after a later one in "
			  "partition %u",
			  LSN_ARGS(t->end_lsn), (unsigned) r->ordinal, r->part,
			  r->partition);
		if (record >= kafka.last[r->partition])
			kafka.last[r->partition] = record + 1;
		r->delivered = true;
		t->delivered++;
	}
	kafka.final[r->partition][r->key] = record + 1;
}

/* Where the server left the position's timeline, or the one from which that
 * came, if it knows nothing of it; what it wrote behind that is on another one,
 * of which the position says nothing. */
static uint64_t
end_of_timeline(const Position *p)
{
	uint64_t end = UINT64_MAX;
	uint32_t last = p->timeline;

	if (!pg_in_history(last))
		for (int h = 0; h < pg.history.count; h++)
			if (pg.history.items[h].timeline < p->timeline)
				last = pg.history.items[h].timeline;
	for (int h = 0; h < pg.history.count; h++)
		if (pg.history.items[h].timeline >= last &&
			pg.history.items[h].end_lsn < end)
			end = pg.history.items[h].end_lsn;
	return end;
}

/* All before a position is in the logs. */
static void
check_position(const Position *p)
{
	uint64_t end = end_of_timeline(p);

	for (uint32_t i = pg.nwal; i > 0; i--)
	{
		const SimTxn *t = &pg.txns[pg.wal[i - 1]];

		if (t->delivered == t->count && t->end_lsn < pg.slot_lsn)
			break;
		HOLDS("I1",
			  t->end_lsn > p->end_lsn || t->end_lsn > end ||
				  t->delivered == t->count,
			  "the position is " LSN_FORMAT ", but of the transaction that "
			  "ends at " LSN_FORMAT " %u of %u records are delivered",
			  LSN_ARGS(p->end_lsn), LSN_ARGS(t->end_lsn), t->delivered,
			  t->count);
		/* a transaction of another timeline may end at the same place */
		if (t->end_lsn != p->open.end_lsn || t->end_lsn > end)
			continue;
		for (uint32_t k = 0; k < t->count; k++)
		{
			const SimRecord *r = &pg.records[t->first + k];
			RecordId id = {t->end_lsn, r->ordinal, r->part};

			HOLDS("I1", record_id_compare(id, p->open) > 0 || r->delivered,
				  "the position has record (" LSN_FORMAT ", %u, %u), the log "
				  "has not",
				  LSN_ARGS(t->end_lsn), (unsigned) r->ordinal, r->part);
			HOLDS("I5", record_id_compare(id, p->open) != 0 || r->last_part,
				  "a position inside a change");
		}
	}
}

static void
keep_position(const Position *p)
{
	Error err;
	char *json = position_to_json(p);

	position_free(&kafka.position);
	HOLDS("I12", position_from_json(&kafka.position, json, strlen(json), &err),
		  "a position that cannot be read: %s", json);
	TRACE("kafka: position %s", json);
	free(json);
	kafka.topic_used = true;
	/* what was on its way when the topic was emptied */
	kafka.position_lost = false;
	if (p->end_lsn > kafka.position_max)
		kafka.position_max = p->end_lsn;
	totals.positions++;
}

/* ---- producers ---- */

static void
drop_items(SimProducer *p)
{
	for (uint32_t q = 0; q <= PARTITIONS; q++)
		for (; p->count[q] > 0; p->count[q]--)
		{
			position_free(&p->queue[q][p->head[q]].position);
			p->head[q] = (p->head[q] + 1) % QUEUE_MAX;
		}
	while (p->nacks > 0)
		position_free(&p->acks[--p->nacks].position);
}

void
producer_open(SimProducer *p)
{
	p->open = true;
	p->failed = p->committing = p->committed = false;
	p->worn = p->succeeded = false;
	p->epoch = kafka.epoch;
	for (uint32_t q = 0; q <= PARTITIONS; q++)
		p->head[q] = p->count[q] = 0;
	p->nacks = 0;
	memset(p->put_last, 0, sizeof(p->put_last));
}

void
producer_destroy(SimProducer *p)
{
	if (!p->open)
		return;
	for (uint32_t q = 0; q <= PARTITIONS; q++)
	{
		uint32_t arrive = sim_below(p->count[q] + 1);

		while (arrive-- > 0 && kafka_append(p, q))
			;
	}
	drop_items(p);
	p->open = false;
}

bool
producer_has_room(const SimProducer *p, uint32_t queue)
{
	uint32_t all = p->nacks;

	for (uint32_t q = 0; q <= PARTITIONS; q++)
		all += p->count[q];
	return p->count[queue] < QUEUE_MAX && all < ACKS_MAX - 1;
}

void
producer_put(SimProducer *p, uint32_t queue, SimItem item)
{
	if (item.kind == ITEM_RECORD)
	{
		HOLDS("I3", item.record >= p->put_last[queue],
			  "one producer puts a record before an earlier one");
		p->put_last[queue] = item.record + 1;
	}
	p->queue[queue][(p->head[queue] + p->count[queue]++) % QUEUE_MAX] = item;
}

void
producer_swap(SimProducer *p, uint32_t queue)
{
	SimItem *a;
	SimItem *b;
	SimItem hold;

	if (p->count[queue] < 2 || !sim_once_in(1000))
		return;
	a = &p->queue[queue][(p->head[queue] + p->count[queue] - 1) % QUEUE_MAX];
	b = &p->queue[queue][(p->head[queue] + p->count[queue] - 2) % QUEUE_MAX];
	hold = *a;
	*a = *b;
	*b = hold;
}

bool
kafka_append(SimProducer *p, uint32_t queue)
{
	SimItem item;

	if (!p->open || p->count[queue] == 0)
		return false;
	/* the transaction before comes first */
	if (kafka.marking && p->epoch == kafka.epoch)
		return false;
	item = p->queue[queue][p->head[queue]];
	p->head[queue] = (p->head[queue] + 1) % QUEUE_MAX;
	p->count[queue]--;
	/* a log learns of another epoch by the marker: until then it takes what is of
	 * the transaction that is given up, and the marker ends that, too */
	if (kafka.exactly_once && p->epoch != kafka.epoch && kafka.marking &&
		!kafka.marked[queue])
	{
		p->acks[p->nacks++] = item;
		return true;
	}
	if (kafka.exactly_once && p->epoch != kafka.epoch)
	{
		/* fenced */
		position_free(&item.position);
		p->failed = true;
		totals.fenced++;
		return false;
	}
	if (!kafka.exactly_once)
	{
		/* nobody fences it: what another one has read since is overtaken */
		if (!kafka.overlap && p->succeeded)
		{
			TRACE("kafka: a write of a shipper that was succeeded");
			kafka.overlap = true;
			totals.overlaps++;
		}
		if (item.kind == ITEM_RECORD)
			deliver(item.record);
		else if (item.kind == ITEM_POSITION)
		{
			check_position(&item.position);
			keep_position(&item.position);
		}
	}
	else if (item.kind == ITEM_RECORD)
	{
		HOLDS("I12", kafka.nopen < MAX_RECORDS, "a transaction without end");
		kafka.open_records[kafka.nopen++] = item.record;
	}
	else if (item.kind == ITEM_POSITION)
	{
		position_free(&kafka.open_position);
		position_copy(&kafka.open_position, &item.position);
		kafka.has_open_position = true;
	}
	p->acks[p->nacks++] = item;
	return true;
}

/* in any order */
bool
producer_take_ack(SimProducer *p, SimItem *out)
{
	uint32_t i;

	if (!p->open || p->nacks == 0)
		return false;
	i = sim_once_in(2) ? 0 : sim_below(p->nacks);
	*out = p->acks[i];
	p->acks[i] = p->acks[--p->nacks];
	return true;
}

/* ---- transactions ---- */

static void
forget_open(void)
{
	kafka.nopen = 0;
	kafka.has_open_position = false;
	position_free(&kafka.open_position);
}

/* Of a source transaction that is not larger than a Kafka transaction, readers
 * see all or nothing. */
static void
check_atomicity(const SimProducer *p)
{
	bool late = p != NULL && p->open_ms >= sim_options.timeout_ms / 2;
	uint32_t of_last = 0;
	uint32_t last;
	const SimTxn *t;

	if (kafka.nopen == 0)
		return;
	last = pg.records[kafka.open_records[0]].txn;
	for (uint32_t i = 1; i < kafka.nopen; i++)
		if (pg.records[kafka.open_records[i]].txn > last)
			last = pg.records[kafka.open_records[i]].txn;
	for (uint32_t i = 0; i < kafka.nopen; i++)
	{
		const SimTxn *of = &pg.txns[pg.records[kafka.open_records[i]].txn];

		of_last += of == &pg.txns[last];
		HOLDS("I5", of == &pg.txns[last] || of->delivered == of->count,
			  "a commit with %u of %u records of the transaction that ends "
			  "at " LSN_FORMAT,
			  of->delivered, of->count, LSN_ARGS(of->end_lsn));
	}
	t = &pg.txns[last];
	if (t->delivered == t->count)
		return;
	totals.splits++;
	HOLDS("I5", kafka.open_position.open.end_lsn == t->end_lsn,
		  "a commit in the middle of a transaction that its position does "
		  "not name");
	/* a coordinator's late answer tells nothing of the time */
	HOLDS("I5",
		  p == NULL || late ||
			  (!sim_options.align && of_last >= sim_options.max_records),
		  "the transaction that ends at " LSN_FORMAT " is split without need "
		  "(%u of its %u records)",
		  LSN_ARGS(t->end_lsn), t->delivered, t->count);
}

static void
begin_marking(void)
{
	kafka.marking = true;
	memset(kafka.marked, 0, sizeof(kafka.marked));
	position_free(&kafka.seen);
	position_copy(&kafka.seen, &kafka.position);
}

const Position *
kafka_seen(void)
{
	return kafka.marking ? &kafka.seen : &kafka.position;
}

void
kafka_mark(void)
{
	uint32_t queue = sim_below(PARTITIONS + 1);

	if (!kafka.marking)
		return;
	kafka.marked[queue] = true;
	for (uint32_t q = 0; q <= PARTITIONS; q++)
		if (!kafka.marked[q])
			return;
	kafka.marking = false;
	TRACE("kafka: all markers are there");
}

static void
commit_open(const SimProducer *p)
{
	HOLDS("I6", kafka.has_open_position,
		  "a Kafka transaction without a position");
	TRACE("kafka: commit of %u records", kafka.nopen);
	begin_marking();
	for (uint32_t i = 0; i < kafka.nopen; i++)
		deliver(kafka.open_records[i]);
	check_atomicity(p);
	check_position(&kafka.open_position);
	HOLDS("I12",
		  kafka.position.generation == 0 ||
			  kafka.open_position.end_lsn >= kafka.position.end_lsn,
		  "the position goes back");
	keep_position(&kafka.open_position);
	forget_open();
	totals.commits++;
}

/*
 * Fences whoever had the id, and settles its transaction.  As long as the
 * markers of that are on their way it is to be asked again.
 */
bool
kafka_init_transactions(SimProducer *p)
{
	if (kafka.marking)
		return false;
	if (kafka.end_pending && sim_once_in(2))
		kafka_end_transaction(true);
	/* or never: who asked learns that it is fenced, or times out */
	if (kafka.end_pending)
		shippers[kafka.end_from].producer.failed = true;
	kafka.end_pending = false;
	if (kafka.marking)
		return false;
	if (kafka.nopen > 0 || kafka.has_open_position)
	{
		totals.aborted++;
		kafka.epoch++;
		forget_open();
		begin_marking();
		TRACE("kafka: epoch %u, and what was open is given up", kafka.epoch);
		return false;
	}
	kafka.epoch++;
	producer_open(p);
	TRACE("kafka: epoch %u", kafka.epoch);
	return true;
}

void
kafka_time_out(void)
{
	if (!kafka.exactly_once || kafka.marking || kafka.end_pending ||
		kafka.nopen == 0)
		return;
	kafka.epoch++;
	forget_open();
	begin_marking();
	totals.timeouts++;
	TRACE("kafka: epoch %u: a transaction timed out", kafka.epoch);
}

/*
 * The library sent the request once more, under the epoch it had.  A coordinator
 * of before KIP-890 takes it for the end of whatever is open now.
 */
void
kafka_late_end(void)
{
	uint32_t i;
	uint32_t epoch;

	if (kafka.nlate == 0 || kafka.marking)
		return;
	i = sim_below(kafka.nlate);
	epoch = kafka.late[i];
	kafka.late[i] = kafka.late[--kafka.nlate];
	totals.late++;
	TRACE("kafka: a late request of epoch %u", epoch);
	if (epoch == kafka.epoch && (kafka.nopen > 0 || kafka.has_open_position))
		commit_open(NULL);
}

void
kafka_request_commit(int shipper, SimProducer *p)
{
	const Delivery *d = &shippers[shipper].core.delivery;

	/* as the core's clock has it, which is the loop's of the last turn */
	p->open_ms = d->closed_ms - d->opened_ms;
	/* librdkafka waits for all that is queued */
	for (uint32_t q = 0; q <= PARTITIONS; q++)
		while (p->count[q] > 0 && kafka_append(p, q))
			;
	p->committing = true;
	/* a zombie's request is refused, and does not replace its successor's */
	if (p->epoch != kafka.epoch)
	{
		p->failed = true;
		totals.fenced++;
		return;
	}
	kafka.end_pending = true;
	kafka.end_epoch = p->epoch;
	kafka.end_from = shipper;
	/* the connection breaks, and the library repeats it; the first one may have
	 * arrived */
	if (!sim_healing && sim_once_in(12) && kafka.nlate < LATE_MAX)
	{
		p->worn = true;
		kafka.late[kafka.nlate++] = p->epoch;
	}
}

void
kafka_end_transaction(bool answer_lost)
{
	SimProducer *p = &shippers[kafka.end_from].producer;
	bool asked = p->open && p->committing && p->epoch == kafka.end_epoch;

	if (!kafka.end_pending)
		return;
	kafka.end_pending = false;
	if (kafka.end_epoch != kafka.epoch)
	{
		if (asked)
			p->failed = true;
		totals.fenced++;
		return;
	}
	/* a second request of the same epoch has done it already: it is answered */
	if (kafka.nopen > 0 || kafka.has_open_position)
		commit_open(asked ? p : NULL);
	if (asked && answer_lost)
	{
		TRACE("kafka: shipper %d does not learn of it", kafka.end_from);
		p->failed = true;
		totals.unknown++;
	}
	else if (asked)
		p->committed = true;
}

/* Somebody empties the position topic. */
bool
kafka_lose_position(void)
{
	if (kafka.position.generation == 0 || pg.owner != NOBODY || kafka.marking)
		return false;
	/* nobody could know then that changes are missing */
	if (pg.slot_moved && !kafka.exactly_once)
		return false;
	for (int i = 0; i < SHIPPERS; i++)
		if (shippers[i].state != DOWN)
			return false;
	TRACE("kafka: the position topic is emptied");
	position_free(&kafka.position);
	kafka.position_lost = true;
	return true;
}
