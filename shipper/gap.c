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

/* delete.tombstone.handling.mode, in the order of config.def */
enum
{
	DELETE_DROP,
	DELETE_TOMBSTONE,
	DELETE_REWRITE,
	DELETE_REWRITE_WITH_TOMBSTONE,
	DELETE_TO_TOMBSTONE
};
#define FORMAT_FLAT 0


/* None of its words holds what JSON escapes: names of slots and reasons are
 * of a-z, 0-9 and _. */
void
gap_text(PgText *out, const Gap *gap)
{
	pg_text_add(out,
				"{\"slot\":\"%s\",\"system\":\"%s\",\"reason\":\"%s\","
				"\"after\":\"" LSN_FORMAT "\",\"until\":\"" LSN_FORMAT
				"\",\"ts_ms\":%" PRId64 "}",
				gap->slot, gap->system_id, gap->reason,
				LSN_ARGS(gap->after_lsn), LSN_ARGS(gap->until_lsn),
				gap->found_us / 1000);
}

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
	memcpy(t->data + t->len, data, len);
	t->len += len;
}

void
gap_add_header(PgText *packed, uint16_t *count, const Gap *gap)
{
	PgText value = {0};
	uint8_t size[4];

	gap_text(&value, gap);
	wire_put_u16(size, (uint16_t) strlen(GAP_HEADER));
	add_bytes(packed, size, 2);
	add_bytes(packed, GAP_HEADER, strlen(GAP_HEADER));
	wire_put_u32(size, (uint32_t) value.len);
	add_bytes(packed, size, 4);
	add_bytes(packed, value.data, value.len);
	free(value.data);
	(*count)++;
}

bool
gap_may_be_record(const Config *cfg)
{
	if (cfg->format != FORMAT_FLAT)
		return cfg->tombstones_on_delete;
	switch (cfg->delete_mode)
	{
		case DELETE_TO_TOMBSTONE:
			return true;
		case DELETE_TOMBSTONE:
		case DELETE_REWRITE_WITH_TOMBSTONE:
			return cfg->tombstones_on_delete;
		default:
			return false;
	}
}

SinkResult
gap_put(const SinkOps *ops, Sink *sink, SinkStream *stream, const Gap *gap,
		uint64_t ticket, Error *err)
{
	PgText packed = {0};
	FrameRecord frame = {.op = WIRE_OP_TOMBSTONE, .lsn = gap->until_lsn};
	SinkRecord record = {.stream = stream,
						 .frame = &frame,
						 .end_lsn = gap->until_lsn,
						 .commit_time_us = gap->found_us,
						 .ticket = ticket};
	SinkResult result;

	gap_add_header(&packed, &frame.headers.count, gap);
	frame.headers.packed =
		(WireSlice){(const uint8_t *) packed.data, (uint32_t) packed.len};
	result = ops->put(sink, &record, err);
	free(packed.data);
	return result;
}
