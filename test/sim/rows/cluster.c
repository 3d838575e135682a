/*
 * cluster.c
 *		The simulated cluster, behind the sink's table of functions: logs that are
 *		folded as they are written, a position topic, Kafka transactions; and what
 *		must hold of them.
 */
#include "rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_MAX 64
#define QUEUES	  (PARTITIONS + 1)
#define ACKS_MAX  (QUEUE_MAX * QUEUES * 8)
#define OPEN_MAX  4096

Cluster cluster;

typedef struct Item
{
	enum
	{
		ITEM_CHANGE,
		ITEM_ROW,
		ITEM_CHUNK_ROW,
		ITEM_POSITION
	} kind;
	uint32_t what; /* change or version */
	uint8_t part;
	uint8_t partition; /* of a change */
	uint8_t request;
	uint64_t ticket;
	char *text; /* a position; owned */
} Item;

struct SinkStream
{
	uint32_t topic;
};

typedef struct SimSink
{
	Sink base;
	Item queue[QUEUES][QUEUE_MAX];
	uint32_t head[QUEUES];
	uint32_t count[QUEUES];
	uint64_t acks[ACKS_MAX];
	uint32_t nacks;
	bool reading; /* recover() was called */
	bool committing;
	bool committed;
	bool broken;
	uint32_t bound[TOPICS]; /* of the last TRUNCATE that was put */
} SimSink;

static SinkStream streams[TOPICS] = {{0}, {1}};
static SimSink *sink; /* of the process that lives, or NULL */
/* of the Kafka transaction */
static Item opened[OPEN_MAX];
static uint32_t nopened;


void
cluster_begin(bool exactly_once)
{
	cluster_end();
	memset(&cluster, 0, sizeof(cluster));
	cluster.exactly_once = exactly_once;
}

static void
forget_open(void)
{
	while (nopened > 0)
		free(opened[--nopened].text);
}

void
cluster_end(void)
{
	forget_open();
	free(cluster.position);
	position_free(&cluster.parsed);
	cluster.position = NULL;
}

/* ---- what is in the logs ------------------------------------------------- */

static Known *
known_of(uint32_t version)
{
	const RowVersion *v = &db.versions[version];

	return &cluster.model[db_topic(v->table)][v->key];
}

/* Older than a TRUNCATE that came on another partition. */
static bool
is_truncated(uint32_t version)
{
	return version < cluster.bound[db_topic(db.versions[version].table)];
}

static uint32_t
version_of(const Change *c, uint8_t part)
{
	return c->op == 'd' || (c->op == 'k' && part < 2) ? c->old : c->made;
}

/* The partition of a version's key. */
static uint32_t
partition_of(uint32_t version)
{
	const RowVersion *v = &db.versions[version];

	return (db_topic(v->table) * KEYS + v->key) % PARTITIONS;
}

static void
check_order(uint32_t partition, const Change *c, uint8_t part)
{
	uint64_t id[3] = {db.txns[c->txn].end_lsn, c->ordinal, part};
	uint64_t *last = cluster.last[partition];
	int i = 0;

	/* what one snapshot left out the next one may have as history */
	if (!cluster.exactly_once &&
		strcmp(sim_config.snapshot_mode, "always") == 0)
		return;
	while (i < 2 && id[i] == last[i])
		i++;
	HOLDS("I3", id[i] > last[i],
		  "record (" LSN_FORMAT ", %u, %u) comes after a later one",
		  LSN_ARGS(id[0]), c->ordinal, part);
	memcpy(last, id, sizeof(id));
}

static void
fold_truncate(const Change *c)
{
	if (c->bound > cluster.bound[c->topic])
		cluster.bound[c->topic] = c->bound;
	for (uint32_t k = 0; k < KEYS; k++)
	{
		Known *known = &cluster.model[c->topic][k];

		if (known->present && known->version < c->bound)
			known->present = false;
	}
}

