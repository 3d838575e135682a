/*
 * main.c
 *		Episodes from seeds: what happens when, and what must hold at the end.
 *
 *	sim-rows [--seed N] [--episodes N | --seconds N] [--mode at-least-once|exactly-once]
 *	sim-rows --replay N		one episode, with all that happens in it
 */
#include "rows.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* without faults all comes home in that many */
#define STUCK_STEPS 100000

Totals totals;
Config sim_config;
Request sim_requests[MAX_REQUESTS];
int64_t sim_now_ms;
int64_t sim_timeout_ms;
bool sim_healing;
bool sim_tracing;
bool sim_plain;
bool sim_was_plain;
bool sim_rewritten;
bool sim_repairs;
bool sim_gap;
bool sim_foreign;
bool sim_truncates;

static uint64_t random_state;
static uint64_t episode_seed;
static uint64_t episode_step;
static uint32_t fault_rate;
static uint32_t busy; /* of the others */
static int only_mode = -1;


/* ---- randomness: splitmix64 ---------------------------------------------- */

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

/* ---- output -------------------------------------------------------------- */

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

	printf("VIOLATION of %s (%s, snapshot.mode=%s, seed %" PRIu64
		   ", step %" PRIu64 "): ",
		   invariant, cluster.exactly_once ? "exactly-once" : "at-least-once",
		   sim_config.snapshot_mode, episode_seed, episode_step);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\nreplay: make sim-rows SEED=%" PRIu64 "\n", episode_seed);
	fflush(stdout);
	_exit(1);
}

static void
on_abort(int signal_number)
{
	(void) signal_number;
	sim_violation("I9", "the shipper aborted, or broke off");
}

/* ---- an episode ---------------------------------------------------------- */

/* Rows of config.def as they are when nothing is said. */
#define init_str(f)	  (f = (char *) "")
#define init_bool(f)  (f = false)
#define init_int(f)	  (f = 0)
#define init_msec(f)  (f = 0)
#define init_bytes(f) (f = 0)
#define init_enum(f)  (f = 0)

static void
choose_options(void)
{
	static char *const modes[] = {"no_data", "no_data", "initial",
								  "initial", "initial", "always"};
	Config *c = &sim_config;

	memset(c, 0, sizeof(*c));
#define OPTION(type, field, name, native, debezium, words, flags, help)        \
	init_##type(c->field);
#include "config.def"
#undef OPTION
	c->delivery = only_mode >= 0 ? only_mode : (int) sim_below(2);
	c->snapshot_mode = modes[sim_below(6)];
	c->commit_interval = 1 + sim_below(50);
	c->commit_records = 1 + sim_below(sim_once_in(2) ? 8 : 100);
	c->commit_bytes = INT64_MAX;
	c->position_interval = 50 + sim_below(300);
	c->snapshot_max_threads = 1 + sim_below(4);
	c->chunk_size = 1 + sim_below(6);
	c->shutdown_timeout = 20000;
	c->signal_channels = (char *) "source";
	c->slot_name = (char *) "s";
	c->topic_prefix = (char *) "t";
	sim_timeout_ms = sim_once_in(4) ? 1000 : 60000;
	sim_plain = sim_once_in(3);
	sim_foreign = sim_once_in(4);
	sim_was_plain = sim_rewritten = sim_gap = false;
	sim_repairs = sim_once_in(4);
	memset(sim_requests, 0, sizeof(sim_requests));
	fault_rate = sim_once_in(3) ? 30 : 150;
	busy = 1 + sim_below(3);
	/* not by chance: the seeds of episodes without it stay what they are */
	sim_truncates = episode_seed % 4 == 2;
	cluster_begin(c->delivery == DELIVERY_EXACTLY_ONCE);
}

