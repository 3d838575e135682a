/*
 * config_properties.c
 *		Every property of Debezium's PostgreSQL connector, and what becomes of
 *		it here.
 *
 * A row that means an option of the same name is not repeated: those are found
 * in config.def.  Sorted as Debezium's documentation is, roughly.
 */
#include "config_internal.h"

#include <fnmatch.h>

/* clang-format off */
const DebeziumProperty config_debezium_properties[] = {
	/* the connector itself */
	{"name", DBZ_NO_EFFECT, "", "", "the slot and the topic prefix name the process"},
	{"tasks.max", DBZ_NO_EFFECT, "", "1", "a slot has one reader"},
	{"connector.plugin.version", DBZ_NO_EFFECT, "", "", "no plug-ins of Kafka Connect are loaded"},
	{"tasks.max.enforce", DBZ_NO_EFFECT, "", "true|false", "a slot has one reader"},
	{"config.action.reload", DBZ_NO_EFFECT, "", "none|restart", "settings are read at the start"},
	{"exactly.once.support", DBZ_REFUSED, "", "requested", "here it is asked for by delivery=exactly-once; set that and leave this out"},
	{"transaction.boundary", DBZ_NO_EFFECT, "", "poll", "the source's own transactions are the boundaries"},
	{"transaction.boundary.interval.ms", DBZ_NO_EFFECT, "", "", "commit.interval.ms and delivery.align decide under delivery=exactly-once"},
	{"offsets.storage.topic", DBZ_NO_EFFECT, "", "", "the slot and position.topic keep the position"},
	{"errors.retry.timeout", DBZ_NO_EFFECT, "", "", "what time can heal is waited for without limit"},
	{"errors.retry.delay.max.ms", DBZ_NO_EFFECT, "", "", "what time can heal is waited for without limit"},
	{"errors.max.retries", DBZ_NO_EFFECT, "", "-1", "what time can heal is waited for without limit"},
	{"errors.tolerance", DBZ_NO_EFFECT, "", "none", "a record is never dropped"},
	{"errors.log.enable", DBZ_NO_EFFECT, "", "false|true", "errors are always logged"},
	{"errors.log.include.messages", DBZ_NO_EFFECT, "", "false", "row data is never logged"},
	{"retriable.restart.connector.wait.ms", DBZ_NO_EFFECT, "", "", "reconnecting backs off by itself"},
	{"admin.override.*", DBZ_NO_EFFECT, "", "", "the settings of the producer hold for making topics, too"},
	{"consumer.override.*", DBZ_NO_EFFECT, "", "", "a source connector has no consumer"},

	/* connection and replication */
	{"database.server.name", DBZ_ACCEPTED, "topic.prefix", "", "the name of topic.prefix before Debezium 2.0; topic.prefix wins if both are there"},
	{"database.sslfactory", DBZ_REFUSED, "", "", "Java classes cannot be loaded here; set database.sslmode and database.sslrootcert"},
	{"database.tcpKeepAlive", DBZ_NO_EFFECT, "", "true", "keep-alive is on"},
	{"database.initial.statements", DBZ_NO_EFFECT, "", "", "a replication connection runs no other statements"},
	{"database.query.timeout.ms", DBZ_NO_EFFECT, "", "", "the stream runs no queries"},
	{"database.connection.timeout.ms", DBZ_NO_EFFECT, "", "", "connecting is tried until it succeeds; connect_timeout in source.url limits one attempt"},
	{"database.connection.factory.class", DBZ_REFUSED, "", "", "Java classes cannot be loaded here"},
	{"driver.*", DBZ_NO_EFFECT, "", "", "settings of the JDBC driver; libpq's stand in source.url"},
	{"query.fetch.size", DBZ_NO_EFFECT, "", "", "the stream runs no queries"},
	{"connection.validation.timeout.ms", DBZ_NO_EFFECT, "", "", "connecting is tried until it succeeds"},
	{"plugin.name", DBZ_NO_EFFECT, "", "tuplecast", "the output plugin is tuplecast's own"},
	{"slot.max.retries", DBZ_NO_EFFECT, "", "", "a slot in use is waited for without limit"},
	{"slot.retry.delay.ms", DBZ_NO_EFFECT, "", "", "reconnecting backs off by itself"},
	{"slot.stream.params", DBZ_NO_EFFECT, "", "", "they are options of another plugin"},
	{"xmin.fetch.interval.ms", DBZ_NOT_YET, "", "0", "source.xmin would be null"},
	{"read.only", DBZ_NO_EFFECT, "", "false|true", "nothing is written to the source"},
	{"lsn.flush.mode", DBZ_REFUSED, "", "connector|connector_and_driver", "a slot that nobody confirms fills the server's disk; the position is confirmed when Kafka has the records"},
	{"flush.lsn.source", DBZ_REFUSED, "", "true", "a slot that nobody confirms fills the server's disk; the position is confirmed when Kafka has the records"},
	{"lsn.flush.timeout.ms", DBZ_NO_EFFECT, "", "", "confirming the position does not wait"},
	{"lsn.flush.timeout.action", DBZ_NO_EFFECT, "", "", "confirming the position does not wait"},
	{"offset.mismatch.strategy", DBZ_NO_EFFECT, "", "no_validation", "a position that does not fit the slot is refused by name"},

	/* what to capture */
	{"schema.whitelist", DBZ_ACCEPTED, "schema.include.list", "", "an old spelling"},
	{"schema.blacklist", DBZ_ACCEPTED, "schema.exclude.list", "", "an old spelling"},
	{"table.whitelist", DBZ_ACCEPTED, "table.include.list", "", "an old spelling"},
	{"table.blacklist", DBZ_ACCEPTED, "table.exclude.list", "", "an old spelling"},
	{"column.whitelist", DBZ_ACCEPTED, "column.include.list", "", "an old spelling"},
	{"column.blacklist", DBZ_ACCEPTED, "column.exclude.list", "", "an old spelling"},

	{"table.ignore.builtin", DBZ_NO_EFFECT, "", "true", "tables of the server itself are never captured"},
	{"database.include.list", DBZ_NO_EFFECT, "", "", "a slot belongs to one database, database.dbname"},
	{"database.exclude.list", DBZ_NO_EFFECT, "", "", "a slot belongs to one database, database.dbname"},

	/* how it looks */
	{"toasted.value.placeholder", DBZ_ACCEPTED, "unavailable.value.placeholder", "", "an old spelling"},
	{"sanitize.field.names", DBZ_ACCEPTED, "field.name.adjustment.mode", "", "an old spelling: true is avro, false is none"},
	{"custom.sanitize.pattern", DBZ_NOT_YET, "", "", "names would differ"},
	{"converters", DBZ_REFUSED, "", "", "Java classes cannot be loaded here"},
	{"post.processors", DBZ_NOT_YET, "", "", "values would differ"},
	{"transaction.metadata.factory", DBZ_NOT_YET, "", "io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory", "transaction records would differ"},
	{"include.schema.comments", DBZ_NO_EFFECT, "", "false", "Debezium's PostgreSQL connector reads no comments, so its schemas have none either"},
	{"include.schema.changes", DBZ_NO_EFFECT, "", "false|true", "PostgreSQL has no topic of schema changes"},
	{"schema.refresh.mode", DBZ_NO_EFFECT, "", "columns_diff|columns_diff_exclude_unchanged_toast", "the server itself says when a table has changed"},
	{"schema.history.internal*", DBZ_NO_EFFECT, "", "", "PostgreSQL needs no schema history"},
	{"database.history*", DBZ_NO_EFFECT, "", "", "PostgreSQL needs no schema history"},
	{"event.processing.failure.handling.mode", DBZ_NO_EFFECT, "", "fail", "a change that cannot be published stops the stream; it is never dropped"},
	{"event.converting.failure.handling.mode", DBZ_NO_EFFECT, "", "fail|warn", "a value that cannot be published stops the stream; it is never dropped"},
	{"sourceinfo.struct.maker", DBZ_REFUSED, "", "io.debezium.connector.postgresql.PostgresSourceInfoStructMaker", "Java classes cannot be loaded here"},

	/* topics and Connect */
	{"topic.naming.strategy", DBZ_NOT_YET, "", "io.debezium.schema.SchemaTopicNamingStrategy", "topics would have other names"},
	{"topic.regex", DBZ_NO_EFFECT, "", "", "it belongs to a topic.naming.strategy; route with the transform RegexRouter"},
	{"topic.replacement", DBZ_NO_EFFECT, "", "", "it belongs to a topic.naming.strategy; route with the transform RegexRouter"},
	{"topic.key.*", DBZ_NO_EFFECT, "", "", "it belongs to a topic.naming.strategy; ByLogicalTableRouter has the same as key.*"},
	{"topic.cache.size", DBZ_NO_EFFECT, "", "", "a topic's name is kept with its table"},
	{"transaction.topic", DBZ_ACCEPTED, "topic.transaction", "", "an old spelling"},

	/* snapshot, signals */
	{"snapshot.mode.configuration.based.*", DBZ_NO_EFFECT, "", "false|true", "schemas need no snapshot"},
	{"snapshot.mode.custom.name", DBZ_REFUSED, "", "", "Java classes cannot be loaded here"},
	{"snapshot.fetch.size", DBZ_NO_EFFECT, "", "", "rows come about 64 KB at a time"},
	{"snapshot.delay.ms", DBZ_NO_EFFECT, "", "0", "the snapshot begins when the slot is made"},
	{"streaming.delay.ms", DBZ_NO_EFFECT, "", "0", "the stream begins when the snapshot is delivered"},
	{"snapshot.max.threads.multiplier", DBZ_NO_EFFECT, "", "", "the size of a part of a table is fixed"},
	{"legacy.snapshot.max.threads", DBZ_NO_EFFECT, "", "false|true", "there is one way to read in parallel"},
	{"snapshot.isolation.mode", DBZ_NO_EFFECT, "", "serializable|repeatable_read", "a snapshot is always of one moment, that of the slot"},
	{"snapshot.locking.mode.custom.name", DBZ_REFUSED, "", "", "Java classes cannot be loaded here"},
	{"snapshot.query.mode", DBZ_REFUSED, "", "select_all", "set snapshot.select.statement.overrides"},
	{"snapshot.query.mode.custom.name", DBZ_REFUSED, "", "", "Java classes cannot be loaded here"},
	{"snapshot.tables.order.by.row.count", DBZ_NO_EFFECT, "", "disabled", "tables are read in the order of their names"},
	{"incremental.snapshot.watermarking.strategy", DBZ_NO_EFFECT, "", "",
	 "a chunk is marked by one message in the WAL, no table is written to"},
	{"incremental.snapshot.allow.schema.changes", DBZ_NO_EFFECT, "", "",
	 "a chunk is read again when its table was altered"},
	{"signal.kafka.poll.timeout.ms", DBZ_NO_EFFECT, "", "0", "signals of the topic are acted on when they come"},
	{"signal.emit.*", DBZ_NO_EFFECT, "", "", "signals are not written by the program"},

	/* flow */
	{"max.batch.size", DBZ_NO_EFFECT, "", "", "there are no batches; queue.max.bytes limits what is on its way"},
	{"max.queue.size", DBZ_NO_EFFECT, "", "", "queue.max.bytes limits what is on its way"},
	{"max.queue.size.in.bytes", DBZ_NO_EFFECT, "", "0", "queue.max.bytes limits what is on its way"},
	{"queue.provider.*", DBZ_NO_EFFECT, "", "memory", "there is no queue of changes; queue.max.bytes limits what is on its way"},
	{"memory.management.*", DBZ_NO_EFFECT, "", "", "what is known of a table is kept in the server's caches"},
	{"internal.*", DBZ_NO_EFFECT, "", "", "it belongs to Debezium's own workings"},
	{"task.id", DBZ_NO_EFFECT, "", "", "a slot has one reader"},
	{"poll.interval.ms", DBZ_NO_EFFECT, "", "", "changes are sent as they arrive"},
	{"heartbeat.topics.prefix", DBZ_ACCEPTED, "topic.heartbeat.prefix", "", "an old spelling"},
	{"custom.metric.tags", DBZ_NO_EFFECT, "", "", "labels belong to the scraper's configuration"},
	{"statistics.metrics.enabled", DBZ_NO_EFFECT, "", "true|false", "metrics are at /metrics"},
	{"guardrail.collections.*", DBZ_NO_EFFECT, "", "0|warn", "memory does not grow with the number of tables"},
	{"executor.shutdown.timeout.ms", DBZ_NO_EFFECT, "", "", "shutdown.timeout.ms limits the drain"},
	{"openlineage.integration.*", DBZ_NO_EFFECT, "", "", "no lineage events are sent"},
	{"connector.displayname", DBZ_NO_EFFECT, "", "", "it has no meaning without a user interface"},
};
/* clang-format on */

const size_t config_debezium_property_count =
	sizeof(config_debezium_properties) / sizeof(config_debezium_properties[0]);

const DebeziumProperty *
config_debezium_find(const char *name)
{
	for (size_t i = 0; i < config_debezium_property_count; i++)
		if (fnmatch(config_debezium_properties[i].name, name, 0) == 0)
			return &config_debezium_properties[i];
	return NULL;
}

const char *
config_debezium_nearest(const char *name)
{
	Nearest n = {.wanted = name};

	for (size_t i = 0; i < config_option_count; i++)
		config_nearest_offer(&n, config_options[i].name);
	for (size_t i = 0; i < config_debezium_property_count; i++)
		if (strchr(config_debezium_properties[i].name, '*') == NULL)
			config_nearest_offer(&n, config_debezium_properties[i].name);
	return config_nearest_result(&n);
}
