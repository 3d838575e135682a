/*
 * frames.c
 *		Bytes of a CopyData payload: read, packed again, read again; and the
 *		core that is fed by them.
 */
#include "fuzz.h"

#include "core.h"
#include "marker.h"

typedef struct Packed
{
	uint8_t *data;
	size_t len;
	size_t room;
} Packed;

static uint8_t *
room(Packed *b, size_t n)
{
	if (b->len + n > b->room)
	{
		b->room = (b->len + n) * 2;
		b->data = realloc(b->data, b->room);
		if (b->data == NULL)
			abort();
	}
	b->len += n;
	return b->data + b->len - n;
}

static void
put_str(Packed *b, WireSlice s)
{
	wire_put_u16(room(b, 2), (uint16_t) s.len);
	if (s.len > 0)
		memcpy(room(b, s.len), s.data, s.len);
}

static void
put_blob(Packed *b, WireSlice s)
{
	wire_put_u32(room(b, 4), s.data != NULL ? s.len : WIRE_NULL);
	if (s.data != NULL && s.len > 0)
		memcpy(room(b, s.len), s.data, s.len);
}

static void
put_headers(Packed *b, FrameHeaders h)
{
	const uint8_t *end = h.packed.data + h.packed.len;
	WireSlice name;
	WireSlice value;

	wire_put_u16(room(b, 2), h.count);
	while (frame_next_header(&h, &name, &value))
	{
		FUZZ_CHECK(h.packed.data <= end, "a header goes beyond its frame");
		put_str(b, name);
		put_blob(b, value);
	}
	FUZZ_CHECK(h.packed.len == 0, "bytes behind the last header");
}

static void
put_holes(Packed *b, FrameHoles h)
{
	uint16_t header;
	uint32_t offset;

	wire_put_u16(room(b, 2), h.count);
	while (frame_next_hole(&h, &header, &offset))
	{
		wire_put_u16(room(b, 2), header);
		wire_put_u32(room(b, 4), offset);
	}
	FUZZ_CHECK(h.packed.len == 0, "bytes behind the last hole");
}

static void
put_stream(Packed *b, const FrameStream *f)
{
	wire_put_u32(room(b, 4), f->id);
	wire_put_u8(room(b, 1), f->kind);
	put_str(b, f->topic);
	put_str(b, f->schema);
	put_str(b, f->name);
	put_blob(b, f->key_head);
	put_blob(b, f->key_tail);
	put_blob(b, f->value_head);
	put_blob(b, f->value_tail);
	put_headers(b, f->headers);
	wire_put_u8(room(b, 1), f->flags);
}

static void
put_record(Packed *b, const FrameRecord *f)
{
	FUZZ_CHECK(f->hole <= f->value.len, "a hole beyond the value");
	wire_put_u32(room(b, 4), f->stream);
	wire_put_u8(room(b, 1), f->op);
	wire_put_u8(room(b, 1), f->flags);
	wire_put_u64(room(b, 8), f->lsn);
	wire_put_u64(room(b, 8), f->ordinal);
	wire_put_u8(room(b, 1), f->part);
	put_blob(b, f->key);
	put_blob(b, f->value);
	put_headers(b, f->headers);
	if (f->flags & WIRE_REC_TOPIC)
		put_str(b, f->topic);
	if (f->flags & WIRE_REC_PARTITION)
		wire_put_u32(room(b, 4), (uint32_t) f->partition);
	if (f->flags & WIRE_REC_TIMESTAMP)
		wire_put_u64(room(b, 8), (uint64_t) f->timestamp_ms);
	if (f->flags & WIRE_REC_HOLE)
		wire_put_u32(room(b, 4), f->hole);
	if (f->flags & WIRE_REC_OVERSIZE)
	{
		wire_put_u8(room(b, 1), f->oversize.bits);
		wire_put_u64(room(b, 8), f->oversize.key_bytes);
		wire_put_u64(room(b, 8), f->oversize.value_bytes);
		put_blob(b, f->oversize.sha256);
	}
	if (f->flags & WIRE_REC_HOLES)
		put_holes(b, f->holes);
}

/* Whatever its holes, a marked record's headers are as many, and whole. */
static void
check_marked(const FrameRecord *f)
{
	FrameRecord marked = *f;
	PgText value = {0};
	PgText headers = {0};
	Packed packed = {0};

	marker_write(&marked, "first_in_data_collection", &value, &headers);
	FUZZ_CHECK(marked.headers.count == f->headers.count, "headers");
	put_headers(&packed, marked.headers);
	FUZZ_CHECK(packed.len == marked.headers.packed.len + 2u,
			   "other headers than were packed");
	FUZZ_CHECK((marked.value.data == NULL) == (f->value.data == NULL), "value");
	free(packed.data);
	free(value.data);
	free(headers.data);
}

