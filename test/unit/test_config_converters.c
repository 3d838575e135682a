/*
 * test_config_converters.c
 *		Converters of keys, values and headers, of a connector or its worker.
 */
#include "config_testing.h"

#define JSON_CONVERTER "org.apache.kafka.connect.json.JsonConverter"
#define OUTBOX                                                                 \
	"\"transforms\":\"o\",\"transforms.o.type\":\"io.debezium.transforms."     \
	"outbox.EventRouter\""
#define CLOUDEVENTS                                                            \
	"\"value.converter\":\"io.debezium.converters.CloudEventsConverter\""

static const char worker[] = "bootstrap.servers=k1:9092,k2:9092\n"
							 "key.converter=" JSON_CONVERTER "\n"
							 "value.converter=" JSON_CONVERTER "\n"
							 "key.converter.schemas.enable=false\n"
							 "value.converter.schemas.enable=false\n";

static void
test_converters(void **state)
{
	const char *props = put_file("worker.properties", worker);

	(void) state;
	/* the connector's own converter comes with its own settings */
	must_load("--config", props, "--config",
			  connector("\"value.converter\":\"" JSON_CONVERTER "\""), NULL);
	assert_true(cfg.value_schemas);
	assert_false(cfg.key_schemas);
	must_load("--config", props, "--config",
			  connector("\"value.converter\":\"" JSON_CONVERTER "\","
						"\"value.converter.schemas.enable\":false"),
			  NULL);
	assert_false(cfg.value_schemas);
	/* a setting without its class is not looked at by Connect ... */
	must_load("--config", props, "--config",
			  connector("\"value.converter.schemas.enable\":true"), NULL);
	assert_false(cfg.value_schemas);
	assert_int_equal(warnings("value.converter.schemas.enable"), 1);
	/* ... but without a worker it can only be meant */
	must_load("--config",
			  connector("\"value.converter.schemas.enable\":\"false\","
						"\"key.converter.schemas.enable\":\"false\""),
			  NULL);
	assert_false(cfg.value_schemas);
	assert_false(cfg.key_schemas);
	assert_int_equal(warnings("no converter"), 0);
	must_load("--value.schemas.enable=true", "--config", props, NULL);
	assert_true(cfg.value_schemas);
	must_fail("config_unsupported", "--config",
			  connector("\"value.converter\":"
						"\"io.confluent.connect.avro.AvroConverter\""),
			  NULL);
	assert_has(err.text, "AvroConverter");
	assert_has(err.hint, "JsonConverter");
	must_fail("config_unsupported", "--config",
			  connector("\"value.converter\":"
						"\"io.confluent.connect.protobuf.ProtobufConverter\""),
			  NULL);
	assert_has(err.text, "not supported yet");
	must_fail("config_unsupported", "--config",
			  connector("\"key.converter\":"
						"\"io.confluent.connect.json.JsonSchemaConverter\""),
			  NULL);
	assert_has(err.text, "JsonSchemaConverter");
	must_load("--config",
			  connector("\"key.converter\":"
						"\"org.apache.kafka.connect.storage.StringConverter\""),
			  NULL);
	assert_string_equal(pair(&cfg.plugin, "key.format"), "string");
	assert_string_equal(pair(&cfg.plugin, "key.schemas.enable"), "false");
	setenv("CONNECT_KEY_CONVERTER", "io.apicurio.registry.X", 1);
	must_fail("config_unsupported", "--config", connector(""), NULL);
	assert_has(err.detail, "CONNECT_KEY_CONVERTER");
	unsetenv("CONNECT_KEY_CONVERTER");
	must_load("--config",
			  connector("\"value.converter\":\"" JSON_CONVERTER "\","
						"\"value.converter.decimal.format\":\"NUMERIC\""),
			  NULL);
	assert_string_equal(pair(&cfg.plugin, "decimal.format"), "numeric");
	assert_string_equal(pair(&cfg.plugin, "key.decimal.format"), "base64");
	must_fail("config_bad_value", "--config",
			  connector("\"value.converter.schemas.enable\":\"perhaps\""),
			  NULL);
}

