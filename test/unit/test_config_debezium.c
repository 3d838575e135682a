/*
 * test_config_debezium.c
 *		A Debezium connector's configuration, its worker's, and the images'
 *		environment.
 */
#include "config_testing.h"

#define JSON_CONVERTER "org.apache.kafka.connect.json.JsonConverter"

/* A published pipeline's connector, verbatim. */
static const char pipeline_a[] =
	"{\n"
	" \"name\": \"pg-connector\",\n"
	" \"config\": {\n"
	"   \"connector.class\": \"io.debezium.connector.postgresql.PostgresConnector\", // класс коннектора\n"
	"   \"database.hostname\": \"postgres\", // хост БД\n"
	"   \"database.port\": \"5432\", // порт БД\n"
	"   \"database.user\": \"postgres-user\", // пользователь БД\n"
	"   \"database.password\": \"postgres-pw\", // пароль БД\n"
	"   \"database.dbname\": \"customers\", // имя БД\n"
	"   \"database.server.name\": \"customers\", // имя БД в Kafka Connect\n"
	"   \"table.include.list\": \"public.users,public.orders\", // отслеживаемые таблицы\n"
	"   \"transforms\": \"unwrap\", // применяемые трансформации\n"
	"   \"transforms.unwrap.type\": \"io.debezium.transforms.ExtractNewRecordState\", // извлекать только изменённые данные\n"
	"   \"transforms.unwrap.drop.tombstones\": \"false\", // отправлять tombstones в Kafka (операции DELETE)\n"
	"   \"transforms.unwrap.delete.handling.mode\": \"rewrite\", // отправлять значения полей при удалении записей\n"
	"   \"topic.prefix\": \"customers\", // префикс создаваемых в Kafka топиков\n"
	"   \"topic.creation.enable\": \"true\", // включить создание топиков \n"
	"   \"topic.creation.default.replication.factor\": \"-1\", // replication factor топиков \n"
	"   \"topic.creation.default.partitions\": \"-1\", // количество партиций топиков\n"
	"   \"skipped.operations\": \"none\" // включить все действия с БД\n"
	" }\n"
	"}\n";

static const char worker[] =
	"bootstrap.servers=k1:9092,k2:9092\n"
	"group.id=connect\n"
	"key.converter=" JSON_CONVERTER "\n"
	"value.converter=" JSON_CONVERTER "\n"
	"key.converter.schemas.enable=false\n"
	"value.converter.schemas.enable=false\n"
	"offset.storage.topic=o\n"
	"offset.flush.interval.ms=10000\n"
	"plugin.path=/usr/share/java\n"
	"rest.port=8083\n"
	"security.protocol=PLAINTEXT\n"
	"producer.compression.type=zstd\n"
	"producer.linger.ms=20\n"
	"producer.security.protocol=SASL_SSL\n"
	"producer.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username=\"u\" password=\"hush\";\n"
	"consumer.max.poll.records=5\n";

static void
test_pipeline_a(void **state)
{
	const char *json = put_file("connector.json", pipeline_a);
	const char *props = put_file("worker.properties", worker);

	(void) state;
	must_load("--config", json, "--config", props, "--database.hostname=::1",
			  "--database.port=5555", "--slot.name=mine", NULL);
	assert_true(config_require_run(&cfg, &err));
	assert_true(cfg.connector_json);
	assert_string_equal(conninfo("host"), "::1");
	assert_string_equal(conninfo("port"), "5555");
	assert_string_equal(conninfo("user"), "postgres-user");
	assert_string_equal(conninfo("password"), "postgres-pw");
	assert_string_equal(conninfo("dbname"), "customers");
	assert_string_equal(cfg.kafka_bootstrap, "k1:9092,k2:9092");
	assert_string_equal(cfg.slot_name, "mine");
	assert_string_equal(pair(&cfg.plugin, "topic.prefix"), "customers");
	assert_string_equal(pair(&cfg.plugin, "format"), "flat");
	assert_string_equal(pair(&cfg.plugin, "table.include.list"),
						"public.users,public.orders");
	assert_string_equal(pair(&cfg.plugin, "delete.tombstone.handling.mode"),
						"rewrite-with-tombstone");
	assert_string_equal(pair(&cfg.plugin, "skipped.operations"), "none");
	assert_string_equal(pair(&cfg.plugin, "value.schemas.enable"), "false");
	assert_string_equal(pair(&cfg.plugin, "key.schemas.enable"), "false");
	/* Debezium's defaults, not ours */
	assert_string_equal(pair(&cfg.plugin, "decimal.handling.mode"), "precise");
	assert_string_equal(pair(&cfg.plugin, "binary.handling.mode"), "bytes");
	assert_string_equal(pair(&cfg.plugin, "replace.null.with.default"), "true");
	assert_string_equal(pair(&cfg.plugin, "connector.compat"), "true");
	assert_false(cfg.identity_headers);
	assert_int_equal(cfg.topic_creation.count, 2);
	assert_string_equal(pair(&cfg.topic_creation, "replication.factor"), "-1");
	assert_string_equal(pair(&cfg.topic_creation, "partitions"), "-1");
	assert_string_equal(pair(&cfg.kafka, "compression.type"), "zstd");
	assert_string_equal(pair(&cfg.kafka, "sasl.password"), "hush");
	assert_string_equal(pair(&cfg.kafka, "security.protocol"), "SASL_SSL");
	assert_string_equal(pair(&cfg.kafka, "max.poll.records"), "(none)");
	assert_int_equal(warnings("database.server.name"), 1);
	assert_int_equal(warnings("snapshot"), 0);
	assert_int_equal(warnings("no converter"), 0);
	/* the old delete mode, and nothing else */
	assert_int_equal(warnings(""), 2);
}

