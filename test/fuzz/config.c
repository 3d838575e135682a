/*
 * config.c
 *		Configuration from everywhere at once: two files of any kind, arguments,
 *		environment.  What loads can be printed, and loads again as a native
 *		file with the same values; what does not says why.
 *
 * An input is a byte of flags and up to four parts with NUL between them.
 */
#include "fuzz.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <unistd.h>

#include "config_internal.h"

#define MAX_LINES 32

static char dir[64];
static bool inside; /* an input: the fuzzer itself opens files, too */

/* Nothing but our own files: ${file:…} may name any. */
extern FILE *__real_fopen(const char *path, const char *mode);
extern FILE *__wrap_fopen(const char *path, const char *mode);

FILE *
__wrap_fopen(const char *path, const char *mode)
{
	if (!inside || strncmp(path, "build/", 6) == 0 ||
		(strncmp(path, dir, strlen(dir)) == 0 && strstr(path, "..") == NULL))
		return __real_fopen(path, mode);
	errno = ENOENT;
	return NULL;
}

/* The distance to each known name takes most of the time: mostly left out. */
extern void __real_config_nearest_offer(Nearest *n, const char *candidate);
extern void __wrap_config_nearest_offer(Nearest *n, const char *candidate);

void
__wrap_config_nearest_offer(Nearest *n, const char *candidate)
{
	if (strlen(n->wanted) % 16 == 3)
		__real_config_nearest_offer(n, candidate);
}

static const char *
put_file(int which, const char *text, size_t len)
{
	static char paths[3][80];
	FILE *out;

	if (dir[0] == '\0')
	{
		snprintf(dir, sizeof(dir), "/tmp/tuplecast-fuzz.XXXXXX");
		FUZZ_CHECK(mkdtemp(dir) != NULL, "%s", strerror(errno));
	}
	snprintf(paths[which], sizeof(paths[which]), "%s/%d", dir, which);
	out = fopen(paths[which], "w");
	FUZZ_CHECK(out != NULL, "%s", strerror(errno));
	fwrite(text, 1, len, out);
	fclose(out);
	return paths[which];
}

static void
check_error(const Error *err)
{
	FUZZ_CHECK(err->kind == ERR_CONFIG && err->code[0] != '\0' &&
				   err->text[0] != '\0',
			   "no reason given: %s", err->text);
}

/* ---- a connector's JSON against the JSON library ---- */

static bool
is_flat(const json_t *root)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *) root, name, value)
	{
		if (json_is_object(value) || json_is_array(value))
			return false;
	}
	return true;
}

static void
check_json(const char *text, size_t len)
{
	Properties list = {0};
	Error err = {0};
	json_error_t jerr;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &jerr);
	bool ok = config_json_parse("connector.json", text, len, &list, &err);
	const char *name;
	json_t *value;

	if (!ok)
		check_error(&err);
	if (root != NULL && json_is_object(root) && is_flat(root))
	{
		FUZZ_CHECK(ok, "the JSON library reads it: %s", err.text);
		json_object_foreach(root, name, value)
		{
			const Property *p = config_properties_find(&list, name);

			FUZZ_CHECK((p == NULL) == json_is_null(value), "\"%s\"", name);
			if (json_is_string(value))
				FUZZ_CHECK(strcmp(p->value, json_string_value(value)) == 0,
						   "\"%s\" is not \"%s\"", p->value,
						   json_string_value(value));
		}
	}
	json_decref(root);
	config_properties_free(&list);
}

/* ---- printed and read again ---- */

/* One line of a .properties file; false if it cannot hold the value. */
static bool
put_line(FILE *out, const char *prefix, const char *name, const char *value)
{
	size_t n = strlen(value);

	if (strstr(value, "${") != NULL || strstr(name, "${") != NULL ||
		name[0] == '\0')
		return false;
	/* Kafka trims values, so we do */
	if (n > 0 && (isspace((unsigned char) value[0]) ||
				  isspace((unsigned char) value[n - 1])))
		return false;
	for (int part = 0; part < 3; part++)
	{
		for (const char *s = part == 0	 ? prefix
							 : part == 1 ? name
										 : value;
			 *s != '\0'; s++)
		{
			unsigned char c = (unsigned char) *s;

			if (c < 0x20 || c == 0x7f)
				fprintf(out, "\\u%04x", c);
			else
				fprintf(out, strchr("\\:=#! ", c) ? "\\%c" : "%c", c);
		}
		if (part == 1)
			fputc('=', out);
	}
	fputc('\n', out);
	return true;
}

static bool
put_pairs(FILE *out, const char *prefix, const ConfigPairs *pairs)
{
	for (size_t i = 0; i < pairs->count; i++)
		if (!put_line(out, prefix, pairs->items[i].name, pairs->items[i].value))
			return false;
	return true;
}

