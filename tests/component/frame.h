/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet frames with UDP for tests, written and read byte by byte, without the code under test.
 */
#ifndef TESTS_COMPONENT_FRAME_H
#define TESTS_COMPONENT_FRAME_H

#include "shared/addr.h"

#include <stdbool.h>
#include <stdint.h>

#define FRAME_MAX 2048

struct frame {
	uint8_t mac_dst[6], mac_src[6];
	struct addr src, dst; /* one family */
	uint8_t ttl, tos;
	bool no_checksum; /* UDP checksum 0 */
	uint16_t len;     /* of the payload */
	uint8_t payload[1500];
};

/* Writes the frame and returns its length, at least 60. */
uint16_t frame_write(const struct frame *frame, uint8_t *out);

/* False: not a UDP frame, or a length or checksum is wrong. */
bool frame_read(struct frame *frame, const uint8_t *data, uint16_t len);

/* Fills in a payload: RTP with `len` bytes in all, RTCP (receiver report), a STUN request. */
void frame_rtp(struct frame *frame, uint8_t type, uint16_t seq, uint32_t ssrc, uint16_t len);
void frame_rtcp(struct frame *frame, uint32_t ssrc);
void frame_stun(struct frame *frame);

#endif
