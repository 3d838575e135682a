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

/* A value that is being copied, but for its holes. */
typedef struct Filling
{
	PgText *out;
	WireSlice from;
	size_t done; /* bytes of it */
	const char *marker;
} Filling;

/* Only where the plain marker does stand. */
static void
fill_hole(Filling *f, uint32_t offset)
{
	const size_t len = strlen(MARKER_PLAIN);

	if (f->from.data == NULL || offset < f->done || offset > f->from.len ||
		f->from.len - offset < len ||
		memcmp(f->from.data + offset, MARKER_PLAIN, len) != 0)
		return;
	add_bytes(f->out, f->from.data + f->done, offset - f->done);
	add_bytes(f->out, f->marker, strlen(f->marker));
	f->done = offset + len;
}

static void
fill_rest(Filling *f)
{
	add_bytes(f->out, f->from.data + f->done, f->from.len - f->done);
}

static void
fill_value(FrameRecord *r, const char *marker, PgText *value)
{
	Filling f = {.out = value, .from = r->value, .marker = marker};
	FrameHoles holes = r->holes;
	uint16_t header;
	uint32_t offset;

	if (r->value.data == NULL)
		return;
	value->len = 0;
	if (!(r->flags & WIRE_REC_HOLES))
		holes.count = 0;
	while (frame_next_hole(&holes, &header, &offset) &&
		   header == WIRE_HOLE_VALUE)
		fill_hole(&f, offset);
	fill_hole(&f, r->hole);
	if (f.done == 0)
		return;
	fill_rest(&f);
	r->value =
		(WireSlice){(const uint8_t *) value->data, (uint32_t) value->len};
}

static void
fill_header(PgText *headers, WireSlice v, const char *marker, uint32_t offset)
{
	Filling f = {.out = headers, .from = v, .marker = marker};
	size_t at = headers->len;

	add_u32(headers, 0);
	fill_hole(&f, offset);
	fill_rest(&f);
	wire_put_u32((uint8_t *) headers->data + at,
				 (uint32_t) (headers->len - at - WIRE_LENGTH_BYTES));
}

/* The next hole in a header. */
static bool
next_in_header(FrameHoles *holes, uint16_t *header, uint32_t *offset)
{
	bool found;

	do
		found = frame_next_hole(holes, header, offset);
	while (found && *header == WIRE_HOLE_VALUE);
	return found;
}

/* Their lengths change, so all are packed anew. */
static void
fill_headers(FrameRecord *r, const char *marker, PgText *headers)
{
	FrameHeaders rest = r->headers;
	FrameHoles holes = r->holes;
	uint16_t at = 0;
	uint32_t offset = 0;
	bool more = next_in_header(&holes, &at, &offset);
	WireSlice name;
	WireSlice v;

	if (!more || rest.count == 0)
		return;
	headers->len = 0;
	for (uint16_t i = 0; frame_next_header(&rest, &name, &v); i++)
	{
		bool hole = more && i == at && v.data != NULL;

		add_u16(headers, (uint16_t) name.len);
		add_bytes(headers, name.data, name.len);
		if (hole)
			fill_header(headers, v, marker, offset);
		else
		{
			add_u32(headers, v.data != NULL ? v.len : WIRE_NULL);
			add_bytes(headers, v.data, v.len);
		}
		if (more && i == at)
			more = next_in_header(&holes, &at, &offset);
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
	if (r->flags & WIRE_REC_HOLES)
		fill_headers(r, marker, headers);
}
