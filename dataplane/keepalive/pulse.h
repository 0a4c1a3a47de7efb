/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether the device of a binding lives, by its answers. A pulse is written by the worker that
 * sends to the binding, but for `lost`, which any worker that hears the device takes back. */
#ifndef DATAPLANE_KEEPALIVE_PULSE_H
#define DATAPLANE_KEEPALIVE_PULSE_H

#include "dataplane/keepalive/probe.h"
#include "dataplane/keepalive/slots.h"
#include "dataplane/keepalive/templates.h"
#include "shared/addr.h"

#include <rte_byteorder.h>
#include <stdbool.h>
#include <stdint.h>

struct worker;

struct pulse {
	uint64_t key;   /* address, port, generation, family; 0 = no binding */
	uint32_t tick;  /* of the last probe, 0 = none yet */
	uint8_t missed; /* probes in a row without an answer */
	uint8_t lost;   /* that many are too many: told to main */
	uint8_t gen;    /* low byte; lost is of this generation */
	uint8_t silent; /* messages so far of a device that was never heard */
};
static_assert(sizeof(struct pulse) == 16, "four to a cache line");

/* A worker's word to main: look at this binding. */
struct pulse_note {
	uint32_t id;
};
#define PULSE_NOTES 4096 /* power of two, a worker */

/* IPv6 addresses stand in the side table. */
static inline uint64_t pulse_key(uint32_t ip, uint16_t port, uint8_t gen, uint8_t family)
{
	return (uint64_t)ip << 32 | (uint64_t)port << 16 | (uint64_t)gen << 8 | family;
}

/* Owner: the binding is here, as the record says; another than before starts afresh. */
void pulse_begin(struct worker *w, const struct slots_binding *binding);
void pulse_end(struct worker *w, uint32_t id);

/* Owner: what it gets now, given the template of its class. */
const struct template *pulse_choose(
	struct worker *w, const struct slots_binding *binding, const struct template *t);

/* Owner: a message of that template left. */
void pulse_sent(struct worker *w, const struct slots_binding *binding, const struct template *t);

/* Any worker: the device was heard. */
void pulse_heard(struct worker *w, uint32_t id);

#endif
