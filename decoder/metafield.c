/*
 * metafield.c
 *		Facts about a change: the source block, add.fields and add.headers.
 */
#include "compat.h"

#include "utils/timestamp.h"

#include "encode.h"
#include "header.h"
#include "json.h"
#include "schema.h"

typedef enum MetaKind
{
	META_OP,
	META_NOW_MS,
	META_NOW_US,
	META_NOW_NS,
	META_VERSION,
	META_CONNECTOR,
	META_NAME,
	META_COMMIT_MS,
	META_COMMIT_US,
	META_COMMIT_NS,
	META_SNAPSHOT,
	META_DB,
	META_SEQUENCE,
	META_SCHEMA,
	META_TABLE,
	META_TXID,
	META_LSN,
	META_XMIN,
	META_ORIGIN,
	META_ORIGIN_LSN,
	META_TX_ID,
	META_TX_ORDER,
	META_TX_COLLECTION_ORDER
} MetaKind;

typedef struct MetaRow
{
	const char *block; /* "", "source" */
	const char *field;
	MetaKind kind;
	const char *type; /* Connect's */
	bool optional;
	CompatVersion since;
} MetaRow;

typedef struct MetaField
{
	MetaKind kind;
	const MetaRow *row;
	const char *name;	   /* UTF-8, with its prefix */
	const char *name_json; /* ,"__op": */
	const char *schema;	   /* of a header, JSON */
} MetaField;

/* in the order of the source block, the envelope's own first */
static const MetaRow meta_rows[] = {
	{"", "op", META_OP, "string", false, COMPAT_2_0},
	{"", "ts_ms", META_NOW_MS, "int64", true, COMPAT_2_0},
	{"", "ts_us", META_NOW_US, "int64", true, COMPAT_2_7},
	{"", "ts_ns", META_NOW_NS, "int64", true, COMPAT_2_7},
	{"source", "version", META_VERSION, "string", false, COMPAT_2_0},
	{"source", "connector", META_CONNECTOR, "string", false, COMPAT_2_0},
	{"source", "name", META_NAME, "string", false, COMPAT_2_0},
	{"source", "ts_ms", META_COMMIT_MS, "int64", false, COMPAT_2_0},
	{"source", "snapshot", META_SNAPSHOT, "string", true, COMPAT_2_0},
	{"source", "db", META_DB, "string", false, COMPAT_2_0},
	{"source", "sequence", META_SEQUENCE, "string", true, COMPAT_2_0},
	{"source", "ts_us", META_COMMIT_US, "int64", true, COMPAT_2_7},
	{"source", "ts_ns", META_COMMIT_NS, "int64", true, COMPAT_2_7},
	{"source", "schema", META_SCHEMA, "string", false, COMPAT_2_0},
	{"source", "table", META_TABLE, "string", false, COMPAT_2_0},
	{"source", "txId", META_TXID, "int64", true, COMPAT_2_0},
	{"source", "lsn", META_LSN, "int64", true, COMPAT_2_0},
	{"source", "xmin", META_XMIN, "int64", true, COMPAT_2_0},
	{"source", "origin", META_ORIGIN, "string", true, COMPAT_3_6},
	{"source", "origin_lsn", META_ORIGIN_LSN, "int64", true, COMPAT_3_6},
	{"transaction", "id", META_TX_ID, "string", false, COMPAT_2_0},
	{"transaction", "total_order", META_TX_ORDER, "int64", false, COMPAT_2_0},
	{"transaction", "data_collection_order", META_TX_COLLECTION_ORDER, "int64",
	 false, COMPAT_2_0},
};

/* what a fact is taken from */
typedef struct MetaSource
{
	const Encoder *enc;
	const char *schema;
	const char *table;
	XLogRecPtr lsn;
	char op[2];
} MetaSource;

