/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a timer wheel on a libuv loop: one uv_timer, set again before each poll. */
#ifndef CONTROLPLANE_WHEEL_UV_H
#define CONTROLPLANE_WHEEL_UV_H

#include "controlplane/wheel.h"

#include <uv.h>

struct wheel_uv {
	struct wheel *wheel;
	uv_timer_t timer;
	uv_prepare_t prepare;
};

/* Starts driving; the wheel's time is clock_boot_ms(). Neither handle keeps the loop alive by
 * itself. Returns 0 or -errno. */
int wheel_uv_start(struct wheel_uv *driver, uv_loop_t *loop, struct wheel *wheel);

/* Closes both handles; the memory must stay until the loop has run once more. */
void wheel_uv_stop(struct wheel_uv *driver);

#endif
