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
/* The key of the position there, what NULL, or of what else there is; free() it. */
extern char *kafka_place_key(const Config *cfg, const char *what);
/*
 * The last position that is committed, as text to be freed; NULL with
 * ERR_NONE: there is none.  NULL: err.  Makes no topic and fences nobody.
 * Blocks for up to 20 s where brokers do not answer.
 */
extern char *kafka_position_peek(const Config *cfg, Error *err);
/* Deletes the topic; *existed: it was there. */
extern bool kafka_admin_delete(const Config *cfg, const char *topic,
							   bool *existed, Error *err) MUST_CHECK;

#endif /* TUPLECAST_KAFKA_ADMIN_H */
