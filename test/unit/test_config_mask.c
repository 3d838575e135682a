/*
 * test_config_mask.c
 *		Options with a number or a salt in their names; no salt is ever shown.
 */
#include "config_testing.h"

#include "pg.h"

#define SALT "CzQMA0cB5K"

/* everything `tuplecast config` prints, in both forms */
static void
assert_not_printed(const char *secret)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	config_print_text(&cfg, out);
	config_print_json(&cfg, out);
	for (const char *const *w = config_warnings(&cfg); *w != NULL; w++)
		fputs(*w, out);
	fclose(out);
	assert_null(strstr(text, secret));
	free(text);
}

static void
assert_not_in_error(const char *secret)
{
	assert_null(strstr(err.text, secret));
	assert_null(strstr(err.detail, secret));
	assert_null(strstr(err.hint, secret));
}

static void
test_connector(void **state)
{
	PgParams params;
	char *text = NULL;
	size_t len = 0;
	FILE *out;

	(void) state;
	assert_true(load(
		"--config",
		connector("\"column.mask.with.10.chars\":\"public.a.b\","
				  "\"column.truncate.to.20.chars\":\"public\\\\.a\\\\.(c|d)\","
				  "\"column.mask.hash.v2.SHA-256.with.salt." SALT
				  "\":\"public.a.e\","
				  "\"column.mask.hash.MD5.with.salt.a.b =:é\":\"public.a.f\","
				  "\"column.mask.with.3.chars\":\"\""),
		NULL));
	assert_string_equal(pair(&cfg.plugin, "column.mask.with.10.chars"),
						"public.a.b");
	assert_string_equal(pair(&cfg.plugin, "column.mask.with.3.chars"),
						"(none)");
	assert_string_equal(pair(&cfg.plugin, "column.truncate.to.20.chars"),
						"public\\.a\\.(c|d)");
	assert_string_equal(
		pair(&cfg.plugin, "column.mask.hash.v2.SHA-256.with.salt.#1"),
		"public.a.e");
	assert_string_equal(pair(&cfg.plugin, "column.mask.hash.MD5.with.salt.#2"),
						"public.a.f");
	assert_string_equal(cfg.secrets, "437a514d41306342354b,612e62203d3ac3a9");
	for (size_t i = 0; i < cfg.plugin.count; i++)
	{
		assert_null(strstr(cfg.plugin.items[i].name, SALT));
		assert_null(strstr(cfg.plugin.items[i].value, SALT));
	}
	assert_not_printed(SALT);
	assert_not_printed("437a514d");
	assert_not_printed("a.b =:");
	/* but that there are masks is shown */
	out = open_memstream(&text, &len);
	config_print_text(&cfg, out);
	fclose(out);
	assert_has(text, "column.mask.with.10.chars=public.a.b");
	assert_has(text, "column.mask.hash.MD5.with.salt.#2=public.a.f");
	free(text);
	/* both kinds of session have them */
	for (int replication = 0; replication < 2; replication++)
	{
		assert_true(pg_params_build(&params, &cfg, replication != 0, &err));
		assert_has(
			params.options,
			" -c tuplecast.secrets=437a514d41306342354b,612e62203d3ac3a9");
	}
}

static void
test_native(void **state)
{
	PgParams params;

	(void) state;
	assert_true(
		load("--config",
			 put_file("n.properties",
					  "topic.prefix=p\n"
					  "column.mask.with.0.chars=a.b.c\n"
					  "column.mask.hash.SHA-1.with.salt." SALT "=a.b.d\n"),
			 "--column.truncate.to.5.chars=a.b.e",
			 "--column.mask.with.0.chars=a.b.x", NULL));
	assert_string_equal(pair(&cfg.plugin, "column.mask.with.0.chars"), "a.b.x");
	assert_string_equal(pair(&cfg.plugin, "column.truncate.to.5.chars"),
						"a.b.e");
	assert_string_equal(
		pair(&cfg.plugin, "column.mask.hash.SHA-1.with.salt.#1"), "a.b.d");
	assert_not_printed(SALT);
	assert_int_equal(warnings("list of processes"), 0);
	/* on a command line it can be read */
	assert_true(
		load("--column.mask.hash.SHA-1.with.salt." SALT "=a.b.d", NULL));
	assert_int_equal(warnings("list of processes"), 1);
	assert_not_printed(SALT);
	/* no masks, no setting */
	assert_true(load("--prefix=p", NULL));
	assert_string_equal(cfg.secrets, "");
	assert_true(pg_params_build(&params, &cfg, true, &err));
	assert_null(strstr(params.options, "secrets"));
}

