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
#define TC_MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "tuplecast", .version = TUPLECAST_VERSION)
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
#define tc_update_progress(ctx, skipped) OutputPluginUpdateProgress((ctx), (skipped))
#else
#define tc_update_progress(ctx, skipped) OutputPluginUpdateProgress(ctx)
#endif

/*
 * From 16 on the server itself keeps the connection alive inside a
 * transaction; before, a plugin must report every so many changes.
 */
#if PG_VERSION_NUM >= 160000
#define TC_PROGRESS_INTERVAL 0
#else
#define TC_PROGRESS_INTERVAL 100
#endif

#if PG_VERSION_NUM < 190000
typedef RepOriginId TcOriginId;
#define TC_INVALID_ORIGIN InvalidRepOriginId
#else
typedef ReplOriginId TcOriginId;
#define TC_INVALID_ORIGIN InvalidReplOriginId
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

#endif							/* TUPLECAST_COMPAT_H */
