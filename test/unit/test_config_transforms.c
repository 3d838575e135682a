/*
 * test_config_transforms.c
 *		A connector's transforms and predicates, to steps of the decoder.
 */
#include "config_testing.h"

#define CONNECT	 "org.apache.kafka.connect.transforms."
#define DEBEZIUM "io.debezium.transforms."
#define UNWRAP_U "\"transforms.u.type\":\"" DEBEZIUM "ExtractNewRecordState\""

/* Fails with a message that has the text. */
#define must_refuse(part_, json)                                               \
	do                                                                         \
	{                                                                          \
		assert_false(load("--config", (json), NULL));                          \
		assert_has(err.text, (part_));                                         \
	} while (0)

/* The steps of a connector whose only transform "t" has these properties. */
static const char *
steps_of(const char *properties)
{
	char text[3000];

	snprintf(text, sizeof(text), "\"transforms\":\"t\",%s", properties);
	must_load("--config", connector(text), NULL);
	return cfg.transforms;
}

static const char *
steps_of_list(const char *properties)
{
	must_load("--config", connector(properties), NULL);
	return cfg.transforms;
}

static void
test_routers(void **state)
{
	(void) state;
	assert_string_equal(
		steps_of("\"transforms.t.type\":\"" CONNECT "RegexRouter\","
				 "\"transforms.t.regex\":\"([^.]+)\\\\.([^.]+)\","
				 "\"transforms.t.replacement\":\"$2 x;%\""),
		"regex-router alias=t regex=([^.]+)%5C.([^.]+) "
		"replacement=$2%20x%3B%25");
	assert_string_equal(
		steps_of("\"transforms.t.type\":\"" DEBEZIUM "ByLogicalTableRouter\","
				 "\"transforms.t.topic.regex\":\"(.*)\","
				 "\"transforms.t.topic.replacement\":\"all\","
				 "\"transforms.t.key.enforce.uniqueness\":\"false\","
				 "\"transforms.t.logical.table.cache.size\":\"99\""),
		"logical-router alias=t topic.regex=(.*) topic.replacement=all "
		"key.enforce.uniqueness=false");
	must_refuse("needs transforms.t.replacement",
				connector("\"transforms\":\"t\",\"transforms.t.type\":"
						  "\"" CONNECT "RegexRouter\","
						  "\"transforms.t.regex\":\"a\""));
}

static void
test_fields(void **state)
{
	(void) state;
	assert_string_equal(
		steps_of("\"transforms.t.type\":\"" CONNECT "ReplaceField$Value\","
				 "\"transforms.t.blacklist\":\"a, b\","
				 "\"transforms.t.renames\":\"c:d\","
				 "\"transforms.t.replace.null.with.default\":\"false\""),
		"replace-field alias=t of=value exclude=a,%20b renames=c:d");
	assert_string_equal(
		steps_of("\"transforms.t.type\":\"" CONNECT "InsertField$Key\","
				 "\"transforms.t.static.field\":\"f!\","
				 "\"transforms.t.static.value\":\"v\""),
		"insert-field alias=t of=key static.field=f! static.value=v");
	assert_string_equal(steps_of("\"transforms.t.type\":\"InsertHeader\","
								 "\"transforms.t.header\":\"h\","
								 "\"transforms.t.value.literal\":\"v\""),
						"insert-header alias=t header=h value.literal=v");
	assert_string_equal(steps_of("\"transforms.t.type\":\"" CONNECT
								 "Cast$Value\","
								 "\"transforms.t.spec\":\"a:string\""),
						"cast alias=t of=value spec=a:string");
	must_refuse("offset.field=o of the transform \"t\" cannot be honoured",
				connector("\"transforms\":\"t\",\"transforms.t.type\":"
						  "\"" CONNECT "InsertField$Value\","
						  "\"transforms.t.offset.field\":\"o\""));
}

static void
test_chain(void **state)
{
	(void) state;
	/* alone, it is a format */
	assert_string_equal(steps_of_list("\"transforms\":\"u\"," UNWRAP_U), "");
	assert_string_equal(
		steps_of_list("\"transforms\":\"u, k ,x\"," UNWRAP_U
					  ",\"transforms.k.type\":\"" CONNECT "ValueToKey\","
					  "\"transforms.k.fields\":\"id\","
					  "\"transforms.x.type\":\"" CONNECT "ExtractField$Key\","
					  "\"transforms.x.field\":\"id\""),
		"unwrap alias=u; value-to-key alias=k fields=id; "
		"extract-key alias=x field=id");
}

