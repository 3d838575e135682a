/*
 * config_explain.c
 *		`tuplecast config --explain FILE`: what becomes of each property of a
 *		connector's file.
 *
 * Each is tried on a configuration of its own by the code that reads it when
 * the program runs, so that what is told is what happens.
 */
#include "config_internal.h"

#include <jansson.h>
#include <strings.h>

#define HIDDEN "********"

typedef enum Outcome
{
	READ,
	PART,
	NO_EFFECT,
	UNKNOWN,
	REFUSED
} Outcome;

static const char *const outcome_words[] = {
	[READ] = "read",	   [PART] = "part",		  [NO_EFFECT] = "no effect",
	[UNKNOWN] = "unknown", [REFUSED] = "refused",
};

typedef struct Explanation
{
	Outcome outcome;
	char *means; /* "OPTION=VALUE", or NULL */
	char *says;	 /* or NULL */
} Explanation;

/* One property, and a configuration that nothing else was done to. */
typedef struct Trial
{
	const Properties *all;
	const Property *p;
	Config scratch;
	Error err;
	bool ok;
} Trial;

static bool
starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* ---- one property ---- */

static void
begin_trial(Trial *t, const Properties *all, const Property *p)
{
	memset(t, 0, sizeof(*t));
	t->all = all;
	t->p = p;
	config_begin(&t->scratch);
	t->scratch.connector_json = true;
	t->scratch.state->connector = *all;
	t->scratch.state->connector_rank = RANK_FILE;
	err_clear(&t->err);
}

static void
end_trial(Trial *t)
{
	t->scratch.state->connector = (Properties){0};
	config_free(&t->scratch);
}

static bool
is_secret(const char *name)
{
	const ConfigOption *o = config_find_option(name);
	const char *rest = name;

	if (o != NULL)
		return (o->flags & CF_SECRET) != 0;
	if (starts_with(name, "producer.override."))
		rest += 18;
	else if (starts_with(name, "kafka."))
		rest += 6;
	else if (config_is_signal_consumer(name))
		rest += strlen(CONFIG_SIGNAL_CONSUMER);
	return config_kafka_is_secret(rest) || strcasestr(name, "password") ||
		   strcasestr(name, "secret") || strcasestr(name, "jaas");
}

static char *
pair_text(const char *prefix, const char *name, const char *value, bool secret)
{
	return config_printf("%s%s=%s", prefix, name,
						 secret && value[0] != '\0' ? HIDDEN : value);
}

/* What the trial has set; the first of several. */
static char *
find_setting(const Trial *t)
{
	const Config *cfg = &t->scratch;
	const struct ConfigState *st = cfg->state;

	for (size_t i = 0; i < config_option_count; i++)
		if (st->settings[i].text != NULL)
			return pair_text("", config_options[i].name, st->settings[i].text,
							 (config_options[i].flags & CF_SECRET) != 0);
	if (cfg->kafka.count > 0)
		return pair_text("kafka.", cfg->kafka.items[0].name,
						 cfg->kafka.items[0].value, cfg->kafka.items[0].secret);
	if (cfg->signal_consumer.count > 0)
		return pair_text(CONFIG_SIGNAL_CONSUMER,
						 cfg->signal_consumer.items[0].name,
						 cfg->signal_consumer.items[0].value,
						 cfg->signal_consumer.items[0].secret);
	if (cfg->topic_creation.count > 0)
		return pair_text("topic.creation.default.",
						 cfg->topic_creation.items[0].name,
						 cfg->topic_creation.items[0].value, false);
	if (st->nmasks > 0)
		return config_printf("%s%s", st->masks[0].name,
							 st->masks[0].salt[0] != '\0' ? HIDDEN : "");
	return NULL;
}

static const char *
find_warning(const Trial *t, const char *part)
{
	for (const char *const *w = config_warnings(&t->scratch); *w != NULL; w++)
		if (strstr(*w, part) != NULL)
			return *w;
	return NULL;
}

static void
refuse(Explanation *e, const Error *err)
{
	e->outcome = REFUSED;
	e->says = config_printf("%s%s%s", err->text,
							err->hint[0] != '\0' ? ". " : "", err->hint);
}

