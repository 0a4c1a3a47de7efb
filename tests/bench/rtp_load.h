/* SPDX-License-Identifier: BSD-3-Clause */
/* The RTP of N legs: addresses by number, and frames in random order. */
#ifndef TESTS_BENCH_RTP_LOAD_H
#define TESTS_BENCH_RTP_LOAD_H

#include "tests/component/frame.h"

#include <stdint.h>

#define RTP_LOAD_PAYLOAD 172   /* G.711, 20 ms */
#define RTP_LOAD_PORTS   16000 /* legs on one media address */
#define RTP_LOAD_PORT    20000 /* the first */

/* MAC address that net_pcap gives its first device. */
extern const uint8_t rtp_load_mac[6];

/* Where leg i sends from, and our port for it. Legs 2k and 2k + 1 talk to each other. */
struct addr rtp_load_phone(uint32_t leg);
struct addr rtp_load_local(uint32_t leg);

/* Frame `seq` of a leg; returns its length. */
uint16_t rtp_load_frame(uint32_t leg, uint16_t seq, uint8_t *out);

/* The next number below `below`, always the same ones for a seed. */
uint32_t rtp_load_random(uint64_t *seed, uint32_t below);

/* Writes a pcap file with `frames` frames of `legs` legs: each leg as often as another, in an order
 * that is random but always the same. Returns 0 or -errno. */
int rtp_load_pcap(const char *path, uint32_t legs, uint32_t frames);

#endif
