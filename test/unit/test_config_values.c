/*
 * test_config_values.c
 *		What single options take: types, words, Kafka's own settings, and how the
 *		source is named.
 */
#include "config_testing.h"

static void
test_values(void **state)
{
	(void) state;
	must_load("--shutdown.timeout.ms=2min", "--queue.max.bytes=16MB",
			  "--status.update.interval.ms=500ms", "--headers.identity=OFF",
			  "--sink=Stdout", "--database.sslmode=Verify-Full", NULL);
	assert_int_equal(cfg.shutdown_timeout, 120000);
	assert_int_equal(cfg.queue_bytes, 16 * 1024 * 1024);
	assert_int_equal(cfg.status_interval, 500);
	assert_false(cfg.identity_headers);
	assert_int_equal(cfg.sink, 1);
	assert_string_equal(cfg.database_sslmode, "verify-full");
}

static void
test_time_for_a_kafka_transaction(void **state)
{
	(void) state;
	must_load("--delivery=exactly-once", NULL);
	assert_int_equal(config_transaction_timeout_ms(&cfg), 60000);
	must_load("--delivery=exactly-once", "--delivery.align=transaction", NULL);
	assert_int_equal(config_transaction_timeout_ms(&cfg), 900000);
	must_load("--delivery=exactly-once", "--delivery.align=transaction",
			  "--kafka.transaction.timeout.ms=30000", NULL);
	assert_int_equal(config_transaction_timeout_ms(&cfg), 30000);
}

/* The shipper asks for words by their number: config.h has them in the order of
 * config.def. */
static void
test_numbers_of_words(void **state)
{
	static const struct
	{
		const char *option;
		const cfg_enum *field;
		const char *words[7];
	} rows[] = {
		{"publication.autocreate.mode",
		 &cfg.publication_autocreate,
		 {[AUTOCREATE_ALL_TABLES] = "all_tables",
		  [AUTOCREATE_FILTERED] = "filtered",
		  [AUTOCREATE_NO_TABLES] = "no_tables",
		  [AUTOCREATE_DISABLED] = "disabled"}},
		{"slot.lost",
		 &cfg.slot_lost,
		 {[SLOT_LOST_STOP] = "stop", [SLOT_LOST_RESNAPSHOT] = "resnapshot"}},
		{"sink",
		 &cfg.sink,
		 {[SINK_KAFKA] = "kafka",
		  [SINK_STDOUT] = "stdout",
		  [SINK_FILE] = "file"}},
		{"oversize",
		 &cfg.oversize,
		 {[OVERSIZE_STOP] = "stop",
		  [OVERSIZE_DEAD_LETTER] = "dead-letter",
		  [OVERSIZE_TRUNCATE] = "truncate-columns"}},
		{"on.error",
		 &cfg.on_error,
		 {[ON_ERROR_STOP] = "stop", [ON_ERROR_DEAD_LETTER] = "dead-letter"}},
		{"delivery",
		 &cfg.delivery,
		 {[DELIVERY_AT_LEAST_ONCE] = "at-least-once",
		  [DELIVERY_EXACTLY_ONCE] = "exactly-once"}},
		{"delivery.align",
		 &cfg.delivery_align,
		 {[ALIGN_NONE] = "none", [ALIGN_TRANSACTION] = "transaction"}},
		{"format",
		 &cfg.format,
		 {[FORMAT_FLAT] = "flat",
		  [FORMAT_ENVELOPE] = "envelope",
		  [FORMAT_CLOUDEVENTS] = "cloudevents"}},
		{"delete.tombstone.handling.mode",
		 &cfg.delete_mode,
		 {[DELETE_DROP] = "drop",
		  [DELETE_TOMBSTONE] = "tombstone",
		  [DELETE_REWRITE] = "rewrite",
		  [DELETE_REWRITE_WITH_TOMBSTONE] = "rewrite-with-tombstone",
		  [DELETE_TO_TOMBSTONE] = "delete-to-tombstone",
		  [DELETE_TOMBSTONE_WITH_TOMBSTONE] = "tombstone-with-tombstone"}},
		{"key.format",
		 &cfg.key_format,
		 {[KEY_FORMAT_JSON] = "json", [KEY_FORMAT_STRING] = "string"}},
		{"snapshot.new.tables",
		 &cfg.snapshot_new_tables,
		 {[NEW_TABLES_OFF] = "off",
		  [NEW_TABLES_LOG] = "log",
		  [NEW_TABLES_INCREMENTAL] = "incremental"}},
		{"snapshot.locking.mode",
		 &cfg.snapshot_locking,
		 {[SNAPSHOT_LOCKING_NONE] = "none",
		  [SNAPSHOT_LOCKING_SHARED] = "shared"}},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		char option[64];
		int n = 0;

		snprintf(option, sizeof(option), "--%s", rows[i].option);
		for (; rows[i].words[n] != NULL; n++)
		{
			must_load(option, rows[i].words[n], NULL);
			assert_int_equal(*rows[i].field, n);
		}
		assert_true(n >= 2);
	}
}

