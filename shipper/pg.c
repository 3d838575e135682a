/*
 * pg.c
 *		libpq without waiting: connecting, one command, what an error means.
 */
#include "pg.h"

#include <ctype.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* What a SQLSTATE means at a stage.  A state of two letters is a class. */
typedef struct PgMeaning
{
	int stages; /* bits, 1 << PgStage */
	const char *sqlstate;
	ErrKind kind;
	const char *code;
	const char *hint; /* NULL: the server's own */
} PgMeaning;

#define AT(stage) (1 << (stage))
#define AT_SLOT	  (AT(PG_CREATING_SLOT) | AT(PG_STARTING))
#define ANYWHERE  0xff

/* the first row that fits counts */
static const PgMeaning meanings[] = {
	{AT(PG_CONNECTING), "28P01", ERR_ENVIRONMENT, "source_authentication",
	 "Check the user and the password (database.user, database.password, source.url or PGPASSWORD)."},
	{AT(PG_CONNECTING), "28", ERR_ENVIRONMENT, "source_authentication",
	 "Check the user, and that pg_hba.conf lets it in: \"host DATABASE USER ADDRESS scram-sha-256\". Logical replication is matched by the database's name there, not by \"replication\"."},
	{AT(PG_CONNECTING), "3D000", ERR_ENVIRONMENT, "database_missing",
	 "Check database.dbname (or the URL's path), or create the database."},
	{AT(PG_CONNECTING), "42501", ERR_ENVIRONMENT, "role_replication",
	 "As a superuser: ALTER ROLE \"%s\" REPLICATION; (and, if CONNECT is what is missing, GRANT CONNECT ON DATABASE … TO \"%s\")."},
	{AT(PG_CONNECTING), "53300", ERR_RETRY, "source_full",
	 "All connections or walsenders are taken: raise max_wal_senders or max_connections (needs a restart of the server), or end one; waiting until one is free."},
	{AT(PG_CONNECTING), "22", ERR_CONFIG, "source_options", NULL},
	{AT(PG_CONNECTING), "42", ERR_CONFIG, "source_options", NULL},
	{AT(PG_CONNECTING), "55000", ERR_ENVIRONMENT, "database_closed", NULL},
	{AT_SLOT, "42501", ERR_ENVIRONMENT, "output_plugin_libraries",
	 "As a superuser, on this server: ALTER SYSTEM SET output_plugin_libraries = pgoutput, test_decoding, tuplecast; SELECT pg_reload_conf(); (keep what the list names already; the names stand unquoted there: one quoted string would be one wrong name and stop every slot. "
	 "In postgresql.conf it is one string: output_plugin_libraries = 'pgoutput, test_decoding, tuplecast'.)"},
	{AT_SLOT, "58P01", ERR_ENVIRONMENT, "plugin_missing",
	 "Install the extension on the database server (its package, or make install with that server's pg_config); no restart is needed."},
	{AT_SLOT, "55006", ERR_RETRY, "slot_in_use",
	 "Another session streams from it: stop that one, or let this one wait to take over."},
	{AT(PG_CREATING_SLOT), "53400", ERR_RETRY, "slots_full",
	 "Drop a slot that nobody needs (SELECT pg_drop_replication_slot('…')), or raise max_replication_slots (needs a restart of the server)."},
	{AT(PG_CREATING_SLOT), "42710", ERR_RETRY, "slot_appeared", NULL},
	{AT(PG_CREATING_SLOT), "55000", ERR_ENVIRONMENT, "wal_level",
	 "As a superuser: ALTER SYSTEM SET wal_level = logical; then restart the server."},
	{AT(PG_STARTING), "42704", ERR_RETRY, "slot_disappeared", NULL},
	{AT(PG_STARTING), "55000", ERR_ENVIRONMENT, "slot_lost",
	 "The changes since the slot's position are gone. Drop it (SELECT pg_drop_replication_slot('%s')), start again, which makes a new one, and bring the data in line; raise max_slot_wal_keep_size so that it does not happen again."},
	{AT_SLOT, "22", ERR_CONFIG, "plugin_option", NULL},
	{AT_SLOT, "2201B", ERR_CONFIG, "plugin_option", NULL},
	{AT_SLOT, "42", ERR_CONFIG, "plugin_option", NULL},
	{AT_SLOT, "0A", ERR_CONFIG, "plugin_option", NULL},
	{AT(PG_ASKING), "42501", ERR_ENVIRONMENT, "permission", NULL},
	{AT(PG_STREAMING), "58P01", ERR_ENVIRONMENT, "wal_removed",
	 "The server no longer has WAL that the slot needs. Drop the slot, start again, which makes a new one, and bring the data in line."},
	{AT(PG_STREAMING), "55000", ERR_ENVIRONMENT, "decoding_failed", NULL},
	{AT(PG_STREAMING), "22", ERR_ENVIRONMENT, "decoding_failed", NULL},
	{AT(PG_STREAMING), "42", ERR_ENVIRONMENT, "decoding_failed", NULL},
	{AT(PG_STREAMING), "0A", ERR_ENVIRONMENT, "decoding_failed", NULL},
	{AT(PG_STREAMING), "54", ERR_ENVIRONMENT, "decoding_failed", NULL},
	{AT(PG_READING), "42501", ERR_ENVIRONMENT, "snapshot_permission",
	 "As the tables' owner or a superuser: GRANT SELECT ON the table TO \"%s\"; and GRANT EXECUTE ON FUNCTION tuplecast.snapshot TO \"%s\"; where row-level security hides rows, ALTER ROLE \"%s\" BYPASSRLS."},
	{AT(PG_READING), "42883", ERR_ENVIRONMENT, "extension_old",
	 "In that database: DROP EXTENSION IF EXISTS tuplecast; CREATE EXTENSION tuplecast;"},
	{AT(PG_READING), "3F000", ERR_ENVIRONMENT, "extension_missing",
	 "In that database: CREATE EXTENSION tuplecast;"},
	{AT(PG_READING), "40001", ERR_RETRY, "snapshot_rewritten", NULL},
	{AT(PG_READING), "55P03", ERR_RETRY, "snapshot_locked",
	 "Somebody holds an ACCESS EXCLUSIVE lock on the table; snapshot.lock.timeout.ms says how long to wait."},
	{AT(PG_READING), "42P01", ERR_RETRY, "snapshot_table_dropped", NULL},
	{AT(PG_READING), "42704", ERR_RETRY, "snapshot_expired", NULL},
	{AT(PG_READING), "22", ERR_ENVIRONMENT, "snapshot_failed", NULL},
	{AT(PG_READING), "42", ERR_ENVIRONMENT, "snapshot_failed", NULL},
	{AT(PG_READING), "0A", ERR_ENVIRONMENT, "snapshot_failed", NULL},
	{AT(PG_READING), "54", ERR_ENVIRONMENT, "snapshot_failed", NULL},
	{AT(PG_READING), "55000", ERR_ENVIRONMENT, "snapshot_failed", NULL},
	{ANYWHERE, "57P03", ERR_RETRY, "source_starting", NULL},
	{ANYWHERE, "57", ERR_RETRY, "source_stopped", NULL},
	{ANYWHERE, "", ERR_RETRY, "source_error", NULL},
};

