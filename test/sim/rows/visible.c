/*
 * visible.c
 *		Snapshots of the simulated server: who sees which version of a row.
 */
#include "rows.h"

#include <stdio.h>
#include <stdlib.h>


void
db_snapshot(Seen *s)
{
	s->xmin = s->xmax = db.latest_xid + 1;
	s->count = 0;
	for (uint32_t i = 0; i < db.nactive; i++)
	{
		uint64_t xid = db.txns[db.active[i]].xid;

		if (xid >= s->xmax)
			continue;
		s->running[s->count++] = xid;
		if (xid < s->xmin)
			s->xmin = xid;
	}
}

void
db_exact_snapshot(Seen *s)
{
	s->xmax = db.txns[0].xid + 1;
	s->count = 0;
	for (uint32_t t = 0; t < db.ntxns; t++)
		if (db_committed(t) && db.txns[t].xid >= s->xmax)
			s->xmax = db.txns[t].xid + 1;
	s->xmin = s->xmax;
	for (uint32_t t = 0; t < db.ntxns; t++)
		if (db.txns[t].state == TXN_RUNNING && db.txns[t].xid < s->xmin)
			s->xmin = db.txns[t].xid;
	/* who was rolled back stands among those that run */
	for (uint32_t t = 0; t < db.ntxns; t++)
		if (!db_committed(t) && db.txns[t].xid >= s->xmin &&
			db.txns[t].xid < s->xmax)
			s->running[s->count++] = db.txns[t].xid;
}

char *
db_seen_text(const Seen *s)
{
	char *text = malloc(64 + s->count * 24);
	int n;

	if (text == NULL)
		abort();
	n = sprintf(text, "%llu:%llu:", (unsigned long long) s->xmin,
				(unsigned long long) s->xmax);
	for (uint32_t i = 0; i < s->count; i++)
		n += sprintf(text + n, "%s%llu", i > 0 ? "," : "",
					 (unsigned long long) s->running[i]);
	return text;
}

bool
db_sees(const Seen *s, uint64_t xid)
{
	if (xid >= s->xmax)
		return false;
	for (uint32_t i = 0; i < s->count; i++)
		if (s->running[i] == xid)
			return false;
	return true;
}

bool
db_visible(const Seen *s, const RowVersion *v)
{
	return !v->dead && db.txns[v->maker].state != TXN_ABORTED &&
		   db_sees(s, db.txns[v->maker].xid) &&
		   (v->killer == NONE || !db_sees(s, db.txns[v->killer].xid));
}

bool
db_committed(uint32_t txn)
{
	return db.txns[txn].state == TXN_LOGGED ||
		   db.txns[txn].state == TXN_VISIBLE;
}

uint32_t
db_state_at(uint32_t table, uint32_t key, uint64_t lsn)
{
	for (uint32_t i = db.nversions; i > 0; i--)
	{
		const RowVersion *v = &db.versions[i - 1];

		if (v->table != table || v->key != key || v->dead ||
			!db_committed(v->maker) || db.txns[v->maker].end_lsn > lsn)
			continue;
		if (v->killer == NONE || !db_committed(v->killer) ||
			db.txns[v->killer].end_lsn > lsn)
			return i - 1;
	}
	return NONE;
}
