/*
 * shape_internal.h
 *		What the shape*.c files share.
 */
#ifndef TUPLECAST_SHAPE_INTERNAL_H
#define TUPLECAST_SHAPE_INTERNAL_H

#include "shape.h"

#define CONNECT_TIMESTAMP "org.apache.kafka.connect.data.Timestamp"
#define LOGICAL_KEY_FIELD "__dbz__physicalTableIdentifier"

/* a record as it is between two steps */
typedef struct Draft
{
	const Encoder *enc;
	RelationPlan *plan;
	ShapeClass class;
	bool moved;
	const char *topic;
	bool flat;
	bool has_key;
	bool bare_key;
	bool key_changed;
	bool key_of_value;	  /* its fields are the value's */
	List *key;			  /* of ShapeField * */
	const char *key_rest; /* of its schema, behind the fields */
	bool value_changed;
	bool bare_value; /* of the event router: no struct */
	List *value;
	const char *value_rest;
	bool row_changed;
	List *row; /* the columns */
	/* what a timezone-converter does to the source block */
	const TransformStep *source_zone;
	int source_clocks;	/* bits: ts_ms, ts_us, ts_ns */
	bool unwrapped;		/* add.headers are there */
	List *headers;		/* of RecordHeader *: before add.headers */
	List *late_headers; /* and after */
	List *inserted;		/* of TransformStep *: those that made headers */
} Draft;

/* ---- shape.c ---- */

extern void draft_flat(Draft *d);
/* Headers that have a name, for predicates. */
extern List *shape_header_names(List *names);
extern bool shape_step_applies(const Draft *d, const TransformStep *step);
extern RecordHeader *shape_headers_array(RecordHeader *first, int *n,
										 List *more);

/* ---- shape_field.c ---- */

extern ShapeField *shape_list_find(List *fields, const char *name);
extern ShapeField *shape_field_copy(const ShapeField *field);
extern ShapeField *shape_fields_array(List *fields);
/*
 * The fields of the struct in {"schema":{…},"payload":, and what follows them
 * in its schema, without the last brace.
 */
extern List *shape_fields_from_head(const char *head, const char **rest);
/* {"schema":…,"payload": of a struct, of a single field */
extern const char *shape_struct_head(List *fields, const char *rest);
extern const char *shape_bare_head(const ShapeField *field);

/* ---- shape_step.c ---- */

/* Changes the draft as a step does whose predicate holds. */
extern void shape_step_apply(Draft *d, const TransformStep *step);
extern void shape_step_error(const Draft *d, const TransformStep *step,
							 const char *what);
extern bool shape_names_have(List *names, const char *name);

/* ---- shape_zone.c ---- */

extern void shape_zone_apply(Draft *d, const TransformStep *step);

#endif /* TUPLECAST_SHAPE_INTERNAL_H */