static const char *const stage_texts[] = {
	"could not connect to the source",
	"the source refused a query",
	"could not create the replication slot",
	"could not start streaming",
	"the server ended the stream",
	"the rows of a snapshot could not be read",
};

static const char **params_find(PgParams *p, const char *keyword);
static int params_hosts(PgParams *p);
static void params_add(PgParams *p, const char *keyword, const char *value);
static bool params_options(PgParams *p, const char *own, const Config *cfg,
						   Error *err);
static bool find_sqlstate(const char *message, char sqlstate[6],
						  const char **text);
static bool classify(Error *err, PgStage stage, const char *sqlstate,
					 const char *message, const Config *cfg);
static int first_line(const char *s);


bool
pg_params_build(PgParams *p, const Config *cfg, bool replication, Error *err)
{
	const char *const *k = config_conninfo_keywords(cfg);
	const char *const *v = config_conninfo_values(cfg);
	const char *options = getenv("PGOPTIONS");

	p->count = 0;
	p->hosts = 1;
	for (size_t i = 0; k[i] != NULL; i++)
	{
		if (strcmp(k[i], "replication") == 0)
			continue;
		if (strcmp(k[i], "options") == 0)
			options = v[i];
		else if (p->count < PG_MAX_PARAMS - 12)
			params_add(p, k[i], v[i]);
		else
			return err_set(err, ERR_CONFIG, "source_options",
						   "the source's connection string has too many parts");
	}
	if (!params_options(p, options != NULL ? options : "", cfg, err))
		return false;
	if (replication)
		params_add(p, "replication", "database");
	params_add(p, "client_encoding", "UTF8");
	params_add(p, "fallback_application_name", "tuplecast");
	/* a peer that vanished is noticed within about a minute */
	params_add(p, "keepalives_idle", "30");
	params_add(p, "keepalives_interval", "10");
	params_add(p, "keepalives_count", "3");
	params_add(p, "tcp_user_timeout", "60000");
	p->hosts = params_hosts(p);
	/* of several hosts the one that has the slot: after a failover another */
	if (p->hosts > 1)
		params_add(p, "target_session_attrs", "read-write");
	return true;
}

