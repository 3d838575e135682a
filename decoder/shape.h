/*
 * shape.h
 *		What the chain of transforms makes of a relation's records: topic, key,
 *		fields, headers and schemas, found out once, when its plan is built.
 */
#ifndef TUPLECAST_SHAPE_H
#define TUPLECAST_SHAPE_H

#include "encode.h"
#include "transform.h"

typedef enum FieldSource
{
	FIELD_COLUMN,
	FIELD_CONSTANT,
	FIELD_DELETED, /* "__deleted" */
	FIELD_META,	   /* one of add.fields */
	FIELD_MEMBER,  /* of a record that is no table's: "json" is its name */
	/* of the envelope */
	FIELD_BEFORE,
	FIELD_AFTER,
	FIELD_SOURCE_BLOCK,
	FIELD_TRANSACTION,
	FIELD_OP,
	FIELD_TS_MS,
	FIELD_TS_US,
	FIELD_TS_NS
} FieldSource;

struct Conversion;

typedef struct ShapeField
{
	FieldSource source;
	const ColumnPlan *column;
	int meta;
	const char *json;	   /* FIELD_CONSTANT */
	const char *name;	   /* UTF-8 */
	const char *name_json; /* "name": */
	int name_len;
	const char *schema;	   /* JSON, without "field" and the last brace */
	const char *type;	   /* Connect's */
	const char *type_name; /* its schema's name, or NULL */
	bool optional;
	int nconversions;
	struct Conversion *conversions; /* in order */
} ShapeField;

/* a record's class; a predicate may tell them apart */
typedef enum ShapeClass
{
	SHAPE_ROW,
	SHAPE_DELETE,
	SHAPE_TOMBSTONE
} ShapeClass;

typedef struct Shape
{
	StreamInfo stream;
	bool flat;	  /* its value is no envelope */
	bool own_key; /* the key is not the relation's own */
	bool has_key;
	bool bare_key; /* the one field of the key, not an object */
	int nkey;
	ShapeField *key;
	bool own_value;
	int nvalue;
	ShapeField *value;
	ShapeField *row; /* of "before" and "after"; NULL: unchanged */
	int nheaders;	 /* after all others */
	RecordHeader *headers;
	const TransformStep *outbox; /* the record is the EventRouter's */
	int after_outbox;			 /* first of the chain's steps behind it */
	struct OutboxPlan *outbox_plan;
} Shape;

/* index of RelationPlan.shapes */
#define SHAPE_INDEX(class, moved) ((class) * 2 + ((moved) ? 1 : 0))

/*
 * Fills plan->shapes and gives the plan its topic, in the current context.
 * Without transforms it does nothing.
 */
extern void shapes_build(const Encoder *enc, RelationPlan *plan);
/* ERROR if the stream's CloudEvents lack one of metadata.headers. */
extern void shape_check_headers(const Encoder *enc, const RelationPlan *plan,
								const StreamInfo *stream);
/* Key and value of a record; row is that of the key. */
extern void shape_encode_key(StringInfo out, Encoder *enc, const Change *change,
							 char op, const Shape *shape, const RowImage *row);
extern void shape_encode_value(StringInfo out, Encoder *enc,
							   const Change *change, char op,
							   const Shape *shape, const RowImage *before,
							   const RowImage *after);

/* One field's value. */
extern void shape_encode_field(StringInfo out, Encoder *enc,
							   const Change *change, char op,
							   const Shape *shape, const ShapeField *field,
							   const RowImage *row);

/*
 * What the chain makes of a stream that is no table's.  "full" is the same one
 * with all its schemas.
 */
extern void stream_transform(const Encoder *enc, StreamInfo *stream,
							 const StreamInfo *full);
/* The key (value) that was written from "start" on becomes what it is then. */
extern void stream_rewrite_key(StringInfo out, int start,
							   const struct StreamShape *shape);
extern void stream_rewrite_value(StringInfo out, int start,
								 const struct StreamShape *shape);
/* Whether the key is made of the value, once that is known; and that, of the
 * value that was written from "start" on. */
extern bool stream_key_of_value(const struct StreamShape *shape);
extern void stream_value_to_key(StringInfo out, int start,
								const struct StreamShape *shape);

/* The field of that name (UTF-8), or NULL. */
extern ShapeField *shape_field_find(ShapeField *fields, int n,
									const char *name);
/* {"type":…,"field":"name"}; without a name if it is NULL */
extern void shape_field_schema(StringInfo out, const ShapeField *field,
							   const char *name);
/* "name": */
extern void shape_field_rename(ShapeField *field, const char *name);

#endif /* TUPLECAST_SHAPE_H */