static void
ask_for_snapshot(void)
{
	static const char *const data[] = {"{\"data-collections\":[\"a\"]}",
									   "{\"data-collections\":[\"p\"]}",
									   "{\"data-collections\":[\"p\",\"a\"]}"};
	uint32_t which = sim_below(3);
	char id[16];
	Request *r;

	if (db.requests == MAX_REQUESTS)
		return;
	r = &sim_requests[db.requests];
	r->asked = true;
	r->tables[0] = which != 1;
	r->tables[1] = r->tables[2] = which != 0;
	snprintf(id, sizeof(id), "r%u", db.requests++);
	(void) db_signal("execute-snapshot", id, data[which]);
}

static void
send_signal(void)
{
	if (!db.slot)
		return;
	switch (sim_below(6))
	{
		case 0:
			(void) db_signal("pause-snapshot", "", "{}");
			break;
		case 1:
			(void) db_signal("resume-snapshot", "", "{}");
			break;
		case 2:
			if (!sim_once_in(3))
				break;
			for (int i = 0; i < MAX_REQUESTS; i++)
				sim_requests[i].stopped |= sim_requests[i].asked;
			(void) db_signal("stop-snapshot", "",
							 sim_once_in(2) ? "{}"
											: "{\"data-collections\":[\"p\"]}");
			break;
		default:
			ask_for_snapshot();
	}
}

static void
fault(void)
{
	switch (sim_below(16))
	{
		case 0:
		case 1:
		case 2:
		case 3:
			process_kill();
			break;
		case 4:
			db_crash();
			break;
		case 5:
		case 6:
			links_drop_stream();
			break;
		case 7:
		case 8:
			links_drop_second();
			break;
		case 9:
			links_drop_round();
			break;
		case 10:
			cluster_fail();
			break;
		case 11:
			links_sigterm();
			break;
		case 12:
		case 14:
			for (uint32_t a = 0; a < TABLES; a++)
				db_rewrite(a);
			break;
		case 13:
			if (!sim_repairs || !sim_once_in(3))
				break;
			process_kill();
			db_move_slot();
			break;
		default:
			break;
	}
}

static void
step(void)
{
	switch (sim_below(16))
	{
		case 0:
		case 1:
		case 2:
			if (!sim_healing)
				for (uint32_t n = busy; n > 0; n--)
					db_step();
			break;
		case 3:
		case 4:
		case 5:
		case 6:
			cluster_step();
			break;
		case 7:
			sim_now_ms += sim_once_in(12) ? 300 : sim_below(12);
			break;
		case 8:
			if (!sim_healing && sim_once_in(fault_rate / 3))
				fault();
			break;
		case 9:
			if (!sim_healing && sim_once_in(20))
				send_signal();
			if (!process_is_up() && (sim_healing || sim_once_in(4)))
				process_start();
			break;
		default:
			process_turn();
	}
	episode_step++;
	totals.steps++;
}

/* ---- what must be in the end --------------------------------------------- */

/* Who was promised each row of the table, with all its values? */
static bool
is_promised(uint32_t table)
{
	if (strcmp(sim_config.snapshot_mode, "no_data") != 0 || sim_gap)
		return true;
	for (int i = 0; i < MAX_REQUESTS; i++)
		if (sim_requests[i].tables[table] && sim_requests[i].completed &&
			!sim_requests[i].stopped)
			return true;
	return false;
}

/* Rows that are deleted in a gap stay in the destination. */
static bool
is_missed(uint32_t table, uint32_t key)
{
	for (uint32_t i = db.nversions; i > 0; i--)
	{
		const RowVersion *v = &db.versions[i - 1];

		if (v->table == table && v->key == key && !v->dead)
			return v->killer != NONE && db.txns[v->killer].missed;
	}
	return false;
}

/* The log, folded, is the table. */
static void
check_row(uint32_t table, uint32_t key)
{
	const Known *known = &cluster.model[db_topic(table)][key];
	uint32_t now = db.current[table][key];
	uint32_t toast = now != NONE ? db.versions[now].toast : 0;

	if (now == NONE)
	{
		HOLDS("I4", !known->present || is_missed(table, key),
			  "key %u of table %u is no more, and the log has version %u", key,
			  table, known->version);
		return;
	}
	HOLDS("I4", known->present || !is_promised(table),
		  "key %u of table %u is not in the log", key, table);
	if (!known->present)
		return;
	HOLDS("I4", known->version == now,
		  "key %u of table %u ends with version %u, not %u", key, table,
		  known->version, now);
	HOLDS("I4", known->toast == toast || known->toast == 0,
		  "key %u of table %u ends with another value", key, table);
	HOLDS("I4", known->toast != 0 || !is_promised(table),
		  "key %u of table %u lacks a value", key, table);
}

