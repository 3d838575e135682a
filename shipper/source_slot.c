/*
 * source_slot.c
 *		What the server says of itself and of the slot, judged; and the commands
 *		that ask for it.
 */
#include "source_slot.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "lsn.h"

/* columns of slot_query_text() */
enum
{
	Q_VERSION,
	Q_WAL_LEVEL,
	Q_SENDER_TIMEOUT,
	Q_DATABASE,
	Q_PLUGIN,
	Q_SLOT_DATABASE,
	Q_WAL_STATUS,
	Q_INVALIDATION,
	Q_CONFIRMED,
	Q_ACTIVE_PID,
	Q_FAILOVER,
	Q_SYNCED,
	Q_RECOVERY,
	Q_COUNT
};

static bool check_slot(SourceServer *sv, const PGresult *res, const Config *cfg,
					   uint64_t resume_lsn, Error *err);
static bool bad_reply(Error *err, const char *what);


SlotVerdict
slot_read_system(SourceServer *sv, const PGresult *res, uint64_t resume_lsn,
				 Error *err)
{
	const char *system_id;
	int timeline;

	if (PQntuples(res) != 1 || PQnfields(res) < 4 ||
		!pg_parse_lsn(PQgetvalue(res, 0, 2), &sv->wal_lsn))
	{
		bad_reply(err, "IDENTIFY_SYSTEM");
		return SLOT_BAD;
	}
	system_id = PQgetvalue(res, 0, 0);
	timeline = (int) strtol(PQgetvalue(res, 0, 1), NULL, 10);
	if (sv->system_id[0] == '\0')
	{
		snprintf(sv->system_id, sizeof(sv->system_id), "%s", system_id);
		sv->timeline = timeline;
		return SLOT_GOOD;
	}
	if (strcmp(system_id, sv->system_id) != 0)
	{
		err_set(
			err, ERR_ENVIRONMENT, "wrong_cluster",
			"the source is another database cluster now (system identifier %s, it was %s)",
			system_id, sv->system_id);
		err_detail(
			err,
			"Positions of one cluster mean nothing in another; rows would be skipped.");
		err_hint(
			err,
			"Point the connection back to the first cluster, or, if the new one is meant, start again.");
		return SLOT_BAD;
	}
	if (timeline != sv->timeline)
	{
		err_set(
			err, ERR_RETRY, "timeline_changed",
			"the source is on timeline %d now, it was on %d: a standby was promoted",
			timeline, sv->timeline);
		err_detail(
			err,
			"Positions after the promotion may differ, so the stream starts over from the slot; records not confirmed before come again.");
		sv->timeline = timeline;
		return SLOT_DIVERGED;
	}
	if (sv->wal_lsn < resume_lsn)
	{
		err_set(err, ERR_RETRY, "server_behind",
				"the source is at " LSN_FORMAT ", behind " LSN_FORMAT
				" which was delivered already",
				LSN_ARGS(sv->wal_lsn), LSN_ARGS(resume_lsn));
		err_detail(
			err,
			"Streaming from there would skip rows without a word. A standby that lags gets there; a server restored from a backup does not.");
		return SLOT_BAD;
	}
	return SLOT_GOOD;
}

/* to_jsonb: columns that only newer servers have are null on older ones. */
void
slot_query_text(PgText *out, const Config *cfg)
{
	pg_text_add(
		out,
		"SELECT current_setting('server_version_num'),"
		" current_setting('wal_level'),"
		" (SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout'),"
		" current_database(), coalesce(j->>'plugin', j->>'slot_type'),"
		" j->>'database', j->>'wal_status', j->>'invalidation_reason',"
		" j->>'confirmed_flush_lsn', j->>'active_pid', j->>'failover',"
		" j->>'synced', pg_catalog.pg_is_in_recovery()"
		" FROM (SELECT (SELECT to_jsonb(s) FROM pg_catalog.pg_replication_slots s"
		" WHERE s.slot_name = ");
	pg_text_quoted(out, cfg->slot_name, '\'');
	pg_text_add(out, ") AS j) AS q");
}

