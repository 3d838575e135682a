/*
 * test_config_properties.c
 *		Every property of Debezium's PostgreSQL connector is decided about, and
 *		`config --explain` tells how.
 */
#include "config_testing.h"

#include <jansson.h>

/* Debezium 3.6: the fields of PostgresConnectorConfig and of what it extends,
 * of heartbeats, signals, notifications and topic naming; and Kafka Connect's
 * own of a source connector. */
static const char *const names[] = {
	/* Kafka Connect */
	"name", "connector.class", "connector.plugin.version", "tasks.max",
	"tasks.max.enforce", "key.converter", "key.converter.schemas.enable",
	"value.converter", "value.converter.schemas.enable", "header.converter",
	"config.action.reload", "transforms", "predicates", "errors.retry.timeout",
	"errors.retry.delay.max.ms", "errors.tolerance", "errors.log.enable",
	"errors.log.include.messages", "topic.creation.groups",
	"topic.creation.default.partitions", "exactly.once.support",
	"transaction.boundary", "transaction.boundary.interval.ms",
	"offsets.storage.topic", "producer.override.linger.ms",
	"admin.override.client.id", "consumer.override.client.id",
	/* connection */
	"database.hostname", "database.port", "database.user", "database.password",
	"database.dbname", "database.query.timeout.ms", "database.sslmode",
	"database.sslcert", "database.sslkey", "database.sslpassword",
	"database.sslrootcert", "database.sslfactory", "database.tcpKeepAlive",
	"database.initial.statements", "database.connection.timeout.ms",
	"database.connection.factory.class", "driver.loginTimeout",
	"database.include.list", "database.exclude.list",
	"connection.validation.timeout.ms", "query.fetch.size", "read.only",
	/* slot and publication */
	"plugin.name", "slot.name", "slot.drop.on.stop", "slot.failover",
	"slot.max.retries", "slot.retry.delay.ms", "slot.stream.params",
	"publication.name", "publication.autocreate.mode",
	"publish.via.partition.root", "replica.identity.autoset.values",
	"status.update.interval.ms", "xmin.fetch.interval.ms", "flush.lsn.source",
	"lsn.flush.mode", "lsn.flush.timeout.ms", "lsn.flush.timeout.action",
	"offset.mismatch.strategy", "internal.slot.seek.to.known.offset.on.start",
	"internal.create.slot.command.timeout",
	/* selection */
	"schema.include.list", "schema.exclude.list", "table.include.list",
	"table.exclude.list", "table.ignore.builtin", "column.include.list",
	"column.exclude.list", "message.key.columns", "message.prefix.include.list",
	"message.prefix.exclude.list", "skipped.operations",
	"skip.messages.without.change", "column.mask.with.5.chars",
	"column.truncate.to.5.chars", "column.mask.hash.SHA-256.with.salt.s",
	"column.mask.hash.v2.SHA-256.with.salt.s", "column.propagate.source.type",
	"datatype.propagate.source.type",
	/* records */
	"topic.prefix", "tombstones.on.delete", "decimal.handling.mode",
	"time.precision.mode", "binary.handling.mode", "hstore.handling.mode",
	"interval.handling.mode", "money.fraction.digits",
	"include.unknown.datatypes", "unavailable.value.placeholder",
	"schema.name.adjustment.mode", "field.name.adjustment.mode",
	"custom.sanitize.pattern", "converters", "post.processors",
	"provide.transaction.metadata", "transaction.metadata.factory",
	"include.schema.comments", "include.schema.changes", "schema.refresh.mode",
	"sourceinfo.struct.maker", "extended.headers.enabled",
	"event.processing.failure.handling.mode",
	"event.converting.failure.handling.mode",
	/* topics */
	"topic.naming.strategy", "topic.delimiter", "topic.cache.size",
	"topic.heartbeat.prefix", "topic.heartbeat.name", "topic.transaction",
	"topic.regex", "topic.replacement", "topic.key.enforce.uniqueness",
	"topic.key.field.name", "topic.key.field.regex",
	"topic.key.field.replacement",
	/* snapshots */
	"snapshot.mode", "snapshot.mode.custom.name",
	"snapshot.mode.configuration.based.snapshot.data",
	"snapshot.mode.configuration.based.snapshot.schema",
	"snapshot.mode.configuration.based.start.stream",
	"snapshot.mode.configuration.based.snapshot.on.schema.error",
	"snapshot.mode.configuration.based.snapshot.on.data.error",
	"snapshot.include.collection.list", "snapshot.select.statement.overrides",
	"snapshot.select.statement.overrides.a.b", "snapshot.fetch.size",
	"snapshot.delay.ms", "streaming.delay.ms", "snapshot.max.threads",
	"snapshot.max.threads.multiplier", "legacy.snapshot.max.threads",
	"internal.legacy.snapshot.max.threads", "snapshot.isolation.mode",
	"snapshot.locking.mode", "snapshot.locking.mode.custom.name",
	"snapshot.lock.timeout.ms", "snapshot.query.mode",
	"snapshot.query.mode.custom.name", "snapshot.tables.order.by.row.count",
	"internal.snapshot.scan.all.columns.force",
	"incremental.snapshot.chunk.size",
	"incremental.snapshot.allow.schema.changes",
	"incremental.snapshot.watermarking.strategy",
	/* signals, notifications, heartbeats */
	"signal.data.collection", "signal.poll.interval.ms",
	"signal.enabled.channels", "signal.file", "signal.kafka.topic",
	"signal.kafka.bootstrap.servers", "signal.kafka.poll.timeout.ms",
	"signal.consumer.client.id", "notification.enabled.channels",
	"notification.sink.topic.name", "heartbeat.interval.ms",
	"heartbeat.topics.prefix", "heartbeat.action.query",
	/* flow and operation */
	"max.batch.size", "max.queue.size", "max.queue.size.in.bytes",
	"poll.interval.ms", "queue.provider.type", "errors.max.retries",
	"retriable.restart.connector.wait.ms", "custom.metric.tags",
	"statistics.metrics.enabled", "executor.shutdown.timeout.ms",
	"guardrail.collections.max", "guardrail.collections.limit.action",
	"memory.management.schemas.class", "memory.management.tables.class",
	"internal.log.position.check.enable", "internal.advanced.metrics.enable",
	"internal.custom.retriable.exception", "task.id",
	"openlineage.integration.enabled",
	"openlineage.integration.config.file.path",
	"openlineage.integration.job.namespace",
	"openlineage.integration.job.description",
	"openlineage.integration.job.tags", "openlineage.integration.job.owners",
	"openlineage.integration.dataset.kafka.bootstrap.servers",
	/* before Debezium 2.0 */
	"database.server.name", "schema.whitelist", "schema.blacklist",
	"table.whitelist", "table.blacklist", "column.whitelist",
	"column.blacklist", "toasted.value.placeholder", "sanitize.field.names",
	"transaction.topic", "database.history.kafka.topic",
	"schema.history.internal.kafka.topic",
	/* not one of them: what the others must not look like */
	"table.includes.list", "no.such.property"};
