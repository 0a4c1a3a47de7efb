/* SPDX-License-Identifier: BSD-3-Clause */
/* SipHash-2-4 (Aumasson, Bernstein 2012): the keyed hash for every table whose keys a stranger may
 * choose. Fed piece by piece, so that a key of several fields needs no copy. With 128 bits and a
 * secret key the value can stand for the key itself. */
#ifndef CONTROLPLANE_SIPHASH_H
#define CONTROLPLANE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0;
	uint64_t k1;
};

struct siphash {
	uint64_t v[4];
	uint64_t tail; /* bytes not yet mixed in */
	uint64_t len;
	int wide;
};

/* wide: 128 bits will be asked for, else 64. */
void siphash_init(struct siphash *s, const struct siphash_key *key, int wide);
void siphash_add(struct siphash *s, const void *data, size_t len);
/* Adds the text and its terminating zero, so that fields do not run into each other. */
void siphash_add_text(struct siphash *s, const char *text);
uint64_t siphash_end(struct siphash *s);
void siphash_end_wide(struct siphash *s, uint64_t out[static 2]);

/* One piece at once. */
uint64_t siphash(const struct siphash_key *key, const void *data, size_t len);

/* Fills a key from the kernel's generator. Returns 0 or -errno. */
int siphash_key_random(struct siphash_key *key);

#endif
