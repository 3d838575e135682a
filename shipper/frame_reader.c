/*
 * frame_reader.c
 *		Bytes of one CopyData payload to frames: slices, no copies, every length
 *		checked.
 */
#include "frame_reader.h"

#define HOLE_BYTES 6

static FrameResult frame_corrupt(Error *err, const char *what, size_t left);
static FrameHeaders frame_get_headers(WireCursor *c);
static FrameHoles frame_get_holes(WireCursor *c);
static void frame_get_hello(WireCursor *c, FrameHello *f);
static void frame_get_stream(WireCursor *c, FrameStream *f);
static void frame_get_begin(WireCursor *c, FrameBegin *f);
static void frame_get_record(WireCursor *c, FrameRecord *f);
static void frame_get_commit(WireCursor *c, FrameCommit *f);
static void frame_get_signal(WireCursor *c, FrameSignal *f);


void
frame_reader_init(FrameReader *r, const void *payload, size_t len)
{
	r->p = payload;
	r->end = r->p + len;
}

FrameResult
frame_reader_next(FrameReader *r, Frame *out, Error *err)
{
	WireCursor c;
	size_t left = (size_t) (r->end - r->p);
	uint32_t len;

	if (left == 0)
		return FRAME_END;
	if (left < WIRE_LENGTH_BYTES + 1)
		return frame_corrupt(err, "the payload ends inside a frame's head",
							 left);
	len = wire_load_u32(r->p);
	if (len == 0 || len > WIRE_MAX_FRAME || len > left - WIRE_LENGTH_BYTES)
		return frame_corrupt(err, "a frame's length is out of range", left);

	c.p = r->p + WIRE_LENGTH_BYTES;
	c.end = c.p + len;
	c.bad = false;
	out->kind = wire_get_u8(&c);
	switch (out->kind)
	{
		case WIRE_RECORD:
			frame_get_record(&c, &out->record);
			break;
		case WIRE_BEGIN:
			frame_get_begin(&c, &out->begin);
			break;
		case WIRE_COMMIT:
			frame_get_commit(&c, &out->commit);
			break;
		case WIRE_STREAM:
			frame_get_stream(&c, &out->stream);
			break;
		case WIRE_SIGNAL:
			frame_get_signal(&c, &out->signal);
			break;
		case WIRE_WATERMARK:
			out->watermark.content = wire_get_str(&c);
			break;
		case WIRE_HELLO:
			frame_get_hello(&c, &out->hello);
			break;
		default:
			return frame_corrupt(err, "a frame's kind is unknown", left);
	}
	/* bytes behind the known fields are of a newer writer: ignored */
	if (c.bad)
		return frame_corrupt(err, "a field goes beyond its frame", left);
	r->p += WIRE_LENGTH_BYTES + len;
	return FRAME_OK;
}

uint8_t
frame_reader_peek(const FrameReader *r)
{
	return r->end - r->p > WIRE_LENGTH_BYTES ? r->p[WIRE_LENGTH_BYTES] : 0;
}

bool
frame_next_header(FrameHeaders *h, WireSlice *name, WireSlice *value)
{
	WireCursor c;

	if (h->count == 0)
		return false;
	c.p = h->packed.data;
	c.end = c.p + h->packed.len;
	c.bad = false;
	*name = wire_get_str(&c);
	*value = wire_get_blob(&c);
	h->count--;
	h->packed.len = (uint32_t) (c.end - c.p);
	h->packed.data = c.p;
	return true;
}

bool
frame_next_hole(FrameHoles *h, uint16_t *header, uint32_t *offset)
{
	if (h->count == 0)
		return false;
	*header = wire_load_u16(h->packed.data);
	*offset = wire_load_u32(h->packed.data + 2);
	h->count--;
	h->packed.data += HOLE_BYTES;
	h->packed.len -= HOLE_BYTES;
	return true;
}

/*
 * The place is told by the bytes left: the payload's start is not kept.  None
 * of its bytes are shown, they may be row data.
 */
static FrameResult
frame_corrupt(Error *err, const char *what, size_t left)
{
	err_set(
		err, ERR_ENVIRONMENT, "frame_corrupt",
		"what the output plugin sent cannot be read: %s (%zu bytes before the end of the message)",
		what, left);
	err_detail(err, "Nothing of it was passed on; going on could lose rows.");
	err_hint(
		err,
		"See that the extension's library and this program are of one version, then start again; the slot resends what was not confirmed.");
	return FRAME_CORRUPT;
}

