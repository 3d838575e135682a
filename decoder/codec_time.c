/*
 * codec_time.c
 *		Dates, times, timestamps and intervals.
 */
#include "compat.h"

#include "common/int.h"
#include "datatype/timestamp.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/timestamp.h"

#include "json.h"
#include "typecodec.h"

#define EPOCH_DAYS	(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE)
#define EPOCH_USECS ((int64) EPOCH_DAYS * USECS_PER_DAY)

/* what Debezium writes for an infinite timestamp, in µs and in ms */
#define INFINITY_US		  INT64CONST(9223372036825200000)
#define MINUS_INFINITY_US (-INT64CONST(9223372036832400000))

static int64
floor_div(int64 a, int64 b)
{
	int64 q = a / b;

	return q * b > a ? q - 1 : q;
}

static char *
put_digits(char *p, int64 v, int width)
{
	for (int i = width - 1; i >= 0; i--)
	{
		p[i] = (char) ('0' + v % 10);
		v /= 10;
	}
	return p + width;
}

/* Proleptic Gregorian date of days since 1970, ISO 8601 with expanded years. */
static char *
put_date(char *p, int64 days)
{
	int64 z = days + 719468;
	int64 era = floor_div(z, 146097);
	int64 doe = z - era * 146097;
	int64 yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64 doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64 mp = (5 * doy + 2) / 153;
	int64 day = doy - (153 * mp + 2) / 5 + 1;
	int64 month = mp < 10 ? mp + 3 : mp - 9;
	int64 year = yoe + era * 400 + (month <= 2);
	int width = 4;

	if (year < 0)
	{
		*p++ = '-';
		year = -year;
	}
	else if (year > 9999)
		*p++ = '+';
	/* a date may lie in the year 5874897 */
	for (int64 limit = 10000; year >= limit; limit *= 10)
		width++;
	p = put_digits(p, year, width);
	*p++ = '-';
	p = put_digits(p, month, 2);
	*p++ = '-';
	return put_digits(p, day, 2);
}

/*
 * HH:MM:SS and a fraction of exactly "fraction" digits; -1: as many as are
 * needed, no point without any.
 */
static char *
put_time(char *p, int64 us, int fraction)
{
	int64 s = us / USECS_PER_SEC;
	int64 f = us % USECS_PER_SEC;

	p = put_digits(p, s / 3600, 2);
	*p++ = ':';
	p = put_digits(p, s / 60 % 60, 2);
	*p++ = ':';
	p = put_digits(p, s % 60, 2);
	if (fraction < 0)
	{
		if (f == 0)
			return p;
		fraction = 6;
		while (f % 10 == 0)
		{
			f /= 10;
			fraction--;
		}
	}
	else
		for (int i = fraction; i < 6; i++)
			f /= 10;
	if (fraction > 0)
	{
		*p++ = '.';
		p = put_digits(p, f, fraction);
	}
	return p;
}

static void
finish_string(StringInfo out, char *p)
{
	*p++ = '"';
	out->len = (int) (p - out->data);
	*p = '\0';
}

static void
encode_iso_timestamp(StringInfo out, Timestamp ts, int fraction)
{
	int64 days = floor_div(ts, USECS_PER_DAY);
	char *p = json_reserve(out, 48);

	*p++ = '"';
	p = put_date(p, days + EPOCH_DAYS);
	*p++ = 'T';
	p = put_time(p, ts - days * USECS_PER_DAY, fraction);
	*p++ = 'Z';
	finish_string(out, p);
}

static void
setup_time(TypeCodec *codec, TypeEncode encode, const char *type,
		   const char *name, int version, const char *zero)
{
	codec->encode = encode;
	codec->connect_type = type;
	codec->schema_name = name;
	codec->schema_version = version;
	codec->zero = zero;
}

/* fraction digits of a time or timestamp; six without a typmod */
static int
precision_of(const TypeCodec *codec)
{
	return codec->typmod < 0 || codec->typmod > 6 ? 6 : codec->typmod;
}