static void
check_final(void)
{
	for (uint32_t k = 0; k < KEYS; k++)
	{
		check_row(0, k);
		check_row(k < KEYS / 2 ? 1 : 2, k);
	}
	for (uint32_t i = 0; i < db.requests; i++)
		HOLDS("I8", sim_requests[i].completed || sim_requests[i].stopped,
			  "request %u was neither completed nor stopped", i);
}

static bool
all_done(void)
{
	return process_is_settled() &&
		   (db.nwal == 0 ||
			db.slot_lsn >= db.txns[db.wal[db.nwal - 1]].end_lsn);
}

static void
heal(void)
{
	sim_healing = true;
	TRACE("---- no more faults");
	db_settle();
	if (db.slot)
		(void) db_signal("resume-snapshot", "", "{}");
	if (!process_is_up())
		process_start();
	for (int n = 0; !all_done(); n++)
	{
		HOLDS("I8", n < STUCK_STEPS,
			  "not all is delivered and confirmed after %d steps without "
			  "faults",
			  STUCK_STEPS);
		step();
	}
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
	sim_healing = false;
	(void) sim_random();
	choose_options();
	links_begin();
	db_begin();
	steps = 500 + sim_below(sim_once_in(10) ? 12000 : 4000);
	TRACE("%s, snapshot.mode=%s, %d threads, chunks of %d%s",
		  cluster.exactly_once ? "exactly-once" : "at-least-once",
		  sim_config.snapshot_mode, (int) sim_config.snapshot_max_threads,
		  (int) sim_config.chunk_size, sim_plain ? ", no walsender" : "");
	process_start();
	while (steps-- > 0)
		step();
	heal();
	if (process_is_up())
		process_kill();
	totals.episodes++;
}

/* ---- the run ------------------------------------------------------------- */

static double
seconds_now(void)
{
	struct timeval t;

	/* the other clock is the shipper's, and simulated */
	gettimeofday(&t, NULL);
	return (double) t.tv_sec + (double) t.tv_usec / 1e6;
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
		fprintf(stderr, "sim-rows: \"%s\" is no number\n", text);
		_exit(2);
	}
	return v;
}

static void
print_totals(uint64_t seed, double seconds)
{
	printf("%" PRIu64 " episodes of snapshots from seed %" PRIu64 ", %" PRIu64
		   " steps in %.1f s, no violation\n",
		   totals.episodes, seed, totals.steps, seconds);
	printf("%" PRIu64 " records of changes, %" PRIu64 " again; %" PRIu64
		   " rows in %" PRIu64 " rounds; %" PRIu64 " rows of chunks, %" PRIu64
		   " dropped, %" PRIu64 " read again; %" PRIu64 " kills, %" PRIu64
		   " crashes, %" PRIu64 " connections lost, %" PRIu64 " stops, %" PRIu64
		   " tables rewritten, %" PRIu64 " truncated, %" PRIu64
		   " gaps; %" PRIu64 " positions\n",
		   totals.changes, totals.again, totals.rows, totals.rounds,
		   totals.chunk_rows, totals.dropped, totals.requeued, totals.kills,
		   totals.crashes, totals.lost, totals.stops, totals.rewrites,
		   totals.truncates, totals.gaps, totals.positions);
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
			fprintf(stderr, "sim-rows: unknown option %s\n", argv[i]);
			return 2;
		}
	}
	signal(SIGABRT, on_abort);
	signal(SIGSEGV, on_abort);
	for (uint64_t n = 0;
		 episodes > 0 ? n < episodes : seconds_now() - start < limit; n++)
		episode(seed + n);
	cluster_end();
	if (!replay)
		print_totals(seed, seconds_now() - start);
	return 0;
}
