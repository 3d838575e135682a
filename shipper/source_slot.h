/*
 * source_slot.h
 *		What the server says of itself and of the slot, judged; and the commands
 *		that ask for it.
 */
#ifndef TUPLECAST_SOURCE_SLOT_H
#define TUPLECAST_SOURCE_SLOT_H

#include "pg.h"

/* What we know of the server between sessions. */
typedef struct SourceServer
{
	char system_id[32]; /* "" before the first session */
	int timeline;
	uint64_t wal_lsn; /* its end when we connected */
	int version;
	int64_t sender_timeout_ms; /* 0: none */
	bool slot_exists;
	bool slot_active; /* another process streams from it */
	int slot_pid;
	bool slot_failover; /* standbys keep it in step */
	bool streamed;		/* from the slot, since the process started */
	bool in_recovery;
	uint64_t confirmed_lsn; /* of the slot */
	bool slot_lost;			/* invalidated, and to be made anew */
	bool replaced;	   /* it was, and nothing has been streamed from it since */
	uint64_t lost_lsn; /* to where it was confirmed */
	char lost_reason[32]; /* why, in the server's word; "": none was given */
} SourceServer;

typedef enum SlotVerdict
{
	SLOT_GOOD,
	SLOT_DIVERGED, /* err: another timeline; ask again from scratch */
	SLOT_BAD	   /* err */
} SlotVerdict;

/* Reads the reply of IDENTIFY_SYSTEM.  resume_lsn as in source_connect(). */
extern SlotVerdict slot_read_system(SourceServer *sv, const PGresult *res,
									uint64_t resume_lsn, Error *err) MUST_CHECK;
extern void slot_query_text(PgText *out, const Config *cfg);
extern bool slot_read_query(SourceServer *sv, const PGresult *res,
							const Config *cfg, uint64_t resume_lsn,
							Error *err) MUST_CHECK;
extern void slot_create_text(PgText *out, const Config *cfg, int version);
extern bool slot_read_create(SourceServer *sv, const PGresult *res,
							 Error *err) MUST_CHECK;
/* What brings an existing slot in line with the configuration; false: nothing */
extern bool slot_alter_text(PgText *out, const Config *cfg,
							const SourceServer *sv);
/* The server invalidated the slot; reason: its own word, "" if it gave none.
 * Fills err and returns false. */
extern bool slot_lost_error(Error *err, const Config *cfg, const char *reason);
extern void slot_drop_text(PgText *out, const Config *cfg);
extern void slot_start_text(PgText *out, const Config *cfg, uint64_t lsn);

#endif /* TUPLECAST_SOURCE_SLOT_H */
