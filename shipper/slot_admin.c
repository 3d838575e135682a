/*
 * slot_admin.c
 *		What is done to slots outside of the stream.
 */
#include "slot_admin.h"

#include <stdlib.h>
#include <string.h>

/* invalidation_reason is of 17 and later */
static const char row_query[] =
	"SELECT s.slot_type = 'logical', s.active, s.plugin, s.database,"
	" s.wal_status = 'lost' OR pg_catalog.to_jsonb(s)->>'invalidation_reason' IS NOT NULL,"
	" s.confirmed_flush_lsn"
	" FROM pg_catalog.pg_replication_slots s WHERE s.slot_name = ";


bool
slot_row_read(SlotRow *row, CheckSession *s, const char *name, Error *err)
{
	PgText sql = {0};
	PGresult *res;

	memset(row, 0, sizeof(*row));
	pg_text_add(&sql, "%s", row_query);
	pg_text_quoted(&sql, name, '\'');
	res = check_query(s, sql.data, err);
	free(sql.data);
	if (res == NULL)
		return false;
	row->exists = PQntuples(res) == 1;
	if (row->exists)
	{
		row->logical = PQgetvalue(res, 0, 0)[0] == 't';
		row->active = PQgetvalue(res, 0, 1)[0] == 't';
		snprintf(row->plugin, sizeof(row->plugin), "%s", PQgetvalue(res, 0, 2));
		snprintf(row->database, sizeof(row->database), "%s",
				 PQgetvalue(res, 0, 3));
		row->lost = PQgetvalue(res, 0, 4)[0] == 't';
		if (!pg_parse_lsn(PQgetvalue(res, 0, 5), &row->confirmed_lsn))
			row->confirmed_lsn = 0;
	}
	PQclear(res);
	return true;
}

static bool
drop(CheckSession *s, const Config *cfg, bool wait, Error *err)
{
	PgText sql = {0};
	SlotRow row;
	PGresult *res;

	if (!slot_row_read(&row, s, cfg->slot_name, err))
		return false;
	if (!row.exists)
	{
		err_set(err, ERR_ENVIRONMENT, "slot_missing",
				"the replication slot \"%s\" does not exist", cfg->slot_name);
		err_hint(err,
				 "SELECT slot_name, plugin FROM pg_replication_slots; shows "
				 "those that do; name it with slot.name.");
		return false;
	}
	if (strcmp(row.plugin, "tuplecast") != 0)
	{
		err_set(err, ERR_ENVIRONMENT, "slot_plugin",
				"the replication slot \"%s\" is not tuplecast's, its output "
				"plugin is \"%s\"",
				cfg->slot_name, row.plugin);
		err_hint(err,
				 "If nobody needs it: SELECT pg_drop_replication_slot('%s');",
				 cfg->slot_name);
		return false;
	}
	pg_text_add(&sql, "DROP_REPLICATION_SLOT ");
	pg_text_quoted(&sql, cfg->slot_name, '"');
	pg_text_add(&sql, wait ? " WAIT" : "");
	res = check_query(s, sql.data, err);
	free(sql.data);
	if (res == NULL)
	{
		if (strcmp(s->sqlstate, "55006") == 0)
			err_hint(err, "Stop the tuplecast that streams from it first.");
		return false;
	}
	PQclear(res);
	return true;
}

bool
slot_drop(const Config *cfg, bool wait, Error *err)
{
	CheckSession s;
	bool ok;

	/* as run itself: a role that may replicate needs no other access */
	if (!check_connect(&s, cfg, true, err))
		return false;
	ok = drop(&s, cfg, wait, err);
	check_disconnect(&s);
	return ok;
}
