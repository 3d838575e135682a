/*
 * stdout_sink.c
 *		One line of JSON a record, to standard output.
 *
 * Standard output may be a pipe whose reader is slow, and is shared with other
 * processes, so it is not made non-blocking: poll() says when PIPE_BUF bytes
 * can be taken at once, and not more than these are written then.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "line_queue.h"
#include "sinks.h"

/* bytes of one turn, so that the loop goes on turning */
#define TURN_BYTES ((size_t) 1 << 20)

typedef struct StdoutSink
{
	Sink base;
	LineQueue queue;
	SinkStream *streams;
	bool identity;
	bool is_file;
	bool is_socket;
	bool blocked; /* the epoll watches standard output, not the queue */
	int epoll;
} StdoutSink;

static void
stdout_close(Sink *s)
{
	StdoutSink *so = (StdoutSink *) s;

	if (so->epoll >= 0)
		close(so->epoll);
	line_queue_free(&so->queue);
	line_streams_free(so->streams);
	free(so);
}

static bool
watch(StdoutSink *so, bool blocked)
{
	struct epoll_event out = {.events = EPOLLOUT};
	struct epoll_event wake = {.events = EPOLLIN};

	if (so->blocked == blocked)
		return true;
	so->blocked = blocked;
	if (blocked)
		return epoll_ctl(so->epoll, EPOLL_CTL_DEL, so->queue.wake, NULL) == 0 &&
			   epoll_ctl(so->epoll, EPOLL_CTL_ADD, STDOUT_FILENO, &out) == 0;
	return epoll_ctl(so->epoll, EPOLL_CTL_DEL, STDOUT_FILENO, NULL) == 0 &&
		   epoll_ctl(so->epoll, EPOLL_CTL_ADD, so->queue.wake, &wake) == 0;
}

static Sink *
stdout_open(const Config *cfg, SinkEvents events, Error *err)
{
	StdoutSink *so = sink_alloc(sizeof(*so));
	struct epoll_event wake = {.events = EPOLLIN};
	struct stat st;

	so->base.ops = &stdout_sink_ops;
	so->base.events = events;
	so->identity = cfg->identity_headers;
	so->epoll = -1;
	if (!line_queue_init(&so->queue, cfg, err))
	{
		stdout_close(&so->base);
		return NULL;
	}
	if (fstat(STDOUT_FILENO, &st) != 0)
	{
		err_set(err, ERR_ENVIRONMENT, "stdout_closed",
				"standard output is closed");
		err_hint(err, "Start tuplecast with standard output open, or choose "
					  "another sink.");
		stdout_close(&so->base);
		return NULL;
	}
	so->is_file = S_ISREG(st.st_mode);
	so->is_socket = S_ISSOCK(st.st_mode);
	so->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (so->epoll < 0 ||
		epoll_ctl(so->epoll, EPOLL_CTL_ADD, so->queue.wake, &wake) != 0)
	{
		err_set(err, ERR_RESTART, "epoll", "could not create an epoll set: %s",
				strerror(errno));
		stdout_close(&so->base);
		return NULL;
	}
	/* a reader that went away is an error of write(), not a signal */
	signal(SIGPIPE, SIG_IGN);
	return &so->base;
}

static SinkStream *
stdout_stream(Sink *s, SinkStream *old, const FrameStream *f, Error *err)
{
	(void) err;
	return line_stream_make(&((StdoutSink *) s)->streams, old, f);
}

static SinkResult
stdout_put(Sink *s, const SinkRecord *r, Error *err)
{
	StdoutSink *so = (StdoutSink *) s;

	(void) err;
	return line_queue_put(&so->queue, r, so->identity) ? SINK_OK : SINK_FULL;
}

static int
stdout_fd(Sink *s)
{
	return ((StdoutSink *) s)->epoll;
}

/* Writes once, without waiting.  -1 with EAGAIN: the reader is behind. */
static ssize_t
write_some(const StdoutSink *so, const char *data, size_t n)
{
	struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};

	if (so->is_socket)
		return send(STDOUT_FILENO, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (so->is_file)
		return write(STDOUT_FILENO, data, n);
	if (poll(&p, 1, 0) == 0)
	{
		errno = EAGAIN;
		return -1;
	}
	return write(STDOUT_FILENO, data, n < PIPE_BUF ? n : PIPE_BUF);
}

static bool
fail(StdoutSink *so, int error, Error *err)
{
	bool gone = error == EPIPE || error == ECONNRESET;
	bool full = error == ENOSPC || error == EDQUOT;

	if (gone)
	{
		err_set(err, ERR_ENVIRONMENT, "stdout_closed",
				"the reader of standard output has gone");
		err_hint(err, "Records that it did not take are not confirmed and "
					  "come again at the next start.");
	}
	else
	{
		err_set(err, full ? ERR_RETRY : ERR_ENVIRONMENT, "stdout_write",
				"could not write to standard output: %s", strerror(error));
		if (full)
			err_hint(err, "Free some space; until then nothing is confirmed.");
	}
	line_queue_note(&so->queue, err);
	return false;
}

static bool
stdout_service(Sink *s, Error *err)
{
	StdoutSink *so = (StdoutSink *) s;
	size_t turn = 0;
	size_t n;
	const char *data;
	bool blocked = false;

	while (turn < TURN_BYTES && (n = line_queue_peek(&so->queue, &data)) > 0)
	{
		ssize_t w = write_some(so, data, n);

		if (w >= 0)
		{
			line_queue_wrote(&so->queue, (size_t) w);
			turn += (size_t) w;
		}
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
		{
			blocked = true;
			break;
		}
		else if (errno != EINTR)
			return fail(so, errno, err);
	}
	line_queue_ack(&so->queue, &s->events);
	line_queue_settle(&so->queue);
	if (!watch(so, blocked))
		return err_set(err, ERR_RESTART, "epoll",
					   "could not watch standard output: %s", strerror(errno));
	return true;
}

static void
stdout_gauges(Sink *s, SinkGauges *out)
{
	line_queue_gauges(&((StdoutSink *) s)->queue, out);
}

const SinkOps stdout_sink_ops = {
	.name = "stdout",
	.open = stdout_open,
	.stream = stdout_stream,
	.put = stdout_put,
	.fd = stdout_fd,
	.service = stdout_service,
	.gauges = stdout_gauges,
	.close = stdout_close,
};
