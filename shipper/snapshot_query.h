/*
 * snapshot_query.h
 *		The commands of a snapshot, and what the server answers.
 */
#ifndef TUPLECAST_SNAPSHOT_QUERY_H
#define TUPLECAST_SNAPSHOT_QUERY_H

#include "pg.h"
#include "snapshot_plan.h"

/* A temporary slot that exports its snapshot; nonce: for its name. */
extern void snapshot_create_text(PgText *sql, const Config *cfg, int version,
								 unsigned nonce);
/* The same of an ordinary session.  barrier "": asks for it; else exports a
 * snapshot and says whether nothing older runs any more. */
extern void snapshot_export_text(PgText *sql, const char *barrier);
/* All tables that are to be read, a row each. */
extern void snapshot_list_text(PgText *sql, const Config *cfg);
/* Begins the plan's round with them; started: when the snapshot was taken, as
 * the server writes it; exact: it is that of lsn. */
extern bool snapshot_list_read(SnapshotPlan *plan, const PGresult *res,
							   const Config *cfg, uint64_t lsn, bool exact,
							   char *started, size_t size,
							   Error *err) MUST_CHECK;
/* Locks what is to be read; false: nothing is. */
extern bool snapshot_lock_text(PgText *sql, const SnapshotPlan *plan);
extern void snapshot_copy_text(PgText *sql, const Config *cfg,
							   const SnapshotUnit *unit, uint64_t lsn,
							   const char *started);
/* ARRAY[…] of the output plugin's options */
extern void snapshot_options_text(PgText *sql, const Config *cfg);

#endif /* TUPLECAST_SNAPSHOT_QUERY_H */
