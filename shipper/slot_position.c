/*
 * slot_position.c
 *		Where in a slot's changes another program stopped publishing.
 *
 * A slot can only stand between transactions.  So if the change is the last of
 * its transaction the place is behind that, else before it, and its changes up
 * to this one come twice.  Rows that were copied in share one LSN: which of them
 * is meant nobody can tell, so they count as not published.
 */
#include "slot_position.h"

#include <stdlib.h>
#include <string.h>

#include "frame_reader.h"

/* writes of the output plugin looked at first: the place is mostly near */
#define FIRST_WRITES 1000

typedef struct Search
{
	SlotPosition *out;
	uint64_t change_lsn;
	uint64_t before_lsn;   /* end of the transaction before */
	uint64_t end_lsn;	   /* of the transaction at hand */
	uint64_t last_ordinal; /* of its last change so far */
	uint64_t changes;	   /* of it so far */
	uint64_t matches;	   /* that have the LSN */
	uint64_t behind;	   /* changes behind those */
	bool done;
} Search;

static bool peek(Search *s, PGconn *conn, const Config *cfg, bool all,
				 Error *err);
static bool read_payload(Search *s, const char *data, int len, Error *err);
static void end_transaction(Search *s);


bool
slot_position_find(SlotPosition *out, PGconn *conn, const Config *cfg,
				   uint64_t start_lsn, uint64_t change_lsn, Error *err)
{
	Search s;

	for (int all = 0; all <= 1; all++)
	{
		*out = (SlotPosition){.end_lsn = start_lsn};
		s = (Search){
			.out = out, .change_lsn = change_lsn, .before_lsn = start_lsn};
		if (!peek(&s, conn, cfg, all == 1, err))
			return false;
		if (s.done)
			break;
	}
	return true;
}

static void
peek_text(PgText *sql, const Config *cfg, bool all)
{
	pg_text_add(sql, "SELECT data FROM pg_logical_slot_peek_binary_changes(");
	pg_text_quoted(sql, cfg->slot_name, '\'');
	if (all)
		pg_text_add(sql, ", NULL, NULL");
	else
		pg_text_add(sql, ", NULL, %d", FIRST_WRITES);
	pg_text_add(sql, ", VARIADIC ARRAY['wire', '1'");
	for (size_t i = 0; i < cfg->plugin.count; i++)
	{
		pg_text_add(sql, ", ");
		pg_text_quoted(sql, cfg->plugin.items[i].name, '\'');
		pg_text_add(sql, ", ");
		pg_text_quoted(sql, cfg->plugin.items[i].value, '\'');
	}
	pg_text_add(sql, "])");
}

static void
cancel(PGconn *conn)
{
	char ignored[256];
	PGcancel *c = PQgetCancel(conn);

	if (c != NULL)
		(void) PQcancel(c, ignored, sizeof(ignored));
	PQfreeCancel(c);
}

/* Row by row: there may be any amount of them. */
static bool
peek(Search *s, PGconn *conn, const Config *cfg, bool all, Error *err)
{
	PgText sql = {0};
	PGresult *res;
	uint64_t rows = 0;
	bool stopped = false;
	bool ok;

	peek_text(&sql, cfg, all);
	ok = PQsendQueryParams(conn, sql.data, 0, NULL, NULL, NULL, NULL, 1) == 1 ||
		 pg_lost_error(conn, err);
	free(sql.data);
	if (ok)
		(void) PQsetSingleRowMode(conn);
	while ((res = PQgetResult(conn)) != NULL)
	{
		ExecStatusType status = PQresultStatus(res);

		if (status == PGRES_SINGLE_TUPLE && ok && !s->done)
		{
			rows++;
			ok = read_payload(s, PQgetvalue(res, 0, 0), PQgetlength(res, 0, 0),
							  err);
		}
		else if (status == PGRES_FATAL_ERROR && ok && !stopped)
			ok = pg_result_error(res, PG_STARTING, cfg, err);
		PQclear(res);
		if ((s->done || !ok) && !stopped)
		{
			cancel(conn);
			stopped = true;
		}
	}
	if (ok && !all && rows < FIRST_WRITES)
		s->done = true;
	return ok;
}

static void
note_record(Search *s, const FrameRecord *r)
{
	/* the records of one change count once */
	if (s->changes > 0 && r->ordinal == s->last_ordinal)
		return;
	s->changes++;
	s->last_ordinal = r->ordinal;
	if (r->lsn == s->change_lsn)
		s->matches++;
	else if (s->matches > 0)
		s->behind++;
}

static bool
read_payload(Search *s, const char *data, int len, Error *err)
{
	FrameReader reader;
	Frame f;

	frame_reader_init(&reader, data, (size_t) len);
	while (!s->done)
	{
		switch (frame_reader_next(&reader, &f, err))
		{
			case FRAME_END:
				return true;
			case FRAME_CORRUPT:
				return false;
			case FRAME_OK:
				break;
		}
		if (f.kind == WIRE_BEGIN)
		{
			s->end_lsn = f.begin.end_lsn;
			s->changes = s->matches = s->behind = 0;
		}
		else if (f.kind == WIRE_RECORD)
			note_record(s, &f.record);
		else if (f.kind == WIRE_COMMIT)
			end_transaction(s);
	}
	return true;
}

static void
end_transaction(Search *s)
{
	SlotPosition *out = s->out;

	if (s->matches > 0)
	{
		out->found = true;
		s->done = true;
		out->end_lsn = s->before_lsn;
		if (s->matches == 1 && s->behind == 0)
			out->end_lsn = s->end_lsn;
		else
			out->repeated = s->changes - s->behind;
	}
	/* a change of what we do not capture: whole transactions before it */
	else if (s->end_lsn <= s->change_lsn)
		out->end_lsn = s->end_lsn;
	s->before_lsn = s->end_lsn;
}
