/*
 * config_predicate.c
 *		Kafka Connect's predicates: the conditions of a step of "transforms".
 */
#include "config_internal.h"

#define CONNECT "org.apache.kafka.connect.transforms."

static const Property *
predicate_property(const ConfigTransform *t, const char *predicate,
				   const char *rest)
{
	char *name = config_printf("predicates.%s.%s", predicate, rest);
	const Property *p = config_properties_find(&t->cfg->state->connector, name);

	free(name);
	return p;
}

static bool
predicate_error(const ConfigTransform *t, const Property *p, const char *what)
{
	err_set(t->err, ERR_CONFIG, "config_bad_value",
			"the predicate \"%.60s\" of the transform \"%.60s\" %s", p->value,
			t->alias, what);
	err_detail(t->err, "It comes from %s.", p->origin);
	err_hint(t->err,
			 "Predicates are TopicNameMatches (pattern), RecordIsTombstone "
			 "and HasHeaderKey (name) of " CONNECT "predicates, as in "
			 "predicates.%.60s.type.",
			 p->value);
	return false;
}

bool
config_apply_predicate(const ConfigTransform *t, ConfigSteps *spec, bool unwrap)
{
	static const char prefix[] = CONNECT "predicates.";
	const Property *p = config_transform_find(t, "predicate");
	const Property *negate = config_transform_find(t, "negate");
	const Property *type;
	const Property *arg;
	const char *class;
	bool negated = false;

	if (p == NULL || p->value[0] == '\0')
		return true;
	if (negate != NULL && !config_parse_bool(negate->value, &negated))
		return predicate_error(t, negate, "must be negated by true or false");
	type = predicate_property(t, p->value, "type");
	if (type == NULL)
		return predicate_error(t, p, "has no type");
	class = type->value;
	if (strncmp(class, prefix, sizeof(prefix) - 1) == 0)
		class += sizeof(prefix) - 1;
	if (strcmp(class, "TopicNameMatches") == 0)
	{
		arg = predicate_property(t, p->value, "pattern");
		if (arg == NULL || arg->value[0] == '\0')
			return predicate_error(t, p, "has no pattern");
		config_steps_word(spec, "if.topic", arg->value);
	}
	else if (unwrap)
		return predicate_error(t, p,
							   "cannot decide about the form of a single "
							   "record: of a table all are unwrapped, or none");
	else if (strcmp(class, "HasHeaderKey") == 0)
	{
		arg = predicate_property(t, p->value, "name");
		if (arg == NULL || arg->value[0] == '\0')
			return predicate_error(t, p, "has no name");
		config_steps_word(spec, "if.header", arg->value);
	}
	else if (strcmp(class, "RecordIsTombstone") == 0)
		config_steps_word(spec, "if.tombstone", "true");
	else
		return predicate_error(t, p, "is of a class that is not supported");
	if (negated)
		config_steps_word(spec, "if.not", "true");
	return true;
}