bool
slot_read_query(SourceServer *sv, const PGresult *res, const Config *cfg,
				uint64_t resume_lsn, Error *err)
{
	int version;

	if (PQntuples(res) != 1 || PQnfields(res) != Q_COUNT)
		return bad_reply(err, "a query for the slot");
	version = (int) strtol(PQgetvalue(res, 0, Q_VERSION), NULL, 10);
	if (cfg->slot_failover && version < 170000 && version != sv->version)
		log_event(
			LOG_WARN,
			"slot.failover has no effect: slots can be kept in step from PostgreSQL 17 on",
			F_INT("server_version", version / 10000));
	sv->version = version;
	sv->sender_timeout_ms =
		strtoll(PQgetvalue(res, 0, Q_SENDER_TIMEOUT), NULL, 10);
	sv->slot_exists = !PQgetisnull(res, 0, Q_PLUGIN);
	sv->slot_lost = false;
	sv->slot_active = !PQgetisnull(res, 0, Q_ACTIVE_PID);
	sv->slot_pid = (int) strtol(PQgetvalue(res, 0, Q_ACTIVE_PID), NULL, 10);
	sv->slot_failover = strcmp(PQgetvalue(res, 0, Q_FAILOVER), "true") == 0;
	sv->in_recovery = PQgetvalue(res, 0, Q_RECOVERY)[0] == 't';
	/* from 19 on a logical slot raises the level by itself */
	if (sv->version < 190000 &&
		strcmp(PQgetvalue(res, 0, Q_WAL_LEVEL), "logical") != 0)
	{
		err_set(
			err, ERR_ENVIRONMENT, "wal_level",
			"the source's wal_level is \"%s\", logical decoding needs \"logical\"",
			PQgetvalue(res, 0, Q_WAL_LEVEL));
		err_hint(
			err,
			"As a superuser: ALTER SYSTEM SET wal_level = logical; then restart the server (a reload is not enough).");
		return false;
	}
	if (sv->slot_exists)
		return check_slot(sv, res, cfg, resume_lsn, err) &&
			   (sv->slot_lost ||
				pg_parse_lsn(PQgetvalue(res, 0, Q_CONFIRMED),
							 &sv->confirmed_lsn) ||
				bad_reply(err, "a query for the slot's position"));
	/* after a failover nothing is to be resumed, but it is no first start */
	if ((resume_lsn != 0 || sv->streamed) && !sv->replaced)
	{
		err_set(err, ERR_ENVIRONMENT, "slot_vanished",
				"the replication slot \"%s\" is gone", cfg->slot_name);
		if (resume_lsn != 0)
			err_detail(err,
					   "A new one would not have the changes since " LSN_FORMAT
					   ".",
					   LSN_ARGS(resume_lsn));
		else
			err_detail(
				err,
				"A new one would not have the changes since the failover to this server.");
		err_hint(
			err,
			"Find out who dropped it, or which failover left it behind (from PostgreSQL 17 on, slot.failover=true and sync_replication_slots on the standby take it along). Starting again makes a new one; then bring the data in line.");
		return false;
	}
	return true;
}

void
slot_create_text(PgText *out, const Config *cfg, int version)
{
	pg_text_add(out, "CREATE_REPLICATION_SLOT ");
	pg_text_quoted(out, cfg->slot_name, '"');
	pg_text_add(out, " LOGICAL \"tuplecast\" %s",
				version < 150000 ? "NOEXPORT_SNAPSHOT"
				: cfg->slot_failover && version >= 170000
					? "(SNAPSHOT 'nothing', FAILOVER true)"
					: "(SNAPSHOT 'nothing')");
}

bool
slot_read_create(SourceServer *sv, const PGresult *res, Error *err)
{
	if (PQntuples(res) != 1 || PQnfields(res) < 2 ||
		!pg_parse_lsn(PQgetvalue(res, 0, 1), &sv->confirmed_lsn))
		return bad_reply(err, "CREATE_REPLICATION_SLOT");
	return true;
}

