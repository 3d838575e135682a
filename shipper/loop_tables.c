/*
 * loop_tables.c
 *		The loop's part in new tables: those that are captured and were not, while
 *		the stream goes on and while nobody ran.
 *
 * Which ones are captured is a record of its own in the position topic.  It is
 * written once what a new table asks for is in a durable position, so that a
 * crash can ask twice but not forget.
 */
#include "loop_internal.h"

#include <stdlib.h>
#include <string.h>

#include "kafka_admin.h"
#include "log.h"
#include "own_record.h"

/* so that it is never far behind the end of the topic */
#define AGAIN_MS 3600000
/* what brokers take in one record by default, less something */
#define MAX_BYTES 900000

static void
snapshot_table(Loop *l, const char *pattern)
{
	IncrementalCollection item = {.pattern = pattern};
	IncrementalRequest req = {.items = &item, .count = 1};
	char id[37];
	Error err;

	notification_uuid(id);
	req.id = id;
	if (!incremental_start(l->incremental, &req, &err))
		log_error(LOG_WARN, &err);
}

static void
announce(Loop *l, const char *name, bool streaming)
{
	bool read = l->cfg->snapshot_new_tables == NEW_TABLES_INCREMENTAL;
	char *pattern = known_tables_pattern(name, strlen(name));

	log_event(LOG_INFO,
			  streaming
				  ? (read ? "a table is captured that was not at the start: "
							"its rows are read"
						  : "a table is captured that was not at the start; "
							"rows that it had before are not published by "
							"themselves")
				  : (read ? "a table is captured that was not when a process "
							"ran last: its rows are read"
						  : "a table is captured that was not when a process "
							"ran last; rows that it had before are not "
							"published by themselves"),
			  F_STR("table", name));
	if (read)
		snapshot_table(l, pattern);
	free(pattern);
}

/*
 * What is captured is known from the first start on; a table that was not among
 * it was made, renamed or added to a publication since.
 */
void
loop_new_table(Loop *l, const FrameStream *f)
{
	KnownTables *known = source_captured(l->source);
	const char *schema = (const char *) f->schema.data;
	const char *table = (const char *) f->name.data;
	char *name;

	if (!known->listed || f->kind != WIRE_STREAM_TABLE ||
		!known_tables_add(known, schema, f->schema.len, table, f->name.len))
		return;
	if (asprintf(&name, "%.*s.%.*s", (int) f->schema.len, schema,
				 (int) f->name.len, table) < 0)
		abort();
	announce(l, name, true);
	l->tables.dirty = true;
	free(name);
}

/* ---- those that came while nobody ran -------------------------------------- */

void
loop_tables_session(Loop *l, const SinkRecovered *r, bool compare)
{
	const KnownTables *known = source_captured(l->source);
	KnownTables stored = {.listed = false};

	if (!known->listed || !l->positions)
		return;
	if (!known_tables_from_json(&stored, r->tables, r->tables_len) &&
		r->position != NULL && !l->tables.told)
	{
		l->tables.told = true;
		log_event(LOG_INFO,
				  "which tables were captured before is not stored: those that "
				  "came while nobody ran are not noticed this time",
				  F_STR("topic", r->where));
	}
	for (size_t i = 0; compare && stored.listed && i < known->count; i++)
		if (!known_tables_has(&stored, known->names[i]))
			announce(l, known->names[i], false);
	l->tables.dirty = true;
	known_tables_free(&stored);
}

void
loop_tables_forget_sink(Loop *l)
{
	l->tables.stream = NULL;
	l->tables.dirty = true;
}

static bool
put(Loop *l, const char *value, Error *err)
{
	LoopTables *t = &l->tables;
	char *topic = kafka_place_topic(l->cfg);
	char *key = kafka_place_key(l->cfg, "tables");
	OwnTopic own = {.topic = topic, .name = "captured tables"};
	OwnRecord record = {.key = key,
						.value = value,
						.lsn = core_confirmable(&l->core),
						.wall_us = l->wall_us};
	SinkResult rc = SINK_ERROR;

	if (t->stream == NULL)
		t->stream = own_stream(l->ops, l->sink, &own, err);
	if (t->stream != NULL)
		rc = own_put(l->ops, l->sink, t->stream, &record, err);
	free(topic);
	free(key);
	if (rc == SINK_OK)
	{
		t->dirty = false;
		t->put_ms = l->now_ms;
		core_other_taken(&l->core);
	}
	return rc != SINK_ERROR && rc != SINK_REFUSED;
}

void
loop_tables_turn(Loop *l)
{
	LoopTables *t = &l->tables;
	const KnownTables *known = source_captured(l->source);
	char *value;
	Error err;

	if (!l->positions || !known->listed || l->sink == NULL || l->resuming ||
		l->phase != PHASE_RUNNING || !source_is_streaming(l->source) ||
		loop_snapshot_blocks(l) || !core_between(&l->core) ||
		!core_may_put(&l->core) ||
		(!t->dirty && l->now_ms < t->put_ms + AGAIN_MS))
		return;
	loop_incremental_progress(l);
	if (!core_snapshot_stored(&l->core))
		return;
	value = known_tables_to_json(known);
	if (strlen(value) <= MAX_BYTES)
	{
		if (!put(l, value, &err))
			loop_trouble(l, &err, true);
	}
	else
	{
		log_event(LOG_WARN,
				  "the names of the captured tables are too long for one "
				  "record: tables that come while nobody runs are not noticed",
				  F_INT("tables", known->count));
		t->dirty = false;
		t->put_ms = l->now_ms;
	}
	free(value);
}
