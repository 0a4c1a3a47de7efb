/* SPDX-License-Identifier: BSD-3-Clause */
/* The mark by which an answer proves that it answers a keep-alive of ours: SipHash-1-3 under a key
 * of the process over binding, generation and time, cut to 32 bits. Pure. */
#ifndef DATAPLANE_KEEPALIVE_TAG_H
#define DATAPLANE_KEEPALIVE_TAG_H

#include <stdint.h>

struct tag_key {
	uint64_t k[2];
};

static inline uint64_t tag_turn(uint64_t x, unsigned int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void tag_round(uint64_t v[static 4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = tag_turn(v[1], 13) ^ v[0];
	v[3] = tag_turn(v[3], 16) ^ v[2];
	v[0] = tag_turn(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = tag_turn(v[1], 17) ^ v[2];
	v[3] = tag_turn(v[3], 21) ^ v[0];
	v[2] = tag_turn(v[2], 32);
}

/* Of the nine bytes id, stamp (little-endian) and generation. */
static inline uint32_t tag_of(const struct tag_key *key, uint32_t id, uint32_t stamp, uint8_t gen)
{
	uint64_t v[4] = {
		key->k[0] ^ 0x736f6d6570736575u,
		key->k[1] ^ 0x646f72616e646f6du,
		key->k[0] ^ 0x6c7967656e657261u,
		key->k[1] ^ 0x7465646279746573u,
	};
	uint64_t word[2] = {(uint64_t)stamp << 32 | id, 9ull << 56 | gen};
	uint64_t mark;

	for (int i = 0; i < 2; i++) {
		v[3] ^= word[i];
		tag_round(v);
		v[0] ^= word[i];
	}
	v[2] ^= 0xff;
	tag_round(v);
	tag_round(v);
	tag_round(v);
	mark = v[0] ^ v[1] ^ v[2] ^ v[3];
	return (uint32_t)(mark ^ mark >> 32);
}

#endif
