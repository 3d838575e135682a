/*
 * sink_driver.h
 *		For the tests of sinks: streams and records by hand, and a driver that
 *		offers records as the loop does and books what comes back.
 */
#ifndef TEST_SINK_DRIVER_H
#define TEST_SINK_DRIVER_H

#include <assert.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "sink.h"

#define MAX_TICKETS 400000
#define PATIENCE_MS 60000

typedef struct Driver
{
	const SinkOps *ops;
	Sink *sink;
	Config cfg;
	Error err;
	uint64_t next_ticket;
	uint64_t acked;
	uint64_t failed;
	uint64_t full;	  /* times the sink said SINK_FULL */
	uint64_t pending; /* times it said SINK_PENDING */
	Error why;		  /* of the last failure */
	uint8_t *seen;	  /* reports a ticket */
} Driver;

static inline int64_t
test_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline WireSlice
slice(const char *s)
{
	WireSlice w = {(const uint8_t *) s, s != NULL ? (uint32_t) strlen(s) : 0};

	return w;
}

/* Name, value pairs ended by NULL; a value "-" is NULL.  Static room. */
static inline FrameHeaders
headers(const char *first, ...)
{
	static uint8_t room[4][1024];
	static int turn;
	uint8_t *start = room[turn++ % 4];
	uint8_t *p = start;
	FrameHeaders h = {0};
	va_list ap;

	va_start(ap, first);
	for (const char *name = first; name != NULL; name = va_arg(ap, char *))
	{
		const char *value = va_arg(ap, const char *);
		size_t n = strlen(name);

		wire_put_u16(p, (uint16_t) n);
		memcpy(p + 2, name, n);
		p += 2 + n;
		n = strlen(value);
		if (strcmp(value, "-") == 0)
		{
			wire_put_u32(p, WIRE_NULL);
			p += 4;
		}
		else
		{
			wire_put_u32(p, (uint32_t) n);
			memcpy(p + 4, value, n);
			p += 4 + n;
		}
		h.count++;
	}
	va_end(ap);
	h.packed.data = start;
	h.packed.len = (uint32_t) (p - start);
	return h;
}

static inline void
on_acked(void *arg, uint64_t ticket)
{
	Driver *d = arg;

	assert_true(ticket > 0 && ticket <= d->next_ticket);
	assert_int_equal(d->seen[ticket]++, 0);
	d->acked++;
}

static inline void
on_failed(void *arg, uint64_t ticket, const Error *why)
{
	Driver *d = arg;

	assert_true(ticket > 0 && ticket <= d->next_ticket);
	assert_int_equal(d->seen[ticket]++, 0);
	assert_true(why->kind != ERR_NONE);
	d->failed++;
	d->why = *why;
}

static inline Driver *
driver_new(int sink)
{
	Driver *d = calloc(1, sizeof(*d));

	d->cfg.sink = sink;
	d->ops = sink_configured(&d->cfg);
	d->seen = calloc(MAX_TICKETS + 1, 1);
	d->cfg.kafka_bootstrap = (char *) "";
	d->cfg.sink_file = (char *) "";
	d->cfg.topic_prefix = (char *) "test";
	d->cfg.slot_name = (char *) "slot";
	d->cfg.position_topic = (char *) "";
	d->cfg.queue_bytes = 8 << 20;
	return d;
}

static inline bool
driver_open(Driver *d)
{
	SinkEvents ev = {.arg = d, .acked = on_acked, .failed = on_failed};

	d->sink = d->ops->open(&d->cfg, ev, &d->err);
	return d->sink != NULL;
}

static inline void
must_open(Driver *d)
{
	if (!driver_open(d))
		fail_msg("%s: %s", d->err.code, d->err.text);
}

static inline void
driver_free(Driver *d)
{
	if (d->sink != NULL)
		d->ops->close(d->sink);
	free(d->seen);
	free(d);
}

static inline SinkStream *
make_stream(Driver *d, const char *topic, const char *table)
{
	FrameStream f = {.id = 1,
					 .kind = WIRE_STREAM_TABLE,
					 .topic = slice(topic),
					 .schema = slice("public"),
					 .name = slice(table)};

	return d->ops->stream(d->sink, NULL, &f, &d->err);
}

static inline FrameRecord
record(const char *key, const char *value)
{
	FrameRecord f = {.op = WIRE_OP_CREATE,
					 .ordinal = 3,
					 .part = 1,
					 .key = slice(key),
					 .value = slice(value)};

	return f;
}

static inline SinkResult
offer(Driver *d, SinkStream *st, const FrameRecord *f)
{
	SinkRecord r = {.stream = st,
					.frame = f,
					.end_lsn = 123456789,
					.commit_time_us = 1700000000000001,
					.ticket = d->next_ticket + 1};
	SinkResult rc = d->ops->put(d->sink, &r, &d->err);

	if (rc == SINK_OK)
		d->next_ticket++;
	d->full += rc == SINK_FULL;
	d->pending += rc == SINK_PENDING;
	return rc;
}

/* One turn of a loop; false: the sink is broken. */
static inline bool
turn(Driver *d)
{
	struct pollfd p = {.fd = d->ops->fd(d->sink), .events = POLLIN};

	poll(&p, 1, 20);
	return d->ops->service(d->sink, &d->err);
}

/* Turns until the sink has taken the record, or refused it. */
static inline SinkResult
put(Driver *d, SinkStream *st, const FrameRecord *f)
{
	int64_t end = test_now_ms() + PATIENCE_MS;
	SinkResult rc;

	while ((rc = offer(d, st, f)) == SINK_FULL || rc == SINK_PENDING)
	{
		assert_true(test_now_ms() < end);
		if (!turn(d))
			return SINK_ERROR;
	}
	return rc;
}

static inline void
must_put(Driver *d, SinkStream *st, const FrameRecord *f)
{
	if (put(d, st, f) != SINK_OK)
		fail_msg("%s: %s", d->err.code, d->err.text);
}

/* Turns until everything that was put is reported; false: the sink broke. */
static inline bool
drain(Driver *d)
{
	int64_t end = test_now_ms() + PATIENCE_MS;

	while (d->acked + d->failed < d->next_ticket)
	{
		assert_true(test_now_ms() < end);
		if (!turn(d))
			return false;
	}
	return true;
}

static inline void
must_drain(Driver *d)
{
	if (!drain(d))
		fail_msg("%s: %s", d->err.code, d->err.text);
	assert_int_equal(d->failed, 0);
	assert_int_equal(d->acked, d->next_ticket);
}

static inline SinkGauges
gauges(Driver *d)
{
	SinkGauges g;

	d->ops->gauges(d->sink, &g);
	return g;
}

#endif /* TEST_SINK_DRIVER_H */
