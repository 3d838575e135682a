/*
 * test_config.c
 *		Native settings: where they come from and in which order, what is shown of
 *		them; and that the plugin has the same.
 */
#include "config_testing.h"

#include <jansson.h>

#include "commands.h"

/* ---- sources ---- */

static void
test_defaults(void **state)
{
	(void) state;
	must_load(NULL);
	assert_string_equal(cfg.slot_name, "tuplecast");
	assert_string_equal(cfg.topic_prefix, "");
	assert_int_equal(cfg.queue_bytes, 8388608);
	assert_true(cfg.identity_headers);
	assert_false(cfg.connector_json);
	assert_string_equal(pair(&cfg.plugin, "format"), "flat");
	assert_string_equal(pair(&cfg.plugin, "decimal.handling.mode"), "string");
	assert_string_equal(pair(&cfg.plugin, "value.schemas.enable"), "false");
	assert_string_equal(pair(&cfg.plugin, "connector.compat"), "false");
	/* empty ones are left out, and so is what is the shipper's */
	assert_string_equal(pair(&cfg.plugin, "table.include.list"), "(none)");
	assert_string_equal(pair(&cfg.plugin, "topic.prefix"), "(none)");
	assert_string_equal(pair(&cfg.plugin, "slot.name"), "(none)");
	assert_null(*config_warnings(&cfg));
}

static void
test_precedence(void **state)
{
	const char *a = NULL;
	const char *b = NULL;

	(void) state;
	a = put_file("a.properties", "topic.prefix=from-a\nslot.name=slot_a\n"
								 "log.level=debug\nhttp.listen=off\n");
	b = put_file("b.properties", "topic.prefix = from-b\nslot.name: slot_b\n"
								 "log.level warn\n");
	must_load("--config", a, NULL);
	assert_string_equal(cfg.topic_prefix, "from-a");
	must_load("--config", a, "--config", b, NULL);
	assert_string_equal(cfg.topic_prefix, "from-b");
	assert_string_equal(cfg.http_listen, "off");
	must_load("--config", b, "--config", a, NULL);
	assert_string_equal(cfg.topic_prefix, "from-a");
	setenv("TUPLECAST_TOPIC_PREFIX", "from-env", 1);
	setenv("TUPLECAST_SLOT_NAME", "slot_env", 1);
	must_load("--config", b, NULL);
	assert_string_equal(cfg.topic_prefix, "from-env");
	assert_string_equal(cfg.slot_name, "slot_env");
	assert_int_equal(cfg.log_level, 2);
	/* wherever the file stands, the command line wins */
	must_load("--topic.prefix=from-argv", "--config", b, NULL);
	assert_string_equal(cfg.topic_prefix, "from-argv");
	must_load("--prefix", "short", NULL);
	assert_string_equal(cfg.topic_prefix, "short");
	/* of two on the command line, the later */
	must_load("--prefix", "one", "--topic.prefix", "two", NULL);
	assert_string_equal(cfg.topic_prefix, "two");
}

/* Files are refused where they are not UTF-8; so is the rest. */
static void
test_utf8(void **state)
{
	(void) state;
	must_fail("config_substitution", "--topic.prefix", "p\xff", NULL);
	assert_has(err.text, "not UTF-8");
	must_fail("config_substitution", "--kafka.\xe9", "x", NULL);
	setenv("TUPLECAST_SLOT_NAME", "\xc3", 1);
	must_fail("config_substitution", "--topic.prefix", "p", NULL);
	unsetenv("TUPLECAST_SLOT_NAME");
	setenv("LATIN1", "caf\xe9", 1);
	must_fail("config_substitution", "--database.dbname", "${env:LATIN1}",
			  NULL);
	must_load("--database.dbname", "caf\xc3\xa9", NULL);
}

