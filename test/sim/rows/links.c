/*
 * links.c
 *		Frames as the simulated server sends them, and what is of all connections.
 */
#include "links.h"

#include <stdio.h>
#include <string.h>

#include "signals.h"

static int stops;


/* Fills err. */
void
link_lost(Error *err)
{
	err_set(err, ERR_RETRY, "sim_lost", "the connection is lost");
	totals.lost++;
}

void
put_table(Bytes *b, uint32_t table)
{
	frame_open(b, WIRE_STREAM);
	bytes_u32(b, table + 1);
	bytes_u8(b, WIRE_STREAM_TABLE);
	bytes_str(b, "topic");
	bytes_str(b, "public");
	bytes_str(b, db_published(table));
	for (int i = 0; i < 4; i++)
		bytes_blob(b, "");
	bytes_u16(b, 0);
	frame_close(b);
}

static void
open_record(Bytes *b, uint32_t table, uint8_t op, uint8_t flags,
			uint64_t ordinal, uint8_t part)
{
	frame_open(b, WIRE_RECORD);
	bytes_u32(b, table + 1);
	bytes_u8(b, op);
	bytes_u8(b, flags);
	bytes_u64(b, 0x1000);
	bytes_u64(b, ordinal);
	bytes_u8(b, part);
}

void
put_truncate(Bytes *b, uint32_t table, uint64_t ordinal)
{
	open_record(b, table, WIRE_OP_TRUNCATE, 0, ordinal, 0);
	bytes_blob(b, NULL);
	bytes_blob(b, "T");
	bytes_u16(b, 0);
	frame_close(b);
}

void
put_row(Bytes *b, uint32_t version, uint8_t op, uint8_t flags, uint64_t ordinal,
		uint8_t part, char kind)
{
	const RowVersion *v = &db.versions[version];
	char key[16];

	snprintf(key, sizeof(key), "%u", v->key);
	open_record(b, v->table, op, flags, ordinal, part);
	bytes_blob(b, key);
	if (op == WIRE_OP_TOMBSTONE)
		bytes_u32(b, WIRE_NULL);
	else
	{
		bytes_u32(b, 5);
		bytes_u8(b, (uint8_t) kind);
		memcpy(bytes_room(b, 4), &version, 4);
	}
	bytes_u16(b, 0);
	frame_close(b);
}

/* ---- all of them --------------------------------------------------------- */

void
links_begin(void)
{
	stream_begin();
	round_begin();
	second_begin();
	stops = 0;
}

bool
links_lock(uint32_t table)
{
	return round_locks(table) || second_locks(table);
}

/* ---- signals of the process ---------------------------------------------- */

void
links_sigterm(void)
{
	stops = 1;
}

int
signals_stops(void)
{
	return stops;
}

int
signals_fd(void)
{
	return -1;
}
