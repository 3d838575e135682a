/*
 * delivery.h
 *		When a position is written, and when a Kafka transaction is committed.
 *
 * Part of the core and as pure: times are passed in.
 *
 * at-least-once: records go out as they come.  A position says what has been
 * acknowledged; one is on its way at a time.  The first, before any record, says
 * whose the slot is now: so that who had it before, and gets it back, does not
 * take what it put itself for the last.
 *
 * exactly-once: records go into a Kafka transaction, which is closed by a
 * position as its last record.
 *
 *	COLLECTING	records are taken
 *	CLOSING		none are; the position is to be put		DELIVERY_POSITION
 *	FLUSHING	all that was put is waited for			DELIVERY_COMMIT
 *	COMMITTING	until delivery_committed(); then COLLECTING
 */
#ifndef TUPLECAST_DELIVERY_H
#define TUPLECAST_DELIVERY_H

#include "position.h"
#include "tracker.h"

typedef struct DeliveryOptions
{
	bool positions;	   /* the sink keeps one */
	bool exactly_once; /* and commits transactions */
	bool align;		   /* a source transaction is never split if time allows */
	int64_t interval_ms;
	uint64_t max_records; /* of a Kafka transaction */
	uint64_t max_bytes;
	int64_t timeout_ms; /* of a Kafka transaction at the brokers */
	int64_t idle_ms;	/* between positions of a source without changes */
	uint64_t idle_bytes;
	char writer[40]; /* this process, at random */
	char hash[24];	 /* of the options that decide about records */
} DeliveryOptions;

typedef enum DeliveryPhase
{
	DELIVERY_COLLECTING,
	DELIVERY_CLOSING,
	DELIVERY_FLUSHING,
	DELIVERY_COMMITTING
} DeliveryPhase;

typedef enum DeliveryStep
{
	DELIVERY_NOTHING,
	DELIVERY_POSITION, /* put core_position(), then core_position_taken() */
	DELIVERY_COMMIT	   /* commit, then core_commit_started() */
} DeliveryStep;

/* What the driver knows at the moment. */
typedef struct DeliveryHints
{
	int64_t now_ms; /* a clock that never goes back */
	bool idle;		/* the source has nothing more at hand */
	bool stopping;	/* nothing more will be read */
} DeliveryHints;

typedef struct Delivery
{
	DeliveryOptions opt;
	DeliveryPhase phase;
	bool live;	   /* the position was read in this session: write it */
	bool resumed;  /* it was read since the last reset */
	Position base; /* what was read; generation 0: none */
	bool wrote;	   /* one of ours is durable */
	bool claimed;  /* and was before the first record (at-least-once) */
	bool urgent;   /* the server waits for a confirmation */
	bool in_flight;
	bool acked; /* the position put is acknowledged */
	int64_t now_ms;
	int64_t since_ms; /* when the last position was put */
	int64_t moved_ms; /* first delivery after that; 0: none */
	uint64_t last_delivered;
	RecordId last_open;

	Position at;   /* the position put last */
	Position next; /* the one to be put, which the sink has not taken yet */

	/* of the Kafka transaction at hand */
	uint64_t records;
	uint64_t bytes;
	uint64_t others;	/* records of no source transaction */
	uint64_t of_source; /* records of the source transaction at hand */
	uint64_t bytes_of_source;
	int64_t opened_ms; /* first record; 0: none yet */
	int64_t closed_ms;
	int64_t commit_ms; /* what the last took, from closing to committed */
	uint64_t release;  /* tickets before this one are in it */
	bool split;		   /* cut inside a source transaction */
} Delivery;

extern void delivery_init(Delivery *d);
extern void delivery_free(Delivery *d);
/* The sink is new: all but the options is forgotten. */
extern void delivery_reset(Delivery *d);
/* A record was taken. */
extern void delivery_count(Delivery *d, uint64_t bytes);
/* May the Kafka transaction be cut inside a source transaction now? */
extern bool delivery_inside_due(const Delivery *d);
/* Is it to be closed at the end of a source transaction? */
extern bool delivery_due(const Delivery *d, const DeliveryHints *h);
/* Is it full, whatever the time? */
extern bool delivery_full(const Delivery *d);
/* Is a position to be written that is this far, when nothing else would be? */
extern bool delivery_idle_due(const Delivery *d, uint64_t end_lsn,
							  const DeliveryHints *h);
/* The same where records were delivered (at-least-once). */
extern bool delivery_moved_due(const Delivery *d, const TrackerPlace *place,
							   const DeliveryHints *h);
/*
 * When to look again at the latest, if nothing else happens; INT64_MAX: no
 * reason to.  Never in the past for what is not due yet: that would be a loop
 * without sleep.  inside: a transaction of the source has begun; idle: as in
 * the hints.
 */
extern int64_t delivery_deadline(const Delivery *d, bool inside, bool idle);

#endif /* TUPLECAST_DELIVERY_H */
