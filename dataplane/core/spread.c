/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/spread.h"

#include <errno.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_ring_peek.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <stdlib.h>

#define SPREAD_RING     1024 /* frames on their way to a worker, from all owners of a queue */
#define SPREAD_RING_MIN 64u
#define SPREAD_DONE     UINT16_MAX

/* Rings of at least `room` frames in one piece of memory: DPDK has not as many named ones as many
 * workers need. NULL without memory, or if there are none to make. */
static void *spread_rings(struct rte_ring **rings, unsigned int count, unsigned int room)
{
	unsigned int slots = RTE_MAX(rte_align32prevpow2(room), SPREAD_RING_MIN);
	size_t size = RTE_CACHE_LINE_ROUNDUP((size_t)rte_ring_get_memsize(slots));
	char *memory = count ? rte_malloc("spread", count * size, RTE_CACHE_LINE_SIZE) : NULL;

	for (unsigned int i = 0; memory && i < count; i++) {
		rings[i] = (struct rte_ring *)(memory + i * size);
		rte_ring_init(rings[i], "spread", slots, RING_F_SP_ENQ | RING_F_SC_DEQ);
	}
	return memory;
}

int spread_open(struct spread **out, uint16_t workers, uint16_t rx_queues, uint16_t tx_queues)
{
	struct spread *s = calloc(1, sizeof(*s));
	unsigned int pairs = rx_queues < workers ? (unsigned int)rx_queues * workers : 0;
	unsigned int poor = tx_queues < workers ? (unsigned int)(workers - tx_queues) : 0;

	if (!s)
		return -ENOMEM;
	*s = (struct spread){.workers = workers, .rx_queues = rx_queues, .tx_queues = tx_queues};
	s->rx = calloc(pairs + 1, sizeof(struct rte_ring *));
	s->tx = calloc(workers, sizeof(struct rte_ring *));
	if (!s->rx || !s->tx)
		goto fail;
	s->rx_memory = spread_rings(s->rx, pairs, SPREAD_RING / RTE_MAX(rx_queues, 1u));
	s->tx_memory = spread_rings(s->tx + workers - poor, poor, SPREAD_RING / 2);
	if ((pairs && !s->rx_memory) || (poor && !s->tx_memory))
		goto fail;
	*out = s;
	return 0;
fail:
	spread_close(s);
	return -ENOMEM;
}

static void spread_drain_ring(struct rte_ring *ring)
{
	struct rte_mbuf *mbuf;

	while (ring && rte_ring_sc_dequeue(ring, (void **)&mbuf) == 0)
		rte_pktmbuf_free(mbuf);
}

void spread_drain(struct spread *s)
{
	for (unsigned int i = 0; s->rx && s->rx[i]; i++)
		spread_drain_ring(s->rx[i]);
	for (unsigned int i = 0; s->tx && i < s->workers; i++)
		spread_drain_ring(s->tx[i]);
}

void spread_close(struct spread *s)
{
	if (!s)
		return;
	spread_drain(s);
	rte_free(s->rx_memory);
	rte_free(s->tx_memory);
	free(s->rx);
	free(s->tx);
	free(s);
}

/* RTP and RTCP ports differ in the lowest bit. */
static uint32_t spread_ports(const struct rte_udp_hdr *udp)
{
	return (rte_be_to_cpu_16(udp->src_port) >> 1) + (rte_be_to_cpu_16(udp->dst_port) >> 1);
}

static uint32_t spread_ip4(const struct rte_ipv4_hdr *ip, uint16_t len)
{
	uint16_t header = rte_ipv4_hdr_len(ip);
	uint32_t ports = 0;

	/* Fragments stay together, since only the first has ports. */
	if (ip->next_proto_id == IPPROTO_UDP && len >= header + sizeof(struct rte_udp_hdr) &&
		!(ip->fragment_offset &
			rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)))
		ports = spread_ports((const void *)((const uint8_t *)ip + header));
	return (ip->src_addr ^ ip->dst_addr) + ports * 0x85ebca6bu;
}

static uint32_t spread_ip6(const struct rte_ipv6_hdr *ip, uint16_t len)
{
	uint32_t word[8], ports = 0;

	memcpy(word, ip->src_addr, sizeof(word));
	if (ip->proto == IPPROTO_UDP && len >= sizeof(*ip) + sizeof(struct rte_udp_hdr))
		ports = spread_ports((const void *)(ip + 1));
	for (int i = 0; i < 4; i++)
		ports = ports * 0x85ebca6bu + (word[i] ^ word[i + 4]);
	return ports;
}

