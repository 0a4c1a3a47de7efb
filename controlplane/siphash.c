/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/siphash.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

static uint64_t rotl(uint64_t x, unsigned int b)
{
	return x << b | x >> (64 - b);
}

static void rounds(uint64_t v[static 4], int n)
{
	while (n--) {
		v[0] += v[1];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[0] = rotl(v[0], 32);
		v[2] += v[3];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[2] = rotl(v[2], 32);
	}
}

static void word(struct siphash *s, uint64_t m)
{
	s->v[3] ^= m;
	rounds(s->v, 2);
	s->v[0] ^= m;
}

void siphash_init(struct siphash *s, const struct siphash_key *key, int wide)
{
	s->v[0] = key->k0 ^ 0x736f6d6570736575u;
	s->v[1] = key->k1 ^ 0x646f72616e646f6du;
	s->v[2] = key->k0 ^ 0x6c7967656e657261u;
	s->v[3] = key->k1 ^ 0x7465646279746573u;
	if (wide)
		s->v[1] ^= 0xee;
	s->tail = 0;
	s->len = 0;
	s->wide = wide;
}

void siphash_add(struct siphash *s, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len && s->len % 8) {
		s->tail |= (uint64_t)*p++ << 8 * (s->len++ % 8);
		len--;
		if (s->len % 8 == 0) {
			word(s, s->tail);
			s->tail = 0;
		}
	}
	for (; len >= 8; len -= 8, p += 8) {
		uint64_t m;

		memcpy(&m, p, 8);
		word(s, m);
		s->len += 8;
	}
	while (len--)
		s->tail |= (uint64_t)*p++ << 8 * (s->len++ % 8);
}

void siphash_add_text(struct siphash *s, const char *text)
{
	siphash_add(s, text, strlen(text) + 1);
}

static void finish(struct siphash *s)
{
	word(s, s->tail | s->len << 56);
	s->v[2] ^= s->wide ? 0xee : 0xff;
	rounds(s->v, 4);
}

uint64_t siphash_end(struct siphash *s)
{
	finish(s);
	return s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3];
}

void siphash_end_wide(struct siphash *s, uint64_t out[static 2])
{
	out[0] = siphash_end(s);
	s->v[1] ^= 0xdd;
	rounds(s->v, 4);
	out[1] = s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3];
}

uint64_t siphash(const struct siphash_key *key, const void *data, size_t len)
{
	struct siphash s;

	siphash_init(&s, key, 0);
	siphash_add(&s, data, len);
	return siphash_end(&s);
}

int siphash_key_random(struct siphash_key *key)
{
	ssize_t n = getrandom(key, sizeof(*key), 0);

	if (n < 0)
		return -errno;
	return n == sizeof(*key) ? 0 : -EIO;
}