static void
test_environment(void **state)
{
	(void) state;
	setenv("TUPLECAST_CONFIG",
		   put_file("c.properties", "topic.prefix=file\nkafka.linger.ms=7\n"),
		   1);
	setenv("TUPLECAST_KAFKA_BOOTSTRAP_SERVERS", "k:9092", 1);
	setenv("TUPLECAST_KAFKA_CLIENT_ID", "me", 1);
	setenv("TUPLECAST_TOPIC_CREATION_DEFAULT_PARTITIONS", "6", 1);
	/* as compose files leave a thing out */
	setenv("TUPLECAST_DATABASE_PORT", "", 1);
	/* as Kubernetes sets them for a service called tuplecast */
	setenv("TUPLECAST_SERVICE_HOST", "10.0.0.1", 1);
	setenv("TUPLECAST_SERVICE_PORT_HTTP", "9847", 1);
	setenv("TUPLECAST_PORT", "tcp://10.0.0.1:9847", 1);
	setenv("TUPLECAST_PORT_9847_TCP_ADDR", "10.0.0.1", 1);
	must_load(NULL);
	assert_string_equal(cfg.topic_prefix, "file");
	assert_string_equal(cfg.kafka_bootstrap, "k:9092");
	assert_string_equal(pair(&cfg.kafka, "linger.ms"), "7");
	assert_string_equal(pair(&cfg.kafka, "client.id"), "me");
	assert_string_equal(pair(&cfg.topic_creation, "partitions"), "6");
	assert_int_equal(cfg.database_port, 5432);
	/* --config takes the place of TUPLECAST_CONFIG */
	must_load("--config", put_file("d.properties", "slot.name=d\n"), NULL);
	assert_string_equal(cfg.topic_prefix, "");
	setenv("TUPLECAST_TABEL_INCLUDE_LIST", "public.a", 1);
	must_fail("config_unknown_option", NULL);
	assert_has(err.text, "TUPLECAST_TABEL_INCLUDE_LIST");
	assert_has(err.hint, "TUPLECAST_TABLE_INCLUDE_LIST");
}

static void
test_arguments(void **state)
{
	(void) state;
	must_load("--source", "postgres://h/d", "--kafka=a:1,b:2",
			  "--publish.via.partition.root", "--tombstones.on.delete", "no",
			  "--kafka.linger.ms=5", "--format=ENVELOPE", "--config",
			  put_file("e.properties", ""), NULL);
	assert_string_equal(cfg.kafka_bootstrap, "a:1,b:2");
	assert_true(cfg.via_root);
	assert_false(cfg.tombstones_on_delete);
	assert_string_equal(pair(&cfg.plugin, "tombstones.on.delete"), "false");
	assert_string_equal(pair(&cfg.plugin, "format"), "envelope");
	assert_string_equal(pair(&cfg.kafka, "linger.ms"), "5");
	must_fail("config_argument", "--slot.name", NULL);
	must_fail("config_argument", "--slot.name", "--prefix", "x", NULL);
	must_fail("config_argument", "stray", NULL);
	must_fail("config_argument", "--", NULL);
	must_fail("config_unknown_option", "--=x", NULL);
	must_fail("config_unknown_option", "--sorce=x", NULL);
	assert_has(err.hint, "--source");
	must_fail("config_unknown_option", "--topic.prefx=x", NULL);
	assert_has(err.hint, "--topic.prefix");
	must_fail("config_unknown_option", "--zzzzzzzzzz=x", NULL);
	assert_null(strstr(err.hint, "mean"));
}

static void
test_take_flag(void **state)
{
	char *argv[] = {"--json", "--prefix", "p", "--json"};
	int argc = 4;

	(void) state;
	assert_true(command_take_flag(&argc, argv, "--json"));
	assert_int_equal(argc, 2);
	assert_string_equal(argv[1], "p");
	assert_false(command_take_flag(&argc, argv, "--json"));
}

static void
test_take_value(void **state)
{
	char *argv[] = {"--from",	"a",		"--fromage",
					"--from=b", "--prefix", "--from"};
	int argc = 6;

	(void) state;
	assert_string_equal(command_take_value(&argc, argv, "--from"), "a");
	/* one at a time: of the rest config_load() says that it is not known */
	assert_string_equal(command_take_value(&argc, argv, "--from"), "b");
	assert_int_equal(argc, 3);
	assert_string_equal(command_take_value(&argc, argv, "--from"), "");
	assert_int_equal(argc, 2);
	assert_string_equal(argv[0], "--fromage");
	assert_string_equal(argv[1], "--prefix");
	assert_null(command_take_value(&argc, argv, "--from"));
}

/* ---- files ---- */

