/*
 * process.c
 *		The process: the shipper's own loop, turned by hand; and what else it calls
 *		that has no part in snapshots.
 */
#include "loop.c"

#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>

#include "failpoint.h"
#include "rows.h"

static Loop *loop;

static void on_told(void *arg, const IncrementalEvent *ev);


/* As loop_run() begins. */
void
process_start(void)
{
	Loop *l = calloc(1, sizeof(*l));

	if (l == NULL)
		abort();
	TRACE("shipper: start");
	loop = l;
	l->cfg = &sim_config;
	l->ops = &sim_sink_ops;
	loop_core_init(l);
	heartbeat_init(&l->heartbeat, l->cfg);
	dead_letters_init(&l->dead, l->cfg);
	wal_watch_init(&l->wal, l->cfg, &l->stats);
	loop_snapshot_init(l);
	loop_incremental_init(l);
	incremental_set_notify(l->inc.machine, on_told, l);
	l->source = source_open(l->cfg);
	l->turn_us = clock_us(CLOCK_MONOTONIC);
	l->moved_ms = l->turn_us / 1000;
}

static void
free_process(void)
{
	Loop *l = loop;
	IncrementalStatus status;

	incremental_status(l->inc.machine, &status);
	totals.chunks += status.chunk;
	totals.dropped += status.dropped;
	totals.requeued += status.requeued;
	loop_snapshot_free(l);
	loop_incremental_free(l);
	source_close(l->source);
	if (l->sink != NULL)
		l->ops->close(l->sink);
	core_free(&l->core);
	free(l);
	loop = NULL;
	links_begin();
}

void
process_kill(void)
{
	if (loop == NULL)
		return;
	TRACE("shipper: killed");
	free_process();
	totals.kills++;
}

bool
process_is_up(void)
{
	return loop != NULL;
}

Incremental *
process_incremental(void)
{
	return loop->inc.machine;
}

void
process_turn(void)
{
	if (loop == NULL)
		return;
	loop_turn(loop);
	if (loop->phase != PHASE_DONE)
		return;
	TRACE("shipper: stopped, %s", loop->why.text);
	HOLDS("I8",
		  loop->why.kind == ERR_NONE || loop->why.kind == ERR_RETRY ||
			  strcmp(loop->why.code, "drain_incomplete") == 0,
		  "it stops without a reason: %s: %s", loop->why.code, loop->why.text);
	totals.stops++;
	free_process();
}

bool
process_is_settled(void)
{
	IncrementalStatus status;

	if (loop == NULL || loop->phase != PHASE_RUNNING || loop->sink == NULL ||
		loop->resuming || !source_is_streaming(loop->source) ||
		loop->snapshot.phase != SNAPSHOT_OFF || !loop->snapshot.loaded)
		return false;
	incremental_status(loop->inc.machine, &status);
	return !status.running && !status.paused && core_settled(&loop->core);
}

static void
on_told(void *arg, const IncrementalEvent *ev)
{
	if (arg != loop)
		return;
	TRACE("shipper: %s, %s, last %s, status %s, reason %s", ev->id,
		  ev->collection ? ev->collection : "",
		  ev->last_key ? ev->last_key : "", ev->status ? ev->status : "",
		  ev->reason ? ev->reason : "");
	if (ev->kind == INCREMENTAL_COMPLETED)
		sim_requests[atoi(ev->id + 1)].completed = true;
	if (ev->kind != INCREMENTAL_TABLE_SCAN_COMPLETED)
		return;
	HOLDS("I8",
		  strcmp(ev->status, "SUCCEEDED") == 0 ||
			  strcmp(ev->status, "EMPTY") == 0,
		  "a table ends with %s: %s", ev->status, ev->reason);
}

/* ---- what the loop calls ------------------------------------------------- */

int
clock_gettime(clockid_t clock, struct timespec *t)
{
	int64_t ms =
		sim_now_ms + (clock == CLOCK_REALTIME ? INT64_C(1700000000000) : 0);

	t->tv_sec = (time_t) (ms / 1000);
	t->tv_nsec = (long) (ms % 1000 * 1000000);
	return 0;
}

/* Names of processes and nonces, from the seed. */
ssize_t
getrandom(void *out, size_t size, unsigned flags)
{
	(void) flags;
	for (size_t i = 0; i < size; i++)
		((unsigned char *) out)[i] = (unsigned char) sim_random();
	return (ssize_t) size;
}

/* of the backoff */
long
random(void)
{
	return (long) (sim_random() >> 33);
}

void
log_fields(LogLevel level, const char *message, const LogField *fields)
{
	char text[1024];
	size_t len;

	if (!sim_tracing || level < LOG_INFO)
		return;
	len = (size_t) snprintf(text, sizeof(text), "shipper: %s", message);
	for (; fields->name != NULL && len < sizeof(text); fields++)
		len += (size_t) snprintf(
			text + len, sizeof(text) - len,
			fields->type == LOG_FIELD_STRING ? ", %s %s" : ", %s ",
			fields->name, fields->s != NULL ? fields->s : "");
	sim_trace("%s", text);
}

void
log_error(LogLevel level, const Error *err)
{
	(void) level;
	TRACE("shipper: %s: %s", err->code, err->text);
}

bool failpoint_active;

bool
failpoint_hit(const char *name)
{
	(void) name;
	return false;
}

bool
failpoint_error(const char *name, Error *err)
{
	(void) name;
	(void) err;
	return false;
}

