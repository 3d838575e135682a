/*
 * slot_admin.h
 *		What is done to slots outside of the stream: by init, by drop, and after
 *		the end of run.  It may block.
 */
#ifndef TUPLECAST_SLOT_ADMIN_H
#define TUPLECAST_SLOT_ADMIN_H

#include "check.h"

/* A slot as pg_replication_slots shows it. */
typedef struct SlotRow
{
	bool exists;
	bool logical;
	bool active;
	bool lost;
	char plugin[64];
	char database[64];
	uint64_t confirmed_lsn;
} SlotRow;

extern bool slot_row_read(SlotRow *row, CheckSession *s, const char *name,
						  Error *err) MUST_CHECK;
/* Drops slot.name, ours or an error.  wait: until its session is gone. */
extern bool slot_drop(const Config *cfg, bool wait, Error *err) MUST_CHECK;

#endif /* TUPLECAST_SLOT_ADMIN_H */
