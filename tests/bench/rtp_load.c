/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/bench/rtp_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCAP_MAGIC    0xa1b2c3d4u
#define PCAP_ETHERNET 1

const uint8_t rtp_load_mac[6] = {0x02, 0x70, 0x63, 0x61, 0x70, 0x00};

struct pcap_head {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snap, link;
};

struct pcap_record {
	uint32_t sec, usec, len, wire_len;
};

struct addr rtp_load_phone(uint32_t leg)
{
	return (struct addr){
		.family = ADDR_IPV4,
		.port = (uint16_t)(10000 + 2 * (leg % 20000)),
		.ip = {10, (uint8_t)(leg >> 16), (uint8_t)(leg >> 8), (uint8_t)leg},
	};
}

struct addr rtp_load_local(uint32_t leg)
{
	uint32_t at = leg / RTP_LOAD_PORTS;

	return (struct addr){
		.family = ADDR_IPV4,
		.port = (uint16_t)(RTP_LOAD_PORT + 2 * (leg % RTP_LOAD_PORTS)),
		.ip = {172, 16, (uint8_t)at, 1},
	};
}

uint16_t rtp_load_frame(uint32_t leg, uint16_t seq, uint8_t *out)
{
	static struct frame frame;

	frame.src = rtp_load_phone(leg);
	frame.dst = rtp_load_local(leg);
	frame.ttl = 60;
	memcpy(frame.mac_dst, rtp_load_mac, 6);
	frame.mac_src[0] = 2;
	frame_rtp(&frame, 0, seq, leg, RTP_LOAD_PAYLOAD);
	return frame_write(&frame, out);
}

uint32_t rtp_load_random(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((*seed >> 32) * below >> 32);
}

int rtp_load_pcap(const char *path, uint32_t legs, uint32_t frames)
{
	const struct pcap_head head = {
		.magic = PCAP_MAGIC, .major = 2, .minor = 4, .snap = 65535, .link = PCAP_ETHERNET};
	uint32_t *order = calloc(frames, sizeof(*order));
	uint16_t *seq = calloc(legs, sizeof(*seq));
	FILE *file = fopen(path, "w");
	uint64_t seed = 1;
	int err = 0;

	if (!order || !seq || !file)
		return -errno;
	for (uint32_t i = 0; i < frames; i++)
		order[i] = i % legs;
	for (uint32_t i = frames - 1; i > 0; i--) {
		uint32_t j = rtp_load_random(&seed, i + 1), leg = order[i];

		order[i] = order[j];
		order[j] = leg;
	}
	fwrite(&head, sizeof(head), 1, file);
	for (uint32_t i = 0; i < frames; i++) {
		uint8_t data[FRAME_MAX];
		uint16_t len = rtp_load_frame(order[i], seq[order[i]]++, data);
		const struct pcap_record record = {.len = len, .wire_len = len};

		fwrite(&record, sizeof(record), 1, file);
		fwrite(data, len, 1, file);
	}
	if (ferror(file) | fclose(file))
		err = -EIO;
	free(order);
	free(seq);
	return err;
}
