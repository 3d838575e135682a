/*
 * failpoint.c
 *		Places where a test can kill, delay or fail the program.
 */
#include "failpoint.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_POINTS 16
#define HOLD_MS	   5

typedef struct Failpoint
{
	char name[48];
	char what[16];
	char path[128]; /* of hold */
	int ms;
	int nth; /* 0: always */
	int hits;
} Failpoint;

bool failpoint_active;
static Failpoint points[MAX_POINTS];
static int npoints;

static void
add(char *text)
{
	Failpoint *p = &points[npoints];
	char *save = NULL;
	char *name = strtok_r(text, ":", &save);
	char *what = strtok_r(NULL, ":", &save);
	char *nth = strtok_r(NULL, ":", &save);
	char *ms;

	if (name == NULL || what == NULL || npoints == MAX_POINTS)
		return;
	ms = strchr(what, '=');
	if (ms != NULL)
		*ms++ = '\0';
	snprintf(p->name, sizeof(p->name), "%s", name);
	snprintf(p->what, sizeof(p->what), "%s", what);
	snprintf(p->path, sizeof(p->path), "%s", ms != NULL ? ms : "");
	p->ms = ms != NULL ? (int) strtol(ms, NULL, 10) : 0;
	p->nth = nth != NULL ? (int) strtol(nth, NULL, 10) : 0;
	npoints++;
}

/* PATH.held says that we are here; it ends when somebody makes PATH. */
static void
hold(const Failpoint *p)
{
	char held[sizeof(p->path) + 8];
	FILE *f;

	snprintf(held, sizeof(held), "%s.held", p->path);
	f = fopen(held, "w");
	if (f != NULL)
		fclose(f);
	while (access(p->path, F_OK) != 0)
		(void) poll(NULL, 0, HOLD_MS);
}

void
failpoint_init(void)
{
	const char *text = getenv("TUPLECAST_FAILPOINT");
	char *copy = text != NULL ? strdup(text) : NULL;
	char *save = NULL;

	if (copy == NULL)
		return;
	for (char *one = strtok_r(copy, ",", &save); one != NULL;
		 one = strtok_r(NULL, ",", &save))
		add(one);
	free(copy);
	failpoint_active = npoints > 0;
}

bool
failpoint_hit(const char *name)
{
	for (int i = 0; i < npoints; i++)
	{
		Failpoint *p = &points[i];

		if (strcmp(p->name, name) != 0 ||
			(__atomic_add_fetch(&p->hits, 1, __ATOMIC_RELAXED) != p->nth &&
			 p->nth != 0))
			continue;
		if (strcmp(p->what, "kill") == 0)
			raise(SIGKILL);
		else if (strcmp(p->what, "sleep") == 0)
			(void) poll(NULL, 0, p->ms);
		else if (strcmp(p->what, "hold") == 0)
			hold(p);
		else
			return true;
	}
	return false;
}

bool
failpoint_error(const char *name, Error *err)
{
	return err_set(err, ERR_RETRY, "failpoint", "failpoint %s", name);
}