static bool
put_native(FILE *out, const Config *cfg)
{
	for (size_t i = 0; i < config_option_count; i++)
	{
		const ConfigOption *o = &config_options[i];

		if (!put_line(out, "", o->name, config_text(cfg, o)))
			return false;
	}
	for (size_t i = 0; i < cfg->state->nmasks; i++)
	{
		const MaskSetting *m = &cfg->state->masks[i];
		char *name = config_printf("%s%s", m->name, m->salt);
		bool ok = put_line(out, "", name, m->value);

		free(name);
		if (!ok)
			return false;
	}
	return put_pairs(out, "kafka.", &cfg->kafka) &&
		   put_pairs(out, "signal.consumer.", &cfg->signal_consumer) &&
		   put_pairs(out, "topic.creation.default.", &cfg->topic_creation);
}

static void
check_pairs(const ConfigPairs *a, const ConfigPairs *b)
{
	FUZZ_CHECK(a->count == b->count, "%zu pairs, %zu pairs", a->count,
			   b->count);
	for (size_t i = 0; i < a->count; i++)
	{
		size_t k = 0;

		while (k < b->count && strcmp(a->items[i].name, b->items[k].name) != 0)
			k++;
		FUZZ_CHECK(k < b->count, "\"%s\" is lost", a->items[i].name);
		FUZZ_CHECK(strcmp(a->items[i].value, b->items[k].value) == 0,
				   "%s: \"%s\" is not \"%s\"", a->items[i].name,
				   a->items[i].value, b->items[k].value);
	}
}

static void
check_again(const Config *cfg)
{
	Config again;
	Error err = {0};
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	bool ok = put_native(out, cfg);

	fclose(out);
	if (ok)
	{
		char *argv[] = {"--config", (char *) put_file(2, text, len)};

		FUZZ_CHECK(config_load(&again, 2, argv, &err), "%s [%s]\n%s", err.text,
				   err.detail, text);
		for (size_t i = 0; i < config_option_count; i++)
		{
			const ConfigOption *o = &config_options[i];

			FUZZ_CHECK(strcmp(config_text(cfg, o), config_text(&again, o)) == 0,
					   "%s: \"%s\" is not \"%s\"", o->name, config_text(cfg, o),
					   config_text(&again, o));
		}
		check_pairs(&cfg->plugin, &again.plugin);
		check_pairs(&cfg->kafka, &again.kafka);
		check_pairs(&cfg->signal_consumer, &again.signal_consumer);
		check_pairs(&cfg->topic_creation, &again.topic_creation);
		FUZZ_CHECK(strcmp(cfg->secrets ? cfg->secrets : "",
						  again.secrets ? again.secrets : "") == 0,
				   "another salt");
		config_free(&again);
	}
	free(text);
}

static void
check_printed(const Config *cfg)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	json_error_t jerr;
	json_t *root;

	config_print_json(cfg, out);
	fclose(out);
	root = json_loadb(text, len, 0, &jerr);
	FUZZ_CHECK(root != NULL, "%s: %s", jerr.text, text);
	json_decref(root);
	free(text);
	out = open_memstream(&text, &len);
	config_print_text(cfg, out);
	fclose(out);
	free(text);
}

static void
check_explained(const char *path)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	Error err = {0};
	json_error_t jerr;

	if (config_explain(path, 0, NULL, true, out, &err))
	{
		json_t *root;

		fflush(out);
		root = json_loadb(text, len, 0, &jerr);
		FUZZ_CHECK(root != NULL, "%s: %s", jerr.text, text);
		json_decref(root);
	}
	else
		check_error(&err);
	fclose(out);
	free(text);
}

/* ---- an input ---- */

static void
set_environment(char *text)
{
	char *save = NULL;

	clearenv();
	setenv("PASSWORD", "hush", 1);
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
		 line = strtok_r(NULL, "\n", &save))
	{
		char *eq = strchr(line, '=');

		if (eq == NULL || eq == line)
			continue;
		*eq = '\0';
		/* libpq reads its own, and files that they name */
		if (strncmp(line, "PG", 2) != 0)
			setenv(line, eq + 1, 1);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzInput in = {data, size};
	uint8_t flags = fuzz_u8(&in);
	char *argv[MAX_LINES + 4];
	int argc = 0;
	char *parts[4];
	char *save = NULL;
	Config cfg;
	Error err = {0};

	inside = true;
	for (int i = 0; i < 4; i++)
		parts[i] = fuzz_text(&in, i < 3 ? 0 : -1);
	set_environment(parts[3]);
	argv[argc++] = "--config";
	argv[argc++] = (char *) put_file(0, parts[0], strlen(parts[0]));
	if (flags & 1)
	{
		argv[argc++] = "--config";
		argv[argc++] = (char *) put_file(1, parts[1], strlen(parts[1]));
	}
	for (char *line = strtok_r(parts[2], "\n", &save);
		 line != NULL && argc < MAX_LINES; line = strtok_r(NULL, "\n", &save))
		argv[argc++] = line;
	check_json(parts[0], strlen(parts[0]));
	if (flags & 2)
		check_explained(argv[1]);
	if (config_load(&cfg, argc, argv, &err))
	{
		if (!config_require_run(&cfg, &err))
			check_error(&err);
		check_printed(&cfg);
		clearenv();
		check_again(&cfg);
		config_free(&cfg);
	}
	else
	{
		check_error(&err);
		FUZZ_CHECK(cfg.state == NULL, "not freed");
	}
	for (int i = 0; i < 4; i++)
		free(parts[i]);
	inside = false;
	return 0;
}
