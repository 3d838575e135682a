/*
 * source_prepare.h
 *		What is made ready in the source before the slot: the publication and the
 *		replica identities that the configuration asks for.
 *
 * Commands out, replies in; whoever drives it sends the one and passes the
 * other, and waits or not as it likes:
 *
 *	while (prepare_next(p, &sql))
 *		send it; for each result: prepare_reply(); false: err, give up
 */
#ifndef TUPLECAST_SOURCE_PREPARE_H
#define TUPLECAST_SOURCE_PREPARE_H

#include "known_tables.h"
#include "pg.h"

typedef struct PrepareCommand PrepareCommand;

typedef struct Prepare
{
	const Config *cfg;
	bool slot_exists;
	PrepareCommand *todo;
	PrepareCommand *current; /* given out last */
	bool failed;			 /* it did, and that is told */
	KnownTables captured;	 /* if snapshot.new.tables wants to know */
} Prepare;

/* Asks for the publications that are named: name, whether it exists, whether it
 * is for all tables; a row each. */
extern void prepare_look_text(PgText *sql, const Config *cfg);
/* false: err, of the configuration */
extern bool prepare_init(Prepare *p, const Config *cfg, bool slot_exists,
						 Error *err) MUST_CHECK;
extern void prepare_free(Prepare *p);
/* The next command; false: there is none left.  Logs what the last changed. */
extern bool prepare_next(Prepare *p, PgText *sql);
/* What the command given out changes, as SQL; NULL: it only asks. */
extern const char *prepare_change(const Prepare *p);
/* The command was not sent, and is not to be logged. */
extern void prepare_skip(Prepare *p);
extern bool prepare_reply(Prepare *p, const PGresult *res,
						  Error *err) MUST_CHECK;

/* The output plugin's options, but for the publications: what they would
 * select. */
extern void prepare_options_text(PgText *sql, const Config *cfg);

/* ---- source_identity.c ---- */
/*
 * Asks for statements, one a row, for the captured tables that an entry names
 * and that are not so already; of several entries the first counts.  false: err,
 * of the configuration.
 */
extern bool prepare_identities_text(PgText *sql, const Config *cfg,
									Error *err) MUST_CHECK;

#endif /* TUPLECAST_SOURCE_PREPARE_H */
