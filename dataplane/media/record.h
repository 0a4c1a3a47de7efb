/* SPDX-License-Identifier: BSD-3-Clause */
/* The hot record of a relay flow: one cache line at the port slot of its local address, in the
 * facts memory (the facts' flow counters are a field of it).
 * Statistics that only a few packets change are elsewhere, see quality.h.
 *
 * Packets that arrive at slot X are matched, counted and rewritten by record X alone; `out` and
 * `from` are copies of what the other leg says. Written by main: out, from, types, the clock's
 * rate, and match when it restores or reopens a flow. Written by the workers: match when they
 * learn, count. Each field is one aligned store, so that no reader sees half of it. */
#ifndef DATAPLANE_MEDIA_RECORD_H
#define DATAPLANE_MEDIA_RECORD_H

#include "shared/facts.h"
#include "shared/proto.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow_record {
	uint64_t from;  /* local address of the other leg, DSCP, rate, flags; 0 = no flow here */
	uint64_t out;   /* where to, record_out(); 0 = nowhere yet */
	uint64_t match; /* learnt source, record_key(); 0 = none yet */
	struct facts_flow count;
	uint64_t types; /* payload types allowed, record_types() */
} __attribute__((aligned(64)));
static_assert(sizeof(struct flow_record) == 64, "one cache line");

/* For the facts memory: head->flow_count_off = offset of the records + this, and
 * head->flow_count_stride = sizeof(struct flow_record). */
#define RECORD_COUNT_OFFSET offsetof(struct flow_record, count)

enum record_flags {
	RECORD_ACTIVE = 1 << 0,
	RECORD_MUX = 1 << 1,      /* RTCP arrives on the RTP port */
	RECORD_PEER_MUX = 1 << 2, /* RTCP leaves by the RTP port */
	RECORD_CROSS = 1 << 3,    /* the other leg is of the other family */
	RECORD_GUESS = 1 << 4,    /* nothing was learnt of the other leg yet: send with care */
	RECORD_GUESS_RTCP = 1 << 5,
	RECORD_DSCP = 1 << 6, /* it is set, to dscp */
	RECORD_RATE = 1
		<< 7, /* of the timestamps: none of record_rates[], the facts' quality has it */
};

/* All addresses and ports in network order. For IPv6 `ip` is 0, and the side record has it. */
static inline uint64_t record_key(uint32_t ip, uint16_t port)
{
	return ip | (uint64_t)port << 32 | 1ull << 48;
}

/* For IPv6 `ip` is a version: each change counts it up, and its lowest bit tells which of the side
 * record's two addresses holds. */
static inline uint64_t record_out(uint32_t ip, uint16_t port, uint16_t nexthop)
{
	return ip | (uint64_t)port << 32 | (uint64_t)nexthop << 48;
}

/* Rates of RTP timestamps that nearly all audio has. */
#define RECORD_RATES 4
static const uint32_t record_rates[RECORD_RATES] = {8000, 16000, 32000, 48000};

/* rate: of the RTP timestamps that arrive. */
static inline uint64_t record_from(
	uint32_t ip, uint16_t port, uint8_t dscp, uint8_t flags, uint32_t rate)
{
	uint8_t code = 0;

	while (code < RECORD_RATES && record_rates[code] != rate)
		code++;
	if (code == RECORD_RATES)
		flags |= RECORD_RATE;
	if (dscp != PROTO_DSCP_KEEP)
		flags |= RECORD_DSCP;
	return ip | (uint64_t)port << 32 | (uint64_t)(dscp & 0x3f) << 48 |
		(uint64_t)(code & 3) << 54 | (uint64_t)flags << 56;
}

static inline uint32_t record_ip(uint64_t word)
{
	return (uint32_t)word;
}

static inline uint16_t record_port(uint64_t word)
{
	return (uint16_t)(word >> 32);
}

static inline uint16_t record_nexthop(uint64_t out)
{
	return (uint16_t)(out >> 48);
}

/* If RECORD_DSCP is set. */
static inline uint8_t record_dscp(uint64_t from)
{
	return (uint8_t)(from >> 48 & 0x3f);
}

/* Place in record_rates[], unless RECORD_RATE is set. */
static inline unsigned int record_rate(uint64_t from)
{
	return (unsigned int)(from >> 54 & 3);
}

static inline uint8_t record_flags(uint64_t from)
{
	return (uint8_t)(from >> 56);
}

static inline uint64_t record_load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void record_store(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* A payload type that is not among the rare ones: 0 to 31, 96 to 127. More than its seven bits may
 * be set. */
static inline bool record_is_common(uint32_t type)
{
	return !((type + 32) & 64);
}

/* Common types are bits 0 to 31 and 32 to 63, as their lower bits say. The others are in struct
 * flow_cold. */
static inline uint64_t record_types(const uint64_t types[2])
{
	return (types[0] & UINT32_MAX) | types[1] >> 32 << 32;
}

static inline bool record_allows(const struct flow_record *record, uint32_t type)
{
	return __atomic_load_n(&record->types, __ATOMIC_RELAXED) >> (type & 63) & 1;
}

/* A last-heard tick is stored only when it changes, so that the line stays shared with readers. */
static inline void record_stamp(uint32_t *tick, uint32_t now)
{
	if (__atomic_load_n(tick, __ATOMIC_RELAXED) != now)
		__atomic_store_n(tick, now, __ATOMIC_RELAXED);
}

/* Counters have one writer at a time (the worker that the source's packets reach); while a source
 * moves to another worker a count may be lost, never torn. */
static inline void record_count(struct flow_record *record, uint32_t bytes)
{
	struct facts_flow *c = &record->count;

	__atomic_store_n(
		&c->bytes, __atomic_load_n(&c->bytes, __ATOMIC_RELAXED) + bytes, __ATOMIC_RELAXED);
	__atomic_store_n(
		&c->packets, __atomic_load_n(&c->packets, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

#endif
