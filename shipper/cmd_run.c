/*
 * cmd_run.c
 *		`tuplecast run`: from the slot to the sink until told to stop.
 */
#include "commands.h"

#include "failpoint.h"
#include "http.h"
#include "kafka_signal.h"
#include "loop.h"
#include "signals.h"
#include "sink.h"
#include "slot_admin.h"

static void log_start(const Config *cfg);


static bool
run(const Config *cfg, void *arg, Error *err)
{
	bool ok;

	(void) arg;
	failpoint_init();
	log_init((LogFormat) cfg->log_format, (LogLevel) cfg->log_level);
	for (const char *const *w = config_warnings(cfg); *w != NULL; w++)
		log_event(LOG_WARN, *w);
	if (!config_require_run(cfg, err) || !kafka_signals_check(cfg, err) ||
		!signals_init(err))
		return false;
	log_start(cfg);
#ifndef WITHOUT_HTTP
	if (!http_start(cfg, err))
		return false;
#endif
	ok = loop_run(cfg, err);
	if (ok && cfg->slot_drop)
	{
		ok = slot_drop(cfg, true, err);
		if (ok)
			log_event(LOG_INFO,
					  "dropped the replication slot (slot.drop.on.stop)",
					  F_STR("slot", cfg->slot_name));
		/* the next slot begins behind it: it would be a gap */
		ok = ok && cmd_drop_position(cfg, false, err);
	}
#ifndef WITHOUT_HTTP
	http_stop();
#endif
	return ok;
}

int
cmd_run(int argc, char **argv)
{
	return command_run(argc, argv, LOG_TEXT, run, NULL);
}

static void
log_start(const Config *cfg)
{
	log_event(LOG_INFO, "tuplecast starts", F_STR("version", TUPLECAST_VERSION),
			  F_STR("source", config_source_name(cfg)),
			  F_STR("slot", cfg->slot_name),
			  F_STR("sink", sink_configured(cfg)->name),
			  F_STR("brokers", cfg->kafka_bootstrap),
			  F_STR("prefix", cfg->topic_prefix));
}
