/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/stimer_nego.h"

#include <string.h>

#define RAISE_TRIES 3 /* ST-20 */

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t own_min_se(const struct stimer_params *par)
{
	return larger(par->min_se, STIMER_FLOOR);
}

/* Nothing was negotiated: we watch alone, if the party may be refreshed at all (ST-12, ST-13). */
static void watch_alone(
	const struct stimer_params *par, bool timer, uint32_t interval, struct stimer_terms *terms)
{
	terms->timer = timer;
	terms->role = timer || par->no_timer == STIMER_PROBE_REFRESH ? STIMER_US : STIMER_OFF;
	terms->interval = interval;
}

static uint32_t own_se(const struct stimer_params *par, uint32_t min_se)
{
	return larger(larger(par->ttl, own_min_se(par)), min_se);
}

void stimer_invite(const struct stimer_params *par, uint32_t min_se, struct stimer_headers *out)
{
	memset(out, 0, sizeof(*out));
	out->has_se = true;
	out->timer = true;
	out->se = own_se(par, min_se);
	out->min_se = larger(min_se, par->min_se > STIMER_FLOOR ? par->min_se : 0);
	if (par->policy == STIMER_POLICY_US)
		out->refresher = STIMER_REFRESHER_UAC;
	else if (par->policy == STIMER_POLICY_PEER)
		out->refresher = STIMER_REFRESHER_UAS;
}

bool stimer_raise(const struct stimer_params *par, uint32_t sent_se, uint32_t got_min_se,
	unsigned int tries, uint32_t *min_se)
{
	if (tries >= RAISE_TRIES || got_min_se <= sent_se || got_min_se > stimer_cap(par))
		return false;
	*min_se = larger(*min_se, got_min_se);
	return true;
}

/* What we would like: our TTL, but no more than is in force, since a request that leaves the timer
 * out must not lengthen the watch; and no less than anybody's minimum. */
static uint32_t wanted_se(const struct stimer_params *par, const struct stimer *st,
	const struct stimer_headers *request)
{
	uint32_t se = par->ttl;

	if (!request->has_se && st && st->role != STIMER_OFF && st->interval < se)
		se = st->interval;
	se = larger(se, own_min_se(par));
	return request->min_se > stimer_cap(par) ? se : larger(se, request->min_se);
}

/* The interval of our 2xx: theirs or less, as near to ours as their Min-SE lets us; 0 = none can be
 * given (ST-37, EXP-11). */
static uint32_t answer_se(const struct stimer_params *par, const struct stimer *st,
	const struct stimer_headers *request)
{
	uint32_t se = wanted_se(par, st, request);

	if (request->min_se > stimer_cap(par) || (!request->has_se && !request->timer))
		return 0;
	if (request->has_se && request->se < se)
		se = request->se;
	return se < STIMER_FLOOR ? 0 : se;
}

static uint8_t answer_refresher(const struct stimer_params *par, const struct stimer *st,
	const struct stimer_headers *request)
{
	if (!request->timer)
		return STIMER_REFRESHER_UAS;
	if (request->refresher != STIMER_REFRESHER_NONE)
		return request->refresher;
	if (st && st->role != STIMER_OFF)
		return st->role == STIMER_PEER ? STIMER_REFRESHER_UAC : STIMER_REFRESHER_UAS;
	return par->policy == STIMER_POLICY_PEER ? STIMER_REFRESHER_UAC : STIMER_REFRESHER_UAS;
}

void stimer_answer(const struct stimer_params *par, struct stimer *st,
	const struct stimer_headers *request, struct stimer_answer *ans)
{
	/* Once a timer peer, always one: a bare re-INVITE does not end the watch (ST-40). */
	bool timer = request->timer || (st && st->timer);

	memset(ans, 0, sizeof(*ans));
	if (request->timer && request->has_se && request->se < own_min_se(par)) {
		ans->code = 422;
		ans->min_se = own_min_se(par);
		return;
	}
	if (st)
		stimer_learn_min_se(st, par, request->min_se);
	ans->se = answer_se(par, st, request);
	if (ans->se == 0) {
		watch_alone(par, timer, wanted_se(par, st, request), &ans->terms);
		return;
	}
	ans->refresher = answer_refresher(par, st, request);
	ans->require = request->timer;
	ans->terms.timer = timer;
	ans->terms.interval = ans->se;
	ans->terms.role = ans->refresher == STIMER_REFRESHER_UAC ? STIMER_PEER : STIMER_US;
}

void stimer_accept(const struct stimer_params *par, const struct stimer_headers *response,
	enum stimer_refresher sent_refresher, uint32_t min_se, struct stimer_terms *terms)
{
	uint8_t refresher = response->refresher;

	memset(terms, 0, sizeof(*terms));
	if (!response->has_se) {
		watch_alone(par, response->timer || response->require, own_se(par, min_se), terms);
		return;
	}
	if (refresher == STIMER_REFRESHER_NONE)
		refresher = (uint8_t)sent_refresher;
	terms->timer = true;
	terms->role = refresher == STIMER_REFRESHER_UAS ? STIMER_PEER : STIMER_US;
	terms->interval = response->se ? response->se : 1;
	if (terms->interval > stimer_cap(par))
		terms->interval = stimer_cap(par);
}
