/*
 * frame_writer.h
 *		Records on their way out: frames of wire.h, or one JSON line each.
 *
 * The only caller of OutputPluginPrepareWrite() and OutputPluginWrite().  A
 * frame is written straight into the output buffer; many go in one write.
 */
#ifndef TUPLECAST_FRAME_WRITER_H
#define TUPLECAST_FRAME_WRITER_H

#include "compat.h"

#include "lib/stringinfo.h"

#include "wire.h"

/* anything that has a topic; all strings are UTF-8 */
typedef struct StreamInfo
{
	uint32 id;
	char kind; /* WireStreamKind */
	bool announced;
	const char *topic;
	const char *schema_prefix; /* of names in Connect schemas */
	const char *schema;
	const char *name;
	/* around each record: with schemas, {"schema":…,"payload": and } */
	const char *key_head;
	const char *key_tail;
	const char *value_head;
	const char *value_tail;
	int nheaders; /* on each record */
	struct RecordHeader *headers;
	struct StreamShape *shape; /* of what is no table's: what transforms do */
	const char *data_head;	   /* format=cloudevents: the same before "data" */
	bool null_values;		   /* no event is made of them */
	bool bytes_values;		   /* base64 that stands for bytes */
	/* bytes of heads and tails; set when it is announced */
	int key_around;
	int value_around;
} StreamInfo;

/* the transaction that is being replayed */
typedef struct TxnInfo
{
	TransactionId xid;
	XLogRecPtr commit_lsn;
	XLogRecPtr end_lsn;
	int64 commit_time_us; /* since 1970 */
	const char *origin;	  /* or "" */
	uint64 ordinal;		  /* changes so far, before any filter */
	uint64 records;		  /* records so far */
} TxnInfo;

/*
 * A header without a name among a record's stands for the constant ones of its
 * stream; where there is none, they come first.
 */
typedef struct RecordHeader
{
	const char *name;
	const char *value; /* or NULL */
	int len;
	int marker; /* 1 + where that of a snapshot's rows stands in it; 0: none */
} RecordHeader;

/* where a record goes that does not follow its stream; topic may be NULL */
typedef struct RecordRoute
{
	const char *topic; /* UTF-8 */
	bool has_partition;
	int32 partition;
	bool has_timestamp;
	int64 timestamp_ms;
} RecordRoute;

/* fields of a value that say whether and which row of a snapshot it is */
#define FRAME_MAX_HOLES 8

typedef struct FrameWriter
{
	LogicalDecodingContext *ctx; /* NULL: "out" is all there is */
	StringInfo out;
	bool wire;
	bool open; /* prepared and not yet written */
	bool hello_sent;
	bool begin_sent; /* of the current transaction */
	const char *format;
	TxnInfo *txn;
	const StreamInfo *stream; /* of the current record */
	RecordRoute route;		  /* and its own way, if it has one */
	int frame;				  /* offset of the current frame or line */
	int blob;				  /* offset of the current blob's length */
	int row;				  /* offset of the current key, without its head */
	int max_record;			  /* of key and value, in bytes */
	/* the current record, for what is done if it is beyond that */
	bool in_record;
	bool stopped;		/* its value could not be built */
	bool key_stopped;	/* nor its key */
	uint64 least;		/* bytes of a value that was stopped, at least */
	int flags_at;		/* offset of its flags */
	int key_at;			/* offset of the key, with its length; 0: NULL */
	int key_len;		/* bytes with head and tail */
	int value_at;		/* offset of the value; 0: NULL */
	int value_len;		/* bytes with head and tail */
	StringInfo closed;	/* of a line: what is told of the oversize */
	bool text_keys;		/* key.format=string */
	bool text_values;	/* value.format=string */
	const char *marker; /* of a snapshot's rows: what stands in the hole */
	int hole;			/* of the marker in the value; 0: none */
	int nholes;			/* others before it, if there is one */
	int holes[FRAME_MAX_HOLES];
} FrameWriter;

/* max_record: bytes of key and value; a record beyond it is told of, not sent. */
extern void frame_writer_init(FrameWriter *w, LogicalDecodingContext *ctx,
							  StringInfo out, bool wire, const char *format,
							  int max_record);

/* A transaction; its begin frame goes out with its first record. */
extern void frame_transaction(FrameWriter *w, TxnInfo *txn);
/* Ends it and writes all that is pending. */
extern void frame_commit(FrameWriter *w);

/* A signal to the shipper.  All UTF-8; data: NULL if there is none. */
extern void frame_signal(FrameWriter *w, XLogRecPtr lsn, const char *id,
						 const char *type, const char *data);
/* A message of the shipper's own, of at most WIRE_WATERMARK_BYTES. */
extern void frame_watermark(FrameWriter *w, const char *content);

/* Ends rows that were read: hello, begin and commit are there even if there
 * were none. */
extern void frame_range_end(FrameWriter *w);

/*
 * A record: begin, key or null key, value or null value, end.  Between
 * key_begin and key_end (value_begin and value_end) the row's bytes are
 * appended to w->out.
 */
/* The way of the next record alone. */
extern void frame_record_route(FrameWriter *w, const RecordRoute *route);
extern void frame_record_begin(FrameWriter *w, StreamInfo *stream, char op,
							   XLogRecPtr lsn, uint8 part);
/* A value of the current record is null because the WAL does not hold it. */
extern void frame_mark_lost(FrameWriter *w);
/* It was left out of line and unchanged. */
extern void frame_mark_unchanged(FrameWriter *w);
extern void frame_key_begin(FrameWriter *w);
extern void frame_key_end(FrameWriter *w);
extern void frame_key_null(FrameWriter *w);
extern void frame_value_begin(FrameWriter *w);
extern void frame_value_end(FrameWriter *w);
extern void frame_value_null(FrameWriter *w);
/* Where in "out" the marker stands; or it was moved. */
extern void frame_mark_hole(FrameWriter *w, StringInfo out, int at);
extern void frame_move_hole(FrameWriter *w, StringInfo out, int by);
/* The value anew, after value_begin. */
extern void frame_value_restart(FrameWriter *w);
/* Whether key and value, so far, are within max_record. */
extern bool frame_value_fits(const FrameWriter *w);
/* In place of value_end and key_end: it could not be built to its end. */
extern void frame_value_stopped(FrameWriter *w, uint64 least);
extern void frame_key_stopped(FrameWriter *w);
/* Takes the record back that was begun, if one was. */
extern void frame_record_abandon(FrameWriter *w);
extern void frame_record_end(FrameWriter *w, const RecordHeader *headers,
							 int nheaders);

#endif /* TUPLECAST_FRAME_WRITER_H */
