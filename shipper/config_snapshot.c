/*
 * config_snapshot.c
 *		snapshot.*: queries in place of tables, and what makes no sense.
 */
#include "config_internal.h"

#include <string.h>

#define OVERRIDE "snapshot.select.statement.overrides."


bool
config_is_override(const char *name)
{
	return strncmp(name, OVERRIDE, strlen(OVERRIDE)) == 0 &&
		   name[strlen(OVERRIDE)] != '\0';
}

void
config_override_set(Config *cfg, const char *name, const char *value,
					const char *origin, int rank)
{
	config_pairs_set(&cfg->overrides, &cfg->state->override_ranks,
					 name + strlen(OVERRIDE), value, origin, false, rank);
}

/* Whether the list, as Debezium has it, names a table. */
static bool
list_has(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = list; (p = strstr(p, name)) != NULL; p++)
		if ((p == list || p[-1] == ',' || p[-1] == ' ') &&
			(p[len] == '\0' || p[len] == ',' || p[len] == ' '))
			return true;
	return false;
}

bool
config_repairs_slot(const Config *cfg)
{
	return cfg->slot_lost == SLOT_LOST_RESNAPSHOT ||
		   strcmp(cfg->snapshot_mode, "when_needed") == 0;
}

bool
config_check_snapshot(Config *cfg, Error *err)
{
	if (strcmp(cfg->snapshot_mode, "custom") == 0)
	{
		err_set(
			err, ERR_CONFIG, "config_value",
			"snapshot.mode=custom cannot be honoured: Java classes cannot be loaded here");
		err_hint(
			err,
			"Set one of no_data, initial, initial_only, always, when_needed, or configuration_based with snapshot.mode.configuration.based.*.");
		return false;
	}
	if (strcmp(cfg->snapshot_mode, "configuration_based") == 0 &&
		!cfg->snapshot_based_data && !cfg->snapshot_based_stream)
	{
		err_set(
			err, ERR_CONFIG, "config_value",
			"snapshot.mode=configuration_based asks for neither rows nor changes: nothing would be done");
		err_hint(
			err,
			"Set snapshot.mode.configuration.based.snapshot.data, snapshot.mode.configuration.based.start.stream, or both to true.");
		return false;
	}
	/* Debezium reads only what the list names */
	for (size_t i = 0; i < cfg->overrides.count; i++)
		if (!list_has(cfg->snapshot_overrides, cfg->overrides.items[i].name))
			config_warn(cfg,
						OVERRIDE
						"%s is used although "
						"snapshot.select.statement.overrides does not name it",
						cfg->overrides.items[i].name);
	return true;
}
