/*
 * config_converter.c
 *		Kafka Connect's converters: which one holds, and what it asks for.
 *
 * A connector that names a converter class brings all its settings; else the
 * worker's hold, whatever the connector says of them.
 */
#include "config_internal.h"

#include <ctype.h>
#include <strings.h>

#define JSON_CONVERTER		  "org.apache.kafka.connect.json.JsonConverter"
#define CLOUDEVENTS_CONVERTER "io.debezium.converters.CloudEventsConverter"

/* One of the two converters, while it is being looked at. */
typedef struct Converter
{
	const char *side;		/* "key" or "value" */
	const Property *cls;	/* of connector or worker, NULL if none */
	const Properties *from; /* whose settings hold, NULL if nobody's */
	int rank;
	bool worker;
} Converter;

static const Property *
find(const Properties *list, const char *side, const char *rest)
{
	char *name = config_printf("%s.converter%s", side, rest);
	const Property *p = config_properties_find(list, name);

	free(name);
	return p;
}

static void
choose(const Config *cfg, const char *side, Converter *c)
{
	const struct ConfigState *st = cfg->state;

	*c = (Converter){.side = side};
	c->cls = find(&st->connector, side, "");
	if (c->cls != NULL)
	{
		c->from = &st->connector;
		c->rank = st->connector_rank;
		return;
	}
	c->cls = find(&st->worker, side, "");
	if (c->cls != NULL || find(&st->worker, side, ".schemas.enable") != NULL)
	{
		c->from = &st->worker;
		c->rank = RANK_WORKER;
		c->worker = true;
	}
	else if (find(&st->connector, side, ".schemas.enable") != NULL)
	{
		c->from = &st->connector;
		c->rank = st->connector_rank;
	}
}

static bool
is_string_converter(const Converter *c)
{
	return c->cls != NULL &&
		   config_word_find(
			   "org.apache.kafka.connect.storage.StringConverter|StringConverter",
			   c->cls->value, NULL, NULL);
}

static bool
check_class(const Converter *c, Error *err)
{
	if (c->cls == NULL || config_word_find(JSON_CONVERTER "|JsonConverter",
										   c->cls->value, NULL, NULL))
		return true;
	err_set(err, ERR_CONFIG, "config_unsupported",
			"%s.converter is %.150s, which is not supported yet: records are "
			"JSON, and no schema registry is asked",
			c->side, c->cls->value);
	err_detail(err, "It comes from %s.", c->cls->origin);
	err_hint(err,
			 "To get JSON, set %s.converter=" JSON_CONVERTER " and "
			 "%s.converter.schemas.enable=true or false%s.",
			 c->side, c->side,
			 c->worker ? " in the connector's file, or remove it from the "
						 "worker's"
					   : "");
	return false;
}

static bool
is_cloudevents(const Converter *c)
{
	return c->cls != NULL && strcmp(c->side, "value") == 0 &&
		   config_word_find(CLOUDEVENTS_CONVERTER "|CloudEventsConverter",
							c->cls->value, NULL, NULL);
}

/* A setting of JsonConverter, which the one of CloudEvents has inside. */
static const Property *
find_json(const Converter *c, const char *rest)
{
	char *inner = config_printf(".json%s", rest);
	const Property *p =
		find(c->from, c->side, is_cloudevents(c) ? inner : rest);

	free(inner);
	return p;
}

/* header.converter: what it writes of headers, SimpleHeaderConverter's unless
 * another is named. */
