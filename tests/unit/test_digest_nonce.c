/* SPDX-License-Identifier: BSD-3-Clause */
/* What a nonce is good for, and who guesses too often: the rows DG-03 to DG-05 and SE-01 of the
 * checklist, and the guard. */
#include "tests/unit/digest_world.h"

/* DG-03: 300 s, then stale if it is right; a foreign or changed nonce is no nonce. */
static void test_nonce_age(void **state)
{
	struct digest *d = open_digest(false, 0), *stranger = open_digest(false, 0);
	osip_message_t *ask = NULL;
	char buf[DIGEST_HEADER_STRLEN], wrong[DIGEST_HEADER_STRLEN];

	answer(d, 1, NOW, &ask, buf);
	assert_int_equal(check(stranger, "REGISTER", URI, buf, &phone, NOW), DIGEST_WRONG);
	answer_as(ask, "bob", "guess", 1, wrong);
	assert_int_equal(check(d, "REGISTER", URI, wrong, &phone, NOW + 300001), DIGEST_WRONG);
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW + 300001), DIGEST_STALE);
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW + 300000), DIGEST_OK);
	osip_message_free(ask);
	digest_close(d);
	digest_close(stranger);
}

/* DG-04: counts rise, a few may come late, none twice; a wrong digest moves nothing. */
static void test_nonce_count(void **state)
{
	struct digest *d = open_digest(false, 0);
	osip_message_t *ask = NULL;
	char buf[DIGEST_HEADER_STRLEN];

	answer(d, 1, NOW, &ask, buf);
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW), DIGEST_OK);
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW), DIGEST_STALE);

	answer_as(ask, "bob", "guess", 0xffffffff, buf);
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW), DIGEST_WRONG);
	answer(d, 2, NOW, &ask, buf);
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW), DIGEST_OK);

	answer(d, 100, NOW, &ask, buf);
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW), DIGEST_OK);
	answer(d, 37, NOW, &ask, buf);
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW), DIGEST_OK);
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW), DIGEST_STALE);
	answer(d, 35, NOW, &ask, buf);
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW), DIGEST_STALE);
	osip_message_free(ask);
	digest_close(d);
}

/* A table that is too small forgets nonces, but never that they may have been used. */
static void test_nonce_table(void **state)
{
	struct digest *d = open_digest(false, 2);
	osip_message_t *ask[4] = {NULL};
	char buf[4][DIGEST_HEADER_STRLEN];

	for (int i = 0; i < 3; i++) {
		answer(d, 1, NOW + (uint64_t)i, &ask[i], buf[i]);
		assert_int_equal(check(d, "REGISTER", URI, buf[i], &phone, NOW + 10), DIGEST_OK);
	}
	assert_int_equal(check(d, "REGISTER", URI, buf[0], &phone, NOW + 10), DIGEST_STALE);
	assert_int_equal(check(d, "REGISTER", URI, buf[1], &phone, NOW + 10), DIGEST_STALE);
	answer(d, 1, NOW + 20, &ask[3], buf[3]);
	assert_int_equal(check(d, "REGISTER", URI, buf[3], &phone, NOW + 20), DIGEST_OK);
	for (int i = 0; i < 4; i++)
		osip_message_free(ask[i]);
	digest_close(d);
}

/* DG-05 and SE-01: another target, method or source makes a captured header worthless. */
static void test_captured(void **state)
{
	struct digest *d = open_digest(false, 0);
	osip_message_t *ask = NULL;
	char buf[DIGEST_HEADER_STRLEN];

	answer(d, 1, NOW, &ask, buf);
	assert_int_equal(check(d, "INVITE", URI, buf, &phone, NOW), DIGEST_WRONG);
	assert_int_equal(check(d, "REGISTER", "sip:example.org", buf, &phone, NOW), DIGEST_WRONG);
	assert_int_equal(
		check(d, "REGISTER", "sip:carol@example.com", buf, &phone, NOW), DIGEST_WRONG);
	assert_int_equal(check(d, "REGISTER", URI, buf, &other, NOW), DIGEST_WRONG);
	assert_int_equal(check(d, "REGISTER", "sip:EXAMPLE.com", buf, &phone, NOW), DIGEST_OK);
	osip_message_free(ask);
	digest_close(d);
}

/* Back-off: a guesser is not judged at each attempt; a phone that was right before always is. */
static void test_guard(void **state)
{
	struct guard *g = malloc(sizeof(*g));
	struct addr any = phone;
	uint64_t now = NOW;

	assert_int_equal(guard_init(g), 0);
	guard_right(g, &other, "bob");
	for (int i = 0; i < GUARD_USER_FREE; i++) {
		assert_true(guard_pass(g, &phone, "bob", now));
		guard_wrong(g, &phone, "bob", now);
	}
	assert_true(guard_pass(g, &phone, "bob", now));
	guard_wrong(g, &phone, "bob", now);
	any.ip[3] = 99;
	assert_false(guard_pass(g, &phone, "bob", now));
	assert_false(guard_pass(g, &any, "bob", now)); /* per user, whatever the source */
	assert_true(guard_pass(g, &phone, "alice", now));
	assert_true(guard_pass(g, &other, "bob", now));
	assert_false(guard_pass(g, &phone, "bob", now + GUARD_DELAY_MIN_MS - 1));
	now += GUARD_DELAY_MIN_MS;
	assert_true(guard_pass(g, &phone, "bob", now));

	/* The delay doubles up to its end, and per source too. */
	for (int i = 0; i < 20; i++)
		guard_wrong(g, &phone, "bob", now);
	assert_false(guard_pass(g, &phone, "alice", now));
	any.port = 999;
	any.ip[3] = phone.ip[3];
	assert_false(guard_pass(g, &any, "alice", now)); /* whatever the port */
	assert_false(guard_pass(g, &phone, "bob", now + GUARD_DELAY_MAX_MS - 1));
	assert_true(guard_pass(g, &phone, "bob", now + GUARD_DELAY_MAX_MS));
	guard_right(g, &phone, "bob");
	assert_true(guard_pass(g, &phone, "alice", now));
	free(g);
}

/* The same through digest_check: even the right password waits, with the same answer. */
static void test_backoff(void **state)
{
	struct digest *d = open_digest(false, 0);
	osip_message_t *ask = NULL;
	char wrong[DIGEST_HEADER_STRLEN], right[DIGEST_HEADER_STRLEN];

	answer(d, 1, NOW, &ask, right);
	answer_as(ask, "bob", "guess", 1, wrong);
	for (int i = 0; i <= GUARD_USER_FREE; i++)
		assert_int_equal(check(d, "REGISTER", URI, wrong, &phone, NOW), DIGEST_WRONG);
	assert_int_equal(check(d, "REGISTER", URI, right, &phone, NOW), DIGEST_WRONG);
	assert_int_equal(
		check(d, "REGISTER", URI, right, &phone, NOW + GUARD_DELAY_MIN_MS), DIGEST_OK);
	osip_message_free(ask);
	digest_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nonce_age),
		cmocka_unit_test(test_nonce_count),
		cmocka_unit_test(test_nonce_table),
		cmocka_unit_test(test_captured),
		cmocka_unit_test(test_guard),
		cmocka_unit_test(test_backoff),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
