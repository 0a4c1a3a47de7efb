/* SPDX-License-Identifier: BSD-3-Clause */
/* Which source becomes a leg's: checklist LA-01 to LA-03. */
#include "dataplane/media/latch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct addr at(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(&addr, text, 0), 0);
	return addr;
}

static void classes(void **state)
{
	const struct addr none = {0};
	const struct addr remote = at("10.0.0.5:4000"), signal = at("198.51.100.7:5060");
	struct addr source;

	source = at("10.0.0.5:4000");
	assert_int_equal(latch_class_of(&source, &remote, &signal), LATCH_EXACT);
	source = at("10.0.0.5:4002");
	assert_int_equal(latch_class_of(&source, &remote, &signal), LATCH_PORT);
	source = at("198.51.100.7:31000");
	assert_int_equal(latch_class_of(&source, &remote, &signal), LATCH_SIGNAL);
	assert_int_equal(latch_class_of(&source, &remote, &none), LATCH_STRANGER);
	assert_int_equal(latch_class_of(&source, &none, &none), LATCH_STRANGER);
	source = at("203.0.113.1:4000");
	assert_int_equal(latch_class_of(&source, &remote, &signal), LATCH_STRANGER);
	/* An IPv6 address whose first bytes are those of the IPv4 one. */
	source = at("[a00:5::]:4000");
	assert_int_equal(latch_class_of(&source, &remote, &signal), LATCH_STRANGER);
}

static bool feed(struct latch *latch, enum latch_class class, uint16_t port, uint32_t ssrc,
	uint16_t seq, uint32_t tick)
{
	const struct latch_packet packet = {.port = port, .seq = seq, .ssrc = ssrc};

	return latch_feed(latch, class, &packet, tick);
}

/* Packets until learnt, 20 ms apart. */
static int needs(enum latch_class class, uint16_t seq, uint16_t step)
{
	struct latch latch = {0};

	for (int n = 1; n <= 20; n++)
		if (feed(&latch, class, 4000, 1, (uint16_t)(seq + n * step),
			    1000u + 2u * (uint32_t)n))
			return n;
	return 0;
}

static void counts(void **state)
{
	assert_int_equal(needs(LATCH_EXACT, 0, 1), 3);
	assert_int_equal(needs(LATCH_PORT, 0, 1), 4);
	assert_int_equal(needs(LATCH_SIGNAL, 0, 1), 5);
	/* Around the wrap, and with losses. */
	assert_int_equal(needs(LATCH_EXACT, 65533, 1), 3);
	assert_int_equal(needs(LATCH_SIGNAL, 65500, 50), 5);
	/* A sequence that stands, falls or jumps is none. */
	assert_int_equal(needs(LATCH_EXACT, 7, 0), 0);
	assert_int_equal(needs(LATCH_EXACT, 7, 65535), 0);
	assert_int_equal(needs(LATCH_EXACT, 7, 1000), 0);
}

/* Repeated and late packets neither help nor harm. */
static void duplicates(void **state)
{
	struct latch latch = {0};

	assert_false(feed(&latch, LATCH_EXACT, 4000, 1, 10, 100));
	assert_false(feed(&latch, LATCH_EXACT, 4000, 1, 10, 100));
	assert_false(feed(&latch, LATCH_EXACT, 4000, 1, 9, 101));
	assert_false(feed(&latch, LATCH_EXACT, 4000, 1, 11, 102));
	assert_false(feed(&latch, LATCH_EXACT, 4000, 1, 11, 102));
	assert_true(feed(&latch, LATCH_EXACT, 4000, 1, 13, 104));
}

/* Two senders behind one address confuse each other, not us. */
static void ssrc_must_agree(void **state)
{
	struct latch latch = {0};

	for (uint16_t n = 0; n < 50; n++)
		assert_false(feed(&latch, LATCH_EXACT, 4000, n & 1, n, 100u + n));
	assert_false(feed(&latch, LATCH_EXACT, 4000, 7, 50, 160));
	assert_false(feed(&latch, LATCH_EXACT, 4000, 7, 51, 162));
	assert_true(feed(&latch, LATCH_EXACT, 4000, 7, 52, 164));
}

