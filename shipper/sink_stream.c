/*
 * sink_stream.c
 *		What the sinks share: a stream as it was announced, a record's headers,
 *		a record as a line of JSON.
 */
#include "sink_stream.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

/* ---- memory -------------------------------------------------------------- */

static void *
must_have(void *p)
{
	if (p == NULL)
	{
		log_event(LOG_ERROR, "out of memory");
		abort();
	}
	return p;
}

void *
sink_alloc(size_t size)
{
	return must_have(calloc(1, size > 0 ? size : 1));
}

char *
sink_strndup(const void *s, size_t len)
{
	char *copy = sink_alloc(len + 1);

	if (len > 0)
		memcpy(copy, s, len);
	return copy;
}

void
sink_buf_reserve(SinkBuf *b, size_t more)
{
	size_t size = b->size > 0 ? b->size : 4096;

	if (b->size - b->len >= more)
		return;
	while (size - b->len < more)
		size *= 2;
	b->data = must_have(realloc(b->data, size));
	b->size = size;
}

void
sink_buf_add(SinkBuf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	sink_buf_reserve(b, n);
	memcpy(b->data + b->len, p, n);
	b->len += n;
}

void
sink_buf_free(SinkBuf *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

/* ---- streams ------------------------------------------------------------- */

static WireSlice
keep_slice(uint8_t **room, WireSlice from)
{
	WireSlice to = {NULL, 0};

	if (from.data == NULL)
		return to;
	to.data = *room;
	to.len = from.len;
	if (from.len > 0)
		memcpy(*room, from.data, from.len);
	*room += from.len;
	return to;
}

void
stream_copy_init(StreamCopy *c, const FrameStream *f)
{
	uint8_t *room;
	bool dotted = f->schema.len > 0 && f->name.len > 0;

	c->topic = sink_strndup(f->topic.data, f->topic.len);
	c->table = sink_alloc((size_t) f->schema.len + f->name.len + 2);
	if (f->schema.len > 0)
		memcpy(c->table, f->schema.data, f->schema.len);
	if (dotted)
		c->table[f->schema.len] = '.';
	if (f->name.len > 0)
		memcpy(c->table + f->schema.len + dotted, f->name.data, f->name.len);

	room = sink_alloc((size_t) f->key_head.len + f->key_tail.len +
					  f->value_head.len + f->value_tail.len +
					  f->headers.packed.len);
	c->memory = room;
	c->key_head = keep_slice(&room, f->key_head);
	c->key_tail = keep_slice(&room, f->key_tail);
	c->value_head = keep_slice(&room, f->value_head);
	c->value_tail = keep_slice(&room, f->value_tail);
	c->text_key = (f->flags & WIRE_STREAM_TEXT_KEY) != 0;
	c->text_value = (f->flags & WIRE_STREAM_TEXT_VALUE) != 0;
	c->bytes_value = (f->flags & WIRE_STREAM_BYTES_VALUE) != 0;
	c->headers.count = f->headers.count;
	c->headers.packed = keep_slice(&room, f->headers.packed);
}

void
stream_copy_free(StreamCopy *c)
{
	free(c->topic);
	free(c->table);
	free(c->memory);
	memset(c, 0, sizeof(*c));
}

/* ---- headers ------------------------------------------------------------- */

void
sink_headers_start(SinkHeaders *h, const StreamCopy *c, const SinkRecord *r,
				   bool identity)
{
	FrameHeaders rest = r->frame->headers;
	FrameHeaders before = {0, {NULL, 0}};
	WireSlice name = {NULL, 0};
	WireSlice value;

	while (c->headers.count > 0 && frame_next_header(&rest, &name, &value))
	{
		if (name.len > 0)
			continue;
		before = r->frame->headers;
		before.count = (uint16_t) (before.count - rest.count - 1);
		break;
	}
	h->lists[0] = before;
	h->lists[1] = c->headers;
	h->lists[2] = before.packed.data != NULL ? rest : r->frame->headers;
	h->record = r;
	h->identity = identity ? 0 : 4;
}

/* Decimal digits at the end of the buffer; snprintf is too slow here. */
static WireSlice
decimal(char *buf, size_t size, uint64_t v, bool negative)
{
	char *p = buf + size;
	WireSlice s;

	do
	{
		*--p = (char) ('0' + v % 10);
		v /= 10;
	} while (v > 0);
	if (negative)
		*--p = '-';
	s.data = (const uint8_t *) p;
	s.len = (uint32_t) (buf + size - p);
	return s;
}

bool
sink_headers_next(SinkHeaders *h, WireSlice *name, WireSlice *value)
{
	static const char *const names[] = {"__lsn", "__ordinal", "__part",
										"__ts_us"};
	const SinkRecord *r = h->record;
	uint64_t v = 0;
	bool negative = false;

	for (int i = 0; i < 3; i++)
		while (frame_next_header(&h->lists[i], name, value))
			if (name->len > 0)
				return true;
	switch (h->identity)
	{
		case 0:
			v = r->end_lsn;
			break;
		case 1:
			v = r->frame->ordinal;
			break;
		case 2:
			v = r->frame->part;
			break;
		case 3:
			negative = r->commit_time_us < 0;
			v = negative ? -(uint64_t) r->commit_time_us
						 : (uint64_t) r->commit_time_us;
			break;
		default:
			return false;
	}
	name->data = (const uint8_t *) names[h->identity];
	name->len = (uint32_t) strlen(names[h->identity]);
	*value = decimal(h->text, sizeof(h->text), v, negative);
	h->identity++;
	return true;
}

/* ---- lines --------------------------------------------------------------- */

#define ADD_LITERAL(b, s) sink_buf_add((b), (s), sizeof(s) - 1)

void
sink_buf_add_string(SinkBuf *b, const void *data, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *p = data;
	size_t from = 0;

	ADD_LITERAL(b, "\"");
	for (size_t i = 0; i < len; i++)
	{
		char escape[6] = {'\\', 'u', '0', '0', 0, 0};

		if (p[i] >= 0x20 && p[i] != '"' && p[i] != '\\')
			continue;
		sink_buf_add(b, p + from, i - from);
		from = i + 1;
		if (p[i] == '"' || p[i] == '\\')
		{
			escape[1] = (char) p[i];
			sink_buf_add(b, escape, 2);
			continue;
		}
		escape[4] = hex[p[i] >> 4];
		escape[5] = hex[p[i] & 15];
		sink_buf_add(b, escape, 6);
	}
	sink_buf_add(b, p + from, len - from);
	ADD_LITERAL(b, "\"");
}

/* Bytes that need not be text, as a string. */
static void
add_base64(SinkBuf *b, const uint8_t *p, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	ADD_LITERAL(b, "\"");
	for (size_t i = 0; i < len; i += 3)
	{
		uint32_t v = (uint32_t) p[i] << 16;
		char group[4];

		if (i + 1 < len)
			v |= (uint32_t) p[i + 1] << 8;
		if (i + 2 < len)
			v |= p[i + 2];
		for (int j = 0; j < 4; j++)
			group[j] = digits[v >> (18 - 6 * j) & 63];
		if (i + 2 >= len)
			group[3] = '=';
		if (i + 1 >= len)
			group[2] = '=';
		sink_buf_add(b, group, 4);
	}
	ADD_LITERAL(b, "\"");
}

/*
 * Head, row and tail, which together are JSON.  A line feed in JSON can only
 * be white space between tokens; it would end the line, so it becomes a space.
 */
static void
add_json(SinkBuf *b, WireSlice head, WireSlice row, WireSlice tail)
{
	size_t start = b->len;
	char *p;

	if (row.data == NULL)
	{
		ADD_LITERAL(b, "null");
		return;
	}
	sink_buf_add(b, head.data, head.len);
	sink_buf_add(b, row.data, row.len);
	sink_buf_add(b, tail.data, tail.len);
	if (b->len == start)
	{
		ADD_LITERAL(b, "\"\"");
		return;
	}
	p = b->data + start;
	while ((p = memchr(p, '\n', (size_t) (b->data + b->len - p))) != NULL)
		*p++ = ' ';
}

static void
add_number(SinkBuf *b, int64_t v)
{
	char text[24];
	bool negative = v < 0;
	WireSlice s = decimal(text, sizeof(text),
						  negative ? -(uint64_t) v : (uint64_t) v, negative);

	sink_buf_add(b, s.data, s.len);
}

static void
add_headers(SinkBuf *b, SinkHeaders *h)
{
	WireSlice name;
	WireSlice value;
	bool any = false;

	while (sink_headers_next(h, &name, &value))
	{
		if (any)
			ADD_LITERAL(b, ",");
		else
			ADD_LITERAL(b, ",\"headers\":{");
		any = true;
		sink_buf_add_string(b, name.data, name.len);
		ADD_LITERAL(b, ":");
		if (value.data == NULL)
			ADD_LITERAL(b, "null");
		else
			sink_buf_add_string(b, value.data, value.len);
	}
	if (any)
		ADD_LITERAL(b, "}");
}

void
sink_line_add(SinkBuf *b, const StreamCopy *c, const SinkRecord *r,
			  bool identity)
{
	const FrameRecord *f = r->frame;
	SinkHeaders headers;

	ADD_LITERAL(b, "{\"topic\":");
	if (f->flags & WIRE_REC_TOPIC)
		sink_buf_add_string(b, f->topic.data, f->topic.len);
	else
		sink_buf_add_string(b, c->topic, strlen(c->topic));
	if (f->flags & WIRE_REC_PARTITION)
	{
		ADD_LITERAL(b, ",\"partition\":");
		add_number(b, f->partition);
	}
	if (f->flags & WIRE_REC_TIMESTAMP)
	{
		ADD_LITERAL(b, ",\"timestamp\":");
		add_number(b, f->timestamp_ms);
	}
	ADD_LITERAL(b, ",\"key\":");
	if (c->text_key && f->key.data != NULL)
		sink_buf_add_string(b, f->key.data, f->key.len);
	else
		add_json(b, c->key_head, f->key, c->key_tail);
	ADD_LITERAL(b, ",\"value\":");
	if (c->text_value && f->value.data != NULL)
		sink_buf_add_string(b, f->value.data, f->value.len);
	else if (c->bytes_value && f->value.data != NULL)
		add_base64(b, f->value.data, f->value.len);
	else
		add_json(b, c->value_head, f->value, c->value_tail);
	sink_headers_start(&headers, c, r, identity);
	add_headers(b, &headers);
	ADD_LITERAL(b, "}\n");
}
