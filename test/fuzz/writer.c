/*
 * writer.c
 *		The decoder's writer and the shipper's reader: records that go in come
 *		out; and the JSON lines of the text form, by another parser.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "frame_reader.h"
#include "frame_writer.h"
#include "json.h"
#include "marker.h"

#include "fuzz.h"
#include "shim/shim.h"

#include <jansson.h>

#define MAX_RECORDS 16

typedef struct Written
{
	StreamInfo *stream;
	char op;
	uint8 part;
	uint64 ordinal;
	bool null_key;
	bool null_value;
	char *key; /* JSON */
	char *value;
	RecordRoute route;
	int nheaders;
	RecordHeader headers[3];
} Written;

/* A string of JSON made of input; UTF-8, as the decoder's are. */
static char *
take_string(FuzzInput *in, bool quoted)
{
	char *raw = fuzz_text(in, 0);
	int len = (int) strlen(raw);
	StringInfoData s;
	const char *valid;

	valid = json_valid_utf8(raw, &len);
	initStringInfo(&s);
	if (quoted)
		json_utf8(&s, valid, len);
	else
		json_raw(&s, valid, len);
	free(raw);
	return s.data;
}

static char *
take_object(FuzzInput *in)
{
	uint8 n = fuzz_u8(in) % 3;
	StringInfoData s;

	initStringInfo(&s);
	json_char(&s, '{');
	for (int i = 0; i < n; i++)
	{
		const char *value = take_string(in, true);

		appendStringInfo(&s, "%s\"f%d\":", i > 0 ? "," : "", i);
		json_str(&s, value);
	}
	json_char(&s, '}');
	return s.data;
}

static void
take_record(FuzzInput *in, Written *w, StreamInfo *streams)
{
	uint8 flags = fuzz_u8(in);

	memset(w, 0, sizeof(*w));
	w->stream = &streams[flags & 1];
	w->op = "cudrtmx"[fuzz_u8(in) % 7];
	w->part = fuzz_u8(in);
	w->null_key = (flags & 2) != 0;
	w->null_value = (flags & 4) != 0;
	w->key = take_object(in);
	w->value = take_object(in);
	if (flags & 8)
		w->route.topic = take_string(in, false);
	if (flags & 16)
	{
		w->route.has_partition = true;
		w->route.partition = (int32) fuzz_bits(in, 4);
	}
	if (flags & 32)
	{
		w->route.has_timestamp = true;
		w->route.timestamp_ms = (int64) fuzz_bits(in, 8);
	}
	w->nheaders = (flags >> 6) & 3;
	for (int i = 0; i < w->nheaders; i++)
	{
		/* a header without a name stands for those of the stream */
		w->headers[i].name = i == 1 && (flags & 1) ? NULL : psprintf("h%d", i);
		if (w->headers[i].name != NULL && fuzz_u8(in) % 4 != 0)
		{
			w->headers[i].value = take_string(in, false);
			/* as a marker's, it may be text or JSON */
			if (fuzz_u8(in) % 4 == 0)
			{
				w->headers[i].marker = 1 + (int) strlen(w->headers[i].value);
				w->headers[i].value = psprintf("%strue", w->headers[i].value);
			}
			w->headers[i].len = (int) strlen(w->headers[i].value);
		}
	}
}

static void
write_record(FrameWriter *w, const Written *r)
{
	w->txn->ordinal = r->ordinal;
	frame_record_route(w, &r->route);
	frame_record_begin(w, r->stream, r->op, 0x1234, r->part);
	if (r->null_key)
		frame_key_null(w);
	else
	{
		frame_key_begin(w);
		json_str(w->out, r->key);
		frame_key_end(w);
	}
	if (r->null_value)
		frame_value_null(w);
	else
	{
		frame_value_begin(w);
		json_str(w->out, r->value);
		frame_value_end(w);
	}
	frame_record_end(w, r->headers, r->nheaders);
}

static void
check_slice(WireSlice s, const char *text)
{
	FUZZ_CHECK((s.data == NULL) == (text == NULL), "null or not");
	FUZZ_CHECK(text == NULL ||
				   (s.len == strlen(text) && memcmp(s.data, text, s.len) == 0),
			   "\"%.*s\" is not \"%s\"", (int) s.len, (const char *) s.data,
			   text ? text : "");
}

/* Of a header with a marker. */
static const char *
filled(const RecordHeader *h, const char *marker)
{
	if (h->marker == 0)
		return h->value;
	return psprintf("%.*s%s", h->marker - 1, h->value, marker);
}

static void
check_headers(const FrameRecord *f, const Written *r, const char *marker)
{
	FrameHeaders h = f->headers;
	WireSlice name;
	WireSlice value;

	FUZZ_CHECK(h.count == r->nheaders, "headers");
	for (int i = 0; i < r->nheaders; i++)
	{
		FUZZ_CHECK(frame_next_header(&h, &name, &value), "a header is lost");
		check_slice(name, r->headers[i].name ? r->headers[i].name : "");
		check_slice(value, filled(&r->headers[i], marker));
	}
}

