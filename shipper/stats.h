/*
 * stats.h
 *		Counters of the main thread, and the copy of them that others read.
 *
 * The main thread owns a Stats and publishes it once a turn of the loop; the
 * HTTP thread only ever reads the published copy, under its mutex.
 */
#ifndef TUPLECAST_STATS_H
#define TUPLECAST_STATS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* commit → acknowledgement, upper bounds in ms of all buckets but the last */
#define STATS_LATENCY_BOUNDS                                                   \
	{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 60000}
#define STATS_LATENCY_BUCKETS 15

/* of a snapshot beside the stream; texts are cut */
typedef struct StatsIncremental
{
	bool running;
	bool paused;
	char id[128];
	char collection[160];
	uint64_t tables;
	uint64_t requests;
	uint64_t chunks;
	uint64_t rows;
	uint64_t dropped;
	uint64_t waiting_xid;
} StatsIncremental;

typedef struct Stats
{
#define METRIC(type, field, name, help) uint64_t field;
#include "stats.def"
#undef METRIC
	uint64_t latency[STATS_LATENCY_BUCKETS]; /* transactions, not cumulative */
	uint64_t latency_count;
	double latency_sum_s;
	/* for /livez and /readyz; clocks are CLOCK_MONOTONIC ms */
	int64_t turn_ms;	  /* last turn of the loop */
	int64_t progress_ms;  /* last time anything moved, or nothing was due */
	char state[32];		  /* "connecting", "streaming", "draining" */
	char last_error[512]; /* no secrets, no row data */
	StatsIncremental incremental;
} Stats;

extern void stats_latency(Stats *s, int64_t us);
/* Thread-safe. */
extern void stats_publish(const Stats *s);
extern void stats_read(Stats *out);
/* Prometheus text format 0.0.4. */
extern void stats_print(const Stats *s, FILE *out);

/* stats_status.c: what a person looks at, as a JSON object. */
extern void stats_print_status(const Stats *s, FILE *out);

typedef struct Health
{
	bool ok;
	char why[256];
} Health;

/* now_ms: CLOCK_MONOTONIC.  livez fails if the loop has not turned for 30 s, or
 * nothing moves for 60 s though both peers answer. */
extern Health stats_livez(const Stats *s, int64_t now_ms);
extern Health stats_readyz(const Stats *s, int64_t now_ms);

#endif /* TUPLECAST_STATS_H */
