/*
 * cmd_init.c
 *		`tuplecast init`: publication and slot, before run needs them; or the slot
 *		at the place of another program's, to take over from it.
 */
#include "commands.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lsn.h"
#include "slot_admin.h"
#include "slot_position.h"
#include "source_prepare.h"

typedef struct Init
{
	const Config *cfg;
	CheckSession s;
	bool dry_run;
	bool json;
	char *from_slot; /* NULL: a slot of its own */
	char *from_lsn;	 /* NULL: where that slot is */
	uint64_t at_lsn; /* from_lsn as a number */
	int version;
	char database[64];
	bool created;
	uint64_t repeated;	/* changes that come twice, as far as is known */
	uint64_t lsn;		/* where the slot is; 0: not made */
	json_t *statements; /* what was run, or would be */
} Init;

static bool prepare(Init *in, Error *err);
static bool check_arguments(Init *in, Error *err);
static bool check_server_state(Init *in, bool makes_slot, Error *err);
static bool prepare_source(Init *in, bool slot_exists, Error *err);
static bool make_slot(Init *in, Error *err);
static bool check_old(Init *in, SlotRow *old, Error *err);
static bool copy_slot(Init *in, const SlotRow *old, Error *err);
static bool advance_slot(Init *in, Error *err);
static bool run_statement(Init *in, const char *sql, Error *err);
static void print_done(const Init *in);


static bool
run_init(const Config *cfg, void *arg, Error *err)
{
	Init *in = arg;
	bool ok;

	in->cfg = cfg;
	for (const char *const *w = config_warnings(cfg); *w != NULL; w++)
		log_event(LOG_WARN, *w);
	in->statements = json_array();
	ok = prepare(in, err);
	if (ok)
		print_done(in);
	check_disconnect(&in->s);
	json_decref(in->statements);
	return ok;
}

int
cmd_init(int argc, char **argv)
{
	Init in = {.json = command_take_flag(&argc, argv, "--json"),
			   .dry_run = command_take_flag(&argc, argv, "--dry-run")};

	in.from_slot = command_take_value(&argc, argv, "--from-slot");
	in.from_lsn = command_take_value(&argc, argv, "--from-lsn");
	return command_run(argc, argv, LOG_TEXT, run_init, &in);
}

static bool
prepare(Init *in, Error *err)
{
	SlotRow own;
	SlotRow old = {.exists = false};

	if (!check_arguments(in, err) ||
		!check_connect(&in->s, in->cfg, false, err))
		return false;
	/* making a slot waits for every transaction that is open */
	check_run(&in->s, "SET default_transaction_read_only = off");
	check_run(&in->s, "SET statement_timeout = 0");
	if (!slot_row_read(&own, &in->s, in->cfg->slot_name, err) ||
		!check_server_state(in, !own.exists, err) ||
		(in->from_slot != NULL && !check_old(in, &old, err)))
		return false;
	if (own.exists &&
		(in->from_slot != NULL || strcmp(own.plugin, "tuplecast") != 0 ||
		 strcmp(own.database, in->database) != 0))
	{
		err_set(err, ERR_ENVIRONMENT, "slot_exists",
				"the replication slot \"%s\" exists already, with the output "
				"plugin \"%s\" in the database \"%s\"",
				in->cfg->slot_name, own.plugin, own.database);
		err_hint(err,
				 "Name another with --slot.name, or drop it if nobody needs "
				 "it: SELECT pg_drop_replication_slot('%s');",
				 in->cfg->slot_name);
		return false;
	}
	if (!prepare_source(in, own.exists || in->from_slot != NULL, err))
		return false;
	if (own.exists)
	{
		in->lsn = own.confirmed_lsn;
		return true;
	}
	return in->from_slot != NULL ? copy_slot(in, &old, err)
								 : make_slot(in, err);
}

/* ---- what must hold --------------------------------------------------------- */

static bool
parse_position(const char *text, uint64_t *lsn)
{
	char *end;

	if (pg_parse_lsn(text, lsn))
		return true;
	errno = 0;
	*lsn = strtoull(text, &end, 10);
	return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0';
}

