/* SPDX-License-Identifier: BSD-3-Clause */
/* Session timer negotiation: RFC 4028 sections 4, 7, 9; checklist ST. */
#include "controlplane/call/stimer_nego.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NONE STIMER_REFRESHER_NONE
#define UAC  STIMER_REFRESHER_UAC
#define UAS  STIMER_REFRESHER_UAS

static const struct stimer_params defaults = {
	.ttl = 600, .segment = 2, .min_se = 90, .no_timer = STIMER_PROBE_OPTIONS};

/* ST-02, ST-06, ST-08, ST-09: our first INVITE. */
static void test_invite(void **state)
{
	struct stimer_params par = defaults;
	struct stimer_headers h;

	stimer_invite(&par, 0, &h);
	assert_true(h.has_se && h.timer && !h.require);
	assert_int_equal(h.se, 600);
	assert_int_equal(h.min_se, 0);
	assert_int_equal(h.refresher, NONE);
	par.policy = STIMER_POLICY_US;
	par.min_se = 120;
	stimer_invite(&par, 3600, &h);
	assert_int_equal(h.se, 3600);
	assert_int_equal(h.min_se, 3600);
	assert_int_equal(h.refresher, UAC);
	par.policy = STIMER_POLICY_PEER;
	stimer_invite(&par, 0, &h);
	assert_int_equal(h.min_se, 120);
	assert_int_equal(h.refresher, UAS);
	for (uint32_t ttl = 1; ttl < 90; ttl++) {
		par.ttl = ttl;
		par.min_se = ttl;
		stimer_invite(&par, 0, &h);
		assert_true(h.se >= 90 && h.se >= h.min_se);
	}
}

/* ST-19, ST-20, B2B-03: 422 to the first INVITE. */
static void test_raise(void **state)
{
	uint32_t min_se = 0;

	assert_true(stimer_raise(&defaults, 600, 3600, 1, &min_se));
	assert_int_equal(min_se, 3600);
	assert_true(stimer_raise(&defaults, 3600, 7200, 2, &min_se));
	assert_int_equal(min_se, 7200);
	assert_false(stimer_raise(&defaults, 600, 3600, 3, &min_se)); /* three tries are enough */
	assert_false(stimer_raise(&defaults, 600, 0, 1, &min_se));    /* no Min-SE */
	assert_false(stimer_raise(&defaults, 600, 600, 1, &min_se));  /* already satisfied */
	assert_false(stimer_raise(&defaults, 600, 7201, 1, &min_se)); /* above our cap */
	assert_false(stimer_raise(&defaults, 600, UINT32_MAX, 1, &min_se));
	assert_int_equal(min_se, 7200);
}

struct answer_row {
	bool timer;
	uint32_t se, min_se;
	uint8_t refresher;
	/* expected */
	uint32_t answered;
	uint8_t by;
	bool require;
	uint8_t role;
};

/* RFC 4028 table 2: ST-32 to ST-38. */
static void test_answer_table(void **state)
{
	static const struct answer_row row[] = {
		{false, 1800, 0, NONE, 600, UAS, false, STIMER_US}, /* ST-32 */
		{false, 1800, 0, UAC, 600, UAS, false, STIMER_US},  /* ST-33 */
		{false, 1800, 0, UAS, 600, UAS, false, STIMER_US},  /* ST-33 */
		{true, 1800, 0, NONE, 600, UAS, true, STIMER_US},   /* ST-34 */
		{true, 1800, 0, UAC, 600, UAC, true, STIMER_PEER},  /* ST-35 */
		{true, 1800, 0, UAS, 600, UAS, true, STIMER_US},    /* ST-36 */
		{true, 300, 0, NONE, 300, UAS, true, STIMER_US},    /* ST-37 */
		{true, 90, 0, UAC, 90, UAC, true, STIMER_PEER},     /* ST-37 */
		{true, 1800, 1200, UAC, 1200, UAC, true, STIMER_PEER},
		{true, 0, 0, NONE, 600, UAS, true, STIMER_US},     /* ST-38 */
		{true, 0, 3600, NONE, 3600, UAS, true, STIMER_US}, /* ST-38 */
		{true, 0, 7200, NONE, 7200, UAS, true, STIMER_US},
		{false, 0, 0, NONE, 0, NONE, false, STIMER_OFF},     /* ST-38 */
		{false, 0, 600, NONE, 0, NONE, false, STIMER_OFF},   /* ST-29 */
		{false, 600, 600, NONE, 600, UAS, false, STIMER_US}, /* ST-28 */
		{false, 60, 0, NONE, 0, NONE, false, STIMER_OFF},    /* ST-39: not rejected */
		{true, UINT32_MAX, 0, UAC, 600, UAC, true, STIMER_PEER},
		{true, UINT32_MAX, UINT32_MAX, UAC, 0, NONE, false, STIMER_US}, /* EXP-11 */
		{true, 90, 600, UAC, 90, UAC, true, STIMER_PEER}, /* contradictory: never above */
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct stimer_headers request = {.timer = row[i].timer,
			.has_se = row[i].se != 0,
			.se = row[i].se,
			.min_se = row[i].min_se,
			.refresher = row[i].refresher};
		struct stimer_answer ans;

		stimer_answer(&defaults, NULL, &request, &ans);
		assert_int_equal(ans.code, 0);
		assert_int_equal(ans.se, row[i].answered);
		assert_int_equal(ans.refresher, row[i].by);
		assert_int_equal(ans.require, row[i].require);
		assert_int_equal(ans.terms.role, row[i].role);
		assert_int_equal(ans.terms.timer, row[i].timer);
		assert_int_equal(ans.terms.interval, ans.se ? ans.se : 600);
	}
}