bool
slot_alter_text(PgText *out, const Config *cfg, const SourceServer *sv)
{
	if (!cfg->slot_failover || sv->version < 170000 || sv->slot_failover ||
		sv->in_recovery)
		return false;
	pg_text_add(out, "ALTER_REPLICATION_SLOT ");
	pg_text_quoted(out, cfg->slot_name, '"');
	pg_text_add(out, " (FAILOVER true)");
	return true;
}

/* reason → what happened, what keeps it from happening again */
static const struct
{
	const char *reason;
	const char *what;
	const char *hint;
} lost_reasons[] = {
	{"wal_removed",
	 "it kept more WAL than max_slot_wal_keep_size, and a checkpoint removed it",
	 "raise max_slot_wal_keep_size, or watch tuplecast_retained_wal_bytes"},
	{"idle_timeout",
	 "nobody read it for longer than idle_replication_slot_timeout",
	 "raise idle_replication_slot_timeout beyond the longest time that tuplecast may be away"},
	{"rows_removed",
	 "vacuum on the primary removed rows of the catalogs that it needs",
	 "set hot_standby_feedback = on and a primary_slot_name on the standby"},
	{"wal_level_insufficient", "the primary's wal_level was lowered",
	 "keep wal_level = logical there"},
	{"", "the server no longer has its WAL", "raise max_slot_wal_keep_size"},
};

bool
slot_lost_error(Error *err, const Config *cfg, const char *reason)
{
	size_t i = 0;

	while (lost_reasons[i].reason[0] != '\0' &&
		   strcmp(lost_reasons[i].reason, reason) != 0)
		i++;
	err_set(err, config_repairs_slot(cfg) ? ERR_RETRY : ERR_ENVIRONMENT,
			"slot_lost",
			"the server invalidated the replication slot \"%s\": %s%s%s%s",
			cfg->slot_name, lost_reasons[i].what, reason[0] != '\0' ? " (" : "",
			reason, reason[0] != '\0' ? ")" : "");
	err_detail(
		err,
		"The changes since its position are gone: what the destination holds is no longer what the tables hold.%s",
		config_repairs_slot(cfg)
			? " The slot is made anew, and a snapshot repairs that."
			: "");
	if (config_repairs_slot(cfg))
		err_hint(err, "So that it does not happen again: %s.",
				 lost_reasons[i].hint);
	else
		err_hint(
			err,
			"SELECT pg_drop_replication_slot('%s'); then start again, which makes a new one, and bring the data in line (slot.lost=resnapshot does all that). So that it does not happen again: %s.",
			cfg->slot_name, lost_reasons[i].hint);
	return false;
}

void
slot_drop_text(PgText *out, const Config *cfg)
{
	pg_text_add(out, "DROP_REPLICATION_SLOT ");
	pg_text_quoted(out, cfg->slot_name, '"');
}

void
slot_start_text(PgText *out, const Config *cfg, uint64_t lsn)
{
	pg_text_add(out, "START_REPLICATION SLOT ");
	pg_text_quoted(out, cfg->slot_name, '"');
	pg_text_add(out, " LOGICAL " LSN_FORMAT " (\"wire\" '1'", LSN_ARGS(lsn));
	for (size_t i = 0; i < cfg->plugin.count; i++)
	{
		pg_text_add(out, ", ");
		pg_text_quoted(out, cfg->plugin.items[i].name, '"');
		pg_text_add(out, " ");
		pg_text_quoted(out, cfg->plugin.items[i].value, '\'');
	}
	pg_text_add(out, ")");
}

