/*
 * check.h
 *		Between the files of `tuplecast check` only.
 *
 * Unlike run, it may block, though never for long: each step has its limit.
 */
#ifndef TUPLECAST_CHECK_H
#define TUPLECAST_CHECK_H

#include "findings.h"
#include "pg.h"

/* ---- check_session.c: an ordinary connection to the source ----------------- */

typedef struct CheckSession
{
	PGconn *conn; /* NULL: not connected, or lost */
	const Config *cfg;
	PgStage stage;	  /* what its errors mean; PG_ASKING at first */
	char sqlstate[6]; /* of the last failed query; "" if there is none */
} CheckSession;

/* Ordinary ones read only, and find nothing but what is the server's own. */
extern bool check_connect(CheckSession *s, const Config *cfg, bool replication,
						  Error *err) MUST_CHECK;
/* An ordinary one to one host of source.url's list, counted from 0. */
extern bool check_connect_host(CheckSession *s, const Config *cfg, int host,
							   Error *err) MUST_CHECK;
/* One statement; NULL: err.  PQclear() it. */
extern PGresult *check_query(CheckSession *s, const char *sql,
							 Error *err) MUST_CHECK;
/* For statements whose failure changes nothing. */
extern void check_run(CheckSession *s, const char *sql);
extern void check_disconnect(CheckSession *s);

/* ---- what is known so far -------------------------------------------------- */

/* A captured relation, as tuplecast.relations() gives it. */
typedef struct CheckTable
{
	char *name; /* qualified and quoted as SQL wants it */
	char *topic;
	bool has_key;
} CheckTable;

typedef struct Check
{
	const Config *cfg;
	Findings *findings;
	CheckSession source;
	int version; /* server_version_num */
	bool in_recovery;
	bool is_superuser;
	bool may_replicate;
	bool wal_level_ok;
	bool slot_exists;
	bool slot_active;
	bool slot_ours; /* it is of our plugin, and in our database */
	int slots_free;
	int senders_free;
	char role[256];
	bool functions; /* tuplecast.relations() can be called */
	bool on_trial;	/* the extension exists in our open transaction only */
	bool publication_missing; /* one of those that are named */
	/* of the captured tables */
	bool tables_known;
	CheckTable *tables;
	size_t ntables;
	bool null_key; /* of any of them */
} Check;

/* A column of the only row, "" for NULL. */
extern const char *check_field(const PGresult *res, const char *column);
extern bool check_is_true(const PGresult *res, const char *column);
extern int64_t check_number(const PGresult *res, const char *column);

/* check_source.c: the server and the role; false: not connected */
extern bool check_server(Check *c);
/* check_slot.c */
extern void check_slot(Check *c);
/* check_failover.c: needs what check_slot() found */
extern void check_failover(Check *c);
/* check_publication.c */
extern void check_publication(Check *c);
/* check_plugin.c: needs what check_slot() found */
extern void check_plugin(Check *c);
/* check_snapshot.c */
extern void check_snapshot(Check *c);
/* check_signals.c */
extern void check_signals(Check *c);
/* check_tables.c */
extern void check_tables(Check *c);
extern void check_tables_free(Check *c);
/* kafka_check.c */
extern void kafka_check(Check *c);

/* ---- check_text.c ---------------------------------------------------------- */

/* Whether a setting of quoted names, as pg_settings shows it, has the name. */
extern bool check_list_has(const char *setting, const char *name);
/* The list's names and one more, as ALTER SYSTEM SET wants them: unquoted but
 * where a name needs quotes. */
extern void check_list_plus(PgText *out, const char *setting, const char *name);
/* Does a version (server_version_num) know output_plugin_libraries? */
extern bool check_version_has_libraries(int version);
/* The release of that major which brought it; NULL: none will */
extern const char *check_version_of_libraries(int version);
/* "1.2 GB" */
extern const char *check_size_text(char out[32], int64_t bytes);
/* "a, b, c and 17 more" */
typedef struct CheckList
{
	PgText text;
	size_t count;
	size_t limit; /* names shown */
} CheckList;

extern void check_list_add(CheckList *l, const char *name);
/* Owned by the list; "" if it is empty. */
extern const char *check_list_text(CheckList *l);
extern void check_list_free(CheckList *l);
/* Is the address (of PQhost and PQhostaddr) this machine? */
extern bool check_is_local(const char *host, const char *address);

#endif /* TUPLECAST_CHECK_H */