static bool
apply_headers(Config *cfg, Error *err)
{
	static const char *const names[] = {
		"org.apache.kafka.connect.storage.SimpleHeaderConverter|"
		"SimpleHeaderConverter|Simple",
		"org.apache.kafka.connect.storage.StringConverter|StringConverter|"
		"String",
		JSON_CONVERTER "|JsonConverter|Json"};
	static const char *const formats[] = {"simple", "string", "json"};
	const Property *schemas;
	Converter c;

	choose(cfg, "header", &c);
	if (c.cls == NULL)
		return true;
	for (int i = 0; i < 3; i++)
	{
		if (!config_word_find(names[i], c.cls->value, NULL, NULL))
			continue;
		if (!config_set_name(cfg, "header.format", formats[i], c.cls->origin,
							 c.rank, err))
			return false;
		schemas = find(c.from, "header", ".schemas.enable");
		return i < 2 || config_set_name(
							cfg, "header.schemas.enable",
							schemas != NULL ? schemas->value : "true",
							schemas != NULL ? schemas->origin : c.cls->origin,
							c.rank, err);
	}
	err_set(err, ERR_CONFIG, "config_unsupported",
			"header.converter is %.150s, which is not supported: headers "
			"would differ",
			c.cls->value);
	err_detail(err,
			   "It comes from %s. Converters of one type of value, such as "
			   "ByteArrayConverter, fail at Debezium's headers, which are "
			   "strings, numbers and keys.",
			   c.cls->origin);
	err_hint(err,
			 "Set header.converter=org.apache.kafka.connect.storage."
			 "SimpleHeaderConverter (the default), org.apache.kafka.connect."
			 "storage.StringConverter or " JSON_CONVERTER ".");
	return false;
}

/* decimal.format: BASE64 or NUMERIC */
static bool
apply_decimal_format(Config *cfg, const Converter *c, Error *err)
{
	const Property *p = find_json(c, ".decimal.format");

	if (p == NULL)
		return true;
	return config_set_name(cfg,
						   strcmp(c->side, "key") == 0 ? "key.decimal.format"
													   : "decimal.format",
						   p->value, p->origin, c->rank, err);
}

/* A setting of a converter that Connect would not look at. */
static void
warn_of_idle(Config *cfg, const Converter *c)
{
	const Property *p =
		find(&cfg->state->connector, c->side, ".schemas.enable");

	if (p == NULL || c->cls == NULL || !c->worker)
	{
		if (p != NULL && c->cls == NULL && !c->worker)
			config_warn(cfg,
						"%s (%s) is taken as meant, though Kafka Connect "
						"ignores it without %s.converter beside it",
						p->name, p->origin, c->side);
		return;
	}
	config_warn(cfg,
				"%s (%s) has no effect: as in Kafka Connect, the converter of "
				"%s holds with its own settings unless %s.converter stands "
				"beside it",
				p->name, p->origin, c->cls->origin, c->side);
}

/* ---- CloudEventsConverter ------------------------------------------------ */

/* its own settings: values that are as we do it, and why not others */
static const struct
{
	const char *name;
	const char *silent; /* NULL: any */
	const char *why;
} cloudevents_properties[] = {
	{"serializer.type", "json", "Avro needs a schema registry"},
	{"data.serializer.type", "json", "Avro needs a schema registry"},
	{"opentelemetry.tracing.attributes.enable", "false",
	 "there is no header traceparent to read it from"},
	{"schema.data.name.source.header.enable", NULL, ""},
	{"schema.cloudevents.name", NULL, ""},
	{"schema.name.adjustment.mode", NULL, ""},
};

static bool
refuse_setting(const Property *p, const char *why, Error *err)
{
	err_set(err, ERR_CONFIG, "config_unsupported",
			"%.100s=%.100s is not supported yet: %s", p->name, p->value, why);
	err_detail(err, "It comes from %s.", p->origin);
	err_hint(err, "Remove it, or set value.converter=" JSON_CONVERTER ".");
	return false;
}

/*
 * An item of metadata.source: what comes from a header goes to "names".  Of
 * traceparent and dataSchemaName another property must ask for it, too.
 */
