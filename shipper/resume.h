/*
 * resume.h
 *		May the stream of this server go on from that position?
 *
 * Pure.  The server itself takes any position and skips rows without a word, so
 * everything that could be wrong is looked for here.
 */
#ifndef TUPLECAST_RESUME_H
#define TUPLECAST_RESUME_H

#include "position.h"

/* What a TIMELINE_HISTORY file tells: where each timeline before ended. */
#define TIMELINE_MAX 1024
typedef struct TimelineHistory
{
	bool known;
	int count;
	struct
	{
		uint32_t timeline;
		uint64_t end_lsn; /* the next one begins here */
	} items[TIMELINE_MAX];
} TimelineHistory;

/* The server's side, of the session that holds the slot. */
typedef struct ResumeServer
{
	char system_id[24];
	uint32_t timeline;
	uint64_t wal_lsn;				/* its end */
	uint64_t slot_lsn;				/* confirmed */
	bool slot_created;				/* just now, by us */
	bool replaced;					/* in place of one that was lost */
	uint64_t lost_lsn;				/* to where that one was confirmed */
	const char *lost_reason;		/* of the last that was; "": not known */
	bool standby;					/* it may still get WAL that it lacks */
	const TimelineHistory *history; /* of timeline; NULL: not known */
} ResumeServer;

/* The destination's side. */
typedef struct ResumeStored
{
	const Position *position; /* NULL: there is none */
	bool topic_used;		  /* the topic holds records, or held some */
	const char *topic;		  /* its name, for messages */
	bool repair;			  /* a gap is no error: core_gap() */
} ResumeStored;

/* Reads what the server answers to TIMELINE_HISTORY. */
extern bool timeline_history_parse(TimelineHistory *h, const char *text,
								   size_t len, Error *err) MUST_CHECK;

/* Are changes of this cluster missing, between the position and the slot? */
extern bool resume_is_gap(const ResumeStored *stored,
						  const ResumeServer *server);
/*
 * true: go on from stored->position, or from the slot if there is none.
 * options: hash of ours; *drop_open: the open part counts for nothing, because
 * the records of the transaction may be others now.
 */
extern bool resume_check(const ResumeStored *stored, const ResumeServer *server,
						 const char *options, bool exactly_once,
						 bool *drop_open, Error *err) MUST_CHECK;

#endif /* TUPLECAST_RESUME_H */