static void
put_frame(Packed *b, const Frame *f)
{
	size_t start = b->len;

	wire_put_u32(room(b, 4), 0);
	wire_put_u8(room(b, 1), f->kind);
	switch (f->kind)
	{
		case WIRE_HELLO:
			wire_put_u16(room(b, 2), f->hello.wire_version);
			put_str(b, f->hello.extension_version);
			put_str(b, f->hello.format);
			wire_put_u32(room(b, 4), f->hello.server_version_num);
			break;
		case WIRE_STREAM:
			put_stream(b, &f->stream);
			break;
		case WIRE_BEGIN:
			wire_put_u32(room(b, 4), f->begin.xid);
			wire_put_u64(room(b, 8), f->begin.commit_lsn);
			wire_put_u64(room(b, 8), f->begin.end_lsn);
			wire_put_u64(room(b, 8), (uint64_t) f->begin.commit_time_us);
			put_str(b, f->begin.origin);
			break;
		case WIRE_RECORD:
			put_record(b, &f->record);
			check_marked(&f->record);
			break;
		case WIRE_SIGNAL:
			wire_put_u64(room(b, 8), f->signal.lsn);
			wire_put_u64(room(b, 8), f->signal.ordinal);
			put_str(b, f->signal.id);
			put_str(b, f->signal.type);
			put_blob(b, f->signal.data);
			wire_put_u32(room(b, 4), f->signal.data_bytes);
			break;
		case WIRE_WATERMARK:
			put_str(b, f->watermark.content);
			break;
		case WIRE_COMMIT:
			wire_put_u64(room(b, 8), f->commit.end_lsn);
			wire_put_u64(room(b, 8), f->commit.records);
			break;
		default:
			FUZZ_CHECK(false, "a kind that the reader should refuse");
	}
	wire_put_u32(b->data + start,
				 (uint32_t) (b->len - start - WIRE_LENGTH_BYTES));
}

/* Reads all frames of a payload and packs them; false if one is corrupt. */
static bool
repack(const uint8_t *data, size_t len, Packed *out)
{
	FrameReader r;
	FrameResult result;
	Frame f;
	Error err = {0};

	frame_reader_init(&r, data, len);
	while ((result = frame_reader_next(&r, &f, &err)) == FRAME_OK)
		put_frame(out, &f);
	FUZZ_CHECK(result == FRAME_END || err.code[0] != '\0', "no reason given");
	return result == FRAME_END;
}

/* The core, with a sink that takes all and acknowledges by bits of "acks". */
static void
drive_core(const uint8_t *data, size_t len, uint64_t acks)
{
	static char handle;
	Stats stats = {0};
	Core core;
	FrameReader r;
	Frame f;
	Error err = {0};
	uint64_t put = 0;
	uint64_t acked = 0;
	uint64_t first_ticket = 0;
	uint64_t confirmed = 0;
	RecordId last = {0, 0, 0};

	core_init(&core, &stats);
	core_session_start(&core);
	frame_reader_init(&r, data, len);
	while (frame_reader_next(&r, &f, &err) == FRAME_OK)
	{
		SinkRecord record = {0};
		CoreVerdict v = core_frame(&core, &f, &record, &err);

		if (v == CORE_ERROR)
		{
			FUZZ_CHECK(err.code[0] != '\0', "no reason given");
			break;
		}
		if (v == CORE_STREAM)
			core_set_stream(&core, &f.stream, (SinkStream *) &handle);
		else if (v == CORE_PRODUCE)
		{
			RecordId now;

			FUZZ_CHECK(record.stream == (SinkStream *) &handle, "no stream");
			core_taken(&core, &record);
			now = core_last(&core);
			FUZZ_CHECK(record_id_compare(now, last) > 0,
					   "identities must grow");
			last = now;
			put++;
			if (acks & 1)
			{
				FUZZ_CHECK(core_acked(&core, record.ticket, &err), "%s",
						   err.text);
				acked++;
			}
			else if (first_ticket == 0)
				first_ticket = record.ticket;
			acks = acks >> 1 | acks << 63;
		}
		core_advance(&core, 0);
		FUZZ_CHECK(core_pending(&core) == put - acked, "records in flight");
		FUZZ_CHECK(core_confirmable(&core) >= confirmed, "it went back");
		confirmed = core_confirmable(&core);
	}
	FUZZ_CHECK(!core_acked(&core, UINT64_MAX, &err), "an unknown ticket");
	core_free(&core);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzInput in = {data, size};
	uint64_t acks = fuzz_bits(&in, 1) * 0x0101010101010101u;
	size_t len;
	uint8_t *payload = fuzz_until(&in, -1, &len);
	Packed once = {0};
	Packed twice = {0};

	if (repack(payload, len, &once))
	{
		/* what was read is what is read again, but for unknown bytes */
		FUZZ_CHECK(once.len == 0 || repack(once.data, once.len, &twice),
				   "what was packed cannot be read");
		FUZZ_CHECK(
			once.len == twice.len &&
				(once.len == 0 || memcmp(once.data, twice.data, once.len) == 0),
			"another payload");
	}
	drive_core(payload, len, acks);
	free(once.data);
	free(twice.data);
	free(payload);
	return 0;
}
