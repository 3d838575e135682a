/*
 * config.c
 *		The options, their values, and what follows from them.
 */
#include "config_internal.h"

#include <stdarg.h>

#include "wal_budget.h"

const ConfigOption config_options[] = {
#define OPTION(type, field, name, native, debezium, words, flags, help)        \
	{name,	OPT_##type, offsetof(Config, field), native, debezium, words,      \
	 flags, help},
#include "config.def"
#undef OPTION
};
const size_t config_option_count =
	sizeof(config_options) / sizeof(config_options[0]);

/* ---- memory ---- */

void *
config_alloc(void *old, size_t size)
{
	void *p = realloc(old, size == 0 ? 1 : size);

	if (p == NULL)
		abort();
	return p;
}

char *
config_strdup(const char *s)
{
	return config_strndup(s, strlen(s));
}

char *
config_strndup(const char *s, size_t n)
{
	char *copy = config_alloc(NULL, n + 1);

	memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *
config_printf(const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	return text;
}

/* ---- settings ---- */

const ConfigOption *
config_find_option(const char *name)
{
	for (size_t i = 0; i < config_option_count; i++)
		if (strcmp(config_options[i].name, name) == 0)
			return &config_options[i];
	return NULL;
}

const char *
config_text(const Config *cfg, const ConfigOption *o)
{
	const char *text = cfg->state->settings[o - config_options].text;

	if (text != NULL)
		return text;
	return cfg->connector_json ? o->debezium : o->native;
}

const char *
config_origin(const Config *cfg, const ConfigOption *o)
{
	const Setting *set = &cfg->state->settings[o - config_options];

	if (set->text != NULL)
		return set->origin;
	if (cfg->connector_json && strcmp(o->native, o->debezium) != 0)
		return "Debezium's default";
	return "default";
}

bool
config_set(Config *cfg, const ConfigOption *o, const char *text,
		   const char *origin, int rank, Error *err)
{
	Setting *set = &cfg->state->settings[o - config_options];
	OptionValue value;
	char *copy;

	if (!config_value_parse(o, text, origin, &value, err))
		return false;
	if (rank < set->rank)
	{
		free(value.text);
		return true;
	}
	/* origin may be the one that is replaced */
	copy = config_strdup(origin);
	free(set->text);
	free(set->origin);
	set->text = value.text;
	set->origin = copy;
	set->rank = rank;
	return true;
}

bool
config_set_name(Config *cfg, const char *option, const char *text,
				const char *origin, int rank, Error *err)
{
	return config_set(cfg, config_find_option(option), text, origin, rank, err);
}

void
config_warn(Config *cfg, const char *fmt, ...)
{
	struct ConfigState *st = cfg->state;
	va_list ap;
	char *text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	st->warnings =
		config_alloc(st->warnings, (st->nwarnings + 2) * sizeof(char *));
	st->warnings[st->nwarnings++] = text;
	st->warnings[st->nwarnings] = NULL;
}

const char *const *
config_warnings(const Config *cfg)
{
	static const char *const none[] = {NULL};

	if (cfg->state == NULL || cfg->state->warnings == NULL)
		return none;
	return (const char *const *) cfg->state->warnings;
}

/* ---- pairs ---- */

static void
free_pair(ConfigPair *p)
{
	free(p->name);
	free(p->value);
	free(p->origin);
}

static void
config_pairs_free(ConfigPairs *pairs)
{
	for (size_t i = 0; i < pairs->count; i++)
		free_pair(&pairs->items[i]);
	free(pairs->items);
	pairs->items = NULL;
	pairs->count = 0;
}

const char *
config_pair_value(const ConfigPairs *pairs, const char *name)
{
	for (size_t i = 0; i < pairs->count; i++)
		if (strcmp(pairs->items[i].name, name) == 0)
			return pairs->items[i].value;
	return NULL;
}

void
config_pairs_set(ConfigPairs *pairs, int **ranks, const char *name,
				 const char *value, const char *origin, bool secret, int rank)
{
	size_t i;

	for (i = 0; i < pairs->count; i++)
		if (strcmp(pairs->items[i].name, name) == 0)
			break;
	if (i < pairs->count)
	{
		if (ranks != NULL && rank < (*ranks)[i])
			return;
		free_pair(&pairs->items[i]);
	}
	else
	{
		pairs->count++;
		pairs->items =
			config_alloc(pairs->items, pairs->count * sizeof(ConfigPair));
		if (ranks != NULL)
			*ranks = config_alloc(*ranks, pairs->count * sizeof(int));
	}
	pairs->items[i].name = config_strdup(name);
	pairs->items[i].value = config_strdup(value);
	pairs->items[i].origin = config_strdup(origin);
	pairs->items[i].secret = secret;
	if (ranks != NULL)
		(*ranks)[i] = rank;
}

/* ---- loading ---- */

/* Fills the struct's fields from the settings and defaults. */
static bool
fill_fields(Config *cfg, Error *err)
{
	for (size_t i = 0; i < config_option_count; i++)
	{
		const ConfigOption *o = &config_options[i];
		void *field = (char *) cfg + o->offset;
		OptionValue value;

		if (!config_value_parse(o, config_text(cfg, o), config_origin(cfg, o),
								&value, err))
			return false;
		switch (o->type)
		{
			case OPT_str:
				*(cfg_str *) field = value.text;
				continue;
			case OPT_bool:
				*(cfg_bool *) field = value.number != 0;
				break;
			case OPT_int:
			case OPT_msec:
			case OPT_bytes:
				*(int64_t *) field = value.number;
				break;
			case OPT_enum:
				*(cfg_enum *) field = (int) value.number;
				break;
		}
		free(value.text);
	}
	return true;
}

/* All of them, so that the plugin's own defaults do not matter. */
static bool
fill_plugin_options(Config *cfg, Error *err)
{
	for (size_t i = 0; i < config_option_count; i++)
	{
		const ConfigOption *o = &config_options[i];
		OptionValue value;

		if (!(o->flags & CF_PLUGIN))
			continue;
		if (!config_value_parse(o, config_text(cfg, o), config_origin(cfg, o),
								&value, err))
			return false;
		if (value.text[0] != '\0' || o->native[0] != '\0')
			config_pairs_set(&cfg->plugin, NULL, o->name, value.text,
							 config_origin(cfg, o), false, 0);
		free(value.text);
	}
	return true;
}

static bool
invalid(const Config *cfg, const char *option, const char *wanted, Error *err)
{
	const ConfigOption *o = config_find_option(option);

	err_set(err, ERR_CONFIG, "config_bad_value",
			"the value \"%.120s\" of %s is not valid", config_text(cfg, o),
			option);
	err_detail(err, "It comes from %s.", config_origin(cfg, o));
	err_hint(err, "%s is %s.", option, wanted);
	return false;
}

static bool
valid_operations(const char *s)
{
	bool any = false;

	if (strcmp(s, "none") == 0 || s[0] == '\0')
		return true;
	for (;;)
	{
		s += strspn(s, " \t");
		if (*s == '\0' || strchr("cudt", *s) == NULL)
			return false;
		any = true;
		s++;
		s += strspn(s, " \t");
		if (*s == '\0')
			return any;
		if (*s++ != ',')
			return false;
	}
}

static bool
valid_listen(const char *s)
{
	const char *colon = strrchr(s, ':');
	int64_t port;

	if (strcmp(s, "off") == 0)
		return true;
	return colon != NULL && config_parse_int(colon + 1, &port) && port >= 0 &&
		   port <= 65535;
}

static bool
valid_memory(const char *s)
{
	size_t n = strspn(s, "0123456789");

	if (s[0] == '\0')
		return true;
	return n > 0 && n < 10 &&
		   (s[n] == '\0' || config_word_find("kB|MB|GB|TB", s + n, NULL, NULL));
}

static bool
check_exclusive(const Config *cfg, Error *err)
{
	static const char *const pairs[][2] = {
		{"schema.include.list", "schema.exclude.list"},
		{"table.include.list", "table.exclude.list"},
		{"column.include.list", "column.exclude.list"},
		{"message.prefix.include.list", "message.prefix.exclude.list"},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
	{
		const ConfigOption *a = config_find_option(pairs[i][0]);
		const ConfigOption *b = config_find_option(pairs[i][1]);

		if (config_text(cfg, a)[0] == '\0' || config_text(cfg, b)[0] == '\0')
			continue;
		err_set(err, ERR_CONFIG, "config_exclusive",
				"%s and %s cannot be used together", a->name, b->name);
		err_detail(err, "They come from %s and %s.", config_origin(cfg, a),
				   config_origin(cfg, b));
		err_hint(err, "Keep one of the two.");
		return false;
	}
	return true;
}

/* Less than was asked for must not be given silently. */
static bool
check_delivery(const Config *cfg, Error *err)
{
	const ConfigOption *o = config_find_option("delivery");

	if (cfg->delivery != DELIVERY_EXACTLY_ONCE || cfg->sink == SINK_KAFKA)
		return true;
	err_set(err, ERR_CONFIG, "config_unsupported",
			"delivery=exactly-once needs Kafka, and the sink is %s",
			config_text(cfg, config_find_option("sink")));
	err_detail(err,
			   "It comes from %s. Exactly-once rests on transactions of Kafka, "
			   "and on a position that is part of them.",
			   config_origin(cfg, o));
	err_hint(err, "Use sink=kafka, or delivery=at-least-once; after a crash, "
				  "consumers can tell records that come again by __lsn, "
				  "__ordinal and __part (headers.identity).");
	return false;
}

/* What the type of an option cannot say. */
static bool
check_values(Config *cfg, Error *err)
{
	size_t n = strlen(cfg->slot_name);
	int percents[WAL_MAX_THRESHOLDS];
	int npercents;

	if (n == 0 || n > 63 ||
		strspn(cfg->slot_name, "abcdefghijklmnopqrstuvwxyz0123456789_") != n)
		return invalid(cfg, "slot.name",
					   "1 to 63 of the characters a-z, 0-9 and _", err);
	if (!valid_operations(cfg->skipped_operations))
		return invalid(cfg, "skipped.operations",
					   "none, or a list of c, u, d and t with commas", err);
	if (!valid_listen(cfg->http_listen))
		return invalid(cfg, "http.listen", "HOST:PORT or off", err);
	if (!valid_memory(cfg->decoding_work_mem))
		return invalid(cfg, "logical.decoding.work.mem",
					   "a size as the server writes it, such as 256MB", err);
	if (!wal_thresholds_parse(cfg->wal_budget_warn, percents, &npercents))
		return invalid(cfg, "wal.budget.warn.percent",
					   "up to 8 rising numbers from 1 to 100 with commas", err);
	if (!check_exclusive(cfg, err) || !check_delivery(cfg, err))
		return false;
	if (!config_check_signals(cfg, err))
		return false;
	if (!config_check_snapshot(cfg, err))
		return false;
	return true;
}

void
config_begin(Config *cfg)
{
	memset(cfg, 0, sizeof(*cfg));
	cfg->state = config_alloc(NULL, sizeof(*cfg->state));
	memset(cfg->state, 0, sizeof(*cfg->state));
	cfg->state->settings =
		config_alloc(NULL, config_option_count * sizeof(Setting));
	memset(cfg->state->settings, 0, config_option_count * sizeof(Setting));
}

bool
config_load(Config *cfg, int argc, char **argv, Error *err)
{
	err_clear(err);
	config_begin(cfg);
	if (!config_read_all(cfg, argc, argv, err) || !fill_fields(cfg, err) ||
		!fill_plugin_options(cfg, err) || !check_values(cfg, err) ||
		!config_conninfo_build(cfg, err))
	{
		config_free(cfg);
		return false;
	}
	config_fill_masks(cfg);
	if (cfg->state->topic_creation_off)
		config_pairs_free(&cfg->topic_creation);
	return true;
}

static void
free_strings(char **list)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++)
	{
		explicit_bzero(list[i], strlen(list[i]));
		free(list[i]);
	}
	free(list);
}

