/*
 * second.c
 *		The second connection to the simulated server, over which chunks are read;
 *		in place of snapshot_reader.c and incremental_query.c.
 */
#include "links.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "incremental_query.h"
#include "snapshot_reader.h"

typedef enum Ask
{
	ASK_CLOSE,
	ASK_SESSION,
	ASK_LIST,
	ASK_POLL,
	ASK_OPEN,
	ASK_MAX,
	ASK_KEYS,
	ASK_ROWS,
	ASK_EMIT
} Ask;

static struct Second
{
	bool gone;
	bool refused;
	Ask text; /* that was written last */
	Ask ask;
	bool executed;
	bool in_txn;
	uint32_t table;
	Seen seen;
	char message[128];
	bool wanted[TABLES];
	size_t items[TABLES];
	size_t requeued;
	const IncrementalTable *current;
	/* answers */
	char *snapshot;
	uint32_t idle[MAX_ACTIVE];
	size_t nidle;
	uint32_t held[MAX_ACTIVE];
	size_t nheld;
	uint32_t rows[KEYS];
	uint32_t nrows;
	Bytes *payload;
	uint32_t next;
	bool greeted;
} second;

void
second_begin(void)
{
	free(second.snapshot);
	free(second.payload);
	memset(&second, 0, sizeof(second));
}

void
links_drop_second(void)
{
	second.gone = true;
	second.in_txn = false;
}

bool
second_locks(uint32_t table)
{
	return second.in_txn && second.table == table;
}

void
chunk_query_free(ChunkQuery *q)
{
	(void) q;
}

void
incremental_session_text(PgText *sql, const Config *cfg)
{
	(void) sql;
	(void) cfg;
	second.text = ASK_SESSION;
}

void
incremental_list_text(PgText *sql, const Config *cfg,
					  const IncrementalCollection *items, size_t count)
{
	(void) sql;
	(void) cfg;
	second.text = ASK_LIST;
	for (uint32_t a = 0; a < TABLES; a++)
	{
		second.wanted[a] = false;
		for (size_t i = count; i-- > 0;)
			if (items[i].pattern[0] == db_published(a)[0])
			{
				second.wanted[a] = true;
				second.items[a] = i;
			}
	}
}

void
incremental_poll_text(PgText *sql)
{
	(void) sql;
	second.text = ASK_POLL;
}

void
incremental_open_text(PgText *sql, const Config *cfg, const IncrementalTable *t)
{
	(void) sql;
	(void) cfg;
	second.text = ASK_OPEN;
	second.current = t;
}

void
incremental_max_text(PgText *sql, const ChunkQuery *q,
					 const IncrementalTable *t)
{
	(void) sql;
	(void) q;
	second.text = ASK_MAX;
	second.current = t;
}

void
incremental_keys_text(PgText *sql, const ChunkQuery *q,
					  const IncrementalTable *t, size_t requeued)
{
	(void) sql;
	(void) q;
	second.text = ASK_KEYS;
	second.current = t;
	second.requeued = requeued;
}

void
incremental_rows_text(PgText *sql, const Config *cfg, const ChunkQuery *q,
					  const IncrementalTable *t, size_t requeued)
{
	(void) sql;
	(void) cfg;
	(void) q;
	second.text = ASK_ROWS;
	second.current = t;
	second.requeued = requeued;
}

void
incremental_emit_text(PgText *sql, const char *message)
{
	(void) sql;
	second.text = ASK_EMIT;
	snprintf(second.message, sizeof(second.message), "%s", message);
}

/* The row of a key that the transaction sees. */
static uint32_t
seen_row(uint32_t table, uint32_t key)
{
	for (uint32_t i = 0; i < db.nversions; i++)
		if (db.versions[i].table == table && db.versions[i].key == key &&
			db_visible(&second.seen, &db.versions[i]))
			return i;
	return NONE;
}

static bool
is_asked(const IncrementalTable *t, uint32_t key)
{
	for (size_t i = 0; i < t->nrequeue; i++)
		if (t->requeue[i].asked && (uint32_t) atoi(t->requeue[i].text) == key)
			return true;
	return false;
}

