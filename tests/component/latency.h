/* SPDX-License-Identifier: BSD-3-Clause */
/* How long something takes after silence. Other work on the machine may delay anything (urgent.h
 * keeps most of that away), so the best of several rounds counts, and of a round what nine in ten
 * keep: a sleep that is too long is too long in most samples of every round. */
#ifndef TESTS_COMPONENT_LATENCY_H
#define TESTS_COMPONENT_LATENCY_H

#include <stdint.h>

#define LATENCY_SAMPLES 21 /* of a round, at most */

struct latency {
	int rounds;
	int samples;
	uint32_t quiet_us; /* before each sample: every sleep is as long as it gets */
	uint32_t step_us;  /* more each time, so that it comes at any moment of a sleep */
};

uint64_t latency_now_ns(void);

/* `once` is called with a number that is new each time, and returns nanoseconds. Rounds end with
 * the first one at or below `enough`. */
uint64_t latency_usual(const struct latency *how, uint64_t (*once)(uint16_t seq), uint64_t enough);

#endif
