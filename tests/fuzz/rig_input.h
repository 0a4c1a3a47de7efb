/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames into a hot_rig whose bytes behind the end nobody may touch. */
#ifndef TESTS_FUZZ_RIG_INPUT_H
#define TESTS_FUZZ_RIG_INPUT_H

#include "tests/component/hot_rig.h"
#include "tests/fuzz/fuzz.h"

/* The EAL of the rig; once. */
int rig_input_open(void);

/* rig_open() with the worker's clock at the start of the keep-alive schedule. */
struct rig *rig_input_rig(uint32_t bindings, uint32_t flows);

/* One received frame, in two segments if `first` is not 0: so many bytes in the first. */
void rig_input(struct rig *rig, const uint8_t *data, uint16_t len, uint16_t first);

/* A frame of the rig's network: MACs and checksums are right. */
void rig_input_frame(struct rig *rig, const struct frame *frame);

/* The worker's turn: orders, keep-alives. */
void rig_input_turn(struct rig *rig);

/* Time passes, most of it in one leap; then ticks and a turn. */
void rig_input_pass(struct rig *rig, uint32_t ms);

#endif
