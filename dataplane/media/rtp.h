/* SPDX-License-Identifier: BSD-3-Clause */
/* What a datagram on a media port is, and whether it is sound: RTP, RTCP, or something else. Pure.
 * Looks only at what stays in clear under SRTP and SRTCP (RFC 3711), and changes nothing. */
#ifndef DATAPLANE_MEDIA_RTP_H
#define DATAPLANE_MEDIA_RTP_H

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define RTP_HEADER  12 /* bytes, at least */
#define RTP_TYPE_CN 13 /* comfort noise (RFC 3389), never negotiated by number */

/* By the first byte (RFC 7983 section 7). */
enum rtp_kind {
	RTP_KIND_STUN,    /* 0-3 */
	RTP_KIND_ZRTP,    /* 16-19 */
	RTP_KIND_DTLS,    /* 20-63 */
	RTP_KIND_TURN,    /* 64-79 */
	RTP_KIND_RTP,     /* 128-191: RTP and RTCP */
	RTP_KIND_UNKNOWN, /* all others, and an empty datagram */
};

struct rtp_info {
	uint32_t ssrc;
	uint32_t time; /* RTP only: timestamp */
	uint16_t seq;  /* likewise */
	uint8_t type;  /* payload type; of RTCP, that of the first packet */
};

enum rtp_kind rtp_kind_of(const uint8_t *data, uint32_t len);

/* Quick: surely not RTP or RTCP of version 2. */
static inline bool rtp_is_strange(const uint8_t *data, uint32_t len)
{
	return len == 0 || data[0] >> 6 != 2;
}

/* The second byte tells RTCP from RTP on one port (RFC 5761 section 4). */
static inline bool rtp_is_rtcp(const uint8_t *data, uint32_t len)
{
	return len >= 2 && data[1] >= 192 && data[1] <= 223;
}

/* RTP without contributors, extension and padding. False: it is not, look with rtp_parse(). */
static inline bool rtp_parse_plain(const uint8_t *data, uint32_t len, struct rtp_info *info)
{
	uint32_t head, time, ssrc;

	if (unlikely(len < RTP_HEADER || data[0] != 0x80))
		return false;
	memcpy(&head, data, sizeof(head));
	memcpy(&time, data + 4, sizeof(time));
	memcpy(&ssrc, data + 8, sizeof(ssrc));
	head = rte_be_to_cpu_32(head);
	info->type = head >> 16 & 0x7f;
	info->seq = (uint16_t)head;
	info->time = rte_be_to_cpu_32(time);
	info->ssrc = rte_be_to_cpu_32(ssrc);
	return true;
}

/* RTP: version 2, contributors, header extension and padding fit (RFC 3550 A.1). The padding count
 * itself is not judged: SRTP encrypts it. False: malformed. */
bool rtp_parse(const uint8_t *data, uint32_t len, struct rtp_info *info);

/* RTCP: version 2, types 192-223, 8 bytes at least, and the lengths add up (RFC 3550 A.2), or leave
 * at the end what an SRTCP packet has there. False: malformed. */
bool rtp_parse_rtcp(const uint8_t *data, uint32_t len, struct rtp_info *info);

#endif
