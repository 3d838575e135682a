/*
 * cmd_status.c
 *		`tuplecast status`: how far the slot is, by SQL, what the running shipper
 *		says of itself, by its HTTP port, and without one what is stored.
 */
#include "commands.h"

#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "clock.h"
#include "http_client.h"
#include "json_text.h"
#include "status_stored.h"

/* between two looks, of which the rates are made */
#define LOOK_MS	 1000
#define WATCH_MS 2000

static const char slot_query[] =
	"SELECT s.active, s.active_pid, s.plugin, s.confirmed_flush_lsn::text AS confirmed,"
	" s.wal_status, pg_wal_lsn_diff(w.lsn, s.confirmed_flush_lsn)::bigint AS lag,"
	" pg_wal_lsn_diff(w.lsn, s.restart_lsn)::bigint AS retained, w.lsn::text AS server"
	" FROM pg_replication_slots s, (SELECT CASE WHEN pg_is_in_recovery()"
	" THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS lsn) w"
	" WHERE s.slot_name = ";

/* ---- looks ------------------------------------------------------------------- */

/* NULL: err */
static json_t *
look_at_slot(CheckSession *s, const Config *cfg, Error *err)
{
	PgText sql = {0};
	PGresult *res;
	json_t *o;

	pg_text_add(&sql, "%s", slot_query);
	pg_text_quoted(&sql, cfg->slot_name, '\'');
	res = check_query(s, sql.data, err);
	free(sql.data);
	if (res == NULL)
		return NULL;
	o = json_pack("{s:o, s:b}", "name", json_text(cfg->slot_name), "exists",
				  PQntuples(res) == 1);
	if (PQntuples(res) == 1)
	{
		json_object_set_new(o, "active",
							json_boolean(check_is_true(res, "active")));
		json_object_set_new(o, "plugin", json_text(check_field(res, "plugin")));
		json_object_set_new(o, "confirmed",
							json_text(check_field(res, "confirmed")));
		json_object_set_new(o, "server", json_text(check_field(res, "server")));
		json_object_set_new(o, "lag_bytes",
							json_integer(check_number(res, "lag")));
		json_object_set_new(o, "retained_bytes",
							json_integer(check_number(res, "retained")));
		json_object_set_new(o, "wal_status",
							json_text(check_field(res, "wal_status")));
	}
	PQclear(res);
	return o;
}

/* NULL: err */
static json_t *
look_at_shipper(const Config *cfg, Error *err)
{
	char *text = http_client_get(cfg->http_listen, "/status", err);
	json_t *o;

	if (text == NULL)
		return NULL;
	o = json_loads(text, 0, NULL);
	free(text);
	if (o == NULL || !json_is_object(o))
	{
		json_decref(o);
		err_set(err, ERR_RESTART, "http_client",
				"what answers at http.listen=%.200s is no tuplecast of this "
				"version",
				cfg->http_listen);
		return NULL;
	}
	return o;
}

/* ---- text -------------------------------------------------------------------- */

static long long
number(const json_t *o, const char *name)
{
	return (long long) json_integer_value(json_object_get(o, name));
}

static const char *
text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "";
}

static bool
is_true(const json_t *o, const char *name)
{
	return json_is_true(json_object_get(o, name));
}

static void
print_slot(const json_t *slot)
{
	char lag[32];
	char kept[32];

	if (!is_true(slot, "exists"))
	{
		printf("slot      %s: does not exist\n", text(slot, "name"));
		return;
	}
	printf("slot      %s: %s, plugin %s, WAL %s\n", text(slot, "name"),
		   is_true(slot, "active") ? "streamed" : "nobody streams it",
		   text(slot, "plugin"), text(slot, "wal_status"));
	printf("confirmed %s of %s: %s behind, %s of WAL kept\n",
		   text(slot, "confirmed"), text(slot, "server"),
		   check_size_text(lag, number(slot, "lag_bytes")),
		   check_size_text(kept, number(slot, "retained_bytes")));
}

static void
print_incremental(const json_t *i)
{
	if (!is_true(i, "running"))
	{
		printf("snapshot  %s\n", is_true(i, "paused")
									 ? "none; those to come are paused"
									 : "none");
		return;
	}
	printf("snapshot  %s%s: %s, %lld rows of it; %lld tables left, %lld chunks "
		   "read, %lld rows left out for newer changes\n",
		   text(i, "id"), is_true(i, "paused") ? " (paused)" : "",
		   text(i, "collection")[0] != '\0' ? text(i, "collection")
											: "about to begin",
		   number(i, "rows"), number(i, "tables"), number(i, "chunks"),
		   number(i, "dropped"));
	if (number(i, "waiting_xid") != 0)
		printf("          waits until transaction %lld is visible (a "
			   "synchronous standby?)\n",
			   number(i, "waiting_xid"));
}

static void
print_snapshot(const json_t *shipper)
{
	const json_t *s = json_object_get(shipper, "snapshot");

	if (is_true(s, "running"))
		printf("snapshot  initial: %lld of %lld tables left, %lld rows put\n",
			   number(s, "remaining"), number(s, "tables"),
			   number(shipper, "reads"));
	else
		print_incremental(json_object_get(shipper, "incremental"));
}

