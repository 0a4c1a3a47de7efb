/* SPDX-License-Identifier: BSD-3-Clause */
/* Causes and call detail records: what a biller reads (shared/cdr.md). */
#include "controlplane/call/cdr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define T0 1700000000000ull

/* Answered after 5 s, up for 100 s, everything proven to the end. */
static struct cdr normal(void)
{
	return (struct cdr){.id = "p017-n03-5-00a41f2",
		.node = "n03",
		.from = "alice",
		.to = "+4930123",
		.trunk = "carrier",
		.setup_ms = T0,
		.answered_ms = T0 + 5000,
		.ended_ms = T0 + 105000,
		.cause = CAUSE_CALLER,
		.media = true,
		.media_live = true,
		.leg = {{.call_id = "a@x",
				.peer = "192.0.2.1:5060",
				.sip_ms = T0 + 105000,
				.rtp_ms = T0 + 104990,
				.packets = 5000,
				.timer = true},
			{.call_id = "b@y",
				.peer = "198.51.100.5:5060",
				.sip_ms = T0 + 105020, /* its 200 to our BYE */
				.rtp_ms = T0 + 104995,
				.packets = 4999,
				.lost = 17,
				.jitter_ms = 3}}};
}

static const char *value(const struct cdr_text *text, const char *name)
{
	for (unsigned int i = 0; i < text->count; i++)
		if (strcmp(text->field[i].name, name) == 0)
			return text->field[i].value;
	fail_msg("no field %s", name);
	return NULL;
}

static void test_proven(void **state)
{
	struct cdr cdr = normal();

	assert_int_equal(cdr_connected_ms(&cdr), 100000);
	assert_int_equal(cdr_proven_ms(&cdr), 100000); /* never after the end */
	/* B vanished: last RTP at 40 s of the call, last SIP at the answer. */
	cdr.leg[1].sip_ms = T0 + 5000;
	cdr.leg[1].rtp_ms = T0 + 45000;
	assert_int_equal(cdr_proven_ms(&cdr), 40000);
	assert_int_equal(cdr_connected_ms(&cdr), 100000);
	/* Its media stopped, but it answered a probe 20 s later: proven until then. */
	cdr.leg[1].sip_ms = T0 + 65000;
	assert_int_equal(cdr_proven_ms(&cdr), 60000);
	/* Both parties count: the earlier of the two. */
	cdr.leg[0].sip_ms = T0 + 6000;
	cdr.leg[0].rtp_ms = T0 + 30000;
	assert_int_equal(cdr_proven_ms(&cdr), 25000);
	/* A leg that never gave a sign after the answer. */
	cdr.leg[0].sip_ms = T0 + 4000;
	cdr.leg[0].rtp_ms = 0;
	assert_int_equal(cdr_proven_ms(&cdr), 0);
}

static void test_never_answered(void **state)
{
	struct cdr cdr = normal();

	cdr.answered_ms = 0;
	assert_int_equal(cdr_connected_ms(&cdr), 0);
	assert_int_equal(cdr_proven_ms(&cdr), 0);
	cdr.answered_ms = cdr.ended_ms + 1; /* a wall clock that was set back */
	assert_int_equal(cdr_connected_ms(&cdr), 0);
	assert_int_equal(cdr_proven_ms(&cdr), 0);
}

static void test_fields(void **state)
{
	struct cdr cdr = normal();
	struct cdr_text text;

	cdr.cause = CAUSE_REFRESH_GONE;
	cdr.code = 481;
	cdr_write(&cdr, &text);
	assert_true(text.count <= CDR_FIELDS_MAX);
	assert_string_equal(value(&text, "id"), "p017-n03-5-00a41f2");
	assert_string_equal(value(&text, "trunk"), "carrier");
	assert_string_equal(value(&text, "t1"), "1700000005000");
	assert_string_equal(value(&text, "cause"), "refresh-481");
	assert_string_equal(value(&text, "by"), "linewatch");
	assert_string_equal(value(&text, "connected"), "100.000");
	assert_string_equal(value(&text, "proven"), "100.000");
	assert_string_equal(value(&text, "a_rtp"), "1700000104990");
	assert_string_equal(value(&text, "b_packets"), "4999");
	assert_string_equal(value(&text, "b_lost"), "17");
	assert_string_equal(value(&text, "b_jitter_ms"), "3");
	assert_string_equal(value(&text, "a_timer"), "1");
	assert_string_equal(value(&text, "b_timer"), "0");
	assert_string_equal(value(&text, "media_live"), "1");
	cdr.media = false; /* nothing is known of media that we do not see */
	cdr.trunk = NULL;
	cdr_write(&cdr, &text);
	assert_string_equal(value(&text, "media_live"), "0");
	assert_string_equal(value(&text, "trunk"), "");
}