/* values that are no JSON, of events */
static void
test_event_values(void **state)
{
	static const char *const converters[][2] = {
		{"org.apache.kafka.connect.storage.StringConverter", "string"},
		{"org.apache.kafka.connect.converters.ByteArrayConverter", "bytes"},
		{"io.debezium.converters.BinaryDataConverter", "bytes"},
	};
	char more[1024];

	(void) state;
	for (size_t i = 0; i < sizeof(converters) / sizeof(converters[0]); i++)
	{
		snprintf(more, sizeof(more), OUTBOX ",\"value.converter\":\"%s\"",
				 converters[i][0]);
		must_load("--config", connector(more), NULL);
		assert_string_equal(pair(&cfg.plugin, "value.format"),
							converters[i][1]);
		assert_false(cfg.value_schemas);
		assert_int_equal(warnings("delegate.converter.type"), i > 0);
		snprintf(more, sizeof(more), "\"value.converter\":\"%s\"",
				 converters[i][0]);
		must_fail("config_unsupported", "--config", connector(more), NULL);
		assert_has(err.text, "outbox");
	}
	must_load(
		"--config",
		connector(
			OUTBOX
			",\"value.converter\":\"io.debezium.converters.BinaryDataConverter\","
			"\"value.converter.delegate.converter.type\":\"" JSON_CONVERTER
			"\""),
		NULL);
	assert_true(cfg.value_schemas);
	assert_int_equal(warnings("delegate.converter.type"), 0);
}

static void
test_cloudevents(void **state)
{
	/* property, value, part of the error */
	static const char *const refused[][3] = {
		{"serializer.type", "avro", "schema registry"},
		{"data.serializer.type", "avro", "schema registry"},
		{"opentelemetry.tracing.attributes.enable", "true", "traceparent"},
		{"metadata.source", "header,id:generate", "source and op"},
		{"metadata.source", "value, id:header", "headers in JSON"},
		{"metadata.source", "value,op:header", "begin it with value"},
	};
	char more[1024];

	(void) state;
	must_load("--config", connector(CLOUDEVENTS), NULL);
	assert_string_equal(pair(&cfg.plugin, "format"), "cloudevents");
	assert_true(cfg.value_schemas);
	must_load(
		"--config",
		connector(
			CLOUDEVENTS
			",\"value.converter.json.schemas.enable\":\"false\","
			"\"value.converter.json.decimal.format\":\"NUMERIC\","
			"\"value.converter.json.replace.null.with.default\":\"false\","
			"\"value.converter.extension.attributes.enable\":\"false\","
			"\"value.converter.schema.cloudevents.name\":\"e\","
			"\"value.converter.metadata.source\":"
			"\"value, id:generate,type:generate,traceparent:header\""),
		NULL);
	assert_false(cfg.value_schemas);
	assert_string_equal(pair(&cfg.plugin, "decimal.format"), "numeric");
	assert_string_equal(pair(&cfg.plugin, "replace.null.with.default"),
						"false");
	assert_string_equal(pair(&cfg.plugin, "extension.attributes.enable"),
						"false");
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
	{
		snprintf(more, sizeof(more),
				 CLOUDEVENTS ",\"value.converter.%s\":\"%s\"", refused[i][0],
				 refused[i][1]);
		must_fail("config_unsupported", "--config", connector(more), NULL);
		assert_has(err.text, refused[i][0]);
		assert_has(err.text, refused[i][2]);
	}
	must_load(
		"--config",
		connector(CLOUDEVENTS
				  ",\"header.converter\":\"org.apache.kafka.connect.json."
				  "JsonConverter\",\"value.converter.metadata.source\":"
				  "\"value,id:header, type:header,dataSchemaName:header\""),
		NULL);
	assert_string_equal(pair(&cfg.plugin, "metadata.headers"), "id,type");
	must_load(
		"--config",
		connector(CLOUDEVENTS
				  ",\"header.converter\":\"org.apache.kafka.connect.json."
				  "JsonConverter\",\"value.converter.metadata.source\":"
				  "\"value,id:generate,dataSchemaName:header\",\"value."
				  "converter.schema.data.name.source.header.enable\":\"true\""),
		NULL);
	assert_string_equal(pair(&cfg.plugin, "metadata.headers"),
						"dataSchemaName");
	/* what is no envelope is no event */
	snprintf(more, sizeof(more), "%s," CLOUDEVENTS, UNWRAP);
	must_fail("config_unsupported", "--config", connector(more), NULL);
	assert_has(err.text, "ExtractNewRecordState");
	must_fail(
		"config_unsupported", "--config",
		connector("\"transforms\":\"o\",\"transforms.o.type\":\"io."
				  "debezium.transforms.outbox.EventRouter\"," CLOUDEVENTS),
		NULL);
	assert_has(err.text, "outbox");
	/* of keys nothing is made of it */
	must_fail("config_unsupported", "--config",
			  connector("\"key.converter\":\"io.debezium.converters."
						"CloudEventsConverter\""),
			  NULL);
}

