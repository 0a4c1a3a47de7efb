/* SPDX-License-Identifier: BSD-3-Clause */
/* Two links that are one cable to the neighbours. */
#include "dataplane/core/linkpair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct linkpair pair;
static int side;

static enum linkpair_order look(bool a, bool b)
{
	const bool up[2] = {a, b};

	return linkpair_look(&pair, up, &side);
}

static void up_both(void)
{
	linkpair_open(&pair);
	assert_int_equal(look(true, true), LINKPAIR_KEEP);
}

static void follows_each_way(void **state)
{
	for (int lost = 0; lost < 2; lost++) {
		up_both();
		assert_int_equal(look(lost != 0, lost != 1), LINKPAIR_KEEP);
		assert_int_equal(look(lost != 0, lost != 1), LINKPAIR_HOLD);
		assert_int_equal(side, !lost);
		/* What is held tells nothing, down or (a driver that cannot) up. */
		for (int n = 0; n < 5; n++) {
			assert_int_equal(look(false, false), LINKPAIR_KEEP);
			assert_int_equal(look(lost != 0, lost != 1), LINKPAIR_KEEP);
		}
		assert_int_equal(look(lost == 0, lost == 1), LINKPAIR_RELEASE);
		assert_int_equal(side, !lost);
		/* It takes its time to come back; then all is as before. */
		for (int n = 0; n < 20; n++)
			assert_int_equal(look(lost == 0, lost == 1), LINKPAIR_KEEP);
		assert_int_equal(look(true, true), LINKPAIR_KEEP);
		look(lost == 0, lost == 1);
		assert_int_equal(look(lost == 0, lost == 1), LINKPAIR_HOLD);
		assert_int_equal(side, lost);
	}
}

/* The other side is lost again as soon as both are back: that, too, must be seen twice. */
static void lost_again_at_once(void **state)
{
	up_both();
	look(true, false);
	assert_int_equal(look(true, false), LINKPAIR_HOLD);
	assert_int_equal(look(false, true), LINKPAIR_RELEASE);
	assert_int_equal(look(true, false), LINKPAIR_KEEP);
	assert_int_equal(look(true, false), LINKPAIR_HOLD);
	assert_int_equal(side, 0);
}

/* Links that are not there yet at the start, a short drop, both at once: nobody is taken down. */
static void not_without_need(void **state)
{
	linkpair_open(&pair);
	for (int n = 0; n < 20; n++)
		assert_int_equal(look(true, false), LINKPAIR_KEEP);
	assert_int_equal(look(true, true), LINKPAIR_KEEP);
	for (int n = 0; n < 20; n++) {
		assert_int_equal(look(false, true), LINKPAIR_KEEP);
		assert_int_equal(look(true, true), LINKPAIR_KEEP);
	}
	for (int n = 0; n < 20; n++)
		assert_int_equal(look(false, false), LINKPAIR_KEEP);
	assert_int_equal(look(true, true), LINKPAIR_KEEP);
}

/* A side goes out of service while it is held, and stays away for longer than the loss lasts, or
 * comes back before: nobody is left held, and nobody forgotten. */
static void held_side_goes(void **state)
{
	for (int lost = 0; lost < 2; lost++) {
		up_both();
		look(lost != 0, lost != 1);
		assert_int_equal(look(lost != 0, lost != 1), LINKPAIR_HOLD);
		linkpair_lose(&pair, lost);
		assert_int_equal(look(false, false), LINKPAIR_KEEP);
		assert_int_equal(pair.held, !lost);
		linkpair_lose(&pair, !lost);
		assert_int_equal(pair.held, LINKPAIR_NONE);
		for (int n = 0; n < 5; n++)
			assert_int_equal(look(false, false), LINKPAIR_KEEP);
		/* The first is back, and is to show that the second is not. */
		assert_int_equal(look(lost == 0, lost == 1), LINKPAIR_KEEP);
		assert_int_equal(look(lost == 0, lost == 1), LINKPAIR_HOLD);
		assert_int_equal(side, lost);
		assert_int_equal(look(lost != 0, lost != 1), LINKPAIR_RELEASE);
		assert_int_equal(side, lost);
		/* Back before the loss is over: it is held again. */
		look(true, true);
		look(lost != 0, lost != 1);
		assert_int_equal(look(lost != 0, lost != 1), LINKPAIR_HOLD);
		linkpair_lose(&pair, !lost);
		assert_int_equal(look(lost != 0, lost != 1), LINKPAIR_KEEP);
		assert_int_equal(look(lost != 0, lost != 1), LINKPAIR_HOLD);
		assert_int_equal(side, !lost);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_each_way),
		cmocka_unit_test(lost_again_at_once),
		cmocka_unit_test(not_without_need),
		cmocka_unit_test(held_side_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
