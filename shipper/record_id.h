/*
 * record_id.h
 *		What a record is known by: it grows strictly in a stream.
 */
#ifndef TUPLECAST_RECORD_ID_H
#define TUPLECAST_RECORD_ID_H

#include <stdbool.h>
#include <stdint.h>

typedef struct RecordId
{
	uint64_t end_lsn; /* of its transaction; 0: no record */
	uint64_t ordinal; /* of its change in the transaction */
	uint8_t part;	  /* among the records of the change */
} RecordId;

/* < 0, 0, > 0 */
static inline int
record_id_compare(RecordId a, RecordId b)
{
	if (a.end_lsn != b.end_lsn)
		return a.end_lsn < b.end_lsn ? -1 : 1;
	if (a.ordinal != b.ordinal)
		return a.ordinal < b.ordinal ? -1 : 1;
	return (int) a.part - (int) b.part;
}

#endif /* TUPLECAST_RECORD_ID_H */
