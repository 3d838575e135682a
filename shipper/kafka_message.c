/*
 * kafka_message.c
 *		One record as one message: its bytes, its headers, and what it costs.
 */
#include "kafka_sink.h"

#include <stdlib.h>
#include <string.h>

#include "mutant.h"

/* beside its name and value */
#define HEADER_BYTES 64
/* larger buffers are given back after the record */
#define KEEP_BYTES ((size_t) 1 << 20)

/* head + row + tail, joined in buf only if there is something to join */
static WireSlice
join(SinkBuf *buf, WireSlice head, WireSlice row, WireSlice tail)
{
	WireSlice whole = {NULL, 0};

	if (row.data == NULL)
		return whole;
	if (head.len == 0 && tail.len == 0)
		return row;
	buf->len = 0;
	sink_buf_add(buf, head.data, head.len);
	sink_buf_add(buf, row.data, row.len);
	sink_buf_add(buf, tail.data, tail.len);
	whole.data = (const uint8_t *) buf->data;
	whole.len = (uint32_t) buf->len;
	return whole;
}

/* NULL when there are none; adds their cost. */
static rd_kafka_headers_t *
make_headers(const KafkaSender *s, const StreamCopy *c, const SinkRecord *r,
			 size_t *cost)
{
	size_t n = (size_t) c->headers.count + r->frame->headers.count +
			   (s->identity ? 4 : 0);
	rd_kafka_headers_t *list;
	SinkHeaders it;
	WireSlice name;
	WireSlice value;

	if (n == 0)
		return NULL;
	list = rd_kafka_headers_new(n);
	sink_headers_start(&it, c, r, s->identity);
	while (sink_headers_next(&it, &name, &value))
	{
		rd_kafka_header_add(list, (const char *) name.data, name.len,
							value.data, value.len);
		*cost += strnlen((const char *) name.data, name.len) + value.len +
				 HEADER_BYTES;
	}
	return list;
}

/* The cost that make_headers() added, taken from a message that comes back. */
static size_t
headers_cost(const rd_kafka_message_t *m)
{
	rd_kafka_headers_t *list;
	const char *name;
	const void *value;
	size_t size;
	size_t cost = 0;

	if (rd_kafka_message_headers(m, &list) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return 0;
	for (size_t i = 0;
		 rd_kafka_header_get_all(list, i, &name, &value, &size) == 0; i++)
		cost += strlen(name) + size + HEADER_BYTES;
	return cost;
}

/*
 * With headers, or a timestamp.  The list is handed over as a whole because
 * librdkafka before 2.12 frees headers that it made itself twice when it
 * refuses the record.
 */
static rd_kafka_resp_err_t
produce_full(KafkaSender *s, const SinkRecord *r, rd_kafka_topic_t *topic,
			 int32_t partition, WireSlice key, WireSlice value,
			 rd_kafka_headers_t *headers)
{
	rd_kafka_vu_t vu[8];
	size_t n = 0;
	rd_kafka_error_t *error;
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

	vu[n].vtype = RD_KAFKA_VTYPE_RKT;
	vu[n++].u.rkt = topic;
	vu[n].vtype = RD_KAFKA_VTYPE_PARTITION;
	vu[n++].u.i32 = partition;
	vu[n].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
	vu[n++].u.i = RD_KAFKA_MSG_F_COPY;
	vu[n].vtype = RD_KAFKA_VTYPE_KEY;
	vu[n].u.mem.ptr = (void *) key.data;
	vu[n++].u.mem.size = key.len;
	vu[n].vtype = RD_KAFKA_VTYPE_VALUE;
	vu[n].u.mem.ptr = (void *) value.data;
	vu[n++].u.mem.size = value.len;
	vu[n].vtype = RD_KAFKA_VTYPE_OPAQUE;
	vu[n++].u.ptr = (void *) (uintptr_t) r->ticket;
	if (r->frame->flags & WIRE_REC_TIMESTAMP)
	{
		vu[n].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
		vu[n++].u.i64 = r->frame->timestamp_ms;
	}
	if (headers != NULL)
	{
		vu[n].vtype = RD_KAFKA_VTYPE_HEADERS;
		vu[n++].u.headers = headers;
	}
	error = rd_kafka_produceva(s->rk, vu, n);
	if (error != NULL)
	{
		code = rd_kafka_error_code(error);
		rd_kafka_error_destroy(error);
		if (headers != NULL)
			rd_kafka_headers_destroy(headers);
	}
	return code;
}

static void
shrink(SinkBuf *b)
{
	if (b->size > KEEP_BYTES)
		sink_buf_free(b);
}

static rd_kafka_resp_err_t
send_now(KafkaSender *s, const SinkRecord *r, const StreamCopy *c,
		 rd_kafka_topic_t *topic, int32_t partition, size_t *payload,
		 size_t *cost)
{
	const FrameRecord *f = r->frame;
	WireSlice key = join(&s->key, c->key_head, f->key, c->key_tail);
	WireSlice value = join(&s->value, c->value_head, f->value, c->value_tail);
	rd_kafka_headers_t *headers;
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

	*payload = (size_t) key.len + value.len;
	*cost = *payload;
	headers = make_headers(s, c, r, cost);
	if (headers != NULL || f->flags & WIRE_REC_TIMESTAMP)
		code = produce_full(s, r, topic, partition, key, value, headers);
	else if (rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY,
							  (void *) value.data, value.len, key.data, key.len,
							  (void *) (uintptr_t) r->ticket) != 0)
		code = rd_kafka_last_error();
	shrink(&s->key);
	shrink(&s->value);
	return code;
}