int64_t
config_transaction_timeout_ms(const Config *cfg)
{
	(void) cfg;
	return sim_timeout_ms;
}

bool
config_repairs_slot(const Config *cfg)
{
	(void) cfg;
	return sim_repairs;
}

bool
config_has_word(const char *list, const char *word)
{
	return strcmp(list, word) == 0;
}

void
pg_text_add(PgText *t, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	t->data = realloc(t->data, t->len + (size_t) n + 1);
	if (t->data == NULL)
		abort();
	memcpy(t->data + t->len, text, (size_t) n + 1);
	t->len += (size_t) n;
	free(text);
}

const SinkOps *
sink_configured(const Config *cfg)
{
	(void) cfg;
	return &sim_sink_ops;
}

struct pollfd
pg_session_pollfd(const PgSession *s)
{
	(void) s;
	return (struct pollfd){.fd = -1};
}

void
loop_new_table(Loop *l, const FrameStream *f)
{
	(void) l;
	(void) f;
}

void
loop_tables_session(Loop *l, const SinkRecovered *r, bool compare)
{
	(void) l;
	(void) r;
	(void) compare;
}

void
loop_tables_turn(Loop *l)
{
	(void) l;
}

void
loop_tables_forget_sink(Loop *l)
{
	(void) l;
}

void
heartbeat_init(Heartbeat *h, const Config *cfg)
{
	h->cfg = cfg;
}

void
heartbeat_free(Heartbeat *h)
{
	(void) h;
}

void
heartbeat_forget_sink(Heartbeat *h)
{
	(void) h;
}

bool
heartbeat_turn(Heartbeat *h, const SinkOps *ops, Sink *sink, bool running,
			   uint64_t lsn, int64_t now_ms, int64_t wall_us, Error *err)
{
	(void) h;
	(void) ops;
	(void) sink;
	(void) running;
	(void) lsn;
	(void) now_ms;
	(void) wall_us;
	(void) err;
	return true;
}

int64_t
heartbeat_deadline(const Heartbeat *h)
{
	(void) h;
	return INT64_MAX;
}

void
wal_watch_init(WalWatch *w, const Config *cfg, Stats *stats)
{
	(void) stats;
	w->cfg = cfg;
}

void
wal_watch_free(WalWatch *w)
{
	(void) w;
}

int64_t
wal_watch_deadline(const WalWatch *w)
{
	(void) w;
	return INT64_MAX;
}

void
source_probe_cancel(SourceProbe *p)
{
	(void) p;
}

int
source_probe_fd(const SourceProbe *p)
{
	(void) p;
	return -1;
}

short
source_probe_events(const SourceProbe *p)
{
	(void) p;
	return 0;
}

void
dead_letters_init(DeadLetters *d, const Config *cfg)
{
	d->cfg = cfg;
}

void
dead_letters_free(DeadLetters *d)
{
	(void) d;
}

void
dead_letters_forget_sink(DeadLetters *d)
{
	(void) d;
}

bool
dead_letter_wanted(const Config *cfg, const Error *why)
{
	(void) cfg;
	(void) why;
	return false;
}

bool
dead_letter_oversized(const SinkRecord *r, const Config *cfg, Error *err)
{
	(void) r;
	(void) cfg;
	(void) err;
	return false;
}

bool
dead_letter_make(DeadLetters *d, const SinkOps *ops, Sink *sink,
				 const SinkRecord *r, const Error *why, Error *err)
{
	(void) d;
	(void) ops;
	(void) sink;
	(void) r;
	(void) why;
	(void) err;
	return false;
}

void
dead_letter_log(DeadLetters *d, const Error *why, int64_t now_ms)
{
	(void) d;
	(void) why;
	(void) now_ms;
}

void
notifications_free(Notifications *n)
{
	(void) n;
}

void
notifications_forget_sink(Notifications *n)
{
	(void) n;
}

void
notification_uuid(char out[37])
{
	snprintf(out, 37, "uuid");
}

void
loop_notify_init(Loop *l)
{
	(void) l;
}

void
loop_notify(Loop *l)
{
	(void) l;
}

void
loop_watch_stuck(Loop *l)
{
	(void) l;
}

void
loop_watch_slow_step(Loop *l)
{
	(void) l;
}

void
loop_watch_wal(Loop *l)
{
	(void) l;
}

void
loop_publish(Loop *l)
{
	(void) l;
}

KafkaSignals *
kafka_signals_open(const Config *cfg, Error *err)
{
	(void) cfg;
	(void) err;
	return NULL;
}

void
kafka_signals_close(KafkaSignals *k)
{
	(void) k;
}

void
kafka_signals_take(KafkaSignals *k, int64_t now_ms, KafkaSignal take, void *arg)
{
	(void) k;
	(void) now_ms;
	(void) take;
	(void) arg;
}

bool
signal_file_take(SignalFile *f, SignalLine take, void *arg, Error *err)
{
	(void) f;
	(void) take;
	(void) arg;
	(void) err;
	return true;
}

void
snapshot_bar_begin(SnapshotBar *b, const SnapshotPlan *p, int64_t now_ms)
{
	(void) b;
	(void) p;
	(void) now_ms;
}

void
snapshot_bar_show(SnapshotBar *b, const SnapshotPlan *p,
				  const SnapshotUnit *units, size_t nunits, int64_t now_ms)
{
	(void) b;
	(void) p;
	(void) units;
	(void) nunits;
	(void) now_ms;
}

void
snapshot_bar_end(SnapshotBar *b)
{
	(void) b;
}
