/*
 * sink.c
 *		The sinks there are.
 */
#include "sink.h"

#include "sinks.h"

const SinkOps *
sink_configured(const Config *cfg)
{
	static const SinkOps *const sinks[] = {[SINK_KAFKA] = &kafka_sink_ops,
										   [SINK_STDOUT] = &stdout_sink_ops,
										   [SINK_FILE] = &file_sink_ops};

	return sinks[cfg->sink];
}
