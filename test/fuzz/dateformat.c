/*
 * dateformat.c
 *		Instants by patterns of SimpleDateFormat: what is written with a full
 *		pattern is read back as the same instant; any text may be read.
 */
#include "postgres.h"

#include "dateformat.h"

#include "fuzz.h"
#include "shim/shim.h"

#define FULL "yyyy-MM-dd'T'HH:mm:ss.SSSX"

static void
check_round_trip(int64 ms)
{
	StringInfoData s;
	int64 back;

	/* of our era: years before are not told apart */
	if (ms < INT64CONST(-62135596800000) || ms > INT64CONST(100000000000000000))
		return;
	initStringInfo(&s);
	dateformat_append(&s, ms, FULL);
	FUZZ_CHECK(dateformat_parse(s.data, FULL, &back), "%s", s.data);
	FUZZ_CHECK(back == ms, "%s: " INT64_FORMAT " is not " INT64_FORMAT, s.data,
			   back, ms);
}

static void
run(FuzzInput *in)
{
	/* what a timestamp of the server can be */
	int64 ms = (int64) fuzz_bits(in, 8) % INT64CONST(9224318015999999);
	char *raw = fuzz_text(in, '\n');
	char *pattern = pstrdup(raw);
	char *text;
	StringInfoData out;
	int64 parsed;

	free(raw);
	raw = fuzz_text(in, -1);
	text = pstrdup(raw);
	free(raw);
	if (ms < INT64CONST(-210866803200000))
		ms = -ms;
	check_round_trip(ms);
	if (strlen(pattern) > 200 || dateformat_check(pattern) != NULL)
		return;
	initStringInfo(&out);
	dateformat_append(&out, ms, pattern);
	dateformat_parse(out.data, pattern, &parsed);
	dateformat_parse(text, pattern, &parsed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzInput in = {data, size};

	if (SHIM_TRY())
		run(&in);
	else
		FUZZ_CHECK(false, "%s", shim_error_text);
	shim_reset();
	return 0;
}