static void
expect_bad(const char *option, const char *value, const char *wanted)
{
	char arg[200];

	snprintf(arg, sizeof(arg), "--%s=%s", option, value);
	must_fail("config_bad_value", arg, NULL);
	assert_has(err.text, option);
	assert_has(err.text, value);
	assert_has(err.detail, "--");
	assert_has(err.hint, wanted);
}

static void
test_bad_values(void **state)
{
	(void) state;
	expect_bad("database.port", "x", "between 1 and 65535");
	expect_bad("database.port", "0", "between 1 and 65535");
	expect_bad("database.port", "70000", "between 1 and 65535");
	expect_bad("database.port", "", "between 1 and 65535");
	expect_bad("database.port", " 1", "between 1 and 65535");
	expect_bad("database.port", "+1", "between 1 and 65535");
	expect_bad("database.port", "1x", "between 1 and 65535");
	expect_bad("database.port", "99999999999999999999", "between");
	expect_bad("queue.max.bytes", "9999999999GB", "between");
	expect_bad("queue.max.bytes", "10s", "kB, MB, GB");
	expect_bad("shutdown.timeout.ms", "-1", "between 0");
	expect_bad("tombstones.on.delete", "maybe", "true or false");
	expect_bad("format", "avro", "flat, envelope or cloudevents");
	expect_bad("sink", "", "kafka, stdout or file");
	expect_bad("snapshot.mode", "sometimes", "no_data");
	expect_bad("slot.name", "Big", "a-z");
	expect_bad("slot.name", "", "a-z");
	expect_bad("skipped.operations", "c,x", "none");
	expect_bad("skipped.operations", "c,", "none");
	expect_bad("http.listen", "nowhere", "HOST:PORT");
	expect_bad("http.listen", "h:99999", "HOST:PORT");
	expect_bad("logical.decoding.work.mem", "lots", "256MB");
	setenv("TUPLECAST_LOG_LEVEL", "loud", 1);
	must_fail("config_bad_value", NULL);
	assert_has(err.detail, "TUPLECAST_LOG_LEVEL");
	unsetenv("TUPLECAST_LOG_LEVEL");
	must_fail("config_bad_value", "--config",
			  put_file("f", "\nlog.format=xml\n"), NULL);
	assert_has(err.detail, "f:2");
	must_fail("config_unsupported", "--delivery=exactly-once", "--sink=stdout",
			  NULL);
	must_fail("config_exclusive", "--table.include.list=a",
			  "--table.exclude.list=b", NULL);
	assert_has(err.text, "table.exclude.list");
}

static void
test_snapshot_options(void **state)
{
	const char *query = "SELECT * FROM a.b WHERE id > 5";
	char flag[128];

	(void) state;
	must_load("--snapshot.mode=initial", NULL);
	assert_int_equal(warnings("snapshot"), 0);
	must_fail("config_value", "--snapshot.mode=custom", NULL);
	assert_has(err.text, "Java");
	must_fail("config_value", "--snapshot.mode=configuration_based", NULL);
	assert_has(err.text, "neither rows nor changes");
	must_load("--snapshot.mode=configuration_based",
			  "--snapshot.mode.configuration.based.start.stream=true", NULL);
	snprintf(flag, sizeof(flag), "--snapshot.select.statement.overrides.a.b=%s",
			 query);
	must_load("--snapshot.select.statement.overrides=x.y,a.b", flag, NULL);
	assert_int_equal(cfg.overrides.count, 1);
	assert_string_equal(cfg.overrides.items[0].name, "a.b");
	assert_string_equal(cfg.overrides.items[0].value, query);
	assert_int_equal(warnings("overrides"), 0);
	must_load("--snapshot.select.statement.overrides=aa.b", flag, NULL);
	assert_int_equal(warnings("overrides"), 1);
}

