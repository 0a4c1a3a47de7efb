/* SPDX-License-Identifier: BSD-3-Clause */
/* Back-off against guessing passwords: after some wrong ones, a source IP or a user is judged only
 * once in a while (1 s, doubling to 32 s). A source that has proven the user's password before is
 * never held up, so nobody can lock a phone out. Fixed memory. */
#ifndef CONTROLPLANE_REGISTRAR_GUARD_H
#define CONTROLPLANE_REGISTRAR_GUARD_H

#include "controlplane/siphash.h"
#include "shared/addr.h"

#include <stdbool.h>
#include <stdint.h>

#define GUARD_CELLS        4096
#define GUARD_PAIRS        16384
#define GUARD_USER_FREE    8  /* wrong passwords in a row without a delay */
#define GUARD_SOURCE_FREE  16 /* likewise: many phones may share a NAT */
#define GUARD_DELAY_MIN_MS 1000
#define GUARD_DELAY_MAX_MS 32000
#define GUARD_FORGET_MS    600000

struct guard_cell {
	uint32_t tag;
	uint32_t fails;
	uint64_t last_ms; /* last wrong password */
	uint64_t next_ms; /* next time that one is looked at */
};

struct guard {
	struct siphash_key key;
	struct guard_cell users[GUARD_CELLS];
	struct guard_cell sources[GUARD_CELLS];
	uint32_t pairs[GUARD_PAIRS]; /* tags of (source, user) with a right password */
};

/* Returns 0 or -errno (no random numbers). */
int guard_init(struct guard *g);

/* May this attempt be judged at all? */
bool guard_pass(
	const struct guard *g, const struct addr *source, const char *user, uint64_t now_ms);

/* How it ended. */
void guard_wrong(struct guard *g, const struct addr *source, const char *user, uint64_t now_ms);
void guard_right(struct guard *g, const struct addr *source, const char *user);

#endif