static bool
check_arguments(Init *in, Error *err)
{
	const Config *cfg = in->cfg;

	if (cfg->source_url[0] == '\0' && cfg->database_hostname[0] == '\0' &&
		cfg->database_dbname[0] == '\0')
	{
		err_set(err, ERR_CONFIG, "config_missing",
				"source.url is not set: there is no database to prepare");
		err_hint(err, "Use --source postgres://USER@HOST/DATABASE, or name a "
					  "file with --config.");
		return false;
	}
	if ((cfg->publication_name[0] != '\0' || cfg->replica_identity[0] != '\0' ||
		 in->from_lsn != NULL) &&
		cfg->topic_prefix[0] == '\0')
	{
		err_set(err, ERR_CONFIG, "config_missing",
				"topic.prefix is not set: without it no table is selected");
		err_hint(err, "Use --prefix NAME.");
		return false;
	}
	if (in->from_lsn != NULL && in->from_slot == NULL)
		return err_set(err, ERR_CONFIG, "config_value",
					   "--from-lsn is of use only with --from-slot");
	if (in->from_lsn != NULL && !parse_position(in->from_lsn, &in->at_lsn))
	{
		err_set(err, ERR_CONFIG, "config_value",
				"--from-lsn: \"%.100s\" is no position", in->from_lsn);
		err_hint(err, "It is a number, as lsn in the connector's stored "
					  "offset, or of the form 16/B374D848.");
		return false;
	}
	if (in->from_slot == NULL)
		return true;
	if (in->from_slot[0] == '\0')
		return err_set(err, ERR_CONFIG, "config_value",
					   "--from-slot wants the name of a slot");
	if (strcmp(in->from_slot, cfg->slot_name) == 0)
	{
		err_set(err, ERR_CONFIG, "config_value",
				"the new slot cannot have the name of the old one, \"%s\"",
				in->from_slot);
		err_detail(err, "A slot keeps its output plugin, so a second one is "
						"made at the same place.");
		err_hint(err, "Give it a name of its own: --slot.name NEW, here and "
					  "for run.");
		return false;
	}
	return true;
}

static const char state_query[] =
	"SELECT current_setting('server_version_num') AS version,"
	" current_setting('wal_level') AS wal_level, current_database() AS db,"
	" r.rolsuper OR r.rolreplication AS may,"
	" CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
	" ELSE pg_current_wal_insert_lsn() END AS wal,"
	" current_setting('max_replication_slots')::int AS max,"
	" (SELECT count(*) FROM pg_replication_slots) AS used"
	" FROM pg_roles r WHERE r.rolname = current_user";

static bool
check_server_state(Init *in, bool makes_slot, Error *err)
{
	PGresult *res = check_query(&in->s, state_query, err);
	uint64_t wal;
	bool ok = false;

	if (res == NULL)
		return false;
	in->version = (int) check_number(res, "version");
	snprintf(in->database, sizeof(in->database), "%s", check_field(res, "db"));
	if (in->version < 190000 &&
		strcmp(check_field(res, "wal_level"), "logical") != 0)
	{
		err_set(err, ERR_ENVIRONMENT, "wal_level",
				"the source's wal_level is \"%s\", logical decoding needs "
				"\"logical\"",
				check_field(res, "wal_level"));
		err_hint(err, "As a superuser: ALTER SYSTEM SET wal_level = logical; "
					  "then restart the server.");
	}
	else if (makes_slot && !check_is_true(res, "may"))
	{
		err_set(err, ERR_ENVIRONMENT, "role_replication",
				"the role \"%s\" may not make replication slots",
				pg_user_name(in->cfg));
		err_hint(err, "As a superuser: ALTER ROLE \"%s\" REPLICATION;",
				 pg_user_name(in->cfg));
	}
	else if (makes_slot &&
			 check_number(res, "used") >= check_number(res, "max"))
	{
		err_set(err, ERR_ENVIRONMENT, "slots_full",
				"all %d replication slots of the server are taken "
				"(max_replication_slots)",
				(int) check_number(res, "max"));
		err_hint(
			err,
			"Drop one that nobody needs (SELECT slot_name, active, database "
			"FROM pg_replication_slots; then SELECT "
			"pg_drop_replication_slot('…')), or, as a superuser: ALTER SYSTEM "
			"SET max_replication_slots = %d; and restart the server.",
			(int) check_number(res, "max") + 5);
	}
	else if (in->from_lsn != NULL &&
			 (!pg_parse_lsn(check_field(res, "wal"), &wal) || in->at_lsn > wal))
	{
		err_set(err, ERR_ENVIRONMENT, "from_lsn",
				"--from-lsn is " LSN_FORMAT ", but the server's WAL ends at %s",
				LSN_ARGS(in->at_lsn), check_field(res, "wal"));
		err_hint(err, "Is it a position of this server?");
	}
	else
		ok = true;
	PQclear(res);
	return ok;
}

