/* SPDX-License-Identifier: BSD-3-Clause */
/* What every target has: the entry points that libFuzzer and replay.c call, and an input that is
 * eaten from the front. A target aborts (assert) when a promise of the code under test is broken.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FUZZ_ASAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define FUZZ_ASAN
#endif
#ifdef FUZZ_ASAN
#include <sanitizer/asan_interface.h>
#endif

/* Once, before the first input. Each target has one. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* One input; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	const uint8_t *at;
	size_t left;
};

/* Zeros once the input is used up. */
static inline uint8_t fuzz_u8(struct fuzz *f)
{
	if (f->left == 0)
		return 0;
	f->left--;
	return *f->at++;
}

static inline uint16_t fuzz_u16(struct fuzz *f)
{
	uint16_t low = fuzz_u8(f);

	return (uint16_t)(fuzz_u8(f) << 8 | low);
}

static inline uint32_t fuzz_u32(struct fuzz *f)
{
	uint32_t low = fuzz_u16(f);

	return (uint32_t)fuzz_u16(f) << 16 | low;
}

/* Up to n bytes, less at the end of the input; *len of them. */
static inline const uint8_t *fuzz_bytes(struct fuzz *f, size_t n, size_t *len)
{
	const uint8_t *at = f->at;

	*len = n < f->left ? n : f->left;
	f->at += *len;
	f->left -= *len;
	return at;
}

/* A copy in memory of exactly its size, so that a sanitizer sees any read beyond. To be freed. */
static inline void *fuzz_copy(const void *data, size_t len)
{
	void *copy = calloc(1, len);

	if (len) {
		assert(copy);
		memcpy(copy, data, len);
	}
	return copy;
}

/* The same as a string. */
static inline char *fuzz_string(const void *data, size_t len)
{
	char *copy = malloc(len + 1);

	assert(copy);
	if (len)
		memcpy(copy, data, len);
	copy[len] = '\0';
	return copy;
}

/* Memory that nobody may touch until it is shown again; matters under ASan only. */
static inline void fuzz_hide(void *ptr, size_t len)
{
#ifdef FUZZ_ASAN
	ASAN_POISON_MEMORY_REGION(ptr, len);
#endif
}

static inline void fuzz_show(void *ptr, size_t len)
{
#ifdef FUZZ_ASAN
	ASAN_UNPOISON_MEMORY_REGION(ptr, len);
#endif
}

#endif
