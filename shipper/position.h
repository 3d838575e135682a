/*
 * position.h
 *		How far the destination has the changes of a slot: the record of the
 *		position topic.
 *
 * Pure: text in, text out.  All that is at or before a position is delivered;
 * nothing is confirmed to the slot beyond one that is durable.
 */
#ifndef TUPLECAST_POSITION_H
#define TUPLECAST_POSITION_H

#include <stddef.h>

#include "err.h"
#include "record_id.h"

#define POSITION_VERSION   1
#define POSITION_MAX_BYTES (1024 * 1024)

typedef struct Position
{
	uint64_t generation; /* counts the starts from a stored position */
	char writer[40];	 /* the process that wrote it, at random */
	char system_id[24];	 /* of the database cluster */
	uint32_t timeline;
	uint64_t end_lsn; /* all transactions that end up to here are delivered */
	RecordId open; /* of the next one, up to this record; end_lsn 0: nothing */
	char options[24]; /* hash of the options that decide about records */
	char *snapshot;	  /* its progress, JSON kept as it is; owned; NULL: none */
} Position;

/* A JSON object, terminated; free() it. */
extern char *position_to_json(const Position *p);
/*
 * text need not be terminated.  false: err, of a person's concern, and *p is
 * empty; else free it with position_free().
 */
extern bool position_from_json(Position *p, const void *text, size_t len,
							   Error *err) MUST_CHECK;
extern void position_free(Position *p);
/* *to is overwritten, not freed. */
extern void position_copy(Position *to, const Position *from);

/* Hash of name, value pairs, whatever their order: 16 hexadecimal digits. */
extern void position_hash_start(uint64_t *state);
extern void position_hash_add(uint64_t *state, const char *name,
							  const char *value);
extern void position_hash_end(uint64_t state, char out[24]);

#endif /* TUPLECAST_POSITION_H */
