/*
 * config_conninfo.c
 *		How to reach the source, in libpq's keywords.
 *
 * Only what was said is passed: PGPASSWORD, a password file, a service and
 * libpq's own defaults work as everywhere.
 */
#include "config_internal.h"

#include <libpq-fe.h>

/* option → libpq's keyword */
static const struct
{
	const char *option;
	const char *keyword;
} parts[] = {
	{"database.hostname", "host"},
	{"database.port", "port"},
	{"database.user", "user"},
	{"database.password", "password"},
	{"database.dbname", "dbname"},
	{"database.sslmode", "sslmode"},
	{"database.sslrootcert", "sslrootcert"},
	{"database.sslcert", "sslcert"},
	{"database.sslkey", "sslkey"},
	{"database.sslpassword", "sslpassword"},
};

static void
put_keyword(struct ConfigState *st, size_t *n, const char *keyword,
			const char *value)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp(st->conninfo_keywords[i], keyword) == 0)
		{
			free(st->conninfo_values[i]);
			st->conninfo_values[i] = config_strdup(value);
			return;
		}
	st->conninfo_keywords =
		config_alloc(st->conninfo_keywords, (*n + 2) * sizeof(char *));
	st->conninfo_values =
		config_alloc(st->conninfo_values, (*n + 2) * sizeof(char *));
	st->conninfo_keywords[*n] = config_strdup(keyword);
	st->conninfo_values[*n] = config_strdup(value);
	st->conninfo_keywords[++*n] = NULL;
	st->conninfo_values[*n] = NULL;
}

/* libpq's messages quote the URL, password and all: keep what is before. */
static bool
url_error(const char *message, const char *origin, Error *err)
{
	int n = (int) strcspn(message != NULL ? message : "", "\"\n");

	err_set(err, ERR_CONFIG, "config_bad_value",
			"source.url is no connection string that libpq understands");
	err_detail(err,
			   "libpq: %.*s (the rest is not shown: it may hold a "
			   "password). It comes from %s.",
			   n, message != NULL ? message : "out of memory", origin);
	err_hint(err,
			 "Write postgres://USER:PASSWORD@HOST:PORT/DATABASE, with "
			 "%%XX for special characters, or \"host=… dbname=… user=…\".");
	return false;
}

static bool
take_url(Config *cfg, const char *origin, size_t *n, Error *err)
{
	PQconninfoOption *options;
	char *message = NULL;

	if (strncmp(cfg->source_url, "jdbc:", 5) == 0)
	{
		err_set(err, ERR_CONFIG, "config_bad_value",
				"source.url is a JDBC URL; libpq's are wanted");
		err_hint(err, "Write postgres://USER:PASSWORD@HOST:PORT/DATABASE.");
		return false;
	}
	options = PQconninfoParse(cfg->source_url, &message);
	if (options == NULL)
	{
		url_error(message, origin, err);
		PQfreemem(message);
		return false;
	}
	for (PQconninfoOption *o = options; o->keyword != NULL; o++)
		if (o->val != NULL && o->val[0] != '\0')
			put_keyword(cfg->state, n, o->keyword, o->val);
	PQconninfoFree(options);
	return true;
}

static const char *
said(const struct ConfigState *st, const char *keyword)
{
	for (size_t i = 0; st->conninfo_keywords[i] != NULL; i++)
		if (strcmp(st->conninfo_keywords[i], keyword) == 0)
			return st->conninfo_values[i];
	return NULL;
}

/* What was said, or else what libpq will take of itself. */
static char *
effective(const struct ConfigState *st, const PQconninfoOption *defaults,
		  const char *keyword)
{
	const char *value = said(st, keyword);

	for (const PQconninfoOption *o = defaults;
		 value == NULL && o != NULL && o->keyword != NULL; o++)
		if (strcmp(o->keyword, keyword) == 0)
			value = o->val;
	return config_strdup(value != NULL ? value : "");
}

static void
name_source(struct ConfigState *st)
{
	PQconninfoOption *defaults = PQconndefaults();
	char *host = effective(st, defaults, "host");
	char *port = effective(st, defaults, "port");
	char *user = effective(st, defaults, "user");
	char *dbname = effective(st, defaults, "dbname");

	st->source_name =
		config_printf("%s%s%s:%s/%s", user, user[0] != '\0' ? "@" : "",
					  host[0] != '\0' ? host : "localhost", port,
					  dbname[0] != '\0' ? dbname : user);
	free(host);
	free(port);
	free(user);
	free(dbname);
	PQconninfoFree(defaults);
}

/* Settings up to this rank describe another server than source.url does: they
 * were made together with a database.hostname that the URL has replaced.  Its
 * user and password must not be sent to the new one. */
static int
replaced_rank(const struct ConfigState *st, int url_rank)
{
	const ConfigOption *host = config_find_option("database.hostname");
	const Setting *set = &st->settings[host - config_options];

	return set->text != NULL && set->rank < url_rank ? set->rank : RANK_DEFAULT;
}

bool
config_conninfo_build(Config *cfg, Error *err)
{
	struct ConfigState *st = cfg->state;
	const ConfigOption *url = config_find_option("source.url");
	bool has_url = cfg->source_url[0] != '\0';
	int url_rank = st->settings[url - config_options].rank;
	int replaced = has_url ? replaced_rank(st, url_rank) : RANK_DEFAULT;
	size_t n = 0;

	st->conninfo_keywords = config_alloc(NULL, sizeof(char *));
	st->conninfo_values = config_alloc(NULL, sizeof(char *));
	st->conninfo_keywords[0] = st->conninfo_values[0] = NULL;
	if (has_url && !take_url(cfg, config_origin(cfg, url), &n, err))
		return false;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
	{
		const ConfigOption *o = config_find_option(parts[i].option);
		const Setting *set = &st->settings[o - config_options];

		if (set->text == NULL || set->text[0] == '\0' || set->rank <= replaced)
			continue;
		/* an earlier one only adds what the URL leaves open */
		if (has_url && set->rank < url_rank &&
			said(st, parts[i].keyword) != NULL)
			continue;
		put_keyword(st, &n, parts[i].keyword, set->text);
	}
	name_source(st);
	return true;
}

const char *const *
config_conninfo_keywords(const Config *cfg)
{
	return (const char *const *) cfg->state->conninfo_keywords;
}

const char *const *
config_conninfo_values(const Config *cfg)
{
	return (const char *const *) cfg->state->conninfo_values;
}

const char *
config_source_name(const Config *cfg)
{
	return cfg->state->source_name;
}
