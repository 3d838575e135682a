/*
 * sink.c
 *		The sinks there are.
 */
#include "sink.h"

#include <string.h>

#include "sinks.h"

static const SinkOps *const sinks[] = {&kafka_sink_ops, &stdout_sink_ops,
									   &file_sink_ops};

const SinkOps *
sink_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof(sinks) / sizeof(sinks[0]); i++)
		if (strcmp(sinks[i]->name, name) == 0)
			return sinks[i];
	return NULL;
}
