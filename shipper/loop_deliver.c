/*
 * loop_deliver.c
 *		The loop's part in positions and Kafka transactions: it executes what the
 *		core says.
 */
#include "loop_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "failpoint.h"
#include "log.h"
#include "lsn.h"

/* at-least-once: after a crash inside a large transaction so many of it come
 * again, and what was in flight */
#define POSITION_RECORDS 20000

/* A name that no other process has. */
static void
make_writer(char *out, size_t size)
{
	uint64_t n[2] = {0, 0};

	if (getrandom(n, sizeof(n), 0) != (ssize_t) sizeof(n))
		n[0] = (uint64_t) clock_us(CLOCK_REALTIME);
	snprintf(out, size, "%016llx%08llx", (unsigned long long) n[0],
			 (unsigned long long) (n[1] & 0xffffffff));
}

static void
hash_options(const Config *cfg, char out[24])
{
	uint64_t h;

	position_hash_start(&h);
	for (size_t i = 0; i < cfg->plugin.count; i++)
		position_hash_add(&h, cfg->plugin.items[i].name,
						  cfg->plugin.items[i].value);
	position_hash_end(h, out);
}

void
loop_core_init(Loop *l)
{
	const Config *cfg = l->cfg;
	bool exactly_once = cfg->delivery == DELIVERY_EXACTLY_ONCE;
	int64_t records = !exactly_once && cfg->commit_records > POSITION_RECORDS
						  ? POSITION_RECORDS
						  : cfg->commit_records;
	DeliveryOptions o = {
		.positions = l->ops->recover != NULL,
		.exactly_once = exactly_once,
		.align = cfg->delivery_align == ALIGN_TRANSACTION,
		.interval_ms = cfg->commit_interval,
		.max_records = (uint64_t) records,
		.max_bytes = (uint64_t) cfg->commit_bytes,
		.timeout_ms = config_transaction_timeout_ms(cfg),
		.idle_ms = cfg->position_interval,
		.idle_bytes = 16 * 1024 * 1024,
	};

	l->positions = o.positions;
	make_writer(o.writer, sizeof(o.writer));
	hash_options(cfg, o.hash);
	core_init(&l->core, &l->stats);
	core_configure(&l->core, &o);
}

void
loop_resume(Loop *l)
{
	l->resuming = true;
	l->recoveries++;
	l->ops->recover(l->sink, core_expects_position(&l->core));
}

static bool
resume(Loop *l, const SinkRecovered *r, Error *err)
{
	ResumeStored stored = {.topic_used = r->used,
						   .topic = r->where,
						   .repair = config_repairs_slot(l->cfg)};
	Position p = {0};
	bool fresh = !l->inc.loaded;
	uint64_t after;
	bool gap;
	bool ok;

	if (r->position != NULL)
	{
		if (!position_from_json(&p, r->position, r->len, err))
			return false;
		stored.position = &p;
	}
	ok = core_resume(&l->core, &stored, &l->server, err);
	gap = ok && core_gap(&l->core, &after);
	if (!gap && r->position == NULL && l->server.replaced)
	{
		after = l->server.lost_lsn;
		gap = ok;
	}
	if (ok && !gap && r->position != NULL)
		log_event(LOG_INFO, "going on from the stored position",
				  F_LSN("lsn", p.end_lsn), F_INT("generation", p.generation),
				  F_LSN("inside", p.open.end_lsn));
	else if (ok && !gap && !l->server.slot_created)
		log_event(LOG_INFO,
				  "no position is stored yet: going on from the slot's own",
				  F_LSN("lsn", l->server.slot_lsn), F_STR("topic", r->where));
	position_free(&p);
	if (gap)
		loop_snapshot_repair(l, after);
	else if (ok)
		loop_snapshot_session(l, l->server.slot_created);
	if (ok)
		loop_tables_session(l, r, fresh && !gap);
	return ok;
}

void
loop_on_recovered(void *arg, const SinkRecovered *r)
{
	Loop *l = arg;
	Error err;

	/* an answer from before the session is of no use: another may come after
	 * us */
	if (--l->recoveries > 0 || !l->resuming)
		return;
	l->resuming = false;
	if (!resume(l, r, &err))
		loop_sink_failed(l, SINK_POSITION_TICKET, &err);
}

void
loop_on_committed(void *arg)
{
	Loop *l = arg;
	Error err;

	if (FAILPOINT("after_commit_before_confirm"))
	{
		failpoint_error("after_commit_before_confirm", &err);
		loop_sink_failed(l, SINK_POSITION_TICKET, &err);
		return;
	}
	core_committed(&l->core, clock_us(CLOCK_MONOTONIC) / 1000);
}

static SinkResult
put_position(Loop *l, Error *err)
{
	char *text;
	SinkResult rc;

	/* in a Kafka transaction it must tell of exactly what is put */
	if (l->cfg->delivery == DELIVERY_EXACTLY_ONCE)
	{
		loop_snapshot_progress(l);
		loop_incremental_progress(l);
	}
	text = position_to_json(core_position(&l->core));

	if (FAILPOINT("before_position"))
	{
		failpoint_error("before_position", err);
		rc = SINK_ERROR;
	}
	else
		rc = l->ops->put_position(l->sink, text, strlen(text), err);
	free(text);
	if (rc == SINK_OK)
		core_position_taken(&l->core);
	return rc;
}

static void
tell_splits(Loop *l)
{
	if (l->stats.split_transactions == l->splits)
		return;
	l->splits = l->stats.split_transactions;
	log_event(
		l->cfg->delivery_align == ALIGN_TRANSACTION ? LOG_WARN : LOG_DEBUG,
		"a transaction of the source goes into more than one of Kafka",
		F_LSN("end", core_last(&l->core).end_lsn),
		F_STR("because", l->cfg->delivery_align == ALIGN_TRANSACTION
							 ? "it would outlast transaction.timeout.ms"
							 : "of commit.max.records or commit.max.bytes"));
}

void
loop_deliver(Loop *l)
{
	DeliveryHints hints = {.now_ms = l->now_ms,
						   .idle = l->idle,
						   .stopping =
							   l->phase == PHASE_DRAINING && !loop_may_read(l)};
	SinkResult rc = SINK_OK;
	Error err;

	if (!l->positions || l->sink == NULL || l->phase >= PHASE_ENDING)
		return;
	if (core_flush_overdue(&l->core, l->now_ms))
	{
		err_set(&err, ERR_RETRY, "kafka_flush_overdue",
				"the brokers neither took nor refused records of a "
				"transaction whose time is over");
		err_hint(&err, "A new client is made; what was not committed is sent "
					   "again. Was a topic deleted?");
		loop_trouble(l, &err, false);
		return;
	}
	for (int i = 0; i < 3 && rc == SINK_OK; i++)
	{
		switch (core_next(&l->core, &hints))
		{
			case DELIVERY_NOTHING:
				tell_splits(l);
				return;
			case DELIVERY_POSITION:
				rc = put_position(l, &err);
				break;
			case DELIVERY_COMMIT:
				rc = l->ops->commit(l->sink, &err);
				if (rc == SINK_OK)
					core_commit_started(&l->core);
				break;
		}
	}
	if (rc == SINK_ERROR)
		loop_trouble(l, &err, false);
}