static void
test_pipeline_a_alone(void **state)
{
	const char *json = put_file("connector.json", pipeline_a);

	(void) state;
	must_load("--config", json, NULL);
	assert_string_equal(cfg.slot_name, "debezium");
	assert_string_equal(pair(&cfg.plugin, "value.schemas.enable"), "true");
	assert_string_equal(pair(&cfg.plugin, "key.schemas.enable"), "true");
	assert_int_equal(warnings("no converter"), 1);
	assert_false(config_require_run(&cfg, &err));
	assert_has(err.text, "kafka.bootstrap.servers");
	assert_has(err.detail, "worker");
	/* by environment alone */
	setenv("TUPLECAST_CONFIG", json, 1);
	setenv("BOOTSTRAP_SERVERS", "image:9092", 1);
	setenv("CONNECT_VALUE_CONVERTER_SCHEMAS_ENABLE", "false", 1);
	setenv("CONNECT_PRODUCER_LINGER_MS", "9", 1);
	setenv("CONNECT_REST_PORT", "8083", 1);
	must_load(NULL);
	assert_string_equal(cfg.kafka_bootstrap, "image:9092");
	assert_string_equal(pair(&cfg.plugin, "value.schemas.enable"), "false");
	assert_string_equal(pair(&cfg.plugin, "key.schemas.enable"), "true");
	assert_string_equal(pair(&cfg.kafka, "linger.ms"), "9");
	assert_int_equal(warnings("no converter"), 0);
	assert_true(config_require_run(&cfg, &err));
	setenv("CONNECT_BOOTSTRAP_SERVERS", "better:9092", 1);
	must_load(NULL);
	assert_string_equal(cfg.kafka_bootstrap, "better:9092");
	setenv("TUPLECAST_KAFKA_BOOTSTRAP_SERVERS", "best:9092", 1);
	must_load(NULL);
	assert_string_equal(cfg.kafka_bootstrap, "best:9092");
	/* without a connector these variables are somebody else's */
	unsetenv("TUPLECAST_CONFIG");
	unsetenv("TUPLECAST_KAFKA_BOOTSTRAP_SERVERS");
	must_load(NULL);
	assert_string_equal(cfg.kafka_bootstrap, "");
}

static void
test_order_of_files(void **state)
{
	const char *json = connector("\"slot.name\":\"from_json\"");
	const char *native =
		put_file("n.properties", "slot.name=native\nlog.format=json\n"
								 "replace.null.with.default=false\n");

	(void) state;
	must_load("--config", json, "--config", native, NULL);
	assert_string_equal(cfg.slot_name, "native");
	assert_false(cfg.null_defaults);
	must_load("--config", native, "--config", json, NULL);
	assert_string_equal(cfg.slot_name, "from_json");
	assert_int_equal(cfg.log_format, 1);
	assert_false(cfg.null_defaults);
	must_fail("config_file", "--config", json, "--config", connector(""), NULL);
	assert_has(err.text, "both");
	/* standalone mode's file is the same in another dress */
	must_load("--config",
			  put_file("standalone.properties",
					   "name=x\nconnector.class=io.debezium.connector."
					   "postgresql.PostgresConnector\ntopic.prefix=sa\n"
					   "unheard.of=1\n"),
			  NULL);
	assert_true(cfg.connector_json);
	assert_string_equal(cfg.topic_prefix, "sa");
	assert_int_equal(warnings("unheard.of"), 1);
	/* a worker's file alone means brokers and converters for native files */
	must_load("--config", put_file("w.properties", worker), NULL);
	assert_false(cfg.connector_json);
	assert_string_equal(cfg.kafka_bootstrap, "k1:9092,k2:9092");
	assert_false(cfg.value_schemas);
}

