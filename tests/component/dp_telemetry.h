/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's telemetry socket of the running linewatch-dp. */
#ifndef TESTS_COMPONENT_DP_TELEMETRY_H
#define TESTS_COMPONENT_DP_TELEMETRY_H

#include "tests/component/dp_scene.h"

#define DP_TELEMETRY_MAX 16384

/* A connection, past its greeting. */
int dp_telemetry_open(const struct dp *dp);

/* A command and its answer, which ends with a 0. */
void dp_telemetry(int fd, const char *command, char answer[static DP_TELEMETRY_MAX]);

#endif
