/* SPDX-License-Identifier: BSD-3-Clause */
/* Hashing by multiplication, under a secret seed. */
#ifndef DATAPLANE_CORE_MIX_H
#define DATAPLANE_CORE_MIX_H

#include <stdint.h>

/* 64 bits by 64 to 128, folded. */
static inline uint64_t mix_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The last fold before a table is asked: of keys in a row, such as neighbouring ports, the first
 * fold alone crowds its places under one seed in twenty. */
static inline uint64_t mix_last(uint64_t mixed)
{
	return mix_fold(mixed, 0x9e3779b97f4a7c15);
}

#endif