/* A property that says what the connector does. */
static void
explain_plain(Trial *t, Explanation *e)
{
	const Property *p = t->p;
	const DebeziumProperty *d = config_debezium_find(p->name);
	const ConfigOption *o = config_find_option(p->name);
	Property expanded = *p;
	bool external = false;

	expanded.value =
		config_expand(p->value, p->name, p->origin, &external, &t->err);
	t->ok = expanded.value != NULL &&
			config_apply_property(&t->scratch, &expanded, external, &t->err);
	free(expanded.value);
	if (!t->ok)
	{
		refuse(e, &t->err);
		return;
	}
	e->means = external ? NULL : find_setting(t);
	if (e->means != NULL || external)
	{
		e->outcome = READ;
		if (o != NULL && (o->flags & CF_LATER))
			e->says = config_strdup(o->help);
		else if (d != NULL)
			e->says = config_strdup(d->why);
		return;
	}
	if (d != NULL || o != NULL)
	{
		e->outcome = NO_EFFECT;
		e->says = d != NULL && d->option[0] != '\0'
					  ? config_printf("%s is set, too", d->option)
					  : config_printf("%s%s",
									  d != NULL && d->verdict == DBZ_LATER
										  ? "a later version brings it: "
										  : "",
									  d != NULL ? d->why : "");
		return;
	}
	if (config_warnings(&t->scratch)[0] == NULL)
	{
		e->outcome = NO_EFFECT;
		e->says = config_strdup("as it is here anyway");
		return;
	}
	e->outcome = config_debezium_nearest(p->name) != NULL ||
						 find_warning(t, "not a known property") != NULL
					 ? UNKNOWN
					 : NO_EFFECT;
	e->says = config_strdup(config_warnings(&t->scratch)[0]);
}

/* ---- converters ---- */

/* the option that a converter's property means */
static const struct
{
	const char *property;
	const char *option;
} converter_options[] = {
	{"key.converter.schemas.enable", "key.schemas.enable"},
	{"key.converter.decimal.format", "key.decimal.format"},
	{"value.converter.schemas.enable", "value.schemas.enable"},
	{"value.converter.decimal.format", "decimal.format"},
	{"value.converter.replace.null.with.default", "replace.null.with.default"},
	{"header.converter", "header.format"},
	{"header.converter.schemas.enable", "header.schemas.enable"},
};

static void
explain_converter(Trial *t, Explanation *e)
{
	const char *side = starts_with(t->p->name, "key.")	   ? "key.converter"
					   : starts_with(t->p->name, "value.") ? "value.converter"
														   : "header.converter";
	const char *warning;

	t->ok = config_apply_converters(&t->scratch, &t->err);
	if (!t->ok && strstr(t->err.text, side) != NULL)
	{
		refuse(e, &t->err);
		return;
	}
	e->outcome = PART;
	e->says = config_strdup("a setting of the converter");
	for (size_t i = 0;
		 i < sizeof(converter_options) / sizeof(converter_options[0]); i++)
	{
		const char *name = converter_options[i].option;
		const ConfigOption *o;

		if (strcmp(t->p->name, converter_options[i].property) != 0)
			continue;
		o = config_find_option(name);
		e->outcome = READ;
		e->means = pair_text("", name, config_text(&t->scratch, o), false);
		free(e->says);
		e->says = NULL;
	}
	warning = find_warning(t, t->p->name);
	if (warning != NULL)
	{
		free(e->says);
		e->says = config_strdup(warning);
	}
}

/* ---- transforms ---- */

/* "unwrap" of "transforms.unwrap.type"; the caller frees it */
static char *
alias_of(const Properties *all, const char *name)
{
	const Property *list = config_properties_find(all, "transforms");
	const char *p = list != NULL ? list->value : "";

	name += strlen("transforms.");
	while (*p != '\0')
	{
		size_t n = strcspn(p, ", \t");

		/* an alias may have dots */
		if (n > 0 && strncmp(p, name, n) == 0 && name[n] == '.')
			return config_strndup(p, n);
		p += n;
		p += strspn(p, ", \t");
	}
	return NULL;
}

