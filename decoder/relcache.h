/*
 * relcache.h
 *		What is to be done with the rows of a relation, found out once.
 */
#ifndef TUPLECAST_RELCACHE_H
#define TUPLECAST_RELCACHE_H

#include "compat.h"

#include "utils/hsearch.h"

#include "frame_writer.h"
#include "options.h"
#include "typecodec.h"

typedef struct ColumnPlan
{
	AttrNumber attnum; /* in the tuples of the leaf */
	bool in_identity;  /* in old tuples that hold only the identity */
	bool varlena;
	TypeCodec *codec;
	const char *name;	   /* database's encoding */
	const char *field;	   /* as it is published, UTF-8 */
	const char *name_json; /* ,"name": escaped, with comma and colon */
	int name_len;
	const char *null_json;		  /* for a NULL */
	const char *absent_json;	  /* for what an old tuple does not hold */
	const char *unavailable_json; /* for an unchanged TOASTed value */
	bool lost_if_unchanged;		  /* which is null then: no form for it */
	bool may_be_toasted;
	bool notnull;
	const char *default_json; /* of the column's default, or NULL */
} ColumnPlan;

/* one tuple, deformed; valid during a change */
typedef struct RowImage
{
	Datum *values;
	bool *nulls;
	bool identity_only; /* other columns are not known */
	bool present;
} RowImage;

struct Shape;

/* three classes of records, each with and without a moved key */
#define RELATION_SHAPES 6

typedef struct RelationPlan
{
	Oid relid;	/* hash key */
	bool valid; /* cleared by invalidation */
	bool captured;
	bool signals;	/* rows that are inserted are signals to the shipper */
	bool warned;	/* of a delete without identity */
	bool told_lost; /* of an unchanged value as null */
	bool is_partition;
	bool text_settings; /* some codec calls an output function */
	char replident;
	int ops;				  /* OPS_* that are published */
	struct RowFilter *filter; /* of publications; NULL: every row */
	Oid publish_relid;		  /* the root, with publish.via.partition.root */
	MemoryContext cxt;
	int natts;
	int ncolumns;
	ColumnPlan *columns; /* of the value */
	int nkey;
	ColumnPlan *key;		/* of the key; 0: null keys */
	ColumnPlan *header_key; /* the same in headers of a moved key */
	const char *key_schema; /* and their schema, JSON, or NULL */
	const char *schema;		/* database's encoding */
	const char *table;
	StreamInfo stream;		/* its id stays for good */
	StreamInfo null_stream; /* the same for nulls with a schema */
	bool flat;				/* its values are no envelopes */
	bool routed;			/* its topic is not its own */
	struct Shape **shapes;	/* shape.h; NULL: no transforms */
	bool *identity;			/* by attnum - 1: held by old tuples */
	RowImage old_row;		/* buffers, natts wide */
	RowImage new_row;
} RelationPlan;

typedef struct RelCache RelCache;
typedef struct RowFilter RowFilter;

/* Completes a plan that was built, in the plan's own memory. */
typedef void (*RelCacheBuilt)(void *arg, RelationPlan *plan);

/* Lives in, and dies with, the given context. */
extern RelCache *relcache_create(MemoryContext cxt, const PluginOptions *opts,
								 RelCacheBuilt built, void *arg);

/*
 * The plan of a relation, valid until the next call that may process
 * invalidations.  ERROR if two relations come to one topic.
 */
extern RelationPlan *relcache_get(RelCache *cache, Relation rel);

/*
 * A plan of its own, in the current context, without a cache.  captured is
 * false if the options exclude the relation.
 */
extern RelationPlan *relation_plan_build(Relation rel,
										 const PluginOptions *opts);

/* Gives a plan's streams their ids, from the given one on. */
extern void relation_plan_number(RelationPlan *plan, uint32 id);
/* ids of streams below are not of tables */
#define FIRST_TABLE_STREAM 16

#endif /* TUPLECAST_RELCACHE_H */
