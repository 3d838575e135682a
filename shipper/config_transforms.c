/*
 * config_transforms.c
 *		Kafka Connect's transforms and predicates: from class names to the steps
 *		of the decoder's option "transforms" (decoder/transform.h).
 */
#include "config_internal.h"

#include <ctype.h>
#include <strings.h>

#define CONNECT	 "org.apache.kafka.connect.transforms."
#define DEBEZIUM "io.debezium.transforms."

/* class → step; "of" tells its two variants apart */
static const struct
{
	const char *class;
	const char *step;
	const char *of;
} steps[] = {
	{CONFIG_UNWRAP_CLASS, "unwrap", NULL},
	{CONNECT "RegexRouter", "regex-router", NULL},
	{DEBEZIUM "ByLogicalTableRouter", "logical-router", NULL},
	{DEBEZIUM "outbox.EventRouter", "outbox", NULL},
	{DEBEZIUM "TimezoneConverter", "timezone-converter", NULL},
	{CONNECT "InsertField$Key", "insert-field", "key"},
	{CONNECT "InsertField$Value", "insert-field", "value"},
	{CONNECT "InsertHeader", "insert-header", NULL},
	{CONNECT "ReplaceField$Key", "replace-field", "key"},
	{CONNECT "ReplaceField$Value", "replace-field", "value"},
	{CONNECT "MaskField$Key", "mask-field", "key"},
	{CONNECT "MaskField$Value", "mask-field", "value"},
	{CONNECT "Cast$Key", "cast", "key"},
	{CONNECT "Cast$Value", "cast", "value"},
	{CONNECT "TimestampConverter$Key", "timestamp-converter", "key"},
	{CONNECT "TimestampConverter$Value", "timestamp-converter", "value"},
	{CONNECT "ValueToKey", "value-to-key", NULL},
	{CONNECT "ExtractField$Key", "extract-key", NULL},
};
#define STEP_COUNT (sizeof(steps) / sizeof(steps[0]))

/* what to use instead of a class; its name may go on with "$Value" */
static const struct
{
	const char *class;
	const char *instead;
} refused[] = {
	{DEBEZIUM "Filter",
	 "Scripts are not run. Select tables with table.include.list, operations "
	 "with skipped.operations, and rows with the row filter of a publication "
	 "(publication.name)."},
	{DEBEZIUM "ContentBasedRouter",
	 "Scripts are not run. Route by table with RegexRouter, or by a column "
	 "with io.debezium.transforms.outbox.EventRouter."},
	{CONNECT "Filter",
	 "Leave tables out with table.exclude.list, operations with "
	 "skipped.operations, and tombstones with tombstones.on.delete=false or "
	 "ExtractNewRecordState's delete.tombstone.handling.mode=rewrite."},
	{CONNECT "ExtractField$Value",
	 "Use " CONFIG_UNWRAP_CLASS " for the row alone."},
	{CONNECT "TimestampRouter",
	 "Records of a source have no timestamp before they are produced; route "
	 "with RegexRouter."},
	{DEBEZIUM "ToLogicalTopicRouter",
	 "Use io.debezium.transforms.ByLogicalTableRouter, with "
	 "key.field.name=__dbz__sourceIdentifier for the same keys."},
	{DEBEZIUM "PartitionRouting",
	 "Records go to partitions by their keys: choose these with "
	 "message.key.columns."},
	{CONNECT "SetSchemaMetadata", "Leave it out; the names of schemas are "
								  "those that Debezium gives them."},
};

