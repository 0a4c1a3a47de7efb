/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/capture.h"
#include "dataplane/keepalive/keepalive.h"
#include "dataplane/media/frag.h"
#include "dataplane/media/punt.h"
#include "dataplane/media/relay.h"
#include "dataplane/media/rtp.h"

#include <rte_prefetch.h>
#include <rte_vect.h>

#define CLASSIFY_FRAG6 44
#define CLASSIFY_PORTS 4 /* bytes of a UDP header that name its ports */
#define CLASSIFY_RTP   (sizeof(struct rte_udp_hdr) + RTP_HEADER)
#define CLASSIFY_QUICK_LEN \
	(sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) + CLASSIFY_RTP)

/* Payload of a UDP packet that is not media. */
struct classify_text {
	const uint8_t *data;
	uint16_t len;
};

/* What a burst sorts into, beside what is punted or dropped at once. */
struct classify {
	struct worker *w;
	struct media *m;
	const struct claim_table *claims;
	__m256i plain, mask; /* how the frame of a plain packet begins */
	uint16_t port;
	bool tagged; /* the frame at hand: its VLAN is known */
	uint16_t media_count, sip_count;
	struct relay_item media[WORKER_BURST];
	struct rte_mbuf *sip[WORKER_BURST];
	struct addr source[WORKER_BURST];
	struct classify_text text[WORKER_BURST];
};

/* Behind an Ethernet header words are aligned to two bytes only. */
struct classify_frag6 {
	uint8_t next;
	uint8_t zero;
	rte_be16_t offset; /* 13 bits, 2 unused, more */
	rte_be32_t id;
} __attribute__((packed, aligned(2)));

/* UDP that is not media. total: of the UDP header and what follows. */
static void classify_udp(struct classify *c, struct rte_mbuf *mbuf, const void *ip, uint8_t family,
	uint8_t hops, const struct rte_udp_hdr *udp, uint16_t total)
{
	struct addr *source = &c->source[c->sip_count];
	uint16_t len = rte_be_to_cpu_16(udp->dgram_len);
	enum punt_class class = punt_class_udp(rte_be_to_cpu_16(udp->dst_port), hops);

	if (unlikely(class != PUNT_SIP)) {
		worker_punt(c->w, mbuf, class);
		return;
	}
	*source = (struct addr){.family = family, .port = rte_be_to_cpu_16(udp->src_port)};
	c->text[c->sip_count] = (struct classify_text){(const uint8_t *)(udp + 1),
		len >= sizeof(*udp) && len <= total ? (uint16_t)(len - sizeof(*udp)) : 0};
	memcpy(source->ip, ip, family == ADDR_IPV4 ? 4 : 16);
	c->sip[c->sip_count++] = mbuf;
}

static inline void classify_prefetch(const struct media *m, uint32_t id)
{
	rte_prefetch0(&m->record[id]);
}

/* To a port of ours: the relay's, if it is well-formed. total: of the UDP header and what follows.
 */
static inline void classify_media(struct classify *c, struct rte_mbuf *mbuf,
	const struct rte_udp_hdr *udp, uint16_t total, bool sound, uint16_t flags, uint32_t id)
{
	if (unlikely(!sound || rte_be_to_cpu_16(udp->dgram_len) != total || mbuf->nb_segs != 1)) {
		relay_capture_drop(c->w, id, mbuf, FACTS_DROP_CHECKSUM);
		worker_drop(c->w, mbuf, FACTS_DROP_CHECKSUM);
		return;
	}
	if (udp->dst_port & rte_cpu_to_be_16(1))
		flags |= RELAY_ODD;
	if (unlikely(c->tagged))
		vlan_pop(mbuf);
	c->media[c->media_count] = (struct relay_item){
		.mbuf = mbuf,
		.id = id,
		.len = (uint16_t)(total - sizeof(*udp)),
		.flags = flags,
	};
	classify_prefetch(c->m, id);
	c->media_count++;
}

/* A fragment to an address of ours. The first one tells whether the packet is for a port that is
 * not media's, and then the rest of it may pass too. */
