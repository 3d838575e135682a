/*
 * config_sources.c
 *		Where settings come from: files, environment, command line.
 */
#include "config_internal.h"

#include <ctype.h>
#include <strings.h>

extern char **environ;

#define ENV_PREFIX "TUPLECAST_"

/* short names on the command line */
static const struct
{
	const char *flag;
	const char *option;
} short_names[] = {
	{"source", "source.url"},
	{"kafka", "kafka.bootstrap.servers"},
	{"prefix", "topic.prefix"},
};

char *
config_env_name(const char *option)
{
	char *name = config_printf(ENV_PREFIX "%s", option);

	for (char *p = name; *p != '\0'; p++)
		*p = isalnum((unsigned char) *p) ? (char) toupper((unsigned char) *p)
										 : '_';
	return name;
}

/* ---- one option ---- */

/* An option that a native source does not have, explained as well as we can. */
static bool
unknown_option(const char *shown, const char *name, const char *nearest,
			   const char *origin, Error *err)
{
	const DebeziumProperty *p = config_debezium_find(name);

	err_set(err, ERR_CONFIG, "config_unknown_option", "there is no option %.*s",
			config_shown_length(shown, strlen(shown)), shown);
	err_detail(err, "It comes from %s.", origin);
	if (p != NULL && p->option[0] != '\0')
		err_hint(err, "Here it is called %s.", p->option);
	else if (p != NULL)
		err_hint(err,
				 "It is a property of a Debezium connector; %s. Remove "
				 "it, or give the connector's own file with --config.",
				 p->why);
	else if (nearest != NULL)
		err_hint(err,
				 "Did you mean %s? `tuplecast config --markdown` lists "
				 "all options.",
				 nearest);
	else
		err_hint(err, "`tuplecast config --markdown` lists all options.");
	return false;
}

/* name: as a row is called; shown: as it was written */
static bool
set_native(Config *cfg, const char *name, const char *shown, const char *value,
		   const char *origin, int rank, Error *err)
{
	const ConfigOption *o = config_find_option(name);
	bool external = false;
	char *text = config_expand(value, shown, origin, &external, err);
	bool ok;

	if (text == NULL)
		return false;
	if (o != NULL)
		ok = config_set(cfg, o, text, origin, rank, err);
	else if (strncmp(name, "kafka.", 6) == 0)
		ok = config_kafka_set(cfg, name + 6, text, origin, rank, false,
							  external, err);
	else if (config_is_signal_consumer(name))
		ok = config_signal_consumer_set(cfg, name, text, origin, rank, false,
										external, err);
	else if (strncmp(name, "topic.creation.", 15) == 0)
		ok = config_topic_set(cfg, name, text, origin, rank, err);
	else if (config_is_mask(name))
		ok = config_mask_set(cfg, name, text, origin, rank, err);
	else if (config_is_override(name))
	{
		config_override_set(cfg, name, text, origin, rank);
		ok = true;
	}
	else
		ok = unknown_option(shown, name, config_nearest_option(name), origin,
							err);
	free(text);
	return ok;
}

/* One option of a native source: a row, "kafka.*", "topic.creation.*". */
static bool
config_set_native(Config *cfg, const char *name, const char *value,
				  const char *origin, int rank, Error *err)
{
	return set_native(cfg, name, name, value, origin, rank, err);
}

/* ---- files ---- */

bool
config_is_json(const char *text)
{
	for (;;)
	{
		text += strspn(text, " \t\r\n");
		if (text[0] == '/' && text[1] == '*')
		{
			const char *end = strstr(text + 2, "*/");

			if (end == NULL)
				return true;
			text = end + 2;
		}
		else if (text[0] == '#' || (text[0] == '/' && text[1] == '/'))
			text += strcspn(text, "\n");
		else
			return text[0] == '{';
	}
}

static bool
looks_like_worker(const Properties *list)
{
	bool brokers = config_properties_find(list, "bootstrap.servers") != NULL;

	for (size_t i = 0; i < list->count; i++)
	{
		const char *n = list->items[i].name;

		if (strncmp(n, "offset.storage.", 15) == 0 ||
			strncmp(n, "config.storage.", 15) == 0 ||
			strncmp(n, "status.storage.", 15) == 0 ||
			strcmp(n, "key.converter") == 0 ||
			strcmp(n, "value.converter") == 0 ||
			(brokers &&
			 (strcmp(n, "group.id") == 0 || strcmp(n, "plugin.path") == 0)))
			return true;
	}
	return false;
}

