/*
 * loop_signal.c
 *		The loop's part in signals: what comes by the channels is acted on.
 */
#include "loop_internal.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "lsn.h"
#include "signal_request.h"

/* between two looks at the topic of signals, and after one that failed */
#define TOPIC_TICK_MS  200
#define TOPIC_RETRY_MS 60000


/* "{}" in the text stands for the place in the stream. */
static void
log_message(const Loop *l, const SignalRequest *s)
{
	const char *hole = strstr(s->message, "{}");
	char text[2048];
	char place[32];

	snprintf(place, sizeof(place), LSN_FORMAT,
			 LSN_ARGS(core_last(&l->core).end_lsn));
	snprintf(text, sizeof(text), "%.*s%s%s",
			 hole ? (int) (hole - s->message) : (int) strlen(s->message),
			 s->message, hole ? place : "", hole ? hole + 2 : "");
	log_event(LOG_INFO, "a signal says", F_STR("message", text),
			  F_STR("id", s->id));
}

static void
refused(const SignalRequest *s, const char *channel, const Error *err)
{
	log_event(LOG_WARN, "a signal was ignored", F_STR("error", err->text),
			  F_STR("type", s->type), F_STR("id", s->id),
			  F_STR("channel", channel));
}

static void
start(Loop *l, const SignalRequest *s, const char *channel)
{
	char made[37];
	IncrementalRequest req = {.id = s->id[0] != '\0' ? s->id : made,
							  .type = s->blocking ? INCREMENTAL_BLOCKING
												  : INCREMENTAL_INCREMENTAL,
							  .items = s->items,
							  .count = s->count};
	Error err;

	notification_uuid(made);
	if (!incremental_start(l->incremental, &req, &err))
	{
		refused(s, channel, &err);
		return;
	}
	log_event(LOG_INFO, "a signal asks for a snapshot", F_STR("id", s->id),
			  F_STR("tables", s->items[0].pattern),
			  F_INT("and_more", s->count - 1), F_STR("channel", channel));
	if (s->blocking)
		log_event(LOG_INFO,
				  "a blocking snapshot is read as an incremental one: the "
				  "stream need not stop for it",
				  F_STR("id", s->id));
}

static void
stop(Loop *l, const SignalRequest *s)
{
	const char **patterns = calloc(s->count + 1, sizeof(*patterns));

	if (patterns == NULL)
		abort();
	for (size_t i = 0; i < s->count; i++)
		patterns[i] = s->items[i].pattern;
	incremental_stop(l->incremental, patterns, s->count);
	free(patterns);
}

static void
act(Loop *l, const SignalRequest *s, const char *channel)
{
	switch (s->kind)
	{
		case SIGNAL_EXECUTE:
			start(l, s, channel);
			return;
		case SIGNAL_STOP:
			stop(l, s);
			break;
		case SIGNAL_PAUSE:
			incremental_pause(l->incremental);
			break;
		case SIGNAL_RESUME:
			incremental_resume(l->incremental);
			break;
		case SIGNAL_LOG:
			log_message(l, s);
			return;
		case SIGNAL_WINDOW:
			return;
		case SIGNAL_UNKNOWN:
			log_event(LOG_WARN, "a signal's type is not known: ignored",
					  F_STR("type", s->type), F_STR("id", s->id),
					  F_STR("channel", channel));
			return;
	}
	log_event(LOG_INFO, "a signal was acted on", F_STR("type", s->type),
			  F_STR("id", s->id), F_STR("channel", channel));
}

static void
copy_slice(char *out, size_t size, WireSlice s)
{
	snprintf(out, size, "%.*s", (int) s.len,
			 s.len ? (const char *) s.data : "");
}

void
loop_signal_frame(Loop *l, const FrameSignal *f)
{
	char id[WIRE_SIGNAL_NAME_BYTES + 1];
	char type[WIRE_SIGNAL_NAME_BYTES + 1];
	SignalRequest s;
	Error err;
	bool ok;

	if (!config_has_word(l->cfg->signal_channels, "source"))
		return;
	copy_slice(id, sizeof(id), f->id);
	copy_slice(type, sizeof(type), f->type);
	if (f->data.data == NULL && f->data_bytes > 0)
		ok = err_set(&err, ERR_CONFIG, "signal_garbage",
					 "its data has %u bytes, %d are read at most",
					 f->data_bytes, WIRE_SIGNAL_DATA_BYTES);
	else
		ok = signal_request_parse(&s, id, type, (const char *) f->data.data,
								  f->data.len, &err);
	if (!ok)
	{
		log_event(LOG_WARN, "a signal was ignored", F_STR("error", err.text),
				  F_STR("type", type), F_STR("id", id),
				  F_STR("channel", "source"));
		return;
	}
	act(l, &s, "source");
	signal_request_free(&s);
}

/* ---- the other channels ------------------------------------------------------ */

static void
act_on_text(Loop *l, const char *text, size_t len, const char *channel)
{
	SignalRequest s;
	Error err;

	if (!signal_request_read(&s, text, len, &err))
	{
		log_event(LOG_WARN, "a signal was ignored", F_STR("error", err.text),
				  F_STR("channel", channel));
		return;
	}
	act(l, &s, channel);
	signal_request_free(&s);
}

static void
on_line(void *arg, const char *line, size_t len)
{
	act_on_text(arg, line, len, "file");
}

static void
on_message(void *arg, const char *text, size_t len)
{
	act_on_text(arg, text, len, "kafka");
}

static void
look_at_file(Loop *l)
{
	SignalFile *f = &l->signal_file;
	Error err;
	bool ok;

	if (l->now_ms < f->next_ms)
		return;
	f->next_ms = l->now_ms + l->cfg->signal_poll;
	f->path = l->cfg->signal_file;
	ok = signal_file_take(f, on_line, l, &err);
	if (!ok && !f->failed)
		log_error(LOG_WARN, &err);
	f->failed = !ok;
}

static void
look_at_topic(Loop *l)
{
	Error err;

	if (l->now_ms < l->signals_ms)
		return;
	l->signals_ms = l->now_ms + TOPIC_TICK_MS;
	if (l->kafka_signals == NULL)
		l->kafka_signals = kafka_signals_open(l->cfg, &err);
	if (l->kafka_signals == NULL)
	{
		log_error(LOG_WARN, &err);
		l->signals_ms = l->now_ms + TOPIC_RETRY_MS;
		return;
	}
	kafka_signals_take(l->kafka_signals, l->now_ms, on_message, l);
}

/* Only while there is something that they can act on. */
void
loop_signals(Loop *l)
{
	if (l->phase != PHASE_RUNNING || l->resuming || l->started_ms == 0 ||
		!source_is_streaming(l->source) || loop_snapshot_blocks(l))
		return;
	if (config_has_word(l->cfg->signal_channels, "file"))
		look_at_file(l);
	if (config_has_word(l->cfg->signal_channels, "kafka"))
		look_at_topic(l);
}

void
loop_signals_free(Loop *l)
{
	kafka_signals_close(l->kafka_signals);
	l->kafka_signals = NULL;
}
