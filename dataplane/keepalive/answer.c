/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/keepalive/context.h"

/* The binding that the probe names is at the source of the answer, and the tag is ours. */
static bool answer_is_true(
	const struct worker *w, const struct addr *source, const struct probe *probe, uint64_t key)
{
	const struct keepalive *ka = w->keepalive;
	uint8_t gen = (uint8_t)(key >> 8);
	uint32_t ip = 0;

	if (source->family == ADDR_IPV4)
		memcpy(&ip, source->ip, sizeof(ip));
	else if (!ka->ip6 || memcmp(ka->ip6[probe->id].ip, source->ip, 16) != 0)
		return false;
	return key == pulse_key(ip, rte_cpu_to_be_16(source->port), gen, source->family) &&
		probe->tag == tag_of(&ka->tag, probe->id, probe->stamp, gen);
}

static void answer_count(struct worker *w, uint32_t us)
{
	w->count->answers++;
	w->count->round_trip[facts_place(us, FACTS_ROUND_TRIPS)]++;
}

bool keepalive_answer(
	struct worker *w, const struct addr *source, const uint8_t *data, uint16_t len)
{
	struct keepalive *ka = w->keepalive;
	enum probe_verdict verdict;
	struct probe probe;
	uint32_t us;

	if (!__atomic_load_n(&ka->probing, __ATOMIC_RELAXED))
		return false;
	verdict = probe_parse(data, len, &probe);
	if (verdict == PROBE_OTHER)
		return false;
	if (verdict == PROBE_ANSWER && probe.id < ka->conf.bindings) {
		us = (uint32_t)timebase_us(w->timebase, w->now_tsc) - probe.stamp;
		if (us <= PROBE_ANSWER_US &&
			answer_is_true(w, source, &probe,
				__atomic_load_n(&ka->pulse[probe.id].key, __ATOMIC_ACQUIRE))) {
			answer_count(w, us);
			pulse_heard(w, probe.id);
			return true;
		}
	}
	w->count->answers_refused++;
	return true;
}