static void
test_properties(void **state)
{
	(void) state;
	must_load("--config",
			  put_file("p.properties",
					   "\xef\xbb\xbf# comment \\\n"
					   "! another\n"
					   "\n"
					   "  topic.prefix = a.b  \r\n"
					   "table.include.list=public\\\\.users,\\\n"
					   "      public\\\\.orders\n"
					   "add.fields.prefix=\\u00e9\\uD83D\\uDE00\\t\n"
					   "message.key.columns=t\\:id"),
			  NULL);
	assert_string_equal(cfg.topic_prefix, "a.b");
	assert_string_equal(cfg.table_include, "public\\.users,public\\.orders");
	assert_string_equal(cfg.add_fields_prefix, "\xc3\xa9\xf0\x9f\x98\x80\t");
	assert_string_equal(cfg.message_key_columns, "t:id");
	assert_int_equal(warnings("backslash"), 0);
	/* Java eats this backslash, so a person should know */
	must_load("--config",
			  put_file("q.properties", "table.include.list=a\\.b\n"), NULL);
	assert_string_equal(cfg.table_include, "a.b");
	assert_int_equal(warnings("q.properties, line 1"), 1);
}

static void
test_bad_properties(void **state)
{
	(void) state;
	must_fail("config_duplicate", "--config",
			  put_file("dup", "slot.name=a\n\nsink=kafka\nslot.name=b\n"),
			  NULL);
	assert_has(err.text, "\"slot.name\"");
	assert_has(err.text, "line 1");
	assert_has(err.text, "line 4");
	must_fail("config_syntax", "--config", put_file("s", "a=\\\n\nword\n"),
			  NULL);
	assert_has(err.text, "line 3");
	must_fail("config_syntax", "--config", put_file("u", "slot.name=\\u00g1"),
			  NULL);
	must_fail("config_syntax", "--config", put_file("v", "slot.name=\\u0000"),
			  NULL);
	must_fail("config_syntax", "--config", put_file("w", "slot.name=\\ud800"),
			  NULL);
	must_fail("config_file", "--config",
			  put_file_n("n", "slot.name=a\nslot\0.x=1\n", 23), NULL);
	assert_has(err.text, "line 2");
	assert_has(err.text, "NUL");
	must_fail("config_file", "--config", put_file("x", "slot.name=\xff\n"),
			  NULL);
	assert_has(err.text, "UTF-8");
	must_fail("config_file", "--config", "/nonexistent/file", NULL);
	assert_has(err.text, "No such file");
	must_fail("config_file", "--config", "/tmp", NULL);
	must_fail("config_unknown_option", "--config",
			  put_file("y", "slot.nmae=a\n"), NULL);
	assert_has(err.detail, "y:1");
	assert_has(err.hint, "slot.name");
	/* a property of Debezium's that makes sense only in a connector's file */
	must_fail("config_unknown_option", "--config",
			  put_file("z", "max.batch.size=1\n"), NULL);
	assert_has(err.hint, "queue.max.bytes");
	must_fail("config_unknown_option", "--config",
			  put_file("aa", "table.whitelist=x\n"), NULL);
	assert_has(err.hint, "table.include.list");
	must_fail("config_unsupported", "--config",
			  put_file("bb", "debezium.source.topic.prefix=x\n"), NULL);
}

static void
test_huge_input(void **state)
{
	size_t n = 1024 * 1024;
	char *text = malloc(n + 100);
	char *p;

	(void) state;
	/* one line of 1 MB is unusual, not wrong */
	p = text + sprintf(text, "table.include.list=");
	memset(p, 'a', n);
	strcpy(p + n, "\n");
	must_load("--config", put_file("big", text), NULL);
	assert_int_equal(strlen(cfg.table_include), n);
	/* the same as an unknown name must give a message, not more */
	memset(text, 'a', n);
	strcpy(text + n, "=1\n");
	must_fail("config_unknown_option", "--config", put_file("big2", text),
			  NULL);
	memset(text, '\n', n);
	text[n] = '\0';
	must_load("--config", put_file("lines", text), NULL);
	memset(text, '\\', n);
	must_fail("config_syntax", "--config", put_file("slashes", text), NULL);
	free(text);
	n = 5 * 1024 * 1024;
	text = malloc(n);
	memset(text, '#', n);
	must_fail("config_file", "--config", put_file_n("huge", text, n), NULL);
	assert_has(err.text, "larger");
	free(text);
}

/* ---- substitution ---- */