static void
print_shipper(const json_t *now)
{
	const char *error = text(now, "last_error");

	printf("shipper   %s%s: %lld records, %lld/s, %.1f MB/s; the oldest "
		   "unacknowledged is %.1f s old\n",
		   text(now, "state"), is_true(now, "ready") ? "" : ", not ready",
		   number(now, "records"), number(now, "records_per_second"),
		   json_real_value(json_object_get(now, "megabytes_per_second")),
		   (double) number(now, "lag_us") / 1e6);
	printf("          read up to %s, delivered up to %s\n",
		   text(now, "received"), text(now, "confirmed"));
	if (error[0] != '\0')
		printf("          last error: %s\n", error);
}

/* ---- the command ------------------------------------------------------------- */

/* Rates between two looks at one process. */
static void
add_rates(json_t *now, const json_t *before, int64_t ms)
{
	bool same = before != NULL &&
				number(now, "started_us") == number(before, "started_us");
	double s = ms > 0 ? (double) ms / 1000 : 1;
	double records =
		same ? (double) (number(now, "records") - number(before, "records"))
			 : 0;
	double bytes = same ? (double) (number(now, "record_bytes") -
									number(before, "record_bytes"))
						: 0;

	json_object_set_new(now, "records_per_second",
						json_integer((json_int_t) (records / s)));
	json_object_set_new(now, "megabytes_per_second",
						json_real(bytes / s / 1e6));
}

static void
print_look(json_t *slot, json_t *shipper, json_t *stored, const Error *why,
		   bool json)
{
	json_t *o;

	if (json)
	{
		o = json_pack("{s:O, s:o}", "slot", slot, "shipper",
					  shipper != NULL ? json_incref(shipper) : json_null());
		if (shipper == NULL)
			json_object_set_new(o, "error", json_text(why->text));
		if (stored != NULL)
			json_object_set(o, "stored", stored);
		json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
		putchar('\n');
		json_decref(o);
		return;
	}
	print_slot(slot);
	if (shipper != NULL)
	{
		print_shipper(shipper);
		print_snapshot(shipper);
	}
	else
		printf("shipper   %s\n", why->text);
	if (stored != NULL)
		status_stored_print(stored);
}

typedef struct StatusFlags
{
	bool json;
	bool watch;
} StatusFlags;

/* One look, or one each two seconds for ever. */
static bool
run_status(const Config *cfg, void *arg, Error *err)
{
	const StatusFlags *flags = arg;
	CheckSession s;
	json_t *before = NULL;
	int64_t before_ms = 0;
	bool ok = check_connect(&s, cfg, false, err);

	for (bool first = true; ok; first = false)
	{
		Error why = {0};
		json_t *now = look_at_shipper(cfg, &why);
		int64_t ms = clock_ms();
		json_t *stored;
		json_t *slot;

		if (first && now != NULL)
		{
			before = now;
			before_ms = ms;
			poll(NULL, 0, LOOK_MS);
			continue;
		}
		slot = look_at_slot(&s, cfg, err);
		ok = slot != NULL;
		if (now != NULL)
			add_rates(now, before, ms - before_ms);
		/* while it runs it knows better */
		stored = ok && now == NULL ? status_stored(cfg) : NULL;
		if (ok && flags->watch && !flags->json && isatty(STDOUT_FILENO))
			fputs("\033[H\033[2J", stdout);
		if (ok)
			print_look(slot, now, stored, &why, flags->json);
		fflush(stdout);
		json_decref(slot);
		json_decref(stored);
		json_decref(before);
		before = now;
		before_ms = ms;
		if (!flags->watch)
			break;
		poll(NULL, 0, WATCH_MS);
	}
	json_decref(before);
	check_disconnect(&s);
	return ok;
}

/* Of the shipper, or else of what is stored: both cannot be NULL. */
static void
print_snapshots(const json_t *shipper, json_t *stored, const Error *why,
				bool json)
{
	json_t *o;

	if (!json)
	{
		if (shipper != NULL)
			print_snapshot(shipper);
		else
		{
			printf("shipper   %s\n", why->text);
			status_stored_print(stored);
		}
		return;
	}
	if (shipper != NULL)
		o = json_pack("{s:O, s:O}", "snapshot",
					  json_object_get(shipper, "snapshot"), "incremental",
					  json_object_get(shipper, "incremental"));
	else
		o = json_pack("{s:n, s:n, s:o, s:O}", "snapshot", "incremental",
					  "error", json_text(why->text), "stored", stored);
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

bool
cmd_status_print_snapshot(const Config *cfg, bool json, Error *err)
{
	json_t *shipper = look_at_shipper(cfg, err);
	/* while it runs it knows better */
	json_t *stored = shipper == NULL ? status_stored(cfg) : NULL;
	bool known = shipper != NULL || json_object_get(stored, "position") != NULL;

	if (known)
		print_snapshots(shipper, stored, err, json);
	json_decref(shipper);
	json_decref(stored);
	return known;
}

int
cmd_status(int argc, char **argv)
{
	StatusFlags flags = {.json = command_take_flag(&argc, argv, "--json"),
						 .watch = command_take_flag(&argc, argv, "--watch")};

	return command_run(argc, argv, flags.json ? LOG_JSON : LOG_TEXT, run_status,
					   &flags);
}
