/*
 * stats.c
 *		Counters as Prometheus reads them, and the two health checks.
 */
#include "stats.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* the loop may stand still this long, and the stream that long */
#define TURN_LIMIT_MS	  30000
#define PROGRESS_LIMIT_MS 60000

static const int64_t latency_bounds_ms[] = STATS_LATENCY_BOUNDS;

_Static_assert(sizeof(latency_bounds_ms) / sizeof(latency_bounds_ms[0]) ==
				   STATS_LATENCY_BUCKETS - 1,
			   "a bucket a bound, and one beyond");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Stats published;

void
stats_latency(Stats *s, int64_t us)
{
	int i = 0;

	/* the server's clock may be ahead of ours */
	if (us < 0)
		us = 0;
	while (i < STATS_LATENCY_BUCKETS - 1 && us > latency_bounds_ms[i] * 1000)
		i++;
	s->latency[i]++;
	s->latency_count++;
	s->latency_sum_s += (double) us / 1e6;
}

void
stats_publish(const Stats *s)
{
	pthread_mutex_lock(&lock);
	published = *s;
	pthread_mutex_unlock(&lock);
}

void
stats_read(Stats *out)
{
	pthread_mutex_lock(&lock);
	*out = published;
	pthread_mutex_unlock(&lock);
}

/* ---- the text ------------------------------------------------------------ */

static void
print_head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP tuplecast_%s ", name);
	for (; *help != '\0'; help++)
	{
		if (*help == '\\')
			fputs("\\\\", out);
		else if (*help == '\n')
			fputs("\\n", out);
		else
			fputc(*help, out);
	}
	fprintf(out, "\n# TYPE tuplecast_%s %s\n", name, type);
}

static void
print_label(FILE *out, const char *value)
{
	for (; *value != '\0'; value++)
	{
		if (*value == '\\' || *value == '"')
			fprintf(out, "\\%c", *value);
		else if (*value == '\n')
			fputs("\\n", out);
		else
			fputc(*value, out);
	}
}

static void
print_counter(FILE *out, const char *name, const char *help, uint64_t v)
{
	print_head(out, name, "counter", help);
	fprintf(out, "tuplecast_%s %" PRIu64 "\n", name, v);
}

static void
print_gauge(FILE *out, const char *name, const char *help, uint64_t v)
{
	print_head(out, name, "gauge", help);
	fprintf(out, "tuplecast_%s %" PRIu64 "\n", name, v);
}

static void
print_seconds(FILE *out, const char *name, const char *help, uint64_t us)
{
	print_head(out, name, "gauge", help);
	if (us == UINT64_MAX)
	{
		fprintf(out, "tuplecast_%s +Inf\n", name);
		return;
	}
	fprintf(out, "tuplecast_%s %" PRIu64 ".%06" PRIu64 "\n", name, us / 1000000,
			us % 1000000);
}

static void
print_latency(FILE *out, const Stats *s)
{
	const char *name = "commit_to_ack_seconds";
	uint64_t sum = 0;

	print_head(out, name, "histogram",
			   "time from a transaction's commit to the acknowledgement of its "
			   "last record");
	for (int i = 0; i < STATS_LATENCY_BUCKETS - 1; i++)
	{
		sum += s->latency[i];
		fprintf(out, "tuplecast_%s_bucket{le=\"%g\"} %" PRIu64 "\n", name,
				(double) latency_bounds_ms[i] / 1000, sum);
	}
	sum += s->latency[STATS_LATENCY_BUCKETS - 1];
	fprintf(out, "tuplecast_%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, sum);
	fprintf(out, "tuplecast_%s_sum %.6f\n", name, s->latency_sum_s);
	fprintf(out, "tuplecast_%s_count %" PRIu64 "\n", name, s->latency_count);
}

static bool
resident_bytes(uint64_t *bytes)
{
	FILE *f = fopen("/proc/self/statm", "re");
	uint64_t size;
	uint64_t resident;
	bool ok;

	if (f == NULL)
		return false;
	ok = fscanf(f, "%" SCNu64 " %" SCNu64, &size, &resident) == 2;
	fclose(f);
	if (ok)
		*bytes = resident * (uint64_t) sysconf(_SC_PAGESIZE);
	return ok;
}

static void
print_process(FILE *out)
{
	struct rusage usage;
	uint64_t bytes;

	if (resident_bytes(&bytes))
		print_gauge(out, "process_resident_memory_bytes",
					"resident memory of the process", bytes);
	if (getrusage(RUSAGE_SELF, &usage) == 0)
	{
		print_head(out, "process_cpu_seconds_total", "counter",
				   "user and system CPU time of the process");
		fprintf(out, "tuplecast_process_cpu_seconds_total %.6f\n",
				(double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
					(double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) /
						1e6);
	}
}

void
stats_print(const Stats *s, FILE *out)
{
#define METRIC(type, field, name, help) print_##type(out, name, help, s->field);
#include "stats.def"
#undef METRIC
	print_latency(out, s);
	if (s->state[0] != '\0')
	{
		print_head(out, "state", "gauge", "1 for what the process is doing");
		fputs("tuplecast_state{state=\"", out);
		print_label(out, s->state);
		fputs("\"} 1\n", out);
	}
	print_head(out, "build_info", "gauge", "1; the version is in the label");
	fputs("tuplecast_build_info{version=\"", out);
	print_label(out, TUPLECAST_VERSION);
	fputs("\"} 1\n", out);
	print_process(out);
}

/* ---- health -------------------------------------------------------------- */

static Health
healthy(void)
{
	return (Health){.ok = true, .why = "ok"};
}

/* Milliseconds since something first asked about a loop that never turned. */
static int64_t
waiting_ms(int64_t now_ms)
{
	static int64_t first;
	int64_t waited;

	pthread_mutex_lock(&lock);
	if (first == 0)
		first = now_ms;
	waited = now_ms - first;
	pthread_mutex_unlock(&lock);
	return waited;
}

Health
stats_livez(const Stats *s, int64_t now_ms)
{
	Health h = {.ok = false};
	int64_t still = s->turn_ms != 0 ? now_ms - s->turn_ms : waiting_ms(now_ms);

	if (still > TURN_LIMIT_MS)
	{
		snprintf(h.why, sizeof(h.why),
				 "the main loop has not turned for %" PRId64 " s",
				 still / 1000);
		return h;
	}
	if (s->turn_ms != 0 && s->source_connected && s->sink_connected &&
		now_ms - s->progress_ms > PROGRESS_LIMIT_MS)
	{
		snprintf(h.why, sizeof(h.why),
				 "nothing has moved for %" PRId64
				 " s although server and sink answer (state: %s)",
				 (now_ms - s->progress_ms) / 1000, s->state);
		return h;
	}
	return healthy();
}

Health
stats_readyz(const Stats *s, int64_t now_ms)
{
	Health h = stats_livez(s, now_ms);

	if (!h.ok || s->ready)
		return h;
	h.ok = false;
	snprintf(h.why, sizeof(h.why), "%s%s%.200s",
			 s->state[0] != '\0' ? s->state : "starting",
			 s->last_error[0] != '\0' ? ": " : "", s->last_error);
	return h;
}