void
pg_params_first_host(PgParams *p, unsigned first)
{
	static const char *const lists[] = {"host", "hostaddr", "port"};

	if (p->hosts < 2 || first % (unsigned) p->hosts == 0)
		return;
	for (int i = 0; i < 3; i++)
	{
		const char **list = params_find(p, lists[i]);
		const char *rest;
		size_t behind;

		/* one port is that of all hosts */
		if (list == NULL || strchr(*list, ',') == NULL ||
			strlen(*list) >= sizeof(p->rotated[i]))
			continue;
		rest = *list;
		for (unsigned n = first % (unsigned) p->hosts; n > 0; n--)
			rest += strcspn(rest, ",") + 1;
		/* what is behind, a comma, what is before */
		behind = strlen(rest);
		memcpy(p->rotated[i], rest, behind);
		p->rotated[i][behind] = ',';
		memcpy(p->rotated[i] + behind + 1, *list, (size_t) (rest - *list - 1));
		p->rotated[i][strlen(*list)] = '\0';
		*list = p->rotated[i];
	}
}

void
pg_params_only_host(PgParams *p, unsigned n)
{
	static const char *const lists[] = {"host", "hostaddr", "port"};
	const char **session = params_find(p, "target_session_attrs");

	if (session != NULL)
		*session = "any";
	for (int i = 0; i < 3; i++)
	{
		const char **list = params_find(p, lists[i]);
		const char *item;
		size_t len;

		if (list == NULL || strchr(*list, ',') == NULL)
			continue;
		item = *list;
		for (unsigned left = n; left > 0 && strchr(item, ',') != NULL; left--)
			item = strchr(item, ',') + 1;
		len = strcspn(item, ",");
		if (len >= sizeof(p->rotated[i]))
			continue;
		memcpy(p->rotated[i], item, len);
		p->rotated[i][len] = '\0';
		*list = p->rotated[i];
	}
	p->hosts = 1;
}

void
pg_params_same_host(PgParams *p, const PGconn *conn)
{
	static const char *const keys[] = {"host", "hostaddr", "port"};
	const char *values[] = {PQhost(conn),
							PQhost(conn)[0] == '/' ? "" : PQhostaddr(conn),
							PQport(conn)};

	for (int i = 0; i < 3; i++)
	{
		const char **value = params_find(p, keys[i]);

		if (value != NULL)
			*value = values[i];
		else
			params_add(p, keys[i], values[i]);
	}
	p->hosts = 1;
}

int64_t
pg_params_timeout(const PgParams *p)
{
	for (int i = 0; i < p->count; i++)
	{
		if (strcmp(p->keywords[i], "connect_timeout") == 0)
			return strtol(p->values[i], NULL, 10) * 1000;
	}
	return 0;
}

PGconn *
pg_connect_start(const PgParams *p, Error *err)
{
	PGconn *conn = PQconnectStartParams(p->keywords, p->values, 0);

	if (conn == NULL)
	{
		err_set(err, ERR_RETRY, "memory", "out of memory");
		return NULL;
	}
	/* puts the SQLSTATE into the message, the only place for it here */
	PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
	return conn;
}

PgWait
pg_connect_poll(PGconn *conn, PgWait *want)
{
	struct pollfd fd = {.fd = PQsocket(conn),
						.events = *want == PG_WAIT_READ ? POLLIN : POLLOUT};

	if (PQstatus(conn) == CONNECTION_BAD)
		return PG_FAILED;
	if (poll(&fd, 1, 0) == 0)
		return *want;
	switch (PQconnectPoll(conn))
	{
		case PGRES_POLLING_OK:
			PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
			return PQsetnonblocking(conn, 1) == 0 ? PG_DONE : PG_FAILED;
		case PGRES_POLLING_READING:
			return *want = PG_WAIT_READ;
		case PGRES_POLLING_WRITING:
			return *want = PG_WAIT_WRITE;
		default:
			return PG_FAILED;
	}
}