static void
move_properties(Properties *to, Properties *from)
{
	config_properties_free(to);
	*to = *from;
	*from = (Properties){0};
}

static bool
keep_connector(Config *cfg, const char *path, Properties *list, int rank,
			   Error *err)
{
	struct ConfigState *st = cfg->state;

	if (cfg->connector_json)
	{
		err_set(err, ERR_CONFIG, "config_file",
				"%s and %s are both a connector's configuration",
				st->connector_file, path);
		err_hint(err, "One process runs one connector: start a second one.");
		return false;
	}
	cfg->connector_json = true;
	st->connector_file = config_strdup(path);
	st->connector_rank = rank;
	move_properties(&st->connector, list);
	return true;
}

static bool
take_native(Config *cfg, const char *path, const Properties *list, int rank,
			Error *err)
{
	for (size_t i = 0; i < list->count; i++)
	{
		const Property *p = &list->items[i];

		if (strncmp(p->name, "debezium.source.", 16) == 0)
		{
			err_set(err, ERR_CONFIG, "config_unsupported",
					"%s is a configuration of Debezium Server", path);
			err_hint(err, "Write the properties of debezium.source without "
						  "this prefix, as a connector's file, and give the "
						  "brokers with --kafka.");
			return false;
		}
		if (!config_set_native(cfg, p->name, p->value, p->origin, rank, err))
			return false;
	}
	return true;
}

static bool
take_json(Config *cfg, const char *path, const char *text, size_t len, int rank,
		  Properties *list, Error *err)
{
	if (!config_json_parse(path, text, len, list, err))
		return false;
	if (config_properties_find(list, "connector.class") == NULL)
	{
		err_set(err, ERR_CONFIG, "config_file",
				"%s is JSON, but no Debezium connector's: it has no "
				"connector.class",
				path);
		err_hint(err, "Native options are written NAME=VALUE, one a line.");
		return false;
	}
	return keep_connector(cfg, path, list, rank, err);
}

static bool
read_file(Config *cfg, const char *path, int rank, Error *err)
{
	size_t len;
	char *text = config_file_read(path, &len, err);
	Properties list = {0};
	bool ok;

	if (text == NULL)
	{
		err_hint(err, "It was named by --config or " ENV_PREFIX "CONFIG.");
		return false;
	}
	if (config_is_json(text))
		ok = take_json(cfg, path, text, len, rank, &list, err);
	else if (!config_file_parse(path, text, &list, cfg, err))
		ok = false;
	else if (config_properties_find(&list, "connector.class") != NULL)
		ok = keep_connector(cfg, path, &list, rank, err);
	else if (looks_like_worker(&list))
	{
		for (size_t i = 0; i < list.count; i++)
			config_properties_add(&cfg->state->worker, list.items[i].name,
								  list.items[i].value, list.items[i].origin, 0);
		ok = true;
	}
	else
		ok = take_native(cfg, path, &list, rank, err);
	config_properties_free(&list);
	free(text);
	return ok;
}

/* ---- environment ---- */

/* Kubernetes sets TUPLECAST_SERVICE_HOST, TUPLECAST_PORT_9847_TCP_ADDR and
 * the like for a service of our name. */
static bool
is_foreign_variable(const char *name, const char *value)
{
	const char *port = strstr(name, "PORT_");
	size_t n = strlen(name);

	if (strncmp(name, "TEST_", 5) == 0 || strcmp(name, "FAILPOINT") == 0 ||
		strstr(name, "SERVICE_HOST") || strstr(name, "SERVICE_PORT"))
		return true;
	if (port != NULL && isdigit((unsigned char) port[5]) &&
		(strstr(port, "_TCP") || strstr(port, "_UDP")))
		return true;
	return n >= 4 && strcmp(name + n - 4, "PORT") == 0 &&
		   strstr(value, "://") != NULL;
}

/* "sasl.username" of "SASL_USERNAME"; the caller frees it */
static char *
dotted(const char *prefix, const char *name)
{
	char *out = config_printf("%s%s", prefix, name);

	for (char *p = out; *p != '\0'; p++)
		*p = *p == '_' ? '.' : (char) tolower((unsigned char) *p);
	return out;
}

