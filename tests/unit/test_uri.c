/* SPDX-License-Identifier: BSD-3-Clause */
/* When two SIP URIs are one: RFC 3261 19.1.4, with its own examples. */
#include "controlplane/registrar/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <osipparser2/osip_parser.h>

#include <cmocka.h>

static void test_uri_equal(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{"sip:bob@biloxi.com", "sip:bob@BILOXI.com", true},
		{"sip:%61lice@atlanta.com", "sip:alice@AtLanTa.CoM", true},
		{"sip:alice@atlanta.com", "sip:ALICE@atlanta.com", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
		{"sip:bob@biloxi.com:05060", "sip:bob@biloxi.com:5060", true},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
		{"sip:bob@h;transport=UDP", "sip:bob@h;transport=udp", true},
		{"sip:bob@h;maddr=1.2.3.4", "sip:bob@h", false},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},
		{"sip:carol@chicago.com;a=1;b=2", "sip:carol@chicago.com;B=2;A=1", true},
		{"sip:biloxi.com?to=sip:bob%40biloxi.com", "sip:biloxi.com", false},
		{"sip:h?a=1&b=2", "sip:h?b=2&a=1", true},
		{"sip:bob:x@h", "sip:bob:y@h", false},
		{"sip:bob@h", "sips:bob@h", false},
		{"sip:bob@[2001:DB8::1]", "sip:bob@[2001:db8::1]", true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		osip_uri_t *a, *b;

		osip_uri_init(&a);
		osip_uri_init(&b);
		assert_int_equal(osip_uri_parse(a, rows[i].a), 0);
		assert_int_equal(osip_uri_parse(b, rows[i].b), 0);
		if (uri_equal(a, b) != rows[i].same || uri_equal(b, a) != rows[i].same)
			fail_msg("%s and %s", rows[i].a, rows[i].b);
		osip_uri_free(a);
		osip_uri_free(b);
	}
}

static int setup(void **state)
{
	return parser_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uri_equal),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