static bool
metadata_item(const Converter *c, const char *item, bool first, char **names)
{
	static const char *const headers[] = {"id", "type", "dataSchemaName"};
	const Property *enable =
		find(c->from, c->side, ".schema.data.name.source.header.enable");
	bool named = false;
	int index;
	char *longer;

	if (first)
		return config_word_find("value", item, NULL, NULL);
	if (config_word_find("id:generate|type:generate|traceparent:header|"
						 "traceparent:generate|dataSchemaName:generate",
						 item, NULL, NULL))
		return true;
	if (!config_word_find("id:header|type:header|dataSchemaName:header", item,
						  &index, NULL))
		return false;
	if (index == 2 &&
		(enable == NULL || !config_parse_bool(enable->value, &named) || !named))
		return true;
	longer = config_printf("%s%s%s", *names, **names != '\0' ? "," : "",
						   headers[index]);
	free(*names);
	*names = longer;
	return true;
}

/* The converter reads headers as this one writes them, and no others. */
static bool
check_header_converter(const Config *cfg, const Property *p, Error *err)
{
	const char *format = config_text(cfg, config_find_option("header.format"));
	const char *schemas =
		config_text(cfg, config_find_option("header.schemas.enable"));
	bool enabled = false;

	if (strcmp(format, "json") == 0 && config_parse_bool(schemas, &enabled) &&
		enabled)
		return true;
	err_set(err, ERR_CONFIG, "config_unsupported",
			"%.100s=%.100s needs headers in JSON with their schemas", p->name,
			p->value);
	err_detail(err,
			   "CloudEventsConverter cannot read others, and would stop the "
			   "connector. It comes from %s.",
			   p->origin);
	err_hint(err, "Set header.converter=" JSON_CONVERTER
				  " and header.converter.schemas.enable=true.");
	return false;
}

/* "value,id:generate,…" */
static bool
apply_metadata_source(Config *cfg, const Converter *c, Error *err)
{
	const Property *p = find(c->from, c->side, ".metadata.source");
	const char *item = p != NULL ? p->value : "";
	char *names = config_strndup("", 0);
	bool ok = true;

	for (bool first = true; ok && *item != '\0'; first = false)
	{
		size_t len = strcspn(item, ",");
		char *word = config_strndup(item, len);
		char *trimmed = word + strspn(word, " \t");

		for (size_t n = strlen(trimmed); n > 0 && isspace(trimmed[n - 1]); n--)
			trimmed[n - 1] = '\0';
		ok = metadata_item(c, trimmed, first, &names);
		if (!ok)
			refuse_setting(p,
						   "the records have no headers source and op; begin "
						   "it with value",
						   err);
		free(word);
		item += len + (item[len] == ',');
	}
	if (ok && *names != '\0')
		ok = check_header_converter(cfg, p, err) &&
			 config_set_name(cfg, "metadata.headers", names, p->origin, c->rank,
							 err);
	free(names);
	return ok;
}

/* The event is made of what the transforms leave. */
static bool
check_envelopes(const Config *cfg, const Converter *c, Error *err)
{
	const char *transforms = config_text(cfg, config_find_option("transforms"));
	const char *format = config_text(cfg, config_find_option("format"));

	if (strcmp(format, "flat") != 0 && strstr(transforms, "outbox ") == NULL)
		return true;
	err_set(err, ERR_CONFIG, "config_unsupported",
			"CloudEventsConverter takes envelopes, but %s makes something "
			"else of them",
			strcmp(format, "flat") == 0 ? "ExtractNewRecordState"
										: "the outbox event router");
	err_detail(err,
			   "Kafka Connect would write null in place of every value. The "
			   "converter comes from %s.",
			   c->cls->origin);
	err_hint(err, "Take the transform off the list \"transforms\", or set "
				  "value.converter=" JSON_CONVERTER ".");
	return false;
}