/* All properties, with this one transform in the list. */
static void
apply_alone(Trial *t, char *alias)
{
	Properties all = {0};

	for (size_t i = 0; i < t->all->count; i++)
	{
		const Property *p = &t->all->items[i];
		bool list = strcmp(p->name, "transforms") == 0;

		config_properties_add(&all, p->name, list ? alias : p->value, p->origin,
							  0);
	}
	t->scratch.state->connector = all;
	t->ok = config_apply_transforms(&t->scratch, &t->err);
	config_properties_free(&t->scratch.state->connector);
	t->scratch.state->connector = *t->all;
}

static void
explain_transform(Trial *t, Explanation *e)
{
	const char *name = t->p->name;
	char *alias = alias_of(t->all, name);
	char *type = alias != NULL ? config_printf("transforms.%s.type", alias)
							   : config_strdup("");
	char *quoted = config_printf("(%s)", name);
	const char *warning;

	t->ok = true;
	if (alias != NULL)
		apply_alone(t, alias);
	warning = find_warning(t, name);
	if (!t->ok &&
		(strstr(t->err.text, name) != NULL || strcmp(name, type) == 0))
		refuse(e, &t->err);
	else if (alias == NULL)
	{
		e->outcome = NO_EFFECT;
		e->says = config_strdup(
			"the list \"transforms\" does not name its transform");
	}
	else if (warning != NULL)
	{
		e->outcome = strstr(warning, "not a known") != NULL ? UNKNOWN : PART;
		e->says = config_strdup(warning);
	}
	else
	{
		e->outcome = PART;
		for (size_t i = 0; i < config_option_count; i++)
		{
			const Setting *set = &t->scratch.state->settings[i];

			if (set->text == NULL || strstr(set->origin, quoted) == NULL)
				continue;
			free(e->means);
			e->outcome = READ;
			e->means = pair_text("", config_options[i].name, set->text, false);
		}
		if (e->means == NULL)
			e->says = config_printf("a setting of the transform \"%s\"%s",
									alias, t->ok ? "" : ", which is refused");
	}
	free(alias);
	free(type);
	free(quoted);
}

/* "transforms", "predicates" and "predicates.*": all of them together */
static void
explain_chain(Trial *t, Explanation *e)
{
	const ConfigOption *o = config_find_option("transforms");
	const char *warning;

	t->ok = config_apply_transforms(&t->scratch, &t->err);
	warning = find_warning(t, t->p->name);
	e->outcome = PART;
	if (!t->ok && strstr(t->err.text, t->p->name) != NULL &&
		starts_with(t->p->name, "predicates"))
		refuse(e, &t->err);
	else if (starts_with(t->p->name, "predicates"))
		e->says = config_strdup(
			warning != NULL ? warning : "of the transforms that name it");
	else if (t->ok && config_text(&t->scratch, o)[0] != '\0')
	{
		e->outcome = READ;
		e->means = pair_text("", o->name, config_text(&t->scratch, o), false);
	}
	else
		e->says = config_strdup("the transforms, in this order");
}

static void
explain(const Properties *all, const Property *p, Explanation *e)
{
	Trial t;

	*e = (Explanation){.outcome = READ};
	begin_trial(&t, all, p);
	if (strcmp(p->name, "connector.class") == 0)
	{
		e->outcome = PART;
		e->says = config_strdup("says that this is a connector's file, for "
								"which Debezium's defaults hold");
		if (!config_check_class(p, &t.err))
		{
			free(e->says);
			refuse(e, &t.err);
		}
	}
	else if (starts_with(p->name, "key.converter") ||
			 starts_with(p->name, "value.converter") ||
			 starts_with(p->name, "header.converter"))
		explain_converter(&t, e);
	else if (starts_with(p->name, "transforms."))
		explain_transform(&t, e);
	else if (strcmp(p->name, "transforms") == 0 ||
			 starts_with(p->name, "predicates"))
		explain_chain(&t, e);
	else
		explain_plain(&t, e);
	end_trial(&t);
}

/* ---- output ---- */