static void
test_null_defaults(void **state)
{
	static const char transform[] =
		",\"transforms.unwrap.replace.null.with.default\":false";
	static const char converter[] =
		",\"value.converter\":\"" JSON_CONVERTER "\","
		"\"value.converter.replace.null.with.default\":false";
	char more[800];

	(void) state;
	must_load("--config", connector(UNWRAP), NULL);
	assert_true(cfg.null_defaults);
	snprintf(more, sizeof(more), "%s%s", UNWRAP, transform);
	must_load("--config", connector(more), NULL);
	assert_true(cfg.null_defaults);
	assert_int_equal(warnings("replace.null.with.default"), 1);
	snprintf(more, sizeof(more), "%s%s", UNWRAP, converter);
	must_load("--config", connector(more), NULL);
	assert_true(cfg.null_defaults);
	snprintf(more, sizeof(more), "%s%s%s", UNWRAP, transform, converter);
	must_load("--config", connector(more), NULL);
	assert_false(cfg.null_defaults);
	must_load("--config", connector(converter + 1), NULL);
	assert_false(cfg.null_defaults);
}

/* header.converter, of the connector or of the worker */
static void
test_header_converter(void **state)
{
	static const struct
	{
		const char *properties;
		const char *format;
		const char *schemas;
	} cases[] = {
		{"\"header.converter.schemas.enable\":true", "simple", "false"},
		{"\"header.converter\":"
		 "\"org.apache.kafka.connect.storage.StringConverter\"",
		 "string", "false"},
		{"\"header.converter\":\"" JSON_CONVERTER "\"", "json", "true"},
		{"\"header.converter\":\"JsonConverter\","
		 "\"header.converter.schemas.enable\":false",
		 "json", "false"},
	};
	const char *props = put_file("headers.properties",
								 "bootstrap.servers=k:9092\n"
								 "key.converter=" JSON_CONVERTER "\n"
								 "header.converter=" JSON_CONVERTER "\n"
								 "header.converter.schemas.enable=false\n");

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		must_load("--config", connector(cases[i].properties), NULL);
		assert_string_equal(pair(&cfg.plugin, "header.format"),
							cases[i].format);
		assert_string_equal(pair(&cfg.plugin, "header.schemas.enable"),
							cases[i].schemas);
	}
	must_load("--config", props, "--config",
			  connector("\"header.converter.schemas.enable\":true"), NULL);
	assert_string_equal(pair(&cfg.plugin, "header.format"), "json");
	assert_string_equal(pair(&cfg.plugin, "header.schemas.enable"), "false");
	must_load("--config", props, "--config", connector(cases[1].properties),
			  NULL);
	assert_string_equal(pair(&cfg.plugin, "header.format"), "string");
	must_fail("config_unsupported", "--config",
			  connector("\"header.converter\":\"org.apache.kafka.connect."
						"converters.ByteArrayConverter\""),
			  NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		config_test(test_converters),		config_test(test_event_values),
		config_test(test_cloudevents),		config_test(test_null_defaults),
		config_test(test_header_converter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