static bool
set_variable(Config *cfg, const char *variable, const char *value, Error *err)
{
	const char *name = variable + strlen(ENV_PREFIX);
	char *origin = config_printf("the variable %s", variable);
	char *option = dotted("", name);
	bool found = false;
	bool ok = true;

	for (size_t i = 0; i < config_option_count && !found; i++)
	{
		char *env = config_env_name(config_options[i].name);

		found = strcmp(env, variable) == 0;
		if (found)
		{
			free(option);
			option = config_strdup(config_options[i].name);
			/* an empty variable is how compose files leave a thing out */
			if (value[0] != '\0' || config_options[i].type == OPT_str)
				ok = set_native(cfg, option, variable, value, origin,
								RANK_ENVIRONMENT, err);
		}
		free(env);
	}
	if (!found && !is_foreign_variable(name, value))
	{
		const char *nearest = config_nearest_option(option);
		char *env = nearest != NULL ? config_env_name(nearest) : NULL;

		if (strncmp(option, "kafka.", 6) == 0 ||
			config_is_signal_consumer(option) ||
			strncmp(option, "topic.creation.", 15) == 0)
			ok = set_native(cfg, option, variable, value, origin,
							RANK_ENVIRONMENT, err);
		else
			ok = unknown_option(variable, option, env, "the environment", err);
		free(env);
	}
	free(option);
	free(origin);
	return ok;
}

static bool
read_environment(Config *cfg, Error *err)
{
	for (char **e = environ; e != NULL && *e != NULL; e++)
	{
		const char *eq = strchr(*e, '=');
		char *name;
		bool ok;

		if (eq == NULL || strncmp(*e, ENV_PREFIX, strlen(ENV_PREFIX)) != 0)
			continue;
		name = config_strndup(*e, (size_t) (eq - *e));
		ok = strcmp(name, ENV_PREFIX "CONFIG") == 0 ||
			 set_variable(cfg, name, eq + 1, err);
		free(name);
		if (!ok)
			return false;
	}
	return true;
}

/* "value.converter.schemas.enable" of "VALUE_CONVERTER_SCHEMAS_ENABLE"; two
 * underscores stand for one, three for a '-', as in Confluent's images. */
static char *
worker_property(const char *name)
{
	char *out = config_strdup(name);
	char *to = out;

	while (*name != '\0')
	{
		size_t n = strspn(name, "_");

		if (n == 0)
			*to++ = (char) tolower((unsigned char) *name++);
		else
		{
			n = n > 3 ? 3 : n;
			*to++ = ".__-"[n == 1 ? 0 : n];
			name += n;
		}
	}
	*to = '\0';
	return out;
}

/* What the Connect images take from the environment is the worker's. */
static void
read_image_environment(Config *cfg)
{
	static const char bare[] =
		"BOOTSTRAP_SERVERS|KEY_CONVERTER|VALUE_CONVERTER";

	for (char **e = environ; e != NULL && *e != NULL; e++)
	{
		const char *eq = strchr(*e, '=');
		char *name;
		char *property = NULL;

		if (eq == NULL || eq[1] == '\0')
			continue;
		name = config_strndup(*e, (size_t) (eq - *e));
		if (strncmp(name, "CONNECT_", 8) == 0)
			property = worker_property(name + 8);
		/* the same by its other name must not win over CONNECT_… */
		else if (config_word_find(bare, name, NULL, NULL))
		{
			char *other = config_printf("CONNECT_%s", name);

			if (getenv(other) == NULL)
				property = worker_property(name);
			free(other);
		}
		if (property != NULL)
		{
			char *origin = config_printf("the variable %s", name);

			config_properties_add(&cfg->state->worker, property, eq + 1, origin,
								  0);
			free(origin);
		}
		free(property);
		free(name);
	}
}

/* ---- command line ---- */

typedef struct Argument
{
	char *name; /* without "--"; the caller frees it */
	const char *value;
} Argument;

static const char *
nearest_flag(const char *name)
{
	Nearest n = {.wanted = name};

	for (size_t i = 0; i < sizeof(short_names) / sizeof(short_names[0]); i++)
		config_nearest_offer(&n, short_names[i].flag);
	config_nearest_offer(&n, "config");
	for (size_t i = 0; i < config_option_count; i++)
		config_nearest_offer(&n, config_options[i].name);
	return config_nearest_result(&n);
}

