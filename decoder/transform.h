/*
 * transform.h
 *		The option "transforms": an ordered chain of what Kafka Connect calls
 *		single message transforms.
 *
 * Steps are separated by ";", their words by blanks.  The first word is the
 * step, the others are NAME=VALUE; in a value, "%XX" is a byte in hex, which
 * is how a blank, a ";" and a "%" are written:
 *
 *		unwrap
 *			ExtractNewRecordState: what stands before it sees the envelope,
 *			what stands after it the flat row; drop.fields.header.name=
 *			drop.fields.from.key= drop.fields.keep.schema.compatible=
 *		regex-router regex= replacement=
 *		logical-router topic.regex= topic.replacement= key.enforce.uniqueness=
 *				key.field.name= key.field.regex= key.field.replacement=
 *		insert-field of= topic.field= partition.field= timestamp.field=
 *				static.field= static.value=
 *		insert-header header= value.literal=
 *		replace-field of= include= exclude= renames=
 *		mask-field of= fields= replacement=
 *		cast of= spec=
 *		timestamp-converter of= field= target.type= format= unix.precision=
 *		value-to-key fields=
 *		extract-key field=
 *		timezone-converter converted.timezone= include.list= exclude.list=
 *		outbox (the names of io.debezium.transforms.outbox.EventRouter)
 *
 * "of" is "key" or "value".  The other names are those of the class.  Any step
 * may have alias= (its name in messages) and a predicate: one of if.topic=REGEX
 * if.tombstone=true if.header=NAME, and with it if.not=true.
 */
#ifndef TUPLECAST_TRANSFORM_H
#define TUPLECAST_TRANSFORM_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "route.h"

typedef enum StepKind
{
	STEP_UNWRAP,
	STEP_REGEX_ROUTER,
	STEP_LOGICAL_ROUTER,
	STEP_INSERT_FIELD,
	STEP_INSERT_HEADER,
	STEP_REPLACE_FIELD,
	STEP_MASK_FIELD,
	STEP_CAST,
	STEP_TIMESTAMP,
	STEP_VALUE_TO_KEY,
	STEP_EXTRACT_KEY,
	STEP_TIMEZONE,
	STEP_OUTBOX
} StepKind;

typedef enum PredicateKind
{
	PREDICATE_NONE,
	PREDICATE_TOPIC,
	PREDICATE_TOMBSTONE,
	PREDICATE_HEADER
} PredicateKind;

typedef struct StepArg
{
	char *name;
	char *value;
} StepArg;

typedef struct TransformStep
{
	StepKind kind;
	const char *word;
	const char *alias;
	bool of_key;
	List *args; /* of StepArg * */
	PredicateKind predicate;
	text *topics;		/* PREDICATE_TOPIC */
	const char *header; /* PREDICATE_HEADER */
	bool negate;
	Route *route;	  /* of the routers and the outbox */
	Route *key_route; /* key.field.regex, or NULL */
} TransformStep;

typedef struct TransformChain
{
	int nsteps;
	TransformStep *steps;
	bool unwraps;  /* has a step "unwrap" */
	bool by_class; /* a predicate looks at the record */
} TransformChain;

/* The chain, or NULL of an empty text; ERROR if it is not valid. */
extern TransformChain *transform_chain_parse(const char *option,
											 const char *value);
/* A word's value, or the default. */
extern const char *transform_arg(const TransformStep *step, const char *name,
								 const char *def);
extern bool transform_arg_bool(const TransformStep *step, const char *name,
							   bool def);
/* Items of a comma-separated value, in UTF-8. */
extern List *transform_arg_list(const TransformStep *step, const char *name);
/* The same of a whole value; NULL if it is not there. */
extern const char *transform_arg_utf8(const TransformStep *step,
									  const char *name);

#endif /* TUPLECAST_TRANSFORM_H */