/* Walks over the headers, so that frame_next_header() need not check again. */
static FrameHeaders
frame_get_headers(WireCursor *c)
{
	FrameHeaders h;
	uint16_t count = wire_get_u16(c);

	h.count = count;
	h.packed.data = c->p;
	while (count-- > 0 && !c->bad)
	{
		(void) wire_get_str(c);
		(void) wire_get_blob(c);
	}
	h.packed.len = (uint32_t) (c->p - h.packed.data);
	return h;
}

static FrameHoles
frame_get_holes(WireCursor *c)
{
	FrameHoles h;

	h.count = wire_get_u16(c);
	h.packed.len = (uint32_t) h.count * HOLE_BYTES;
	h.packed.data = wire_take(c, h.packed.len);
	return h;
}

static void
frame_get_hello(WireCursor *c, FrameHello *f)
{
	f->wire_version = wire_get_u16(c);
	f->extension_version = wire_get_str(c);
	f->format = wire_get_str(c);
	f->server_version_num = wire_get_u32(c);
}

static void
frame_get_stream(WireCursor *c, FrameStream *f)
{
	f->id = wire_get_u32(c);
	f->kind = wire_get_u8(c);
	f->topic = wire_get_str(c);
	f->schema = wire_get_str(c);
	f->name = wire_get_str(c);
	f->key_head = wire_get_blob(c);
	f->key_tail = wire_get_blob(c);
	f->value_head = wire_get_blob(c);
	f->value_tail = wire_get_blob(c);
	f->headers = frame_get_headers(c);
	/* younger than the frame: a decoder may not send it */
	f->flags = !c->bad && c->p < c->end ? wire_get_u8(c) : 0;
}

static void
frame_get_begin(WireCursor *c, FrameBegin *f)
{
	f->xid = wire_get_u32(c);
	f->commit_lsn = wire_get_u64(c);
	f->end_lsn = wire_get_u64(c);
	f->commit_time_us = (int64_t) wire_get_u64(c);
	f->origin = wire_get_str(c);
}

static void
frame_get_record(WireCursor *c, FrameRecord *f)
{
	f->stream = wire_get_u32(c);
	f->op = wire_get_u8(c);
	f->flags = wire_get_u8(c);
	f->lsn = wire_get_u64(c);
	f->ordinal = wire_get_u64(c);
	f->part = wire_get_u8(c);
	f->key = wire_get_blob(c);
	f->value = wire_get_blob(c);
	f->headers = frame_get_headers(c);
	f->topic = (WireSlice){NULL, 0};
	f->partition = -1;
	f->timestamp_ms = -1;
	f->hole = 0;
	if (f->flags == 0)
		return;
	if (f->flags & WIRE_REC_TOPIC)
		f->topic = wire_get_str(c);
	if (f->flags & WIRE_REC_PARTITION)
		f->partition = (int32_t) wire_get_u32(c);
	if (f->flags & WIRE_REC_TIMESTAMP)
		f->timestamp_ms = (int64_t) wire_get_u64(c);
	if (f->flags & WIRE_REC_HOLE)
	{
		f->hole = wire_get_u32(c);
		if (f->hole > f->value.len)
			c->bad = true;
	}
	if (f->flags & WIRE_REC_OVERSIZE)
	{
		f->oversize.bits = wire_get_u8(c);
		f->oversize.key_bytes = wire_get_u64(c);
		f->oversize.value_bytes = wire_get_u64(c);
		f->oversize.sha256 = wire_get_blob(c);
	}
	if (f->flags & WIRE_REC_HOLES)
		f->holes = frame_get_holes(c);
}

static void
frame_get_commit(WireCursor *c, FrameCommit *f)
{
	f->end_lsn = wire_get_u64(c);
	f->records = wire_get_u64(c);
}

/* What is longer than a decoder sends is no frame of one. */
static void
frame_get_signal(WireCursor *c, FrameSignal *f)
{
	f->lsn = wire_get_u64(c);
	f->ordinal = wire_get_u64(c);
	f->id = wire_get_str(c);
	f->type = wire_get_str(c);
	f->data = wire_get_blob(c);
	f->data_bytes = wire_get_u32(c);
	if (f->id.len > WIRE_SIGNAL_NAME_BYTES ||
		f->type.len > WIRE_SIGNAL_NAME_BYTES ||
		f->data.len > WIRE_SIGNAL_DATA_BYTES)
		c->bad = true;
}
