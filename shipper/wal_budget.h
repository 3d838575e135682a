/*
 * wal_budget.h
 *		How much WAL the slot keeps, how much it may, and when that is used up.
 *
 * Pure: samples in, a judgement out.  SQL does not show how large the server's
 * disk is; what is known is max_slot_wal_keep_size, through safe_wal_size, and
 * what the operator says with wal.budget.bytes.  The tighter of the two counts.
 */
#ifndef TUPLECAST_WAL_BUDGET_H
#define TUPLECAST_WAL_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WAL_MAX_THRESHOLDS 8
/* without a budget each doubling from here on is worth a word */
#define WAL_MUCH_BYTES ((uint64_t) 8 << 30)
#define WAL_NEVER	   UINT64_MAX

typedef struct WalSample
{
	uint64_t retained;	/* bytes from restart_lsn to the server's end */
	bool limited;		/* max_slot_wal_keep_size has a limit */
	int64_t safe_bytes; /* then: left until the slot is in danger; may be < 0 */
} WalSample;

typedef struct WalBudget
{
	uint64_t limit; /* wal.budget.bytes; 0: none */
	int percents[WAL_MAX_THRESHOLDS];
	int count;

	uint64_t retained;
	uint64_t budget; /* of both the tighter; 0: neither is known */
	bool own;		 /* it is wal.budget.bytes */
	unsigned percent;
	double rate;	  /* growth of what is retained, bytes a second, smoothed */
	uint64_t full_us; /* until the budget is used up; WAL_NEVER: not growing */
	int level;		  /* thresholds exceeded */
	int64_t sampled_ms;
} WalBudget;

typedef enum WalChange
{
	WAL_SAME,
	WAL_HIGHER, /* a threshold was crossed */
	WAL_LOWER
} WalChange;

/* thresholds as "50,75,90", rising, 1 to 100 each, or ""; false: it is not */
extern bool wal_thresholds_parse(const char *text, int *percents, int *count);
/* thresholds must have passed wal_thresholds_parse() */
extern void wal_budget_init(WalBudget *b, uint64_t limit,
							const char *thresholds);
extern WalChange wal_budget_note(WalBudget *b, const WalSample *s,
								 int64_t now_ms);
/* The growth is not known any more: the next sample begins anew. */
extern void wal_budget_forget(WalBudget *b);
/* "12.3 GB"; "3 h 20 min" */
extern const char *wal_bytes_text(char *out, size_t size, uint64_t bytes);
extern const char *wal_time_text(char *out, size_t size, uint64_t us);

#endif /* TUPLECAST_WAL_BUDGET_H */
