/*
 * config_debezium.c
 *		A Debezium connector's configuration, and that of its worker.
 */
#include "config_internal.h"

#include <ctype.h>
#include <strings.h>

#define POSTGRES_CLASS "io.debezium.connector.postgresql.PostgresConnector"

static bool
starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* ---- the class ---- */

/* part of a class name (in lower case) → what it reads */
static const struct
{
	const char *part;
	const char *system;
} systems[] = {
	{"mysql", "MySQL"},			  {"mariadb", "MariaDB"},
	{"sqlserver", "SQL Server"},  {"oracle", "Oracle"},
	{"mongo", "MongoDB"},		  {"db2", "Db2"},
	{"cassandra", "Cassandra"},	  {"spanner", "Spanner"},
	{"vitess", "Vitess"},		  {"informix", "Informix"},
	{"cockroach", "CockroachDB"}, {"jdbc", "JDBC"},
};

bool
config_check_class(const Property *p, Error *err)
{
	static const char ours[] = POSTGRES_CLASS "|PostgresConnector|Postgres";
	const char *what = NULL;

	if (config_word_find(ours, p->value, NULL, NULL))
		return true;
	for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++)
		if (what == NULL && strcasestr(p->value, systems[i].part) != NULL)
			what = systems[i].system;
	if (what != NULL)
		err_set(err, ERR_CONFIG, "config_connector_class",
				"this is a connector of %s (connector.class is %.120s); "
				"tuplecast reads PostgreSQL only",
				what, p->value);
	else
		err_set(err, ERR_CONFIG, "config_connector_class",
				"connector.class is %.120s; the configuration that is "
				"understood is that of Debezium's PostgreSQL connector",
				p->value);
	err_detail(err, "It comes from %s.", p->origin);
	err_hint(err,
			 "For a PostgreSQL source set connector.class to " POSTGRES_CLASS
			 " and use that connector's properties; a "
			 "source of another kind needs its own connector.");
	return false;
}

/* ---- properties ---- */

static bool
is_handled_elsewhere(const char *name)
{
	return strcmp(name, "connector.class") == 0 ||
		   strcmp(name, "transforms") == 0 ||
		   starts_with(name, "transforms.") ||
		   strcmp(name, "predicates") == 0 ||
		   starts_with(name, "predicates.") ||
		   strcmp(name, "key.converter") == 0 ||
		   starts_with(name, "key.converter.") ||
		   strcmp(name, "value.converter") == 0 ||
		   starts_with(name, "value.converter.") ||
		   strcmp(name, "header.converter") == 0 ||
		   starts_with(name, "header.converter.");
}

static bool
verdict_error(const Property *p, const DebeziumProperty *d, Error *err)
{
	err_set(err, ERR_CONFIG,
			d->verdict == DBZ_NOT_YET ? "config_unsupported" : "config_refused",
			"%.*s%s: %s", config_shown_length(p->name, strlen(p->name)),
			p->name,
			d->verdict == DBZ_NOT_YET ? " is not supported yet"
									  : " cannot be honoured",
			d->why);
	err_detail(err, "Its value \"%.150s\" comes from %s.", p->value, p->origin);
	if (d->silent[0] != '\0' && strlen(d->silent) < 80)
		err_hint(err, "Remove it, or set it to %s.", d->silent);
	else
		err_hint(err, "Remove it if its effect is not needed.");
	return false;
}

static const char *modern_value(const char *name, const char *value);

/* An old spelling: the new one wins. */
static bool
set_renamed(Config *cfg, const Property *p, const DebeziumProperty *d,
			Error *err)
{
	struct ConfigState *st = cfg->state;
	const Property *newer = config_properties_find(&st->connector, d->option);
	char *origin;
	bool ok;

	if (newer != NULL)
	{
		config_warn(cfg, "%s (%s) is ignored, since %s is set in line %d",
					p->name, p->origin, d->option, newer->line);
		return true;
	}
	config_warn(cfg, "%s (%s) is an old name; it is read as %s", p->name,
				p->origin, d->option);
	origin = config_printf("%s (%s)", p->origin, p->name);
	ok = config_set_name(cfg, d->option, modern_value(p->name, p->value),
						 origin, st->connector_rank, err);
	free(origin);
	return ok;
}

/* Debezium's older words for values. */
static const char *
modern_value(const char *name, const char *value)
{
	if (strcmp(name, "snapshot.mode") == 0 &&
		config_word_find("never|schema_only", value, NULL, NULL))
		return "no_data";
	if (strcmp(name, "snapshot.mode") == 0 &&
		config_word_find("exported", value, NULL, NULL))
		return "initial";
	if (strcmp(name, "sanitize.field.names") == 0 &&
		config_word_find("true|false", value, NULL, NULL))
		return strcasecmp(value, "true") == 0 ? "avro" : "none";
	return value;
}

