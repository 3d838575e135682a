/*
 * encode.h
 *		From a change of a row to records: keys, values, headers.
 *
 * Used for the stream and for snapshots alike, so that a row looks the same
 * wherever it comes from.
 */
#ifndef TUPLECAST_ENCODE_H
#define TUPLECAST_ENCODE_H

#include "compat.h"

#include "frame_writer.h"
#include "options.h"
#include "oversize.h"
#include "relcache.h"

struct MetaField;
struct TxnMeta;

/* what does not change between records */
typedef struct Encoder
{
	MemoryContext cxt;
	const PluginOptions *opts;
	FrameWriter *writer;
	const char *database; /* UTF-8 */
	int nfields;		  /* add.fields */
	struct MetaField *fields;
	int nheaders; /* add.headers */
	struct MetaField *headers;
	StringInfoData scratch[2]; /* keys being compared */
	struct TxnMeta *txnmeta;
	/* of the current record, with provide.transaction.metadata */
	uint64 total_order;
	uint64 collection_order;
	char run_id[40];	  /* of __debezium.context.runId */
	const char *snapshot; /* source.snapshot of rows that are read; else NULL */
	bool incremental;	  /* and they have no position */
	StringInfoData source; /* of these rows, once it is made */
	int source_hole;	   /* of the marker in it */
} Encoder;

/* one change of one row; before and after may be absent */
typedef struct Change
{
	char op; /* WireOp */
	RelationPlan *plan;
	RowImage *before;
	RowImage *after;
	XLogRecPtr lsn;
	/* __debezium.newkey or .oldkey, when the key changed */
	RecordHeader moved;
	/* its tuples are large enough for records that cannot be built */
	bool large;
	/* a null whose schema is that of the row alone */
	bool bare_null;
} Change;

/* as the hello frame names it */
extern const char *encoder_format_name(const PluginOptions *opts);
/* a RelCacheBuilt: what the catalogue does not say; arg: Encoder */
extern void encoder_complete_plan(void *arg, RelationPlan *plan);
extern void encoder_init(Encoder *enc, const PluginOptions *opts,
						 FrameWriter *writer, const char *database);
/* Writes the records of a change: none, one, two or three. */
extern void encode_change(Encoder *enc, Change *change);
extern void encode_truncate(Encoder *enc, RelationPlan *plan, XLogRecPtr lsn);
/* A record of which nothing could be built; "least": bytes of its value. */
extern void encode_stopped(Encoder *enc, StreamInfo *stream, char op,
						   XLogRecPtr lsn, uint8 part, uint64 least);
extern void encode_message(Encoder *enc, StreamInfo *stream, bool transactional,
						   const char *prefix, const char *content, Size size,
						   XLogRecPtr lsn);

/* ---- shared by the formats ---- */

/* µs since 1970 */
extern int64 encode_clock(void);
/* A column's value, without its name. */
extern void encode_column_value(StringInfo out, const ColumnPlan *col,
								const RowImage *row);

/* {"a":1,"b":2 without the closing brace */
extern void encode_columns(StringInfo out, const ColumnPlan *columns, int n,
						   const RowImage *row);
/* the whole object, or null if the image is absent */
extern void encode_row(StringInfo out, const RelationPlan *plan,
					   const RowImage *row);

/* ---- metafield.c: facts about a change ---- */

/* Parses add.fields or add.headers. */
extern struct MetaField *metafields_parse(const PluginOptions *opts,
										  const char *option, List *names,
										  const char *prefix, int *count);
/* ,"__op":"c" for each field */
extern void metafields_append(StringInfo out, const Encoder *enc,
							  const Change *change, char op, bool first);
/* The value of one of add.fields. */
extern void metafield_value(StringInfo out, const Encoder *enc,
							const Change *change, char op, int i);
/* Whether one of add.headers has that name. */
extern bool metafields_has_header(const Encoder *enc, const char *name);
/*
 * The unit of one of add.fields that is a clock of the source block whose bit
 * (ts_ms, ts_us, ts_ns) is set; else 0.
 */
extern int64 metafield_source_clock(const Encoder *enc, int i, int clocks);
/* Whether add.headers (or add.fields) has one. */
extern bool metafields_have_source_clock(const Encoder *enc, bool headers,
										 int clocks);
/* Headers of a record, palloc'd. */
extern RecordHeader *metafields_headers(const Encoder *enc,
										const Change *change, char op,
										int *count);
/* {"type":…} of each of add.fields; "first": nothing stands before */
extern void metafields_schema(StringInfo out, const Encoder *enc, bool first);
/* the schema of the source block */
extern void source_schema(StringInfo out, const Encoder *enc);
/* "source":{…} as it stands in an envelope */
extern void encode_source(StringInfo out, Encoder *enc, const char *schema,
						  const char *table, XLogRecPtr lsn);

#endif /* TUPLECAST_ENCODE_H */
