/*
 * signal_file.h
 *		The channel "file": a signal in JSON on each line.
 */
#ifndef TUPLECAST_SIGNAL_FILE_H
#define TUPLECAST_SIGNAL_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* what is read of it at once; more waits for the next look */
#define SIGNAL_FILE_MAX (1024 * 1024)

typedef struct SignalFile
{
	const char *path;
	int64_t next_ms; /* of the next look */
	int64_t size;	 /* at the last look, if its last line had no end */
	bool failed;	 /* told */
} SignalFile;

typedef void (*SignalLine)(void *arg, const char *line, size_t len);

/*
 * Takes all lines out of the file: it is empty then, as Debezium leaves it.  A
 * last line without an end waits until nobody is writing it any more.  No file
 * is no error.
 */
extern bool signal_file_take(SignalFile *f, SignalLine take, void *arg,
							 Error *err) MUST_CHECK;

#endif /* TUPLECAST_SIGNAL_FILE_H */