/* Takes one flag and its value; *i is moved behind them. */
static bool
next_argument(int argc, char **argv, int *i, Argument *out, Error *err)
{
	const char *arg = argv[(*i)++];
	const char *eq;
	const ConfigOption *o;

	if (strncmp(arg, "--", 2) != 0 || arg[2] == '\0')
	{
		err_set(err, ERR_CONFIG, "config_argument",
				"unexpected argument \"%.100s\"", arg);
		err_hint(err, "Options are written --NAME=VALUE or --NAME VALUE.");
		return false;
	}
	eq = strchr(arg, '=');
	if (eq != NULL)
	{
		out->name = config_strndup(arg + 2, (size_t) (eq - arg - 2));
		out->value = eq + 1;
		return true;
	}
	out->name = config_strdup(arg + 2);
	o = config_find_option(out->name);
	if (*i < argc && strncmp(argv[*i], "--", 2) != 0)
		out->value = argv[(*i)++];
	else if (o != NULL && o->type == OPT_bool)
		out->value = "true";
	else
	{
		int shown = config_shown_length(out->name, strlen(out->name));

		err_set(err, ERR_CONFIG, "config_argument", "--%.*s needs a value",
				shown, out->name);
		err_hint(err, "Write --%.*s=VALUE.", shown, out->name);
		free(out->name);
		return false;
	}
	return true;
}

/* Everyone on the machine can read a command line. */
static void
warn_of_secret(Config *cfg, const char *option, const char *flag,
			   const char *value)
{
	const ConfigOption *o = config_find_option(option);
	const char *at = strchr(value, '@');
	const char *user = strstr(value, "://");
	bool secret;

	if (strcmp(option, "source.url") == 0)
		secret = strstr(value, "password=") != NULL ||
				 (user != NULL && at != NULL &&
				  memchr(user + 3, ':',
						 (size_t) (at > user + 3 ? at - user - 3 : 0)) != NULL);
	else
		secret = o != NULL ? (o->flags & CF_SECRET) != 0
				 : config_is_mask(option)
					 ? strstr(option, ".with.salt.") != NULL
					 : config_kafka_is_secret(option);
	if (secret && strstr(value, "${") == NULL && value[0] != '\0')
		config_warn(cfg,
					"%s holds a secret, which everyone on this machine can "
					"read in the list of processes; use a file, the "
					"environment, or ${file:PATH}",
					flag);
}

static bool
set_argument(Config *cfg, const Argument *a, Error *err)
{
	const char *option = a->name;
	char *origin = config_printf(
		"--%.*s", config_shown_length(a->name, strlen(a->name)), a->name);
	char *nearest = NULL;
	bool ok;

	for (size_t i = 0; i < sizeof(short_names) / sizeof(short_names[0]); i++)
		if (strcmp(short_names[i].flag, a->name) == 0)
			option = short_names[i].option;
	if (config_find_option(option) == NULL &&
		strncmp(option, "kafka.", 6) != 0 &&
		!config_is_signal_consumer(option) &&
		strncmp(option, "topic.creation.", 15) != 0 &&
		!config_is_mask(option) && !config_is_override(option))
	{
		const char *found = nearest_flag(option);

		if (found != NULL)
			nearest = config_printf("--%s", found);
		ok = unknown_option(origin, option, nearest, "the command line", err);
		free(nearest);
	}
	else
	{
		warn_of_secret(cfg, option, origin, a->value);
		ok = set_native(cfg, option, origin, a->value, origin,
						RANK_COMMAND_LINE, err);
	}
	free(origin);
	return ok;
}

/* One pass for the files' names, one for the rest, because files come first. */
static bool
read_arguments(Config *cfg, int argc, char **argv, bool files, int *nfiles,
			   Error *err)
{
	for (int i = 0; i < argc;)
	{
		Argument a;
		bool ok = true;

		if (!next_argument(argc, argv, &i, &a, err))
			return false;
		if ((strcmp(a.name, "config") == 0) == files)
			ok = files ? read_file(cfg, a.value, RANK_FILE + (*nfiles)++, err)
					   : set_argument(cfg, &a, err);
		free(a.name);
		if (!ok)
			return false;
	}
	return true;
}

bool
config_read_all(Config *cfg, int argc, char **argv, Error *err)
{
	const char *env_file = getenv(ENV_PREFIX "CONFIG");
	int nfiles = 0;

	if (!read_arguments(cfg, argc, argv, true, &nfiles, err))
		return false;
	if (nfiles == 0 && env_file != NULL && env_file[0] != '\0' &&
		!read_file(cfg, env_file, RANK_FILE, err))
		return false;
	if (cfg->connector_json)
		read_image_environment(cfg);
	if (!config_apply_worker(cfg, err) || !config_apply_connector(cfg, err) ||
		!config_apply_converters(cfg, err))
		return false;
	return read_environment(cfg, err) &&
		   read_arguments(cfg, argc, argv, false, &nfiles, err);
}
