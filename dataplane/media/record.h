/* SPDX-License-Identifier: BSD-3-Clause */
/* The hot record of a relay flow: one cache line at the port slot of its local address, in the
 * facts memory (the facts' flow counters are a field of it).
 *
 * Written by main: out, from, types. Written by the worker that the flow's packets reach: match,
 * count. Each is one naturally aligned store; main clears `match` only while no worker can see the
 * flow, or to open it for learning. */
#ifndef DATAPLANE_MEDIA_RECORD_H
#define DATAPLANE_MEDIA_RECORD_H

#include "shared/facts.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

struct flow_record {
	uint64_t match;    /* latched source, record_key(); 0 = not latched */
	uint64_t out;      /* where to: record_out(); 0 = nowhere yet */
	uint64_t from;     /* the peer's local address, DSCP, flags: record_from(); 0 = no flow */
	uint64_t types[2]; /* payload types allowed, bit n % 64 of word n / 64 */
	struct facts_flow count;
	uint32_t ssrc; /* last seen from the latched source */
	uint32_t gen;
} __attribute__((aligned(64)));
static_assert(sizeof(struct flow_record) == 64, "one cache line");

/* For the facts memory: head->flow_count_off = offset of the records + this, and
 * head->flow_count_stride = sizeof(struct flow_record). */
#define RECORD_COUNT_OFFSET offsetof(struct flow_record, count)

#endif
