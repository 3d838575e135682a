/*
 * options.c
 *		Options of the output plugin: names and values on lines, as any role
 *		with REPLICATION may send them.  Patterns, transforms, masks and topics
 *		are checked with them; what is accepted is accepted again.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"

#include "filter.h"
#include "options.h"
#include "route.h"

#include "fuzz.h"
#include "shim/shim.h"

static List *
take_options(FuzzInput *in)
{
	List *list = NIL;
	bool prefix = false;

	for (int i = 0; i < 20 && in->left > 0; i++)
	{
		char *name = fuzz_text(in, '=');
		char *value = fuzz_text(in, '\n');
		DefElem *elem = palloc0(sizeof(DefElem));

		elem->defname = pstrdup(name);
		elem->arg = (Node *) makeString(pstrdup(value));
		prefix |= strcmp(name, "topic.prefix") == 0;
		list = lappend(list, elem);
		free(name);
		free(value);
	}
	if (!prefix)
	{
		DefElem *elem = palloc0(sizeof(DefElem));

		elem->defname = "topic.prefix";
		elem->arg = (Node *) makeString("p");
		list = lappend(list, elem);
	}
	return list;
}

static void
check_topic(const char *topic)
{
	FUZZ_CHECK(strlen(topic) <= 249, "%zu characters", strlen(topic));
	FUZZ_CHECK(strspn(topic, "abcdefghijklmnopqrstuvwxyz"
							 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
				   strlen(topic),
			   "%s", topic);
}

/* Names as a catalogue may hold them. */
static void
check_names(const PluginOptions *opts, const char *name)
{
	const char *adjusted;

	check_topic(topic_sanitize(name));
	check_topic(topic_name(opts, name, "t"));
	filter_table(opts, name, name);
	filter_column(opts, "s", "t", name);
	adjusted = field_name_adjust(opts, name);
	if (opts->field_adjustment != NAMES_NONE && name[0] != '\0')
	{
		FUZZ_CHECK(strspn(adjusted, "abcdefghijklmnopqrstuvwxyz"
									"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
					   strlen(adjusted),
				   "%s", adjusted);
		FUZZ_CHECK(adjusted[0] < '0' || adjusted[0] > '9', "%s", adjusted);
	}
	if (opts->transforms != NULL)
		for (int i = 0; i < opts->transforms->nsteps; i++)
			if (opts->transforms->steps[i].route != NULL)
				route_apply(opts->transforms->steps[i].route, name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzInput in = {data, size};
	/* of the heap: written between setjmp and longjmp */
	bool *parsed = calloc(1, sizeof(bool));
	PluginOptions *opts = calloc(2, sizeof(PluginOptions));

	if (size > 4096)
		in.left = 4096;
	shim_secrets = "6162,00ff";
	if (SHIM_TRY())
	{
		List *list = take_options(&in);
		ListCell *lc;

		foreach(lc, list)
		{
			const char *value = strVal(((DefElem *) lfirst(lc))->arg);

			/* options come in the database's encoding */
			if (pg_encoding_verifymbstr(PG_UTF8, value, (int) strlen(value)) !=
				(int) strlen(value))
				goto out;
		}
		options_parse(&opts[0], list);
		*parsed = true;
		options_parse(&opts[1], list);
		FUZZ_CHECK(opts[0].format == opts[1].format &&
					   opts[0].table_include.count ==
						   opts[1].table_include.count &&
					   strcmp(opts[0].topic_prefix, opts[1].topic_prefix) == 0,
				   "another result");
		foreach(lc, list)
			check_names(&opts[0], strVal(((DefElem *) lfirst(lc))->arg));
	}
	else
		FUZZ_CHECK(!*parsed && shim_error_text[0] != '\0',
				   "accepted, and then refused: %s", shim_error_text);
out:
	shim_reset();
	free(parsed);
	free(opts);
	return 0;
}
