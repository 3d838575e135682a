/*
 * pg.h
 *		libpq without waiting: connecting, one command, what an error means.
 *
 * Nothing here blocks but the look-up of a host's name inside libpq.
 */
#ifndef TUPLECAST_PG_H
#define TUPLECAST_PG_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "err.h"

/* where an error happened: the same SQLSTATE means different things */
typedef enum PgStage
{
	PG_CONNECTING,
	PG_ASKING, /* IDENTIFY_SYSTEM and plain SQL */
	PG_CREATING_SLOT,
	PG_STARTING,
	PG_STREAMING,
	PG_READING /* rows of a snapshot */
} PgStage;

typedef enum PgWait
{
	PG_DONE,
	PG_WAIT_READ,  /* poll for POLLIN */
	PG_WAIT_WRITE, /* poll for POLLOUT (and POLLIN) */
	PG_FAILED
} PgWait;

/* What to connect with, ended by NULL.  The values point into cfg. */
#define PG_MAX_PARAMS 64
typedef struct PgParams
{
	const char *keywords[PG_MAX_PARAMS];
	const char *values[PG_MAX_PARAMS];
	int count;
	int hosts; /* named in the list */
	char rotated[3][1024];
	char options[8192]; /* holds secrets; the server takes 10000 bytes of all */
} PgParams;

/* The source as configured, with what our sessions need; replication: as a
 * walsender of the database. */
extern bool pg_params_build(PgParams *p, const Config *cfg, bool replication,
							Error *err) MUST_CHECK;
/* Begins the lists of hosts, addresses and ports with the host number first,
 * counted from 0 and round the list. */
extern void pg_params_first_host(PgParams *p, unsigned first);
/* The host number n alone, whatever it is. */
extern void pg_params_only_host(PgParams *p, unsigned n);
/* To the server that conn is connected to, and no other. */
extern void pg_params_same_host(PgParams *p, const PGconn *conn);
/* For PQconnectdbParams and the like; 0 if not said, in ms */
extern int64_t pg_params_timeout(const PgParams *p);

/* Starts connecting; NULL: err.  End it with PQfinish(). */
extern PGconn *pg_connect_start(const PgParams *p, Error *err) MUST_CHECK;
/* Goes on if the socket is ready for what *want, kept by the caller and at first
 * PG_WAIT_WRITE, says. */
extern PgWait pg_connect_poll(PGconn *conn, PgWait *want) MUST_CHECK;
/* SQLSTATE of a failed connection, or "" if the server did not say. */
extern void pg_connect_sqlstate(const PGconn *conn, char sqlstate[6]);

/* The result of the command sent, PG_DONE with *out NULL when there is none
 * left.  PG_FAILED: the connection is lost. */
extern PgWait pg_result_poll(PGconn *conn, PGresult **out) MUST_CHECK;

/* Fill err and return false. */
extern bool pg_connect_error(const PGconn *conn, const Config *cfg, Error *err);
extern bool pg_result_error(const PGresult *res, PgStage stage,
							const Config *cfg, Error *err);
extern bool pg_lost_error(const PGconn *conn, Error *err);

/* the role that connects, for messages */
extern const char *pg_user_name(const Config *cfg);

extern bool pg_parse_lsn(const char *text, uint64_t *lsn) MUST_CHECK;
/* A growing text for commands; quoting as the replication grammar wants it. */
typedef struct PgText
{
	char *data; /* terminated; free() it */
	size_t len;
	size_t cap;
} PgText;

extern void pg_text_add(PgText *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* doubles the quote inside and puts it around: '"' names, '\'' values */
extern void pg_text_quoted(PgText *t, const char *s, char quote);

#endif /* TUPLECAST_PG_H */
