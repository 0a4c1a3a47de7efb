/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/media/hold.h"
#include "dataplane/media/quality.h"
#include "dataplane/media/relay.h"

#define HOLD_TTL         64
#define HOLD_VERSION     0x80 /* of RTP and RTCP, nothing else in the byte */
#define HOLD_RECEIVER    201  /* RTCP receiver report */
#define HOLD_INDICATION  0x0011
#define HOLD_STUN_COOKIE 0x2112a442

struct hold_rtp {
	uint8_t version, type;
	rte_be16_t seq;
	rte_be32_t time, ssrc;
};

struct hold_rtcp {
	uint8_t version, type;
	rte_be16_t words;
	rte_be32_t ssrc;
};

struct hold_stun {
	rte_be16_t type, len;
	rte_be32_t cookie, slot;
	uint64_t id;
} __attribute__((packed));

/* Behind the Ethernet header of what is made. */
struct hold_packet {
	uint8_t *ip;
	struct rte_udp_hdr *udp;
	uint16_t len; /* of UDP's payload */
};

static uint16_t hold_write_rtp(struct worker *w, const struct hold_order *order, void *at)
{
	const struct facts_flow *c = &w->media->record[order->id].count;
	uint32_t rate = quality_rate(&w->media->record[order->id], &w->media->quality[order->id]);
	uint64_t now = quality_arrival(w->timebase, w->now_tsc) * rate / QUALITY_SECOND;
	const struct hold_rtp rtp = {
		.version = HOLD_VERSION,
		.type = order->type,
		.seq = rte_cpu_to_be_16((uint16_t)c->seq),
		.time = rte_cpu_to_be_32((uint32_t)now - c->transit),
		.ssrc = rte_cpu_to_be_32(c->ssrc),
	};

	memcpy(at, &rtp, sizeof(rtp));
	return sizeof(rtp);
}

static uint16_t hold_write_rtcp(struct worker *w, const struct hold_order *order, void *at)
{
	const struct hold_rtcp rtcp = {
		.version = HOLD_VERSION,
		.type = HOLD_RECEIVER,
		.words = rte_cpu_to_be_16(sizeof(rtcp) / 4 - 1),
		.ssrc = rte_cpu_to_be_32(w->media->record[order->id].count.ssrc),
	};

	memcpy(at, &rtcp, sizeof(rtcp));
	return sizeof(rtcp);
}

/* Nobody answers an indication, so its id needs only to differ from the one before. */
static uint16_t hold_write_stun(struct worker *w, const struct hold_order *order, void *at)
{
	const struct hold_stun stun = {
		.type = rte_cpu_to_be_16(HOLD_INDICATION),
		.cookie = rte_cpu_to_be_32(HOLD_STUN_COOKIE),
		.slot = order->id,
		.id = w->now_tsc,
	};

	memcpy(at, &stun, sizeof(stun));
	return sizeof(stun);
}

static uint16_t hold_write(struct worker *w, const struct hold_order *order, void *at)
{
	bool heard = w->media->record[order->id].count.seq != 0;

	if (heard && order->form == HOLD_RTP)
		return hold_write_rtp(w, order, at);
	if (heard && order->form == HOLD_RTCP)
		return hold_write_rtcp(w, order, at);
	return hold_write_stun(w, order, at);
}

static void hold_finish4(const struct hold_packet *p, uint64_t from, uint64_t out)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)p->ip;

	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = relay_tos(0, from),
		.total_length = rte_cpu_to_be_16(
			(uint16_t)(sizeof(*ip) + sizeof(*p->udp) + p->len)),
		.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = HOLD_TTL,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = record_ip(from),
		.dst_addr = record_ip(out),
	};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	p->udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, p->udp);
}

static void hold_finish6(
	const struct hold_packet *p, const uint8_t src[16], const uint8_t dst[16], uint64_t from)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)p->ip;

	*ip = (struct rte_ipv6_hdr){
		.vtc_flow = rte_cpu_to_be_32(6u << 28 | (uint32_t)relay_tos(0, from) << 20),
		.payload_len = p->udp->dgram_len,
		.proto = IPPROTO_UDP,
		.hop_limits = HOLD_TTL,
	};
	memcpy(ip->src_addr, src, 16);
	memcpy(ip->dst_addr, dst, 16);
	p->udp->dgram_cksum = rte_ipv6_udptcp_cksum(ip, p->udp);
}

/* A frame of the order's form; `dst` is its address if it is IPv6. */
static void hold_make(struct worker *w, const struct hold_order *order, struct rte_mbuf *mbuf,
	uint64_t from, uint64_t out, const uint8_t dst[16], const struct nexthop_entry *nexthop)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(mbuf, struct rte_ether_hdr *);
	uint16_t header = order->v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	struct hold_packet p = {
		.ip = (uint8_t *)(eth + 1),
		.udp = (struct rte_udp_hdr *)((uint8_t *)(eth + 1) + header),
	};

	p.len = hold_write(w, order, p.udp + 1);
	*p.udp = (struct rte_udp_hdr){
		.src_port = record_port(from),
		.dst_port = record_port(out),
		.dgram_len = rte_cpu_to_be_16((uint16_t)(sizeof(*p.udp) + p.len)),
	};
	memcpy(eth, nexthop, 2 * RTE_ETHER_ADDR_LEN);
	eth->ether_type = rte_cpu_to_be_16(order->v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	if (order->v6)
		hold_finish6(&p, w->media->ip6[order->id].from, dst, from);
	else
		hold_finish4(&p, from, out);
	mbuf->data_len = (uint16_t)(sizeof(*eth) + header + sizeof(*p.udp) + p.len);
	mbuf->pkt_len = mbuf->data_len;
}

void hold_send(struct worker *w, const struct mail *mail)
{
	struct media *m = w->media;
	struct nexthop_entry nexthop;
	struct hold_order order;
	struct rte_mbuf *mbuf;
	uint8_t dst[16];
	uint64_t from, out;

	memcpy(&order, mail->arg, sizeof(order));
	from = record_load(&m->record[order.id].from);
	out = record_load(&m->record[order.id].out);
	/* The flow may have ended or changed on the way here. */
	if (out == 0 || __atomic_load_n(&m->cold[order.id].gen, __ATOMIC_RELAXED) != order.gen ||
		(order.v6 && !relay_out6(m, order.id, false, &out, dst)))
		return;
	if (!nexthop_load(w->nexthops, record_nexthop(out), &nexthop)) {
		w->count->drop[FACTS_DROP_NEXT_HOP]++;
		return;
	}
	mbuf = rte_pktmbuf_alloc(m->conf.pool);
	if (!mbuf) {
		w->count->drop[FACTS_DROP_NO_MBUF]++;
		return;
	}
	hold_make(w, &order, mbuf, from, out, dst, &nexthop);
	w->count->rtp_keepalives++;
	worker_tx(w, nexthop.port, mbuf);
}