void
config_free(Config *cfg)
{
	struct ConfigState *st = cfg->state;

	if (st == NULL)
		return;
	for (size_t i = 0; i < config_option_count; i++)
	{
		if (config_options[i].type == OPT_str)
			free(*(cfg_str *) ((char *) cfg + config_options[i].offset));
		free(st->settings[i].text);
		free(st->settings[i].origin);
	}
	config_pairs_free(&cfg->kafka);
	config_pairs_free(&cfg->signal_consumer);
	config_pairs_free(&cfg->topic_creation);
	config_pairs_free(&cfg->overrides);
	config_pairs_free(&cfg->plugin);
	config_properties_free(&st->worker);
	config_properties_free(&st->connector);
	for (size_t i = 0; i < st->nmasks; i++)
		config_mask_free(&st->masks[i]);
	free(st->masks);
	free(st->override_ranks);
	if (cfg->secrets != NULL)
		explicit_bzero(cfg->secrets, strlen(cfg->secrets));
	free(cfg->secrets);
	free_strings(st->warnings);
	free_strings(st->conninfo_keywords);
	free_strings(st->conninfo_values);
	free(st->connector_file);
	free(st->source_name);
	free(st->kafka_ranks);
	free(st->signal_ranks);
	free(st->topic_ranks);
	free(st->settings);
	free(st);
	memset(cfg, 0, sizeof(*cfg));
}

