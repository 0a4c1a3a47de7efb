/* SPDX-License-Identifier: BSD-3-Clause */
/* What a REGISTER may ask for and is answered: the rows RG-01, RG-03 to RG-08, RG-11, NO-01 and
 * NO-03 of the checklist. */
#include "tests/unit/registrar_world.h"

#include <errno.h>

#include <cmocka.h>

/* RG-01: the order of the steps shows in which fault is told. */
static void test_order(void **state)
{
	struct bench *b = *state;
	const char *faulty = "Require: gruu\r\nContact: *\r\n"; /* and no Expires */

	b->user = NULL;
	assert_int_equal(send_to(b, "sips:else.org", "sip:eve@else.org", "a", 1, faulty), 416);
	assert_int_equal(send_to(b, "sip:else.org", "sip:eve@else.org", "a", 1, faulty), 403);
	assert_int_equal(send_to(b, "sip:example.com", "sip:eve@else.org", "a", 1, faulty), 420);
	assert_int_equal(
		send_to(b, "sip:example.com", "sip:eve@else.org", "a", 1, "Contact: *\r\n"), 401);
	b->user = "bob";
	assert_int_equal(
		send_to(b, "sip:example.com", "sip:eve@else.org", "a", 1, "Contact: *\r\n"), 403);
	assert_int_equal(
		send_to(b, "sip:example.com", "sip:bob@else.org", "a", 1, "Contact: *\r\n"), 404);
	assert_int_equal(reg(b, "a", 1, "Contact: *\r\n"), 400);
	assert_int_equal(reg(b, "a", 1, BOB), 200);
	assert_null(header(b, "Record-Route", 0));
	assert_int_equal(found(b, "sip:bob@else.org"), -ENOENT);
}

/* RG-03: a query lists and changes nothing. */
static void test_query(void **state)
{
	struct bench *b = *state;

	assert_int_equal(reg(b, "a", 1, ""), 200);
	assert_int_equal(listed(b), 0);
	assert_int_equal(
		reg(b, "a", 2,
			"Contact: <sip:bob@10.0.0.5>;expires=100, <sip:bob@10.0.0.6>;q=0.5\r\n"),
		200);
	advance(b, 30500);
	assert_int_equal(reg(b, "a", 3, ""), 200);
	assert_int_equal(listed(b), 2);
	assert_true(lists(b, "<sip:bob@10.0.0.5>;expires=70"));
	assert_true(lists(b, "<sip:bob@10.0.0.6>;expires=3570;q=0.500"));
	assert_int_equal(b->sets, 2);
}

/* RG-04: the star. */
static void test_star(void **state)
{
	struct bench *b = *state;

	assert_int_equal(reg(b, "a", 1, BOB), 200);
	assert_int_equal(reg(b, "a", 2, "Contact: *\r\n"), 400);
	assert_int_equal(reg(b, "a", 2, "Contact: *\r\nExpires: 60\r\n"), 400);
	assert_int_equal(reg(b, "a", 2, "Contact: *\r\n" BOB "Expires: 0\r\n"), 400);
	assert_int_equal(reg(b, "a", 2, BOB "Contact: *\r\nExpires: 0\r\n"), 400);
	assert_int_equal(found(b, "sip:bob@example.com"), 1);
	assert_int_equal(reg(b, "a", 1, "Contact: *\r\nExpires: 0\r\n"), 500);
	assert_int_equal(found(b, "sip:bob@example.com"), 1);
	assert_int_equal(reg(b, "a", 2, "Contact: *\r\nExpires: 0\r\n"), 200);
	assert_int_equal(listed(b), 0);
	assert_int_equal(found(b, "sip:bob@example.com"), 0);
	assert_int_equal(b->stored_count, 0);
	assert_null(dpclient_binding_get(b->dp, 0));
}

