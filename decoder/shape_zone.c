/*
 * shape_zone.c
 *		Which columns a timezone-converter changes.
 */
#include "compat.h"

#include "convert.h"
#include "shape_internal.h"

/* "source:", "topic:" or nothing; a prefix holds for the items behind it, too */
static const char *
zone_prefix(const char *item, const char *before)
{
	if (pg_strncasecmp(item, "topic:", 6) == 0)
		return "topic:";
	return pg_strncasecmp(item, "source:", 7) == 0 ? "source:" : before;
}

/*
 * The rule of a list for a table: "source:TABLE", "topic:TOPIC", or either
 * name alone, with or without ":FIELD".  Returns whether there is one; *fields
 * are those that it names.
 */
static bool
timezone_rule(const Draft *d, List *list, List **fields)
{
	const struct
	{
		const char *prefix;
		const char *name;
	} rules[] = {{"topic:", d->topic},
				 {"source:", d->plan->stream.name},
				 {"", d->topic},
				 {"", d->plan->stream.name}};

	*fields = NIL;
	for (int i = 0; i < lengthof(rules); i++)
	{
		size_t len = strlen(rules[i].name);
		const char *prefix = "";
		bool found = false;
		ListCell *lc;

		foreach(lc, list)
		{
			const char *item = lfirst(lc);
			const char *own = zone_prefix(item, "");

			prefix = own[0] != '\0' ? own : prefix;
			item += strlen(own);
			if (strcmp(prefix, rules[i].prefix) != 0 ||
				strncmp(item, rules[i].name, len) != 0 ||
				(item[len] != '\0' && item[len] != ':'))
				continue;
			found = true;
			if (item[len] == ':')
				*fields = lappend(*fields, pstrdup(item + len + 1));
		}
		if (found)
			return true;
	}
	return false;
}

/* The images of a column that a rule names: "X" both, "before.X" one. */
static int
named_images(List *fields, const char *name)
{
	int images = 0;

	if (shape_names_have(fields, name))
		return CONVERT_BEFORE | CONVERT_AFTER;
	if (shape_names_have(fields, psprintf("before.%s", name)))
		images |= CONVERT_BEFORE;
	if (shape_names_have(fields, psprintf("after.%s", name)))
		images |= CONVERT_AFTER;
	return images;
}

/* source.ts_ms and the like: only if one of them is named */
static void
apply_source_zone(Draft *d, const TransformStep *step, List *fields,
				  bool include)
{
	static const char *const clocks[] = {"ts_ms", "ts_us", "ts_ns"};
	bool named = false;
	ListCell *lc;
	int set = 0;

	foreach(lc, fields)
		named |= strncmp(lfirst(lc), "source.", 7) == 0;
	if (!named)
		return;
	for (int i = 0; i < lengthof(clocks); i++)
		if (shape_names_have(fields, psprintf("source.%s", clocks[i])) ==
			include)
			set |= 1 << i;
	if (metafields_have_source_clock(d->enc, true, set))
		shape_step_error(
			d, step,
			"add.headers has a time of the source block, which would be another time zone's; take it off, or put it in add.fields");
	d->source_zone = step;
	d->source_clocks = set;
	foreach(lc, d->value)
	{
		ShapeField *f = lfirst(lc);

		if (f->source == FIELD_SOURCE_BLOCK)
			convert_source_zone(f, step, set);
	}
}

void
shape_zone_apply(Draft *d, const TransformStep *step)
{
	List *include = transform_arg_list(step, "include.list");
	List *exclude = transform_arg_list(step, "exclude.list");
	List *fields;
	ListCell *lc;
	bool found;

	/* it changes nothing but envelopes */
	if (d->flat)
		return;
	found = timezone_rule(d, include != NIL ? include : exclude, &fields);
	if (include != NIL ? !found : found && fields == NIL)
		return;
	apply_source_zone(d, step, fields, include != NIL);
	foreach(lc, d->row)
	{
		ShapeField *f = lfirst(lc);
		int images = CONVERT_BEFORE | CONVERT_AFTER;

		if (include != NIL && fields != NIL)
			images = named_images(fields, f->name);
		else
			images &= ~named_images(fields, f->name);
		if (images != 0)
			convert_timezone(f, step, images);
	}
	d->row_changed = d->value_changed = true;
}
