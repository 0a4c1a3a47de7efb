/* SPDX-License-Identifier: BSD-3-Clause */
/* Facts memory: what the data plane has seen, written by it alone and read by anybody who holds the
 * descriptor (WELCOME). No message is needed to read a counter.
 *
 *   struct facts_head
 *   worker counters   [workers]   at worker_off, worker_stride apart
 *   binding last SIP  [bindings]  uint32 tick each, at binding_heard_off
 *   flow last RTCP    [flows]     uint32 tick each, at flow_rtcp_off
 *   flow counters     [flows]     struct facts_flow at flow_count_off, flow_count_stride apart
 *   flow quality      [flows]     struct facts_quality at flow_quality_off, flow_quality_stride
 * apart
 *
 * Ticks are those of clock.h; 0 = never. Readers use relaxed atomic loads. */
#ifndef SHARED_FACTS_H
#define SHARED_FACTS_H

#include <assert.h>
#include <stdint.h>

#define FACTS_MAGIC   0x4c574641u
#define FACTS_VERSION 5

/* What is lost outside of the workers: the host path, the ports' own counters, orders. */
#define FACTS_LOSSES(X)                                           \
	X(TO_HOST, "not taken by the host interface")             \
	X(FROM_HOST, "from the host, and the worker lags behind") \
	X(RX_MISSED, "port: receive ring full")                   \
	X(RX_ERROR, "port: received damaged")                     \
	X(RX_NO_MBUF, "port: no packet buffer")                   \
	X(TX_ERROR, "port: failed to send")                       \
	X(MAIL, "order to a worker that lags behind")

enum facts_loss {
#define X(name, text) FACTS_LOSS_##name,
	FACTS_LOSSES(X)
#undef X
		FACTS_LOSS_MAX
};

enum facts_port_state {
	FACTS_PORT_NONE,
	FACTS_PORT_IN,
	FACTS_PORT_RESET, /* out of service until its device is reset */
	FACTS_PORT_GONE,  /* out of service until its device is back */
};

/* A port as the configuration names it; monitor ports behind the others. Main thread's. */
#define FACTS_PORTS     8
#define FACTS_PORT_NAME 64
struct facts_port {
	char name[FACTS_PORT_NAME]; /* without the driver's arguments, cut if it is longer */
	uint32_t state;             /* enum facts_port_state */
	uint32_t link_up;           /* of a bond: of any member */
	uint32_t members_out;       /* of a bond, not in service */
	uint32_t zero;
	uint64_t resets;   /* that succeeded, of the port or members, and */
	uint64_t removals; /* devices that went without being told to, both since the start */
};
static_assert(sizeof(struct facts_port) == 96, "shared layout");

struct facts_head {
	uint32_t magic;
	uint32_t version;
	uint64_t boot_id; /* as in WELCOME */
	uint32_t workers;
	uint32_t worker_stride;
	uint64_t worker_off;
	uint32_t bindings;
	uint32_t flows;
	uint64_t binding_heard_off;
	uint64_t flow_rtcp_off;
	uint64_t flow_count_off;
	uint64_t flow_quality_off;
	uint32_t flow_count_stride;
	uint32_t flow_quality_stride;
	uint32_t bindings_used;
	uint32_t zero;
	/* Main thread's gauges. */
	uint64_t keepalive_short;  /* batches that a fixed SEND_ONE_TIME or a stall cut */
	uint32_t keepalive_needed; /* smallest SEND_ONE_TIME that would keep the period, 0 = fine */
	uint32_t flows_used;
	uint64_t events_lost;
	uint64_t loss[FACTS_LOSS_MAX]; /* of the last second at the latest */
	struct facts_port port[FACTS_PORTS];
};

/* The relay's own words for why a packet was dropped; their order is the order of
 * facts_worker.drop. */
#define FACTS_DROPS(X)                                 \
	X(NO_FLOW, "no flow at this media port")       \
	X(OFF_SOURCE, "not from the latched source")   \
	X(NOT_RTP, "not RTP or RTCP")                  \
	X(BAD_RTP, "malformed RTP or RTCP")            \
	X(PAYLOAD_TYPE, "payload type not negotiated") \
	X(UNLATCHED, "source not yet verified")        \
	X(NO_PEER, "other leg has no address yet")     \
	X(NEXT_HOP, "next hop unresolved")             \
	X(FRAGMENT, "fragment to a media address")     \
	X(CHECKSUM, "bad IP header or length")         \
	X(TTL, "time to live ran out")                 \
	X(TX_FULL, "transmit ring full")               \
	X(PUNT_FULL, "host ring full")                 \
	X(WORKER_FULL, "ring of another worker full")  \
	X(TOO_LONG, "too long for a monitor port")     \
	X(NO_MBUF, "no packet buffer")                 \
	X(PORT_OUT, "port out of service")