/* ---- date ---------------------------------------------------------------- */

static void
encode_date_days(StringInfo out, Datum value, TypeCodec *codec)
{
	/* infinity wraps around, as it does in Debezium */
	json_int64(out, (int32) ((uint32) DatumGetDateADT(value) + EPOCH_DAYS));
}

static void
encode_date_iso(StringInfo out, Datum value, TypeCodec *codec)
{
	DateADT date = DatumGetDateADT(value);
	char *p = json_reserve(out, 32);

	if (DATE_NOT_FINITE(date))
	{
		if (DATE_IS_NOBEGIN(date))
			json_lit(out, "\"-infinity\"");
		else
			json_lit(out, "\"infinity\"");
		return;
	}
	*p++ = '"';
	p = put_date(p, (int64) date + EPOCH_DAYS);
	*p++ = 'Z';
	finish_string(out, p);
}

void
codec_date(TypeCodec *codec, const PluginOptions *opts)
{
	if (opts->time_mode == TIME_ISOSTRING)
		setup_time(codec, encode_date_iso, "string", "io.debezium.time.IsoDate",
				   1, "\"1970-01-01Z\"");
	else if (opts->time_mode == TIME_CONNECT)
		setup_time(codec, encode_date_days, "int32",
				   "org.apache.kafka.connect.data.Date", 1, "0");
	else
		setup_time(codec, encode_date_days, "int32", "io.debezium.time.Date", 1,
				   "0");
}

/* ---- time ---------------------------------------------------------------- */

static void
encode_time_us(StringInfo out, Datum value, TypeCodec *codec)
{
	json_int64(out, DatumGetTimeADT(value));
}

static void
encode_time_ms(StringInfo out, Datum value, TypeCodec *codec)
{
	json_int64(out, DatumGetTimeADT(value) / 1000);
}

static void
encode_time_ns(StringInfo out, Datum value, TypeCodec *codec)
{
	json_int64(out, DatumGetTimeADT(value) * 1000);
}

static void
encode_time_iso(StringInfo out, Datum value, TypeCodec *codec)
{
	char *p = json_reserve(out, 32);

	*p++ = '"';
	p = put_time(p, DatumGetTimeADT(value), -1);
	*p++ = 'Z';
	finish_string(out, p);
}

void
codec_time(TypeCodec *codec, const PluginOptions *opts)
{
	switch (opts->time_mode)
	{
		case TIME_ISOSTRING:
			setup_time(codec, encode_time_iso, "string",
					   "io.debezium.time.IsoTime", 1, "\"00:00:00Z\"");
			break;
		case TIME_CONNECT:
			setup_time(codec, encode_time_ms, "int32",
					   "org.apache.kafka.connect.data.Time", 1, "0");
			break;
		case TIME_NANOSECONDS:
			setup_time(codec, encode_time_ns, "int64",
					   "io.debezium.time.NanoTime", 1, "0");
			break;
		case TIME_ADAPTIVE:
			if (precision_of(codec) <= 3)
			{
				setup_time(codec, encode_time_ms, "int32",
						   "io.debezium.time.Time", 1, "0");
				break;
			}
			/* FALLTHROUGH */
		default:
			setup_time(codec, encode_time_us, "int64",
					   "io.debezium.time.MicroTime", 1, "0");
	}
}

static void
encode_timetz(StringInfo out, Datum value, TypeCodec *codec)
{
	TimeTzADT *t = DatumGetTimeTzADTP(value);
	int64 us = t->time + (int64) t->zone * USECS_PER_SEC;
	char *p = json_reserve(out, 32);

	us -= floor_div(us, USECS_PER_DAY) * USECS_PER_DAY;
	*p++ = '"';
	p = put_time(p, us, -1);
	*p++ = 'Z';
	finish_string(out, p);
}

void
codec_timetz(TypeCodec *codec, const PluginOptions *opts)
{
	setup_time(codec, encode_timetz, "string", "io.debezium.time.ZonedTime", 1,
			   "\"00:00:00Z\"");
}