static void
fold_change(const Item *item)
{
	Change *c = &db.changes[item->what];
	uint32_t version;
	Known *known;
	bool again = c->delivered & 1 << item->part;

	totals.changes++;
	totals.again += again;
	HOLDS("I2", !again || !cluster.exactly_once,
		  "record (" LSN_FORMAT ", %u, %u) is committed twice",
		  LSN_ARGS(db.txns[c->txn].end_lsn), c->ordinal, item->part);
	/* one without a key may go to another partition when it is sent again */
	if (!again && (c->op != 't' || cluster.exactly_once))
		check_order(item->partition, c, item->part);
	c->delivered |= (uint8_t) (1 << item->part);
	if (c->op == 't')
	{
		fold_truncate(c);
		return;
	}
	version = version_of(c, item->part);
	known = known_of(version);
	if (version == c->old && c->op != 'u')
	{
		*known = (Known){.present = false};
		return;
	}
	if (!c->unchanged)
		known->toast = db.versions[version].toast;
	else if (!known->present)
		known->toast = 0;
	known->present = !is_truncated(version);
	known->version = version;
}

static void
fold_row(const Item *item)
{
	RowVersion *v = &db.versions[item->what];

	*known_of(item->what) = (Known){.present = !is_truncated(item->what),
									.version = item->what,
									.toast = v->toast};
	if (item->kind == ITEM_CHUNK_ROW)
	{
		uint8_t *n = &cluster.chunk_rows[item->request][v->table][v->key];

		totals.chunk_rows++;
		HOLDS("I15", ++*n == 1 || !cluster.exactly_once,
			  "request %u published key %u of table %u twice", item->request,
			  v->key, v->table);
		return;
	}
	totals.rows++;
	v->rows++;
	/* else history may be read twice */
	HOLDS("I15",
		  v->rows == 1 || !cluster.exactly_once || !db.whole[v->table] ||
			  !db.ranged[v->table] || sim_was_plain || sim_rewritten ||
			  sim_gap || strcmp(sim_config.snapshot_mode, "initial") != 0,
		  "the snapshot published version %u, key %u of table %u, twice",
		  item->what, v->key, v->table);
}

static void
keep_position(const char *text)
{
	Error err;
	Position p;

	HOLDS("I12", position_from_json(&p, text, strlen(text), &err),
		  "a position that cannot be read: %s", text);
	TRACE("kafka: position %s", text);
	HOLDS("I12",
		  cluster.position == NULL || p.end_lsn >= cluster.parsed.end_lsn,
		  "the position goes back");
	claims_check(&p);
	position_free(&cluster.parsed);
	cluster.parsed = p;
	free(cluster.position);
	cluster.position = strdup(text);
	if (p.end_lsn > cluster.position_max)
		cluster.position_max = p.end_lsn;
	totals.positions++;
}

/* Readers see it from now on. */
static void
deliver(const Item *item)
{
	if (item->kind == ITEM_POSITION)
		keep_position(item->text);
	else if (item->kind == ITEM_CHANGE)
		fold_change(item);
	else
		fold_row(item);
}

/* ---- brokers ------------------------------------------------------------- */

static bool
append(SimSink *s, uint32_t q)
{
	Item item;

	if (s->count[q] == 0)
		return false;
	item = s->queue[q][s->head[q]];
	s->head[q] = (s->head[q] + 1) % QUEUE_MAX;
	s->count[q]--;
	s->acks[s->nacks++] = item.ticket;
	if (cluster.exactly_once)
	{
		HOLDS("I12", nopened < OPEN_MAX, "a transaction without end");
		opened[nopened++] = item;
		return true;
	}
	deliver(&item);
	free(item.text);
	return true;
}

/* A position closes each transaction, and tells of all that is in it. */
static void
commit_opened(void)
{
	const Item *position = NULL;

	TRACE("kafka: commit of %u records", nopened);
	for (uint32_t i = 0; i < nopened; i++)
		if (opened[i].kind == ITEM_POSITION)
			position = &opened[i];
		else
			deliver(&opened[i]);
	HOLDS("I6", position != NULL, "a Kafka transaction without a position");
	deliver(position);
	forget_open();
}

void
cluster_step(void)
{
	if (sink == NULL)
		return;
	append(sink, sim_below(QUEUES));
	if (sink->committing && sim_once_in(3))
	{
		bool decided = sim_healing || !sim_once_in(20);

		sink->committing = false;
		if (decided)
			commit_opened();
		if (decided && (sim_healing || !sim_once_in(20)))
			sink->committed = true;
		else
		{
			TRACE("kafka: a commit without an answer");
			sink->broken = true;
		}
	}
}