static bool
check_old(Init *in, SlotRow *old, Error *err)
{
	const char *name = in->from_slot;

	if (!slot_row_read(old, &in->s, name, err))
		return false;
	if (!old->exists)
	{
		err_set(err, ERR_ENVIRONMENT, "slot_missing",
				"the replication slot \"%s\" does not exist", name);
		err_hint(err, "SELECT slot_name, plugin, database FROM "
					  "pg_replication_slots; shows those that do. A "
					  "connector's is its slot.name, \"debezium\" if it names "
					  "none.");
	}
	else if (!old->logical)
		err_set(err, ERR_ENVIRONMENT, "slot_physical",
				"\"%s\" is a physical replication slot, of a standby; changes "
				"of rows come from logical ones",
				name);
	else if (strcmp(old->database, in->database) != 0)
	{
		err_set(err, ERR_ENVIRONMENT, "slot_database",
				"the replication slot \"%s\" belongs to the database \"%s\", "
				"not to \"%s\"",
				name, old->database, in->database);
		err_hint(err, "Connect to \"%s\".", old->database);
	}
	else if (old->lost || old->confirmed_lsn == 0)
		err_set(err, ERR_ENVIRONMENT, "slot_lost",
				"the replication slot \"%s\" was invalidated by the server: "
				"there is nothing left to go on from",
				name);
	else if (old->active)
	{
		err_set(err, ERR_ENVIRONMENT, "slot_active",
				"the replication slot \"%s\" is in use", name);
		err_detail(err, "While it moves there is no place at which one ends "
						"and the other begins.");
		err_hint(err, "Stop the connector first (in Kafka Connect: PUT "
					  "/connectors/NAME/stop), and see that nothing starts it "
					  "again.");
	}
	else
		return true;
	return false;
}

/* ---- what is done ------------------------------------------------------------ */

/* One that changes something: printed instead under --dry-run. */
static bool
run_statement(Init *in, const char *sql, Error *err)
{
	PGresult *res;
	bool ok;

	json_array_append_new(in->statements, json_string(sql));
	if (in->dry_run)
		return true;
	res = PQexec(in->s.conn, sql);
	ok = PQresultStatus(res) == PGRES_TUPLES_OK ||
		 PQresultStatus(res) == PGRES_COMMAND_OK;
	if (!ok && PQstatus(in->s.conn) == CONNECTION_BAD)
		pg_lost_error(in->s.conn, err);
	else if (!ok)
		pg_result_error(res, PG_CREATING_SLOT, in->cfg, err);
	PQclear(res);
	return ok;
}

static bool
prepare_source(Init *in, bool slot_exists, Error *err)
{
	Prepare p;
	PgText sql = {0};
	bool ok = true;

	if (!prepare_init(&p, in->cfg, slot_exists, err))
		return false;
	while (ok && prepare_next(&p, &sql))
	{
		if (prepare_change(&p) != NULL)
			json_array_append_new(in->statements,
								  json_string(prepare_change(&p)));
		if (prepare_change(&p) != NULL && in->dry_run)
			prepare_skip(&p);
		else
		{
			PGresult *res = PQexec(in->s.conn, sql.data);

			ok = prepare_reply(&p, res, err);
			PQclear(res);
		}
		free(sql.data);
		sql = (PgText){0};
	}
	prepare_free(&p);
	return ok;
}