/* ---- timestamp ----------------------------------------------------------- */

static void
encode_timestamp_us(StringInfo out, Datum value, TypeCodec *codec)
{
	Timestamp ts = DatumGetTimestamp(value);

	if (TIMESTAMP_NOT_FINITE(ts))
		json_int64(out,
				   TIMESTAMP_IS_NOBEGIN(ts) ? MINUS_INFINITY_US : INFINITY_US);
	else if (ts > PG_INT64_MAX - EPOCH_USECS)
		/* after the year 294246 there is no such number: not known */
		json_lit(out, "null");
	else
		json_int64(out, ts + EPOCH_USECS);
}

static void
encode_timestamp_ms(StringInfo out, Datum value, TypeCodec *codec)
{
	Timestamp ts = DatumGetTimestamp(value);

	if (TIMESTAMP_NOT_FINITE(ts))
		json_int64(
			out, (TIMESTAMP_IS_NOBEGIN(ts) ? MINUS_INFINITY_US : INFINITY_US) /
					 1000);
	else
		json_int64(out, floor_div(ts, 1000) + EPOCH_USECS / 1000);
}

static void
encode_timestamp_ns(StringInfo out, Datum value, TypeCodec *codec)
{
	Timestamp ts = DatumGetTimestamp(value);

	/* infinity saturates; what else nanoseconds cannot hold is not known */
	if (TIMESTAMP_IS_NOBEGIN(ts))
		json_int64(out, PG_INT64_MIN);
	else if (TIMESTAMP_IS_NOEND(ts))
		json_int64(out, PG_INT64_MAX);
	else if (ts > PG_INT64_MAX / 1000 - EPOCH_USECS ||
			 ts < PG_INT64_MIN / 1000 - EPOCH_USECS)
		json_lit(out, "null");
	else
		json_int64(out, (ts + EPOCH_USECS) * 1000);
}

static bool
encode_infinity(StringInfo out, Timestamp ts)
{
	if (!TIMESTAMP_NOT_FINITE(ts))
		return false;
	if (TIMESTAMP_IS_NOBEGIN(ts))
		json_lit(out, "\"-infinity\"");
	else
		json_lit(out, "\"infinity\"");
	return true;
}

static void
encode_timestamp_iso(StringInfo out, Datum value, TypeCodec *codec)
{
	Timestamp ts = DatumGetTimestamp(value);

	if (!encode_infinity(out, ts))
		encode_iso_timestamp(out, ts, -1);
}

void
codec_timestamp(TypeCodec *codec, const PluginOptions *opts)
{
	switch (opts->time_mode)
	{
		case TIME_ISOSTRING:
			setup_time(codec, encode_timestamp_iso, "string",
					   "io.debezium.time.IsoTimestamp", 1,
					   "\"1970-01-01T00:00:00Z\"");
			break;
		case TIME_CONNECT:
			setup_time(codec, encode_timestamp_ms, "int64",
					   "org.apache.kafka.connect.data.Timestamp", 1, "0");
			break;
		case TIME_NANOSECONDS:
			setup_time(codec, encode_timestamp_ns, "int64",
					   "io.debezium.time.NanoTimestamp", 1, "0");
			break;
		case TIME_ADAPTIVE:
		case TIME_ADAPTIVE_MICROSECONDS:
			if (precision_of(codec) <= 3)
			{
				setup_time(codec, encode_timestamp_ms, "int64",
						   "io.debezium.time.Timestamp", 1, "0");
				break;
			}
			/* FALLTHROUGH */
		default:
			setup_time(codec, encode_timestamp_us, "int64",
					   "io.debezium.time.MicroTimestamp", 1, "0");
	}
}

static void
encode_timestamptz(StringInfo out, Datum value, TypeCodec *codec)
{
	TimestampTz ts = DatumGetTimestampTz(value);

	if (!encode_infinity(out, ts))
		encode_iso_timestamp(out, ts, codec->scale);
}

