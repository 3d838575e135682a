/*
 * config_internal.h
 *		What the config_*.c files share.  Nobody else includes it.
 */
#ifndef TUPLECAST_CONFIG_INTERNAL_H
#define TUPLECAST_CONFIG_INTERNAL_H

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

typedef enum OptionType
{
	OPT_str,
	OPT_bool,
	OPT_int,
	OPT_msec,
	OPT_bytes,
	OPT_enum
} OptionType;

typedef struct ConfigOption
{
	const char *name;
	OptionType type;
	size_t offset; /* of the field in Config */
	const char *native;
	const char *debezium;
	const char *words;
	int flags;
	const char *help;
} ConfigOption;

extern const ConfigOption config_options[];
extern const size_t config_option_count;

/* A name and a value as read from a file, not yet understood. */
typedef struct Property
{
	char *name;
	char *value;
	char *origin; /* "connector.json:12" */
	int line;
} Property;

typedef struct Properties
{
	Property *items;
	size_t count;
} Properties;

/* Where a value came from decides what it may override: higher wins, and of
 * equals the later one. */
enum
{
	RANK_DEFAULT = 0,
	RANK_WORKER = 1,
	RANK_FILE = 100, /* + position of the file */
	RANK_ENVIRONMENT = 1000000,
	RANK_COMMAND_LINE = 1000001
};

typedef struct Setting
{
	char *text; /* NULL: the default holds */
	char *origin;
	int rank;
} Setting;

/* column.mask.* and column.truncate.*, which are no rows of config.def */
typedef struct MaskSetting
{
	char *name; /* without the salt */
	char *salt; /* "" if it has none; never shown */
	char *value;
	char *origin;
	int rank;
} MaskSetting;

struct ConfigState
{
	Setting *settings; /* one an option */
	MaskSetting *masks;
	int *override_ranks;
	size_t nmasks;
	char **warnings; /* ended by NULL */
	size_t nwarnings;
	int *kafka_ranks;		 /* parallel to cfg->kafka */
	int *signal_ranks;		 /* parallel to cfg->signal_consumer */
	int *topic_ranks;		 /* parallel to cfg->topic_creation */
	bool topic_creation_off; /* topic.creation.enable=false */
	Properties worker;		 /* of Kafka Connect's worker */
	Properties connector;	 /* of a Debezium connector */
	char *connector_file;
	int connector_rank;
	char **conninfo_keywords; /* ended by NULL */
	char **conninfo_values;
	char *source_name;
};

/* ---- memory: out of it is the end ---- */
extern void *config_alloc(void *old, size_t size);
extern char *config_strdup(const char *s);
extern char *config_strndup(const char *s, size_t n);
extern char *config_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* ---- config.c ---- */
/* Where nothing is set; ended by config_free(). */
extern void config_begin(Config *cfg);
extern const ConfigOption *config_find_option(const char *name);
/* The effective value as text, and where it came from ("default"). */
extern const char *config_text(const Config *cfg, const ConfigOption *o);
extern const char *config_origin(const Config *cfg, const ConfigOption *o);
/* Checks text and keeps it unless something of a higher rank is there. */
extern bool config_set(Config *cfg, const ConfigOption *o, const char *text,
					   const char *origin, int rank, Error *err) MUST_CHECK;
extern bool config_set_name(Config *cfg, const char *option, const char *text,
							const char *origin, int rank,
							Error *err) MUST_CHECK;
extern void config_warn(Config *cfg, const char *fmt, ...) PRINTF_LIKE(2, 3);
extern void config_pairs_set(ConfigPairs *pairs, int **ranks, const char *name,
							 const char *value, const char *origin, bool secret,
							 int rank);

/* ---- config_value.c ---- */
typedef struct OptionValue
{
	int64_t number; /* bool, int, msec, bytes, index of an enum */
	char *text;		/* canonical; the caller frees it */
} OptionValue;