/* a property of a step */
static const struct
{
	const char *step; /* "*" for all */
	const char *name;
	const char *word;	/* of the step; NULL: it is not passed on */
	const char *silent; /* not passed on: values that are as we do it */
	const char *why;	/* why another cannot be honoured */
} properties[] = {
	{"*", "replace.null.with.default", NULL, "true|false", ""},
	{"*", "type", NULL, NULL, ""},
	{"*", "predicate", NULL, NULL, ""},
	{"*", "negate", NULL, NULL, ""},
	{"unwrap", "drop.fields.header.name", "drop.fields.header.name", NULL, ""},
	{"unwrap", "drop.fields.from.key", "drop.fields.from.key", NULL, ""},
	{"unwrap", "drop.fields.keep.schema.compatible",
	 "drop.fields.keep.schema.compatible", NULL, ""},
	{"regex-router", "regex", "regex", NULL, ""},
	{"regex-router", "replacement", "replacement", NULL, ""},
	{"logical-router", "topic.regex", "topic.regex", NULL, ""},
	{"logical-router", "topic.replacement", "topic.replacement", NULL, ""},
	{"logical-router", "key.enforce.uniqueness", "key.enforce.uniqueness", NULL,
	 ""},
	{"logical-router", "key.field.name", "key.field.name", NULL, ""},
	{"logical-router", "key.field.regex", "key.field.regex", NULL, ""},
	{"logical-router", "key.field.replacement", "key.field.replacement", NULL,
	 ""},
	{"logical-router", "logical.table.cache.size", NULL, NULL, ""},
	{"logical-router", "schema.name.adjustment.mode", NULL, "none",
	 "the names of schemas would differ"},
	{"timezone-converter", "converted.timezone", "converted.timezone", NULL,
	 ""},
	{"timezone-converter", "include.list", "include.list", NULL, ""},
	{"timezone-converter", "exclude.list", "exclude.list", NULL, ""},
	{"insert-field", "topic.field", "topic.field", NULL, ""},
	{"insert-field", "timestamp.field", "timestamp.field", NULL, ""},
	{"insert-field", "static.field", "static.field", NULL, ""},
	{"insert-field", "static.value", "static.value", NULL, ""},
	{"insert-field", "partition.field", "partition.field", NULL, ""},
	{"insert-field", "offset.field", NULL, "",
	 "only the records of a sink connector have offsets"},
	{"insert-header", "header", "header", NULL, ""},
	{"insert-header", "value.literal", "value.literal", NULL, ""},
	{"replace-field", "include", "include", NULL, ""},
	{"replace-field", "exclude", "exclude", NULL, ""},
	{"replace-field", "whitelist", "include", NULL, ""},
	{"replace-field", "blacklist", "exclude", NULL, ""},
	{"replace-field", "renames", "renames", NULL, ""},
	{"mask-field", "fields", "fields", NULL, ""},
	{"mask-field", "replacement", "replacement", NULL, ""},
	{"cast", "spec", "spec", NULL, ""},
	{"timestamp-converter", "field", "field", NULL, ""},
	{"timestamp-converter", "target.type", "target.type", NULL, ""},
	{"timestamp-converter", "format", "format", NULL, ""},
	{"timestamp-converter", "unix.precision", "unix.precision", NULL, ""},
	{"value-to-key", "fields", "fields", NULL, ""},
	{"extract-key", "field", "field", NULL, ""},
	{"extract-key", "field.syntax.version", NULL, "V1",
	 "a nested field cannot be taken out of a key"},
	{"outbox", "route.by.field", "route.by.field", NULL, ""},
	{"outbox", "route.topic.regex", "route.topic.regex", NULL, ""},
	{"outbox", "route.topic.replacement", "route.topic.replacement", NULL, ""},
	{"outbox", "route.tombstone.on.empty.payload",
	 "route.tombstone.on.empty.payload", NULL, ""},
	{"outbox", "table.field.event.id", "table.field.event.id", NULL, ""},
	{"outbox", "table.field.event.key", "table.field.event.key", NULL, ""},
	{"outbox", "table.field.event.type", NULL, NULL, ""},
	{"outbox", "table.field.event.payload", "table.field.event.payload", NULL,
	 ""},
	{"outbox", "table.field.event.timestamp", "table.field.event.timestamp",
	 NULL, ""},
	{"outbox", "table.field.event.schema.version",
	 "table.field.event.schema.version", NULL, ""},
	{"outbox", "table.fields.additional.placement",
	 "table.fields.additional.placement", NULL, ""},
	{"outbox", "table.field.additional.missing",
	 "table.field.additional.missing", NULL, ""},
	{"outbox", "table.fields.additional.error.on.missing", NULL, "true",
	 "set table.field.additional.missing=ignore instead"},
	{"outbox", "table.expand.json.payload", "table.expand.json.payload", NULL,
	 ""},
	{"outbox", "table.json.payload.null.behavior",
	 "table.json.payload.null.behavior", NULL, ""},
	{"outbox", "table.op.invalid.behavior", "table.op.invalid.behavior", NULL,
	 ""},
	{"outbox", "tracing.span.context.field", NULL, NULL, ""},
	{"outbox", "tracing.operation.name", NULL, NULL, ""},
	{"outbox", "tracing.with.context.field.only", NULL, NULL, ""},
};
#define PROPERTY_COUNT (sizeof(properties) / sizeof(properties[0]))