/* Is it ours, and of this database? */
static bool
check_owner(const PGresult *res, const Config *cfg, Error *err)
{
	const char *plugin = PQgetvalue(res, 0, Q_PLUGIN);
	const char *database = PQgetvalue(res, 0, Q_SLOT_DATABASE);

	if (strcmp(plugin, "tuplecast") != 0)
	{
		err_set(
			err, ERR_ENVIRONMENT, "slot_plugin",
			"the replication slot \"%s\" exists with the output plugin \"%s\"",
			cfg->slot_name, plugin);
		err_detail(
			err,
			"A slot keeps its plugin; it may still serve another program.");
		err_hint(
			err,
			"To take over at its position: tuplecast init --from-slot %s --slot.name NEW, then tuplecast run --slot.name NEW. Or choose another name with slot.name, or drop it if nobody needs it.",
			cfg->slot_name);
		return false;
	}
	if (strcmp(database, PQgetvalue(res, 0, Q_DATABASE)) != 0)
	{
		err_set(
			err, ERR_ENVIRONMENT, "slot_database",
			"the replication slot \"%s\" belongs to the database \"%s\", not to \"%s\"",
			cfg->slot_name, database, PQgetvalue(res, 0, Q_DATABASE));
		err_hint(
			err,
			"Choose another name with slot.name (names are of the whole server), or connect to \"%s\".",
			database);
		return false;
	}
	return true;
}

/* A slot that the server invalidated.  true: it may be made anew. */
static bool
take_lost(SourceServer *sv, const PGresult *res, const Config *cfg, bool copy,
		  Error *err)
{
	const char *reason = PQgetvalue(res, 0, Q_INVALIDATION);

	slot_lost_error(err, cfg, reason);
	if (!config_repairs_slot(cfg) || copy)
		return false;
	if (!sv->slot_active)
		log_error(LOG_ERROR, err);
	sv->slot_lost = true;
	if (!pg_parse_lsn(PQgetvalue(res, 0, Q_CONFIRMED), &sv->lost_lsn))
		sv->lost_lsn = 0;
	snprintf(sv->lost_reason, sizeof(sv->lost_reason), "%s", reason);
	return true;
}

/* Nobody else may have moved it beyond what was delivered. */
static bool
check_advance(const PGresult *res, const Config *cfg, uint64_t resume_lsn,
			  Error *err)
{
	uint64_t confirmed;

	if (pg_parse_lsn(PQgetvalue(res, 0, Q_CONFIRMED), &confirmed) &&
		confirmed > resume_lsn)
	{
		err_set(err, ERR_ENVIRONMENT, "slot_advanced",
				"the replication slot \"%s\" is at " LSN_FORMAT
				", beyond " LSN_FORMAT " which is all that was delivered",
				cfg->slot_name, LSN_ARGS(confirmed), LSN_ARGS(resume_lsn));
		err_detail(
			err,
			"Somebody else consumed, advanced or made it anew: the changes between are missing in the destination.");
		err_hint(
			err,
			"Find out who, give each consumer a slot of its own, and bring the data in line; starting again goes on from the slot's position.");
		return false;
	}
	return true;
}

static bool
check_slot(SourceServer *sv, const PGresult *res, const Config *cfg,
		   uint64_t resume_lsn, Error *err)
{
	bool copy =
		sv->in_recovery && strcmp(PQgetvalue(res, 0, Q_SYNCED), "true") == 0;

	if (!check_owner(res, cfg, err))
		return false;
	if (strcmp(PQgetvalue(res, 0, Q_WAL_STATUS), "lost") == 0 ||
		!PQgetisnull(res, 0, Q_INVALIDATION))
		return take_lost(sv, res, cfg, copy, err);
	if (copy)
	{
		err_set(
			err, ERR_RETRY, "slot_synchronized",
			"the source is a standby, and its slot \"%s\" only a copy of the primary's",
			cfg->slot_name);
		err_hint(
			err,
			"Name all hosts in source.url; target_session_attrs=read-write, the default then, finds the primary. Waiting until this one is promoted.");
		return false;
	}
	/* where there is a position it says more, and another tuplecast may have
	 * had the slot */
	return resume_lsn == 0 || cfg->sink == SINK_KAFKA ||
		   check_advance(res, cfg, resume_lsn, err);
}

static bool
bad_reply(Error *err, const char *what)
{
	err_set(err, ERR_ENVIRONMENT, "source_reply",
			"the source answered %s in a form that is not known", what);
	err_hint(
		err,
		"Is it PostgreSQL 14 or newer, and is there no pooler in between? A replication connection needs a direct one.");
	return false;
}
