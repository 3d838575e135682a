/*
 * line_queue.c
 *		Records as lines that wait to be written, with the tickets they carry.
 */
#include "line_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* more than this is given back once it is written */
#define KEEP_BYTES ((size_t) 1 << 20)

bool
line_queue_init(LineQueue *q, const Config *cfg, Error *err)
{
	memset(q, 0, sizeof(*q));
	q->limit = cfg->queue_bytes > 0 ? (uint64_t) cfg->queue_bytes : 1;
	q->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (q->wake < 0)
		return err_set(err, ERR_RESTART, "eventfd",
					   "could not create an eventfd: %s", strerror(errno));
	return true;
}

void
line_queue_free(LineQueue *q)
{
	sink_buf_free(&q->buf);
	free(q->marks);
	if (q->wake >= 0)
		close(q->wake);
}

static void
add_mark(LineQueue *q, uint64_t ticket)
{
	if (q->count == q->size)
	{
		size_t size = q->size > 0 ? q->size * 2 : 1024;
		LineMark *marks = sink_alloc(size * sizeof(*marks));

		for (size_t i = 0; i < q->count; i++)
			marks[i] = q->marks[(q->head + i) & (q->size - 1)];
		free(q->marks);
		q->marks = marks;
		q->size = size;
		q->head = 0;
	}
	q->marks[(q->head + q->count++) & (q->size - 1)] =
		(LineMark){.ticket = ticket, .end = q->total};
}

bool
line_queue_put(LineQueue *q, const SinkRecord *r, bool identity)
{
	size_t before = q->buf.len;

	if (before - q->taken >= q->limit)
		return false;
	sink_line_add(&q->buf, &r->stream->copy, r, identity);
	q->total += q->buf.len - before;
	add_mark(q, r->ticket);
	if (!q->woken)
		line_queue_settle(q);
	return true;
}

size_t
line_queue_peek(const LineQueue *q, const char **data)
{
	*data = q->buf.data + q->taken;
	return q->buf.len - q->taken;
}

void
line_queue_wrote(LineQueue *q, size_t n)
{
	q->taken += n;
	q->written += n;
	if (q->taken == q->buf.len)
	{
		q->taken = q->buf.len = 0;
		if (q->buf.size > KEEP_BYTES)
			sink_buf_free(&q->buf);
	}
	else if (q->taken >= KEEP_BYTES)
	{
		memmove(q->buf.data, q->buf.data + q->taken, q->buf.len - q->taken);
		q->buf.len -= q->taken;
		q->taken = 0;
	}
}

void
line_queue_ack(LineQueue *q, const SinkEvents *events)
{
	while (q->count > 0 && q->marks[q->head].end <= q->written)
	{
		uint64_t ticket = q->marks[q->head].ticket;

		q->head = (q->head + 1) & (q->size - 1);
		q->count--;
		events->acked(events->arg, ticket);
	}
}

void
line_queue_settle(LineQueue *q)
{
	bool waiting = q->count > 0;
	uint64_t n = 1;

	/* neither can fail but by a signal or a counter that is as it should be */
	if (waiting && !q->woken)
		q->woken = write(q->wake, &n, sizeof(n)) == (ssize_t) sizeof(n);
	else if (!waiting && q->woken)
		q->woken = !(read(q->wake, &n, sizeof(n)) == (ssize_t) sizeof(n) ||
					 errno == EAGAIN);
}

void
line_queue_gauges(const LineQueue *q, SinkGauges *out)
{
	memset(out, 0, sizeof(*out));
	out->queued_records = q->count;
	out->queued_bytes = q->buf.len - q->taken;
	out->connected = q->last_error[0] == '\0';
	out->transport_errors = q->failures;
	memcpy(out->last_error, q->last_error, sizeof(out->last_error));
}

void
line_queue_note(LineQueue *q, const Error *err)
{
	size_t n = strnlen(err->text, sizeof(q->last_error) - 1);

	q->failures++;
	memcpy(q->last_error, err->text, n);
	q->last_error[n] = '\0';
}

SinkStream *
line_stream_make(SinkStream **all, SinkStream *old, const FrameStream *f)
{
	SinkStream *st = old;

	if (st != NULL)
		stream_copy_free(&st->copy);
	else
	{
		st = sink_alloc(sizeof(*st));
		st->next = *all;
		*all = st;
	}
	stream_copy_init(&st->copy, f);
	return st;
}

void
line_streams_free(SinkStream *all)
{
	while (all != NULL)
	{
		SinkStream *next = all->next;

		stream_copy_free(&all->copy);
		free(all);
		all = next;
	}
}