void
pg_connect_sqlstate(const PGconn *conn, char sqlstate[6])
{
	const char *text;

	find_sqlstate(PQerrorMessage(conn), sqlstate, &text);
}

PgWait
pg_result_poll(PGconn *conn, PGresult **out)
{
	int left = PQflush(conn);

	*out = NULL;
	if (left < 0 || PQconsumeInput(conn) == 0)
		return PG_FAILED;
	if (PQisBusy(conn))
		return left > 0 ? PG_WAIT_WRITE : PG_WAIT_READ;
	*out = PQgetResult(conn);
	return PG_DONE;
}

bool
pg_connect_error(const PGconn *conn, const Config *cfg, Error *err)
{
	const char *message = PQerrorMessage(conn);
	const char *text;
	char sqlstate[6];

	if (find_sqlstate(message, sqlstate, &text))
	{
		const char *detail = strstr(text, "\nDETAIL:  ");

		classify(err, PG_CONNECTING, sqlstate, text, cfg);
		if (detail != NULL)
			err_detail(err, "%.*s", first_line(detail + 10), detail + 10);
		return false;
	}
	if (PQconnectionNeedsPassword(conn))
	{
		err_set(
			err, ERR_ENVIRONMENT, "source_authentication",
			"could not connect to the source %s: the server wants a password and none was given",
			config_source_name(cfg));
		err_hint(
			err,
			"Give it as database.password, in source.url, as PGPASSWORD or in a password file; ${file:PATH} and ${env:NAME} keep it out of the configuration.");
		return false;
	}
	return err_set(err, ERR_RETRY, "source_unreachable",
				   "could not connect to the source %s: %.*s",
				   config_source_name(cfg), first_line(message), message);
}

bool
pg_result_error(const PGresult *res, PgStage stage, const Config *cfg,
				Error *err)
{
	const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(res, PG_DIAG_MESSAGE_HINT);

	if (message == NULL)
		message = PQresultErrorMessage(res);
	classify(err, stage, sqlstate != NULL ? sqlstate : "", message, cfg);
	/* a detail of the stream could quote a row */
	if (detail != NULL && stage != PG_STREAMING)
		err_detail(err, "%s", detail);
	if (hint != NULL && err->hint[0] == '\0')
		err_hint(err, "%s", hint);
	return false;
}

bool
pg_lost_error(const PGconn *conn, Error *err)
{
	const char *message = PQerrorMessage(conn);
	int n = first_line(message);

	return err_set(err, ERR_RETRY, "source_lost",
				   "the connection to the source was lost%s%.*s",
				   n > 0 ? ": " : "", n, message);
}

bool
pg_parse_lsn(const char *text, uint64_t *lsn)
{
	uint64_t half[2];

	for (int i = 0; i < 2; i++)
	{
		char *end;

		if (!isxdigit((unsigned char) *text))
			return false;
		half[i] = strtoull(text, &end, 16);
		if (end - text > 8 || *end != (i == 0 ? '/' : '\0'))
			return false;
		text = end + 1;
	}
	*lsn = half[0] << 32 | half[1];
	return true;
}

void
pg_text_add(PgText *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	if (t->len + (size_t) n + 1 > t->cap)
	{
		t->cap = (t->len + (size_t) n + 1) * 2;
		t->data = realloc(t->data, t->cap);
		if (t->data == NULL)
			abort();
	}
	va_start(ap, fmt);
	vsnprintf(t->data + t->len, t->cap - t->len, fmt, ap);
	va_end(ap);
	t->len += (size_t) n;
}

void
pg_text_quoted(PgText *t, const char *s, char quote)
{
	pg_text_add(t, "%c", quote);
	for (; *s != '\0'; s++)
	{
		if (*s == quote)
			pg_text_add(t, "%c", quote);
		pg_text_add(t, "%c", *s);
	}
	pg_text_add(t, "%c", quote);
}

static const char **
params_find(PgParams *p, const char *keyword)
{
	for (int i = 0; i < p->count; i++)
	{
		if (strcmp(p->keywords[i], keyword) == 0)
			return &p->values[i];
	}
	return NULL;
}

static int
params_hosts(PgParams *p)
{
	const char **list = params_find(p, "host");
	int n = 1;

	if (list == NULL)
		list = params_find(p, "hostaddr");
	for (const char *s = list != NULL ? *list : ""; *s != '\0'; s++)
		n += *s == ',';
	return n;
}