void
cluster_fail(void)
{
	if (sink == NULL)
		return;
	TRACE("kafka: the producer fails");
	sink->broken = true;
}

/* ---- the sink ------------------------------------------------------------ */

static Sink *
sink_open(const Config *cfg, SinkEvents events, Error *err)
{
	(void) cfg;
	(void) err;
	sink = calloc(1, sizeof(*sink));
	if (sink == NULL)
		abort();
	sink->base = (Sink){.ops = &sim_sink_ops, .events = events};
	return &sink->base;
}

/* What was sent may still arrive: a part of each queue does. */
static void
sink_close(Sink *s)
{
	for (uint32_t q = 0; q < QUEUES; q++)
	{
		uint32_t arrive = sim_below(sink->count[q] + 1);

		while (arrive-- > 0)
			append(sink, q);
		while (sink->count[q] > 0)
		{
			free(sink->queue[q][sink->head[q]].text);
			sink->head[q] = (sink->head[q] + 1) % QUEUE_MAX;
			sink->count[q]--;
		}
	}
	/* and so may the request that ends the transaction */
	if (sink->committing && sim_once_in(2))
		commit_opened();
	free(s);
	sink = NULL;
}

static SinkStream *
sink_stream(Sink *s, SinkStream *old, const FrameStream *f, Error *err)
{
	uint32_t topic = f->name.data[0] == db_published(0)[0] ? 0 : 1;

	(void) s;
	(void) old;
	(void) err;
	return &streams[topic];
}

static uint32_t
find_txn(uint64_t end_lsn)
{
	uint32_t low = 0;
	uint32_t high = db.nwal;

	while (low < high)
	{
		uint32_t mid = (low + high) / 2;

		if (db.txns[db.wal[mid]].end_lsn < end_lsn)
			low = mid + 1;
		else
			high = mid;
	}
	HOLDS("I13", low < db.nwal && db.txns[db.wal[low]].end_lsn == end_lsn,
		  "a record of a transaction that is not in the WAL");
	return db.wal[low];
}

/* A row of a chunk is the state of its key behind all that was put. */
static void
check_chunk_row(uint32_t version, uint64_t lsn)
{
	const RowVersion *v = &db.versions[version];
	uint32_t now = db_state_at(v->table, v->key, lsn);

	HOLDS("I14", now == version,
		  "a stale row: key %u of table %u, version %u, at " LSN_FORMAT
		  " it is %d",
		  v->key, v->table, version, LSN_ARGS(lsn), (int) now);
}

static void
make_item(const SinkRecord *r, Item *item)
{
	const FrameRecord *f = r->frame;
	const Txn *txn;

	*item = (Item){.ticket = r->ticket};
	if (f->op == WIRE_OP_READ)
	{
		memcpy(&item->what, f->value.data + 1, sizeof(item->what));
		item->kind = f->value.data[0] == 'I' ? ITEM_CHUNK_ROW : ITEM_ROW;
		if (item->kind == ITEM_CHUNK_ROW)
		{
			item->request = (uint8_t) atoi(
				incremental_table(process_incremental())->id + 1);
			check_chunk_row(item->what, r->end_lsn);
		}
		return;
	}
	item->kind = ITEM_CHANGE;
	item->part = f->part;
	txn = &db.txns[find_txn(r->end_lsn)];
	for (uint32_t i = 0; i < txn->count; i++)
		if (db.changes[txn->changes[i]].ordinal == f->ordinal)
			item->what = txn->changes[i];
}

static bool
has_room(const SimSink *s, uint32_t q)
{
	return s->count[q] < QUEUE_MAX && s->nacks + QUEUE_MAX * QUEUES < ACKS_MAX;
}

static SinkResult
enqueue(SimSink *s, uint32_t q, Item item)
{
	s->queue[q][(s->head[q] + s->count[q]++) % QUEUE_MAX] = item;
	return SINK_OK;
}

