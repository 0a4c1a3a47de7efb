/* SPDX-License-Identifier: BSD-3-Clause */
/* A leg's latch and packets from anywhere: no source is learnt that did not send as many packets as
 * its class needs, and no stranger at all. */
#include "dataplane/media/latch.h"
#include "tests/fuzz/fuzz.h"

#define HISTORY_MAX 4096

struct seen {
	enum latch_class class;
	struct latch_packet packet;
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

/* Few different ones, so that they meet. */
static struct addr read_addr(struct fuzz *f)
{
	uint8_t byte = fuzz_u8(f);
	struct addr addr = {.family = byte & 0x80 ? ADDR_IPV6 : ADDR_IPV4};

	if ((byte & 0x70) == 0x70)
		return (struct addr){0};
	addr.port = (uint16_t)(4000 + (byte & 3));
	addr.ip[0] = 10;
	addr.ip[3] = byte >> 2 & 3;
	return addr;
}

static unsigned int count_of(const struct seen *history, unsigned int n, const struct seen *last)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < n; i++)
		count += history[i].class == last->class &&
			history[i].packet.port == last->packet.port &&
			history[i].packet.ssrc == last->packet.ssrc;
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned int need[2][LATCH_CLASSES] = {{3, 4, 5}, {1, 2, 3}};
	static struct seen history[HISTORY_MAX];
	struct fuzz f = {data, size};
	struct addr remote = read_addr(&f), signal = read_addr(&f);
	bool rtcp = fuzz_u8(&f) & 1;
	struct latch latch = {0};
	uint32_t tick = fuzz_u32(&f);

	for (unsigned int n = 0; f.left && n < HISTORY_MAX; n++) {
		struct addr source = read_addr(&f);
		struct seen *s = &history[n];

		s->packet = (struct latch_packet){
			.port = source.port,
			.seq = fuzz_u16(&f),
			.ssrc = fuzz_u8(&f) & 1,
			.rtcp = rtcp,
		};
		tick += fuzz_u8(&f);
		s->class = latch_class_of(&source, &remote, &signal);
		assert((s->class == LATCH_EXACT) == addr_equal(&source, &remote));
		if (s->class == LATCH_STRANGER) {
			assert(!addr_same_ip(&source, &remote) && !addr_same_ip(&source, &signal));
			continue;
		}
		if (latch_feed(&latch, s->class, &s->packet, tick))
			assert(count_of(history, n + 1, s) >= need[rtcp][s->class]);
	}
	return 0;
}
