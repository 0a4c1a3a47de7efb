/* SPDX-License-Identifier: BSD-3-Clause */
/* A captured frame as people read it: who to whom, and what. Pure. */
#ifndef CONTROLPLANE_CTL_FRAME_H
#define CONTROLPLANE_CTL_FRAME_H

#include "shared/addr.h"

#include <stddef.h>
#include <stdint.h>

struct frame_view {
	struct addr src, dst;
	const uint8_t *payload; /* of UDP, inside the frame */
	size_t len;             /* of it, as far as it was kept */
};

/* Looks into an Ethernet frame with UDP over IPv4 or IPv6. Returns 0, or -EINVAL for any other. */
int frame_look(struct frame_view *view, const uint8_t *data, size_t len);

/* Reads a string of hexadecimal digits into at most `room` bytes. Returns their number or -EINVAL.
 */
int frame_unhex(uint8_t *out, size_t room, const char *text);

#endif
