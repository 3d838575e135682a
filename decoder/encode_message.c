/*
 * encode_message.c
 *		From a logical message to its record: the same in every format, as in
 *		Debezium.
 */
#include "compat.h"

#include "encode.h"
#include "json.h"
#include "txnmeta.h"

typedef struct MessageWork
{
	Encoder *enc;
	StreamInfo *stream;
	bool ordered; /* an event of its transaction */
	const char *prefix;
	const char *content;
	Size size;
	XLogRecPtr lsn;
} MessageWork;

static void
message_work(void *arg)
{
	const MessageWork *m = arg;
	Encoder *enc = m->enc;
	FrameWriter *w = enc->writer;
	int64 now = encode_clock();
	int mode = enc->opts->binary_mode;

	frame_record_begin(w, m->stream, WIRE_OP_MESSAGE, m->lsn, 0);
	frame_key_begin(w);
	json_lit(w->out, "{\"prefix\":");
	json_text(w->out, m->prefix, strlen(m->prefix));
	json_char(w->out, '}');
	frame_key_end(w);
	frame_value_begin(w);
	json_lit(w->out, "{\"op\":\"m\",\"ts_ms\":");
	json_int64(w->out, now / 1000);
	json_char(w->out, ',');
	encode_source(w->out, enc, "", "", m->lsn);
	if (m->ordered)
	{
		json_char(w->out, ',');
		txnmeta_block(w->out, enc, m->stream, m->lsn);
	}
	else if (enc->opts->compat_version > COMPAT_2_7)
		json_lit(w->out, ",\"transaction\":null");
	json_lit(w->out, ",\"message\":{\"prefix\":");
	json_text(w->out, m->prefix, strlen(m->prefix));
	json_lit(w->out, ",\"content\":\"");
	oversize_expect(w->out, m->size);
	if (mode == BINARY_HEX)
		json_hex(w->out, (const uint8 *) m->content, m->size);
	else
		json_base64(w->out, (const uint8 *) m->content, m->size,
					mode == BINARY_BASE64_URL);
	json_lit(w->out, "\"}}");
	frame_value_end(w);
	frame_record_end(w, NULL, 0);
}

void
encode_message(Encoder *enc, StreamInfo *stream, bool transactional,
			   const char *prefix, const char *content, Size size,
			   XLogRecPtr lsn)
{
	MessageWork work = {.enc = enc,
						.stream = stream,
						.prefix = prefix,
						.content = content,
						.size = size,
						.lsn = lsn};

	/* since 3.x messages are events of their transaction */
	work.ordered = transactional && enc->txnmeta->enabled &&
				   enc->opts->compat_version > COMPAT_2_7;
	if (work.ordered)
		txnmeta_event(enc, stream, &enc->total_order, &enc->collection_order);
	if (size + strlen(prefix) <= OVERSIZE_TUPLE_BYTES)
		message_work(&work);
	else if (!oversize_try(enc->opts, message_work, &work))
		encode_stopped(enc, stream, WIRE_OP_MESSAGE, lsn, 0,
					   size + strlen(prefix));
}
