/* SPDX-License-Identifier: BSD-3-Clause */
/* The rig with keep-alives of one class: who got how many, and when, in virtual time. */
#ifndef TESTS_COMPONENT_KEEPALIVE_SCENE_H
#define TESTS_COMPONENT_KEEPALIVE_SCENE_H

#include "tests/component/hot_rig.h"

#define SEEN_COUNT 600
#define SEEN_HELLO "HELLO"
#define SECOND     RIG_HZ

/* What the port has seen. */
struct seen {
	struct rig *rig;
	uint64_t now;
	uint64_t rest;             /* of it that the rig's milliseconds do not show yet */
	uint64_t last[SEEN_COUNT]; /* when binding i got its last message */
	uint32_t messages[SEEN_COUNT];
	uint32_t total;
	const char *payload;
	uint32_t client; /* whose the next orders are, 0 or 1 */
	/* For seen_configure. */
	uint16_t per_address_cap;
	bool skip_heard;
	void (*on_frame)(struct seen *s, uint32_t i); /* to binding i, just now; may be NULL */
};

/* Period 30 s, interval 500 ms, any batch. */
struct seen *seen_open(void);

/* Fails the test if anything is left behind. */
void seen_close(struct seen *s);

/* The device of binding i. */
struct addr seen_device(uint32_t i, bool v6);

/* The control plane's order of binding i. */
void seen_order(struct seen *s, uint32_t i, uint32_t gen, bool v6);
void seen_configure(struct seen *s, const char *payload, uint32_t period_ms, uint32_t interval_ms,
	uint32_t one_time);

/* Looks at each frame that was sent. */
void seen_look(struct seen *s);

/* The worker's turns for that time, each exactly when it is due; main ticks alongside. */
void seen_run(struct seen *s, uint64_t time);

#endif
