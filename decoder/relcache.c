/*
 * relcache.c
 *		Plans of relations, kept by OID and rebuilt after invalidations.
 */
#include "compat.h"

#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "filter.h"
#include "json.h"
#include "relcache.h"
#include "shape.h"

struct RelCache
{
	MemoryContext cxt;
	const PluginOptions *opts;
	RelCacheBuilt built;
	void *built_arg;
	HTAB *plans;  /* by relid */
	HTAB *topics; /* by canonical name: who has it */
	uint32 last_stream_id;
	RelationPlan *last; /* asked for, or NULL; entries never move */
};

/* set in the id of a table's second stream */
#define NULL_STREAM 0x80000000u

/* the longest topic, and what Kafka's metrics make of it */
typedef struct TopicOwner
{
	char canonical[256];
	Oid relid;
	char schema[NAMEDATALEN];
	char table[NAMEDATALEN];
} TopicOwner;

/*
 * Invalidation callbacks cannot be unregistered, so they are registered once a
 * process and work on the cache that is alive, if any.
 */
static RelCache *live_cache = NULL;
static bool callbacks_registered = false;

static void
forget_cache(void *arg)
{
	if (live_cache == arg)
		live_cache = NULL;
}

static void
invalidate_all(void)
{
	HASH_SEQ_STATUS seq;
	RelationPlan *plan;

	hash_seq_init(&seq, live_cache->plans);
	while ((plan = hash_seq_search(&seq)) != NULL)
		plan->valid = false;
}

/* What a partition is published as depends on what is above it. */
static void
invalidate_partitions(void)
{
	HASH_SEQ_STATUS seq;
	RelationPlan *plan;

	hash_seq_init(&seq, live_cache->plans);
	while ((plan = hash_seq_search(&seq)) != NULL)
		if (plan->is_partition)
			plan->valid = false;
}

/* May run in the middle of any catalogue access: it only clears flags. */
static void
on_relcache_inval(Datum arg, Oid relid)
{
	RelationPlan *plan;

	if (live_cache == NULL)
		return;
	if (!OidIsValid(relid))
	{
		invalidate_all();
		return;
	}
	if (live_cache->opts->via_root || live_cache->opts->publications != NIL)
		invalidate_partitions();
	plan = hash_search(live_cache->plans, &relid, HASH_FIND, NULL);
	if (plan != NULL)
		plan->valid = false;
}

static void
on_syscache_inval(Datum arg, int cacheid, uint32 hashvalue)
{
	if (live_cache != NULL)
		invalidate_all();
}

static void
on_publication_inval(Datum arg, int cacheid, uint32 hashvalue)
{
	if (live_cache != NULL && live_cache->opts->publications != NIL)
		invalidate_all();
}

static void
register_callbacks(void)
{
	if (callbacks_registered)
		return;
	callbacks_registered = true;
	CacheRegisterRelcacheCallback(on_relcache_inval, (Datum) 0);
	/* renamed schemas, types and enum labels do not touch the relation */
	CacheRegisterSyscacheCallback(NAMESPACEOID, on_syscache_inval, (Datum) 0);
	CacheRegisterSyscacheCallback(TYPEOID, on_syscache_inval, (Datum) 0);
	CacheRegisterSyscacheCallback(ENUMOID, on_syscache_inval, (Datum) 0);
	CacheRegisterSyscacheCallback(PUBLICATIONOID, on_publication_inval,
								  (Datum) 0);
	CacheRegisterSyscacheCallback(PUBLICATIONRELMAP, on_publication_inval,
								  (Datum) 0);
	if (TC_PUBLICATION_SCHEMA_CACHE != PUBLICATIONOID)
		CacheRegisterSyscacheCallback(TC_PUBLICATION_SCHEMA_CACHE,
									  on_publication_inval, (Datum) 0);
}