/* ---- Kafka ---- */

static void
test_kafka(void **state)
{
	(void) state;
	must_load("--kafka.acks=-1", "--kafka.enable.idempotence=true",
			  "--kafka.partitioner=murmur2_random",
			  "--kafka.compression.codec=lz4", "--kafka.buffer.memory=4194304",
			  "--kafka.max.request.size=2000000",
			  "--kafka.ssl.truststore.location=/x/ca.pem",
			  "--kafka.sasl.jaas.config="
			  "org.apache.kafka.common.security.scram.ScramLoginModule "
			  "required username=\"u\" password=\"p;\\\"q\";",
			  NULL);
	assert_string_equal(pair(&cfg.kafka, "acks"), "(none)");
	assert_string_equal(pair(&cfg.kafka, "compression.codec"), "lz4");
	assert_string_equal(pair(&cfg.kafka, "message.max.bytes"), "2000000");
	assert_string_equal(pair(&cfg.kafka, "ssl.ca.location"), "/x/ca.pem");
	assert_string_equal(pair(&cfg.kafka, "sasl.username"), "u");
	assert_string_equal(pair(&cfg.kafka, "sasl.password"), "p;\"q");
	assert_int_equal(cfg.queue_bytes, 4194304);
}

/* OAUTHBEARER in Java's words: a token from a file, or from a server. */
static void
test_kafka_bearer(void **state)
{
	(void) state;
	must_load(
		"--kafka.sasl.mechanism=OAUTHBEARER",
		"--kafka.sasl.jaas.config=org.apache.kafka.common.security."
		"oauthbearer.OAuthBearerLoginModule required;",
		"--kafka.sasl.login.callback.handler.class=org.apache.kafka.common."
		"security.oauthbearer.OAuthBearerLoginCallbackHandler",
		"--kafka.sasl.oauthbearer.token.endpoint.url=file:///run/token", NULL);
	assert_string_equal(pair(&cfg.kafka, "sasl.oauthbearer.method"), "(none)");
	must_load("--kafka.sasl.jaas.config=org.apache.kafka.common.security."
			  "oauthbearer.OAuthBearerLoginModule required "
			  "clientId=\"cdc\" clientSecret=\"hush\";",
			  NULL);
	assert_string_equal(pair(&cfg.kafka, "sasl.oauthbearer.method"), "oidc");
	assert_string_equal(pair(&cfg.kafka, "sasl.oauthbearer.client.secret"),
						"hush");
}

static void
test_kafka_refused(void **state)
{
	static const char *const bad[] = {
		"acks=1",
		"acks=0",
		"request.required.acks=1",
		"enable.idempotence=false",
		"message.timeout.ms=1000",
		"delivery.timeout.ms=1000",
		"transactional.id=x",
		"partitioner=consistent_random",
		"dr_msg_cb=x",
		"dr_cb=x",
		"stats_cb=x",
		"queuing.strategy=lifo",
		"max.in.flight=6",
		"max.in.flight.requests.per.connection=9",
		"retries=0",
		"plugin.library.paths=/tmp/x.so",
		"delivery.report.only.error=true",
		"ssl.truststore.location=/x/ca.jks",
		"ssl.keystore.location=/x/k.jks",
		"ssl.truststore.type=JKS",
		"enabled_events=1",
		"sasl.login.callback.handler.class=x",
		"=x",
		"sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required;",
		"sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username=\"u\";",
	};
	char arg[300];

	(void) state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		snprintf(arg, sizeof(arg), "--kafka.%s", bad[i]);
		must_fail("config_refused", arg, NULL);
		assert_has(err.detail, "--kafka.");
		assert_true(err.hint[0] != '\0');
	}
	/* the value of a secret is not in the message */
	must_fail("config_refused",
			  "--kafka.sasl.jaas.config=x required password=\"hush\";", NULL);
	assert_null(strstr(err.text, "hush"));
}

