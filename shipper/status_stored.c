/*
 * status_stored.c
 *		What `tuplecast status` tells of the position topic: the position, and how
 *		far snapshots are that nobody goes on with.
 */
#include "status_stored.h"

#include <stdlib.h>
#include <string.h>

#include "json_text.h"
#include "kafka_admin.h"
#include "lsn.h"
#include "position.h"

static const char *
text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "";
}

static long long
number(const json_t *o, const char *name)
{
	return (long long) json_integer_value(json_object_get(o, name));
}

static json_t *
lsn_value(uint64_t lsn)
{
	char s[32];

	snprintf(s, sizeof(s), LSN_FORMAT, LSN_ARGS(lsn));
	return json_string(s);
}

/* ---- reading ----------------------------------------------------------------- */

/* Of the initial one, or one that repairs a gap. */
static json_t *
snapshot_value(const json_t *progress)
{
	const json_t *tables = json_object_get(progress, "tables");
	json_int_t complete = 0;
	json_int_t rows = 0;
	bool done = strcmp(text(progress, "state"), "done") == 0;
	const json_t *t;
	size_t i;

	if (json_object_get(progress, "state") == NULL)
		return json_null();
	if (done)
		return json_pack("{s:s}", "state", "done");
	json_array_foreach(tables, i, t)
	{
		complete += json_is_true(json_object_get(t, "complete"));
		rows += json_integer_value(json_object_get(t, "rows"));
	}
	return json_pack("{s:s, s:I, s:I, s:I}", "state", "cut off", "tables",
					 (json_int_t) json_array_size(tables), "complete", complete,
					 "rows", rows);
}

static json_t *
copy_or_null(const json_t *o, const char *name)
{
	json_t *v = json_object_get(o, name);

	return v != NULL ? json_deep_copy(v) : json_null();
}

static json_t *
incremental_value(const json_t *progress)
{
	json_t *tables = json_array();
	const json_t *t;
	size_t i;

	if (progress == NULL)
	{
		json_decref(tables);
		return json_null();
	}
	json_array_foreach(json_object_get(progress, "tables"), i, t)
		json_array_append_new(
			tables,
			json_pack(
				"{s:o, s:o, s:o, s:o, s:o, s:I}", "id", copy_or_null(t, "id"),
				"name", copy_or_null(t, "name"), "rows",
				copy_or_null(t, "rows"), "last", copy_or_null(t, "last"), "max",
				copy_or_null(t, "max"), "again",
				(json_int_t) json_array_size(json_object_get(t, "requeue"))));
	return json_pack(
		"{s:o, s:I, s:o}", "paused", copy_or_null(progress, "paused"),
		"requests",
		(json_int_t) json_array_size(json_object_get(progress, "requests")),
		"tables", tables);
}

void
status_stored_read(json_t *o, const char *position)
{
	json_t *progress = NULL;
	Position p;
	Error err;

	if (!position_from_json(&p, position, strlen(position), &err))
	{
		json_object_set_new(o, "error", json_text(err.text));
		return;
	}
	if (p.snapshot != NULL)
		progress = json_loads(p.snapshot, 0, NULL);
	json_object_set_new(o, "position", lsn_value(p.end_lsn));
	json_object_set_new(o, "generation",
						json_integer((json_int_t) p.generation));
	json_object_set_new(o, "system", json_string(p.system_id));
	json_object_set_new(o, "timeline", json_integer((json_int_t) p.timeline));
	json_object_set_new(o, "open",
						p.open.end_lsn == 0
							? json_null()
							: json_pack("{s:o, s:I, s:i}", "lsn",
										lsn_value(p.open.end_lsn), "ordinal",
										(json_int_t) p.open.ordinal, "part",
										(int) p.open.part));
	json_object_set_new(o, "snapshot", snapshot_value(progress));
	json_object_set_new(
		o, "incremental",
		incremental_value(json_object_get(progress, "incremental")));
	json_decref(progress);
	position_free(&p);
}

json_t *
status_stored(const Config *cfg)
{
	char *topic;
	char *position;
	json_t *o;
	Error err;

	if (cfg->sink != SINK_KAFKA ||
		strcmp(cfg->kafka_bootstrap, "embedded") == 0)
		return NULL;
	o = json_object();
	if (cfg->kafka_bootstrap[0] == '\0' || cfg->topic_prefix[0] == '\0')
	{
		json_object_set_new(o, "error",
							json_string("not asked for: name the brokers "
										"(--kafka) and the prefix (--prefix)"));
		return o;
	}
	topic = kafka_place_topic(cfg);
	json_object_set_new(o, "topic", json_string(topic));
	free(topic);
	err_clear(&err);
	position = kafka_position_peek(cfg, &err);
	if (position != NULL)
		status_stored_read(o, position);
	else if (err.kind == ERR_NONE)
		json_object_set_new(o, "position", json_null());
	else
		json_object_set_new(o, "error", json_text(err.text));
	free(position);
	return o;
}

/* ---- text -------------------------------------------------------------------- */

/* "12,x" */
static void
print_key(const json_t *key)
{
	const json_t *v;
	size_t i;

	json_array_foreach(key, i, v)
		printf("%s%s", i > 0 ? "," : "", json_string_value(v));
}

static void
print_incremental(const json_t *inc)
{
	const json_t *tables = json_object_get(inc, "tables");
	const json_t *first = json_array_get(tables, 0);

	if (json_is_null(inc))
		return;
	printf("          incremental snapshot%s: %zu tables and %lld requests "
		   "left",
		   json_is_true(json_object_get(inc, "paused")) ? " (paused)" : "",
		   json_array_size(tables), number(inc, "requests"));
	if (first != NULL)
		printf("; of %s %lld rows are put", text(first, "name"),
			   number(first, "rows"));
	if (json_is_array(json_object_get(first, "last")))
	{
		printf(", up to ");
		print_key(json_object_get(first, "last"));
		printf(" of ");
		print_key(json_object_get(first, "max"));
	}
	if (number(first, "again") > 0)
		printf(", %lld rows to be read again", number(first, "again"));
	putchar('\n');
}

void
status_stored_print(const json_t *o)
{
	const json_t *open = json_object_get(o, "open");
	const json_t *s = json_object_get(o, "snapshot");

	if (json_object_get(o, "error") != NULL)
	{
		printf("stored    %s\n", text(o, "error"));
		return;
	}
	if (json_is_null(json_object_get(o, "position")))
	{
		printf("stored    no position in %s\n", text(o, "topic"));
		return;
	}
	printf("stored    position %s, generation %lld, timeline %lld, in %s\n",
		   text(o, "position"), number(o, "generation"), number(o, "timeline"),
		   text(o, "topic"));
	if (json_is_object(open))
		printf("          and of the transaction that ends at %s its records "
			   "up to %lld.%lld\n",
			   text(open, "lsn"), number(open, "ordinal"),
			   number(open, "part"));
	if (strcmp(text(s, "state"), "done") == 0)
		printf("          initial snapshot: complete\n");
	else if (json_is_object(s))
		printf("          initial snapshot: cut off; %lld of %lld tables are "
			   "read, %lld rows are put\n",
			   number(s, "complete"), number(s, "tables"), number(s, "rows"));
	print_incremental(json_object_get(o, "incremental"));
}