/* "step property": without these a step has no meaning */
static const char *const required[] = {
	"regex-router regex",
	"regex-router replacement",
	"logical-router topic.regex",
	"logical-router topic.replacement",
	"timezone-converter converted.timezone",
	"insert-header header",
	"insert-header value.literal",
	"mask-field fields",
	"cast spec",
	"timestamp-converter target.type",
	"value-to-key fields",
	"extract-key field",
};

/* ---- the text of a step ---- */

static void
spec_add(ConfigSteps *s, const char *p, size_t n)
{
	s->text = config_alloc(s->text, s->len + n + 1);
	memcpy(s->text + s->len, p, n);
	s->len += n;
	s->text[s->len] = '\0';
}

/* " name=value", with %XX for what separates */
void
config_steps_word(ConfigSteps *s, const char *name, const char *value)
{
	char hex[4];

	spec_add(s, " ", 1);
	spec_add(s, name, strlen(name));
	spec_add(s, "=", 1);
	for (const char *p = value; *p != '\0'; p++)
	{
		unsigned char c = (unsigned char) *p;

		if (c > ' ' && c != 0x7f && c != '%' && c != ';' && c != '\\' &&
			c != '\'')
		{
			spec_add(s, p, 1);
			continue;
		}
		snprintf(hex, sizeof(hex), "%%%02X", c);
		spec_add(s, hex, 3);
	}
}

/* ---- properties ---- */

static bool
known_property(const char *step, size_t i)
{
	return properties[i].step[0] == '*' ||
		   strcmp(properties[i].step, step) == 0;
}

void
config_transform_ignore(const ConfigTransform *t, const Property *p,
						const Nearest *n)
{
	const char *near = config_nearest_result(n);

	config_warn(t->cfg,
				"%.150s (%s) is not a known property of the transform and is "
				"ignored%s%s%s",
				p->name, p->origin, near != NULL ? "; did you mean " : "",
				near != NULL ? near : "", near != NULL ? "?" : "");
}

static bool
apply_property(const ConfigTransform *t, ConfigSteps *spec, const char *step,
			   const Property *p, const char *name)
{
	Nearest n = {.wanted = name};

	for (size_t i = 0; i < PROPERTY_COUNT; i++)
	{
		if (!known_property(step, i))
			continue;
		config_nearest_offer(&n, properties[i].name);
		if (strcmp(properties[i].name, name) != 0)
			continue;
		if (properties[i].word != NULL)
		{
			config_steps_word(spec, properties[i].word, p->value);
			return true;
		}
		if (properties[i].silent == NULL || p->value[0] == '\0' ||
			config_word_find(properties[i].silent, p->value, NULL, NULL))
			return true;
		err_set(t->err, ERR_CONFIG, "config_unsupported",
				"%.150s=%.60s of the transform \"%.60s\" cannot be honoured: "
				"%s",
				p->name, p->value, t->alias, properties[i].why);
		err_detail(t->err, "It comes from %s.", p->origin);
		err_hint(t->err, "Remove it.");
		return false;
	}
	config_transform_ignore(t, p, &n);
	return true;
}

/* Whether the value of a property names fields, as in "amount:string". */
static bool
names_fields(const ConfigTransform *t, const char *step)
{
	const Property *p =
		config_transform_find(t, strcmp(step, "cast") == 0 ? "spec" : "field");

	if (p == NULL || p->value[0] == '\0')
		return false;
	return strcmp(step, "cast") != 0 || strchr(p->value, ':') != NULL;
}

