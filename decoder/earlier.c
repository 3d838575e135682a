/*
 * earlier.c
 *		Whether a row's version was there for an earlier snapshot, too.
 *
 * A version that is visible now was visible then if the transaction that made it
 * was: nothing comes back.  The snapshot is less than 2^31 transactions old, so
 * the lower half of its numbers is enough.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/transam.h"

#include "earlier.h"

struct EarlierSnapshot
{
	TransactionId xmin;
	TransactionId xmax;
	int count;
	TransactionId xip[FLEXIBLE_ARRAY_MEMBER];
};

static TransactionId
number(const char **at, char end)
{
	char *stop;
	uint64 n = strtoull(*at, &stop, 10);

	if (stop == *at || (*stop != end && *stop != '\0'))
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("visible_in is not of the form of pg_current_snapshot()")));
	*at = *stop == end && end != '\0' ? stop + 1 : stop;
	return (TransactionId) n;
}

EarlierSnapshot *
earlier_parse(const char *text)
{
	EarlierSnapshot *s = palloc0(offsetof(EarlierSnapshot, xip) +
								 sizeof(TransactionId) * (strlen(text) + 1));

	s->xmin = number(&text, ':');
	s->xmax = number(&text, ':');
	while (*text != '\0')
		s->xip[s->count++] = number(&text, ',');
	return s;
}

bool
earlier_saw(const EarlierSnapshot *s, TupleTableSlot *slot)
{
	bool copied;
	HeapTuple tuple = ExecFetchSlotHeapTuple(slot, false, &copied);
	TransactionId xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);
	/* one that was frozen since then is taken for old: rather twice than never */
	bool old = HeapTupleHeaderXminFrozen(tuple->t_data) ||
			   TransactionIdPrecedes(xmin, s->xmin);

	if (copied)
		heap_freetuple(tuple);
	if (old)
		return true;
	if (TransactionIdFollowsOrEquals(xmin, s->xmax))
		return false;
	for (int i = 0; i < s->count; i++)
		if (s->xip[i] == xmin)
			return false;
	return true;
}
