/*
 * stream.c
 *		The slot's stream from the simulated server; in place of source_stream.c.
 */
#include "links.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source_stream.h"

struct Source
{
	enum
	{
		AWAY,
		CONNECTING,
		STREAMING,
		ENDING
	} state;
	bool gone; /* and that is not noticed yet */
	bool created;
	bool greeted;
	bool announced[TABLES + 1]; /* the last is the root of the partitions */
	uint32_t next;				/* of the WAL */
	uint32_t sent;				/* frames of it */
	uint64_t confirmed;
	Bytes payload;
	KnownTables known;
};

static Source stream;

void
links_drop_stream(void)
{
	if (stream.state == AWAY)
		return;
	TRACE("server: the stream's session is gone");
	stream.gone = true;
}

Source *
source_open(const Config *cfg)
{
	(void) cfg;
	memset(&stream, 0, sizeof(stream));
	return &stream;
}

bool
source_connect(Source *s, uint64_t resume_lsn, int64_t now_ms, Error *err)
{
	(void) resume_lsn;
	(void) now_ms;
	(void) err;
	s->state = CONNECTING;
	s->gone = false;
	return true;
}

static void
put_txn_begin(Bytes *b, const Txn *t)
{
	frame_open(b, WIRE_BEGIN);
	bytes_u32(b, (uint32_t) t->xid);
	bytes_u64(b, t->commit_lsn);
	bytes_u64(b, t->end_lsn);
	bytes_u64(b, 1);
	bytes_str(b, "");
	frame_close(b);
}

static void
put_watermark(Bytes *b, const char *content)
{
	frame_open(b, WIRE_WATERMARK);
	bytes_str(b, content);
	frame_close(b);
}

static void
start_stream(Source *s, SourceEvent *ev)
{
	memset(ev, 0, sizeof(*ev));
	s->created = !db.slot;
	if (!db.slot)
	{
		db.slot = true;
		db.slot_lsn = db.slot_saved = db.wal_end;
		cluster.checked = db.nwal;
	}
	s->state = STREAMING;
	s->greeted = false;
	memset(s->announced, 0, sizeof(s->announced));
	s->sent = 0;
	for (s->next = 0; s->next < db.nwal &&
					  db.txns[db.wal[s->next]].commit_lsn < db.slot_lsn;)
		s->next++;
	s->confirmed = db.slot_lsn;
	ev->confirmed_lsn = ev->start_lsn = db.slot_lsn;
	ev->slot_created = s->created;
	snprintf(ev->server.system_id, sizeof(ev->server.system_id), "1");
	ev->server.timeline = 1;
	ev->server.wal_lsn = db.wal_end;
	ev->server.slot_lsn = db.slot_lsn;
	ev->server.slot_created = s->created;
	TRACE("server: streams from " LSN_FORMAT "%s", LSN_ARGS(db.slot_lsn),
		  s->created ? ", a new slot" : "");
}

static void
announce(Source *s, uint32_t table)
{
	if (!s->announced[table])
		put_table(&s->payload, table);
	s->announced[table] = true;
}

static void
send_change(Source *s, const Change *c)
{
	Bytes *b = &s->payload;
	uint8_t part = 0;

	if (c->op == 't')
	{
		uint32_t table = c->topic == 0 ? 0 : TABLES;

		announce(s, table);
		put_truncate(b, table, c->ordinal);
		return;
	}
	announce(s, db.versions[c->made != NONE ? c->made : c->old].table);
	if (c->op == 'd' || c->op == 'k')
	{
		put_row(b, c->old, WIRE_OP_DELETE, 0, c->ordinal, part++, 'S');
		put_row(b, c->old, WIRE_OP_TOMBSTONE, 0, c->ordinal, part++, 'S');
	}
	if (c->op != 'd')
		put_row(b, c->made, c->op == 'u' ? WIRE_OP_UPDATE : WIRE_OP_CREATE,
				c->unchanged ? WIRE_REC_UNCHANGED : 0, c->ordinal, part, 'S');
}