/* The keys of the chunk, in their order. */
static void
select_chunk(void)
{
	const IncrementalTable *t = second.current;
	size_t limit = second.requeued > 0 ? second.requeued : t->limit;

	second.nrows = 0;
	for (uint32_t k = 0; k < KEYS && second.nrows < limit; k++)
	{
		uint32_t row = seen_row(second.table, k);

		if (row == NONE)
			continue;
		if (second.requeued > 0 ? !is_asked(t, k)
								: k > (uint32_t) atoi(t->max.text) ||
									  (t->last.text != NULL &&
									   k <= (uint32_t) atoi(t->last.text)))
			continue;
		second.rows[second.nrows++] = row;
	}
}

static void
execute(void)
{
	second.executed = true;
	switch (second.ask)
	{
		case ASK_POLL:
			db_snapshot(&second.seen);
			free(second.snapshot);
			second.snapshot = db_seen_text(&second.seen);
			second.nidle = second.nheld = 0;
			for (uint32_t i = 0; i < db.nactive; i++)
				second.held[second.nheld++] =
					(uint32_t) db.txns[db.active[i]].xid;
			for (uint32_t i = 0; i < db.nactive; i++)
				if (db.txns[db.active[i]].idle && sim_once_in(2))
					second.idle[second.nidle++] =
						(uint32_t) db.txns[db.active[i]].xid;
			break;
		case ASK_OPEN:
			second.in_txn = true;
			second.table = second.current->oid - OID_OF(0);
			db_snapshot(&second.seen);
			free(second.snapshot);
			second.snapshot = db_seen_text(&second.seen);
			TRACE("server: a chunk of table %u under %s", second.table,
				  second.snapshot);
			break;
		case ASK_KEYS:
		case ASK_ROWS:
			select_chunk();
			second.next = 0;
			second.greeted = false;
			break;
		case ASK_EMIT:
			second.in_txn = false;
			if (sim_foreign && sim_once_in(2))
				(void) db_message("somebody:1");
			(void) db_message(second.message);
			break;
		case ASK_CLOSE:
			second.in_txn = false;
			break;
		default:
			break;
	}
}

bool
reader_connect(SnapshotReader *r, const Config *cfg, const PGconn *same,
			   int64_t now_ms, Error *err)
{
	(void) cfg;
	(void) same;
	(void) now_ms;
	(void) err;
	r->state = READER_CONNECTING;
	second.gone = second.in_txn = false;
	return true;
}

bool
reader_ask(SnapshotReader *r, const char *sql, int64_t now_ms, Error *err)
{
	(void) sql;
	(void) now_ms;
	(void) err;
	r->state = READER_ASKING;
	second.ask = second.text;
	second.text = ASK_CLOSE;
	second.executed = false;
	second.refused = !sim_healing && sim_once_in(60) &&
					 second.ask != ASK_CLOSE && second.ask != ASK_SESSION;
	return true;
}

bool
reader_ask_one(SnapshotReader *r, const char *sql, Error *err)
{
	return reader_ask(r, sql, 0, err);
}

bool
reader_copy(SnapshotReader *r, const char *sql, Error *err)
{
	bool sent = reader_ask(r, sql, 0, err);

	r->state = READER_COPYING;
	return sent;
}

static ReaderEvent
copy_rows(SnapshotReader *r)
{
	Bytes *b;

	if (second.payload != NULL)
		return READER_WAIT;
	if (second.greeted && second.next == second.nrows)
	{
		r->state = READER_IDLE;
		return READER_END;
	}
	b = second.payload = calloc(1, sizeof(*b));
	if (b == NULL)
		abort();
	if (!second.greeted)
	{
		put_hello(b, WIRE_VERSION);
		put_begin(b, 0x1000);
		put_table(b, second.table);
	}
	second.greeted = true;
	while (second.next < second.nrows && !sim_once_in(4))
	{
		uint32_t v = second.rows[second.next++];

		put_row(b, v, WIRE_OP_READ, 0, second.next, 0, 'I');
	}
	if (second.next == second.nrows)
		put_commit(b, 0x1000, second.nrows);
	r->payload = b->data;
	r->len = b->len;
	return READER_PAYLOAD;
}

