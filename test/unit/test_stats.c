/*
 * test_stats.c
 *		The metrics' text, the histogram, the health checks.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stats.h"

static char *
printed(const Stats *s)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	stats_print(s, f);
	fclose(f);
	return text;
}

static void
assert_line(const char *text, const char *line)
{
	char with[512];

	snprintf(with, sizeof(with), "\n%s\n", line);
	if (strstr(text, with) == NULL)
		fail_msg("no line \"%s\" in:\n%s", line, text);
}

static void
test_text(void **state)
{
	Stats s = {.records = 42,
			   .lag_us = 1500000,
			   .start_us = 1700000000000001,
			   .source_connected = 1,
			   .state = "a\"b\\c\nd"};
	char *text = printed(&s);

	(void) state;
	assert_line(text, "# TYPE tuplecast_records_acked_total counter");
	assert_line(text, "tuplecast_records_total 42");
	assert_line(text, "# TYPE tuplecast_source_connected gauge");
	assert_line(text, "tuplecast_source_connected 1");
	assert_line(text, "# TYPE tuplecast_lag_seconds gauge");
	assert_line(text, "tuplecast_lag_seconds 1.500000");
	assert_line(text, "tuplecast_start_timestamp_seconds 1700000000.000001");
	assert_line(text, "tuplecast_state{state=\"a\\\"b\\\\c\\nd\"} 1");
	assert_non_null(strstr(text, "tuplecast_build_info{version=\""));
	assert_non_null(strstr(text, "\ntuplecast_process_cpu_seconds_total "));
	free(text);
}

/* Each line is a comment or a sample, and each sample has its HELP and TYPE. */
static void
test_grammar(void **state)
{
	Stats s = {.state = "streaming"};
	char *text = printed(&s);
	char *save = NULL;
	char help[128] = "";
	char type[128] = "";
	int samples = 0;

	(void) state;
	assert_int_equal(text[strlen(text) - 1], '\n');
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
		 line = strtok_r(NULL, "\n", &save))
	{
		char name[128];
		char *end;
		size_t n;

		if (sscanf(line, "# HELP %127s", name) == 1)
		{
			snprintf(help, sizeof(help), "%s", name);
			continue;
		}
		if (sscanf(line, "# TYPE %127s", name) == 1)
		{
			snprintf(type, sizeof(type), "%s", name);
			assert_string_equal(type, help);
			continue;
		}
		n = strcspn(line, "{ ");
		assert_true(n >= strlen(type));
		assert_memory_equal(line, type, strlen(type));
		strtod(strrchr(line, ' ') + 1, &end);
		assert_int_equal(*end, '\0');
		samples++;
	}
	assert_true(samples > 40);
	free(text);
}

static void
test_resident_memory(void **state)
{
	const char *name = "\ntuplecast_process_resident_memory_bytes ";
	Stats s = {0};
	char *text = printed(&s);
	char *at = strstr(text, name);

	(void) state;
	assert_non_null(at);
	assert_true(strtod(at + strlen(name), NULL) > 1e5);
	free(text);
}

static void
test_histogram(void **state)
{
	Stats s = {0};
	char *text;

	(void) state;
	stats_latency(&s, -5);		 /* the server's clock is ahead */
	stats_latency(&s, 1000);	 /* on the bound: within */
	stats_latency(&s, 1001);	 /* just beyond */
	stats_latency(&s, 60000000); /* the last bound */
	stats_latency(&s, 60000001);
	assert_int_equal(s.latency_count, 5);
	text = printed(&s);
	assert_line(text, "# TYPE tuplecast_commit_to_ack_seconds histogram");
	assert_line(text, "tuplecast_commit_to_ack_seconds_bucket{le=\"0.001\"} 2");
	assert_line(text, "tuplecast_commit_to_ack_seconds_bucket{le=\"0.002\"} 3");
	assert_line(text, "tuplecast_commit_to_ack_seconds_bucket{le=\"10\"} 3");
	assert_line(text, "tuplecast_commit_to_ack_seconds_bucket{le=\"60\"} 4");
	assert_line(text, "tuplecast_commit_to_ack_seconds_bucket{le=\"+Inf\"} 5");
	assert_line(text, "tuplecast_commit_to_ack_seconds_count 5");
	assert_true(fabs(s.latency_sum_s - 120.002002) < 1e-6);
	free(text);
}

static void
test_publish(void **state)
{
	Stats s = {.records = 7, .state = "x"};
	Stats got;

	(void) state;
	stats_publish(&s);
	s.records = 8;
	stats_read(&got);
	assert_int_equal(got.records, 7);
	assert_string_equal(got.state, "x");
}

static void
test_livez(void **state)
{
	Stats s = {.turn_ms = 1000000,
			   .progress_ms = 1000000,
			   .source_connected = 1,
			   .sink_connected = 1};

	(void) state;
	assert_true(stats_livez(&s, 1000000).ok);
	assert_true(stats_livez(&s, 1030000).ok);
	assert_false(stats_livez(&s, 1030001).ok);
	assert_non_null(strstr(stats_livez(&s, 1035000).why, "35 s"));
	/* it turns, but nothing moves */
	s.turn_ms = 1060000;
	assert_true(stats_livez(&s, 1060000).ok);
	s.turn_ms = 1060001;
	assert_false(stats_livez(&s, 1060001).ok);
	/* which is right while a peer is away */
	s.sink_connected = 0;
	assert_true(stats_livez(&s, 1060001).ok);
	s.sink_connected = 1;
	s.source_connected = 0;
	assert_true(stats_livez(&s, 1060001).ok);
}

/* A loop that never turns is found, too. */
static void
test_livez_never_turned(void **state)
{
	Stats s = {0};

	(void) state;
	assert_true(stats_livez(&s, 5000000).ok);
	assert_true(stats_livez(&s, 5030000).ok);
	assert_false(stats_livez(&s, 5030001).ok);
}

static void
test_readyz(void **state)
{
	Stats s = {
		.turn_ms = 1000000, .progress_ms = 1000000, .state = "connecting"};

	(void) state;
	snprintf(s.last_error, sizeof(s.last_error), "no server");
	assert_false(stats_readyz(&s, 1000000).ok);
	assert_string_equal(stats_readyz(&s, 1000000).why, "connecting: no server");
	s.ready = 1;
	assert_true(stats_readyz(&s, 1000000).ok);
	assert_string_equal(stats_readyz(&s, 1000000).why, "ok");
	/* what is not alive is not ready */
	assert_false(stats_readyz(&s, 2000000).ok);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_grammar),
		cmocka_unit_test(test_resident_memory),
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_publish),
		cmocka_unit_test(test_livez),
		cmocka_unit_test(test_livez_never_turned),
		cmocka_unit_test(test_readyz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
