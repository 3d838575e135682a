/*
 * sinks.h
 *		One line a sink, for the table in sink.c.
 */
#ifndef TUPLECAST_SINKS_H
#define TUPLECAST_SINKS_H

#include "sink.h"

extern const SinkOps kafka_sink_ops;
extern const SinkOps stdout_sink_ops;
extern const SinkOps file_sink_ops;

#endif /* TUPLECAST_SINKS_H */
