/*
 * resume.c
 *		May the stream of this server go on from that position?
 */
#include "resume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lsn.h"

#define GIVE_UP                                                                \
	"or give the position up with tuplecast drop --position, which makes the " \
	"next start begin at the slot"

static bool no_position(const ResumeStored *stored, const ResumeServer *server,
						bool exactly_once, Error *err);
static bool check_timeline(const Position *p, const ResumeServer *server,
						   Error *err);
static bool gap(const Position *p, const ResumeServer *server, Error *err);
static bool ahead(const Position *p, const ResumeServer *server, Error *err);


bool
timeline_history_parse(TimelineHistory *h, const char *text, size_t len,
					   Error *err)
{
	const char *end = text + len;

	memset(h, 0, sizeof(*h));
	while (text < end)
	{
		const char *nl = memchr(text, '\n', (size_t) (end - text));
		size_t n = (size_t) ((nl != NULL ? nl : end) - text);
		char line[128];
		unsigned timeline;
		unsigned high;
		unsigned low;

		snprintf(line, sizeof(line), "%.*s", (int) (n < 127 ? n : 127), text);
		text += n + 1;
		if (line[strspn(line, " \t\r")] == '\0' ||
			line[strspn(line, " \t")] == '#')
			continue;
		if (sscanf(line, "%9u %8X/%8X", &timeline, &high, &low) != 3 ||
			h->count == TIMELINE_MAX)
			return err_set(err, ERR_ENVIRONMENT, "timeline_history",
						   "the server's timeline history cannot be read");
		h->items[h->count].timeline = timeline;
		h->items[h->count++].end_lsn = (uint64_t) high << 32 | low;
	}
	h->known = true;
	return true;
}

bool
resume_check(const ResumeStored *stored, const ResumeServer *server,
			 const char *options, bool exactly_once, bool *drop_open,
			 Error *err)
{
	const Position *p = stored->position;

	*drop_open = false;
	if (p == NULL)
		return no_position(stored, server, exactly_once, err);
	if (strcmp(p->system_id, server->system_id) != 0)
	{
		err_set(err, ERR_ENVIRONMENT, "wrong_cluster",
				"the position is of another database cluster (system "
				"identifier %s, this one has %s)",
				p->system_id, server->system_id);
		err_detail(err,
				   "Positions of one cluster mean nothing in another; "
				   "rows would be skipped. (topic %.200s)",
				   stored->topic);
		err_hint(err, "Connect to the right cluster. If the new one is meant "
					  "(pg_upgrade, a logical copy), bring the data in "
					  "line, " GIVE_UP ".");
		return false;
	}
	if (server->slot_lsn > p->end_lsn)
		return gap(p, server, err);
	if (!check_timeline(p, server, err))
		return false;
	if (p->end_lsn > server->wal_lsn)
		return ahead(p, server, err);
	if (p->open.end_lsn != 0 && strcmp(p->options, options) != 0)
	{
		if (!exactly_once)
		{
			*drop_open = true;
			return true;
		}
		err_set(err, ERR_CONFIG, "cannot_resume_transaction",
				"the transaction that ends at " LSN_FORMAT
				" was delivered in part under other options",
				LSN_ARGS(p->open.end_lsn));
		err_detail(err, "Under the new ones its records may be others, so "
						"that nobody can say which of them are missing.");
		err_hint(err, "Start with the options of before, let it get beyond "
					  "this transaction, then change them; " GIVE_UP
					  " (records of this transaction then come twice).");
		return false;
	}
	return true;
}

bool
resume_is_gap(const ResumeStored *stored, const ResumeServer *server)
{
	const Position *p = stored->position;

	return p != NULL && strcmp(p->system_id, server->system_id) == 0 &&
		   server->slot_lsn > p->end_lsn;
}

