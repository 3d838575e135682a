/*
 * slot_position.h
 *		Where in a slot's changes another program stopped publishing.
 */
#ifndef TUPLECAST_SLOT_POSITION_H
#define TUPLECAST_SLOT_POSITION_H

#include "pg.h"

typedef struct SlotPosition
{
	uint64_t end_lsn;  /* all up to here was published */
	bool found;		   /* the change is among those of the slot */
	uint64_t repeated; /* changes behind end_lsn that were published already */
} SlotPosition;

/*
 * Looks at the changes of a slot of ours, from start_lsn where it is, under the
 * options of the configuration.  change_lsn: of the last one published.
 */
extern bool slot_position_find(SlotPosition *out, PGconn *conn,
							   const Config *cfg, uint64_t start_lsn,
							   uint64_t change_lsn, Error *err) MUST_CHECK;

#endif /* TUPLECAST_SLOT_POSITION_H */
