/* SPDX-License-Identifier: BSD-3-Clause */
/* Nonces: made and recognised without memory, since anybody may ask for them; the counts of those
 * with which a password was proven are kept in a bounded table. */
#ifndef CONTROLPLANE_REGISTRAR_NONCE_H
#define CONTROLPLANE_REGISTRAR_NONCE_H

#include "shared/addr.h"

#include <stddef.h>
#include <stdint.h>

#define NONCE_STRLEN 57 /* hex of time, counter and MAC, and a terminating zero */

enum nonce_state {
	NONCE_UNKNOWN, /* not ours, or not given to this source */
	NONCE_OLD,
	NONCE_FRESH,
};

struct nonces;

/* Returns 0, -ENOMEM, or -EIO without random numbers. */
int nonces_open(struct nonces **n, uint32_t ttl_ms, uint32_t max);
void nonces_close(struct nonces *n);

/* A new nonce for this source IP. */
void nonces_make(struct nonces *n, const struct addr *source, uint64_t now_ms,
	char text[static NONCE_STRLEN]);

enum nonce_state nonces_check(
	const struct nonces *n, const char *text, const struct addr *source, uint64_t now_ms);

/* Counts a use, after the digest was verified. text must have passed nonces_check. Returns 0;
 * -EEXIST for a count that was used or is too far behind; -ESTALE if the table was too small to
 * still know. */
int nonces_use(struct nonces *n, const char *text, uint32_t nc, uint64_t now_ms);

#endif