static void
test_class(void **state)
{
	static const struct
	{
		const char *class;
		const char *system;
	} others[] = {
		{"io.debezium.connector.mysql.MySqlConnector", "MySQL"},
		{"io.debezium.connector.sqlserver.SqlServerConnector", "SQL Server"},
		{"io.debezium.connector.mongodb.MongoDbConnector", "MongoDB"},
		{"io.confluent.connect.jdbc.JdbcSourceConnector", "JDBC"},
		{"org.example.Thing", "org.example.Thing"},
	};
	char text[300];

	(void) state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
	{
		snprintf(text, sizeof(text),
				 "# a comment first\n{\"connector.class\":\"%s\",\n"
				 "\"column.mask.with.3.chars\":\"x\"}",
				 others[i].class);
		must_fail("config_connector_class", "--config",
				  put_file("other.json", text), NULL);
		assert_has(err.text, others[i].system);
		assert_has(err.hint, "PostgresConnector");
	}
	must_fail("config_file", "--config", put_file("n.json", "{\"a\":\"b\"}"),
			  NULL);
	assert_has(err.text, "connector.class");
}

static void
test_old_spellings(void **state)
{
	const char *file =
		put_file("old.json",
				 "{" CLASS ",\"database.server.name\":\"old\","
				 "\"table.whitelist\":\"a.b\",\"schema.blacklist\":\"x\","
				 "\"column.blacklist\":\"a.b.c\",\"snapshot.mode\":\"never\"}");

	(void) state;
	must_load("--config", file, NULL);
	assert_string_equal(cfg.topic_prefix, "old");
	assert_string_equal(cfg.table_include, "a.b");
	assert_string_equal(cfg.schema_exclude, "x");
	assert_string_equal(cfg.column_exclude, "a.b.c");
	assert_string_equal(cfg.snapshot_mode, "no_data");
	assert_int_equal(warnings("snapshots"), 0);
	assert_int_equal(warnings("old name"), 4);
	must_load("--config", connector("\"snapshot.mode\":\"schema_only\""), NULL);
	assert_string_equal(cfg.snapshot_mode, "no_data");
	must_load("--config", connector("\"snapshot.mode\":\"when_needed\""), NULL);
	assert_int_equal(warnings("snapshot"), 0);
}

static void
test_verdicts(void **state)
{
	static const char *const errors[] = {
		"converters", "post.processors", "database.sslfactory",
		"topic.naming.strategy", "custom.sanitize.pattern"};
	static const struct
	{
		const char *name;
		const char *fine;
		const char *bad;
	} words[] = {
		{"xmin.fetch.interval.ms", "0", "1000"},
		{"lsn.flush.mode", "connector", "manual"},
		{"flush.lsn.source", "true", "false"},
	};
	char more[300];

	(void) state;
	must_load("--config",
			  connector("\"max.batch.size\":13312,\"plugin.name\":"
						"\"pgoutput\",\"publication.name\":\"dbz\","
						"\"heartbeat.interval.ms\":10000,\"tasks.max\":1,"
						"\"slot.drop.on.stop\":\"false\","
						"\"snapshot.fetch.size\":\"1000\","
						"\"signal.data.collection\":\"s.t\","
						"\"message.key.columns\":\"a.b:c\","
						"\"tabel.include.list\":\"a\",\"none\":null,"
						"\"include.schema.changes\":false"),
			  NULL);
	assert_int_equal(warnings("max.batch.size"), 1);
	assert_int_equal(warnings("plugin.name"), 1);
	assert_int_equal(warnings("publication.name"), 0);
	assert_string_equal(pair(&cfg.plugin, "publication.name"), "dbz");
	assert_int_equal(warnings("heartbeat.interval.ms"), 0);
	assert_int_equal(cfg.heartbeat_interval, 10000);
	assert_int_equal(warnings("snapshot.fetch.size"), 1);
	assert_int_equal(warnings("signal.data.collection"), 0);
	assert_string_equal(pair(&cfg.plugin, "signal.data.collection"), "s.t");
	assert_int_equal(warnings("did you mean table.include.list?"), 1);
	assert_int_equal(warnings("tasks.max"), 0);
	assert_int_equal(warnings("slot.drop.on.stop"), 0);
	assert_int_equal(warnings("include.schema.changes"), 0);
	assert_string_equal(pair(&cfg.plugin, "message.key.columns"), "a.b:c");
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
	{
		snprintf(more, sizeof(more), "\"%s\":\"v\"", errors[i]);
		assert_false(load("--config", connector(more), NULL));
		assert_has(err.detail, ".json:1");
		assert_null(strstr(err.text, "hush"));
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		snprintf(more, sizeof(more), "\"%s\":\"%s\"", words[i].name,
				 words[i].fine);
		must_load("--config", connector(more), NULL);
		assert_int_equal(warnings(words[i].name), 0);
		snprintf(more, sizeof(more), "\"%s\":\"%s\"", words[i].name,
				 words[i].bad);
		assert_false(load("--config", connector(more), NULL));
		assert_has(err.text, words[i].name);
		assert_has(err.detail, words[i].bad);
	}
}

