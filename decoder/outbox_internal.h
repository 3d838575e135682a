/*
 * outbox_internal.h
 *		What the outbox*.c files share.
 */
#ifndef TUPLECAST_OUTBOX_INTERNAL_H
#define TUPLECAST_OUTBOX_INTERNAL_H

#include "outbox.h"
#include "shape_internal.h"

/* ShapeField.meta of the payload itself */
#define PAYLOAD_MARK 1

typedef enum Placement
{
	PLACE_HEADER,
	PLACE_ENVELOPE,
	PLACE_PARTITION
} Placement;

typedef struct Additional
{
	Placement placement;
	const char *alias;
	const ShapeField *field;
} Additional;

struct OutboxPlan
{
	const TransformStep *step;
	const TransformChain *chain;
	const ShapeField *id;
	const ShapeField *key;
	const ShapeField *payload;
	const ShapeField *route;
	const ShapeField *timestamp; /* or NULL */
	const ShapeField *version;	 /* or NULL */
	const char *payload_name;
	int nadditional;
	Additional *additional;
	bool enveloped; /* the value is a struct around the payload */
	bool expand;
	bool keep_nulls;
	bool tombstones;
	bool fatal;
	bool warned;
	const RelationPlan *table;
	int after;		   /* the first step behind it */
	MemoryContext cxt; /* of the plan */
	List *events;	   /* of EventShape *: those of the topics so far */
};

/* what the steps behind it make of the events of one topic */
typedef struct EventShape
{
	const char *routed; /* the topic before them */
	bool null_value;
	const char *topic;
	bool bare_key;
	int nkey;
	ShapeField *key;
	const char *key_head;
	bool bare_value;
	int nvalue;
	ShapeField *value;
	int nheaders; /* that they add */
	RecordHeader *headers;
} EventShape;

/* The shape of the events of a topic; kept with the plan.  null_value: of those
 * whose value is null. */
extern const EventShape *outbox_event_shape(OutboxPlan *ob, const Encoder *enc,
											const char *routed,
											bool null_value);

#endif /* TUPLECAST_OUTBOX_INTERNAL_H */
