/*
 * txnmeta.h
 *		provide.transaction.metadata: a record at the start and at the end of
 *		each transaction, and the order of each record in it.
 */
#ifndef TUPLECAST_TXNMETA_H
#define TUPLECAST_TXNMETA_H

#include "encode.h"

typedef struct TxnCollection
{
	char *name; /* SCHEMA.TABLE, UTF-8 */
	uint64 events;
} TxnCollection;

typedef struct TxnMeta
{
	bool enabled;
	bool begun;
	uint64 events;
	int ncollections;
	int size;
	TxnCollection *collections;
	MemoryContext cxt; /* of one transaction's names */
	StreamInfo stream;
} TxnMeta;

extern TxnMeta *txnmeta_create(const Encoder *enc, MemoryContext parent);
extern void txnmeta_start(TxnMeta *meta);
/* Before the first change's ordinal is taken: the record BEGIN, named by it. */
extern void txnmeta_begin(Encoder *enc, XLogRecPtr lsn);
/* Counts a record; "total_order" and "data_collection_order" are set. */
extern void txnmeta_event(Encoder *enc, const StreamInfo *stream, uint64 *total,
						  uint64 *in_collection);
/* "transaction":{…} or "transaction":null */
extern void txnmeta_block(StringInfo out, Encoder *enc,
						  const StreamInfo *stream, XLogRecPtr lsn);
/* The record END, if there was a BEGIN. */
extern void txnmeta_end(Encoder *enc);

#endif /* TUPLECAST_TXNMETA_H */
