/* SPDX-License-Identifier: BSD-3-Clause */
/* Allocator of the media ports of one media address. A slot is an even port (RTP) and the odd one
 * above it (RTCP). Slots are handed out in random order and rest for PORTS_REST_MS after their
 * release, so that late packets of a finished call never reach the next one (checklist LA-05).
 * Each hand-out raises the slot's generation. All calls are O(1) and need no clock of their own. */
#ifndef CONTROLPLANE_MEDIA_PORTS_H
#define CONTROLPLANE_MEDIA_PORTS_H

#include <stdint.h>

#define PORTS_REST_MS 30000

struct ports;

/* port_min must be even, port_max odd and above it. gen_first: generations handed out are above it;
 * pass a number that rises with the process (incarnation << 16), so that what a former process left
 * in the data plane is always older. Returns 0, -EINVAL or -ENOMEM. */
int ports_open(struct ports **p, uint16_t port_min, uint16_t port_max, uint32_t gen_first);
void ports_close(struct ports *p);

/* Hands out a random free slot: its even port and its new generation. Returns 0, -ENOSPC when
 * none is free at now_ms (resting slots are not): answer 503 before anything else is started; or
 * -EIO if the system gives no random number. */
int ports_take(struct ports *p, uint64_t now_ms, uint16_t *port, uint32_t *gen);

/* Takes one given port for a restored call, with its stored generation. Returns 0, -EBUSY if it is
 * taken or rests, -EINVAL if it is odd or out of the range (the configuration was changed). */
int ports_claim(struct ports *p, uint16_t port, uint32_t gen);

/* Gives a port back; it rests first. A port that is not taken is ignored. */
void ports_release(struct ports *p, uint16_t port, uint64_t now_ms);

/* Slots in all, and taken now. */
uint32_t ports_total(const struct ports *p);
uint32_t ports_used(const struct ports *p);

#endif