/* Connect fails at the first record if a struct is to be cast as a whole. */
static bool
check_whole(const ConfigTransform *t, const ConfigSteps *spec, size_t i)
{
	const char *step = steps[i].step;
	bool key = steps[i].of != NULL && strcmp(steps[i].of, "key") == 0;
	bool outbox = spec->text != NULL && strstr(spec->text, "outbox ") != NULL;

	if ((strcmp(step, "cast") != 0 &&
		 strcmp(step, "timestamp-converter") != 0) ||
		names_fields(t, step) || outbox ||
		(key && spec->text != NULL &&
		 strstr(spec->text, "extract-key ") != NULL))
		return true;
	err_set(t->err, ERR_CONFIG, "config_unsupported",
			"the transform \"%.60s\" (%.100s) names no field: it would "
			"convert the whole %s, which is a struct",
			t->alias, steps[i].class, key ? "key" : "value");
	err_detail(t->err, "Kafka Connect fails at the first record with it.");
	err_hint(t->err,
			 strcmp(step, "cast") == 0
				 ? "Name fields, as in transforms.%.60s.spec=amount:string%s."
				 : "Name the field, transforms.%.60s.field=...%s.",
			 t->alias,
			 key ? ", or put ExtractField$Key before it, so that the key is "
				   "one value"
				 : "");
	return false;
}

static bool
check_required(const ConfigTransform *t, const char *step, const char *class)
{
	size_t len = strlen(step);

	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
	{
		const char *name = required[i] + len + 1;

		if (strncmp(required[i], step, len) != 0 || required[i][len] != ' ' ||
			config_transform_find(t, name) != NULL)
			continue;
		err_set(t->err, ERR_CONFIG, "config_missing",
				"the transform \"%.60s\" (%.100s) needs transforms.%.60s.%s",
				t->alias, class, t->alias, name);
		return false;
	}
	return true;
}

/* ---- one transform ---- */

/* Connect takes the last part of a class's name, too. */
static bool
is_class(const char *class, const char *wanted)
{
	const char *dot = strrchr(class, '.');

	return strcmp(class, wanted) == 0 || strcmp(dot + 1, wanted) == 0;
}

static bool
refuse_class(const ConfigTransform *t, const Property *type)
{
	const char *hint = NULL;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (is_class(refused[i].class, type->value))
			hint = refused[i].instead;
	err_set(t->err, ERR_CONFIG, "config_unsupported",
			"the transform \"%.60s\" (%.150s) is not supported: records would "
			"differ",
			t->alias, type->value);
	err_detail(t->err, "It comes from %s.", type->origin);
	if (hint != NULL)
		err_hint(t->err, "%s", hint);
	else
		err_hint(t->err,
				 "Take \"%.60s\" off the list \"transforms\" if its effect is "
				 "not needed. Columns are selected with column.include.list, "
				 "tables with table.include.list; doc/configuration.md lists "
				 "the transforms.",
				 t->alias);
	return false;
}

static bool
apply_unwrap(const ConfigTransform *t, ConfigSteps *spec, const Property *type)
{
	const Property *predicate = config_transform_find(t, "predicate");

	/* a second one finds nothing left to unwrap */
	if (spec->unwrapped)
		return true;
	spec->unwrapped = true;
	spec->plain_unwrap =
		spec->steps == 0 && (predicate == NULL || predicate->value[0] == '\0');
	return config_apply_unwrap(t, type);
}

/* The fields that go by a header: of no effect without its name. */
static void
add_drop_fields(const ConfigTransform *t, ConfigSteps *spec)
{
	const Property *header =
		config_transform_find(t, "drop.fields.header.name");

	if (header == NULL || header->value[0] == '\0')
		return;
	for (size_t i = 0; i < PROPERTY_COUNT; i++)
	{
		const Property *p = strcmp(properties[i].step, "unwrap") == 0
								? config_transform_find(t, properties[i].name)
								: NULL;

		if (p != NULL)
			config_steps_word(spec, properties[i].word, p->value);
	}
}

