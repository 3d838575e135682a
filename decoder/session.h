/*
 * session.h
 *		What the encoder takes from the session it runs in, walsender or backend.
 */
#ifndef TUPLECAST_SESSION_H
#define TUPLECAST_SESSION_H

#include "encode.h"

/* The database's name in UTF-8, in the current context. */
extern const char *session_database_name(void);
/* encode_change(), with the forms of text that the stream has whatever the
 * session's settings are. */
extern void session_encode(Encoder *enc, Change *change);

#endif /* TUPLECAST_SESSION_H */
