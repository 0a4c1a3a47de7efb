/* SPDX-License-Identifier: BSD-3-Clause */
/* The payload of a datagram on a media port. */
#include "dataplane/media/rtp.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

/* Contributors, header extension and a padding count, as RFC 3550 5.1 and 5.3.1 draw them. */
static uint32_t header_of(const uint8_t *data, uint32_t len)
{
	uint32_t at = 12 + (data[0] & 15) * 4;

	if (data[0] & 16)
		at += at + 4 <= len ? 4 + (data[at + 2] * 256u + data[at + 3]) * 4 : 4;
	return data[0] & 32 ? at + 1 : at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = fuzz_copy(data, size);
	uint32_t len = (uint32_t)size;
	struct rtp_info info;
	bool rtp = rtp_kind_of(copy, len) == RTP_KIND_RTP;

	if (rtp_parse(copy, len, &info)) {
		assert(rtp && len >= 12 && len >= header_of(data, len));
		assert(info.type < 128);
		assert(info.ssrc ==
			((uint32_t)data[8] << 24 | data[9] << 16 | data[10] << 8 | data[11]));
	}
	if (rtp_parse_rtcp(copy, len, &info)) {
		assert(rtp && len >= 8 && rtp_is_rtcp(copy, len));
		assert(info.type >= 192 && info.type <= 223);
	}
	free(copy);
	return 0;
}
