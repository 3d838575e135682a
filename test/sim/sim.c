/*
 * sim.c
 *		Episodes from seeds: what happens when, and what must hold at the end.
 *
 *	sim [--seed N] [--episodes N | --seconds N] [--mode at-least-once|exactly-once]
 *	sim --replay N		one episode, with all that happens in it
 */
#include "sim.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lsn.h"

/* without faults something is delivered or confirmed at least that often */
#define STUCK_STEPS 50000

SimTotals totals;
int64_t sim_now_ms;
bool sim_healing;
bool sim_tracing;
bool sim_over;
DeliveryOptions sim_options;

static uint64_t random_state;
static uint64_t episode_seed;
static uint64_t episode_step;
static int only_mode = -1;
static bool alone; /* one shipper, no standby */

/* ---- randomness: splitmix64 ---- */

uint64_t
sim_random(void)
{
	uint64_t z = (random_state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint32_t
sim_below(uint32_t n)
{
	return (uint32_t) (((sim_random() >> 32) * n) >> 32);
}

bool
sim_once_in(uint32_t n)
{
	return sim_below(n) == 0;
}

/* ---- output ---- */

void
sim_trace(const char *fmt, ...)
{
	va_list ap;

	printf("%8" PRIu64 " %7" PRId64 " ms  ", episode_step, sim_now_ms);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

void
sim_violation(const char *invariant, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	printf("VIOLATION of %s (%s, seed %" PRIu64 ", step %" PRIu64 "): ",
		   invariant, kafka.exactly_once ? "exactly-once" : "at-least-once",
		   episode_seed, episode_step);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\nreplay: make sim SEED=%" PRIu64 "\n", episode_seed);
	fflush(stdout);
	_exit(1);
}

/* an assertion of the core's own is a violation, too */
static void
on_abort(int signal_number)
{
	(void) signal_number;
	sim_violation("I9", "the core aborted");
}

/* ---- an episode ---- */

static void
choose_options(void)
{
	bool exactly_once = only_mode >= 0 ? only_mode == 1 : sim_once_in(2);

	sim_options = (DeliveryOptions){
		.positions = true,
		.exactly_once = exactly_once,
		.align = exactly_once && sim_once_in(3),
		.interval_ms = 1 + sim_below(50),
		.max_records = 1 + sim_below(sim_once_in(2) ? 8 : 100),
		.max_bytes = UINT64_MAX,
		.timeout_ms = sim_once_in(4) ? 100 : 100000,
		.idle_ms = 50 + sim_below(300),
		.idle_bytes = 2000,
	};
	alone = sim_once_in(2);
	kafka_begin(exactly_once);
}

/* Faults, some of them rare; none while healing. */
static void
fault(void)
{
	int i = (int) sim_below(SHIPPERS);

	switch (sim_below(40))
	{
		case 0:
		case 1:
		case 2:
			shipper_kill(i);
			break;
		case 3:
		case 4:
			pg_crash();
			break;
		case 5:
		case 6:
		case 7:
			pg_drop_session();
			break;
		case 8:
		case 9:
		case 10:
			/* a delivery fails, a transaction times out */
			if (shippers[i].state != DOWN && shippers[i].producer.open)
			{
				TRACE("shipper %d: its producer fails", i);
				shippers[i].producer.failed = true;
			}
			break;
		case 11:
		case 12:
			if (shippers[i].state == STREAMING && !shippers[i].paused)
			{
				TRACE("shipper %d: is to stop", i);
				shippers[i].stopping = true;
			}
			break;
		case 13:
		case 14:
		case 15:
			if (shippers[i].state != DOWN)
			{
				shippers[i].paused = !shippers[i].paused;
				TRACE("shipper %d: %s", i,
					  shippers[i].paused ? "SIGSTOP" : "SIGCONT");
				/* the server gives it up */
				if (shippers[i].paused && pg.owner == i && sim_once_in(2))
					pg_drop_session();
			}
			break;
		case 16:
			pg_fail_over(sim_once_in(2));
			break;
		case 19:
			kafka_time_out();
			break;
		case 17:
			if (sim_once_in(20))
				pg_move_slot();
			break;
		case 18:
			if (sim_once_in(20))
				kafka_lose_position();
			break;
		default:
			break;
	}
}

static void
step(void)
{
	int i = alone ? 0 : (int) sim_below(SHIPPERS);

	switch (sim_below(20))
	{
		case 0:
			if (!sim_healing && sim_once_in(4))
				pg_new_transaction();
			break;
		case 1:
			if (!sim_healing && sim_once_in(4))
				pg_other_wal();
			break;
		case 2:
			if (sim_once_in(4))
				pg_checkpoint();
			else if (sim_once_in(15))
				pg_sync_standby();
			break;
		case 3:
		case 4:
		case 5:
		case 6:
			pg_send(false);
			break;
		case 7:
			pg_send(true);
			break;
		case 8:
			kafka_end_transaction(!sim_healing && sim_once_in(10));
			kafka_mark();
			if (sim_once_in(4))
				kafka_late_end();
			break;
		case 9:
		case 10:
		case 11:
			kafka_append(&shippers[i].producer, sim_below(PARTITIONS + 1));
			break;
		case 12:
			sim_now_ms += sim_once_in(100) ? 60 : sim_below(3);
			break;
		case 13:
			if (!sim_healing)
			{
				if (sim_once_in(8))
					fault();
				if (sim_once_in(10))
					shipper_start(i);
			}
			break;
		default:
			shipper_step(i);
	}
	episode_step++;
	totals.steps++;
}

static bool
all_delivered(void)
{
	for (uint32_t t = 0; t < pg.nwal; t++)
		if (pg.txns[pg.wal[t]].delivered != pg.txns[pg.wal[t]].count)
			return false;
	return pg.nwal == 0 || pg.slot_lsn >= pg.txns[pg.wal[pg.nwal - 1]].end_lsn;
}

/* The log, folded, is the table. */
static void
check_final(void)
{
	uint32_t expected[PARTITIONS][8] = {{0}};

	/* of two processes that wrote at a time nothing is promised */
	if (kafka.overlap)
		return;
	for (uint32_t t = 0; t < pg.nwal; t++)
	{
		const SimTxn *txn = &pg.txns[pg.wal[t]];

		for (uint32_t k = 0; k < txn->count; k++)
		{
			const SimRecord *r = &pg.records[txn->first + k];

			expected[r->partition][r->key] = txn->first + k + 1;
		}
	}
	for (uint32_t p = 0; p < PARTITIONS; p++)
		for (uint32_t k = 0; k < 8; k++)
		{
			uint32_t last = kafka.final[p][k];

			/* what no server has any more may be the last */
			if (last > 0 && pg.txns[pg.records[last - 1].txn].lost)
			{
				HOLDS("I13", !kafka.exactly_once,
					  "a lost transaction is in the log, and nobody said so");
				continue;
			}
			HOLDS("I4", last == expected[p][k],
				  "key %u of partition %u ends with record %u, not %u", k, p,
				  last, expected[p][k]);
		}
}

/* All faults end; one shipper, at least, must bring all of it home. */
static void
heal(void)
{
	sim_healing = true;
	TRACE("---- no more faults");
	for (int i = 0; i < SHIPPERS; i++)
	{
		shippers[i].paused = false;
		if (shippers[i].stopping)
			shipper_kill(i);
	}
	while (!sim_over && !all_delivered())
	{
		uint64_t before = totals.records + pg.slot_lsn;

		for (int n = 0; n < STUCK_STEPS && !sim_over; n++)
		{
			if (shippers[0].state == DOWN)
				shipper_start(0);
			step();
			if (totals.records + pg.slot_lsn != before)
				break;
		}
		HOLDS("I8", sim_over || totals.records + pg.slot_lsn != before,
			  "not all is delivered and confirmed, and nothing happened in %d "
			  "steps without faults",
			  STUCK_STEPS);
	}
	if (!sim_over)
		check_final();
}

static void
episode(uint64_t seed)
{
	uint32_t steps;

	episode_seed = seed;
	random_state = seed;
	episode_step = 0;
	sim_now_ms = 1000;
	sim_healing = sim_over = false;
	(void) sim_random();
	shipper_begin();
	choose_options();
	pg_begin();
	steps = 300 + sim_below(sim_once_in(20) ? 20000 : 3000);
	TRACE("%s%s, interval %d ms, %d records, timeout %d ms",
		  sim_options.exactly_once ? "exactly-once" : "at-least-once",
		  sim_options.align ? ", aligned" : "", (int) sim_options.interval_ms,
		  (int) sim_options.max_records, (int) sim_options.timeout_ms);
	shipper_start(0);
	while (steps-- > 0 && !sim_over)
		step();
	if (!sim_over)
		heal();
	/* all of it is freed before the next seed */
	shipper_free_all();
	totals.episodes++;
}

/* ---- the run ---- */

static double
seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static uint64_t
number(const char *text)
{
	char *end;
	uint64_t v;

	errno = 0;
	v = strtoull(text, &end, 0);
	if (errno != 0 || end == text || *end != '\0')
	{
		fprintf(stderr, "sim: \"%s\" is no number\n", text);
		_exit(2);
	}
	return v;
}

static void
print_totals(uint64_t seed, double seconds)
{
	printf("%" PRIu64 " episodes from seed %" PRIu64 ", %" PRIu64
		   " steps in %.1f s (%.1f million a second), no violation\n",
		   totals.episodes, seed, totals.steps, seconds,
		   (double) totals.steps / 1e6 / (seconds > 0 ? seconds : 1));
	printf("%" PRIu64 " records, %" PRIu64 " again; %" PRIu64 " kills, %" PRIu64
		   " crashes, %" PRIu64 " failovers, %" PRIu64 " stops; %" PRIu64
		   " commits (%" PRIu64 " with a split transaction), %" PRIu64
		   " given up, %" PRIu64 " of unknown outcome, %" PRIu64
		   " fenced, %" PRIu64 " not fenced, %" PRIu64 " timed out, %" PRIu64
		   " ends that came late; %" PRIu64 " positions; %" PRIu64
		   " errors that were due\n",
		   totals.records, totals.duplicates, totals.kills, totals.crashes,
		   totals.failovers, totals.stops, totals.commits, totals.splits,
		   totals.aborted, totals.unknown, totals.fenced, totals.overlaps,
		   totals.timeouts, totals.late, totals.positions, totals.reported);
}

int
main(int argc, char **argv)
{
	uint64_t seed = 1;
	uint64_t episodes = 0;
	double limit = 0;
	bool replay = false;
	double start = seconds_now();

	for (int i = 1; i + 1 < argc; i += 2)
	{
		if (strcmp(argv[i], "--seed") == 0)
			seed = number(argv[i + 1]);
		else if (strcmp(argv[i], "--replay") == 0)
		{
			seed = number(argv[i + 1]);
			replay = sim_tracing = true;
			episodes = 1;
		}
		else if (strcmp(argv[i], "--episodes") == 0)
			episodes = number(argv[i + 1]);
		else if (strcmp(argv[i], "--seconds") == 0)
			limit = (double) number(argv[i + 1]);
		else if (strcmp(argv[i], "--mode") == 0)
			only_mode = strcmp(argv[i + 1], "exactly-once") == 0;
		else
		{
			fprintf(stderr, "sim: unknown option %s\n", argv[i]);
			return 2;
		}
	}
	signal(SIGABRT, on_abort);
	for (uint64_t n = 0;
		 episodes > 0 ? n < episodes : seconds_now() - start < limit; n++)
		episode(seed + n);
	kafka_end();
	if (!replay)
		print_totals(seed, seconds_now() - start);
	return 0;
}