static int64
now_us(void)
{
	return GetCurrentTimestamp() +
		   (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
}

/* The UTF-8 of a fact that is a string, NULL of any other. */
static const char *
meta_string(MetaKind kind, const MetaSource *src)
{
	const TxnInfo *txn = src->enc->writer->txn;

	switch (kind)
	{
		case META_OP:
			return src->op;
		case META_VERSION:
			return TUPLECAST_VERSION;
		case META_CONNECTOR:
			return "postgresql";
		case META_NAME:
			return src->enc->opts->topic_prefix;
		case META_SNAPSHOT:
			if (src->enc->snapshot != NULL)
				return src->enc->snapshot;
			/* a converter that does not fill in defaults shows none here */
			return src->enc->opts->snapshot_default ? "false" : NULL;
		case META_DB:
			return src->enc->database;
		case META_SEQUENCE:
			if (src->enc->snapshot != NULL && !src->enc->incremental)
				return psprintf("[null,\"%llu\"]",
								(unsigned long long) src->lsn);
			return psprintf("[\"%llu\",\"%llu\"]",
							(unsigned long long) txn->end_lsn,
							(unsigned long long) src->lsn);
		case META_SCHEMA:
			return src->schema;
		case META_TABLE:
			return src->table;
		case META_TX_ID:
			return psprintf("%u:%llu", txn->xid, (unsigned long long) src->lsn);
		case META_ORIGIN:
			return txn->origin[0] != '\0' ? txn->origin : NULL;
		default:
			return NULL;
	}
}

/* The JSON of a fact that is no string. */
static void
meta_number(StringInfo out, MetaKind kind, const MetaSource *src)
{
	const TxnInfo *txn = src->enc->writer->txn;

	switch (kind)
	{
		case META_NOW_MS:
			json_int64(out, now_us() / 1000);
			break;
		case META_NOW_US:
			json_int64(out, now_us());
			break;
		case META_NOW_NS:
			json_int64(out, now_us());
			json_lit(out, "000");
			break;
		case META_COMMIT_MS:
			json_int64(out, txn->commit_time_us / 1000);
			break;
		case META_COMMIT_US:
			json_int64(out, txn->commit_time_us);
			break;
		case META_COMMIT_NS:
			json_int64(out, txn->commit_time_us);
			json_lit(out, "000");
			break;
		case META_TXID:
			if (TransactionIdIsValid(txn->xid) && !src->enc->incremental)
				json_uint64(out, txn->xid);
			else
				json_lit(out, "null");
			break;
		case META_LSN:
			if (src->enc->incremental)
				json_lit(out, "null");
			else
				json_uint64(out, src->lsn);
			break;
		case META_TX_ORDER:
			json_uint64(out, src->enc->total_order);
			break;
		case META_TX_COLLECTION_ORDER:
			json_uint64(out, src->enc->collection_order);
			break;
		default:
			json_lit(out, "null");
	}
}

static void
meta_value(StringInfo out, MetaKind kind, const MetaSource *src)
{
	const char *s = meta_string(kind, src);

	if (kind == META_SNAPSHOT && s != NULL)
		frame_mark_hole(src->enc->writer, out, out->len + 1);
	if (s != NULL)
		json_utf8(out, s, strlen(s));
	else
		meta_number(out, kind, src);
}

static bool
in_source_block(const MetaRow *row, const Encoder *enc)
{
	return strcmp(row->block, "source") == 0 &&
		   row->since <= enc->opts->compat_version;
}

static void
keep_source(Encoder *enc, const char *text, int len, int hole)
{
	MemoryContext old = MemoryContextSwitchTo(enc->cxt);

	initStringInfo(&enc->source);
	appendBinaryStringInfo(&enc->source, text, len);
	enc->source_hole = hole;
	MemoryContextSwitchTo(old);
}

void
encode_source(StringInfo out, Encoder *enc, const char *schema,
			  const char *table, XLogRecPtr lsn)
{
	MetaSource src = {enc, schema, table, lsn, ""};
	FrameWriter *w = enc->writer;
	char sep = '{';
	int start = out->len;

	/* all rows of a snapshot have the same */
	if (enc->source.data != NULL)
	{
		json_raw(out, enc->source.data, enc->source.len);
		if (enc->source_hole > 0)
			frame_mark_hole(w, out, start + enc->source_hole);
		return;
	}
	json_lit(out, "\"source\":");
	for (int i = 0; i < lengthof(meta_rows); i++)
	{
		if (!in_source_block(&meta_rows[i], enc))
			continue;
		json_char(out, sep);
		json_char(out, '"');
		json_str(out, meta_rows[i].field);
		json_lit(out, "\":");
		meta_value(out, meta_rows[i].kind, &src);
		sep = ',';
	}
	json_char(out, '}');
	if (enc->snapshot != NULL)
		keep_source(enc, out->data + start, out->len - start,
					w->hole > start ? w->hole - start : 0);
}

/*
 * "op" and the clocks are the envelope's; any other name without a block is
 * looked for in the source block.  To an older Debezium younger fields are
 * unknown.
 */
static const MetaRow *
find_meta(const PluginOptions *opts, const char *name)
{
	const char *dot = strchr(name, '.');
	const char *field = dot ? dot + 1 : name;

	for (int i = 0; i < lengthof(meta_rows); i++)
	{
		const MetaRow *row = &meta_rows[i];

		if (strcmp(row->field, field) != 0 ||
			(opts->connector_compat && row->since > opts->compat_version))
			continue;
		if (dot == NULL || (strlen(row->block) == (size_t) (dot - name) &&
							strncmp(row->block, name, dot - name) == 0))
			return row;
	}
	return NULL;
}

/* source.snapshot: an enum of the states of a snapshot */
static void
snapshot_schema(StringInfo out, const PluginOptions *opts, bool with_default,
				const char *field)
{
	json_lit(
		out,
		"{\"type\":\"string\",\"optional\":true,\"name\":\"io.debezium.data.Enum\",\"version\":1,\"parameters\":{\"allowed\":\"");
	if (opts->compat_version > COMPAT_2_7)
		json_lit(
			out,
			"true,first,first_in_data_collection,last_in_data_collection,last,false,incremental");
	else
		json_lit(out, "true,last,false,incremental");
	json_lit(out, "\"}");
	if (with_default)
		json_lit(out, ",\"default\":\"false\"");
	if (field != NULL)
	{
		json_lit(out, ",\"field\":");
		json_utf8(out, field, strlen(field));
	}
	json_char(out, '}');
}

MetaField *
metafields_parse(const PluginOptions *opts, const char *option, List *names,
				 const char *prefix, int *count)
{
	MetaField *fields = palloc0(sizeof(MetaField) * Max(list_length(names), 1));
	ListCell *lc;

	*count = 0;
	foreach(lc, names)
	{
		char *name = pstrdup(lfirst(lc));
		char *alias = strchr(name, ':');
		const MetaRow *row;
		MetaField *f;
		StringInfoData json;

		if (alias != NULL)
			*alias++ = '\0';
		row = find_meta(opts, name);
		if (row == NULL)
		{
			/* Debezium leaves out what it does not know without a word */
			if (opts->connector_compat)
				continue;
			ereport(
				ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown field \"%s\" in option \"%s\"", name, option),
				 errhint(
					 "Fields are op, ts_ms, ts_us, ts_ns, and of the source block db, schema, table, txId, lsn, source.ts_ms, name, connector, version, snapshot, sequence, xmin, origin, origin_lsn.")));
		}
		f = &fields[(*count)++];
		f->kind = row->kind;
		f->row = row;
		if (alias == NULL)
			for (char *p = name; *p; p++)
				if (*p == '.')
					*p = '_';
		f->name = json_to_utf8_cstring(
			psprintf("%s%s", prefix, alias ? alias : name));
		initStringInfo(&json);
		json_char(&json, ',');
		json_utf8(&json, f->name, strlen(f->name));
		json_char(&json, ':');
		f->name_json = json.data;
		initStringInfo(&json);
		if (row->kind == META_SNAPSHOT)
			snapshot_schema(&json, opts, false, NULL);
		else
			schema_plain(&json, row->type, true, NULL);
		f->schema = json.data;
	}
	return fields;
}

