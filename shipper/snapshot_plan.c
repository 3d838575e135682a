/*
 * snapshot_plan.c
 *		What a snapshot has to read, what of it is done, and what comes next.
 */
#include "snapshot_plan.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRESS_VERSION 1
#define SEEN_BYTES		 2000

static void table_free(SnapshotTable *t);
static void table_restart(SnapshotTable *t);
static bool load_table(SnapshotPlan *p, const json_t *item);
static json_t *store_table(const SnapshotTable *t, const SnapshotUnit *units,
						   size_t nunits);
static json_t *store_floors(const SnapshotPlan *p);
static bool load_gap(SnapshotPlan *p, const json_t *gap);
static json_t *store_gap(const SnapshotGap *gap);
static char *copy_text(const char *s);


void
snapshot_plan_init(SnapshotPlan *p)
{
	memset(p, 0, sizeof(*p));
}

void
snapshot_plan_free(SnapshotPlan *p)
{
	for (size_t i = 0; i < p->count; i++)
		table_free(p->tables[i]);
	free(p->tables);
	free(p->seen);
	memset(p, 0, sizeof(*p));
}

static SnapshotTable *
add_table(SnapshotPlan *p)
{
	SnapshotTable *t = calloc(1, sizeof(*t));

	if (p->count == p->cap)
	{
		p->cap = p->cap > 0 ? p->cap * 2 : 64;
		p->tables = realloc(p->tables, p->cap * sizeof(*p->tables));
	}
	if (t == NULL || p->tables == NULL)
		abort();
	t->estimate = -1;
	p->tables[p->count++] = t;
	return t;
}

static void
table_free(SnapshotTable *t)
{
	snapshot_spans_free(&t->done);
	snapshot_spans_free(&t->todo);
	snapshot_spans_free(&t->again);
	free(t->name);
	free(t->schema);
	free(t->table);
	free(t->query);
	free(t->quoted);
	free(t->seen);
	free(t);
}

static void
table_restart(SnapshotTable *t)
{
	t->restarted = t->done.count > 0;
	t->done.count = 0;
}

/* ---- stored progress ----------------------------------------------------- */

bool
snapshot_plan_load(SnapshotPlan *p, const char *json, Error *err)
{
	json_error_t where;
	json_t *root = json_loads(json, 0, &where);
	const char *state = json_string_value(json_object_get(root, "state"));
	const json_t *item;
	size_t i;
	bool good =
		state != NULL &&
		json_integer_value(json_object_get(root, "v")) == PROGRESS_VERSION &&
		(strcmp(state, "running") == 0 || strcmp(state, "done") == 0);

	snapshot_plan_free(p);
	if (good)
	{
		p->complete = strcmp(state, "done") == 0;
		p->resumed = true;
		p->had_rows = json_is_true(json_object_get(root, "had_rows"));
		json_array_foreach(json_object_get(root, "tables"), i, item) good =
			good && load_table(p, item);
		good = good && load_gap(p, json_object_get(root, "gap"));
	}
	json_decref(root);
	if (good)
		return true;
	snapshot_plan_free(p);
	err_set(err, ERR_ENVIRONMENT, "snapshot_progress",
			"the progress of the snapshot that is stored cannot be read");
	err_detail(err, "A newer version may have written it.");
	err_hint(
		err,
		"Run the version that wrote it; or, to begin anew, delete the position topic and drop the slot.");
	return false;
}

static bool
load_spans(SnapshotSpans *s, const json_t *array)
{
	const json_t *pair;
	size_t i;

	json_array_foreach(array, i, pair)
	{
		SnapshotSpan span = {
			(uint64_t) json_integer_value(json_array_get(pair, 0)),
			SNAPSHOT_NO_END};

		if (json_array_size(pair) > 1)
			span.before =
				(uint64_t) json_integer_value(json_array_get(pair, 1));
		if (json_array_size(pair) == 0 || span.first >= span.before)
			return false;
		snapshot_spans_add(s, span);
	}
	return true;
}

