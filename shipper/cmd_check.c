/*
 * cmd_check.c
 *		`tuplecast check`: everything that would keep run from working, with what
 *		repairs it.  It changes nothing, here or there.
 */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "log.h"

static void check_all(Findings *f, const Config *cfg);
static void check_source(Check *c);
static void check_sink(Check *c);
static void check_file(Check *c);


int
cmd_check(int argc, char **argv)
{
	bool json = command_take_flag(&argc, argv, "--json");
	Findings findings = {0};
	Config cfg;
	Error err;
	int code;

	log_init(LOG_TEXT, LOG_ERROR);
	prctl(PR_SET_DUMPABLE, 0);
	if (config_load(&cfg, argc, argv, &err))
	{
		for (const char *const *w = config_warnings(&cfg); *w != NULL; w++)
			findings_bad(&findings, FIND_configuration_warning, "", "%s", *w);
		if (config_require_run(&cfg, &err))
			check_all(&findings, &cfg);
		else
			findings_error(&findings, FIND_configuration, &err);
		config_free(&cfg);
	}
	else
		findings_error(&findings, FIND_configuration, &err);
	findings_sort(&findings);
	if (json)
		findings_print_json(&findings, stdout);
	else
		findings_print_text(&findings, stdout);
	code = findings_exit_code(&findings);
	findings_free(&findings);
	return code;
}

static void
check_all(Findings *f, const Config *cfg)
{
	Check c = {.cfg = cfg, .findings = f};

	findings_ok(f, FIND_configuration, "complete: %s to topics \"%s.…\"",
				config_source_name(cfg), cfg->topic_prefix);
	check_source(&c);
	check_sink(&c);
	check_tables_free(&c);
}

static void
check_source(Check *c)
{
	if (check_server(c))
	{
		check_slot(c);
		check_failover(c);
		check_publication(c);
		check_plugin(c);
		check_snapshot(c);
		check_signals(c);
		check_tables(c);
	}
	findings_skip_rest(c->findings, FIND_source_connection, FIND_toast_identity,
					   c->source.conn == NULL
						   ? "there is no connection to the source"
						   : "what it depends on does not hold");
	check_disconnect(&c->source);
}

static void
check_sink(Check *c)
{
	if (c->cfg->sink == SINK_KAFKA)
		kafka_check(c);
	else if (c->cfg->sink == SINK_FILE)
		check_file(c);
}

/* ---- the file sink --------------------------------------------------------- */

/* false: errno.  A file that is not there yet needs a directory to write to. */
static bool
is_writable(const char *path)
{
	char *copy;
	bool ok;

	if (access(path, F_OK) == 0)
		return access(path, R_OK | W_OK) == 0;
	copy = strdup(path);
	if (copy == NULL)
		abort();
	ok = access(dirname(copy), W_OK | X_OK) == 0;
	free(copy);
	return ok;
}

static void
check_file(Check *c)
{
	const char *path = c->cfg->sink_file;
	struct stat st;
	bool exists = stat(path, &st) == 0;

	if (exists && !S_ISREG(st.st_mode))
		findings_bad(c->findings, FIND_sink_file,
					 "Set sink.file.path to a file; for a pipe use sink=stdout "
					 "and the shell's redirection.",
					 "\"%s\" is not a regular file", path);
	else if (!is_writable(path))
		findings_bad(c->findings, FIND_sink_file,
					 "Make its directory, and let the user that tuplecast runs "
					 "as write there; or set sink.file.path.",
					 "\"%s\" cannot be written: %s", path, strerror(errno));
	else
		findings_ok(c->findings, FIND_sink_file, "\"%s\" can be %s", path,
					exists ? "appended to" : "made");
}