static void classify_fragment(
	struct classify *c, struct rte_mbuf *mbuf, uint64_t key, bool first, bool other_port)
{
	if (first ? !other_port : !frag_known(c->m, key)) {
		worker_drop(c->w, mbuf, FACTS_DROP_FRAGMENT);
		return;
	}
	if (first)
		frag_remember(c->m, key);
	worker_punt(c->w, mbuf, PUNT_SIP);
}

static void classify_fragment4(struct classify *c, struct rte_mbuf *mbuf,
	const struct rte_ipv4_hdr *ip, uint16_t header, uint16_t total)
{
	uint64_t key = frag_key((uint64_t)ip->src_addr << 32 | ip->dst_addr, ip->packet_id);
	const struct rte_udp_hdr *udp = (const void *)((const uint8_t *)ip + header);
	bool first = !(ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_OFFSET_MASK));

	if (!claim_has4(c->claims, ip->dst_addr)) {
		worker_punt(c->w, mbuf, PUNT_SIP);
		return;
	}
	classify_fragment(c, mbuf, key, first,
		first && total >= header + CLASSIFY_PORTS &&
			claim_find4(c->claims, ip->dst_addr, rte_be_to_cpu_16(udp->dst_port)) ==
				CLAIM_NONE);
}

static inline void classify_ip4(
	struct classify *c, struct rte_mbuf *mbuf, uint8_t *at, uint16_t len)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)at;
	const struct rte_udp_hdr *udp;
	uint16_t header, total;
	uint32_t id;

	if (unlikely(len < sizeof(*ip)))
		goto malformed;
	header = rte_ipv4_hdr_len(ip);
	total = rte_be_to_cpu_16(ip->total_length);
	if (unlikely(ip->version_ihl >> 4 != 4 || header < sizeof(*ip) || total < header ||
		    total > len))
		goto malformed;
	if (unlikely(ip->next_proto_id != IPPROTO_UDP)) {
		worker_punt(c->w, mbuf, punt_class4(ip, header, total));
		return;
	}
	if (unlikely(ip->fragment_offset &
		    rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK))) {
		classify_fragment4(c, mbuf, ip, header, total);
		return;
	}
	if (unlikely(total < header + sizeof(*udp)))
		goto malformed;
	udp = (const struct rte_udp_hdr *)(at + header);
	id = claim_find4(c->claims, ip->dst_addr, rte_be_to_cpu_16(udp->dst_port));
	if (likely(id != CLAIM_NONE))
		classify_media(c, mbuf, udp, (uint16_t)(total - header), header == sizeof(*ip),
			RELAY_RARE, id);
	else
		classify_udp(c, mbuf, &ip->src_addr, ADDR_IPV4, ip->time_to_live, udp,
			(uint16_t)(total - header));
	return;
malformed:
	worker_drop(c->w, mbuf, FACTS_DROP_CHECKSUM);
}

static void classify_fragment6(
	struct classify *c, struct rte_mbuf *mbuf, const struct rte_ipv6_hdr *ip, uint16_t total)
{
	const struct classify_frag6 *frag = (const void *)(ip + 1);
	const struct rte_udp_hdr *udp = (const void *)(frag + 1);
	uint64_t word[4], key;
	bool first;

	if (total < sizeof(*frag)) {
		worker_drop(c->w, mbuf, FACTS_DROP_CHECKSUM);
		return;
	}
	if (frag->next != IPPROTO_UDP || !claim_has6(c->claims, ip->dst_addr)) {
		worker_punt(c->w, mbuf, frag->next == IPPROTO_UDP ? PUNT_SIP : PUNT_OTHER);
		return;
	}
	memcpy(word, ip->src_addr, sizeof(word));
	key = frag_key((word[0] * 3 + word[1]) ^ (word[2] * 5 + word[3]), frag->id);
	first = !(frag->offset & rte_cpu_to_be_16(0xfff8));
	classify_fragment(c, mbuf, key, first,
		first && total >= sizeof(*frag) + CLASSIFY_PORTS &&
			claim_find6(c->claims, ip->dst_addr, rte_be_to_cpu_16(udp->dst_port)) ==
				CLAIM_NONE);
}