extern bool config_value_parse(const ConfigOption *o, const char *text,
							   const char *origin, OptionValue *out,
							   Error *err) MUST_CHECK;
/* whether words ("a|b|c") has the word; its index and spelling */
extern bool config_word_find(const char *words, const char *word, int *index,
							 char **spelling);
extern bool config_parse_bool(const char *text, bool *out);
extern bool config_parse_int(const char *text, int64_t *out);

/* the known name that is nearest to a misspelt one */
typedef struct Nearest
{
	const char *wanted;
	const char *best;
	size_t distance;
} Nearest;

extern void config_nearest_offer(Nearest *n, const char *candidate);
/* NULL if none is near enough to be meant */
extern const char *config_nearest_result(const Nearest *n);
extern const char *config_nearest_option(const char *name);

/* ---- config_file.c ---- */
#define CONFIG_FILE_MAX (4 * 1024 * 1024)

/* Reads a text file whole: at most CONFIG_FILE_MAX bytes, no NUL, UTF-8.
 * The result is terminated and the caller's. */
extern char *config_file_read(const char *path, size_t *len,
							  Error *err) MUST_CHECK;
/* Java's .properties.  Notes (never NULL) get what looks unintended. */
extern bool config_file_parse(const char *path, const char *text,
							  Properties *out, Config *notes,
							  Error *err) MUST_CHECK;
extern Property *config_properties_add(Properties *list, const char *name,
									   const char *value, const char *path,
									   int line);
extern const Property *config_properties_find(const Properties *list,
											  const char *name);
extern void config_properties_free(Properties *list);

/* ---- config_json.c ---- */
/* A connector's JSON, with or without {"name": …, "config": {…}}. */
extern bool config_json_parse(const char *path, const char *text, size_t len,
							  Properties *out, Error *err) MUST_CHECK;

/* ---- config_expand.c ---- */
/* ${env:…}, ${file:…}, ${dir:…} replaced; NULL and err on failure.  *external
 * (may be NULL) is set if something came from a file. */
extern char *config_expand(const char *value, const char *option,
						   const char *origin, bool *external,
						   Error *err) MUST_CHECK;

/* ---- config_sources.c ---- */
/* whether a file begins as JSON does, after its comments */
extern bool config_is_json(const char *text);
extern bool config_read_all(Config *cfg, int argc, char **argv,
							Error *err) MUST_CHECK;
/* "TUPLECAST_TOPIC_PREFIX" of "topic.prefix"; the caller frees it */
extern char *config_env_name(const char *option);

/* ---- config_kafka.c ---- */
#define CONFIG_SIGNAL_CONSUMER "signal.consumer."
extern bool config_is_signal_consumer(const char *name);
/* name without "kafka." or "producer.override."; java: the Java client's
 * names are meant, others are refused */
extern bool config_kafka_set(Config *cfg, const char *name, const char *value,
							 const char *origin, int rank, bool java,
							 bool secret, Error *err) MUST_CHECK;
/* The same of the signal topic's consumer, with CONFIG_SIGNAL_CONSUMER. */
extern bool config_signal_consumer_set(Config *cfg, const char *name,
									   const char *value, const char *origin,
									   int rank, bool java, bool secret,
									   Error *err) MUST_CHECK;
/* whether the value of librdkafka's or Java's setting is to be hidden */
extern bool config_kafka_is_secret(const char *name);

/* ---- config_topic.c ---- */
/* name with "topic.creation." */
extern bool config_topic_set(Config *cfg, const char *name, const char *value,
							 const char *origin, int rank,
							 Error *err) MUST_CHECK;

/* ---- config_snapshot.c ---- */
/* whether the name is of snapshot.select.statement.overrides.TABLE */
extern bool config_is_override(const char *name);
extern void config_override_set(Config *cfg, const char *name,
								const char *value, const char *origin,
								int rank);
extern bool config_check_snapshot(Config *cfg, Error *err) MUST_CHECK;

/* ---- config_signal.c ---- */
extern bool config_check_signals(Config *cfg, Error *err) MUST_CHECK;

