/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/media/media.h"

#include "dataplane/core/ring.h"
#include "dataplane/media/context.h"
#include "dataplane/media/hold.h"

#include <errno.h>
#include <stdlib.h>

static int media_open_monitors(struct media *m)
{
	const struct media_conf *conf = &m->conf;

	if (conf->monitors == 0)
		return 0;
	m->side = mem_get(conf->mem, conf->monitors * sizeof(*m->side), "the monitored flows");
	if (!m->side)
		return -ENOMEM;
	return tagmap_open(&m->monitors, conf->mem, media_monitor_keys(conf->monitors),
		"the monitored destinations");
}

static int media_open_tables(struct media *m)
{
	const struct media_conf *conf = &m->conf;
	int err = claims_open(&m->claims, conf->qsbr, conf->flows);

	if (err)
		return err;
	m->cold = mem_get(conf->mem, conf->flows * sizeof(*m->cold), "the flows");
	m->flow = mem_get(conf->mem, m->total * sizeof(*m->flow), "the flows");
	m->expires = mem_get(conf->mem, due_size(m->total), "their expiry");
	m->due = mem_get(conf->mem, due_size(m->total), "their clocks");
	m->hold = mem_get(conf->mem, due_size(conf->flows), "their keep-alives");
	m->learnt = calloc(conf->worker_count, sizeof(*m->learnt));
	if (!m->cold || !m->flow || !m->expires || !m->due || !m->hold || !m->learnt)
		return -ENOMEM;
	for (unsigned int i = 0; i < conf->worker_count; i++) {
		m->learnt[i] = ring_open("learnt", sizeof(struct learnt), MEDIA_LEARNT_RING);
		if (!m->learnt[i])
			return -ENOMEM;
	}
	return media_open_monitors(m);
}

int media_open(struct media **media, const struct media_conf *conf)
{
	struct media *m = calloc(1, sizeof(*m));
	int err;

	*media = m;
	if (!m)
		return -ENOMEM;
	m->conf = *conf;
	m->monitor_first = media_monitor_first(conf->flows);
	m->total = media_total(conf->flows, conf->monitors);
	m->record = conf->facts->flow;
	m->heard_rtcp = conf->facts->flow_rtcp;
	m->quality = conf->facts->flow_quality;
	err = media_open_tables(m);
	if (err) {
		media_close(m);
		*media = NULL;
		return err;
	}
	for (unsigned int i = 0; i < conf->worker_count; i++)
		conf->workers[i].media = m;
	return 0;
}

void media_close(struct media *m)
{
	const struct mem *mem;
	uint32_t n;

	if (!m)
		return;
	mem = m->conf.mem;
	n = m->conf.flows;
	for (unsigned int i = 0; m->learnt && i < m->conf.worker_count; i++)
		ring_close(m->learnt[i]);
	free(m->learnt);
	claims_close(&m->claims);
	mem_put(mem, m->ip6, n * sizeof(*m->ip6));
	mem_put(mem, m->hold, due_size(n));
	mem_put(mem, m->due, due_size(m->total));
	mem_put(mem, m->expires, due_size(m->total));
	mem_put(mem, m->flow, m->total * sizeof(*m->flow));
	tagmap_close(&m->monitors);
	mem_put(mem, m->side, m->conf.monitors * sizeof(*m->side));
	mem_put(mem, m->cold, n * sizeof(*m->cold));
	free(m);
}

/* Before a worker can see the first IPv6 flow. */
static int media_open_ip6(struct media *m)
{
	if (!m->ip6)
		m->ip6 = mem_get(m->conf.mem, m->conf.flows * sizeof(*m->ip6),
			"the addresses of IPv6 flows");
	return m->ip6 ? 0 : -ENOMEM;
}

int media_addr_claim(struct media *m, uint32_t slot, const struct proto_media_addr *range,
	struct proto_media_ready *ready)
{
	const struct claim *claim;
	int index;

	if (range->local.family == ADDR_IPV6 && media_open_ip6(m))
		return -ENOMEM;
	index = claims_add(&m->claims, slot, range);
	if (index < 0)
		return index;
	claim = &m->claims.claim[index];
	for (uint32_t i = 0; i < claim->slots; i++)
		m->flow[claim->base + i].claim = (uint16_t)index;
	*ready = (struct proto_media_ready){
		.local = claim->local,
		.port_min = claim->port_min,
		.port_max = claim->port_max,
		.base = claim->base,
		.slots = claim->slots,
	};
	return 0;
}

bool media_has_flow(const struct media *m, uint32_t slot, uint32_t id, uint32_t gen)
{
	return (id < m->claims.used || media_is_monitor(m, id)) && media_client_of(m, id) == slot &&
		m->flow[id].state & FLOW_ACTIVE && m->flow[id].gen == gen;
}

static void media_hear(struct media *m, uint64_t now_ms)
{
	struct learnt learnt;

	for (unsigned int i = 0; i < m->conf.worker_count; i++)
		for (int n = 0; n < MEDIA_LEARNT_RING &&
			rte_ring_sc_dequeue_elem(m->learnt[i], &learnt, sizeof(learnt)) == 0;
			n++)
			flow_learnt(m, &learnt, now_ms);
}

void media_tick(struct media *m, uint64_t now_ms)
{
	media_hear(m, now_ms);
	silence_scan(m, now_ms);
	hold_scan(m, clock_tick(now_ms));
	flow_walk(m, now_ms);
	claims_tick(&m->claims);
}

bool media_is_busy(const struct media *m)
{
	return m->conf.facts->head->flows_used > 0;
}

void media_reroute(struct media *m)
{
	m->reroute_left = m->total;
}