/* The next frames of the transaction at hand: of a change, or what is around. */
static void
send_next(Source *s)
{
	const Txn *t = &db.txns[db.wal[s->next]];
	Bytes *b = &s->payload;
	uint64_t records = 0;

	if (!s->greeted)
		put_hello(b, WIRE_VERSION);
	s->greeted = true;
	if (s->sent == 0)
		put_txn_begin(b, t);
	else if (s->sent <= t->count)
		send_change(s, &db.changes[t->changes[s->sent - 1]]);
	else
	{
		if (t->message[0] != '\0')
			put_watermark(b, t->message);
		if (t->signal != NULL)
			put_signal(b, 1, t->id, t->signal, t->data);
		for (uint32_t i = 0; i < t->count; i++)
		{
			char op = db.changes[t->changes[i]].op;

			records += op == 'k' ? 3 : op == 'd' ? 2 : 1;
		}
		put_commit(b, t->end_lsn, records);
		s->next++;
		s->sent = 0;
		return;
	}
	s->sent++;
}

static bool
send_keepalive(Source *s, SourceEvent *ev)
{
	uint64_t low = db.slot_lsn;
	uint64_t high = db.wal_end;

	if (s->next > 0 && db.txns[db.wal[s->next - 1]].end_lsn > low)
		low = db.txns[db.wal[s->next - 1]].end_lsn;
	if (s->next < db.nwal)
		high = db.txns[db.wal[s->next]].commit_lsn;
	if (low > high)
		return false;
	ev->wal_end =
		sim_once_in(2) ? high : low + sim_below((uint32_t) (high - low) + 1);
	ev->urgent = sim_once_in(8);
	return true;
}

SourceResult
source_next(Source *s, int64_t now_ms, SourceEvent *ev, Error *err)
{
	(void) now_ms;
	if (s->gone && sim_once_in(3))
	{
		s->state = AWAY;
		s->gone = false;
		link_lost(err);
		return SOURCE_LOST;
	}
	if (s->gone || sim_once_in(4))
		return SOURCE_WAIT;
	if (s->state == CONNECTING)
	{
		start_stream(s, ev);
		return SOURCE_STARTED;
	}
	if (s->state == ENDING)
	{
		s->state = AWAY;
		return SOURCE_ENDED;
	}
	if (sim_once_in(4) && send_keepalive(s, ev))
		return SOURCE_KEEPALIVE;
	s->payload.len = 0;
	while (s->next < db.nwal && s->payload.len < PAYLOAD_FULL &&
		   (s->payload.len == 0 || !sim_once_in(6)))
		send_next(s);
	ev->payload = s->payload.data;
	ev->len = s->payload.len;
	return s->payload.len > 0 ? SOURCE_PAYLOAD : SOURCE_WAIT;
}

bool
source_confirm(Source *s, uint64_t lsn, bool idle, int64_t now_ms, Error *err)
{
	(void) idle;
	(void) now_ms;
	(void) err;
	if (s->state != STREAMING || s->gone || lsn <= s->confirmed)
		return true;
	HOLDS("I6", lsn <= db.wal_end && lsn <= cluster.position_max,
		  "confirmed " LSN_FORMAT ", but the durable position is " LSN_FORMAT,
		  LSN_ARGS(lsn), LSN_ARGS(cluster.position_max));
	s->confirmed = lsn;
	if (lsn > db.slot_lsn)
		db.slot_lsn = lsn;
	TRACE("server: confirmed " LSN_FORMAT, LSN_ARGS(lsn));
	return true;
}

bool
source_finish(Source *s, uint64_t lsn, Error *err)
{
	bool sent = source_confirm(s, lsn, true, 0, err);

	s->state = ENDING;
	return sent;
}

void
source_disconnect(Source *s)
{
	s->state = AWAY;
	s->gone = false;
}

void
source_close(Source *s)
{
	source_disconnect(s);
}

KnownTables *
source_captured(Source *s)
{
	return &s->known;
}

bool
source_is_connected(const Source *s)
{
	return s->state != AWAY;
}

bool
source_is_streaming(const Source *s)
{
	return s->state == STREAMING;
}

uint64_t
source_sent_lsn(const Source *s)
{
	return s->confirmed;
}

struct pg_conn *
source_conn(const Source *s)
{
	(void) s;
	return NULL;
}

int
source_fd(const Source *s)
{
	(void) s;
	return -1;
}

short
source_events(const Source *s, bool reading)
{
	(void) s;
	(void) reading;
	return 0;
}

int64_t
source_deadline(const Source *s, uint64_t lsn, bool idle)
{
	(void) s;
	(void) lsn;
	(void) idle;
	return INT64_MAX;
}

void
stream_begin(void)
{
	memset(&stream, 0, sizeof(stream));
}