static bool
no_position(const ResumeStored *stored, const ResumeServer *server,
			bool exactly_once, Error *err)
{
	if (!exactly_once || !stored->topic_used)
		return true;
	err_set(err, ERR_ENVIRONMENT, "position_lost",
			"the position topic \"%s\" held records, but the position is gone",
			stored->topic);
	err_detail(err,
			   "The slot is at " LSN_FORMAT "; without the position "
			   "nobody knows which records behind that were delivered, "
			   "so exactly-once cannot be kept.",
			   LSN_ARGS(server->slot_lsn));
	err_hint(err, "Its cleanup.policy must be compact alone. Restore the "
				  "topic, or start once with delivery=at-least-once, which "
				  "begins at the slot (records behind it may come twice) and "
				  "writes the position anew.");
	return false;
}

/* The end of all that the destination has, and of what it has in part. */
static uint64_t
farthest(const Position *p)
{
	return p->open.end_lsn > p->end_lsn ? p->open.end_lsn : p->end_lsn;
}

/* Where the history of the server leaves the position's timeline. */
static bool
check_timeline(const Position *p, const ResumeServer *server, Error *err)
{
	const TimelineHistory *h = server->history;

	if (p->timeline == server->timeline)
		return true;
	if (h != NULL && h->known)
	{
		for (int i = 0; i < h->count; i++)
		{
			if (h->items[i].timeline != p->timeline)
				continue;
			if (farthest(p) <= h->items[i].end_lsn)
				return true;
			err_set(err, ERR_ENVIRONMENT, "ghost_transactions",
					"the destination has transactions that this server never "
					"had: up to " LSN_FORMAT " of timeline %u, which it left "
					"at " LSN_FORMAT,
					LSN_ARGS(farthest(p)), p->timeline,
					LSN_ARGS(h->items[i].end_lsn));
			err_detail(err, "A standby was promoted that lagged, or a backup "
							"restored. The server would skip its own "
							"transactions up to there without a word.");
			err_hint(err, "Bring the data in line (delete what the server "
						  "does not have, or copy the tables anew), " GIVE_UP
						  ". synchronized_standby_slots (17 and later) keeps "
						  "this from happening.");
			return false;
		}
	}
	err_set(err, ERR_ENVIRONMENT, "timeline_unknown",
			"the position is on timeline %u, which is not in the history of "
			"this server (timeline %u)",
			p->timeline, server->timeline);
	err_detail(err, "So the position means nothing to it: it may be another "
					"branch of the cluster, or it no longer has the file of "
					"the history.");
	err_hint(err, "Connect to the server that follows on the one of before; "
				  "or bring the data in line, " GIVE_UP ".");
	return false;
}

static bool
gap(const Position *p, const ResumeServer *server, Error *err)
{
	err_set(err, ERR_ENVIRONMENT, "position_gap",
			"the slot is at " LSN_FORMAT ", beyond " LSN_FORMAT
			" up to where the destination has the changes",
			LSN_ARGS(server->slot_lsn), LSN_ARGS(p->end_lsn));
	err_detail(err, "%s The changes between are missing in the destination.",
			   server->slot_created
				   ? "The slot was missing and has just been made."
				   : "Somebody else consumed, advanced or made it anew, or the "
					 "topic lost its last records.");
	err_hint(err, "Find out who did, give each consumer a slot of its own, "
				  "and bring the data in line, " GIVE_UP
				  ". slot.lost=resnapshot repairs it by a snapshot.");
	return false;
}

static bool
ahead(const Position *p, const ResumeServer *server, Error *err)
{
	err_set(err, server->standby ? ERR_RETRY : ERR_ENVIRONMENT,
			"position_ahead",
			"the position " LSN_FORMAT
			" is ahead of the server, which is at " LSN_FORMAT,
			LSN_ARGS(p->end_lsn), LSN_ARGS(server->wal_lsn));
	err_detail(err, "%s",
			   server->standby
				   ? "It is a standby that lags; it will get there."
				   : "The server was restored from something older. It would "
					 "skip all changes up to there without a word.");
	err_hint(err, "Connect to the right server, or bring the data in "
				  "line, " GIVE_UP ".");
	return false;
}
