/*
 * convert_zone.c
 *		Changes of a single value: timezone-converter.
 */
#include "compat.h"

#include "common/int.h"
#include "pgtime.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "convert_internal.h"
#include "json.h"
#include "jsonscan.h"

#define DEBEZIUM_TIME "io.debezium.time."

/* the offset, seconds east, that holds where the clock shows this time */
static int
local_offset(const Conversion *conv, int64 local_seconds)
{
	struct pg_tm tm = {0};
	int64 days = local_seconds / 86400 - (local_seconds % 86400 < 0 ? 1 : 0);
	int rest = (int) (local_seconds - days * 86400);

	if (conv->zone == NULL)
		return conv->offset;
	j2date((int) days + UNIX_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	tm.tm_hour = rest / 3600;
	tm.tm_min = rest / 60 % 60;
	tm.tm_sec = rest % 60;
	return -DetermineTimeZoneOffset(&tm, conv->zone);
}

static void
put_offset(StringInfo out, int offset)
{
	int abs_offset = abs(offset);

	if (offset == 0)
	{
		json_char(out, 'Z');
		return;
	}
	appendStringInfo(out, "%c%02d:%02d", offset < 0 ? '-' : '+',
					 abs_offset / 3600, abs_offset / 60 % 60);
	if (abs_offset % 60 != 0)
		appendStringInfo(out, ":%02d", abs_offset % 60);
}

/* ".678901" without the zeros at its end, as Java writes it */
static void
put_fraction(StringInfo out, const char *fraction, int len)
{
	while (len > 0 && fraction[len - 1] == '0')
		len--;
	if (len > 1)
		json_raw(out, fraction, len);
}

/* "YYYY-MM-DDTHH:MM:SS.ffffffZ", as the codecs write it */
static void
zoned_timestamp(StringInfo out, int start, const Conversion *conv)
{
	char *s = jsonscan_unquote(out->data + start, NULL);
	int year, month, day, hour, minute, second, used = 0;
	const char *fraction;
	int fraction_len;
	int64 utc;
	int64 local;
	int offset;

	if (sscanf(s, "%d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour,
			   &minute, &second, &used) != 6 ||
		used == 0)
		return; /* infinity, or a placeholder */
	fraction = s + used;
	fraction_len =
		*fraction == '.' ? 1 + (int) strspn(fraction + 1, "0123456789") : 0;
	if (fraction[fraction_len] != 'Z')
		return;
	utc = ((int64) date2j(year, month, day) - UNIX_EPOCH_JDATE) * 86400 +
		  hour * 3600 + minute * 60 + second;
	offset = local_offset(conv, utc);
	local = utc + offset;
	hour = (int) ((local % 86400 + 86400) % 86400);
	j2date((int) ((local - hour) / 86400) + UNIX_EPOCH_JDATE, &year, &month,
		   &day);
	convert_truncate(out, start);
	appendStringInfo(out, "\"%s%04d-%02d-%02dT%02d:%02d:%02d",
					 year < 0	   ? "-"
					 : year > 9999 ? "+"
								   : "",
					 abs(year), month, day, hour / 3600, hour / 60 % 60,
					 hour % 60);
	put_fraction(out, fraction, fraction_len);
	put_offset(out, offset);
	json_char(out, '"');
}

/* "HH:MM:SS.ffffffZ", by the offset of today */
static void
zoned_time(StringInfo out, int start, const Conversion *conv)
{
	char *s = jsonscan_unquote(out->data + start, NULL);
	int hour, minute, second, used = 0;
	int64 now = encode_clock() / 1000000;
	int offset = conv->offset;
	int local;
	int fraction_len;

	if (sscanf(s, "%2d:%2d:%2d%n", &hour, &minute, &second, &used) != 3 ||
		used == 0)
		return;
	fraction_len =
		s[used] == '.' ? 1 + (int) strspn(s + used + 1, "0123456789") : 0;
	if (s[used + fraction_len] != 'Z')
		return;
	if (conv->zone != NULL)
	{
		pg_time_t t = (pg_time_t) now;
		struct pg_tm *tm = pg_localtime(&t, conv->zone);

		offset = tm != NULL ? (int) tm->tm_gmtoff : 0;
	}
	local =
		((hour * 3600 + minute * 60 + second + offset) % 86400 + 86400) % 86400;
	convert_truncate(out, start);
	appendStringInfo(out, "\"%02d:%02d:%02d", local / 3600, local / 60 % 60,
					 local % 60);
	put_fraction(out, s + used, fraction_len);
	put_offset(out, offset);
	json_char(out, '"');
}

/* a local time that is counted as if it were UTC's */
static void
zoned_number(StringInfo out, int start, const Conversion *conv)
{
	int64 v = strtoll(out->data + start, NULL, 10);
	int64 seconds = v / conv->unit - (v % conv->unit < 0 ? 1 : 0);
	int64 shifted;

	/* infinities and what is near them stay */
	if (seconds > INT64CONST(9224318015999) ||
		seconds < INT64CONST(-210866803200) ||
		pg_sub_s64_overflow(v, local_offset(conv, seconds) * conv->unit,
							&shifted))
		return;
	convert_truncate(out, start);
	json_int64(out, shifted);
}

static void
set_zone(Conversion *conv, const ShapeField *field, const TransformStep *step)
{
	const char *zone = transform_arg(step, "converted.timezone", "");
	int hours, minutes, seconds = 0;
	int used = 0;

	if ((zone[0] == '+' || zone[0] == '-') &&
		sscanf(zone + 1, "%2d:%2d%n", &hours, &minutes, &used) == 2)
	{
		if (zone[1 + used] == ':')
			seconds = (int) strtol(zone + 2 + used, NULL, 10);
		conv->offset =
			(zone[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds);
		return;
	}
	conv->zone = pg_tzset(zone);
	if (conv->zone == NULL)
		convert_error(field, step,
					  psprintf("there is no time zone \"%s\"", zone));
}

void
convert_timezone(ShapeField *field, const TransformStep *step, int images)
{
	static const struct
	{
		const char *type_name;
		ConvertFunction convert;
		int64 unit;
	} rows[] = {
		{DEBEZIUM_TIME "ZonedTimestamp", zoned_timestamp, 0},
		{DEBEZIUM_TIME "ZonedTime", zoned_time, 0},
		{DEBEZIUM_TIME "Timestamp", zoned_number, 1000},
		{DEBEZIUM_TIME "MicroTimestamp", zoned_number, 1000000},
		{DEBEZIUM_TIME "NanoTimestamp", zoned_number, 1000000000},
		{CONNECT_DATA "Timestamp", zoned_number, 1000},
	};

	for (int i = 0; i < lengthof(rows); i++)
	{
		Conversion *conv;

		if (!convert_is_named(field, rows[i].type_name))
			continue;
		conv = convert_add(field, rows[i].convert);
		conv->unit = rows[i].unit;
		conv->skips = (CONVERT_BEFORE | CONVERT_AFTER) & ~images;
		set_zone(conv, field, step);
		return;
	}
}

/* ---- clocks of the source block ------------------------------------------ */

/* A point in time, by the clock on a wall in the zone. */
static int64
zoned_clock(int64 v, int64 unit, const Conversion *conv)
{
	pg_time_t seconds = (pg_time_t) (v / unit);
	int offset = conv->offset;

	if (conv->zone != NULL)
	{
		struct pg_tm *tm = pg_localtime(&seconds, conv->zone);

		offset = tm != NULL ? (int) tm->tm_gmtoff : 0;
	}
	return v + offset * unit;
}

static void
zoned_source(StringInfo out, int start, const Conversion *conv)
{
	static const struct
	{
		const char *name;
		int64 unit;
	} clocks[] = {{"ts_ms", 1000}, {"ts_us", 1000000}, {"ts_ns", 1000000000}};

	for (int i = 0; i < lengthof(clocks); i++)
	{
		const char *block = out->data + start;
		const char *value = jsonscan_member(block, clocks[i].name);
		int at = value ? (int) (value - out->data) : 0;
		char *rest;
		int64 v;

		if (value == NULL || (conv->from & (1 << i)) == 0)
			continue;
		v = strtoll(value, NULL, 10);
		rest = pstrdup(jsonscan_skip(value));
		convert_truncate(out, at);
		json_int64(out, zoned_clock(v, clocks[i].unit, conv));
		json_str(out, rest);
	}
}

static void
zoned_single(StringInfo out, int start, const Conversion *conv)
{
	int64 v = strtoll(out->data + start, NULL, 10);

	convert_truncate(out, start);
	json_int64(out, zoned_clock(v, conv->unit, conv));
}

void
convert_source_zone(ShapeField *field, const TransformStep *step, int clocks)
{
	Conversion *conv = convert_add(field, zoned_source);

	conv->from = clocks;
	set_zone(conv, field, step);
}

void
convert_clock_zone(ShapeField *field, const TransformStep *step, int64 unit)
{
	Conversion *conv = convert_add(field, zoned_single);

	conv->unit = unit;
	set_zone(conv, field, step);
}
