/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/capture.h"
#include "dataplane/keepalive/context.h"

/* The binding that the probe names is at the source of the answer, and the tag is ours. */
static bool answer_is_true(
	const struct worker *w, const struct addr *source, const struct probe *probe, uint64_t key)
{
	const struct keepalive *ka = w->keepalive;
	uint8_t gen = (uint8_t)(key >> 8);

	if (source->family != ADDR_IPV4 &&
		(!ka->ip6 || memcmp(ka->ip6[probe->id].ip, source->ip, 16) != 0))
		return false;
	return key ==
		pulse_key(addr_ip4(source), rte_cpu_to_be_16(source->port), gen, source->family) &&
		probe->tag == tag_of(&ka->tag, probe->id, probe->stamp, gen);
}

static void answer_count(struct worker *w, uint32_t us)
{
	w->count->answers++;
	w->count->round_trip[facts_place(us, FACTS_ROUND_TRIPS)]++;
}

/* One that is true is its binding's; another is that of whom it names and of whom it comes from. */
static void answer_capture(struct worker *w, const struct rte_mbuf *mbuf, const struct addr *source,
	const struct probe *probe, enum proto_frame_fate fate, uint32_t us)
{
	const struct keepalive *ka = w->keepalive;
	struct proto_frame frame;
	uint32_t places = 0;

	if (probe->id < ka->conf.bindings)
		places = capture_of_binding(w, probe->id,
			(uint8_t)(__atomic_load_n(&ka->pulse[probe->id].key, __ATOMIC_RELAXED) >>
				8));
	if (fate == PROTO_FRAME_REFUSED)
		places |= capture_of_device(w, source);
	if (!places)
		return;
	capture_take(w, &frame, rte_pktmbuf_mtod(mbuf, const void *), mbuf->data_len);
	frame.round_us = us;
	capture_give(w, places, &frame, fate);
}

/* True if the answer proves that the device lives; *us is its round trip then. */
static bool answer_proves(
	struct worker *w, const struct addr *source, const struct probe *probe, uint32_t *us)
{
	const struct keepalive *ka = w->keepalive;

	if (probe->id >= ka->conf.bindings)
		return false;
	*us = (uint32_t)timebase_us(w->timebase, w->now_tsc) - probe->stamp;
	return *us <= PROBE_ANSWER_US &&
		answer_is_true(w, source, probe,
			__atomic_load_n(&ka->pulse[probe->id].key, __ATOMIC_ACQUIRE));
}

bool keepalive_answer(struct worker *w, const struct rte_mbuf *mbuf, const struct addr *source,
	const uint8_t *data, uint16_t len)
{
	struct probe probe = {.id = UINT32_MAX};
	enum probe_verdict verdict;
	uint32_t us;
	bool proven;

	if (!__atomic_load_n(&w->keepalive->probing, __ATOMIC_RELAXED))
		return false;
	verdict = probe_parse(data, len, &probe);
	if (verdict == PROBE_OTHER)
		return false;
	proven = verdict == PROBE_ANSWER && answer_proves(w, source, &probe, &us);
	if (proven) {
		answer_count(w, us);
		pulse_heard(w, probe.id);
	} else {
		w->count->answers_refused++;
	}
	if (unlikely(capture_on(w, PROTO_CAPTURE_BINDING)))
		answer_capture(w, mbuf, source, &probe,
			proven ? PROTO_FRAME_ANSWER : PROTO_FRAME_REFUSED, proven ? us : 0);
	return true;
}
