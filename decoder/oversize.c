/*
 * oversize.c
 *		Records beyond record.max.bytes.
 *
 * Why with errors: output functions of any type append to buffers of their
 * own, and only the allocator knows when these grow too large.  An error that
 * reached the walsender would come again at each restart, so it ends here, in
 * oversize_try().  Nothing needs an abort: output functions hold no locks, and
 * the transaction of a replayed change is always rolled back.
 */
#include "compat.h"

#include "access/detoast.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "encode.h"
#include "json.h"
#include "oversize.h"

/* shorter cuts leave nothing to read */
#define CUT_LEAST 16
/* of a jsonb, to see what it is made of */
#define JSONB_LOOK_BYTES 4096

int oversize_cut_at = 0;

/* names and lengths of the columns that were cut, as members of an object */
static StringInfoData cuts;
static int cuts_count = 0;

int
oversize_limit(const PluginOptions *opts)
{
	if (opts->record_max > 0)
		return opts->record_max;
	return opts->oversize == OVERSIZE_TRUNCATE ? OVERSIZE_CUT_BYTES
											   : OVERSIZE_DEFAULT_BYTES;
}

/* Bytes at which building a record is given up. */
static int
oversize_ceiling(const PluginOptions *opts)
{
	int limit = oversize_limit(opts);

	/* room for what else is in the buffer */
	return Max(limit, OVERSIZE_BUILD_BYTES) + 2 * WIRE_BATCH_BYTES;
}

/* ---- the guard ----------------------------------------------------------- */

static bool
is_about_size(void)
{
	int code = geterrcode();
	ErrorData *error;

	if (code == ERRCODE_PROGRAM_LIMIT_EXCEEDED)
		return true;
	if (code != ERRCODE_INTERNAL_ERROR)
		return false;
	/* palloc() of 1 GB has no code of its own; elog() is not translated */
	error = CopyErrorData();
	return strstr(error->message, "invalid memory alloc request size") != NULL;
}

bool
oversize_try(const PluginOptions *opts, OversizeWork work, void *arg)
{
	MemoryContext cxt = CurrentMemoryContext;
	volatile bool fits = true;

	json_ceiling = oversize_ceiling(opts);
	PG_TRY();
	{
		work(arg);
	}
	PG_CATCH();
	{
		json_ceiling = INT_MAX;
		oversize_cut_at = 0;
		MemoryContextSwitchTo(cxt);
		if (!is_about_size())
			PG_RE_THROW();
		FlushErrorState();
		fits = false;
	}
	PG_END_TRY();
	json_ceiling = INT_MAX;
	return fits;
}

void
oversize_expect(const StringInfoData *out, Size bytes)
{
	if (bytes >= (Size) json_ceiling ||
		(Size) out->len + bytes >= (Size) json_ceiling)
		json_beyond_ceiling();
}

/*
 * The text of a jsonb has no smaller part than a quarter of its binary form: an
 * entry of 4 bytes and a number of 8 for "0, ", entry and header for "[]".
 * Strings are as they are; those at the top, where large ones mostly are, are
 * told by its first bytes.
 */
static Size
jsonb_least(Datum value)
{
	Size raw = toast_raw_datum_size(value) - VARHDRSZ;
	Size strings = 0;
	const JsonbContainer *c;
	uint32 count;
	uint32 end = 0;

	if (raw < JSONB_LOOK_BYTES)
		return raw / 4;
	c = (const JsonbContainer *) VARDATA(
		PG_DETOAST_DATUM_SLICE(value, 0, JSONB_LOOK_BYTES));
	count = JsonContainerSize(c) * (JsonContainerIsObject(c) ? 2 : 1);
	count = Min(count, (JSONB_LOOK_BYTES - sizeof(uint32)) / sizeof(JEntry));
	for (uint32 i = 0; i < count; i++)
	{
		JEntry entry = c->children[i];
		uint32 before = end;

		end = JBE_HAS_OFF(entry) ? JBE_OFFLENFLD(entry)
								 : end + JBE_OFFLENFLD(entry);
		if (JBE_ISSTRING(entry))
			strings += end - before;
	}
	return Max(raw / 4, strings);
}

Size
oversize_least_of(SizeClass class, Datum value)
{
	return class == SIZE_JSONB ? jsonb_least(value)
							   : toast_raw_datum_size(value) - VARHDRSZ;
}

