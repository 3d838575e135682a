/*
 * shim.c
 *		What the decoder's pure files need of a server, in a plain process.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "nodes/value.h"
#include "regex/regex.h"
#include "replication/logical.h"
#include "replication/output_plugin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/varlena.h"

#include "shape.h"
#include "sourcetype.h"

#include "shim.h"

jmp_buf shim_error_jump;
char shim_error_text[4096];
int shim_encoding = PG_UTF8;
const char *shim_secrets;

MemoryContext TopMemoryContext;
MemoryContext CurrentMemoryContext;
volatile sig_atomic_t InterruptPending;
ErrorContextCallback *error_context_stack;
sigjmp_buf *PG_exception_stack;

/* ---- memory -------------------------------------------------------------- */

typedef struct Block
{
	struct Block *next;
	struct Block *prev;
	size_t size;
	size_t unused; /* alignment */
} Block;

static Block all = {&all, &all, 0, 0};

void *
palloc(Size size)
{
	Block *b;

	if (size > MaxAllocSize)
		elog(ERROR, "invalid memory alloc request size %zu", size);
	b = malloc(sizeof(Block) + size);
	if (b == NULL)
		abort();
	b->size = size;
	b->next = all.next;
	b->prev = &all;
	all.next->prev = b;
	all.next = b;
	memset(b + 1, 0x7f, size);
	return b + 1;
}

void *
palloc0(Size size)
{
	return memset(palloc(size), 0, size);
}

void *
palloc_extended(Size size, int flags)
{
	return flags & MCXT_ALLOC_ZERO ? palloc0(size) : palloc(size);
}

void *
MemoryContextAlloc(MemoryContext context, Size size)
{
	return palloc(size);
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	return palloc0(size);
}

void *
MemoryContextAllocZeroAligned(MemoryContext context, Size size)
{
	return palloc0(size);
}

void
pfree(void *pointer)
{
	Block *b = (Block *) pointer - 1;

	b->next->prev = b->prev;
	b->prev->next = b->next;
	free(b);
}

void *
repalloc(void *pointer, Size size)
{
	Block *b = (Block *) pointer - 1;
	void *p = palloc(size);

	memcpy(p, pointer, Min(b->size, size));
	pfree(pointer);
	return p;
}

char *
pnstrdup(const char *in, Size len)
{
	char *out;

	len = strnlen(in, len);
	out = palloc(len + 1);
	memcpy(out, in, len);
	out[len] = '\0';
	return out;
}

char *
pstrdup(const char *in)
{
	return pnstrdup(in, strlen(in));
}

char *
psprintf(const char *fmt, ...)
{
	va_list ap;
	char *text = NULL;
	char *out;

	va_start(ap, fmt);
	/* the libc's, not the server's */
#undef vasprintf
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	out = pstrdup(text);
	free(text);
	return out;
}

void
shim_reset(void)
{
	while (all.next != &all)
		pfree(all.next + 1);
}

/* ---- errors -------------------------------------------------------------- */

bool
errstart(int elevel, const char *domain)
{
	return elevel >= ERROR;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	longjmp(shim_error_jump, 1);
}

int
errcode(int sqlerrcode)
{
	return 0;
}

static int
format_error(char *to, size_t size, const char *fmt, va_list ap)
{
#undef vsnprintf
	vsnprintf(to, size, fmt, ap);
	return 0;
}

#define SHIM_MESSAGE(name)                                                     \
	int name(const char *fmt, ...)                                             \
	{                                                                          \
		va_list ap;                                                            \
                                                                               \
		va_start(ap, fmt);                                                     \
		format_error(shim_error_text, sizeof(shim_error_text), fmt, ap);       \
		va_end(ap);                                                            \
		return 0;                                                              \
	}
/* formatted, so that a wrong argument is found, and forgotten */
#define SHIM_MORE(name)                                                        \
	int name(const char *fmt, ...)                                             \
	{                                                                          \
		char text[4096];                                                       \
		va_list ap;                                                            \
                                                                               \
		va_start(ap, fmt);                                                     \
		format_error(text, sizeof(text), fmt, ap);                             \
		va_end(ap);                                                            \
		return 0;                                                              \
	}
