/*
 * numtext.c
 *		The text of a numeric, straight from the bytes that are stored.
 *
 * numeric_out() copies the value, and allocates its text twice.
 */
#include "numtext.h"

#include "json.h"

/* numeric.c: the header's first two bytes */
#define SIGN_MASK		 0xC000
#define SIGN_NEGATIVE	 0x4000
#define SIGN_SHORT		 0x8000
#define SIGN_SPECIAL	 0xC000
#define SHORT_NEGATIVE	 0x2000
#define SHORT_SCALE_MASK 0x1F80
#define SHORT_SCALE_BITS 7
#define SHORT_WEIGHT_NEG 0x0040
#define SHORT_WEIGHT	 0x003F
#define LONG_SCALE_MASK	 0x3FFF
/* a digit is of base 10,000 */
#define DIGIT_CHARS 4

static const char pairs[] =
	"00010203040506070809101112131415161718192021222324252627282930313233343536"
	"37383940414243444546474849505152535455565758596061626364656667686970717273"
	"7475767778798081828384858687888990919293949596979899";

typedef struct Stored
{
	const char *digits; /* not aligned */
	int ndigits;
	int weight; /* of the first digit, in digits */
	int scale;	/* decimals shown */
	bool negative;
} Stored;


static inline uint16
load16(const char *p)
{
	uint16 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* The digit at a place; what is not stored is 0. */
static inline unsigned
digit_at(const Stored *n, int i)
{
	return i >= 0 && i < n->ndigits ? load16(n->digits + i * sizeof(uint16))
									: 0;
}

static inline char *
put_digit(char *p, unsigned digit)
{
	memcpy(p, pairs + digit / 100 * 2, 2);
	memcpy(p + 2, pairs + digit % 100 * 2, 2);
	return p + DIGIT_CHARS;
}

/* The same without zeros in front; DIGIT_CHARS are written all the same. */
static inline char *
put_first(char *p, unsigned digit)
{
	char all[2 * DIGIT_CHARS];
	int skip = (digit < 1000) + (digit < 100) + (digit < 10);

	put_digit(all, digit);
	memcpy(p, all + skip, DIGIT_CHARS);
	return p + DIGIT_CHARS - skip;
}

/* false: not a number */
static bool
load(Stored *n, const char *data, int len)
{
	uint16 header = load16(data);

	if ((header & SIGN_MASK) == SIGN_SPECIAL)
		return false;
	if (header & SIGN_SHORT)
	{
		n->negative = (header & SHORT_NEGATIVE) != 0;
		n->scale = (header & SHORT_SCALE_MASK) >> SHORT_SCALE_BITS;
		n->weight = (header & SHORT_WEIGHT_NEG ? ~SHORT_WEIGHT : 0) |
					(header & SHORT_WEIGHT);
		n->digits = data + sizeof(uint16);
	}
	else
	{
		n->negative = (header & SIGN_MASK) == SIGN_NEGATIVE;
		n->scale = header & LONG_SCALE_MASK;
		n->weight = (int16) load16(data + sizeof(uint16));
		n->digits = data + 2 * sizeof(uint16);
	}
	n->ndigits = (data + len - n->digits) / sizeof(uint16);
	return true;
}

/* The digits before the point, without zeros in front. */
static char *
put_whole(char *p, const Stored *n)
{
	if (n->weight < 0)
	{
		*p = '0';
		return p + 1;
	}
	p = put_first(p, digit_at(n, 0));
	for (int i = 1; i <= n->weight; i++)
		p = put_digit(p, digit_at(n, i));
	return p;
}

/* a short header of an integer that is not negative and has one digit */
#define SMALL_INTEGER SIGN_SHORT

/* What counters and most numbers in a jsonb are: 0 to 9999. */
static inline bool
small_integer(StringInfo out, const char *data, int len)
{
	char *p;

	if (len != 2 * sizeof(uint16) || load16(data) != SMALL_INTEGER)
		return false;
	p = put_first(json_reserve(out, 2 * DIGIT_CHARS),
				  load16(data + sizeof(uint16)));
	*p = '\0';
	out->len = p - out->data;
	return true;
}

static bool
any_number(StringInfo out, const char *data, int len)
{
	Stored n;
	char *p;

	if (!load(&n, data, len))
		return false;
	/* sign, point, and the first and last digit may be written too far */
	p = json_reserve(out, (Max(n.weight, 0) + 1) * DIGIT_CHARS + n.scale +
							  2 * DIGIT_CHARS + 2);
	if (n.negative)
		*p++ = '-';
	p = put_whole(p, &n);
	if (n.scale > 0)
	{
		char *end;

		*p++ = '.';
		end = p + n.scale;
		for (int i = n.weight + 1; p < end; i++)
			p = put_digit(p, digit_at(&n, i));
		p = end;
	}
	*p = '\0';
	out->len = p - out->data;
	return true;
}

bool
numeric_append(StringInfo out, Datum value)
{
	struct varlena *stored = (struct varlena *) DatumGetPointer(value);
	struct varlena *v = stored;
	bool done;

	if (VARATT_IS_EXTERNAL(stored) || VARATT_IS_COMPRESSED(stored))
		v = detoast_attr(stored);
	done = small_integer(out, VARDATA_ANY(v), VARSIZE_ANY_EXHDR(v)) ||
		   any_number(out, VARDATA_ANY(v), VARSIZE_ANY_EXHDR(v));
	if (v != stored)
		pfree(v);
	return done;
}