/* The first of a class keeps its place while it sends; another port gets it after a silence. */
static void ports_of_one_class(void **state)
{
	struct latch latch = {0};

	assert_false(feed(&latch, LATCH_SIGNAL, 4000, 1, 1, 100));
	for (uint16_t n = 0; n < 10; n++)
		assert_false(feed(&latch, LATCH_SIGNAL, 5000, 2, n, 101u + n));
	for (uint16_t n = 0; n < 4; n++)
		assert_false(
			feed(&latch, LATCH_SIGNAL, 5000, 2, (uint16_t)(20 + n), 160u + 2u * n));
	assert_true(feed(&latch, LATCH_SIGNAL, 5000, 2, 24, 168));
}

/* A worse candidate that is complete waits while a better one shows up, and loses to it. */
static void better_first(void **state)
{
	struct latch latch = {0};

	for (uint16_t n = 1; n <= 4; n++)
		assert_false(feed(&latch, LATCH_SIGNAL, 5000, 2, n, 100u + n));
	assert_false(feed(&latch, LATCH_EXACT, 4000, 1, 1, 105));
	assert_false(feed(&latch, LATCH_SIGNAL, 5000, 2, 5, 106));
	assert_false(feed(&latch, LATCH_PORT, 4002, 3, 5, 106));
	assert_false(feed(&latch, LATCH_EXACT, 4000, 1, 2, 107));
	assert_false(feed(&latch, LATCH_SIGNAL, 5000, 2, 6, 108));
	assert_true(feed(&latch, LATCH_EXACT, 4000, 1, 3, 109));
	/* One that fell silent holds nobody back. */
	latch = (struct latch){0};
	assert_false(feed(&latch, LATCH_EXACT, 4000, 1, 1, 100));
	for (uint16_t n = 1; n <= 9; n++)
		assert_false(feed(&latch, LATCH_SIGNAL, 5000, 2, n, 100u + 2u * n));
	assert_true(feed(&latch, LATCH_SIGNAL, 5000, 2, 12, 124));
}

/* A candidate that stops for half a second starts over. */
static void stale(void **state)
{
	struct latch latch = {0};

	assert_false(feed(&latch, LATCH_EXACT, 4000, 1, 1, 100));
	assert_false(feed(&latch, LATCH_EXACT, 4000, 1, 2, 102));
	assert_false(feed(&latch, LATCH_EXACT, 4000, 1, 3, 200));
	assert_false(feed(&latch, LATCH_EXACT, 4000, 1, 4, 202));
	assert_true(feed(&latch, LATCH_EXACT, 4000, 1, 5, 204));
}

/* Ticks wrap after 497 days. */
static void tick_wrap(void **state)
{
	struct latch latch = {0};

	assert_false(feed(&latch, LATCH_EXACT, 4000, 1, 1, 0xfffffffeu));
	assert_false(feed(&latch, LATCH_EXACT, 4000, 1, 2, 1));
	assert_true(feed(&latch, LATCH_EXACT, 4000, 1, 3, 3));
}

static void rtcp(void **state)
{
	struct latch latch = {0};
	struct latch_packet packet = {.port = 4001, .ssrc = 9, .rtcp = true};

	assert_true(latch_feed(&latch, LATCH_EXACT, &packet, 100));
	latch = (struct latch){0};
	assert_false(latch_feed(&latch, LATCH_PORT, &packet, 100));
	assert_true(latch_feed(&latch, LATCH_PORT, &packet, 600));
	latch = (struct latch){0};
	assert_false(latch_feed(&latch, LATCH_SIGNAL, &packet, 100));
	packet.ssrc = 10;
	assert_false(latch_feed(&latch, LATCH_SIGNAL, &packet, 600));
	assert_false(latch_feed(&latch, LATCH_SIGNAL, &packet, 1100));
	assert_true(latch_feed(&latch, LATCH_SIGNAL, &packet, 1600));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes),
		cmocka_unit_test(counts),
		cmocka_unit_test(duplicates),
		cmocka_unit_test(ssrc_must_agree),
		cmocka_unit_test(ports_of_one_class),
		cmocka_unit_test(better_first),
		cmocka_unit_test(stale),
		cmocka_unit_test(tick_wrap),
		cmocka_unit_test(rtcp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
