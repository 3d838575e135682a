/*
 * http_client.h
 *		One page of the running process, for commands; it may block for seconds.
 */
#ifndef TUPLECAST_HTTP_CLIENT_H
#define TUPLECAST_HTTP_CLIENT_H

#include <stddef.h>

#include "err.h"

/* listen_on: as http.listen names it, of this machine if it has no host.  The
 * body, terminated, free() it; NULL: err. */
extern char *http_client_get(const char *listen_on, const char *path,
							 Error *err);

#endif /* TUPLECAST_HTTP_CLIENT_H */
