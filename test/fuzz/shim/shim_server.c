/*
 * shim_server.c
 *		What else the decoder's pure files call of the server or of files that need
 *		one: done alike where a value depends on it, else as little as links.
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "nodes/pg_list.h"
#include "nodes/value.h"
#include "regex/regex.h"
#include "replication/logical.h"
#include "replication/output_plugin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/resowner.h"
#include "utils/varlena.h"

#include "shape.h"
#include "sourcetype.h"

#include "shim.h"

int shim_encoding = PG_UTF8;
const char *shim_secrets;

/* ---- text ---------------------------------------------------------------- */

int
GetDatabaseEncoding(void)
{
	return shim_encoding;
}

bool
IsTransactionState(void)
{
	return true;
}

Oid
FindDefaultConversionProc(int32 for_encoding, int32 to_encoding)
{
	return InvalidOid;
}

void
fmgr_info_cxt(Oid functionId, FmgrInfo *finfo, MemoryContext mcxt)
{
	abort();
}

Datum
FunctionCall6Coll(FmgrInfo *flinfo, Oid collation, Datum arg1, Datum arg2,
				  Datum arg3, Datum arg4, Datum arg5, Datum arg6)
{
	abort();
}

text *
cstring_to_text_with_len(const char *s, int len)
{
	text *result = palloc(len + VARHDRSZ);

	SET_VARSIZE(result, len + VARHDRSZ);
	memcpy(VARDATA(result), s, len);
	return result;
}

struct varlena *
pg_detoast_datum_slice(struct varlena *datum, int32 first, int32 count)
{
	abort();
}

char *
str_toupper(const char *buff, size_t nbytes, Oid collid)
{
	char *out = pnstrdup(buff, nbytes);

	for (char *p = out; *p != '\0'; p++)
		*p = (char) pg_toupper((unsigned char) *p);
	return out;
}

bool
parse_bool(const char *value, bool *result)
{
	static const char *const words[] = {"false", "true", "no", "yes",
										"off",	 "on",	 "0",  "1"};

	for (int i = 0; i < lengthof(words); i++)
		if (pg_strcasecmp(value, words[i]) == 0)
		{
			*result = i % 2 == 1;
			return true;
		}
	return false;
}

/* near enough: all of it only chooses a hint */
int
varstr_levenshtein_less_equal(const char *source, int slen, const char *target,
							  int tlen, int ins_c, int del_c, int sub_c,
							  int max_d, bool trusted)
{
	int same = 0;

	while (same < slen && same < tlen && source[same] == target[same])
		same++;
	return Min(Max(slen, tlen) - same, max_d + 1);
}

/* names between separators, without quotes: the server's has its own tests */
bool
SplitIdentifierString(char *rawstring, char separator, List **namelist)
{
	char *save = NULL;
	char by[2] = {separator, '\0'};

	*namelist = NIL;
	if (strchr(rawstring, '"') != NULL)
		return false;
	for (char *s = strtok_r(rawstring, by, &save); s != NULL;
		 s = strtok_r(NULL, by, &save))
		*namelist = lappend(*namelist, s);
	return true;
}

uint64
hex_encode(const char *src, size_t len, char *dst)
{
	for (size_t i = 0; i < len; i++)
	{
		dst[2 * i] = "0123456789abcdef"[(uint8) src[i] >> 4];
		dst[2 * i + 1] = "0123456789abcdef"[(uint8) src[i] & 15];
	}
	return (uint64) len * 2;
}

uint64
hex_decode(const char *src, size_t len, char *dst)
{
	static const char digits[] = "0123456789abcdef";

	if (len % 2 != 0)
		ereport(ERROR, (errmsg("an odd number of digits")));
	for (size_t i = 0; i < len; i++)
	{
		const char *d =
			src[i] == '\0' ? NULL : strchr(digits, pg_tolower(src[i]));

		if (d == NULL)
			ereport(ERROR, (errmsg("no hexadecimal digit")));
		if (i % 2 == 0)
			dst[i / 2] = (char) ((d - digits) << 4);
		else
			dst[i / 2] |= (char) (d - digits);
	}
	return len / 2;
}

/* the libc's, not the server's */
#undef sprintf
int
pg_lltoa(int64 ll, char *a)
{
	return sprintf(a, "%lld", (long long) ll);
}

int
pg_ltoa(int32 l, char *a)
{
	return sprintf(a, "%d", l);
}

/* not terminated */
int
pg_ulltoa_n(uint64 l, char *a)
{
	char buf[24];
	int n = sprintf(buf, "%llu", (unsigned long long) l);

	memcpy(a, buf, n);
	return n;
}

/* ---- dates: days in the proleptic Gregorian calendar ---------------------- */

/* What the server's int arithmetic can do; beyond it, its own is undefined. */
#define SHIM_MAX_YEAR 5874898

int
date2j(int year, int month, int day)
{
	int64 y = year;
	int64 era;
	int64 yoe, doy;

	if (year > SHIM_MAX_YEAR || year < -5000 || month < 0 || month > 13)
		abort();
	y += month <= 2 ? -1 : 0;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return (int) (era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy -
				  719468 + UNIX_EPOCH_JDATE);
}

