/*
 * incremental.c
 *		Snapshots of tables while the stream goes on: the rules.
 */
#include "incremental.h"

#include <stdlib.h>
#include <string.h>

struct Incremental
{
	IncrementalNotify notify;
	void *notify_arg;
	bool paused;
};


Incremental *
incremental_new(void)
{
	Incremental *inc = calloc(1, sizeof(*inc));

	if (inc == NULL)
		abort();
	return inc;
}

void
incremental_free(Incremental *inc)
{
	free(inc);
}

void
incremental_set_notify(Incremental *inc, IncrementalNotify notify, void *arg)
{
	inc->notify = notify;
	inc->notify_arg = arg;
}

bool
incremental_start(Incremental *inc, const IncrementalRequest *req, Error *err)
{
	(void) inc;
	(void) req;
	return err_set(err, ERR_CONFIG, "incremental",
				   "incremental snapshots are not there yet");
}

void
incremental_pause(Incremental *inc)
{
	inc->paused = true;
}

void
incremental_resume(Incremental *inc)
{
	inc->paused = false;
}

void
incremental_stop(Incremental *inc, const char *const *patterns, size_t count)
{
	(void) inc;
	(void) patterns;
	(void) count;
}

void
incremental_status(const Incremental *inc, IncrementalStatus *out)
{
	memset(out, 0, sizeof(*out));
	out->paused = inc->paused;
}
