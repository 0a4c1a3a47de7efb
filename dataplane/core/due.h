/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrays of the ticks at which something is to be looked at, 0 = never: streamed through, a block
 * at a time. */
#ifndef DATAPLANE_CORE_DUE_H
#define DATAPLANE_CORE_DUE_H

#include "shared/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Entries that are looked at together. */
#define DUE_BLOCK 64

/* Parts of `size` that cover n, such as those of an array that are streamed through in one tick. */
static inline uint32_t due_parts(uint32_t n, uint32_t size)
{
	return (n + size - 1) / size;
}

/* Blocks of an array, the last one may be a part of one: the array is made as long as all of it. */
static inline uint32_t due_blocks(uint32_t count)
{
	return due_parts(count, DUE_BLOCK);
}

static inline size_t due_size(uint32_t count)
{
	return (size_t)due_blocks(count) * DUE_BLOCK * sizeof(uint32_t);
}

/* A tick that is not "never". */
static inline uint32_t due_tick(uint32_t tick)
{
	return tick ? tick : 1;
}

static inline uint32_t due_later(uint32_t a, uint32_t b)
{
	return clock_tick_before(a, b) ? b : a;
}

static inline bool due_is(uint32_t due, uint32_t now)
{
	return due && !clock_tick_before(now, due);
}

/* One of a block is due. Written so that the compiler makes vector code of it: that wants blocks of
 * four vectors. */
static inline bool due_any(const uint32_t *due, uint32_t now)
{
	uint32_t any = 0;

	for (int i = 0; i < DUE_BLOCK; i++)
		any |= (uint32_t)(due[i] != 0) & (uint32_t)((int32_t)(now - due[i]) >= 0);
	return any;
}

/* The next block of an array that is gone round and round, block by block. */
static inline uint32_t due_next(uint32_t *cursor, uint32_t blocks)
{
	uint32_t block = *cursor < blocks ? *cursor : 0;

	*cursor = block + 1;
	return block;
}

#endif
