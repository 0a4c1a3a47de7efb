/* SPDX-License-Identifier: BSD-3-Clause */
/* VLAN tags (802.1Q) of frames, and which VLANs of a device have an interface of ours in the
 * kernel. Frames are made untagged; the port of a VLAN tags them when they leave. */
#ifndef DATAPLANE_CORE_VLAN_H
#define DATAPLANE_CORE_VLAN_H

#include <rte_ether.h>
#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

#define VLAN_ID_MASK 0x0fff
#define VLAN_IDS     4096

/* Written by the main thread, read by workers. */
struct vlan_set {
	uint64_t word[VLAN_IDS / 64];
};

static inline bool vlan_has(const struct vlan_set *set, uint16_t id)
{
	return __atomic_load_n(&set->word[id / 64], __ATOMIC_RELAXED) >> id % 64 & 1;
}

static inline void vlan_put(struct vlan_set *set, uint16_t id, bool present)
{
	uint64_t bit = (uint64_t)1 << id % 64, word = set->word[id / 64];

	__atomic_store_n(&set->word[id / 64], present ? word | bit : word & ~bit, __ATOMIC_RELAXED);
}

/* The id in the tag of a frame that has one, and the type of what follows; -1 if it is cut short.
 */
static inline int vlan_id(const struct rte_mbuf *mbuf, rte_be16_t *type)
{
	const struct rte_vlan_hdr *tag = rte_pktmbuf_mtod_offset(
		mbuf, const struct rte_vlan_hdr *, sizeof(struct rte_ether_hdr));

	if (mbuf->data_len < sizeof(struct rte_ether_hdr) + sizeof(*tag))
		return -1;
	*type = tag->eth_proto;
	return rte_be_to_cpu_16(tag->vlan_tci) & VLAN_ID_MASK;
}

/* Puts a tag into a frame, in front of what it has: into the buffer's headroom. */
static inline void vlan_push(struct rte_mbuf *mbuf, rte_be16_t tci)
{
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	uint8_t *at = (uint8_t *)rte_pktmbuf_prepend(mbuf, sizeof(struct rte_vlan_hdr));
	const rte_be16_t type = rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN);

	static_assert(RTE_PKTMBUF_HEADROOM >= sizeof(struct rte_vlan_hdr), "room for a tag");
	memmove(at, frame, 2 * RTE_ETHER_ADDR_LEN);
	memcpy(at + 2 * RTE_ETHER_ADDR_LEN, &type, sizeof(type));
	memcpy(at + 2 * RTE_ETHER_ADDR_LEN + sizeof(type), &tci, sizeof(tci));
}

/* Takes the tag out again, of a frame that has one. The packet behind it stays where it is. */
static inline void vlan_pop(struct rte_mbuf *mbuf)
{
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);

	memmove(frame + sizeof(struct rte_vlan_hdr), frame, 2 * RTE_ETHER_ADDR_LEN);
	rte_pktmbuf_adj(mbuf, sizeof(struct rte_vlan_hdr));
}

#endif