static void
check_record(const FrameRecord *f, const Written *r, bool text_keys,
			 bool marked)
{
	FrameRecord first = *f;
	PgText patched[2] = {{0}, {0}};

	FUZZ_CHECK(f->stream == r->stream->id && f->op == (uint8) r->op &&
				   f->part == r->part && f->ordinal == r->ordinal &&
				   f->lsn == 0x1234,
			   "the record's head");
	if (!text_keys || r->null_key)
		check_slice(f->key, r->null_key ? NULL : r->key);
	check_slice(f->value, r->null_value ? NULL : r->value);
	check_slice(f->topic, r->route.topic);
	FUZZ_CHECK(f->partition ==
				   (r->route.has_partition ? r->route.partition : -1),
			   "partition");
	FUZZ_CHECK(f->timestamp_ms ==
				   (r->route.has_timestamp ? r->route.timestamp_ms : -1),
			   "time");
	check_headers(f, r, "true");
	marker_write(&first, "first", &patched[0], &patched[1]);
	check_headers(&first, r, marked ? "first" : "true");
	free(patched[0].data);
	free(patched[1].data);
}

static void
check_frames(StringInfo out, const Written *records, int n, const TxnInfo *txn,
			 bool text_keys, bool marked)
{
	FrameReader r;
	FrameResult result;
	Frame f;
	Error err = {0};
	int seen = 0;
	bool committed = false;

	frame_reader_init(&r, out->data, (size_t) out->len);
	while ((result = frame_reader_next(&r, &f, &err)) == FRAME_OK)
	{
		if (f.kind == WIRE_RECORD)
		{
			FUZZ_CHECK(seen < n, "too many records");
			check_record(&f.record, &records[seen++], text_keys, marked);
		}
		else if (f.kind == WIRE_BEGIN)
			FUZZ_CHECK(f.begin.xid == txn->xid &&
						   f.begin.commit_lsn == txn->commit_lsn &&
						   f.begin.end_lsn == txn->end_lsn &&
						   f.begin.commit_time_us == txn->commit_time_us,
					   "begin");
		else if (f.kind == WIRE_COMMIT)
		{
			FUZZ_CHECK(f.commit.end_lsn == txn->end_lsn &&
						   f.commit.records == (uint64) n,
					   "commit");
			committed = true;
		}
	}
	FUZZ_CHECK(result == FRAME_END, "%s", err.text);
	FUZZ_CHECK(seen == n && committed == (n > 0), "%d of %d records", seen, n);
}

static void
check_lines(StringInfo out, const Written *records, int n)
{
	const char *p = out->data;

	for (int i = 0; i < n; i++)
	{
		json_error_t err;
		json_t *line =
			json_loadb(p, (size_t) (out->data + out->len - p),
					   JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, &err);

		FUZZ_CHECK(line != NULL, "%s in %s", err.text, p);
		p += err.position;
		FUZZ_CHECK(json_is_null(json_object_get(line, "key")) ==
					   records[i].null_key,
				   "key");
		FUZZ_CHECK(json_is_null(json_object_get(line, "value")) ==
					   records[i].null_value,
				   "value");
		json_decref(line);
	}
	FUZZ_CHECK(*p == '\0', "bytes behind the last line: %s", p);
}

static void
run(FuzzInput *in)
{
	uint8 flags = fuzz_u8(in);
	bool wire = (flags & 1) != 0;
	RecordHeader header = {"constant", "v", 1};
	StreamInfo streams[2] = {
		{.id = 7, .kind = 't', .topic = "p.s.t", .schema = "s", .name = "t"},
		{.id = 0x80000000u,
		 .kind = 'm',
		 .topic = "p.message",
		 .schema = "",
		 .name = "",
		 .nheaders = 1,
		 .headers = &header},
	};
	TxnInfo txn = {.xid = 700,
				   .commit_lsn = 0x100000000,
				   .end_lsn = 0x100000030,
				   .commit_time_us = -1,
				   .origin = "node"};
	Written records[MAX_RECORDS];
	StringInfoData out;
	FrameWriter w;
	int n = 0;

	for (int i = 0; i < 2; i++)
	{
		bool head = (flags & 2) != 0;

		streams[i].key_head = head ? "{\"schema\":null,\"payload\":" : "";
		streams[i].value_head = streams[i].key_head;
		streams[i].key_tail = streams[i].value_tail = head ? "}" : "";
	}
	initStringInfo(&out);
	frame_writer_init(&w, NULL, &out, wire, "flat", 1 << 20);
	w.text_keys = (flags & 4) != 0;
	w.marker = flags & 8 ? "true" : NULL;
	/* text keys have no head of their own */
	if (w.text_keys)
		streams[0].key_head = streams[1].key_head = streams[0].key_tail =
			streams[1].key_tail = "";
	frame_transaction(&w, &txn);
	while (in->left > 0 && n < MAX_RECORDS)
	{
		take_record(in, &records[n], streams);
		records[n].ordinal = (uint64) n + 1;
		write_record(&w, &records[n++]);
	}
	frame_commit(&w);
	if (wire)
		check_frames(&out, records, n, &txn, w.text_keys, w.marker != NULL);
	else
		check_lines(&out, records, n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzInput in = {data, size};

	if (SHIM_TRY())
		run(&in);
	else
		FUZZ_CHECK(strstr(shim_error_text, "does not fit a frame") != NULL,
				   "%s", shim_error_text);
	shim_reset();
	return 0;
}