static void
test_predicates(void **state)
{
	(void) state;
	assert_string_equal(
		steps_of_list("\"transforms\":\"o,u\"," UNWRAP_U
					  ",\"transforms.o.type\":\"" DEBEZIUM
					  "outbox.EventRouter\","
					  "\"transforms.o.predicate\":\"isOutbox\","
					  "\"transforms.u.predicate\":\"isOutbox\","
					  "\"transforms.u.negate\":\"true\","
					  "\"predicates\":\"isOutbox\","
					  "\"predicates.isOutbox.type\":\"" CONNECT
					  "predicates.TopicNameMatches\","
					  "\"predicates.isOutbox.pattern\":\".*outbox\""),
		"outbox alias=o if.topic=.*outbox; unwrap alias=u if.topic=.*outbox "
		"if.not=true");
	assert_string_equal(
		steps_of("\"transforms.t.type\":\"" CONNECT "ValueToKey\","
				 "\"transforms.t.fields\":\"id\","
				 "\"transforms.t.predicate\":\"p\","
				 "\"transforms.t.negate\":\"true\","
				 "\"predicates\":\"p\",\"predicates.p.type\":\"" CONNECT
				 "predicates.RecordIsTombstone\""),
		"value-to-key alias=t if.tombstone=true if.not=true fields=id");
	must_refuse("\"q\" of the transform \"t\" has no type",
				connector("\"transforms\":\"t\",\"transforms.t.type\":"
						  "\"" CONNECT "ValueToKey\","
						  "\"transforms.t.fields\":\"id\","
						  "\"transforms.t.predicate\":\"q\""));
	must_refuse("form of a single record",
				connector("\"transforms\":\"u\"," UNWRAP_U
						  ",\"transforms.u.predicate\":\"p\","
						  "\"predicates.p.type\":\"" CONNECT
						  "predicates.RecordIsTombstone\""));
}

static void
test_refused(void **state)
{
	static const char *const classes[] = {
		DEBEZIUM "Filter", DEBEZIUM "ContentBasedRouter", CONNECT "Filter",
		CONNECT "Flatten$Value", "com.example.Mine"};

	(void) state;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
	{
		char text[300];
		char wanted[200];

		snprintf(text, sizeof(text),
				 "\"transforms\":\"t\",\"transforms.t.type\":\"%s\"",
				 classes[i]);
		snprintf(wanted, sizeof(wanted), "\"t\" (%s) is not supported",
				 classes[i]);
		must_refuse(wanted, connector(text));
		assert_true(err.hint[0] != '\0');
	}
}

/* ---- ExtractNewRecordState, alone a form of the records ---- */

static void
test_transforms(void **state)
{
	const char *class = "io.debezium.transforms.ExtractNewRecordState";
	char more[800];

	(void) state;
	must_load("--config", connector(""), NULL);
	assert_string_equal(pair(&cfg.plugin, "format"), "envelope");
	snprintf(more, sizeof(more),
			 "\"transforms\":\" flat \",\"transforms.flat.type\":\"%s\","
			 "\"transforms.flat.add.fields\":\"op,source.ts_ms\","
			 "\"transforms.flat.add.headers\":\"db\","
			 "\"transforms.flat.add.fields.prefix\":\"\","
			 "\"transforms.flat.add.headers.prefix\":\"h_\","
			 "\"transforms.flat.ad.fields\":\"x\","
			 "\"transforms.route.regex\":\"x\"",
			 class);
	must_load("--config", connector(more), NULL);
	assert_string_equal(pair(&cfg.plugin, "format"), "flat");
	assert_string_equal(pair(&cfg.plugin, "add.fields"), "op,source.ts_ms");
	assert_string_equal(cfg.add_fields_prefix, "");
	assert_string_equal(pair(&cfg.plugin, "add.headers"), "db");
	assert_string_equal(pair(&cfg.plugin, "add.headers.prefix"), "h_");
	assert_int_equal(warnings("did you mean add.fields?"), 1);
	assert_int_equal(warnings("transforms.route.regex"), 1);
	must_fail("config_unsupported", "--config",
			  connector("\"transforms\":\"r\",\"transforms.r.type\":\"org."
						"apache.kafka.connect.transforms.Flatten$Value\""),
			  NULL);
	assert_has(err.text, "Flatten$Value");
	assert_has(err.text, "\"r\"");
	must_fail("config_missing", "--config", connector("\"transforms\":\"r\""),
			  NULL);
	must_fail("config_bad_value", "--config",
			  connector(UNWRAP ",\"transforms.unwrap.predicate\":\"p\""), NULL);
	must_fail("config_unsupported", "--config",
			  connector(UNWRAP ",\"transforms.unwrap.route.by.field\":\"f\""),
			  NULL);
}

