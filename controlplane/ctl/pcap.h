/* SPDX-License-Identifier: BSD-3-Clause */
/* The classic capture file format, as tcpdump and Wireshark read it. Pure. */
#ifndef CONTROLPLANE_CTL_PCAP_H
#define CONTROLPLANE_CTL_PCAP_H

#include <assert.h>
#include <stdint.h>

#define PCAP_MAGIC    0xa1b2c3d4u /* times in microseconds, byte order of the machine */
#define PCAP_ETHERNET 1

struct pcap_head {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zero[2];
	uint32_t frame_max;
	uint32_t link;
};
static_assert(sizeof(struct pcap_head) == 24, "file layout");

/* In front of each frame. */
struct pcap_frame {
	uint32_t seconds;
	uint32_t microseconds;
	uint32_t kept; /* bytes that follow */
	uint32_t len;  /* of the frame as it was */
};
static_assert(sizeof(struct pcap_frame) == 16, "file layout");

static inline struct pcap_head pcap_head(uint32_t frame_max)
{
	return (struct pcap_head){
		.magic = PCAP_MAGIC,
		.major = 2,
		.minor = 4,
		.frame_max = frame_max,
		.link = PCAP_ETHERNET,
	};
}

static inline struct pcap_frame pcap_frame(uint64_t at_us, uint32_t kept, uint32_t len)
{
	return (struct pcap_frame){
		.seconds = (uint32_t)(at_us / 1000000),
		.microseconds = (uint32_t)(at_us % 1000000),
		.kept = kept,
		.len = len,
	};
}

#endif