uint64
oversize_least(const Change *change)
{
	const RowImage *rows[] = {change->before, change->after};
	uint64 sum = 0;

	for (int r = 0; r < lengthof(rows); r++)
	{
		if (rows[r] == NULL || !rows[r]->present)
			continue;
		for (int i = 0; i < change->plan->ncolumns; i++)
		{
			const ColumnPlan *col = &change->plan->columns[i];
			int at = col->attnum - 1;

			if (col->varlena && !rows[r]->nulls[at] &&
				col->codec->size_class != SIZE_UNKNOWN &&
				!VARATT_IS_EXTERNAL_ONDISK(
					DatumGetPointer(rows[r]->values[at])))
				sum += oversize_least_of(col->codec->size_class,
										 rows[r]->values[at]);
		}
	}
	return sum;
}

/* ---- cutting ------------------------------------------------------------- */

static void
book_cut(const ColumnPlan *col, Size bytes)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	StringInfoData name;

	if (cuts.data == NULL)
		initStringInfo(&cuts);
	initStringInfo(&name);
	json_utf8(&name, col->field, strlen(col->field));
	json_char(&name, ':');
	/* before and after: the later one is told, the name once */
	if (cuts.len == 0 || strstr(cuts.data, name.data) == NULL)
	{
		if (cuts.len > 0)
			json_char(&cuts, ',');
		json_raw(&cuts, name.data, name.len);
		json_uint64(&cuts, bytes);
		cuts_count++;
	}
	pfree(name.data);
	MemoryContextSwitchTo(old);
}

static void
forget_cuts(void)
{
	if (cuts.data != NULL)
		resetStringInfo(&cuts);
	cuts_count = 0;
}

char *
oversize_cuts(void)
{
	char *json;

	if (cuts_count == 0)
		return NULL;
	json = psprintf("{%s}", cuts.data);
	forget_cuts();
	return json;
}

bool
oversize_cut(StringInfo out, const ColumnPlan *col, Datum value)
{
	TypeCodec *codec = col->codec;
	char *mark;
	text *part;
	int len;
	Size size;

	if (codec->size_class < SIZE_TEXT || !col->varlena)
		return false;
	size = toast_raw_datum_size(value) - VARHDRSZ;
	if (size <= (Size) oversize_cut_at)
		return false;
	book_cut(col, size);
	mark = psprintf("[truncated: %zu bytes]", size);
	if (codec->size_class == SIZE_JSON || codec->size_class == SIZE_JSONB)
	{
		/* what it holds stays JSON: a string */
		json_lit(out, "\"\\\"");
		json_str(out, mark);
		json_lit(out, "\\\"\"");
		return true;
	}
	/* base64 of whole groups */
	len = codec->size_class == SIZE_BYTES ? oversize_cut_at / 3 * 3
										  : oversize_cut_at;
	part = (text *) PG_DETOAST_DATUM_SLICE(value, 0, len);
	if (codec->size_class == SIZE_BYTES)
	{
		codec->encode(out, PointerGetDatum(part), codec);
		return true;
	}
	len = pg_mbcliplen(VARDATA_ANY(part), VARSIZE_ANY_EXHDR(part), len);
	json_text(out, VARDATA_ANY(part), len);
	out->len--;
	json_str(out, mark);
	json_char(out, '"');
	return true;
}

/* Shorter and shorter until the record fits; false: cutting does not help. */
static bool
write_cut(Encoder *enc, OversizeWork work, void *arg)
{
	FrameWriter *w = enc->writer;
	bool fits = false;

	for (int at = w->max_record / 2; at >= CUT_LEAST && !fits; at /= 2)
	{
		forget_cuts();
		frame_value_restart(w);
		oversize_cut_at = at;
		fits = oversize_try(enc->opts, work, arg) && frame_value_fits(w);
		oversize_cut_at = 0;
	}
	if (fits && cuts_count > 0)
		return true;
	forget_cuts();
	return false;
}

void
oversize_value(Encoder *enc, const Change *change, OversizeWork work, void *arg)
{
	FrameWriter *w = enc->writer;
	bool whole = true;

	frame_value_begin(w);
	if (likely(!change->large))
		work(arg);
	else
		whole = oversize_try(enc->opts, work, arg);
	if (likely(whole && (enc->opts->oversize != OVERSIZE_TRUNCATE ||
						 frame_value_fits(w))))
	{
		frame_value_end(w);
		return;
	}
	if (enc->opts->oversize == OVERSIZE_TRUNCATE && write_cut(enc, work, arg))
	{
		frame_value_end(w);
		return;
	}
	if (whole && enc->opts->oversize == OVERSIZE_TRUNCATE)
	{
		/* once more as it is: its length and hash are told */
		frame_value_restart(w);
		whole = oversize_try(enc->opts, work, arg);
	}
	if (whole)
		frame_value_end(w);
	else
		frame_value_stopped(w, oversize_least(change));
}