static void
put_text(FILE *out, const char *s)
{
	for (; *s != '\0'; s++)
	{
		unsigned char c = (unsigned char) *s;

		if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\x%02x", c);
		else
			fputc(c, out);
	}
}

static void
print_text(FILE *out, const char *name, const char *value, const Explanation *e)
{
	put_text(out, name);
	fputc('=', out);
	put_text(out, value);
	fprintf(out, "\n    %s", outcome_words[e->outcome]);
	if (e->means != NULL)
	{
		fputs(" as ", out);
		put_text(out, e->means);
	}
	if (e->says != NULL && e->says[0] != '\0')
	{
		fputs(": ", out);
		put_text(out, e->says);
	}
	fputc('\n', out);
}

static json_t *
make_json(const Property *p, const char *name, const char *value,
		  const Explanation *e)
{
	return json_pack("{s:s, s:s, s:i, s:s, s:s?, s:s?}", "name", name, "value",
					 value, "line", p->line, "outcome",
					 outcome_words[e->outcome], "means", e->means, "says",
					 e->says != NULL && e->says[0] != '\0' ? e->says : NULL);
}

static bool
read_connector(const char *path, Properties *list, Error *err)
{
	size_t len;
	char *text = config_file_read(path, &len, err);
	Config notes;
	bool ok;

	if (text == NULL)
		return false;
	config_begin(&notes);
	ok = config_is_json(text)
			 ? config_json_parse(path, text, len, list, err)
			 : config_file_parse(path, text, list, &notes, err);
	config_free(&notes);
	free(text);
	if (ok && config_properties_find(list, "connector.class") == NULL)
		return err_set(err, ERR_CONFIG, "config_file",
					   "%s is no Debezium connector's configuration: it has no "
					   "connector.class",
					   path);
	return ok;
}

/* What each alone does not show, such as two lists that exclude each other. */
static bool
check_whole(const char *path, int argc, char **argv, Error *err)
{
	char **all = config_alloc(NULL, (size_t) (argc + 2) * sizeof(char *));
	Config cfg;
	bool ok;

	all[0] = (char *) "--config";
	all[1] = (char *) path;
	for (int i = 0; i < argc; i++)
		all[i + 2] = argv[i];
	ok = config_load(&cfg, argc + 2, all, err);
	if (ok)
		config_free(&cfg);
	free(all);
	return ok;
}

bool
config_explain(const char *path, int argc, char **argv, bool json, FILE *out,
			   Error *err)
{
	Properties list = {0};
	json_t *array = json_array();
	size_t counts[REFUSED + 1] = {0};
	bool ok;

	err_clear(err);
	if (!read_connector(path, &list, err))
	{
		config_properties_free(&list);
		json_decref(array);
		return false;
	}
	for (size_t i = 0; i < list.count; i++)
	{
		const Property *p = &list.items[i];
		int shown = (int) strlen(p->name);
		Explanation e;
		char *name;

		if (strstr(p->name, ".with.salt.") != NULL)
			shown = config_shown_length(p->name, strlen(p->name));
		name = config_printf("%.*s%s", shown, p->name,
							 p->name[shown] != '\0' ? "." HIDDEN : "");
		explain(&list, p, &e);
		counts[e.outcome]++;
		if (json)
			json_array_append_new(
				array,
				make_json(p, name, is_secret(p->name) ? HIDDEN : p->value, &e));
		else
			print_text(out, name, is_secret(p->name) ? HIDDEN : p->value, &e);
		free(name);
		free(e.means);
		free(e.says);
	}
	ok = check_whole(path, argc, argv, err);
	if (json)
	{
		json_t *root =
			json_pack("{s:o, s:b, s:s?}", "properties", array, "accepted", ok,
					  "error", ok ? NULL : err->text);

		json_dumpf(root, out, JSON_INDENT(2));
		fputc('\n', out);
		json_decref(root);
	}
	else
	{
		fprintf(out,
				"\n%zu properties: %zu read, %zu without effect, %zu unknown, "
				"%zu refused\n",
				list.count, counts[READ] + counts[PART], counts[NO_EFFECT],
				counts[UNKNOWN], counts[REFUSED]);
		json_decref(array);
	}
	config_properties_free(&list);
	return ok;
}
