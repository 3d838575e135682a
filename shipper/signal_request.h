/*
 * signal_request.h
 *		What a signal asks for: Debezium's id, type and data.
 *
 * Pure: text in, a request out.
 */
#ifndef TUPLECAST_SIGNAL_REQUEST_H
#define TUPLECAST_SIGNAL_REQUEST_H

#include <stddef.h>

#include "incremental.h"

/* of a signal's data, and of a line or record that holds a whole signal */
#define SIGNAL_DATA_MAX	   65536
#define SIGNAL_MESSAGE_MAX (SIGNAL_DATA_MAX + 4096)

typedef enum SignalKind
{
	SIGNAL_UNKNOWN,
	SIGNAL_EXECUTE,
	SIGNAL_STOP,
	SIGNAL_PAUSE,
	SIGNAL_RESUME,
	SIGNAL_LOG,
	SIGNAL_WINDOW /* marks that Debezium writes for itself: of no concern */
} SignalKind;

typedef struct SignalRequest
{
	SignalKind kind;
	char *id;
	char *type;
	/* of execute and stop; of a stop none means all */
	IncrementalCollection *items;
	size_t count;
	bool blocking;		 /* type "blocking" was asked for */
	const char *message; /* of log */
	void *json;			 /* what they point into */
} SignalRequest;

/*
 * data: JSON, or NULL; it need not be terminated.  false: err says what cannot
 * be read, and *s is empty.  Else free it with signal_request_free().
 */
extern bool signal_request_parse(SignalRequest *s, const char *id,
								 const char *type, const char *data, size_t len,
								 Error *err) MUST_CHECK;
/* The same of {"id": …, "type": …, "data": {…}}, a line of a file or a record
 * of a topic. */
extern bool signal_request_read(SignalRequest *s, const char *text, size_t len,
								Error *err) MUST_CHECK;
extern void signal_request_free(SignalRequest *s);

#endif /* TUPLECAST_SIGNAL_REQUEST_H */
