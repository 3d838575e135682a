/*
 * snapshot_plan.h
 *		What a snapshot has to read, what of it is done, and what comes next.
 *
 * Pure: no I/O, no clock.  A place is block << 16 | item, as the ordinal of a
 * row that is read.  A round is one exported snapshot of the server; what one
 * round does not finish the next one goes on with:
 *
 *	- spans that are done stay so.  Rows that were moved or made since the first
 *	  round may lie in them, unread: they are read again, those alone whose
 *	  xmin is younger than the first round's snapshot.
 *	  Where changes hold all values of a row (nothing out of line, or the full
 *	  identity), that is not needed: of what is left only those rows are read that
 *	  the first round's snapshot saw, too; the others come with the stream.
 *	- the stream gives all changes since the first round's position, which bring
 *	  every row to its last state, and tell of rows that were read and are no
 *	  more.  Changes before it are left out.
 *	- a table that was rewritten meanwhile (its file node has changed) begins
 *	  anew.
 */
#ifndef TUPLECAST_SNAPSHOT_PLAN_H
#define TUPLECAST_SNAPSHOT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "snapshot_spans.h"

/* read at once by one connection: 8 MB of a table */
#define SNAPSHOT_UNIT_BLOCKS  1024
#define SNAPSHOT_PLACE(block) ((uint64_t) (block) << 16)

/* Changes are missing, and the snapshot repairs that. */
typedef struct SnapshotGap
{
	bool set;
	char reason[32];	/* pg_replication_slots.invalidation_reason, or "" */
	uint64_t after_lsn; /* up to here everything was delivered */
	uint64_t until_lsn; /* where the new slot begins */
	int64_t found_us;	/* when it was seen, since 1970 */
} SnapshotGap;

typedef struct SnapshotTable
{
	uint32_t oid;  /* of the table that holds the rows */
	uint32_t node; /* its file node when it was first read */
	char *name;	   /* "schema.table" */
	char *schema;  /* under which it is published */
	char *table;
	char *query; /* in place of its rows, or NULL */
	bool ranged; /* it can be read in parts */
	bool lockable;
	char *quoted; /* for a command */
	bool whole;	  /* its changes hold all values of a row */
	uint64_t blocks;
	double estimate; /* rows; < 0: not known */

	uint64_t lsn;  /* changes before are in it; 0: no round has begun it */
	uint32_t xmin; /* of the snapshot of the round with the first span */
	char *seen;	   /* all of that snapshot, or NULL */
	SnapshotSpans done;
	uint64_t rows; /* put so far, in all rounds */
	bool complete;
	bool unmarked; /* no record of it behind the plan's gap yet */
	char told;	   /* of its progress, see loop_notify.c */

	/* of this round */
	bool listed;
	bool restarted; /* rewritten: what was read is read again */
	uint32_t older; /* xmin of the first round if that is another one; else 0 */
	bool as_seen;	/* of what is left only what the first round saw, too */
	SnapshotSpans todo;
	SnapshotSpans again; /* to look at for young rows */
	uint32_t under_way;	 /* units handed out and not done */
} SnapshotTable;

/* A part of a table, for one connection. */
typedef struct SnapshotUnit
{
	SnapshotTable *table; /* NULL: free */
	SnapshotSpan span;
	uint32_t younger; /* only rows younger than this; 0: all */
	uint64_t next;	  /* places before are put */
} SnapshotUnit;

typedef struct SnapshotPlan
{
	SnapshotTable **tables; /* in the order they are read */
	size_t count;
	size_t cap;
	uint64_t lsn; /* of this round */
	uint32_t xmin;
	char *seen; /* its snapshot as the server writes it, or NULL */
	bool complete;
	bool exact;	   /* what the stored progress does not know was not put */
	bool resumed;  /* there was a round before this process */
	bool had_rows; /* the topics have rows of before: of those that are deleted
				   * meanwhile only the stream tells, which leaves nothing out */
	SnapshotGap gap;
} SnapshotPlan;

extern void snapshot_plan_init(SnapshotPlan *p);
extern void snapshot_plan_free(SnapshotPlan *p);

/* Progress as it was stored.  false: err, and the plan is empty. */
extern bool snapshot_plan_load(SnapshotPlan *p, const char *json,
							   Error *err) MUST_CHECK;
/*
 * Progress with what the units under way have put.  Once complete: only which
 * changes of the stream are to be left out.  free() it.
 */
extern char *snapshot_plan_store(const SnapshotPlan *p,
								 const SnapshotUnit *units, size_t nunits);

/* seen: all of the snapshot, exact for lsn; NULL: not known. */
/* A round: begin, each table that is there, begun.  The progress that this
 * makes must be durable before a row is put, unless "exact". */
extern void snapshot_plan_begin(SnapshotPlan *p, uint64_t lsn, uint32_t xmin,
								const char *seen);
/* The table, new or known from a round before; strings are copied. */
extern SnapshotTable *snapshot_plan_table(SnapshotPlan *p, uint32_t oid,
										  uint32_t node, const char *name,
										  const char *schema,
										  const char *table);
/* Forgets tables that are no more, and lays out what is to be read. */
/* floor: changes before are in it, for tables that begin now. */
extern void snapshot_plan_begun(SnapshotPlan *p, uint64_t floor);

/* The next part; false: all is handed out. */
extern bool snapshot_plan_next(SnapshotPlan *p, SnapshotUnit *unit);
/* Is there one? */
extern bool snapshot_plan_has_next(const SnapshotPlan *p);
/* All of the unit is put.  Completes its table if that was the last. */
extern void snapshot_plan_done(SnapshotPlan *p, SnapshotUnit *unit);
/* The round ends: what the unit has put is done. */
extern void snapshot_plan_cut(const SnapshotUnit *unit);
/* The table is no more: nothing of it is left to read. */
extern void snapshot_plan_dropped(SnapshotPlan *p, SnapshotTable *t);
/* Parts of the table are still to be handed out. */
extern bool snapshot_plan_has_work(const SnapshotTable *t);
extern bool snapshot_plan_finished(const SnapshotPlan *p);

/* How many tables have no record behind the gap yet. */
extern size_t snapshot_plan_unmarked(const SnapshotPlan *p);
/* One that is published under this name, or NULL. */
extern SnapshotTable *snapshot_plan_find_unmarked(SnapshotPlan *p,
												  const char *schema,
												  size_t schema_len,
												  const char *table,
												  size_t table_len);
/* A record of this table has the marker: no other of its name needs one. */
extern void snapshot_plan_marked(SnapshotPlan *p, SnapshotTable *t);

/* Changes of the table that were committed before this are in the snapshot; 0:
 * none is. */
extern uint64_t snapshot_plan_floor(const SnapshotPlan *p, const char *schema,
									size_t schema_len, const char *table,
									size_t table_len);

#endif /* TUPLECAST_SNAPSHOT_PLAN_H */
