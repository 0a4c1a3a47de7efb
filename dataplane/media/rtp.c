/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/media/rtp.h"

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <string.h>

#define RTP_RTCP_MIN     8
#define RTP_RTCP_PACKETS 32 /* in one compound packet; more is nonsense */
#define RTP_SRTCP_TAIL   14 /* index and the shortest tag that SRTCP uses (RFC 3711 section 5.2) */

static uint16_t rtp_get16(const uint8_t *data)
{
	uint16_t value;

	memcpy(&value, data, sizeof(value));
	return rte_be_to_cpu_16(value);
}

static uint32_t rtp_get32(const uint8_t *data)
{
	uint32_t value;

	memcpy(&value, data, sizeof(value));
	return rte_be_to_cpu_32(value);
}

enum rtp_kind rtp_kind_of(const uint8_t *data, uint32_t len)
{
	if (len == 0)
		return RTP_KIND_UNKNOWN;
	if (likely(data[0] >= 128 && data[0] <= 191))
		return RTP_KIND_RTP;
	if (data[0] <= 3)
		return RTP_KIND_STUN;
	if (data[0] >= 16 && data[0] <= 19)
		return RTP_KIND_ZRTP;
	if (data[0] >= 20 && data[0] <= 63)
		return RTP_KIND_DTLS;
	if (data[0] >= 64 && data[0] <= 79)
		return RTP_KIND_TURN;
	return RTP_KIND_UNKNOWN;
}

bool rtp_parse(const uint8_t *data, uint32_t len, struct rtp_info *info)
{
	if (unlikely(len < RTP_HEADER || !(rtp_is_plain(data) || rtp_is_whole(data, len))))
		return false;
	rtp_read(data, info);
	return true;
}

bool rtp_parse_rtcp(const uint8_t *data, uint32_t len, struct rtp_info *info)
{
	uint32_t at = 0, left = len;

	if (len < RTP_RTCP_MIN)
		return false;
	for (int i = 0; i < RTP_RTCP_PACKETS && left >= 4; i++) {
		const uint8_t *p = data + at;
		uint32_t size = 4u * (rtp_get16(p + 2) + 1u);

		if (p[0] >> 6 != 2 || !rtp_is_rtcp(p, left) || size > left)
			break;
		at += size;
		left -= size;
	}
	info->type = data[1];
	info->time = 0;
	info->seq = 0;
	info->ssrc = rtp_get32(data + 4);
	/* The first packet holds a sender's number, hence is no shorter than that. */
	if (at < RTP_RTCP_MIN || rtp_get16(data + 2) == 0)
		return false;
	return left == 0 || left >= RTP_SRTCP_TAIL;
}