/* ST-37 over a grid: never above theirs, never under their Min-SE nor 90. */
static void test_answer_bounds(void **state)
{
	static const uint32_t values[] = {0, 1, 89, 90, 91, 600, 601, 7200, 7201, UINT32_MAX};
	size_t n = sizeof(values) / sizeof(values[0]);

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++) {
			for (int timer = 0; timer < 2; timer++) {
				struct stimer_headers request = {.timer = timer,
					.has_se = true,
					.se = values[i],
					.min_se = values[j]};
				struct stimer_answer ans;

				stimer_answer(&defaults, NULL, &request, &ans);
				if (ans.code) {
					assert_true(timer && values[i] < 90);
					continue;
				}
				if (ans.se == 0)
					continue;
				assert_true(ans.se <= values[i]);
				assert_true(ans.se >= 90);
				if (values[i] >= values[j])
					assert_true(ans.se >= values[j]);
			}
		}
	}
}

/* ST-05, ST-39: 422 only to those who can recover; it always names Min-SE; nothing changes. */
static void test_too_small(void **state)
{
	struct stimer_params par = defaults;
	struct stimer st = {.role = STIMER_PEER, .interval = 600, .timer = true};
	struct stimer_headers request = {.timer = true, .has_se = true, .se = 89, .min_se = 0};
	struct stimer_answer ans;

	stimer_answer(&par, NULL, &request, &ans);
	assert_int_equal(ans.code, 422);
	assert_int_equal(ans.min_se, 90);
	request.se = 0; /* "Session-Expires: 0" is a header too */
	stimer_answer(&par, NULL, &request, &ans);
	assert_int_equal(ans.code, 422);
	par.min_se = 120;
	request.se = 90;
	request.min_se = 7000;
	stimer_answer(&par, &st, &request, &ans);
	assert_int_equal(ans.code, 422);
	assert_int_equal(ans.min_se, 120);
	assert_int_equal(st.min_se, 0);
	request.timer = false;
	request.min_se = 0;
	stimer_answer(&par, NULL, &request, &ans);
	assert_int_equal(ans.code, 0);
	assert_int_equal(ans.se, 90);
}

/* Their Min-SE is not compared with ours (the sstCheckMin mistake: 422 to a fine interval). */
static void test_min_se_absent(void **state)
{
	struct stimer_params par = defaults;
	struct stimer_headers request = {.timer = true, .has_se = true, .se = 1800};
	struct stimer_answer ans;

	par.min_se = 600;
	par.ttl = 900;
	stimer_answer(&par, NULL, &request, &ans);
	assert_int_equal(ans.code, 0);
	assert_int_equal(ans.se, 900);
}

/* ST-34: the policy where the request leaves it open. */
static void test_policy(void **state)
{
	struct stimer_params par = defaults;
	struct stimer_headers request = {.timer = true, .has_se = true, .se = 600};
	struct stimer_answer ans;

	par.policy = STIMER_POLICY_PEER;
	stimer_answer(&par, NULL, &request, &ans);
	assert_int_equal(ans.refresher, UAC);
	assert_int_equal(ans.terms.role, STIMER_PEER);
	par.policy = STIMER_POLICY_US;
	stimer_answer(&par, NULL, &request, &ans);
	assert_int_equal(ans.refresher, UAS);
}

/* ST-40, B2B-06: a request in the dialog without Session-Expires does not lose the watch, does not
 * lengthen it, and does not change who refreshes. */
static void test_bare_request(void **state)
{
	struct stimer st = {.role = STIMER_PEER, .interval = 120, .timer = true};
	struct stimer_headers request = {.timer = true};
	struct stimer_answer ans;

	stimer_answer(&defaults, &st, &request, &ans);
	assert_int_equal(ans.se, 120);
	assert_int_equal(ans.refresher, UAC);
	assert_int_equal(ans.terms.role, STIMER_PEER);
	st.role = STIMER_US;
	stimer_answer(&defaults, &st, &request, &ans);
	assert_int_equal(ans.refresher, UAS);
	assert_int_equal(ans.terms.role, STIMER_US);
	request.timer = false; /* not even Supported: timer */
	stimer_answer(&defaults, &st, &request, &ans);
	assert_int_equal(ans.se, 0);
	assert_false(ans.require);
	assert_int_equal(ans.terms.role, STIMER_US);
	assert_int_equal(ans.terms.interval, 120);
	assert_true(ans.terms.timer);
}