void
codec_timestamptz(TypeCodec *codec, const PluginOptions *opts)
{
	/* 2.0 wrote no more digits than there are */
	codec->scale =
		opts->compat_version == COMPAT_2_0 ? -1 : precision_of(codec);
	setup_time(codec, encode_timestamptz, "string",
			   "io.debezium.time.ZonedTimestamp", 1,
			   "\"1970-01-01T00:00:00Z\"");
	codec->default_zero =
		psprintf("\"1970-01-01T00:00:00%s%.*sZ\"", codec->scale > 0 ? "." : "",
				 Max(codec->scale, 0), "000000");
}

/* ---- interval ------------------------------------------------------------ */

/* a month is 365.25 / 12 days */
#define SECS_PER_AVERAGE_MONTH INT64CONST(2629800)

static void
encode_interval_us(StringInfo out, Datum value, TypeCodec *codec)
{
	Interval *iv = DatumGetIntervalP(value);
	int64 seconds;
	int64 rest;
	int64 us;

#ifdef INTERVAL_NOT_FINITE
	if (INTERVAL_NOT_FINITE(iv))
	{
		json_int64(out, INTERVAL_IS_NOBEGIN(iv) ? PG_INT64_MIN : PG_INT64_MAX);
		return;
	}
#endif
	/* seconds always fit; microseconds may not: then the nearest bound */
	seconds = iv->month * SECS_PER_AVERAGE_MONTH +
			  (int64) iv->day * SECS_PER_DAY + iv->time / USECS_PER_SEC;
	rest = iv->time % USECS_PER_SEC;
	/* of one sign, or the product could leave the range alone */
	if (seconds < 0 && rest > 0)
	{
		seconds++;
		rest -= USECS_PER_SEC;
	}
	else if (seconds > 0 && rest < 0)
	{
		seconds--;
		rest += USECS_PER_SEC;
	}
	if (pg_mul_s64_overflow(seconds, USECS_PER_SEC, &us) ||
		pg_add_s64_overflow(us, rest, &us))
		us = seconds < 0 ? PG_INT64_MIN : PG_INT64_MAX;
	json_int64(out, us);
}

static void
encode_interval_iso(StringInfo out, Datum value, TypeCodec *codec)
{
	Interval *iv = DatumGetIntervalP(value);
	int64 t = iv->time;
	int64 s = t % (60 * USECS_PER_SEC);
	char seconds[32];
	char text[128];
	int len;

#ifdef INTERVAL_NOT_FINITE
	if (INTERVAL_NOT_FINITE(iv))
	{
		if (INTERVAL_IS_NOBEGIN(iv))
			json_lit(out, "\"-infinity\"");
		else
			json_lit(out, "\"infinity\"");
		return;
	}
#endif
	len = snprintf(seconds, sizeof(seconds), "%s%lld", s < 0 ? "-" : "",
				   (long long) (llabs(s) / USECS_PER_SEC));
	if (s % USECS_PER_SEC != 0)
	{
		len += snprintf(seconds + len, sizeof(seconds) - len, ".%06lld",
						(long long) (llabs(s) % USECS_PER_SEC));
		while (seconds[len - 1] == '0')
			seconds[--len] = '\0';
	}
	snprintf(text, sizeof(text), "\"P%dY%dM%dDT%lldH%lldM%sS\"", iv->month / 12,
			 iv->month % 12, iv->day, (long long) (t / USECS_PER_HOUR),
			 (long long) (t % USECS_PER_HOUR / USECS_PER_MINUTE), seconds);
	json_str(out, text);
}

void
codec_interval(TypeCodec *codec, const PluginOptions *opts)
{
	if (opts->interval_mode == INTERVAL_NUMERIC)
		setup_time(codec, encode_interval_us, "int64",
				   "io.debezium.time.MicroDuration", 1, "0");
	else
		setup_time(codec, encode_interval_iso, "string",
				   "io.debezium.time.Interval", 1, "\"P0Y0M0DT0H0M0S\"");
}
