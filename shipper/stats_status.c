/*
 * stats_status.c
 *		/status: the statistics that a person looks at, as JSON.
 */
#include <jansson.h>
#include <stdlib.h>

#include "json_text.h"
#include "lsn.h"
#include "stats.h"

static json_t *
lsn_value(uint64_t lsn)
{
	char text[32];

	snprintf(text, sizeof(text), LSN_FORMAT, LSN_ARGS(lsn));
	return json_string(text);
}

static json_t *
number(uint64_t n)
{
	return json_integer((json_int_t) n);
}

void
stats_print_status(const Stats *s, FILE *out)
{
	const StatsIncremental *i = &s->incremental;
	json_t *o = json_pack(
		"{s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:o}",
		"state", json_text(s->state), "ready", (int) s->ready, "started_us",
		number(s->start_us), "records", number(s->records), "acked",
		number(s->acked), "record_bytes", number(s->record_bytes), "reads",
		number(s->reads), "transactions", number(s->transactions), "lag_bytes",
		number(s->lag_bytes), "lag_us", number(s->lag_us), "source_connected",
		(int) s->source_connected, "sink_connected", (int) s->sink_connected,
		"last_error", json_text(s->last_error));

	json_object_set_new(o, "received", lsn_value(s->received_lsn));
	json_object_set_new(o, "confirmed", lsn_value(s->confirmed_lsn));
	json_object_set_new(o, "snapshot",
						json_pack("{s:b, s:o, s:o}", "running",
								  (int) s->snapshot_running, "tables",
								  number(s->snapshot_tables), "remaining",
								  number(s->snapshot_remaining)));
	json_object_set_new(
		o, "incremental",
		json_pack("{s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
				  "running", (int) i->running, "paused", (int) i->paused, "id",
				  json_text(i->id), "collection", json_text(i->collection),
				  "tables", number(i->tables), "requests", number(i->requests),
				  "chunks", number(i->chunks), "rows", number(i->rows),
				  "dropped", number(i->dropped), "waiting_xid",
				  number(i->waiting_xid)));
	if (o == NULL || json_dumpf(o, out, JSON_COMPACT) != 0)
		abort();
	fputc('\n', out);
	json_decref(o);
}
