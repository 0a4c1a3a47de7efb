/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/siphash.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <string.h>

/* Key 00 01 .. 0f, message 00 01 .. 0e: the example of the paper (appendix A). */
static const struct siphash_key paper = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};

static void test_paper_vector(void **state)
{
	uint8_t message[15];

	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
	assert_true(siphash(&paper, message, sizeof(message)) == 0xa129ca6149be45e5u);
}

/* First vectors of the reference implementation: the empty message. */
static void test_reference_vectors(void **state)
{
	static const uint8_t wide[16] = {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6,
		0x72, 0x14, 0xc7, 0x55, 0x02, 0x93};
	struct siphash s;
	uint64_t out[2];

	assert_true(siphash(&paper, "", 0) == 0x726fdb47dd0e0e31u);
	siphash_init(&s, &paper, 1);
	siphash_end_wide(&s, out);
	assert_memory_equal(out, wide, sizeof(wide));
}

static void test_pieces_equal_the_whole(void **state)
{
	char text[64];
	struct siphash s;

	memset(text, 'x', sizeof(text));
	for (size_t len = 0; len <= sizeof(text); len++) {
		for (size_t cut = 0; cut <= len; cut++) {
			siphash_init(&s, &paper, 0);
			siphash_add(&s, text, cut);
			siphash_add(&s, text + cut, len - cut);
			assert_true(siphash_end(&s) == siphash(&paper, text, len));
		}
	}
}

static void test_keys_differ(void **state)
{
	struct siphash_key a;
	struct siphash_key b;

	assert_int_equal(siphash_key_random(&a), 0);
	assert_int_equal(siphash_key_random(&b), 0);
	assert_true(siphash(&a, "branch", 6) != siphash(&b, "branch", 6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paper_vector),
		cmocka_unit_test(test_reference_vectors),
		cmocka_unit_test(test_pieces_equal_the_whole),
		cmocka_unit_test(test_keys_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