static bool
set_by_verdict(Config *cfg, const Property *p, const DebeziumProperty *d,
			   Error *err)
{
	if (d->verdict == DBZ_ACCEPTED)
		return set_renamed(cfg, p, d, err);
	if (p->value[0] == '\0' ||
		config_word_find(d->silent, p->value, NULL, NULL))
		return true;
	switch (d->verdict)
	{
		case DBZ_NO_EFFECT:
			config_warn(cfg, "%s (%s) has no effect: %s", p->name, p->origin,
						d->why);
			return true;
		case DBZ_LATER:
			config_warn(cfg,
						"%s (%s) has no effect, a later version brings it: %s",
						p->name, p->origin, d->why);
			return true;
		default:
			return verdict_error(p, d, err);
	}
}

bool
config_apply_property(Config *cfg, const Property *p, bool external, Error *err)
{
	struct ConfigState *st = cfg->state;
	const ConfigOption *o = config_find_option(p->name);
	const DebeziumProperty *d;
	const char *near;

	if (is_handled_elsewhere(p->name))
		return true;
	if (o != NULL)
		return config_set(cfg, o, modern_value(p->name, p->value), p->origin,
						  st->connector_rank, err);
	if (starts_with(p->name, "producer.override."))
		return config_kafka_set(cfg, p->name + 18, p->value, p->origin,
								st->connector_rank, true, external, err);
	if (starts_with(p->name, "kafka."))
		return config_kafka_set(cfg, p->name + 6, p->value, p->origin,
								st->connector_rank, false, external, err);
	if (config_is_signal_consumer(p->name))
		return config_signal_consumer_set(cfg, p->name, p->value, p->origin,
										  st->connector_rank, true, external,
										  err);
	if (starts_with(p->name, "topic.creation."))
		return config_topic_set(cfg, p->name, p->value, p->origin,
								st->connector_rank, err);
	if (config_is_mask(p->name))
		return config_mask_set(cfg, p->name, p->value, p->origin,
							   st->connector_rank, err);
	if (config_is_override(p->name))
	{
		config_override_set(cfg, p->name, p->value, p->origin,
							st->connector_rank);
		return true;
	}
	d = config_debezium_find(p->name);
	if (d != NULL)
		return set_by_verdict(cfg, p, d, err);
	near = config_debezium_nearest(p->name);
	config_warn(cfg,
				"%.*s (%s) is not a known property and is ignored, as "
				"Kafka Connect does%s%s%s",
				config_shown_length(p->name, strlen(p->name)), p->name,
				p->origin, near != NULL ? "; did you mean " : "",
				near != NULL ? near : "", near != NULL ? "?" : "");
	return true;
}

bool
config_apply_connector(Config *cfg, Error *err)
{
	struct ConfigState *st = cfg->state;
	Properties *list = &st->connector;

	if (!cfg->connector_json)
		return true;
	if (!config_check_class(config_properties_find(list, "connector.class"),
							err))
		return false;
	for (size_t i = 0; i < list->count; i++)
	{
		Property *p = &list->items[i];
		bool external = false;
		char *value =
			config_expand(p->value, p->name, p->origin, &external, err);

		if (value == NULL)
			return false;
		/* Connect trims what it reads */
		free(p->value);
		p->value = value;
		while (isspace((unsigned char) *value))
			value++;
		memmove(p->value, value, strlen(value) + 1);
		for (size_t n = strlen(p->value);
			 n > 0 && isspace((unsigned char) p->value[n - 1]); n--)
			p->value[n - 1] = '\0';
		if (!config_apply_property(cfg, p, external, err))
			return false;
	}
	return config_apply_transforms(cfg, err);
}

/* ---- the worker ---- */

bool
config_apply_worker(Config *cfg, Error *err)
{
	const Properties *list = &cfg->state->worker;

	for (size_t i = 0; i < list->count; i++)
	{
		const Property *p = &list->items[i];
		bool producer = starts_with(p->name, "producer.") &&
						!starts_with(p->name, "producer.override.");
		bool external = false;
		char *value;
		bool ok = true;

		if (!producer && strcmp(p->name, "bootstrap.servers") != 0 &&
			strcmp(p->name, "topic.creation.enable") != 0)
			continue;
		value = config_expand(p->value, p->name, p->origin, &external, err);
		if (value == NULL)
			return false;
		if (producer)
			ok = config_kafka_set(cfg, p->name + 9, value, p->origin,
								  RANK_WORKER, true, external, err);
		else if (p->name[0] == 'b')
			ok = config_set_name(cfg, "kafka.bootstrap.servers", value,
								 p->origin, RANK_WORKER, err);
		else
			ok = config_topic_set(cfg, p->name, value, p->origin, RANK_WORKER,
								  err);
		free(value);
		if (!ok)
			return false;
	}
	return true;
}