/* RG-05: the same Call-ID must count up, another one overrides. */
static void test_cseq(void **state)
{
	struct bench *b = *state;

	assert_int_equal(reg(b, "a@h", 7, BOB), 200);
	assert_int_equal(reg(b, "a@h", 7, BOB "Expires: 0\r\n"), 500);
	assert_int_equal(reg(b, "a@h", 6, BOB), 500);
	assert_int_equal(the_one(b)->cseq, 7);
	assert_int_equal(reg(b, "a@h", 8, BOB), 200);
	assert_int_equal(reg(b, "b@h", 1, BOB), 200);
	assert_string_equal(the_one(b)->call_id, "b@h");
	assert_int_equal(listed(b), 1);
}

/* RG-06: all or nothing. */
static void test_atomic(void **state)
{
	struct bench *b = *state;

	assert_int_equal(reg(b, "a", 5, BOB), 200);
	assert_int_equal(
		reg(b, "b", 1, "Contact: <sip:bob@10.0.0.9>\r\nContact: <tel:+1>\r\n"), 400);
	assert_int_equal(
		reg(b, "b", 1, "Contact: <sip:bob@10.0.0.9>, <sip:bob@10.0.0.8>;q=2\r\n"), 400);
	assert_int_equal(
		reg(b, "b", 1, "Contact: <sip:bob@10.0.0.9>, <sip:x@h>;expires=1\r\n"), 423);
	/* One contact of several is older than what it would change. */
	assert_int_equal(reg(b, "a", 5, "Contact: <sip:bob@10.0.0.9>\r\n" BOB), 500);
	assert_int_equal(found(b, "sip:bob@example.com"), 1);
	assert_int_equal(b->sets, 1);
	assert_int_equal(b->dels, 0);
}

/* RG-07: which expiry counts, and how far. */
static void test_expires(void **state)
{
	static const struct {
		const char *rest;
		int status;
		uint32_t granted;
	} rows[] = {
		{"Contact: <sip:b@h>\r\n", 200, 3000},
		{"Contact: <sip:b@h>\r\nExpires: 120\r\n", 200, 120},
		{"Contact: <sip:b@h>;expires=90\r\nExpires: 120\r\n", 200, 90},
		{"Contact: <sip:b@h>;expires=1\r\n", 423, 0},
		{"Contact: <sip:b@h>;expires=59\r\n", 423, 0},
		{"Contact: <sip:b@h>;expires=60\r\n", 200, 60},
		{"Contact: <sip:b@h>\r\nExpires: 3599\r\n", 200, 3599},
		{"Contact: <sip:b@h>\r\nExpires: 7200\r\n", 200, 7000},
		{"Contact: <sip:b@h>\r\nExpires: abc\r\n", 200, 3600},
		{"Contact: <sip:b@h>;expires=\r\n", 200, 3600},
		{"Contact: <sip:b@h>;expires=-1\r\n", 200, 3600},
		{"Contact: <sip:b@h>;expires=60x\r\n", 200, 3600},
		{"Contact: <sip:b@h>;expires=8589934592\r\n", 200, 3600},
		{"Contact: <sip:b@h>;expires=99999999999999999999999\r\n", 200, 3600},
		{"Contact: <sip:b@h>;expires=4294967295\r\n", 200, 7000},
	};
	struct bench *b = *state;

	registrar_close(b->r);
	b->conf.expires_max = 7000;
	b->conf.expires_default = 3000;
	start(b);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char contact[64];

		assert_int_equal(reg(b, "a", (uint32_t)i + 1, rows[i].rest), rows[i].status);
		if (rows[i].status == 423) {
			assert_string_equal(header(b, "Min-Expires", 0), "60");
			continue;
		}
		snprintf(contact, sizeof(contact), "<sip:b@h>;expires=%u", rows[i].granted);
		assert_string_equal(header(b, "Contact", 0), contact);
		assert_int_equal(b->stored[0].expires_ms, b->now + 1000ull * rows[i].granted);
	}
	assert_int_equal(reg(b, "a", 99, "Contact: <sip:b@h>;expires=0\r\n"), 200);
	assert_int_equal(found(b, "sip:bob@example.com"), 0);
}

