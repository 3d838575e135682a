/*
 * round.c
 *		Rounds of an exported snapshot, by several readers; in place of
 *		source_snapshot.c.
 */
#include "links.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot_query.h"
#include "source_snapshot.h"

typedef struct RowReader
{
	uint32_t rows[MAX_VERSIONS];
	uint32_t count;
	uint32_t next;
	bool greeted;
	bool ended; /* all is handed out, and released */
	Bytes *payload;
} RowReader;

struct SnapshotSource
{
	enum
	{
		ROUND_NONE,
		ROUND_WAITING,
		ROUND_BARRIER,
		ROUND_BEGUN,
		ROUND_READING,
		ROUND_END
	} state;
	bool gone;
	bool plain;
	SnapshotPlan *plan;
	uint64_t floor;
	uint64_t position;
	uint64_t lsn;
	uint64_t barrier;
	uint32_t waits[MAX_ACTIVE]; /* for these to end */
	uint32_t nwaits;
	Seen seen;
	int count;
	bool touched[TABLES];
	uint32_t nodes[TABLES];
	RowReader readers[SNAPSHOT_MAX_READERS];
	SnapshotUnit units[SNAPSHOT_MAX_READERS];
};

static SnapshotSource round_;

void
links_drop_round(void)
{
	if (round_.state == ROUND_NONE)
		return;
	TRACE("server: the snapshot's sessions are gone");
	round_.gone = true;
}

SnapshotSource *
snapshot_source_open(const Config *cfg)
{
	(void) cfg;
	memset(&round_, 0, sizeof(round_));
	return &round_;
}

void
snapshot_source_stop(SnapshotSource *s)
{
	for (int i = 0; i < SNAPSHOT_MAX_READERS; i++)
	{
		free(s->readers[i].payload);
		s->readers[i].payload = NULL;
		s->readers[i].greeted = s->readers[i].ended = false;
		s->units[i].table = NULL;
	}
	memset(s->touched, 0, sizeof(s->touched));
	s->state = ROUND_NONE;
	s->gone = false;
}

void
snapshot_source_close(SnapshotSource *s)
{
	if (s != NULL)
		snapshot_source_stop(s);
}

bool
snapshot_source_start(SnapshotSource *s, SnapshotPlan *plan, const PGconn *same,
					  uint64_t floor, uint64_t position, int64_t now_ms,
					  Error *err)
{
	(void) same;
	(void) now_ms;
	(void) err;
	snapshot_source_stop(s);
	s->plan = plan;
	s->floor = floor;
	s->position = position;
	s->plain = sim_plain && sim_once_in(2);
	s->state = ROUND_WAITING;
	s->nwaits = 0;
	/* who runs now may have changed rows before the slot saw it */
	for (uint32_t i = 0; i < db.nactive; i++)
		s->waits[s->nwaits++] = db.active[i];
	TRACE("shipper: a round%s", s->plain ? ", of an ordinary session" : "");
	return true;
}

void
snapshot_source_go(SnapshotSource *s)
{
	s->state = ROUND_READING;
}

/* The file of a table whose TRUNCATE is in the WAL and not yet visible. */
static uint32_t
listed_node(const SnapshotSource *s, uint32_t table)
{
	uint32_t t = db.locked[table];

	return db.node[table] -
		   (s->plain && t != NONE && db.txns[t].state == TXN_LOGGED);
}

/* What the server lists: the tables of the round. */
static void
list_tables(SnapshotSource *s)
{
	char *text = db_seen_text(&s->seen);

	snapshot_plan_begin(s->plan, s->lsn, (uint32_t) s->seen.xmin,
						s->plain ? NULL : text);
	TRACE("server: snapshot %s, exact for " LSN_FORMAT, text, LSN_ARGS(s->lsn));
	free(text);
	for (uint32_t a = 0; a < TABLES; a++)
	{
		char name[16];
		SnapshotTable *t;

		snprintf(name, sizeof(name), "public.t%u", a);
		t = snapshot_plan_table(s->plan, OID_OF(a), listed_node(s, a), name,
								"public", db_published(a));
		t->ranged = db.ranged[a];
		t->blocks = db_blocks();
		t->whole = db.whole[a];
		s->nodes[a] = listed_node(s, a);
	}
	snapshot_plan_begun(s->plan, s->floor != 0 ? s->floor : s->lsn);
	s->count = (int) sim_config.snapshot_max_threads;
	s->state = ROUND_BEGUN;
	totals.rounds++;
}