#define NAME_COUNT	  (sizeof(names) / sizeof(names[0]))
#define UNKNOWN_COUNT 2

/* What --explain says of a connector's file, as JSON; the caller's. */
static json_t *
explained(const char *path, bool *accepted)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	json_error_t jerr;
	json_t *root;

	*accepted = config_explain(path, 0, NULL, true, out, &err);
	fclose(out);
	root = json_loads(text, 0, &jerr);
	if (root == NULL)
		fail_msg("%s: %s", jerr.text, text);
	free(text);
	return root;
}

static const char *
field_of(const json_t *root, size_t i, const char *name)
{
	const json_t *p = json_array_get(json_object_get(root, "properties"), i);

	assert_non_null(p);
	return json_string_value(json_object_get(p, name));
}

static void
test_every_property(void **state)
{
	static char text[20000];
	char *p = text + sprintf(text, "{");
	bool accepted;
	json_t *root;

	(void) state;
	for (size_t i = 0; i < NAME_COUNT; i++)
		p += sprintf(p, "%s\"%s\":\"%s\"", i > 0 ? ",\n" : "", names[i],
					 strcmp(names[i], "connector.class") == 0
						 ? "io.debezium.connector.postgresql.PostgresConnector"
						 : "x");
	strcpy(p, "}");
	root = explained(put_file("all.json", text), &accepted);
	assert_false(accepted);
	assert_int_equal(json_array_size(json_object_get(root, "properties")),
					 NAME_COUNT);
	for (size_t i = 0; i < NAME_COUNT; i++)
	{
		const char *outcome = field_of(root, i, "outcome");
		const char *says = field_of(root, i, "says");
		bool unknown = strcmp(outcome, "unknown") == 0;

		/* in the order of the file */
		if (strstr(names[i], ".with.salt.") == NULL)
			assert_string_equal(field_of(root, i, "name"), names[i]);
		if (unknown != (i >= NAME_COUNT - UNKNOWN_COUNT))
			fail_msg("%s is \"%s\": %s", names[i], outcome,
					 says != NULL ? says : "");
		/* what is not simply read is explained */
		if (field_of(root, i, "means") == NULL && says == NULL)
			fail_msg("nothing is said of %s (%s)", names[i], outcome);
	}
	assert_has(field_of(root, NAME_COUNT - 2, "says"), "table.include.list?");
	json_decref(root);
}

