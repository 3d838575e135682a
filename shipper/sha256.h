/*
 * sha256.h
 *		SHA-256 (FIPS 180-4), for what dead letters tell of a value.
 */
#ifndef TUPLECAST_SHA256_H
#define TUPLECAST_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32

typedef struct Sha256
{
	uint32_t state[8];
	uint64_t length; /* bytes so far */
	uint8_t block[64];
} Sha256;

extern void sha256_init(Sha256 *s);
extern void sha256_add(Sha256 *s, const void *data, size_t len);
extern void sha256_end(Sha256 *s, uint8_t digest[SHA256_BYTES]);

#endif /* TUPLECAST_SHA256_H */
