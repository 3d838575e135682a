/*
 * core_internal.h
 *		What the files of the core share.  Nobody else includes it.
 */
#ifndef TUPLECAST_CORE_INTERNAL_H
#define TUPLECAST_CORE_INTERNAL_H

#include "core.h"

/* ---- core_position.c ---- */
/* The next record is not another one of the same change. */
extern bool core_begins_change(const Core *c, uint64_t end_lsn,
							   uint64_t ordinal);
/* The tracker's open entry ends behind the last record; another goes on. */
extern void core_cut(Core *c);

#endif /* TUPLECAST_CORE_INTERNAL_H */
