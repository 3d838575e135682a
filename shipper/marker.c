/*
 * marker.c
 *		Which row of a snapshot a record is of, into its holes.
 */
#include "marker.h"

#include <stdlib.h>
#include <string.h>

static void
add_bytes(PgText *t, const void *data, size_t len)
{
	if (t->len + len > t->cap)
	{
		t->cap = (t->len + len) * 2;
		t->data = realloc(t->data, t->cap);
		if (t->data == NULL)
			abort();
	}
	if (len > 0)
		memcpy(t->data + t->len, data, len);
	t->len += len;
}

static void
add_u16(PgText *t, uint16_t v)
{
	uint8_t packed[2];

	wire_put_u16(packed, v);
	add_bytes(t, packed, sizeof(packed));
}

static void
add_u32(PgText *t, uint32_t v)
{
	uint8_t packed[4];

	wire_put_u32(packed, v);
	add_bytes(t, packed, sizeof(packed));
}

/* The plain marker does stand there. */
static bool
is_hole(WireSlice s, uint32_t offset)
{
	const size_t len = strlen(MARKER_PLAIN);

	return s.data != NULL && offset <= s.len && s.len - offset >= len &&
		   memcmp(s.data + offset, MARKER_PLAIN, len) == 0;
}

static void
add_filled(PgText *t, WireSlice s, uint32_t offset, const char *marker)
{
	const size_t end = offset + strlen(MARKER_PLAIN);

	add_bytes(t, s.data, offset);
	add_bytes(t, marker, strlen(marker));
	add_bytes(t, s.data + end, s.len - end);
}

static uint32_t
filled_len(WireSlice s, const char *marker)
{
	return (uint32_t) (s.len - strlen(MARKER_PLAIN) + strlen(marker));
}

static void
fill_value(FrameRecord *r, const char *marker, PgText *value)
{
	if (!is_hole(r->value, r->hole))
		return;
	value->len = 0;
	add_filled(value, r->value, r->hole, marker);
	r->value =
		(WireSlice){(const uint8_t *) value->data, (uint32_t) value->len};
}

/* Their lengths change, so all are packed anew. */
static void
fill_headers(FrameRecord *r, const char *marker, PgText *headers)
{
	FrameHeaders rest = r->headers;
	FrameHoles holes = r->header_holes;
	uint16_t at = 0;
	uint32_t offset = 0;
	bool more = frame_next_hole(&holes, &at, &offset);
	WireSlice name;
	WireSlice v;

	headers->len = 0;
	for (uint16_t i = 0; frame_next_header(&rest, &name, &v); i++)
	{
		add_u16(headers, (uint16_t) name.len);
		add_bytes(headers, name.data, name.len);
		if (more && i == at && is_hole(v, offset))
		{
			add_u32(headers, filled_len(v, marker));
			add_filled(headers, v, offset, marker);
		}
		else
		{
			add_u32(headers, v.data != NULL ? v.len : WIRE_NULL);
			add_bytes(headers, v.data, v.len);
		}
		if (more && i == at)
			more = frame_next_hole(&holes, &at, &offset);
	}
	r->headers.packed =
		(WireSlice){(const uint8_t *) headers->data, (uint32_t) headers->len};
}

void
marker_write(FrameRecord *r, const char *marker, PgText *value, PgText *headers)
{
	if (strcmp(marker, MARKER_PLAIN) == 0)
		return;
	if (r->flags & WIRE_REC_HOLE)
		fill_value(r, marker, value);
	if (r->flags & WIRE_REC_HEADER_HOLES)
		fill_headers(r, marker, headers);
}
