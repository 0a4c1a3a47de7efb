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

/* RTP without contributors, extension and padding, at least RTP_HEADER bytes. */
static inline bool rtp_is_plain(const uint8_t *data)
{
	return data[0] == 0x80;
}

/* Version 2, and contributors and header extension fit (RFC 3550 A.1); padding has one byte at
 * least. At least RTP_HEADER bytes. */
static inline bool rtp_is_whole(const uint8_t *data, uint32_t len)
{
	uint32_t need = RTP_HEADER + 4u * (data[0] & 0x0f);

	if (data[0] & 0x10) {
		need += 4;
		if (len < need)
			return false;
		need += 4u * (uint32_t)(data[need - 2] << 8 | data[need - 1]);
	}
	if (data[0] & 0x20)
		need += 1;
	return data[0] >> 6 == 2 && len >= need;
}

static inline uint32_t rtp_word(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return rte_be_to_cpu_32(word);
}

/* What every RTP packet has. */
static inline void rtp_read(const uint8_t *data, struct rtp_info *info)
{
	uint32_t head = rtp_word(data);

	info->type = head >> 16 & 0x7f;
	info->seq = (uint16_t)head;
	info->time = rtp_word(data + 4);
	info->ssrc = rtp_word(data + 8);
}

/* RTP without all that. False: it is not, look with rtp_parse(). */
static inline bool rtp_parse_plain(const uint8_t *data, uint32_t len, struct rtp_info *info)
{
	if (unlikely(len < RTP_HEADER || !rtp_is_plain(data)))
		return false;
	rtp_read(data, info);
	return true;
}

/* RTP: version 2, contributors, header extension and padding fit (RFC 3550 A.1). The padding count
 * itself is not judged: SRTP encrypts it. False: malformed. */
bool rtp_parse(const uint8_t *data, uint32_t len, struct rtp_info *info);

/* RTCP: version 2, types 192-223, 8 bytes at least, and the lengths add up (RFC 3550 A.2), or leave
 * at the end what an SRTCP packet has there. False: malformed. */
bool rtp_parse_rtcp(const uint8_t *data, uint32_t len, struct rtp_info *info);

#endif