static void
test_delete_modes(void **state)
{
	static const struct
	{
		const char *mode;
		const char *drop;
		const char *wanted;
	} rows[] = {
		{NULL, NULL, "tombstone"},
		{"rewrite", NULL, "rewrite"},
		{"rewrite", "true", "rewrite"},
		{"rewrite", "false", "rewrite-with-tombstone"},
		{"none", NULL, "tombstone"},
		{"none", "true", "tombstone"},
		{"none", "false", "tombstone-with-tombstone"},
		{"drop", NULL, "drop"},
		{"drop", "true", "drop"},
		{"drop", "false", "delete-to-tombstone"},
		{NULL, "true", "drop"},
		{NULL, "false", "delete-to-tombstone"},
		{"REWRITE", "False", "rewrite-with-tombstone"},
	};
	char more[600];

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		int n = snprintf(more, sizeof(more), "%s", UNWRAP);

		if (rows[i].mode != NULL)
			n += snprintf(more + n, sizeof(more) - (size_t) n,
						  ",\"transforms.unwrap.delete.handling.mode\":\"%s\"",
						  rows[i].mode);
		if (rows[i].drop != NULL)
			snprintf(more + n, sizeof(more) - (size_t) n,
					 ",\"transforms.unwrap.drop.tombstones\":\"%s\"",
					 rows[i].drop);
		must_load("--config", connector(more), NULL);
		assert_string_equal(pair(&cfg.plugin, "delete.tombstone.handling.mode"),
							rows[i].wanted);
	}
	must_load("--config",
			  connector(UNWRAP ",\"transforms.unwrap.drop.tombstones\":true,"
							   "\"transforms.unwrap.delete.tombstone.handling."
							   "mode\":\"rewrite\""),
			  NULL);
	assert_string_equal(pair(&cfg.plugin, "delete.tombstone.handling.mode"),
						"rewrite");
	assert_int_equal(warnings("drop.tombstones"), 1);
	must_fail(
		"config_bad_value", "--config",
		connector(UNWRAP ",\"transforms.unwrap.delete.handling.mode\":\"x\""),
		NULL);
	must_fail("config_bad_value", "--config",
			  connector(UNWRAP ",\"transforms.unwrap.drop.tombstones\":\"x\""),
			  NULL);
}

/* drop.fields.*: words of the step, if a header is named */
static void
test_drop_fields(void **state)
{
	(void) state;
	must_load(
		"--config",
		connector("\"transforms\":\"h,unwrap\","
				  "\"transforms.h.type\":\"InsertHeader\","
				  "\"transforms.h.header\":\"gone\","
				  "\"transforms.h.value.literal\":\"[\\\"a\\\"]\","
				  "\"transforms.unwrap.type\":\"io.debezium.transforms."
				  "ExtractNewRecordState\","
				  "\"transforms.unwrap.drop.fields.header.name\":\"gone\","
				  "\"transforms.unwrap.drop.fields.from.key\":true"),
		NULL);
	assert_non_null(strstr(pair(&cfg.plugin, "transforms"),
						   "unwrap alias=unwrap drop.fields.header.name=gone "
						   "drop.fields.from.key=true"));
	must_load(
		"--config",
		connector(UNWRAP ",\"transforms.unwrap.drop.fields.from.key\":true"),
		NULL);
	assert_string_equal(pair(&cfg.plugin, "transforms"), "(none)");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		config_test(test_routers),		config_test(test_fields),
		config_test(test_chain),		config_test(test_predicates),
		config_test(test_refused),		config_test(test_transforms),
		config_test(test_delete_modes), config_test(test_drop_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
