/*
 * dead_letter.c
 *		What stands in for a record that no topic takes.
 */
#include "dead_letter.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "sha256.h"
#include "utf8.h"

#define TOPIC_PREFIX "__tuplecast-dead-letter."
/* of key and value that are shown */
#define SHOWN_BYTES	 WIRE_OVER_VALUE_BYTES
#define LOG_EVERY_MS 10000

void
dead_letters_init(DeadLetters *d, const Config *cfg)
{
	memset(d, 0, sizeof(*d));
	d->cfg = cfg;
	if (cfg->dead_letter_topic[0] != '\0')
		sink_buf_add(&d->topic, cfg->dead_letter_topic,
					 strlen(cfg->dead_letter_topic));
	else
	{
		sink_buf_add(&d->topic, TOPIC_PREFIX, strlen(TOPIC_PREFIX));
		sink_buf_add(&d->topic, cfg->topic_prefix, strlen(cfg->topic_prefix));
	}
}

void
dead_letters_free(DeadLetters *d)
{
	sink_buf_free(&d->topic);
	sink_buf_free(&d->key);
	sink_buf_free(&d->value);
}

void
dead_letters_forget_sink(DeadLetters *d)
{
	d->stream = NULL;
	d->active = false;
}

bool
dead_letter_wanted(const Config *cfg, const Error *why)
{
	if (strcmp(why->code, "record_too_large") != 0)
		return cfg->on_error == ON_ERROR_DEAD_LETTER;
	if (cfg->oversize == OVERSIZE_TRUNCATE)
		return cfg->on_error == ON_ERROR_DEAD_LETTER;
	return cfg->oversize == OVERSIZE_DEAD_LETTER;
}

bool
dead_letter_oversized(const SinkRecord *r, const Config *cfg, Error *err)
{
	const FrameRecord *f = r->frame;
	const char *table = sink_stream_copy(r->stream)->table;
	bool exact = (f->oversize.bits & WIRE_OVER_EXACT) != 0;

	err_set(err, ERR_ENVIRONMENT, "record_too_large",
			"a record of %.200s has %s%" PRIu64
			" bytes of key and value, more than record.max.bytes allows",
			table[0] != '\0' ? table : "a logical message",
			exact ? "" : "at least ",
			f->oversize.key_bytes + f->oversize.value_bytes);
	err_detail(err, "Nothing after it is confirmed.");
	if (cfg->oversize == OVERSIZE_TRUNCATE)
		err_hint(err, "Cutting its columns does not make it small enough: "
					  "raise record.max.bytes, or set on.error=dead-letter.");
	else
		err_hint(err, "Raise record.max.bytes, and with it max.message.bytes "
					  "of the topic; or set oversize=dead-letter or "
					  "oversize=truncate-columns; or leave the column out "
					  "(column.exclude.list).");
	return false;
}

/* ---- the record ------------------------------------------------------------ */

