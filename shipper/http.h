/*
 * http.h
 *		/metrics, /livez, /readyz and /status.  Absent with WITHOUT_HTTP.
 */
#ifndef TUPLECAST_HTTP_H
#define TUPLECAST_HTTP_H

#include "config.h"
#include "err.h"

/* Starts the server's own thread, or does nothing for "off".  GET only. */
extern bool http_start(const Config *cfg, Error *err) MUST_CHECK;
/* The port it listens on (http.listen may give port 0); 0: none. */
extern int http_port(void);
extern void http_stop(void);

#endif /* TUPLECAST_HTTP_H */
