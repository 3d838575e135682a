/*
 * test_http.c
 *		The HTTP port, asked over a socket.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "http.h"
#include "log.h"
#include "stats.h"

static char answer_text[65536];

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool
start(const char *listen_on, Error *err)
{
	Config cfg = {.http_listen = (char *) listen_on};

	return http_start(&cfg, err);
}

static int
connect_to(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
							.sin_port = htons((uint16_t) port),
							.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval limit = {.tv_sec = 20};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(fd, (struct sockaddr *) &a, sizeof(a)), 0);
	return fd;
}

/* The answer until the server closes; -1: no answer at all. */
static int
read_answer(int fd)
{
	size_t n = 0;
	ssize_t r;
	int status = -1;

	while ((r = read(fd, answer_text + n, sizeof(answer_text) - 1 - n)) > 0)
		n += (size_t) r;
	answer_text[n] = '\0';
	close(fd);
	sscanf(answer_text, "HTTP/1.1 %d", &status);
	return status;
}

static int
request(const char *method, const char *path)
{
	char text[512];
	int fd = connect_to(http_port());
	int n = snprintf(text, sizeof(text),
					 "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
					 "Content-Length: 0\r\n\r\n",
					 method, path);

	assert_int_equal(write(fd, text, (size_t) n), n);
	return read_answer(fd);
}

static const char *
body(void)
{
	const char *end = strstr(answer_text, "\r\n\r\n");

	assert_non_null(end);
	return end + 4;
}

static void
publish(bool ready)
{
	Stats s = {.records = 99, .ready = ready, .state = "connecting"};

	s.turn_ms = s.progress_ms = now_ms();
	stats_publish(&s);
}

static void
test_pages(void **state)
{
	Error err;

	(void) state;
	assert_true(start("127.0.0.1:0", &err));
	assert_true(http_port() > 0);
	publish(false);
	assert_int_equal(request("GET", "/metrics"), 200);
	assert_non_null(strstr(answer_text, "text/plain; version=0.0.4"));
	assert_non_null(strstr(body(), "\ntuplecast_records_total 99\n"));
	assert_int_equal(request("GET", "/livez"), 200);
	assert_string_equal(body(), "ok\n");
	assert_int_equal(request("GET", "/readyz"), 503);
	assert_string_equal(body(), "connecting\n");
	publish(true);
	assert_int_equal(request("GET", "/readyz"), 200);
	assert_string_equal(body(), "ok\n");
	assert_int_equal(request("HEAD", "/metrics"), 200);
	assert_string_equal(body(), "");
	assert_int_equal(request("GET", "/metrics?x=1"), 200);

	assert_int_equal(request("GET", "/"), 404);
	assert_non_null(strstr(body(), "/metrics /livez /readyz"));
	assert_int_equal(request("GET", "/metrics/../livez"), 404);
	assert_int_equal(request("POST", "/metrics"), 405);
	assert_non_null(strstr(answer_text, "Allow: GET, HEAD"));
	assert_int_equal(request("DELETE", "/nothing"), 405);
	http_stop();
	assert_int_equal(http_port(), 0);
	http_stop();
}

/* A request larger than the limit is refused, and the server goes on. */
static void
test_limits(void **state)
{
	char *big = malloc(100000);
	int fds[40];
	Error err;
	int fd;

	(void) state;
	memset(big, 'a', 100000);
	memcpy(big, "GET /", 5);
	assert_true(start("127.0.0.1:0", &err));
	publish(true);
	fd = connect_to(http_port());
	/* the server may close before it has read all of it */
	if (send(fd, big, 100000, MSG_NOSIGNAL) < 0)
		print_message("closed early\n");
	assert_true(read_answer(fd) != 200);
	free(big);
	assert_int_equal(request("GET", "/livez"), 200);

	/* more connections than allowed, all silent, end by the time limit */
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		fds[i] = connect_to(http_port());
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		assert_true(read_answer(fds[i]) != 200);
	assert_int_equal(request("GET", "/livez"), 200);
	http_stop();
}

static void
refused(const char *listen_on, ErrKind kind)
{
	Error err;

	assert_false(start(listen_on, &err));
	assert_int_equal(err.kind, kind);
	assert_non_null(strstr(err.text, "http.listen"));
	assert_non_null(strstr(err.text, listen_on));
	assert_true(err.hint[0] != '\0');
}

static void
test_addresses(void **state)
{
	char listen_on[64];
	struct sockaddr_in a = {.sin_family = AF_INET,
							.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	Error err;
	int fd;

	(void) state;
	assert_true(start("off", &err));
	assert_int_equal(http_port(), 0);
	refused("9847", ERR_CONFIG);
	refused("127.0.0.1:", ERR_CONFIG);
	refused("127.0.0.1:http", ERR_CONFIG);
	refused("127.0.0.1:-1", ERR_CONFIG);
	refused("127.0.0.1:65536", ERR_CONFIG);
	refused("::1:9847", ERR_CONFIG);
	refused("192.0.2.1:0", ERR_ENVIRONMENT);
	assert_true(start(":0", &err));
	publish(true);
	assert_int_equal(request("GET", "/livez"), 200);
	http_stop();
	assert_true(start("localhost:0", &err));
	http_stop();

	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *) &a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *) &a, &len), 0);
	snprintf(listen_on, sizeof(listen_on), "127.0.0.1:%d", ntohs(a.sin_port));
	refused(listen_on, ERR_ENVIRONMENT);
	close(fd);
}

static int
quiet(void **state)
{
	(void) state;
	log_init(LOG_TEXT, LOG_ERROR);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, quiet, NULL);
}