void
j2date(int jd, int *year, int *month, int *day)
{
	int64 z = (int64) jd - UNIX_EPOCH_JDATE + 719468;
	int64 era = (z >= 0 ? z : z - 146096) / 146097;
	int64 doe = z - era * 146097;
	int64 yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64 doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64 mp = (5 * doy + 2) / 153;

	*day = (int) (doy - (153 * mp + 2) / 5 + 1);
	*month = (int) (mp < 10 ? mp + 3 : mp - 9);
	*year = (int) (yoe + era * 400 + (*month <= 2));
}

int
j2day(int jd)
{
	return (int) ((((int64) jd + 1) % 7 + 7) % 7);
}

/* ---- regular expressions: translated, not run ----------------------------- */

int
pg_mb2wchar_with_len(const char *from, pg_wchar *to, int len)
{
	for (int i = 0; i < len; i++)
		to[i] = (unsigned char) from[i];
	to[len] = 0;
	return len;
}

/* parentheses must balance and nothing end in a backslash, at least */
int
pg_regcomp(regex_t *re, const pg_wchar *string, size_t len, int flags,
		   Oid collation)
{
	int depth = 0;
	bool in_class = false;

	for (size_t i = 0; i < len; i++)
	{
		if (string[i] == '\\')
		{
			if (++i == len)
				return REG_EESCAPE;
		}
		else if (in_class)
			in_class = string[i] != ']';
		else if (string[i] == '[')
			in_class = true;
		else if (string[i] == '(')
			depth++;
		else if (string[i] == ')' && --depth < 0)
			return REG_EPAREN;
	}
	return depth == 0 && !in_class ? REG_OKAY : REG_EPAREN;
}

size_t
pg_regerror(int errcode, const regex_t *preg, char *errbuf, size_t errbuf_size)
{
	return strlcpy(errbuf, "refused", errbuf_size);
}

void
pg_regfree(regex_t *re)
{
}

/* a match of all, and of the first character by each group */
bool
RE_compile_and_execute(text *text_re, char *dat, int dat_len, int cflags,
					   Oid collation, int nmatch, regmatch_t *pmatch)
{
	for (int i = 0; i < nmatch; i++)
	{
		pmatch[i].rm_so = 0;
		pmatch[i].rm_eo = i == 0 ? pg_mbstrlen_with_len(dat, dat_len) : 1;
	}
	return true;
}

int
pg_mbstrlen_with_len(const char *mbstr, int limit)
{
	int n = 0;

	while (limit > 0 && *mbstr != '\0')
	{
		int l = pg_utf_mblen((const unsigned char *) mbstr);

		limit -= l;
		mbstr += l;
		n++;
	}
	return n;
}

int
pg_mbcharcliplen(const char *mbstr, int len, int limit)
{
	int clip = 0;

	while (len > 0 && *mbstr != '\0' && limit-- > 0)
	{
		int l = pg_utf_mblen((const unsigned char *) mbstr);

		if (l > len)
			break;
		clip += l;
		len -= l;
		mbstr += l;
	}
	return clip;
}

/* ---- settings and types: of mask.c ---------------------------------------- */

const char *
GetConfigOption(const char *name, bool missing_ok, bool restrict_privileged)
{
	return shim_secrets;
}

bool
type_is_enum(Oid typid)
{
	return false;
}

void
source_type_describe(Oid type, int32 typmod, SourceType *out)
{
	abort();
}

/* a node's struct has a name of its own from 15 on */
#if PG_VERSION_NUM >= 150000
String *
makeString(char *str)
{
	String *v = palloc0(sizeof(String));

	v->type = T_String;
	v->sval = str;
	return v;
}
#else
Value *
makeString(char *str)
{
	Value *v = palloc0(sizeof(Value));

	v->type = T_String;
	v->val.str = str;
	return v;
}
#endif

/* ---- the output and its records ------------------------------------------- */

/* the writer is tested without a server's buffer */
void
OutputPluginPrepareWrite(struct LogicalDecodingContext *ctx, bool last_write)
{
	abort();
}

void
OutputPluginWrite(struct LogicalDecodingContext *ctx, bool last_write)
{
	abort();
}

/* oversized records are told of with a hash, which has an owner in a server */
ResourceOwner CurrentResourceOwner;

ResourceOwner
ResourceOwnerCreate(ResourceOwner parent, const char *name)
{
	return NULL;
}

void
ResourceOwnerDelete(ResourceOwner owner)
{
}

/* no stream of the fuzzer has transforms */
bool
stream_key_of_value(const struct StreamShape *shape)
{
	return false;
}

void
stream_value_to_key(StringInfo out, int start, const struct StreamShape *shape)
{
}

void
stream_rewrite_key(StringInfo out, int start, const struct StreamShape *shape)
{
	/* unchanged */
}

void
stream_rewrite_value(StringInfo out, int start, const struct StreamShape *shape)
{
	/* unchanged */
}
