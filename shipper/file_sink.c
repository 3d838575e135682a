/*
 * file_sink.c
 *		One line of JSON a record, appended to a file and synchronised before any
 *		record is acknowledged.
 *
 * All that gathered in a turn of the loop is one write and one fdatasync().
 * After a failure the file is cut back to what is known to be on disk, so that
 * the records, which come again, stand in it once; a line without its end, as
 * a crash leaves it, is cut off when the file is opened.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "line_queue.h"
#include "log.h"
#include "sinks.h"

typedef struct FileSink
{
	Sink base;
	LineQueue queue;
	SinkStream *streams;
	bool identity;
	char *path;
	int fd;
	off_t synced; /* bytes of the file that are on disk */
} FileSink;

static void
file_close(Sink *s)
{
	FileSink *fs = (FileSink *) s;

	if (fs->fd >= 0)
		close(fs->fd);
	line_queue_free(&fs->queue);
	line_streams_free(fs->streams);
	free(fs->path);
	free(fs);
}

static bool
fail(FileSink *fs, const char *what, int error, Error *err)
{
	bool full = error == ENOSPC || error == EDQUOT;
	/* a disk that fails may be back when the file is opened anew */
	bool retry = full || error == EIO;

	err_set(err, retry ? ERR_RETRY : ERR_ENVIRONMENT,
			full ? "file_no_space" : "file_failed", "could not %s \"%s\": %s",
			what, fs->path, strerror(error));
	if (full)
		err_hint(err, "Free some space on its file system; until then nothing "
					  "is confirmed, and records wait in the server's WAL.");
	else if (error == ENOENT || error == EACCES || error == EROFS)
		err_hint(err, "Make its directory, and let the user that tuplecast "
					  "runs as write there; or set sink.file.path.");
	line_queue_note(&fs->queue, err);
	return false;
}

/* Where the last whole line ends; -1 and errno if the file cannot be read. */
static off_t
end_of_lines(int fd, off_t size)
{
	char buf[8192];
	off_t end = size;

	while (end > 0)
	{
		size_t n = end < (off_t) sizeof(buf) ? (size_t) end : sizeof(buf);
		ssize_t got = pread(fd, buf, n, end - (off_t) n);
		const char *feed;

		if (got < 0 && errno == EINTR)
			continue;
		if (got != (ssize_t) n)
		{
			if (got >= 0)
				errno = EIO;
			return -1;
		}
		feed = memrchr(buf, '\n', n);
		if (feed != NULL)
			return end - (off_t) n + (feed - buf) + 1;
		end -= (off_t) n;
	}
	return 0;
}

/* The entry of a new file must be as durable as its contents. */
static bool
sync_directory(const char *path)
{
	char *copy = sink_strndup(path, strlen(path));
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;
	int error = errno;

	if (fd >= 0)
		close(fd);
	free(copy);
	errno = error;
	return ok;
}

static bool
open_file(FileSink *fs, Error *err)
{
	struct stat st;
	off_t end;

	fs->fd = open(fs->path,
				  O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640);
	if (fs->fd < 0)
		return fail(fs, "open", errno, err);
	if (fstat(fs->fd, &st) != 0)
		return fail(fs, "examine", errno, err);
	if (!S_ISREG(st.st_mode))
	{
		err_set(err, ERR_CONFIG, "file_not_regular",
				"\"%s\" is not a regular file", fs->path);
		err_hint(err,
				 "Set sink.file.path to a file; for a pipe use sink=stdout "
				 "and the shell's redirection.");
		return false;
	}
	if (flock(fs->fd, LOCK_EX | LOCK_NB) != 0)
	{
		if (errno != EWOULDBLOCK)
			return fail(fs, "lock", errno, err);
		err_set(err, ERR_RETRY, "file_in_use",
				"another process writes to \"%s\"", fs->path);
		err_hint(err, "Give each tuplecast a sink.file.path of its own.");
		return false;
	}
	/* only now: the size may have changed before the lock was ours */
	if (fstat(fs->fd, &st) != 0)
		return fail(fs, "examine", errno, err);
	end = end_of_lines(fs->fd, st.st_size);
	if (end < 0)
		return fail(fs, "read", errno, err);
	if (end < st.st_size)
	{
		if (ftruncate(fs->fd, end) != 0)
			return fail(fs, "truncate", errno, err);
		log_event(LOG_WARN, "cut off a line without an end, left by a crash",
				  F_STR("path", fs->path), F_INT("bytes", st.st_size - end));
	}
	if (fsync(fs->fd) != 0 || !sync_directory(fs->path))
		return fail(fs, "synchronise", errno, err);
	fs->synced = end;
	return true;
}

static Sink *
file_open(const Config *cfg, SinkEvents events, Error *err)
{
	FileSink *fs = sink_alloc(sizeof(*fs));
	bool ok;

	fs->base.ops = &file_sink_ops;
	fs->base.events = events;
	fs->identity = cfg->identity_headers;
	fs->path = sink_strndup(cfg->sink_file, strlen(cfg->sink_file));
	fs->fd = -1;
	ok = line_queue_init(&fs->queue, cfg, err);
	if (ok && fs->path[0] == '\0')
	{
		ok = err_set(err, ERR_CONFIG, "sink_file_missing",
					 "sink=file needs sink.file.path");
		err_hint(err, "Set sink.file.path to the file that records are "
					  "appended to.");
	}
	if (!ok || !open_file(fs, err))
	{
		file_close(&fs->base);
		return NULL;
	}
	return &fs->base;
}

static SinkStream *
file_stream(Sink *s, SinkStream *old, const FrameStream *f, Error *err)
{
	(void) err;
	return line_stream_make(&((FileSink *) s)->streams, old, f);
}

static SinkResult
file_put(Sink *s, const SinkRecord *r, Error *err)
{
	FileSink *fs = (FileSink *) s;

	(void) err;
	return line_queue_put(&fs->queue, r, fs->identity) ? SINK_OK : SINK_FULL;
}

static int
file_fd(Sink *s)
{
	return ((FileSink *) s)->queue.wake;
}

static bool
fail_and_cut(FileSink *fs, const char *what, Error *err)
{
	int error = errno;

	if (ftruncate(fs->fd, fs->synced) != 0)
		log_event(LOG_WARN,
				  "could not cut the file back: records in it come again",
				  F_STR("path", fs->path), F_STR("error", strerror(errno)));
	return fail(fs, what, error, err);
}

static bool
file_service(Sink *s, Error *err)
{
	FileSink *fs = (FileSink *) s;
	const char *data;
	size_t n = line_queue_peek(&fs->queue, &data);
	size_t done = 0;

	while (done < n)
	{
		ssize_t w = write(fs->fd, data + done, n - done);

		if (w >= 0)
			done += (size_t) w;
		else if (errno != EINTR)
			return fail_and_cut(fs, "write to", err);
	}
	if (n > 0)
	{
		if (fdatasync(fs->fd) != 0)
			return fail_and_cut(fs, "synchronise", err);
		fs->synced += (off_t) n;
		line_queue_wrote(&fs->queue, n);
	}
	line_queue_ack(&fs->queue, &s->events);
	line_queue_settle(&fs->queue);
	return true;
}

static void
file_gauges(Sink *s, SinkGauges *out)
{
	line_queue_gauges(&((FileSink *) s)->queue, out);
}

const SinkOps file_sink_ops = {
	.name = "file",
	.open = file_open,
	.stream = file_stream,
	.put = file_put,
	.fd = file_fd,
	.service = file_service,
	.gauges = file_gauges,
	.close = file_close,
};