uint16_t spread_target(const struct rte_mbuf *mbuf, uint16_t workers)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(mbuf, const struct rte_ether_hdr *);
	const uint8_t *at = (const uint8_t *)(eth + 1);
	uint16_t type = eth->ether_type, len = mbuf->data_len;
	uint32_t hash = 0;

	if (type == rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN) &&
		len >= sizeof(*eth) + sizeof(struct rte_vlan_hdr)) {
		type = ((const struct rte_vlan_hdr *)at)->eth_proto;
		at += sizeof(struct rte_vlan_hdr);
	}
	len = (uint16_t)(len - (at - (const uint8_t *)eth));
	if (type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) && len >= sizeof(struct rte_ipv4_hdr))
		hash = spread_ip4((const struct rte_ipv4_hdr *)at, len);
	else if (type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6) &&
		len >= sizeof(struct rte_ipv6_hdr))
		hash = spread_ip6((const struct rte_ipv6_hdr *)at, len);
	hash = (hash ^ hash >> 15) * 0x9e3779b1u;
	return (uint16_t)((uint64_t)(hash ^ hash >> 16) * workers >> 32);
}

static void spread_enqueue(
	struct worker *w, struct rte_ring *ring, struct rte_mbuf **mbufs, uint16_t n)
{
	unsigned int taken = rte_ring_sp_enqueue_burst(ring, (void **)mbufs, n, NULL);

	if (unlikely(taken < n)) {
		w->count->drop[FACTS_DROP_WORKER_FULL] += n - taken;
		rte_pktmbuf_free_bulk(mbufs + taken, n - taken);
	}
}

/* Frames of other workers leave; what is this worker's comes first in mbufs. Returns how many. */
static uint16_t spread_hand(
	struct worker *w, const struct spread *s, struct rte_mbuf **mbufs, uint16_t n)
{
	struct rte_ring **to = &s->rx[w->index * s->workers];
	struct rte_mbuf *group[WORKER_BURST];
	uint16_t target[WORKER_BURST], kept = 0;

	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
	for (uint16_t i = 0; i < n; i++)
		target[i] = mbufs[i]->data_len < sizeof(struct rte_ether_hdr)
			? w->index
			: spread_target(mbufs[i], s->workers);
	for (uint16_t i = 0; i < n; i++) {
		uint16_t count = 0, which = target[i];

		if (which == SPREAD_DONE)
			continue;
		if (which == w->index) {
			mbufs[kept++] = mbufs[i];
			continue;
		}
		for (uint16_t j = i; j < n; j++) {
			if (target[j] != which)
				continue;
			group[count++] = mbufs[j];
			target[j] = SPREAD_DONE;
		}
		spread_enqueue(w, to[which], group, count);
	}
	return kept;
}

/* Sends for the workers without a Tx queue; what the device does not take stays in their rings. */
static void spread_transmit(struct worker *w, const struct worker_port *p, const struct spread *s)
{
	struct rte_mbuf *mbufs[WORKER_BURST];

	for (unsigned int i = w->index + s->tx_queues; i < s->workers; i += s->tx_queues) {
		unsigned int n = rte_ring_dequeue_burst_start(
			s->tx[i], (void **)mbufs, WORKER_BURST, NULL);

		if (n == 0)
			continue;
		n = rte_eth_tx_burst(p->id, p->queue, mbufs, (uint16_t)n);
		rte_ring_dequeue_finish(s->tx[i], n);
		w->work += n;
	}
}

static uint16_t spread_receive(struct worker *w, const struct worker_port *p,
	const struct spread *s, struct rte_mbuf **mbufs)
{
	uint16_t n = rte_eth_rx_burst(p->id, p->queue, mbufs, WORKER_BURST);

	w->count->rx += n;
	w->taken += n;
	w->work += n;
	return s->rx_queues < s->workers ? spread_hand(w, s, mbufs, n) : n;
}

uint16_t spread_turn(struct worker *w, const struct worker_port *p, struct rte_mbuf **mbufs)
{
	const struct spread *s = p->spread;
	unsigned int n = 0, own;

	if (w->index < s->tx_queues)
		spread_transmit(w, p, s);
	if (w->index < s->rx_queues)
		n = spread_receive(w, p, s, mbufs);
	if (s->rx_queues == s->workers)
		return (uint16_t)n;
	own = n;
	for (unsigned int from = 0; from < s->rx_queues && n < WORKER_BURST; from++) {
		if (from == w->index)
			continue;
		n += rte_ring_sc_dequeue_burst(s->rx[from * s->workers + w->index],
			(void **)(mbufs + n), WORKER_BURST - n, NULL);
	}
	w->taken += n - own;
	return (uint16_t)n;
}

uint16_t spread_send(
	const struct worker *w, const struct worker_port *p, struct rte_mbuf **mbufs, uint16_t n)
{
	return (uint16_t)rte_ring_sp_enqueue_burst(
		p->spread->tx[w->index], (void **)mbufs, n, NULL);
}
