/*
 * marker.h
 *		Which row of a snapshot a record is of: what Debezium writes to
 *		source.snapshot, into the holes that the decoder left for it.
 */
#ifndef TUPLECAST_MARKER_H
#define TUPLECAST_MARKER_H

#include "frame_reader.h"
#include "pg.h"

/* what stands in the holes as they come */
#define MARKER_PLAIN "true"

/*
 * Writes the marker over the one that stands in the record's holes, in its
 * value and its headers.  What is changed stands in value and headers then: the
 * caller's, as long as the record is used.
 */
extern void marker_write(FrameRecord *r, const char *marker, PgText *value,
						 PgText *headers);

#endif /* TUPLECAST_MARKER_H */
