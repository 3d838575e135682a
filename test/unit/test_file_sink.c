/*
 * test_file_sink.c
 *		The sinks that write lines: a file, and standard output.
 */
#include "sink_driver.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

static char dir[64];
static char path[128];

static int
make_directory(void **state)
{
	(void) state;
	log_init(LOG_TEXT, LOG_ERROR);
	snprintf(dir, sizeof(dir), "/tmp/tuplecast-test-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/records.jsonl", dir);
	return 0;
}

static int
remove_directory(void **state)
{
	(void) state;
	unlink(path);
	return rmdir(dir);
}

static Driver *
file_driver(void)
{
	Driver *d = driver_new(SINK_FILE);

	d->cfg.sink_file = path;
	return d;
}

static char *
contents(void)
{
	static char buf[65536];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, buf, sizeof(buf) - 1);
	assert_true(n >= 0);
	close(fd);
	buf[n] = '\0';
	return buf;
}

static void
write_file(const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* ---- the file -------------------------------------------------------------- */

static void
test_lines(void **state)
{
	Driver *d = file_driver();
	FrameStream fs = {.topic = slice("c.public.\"t"),
					  .schema = slice("public"),
					  .name = slice("t"),
					  .value_head = slice("{\"schema\":1,\"payload\":"),
					  .value_tail = slice("}")};
	FrameRecord f = record("{\"id\":1}", "{\"a\":\n2}");
	SinkStream *st;

	(void) state;
	unlink(path);
	d->cfg.identity_headers = true;
	must_open(d);
	fs.headers = headers("a\n", "\x01\"\\\xc3\xbc", "n", "-", NULL);
	st = d->ops->stream(d->sink, NULL, &fs, &d->err);
	must_put(d, st, &f);
	assert_int_equal(d->acked, 0);
	assert_int_equal(gauges(d).queued_records, 1);
	must_drain(d);
	assert_int_equal(gauges(d).queued_records, 0);
	assert_int_equal(gauges(d).queued_bytes, 0);
	assert_string_equal(
		contents(),
		"{\"topic\":\"c.public.\\\"t\",\"key\":{\"id\":1},"
		"\"value\":{\"schema\":1,\"payload\":{\"a\": 2}},"
		"\"headers\":{\"a\\u000a\":\"\\u0001\\\"\\\\\xc3\xbc\",\"n\":null,"
		"\"__lsn\":\"123456789\",\"__ordinal\":\"3\",\"__part\":\"1\","
		"\"__ts_us\":\"1700000000000001\"}}\n");
	driver_free(d);
}

static void
test_nulls_and_own_topic(void **state)
{
	Driver *d = file_driver();
	SinkStream *st;
	FrameRecord f = record(NULL, NULL);

	(void) state;
	unlink(path);
	must_open(d);
	st = make_stream(d, "t", "t");
	must_put(d, st, &f);
	f = record("1", "");
	f.flags = WIRE_REC_TOPIC | WIRE_REC_PARTITION | WIRE_REC_TIMESTAMP;
	f.topic = slice("own");
	f.partition = 4;
	f.timestamp_ms = -5;
	must_put(d, st, &f);
	must_drain(d);
	assert_string_equal(contents(),
						"{\"topic\":\"t\",\"key\":null,\"value\":null}\n"
						"{\"topic\":\"own\",\"partition\":4,\"timestamp\":-5,"
						"\"key\":1,\"value\":\"\"}\n");
	driver_free(d);
}

static void
reopened(const char *before, const char *kept)
{
	Driver *d = file_driver();
	FrameRecord f = record("1", "2");
	char expected[32768];
	SinkStream *st;

	write_file(before);
	must_open(d);
	st = make_stream(d, "t", "t");
	must_put(d, st, &f);
	must_drain(d);
	snprintf(expected, sizeof(expected),
			 "%s{\"topic\":\"t\",\"key\":1,\"value\":2}\n", kept);
	assert_string_equal(contents(), expected);
	driver_free(d);
}

/* What a crash left of a line is cut off; whole lines stay. */
static void
test_torn_line(void **state)
{
	char big[20020];

	(void) state;
	reopened("", "");
	reopened("{\"a\":1}\n", "{\"a\":1}\n");
	reopened("{\"a\":1}\n{\"b\"", "{\"a\":1}\n");
	reopened("{\"only a piece", "");
	/* longer than what is read at once */
	memset(big, 'x', sizeof(big));
	memcpy(big, "{\"a\":1}\n", 8);
	big[sizeof(big) - 1] = '\0';
	reopened(big, "{\"a\":1}\n");
	/* a line feed just where one piece ends and the next begins */
	big[sizeof(big) - 1 - 8192] = '\n';
	big[sizeof(big) - 8192] = '\0';
	reopened(big, big);
}

static void
test_full_then_ok(void **state)
{
	Driver *d = file_driver();
	FrameRecord f = record("1", "\"0123456789\"");
	SinkStream *st;

	(void) state;
	unlink(path);
	d->cfg.queue_bytes = 200;
	must_open(d);
	st = make_stream(d, "t", "t");
	for (int i = 0; i < 5000; i++)
		must_put(d, st, &f);
	must_drain(d);
	assert_true(d->full > 0);
	driver_free(d);
}

/* No space: nothing is acked, and the file is as it was before. */
static void
test_no_space(void **state)
{
	Driver *d = file_driver();
	struct rlimit before;
	struct rlimit small;
	FrameRecord f = record("1", "\"0123456789\"");
	SinkStream *st;

	(void) state;
	write_file("{\"a\":1}\n");
	/* the limit of a file's size stands for a full disk: EFBIG, cut short */
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 30;
	must_open(d);
	st = make_stream(d, "t", "t");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	must_put(d, st, &f);
	assert_false(drain(d));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(d->acked, 0);
	assert_non_null(strstr(d->err.text, path));
	assert_false(gauges(d).connected);
	assert_string_equal(contents(), "{\"a\":1}\n");
	driver_free(d);
}

static void
test_device_full(void **state)
{
	int fd = open("/dev/full", O_WRONLY);
	int saved = dup(STDOUT_FILENO);
	Driver *d = driver_new(SINK_STDOUT);
	FrameRecord f = record("1", "2");
	SinkStream *st;
	bool ok;

	(void) state;
	assert_true(fd >= 0 && saved >= 0);
	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	must_open(d);
	st = make_stream(d, "t", "t");
	must_put(d, st, &f);
	ok = drain(d);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(fd);
	assert_false(ok);
	assert_int_equal(d->err.kind, ERR_RETRY);
	assert_true(d->err.hint[0] != '\0');
	assert_int_equal(d->acked, 0);
	driver_free(d);
}

static void
refused_file(const char *name, ErrKind kind)
{
	Driver *d = file_driver();

	d->cfg.sink_file = (char *) name;
	assert_false(driver_open(d));
	assert_int_equal(d->err.kind, kind);
	assert_non_null(strstr(d->err.text[0] != '\0' ? d->err.text : "",
						   name[0] != '\0' ? name : "sink.file.path"));
	assert_true(d->err.hint[0] != '\0');
	driver_free(d);
}

static void
test_refused_files(void **state)
{
	Driver *d;

	(void) state;
	refused_file("", ERR_CONFIG);
	refused_file("/no/such/directory/file", ERR_ENVIRONMENT);
	refused_file("/dev/null", ERR_CONFIG);
	/* two at once */
	d = file_driver();
	must_open(d);
	refused_file(path, ERR_RETRY);
	driver_free(d);
	d = file_driver();
	must_open(d);
	driver_free(d);
}

/* ---- standard output ------------------------------------------------------- */

/* Standard output goes to a pipe (or socket pair) while fn runs. */
static void
with_stdout(int out, void (*fn)(int in), int in)
{
	int saved = dup(STDOUT_FILENO);

	assert_true(saved >= 0);
	fflush(stdout);
	assert_int_equal(dup2(out, STDOUT_FILENO), STDOUT_FILENO);
	close(out);
	fn(in);
	fflush(stdout);
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	close(saved);
}

static bool
readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/* A slow reader never blocks the sink, and gets all lines in their order. */
static void
slow_reader(int in)
{
	Driver *d = driver_new(SINK_STDOUT);
	FrameRecord f;
	char value[512];
	char *got = calloc(1, 4 << 20);
	size_t n = 0;
	size_t lines = 0;
	uint64_t stuck;
	SinkStream *st;

	memset(value, '9', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	f = record("1", value);
	d->cfg.queue_bytes = 300000;
	must_open(d);
	assert_false(readable(d->ops->fd(d->sink)));
	st = make_stream(d, "t", "t");
	/* nobody reads: the queue fills up, and the descriptor stays quiet */
	do
	{
		assert_true(d->ops->service(d->sink, &d->err));
	} while (offer(d, st, &f) == SINK_OK);
	assert_false(readable(d->ops->fd(d->sink)));
	stuck = d->acked;
	assert_true(stuck > 0 && stuck < d->next_ticket);
	/* a reader comes */
	while (d->acked < d->next_ticket)
	{
		ssize_t r = read(in, got + n, 3000);

		assert_true(r > 0);
		n += (size_t) r;
		assert_true(turn(d));
	}
	while (lines < d->next_ticket)
	{
		char *end = got + n;

		lines = 0;
		for (char *p = got; (p = memchr(p, '\n', (size_t) (end - p))) != NULL;
			 p++)
			lines++;
		if (lines < d->next_ticket)
		{
			ssize_t r = read(in, got + n, 3000);

			assert_true(r > 0);
			n += (size_t) r;
		}
	}
	assert_int_equal(got[n - 1], '\n');
	assert_int_equal(n % d->next_ticket, 0);
	free(got);
	driver_free(d);
}

static void
test_stdout_slow_reader(void **state)
{
	int fds[2];

	(void) state;
	assert_int_equal(pipe(fds), 0);
	with_stdout(fds[1], slow_reader, fds[0]);
	close(fds[0]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	with_stdout(fds[1], slow_reader, fds[0]);
	close(fds[0]);
}

static void
reader_gone(int in)
{
	Driver *d = driver_new(SINK_STDOUT);
	FrameRecord f = record("1", "2");
	SinkStream *st;

	must_open(d);
	st = make_stream(d, "t", "t");
	close(in);
	must_put(d, st, &f);
	assert_false(drain(d));
	assert_int_equal(d->err.kind, ERR_ENVIRONMENT);
	assert_string_equal(d->err.code, "stdout_closed");
	assert_int_equal(d->acked, 0);
	driver_free(d);
}

static void
test_stdout_reader_gone(void **state)
{
	int fds[2];

	(void) state;
	assert_int_equal(pipe(fds), 0);
	with_stdout(fds[1], reader_gone, fds[0]);
}

static void
to_file(int in)
{
	Driver *d = driver_new(SINK_STDOUT);
	FrameRecord f = record("1", "2");
	SinkStream *st;

	(void) in;
	must_open(d);
	st = make_stream(d, "t", "t");
	for (int i = 0; i < 3; i++)
		must_put(d, st, &f);
	must_drain(d);
	driver_free(d);
}

static void
test_stdout_to_file(void **state)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);

	(void) state;
	assert_true(fd >= 0);
	with_stdout(fd, to_file, -1);
	assert_string_equal(contents(),
						"{\"topic\":\"t\",\"key\":1,\"value\":2}\n"
						"{\"topic\":\"t\",\"key\":1,\"value\":2}\n"
						"{\"topic\":\"t\",\"key\":1,\"value\":2}\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_nulls_and_own_topic),
		cmocka_unit_test(test_torn_line),
		cmocka_unit_test(test_full_then_ok),
		cmocka_unit_test(test_no_space),
		cmocka_unit_test(test_device_full),
		cmocka_unit_test(test_refused_files),
		cmocka_unit_test(test_stdout_slow_reader),
		cmocka_unit_test(test_stdout_reader_gone),
		cmocka_unit_test(test_stdout_to_file),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