/* What has no key goes to any. */
static uint32_t
partition_for(const Item *item)
{
	const Change *c = &db.changes[item->what];

	if (item->kind != ITEM_CHANGE)
		return partition_of(item->what);
	return c->op == 't' ? sim_below(PARTITIONS)
						: partition_of(version_of(c, item->part));
}

/* Behind one no row goes out that it has removed. */
static void
note_truncate(SimSink *s, const Item *item)
{
	const Change *c = &db.changes[item->what];

	if (item->kind != ITEM_CHANGE)
		HOLDS("I14",
			  item->what >= s->bound[db_topic(db.versions[item->what].table)],
			  "version %u is put behind the TRUNCATE that removed it",
			  item->what);
	else if (c->op == 't' && c->bound > s->bound[c->topic])
		s->bound[c->topic] = c->bound;
}

static SinkResult
sink_put(Sink *s, const SinkRecord *r, Error *err)
{
	SimSink *own = (SimSink *) s;
	Item item;
	uint32_t q;

	(void) err;
	if (sim_once_in(12))
		return sim_once_in(2) ? SINK_FULL : SINK_PENDING;
	make_item(r, &item);
	q = partition_for(&item);
	if (!has_room(own, q))
		return SINK_FULL;
	item.partition = (uint8_t) q;
	note_truncate(own, &item);
	TRACE("shipper: puts %s %u, part %u",
		  item.kind == ITEM_CHANGE ? "change"
		  : item.kind == ITEM_ROW  ? "row"
								   : "row of a chunk",
		  item.what, item.part);
	return enqueue(own, q, item);
}

static SinkResult
sink_put_position(Sink *s, const void *position, size_t len, Error *err)
{
	SimSink *own = (SimSink *) s;
	Item item = {.kind = ITEM_POSITION, .ticket = SINK_POSITION_TICKET};

	(void) err;
	if (!has_room(own, PARTITIONS) || sim_once_in(12))
		return SINK_FULL;
	item.text = strndup(position, len);
	return enqueue(own, PARTITIONS, item);
}

/* librdkafka waits for all that is queued */
static SinkResult
sink_commit(Sink *s, Error *err)
{
	SimSink *own = (SimSink *) s;

	(void) err;
	for (uint32_t q = 0; q < QUEUES; q++)
		while (append(own, q))
			;
	own->committing = true;
	return SINK_OK;
}

static int
sink_fd(Sink *s)
{
	(void) s;
	return -1;
}

static void
sink_gauges(Sink *s, SinkGauges *out)
{
	(void) s;
	memset(out, 0, sizeof(*out));
}

static void
sink_recover(Sink *s, bool expected)
{
	HOLDS("I12", !expected || cluster.position != NULL,
		  "a position is expected where none was ever stored");
	((SimSink *) s)->reading = true;
}

static bool
sink_service(Sink *s, Error *err)
{
	SimSink *own = (SimSink *) s;
	uint32_t n = sim_below(6);

	if (own->broken)
		return err_set(err, ERR_RETRY, "sim_sink", "the producer failed");
	while (n-- > 0 && own->nacks > 0)
	{
		uint32_t i = sim_once_in(2) ? 0 : sim_below(own->nacks);
		uint64_t ticket = own->acks[i];

		own->acks[i] = own->acks[--own->nacks];
		own->base.events.acked(own->base.events.arg, ticket);
	}
	if (own->committed)
	{
		own->committed = false;
		own->base.events.committed(own->base.events.arg);
	}
	if (own->reading && sim_once_in(2))
	{
		SinkRecovered r = {
			.position = cluster.position,
			.len = cluster.position != NULL ? strlen(cluster.position) : 0,
			.used = cluster.position != NULL,
			.where = "position"};

		own->reading = false;
		/* fences, and settles what was open */
		if (cluster.exactly_once)
			forget_open();
		own->base.events.recovered(own->base.events.arg, &r);
	}
	return true;
}

const SinkOps sim_sink_ops = {.name = "sim",
							  .open = sink_open,
							  .stream = sink_stream,
							  .put = sink_put,
							  .fd = sink_fd,
							  .service = sink_service,
							  .gauges = sink_gauges,
							  .recover = sink_recover,
							  .put_position = sink_put_position,
							  .commit = sink_commit,
							  .close = sink_close};
