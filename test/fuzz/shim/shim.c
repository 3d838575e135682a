/*
 * shim.c
 *		The server's memory, errors, growing texts and lists, in a plain process.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "shim.h"

jmp_buf shim_error_jump;
char shim_error_text[4096];

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