ReaderEvent
reader_next(SnapshotReader *r, int64_t now_ms, Error *err)
{
	(void) now_ms;
	if (r->state == READER_DOWN)
		return READER_WAIT;
	if (second.gone || (!sim_healing && sim_once_in(400)))
	{
		reader_close(r);
		link_lost(err);
		return READER_LOST;
	}
	if (r->state == READER_IDLE || sim_once_in(3))
		return READER_WAIT;
	if (r->state == READER_CONNECTING)
	{
		r->state = READER_IDLE;
		return READER_READY;
	}
	/* behind a TRUNCATE: it waits, and gives up in the end */
	if (second.ask == ASK_OPEN && !second.executed &&
		db.locked[second.current->oid - OID_OF(0)] != NONE)
	{
		if (!sim_once_in(4))
			return READER_WAIT;
		second.refused = true;
	}
	if (second.refused)
	{
		r->state = READER_IDLE;
		snprintf(r->sqlstate, sizeof(r->sqlstate), "%s",
				 sim_once_in(2) ? "55P03" : "57014");
		err_set(err, ERR_RETRY, "sim_refused", "a lock was not had in time");
		second.in_txn = false;
		return READER_REFUSED;
	}
	if (!second.executed)
	{
		execute();
		/* the answer may come later */
		if (sim_once_in(2))
			return READER_WAIT;
	}
	if (r->state == READER_COPYING)
		return copy_rows(r);
	r->state = READER_IDLE;
	r->result = NULL;
	return READER_ANSWER;
}

void
reader_release(SnapshotReader *r)
{
	(void) r;
	free(second.payload);
	second.payload = NULL;
}

char *
reader_take(SnapshotReader *r)
{
	char *memory = (char *) second.payload;

	(void) r;
	second.payload = NULL;
	return memory;
}

void
reader_close(SnapshotReader *r)
{
	reader_release(r);
	second.in_txn = second.gone = false;
	r->state = READER_DOWN;
}

int
reader_fd(const SnapshotReader *r)
{
	(void) r;
	return -1;
}

short
reader_events(const SnapshotReader *r, bool reading)
{
	(void) r;
	(void) reading;
	return 0;
}

/* ---- what it answered ---------------------------------------------------- */

void
incremental_list_read(Incremental *inc, const PGresult *res)
{
	static const char *const names[] = {"public.t0", "public.t1", "public.t2"};
	IncrementalListed items[TABLES];
	size_t n = 0;

	(void) res;
	for (uint32_t a = 0; a < TABLES; a++)
		if (second.wanted[a])
			items[n++] = (IncrementalListed){.oid = OID_OF(a),
											 .name = names[a],
											 .quoted = names[a],
											 .schema = "public",
											 .table = db_published(a),
											 .item = second.items[a]};
	incremental_listed(inc, items, n);
}

void
incremental_poll_read(Incremental *inc, const PGresult *res, int64_t now_ms)
{
	(void) res;
	incremental_held(inc, second.held, second.nheld);
	incremental_polled(inc, second.snapshot, second.idle, second.nidle, now_ms);
}

void
incremental_open_read(Incremental *inc, ChunkQuery *q, const PGresult *res)
{
	(void) q;
	(void) res;
	incremental_opened(inc, second.snapshot, "public",
					   db_published(second.table), "id integer", true);
}

void
incremental_max_read(Incremental *inc, const PGresult *res)
{
	char text[16];
	IncrementalKey key = {text, 0, false};
	uint32_t k = KEYS;

	(void) res;
	while (k > 0 && seen_row(second.table, k - 1) == NONE)
		k--;
	key.len = (size_t) snprintf(text, sizeof(text), "%u", k - 1) + 1;
	incremental_max(inc, k > 0 ? &key : NULL);
}

void
incremental_keys_read(Incremental *inc, const PGresult *res)
{
	char texts[KEYS][16];
	IncrementalKey keys[KEYS];

	(void) res;
	for (uint32_t i = 0; i < second.nrows; i++)
	{
		keys[i] = (IncrementalKey){texts[i], 0, false};
		keys[i].len = (size_t) snprintf(texts[i], sizeof(texts[i]), "%u",
										db.versions[second.rows[i]].key) +
					  1;
	}
	incremental_keys(inc, keys, second.nrows);
}

void
PQclear(PGresult *res)
{
	(void) res;
}

void
PQfreemem(void *memory)
{
	free(memory);
}