/* Debezium's converter takes the schema's default for an absent value */
static bool
is_absent(const MetaField *f, const Encoder *enc)
{
	return (f->kind == META_SNAPSHOT && enc->opts->connector_compat &&
			enc->snapshot == NULL) ||
		   (strcmp(f->row->block, "transaction") == 0 &&
			!enc->opts->transaction_metadata);
}

static void
put_field(StringInfo out, const Encoder *enc, const Change *change, char op,
		  int i)
{
	MetaSource src = {enc,
					  change->plan->stream.schema,
					  change->plan->stream.name,
					  change->lsn,
					  {op, '\0'}};

	if (is_absent(&enc->fields[i], enc))
		json_lit(out, "null");
	else
		meta_value(out, enc->fields[i].kind, &src);
}

void
metafields_append(StringInfo out, const Encoder *enc, const Change *change,
				  char op, bool first)
{
	for (int i = 0; i < enc->nfields; i++)
	{
		/* the name comes with the comma before it */
		json_str(out, enc->fields[i].name_json + (first ? 1 : 0));
		first = false;
		put_field(out, enc, change, op, i);
	}
}

void
metafield_value(StringInfo out, const Encoder *enc, const Change *change,
				char op, int i)
{
	put_field(out, enc, change, op == WIRE_OP_TOMBSTONE ? WIRE_OP_DELETE : op,
			  i);
}

bool
metafields_has_header(const Encoder *enc, const char *name)
{
	for (int i = 0; i < enc->nheaders; i++)
		if (strcmp(enc->headers[i].name, name) == 0)
			return true;
	return false;
}