static bool
load_table(SnapshotPlan *p, const json_t *item)
{
	const char *name = json_string_value(json_object_get(item, "name"));
	const char *schema = json_string_value(json_object_get(item, "schema"));
	const char *table = json_string_value(json_object_get(item, "table"));
	const char *seen = json_string_value(json_object_get(item, "seen"));
	SnapshotTable *t;

	if (schema == NULL || table == NULL)
		return false;
	t = add_table(p);
	t->name = copy_text(name != NULL ? name : table);
	t->schema = copy_text(schema);
	t->table = copy_text(table);
	t->oid = (uint32_t) json_integer_value(json_object_get(item, "oid"));
	t->node = (uint32_t) json_integer_value(json_object_get(item, "node"));
	t->lsn = (uint64_t) json_integer_value(json_object_get(item, "lsn"));
	t->xmin = (uint32_t) json_integer_value(json_object_get(item, "xmin"));
	t->rows = (uint64_t) json_integer_value(json_object_get(item, "rows"));
	t->seen = seen != NULL ? copy_text(seen) : NULL;
	t->complete = json_is_true(json_object_get(item, "complete"));
	t->unmarked = json_is_true(json_object_get(item, "unmarked"));
	return load_spans(&t->done, json_object_get(item, "done"));
}

char *
snapshot_plan_store(const SnapshotPlan *p, const SnapshotUnit *units,
					size_t nunits)
{
	json_t *root = json_object();
	json_t *tables = p->complete ? store_floors(p) : json_array();
	char *text;

	for (size_t i = 0; i < p->count && !p->complete; i++)
		json_array_append_new(tables, store_table(p->tables[i], units, nunits));
	json_object_set_new(root, "v", json_integer(PROGRESS_VERSION));
	json_object_set_new(root, "state",
						json_string(p->complete ? "done" : "running"));
	json_object_set_new(root, "tables", tables);
	if (p->had_rows && !p->complete)
		json_object_set_new(root, "had_rows", json_true());
	if (p->gap.set && (!p->complete || snapshot_plan_unmarked(p) > 0))
		json_object_set_new(root, "gap", store_gap(&p->gap));
	text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	if (text == NULL)
		abort();
	return text;
}

static bool
load_gap(SnapshotPlan *p, const json_t *gap)
{
	const char *reason = json_string_value(json_object_get(gap, "reason"));

	if (gap == NULL)
		return true;
	if (reason == NULL)
		return false;
	p->gap.set = true;
	snprintf(p->gap.reason, sizeof(p->gap.reason), "%s", reason);
	p->gap.after_lsn =
		(uint64_t) json_integer_value(json_object_get(gap, "after"));
	p->gap.until_lsn =
		(uint64_t) json_integer_value(json_object_get(gap, "until"));
	p->gap.found_us = json_integer_value(json_object_get(gap, "found"));
	return true;
}

static json_t *
store_gap(const SnapshotGap *gap)
{
	json_t *o = json_pack("{s:s, s:I, s:I, s:I}", "reason", gap->reason,
						  "after", (json_int_t) gap->after_lsn, "until",
						  (json_int_t) gap->until_lsn, "found",
						  (json_int_t) gap->found_us);

	if (o == NULL)
		abort();
	return o;
}

static void
store_unmarked(json_t *item, const SnapshotTable *t)
{
	if (t->unmarked)
		json_object_set_new(item, "unmarked", json_true());
}

static json_t *
store_table(const SnapshotTable *t, const SnapshotUnit *units, size_t nunits)
{
	SnapshotSpans done = {0};
	json_t *spans = json_array();
	json_t *item;

	snapshot_spans_copy(&done, &t->done);
	for (size_t i = 0; i < nunits; i++)
		if (units[i].table == t && units[i].younger == 0 && t->ranged &&
			units[i].next > units[i].span.first)
			snapshot_spans_add(
				&done, (SnapshotSpan){units[i].span.first, units[i].next});
	for (size_t i = 0; i < done.count; i++)
	{
		json_t *pair = json_array();

		json_array_append_new(pair,
							  json_integer((json_int_t) done.items[i].first));
		if (done.items[i].before != SNAPSHOT_NO_END)
			json_array_append_new(
				pair, json_integer((json_int_t) done.items[i].before));
		json_array_append_new(spans, pair);
	}
	snapshot_spans_free(&done);
	item = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:b}", "name",
					 t->name, "schema", t->schema, "table", t->table, "oid",
					 (json_int_t) t->oid, "node", (json_int_t) t->node, "lsn",
					 (json_int_t) t->lsn, "xmin", (json_int_t) t->xmin, "rows",
					 (json_int_t) t->rows, "complete", (int) t->complete);
	if (item == NULL)
		abort();
	store_unmarked(item, t);
	if (t->complete)
		json_decref(spans);
	else
	{
		json_object_set_new(item, "done", spans);
		if (t->seen != NULL)
			json_object_set_new(item, "seen", json_string(t->seen));
	}
	return item;
}

