/*
 * signal_file.c
 *		The channel "file": a signal in JSON on each line.
 */
#include "signal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
failed(const SignalFile *f, const char *what, Error *err)
{
	err_set(err, ERR_CONFIG, "signal_file", "signal.file \"%.200s\": %s: %s",
			f->path, what, strerror(errno));
	err_hint(err, "It must be a file that the program's user may read and "
				  "write; signals in it are not acted on until then.");
	return false;
}

/* All that is there, or nothing if a line is being written. */
static bool
read_whole(SignalFile *f, int fd, char **text, size_t *len, Error *err)
{
	struct stat st;
	ssize_t n = 0;

	*text = NULL;
	*len = 0;
	if (fstat(fd, &st) != 0)
		return failed(f, "cannot be looked at", err);
	if (!S_ISREG(st.st_mode))
	{
		errno = EINVAL;
		return failed(f, "is no ordinary file", err);
	}
	if (st.st_size == 0)
		return true;
	if (st.st_size > SIGNAL_FILE_MAX)
	{
		errno = EFBIG;
		return failed(f, "is longer than 1 MB", err);
	}
	*text = malloc((size_t) st.st_size);
	if (*text == NULL)
		abort();
	while (*len < (size_t) st.st_size &&
		   (n = read(fd, *text + *len, (size_t) st.st_size - *len)) > 0)
		*len += (size_t) n;
	if (n < 0)
		return failed(f, "cannot be read", err);
	if (*len > 0 && (*text)[*len - 1] != '\n' && f->size != st.st_size)
	{
		f->size = st.st_size;
		*len = 0;
		return true;
	}
	f->size = 0;
	if (*len > 0 && ftruncate(fd, 0) != 0)
	{
		*len = 0;
		return failed(f, "cannot be emptied", err);
	}
	return true;
}

static void
take_lines(const char *p, size_t len, SignalLine take, void *arg)
{
	const char *end = p + len;

	while (p < end)
	{
		const char *stop = memchr(p, '\n', (size_t) (end - p));
		size_t n = (size_t) ((stop != NULL ? stop : end) - p);

		if (n > 0 && p[n - 1] == '\r')
			n--;
		for (size_t i = 0; i < n; i++)
			if (p[i] != ' ' && p[i] != '\t')
			{
				take(arg, p, n);
				break;
			}
		p = stop != NULL ? stop + 1 : end;
	}
}

bool
signal_file_take(SignalFile *f, SignalLine take, void *arg, Error *err)
{
	char *text;
	size_t len;
	bool ok;
	/* not blocked by a pipe */
	int fd = open(f->path, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOENT || failed(f, "cannot be opened", err);
	/* writers that lock it cannot lose a line between reading and emptying */
	if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
	{
		close(fd);
		return true;
	}
	ok = read_whole(f, fd, &text, &len, err);
	close(fd);
	if (ok)
		take_lines(text, len, take, arg);
	free(text);
	return ok;
}