static inline void classify_ip6(
	struct classify *c, struct rte_mbuf *mbuf, uint8_t *at, uint16_t len)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)at;
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(ip + 1);
	uint16_t total;
	uint32_t id;

	if (unlikely(len < sizeof(*ip)))
		goto malformed;
	total = rte_be_to_cpu_16(ip->payload_len);
	if (unlikely((at[0] >> 4) != 6 || total > len - sizeof(*ip)))
		goto malformed;
	if (unlikely(ip->proto != IPPROTO_UDP)) {
		if (ip->proto == CLASSIFY_FRAG6)
			classify_fragment6(c, mbuf, ip, total);
		else
			worker_punt(c->w, mbuf, punt_class6(ip, total));
		return;
	}
	if (unlikely(total < sizeof(*udp)))
		goto malformed;
	id = claim_find6(c->claims, ip->dst_addr, rte_be_to_cpu_16(udp->dst_port));
	if (likely(id != CLAIM_NONE))
		classify_media(
			c, mbuf, udp, total, udp->dgram_cksum != 0, RELAY_RARE | RELAY_IP6, id);
	else
		classify_udp(c, mbuf, ip->src_addr, ADDR_IPV6, ip->hop_limits, udp, total);
	return;
malformed:
	worker_drop(c->w, mbuf, FACTS_DROP_CHECKSUM);
}

/* A priority tag (VLAN 0) means nothing here and goes at once. That of a VLAN of ours stays until
 * the frame turns out to be media, since the kernel needs it; into those of others nobody looks.
 * Returns the type of what follows. */
static rte_be16_t classify_tag(struct classify *c, struct rte_mbuf *mbuf)
{
	const struct vlan_set *vlans = c->w->port[c->port].vlans;
	rte_be16_t type;
	int id = vlan_id(mbuf, &type);

	if (id == 0)
		vlan_pop(mbuf);
	else if (id > 0 && vlans && vlan_has(vlans, (uint16_t)id))
		c->tagged = true;
	else
		return rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN);
	return type;
}

/* How a frame to this port begins that is UDP over IPv4, without options, no fragment. The bytes
 * stay in registers: a vector of what was just written by bytes would have to wait. */
static inline void classify_expect(struct classify *c, const struct rte_ether_addr *mac)
{
	/* Destination; type, version and length; fragment; protocol. */
	const __m256i plain = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0,
		RTE_IPV4_VHL_DEF, 0, 0, 0, 0, 0, 0, 0, 0, IPPROTO_UDP, 0, 0, 0, 0, 0, 0, 0, 0);
	uint32_t start;
	uint16_t end;

	memcpy(&start, mac, sizeof(start));
	memcpy(&end, &mac->addr_bytes[sizeof(start)], sizeof(end));
	c->plain = plain | _mm256_setr_epi64x((int64_t)(start | (uint64_t)end << 32), 0, 0, 0);
	c->mask = _mm256_setr_epi8(-1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, -1, -1, -1, 0, 0, 0, 0,
		0, 0x3f, -1, 0, -1, 0, 0, 0, 0, 0, 0, 0, 0);
}

static inline uint16_t classify_half(const void *at)
{
	uint16_t half;

	memcpy(&half, at, sizeof(half));
	return __builtin_bswap16(half);
}

/* Such a packet to a media port of ours: nearly every frame. False: it is something else, and
 * nothing has been done yet. */
static inline bool classify_plain(const struct claim_table *claims, __m256i plain, __m256i mask,
	struct rte_mbuf *mbuf, struct relay_item *item)
{
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(frame +
		sizeof(struct rte_ether_hdr));
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(ip + 1);
	uint32_t len = mbuf->data_len;

	if (unlikely(len < CLASSIFY_QUICK_LEN || mbuf->nb_segs != 1 ||
		    !_mm256_testz_si256(_mm256_loadu_si256((const __m256i *)frame) ^ plain, mask)))
		return false;
	/* The frame ends where the packet and its datagram do. */
	if (unlikely(classify_half(&ip->total_length) !=
			    (uint16_t)(len - sizeof(struct rte_ether_hdr)) ||
		    classify_half(&udp->dgram_len) !=
			    (uint16_t)(len - CLASSIFY_QUICK_LEN + CLASSIFY_RTP)))
		return false;
	if (unlikely(udp->dst_port & rte_cpu_to_be_16(1)))
		return false;
	item->mbuf = mbuf;
	item->id = claim_find4(claims, ip->dst_addr, classify_half(&udp->dst_port));
	item->len = (uint16_t)(len - CLASSIFY_QUICK_LEN + RTP_HEADER);
	item->flags = 0;
	return item->id != CLAIM_NONE;
}