/* Only what the stream must know, each name once. */
static json_t *
store_floors(const SnapshotPlan *p)
{
	json_t *tables = json_array();

	for (size_t i = 0; i < p->count; i++)
	{
		const SnapshotTable *t = p->tables[i];
		uint64_t floor = snapshot_plan_floor(p, t->schema, strlen(t->schema),
											 t->table, strlen(t->table));
		bool told = floor == 0;

		for (size_t k = 0; k < i && !told; k++)
			told = strcmp(p->tables[k]->table, t->table) == 0 &&
				   strcmp(p->tables[k]->schema, t->schema) == 0;
		if (!told)
		{
			json_t *item =
				json_pack("{s:s, s:s, s:I, s:b}", "schema", t->schema, "table",
						  t->table, "lsn", (json_int_t) floor, "complete", 1);

			store_unmarked(item, t);
			json_array_append_new(tables, item);
		}
	}
	return tables;
}

/* ---- rounds -------------------------------------------------------------- */

void
snapshot_plan_begin(SnapshotPlan *p, uint64_t lsn, uint32_t xmin,
					const char *seen)
{
	p->lsn = lsn;
	p->xmin = xmin;
	free(p->seen);
	/* it is stored with each table */
	p->seen =
		seen != NULL && strlen(seen) <= SEEN_BYTES ? copy_text(seen) : NULL;
	p->complete = false;
	for (size_t i = 0; i < p->count; i++)
	{
		SnapshotTable *t = p->tables[i];

		t->listed = t->restarted = false;
		t->under_way = 0;
		t->todo.count = 0;
		t->again.count = 0;
	}
}

SnapshotTable *
snapshot_plan_table(SnapshotPlan *p, uint32_t oid, uint32_t node,
					const char *name, const char *schema, const char *table)
{
	SnapshotTable *t = NULL;
	size_t at = p->count;
	size_t sorted = 0;

	while (sorted < p->count && p->tables[sorted]->listed)
		sorted++;
	for (size_t i = sorted; i < p->count && t == NULL; i++)
		if (p->tables[i]->oid == oid)
		{
			t = p->tables[i];
			at = i;
		}
	if (t == NULL)
		t = add_table(p);
	/* those of this round stand first, in their order */
	memmove(&p->tables[sorted + 1], &p->tables[sorted],
			(at - sorted) * sizeof(*p->tables));
	p->tables[sorted] = t;
	/* of one that is read to its end the stream tells the rest */
	if (t->node != 0 && t->node != node && !t->complete)
		table_restart(t);
	free(t->name);
	free(t->schema);
	free(t->table);
	t->name = copy_text(name);
	t->schema = copy_text(schema);
	t->table = copy_text(table);
	t->oid = oid;
	t->node = node;
	t->listed = true;
	return t;
}

void
snapshot_plan_begun(SnapshotPlan *p, uint64_t floor)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->count; i++)
	{
		SnapshotTable *t = p->tables[i];

		if (!t->listed)
		{
			table_free(t);
			continue;
		}
		p->tables[kept++] = t;
		if (p->gap.set && t->lsn == 0)
			t->unmarked = true;
		if (t->complete)
			continue;
		/* what has no order is read again from its start */
		if (!t->ranged)
			t->done.count = 0;
		/* else rows may have gone out that nothing tells of; with the position
		 * the snapshot changes, so what was looked at is looked at again */
		if (t->lsn == 0 || (p->exact && t->rows == 0 && t->lsn < floor))
		{
			t->lsn = floor;
			t->done.count = 0;
		}
		t->older = t->done.count > 0 ? t->xmin : 0;
		t->as_seen = t->older != 0 && t->whole && t->seen != NULL;
		if (t->done.count == 0)
		{
			t->xmin = p->xmin;
			free(t->seen);
			t->seen = p->seen != NULL && t->whole ? copy_text(p->seen) : NULL;
		}
		snapshot_spans_complement(&t->todo, &t->done);
		if (t->older != 0 && !t->as_seen)
			snapshot_spans_copy(&t->again, &t->done);
	}
	p->count = kept;
}

/* ---- units --------------------------------------------------------------- */