#ifdef TUPLECAST_MUTANT
static WireSlice
mutant_copy(WireSlice w)
{
	void *data = w.data != NULL ? malloc(w.len + 1) : NULL;

	if (data != NULL)
		memcpy(data, w.data, w.len);
	w.data = data;
	return w;
}

/* Keeps a record back until the next one has gone. */
static rd_kafka_resp_err_t
mutant_swap(KafkaSender *s, const SinkRecord *r, const StreamCopy *c,
			rd_kafka_topic_t *topic, int32_t partition, size_t *payload,
			size_t *cost)
{
	static FrameRecord held_frame;
	static SinkRecord held;
	rd_kafka_resp_err_t code;
	rd_kafka_headers_t *headers;
	size_t held_cost;

	if (held.frame == NULL && mutant_now("swap"))
	{
		held_frame = *r->frame;
		held_frame.key = mutant_copy(held_frame.key);
		held_frame.value = mutant_copy(held_frame.value);
		held_frame.headers.packed = mutant_copy(held_frame.headers.packed);
		held = *r;
		held.frame = &held_frame;
		*payload = c->key_head.len + held_frame.key.len + c->key_tail.len +
				   c->value_head.len + held_frame.value.len + c->value_tail.len;
		*cost = *payload;
		headers = make_headers(s, c, r, cost);
		if (headers != NULL)
			rd_kafka_headers_destroy(headers);
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	}
	code = send_now(s, r, c, topic, partition, payload, cost);
	if (held.frame != NULL && code == RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		send_now(s, &held, c, topic, partition, &held_cost, &held_cost);
		held.frame = NULL;
	}
	return code;
}
#endif

rd_kafka_resp_err_t
kafka_message_send(KafkaSender *s, const SinkRecord *r, const StreamCopy *c,
				   rd_kafka_topic_t *topic, int32_t partition, size_t *payload,
				   size_t *cost)
{
#ifdef TUPLECAST_MUTANT
	return mutant_swap(s, r, c, topic, partition, payload, cost);
#else
	return send_now(s, r, c, topic, partition, payload, cost);
#endif
}

size_t
kafka_message_cost(const rd_kafka_message_t *m)
{
	return m->len + m->key_len + headers_cost(m);
}

void
kafka_sender_free(KafkaSender *s)
{
	sink_buf_free(&s->key);
	sink_buf_free(&s->value);
}