static bool
apply_cloudevents(Config *cfg, const Converter *c, Error *err)
{
	const Property *p;

	for (size_t i = 0;
		 i < sizeof(cloudevents_properties) / sizeof(cloudevents_properties[0]);
		 i++)
	{
		char *rest = config_printf(".%s", cloudevents_properties[i].name);

		p = find(c->from, c->side, rest);
		free(rest);
		if (p != NULL && cloudevents_properties[i].silent != NULL &&
			!config_word_find(cloudevents_properties[i].silent, p->value, NULL,
							  NULL))
			return refuse_setting(p, cloudevents_properties[i].why, err);
	}
	if (!apply_metadata_source(cfg, c, err) || !check_envelopes(cfg, c, err))
		return false;
	p = find(c->from, c->side, ".extension.attributes.enable");
	if (p != NULL && !config_set_name(cfg, "extension.attributes.enable",
									  p->value, p->origin, c->rank, err))
		return false;
	return config_set_name(cfg, "format", "cloudevents", c->cls->origin,
						   c->rank, err);
}

/* ---- values that are no JSON --------------------------------------------- */

/* StringConverter and those of bytes are for the payloads of an outbox. */
static bool
check_outbox(const Config *cfg, const Converter *c, Error *err)
{
	const char *transforms = config_text(cfg, config_find_option("transforms"));

	if (strstr(transforms, "outbox ") != NULL)
		return true;
	err_set(err, ERR_CONFIG, "config_unsupported",
			"value.converter is %.150s, which is supported for the payloads "
			"of the outbox event router only",
			c->cls->value);
	err_detail(err,
			   "It comes from %s. Of a change of a row it would write the "
			   "text that Java has for it (Struct{before=...}), or fail.",
			   c->cls->origin);
	err_hint(err, "Set value.converter=" JSON_CONVERTER ", or add "
				  "io.debezium.transforms.outbox.EventRouter to the list "
				  "\"transforms\".");
	return false;
}

static bool
apply_text_values(Config *cfg, const Converter *c, Error *err)
{
	return check_outbox(cfg, c, err) &&
		   config_set_name(cfg, "value.format", "string", c->cls->origin,
						   c->rank, err) &&
		   config_set_name(cfg, "value.schemas.enable", "false", c->cls->origin,
						   c->rank, err) &&
		   config_set_name(cfg, "source.snapshot.default", "false",
						   c->cls->origin, c->rank, err);
}

static bool
is_bytes_converter(const Converter *c)
{
	return c->cls != NULL && strcmp(c->side, "value") == 0 &&
		   config_word_find("io.debezium.converters.BinaryDataConverter|"
							"BinaryDataConverter|"
							"io.debezium.converters.ByteArrayConverter|"
							"org.apache.kafka.connect.converters."
							"ByteArrayConverter|ByteArrayConverter",
							c->cls->value, NULL, NULL);
}

/* What is no payload (messages, heartbeats) goes to the delegate. */
static bool
apply_bytes_values(Config *cfg, const Converter *c, Error *err)
{
	const Property *p = find(c->from, c->side, ".delegate.converter.type");
	const Property *schemas =
		find(c->from, c->side, ".delegate.converter.type.schemas.enable");

	if (!check_outbox(cfg, c, err))
		return false;
	if (p != NULL && !config_word_find(JSON_CONVERTER "|JsonConverter",
									   p->value, NULL, NULL))
		return refuse_setting(p, "only JsonConverter is", err);
	if (p == NULL)
		config_warn(cfg,
					"%s (%s) has no delegate.converter.type: records whose "
					"values are no bytes (logical messages, transaction "
					"metadata, heartbeats) are JSON, where Kafka Connect "
					"would fail",
					c->cls->value, c->cls->origin);
	return config_set_name(cfg, "value.format", "bytes", c->cls->origin,
						   c->rank, err) &&
		   config_set_name(cfg, "value.schemas.enable",
						   schemas != NULL ? schemas->value
						   : p != NULL	   ? "true"
										   : "false",
						   c->cls->origin, c->rank, err);
}

