/*
 * links.h
 *		What the simulated connections share.  Nobody else includes it.
 */
#ifndef TUPLECAST_SIM_LINKS_H
#define TUPLECAST_SIM_LINKS_H

#include "rows.h"

#include "../../unit/frames.h"

#define PAYLOAD_FULL 2500

extern void link_lost(Error *err);
/* The announcement of a table's stream. */
extern void put_table(Bytes *b, uint32_t table);
/* A record; kind is the first byte of its value, behind which the version
 * follows. */
extern void put_row(Bytes *b, uint32_t version, uint8_t op, uint8_t flags,
					uint64_t ordinal, uint8_t part, char kind);
/* A record without a key, of the table's stream. */
extern void put_truncate(Bytes *b, uint32_t table, uint64_t ordinal);

extern void stream_begin(void);
extern void round_begin(void);
extern void second_begin(void);
/* Whether its sessions have locked the table. */
extern bool round_locks(uint32_t table);
extern bool second_locks(uint32_t table);

#endif /* TUPLECAST_SIM_LINKS_H */