static bool
apply_properties(const ConfigTransform *t, ConfigSteps *spec, const char *step)
{
	const Properties *list = &t->cfg->state->connector;

	for (size_t i = 0; i < list->count; i++)
	{
		const Property *p = &list->items[i];
		const char *rest = config_transform_rest(p->name, t->alias);

		if (rest != NULL && !apply_property(t, spec, step, p, rest))
			return false;
	}
	if (strcmp(step, "insert-field") == 0 &&
		(config_transform_find(t, "timestamp.field") != NULL ||
		 config_transform_find(t, "partition.field") != NULL))
		config_warn(t->cfg,
					"the transform \"%.60s\" inserts nulls for "
					"timestamp.field and partition.field, as with Debezium, "
					"whose records have neither before they are produced; "
					"source.ts_ms is the time of the commit",
					t->alias);
	return true;
}

static bool
apply_one(const ConfigTransform *t, ConfigSteps *spec)
{
	const Property *type = config_transform_find(t, "type");
	size_t i = 0;
	bool unwrap;

	if (type == NULL)
	{
		err_set(t->err, ERR_CONFIG, "config_missing",
				"transforms names \"%.60s\", but there is no "
				"transforms.%.60s.type",
				t->alias, t->alias);
		err_hint(t->err, "Add its class, or take it off the list.");
		return false;
	}
	while (i < STEP_COUNT && !is_class(steps[i].class, type->value))
		i++;
	if (i == STEP_COUNT)
		return refuse_class(t, type);
	unwrap = strcmp(steps[i].step, "unwrap") == 0;
	if (unwrap && !apply_unwrap(t, spec, type))
		return false;
	if (!unwrap && (!check_required(t, steps[i].step, type->value) ||
					!check_whole(t, spec, i)))
		return false;
	if (!unwrap)
		spec->plain_unwrap = false;
	if (spec->steps++ > 0)
		spec_add(spec, "; ", 2);
	spec_add(spec, steps[i].step, strlen(steps[i].step));
	config_steps_word(spec, "alias", t->alias);
	if (steps[i].of != NULL)
		config_steps_word(spec, "of", steps[i].of);
	if (unwrap)
		add_drop_fields(t, spec);
	return config_apply_predicate(t, spec, unwrap) &&
		   (unwrap || apply_properties(t, spec, steps[i].step));
}

/* ---- the list ---- */

/* The next of a comma-separated list; the caller frees it.  NULL at the end. */
static char *
next_alias(const char **list)
{
	while (**list != '\0')
	{
		const char *begin = *list;
		size_t n = strcspn(begin, ",");

		*list += n + (begin[n] == ',');
		while (n > 0 && isspace((unsigned char) *begin))
			begin++, n--;
		while (n > 0 && isspace((unsigned char) begin[n - 1]))
			n--;
		if (n > 0)
			return config_strndup(begin, n);
	}
	return NULL;
}

/* Whether the name belongs to one of the listed transforms. */
static bool
is_listed(const char *list, const char *name)
{
	char *alias;
	bool found = false;

	while (!found && (alias = next_alias(&list)) != NULL)
	{
		found = config_transform_rest(name, alias) != NULL;
		free(alias);
	}
	return found;
}

static void
warn_of_unlisted(Config *cfg, const char *list)
{
	const Properties *all = &cfg->state->connector;

	for (size_t i = 0; i < all->count; i++)
		if (strncmp(all->items[i].name, "transforms.", 11) == 0 &&
			!is_listed(list, all->items[i].name))
			config_warn(cfg,
						"%.150s (%s) has no effect: the list \"transforms\" "
						"does not name its transform",
						all->items[i].name, all->items[i].origin);
}

bool
config_apply_transforms(Config *cfg, Error *err)
{
	const Properties *all = &cfg->state->connector;
	const Property *list = config_properties_find(all, "transforms");
	const char *rest = list != NULL ? list->value : "";
	ConfigSteps spec = {0};
	char *alias;
	bool ok = true;

	warn_of_unlisted(cfg, rest);
	while (ok && (alias = next_alias(&rest)) != NULL)
	{
		ConfigTransform t = {cfg, alias, err};

		ok = apply_one(&t, &spec);
		free(alias);
	}
	/* a lone unwrap is the format "flat" and nothing else */
	if (ok && spec.steps > 0 && !(spec.plain_unwrap && spec.steps == 1))
		ok = config_set_name(cfg, "transforms", spec.text, list->origin,
							 cfg->state->connector_rank, err);
	free(spec.text);
	return ok;
}