RelCache *
relcache_create(MemoryContext cxt, const PluginOptions *opts,
				RelCacheBuilt built, void *arg)
{
	RelCache *cache;
	HASHCTL ctl = {0};
	MemoryContextCallback *reset;
	MemoryContext own =
		AllocSetContextCreate(cxt, "tuplecast plans", ALLOCSET_DEFAULT_SIZES);

	cache = MemoryContextAllocZero(own, sizeof(RelCache));
	cache->cxt = own;
	cache->opts = opts;
	cache->built = built;
	cache->built_arg = arg;
	cache->last_stream_id = FIRST_TABLE_STREAM - 1;
	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(RelationPlan);
	ctl.hcxt = own;
	cache->plans = hash_create("tuplecast plans", 64, &ctl,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	ctl.keysize = sizeof(((TopicOwner *) 0)->canonical);
	ctl.entrysize = sizeof(TopicOwner);
	cache->topics = hash_create("tuplecast topics", 64, &ctl,
								HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	/* shutdown_cb is not called after an error */
	reset = MemoryContextAllocZero(own, sizeof(MemoryContextCallback));
	reset->func = forget_cache;
	reset->arg = cache;
	MemoryContextRegisterResetCallback(own, reset);
	register_callbacks();
	live_cache = cache;
	return cache;
}

/*
 * Kafka takes "." and "_" for the same in the names of its metrics and refuses
 * the second of two topics that differ only so; two tables in one topic would
 * be worse.
 */
static void
claim_topic(RelCache *cache, RelationPlan *plan)
{
	char canonical[256];
	TopicOwner *owner;
	bool found;

	strlcpy(canonical, plan->stream.topic, sizeof(canonical));
	for (char *p = canonical; *p; p++)
		if (*p == '.')
			*p = '_';
	owner = hash_search(cache->topics, canonical, HASH_ENTER, &found);
	if (found && owner->relid != plan->publish_relid &&
		(strcmp(owner->schema, plan->schema) != 0 ||
		 strcmp(owner->table, plan->table) != 0))
	{
		/* does the other still have the name that it had then? */
		char *table = get_rel_name(owner->relid);
		Oid nsp = get_rel_namespace(owner->relid);
		char *schema = OidIsValid(nsp) ? get_namespace_name(nsp) : NULL;

		if (table != NULL && schema != NULL &&
			strcmp(owner->table, table) == 0 &&
			strcmp(owner->schema, schema) == 0)
			ereport(
				ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg(
					 "tables \"%s.%s\" and \"%s.%s\" come to the same topic \"%s\"",
					 owner->schema, owner->table, plan->schema, plan->table,
					 plan->stream.topic),
				 errdetail(
					 "Kafka allows letters, digits, \".\", \"_\" and \"-\" in a topic's name and takes \".\" and \"_\" for the same."),
				 errhint(
					 "Rename one of the two tables, or leave one out with table.exclude.list.")));
	}
	owner->relid = plan->publish_relid;
	strlcpy(owner->schema, plan->schema, sizeof(owner->schema));
	strlcpy(owner->table, plan->table, sizeof(owner->table));
}

RelationPlan *
relcache_get(RelCache *cache, Relation rel)
{
	Oid relid = RelationGetRelid(rel);
	bool found;
	RelationPlan *entry;
	RelationPlan *built;
	RelationPlan keep;
	MemoryContext cxt;
	MemoryContext old;

	/* changes of one table mostly come one after another */
	entry = cache->last;
	if (entry != NULL && entry->relid == relid && entry->valid)
		return entry;
	entry = hash_search(cache->plans, &relid, HASH_ENTER, &found);
	cache->last = entry;
	if (found && entry->valid)
		return entry;
	if (!found)
	{
		memset(entry, 0, sizeof(*entry));
		entry->relid = relid;
		entry->stream.id = ++cache->last_stream_id;
		if (cache->opts->transforms != NULL)
			cache->last_stream_id += RELATION_SHAPES - 1;
	}
	cxt = AllocSetContextCreate(cache->cxt, "tuplecast plan",
								ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(cxt);
	/* set before: what invalidates while we read must not be overlooked */
	entry->valid = true;
	PG_TRY();
	{
		built = relation_plan_build(rel, cache->opts);
		if (built->captured)
		{
			cache->built(cache->built_arg, built);
			/* a router may lead tables together on purpose */
			if (!built->routed)
				claim_topic(cache, built);
		}
	}
	PG_CATCH();
	{
		entry->valid = false;
		MemoryContextDelete(cxt);
		PG_RE_THROW();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);

	keep = *entry;
	if (keep.cxt != NULL)
		MemoryContextDelete(keep.cxt);
	*entry = *built;
	entry->cxt = cxt;
	entry->valid = keep.valid;
	relation_plan_number(entry, keep.stream.id);
	entry->warned = keep.warned;
	return entry;
}

void
relation_plan_number(RelationPlan *plan, uint32 id)
{
	plan->stream.id = id;
	plan->null_stream.id = id | NULL_STREAM;
	for (int i = 0; i < RELATION_SHAPES && plan->shapes != NULL; i++)
		if (i == 0 || plan->shapes[i] != plan->shapes[0])
			plan->shapes[i]->stream.id = id + i;
}