/* ST-21: the Min-SE of a refresh request is remembered for ours. */
static void test_learns_min_se(void **state)
{
	struct stimer st = {.role = STIMER_US, .interval = 600, .timer = true};
	struct stimer_headers request = {.timer = true, .has_se = true, .se = 600, .min_se = 200};
	struct stimer_answer ans;

	stimer_answer(&defaults, &st, &request, &ans);
	assert_int_equal(st.min_se, 200);
	request.min_se = 150;
	stimer_answer(&defaults, &st, &request, &ans);
	assert_int_equal(st.min_se, 200);
}

/* ST-23: U asks for `uas` on a call on which we refresh: we answer `uas` and go on. */
static void test_refresher_is_relative(void **state)
{
	struct stimer st = {.role = STIMER_US, .interval = 600, .timer = true};
	struct stimer_headers request = {
		.timer = true, .has_se = true, .se = 600, .refresher = UAS};
	struct stimer_answer ans;

	stimer_answer(&defaults, &st, &request, &ans);
	assert_int_equal(ans.refresher, UAS);
	assert_int_equal(ans.terms.role, STIMER_US);
	request.refresher = UAC; /* he takes it over (freeswitch#2199) */
	stimer_answer(&defaults, &st, &request, &ans);
	assert_int_equal(ans.refresher, UAC);
	assert_int_equal(ans.terms.role, STIMER_PEER);
}

struct accept_row {
	bool has_se;
	uint32_t se;
	uint8_t refresher;
	bool timer, require;
	uint8_t sent;
	/* expected */
	uint8_t role;
	uint32_t interval;
	bool supports;
};

/* ST-10 to ST-13, ST-18, ST-30, EXP-11: what a 2xx means. */
static void test_accept(void **state)
{
	static const struct accept_row row[] = {
		{true, 90, UAC, true, true, NONE, STIMER_US, 90, true},      /* ST-10 */
		{true, 90, UAS, true, true, NONE, STIMER_PEER, 90, true},    /* ST-10 */
		{true, 300, UAC, false, true, NONE, STIMER_US, 300, true},   /* ST-30: a proxy's */
		{true, 300, NONE, false, false, NONE, STIMER_US, 300, true}, /* drachtio#126 */
		{true, 300, NONE, false, false, UAS, STIMER_PEER, 300, true},
		{false, 0, NONE, false, false, UAC, STIMER_OFF, 600, false}, /* ST-12 */
		{false, 0, NONE, true, false, UAC, STIMER_US, 600, true},
		{false, 0, NONE, false, true, UAC, STIMER_US, 600, true},
		{true, 30, UAC, true, true, NONE, STIMER_US, 30, true}, /* ST-18 */
		{true, 0, UAC, true, true, NONE, STIMER_US, 1, true},
		{true, UINT32_MAX, UAC, true, true, NONE, STIMER_US, 7200, true}, /* EXP-11 */
		{true, UINT32_MAX, UAS, true, true, NONE, STIMER_PEER, 7200, true},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct stimer_headers response = {.has_se = row[i].has_se,
			.se = row[i].se,
			.refresher = row[i].refresher,
			.timer = row[i].timer,
			.require = row[i].require};
		struct stimer_terms terms;

		stimer_accept(&defaults, &response, row[i].sent, 0, &terms);
		assert_int_equal(terms.role, row[i].role);
		assert_int_equal(terms.interval, row[i].interval);
		assert_int_equal(terms.timer, row[i].supports);
	}
}

/* no_timer_probe = refresh: a leg without timer is refreshed as if it had it (ST-12). */
static void test_probe_refresh(void **state)
{
	struct stimer_params par = defaults;
	struct stimer_headers none = {0};
	struct stimer_answer ans;
	struct stimer_terms terms;

	par.no_timer = STIMER_PROBE_REFRESH;
	stimer_accept(&par, &none, NONE, 0, &terms);
	assert_int_equal(terms.role, STIMER_US);
	assert_int_equal(terms.interval, 600);
	assert_false(terms.timer);
	stimer_accept(&par, &none, NONE, 1800, &terms);
	assert_int_equal(terms.interval, 1800);
	stimer_answer(&par, NULL, &none, &ans);
	assert_int_equal(ans.se, 0);
	assert_int_equal(ans.terms.role, STIMER_US);
	assert_false(ans.terms.timer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_invite),
		cmocka_unit_test(test_raise),
		cmocka_unit_test(test_answer_table),
		cmocka_unit_test(test_answer_bounds),
		cmocka_unit_test(test_too_small),
		cmocka_unit_test(test_min_se_absent),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_bare_request),
		cmocka_unit_test(test_learns_min_se),
		cmocka_unit_test(test_refresher_is_relative),
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_probe_refresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