static void
test_producer_override(void **state)
{
	(void) state;
	must_load("--config",
			  connector("\"producer.override.linger.ms\":\"5\","
						"\"producer.override.max.block.ms\":\"60000\","
						"\"producer.override.delivery.timeout.ms\":\"1\","
						"\"producer.override.key.serializer\":\"x\","
						"\"producer.override.max.request.size\":\"9000000\","
						"\"kafka.bootstrap.servers\":\"own:1\""),
			  NULL);
	assert_string_equal(pair(&cfg.kafka, "linger.ms"), "5");
	assert_string_equal(pair(&cfg.kafka, "message.max.bytes"), "9000000");
	assert_int_equal(cfg.kafka.count, 2);
	assert_string_equal(cfg.kafka_bootstrap, "own:1");
	assert_int_equal(warnings("max.block.ms"), 1);
	must_fail("config_refused", "--config",
			  connector("\"producer.override.acks\":\"1\""), NULL);
	must_fail("config_refused", "--config",
			  connector("\"producer.override.linger.m\":\"1\""), NULL);
	assert_has(err.hint, "linger.ms");
}

static void
test_signal_consumer(void **state)
{
	(void) state;
	must_load(
		"--config",
		connector("\"signal.consumer.security.protocol\":\"SASL_SSL\","
				  "\"signal.consumer.sasl.jaas.config\":\"org.apache.kafka."
				  "common.security.plain.PlainLoginModule required "
				  "username=\\\"u\\\" password=\\\"hush\\\";\","
				  "\"signal.consumer.fetch.max.wait.ms\":\"7\","
				  "\"signal.consumer.value.deserializer\":\"x\","
				  "\"signal.consumer.session.timeout.ms\":\"9000\","
				  "\"signal.consumer.group.id\":\"g\","
				  "\"signal.consumer.bootstrap.servers\":\"other:1\""),
		NULL);
	assert_string_equal(pair(&cfg.signal_consumer, "security.protocol"),
						"SASL_SSL");
	assert_string_equal(pair(&cfg.signal_consumer, "sasl.username"), "u");
	assert_string_equal(pair(&cfg.signal_consumer, "sasl.password"), "hush");
	assert_string_equal(pair(&cfg.signal_consumer, "fetch.wait.max.ms"), "7");
	assert_int_equal(cfg.signal_consumer.count, 4);
	assert_int_equal(cfg.kafka.count, 0);
	assert_string_equal(cfg.signal_group, "g");
	assert_string_equal(cfg.signal_bootstrap, "other:1");
	assert_int_equal(warnings("signal.consumer.session.timeout.ms"), 1);
	/* librdkafka's own names in a native file */
	must_load("--signal.consumer.fetch.wait.max.ms=9",
			  "--signal.consumer.debug=consumer", NULL);
	assert_string_equal(pair(&cfg.signal_consumer, "fetch.wait.max.ms"), "9");
	assert_string_equal(pair(&cfg.signal_consumer, "debug"), "consumer");
}

