/*
 * loop_internal.h
 *		What the loop*.c files share.  Nobody else includes it.
 */
#ifndef TUPLECAST_LOOP_INTERNAL_H
#define TUPLECAST_LOOP_INTERNAL_H

#include "backoff.h"
#include "clock.h"
#include "core.h"
#include "dead_letter.h"
#include "heartbeat.h"
#include "incremental.h"
#include "kafka_signal.h"
#include "signal_file.h"
#include "loop.h"
#include "loop_incremental.h"
#include "loop_snapshot.h"
#include "notification.h"
#include "source_probe.h"
#include "source_stream.h"
#include "wal_watch.h"

typedef enum LoopPhase
{
	PHASE_RUNNING,
	PHASE_DRAINING, /* nothing new; what the sink has is waited for */
	PHASE_ENDING,	/* the server is told, and that was it */
	PHASE_DONE
} LoopPhase;

/* which tables are captured, as it is stored */
typedef struct LoopTables
{
	SinkStream *stream;
	bool dirty; /* what is stored may be something else */
	bool told;
	int64_t put_ms;
} LoopTables;

typedef struct Loop
{
	const Config *cfg;
	Stats stats;
	Core core;
	Source *source;
	SourceProbe probe;
	const SinkOps *ops;
	Sink *sink; /* NULL: to be opened */
	Heartbeat heartbeat;
	WalWatch wal;
	LoopIncremental inc;
	Incremental *incremental; /* the same as inc.machine */
	LoopSnapshot snapshot;
	Notifications notifications;
	SignalFile signal_file;
	KafkaSignals *kafka_signals; /* NULL: not asked for, or to be opened */
	int64_t signals_ms;			 /* of the next look at them */
	int told; /* of the initial snapshot: NOTE_* of loop_notify.c */

	/* the payload at hand; frame and record point into it */
	bool has_payload;
	FrameReader reader;
	Frame frame;
	bool held; /* the sink did not take record yet */
	SinkRecord record;
	DeadLetters dead; /* may stand in for it */
	LoopTables tables;
	bool positions; /* the sink keeps one */
	bool resuming;	/* it is being read: nothing else is until then */
	int recoveries; /* asked for, not answered */
	ResumeServer server;
	uint64_t splits;		/* told */
	uint64_t confirmed_lsn; /* for a failpoint */
	bool idle;				/* the source has nothing at the moment */
	bool more;				/* the pump stopped on its budget */

	LoopPhase phase;
	Error why;			   /* why we stop; ERR_NONE: we were asked to */
	int64_t drain_ms;	   /* drain until then */
	int64_t finish_txn_ms; /* and read the open transaction until then */
	int64_t end_ms;

	Backoff source_backoff;
	Backoff sink_backoff;
	bool sink_failed;
	Error sink_error;

	int64_t now_ms; /* CLOCK_MONOTONIC, of this turn */
	int64_t turn_us;
	int64_t wall_us;	/* since 1970, of this turn */
	int64_t started_ms; /* of the session; 0: not streaming */
	int64_t step_ms;	/* when the step of connecting began */
	const char *step;
	int64_t step_logged_ms;
	uint64_t moved_count; /* records and acks when last looked at */
	int64_t moved_ms;
	int64_t probe_ms;
	int64_t gauges_ms;
	SinkGauges gauges;
	uint64_t closed_sink_errors; /* of sinks before this one */
} Loop;

/* ---- loop_pump.c ---- */
/* Connects, reads, puts, and tells the source what may be confirmed; once a
 * turn. */
extern void loop_pump(Loop *l);
extern bool loop_may_read(const Loop *l);

/* ---- loop_end.c ---- */
/* The source is disconnected: the sink goes on with what it has. */
extern void loop_source_lost(Loop *l, const Error *err);
/* Something went wrong between the two ends.  sink_usable: it can still deliver
 * what it has. */
extern void loop_trouble(Loop *l, const Error *err, bool sink_usable);
/* As the sink's event. */
extern void loop_sink_failed(void *arg, uint64_t ticket, const Error *why);
/* Begins the end, unless it has begun.  why: NULL if we were asked to. */
extern void loop_stop(Loop *l, const Error *why);
/* From draining to ending to done; once a turn. */
extern void loop_phase(Loop *l);

/* ---- loop_deliver.c ---- */
extern void loop_core_init(Loop *l);
/* The session streams: reads the position first. */
extern void loop_resume(Loop *l);
extern void loop_on_recovered(void *arg, const SinkRecovered *r);
extern void loop_on_committed(void *arg);
/* Writes positions, commits; once a turn. */
extern void loop_deliver(Loop *l);

/* ---- loop_notify.c ---- */
extern void loop_notify_init(Loop *l);
/* What became of snapshots, once a turn. */
extern void loop_notify(Loop *l);

/* ---- loop_signal.c ---- */
/* A signal that the slot delivered. */
extern void loop_signal_frame(Loop *l, const FrameSignal *f);
/* The other channels, once a turn. */
extern void loop_signals(Loop *l);
extern void loop_signals_free(Loop *l);

/* ---- loop_tables.c ---- */
/* A stream was announced: is its table a new one? */
extern void loop_new_table(Loop *l, const FrameStream *f);
/* The position was read; compare: and what is to be read is what it says. */
extern void loop_tables_session(Loop *l, const SinkRecovered *r, bool compare);
/* Stores which tables are captured, once a turn. */
extern void loop_tables_turn(Loop *l);
extern void loop_tables_forget_sink(Loop *l);

/* ---- loop_watch.c ---- */
extern void loop_watch_stuck(Loop *l);
extern void loop_watch_slow_step(Loop *l);
extern void loop_watch_wal(Loop *l);
extern void loop_publish(Loop *l);

#endif /* TUPLECAST_LOOP_INTERNAL_H */
