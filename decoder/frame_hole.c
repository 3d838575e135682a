/*
 * frame_hole.c
 *		Where in values and headers it is said whether and which row of a snapshot
 *		a record is: the shipper fills that in.
 */
#include "compat.h"

#include "frame_internal.h"

void
frame_mark_hole(FrameWriter *w, StringInfo out, int at)
{
	if (!w->wire || w->marker == NULL || out != w->out)
		return;
	if (w->hole == 0)
		w->nholes = 0;
	else if (w->nholes < FRAME_MAX_HOLES)
		w->holes[w->nholes++] = w->hole;
	w->hole = at;
}

void
frame_move_hole(FrameWriter *w, StringInfo out, int by)
{
	if (w->hole != 0 && out == w->out)
		w->hole += by;
}

/* A transform may have done something to the value meanwhile. */
static bool
hole_is_good(const FrameWriter *w, int hole)
{
	int len;

	if (hole == 0)
		return false;
	len = strlen(w->marker);
	return hole > w->blob && hole + len < w->out->len &&
		   memcmp(w->out->data + hole, w->marker, len) == 0;
}

bool
frame_check_holes(FrameWriter *w)
{
	int n = 0;

	if (!hole_is_good(w, w->hole))
		return false;
	for (int i = 0; i < w->nholes; i++)
		if (hole_is_good(w, w->holes[i]))
			w->holes[n++] = w->holes[i];
	w->nholes = n;
	return true;
}

void
frame_put_holes(FrameWriter *w, bool hole, const RecordHeader *headers, int n)
{
	int values = hole ? w->nholes : 0;
	int count = values;

	for (int i = 0; i < n; i++)
		count += headers[i].marker > 0;
	if (count == 0)
		return;
	w->out->data[w->flags_at] |= WIRE_REC_HOLES;
	frame_put_u16(w, (uint16) count);
	for (int i = 0; i < values; i++)
	{
		frame_put_u16(w, WIRE_HOLE_VALUE);
		frame_put_u32(w, (uint32) (w->holes[i] - w->blob - WIRE_LENGTH_BYTES));
	}
	for (int i = 0; i < n; i++)
	{
		if (headers[i].marker == 0)
			continue;
		frame_put_u16(w, (uint16) i);
		frame_put_u32(w, (uint32) headers[i].marker - 1);
	}
}
