/*
 * source_probe.h
 *		Does the server of our stream want to shut down?
 *
 * A server that stops waits for its walsenders, and these for us: with no
 * limit, if the destination is away.  It tells nobody, but it turns away every
 * new connection, with a SQLSTATE of its own.  So one is tried, up to where the
 * server would ask for a password.
 */
#ifndef TUPLECAST_SOURCE_PROBE_H
#define TUPLECAST_SOURCE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

struct pg_conn;

typedef struct SourceProbe
{
	struct pg_conn *conn; /* NULL: none under way */
	int want;			  /* PgWait */
	int64_t deadline_ms;
} SourceProbe;

/* stream: the connection whose server is meant. */
extern void source_probe_start(SourceProbe *p, const struct pg_conn *stream,
							   int64_t now_ms);
/* true: the server shuts down.  Ends the probe once it knows. */
extern bool source_probe_next(SourceProbe *p, int64_t now_ms);
extern void source_probe_cancel(SourceProbe *p);
/* for poll(); -1: none under way */
extern int source_probe_fd(const SourceProbe *p);
extern short source_probe_events(const SourceProbe *p);

#endif /* TUPLECAST_SOURCE_PROBE_H */