/* What the user said stays. */
static void
params_add(PgParams *p, const char *keyword, const char *value)
{
	if (params_find(p, keyword) != NULL || p->count >= PG_MAX_PARAMS - 1)
		return;
	p->keywords[p->count] = keyword;
	p->values[p->count] = value;
	p->count++;
	p->keywords[p->count] = NULL;
	p->values[p->count] = NULL;
}

/* The server's settings that our session needs; the user's own come later and win. */
static bool
params_options(PgParams *p, const char *own, const Config *cfg, Error *err)
{
	char mem[64];
	size_t n = 0;
	int len;

	/* a blank or a backslash ends or escapes an option there */
	for (const char *s = cfg->decoding_work_mem;
		 *s != '\0' && n < sizeof(mem) - 2; s++)
	{
		if (*s == ' ' || *s == '\\')
			mem[n++] = '\\';
		mem[n++] = *s;
	}
	mem[n] = '\0';
	len = snprintf(
		p->options, sizeof(p->options),
		"-c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=3%s%s%s%s%s%s",
		n > 0 ? " -c logical_decoding_work_mem=" : "", mem,
		cfg->secrets[0] != '\0' ? " -c tuplecast.secrets=" : "", cfg->secrets,
		own[0] != '\0' ? " " : "", own);
	if (len < 0 || (size_t) len >= sizeof(p->options))
		return err_set(
			err, ERR_CONFIG, "source_options",
			"the options of the source's connection are longer than %zu bytes",
			sizeof(p->options) - 1);
	params_add(p, "options", p->options);
	return true;
}

/*
 * libpq offers no SQLSTATE of a failed connection, but its verbose message has
 * it: "…FATAL:  28P01: password authentication failed…", whatever the language.
 */
static bool
find_sqlstate(const char *message, char sqlstate[6], const char **text)
{
	sqlstate[0] = '\0';
	*text = message;
	for (const char *p = strstr(message, ":  "); p != NULL;
		 p = strstr(p + 1, ":  "))
	{
		int n = 0;

		while (n < 5 && (isdigit((unsigned char) p[3 + n]) ||
						 isupper((unsigned char) p[3 + n])))
			n++;
		if (n == 5 && p[8] == ':' && p[9] == ' ')
		{
			memcpy(sqlstate, p + 3, 5);
			sqlstate[5] = '\0';
			*text = p + 10;
			return true;
		}
	}
	return false;
}

static bool
classify(Error *err, PgStage stage, const char *sqlstate, const char *message,
		 const Config *cfg)
{
	const PgMeaning *m = meanings;

	while (!((m->stages & AT(stage)) &&
			 strncmp(sqlstate, m->sqlstate, strlen(m->sqlstate)) == 0))
		m++;
	err_set(err, m->kind, m->code, "%s%s%s: %.*s%s%s%s", stage_texts[stage],
			stage == PG_CONNECTING ? " " : "",
			stage == PG_CONNECTING ? config_source_name(cfg) : "",
			first_line(message), message, sqlstate[0] ? " (SQLSTATE " : "",
			sqlstate, sqlstate[0] ? ")" : "");
	if (m->hint != NULL)
	{
		const char *name = stage == PG_CONNECTING || stage == PG_READING
							   ? pg_user_name(cfg)
							   : cfg->slot_name;
		const char *rest = m->hint;
		char hint[sizeof(err->hint)];
		size_t n = 0;

		/* each %s of a row stands for the role or the slot */
		for (; *rest != '\0' && n < sizeof(hint) - 1; rest++)
		{
			if (rest[0] == '%' && rest[1] == 's')
			{
				n += (size_t) snprintf(hint + n, sizeof(hint) - n, "%s", name);
				if (n > sizeof(hint) - 1)
					n = sizeof(hint) - 1;
				rest++;
			}
			else
				hint[n++] = *rest;
		}
		hint[n] = '\0';
		err_hint(err, "%s", hint);
	}
	return false;
}

const char *
pg_user_name(const Config *cfg)
{
	const char *const *k = config_conninfo_keywords(cfg);
	const char *env = getenv("PGUSER");

	for (size_t i = 0; k[i] != NULL; i++)
	{
		if (strcmp(k[i], "user") == 0)
			return config_conninfo_values(cfg)[i];
	}
	return env != NULL ? env : "USER";
}

static int
first_line(const char *s)
{
	return (int) strcspn(s, "\n");
}