/* ---- what run needs ---- */

static bool
missing(const char *option, const char *flag, const char *example,
		const char *why, Error *err)
{
	char *env = config_env_name(option);

	err_set(err, ERR_CONFIG, "config_missing", "%s is not set: %s", option,
			why);
	err_hint(err, "Use %s %s, or %s in a file, or the variable %s.", flag,
			 example, option, env);
	free(env);
	return false;
}

static bool
check_prefix(const Config *cfg, Error *err)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	const char *p = cfg->topic_prefix;

	if (p[0] == '\0')
		return missing("topic.prefix", "--prefix", "NAME",
					   "each topic's name begins with it", err);
	if (p[strspn(p, allowed)] != '\0' || strlen(p) > 200)
		return invalid(cfg, "topic.prefix",
					   "the first part of Kafka topics' names: at most 200 of "
					   "the characters A-Z, a-z, 0-9, '.', '_' and '-'",
					   err);
	return true;
}

bool
config_require_run(const Config *cfg, Error *err)
{
	if (cfg->source_url[0] == '\0' && cfg->database_hostname[0] == '\0' &&
		cfg->database_dbname[0] == '\0')
		return missing("source.url", "--source",
					   "postgres://USER@HOST/DATABASE",
					   "there is no database to read from", err);
	if (cfg->sink == SINK_KAFKA && cfg->kafka_bootstrap[0] == '\0')
	{
		missing("kafka.bootstrap.servers", "--kafka", "HOST:PORT",
				"there are no brokers to write to", err);
		if (cfg->connector_json)
			err_detail(err, "A connector's JSON names no brokers; in Kafka "
							"Connect they belong to the worker, whose file "
							"can be given with a second --config.");
		return false;
	}
	if (cfg->sink == SINK_FILE && cfg->sink_file[0] == '\0')
		return missing("sink.file.path", "--sink.file.path", "FILE",
					   "the sink \"file\" needs one", err);
	return check_prefix(cfg, err);
}

int64_t
config_transaction_timeout_ms(const Config *cfg)
{
	const char *set = config_pair_value(&cfg->kafka, "transaction.timeout.ms");
	/* what is to stay whole gets all the time that brokers give unless told */
	bool align = cfg->delivery == DELIVERY_EXACTLY_ONCE &&
				 cfg->delivery_align == ALIGN_TRANSACTION;
	int64_t ms = set != NULL ? strtoll(set, NULL, 10) : align ? 900000 : 60000;

	return ms >= 1000 ? ms : 1000;
}