static void
test_topic_creation(void **state)
{
	(void) state;
	must_load("--topic.creation.default.partitions=3",
			  "--topic.creation.default.replication.factor=-1",
			  "--topic.creation.default.cleanup.policy=compact", NULL);
	assert_int_equal(cfg.topic_creation.count, 3);
	assert_string_equal(pair(&cfg.topic_creation, "cleanup.policy"), "compact");
	must_load("--topic.creation.default.partitions=3",
			  "--topic.creation.enable=false", NULL);
	assert_int_equal(cfg.topic_creation.count, 0);
	must_fail("config_bad_value", "--topic.creation.default.partitions=0",
			  NULL);
	must_fail("config_bad_value",
			  "--topic.creation.default.replication.factor=many", NULL);
	must_fail("config_unsupported", "--topic.creation.groups=big", NULL);
	must_fail("config_unsupported", "--topic.creation.big.partitions=9", NULL);
	assert_has(err.text, "topic.creation.big.partitions");
}

/* ---- the source ---- */

static void
test_source(void **state)
{
	(void) state;
	must_load("--source", "postgres://u%40x:p%20w@h:6000/db?sslmode=require",
			  NULL);
	assert_string_equal(conninfo("user"), "u@x");
	assert_string_equal(conninfo("password"), "p w");
	assert_string_equal(conninfo("host"), "h");
	assert_string_equal(conninfo("sslmode"), "require");
	assert_string_equal(conninfo("replication"), "(none)");
	assert_string_equal(config_source_name(&cfg), "u@x@h:6000/db");
	must_load("--source", "host=h2 dbname=d user='a b'", NULL);
	assert_string_equal(conninfo("user"), "a b");
	/* nothing is said for PGPASSWORD and the like to be overruled by */
	assert_string_equal(conninfo("password"), "(none)");
	assert_string_equal(conninfo("port"), "(none)");
	assert_string_equal(config_source_name(&cfg), "a b@h2:5432/d");
	must_load("--database.hostname=h3", "--database.user=u",
			  "--database.dbname=d", "--database.password=x", NULL);
	assert_string_equal(conninfo("host"), "h3");
	assert_string_equal(conninfo("password"), "x");
	assert_string_equal(conninfo("sslmode"), "(none)");
	assert_string_equal(config_source_name(&cfg), "u@h3:5432/d");
	assert_null(strstr(config_source_name(&cfg), "x"));
}

/* A URL names a server; earlier settings were for another one. */
static void
test_source_layers(void **state)
{
	const char *file =
		put_file("db.properties", "database.hostname=old\ndatabase.user=o\n"
								  "database.password=hush\n");

	(void) state;
	must_load("--config", file, "--source", "postgres://new/db", NULL);
	assert_string_equal(conninfo("host"), "new");
	assert_string_equal(conninfo("password"), "(none)");
	setenv("TUPLECAST_SOURCE_URL", "postgres://u@new/db", 1);
	setenv("TUPLECAST_DATABASE_PASSWORD", "pw", 1);
	must_load("--config", file, NULL);
	assert_string_equal(conninfo("host"), "new");
	assert_string_equal(conninfo("user"), "u");
	assert_string_equal(conninfo("password"), "pw");
	/* a password that came with no server of its own is for the URL's */
	must_load("--source", "postgres://cli/db", NULL);
	assert_string_equal(conninfo("host"), "cli");
	assert_string_equal(conninfo("password"), "pw");
	must_load("--config", file, "--source", "postgres://me:own@cli/db", NULL);
	assert_string_equal(conninfo("password"), "own");
	must_load("--config", file, "--database.hostname=newer", NULL);
	assert_string_equal(conninfo("host"), "newer");
}

static void
test_bad_source(void **state)
{
	(void) state;
	must_fail("config_bad_value", "--source", "postgres://u:hu%zzsh@h/db",
			  NULL);
	assert_null(strstr(err.text, "hu"));
	assert_null(strstr(err.detail, "zzsh"));
	must_fail("config_bad_value", "--source", "hush", NULL);
	assert_null(strstr(err.detail, "\"hush"));
	must_fail("config_bad_value", "--source", "jdbc:postgresql://h/db", NULL);
	assert_has(err.hint, "postgres://");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		config_test(test_numbers_of_words),
		config_test(test_values),
		config_test(test_time_for_a_kafka_transaction),
		config_test(test_bad_values),
		config_test(test_snapshot_options),
		config_test(test_kafka),
		config_test(test_kafka_bearer),
		config_test(test_kafka_refused),
		config_test(test_topic_creation),
		config_test(test_source),
		config_test(test_source_layers),
		config_test(test_bad_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
