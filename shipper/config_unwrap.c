/*
 * config_unwrap.c
 *		ExtractNewRecordState: its properties, to options.
 */
#include "config_internal.h"

#include <strings.h>

const Property *
config_transform_find(const ConfigTransform *t, const char *rest)
{
	char *name = config_printf("transforms.%s.%s", t->alias, rest);
	const Property *p = config_properties_find(&t->cfg->state->connector, name);

	free(name);
	return p;
}

static bool
set(const ConfigTransform *t, const char *option, const char *value,
	const Property *p)
{
	char *origin = config_printf("%s (%s)", p->origin, p->name);
	bool ok = config_set_name(t->cfg, option, value, origin,
							  t->cfg->state->connector_rank, t->err);

	free(origin);
	return ok;
}

/* ---- what a delete becomes ---- */

/* delete.handling.mode, drop.tombstones → delete.tombstone.handling.mode */
static const struct
{
	const char *mode;
	bool drop;
	const char *option;
} old_modes[] = {
	{"drop", true, "drop"},
	/* the delete goes, its tombstone stays */
	{"drop", false, "delete-to-tombstone"},
	{"none", true, "tombstone"},
	{"none", false, "tombstone-with-tombstone"},
	{"rewrite", true, "rewrite"},
	{"rewrite", false, "rewrite-with-tombstone"},
};

static bool
bad_value(const ConfigTransform *t, const Property *p, const char *wanted)
{
	err_set(t->err, ERR_CONFIG, "config_bad_value",
			"the value \"%.100s\" of %.100s is not valid", p->value, p->name);
	err_detail(t->err, "It comes from %s.", p->origin);
	err_hint(t->err, "It is %s.", wanted);
	return false;
}

static bool
apply_delete_mode(const ConfigTransform *t)
{
	const Property *now =
		config_transform_find(t, "delete.tombstone.handling.mode");
	const Property *mode = config_transform_find(t, "delete.handling.mode");
	const Property *drop = config_transform_find(t, "drop.tombstones");
	const char *word = mode != NULL ? mode->value : "drop";
	bool drops = true;

	if (now != NULL)
	{
		if (mode != NULL || drop != NULL)
			config_warn(t->cfg, "%s (%s) is ignored, since %s is set",
						mode != NULL ? mode->name : drop->name,
						mode != NULL ? mode->origin : drop->origin, now->name);
		return set(t, "delete.tombstone.handling.mode", now->value, now);
	}
	if (mode == NULL && drop == NULL)
		return true;
	if (drop != NULL && !config_parse_bool(drop->value, &drops))
		return bad_value(t, drop, "true or false");
	for (size_t i = 0; i < sizeof(old_modes) / sizeof(old_modes[0]); i++)
	{
		if (strcasecmp(old_modes[i].mode, word) != 0 ||
			old_modes[i].drop != drops)
			continue;
		config_warn(t->cfg,
					"delete.handling.mode=%s with drop.tombstones=%s, names "
					"before Debezium 3.2, is read as "
					"delete.tombstone.handling.mode=%s",
					old_modes[i].mode, drops ? "true" : "false",
					old_modes[i].option);
		return set(t, "delete.tombstone.handling.mode", old_modes[i].option,
				   mode != NULL ? mode : drop);
	}
	return bad_value(t, mode, "drop, none or rewrite");
}

/* ---- its other properties ---- */

/* property of the transform → option, or why not */
static const struct
{
	const char *name;
	const char *option; /* "" if there is none */
	const char *silent; /* values that need no word */
} unwrap_properties[] = {
	{"type", "", NULL},
	{"delete.tombstone.handling.mode", "", NULL},
	{"delete.handling.mode", "", NULL},
	{"predicate", "", NULL},
	{"negate", "", NULL},
	{"drop.tombstones", "", NULL},
	{"add.fields", "add.fields", NULL},
	{"add.fields.prefix", "add.fields.prefix", NULL},
	{"add.headers", "add.headers", NULL},
	{"add.headers.prefix", "add.headers.prefix", NULL},
	{"replace.null.with.default", "replace.null.with.default", NULL},
	{"route.by.field", "", ""},
	/* words of the step */
	{"drop.fields.header.name", "", NULL},
	{"drop.fields.from.key", "", NULL},
	{"drop.fields.keep.schema.compatible", "", NULL},
};
#define UNWRAP_COUNT (sizeof(unwrap_properties) / sizeof(unwrap_properties[0]))

static bool
apply_unwrap_property(const ConfigTransform *t, const Property *p,
					  const char *name)
{
	Nearest n = {.wanted = name};

	for (size_t i = 0; i < UNWRAP_COUNT; i++)
	{
		const char *silent = unwrap_properties[i].silent;

		config_nearest_offer(&n, unwrap_properties[i].name);
		if (strcmp(unwrap_properties[i].name, name) != 0)
			continue;
		if (unwrap_properties[i].option[0] != '\0')
			return set(t, unwrap_properties[i].option, p->value, p);
		if (silent == NULL || strcasecmp(silent, p->value) == 0)
			return true;
		err_set(t->err, ERR_CONFIG, "config_unsupported",
				"%.150s is not supported yet: records would differ", p->name);
		err_detail(t->err, "It comes from %s.", p->origin);
		err_hint(t->err, "Remove it if its effect is not needed.");
		return false;
	}
	config_transform_ignore(t, p, &n);
	return true;
}

const char *
config_transform_rest(const char *name, const char *alias)
{
	size_t n = strlen(alias);

	if (strncmp(name, "transforms.", 11) != 0 ||
		strncmp(name + 11, alias, n) != 0 || name[11 + n] != '.')
		return NULL;
	return name + 12 + n;
}

bool
config_apply_unwrap(const ConfigTransform *t, const Property *type)
{
	const Properties *list = &t->cfg->state->connector;

	if (!set(t, "format", "flat", type))
		return false;
	for (size_t i = 0; i < list->count; i++)
	{
		const char *rest = config_transform_rest(list->items[i].name, t->alias);

		if (rest != NULL && !apply_unwrap_property(t, &list->items[i], rest))
			return false;
	}
	return apply_delete_mode(t);
}