static void
test_substitution(void **state)
{
	char text[1000];

	(void) state;
	setenv("NAME", "cust", 1);
	setenv("NESTED", "${env:NAME}", 1);
	put_file("pw", "s3cret\n");
	put_file("db.properties", "user = me\npassword=p\\u0020w\n");
	snprintf(text, sizeof(text),
			 "topic.prefix=x-${env:NAME}-${env:NAME}\n"
			 "database.password=${file:%s/pw}\n"
			 "database.user=${file:%s/db.properties:user}\n"
			 "database.dbname=${dir:%s:pw}\n"
			 "add.fields.prefix=${env:NESTED}\n"
			 "message.key.columns=a$1 ${2} $ ${} ${x} $\n",
			 test_dir, test_dir, test_dir);
	must_load("--config", put_file("s.properties", text), NULL);
	assert_string_equal(cfg.topic_prefix, "x-cust-cust");
	assert_string_equal(cfg.database_password, "s3cret");
	assert_string_equal(cfg.database_user, "me");
	assert_string_equal(cfg.database_dbname, "s3cret");
	/* what is put in is not looked at again */
	assert_string_equal(cfg.add_fields_prefix, "${env:NAME}");
	/* what only looks like it stays */
	assert_string_equal(cfg.message_key_columns, "a$1 ${2} $ ${} ${x} $");
	must_load("--prefix=${env:NAME}", NULL);
	assert_string_equal(cfg.topic_prefix, "cust");
}

static void
test_bad_substitution(void **state)
{
	char text[300];

	(void) state;
	must_fail("config_substitution", "--prefix=${env:ABSENT}", NULL);
	assert_has(err.text, "--prefix");
	assert_has(err.text, "ABSENT");
	must_fail("config_substitution", "--prefix=${file:/nonexistent}", NULL);
	assert_has(err.detail, "No such file");
	must_fail("config_substitution", "--prefix=${vault:x}", NULL);
	assert_has(err.text, "vault");
	must_fail("config_substitution", "--prefix=${dir:/tmp:../etc/passwd}",
			  NULL);
	must_fail("config_substitution", "--prefix=${dir:/tmp}", NULL);
	put_file("k.properties", "a=1\n");
	snprintf(text, sizeof(text), "--prefix=${file:%s/k.properties:b}",
			 test_dir);
	must_fail("config_substitution", text, NULL);
	assert_has(err.text, "no key \"b\"");
}

/* ---- what run needs ---- */

static void
test_require_run(void **state)
{
	(void) state;
	must_load(NULL);
	assert_false(config_require_run(&cfg, &err));
	assert_string_equal(err.code, "config_missing");
	assert_has(err.text, "source.url");
	assert_has(err.hint, "--source");
	assert_has(err.hint, "TUPLECAST_SOURCE_URL");
	must_load("--source=postgres://h/d", NULL);
	assert_false(config_require_run(&cfg, &err));
	assert_has(err.text, "kafka.bootstrap.servers");
	assert_has(err.hint, "--kafka");
	assert_has(err.hint, "TUPLECAST_KAFKA_BOOTSTRAP_SERVERS");
	must_load("--source=postgres://h/d", "--kafka=k:1", NULL);
	assert_false(config_require_run(&cfg, &err));
	assert_has(err.text, "topic.prefix");
	assert_has(err.hint, "TUPLECAST_TOPIC_PREFIX");
	must_load("--source=postgres://h/d", "--sink=stdout", "--prefix=a b", NULL);
	assert_false(config_require_run(&cfg, &err));
	assert_string_equal(err.code, "config_bad_value");
	must_load("--source=postgres://h/d", "--sink=file", "--prefix=a", NULL);
	assert_false(config_require_run(&cfg, &err));
	assert_has(err.text, "sink.file.path");
	must_load("--database.dbname=d", "--sink=stdout", "--prefix=a.B_9-", NULL);
	assert_true(config_require_run(&cfg, &err));
	assert_string_equal(pair(&cfg.plugin, "topic.prefix"), "a.B_9-");
	must_load("--source=postgres://h/d", "--kafka=embedded", "--prefix=a",
			  NULL);
	assert_true(config_require_run(&cfg, &err));
}

/* ---- what is shown ---- */

static void
test_secrets_are_hidden(void **state)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out;

	(void) state;
	put_file("secret", "hush7");
	setenv("SECRET_FILE", test_files[0], 1);
	must_load("--source=postgres://u:hush1@h/d", "--database.password=hush2",
			  "--database.sslpassword=hush3", "--kafka.sasl.password=hush4",
			  "--kafka.ssl.key.pem=hush5",
			  "--kafka.sasl.jaas.config="
			  "org.apache.kafka.common.security.plain.PlainLoginModule "
			  "required username='hush6' password=hush6;",
			  "--config",
			  put_file("c.properties", "kafka.client.id=${file:/dev/null}\n"),
			  NULL);
	out = open_memstream(&text, &n);
	config_print_text(&cfg, out);
	config_print_json(&cfg, out);
	for (const char *const *w = config_warnings(&cfg); *w != NULL; w++)
		fputs(*w, out);
	fputs(config_source_name(&cfg), out);
	fclose(out);
	assert_null(strstr(text, "hush"));
	assert_has(text, "source.url=********    # --source");
	assert_has(text, "database.password=********");
	assert_has(text, "slot.name=tuplecast    # default");
	assert_int_equal(warnings("list of processes"), 6);
	for (size_t i = 0; i < cfg.plugin.count; i++)
		assert_null(strstr(cfg.plugin.items[i].value, "hush"));
	free(text);
}

