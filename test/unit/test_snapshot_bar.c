/*
 * test_snapshot_bar.c
 *		What a snapshot's progress looks like, on a terminal and in a log.
 */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <cmocka.h>

#include "log.h"
#include "snapshot_bar.h"

static int saved = -1;

static void
to(int fd)
{
	saved = dup(STDERR_FILENO);
	assert_true(saved >= 0 && dup2(fd, STDERR_FILENO) >= 0);
}

static void
back(void)
{
	dup2(saved, STDERR_FILENO);
	close(saved);
}

/* Reads into text what comes until it ends with this; a terminal may hand it
 * over in pieces. */
static void
read_until(int fd, char *text, size_t size, const char *end)
{
	size_t n = 0;

	do
	{
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t r;

		assert_int_equal(poll(&p, 1, 60000), 1);
		r = read(fd, text + n, size - 1 - n);
		assert_true(r > 0);
		n += (size_t) r;
		text[n] = '\0';
	} while (n < strlen(end) || strcmp(text + n - strlen(end), end) != 0);
}

/* Two tables, the first half read: 400 of 800 pages are done, of what is left
 * 200 are put. */
static void
make_plan(SnapshotPlan *p, SnapshotUnit *unit)
{
	SnapshotTable *t;

	snapshot_plan_init(p);
	snapshot_plan_begin(p, 1000, 50, NULL);
	t = snapshot_plan_table(p, 100, 1, "s.first", "s", "first");
	t->ranged = true;
	t->blocks = 800;
	t = snapshot_plan_table(p, 200, 1, "s.second", "s", "second");
	t->ranged = true;
	t->blocks = 800;
	snapshot_plan_begun(p, 1000);
	p->tables[0]->done.count = 0;
	snapshot_spans_add(&p->tables[0]->done,
					   (SnapshotSpan){0, SNAPSHOT_PLACE(400)});
	p->tables[0]->rows = 30000;
	*unit = (SnapshotUnit){.table = p->tables[0],
						   .span = {SNAPSHOT_PLACE(400), SNAPSHOT_NO_END},
						   .next = SNAPSHOT_PLACE(600)};
}

static void
test_a_line_of_the_terminal(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	struct winsize size = {.ws_row = 24, .ws_col = 120};
	char text[4096];
	int slave;
	SnapshotPlan p;
	SnapshotUnit u;
	SnapshotBar bar;

	(void) state;
	assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(slave >= 0 && ioctl(slave, TIOCSWINSZ, &size) == 0);
	make_plan(&p, &u);
	p.tables[0]->rows = 0;
	to(slave);
	snapshot_bar_begin(&bar, &p, 0);
	p.tables[0]->rows = 30000;
	/* too early, then in time, then an event, then narrow, then the end */
	snapshot_bar_show(&bar, &p, &u, 1, 100);
	snapshot_bar_show(&bar, &p, &u, 1, 10000);
	log_event(LOG_INFO, "an event");
	size.ws_col = 30;
	ioctl(slave, TIOCSWINSZ, &size);
	snapshot_bar_show(&bar, &p, &u, 1, 20000);
	snapshot_bar_end(&bar);
	back();
	read_until(master, text, sizeof(text), "]  37% 1\r\033[K");
	assert_ptr_equal(strstr(text, "\r\033[K[#######             ]  37% "),
					 text);
	assert_non_null(strstr(
		text,
		" 0:50 left 3000 rows/s 0/2 tables s.first: 30000 rows 75%\r\033[K"));
	assert_non_null(strstr(text, "an event\r\n\r\033[K[####"));
	/* cut to what fits, and taken away */
	assert_non_null(strstr(text, "]  37% 1\r\033[K"));
	snapshot_plan_free(&p);
	close(slave);
	close(master);
}

static void
test_lines_of_a_log(void **state)
{
	int fds[2];
	char text[4096];
	ssize_t n;
	SnapshotPlan p;
	SnapshotUnit u;
	SnapshotBar bar;

	(void) state;
	assert_int_equal(pipe(fds), 0);
	make_plan(&p, &u);
	p.tables[0]->rows = 0;
	to(fds[1]);
	snapshot_bar_begin(&bar, &p, 0);
	p.tables[0]->rows = 30000;
	snapshot_bar_show(&bar, &p, &u, 1, 9999);
	snapshot_bar_show(&bar, &p, &u, 1, 10000);
	snapshot_bar_end(&bar);
	back();
	close(fds[1]);
	n = read(fds[0], text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(
		text,
		"the snapshot goes on table=s.first table_rows=30000 table_percent=75 tables=2 finished=0 rows=30000 percent=37 rows_per_second=3000 seconds_left=50"));
	assert_null(strchr(text, '\r'));
	/* one of them */
	assert_ptr_equal(strchr(text, '\n'), text + n - 1);
	snapshot_plan_free(&p);
	close(fds[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_line_of_the_terminal),
		cmocka_unit_test(test_lines_of_a_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
