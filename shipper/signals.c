/*
 * signals.c
 *		SIGTERM and SIGINT, as something that poll() sees.
 */
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* the only globals: a handler has nothing else */
static int pipe_fds[2] = {-1, -1};
static volatile sig_atomic_t stops = 0;

static void
on_stop(int signo)
{
	int saved = errno;

	(void) signo;
	stops = stops + 1;
	/* a full pipe wakes the loop as well */
	if (write(pipe_fds[1], "", 1) < 0)
		errno = saved;
	errno = saved;
}

bool
signals_init(Error *err)
{
	struct sigaction sa;

	if (pipe2(pipe_fds, O_NONBLOCK | O_CLOEXEC) != 0)
		return err_set(err, ERR_RESTART, "signals", "could not make a pipe: %s",
					   strerror(errno));
	memset(&sa, 0, sizeof(sa));
	sigemptyset(&sa.sa_mask);
	sa.sa_flags = SA_RESTART;
	sa.sa_handler = on_stop;
	if (sigaction(SIGTERM, &sa, NULL) != 0 || sigaction(SIGINT, &sa, NULL) != 0)
		return err_set(err, ERR_RESTART, "signals",
					   "could not catch signals: %s", strerror(errno));
	sa.sa_handler = SIG_IGN;
	if (sigaction(SIGPIPE, &sa, NULL) != 0)
		return err_set(err, ERR_RESTART, "signals",
					   "could not ignore SIGPIPE: %s", strerror(errno));
	return true;
}

int
signals_fd(void)
{
	return pipe_fds[0];
}

int
signals_stops(void)
{
	char bytes[16];

	while (read(pipe_fds[0], bytes, sizeof(bytes)) > 0)
		;
	return stops;
}
