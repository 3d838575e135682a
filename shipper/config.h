/*
 * config.h
 *		Every setting, from every place it can come from.
 *
 * An option is one row of config.def; the struct, the parser, --help,
 * `tuplecast config` and doc/configuration.md are made from the rows.
 * Later wins: default, files, environment, command line.
 */
#ifndef TUPLECAST_CONFIG_H
#define TUPLECAST_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"

/* where an option goes and how it is shown */
#define CF_SHIPPER 0x01 /* read by the shipper itself */
#define CF_PLUGIN  0x02 /* passed to the output plugin by its name */
#define CF_SECRET  0x04 /* shown as "********" */
#define CF_LATER   0x08 /* known, but a coming version brings it */

/* C types of the rows of config.def; all strings are never NULL */
typedef char *cfg_str; /* "" when unset */
typedef bool cfg_bool;
typedef int64_t cfg_int;
typedef int64_t cfg_msec;
typedef int64_t cfg_bytes;
typedef int cfg_enum; /* index into the row's list of words */

/* The words of rows that the shipper itself asks for, in the order of
 * config.def (a unit test compares them). */
enum /* publication.autocreate.mode */
{
	AUTOCREATE_ALL_TABLES,
	AUTOCREATE_FILTERED,
	AUTOCREATE_NO_TABLES,
	AUTOCREATE_DISABLED
};
enum /* slot.lost */
{
	SLOT_LOST_STOP,
	SLOT_LOST_RESNAPSHOT
};
enum /* sink */
{
	SINK_KAFKA,
	SINK_STDOUT,
	SINK_FILE
};
enum /* oversize */
{
	OVERSIZE_STOP,
	OVERSIZE_DEAD_LETTER,
	OVERSIZE_TRUNCATE
};
enum /* on.error */
{
	ON_ERROR_STOP,
	ON_ERROR_DEAD_LETTER
};
enum /* delivery */
{
	DELIVERY_AT_LEAST_ONCE,
	DELIVERY_EXACTLY_ONCE
};
enum /* delivery.align */
{
	ALIGN_NONE,
	ALIGN_TRANSACTION
};
enum /* format */
{
	FORMAT_FLAT,
	FORMAT_ENVELOPE,
	FORMAT_CLOUDEVENTS
};
enum /* delete.tombstone.handling.mode */
{
	DELETE_DROP,
	DELETE_TOMBSTONE,
	DELETE_REWRITE,
	DELETE_REWRITE_WITH_TOMBSTONE,
	DELETE_TO_TOMBSTONE,
	DELETE_TOMBSTONE_WITH_TOMBSTONE
};
enum /* key.format */
{
	KEY_FORMAT_JSON,
	KEY_FORMAT_STRING
};
enum /* snapshot.new.tables */
{
	NEW_TABLES_OFF,
	NEW_TABLES_LOG,
	NEW_TABLES_INCREMENTAL
};
enum /* snapshot.locking.mode */
{
	SNAPSHOT_LOCKING_NONE,
	SNAPSHOT_LOCKING_SHARED
};

typedef struct ConfigPair
{
	char *name;
	char *value;
	char *origin; /* "connector.json", "environment", "--kafka" */
	bool secret;
} ConfigPair;

typedef struct ConfigPairs
{
	ConfigPair *items;
	size_t count;
} ConfigPairs;

typedef struct Config
{
#define OPTION(type, field, name, native, debezium, words, flags, help)        \
	cfg_##type field;
#include "config.def"
#undef OPTION
	/* true when a Debezium connector's JSON was read: Debezium's defaults */
	bool connector_json;
	/* "kafka.*": librdkafka's own names and values, without the prefix */
	ConfigPairs kafka;
	/* "signal.consumer.*": the same, of the consumer of the signal topic */
	ConfigPairs signal_consumer;
	/* "topic.creation.default.*": topic configuration, without the prefix */
	ConfigPairs topic_creation;
	/* "snapshot.select.statement.overrides.*": query by "schema.table" */
	ConfigPairs overrides;
	/* what START_REPLICATION is given, complete but for "wire" */
	ConfigPairs plugin;
	/* the session's setting tuplecast.secrets, to which options of the plugin
	 * refer by number: words in hex, with commas; "" if there are none.  Never
	 * shown. */
	char *secrets;
	struct ConfigState *state; /* config.c: where each value came from */
} Config;

/* Reads everything; argv without program and command name.  On success the
 * caller owns *cfg until config_free(). */
extern bool config_load(Config *cfg, int argc, char **argv,
						Error *err) MUST_CHECK;
/* Checks what run needs (source, kafka unless another sink, topic.prefix). */
extern bool config_require_run(const Config *cfg, Error *err) MUST_CHECK;
/*
 * kafka.transaction.timeout.ms, or librdkafka's default (60 s); under
 * delivery.align=transaction the brokers' default of what they allow (15 min)
 */
extern int64_t config_transaction_timeout_ms(const Config *cfg);
/* A slot that lost changes is made anew, and a snapshot repairs the topics. */
extern bool config_repairs_slot(const Config *cfg);
/* Whether a list, with commas, names a word; case does not matter. */
extern bool config_has_word(const char *list, const char *word);
/* The value of a name, or NULL. */
extern const char *config_pair_value(const ConfigPairs *pairs,
									 const char *name);
extern void config_free(Config *cfg);
/* What a person should know although nothing failed; ended by NULL, owned by
 * cfg.  Whoever runs logs each of them. */
extern const char *const *config_warnings(const Config *cfg);
/* libpq keyword/value arrays for PQconnectdbParams, ended by NULL; never
 * logged.  Owned by cfg. */
extern const char *const *config_conninfo_keywords(const Config *cfg);
extern const char *const *config_conninfo_values(const Config *cfg);
/* one line without secrets: "postgres@localhost:5432/customers" */
extern const char *config_source_name(const Config *cfg);

/* The options as lines for --help. */
extern void config_print_options(FILE *out);
/* Every effective value and where it came from; secrets as "********". */
extern void config_print_text(const Config *cfg, FILE *out);
extern void config_print_json(const Config *cfg, FILE *out);
/* doc/configuration.md, whole. */
extern void config_print_markdown(FILE *out);
/* What becomes of each property of a connector's file, in its order; false, and
 * err, if the file cannot be read or would be refused.  argv: what else a run
 * would be given. */
extern bool config_explain(const char *path, int argc, char **argv, bool json,
						   FILE *out, Error *err) MUST_CHECK;

#endif /* TUPLECAST_CONFIG_H */
