/*
 * clock.c
 *		A real-time clock that jumps: preloaded, for one process.
 *
 * TEST_CLOCK names a file of 8 bytes, the nanoseconds by which the clock is
 * ahead.  What waits until a time of that clock waits as in a kernel whose
 * clock was set: a jump forward ends the wait, one back makes it longer.
 * (libfaketime knows nothing of C11's cnd_timedwait(), which librdkafka calls:
 * it would wait for an hour that never comes.)  The monotonic clock stays.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS INT64_C(1000000000)
/* how soon a wait notices a jump */
#define SLICE_NS INT64_C(20000000)

typedef int (*ClockGettime)(clockid_t, struct timespec *);
typedef int (*CndTimedwait)(cnd_t *, mtx_t *, const struct timespec *);

static const volatile int64_t none = 0;
static const volatile int64_t *ahead = &none;
static ClockGettime real_clock_gettime;
static CndTimedwait real_cnd_timedwait;

__attribute__((constructor)) static void
init(void)
{
	const char *path = getenv("TEST_CLOCK");
	int fd = path != NULL ? open(path, O_RDONLY) : -1;
	void *map = fd >= 0
					? mmap(NULL, sizeof(*ahead), PROT_READ, MAP_SHARED, fd, 0)
					: MAP_FAILED;

	*(void **) &real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	*(void **) &real_cnd_timedwait = dlsym(RTLD_NEXT, "cnd_timedwait");
	if (map == MAP_FAILED || real_clock_gettime == NULL ||
		real_cnd_timedwait == NULL)
		abort();
	ahead = map;
	close(fd);
}

static struct timespec
from_ns(int64_t ns)
{
	return (struct timespec){ns / SECOND_NS, ns % SECOND_NS};
}

static int64_t
real_ns(void)
{
	struct timespec t;

	real_clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * SECOND_NS + t.tv_nsec;
}

int
clock_gettime(clockid_t clock, struct timespec *t)
{
	int rc;

	if (real_clock_gettime == NULL)
		*(void **) &real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	rc = real_clock_gettime(clock, t);
	if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		*t = from_ns(t->tv_sec * SECOND_NS + t->tv_nsec + *ahead);
	return rc;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec t;

	(void) zone;
	clock_gettime(CLOCK_REALTIME, &t);
	*tv = (struct timeval){t.tv_sec, t.tv_nsec / 1000};
	return 0;
}

time_t
time(time_t *out)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (out != NULL)
		*out = t.tv_sec;
	return t.tv_sec;
}

int
timespec_get(struct timespec *t, int base)
{
	return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, t) == 0 ? base : 0;
}

int
cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex,
			  const struct timespec *restrict until)
{
	int64_t until_ns = until->tv_sec * SECOND_NS + until->tv_nsec;

	for (;;)
	{
		int64_t now = real_ns();
		int64_t left = until_ns - *ahead - now;
		struct timespec t;
		int rc;

		if (left > SLICE_NS)
			left = SLICE_NS;
		t = from_ns(now + (left > 0 ? left : 0));
		rc = real_cnd_timedwait(cond, mutex, &t);
		if (rc != thrd_timedout || real_ns() + *ahead >= until_ns)
			return rc;
	}
}
