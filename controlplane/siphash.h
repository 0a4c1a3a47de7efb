/* SPDX-License-Identifier: BSD-3-Clause */
/* SipHash-2-4 (Aumasson, Bernstein 2012): the keyed hash for tables whose keys a stranger chooses.
 * With uthash, hand siphash_value() to the _BYHASHVALUE macros. */
#ifndef CONTROLPLANE_SIPHASH_H
#define CONTROLPLANE_SIPHASH_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

struct siphash_key {
	uint64_t k0, k1;
};

/* A random key. Returns 0 or -errno. */
static inline int siphash_key_make(struct siphash_key *key)
{
	ssize_t n = getrandom(key, sizeof(*key), 0);

	return n == (ssize_t)sizeof(*key) ? 0 : n < 0 ? -errno : -EIO;
}

static inline uint64_t siphash_rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static inline void siphash_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = siphash_rotl(v[1], 13) ^ v[0];
	v[0] = siphash_rotl(v[0], 32);
	v[2] += v[3];
	v[3] = siphash_rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = siphash_rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = siphash_rotl(v[1], 17) ^ v[2];
	v[2] = siphash_rotl(v[2], 32);
}

/* One little-endian word of the message, its last bytes filled up with zeros. */
static inline uint64_t siphash_word(const uint8_t *p, size_t len)
{
	uint64_t word = 0;

	memcpy(&word, p, len);
	return word;
}

static inline uint64_t siphash(const struct siphash_key *key, const void *data, size_t len)
{
	uint64_t v[4] = {
		key->k0 ^ 0x736f6d6570736575u,
		key->k1 ^ 0x646f72616e646f6du,
		key->k0 ^ 0x6c7967656e657261u,
		key->k1 ^ 0x7465646279746573u,
	};
	const uint8_t *p = data;
	size_t left = len;

	for (;;) {
		uint64_t word = siphash_word(p, left < 8 ? left : 8);
		bool last = left < 8;

		if (last)
			word |= (uint64_t)len << 56;
		v[3] ^= word;
		siphash_round(v);
		siphash_round(v);
		v[0] ^= word;
		if (last)
			break;
		p += 8;
		left -= 8;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		siphash_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* For uthash's unsigned hash value. */
static inline unsigned siphash_value(const struct siphash_key *key, const void *data, size_t len)
{
	return (unsigned)siphash(key, data, len);
}

#endif