/* JSON needs to know which fields are numbers: those made of digits are, names are not even then.
 */
static void test_numbers(void **state)
{
	struct cdr cdr = normal();
	struct cdr_text text;
	unsigned int numbers = 0;

	cdr.id = cdr.node = cdr.from = cdr.to = cdr.trunk = "4930123";
	for (unsigned int i = 0; i < 2; i++)
		cdr.leg[i].call_id = cdr.leg[i].peer = "77";
	cdr_write(&cdr, &text);
	for (unsigned int i = 0; i < text.count; i++) {
		const char *v = text.field[i].value;

		if (!cdr_is_number(text.field[i].name))
			continue;
		numbers++;
		assert_int_equal(strspn(v, "0123456789."), strlen(v));
	}
	assert_int_equal(numbers, text.count - 12); /* 12 texts */
	assert_false(cdr_is_number("to"));
	assert_false(cdr_is_number("b_peer"));
	assert_true(cdr_is_number("t1"));
	assert_true(cdr_is_number("proven"));
}

/* product.md 1: the CDR says "Session timeout". */
static void test_session_timeout(void **state)
{
	struct cdr cdr = normal();
	struct cdr_text text;

	cdr.cause = CAUSE_SESSION_TIMEOUT;
	cdr_write(&cdr, &text);
	assert_string_equal(value(&text, "cause"), "session-timeout");
	assert_string_equal(value(&text, "text"), "Session timeout");
}

/* Each cause has a name of its own (per who ended it), a text, a Reason, and is read back. */
static void test_causes(void **state)
{
	char name[CAUSE_STRLEN], other[CAUSE_STRLEN], reason[REASON_STRLEN];
	unsigned int code;

	for (unsigned int i = 1; i < CAUSE_MAX; i++) {
		cause_format(i, 487, name);
		assert_true(strlen(name) > 0 && strlen(name) < CAUSE_STRLEN - 1);
		assert_true(strlen(cause_text(i)) > 0);
		assert_true(strlen(cause_by(i)) > 0);
		cause_reason(i, 0, reason);
		assert_true(strlen(reason) < REASON_STRLEN - 1);
		assert_true(strncmp(reason, "SIP;cause=", 10) == 0 ||
			strncmp(reason, "Q.850;cause=", 12) == 0);
		assert_int_equal(cause_parse(name, cause_by(i), &code), i);
		for (unsigned int j = 1; j < i; j++)
			if (strcmp(cause_by(i), cause_by(j)) == 0)
				assert_string_not_equal(name, cause_format(j, 487, other));
	}
	assert_int_equal(cause_parse("probe-481", NULL, &code), CAUSE_PROBE_GONE);
	assert_int_equal(code, 481);
	assert_int_equal(cause_parse("normal", NULL, &code), CAUSE_CALLER);
	assert_int_equal(cause_parse("normal", "callee", &code), CAUSE_CALLEE);
	assert_int_equal(cause_parse("no such", NULL, &code), CAUSE_NONE);
	assert_int_equal(cause_parse("", NULL, &code), CAUSE_NONE);
	assert_string_equal(cause_format((enum cause)999, 1, name), "");
}

/* EXP-08: the Reason header of a BYE. */
static void test_reason(void **state)
{
	char reason[REASON_STRLEN];

	assert_string_equal(cause_reason(CAUSE_SESSION_TIMEOUT, 0, reason),
		"SIP;cause=408;text=\"Session timeout\"");
	assert_string_equal(cause_reason(CAUSE_REFRESH_GONE, 404, reason),
		"SIP;cause=404;text=\"Dialog gone\"");
	assert_string_equal(cause_reason(CAUSE_REFRESH_GONE, 99999, reason),
		"SIP;cause=481;text=\"Dialog gone\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proven),
		cmocka_unit_test(test_never_answered),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_session_timeout),
		cmocka_unit_test(test_causes),
		cmocka_unit_test(test_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