SHIM_MESSAGE(errmsg)
SHIM_MESSAGE(errmsg_internal)
SHIM_MORE(errdetail)
SHIM_MORE(errhint)

void
ProcessInterrupts(void)
{
}

/* as deep as a server with max_stack_depth=2MB would go, at least */
void
check_stack_depth(void)
{
	static char *base;
	char here;

	if (base == NULL || &here > base)
		base = &here;
	if (base - &here > 2 * 1024 * 1024)
		ereport(ERROR, (errmsg("stack depth limit exceeded")));
}

#if PG_VERSION_NUM >= 160000
void
ExceptionalCondition(const char *conditionName, const char *fileName,
					 int lineNumber)
#else
void
ExceptionalCondition(const char *conditionName, const char *errorType,
					 const char *fileName, int lineNumber)
#endif
{
	abort();
}

/* ---- StringInfo: never a byte more than was asked for, up to 4 kB --------- */

void
initStringInfo(StringInfo str)
{
	str->maxlen = 1;
	str->data = palloc(1);
	resetStringInfo(str);
}

StringInfo
makeStringInfo(void)
{
	StringInfo s = palloc(sizeof(StringInfoData));

	initStringInfo(s);
	return s;
}

void
resetStringInfo(StringInfo str)
{
	str->data[0] = '\0';
	str->len = 0;
	str->cursor = 0;
}

void
enlargeStringInfo(StringInfo str, int needed)
{
	size_t want = (size_t) str->len + needed + 1;

	if (needed < 0 || want > MaxAllocSize)
		elog(ERROR, "string buffer exceeds maximum allowed length");
	if (want <= (size_t) str->maxlen)
		return;
	if (want > 4096)
		want = Min(want * 2, MaxAllocSize);
	str->data = repalloc(str->data, want);
	str->maxlen = (int) want;
}

#if PG_VERSION_NUM >= 160000
void
appendBinaryStringInfo(StringInfo str, const void *data, int len)
#else
void
appendBinaryStringInfo(StringInfo str, const char *data, int len)
#endif
{
	enlargeStringInfo(str, len);
	memcpy(str->data + str->len, data, len);
	str->len += len;
	str->data[str->len] = '\0';
}

void
appendStringInfoString(StringInfo str, const char *s)
{
	appendBinaryStringInfo(str, s, (int) strlen(s));
}

void
appendStringInfoChar(StringInfo str, char ch)
{
	appendBinaryStringInfo(str, &ch, 1);
}

void
appendStringInfo(StringInfo str, const char *fmt, ...)
{
	va_list ap;
	char *text = NULL;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	appendStringInfoString(str, text);
	free(text);
}

/* ---- lists --------------------------------------------------------------- */

static List *
new_list(int length)
{
	List *list =
		palloc(offsetof(List, initial_elements) + length * sizeof(ListCell));

	list->type = T_List;
	list->length = length;
	list->max_length = length;
	list->elements = list->initial_elements;
	return list;
}

List *
list_make1_impl(NodeTag t, ListCell datum1)
{
	List *list = new_list(1);

	list->elements[0] = datum1;
	return list;
}

/* always another one, so that an old pointer is found */
List *
lappend(List *list, void *datum)
{
	int n = list_length(list);
	List *more = new_list(n + 1);

	if (n > 0)
		memcpy(more->elements, list->elements, n * sizeof(ListCell));
	more->elements[n].ptr_value = datum;
	if (list != NIL)
		pfree(list);
	return more;
}

List *
list_copy(const List *list)
{
	int n = list_length(list);
	List *copy;

	if (n == 0)
		return NIL;
	copy = new_list(n);
	memcpy(copy->elements, list->elements, n * sizeof(ListCell));
	return copy;
}

void
list_free_deep(List *list)
{
	ListCell *lc;

	foreach(lc, list)
		pfree(lfirst(lc));
	if (list != NIL)
		pfree(list);
}

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
