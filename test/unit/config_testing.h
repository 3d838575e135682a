/*
 * config_testing.h
 *		A clean environment, files in a directory of their own, and loading.
 */
#ifndef TUPLECAST_CONFIG_TESTING_H
#define TUPLECAST_CONFIG_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"

#define MAX_FILES 64
#define CLASS                                                                  \
	"\"connector.class\":\"io.debezium.connector.postgresql.PostgresConnector\""

/* a connector whose only transform makes flat records */
#define UNWRAP                                                                 \
	"\"transforms\":\"unwrap\",\"transforms.unwrap.type\":"                    \
	"\"io.debezium.transforms.ExtractNewRecordState\""

static char test_dir[64];
static char test_files[MAX_FILES][128];
static int test_nfiles;
static Config cfg;
static Error err;

/* Writes a file of the test's directory and returns its path. */
__attribute__((unused)) static const char *
put_file_n(const char *name, const char *text, size_t n)
{
	char *path = test_files[test_nfiles++ % MAX_FILES];
	FILE *out;

	snprintf(path, sizeof(test_files[0]), "%s/%s", test_dir, name);
	out = fopen(path, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, n, out), n);
	assert_int_equal(fclose(out), 0);
	return path;
}

__attribute__((unused)) static const char *
put_file(const char *name, const char *text)
{
	return put_file_n(name, text, strlen(text));
}

/* config_load() of arguments ended by NULL */
__attribute__((unused)) static bool
load(const char *first, ...)
{
	char *argv[32];
	int argc = 0;
	va_list ap;
	bool ok;

	config_free(&cfg);
	va_start(ap, first);
	for (const char *a = first; a != NULL; a = va_arg(ap, const char *))
	{
		assert_true(argc < 32);
		argv[argc++] = strdup(a);
	}
	va_end(ap);
	ok = config_load(&cfg, argc, argv, &err);
	while (argc > 0)
		free(argv[--argc]);
	if (!ok)
	{
		assert_int_equal(err.kind, ERR_CONFIG);
		assert_true(err.code[0] != '\0' && err.text[0] != '\0');
		assert_null(cfg.state);
	}
	return ok;
}

/* Loads what must load; the message is the best diagnosis if it does not. */
#define must_load(...)                                                         \
	do                                                                         \
	{                                                                          \
		if (!load(__VA_ARGS__))                                                \
			fail_msg("%s [%s] [%s]", err.text, err.detail, err.hint);          \
	} while (0)

#define must_fail(code_, ...)                                                  \
	do                                                                         \
	{                                                                          \
		assert_false(load(__VA_ARGS__));                                       \
		assert_string_equal(err.code, code_);                                  \
	} while (0)

#define assert_has(text, part)                                                 \
	do                                                                         \
	{                                                                          \
		if (strstr((text), (part)) == NULL)                                    \
			fail_msg("\"%s\" is not in: %s", (part), (text));                  \
	} while (0)

__attribute__((unused)) static const char *
pair(const ConfigPairs *pairs, const char *name)
{
	for (size_t i = 0; i < pairs->count; i++)
		if (strcmp(pairs->items[i].name, name) == 0)
			return pairs->items[i].value;
	return "(none)";
}

/* Loads a connector's JSON of the class and the given further properties. */
__attribute__((unused)) static const char *
connector(const char *more)
{
	static char text[4000];
	static int n;
	char name[32];

	snprintf(text, sizeof(text), "{%s,\"topic.prefix\":\"p\"%s%s}", CLASS,
			 more[0] != '\0' ? "," : "", more);
	snprintf(name, sizeof(name), "c%d.json", n++);
	return put_file(name, text);
}

/* how many warnings contain the text */
__attribute__((unused)) static int
warnings(const char *part)
{
	int n = 0;

	for (const char *const *w = config_warnings(&cfg); *w != NULL; w++)
		n += strstr(*w, part) != NULL;
	return n;
}

__attribute__((unused)) static const char *
conninfo(const char *keyword)
{
	const char *const *k = config_conninfo_keywords(&cfg);
	const char *const *v = config_conninfo_values(&cfg);

	for (; *k != NULL; k++, v++)
		if (strcmp(*k, keyword) == 0)
			return *v;
	assert_null(*v);
	return "(none)";
}

static int
test_setup(void **state)
{
	(void) state;
	clearenv();
	snprintf(test_dir, sizeof(test_dir), "/tmp/tuplecast-config.XXXXXX");
	assert_non_null(mkdtemp(test_dir));
	test_nfiles = 0;
	return 0;
}

static int
test_teardown(void **state)
{
	(void) state;
	config_free(&cfg);
	for (int i = 0; i < test_nfiles && i < MAX_FILES; i++)
		unlink(test_files[i]);
	assert_int_equal(rmdir(test_dir), 0);
	return 0;
}

#define config_test(f)                                                         \
	cmocka_unit_test_setup_teardown(f, test_setup, test_teardown)

#endif /* TUPLECAST_CONFIG_TESTING_H */