enum facts_drop {
#define X(name, text) FACTS_DROP_##name,
	FACTS_DROPS(X)
#undef X
		FACTS_DROP_MAX
};

/* Histograms over microseconds: place n counts 2^n to 2^(n+1) - 1, the first 0 as well, and the
 * last all above. */
#define FACTS_ROUND_TRIPS 25 /* up to 32 s */
#define FACTS_LATE        25

static inline unsigned int facts_place(uint64_t us, unsigned int places)
{
	unsigned int place = us ? 63u - (unsigned int)__builtin_clzll(us) : 0;

	return place < places ? place : places - 1;
}

/* What so many of 1000 do not exceed: the upper end of the place in which they end, 0 if nothing
 * was counted. */
static inline uint64_t facts_quantile(
	const uint64_t *count, unsigned int places, unsigned int of_1000)
{
	uint64_t sum = 0, seen = 0;

	for (unsigned int i = 0; i < places; i++)
		sum += count[i];
	for (unsigned int i = 0; i < places; i++) {
		seen += count[i];
		if (seen && seen * 1000 >= sum * of_1000)
			return (2ull << i) - 1;
	}
	return 0;
}

/* Counters of one worker, in cache lines of its own. */
struct facts_worker {
	uint64_t rx;
	uint64_t tx;
	uint64_t relayed_rtp;
	uint64_t relayed_rtcp;
	uint64_t punted;
	uint64_t sip_heard;
	uint64_t keepalives;
	uint64_t keepalive_late_max_us; /* worst lateness against the slot's schedule */
	uint64_t loop_gap_max_us;       /* longest time between two turns of the loop */
	uint64_t busy_cycles;
	uint64_t total_cycles;
	uint64_t drop[FACTS_DROP_MAX];
	uint64_t answers;         /* to keep-alives, proven */
	uint64_t answers_refused; /* named like one, but of another source, tag or time */
	uint64_t rtp_keepalives;  /* to legs that nothing was relayed to */
	uint64_t round_trip[FACTS_ROUND_TRIPS]; /* of the proven ones */
	/* Keep-alives by lateness against their slot's schedule. None is ever early. */
	uint64_t keepalive_late[FACTS_LATE];
	uint64_t keepalive_skipped; /* not sent, since the device was heard */
	uint64_t keepalive_capped;  /* deferred by the cap of their address */
	uint64_t watched_rtp;       /* of monitored flows */
	uint64_t watched_rtcp;
	/* Sleeps that an Rx interrupt may end: begun, ended by one with packets behind it, ended by
	 * time with packets there that nothing had told of. */
	uint64_t irq_sleeps;
	uint64_t irq_woken;
	uint64_t irq_missed;
};

/* Counters of one flow, of which a packet changes some: RTP that came from its verified source. */
struct facts_flow {
	uint64_t bytes; /* RTP payload and header, without UDP */
	uint32_t packets;
	uint32_t seq;     /* highest sequence number, extended (RFC 3550 A.1); 0 = none yet */
	uint32_t transit; /* of the last packet (A.8) */
	uint32_t jitter;  /* 1/16 of a unit of the clock (A.8) */
	uint32_t heard;   /* tick of the last packet */
	uint32_t ssrc;    /* of the last packet */
};
static_assert(sizeof(struct facts_flow) == 32, "shared layout");

/* What changes seldom. */
struct facts_quality {
	uint32_t lost_base; /* lost packets = lost_base + seq - packets, modulo 2^32, signed */
	uint32_t jump_seq;  /* 1 << 16 | what would follow a packet that was out of range (A.1) */
	uint32_t ssrc_changes;
	uint32_t rtcp; /* RTCP datagrams from the verified source */
	/* Packets that were refused, by reason. */
	uint32_t off_source;
	uint32_t malformed; /* as RTP or RTCP, or neither */
	uint32_t payload_type;
	uint32_t clock; /* Hz of the RTP timestamps, 0 = 8000 */
};
static_assert(sizeof(struct facts_quality) == 32, "shared layout");

#endif