static void add(SinkBuf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
add(SinkBuf *b, const char *fmt, ...)
{
	char text[160];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sink_buf_add(b, text,
				 n < (int) sizeof(text) ? (size_t) n : sizeof(text) - 1);
}

/* Keys and values are UTF-8, but for payloads that are bytes: of those, what is
 * none becomes U+FFFD. */
static void
add_utf8(SinkBuf *b, const char *text, size_t len)
{
	size_t start;

	add(b, "\"");
	start = b->len;
	for (size_t at = 0; at < len;)
	{
		uint32_t cp;
		size_t good = at;
		size_t n;

		while (good < len && (n = utf8_next(text + good, len - good, &cp)) > 0)
			good += n;
		/* the string's quotes go: it is a part of one */
		sink_buf_add_string(b, text + at, good - at);
		memmove(b->data + start, b->data + start + 1, b->len - start - 2);
		b->len -= 2;
		if (good < len)
		{
			add(b, "\xef\xbf\xbd");
			good++;
		}
		at = good;
		start = b->len;
	}
	add(b, "\"");
}

/* ,"name":"text" or ,"name":null */
static void
add_text(SinkBuf *b, const char *name, const void *text, size_t len)
{
	add(b, ",\"%s\":", name);
	if (text == NULL)
		add(b, "null");
	else
		add_utf8(b, text, len);
}

/* What is shown of bytes that are UTF-8, without a broken character. */
static size_t
shown(const char *p, size_t len)
{
	size_t n = SHOWN_BYTES;

	if (len <= n)
		return len;
	while (n > 0 && ((unsigned char) p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* The key as it would have been published; what the plugin cut stays cut. */
static WireSlice
whole_key(DeadLetters *d, const SinkRecord *r)
{
	const StreamCopy *c = sink_stream_copy(r->stream);
	const FrameRecord *f = r->frame;
	WireSlice key = {NULL, 0};

	d->key.len = 0;
	if (f->key.data == NULL)
		return key;
	if ((f->flags & WIRE_REC_OVERSIZE) &&
		(f->oversize.bits & WIRE_OVER_CUT_KEY))
		sink_buf_add(&d->key, f->key.data, f->key.len);
	else
	{
		sink_buf_add(&d->key, c->key_head.data, c->key_head.len);
		sink_buf_add(&d->key, f->key.data, f->key.len);
		sink_buf_add(&d->key, c->key_tail.data, c->key_tail.len);
	}
	sink_buf_reserve(&d->key, 1);
	key.data = (const uint8_t *) d->key.data;
	key.len = (uint32_t) d->key.len;
	return key;
}

static void
add_hash(SinkBuf *b, const uint8_t *digest)
{
	add(b, ",\"value_sha256\":");
	if (digest == NULL)
	{
		add(b, "null");
		return;
	}
	add(b, "\"");
	for (int i = 0; i < SHA256_BYTES; i++)
		add(b, "%02x", digest[i]);
	add(b, "\"");
}

/* What the plugin told of a value that it did not send. */
static void
add_told_value(SinkBuf *b, const FrameRecord *f)
{
	size_t n = shown((const char *) f->value.data, f->value.len);

	add_text(b, "value", f->value.data, n);
	add(b, ",\"value_bytes\":%" PRIu64 ",\"value_bytes_exact\":%s",
		f->oversize.value_bytes,
		f->oversize.bits & WIRE_OVER_EXACT ? "true" : "false");
	add_hash(b, f->oversize.sha256.len == SHA256_BYTES ? f->oversize.sha256.data
													   : NULL);
}

static void
add_value(SinkBuf *b, const StreamCopy *c, const FrameRecord *f)
{
	uint8_t digest[SHA256_BYTES];
	Sha256 hash;

	add_text(b, "value", f->value.data,
			 shown((const char *) f->value.data, f->value.len));
	if (f->value.data == NULL)
	{
		add(b, ",\"value_bytes\":0,\"value_bytes_exact\":true");
		add_hash(b, NULL);
		return;
	}
	add(b, ",\"value_bytes\":%" PRIu64 ",\"value_bytes_exact\":true",
		(uint64_t) c->value_head.len + f->value.len + c->value_tail.len);
	sha256_init(&hash);
	sha256_add(&hash, c->value_head.data, c->value_head.len);
	sha256_add(&hash, f->value.data, f->value.len);
	sha256_add(&hash, c->value_tail.data, c->value_tail.len);
	sha256_end(&hash, digest);
	add_hash(b, digest);
}

static void
add_identity(SinkBuf *b, const SinkRecord *r)
{
	const FrameRecord *f = r->frame;

	add(b,
		",\"op\":\"%c\",\"lsn\":%" PRIu64 ",\"ordinal\":%" PRIu64
		",\"part\":%u,\"ts_us\":%" PRId64,
		f->op, r->end_lsn, f->ordinal, f->part, r->commit_time_us);
	if (f->flags & WIRE_REC_PARTITION)
		add(b, ",\"partition\":%d", (int) f->partition);
}

static void
make_value(DeadLetters *d, const SinkRecord *r, WireSlice key, const Error *why)
{
	const StreamCopy *c = sink_stream_copy(r->stream);
	const FrameRecord *f = r->frame;
	SinkBuf *b = &d->value;
	bool own = (f->flags & WIRE_REC_TOPIC) != 0;

	b->len = 0;
	add(b, "{\"reason\":\"%s\"", why->code);
	add_text(b, "text", why->text, strlen(why->text));
	add_text(b, "topic", own ? (const char *) f->topic.data : c->topic,
			 own ? f->topic.len : strlen(c->topic));
	add_text(b, "table", c->table, strlen(c->table));
	add_identity(b, r);
	add_text(b, "key", key.data, shown((const char *) key.data, key.len));
	add(b, ",\"key_bytes\":%" PRIu64,
		f->flags & WIRE_REC_OVERSIZE ? f->oversize.key_bytes : key.len);
	if (f->flags & WIRE_REC_OVERSIZE)
		add_told_value(b, f);
	else
		add_value(b, c, f);
	add(b, "}");
}

bool
dead_letter_make(DeadLetters *d, const SinkOps *ops, Sink *sink,
				 const SinkRecord *r, const Error *why, Error *err)
{
	WireSlice key;

	if (d->stream == NULL)
	{
		FrameStream f = {
			.kind = WIRE_STREAM_MESSAGE,
			.topic = {(const uint8_t *) d->topic.data, (uint32_t) d->topic.len},
			.name = {(const uint8_t *) "dead letters", 12},
			.flags = WIRE_STREAM_TEXT_KEY};

		d->stream = ops->stream(sink, NULL, &f, err);
		if (d->stream == NULL)
			return false;
	}
	key = whole_key(d, r);
	make_value(d, r, key, why);
	d->frame = (FrameRecord){
		.op = r->frame->op,
		.lsn = r->frame->lsn,
		.ordinal = r->frame->ordinal,
		.part = r->frame->part,
		.key = key,
		.value = {(const uint8_t *) d->value.data, (uint32_t) d->value.len}};
	d->record = *r;
	d->record.stream = d->stream;
	d->record.frame = &d->frame;
	d->active = true;
	return true;
}

void
dead_letter_log(DeadLetters *d, const Error *why, int64_t now_ms)
{
	if (d->logged_ms != 0 && now_ms - d->logged_ms < LOG_EVERY_MS)
	{
		d->unlogged++;
		return;
	}
	log_event(LOG_WARN, "a record goes to the dead-letter topic",
			  F_STR("topic", sink_stream_copy(d->stream)->topic),
			  F_STR("reason", why->code), F_STR("error", why->text),
			  F_LSN("end_lsn", d->record.end_lsn),
			  F_INT("ordinal", d->frame.ordinal),
			  F_INT("not_logged", d->unlogged));
	d->logged_ms = now_ms;
	d->unlogged = 0;
}
