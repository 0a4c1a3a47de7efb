/* SPDX-License-Identifier: BSD-3-Clause */
/* The STUN Binding that a phone sends as a keep-alive to the SIP port (RFC 5626 4.4.2, RFC 8489;
 * KA-06). Pure. */
#ifndef CONTROLPLANE_SIP_STUN_H
#define CONTROLPLANE_SIP_STUN_H

#include "shared/addr.h"

#include <stddef.h>
#include <stdint.h>

#define STUN_ANSWER_MAX 64

/* Answers a Binding request: success with XOR-MAPPED-ADDRESS, or 420 if it holds an attribute that
 * must be understood and is not (none is). Returns the length of the answer, at most 28 bytes above
 * the request's; 0 for anything else, which is to be dropped. */
size_t stun_answer(const uint8_t *request, size_t len, const struct addr *source,
	uint8_t out[static STUN_ANSWER_MAX]);

#endif
