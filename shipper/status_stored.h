/*
 * status_stored.h
 *		What `tuplecast status` tells of the position topic.
 */
#ifndef TUPLECAST_STATUS_STORED_H
#define TUPLECAST_STATUS_STORED_H

#include <jansson.h>

#include "config.h"

/* Asks the brokers, for seconds at the most.  An object to be dropped, with
 * "error" where they cannot be asked; NULL: there is no such topic. */
extern json_t *status_stored(const Config *cfg);
/* The same of a position's text. */
extern void status_stored_read(json_t *o, const char *position);
extern void status_stored_print(const json_t *o);

#endif /* TUPLECAST_STATUS_STORED_H */
