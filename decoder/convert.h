/*
 * convert.h
 *		Changes of a single value: from the JSON of one type to that of another.
 */
#ifndef TUPLECAST_CONVERT_H
#define TUPLECAST_CONVERT_H

#include "pgtime.h"

#include "shape.h"

struct Conversion;

/* The JSON from "start" on is replaced; it is not null. */
typedef void (*ConvertFunction)(StringInfo out, int start,
								const struct Conversion *conv);

/* images of a row */
#define CONVERT_BEFORE 1
#define CONVERT_AFTER  2

typedef struct Conversion
{
	ConvertFunction convert;
	const char *json; /* a constant result */
	int from;
	int to;
	const char *format;
	int64 unit; /* unix times: of them in a second */
	pg_tz *zone;
	int offset; /* seconds east, if there is no zone */
	int skips;	/* images whose values stay as they are */
} Conversion;

/* Runs a field's conversions on the JSON from "start" on; image: of a value of
 * a row, else 0. */
extern void convert_run(StringInfo out, int start, const ShapeField *field,
						int image);

/*
 * Each adds a conversion to the field and changes its schema accordingly.
 * ERROR, naming the step, if the field's type has none.
 */
extern void convert_mask(ShapeField *field, const TransformStep *step);
extern void convert_cast(ShapeField *field, const TransformStep *step,
						 const char *type, const PluginOptions *opts);
/* The same of what is no field of a struct. */
extern void convert_cast_whole(ShapeField *field, const TransformStep *step,
							   const char *type, const PluginOptions *opts);
extern void convert_timestamp(ShapeField *field, const TransformStep *step);
/* Of the source block: those of ts_ms, ts_us, ts_ns whose bits are set. */
extern void convert_source_zone(ShapeField *field, const TransformStep *step,
								int clocks);
/* One such clock; unit: of them in a second. */
extern void convert_clock_zone(ShapeField *field, const TransformStep *step,
							   int64 unit);
/* images: whose values are changed */
extern void convert_timezone(ShapeField *field, const TransformStep *step,
							 int images);

#endif /* TUPLECAST_CONVERT_H */