/* The next part of the first span; what is behind the table's last block is one
 * with it. */
static bool
spans_take(SnapshotSpans *s, const SnapshotTable *t, SnapshotSpan *out)
{
	uint64_t end;

	if (s->count == 0)
		return false;
	*out = s->items[0];
	end = SNAPSHOT_PLACE((out->first >> 16) + SNAPSHOT_UNIT_BLOCKS);
	if (t->ranged && out->before > end && (end >> 16) < t->blocks)
	{
		out->before = end;
		s->items[0].first = end;
		return true;
	}
	s->count--;
	memmove(&s->items[0], &s->items[1], s->count * sizeof(*s->items));
	return true;
}

bool
snapshot_plan_next(SnapshotPlan *p, SnapshotUnit *unit)
{
	for (size_t i = 0; i < p->count; i++)
	{
		SnapshotTable *t = p->tables[i];

		if (t->complete || !snapshot_plan_has_work(t))
			continue;
		*unit = (SnapshotUnit){.table = t};
		if (spans_take(&t->again, t, &unit->span))
			unit->younger = t->older;
		else if (!spans_take(&t->todo, t, &unit->span))
			continue;
		unit->next = unit->span.first;
		t->under_way++;
		return true;
	}
	return false;
}

bool
snapshot_plan_has_next(const SnapshotPlan *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (!p->tables[i]->complete && snapshot_plan_has_work(p->tables[i]))
			return true;
	return false;
}

void
snapshot_plan_done(SnapshotPlan *p, SnapshotUnit *unit)
{
	SnapshotTable *t = unit->table;

	(void) p;
	if (unit->younger == 0)
		snapshot_spans_add(&t->done, unit->span);
	t->under_way--;
	unit->table = NULL;
	t->complete = !snapshot_plan_has_work(t) && t->under_way == 0;
}

void
snapshot_plan_cut(const SnapshotUnit *unit)
{
	if (unit->table != NULL && unit->younger == 0 && unit->table->ranged &&
		unit->next > unit->span.first)
		snapshot_spans_add(&unit->table->done,
						   (SnapshotSpan){unit->span.first, unit->next});
}

void
snapshot_plan_dropped(SnapshotPlan *p, SnapshotTable *t)
{
	(void) p;
	t->todo.count = 0;
	t->again.count = 0;
	t->complete = t->under_way == 0;
}

bool
snapshot_plan_finished(const SnapshotPlan *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (!p->tables[i]->complete)
			return false;
	return true;
}

bool
snapshot_plan_has_work(const SnapshotTable *t)
{
	return t->todo.count > 0 || t->again.count > 0;
}

/* ---- the stream ---------------------------------------------------------- */

static bool
is_named(const char *name, const char *text, size_t len)
{
	return strlen(name) == len && memcmp(name, text, len) == 0;
}

size_t
snapshot_plan_unmarked(const SnapshotPlan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->count; i++)
		n += p->tables[i]->unmarked;
	return n;
}

SnapshotTable *
snapshot_plan_find_unmarked(SnapshotPlan *p, const char *schema,
							size_t schema_len, const char *table,
							size_t table_len)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->tables[i]->unmarked &&
			is_named(p->tables[i]->table, table, table_len) &&
			is_named(p->tables[i]->schema, schema, schema_len))
			return p->tables[i];
	return NULL;
}

void
snapshot_plan_marked(SnapshotPlan *p, SnapshotTable *t)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->tables[i]->table, t->table) == 0 &&
			strcmp(p->tables[i]->schema, t->schema) == 0)
			p->tables[i]->unmarked = false;
}

/* Of the partitions behind one name the oldest counts: history that comes twice
 * ends in the same state, history that is missing does not. */
uint64_t
snapshot_plan_floor(const SnapshotPlan *p, const char *schema,
					size_t schema_len, const char *table, size_t table_len)
{
	uint64_t floor = 0;

	for (size_t i = 0; i < p->count; i++)
	{
		const SnapshotTable *t = p->tables[i];

		if (is_named(t->table, table, table_len) &&
			is_named(t->schema, schema, schema_len) && t->lsn != 0 &&
			(floor == 0 || t->lsn < floor))
			floor = t->lsn;
	}
	return floor;
}

static char *
copy_text(const char *s)
{
	char *copy = strdup(s);

	if (copy == NULL)
		abort();
	return copy;
}