static bool
make_slot(Init *in, Error *err)
{
	PgText sql = {0};
	SlotRow row;
	bool ok;

	pg_text_add(&sql, "SELECT lsn FROM pg_create_logical_replication_slot(");
	pg_text_quoted(&sql, in->cfg->slot_name, '\'');
	pg_text_add(&sql, ", 'tuplecast'%s)",
				in->cfg->slot_failover && in->version >= 170000
					? ", false, false, true"
					: "");
	if (!in->dry_run)
		log_event(LOG_INFO,
				  "making the slot; this waits for all transactions that are "
				  "open now",
				  F_STR("slot", in->cfg->slot_name));
	ok = run_statement(in, sql.data, err);
	free(sql.data);
	if (!ok || in->dry_run)
		return ok;
	in->created = true;
	if (!slot_row_read(&row, &in->s, in->cfg->slot_name, err))
		return false;
	in->lsn = row.confirmed_lsn;
	return true;
}

static void
undo_copy(Init *in)
{
	PgText sql = {0};

	pg_text_add(&sql, "SELECT pg_drop_replication_slot(");
	pg_text_quoted(&sql, in->cfg->slot_name, '\'');
	pg_text_add(&sql, ")");
	PQclear(PQexec(in->s.conn, sql.data));
	free(sql.data);
}

static bool
copy_statement(Init *in, bool temporary, Error *err)
{
	PgText sql = {0};
	PGresult *res = NULL;
	bool ok;

	pg_text_add(&sql, "SELECT lsn FROM pg_copy_logical_replication_slot(");
	pg_text_quoted(&sql, in->from_slot, '\'');
	pg_text_add(&sql, ", ");
	pg_text_quoted(&sql, in->cfg->slot_name, '\'');
	pg_text_add(&sql, ", %s, 'tuplecast')", temporary ? "true" : "false");
	if (temporary)
	{
		in->s.stage = PG_CREATING_SLOT;
		res = check_query(&in->s, sql.data, err);
		in->s.stage = PG_ASKING;
		ok = res != NULL;
	}
	else
		ok = run_statement(in, sql.data, err);
	PQclear(res);
	free(sql.data);
	return ok;
}

/* The copy is only good if the old slot stood still all the while. */
static bool
copy_slot(Init *in, const SlotRow *old, Error *err)
{
	SlotRow now;
	SlotRow own;
	bool ok;

	if (!copy_statement(in, false, err))
		return false;
	if (in->dry_run)
	{
		in->lsn = old->confirmed_lsn;
		if (in->from_lsn == NULL)
			return true;
		/* the place can only be found by reading */
		ok = copy_statement(in, true, err) && advance_slot(in, err);
		undo_copy(in);
		return ok;
	}
	ok = slot_row_read(&now, &in->s, in->from_slot, err) &&
		 slot_row_read(&own, &in->s, in->cfg->slot_name, err);
	if (ok &&
		(!now.exists || now.active || now.confirmed_lsn != old->confirmed_lsn ||
		 own.confirmed_lsn != old->confirmed_lsn))
	{
		err_set(err, ERR_ENVIRONMENT, "slot_active",
				"the replication slot \"%s\" was used while it was copied",
				in->from_slot);
		err_hint(err, "Stop the connector, see that nothing starts it again, "
					  "and repeat.");
		ok = false;
	}
	if (ok)
	{
		in->lsn = own.confirmed_lsn;
		ok = in->from_lsn == NULL || advance_slot(in, err);
	}
	if (!ok)
		undo_copy(in);
	in->created = ok;
	return ok;
}