static bool
apply(Config *cfg, const Converter *c, Error *err)
{
	const Property *p;
	char *option;
	char *value;
	bool ok;

	/* Struct.toString and the like: for keys alone */
	if (strcmp(c->side, "key") == 0 && is_string_converter(c))
		return config_set_name(cfg, "key.format", "string", c->cls->origin,
							   c->rank, err) &&
			   config_set_name(cfg, "key.schemas.enable", "false",
							   c->cls->origin, c->rank, err);
	if (is_string_converter(c))
		return apply_text_values(cfg, c, err);
	if (is_bytes_converter(c))
		return apply_bytes_values(cfg, c, err);
	if (is_cloudevents(c) ? !apply_cloudevents(cfg, c, err)
						  : !check_class(c, err))
		return false;
	if (!apply_decimal_format(cfg, c, err))
		return false;
	warn_of_idle(cfg, c);
	option = config_printf("%s.schemas.enable", c->side);
	p = find_json(c, ".schemas.enable");
	if (p == NULL)
	{
		char *origin =
			config_printf("%s (default of JsonConverter)", c->cls->origin);

		ok = config_set_name(cfg, option, "true", origin, c->rank, err);
		free(origin);
	}
	else
	{
		value = config_expand(p->value, p->name, p->origin, NULL, err);
		ok = value != NULL &&
			 config_set_name(cfg, option, value, p->origin, c->rank, err);
		free(value);
	}
	free(option);
	return ok;
}

/* A NULL in a column with a default is published as the default unless both
 * the transform and the converter are told not to. */
static bool
apply_null_defaults(Config *cfg, const Converter *value, Error *err)
{
	const Property *p = value->from != NULL
							? find_json(value, ".replace.null.with.default")
							: NULL;
	const ConfigOption *o = config_find_option("replace.null.with.default");
	const ConfigOption *format = config_find_option("format");
	bool converter = true;
	bool transform = true;

	/* where the connector says nothing, its default or a native file holds */
	if (!cfg->connector_json ||
		(p == NULL && cfg->state->settings[o - config_options].rank !=
						  cfg->state->connector_rank))
		return true;
	if (p != NULL && !config_parse_bool(p->value, &converter))
	{
		err_set(err, ERR_CONFIG, "config_bad_value",
				"the value \"%.100s\" of %s is not valid", p->value, p->name);
		err_detail(err, "It comes from %s.", p->origin);
		err_hint(err, "%s is true or false.", p->name);
		return false;
	}
	if (!config_set_name(cfg, "source.snapshot.default",
						 converter || is_cloudevents(value) ? "true" : "false",
						 p != NULL ? p->origin : config_origin(cfg, o),
						 cfg->state->connector_rank, err))
		return false;
	if (!config_parse_bool(config_text(cfg, o), &transform))
		transform = true;
	/* without the transform there is only the converter */
	if (strcmp(config_text(cfg, format), "flat") != 0)
		transform = converter;
	if (!transform && converter)
		config_warn(cfg,
					"replace.null.with.default=false of the transform has no "
					"effect: as in Kafka Connect, the converter still puts "
					"in defaults unless "
					"value.converter.replace.null.with.default=false");
	return config_set(cfg, o, transform || converter ? "true" : "false",
					  p != NULL ? p->origin : config_origin(cfg, o),
					  cfg->state->connector_rank, err);
}

bool
config_apply_converters(Config *cfg, Error *err)
{
	static const char *const sides[] = {"key", "value"};
	Converter c = {0};
	bool named = false;

	if (!apply_headers(cfg, err))
		return false;
	for (int i = 0; i < 2; i++)
	{
		choose(cfg, sides[i], &c);
		if (c.from == NULL)
			continue;
		named = true;
		if (!apply(cfg, &c, err))
			return false;
	}
	if (cfg->connector_json && !named)
		config_warn(cfg,
					"no converter is named, neither in %s nor in a worker's "
					"file nor in the environment: records are JSON with "
					"schemas, Kafka Connect's default; "
					"value.converter.schemas.enable=false and "
					"key.converter.schemas.enable=false turn them off",
					cfg->state->connector_file);
	return apply_null_defaults(cfg, &c, err);
}
