/*
 * kafka_admin.h
 *		What is done to topics outside of the stream.  It may block.
 */
#ifndef TUPLECAST_KAFKA_ADMIN_H
#define TUPLECAST_KAFKA_ADMIN_H

#include "config.h"
#include "err.h"

/* Where run keeps the position; free() it. */
extern char *kafka_place_topic(const Config *cfg);
/* Deletes the topic; *existed: it was there. */
extern bool kafka_admin_delete(const Config *cfg, const char *topic,
							   bool *existed, Error *err) MUST_CHECK;

#endif /* TUPLECAST_KAFKA_ADMIN_H */