static bool
has_ended(const SnapshotSource *s)
{
	for (uint32_t i = 0; i < s->nwaits; i++)
		if (db.txns[s->waits[i]].state == TXN_RUNNING ||
			db.txns[s->waits[i]].state == TXN_LOGGED)
			return false;
	return true;
}

static SnapshotEvent
begin_round(SnapshotSource *s)
{
	if (!s->plain)
	{
		if (!has_ended(s))
			return SNAPSHOT_WAIT;
		db_exact_snapshot(&s->seen);
		s->lsn = db.wal_end;
	}
	else if (s->state == ROUND_WAITING)
	{
		db_snapshot(&s->seen);
		s->barrier = s->seen.xmax;
		/* who holds the lock of a number beyond */
		for (uint32_t i = 0; i < db.nactive; i++)
			if (db.txns[db.active[i]].xid >= s->barrier)
				s->barrier = db.txns[db.active[i]].xid + 1;
		s->lsn = db.wal_end;
		s->floor = s->position;
		s->state = ROUND_BARRIER;
		sim_was_plain = true;
		return SNAPSHOT_WAIT;
	}
	else
	{
		db_snapshot(&s->seen);
		if (s->seen.xmin < s->barrier)
			return SNAPSHOT_WAIT;
	}
	list_tables(s);
	return SNAPSHOT_BEGUN;
}

static int
by_place(const void *a, const void *b)
{
	uint64_t x = db.versions[*(const uint32_t *) a].place;
	uint64_t y = db.versions[*(const uint32_t *) b].place;

	return x < y ? -1 : x > y;
}

static bool
parse_seen(const char *text, Seen *out)
{
	const char *at = text;
	char *end;

	out->count = 0;
	out->xmin = strtoull(at, &end, 10);
	out->xmax = strtoull(end + 1, &end, 10);
	for (at = end + 1; *at != '\0'; at = *end == ',' ? end + 1 : end)
		out->running[out->count++] = strtoull(at, &end, 10);
	return true;
}

/* tuplecast.snapshot(): rows of the part, in their order. */
static void
select_rows(const SnapshotSource *s, const SnapshotUnit *u, RowReader *r)
{
	uint32_t table = u->table->oid - OID_OF(0);
	static Seen earlier;

	if (u->table->as_seen)
		parse_seen(u->table->seen, &earlier);
	r->count = r->next = 0;
	for (uint32_t i = 0; i < db.nversions; i++)
	{
		const RowVersion *v = &db.versions[i];
		uint64_t xid = db.txns[v->maker].xid;

		if (v->table != table || !db_visible(&s->seen, v) ||
			(u->table->ranged &&
			 (v->place < u->span.first || v->place >= u->span.before)) ||
			(u->table->as_seen && !db_sees(&earlier, xid)) ||
			(u->younger != 0 && (int32_t) ((uint32_t) xid - u->younger) < 0))
			continue;
		r->rows[r->count++] = i;
	}
	qsort(r->rows, r->count, sizeof(r->rows[0]), by_place);
	TRACE("shipper: reads table %u from %llx to %llx%s, %u rows", table,
		  (unsigned long long) u->span.first,
		  (unsigned long long) u->span.before,
		  u->younger != 0 ? ", the younger" : "", r->count);
}

