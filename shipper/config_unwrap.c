/*
 * config_unwrap.c
 *		Kafka Connect's transforms: the class names of Debezium's, to options.
 */
#include "config_internal.h"

#include <ctype.h>
#include <strings.h>

#define UNWRAP_CLASS "io.debezium.transforms.ExtractNewRecordState"

typedef struct Transform
{
	Config *cfg;
	const char *alias;
	Error *err;
} Transform;

static const Property *
find(const Transform *t, const char *rest)
{
	char *name = config_printf("transforms.%s.%s", t->alias, rest);
	const Property *p = config_properties_find(&t->cfg->state->connector, name);

	free(name);
	return p;
}

static bool
set(const Transform *t, const char *option, const char *value,
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
	{"none", false, "delete-to-tombstone"},
	{"rewrite", true, "rewrite"},
	{"rewrite", false, "rewrite-with-tombstone"},
};

static bool
bad_value(const Transform *t, const Property *p, const char *wanted)
{
	err_set(t->err, ERR_CONFIG, "config_bad_value",
			"the value \"%.100s\" of %.100s is not valid", p->value, p->name);
	err_detail(t->err, "It comes from %s.", p->origin);
	err_hint(t->err, "It is %s.", wanted);
	return false;
}

static bool
apply_delete_mode(const Transform *t)
{
	const Property *now = find(t, "delete.tombstone.handling.mode");
	const Property *mode = find(t, "delete.handling.mode");
	const Property *drop = find(t, "drop.tombstones");
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
					"delete.tombstone.handling.mode=%s%s",
					old_modes[i].mode, drops ? "true" : "false",
					old_modes[i].option,
					strcmp(word, "none") == 0 && !drops
						? "; a delete is one tombstone, where Debezium sent "
						  "a null before it"
						: "");
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
	{"drop.tombstones", "", NULL},
	{"drop.fields.keep.schema.compatible", "", NULL},
	{"add.fields", "add.fields", NULL},
	{"add.fields.prefix", "add.fields.prefix", NULL},
	{"add.headers", "add.headers", NULL},
	{"add.headers.prefix", "add.headers.prefix", NULL},
	{"replace.null.with.default", "replace.null.with.default", NULL},
	{"route.by.field", "", ""},
	{"drop.fields.header.name", "", ""},
	{"drop.fields.from.key", "", "false"},
};
#define UNWRAP_COUNT (sizeof(unwrap_properties) / sizeof(unwrap_properties[0]))

static bool
apply_unwrap_property(const Transform *t, const Property *p, const char *name)
{
	Nearest n = {.wanted = name};
	const char *near;

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
	near = config_nearest_result(&n);
	config_warn(t->cfg,
				"%.150s (%s) is not a known property of the transform and is "
				"ignored%s%s%s",
				p->name, p->origin, near != NULL ? "; did you mean " : "",
				near != NULL ? near : "", near != NULL ? "?" : "");
	return true;
}

/* The rest of a name "transforms.ALIAS.rest", or NULL. */
static const char *
property_of(const char *name, const char *alias)
{
	size_t n = strlen(alias);

	if (strncmp(name, "transforms.", 11) != 0 ||
		strncmp(name + 11, alias, n) != 0 || name[11 + n] != '.')
		return NULL;
	return name + 12 + n;
}

static bool
apply_unwrap(const Transform *t, const Property *type)
{
	const Properties *list = &t->cfg->state->connector;

	if (!set(t, "format", "flat", type))
		return false;
	for (size_t i = 0; i < list->count; i++)
	{
		const char *rest = property_of(list->items[i].name, t->alias);

		if (rest != NULL && !apply_unwrap_property(t, &list->items[i], rest))
			return false;
	}
	return apply_delete_mode(t);
}

/* ---- the list ---- */

static bool
apply_one(const Transform *t, bool *unwrapped)
{
	const Property *type = find(t, "type");
	const Property *predicate = find(t, "predicate");

	if (type == NULL)
	{
		err_set(t->err, ERR_CONFIG, "config_missing",
				"transforms names \"%.60s\", but there is no "
				"transforms.%.60s.type",
				t->alias, t->alias);
		err_hint(t->err, "Add its class, or take it off the list.");
		return false;
	}
	if (strcmp(type->value, UNWRAP_CLASS) != 0)
	{
		err_set(t->err, ERR_CONFIG, "config_unsupported",
				"the transform %.150s (\"%.60s\") is not supported yet: "
				"records would differ",
				type->value, t->alias);
		err_detail(t->err, "It comes from %s.", type->origin);
		err_hint(t->err,
				 "Supported is " UNWRAP_CLASS ". Take \"%.60s\" off "
				 "the list \"transforms\" if its effect is not needed.",
				 t->alias);
		return false;
	}
	if (predicate != NULL)
	{
		err_set(t->err, ERR_CONFIG, "config_unsupported",
				"%.150s is not supported yet: the transform would hold for "
				"every record",
				predicate->name);
		err_detail(t->err, "It comes from %s.", predicate->origin);
		return false;
	}
	/* a second one finds nothing left to unwrap */
	if (*unwrapped)
		return true;
	*unwrapped = true;
	return apply_unwrap(t, type);
}

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
		found = property_of(name, alias) != NULL;
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
	const Property *predicates = config_properties_find(all, "predicates");
	const char *rest = list != NULL ? list->value : "";
	bool unwrapped = false;
	char *alias;

	warn_of_unlisted(cfg, rest);
	if (predicates != NULL && predicates->value[0] != '\0')
	{
		err_set(err, ERR_CONFIG, "config_unsupported",
				"predicates (\"%.100s\") are not supported yet",
				predicates->value);
		err_detail(err, "They come from %s.", predicates->origin);
		err_hint(err, "Remove them and the transforms that use them.");
		return false;
	}
	while ((alias = next_alias(&rest)) != NULL)
	{
		Transform t = {cfg, alias, err};
		bool ok = apply_one(&t, &unwrapped);

		free(alias);
		if (!ok)
			return false;
	}
	return true;
}
