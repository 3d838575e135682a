/*
 * compat.h
 *		Every difference between server versions, and nothing else.
 */
#ifndef TUPLECAST_COMPAT_H
#define TUPLECAST_COMPAT_H

#include "postgres.h"

#include "access/htup.h"
#include "catalog/pg_attribute.h"
#include "replication/logical.h"
#include "replication/output_plugin.h"
#include "replication/reorderbuffer.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#if PG_VERSION_NUM < 140000
#error "tuplecast needs PostgreSQL 14 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#else
extern PGDLLEXPORT void _PG_output_plugin_init(OutputPluginCallbacks *cb);
#endif

#define TC_SERVER_VERSION PG_VERSION_NUM

#if PG_VERSION_NUM >= 180000
#define TC_MODULE_MAGIC                                                        \
	PG_MODULE_MAGIC_EXT(.name = "tuplecast", .version = TUPLECAST_VERSION)
#else
#define TC_MODULE_MAGIC PG_MODULE_MAGIC
#endif

#if PG_VERSION_NUM >= 170000
#define tc_change_tuple(t) (t)
#else
#define tc_change_tuple(t) ((t) ? &(t)->tuple : NULL)
#endif

#if PG_VERSION_NUM >= 150000 && PG_VERSION_NUM < 190000
#define tc_commit_time(txn) ((txn)->xact_time.commit_time)
#else
#define tc_commit_time(txn) ((txn)->commit_time)
#endif

#if PG_VERSION_NUM >= 150000
#define tc_update_progress(ctx, skipped)                                       \
	OutputPluginUpdateProgress((ctx), (skipped))
#else
#define tc_update_progress(ctx, skipped) OutputPluginUpdateProgress(ctx)
#endif

#if PG_VERSION_NUM >= 150000
#define TC_PROGRESS_SAYS_SKIPPED 1
#define tc_flush_position()		 GetFlushRecPtr(NULL)
#else
#define TC_PROGRESS_SAYS_SKIPPED 0
#define tc_flush_position()		 GetFlushRecPtr()
#endif

/*
 * From 16 on the server itself keeps the connection alive inside a
 * transaction; before, a plugin must report every so many changes.  True when
 * it is time; "count" is the caller's.
 */
static inline bool
tc_progress_due(uint32 *count)
{
#if PG_VERSION_NUM >= 160000
	(void) count;
	return false;
#else
	if (++*count < 100)
		return false;
	*count = 0;
	return true;
#endif
}

#if PG_VERSION_NUM < 190000
typedef RepOriginId TcOriginId;
#define TC_INVALID_ORIGIN InvalidRepOriginId
#else
typedef ReplOriginId TcOriginId;
#define TC_INVALID_ORIGIN InvalidReplOriginId
#endif

/* Row filters, column lists and schemas in publications came with 15. */
#if PG_VERSION_NUM >= 150000
#define tc_schema_publications(nsp) GetSchemaPublications(nsp)
#define TC_PUBLICATION_FILTER		Anum_pg_publication_rel_prqual
#define TC_PUBLICATION_COLUMNS		Anum_pg_publication_rel_prattrs
#define TC_PUBLICATION_SCHEMA_CACHE PUBLICATIONNAMESPACEMAP
#else
#define tc_schema_publications(nsp) ((void) (nsp), NIL)
#define TC_PUBLICATION_FILTER		0
#define TC_PUBLICATION_COLUMNS		0
#define TC_PUBLICATION_SCHEMA_CACHE PUBLICATIONOID
#endif

#if PG_VERSION_NUM >= 190000
#define tc_relation_publications(relid) GetRelationIncludedPublications(relid)
#else
#define tc_relation_publications(relid) GetRelationPublications(relid)
#endif

/* Virtual columns have no value of their own in a row. */
#if PG_VERSION_NUM >= 180000
#include "rewrite/rewriteHandler.h"
#define tc_expand_generated(node, rel)                                         \
	expand_generated_columns_in_expr((node), (rel), 1)
#else
#define tc_expand_generated(node, rel) ((Node *) (node))
#endif

static inline bool
tc_attribute_is_virtual(Form_pg_attribute att)
{
#if PG_VERSION_NUM >= 180000
	return att->attgenerated == ATTRIBUTE_GENERATED_VIRTUAL;
#else
	(void) att;
	return false;
#endif
}

/* Goes on with a query that was started; the receiver says when to pause. */
#if PG_VERSION_NUM >= 180000
#define tc_executor_run(desc)                                                  \
	ExecutorRun((desc), ForwardScanDirection, (uint64) PG_INT64_MAX)
#else
#define tc_executor_run(desc)                                                  \
	ExecutorRun((desc), ForwardScanDirection, (uint64) PG_INT64_MAX, false)
#endif

/* utils/pg_locale.h wants ICU's headers where the server was built with ICU */
struct lconv;
extern struct lconv *PGLC_localeconv(void);

/* 18 takes bytes */
#include "common/base64.h"
#if PG_VERSION_NUM >= 180000
#define tc_b64_decode(src, len, dst, size)                                     \
	pg_b64_decode((src), (len), (uint8 *) (dst), (size))
#else
#define tc_b64_decode(src, len, dst, size)                                     \
	pg_b64_decode((src), (len), (dst), (size))
#endif

#endif /* TUPLECAST_COMPAT_H */