/* --from-lsn: on to behind what the connector has published beyond its slot. */
static bool
advance_slot(Init *in, Error *err)
{
	PgText sql = {0};
	SlotPosition place;
	SlotRow row;
	bool ok;

	if (!slot_position_find(&place, in->s.conn, in->cfg, in->lsn, in->at_lsn,
							err))
		return false;
	in->repeated = place.repeated;
	if (!place.found)
		log_event(LOG_WARN,
				  "no captured change of the slot is at --from-lsn; what was "
				  "committed before it counts as published",
				  F_LSN("from_lsn", in->at_lsn));
	if (place.end_lsn <= in->lsn)
		return true;
	pg_text_add(&sql, "SELECT end_lsn FROM pg_replication_slot_advance(");
	pg_text_quoted(&sql, in->cfg->slot_name, '\'');
	pg_text_add(&sql, ", '" LSN_FORMAT "')", LSN_ARGS(place.end_lsn));
	ok = run_statement(in, sql.data, err);
	free(sql.data);
	in->lsn = place.end_lsn;
	if (!ok || in->dry_run)
		return ok;
	if (!slot_row_read(&row, &in->s, in->cfg->slot_name, err))
		return false;
	return row.confirmed_lsn == place.end_lsn ||
		   err_set(
			   err, ERR_ENVIRONMENT, "slot_active",
			   "the replication slot \"%s\" could not be advanced to " LSN_FORMAT,
			   in->cfg->slot_name, LSN_ARGS(place.end_lsn));
}

/* ---- what is told -------------------------------------------------------------- */

static void
print_json(const Init *in)
{
	char lsn[32];
	json_t *o = json_object();

	snprintf(lsn, sizeof(lsn), LSN_FORMAT, LSN_ARGS(in->lsn));
	json_object_set_new(o, "slot", json_string(in->cfg->slot_name));
	json_object_set_new(o, "lsn", in->lsn > 0 ? json_string(lsn) : json_null());
	json_object_set_new(o, "created", json_boolean(in->created));
	json_object_set_new(o, "dry_run", json_boolean(in->dry_run));
	json_object_set_new(o, "from_slot",
						in->from_slot != NULL ? json_string(in->from_slot)
											  : json_null());
	json_object_set_new(o, "repeated", json_integer((json_int_t) in->repeated));
	json_object_set(o, "statements", in->statements);
	json_dumpf(o, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(o);
}

static void
print_next(const Init *in)
{
	const char *slot = in->cfg->slot_name;

	if (in->from_slot == NULL)
	{
		printf("The slot \"%s\" %s, at " LSN_FORMAT
			   ". Changes from there on are kept for it.\n"
			   "Next: tuplecast run --slot.name=%s with these settings.\n",
			   slot, in->created ? "is made" : "existed already",
			   LSN_ARGS(in->lsn), slot);
		return;
	}
	printf("The slot \"%s\" is at " LSN_FORMAT ", %s \"%s\".\n", slot,
		   LSN_ARGS(in->lsn),
		   in->from_lsn != NULL ? "behind what was published through"
								: "the place of",
		   in->from_slot);
	if (in->from_lsn == NULL)
		puts(
			"A connector confirms its slot late: the last transaction that it "
			"published comes once\n"
			"more. If that must not be, drop the new slot and repeat this with "
			"--from-lsn and the\n"
			"\"lsn\" of the connector's stored offset.");
	else if (in->repeated > 0)
		printf("The connector stopped inside a transaction: %" PRIu64
			   " changes of it come once more.\n",
			   in->repeated);
	printf("Next:\n"
		   "  1. tuplecast check --slot.name=%s with these settings;\n"
		   "  2. tuplecast run --slot.name=%s with these settings; the "
		   "connector stays stopped;\n"
		   "  3. when there is no way back wanted, drop the old slot, which "
		   "keeps WAL until then:\n"
		   "     SELECT pg_drop_replication_slot('%s');\n"
		   "To go back before that: stop tuplecast and start the connector; "
		   "what tuplecast has\n"
		   "published comes once more from there.\n",
		   slot, slot, in->from_slot);
}

static void
print_done(const Init *in)
{
	size_t i;
	json_t *sql;

	if (in->json)
	{
		print_json(in);
		return;
	}
	if (!in->dry_run)
	{
		print_next(in);
		return;
	}
	if (json_array_size(in->statements) == 0)
		puts("-- nothing is to be done");
	json_array_foreach(in->statements, i, sql)
		printf("%s;\n", json_string_value(sql));
}
