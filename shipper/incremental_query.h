/*
 * incremental_query.h
 *		The commands of a snapshot that runs with the stream, and their answers.
 */
#ifndef TUPLECAST_INCREMENTAL_QUERY_H
#define TUPLECAST_INCREMENTAL_QUERY_H

#include "incremental.h"
#include "pg.h"

/* What tuplecast.chunk() told of the table; of the chunk that is read. */
typedef struct ChunkQuery
{
	char *columns; /* of the query */
	char *operators[3];
	char **key; /* columns, quoted */
	char **types;
	size_t nkey;
} ChunkQuery;

extern void chunk_query_free(ChunkQuery *q);

/* before anything else */
extern void incremental_session_text(PgText *sql, const Config *cfg);
extern void incremental_list_text(PgText *sql, const Config *cfg,
								  const IncrementalCollection *items,
								  size_t count);
extern void incremental_poll_text(PgText *sql);
extern void incremental_open_text(PgText *sql, const Config *cfg,
								  const IncrementalTable *t);
extern void incremental_max_text(PgText *sql, const ChunkQuery *q,
								 const IncrementalTable *t);
extern void incremental_keys_text(PgText *sql, const ChunkQuery *q,
								  const IncrementalTable *t, size_t requeued);
extern void incremental_rows_text(PgText *sql, const Config *cfg,
								  const ChunkQuery *q,
								  const IncrementalTable *t, size_t requeued);
extern void incremental_emit_text(PgText *sql, const char *message);

/* Each passes the answer on. */
extern void incremental_list_read(Incremental *inc, const PGresult *res);
extern void incremental_poll_read(Incremental *inc, const PGresult *res,
								  int64_t now_ms);
extern void incremental_open_read(Incremental *inc, ChunkQuery *q,
								  const PGresult *res);
extern void incremental_max_read(Incremental *inc, const PGresult *res);
extern void incremental_keys_read(Incremental *inc, const PGresult *res);

#endif /* TUPLECAST_INCREMENTAL_QUERY_H */