/* ---- config_mask.c ---- */
/* whether the name is of column.mask.* or column.truncate.* */
extern bool config_is_mask(const char *name);
extern bool config_mask_set(Config *cfg, const char *name, const char *value,
							const char *origin, int rank,
							Error *err) MUST_CHECK;
extern void config_mask_free(MaskSetting *mask);
/* Fills cfg->secrets and adds to cfg->plugin. */
extern void config_fill_masks(Config *cfg);
/* How much of a name may be shown, for "%.*s": a salt is part of its name. */
extern int config_shown_length(const char *name, size_t len);

/* ---- config_debezium.c, config_converter.c, config_unwrap.c ---- */
extern bool config_apply_connector(Config *cfg, Error *err) MUST_CHECK;
/* One property but those of transforms, predicates and converters; external:
 * its value came from a file. */
extern bool config_apply_property(Config *cfg, const Property *p, bool external,
								  Error *err) MUST_CHECK;
/* whether connector.class is one that is understood */
extern bool config_check_class(const Property *p, Error *err) MUST_CHECK;
extern bool config_apply_worker(Config *cfg, Error *err) MUST_CHECK;
extern bool config_apply_converters(Config *cfg, Error *err) MUST_CHECK;
extern bool config_apply_transforms(Config *cfg, Error *err) MUST_CHECK;

#define CONFIG_UNWRAP_CLASS "io.debezium.transforms.ExtractNewRecordState"

/* one of the list "transforms" */
typedef struct ConfigTransform
{
	Config *cfg;
	const char *alias;
	Error *err;
} ConfigTransform;

/* The property transforms.ALIAS.rest, or NULL. */
extern const Property *config_transform_find(const ConfigTransform *t,
											 const char *rest);
/* The rest of a name "transforms.ALIAS.rest", or NULL. */
extern const char *config_transform_rest(const char *name, const char *alias);
/* Warns of a property that the step does not have; n: it was offered those that
 * it has. */
extern void config_transform_ignore(const ConfigTransform *t, const Property *p,
									const Nearest *n);
extern bool config_apply_unwrap(const ConfigTransform *t,
								const Property *type) MUST_CHECK;

/* the value of our option "transforms", while it is made */
typedef struct ConfigSteps
{
	char *text;
	size_t len;
	size_t steps;
	bool plain_unwrap; /* and nothing else so far */
	bool unwrapped;
} ConfigSteps;

/* " name=value", with %XX for what separates */
extern void config_steps_word(ConfigSteps *s, const char *name,
							  const char *value);

/* ---- config_predicate.c ---- */
/* The predicate of a transform, if it has one; unwrap: of that step. */
extern bool config_apply_predicate(const ConfigTransform *t, ConfigSteps *spec,
								   bool unwrap) MUST_CHECK;

/* ---- config_properties.c: the table of Debezium's properties ---- */
typedef enum Verdict
{
	DBZ_ACCEPTED,  /* means the option of .option */
	DBZ_NO_EFFECT, /* a warning says why */
	DBZ_LATER,	   /* a warning: no harm until it comes */
	DBZ_NOT_YET,   /* an error: without it, records would differ */
	DBZ_REFUSED	   /* an error */
} Verdict;

typedef struct DebeziumProperty
{
	const char *name; /* a '*' stands for anything */
	Verdict verdict;
	const char *option; /* row that it means, "" if none */
	const char *silent; /* "a|b": values that need no word */
	const char *why;
} DebeziumProperty;

extern const DebeziumProperty config_debezium_properties[];
extern const size_t config_debezium_property_count;
extern const DebeziumProperty *config_debezium_find(const char *name);
extern const char *config_debezium_nearest(const char *name);

/* ---- config_conninfo.c ---- */
extern bool config_conninfo_build(Config *cfg, Error *err) MUST_CHECK;

#endif /* TUPLECAST_CONFIG_INTERNAL_H */
