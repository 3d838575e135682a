/*
 * clock.h
 *		The time, as a number.
 */
#ifndef TUPLECAST_CLOCK_H
#define TUPLECAST_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_REALTIME: since 1970 */
static inline int64_t
clock_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t) t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* CLOCK_MONOTONIC */
static inline int64_t
clock_ms(void)
{
	return clock_us(CLOCK_MONOTONIC) / 1000;
}

#endif /* TUPLECAST_CLOCK_H */
