/* SPDX-License-Identifier: BSD-3-Clause */
/* One JSON value as a person reads it. The name of a field tells what its number is: "..._s",
 * "connected" and "proven" are durations in seconds; "t0", "t1", "t2", "..._at", and "a_sip",
 * "a_rtp", "b_sip", "b_rtp" are times in ms since 1970. */
#ifndef CONTROLPLANE_CTL_CELL_H
#define CONTROLPLANE_CTL_CELL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* A new text without control characters, to be freed; "-" for nothing. NULL when memory is
 * short. */
char *cell_text(const char *name, const json_t *value);

/* Numbers stand to the right. */
bool cell_is_number(const json_t *value);

/* Reads "30", "30s", "5m", "1h" or "2d" as seconds. Returns 0 or -EINVAL. */
int cell_parse_duration(const char *text, uint32_t *seconds);

#endif