static int64
source_clock(const MetaField *f, int clocks)
{
	switch (f->kind)
	{
		case META_COMMIT_MS:
			return clocks & 1 ? 1000 : 0;
		case META_COMMIT_US:
			return clocks & 2 ? 1000000 : 0;
		case META_COMMIT_NS:
			return clocks & 4 ? 1000000000 : 0;
		default:
			return 0;
	}
}

int64
metafield_source_clock(const Encoder *enc, int i, int clocks)
{
	return source_clock(&enc->fields[i], clocks);
}

bool
metafields_have_source_clock(const Encoder *enc, bool headers, int clocks)
{
	int n = headers ? enc->nheaders : enc->nfields;
	const MetaField *fields = headers ? enc->headers : enc->fields;

	for (int i = 0; i < n; i++)
		if (source_clock(&fields[i], clocks) > 0)
			return true;
	return false;
}

/* Of a snapshot's row: nothing but quotes and braces stands behind it. */
static void
find_marker(RecordHeader *h, const char *marker)
{
	int end = h->len;

	while (end > 0 && (h->value[end - 1] == '"' || h->value[end - 1] == '}'))
		end--;
	h->marker = end - (int) strlen(marker) + 1;
}

/* As text, strings are as they are: no quotes; a null has no bytes. */
static void
meta_header(RecordHeader *h, const MetaField *f, const MetaSource *src)
{
	const PluginOptions *opts = src->enc->opts;
	bool absent = is_absent(f, src->enc);
	const char *string = absent ? NULL : meta_string(f->kind, src);
	StringInfoData json;

	if (string != NULL && opts->header_format != HEADER_JSON)
	{
		/* an operation's letter lives as long as the source alone */
		header_set_string(h, opts,
						  f->kind == META_OP ? pstrdup(string) : string);
		return;
	}
	initStringInfo(&json);
	if (absent)
		json_lit(&json, "null");
	else
		meta_value(&json, f->kind, src);
	header_set(h, opts, json.data, f->schema);
}

RecordHeader *
metafields_headers(const Encoder *enc, const Change *change, char op,
				   int *count)
{
	MetaSource src = {enc,
					  change->plan->stream.schema,
					  change->plan->stream.name,
					  change->lsn,
					  {op == WIRE_OP_TOMBSTONE ? WIRE_OP_DELETE : op, '\0'}};
	RecordHeader *headers;

	*count = enc->nheaders;
	if (enc->nheaders == 0)
		return NULL;
	headers = palloc0(sizeof(RecordHeader) * enc->nheaders * 2);
	for (int i = 0; i < enc->nheaders; i++)
	{
		headers[i].name = enc->headers[i].name;
		meta_header(&headers[i], &enc->headers[i], &src);
		if (enc->writer->marker != NULL &&
			enc->headers[i].kind == META_SNAPSHOT)
			find_marker(&headers[i], enc->writer->marker);
	}
	/* Debezium's tombstone has the headers of its delete, and "op" once more */
	for (int i = 0; i < enc->nheaders; i++)
		if (op == WIRE_OP_TOMBSTONE && enc->opts->connector_compat &&
			enc->headers[i].kind == META_OP)
		{
			headers[*count].name = headers[i].name;
			header_set_string(&headers[(*count)++], enc->opts, "d");
		}
	return headers;
}

void
metafields_schema(StringInfo out, const Encoder *enc, bool first)
{
	for (int i = 0; i < enc->nfields; i++)
	{
		if (!first)
			json_char(out, ',');
		first = false;
		if (enc->fields[i].kind == META_SNAPSHOT)
			snapshot_schema(out, enc->opts, false, enc->fields[i].name);
		else
			schema_plain(out, enc->fields[i].row->type, true,
						 enc->fields[i].name);
	}
}

void
source_schema(StringInfo out, const Encoder *enc)
{
	bool first = true;

	json_lit(out, "{\"type\":\"struct\",\"fields\":[");
	for (int i = 0; i < lengthof(meta_rows); i++)
	{
		if (!in_source_block(&meta_rows[i], enc))
			continue;
		if (!first)
			json_char(out, ',');
		first = false;
		if (meta_rows[i].kind == META_SNAPSHOT)
			snapshot_schema(out, enc->opts, true, meta_rows[i].field);
		else
			schema_plain(out, meta_rows[i].type, meta_rows[i].optional,
						 meta_rows[i].field);
	}
	json_lit(
		out,
		"],\"optional\":false,\"name\":\"io.debezium.connector.postgresql.Source\"");
	if (enc->opts->compat_version > COMPAT_2_7)
		json_lit(out, ",\"version\":1");
	json_lit(out, ",\"field\":\"source\"}");
}