static void
test_json_output(void **state)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out;
	json_t *j;
	json_t *o;

	(void) state;
	setenv("TUPLECAST_TOPIC_PREFIX", "p", 1);
	must_load("--kafka.linger.ms=1",
			  "--snapshot.select.statement.overrides.a.b=x",
			  "--topic.creation.default.partitions=2", NULL);
	out = open_memstream(&text, &n);
	config_print_json(&cfg, out);
	fclose(out);
	j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(j);
	o = json_object_get(json_object_get(j, "options"), "topic.prefix");
	assert_string_equal(json_string_value(json_object_get(o, "value")), "p");
	assert_string_equal(json_string_value(json_object_get(o, "origin")),
						"the variable TUPLECAST_TOPIC_PREFIX");
	o = json_object_get(json_object_get(j, "options"), "kafka.linger.ms");
	assert_string_equal(json_string_value(json_object_get(o, "value")), "1");
	assert_int_equal(json_array_size(json_object_get(j, "warnings")), 1);
	json_decref(j);
	free(text);
}

static void
test_manual_is_current(void **state)
{
	char *text = NULL;
	char *page;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	FILE *in = fopen(PROJECT_ROOT "/doc/configuration.md", "r");

	(void) state;
	config_print_markdown(out);
	fclose(out);
	assert_non_null(in);
	page = calloc(1, n + 2);
	assert_int_equal(fread(page, 1, n + 1, in), n);
	fclose(in);
	/* made anew by: tuplecast config --markdown > doc/configuration.md */
	assert_true(strcmp(page, text) == 0);
	free(page);
	free(text);
	text = NULL;
	out = open_memstream(&text, &n);
	config_print_options(out);
	fclose(out);
	assert_has(text, "--topic.prefix");
	assert_has(text, "--config FILE");
	free(text);
}

/* ---- the plugin takes exactly these, by these names and words ---- */

typedef struct Row
{
	const char *name;
	const char *def;
	const char *words;
	bool plugin;
} Row;

static const Row ours[] = {
#define OPTION(type, field, name, native, debezium, words, flags, help)        \
	{name, native, words, ((flags) & CF_PLUGIN) != 0},
#include "config.def"
#undef OPTION
};

static const Row theirs[] = {
#define OPTION(type, field, name, def, words) {name, def, words, true},
#include "options.def"
#undef OPTION
};

static void
test_plugin_options_agree(void **state)
{
	size_t nours = 0;

	(void) state;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		nours += ours[i].plugin;
	/* "wire" is added when streaming starts */
	assert_int_equal(nours + 1, sizeof(theirs) / sizeof(theirs[0]));
	for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++)
	{
		const Row *found = NULL;

		if (strcmp(theirs[i].name, "wire") == 0)
			continue;
		for (size_t k = 0; k < sizeof(ours) / sizeof(ours[0]); k++)
			if (ours[k].plugin && strcmp(ours[k].name, theirs[i].name) == 0)
				found = &ours[k];
		if (found == NULL)
			fail_msg("config.def has no row for the plugin's %s",
					 theirs[i].name);
		assert_string_equal(found->def, theirs[i].def);
		assert_string_equal(found->words ? found->words : "",
							theirs[i].words ? theirs[i].words : "");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		config_test(test_defaults),
		config_test(test_precedence),
		config_test(test_utf8),
		config_test(test_environment),
		config_test(test_arguments),
		config_test(test_take_flag),
		config_test(test_take_value),
		config_test(test_properties),
		config_test(test_bad_properties),
		config_test(test_huge_input),
		config_test(test_substitution),
		config_test(test_bad_substitution),
		config_test(test_require_run),
		config_test(test_secrets_are_hidden),
		config_test(test_json_output),
		config_test(test_manual_is_current),
		config_test(test_plugin_options_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
