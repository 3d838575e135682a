/*
 * wal_watch.h
 *		Asks the server each wal.watch.interval.ms how much WAL the slot keeps
 *		and whether it still has the slot.
 *
 * A walsender that is told to end (its slot is to be invalidated, or somebody
 * called pg_terminate_backend()) says good-bye in a write that waits for us, for
 * ever if we do not read because the destination is away; and a checkpoint waits
 * for it.  The watch sees that, too.
 *
 * By a session of its own on the server that the slot streams from.  It is a
 * convenience: if there is no connection to be had that is said once, and the
 * stream goes on.
 */
#ifndef TUPLECAST_WAL_WATCH_H
#define TUPLECAST_WAL_WATCH_H

#include "pg_session.h"
#include "stats.h"
#include "wal_budget.h"

typedef struct WalWatch
{
	const Config *cfg;
	WalBudget budget;
	PgSession session;
	int64_t next_ms;
	bool failed;	 /* told; cleared by the next answer */
	bool endangered; /* the next checkpoint may remove its WAL: told */
	int endings;	 /* answers in a row that showed the walsender ending */
} WalWatch;

typedef enum WatchResult
{
	WATCH_QUIET,
	WATCH_LOST,	 /* err: the server invalidated the slot */
	WATCH_ENDING /* the walsender ends, and waits for us to read why */
} WatchResult;

extern void wal_watch_init(WalWatch *w, const Config *cfg, Stats *stats);
extern void wal_watch_free(WalWatch *w);
/* Once a turn.  stream: the connection that streams the slot; NULL: none, the
 * watch rests.  Fills the statistics. */
extern WatchResult wal_watch_turn(WalWatch *w, const PGconn *stream,
								  Stats *stats, int64_t now_ms,
								  Error *err) MUST_CHECK;
/* When to call wal_watch_turn() at the latest. */
extern int64_t wal_watch_deadline(const WalWatch *w);

#endif /* TUPLECAST_WAL_WATCH_H */
