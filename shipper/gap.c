/*
 * gap.c
 *		Changes are missing here: the marker of a gap.
 */
#include "gap.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lsn.h"
#include "wire.h"

/* The header's value: JSON.  None of its words holds what that escapes: names of
 * slots and reasons are of a-z, 0-9 and _. */
static void
gap_text(PgText *out, const Gap *gap)
{
	pg_text_add(out,
				"{\"slot\":\"%s\",\"system\":\"%s\",\"reason\":\"%s\","
				"\"after\":\"" LSN_FORMAT "\",\"until\":\"" LSN_FORMAT
				"\",\"ts_ms\":%" PRId64 "}",
				gap->slot, gap->system_id, gap->what->reason,
				LSN_ARGS(gap->what->after_lsn), LSN_ARGS(gap->what->until_lsn),
				gap->what->found_us / 1000);
}

static void
add_bytes(PgText *t, const void *data, size_t len)
{
	if (len == 0)
		return;
	if (t->len + len > t->cap)
	{
		t->cap = (t->len + len) * 2;
		t->data = realloc(t->data, t->cap);
		if (t->data == NULL)
			abort();
	}
	memcpy(t->data + t->len, data, len);
	t->len += len;
}

void
gap_mark(FrameRecord *r, PgText *packed, const Gap *gap)
{
	PgText value = {0};
	uint8_t size[4];

	gap_text(&value, gap);
	packed->len = 0;
	add_bytes(packed, r->headers.packed.data, r->headers.packed.len);
	wire_put_u16(size, (uint16_t) strlen(GAP_HEADER));
	add_bytes(packed, size, 2);
	add_bytes(packed, GAP_HEADER, strlen(GAP_HEADER));
	wire_put_u32(size, (uint32_t) value.len);
	add_bytes(packed, size, 4);
	add_bytes(packed, value.data, value.len);
	free(value.data);
	r->headers.count++;
	r->headers.packed =
		(WireSlice){(const uint8_t *) packed->data, (uint32_t) packed->len};
}