static SnapshotEvent
hand_out(SnapshotSource *s, int i)
{
	RowReader *r = &s->readers[i];
	uint32_t table;

	/* its lock is waited for */
	for (uint32_t a = 0; a < TABLES; a++)
		if (db.locked[a] != NONE)
			return SNAPSHOT_WAIT;
	if (!snapshot_plan_next(s->plan, &s->units[i]))
		return SNAPSHOT_WAIT;
	table = s->units[i].table->oid - OID_OF(0);
	/* rewritten since it was listed, before anybody locked it */
	if (s->nodes[table] != db.node[table])
		return SNAPSHOT_LOST;
	s->touched[table] = true;
	select_rows(s, &s->units[i], r);
	r->greeted = r->ended = false;
	return SNAPSHOT_WAIT;
}

static void
fill_payload(RowReader *r, const SnapshotUnit *u)
{
	Bytes *b = calloc(1, sizeof(*b));

	if (b == NULL)
		abort();
	r->payload = b;
	if (!r->greeted)
	{
		put_hello(b, WIRE_VERSION);
		put_begin(b, 0x1000);
		put_table(b, u->table->oid - OID_OF(0));
	}
	r->greeted = true;
	while (r->next < r->count && b->len < PAYLOAD_FULL &&
		   (r->next + 1 == r->count || !sim_once_in(4)))
	{
		uint32_t v = r->rows[r->next++];

		put_row(b, v, WIRE_OP_READ, 0,
				u->table->ranged ? db.versions[v].place : r->next, 0, 'R');
	}
	/* the last record comes with the frame that counts them */
	if (r->next == r->count)
		put_commit(b, 0x1000, r->count);
}

SnapshotEvent
snapshot_source_next(SnapshotSource *s, int64_t now_ms, SnapshotRows *rows,
					 Error *err)
{
	int i;
	RowReader *r;

	(void) now_ms;
	if (s->gone || (!sim_healing && sim_once_in(600)))
	{
		link_lost(err);
		return SNAPSHOT_LOST;
	}
	if (s->state == ROUND_WAITING || s->state == ROUND_BARRIER)
		return sim_once_in(3) ? begin_round(s) : SNAPSHOT_WAIT;
	if (s->state != ROUND_READING || sim_once_in(4))
		return SNAPSHOT_WAIT;
	if (snapshot_plan_finished(s->plan))
	{
		s->state = ROUND_END;
		return SNAPSHOT_END;
	}
	i = (int) sim_below((uint32_t) s->count);
	r = &s->readers[i];
	if (r->payload == NULL && r->greeted && !r->ended && r->next == r->count)
	{
		r->ended = true;
		rows->reader = i;
		rows->unit = &s->units[i];
		rows->refused = false;
		return SNAPSHOT_UNIT;
	}
	if (s->units[i].table == NULL)
	{
		SnapshotEvent event = hand_out(s, i);

		if (event == SNAPSHOT_LOST)
			link_lost(err);
		return event;
	}
	if (r->payload != NULL || r->ended)
		return SNAPSHOT_WAIT;
	fill_payload(r, &s->units[i]);
	rows->reader = i;
	rows->unit = &s->units[i];
	rows->refused = false;
	rows->payload = r->payload->data;
	rows->len = r->payload->len;
	return SNAPSHOT_PAYLOAD;
}

void
snapshot_source_release(SnapshotSource *s, int reader)
{
	free(s->readers[reader].payload);
	s->readers[reader].payload = NULL;
}

/* its data is its first member */
char *
snapshot_source_take(SnapshotSource *s, int reader)
{
	char *memory = (char *) s->readers[reader].payload;

	s->readers[reader].payload = NULL;
	return memory;
}

SnapshotUnit *
snapshot_source_units(SnapshotSource *s, size_t *count)
{
	*count = SNAPSHOT_MAX_READERS;
	return s->units;
}

int64_t
snapshot_source_deadline(const SnapshotSource *s)
{
	(void) s;
	return INT64_MAX;
}

int
snapshot_source_fds(const SnapshotSource *s, struct pollfd *fds, bool reading)
{
	(void) s;
	(void) fds;
	(void) reading;
	return 0;
}

void
round_begin(void)
{
	snapshot_source_stop(&round_);
	memset(&round_, 0, sizeof(round_));
}

bool
round_locks(uint32_t table)
{
	return round_.touched[table];
}