static void
test_secrets(void **state)
{
	const char *path;
	bool accepted;
	json_t *root;
	char *text;

	(void) state;
	path = put_file(
		"s.json",
		"{" CLASS ",\"topic.prefix\":\"p\",\"database.password\":\"hush1\","
		"\"column.mask.hash.v2.MD5.with.salt.hush2\":\"a.b.c\","
		"\"producer.override.sasl.jaas.config\":\"x.PlainLoginModule required "
		"username=\\\"u\\\" password=\\\"hush3\\\";\","
		"\"schema.history.internal.consumer.sasl.jaas.config\":\"hush4\","
		"\"producer.override.ssl.key.password\":\"hush5\","
		"\"signal.consumer.sasl.jaas.config\":\"x.PlainLoginModule required "
		"username=\\\"u\\\" password=\\\"hush7\\\";\","
		"\"database.sslpassword\":\"hush6\"}");
	root = explained(path, &accepted);
	text = json_dumps(root, 0);
	if (strstr(text, "hush") != NULL)
		fail_msg("%s", text);
	assert_has(text, "column.mask.hash.v2.MD5.with.salt.********");
	free(text);
	json_decref(root);
}

static void
test_whole(void **state)
{
	bool accepted;
	json_t *root;

	(void) state;
	root = explained(
		put_file("ok.json",
				 "{" CLASS ",\"topic.prefix\":\"p\",\"sanitize.field.names\":"
				 "true,\"table.whitelist\":\"a.b\",\"plugin.name\":"
				 "\"pgoutput\",\"value.converter\":\"org.apache.kafka.connect."
				 "json.JsonConverter\",\"value.converter.schemas.enable\":"
				 "false}"),
		&accepted);
	assert_true(accepted);
	assert_true(json_is_true(json_object_get(root, "accepted")));
	assert_string_equal(field_of(root, 2, "means"),
						"field.name.adjustment.mode=avro");
	assert_string_equal(field_of(root, 3, "means"), "table.include.list=a.b");
	assert_string_equal(field_of(root, 4, "outcome"), "no effect");
	assert_has(field_of(root, 4, "says"), "tuplecast's own");
	assert_string_equal(field_of(root, 6, "means"),
						"value.schemas.enable=false");
	json_decref(root);
	/* each is fine, both together are not */
	root = explained(put_file("two.json",
							  "{" CLASS ",\"table.include.list\":\"a.b\","
							  "\"table.exclude.list\":\"a.c\"}"),
					 &accepted);
	assert_false(accepted);
	assert_string_equal(err.code, "config_exclusive");
	assert_string_equal(field_of(root, 1, "outcome"), "read");
	assert_string_equal(field_of(root, 2, "outcome"), "read");
	json_decref(root);
	/* one refused transform does not spoil the others */
	root = explained(
		put_file("tr.json",
				 "{" CLASS ",\"transforms\":\"unwrap,f\","
				 "\"transforms.unwrap.type\":\"io.debezium.transforms."
				 "ExtractNewRecordState\",\"transforms.unwrap.add.fields\":"
				 "\"op\",\"transforms.f.type\":\"io.debezium.transforms.Filter"
				 "\",\"transforms.g.type\":\"x\"}"),
		&accepted);
	assert_false(accepted);
	assert_string_equal(field_of(root, 3, "means"), "add.fields=op");
	assert_string_equal(field_of(root, 4, "outcome"), "refused");
	assert_string_equal(field_of(root, 5, "outcome"), "no effect");
	json_decref(root);
	assert_false(config_explain(put_file("n.properties", "topic.prefix=p\n"), 0,
								NULL, false, stdout, &err));
	assert_has(err.text, "connector.class");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		config_test(test_every_property),
		config_test(test_secrets),
		config_test(test_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