/* RG-08: what was granted does not shrink, the Contact does not change. */
static void test_echo(void **state)
{
	struct bench *b = *state;
	const char *rest = "Contact: \"Bob\" <sip:bob@10.0.0.5:5062;ob;rinstance=c0ffee>;reg-id=1;"
			   "+sip.instance=\"<urn:uuid:1>\"\r\nExpires: 300\r\n";

	for (uint32_t i = 1; i <= 50; i++) {
		assert_int_equal(reg(b, "a", i, rest), 200);
		assert_int_equal(listed(b), 1);
		assert_string_equal(header(b, "Contact", 0),
			"<sip:bob@10.0.0.5:5062;ob;rinstance=c0ffee>;expires=300");
		advance(b, 149999);
	}
	assert_int_equal(b->stored_count, 1);
}

/* RG-11: Date; bodies and odd headers do not matter. */
static void test_date(void **state)
{
	struct bench *b = *state;

	assert_int_equal(reg(b, "a", 1, BOB "X-Odd: y\r\nSupported: path, outbound\r\n"), 200);
	assert_string_equal(header(b, "Date", 0), "Tue, 14 Nov 2023 22:13:20 GMT");
}

/* NO-01, NO-03: what is not supported is declined, not half done. */
static void test_declined(void **state)
{
	struct bench *b = *state;

	assert_int_equal(reg(b, "a", 1, BOB "Require: outbound, timer\r\nRequire: gruu\r\n"), 420);
	assert_string_equal(header(b, "Unsupported", 0), "outbound, gruu");
	assert_int_equal(reg(b, "a", 1, BOB "Path: <sip:edge.example;lr>\r\n"), 420);
	assert_string_equal(header(b, "Unsupported", 0), "path");
	assert_int_equal(reg(b, "a", 1, "Contact: <sips:bob@h>\r\n"), 400);
	assert_int_equal(reg(b, "a", 1, "Contact: <sip:bob@h;transport=ws>\r\n"), 400);
	assert_int_equal(reg(b, "a", 1, "Contact: <sip:bob@h;transport=TLS>\r\n"), 400);
	assert_int_equal(send_to(b, "sip:example.com", "sips:bob@example.com", "a", 1, BOB), 404);
	assert_int_equal(found(b, "sip:bob@example.com"), 0);
	assert_int_equal(reg(b, "a", 1, "Contact: <sip:bob@h;transport=UDP>\r\n"), 200);
}

static void test_open_registrar(void **state)
{
	struct bench *b = *state;

	registrar_close(b->r);
	b->conf.open = true;
	start(b);
	b->user = NULL;
	assert_int_equal(reg(b, "a", 1, BOB), 200);
	assert_int_equal(send_to(b, "sip:example.com", "sip:bob@else.org", "a", 2, BOB), 404);
	assert_int_equal(send_to(b, "sip:example.com", "sip:example.com", "a", 2, BOB), 404);
}

static void test_conf(void **state)
{
	struct bench *b = *state;
	struct registrar_conf conf = b->conf;
	struct registrar *r;

	conf.expires_min = 3601;
	assert_int_equal(registrar_open(&r, &conf), -EINVAL);
	conf = b->conf;
	conf.expires_min = 100;
	conf.expires_max = 99;
	assert_int_equal(registrar_open(&r, &conf), -EINVAL);
	conf = b->conf;
	conf.domain_count = 0;
	assert_int_equal(registrar_open(&r, &conf), -EINVAL);
	conf = b->conf;
	conf.node = "no such name";
	assert_int_equal(registrar_open(&r, &conf), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_order),
		CASE(test_query),
		CASE(test_star),
		CASE(test_cseq),
		CASE(test_atomic),
		CASE(test_expires),
		CASE(test_echo),
		CASE(test_date),
		CASE(test_declined),
		CASE(test_open_registrar),
		CASE(test_conf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