/* Takes frames as long as they are of that kind; returns how many. */
static uint16_t classify_run(struct classify *c, struct rte_mbuf **mbufs, uint16_t n)
{
	const struct claim_table *claims = c->claims;
	const struct flow_record *record = c->m->record;
	struct relay_item *item = &c->media[c->media_count];
	__m256i plain = c->plain, mask = c->mask;
	uint16_t i;

	for (i = 0; i < n && likely(classify_plain(claims, plain, mask, mbufs[i], item)); i++) {
		rte_prefetch0(&record[item->id]);
		item++;
	}
	c->media_count = (uint16_t)(c->media_count + i);
	return i;
}

static __rte_noinline void classify_frame(struct classify *c, struct rte_mbuf *mbuf)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(mbuf, struct rte_ether_hdr *);
	uint16_t header = sizeof(*eth), len;
	rte_be16_t type;
	uint8_t *at;

	if (unlikely(mbuf->data_len < sizeof(*eth))) {
		worker_drop(c->w, mbuf, FACTS_DROP_CHECKSUM);
		return;
	}
	c->tagged = false;
	type = eth->ether_type;
	if (unlikely(type == rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN))) {
		type = classify_tag(c, mbuf);
		eth = rte_pktmbuf_mtod(mbuf, struct rte_ether_hdr *);
		if (c->tagged)
			header += sizeof(struct rte_vlan_hdr);
	}
	at = (uint8_t *)eth + header;
	len = (uint16_t)(mbuf->data_len - header);
	if (unlikely(!rte_is_same_ether_addr(&eth->dst_addr, &c->w->port[c->port].mac)))
		worker_punt(c->w, mbuf, punt_class_not_ours(eth, type, at, len));
	else if (likely(type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4)))
		classify_ip4(c, mbuf, at, len);
	else if (type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6))
		classify_ip6(c, mbuf, at, len);
	else if (type == rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP))
		worker_punt(c->w, mbuf, PUNT_NEIGHBOUR);
	else
		worker_punt(c->w, mbuf, PUNT_OTHER);
}

/* Answers to keep-alives end here; the rest stamps the binding it comes from and goes on. */
static void classify_punt_sip(struct classify *c)
{
	const struct addr *key[WORKER_BURST];
	uint16_t n = 0;

	static_assert(WORKER_BURST <= KEEPALIVE_HEARD_MAX, "one lookup for a burst");
	for (uint16_t i = 0; i < c->sip_count; i++) {
		if (keepalive_answer(
			    c->w, c->sip[i], &c->source[i], c->text[i].data, c->text[i].len)) {
			rte_pktmbuf_free(c->sip[i]);
			continue;
		}
		if (unlikely(capture_on(c->w, PROTO_CAPTURE_BINDING)))
			keepalive_capture_sip(c->w, c->sip[i], &c->source[i]);
		key[n] = &c->source[i];
		c->sip[n++] = c->sip[i];
	}
	if (n == 0)
		return;
	keepalive_heard(c->w, key, n);
	for (uint16_t i = 0; i < n; i++)
		worker_punt(c->w, c->sip[i], PUNT_SIP);
}

void media_input(struct worker *w, uint16_t port, struct rte_mbuf **mbufs, uint16_t n)
{
	struct classify c;

	c.w = w;
	c.m = w->media;
	c.claims = __atomic_load_n(&w->media->claims.table, __ATOMIC_ACQUIRE);
	classify_expect(&c, &w->port[port].mac);
	c.port = port;
	c.media_count = c.sip_count = 0;
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
	for (uint16_t i = 0; i < n; i++) {
		i = (uint16_t)(i + classify_run(&c, &mbufs[i], (uint16_t)(n - i)));
		if (unlikely(i < n))
			classify_frame(&c, mbufs[i]);
	}
	relay_burst(w, c.media, c.media_count);
	if (unlikely(c.sip_count))
		classify_punt_sip(&c);
}
