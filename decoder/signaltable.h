/*
 * signaltable.h
 *		Rows that are signals to the shipper: tuplecast.signals, and the tables of
 *		signal.data.collection.
 */
#ifndef TUPLECAST_SIGNALTABLE_H
#define TUPLECAST_SIGNALTABLE_H

#include "relcache.h"

/* Whether a relation holds signals.  Reads the catalogue. */
extern bool signal_relation(Relation rel, const PluginOptions *opts);
/* Sends a row that was inserted into one; its first three columns are id, type
 * and data. */
extern void signal_send(FrameWriter *w, Relation rel, const RowImage *row,
						XLogRecPtr lsn);

#endif /* TUPLECAST_SIGNALTABLE_H */
