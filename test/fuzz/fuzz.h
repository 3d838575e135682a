/*
 * fuzz.h
 *		What the fuzzers share: an input that is taken apart, and checks.
 */
#ifndef TUPLECAST_FUZZ_H
#define TUPLECAST_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that does not hold ends the run, and the input is kept. */
#define FUZZ_CHECK(condition, ...)                                             \
	do                                                                         \
	{                                                                          \
		if (!(condition))                                                      \
		{                                                                      \
			fprintf(stderr, "%s:%d: does not hold: %s: ", __FILE__, __LINE__,  \
					#condition);                                               \
			fprintf(stderr, "" __VA_ARGS__);                                   \
			fputc('\n', stderr);                                               \
			abort();                                                           \
		}                                                                      \
	} while (0)

typedef struct FuzzInput
{
	const uint8_t *p;
	size_t left;
} FuzzInput;

static inline uint8_t
fuzz_u8(FuzzInput *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->p++;
}

static inline uint64_t
fuzz_bits(FuzzInput *in, int bytes)
{
	uint64_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | fuzz_u8(in);
	return v;
}

/* The rest, or what is before the next byte "stop"; exactly as long as it is,
 * so that a read beyond it is seen.  The caller frees it. */
static inline uint8_t *
fuzz_until(FuzzInput *in, int stop, size_t *len)
{
	const uint8_t *end = stop < 0 ? NULL : memchr(in->p, stop, in->left);
	uint8_t *copy;

	*len = end != NULL ? (size_t) (end - in->p) : in->left;
	copy = malloc(*len > 0 ? *len : 1);
	if (copy == NULL)
		abort();
	memcpy(copy, in->p, *len);
	in->p += *len;
	in->left -= *len;
	if (end != NULL)
	{
		in->p++;
		in->left--;
	}
	return copy;
}

/* The same as a C string; a NUL in it is its end. */
static inline char *
fuzz_text(FuzzInput *in, int stop)
{
	size_t len;
	uint8_t *bytes = fuzz_until(in, stop, &len);
	char *text = malloc(len + 1);

	if (text == NULL)
		abort();
	memcpy(text, bytes, len);
	text[len] = '\0';
	free(bytes);
	return text;
}

/* Bytes of its own, exactly as long: for what must not read beyond. */
static inline uint8_t *
fuzz_take(FuzzInput *in, size_t want, size_t *len)
{
	uint8_t *copy;

	*len = want < in->left ? want : in->left;
	copy = malloc(*len > 0 ? *len : 1);
	if (copy == NULL)
		abort();
	memcpy(copy, in->p, *len);
	in->p += *len;
	in->left -= *len;
	return copy;
}

#endif /* TUPLECAST_FUZZ_H */