static void
test_signal_consumer_refused(void **state)
{
	static const struct
	{
		const char *setting;
		const char *why;
	} refused[] = {
		{"enable.auto.commit=true", "stored"},
		{"linger.ms=5", "producer"},
		{"acks=1", "producer"},
		{"transactional.id=x", "producer"},
		{"value.serializer=x", "producer"},
		{"sasl.login.class=x", "Java"},
		{"plugin.library.paths=x", "foreign code"},
		{"rebalance_cb=x", "callbacks"},
		{"sasl.oauthbearer.token.endpoint.url=file:///t", "one file"},
		{"=x", "missing"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
	{
		char argument[200];

		snprintf(argument, sizeof(argument), "--signal.consumer.%s",
				 refused[i].setting);
		must_fail("config_refused", argument, NULL);
		assert_has(err.text, "signal.consumer.");
		assert_has(err.text, refused[i].why);
	}
	/* what Java's consumer does not have */
	must_fail("config_refused", "--config",
			  connector("\"signal.consumer.fetch.min.byte\":\"1\""), NULL);
	assert_has(err.hint, "fetch.min.bytes");
}

static void
test_substitution(void **state)
{
	char more[300];

	(void) state;
	put_file("creds.properties", "pw=hush\n");
	snprintf(more, sizeof(more),
			 "\"database.hostname\":\" h \",\"database.password\":"
			 "\"${file:%s/creds.properties:pw}\"",
			 test_dir);
	must_load("--config", connector(more), NULL);
	assert_string_equal(conninfo("password"), "hush");
	assert_string_equal(conninfo("host"), "h");
	must_fail("config_substitution", "--config",
			  connector("\"database.password\":\"${env:ABSENT}\""), NULL);
	assert_has(err.text, "database.password");
}

/* ---- JSON ---- */

static void
test_comments(void **state)
{
	(void) state;
	must_load("--config",
			  put_file("k.json", "/* a\n b */ // c\n# d\n{" CLASS ", # e\n"
								 "\"topic.prefix\" /**/ : \"p\", /*/ f */\n"
								 "\"table.include.list\":"
								 "\"a#b//c/*d*/\\\"# \" // g"
								 "\n}// h"),
			  NULL);
	assert_string_equal(cfg.topic_prefix, "p");
	assert_string_equal(cfg.table_include, "a#b//c/*d*/\"#");
}

static void
test_bad_json(void **state)
{
	static const struct
	{
		const char *text;
		const char *code;
		const char *part;
	} rows[] = {
		{"{\n/* never closed\n\n", "config_syntax", "line 2"},
		{"{\"a\": /*", "config_syntax", "comment is not closed"},
		{"{\"a\": /", "config_syntax", "line 1"},
		{"{\"a\":\n\"open\n}", "config_syntax", "line 2"},
		{"{\"a\":\"open\\", "config_syntax", "line 1"},
		{"{" CLASS "\n\"lost\":\"comma\"}", "config_syntax", "line 2"},
		{"{" CLASS ",\n\"a\":\"1\",\n\n\"a\":\"2\"}", "config_duplicate",
		 "in line 2 and in line 4"},
		{"{\"config\":{" CLASS ",\"a\":[1]}}", "config_syntax", "\"a\""},
		{"{" CLASS ",\"a\":{\"b\":\"c\"}}", "config_syntax", "\"a\""},
		{"{" CLASS ",\"a\":\"\\u0000\"}", "config_syntax", "line 1"},
		{"{", "config_syntax", "line 1"},
		{"{}}", "config_syntax", "line 1"},
		{"{}", "config_file", "connector.class"},
		{"{\"config\":{}}", "config_file", "connector.class"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		must_fail(rows[i].code, "--config", put_file("b.json", rows[i].text),
				  NULL);
		assert_has(err.text, rows[i].part);
	}
	/* what stands near a mistake may be a password */
	must_fail("config_syntax", "--config",
			  put_file("pw.json", "{\"database.password\":\"hush\" \"x\":1}"),
			  NULL);
	assert_null(strstr(err.text, "hush"));
	must_fail("config_file", "--config",
			  put_file_n("nul.json", "{\"a\0\":1}", 8), NULL);
}

static void
test_hostile_json(void **state)
{
	size_t n = 1024 * 1024;
	char *text = malloc(3 * n + 1000);
	char *p;

	(void) state;
	memset(text, '[', n);
	text[0] = '{';
	text[n] = '\0';
	must_fail("config_syntax", "--config", put_file("deep.json", text), NULL);
	assert_has(err.text, "nested");
	memset(text, '/', n);
	memcpy(text, "{/*", 3);
	must_fail("config_syntax", "--config", put_file("long.json", text), NULL);
	/* many names: no quadratic work in them */
	p = text + sprintf(text, "{" CLASS);
	for (int i = 0; i < 50000; i++)
		p += sprintf(p, ",\n\"kafka.x%d\":\"\"", i);
	strcpy(p, ",\n\"kafka.x7\":\"\"}");
	must_fail("config_duplicate", "--config", put_file("many.json", text),
			  NULL);
	assert_has(err.text, "in line 9 and in line 50002");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		config_test(test_pipeline_a),
		config_test(test_pipeline_a_alone),
		config_test(test_order_of_files),
		config_test(test_class),
		config_test(test_old_spellings),
		config_test(test_verdicts),
		config_test(test_producer_override),
		config_test(test_substitution),
		config_test(test_comments),
		config_test(test_bad_json),
		config_test(test_hostile_json),
		config_test(test_signal_consumer),
		config_test(test_signal_consumer_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