static void
test_errors(void **state)
{
	static const char *const names[] = {
		"column.mask.with.chars",
		"column.mask.with.-1.chars",
		"column.mask.with.10000001.chars",
		"column.mask.with.5.char",
		"column.truncate.to.x.chars",
		"column.mask.hash.SHA-256.with.salt.",
		"column.mask.hash.SHA-256.salt." SALT,
		"column.mask.hash.SHA256.with.salt." SALT,
		"column.mask.hash.v3.SHA-256.with.salt." SALT,
		"column.mask.hash.with.salt." SALT,
	};
	char text[300];

	(void) state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		const char *salt = strstr(names[i], "with.salt." SALT);

		snprintf(text, sizeof(text), "\"%s\":\"a.b.c\"", names[i]);
		assert_false(load("--config", connector(text), NULL));
		assert_string_equal(err.code, "config_bad_mask");
		assert_has(err.text, "column.");
		assert_has(err.detail, ".json:1");
		if (salt != NULL)
			assert_not_in_error(SALT);
	}
}

/* wherever else a name is quoted */
static void
test_other_errors(void **state)
{
	static const char name[] = "column.mask.hash.MD5.with.salt." SALT;
	char text[400];

	(void) state;
	snprintf(text, sizeof(text), "\"%s\":\"a\",\n\"%s\":\"b\"", name, name);
	assert_false(load("--config", connector(text), NULL));
	assert_string_equal(err.code, "config_duplicate");
	assert_not_in_error(SALT);
	snprintf(text, sizeof(text), "%s=a\n%s=b\n", name, name);
	assert_false(load("--config", put_file("d.properties", text), NULL));
	assert_string_equal(err.code, "config_duplicate");
	assert_not_in_error(SALT);
	snprintf(text, sizeof(text), "\"%s\":[1]", name);
	assert_false(load("--config", connector(text), NULL));
	assert_not_in_error(SALT);
	snprintf(text, sizeof(text), "\"%s\":\"${env:NOT_THERE}\"", name);
	assert_false(load("--config", connector(text), NULL));
	assert_string_equal(err.code, "config_substitution");
	assert_not_in_error(SALT);
	snprintf(text, sizeof(text), "\"columns.mask.hash.MD5.with.salt.%s\":\"a\"",
			 SALT);
	assert_true(load("--config", connector(text), NULL));
	assert_int_equal(warnings("columns.mask.hash"), 1);
	assert_not_printed(SALT);
	snprintf(text, sizeof(text), "--columns.mask.hash.MD5.with.salt.%s=a",
			 SALT);
	assert_false(load(text, NULL));
	assert_not_in_error(SALT);
	snprintf(text, sizeof(text), "--%s", name);
	assert_false(load(text, NULL));
	assert_not_in_error(SALT);
	snprintf(text, sizeof(text), "columns.mask.hash.MD5.with.salt.%s=a\n",
			 SALT);
	assert_false(load("--config", put_file("u.properties", text), NULL));
	assert_not_in_error(SALT);
}

/* more than a connection's start can carry is refused, not cut */
static void
test_too_many(void **state)
{
	char name[6000];
	PgParams params;

	(void) state;
	memset(name, 's', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memcpy(name, "--column.mask.hash.MD5.with.salt.", 33);
	memcpy(name + sizeof(name) - 7, "=a.b.c", 6);
	assert_true(load(name, NULL));
	assert_false(pg_params_build(&params, &cfg, true, &err));
	assert_string_equal(err.code, "source_options");
	assert_not_in_error("7373");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		config_test(test_connector), config_test(test_native),
		config_test(test_errors),	 config_test(test_other_errors),
		config_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
