/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/wheel_uv.h"

#include "shared/clock.h"

static void on_timer(uv_timer_t *timer)
{
	struct wheel_uv *driver = timer->data;

	wheel_run(driver->wheel, clock_boot_ms());
}

/* Runs before each poll: whatever was armed since, the timer is set to the wheel's next moment. */
static void on_prepare(uv_prepare_t *prepare)
{
	struct wheel_uv *driver = prepare->data;
	uint64_t next = wheel_next(driver->wheel);
	uint64_t now;

	if (next == UINT64_MAX) {
		uv_timer_stop(&driver->timer);
		return;
	}
	now = clock_boot_ms();
	/* libuv counts from the start of the loop's turn, which may lie behind. */
	uv_update_time(driver->timer.loop);
	uv_timer_start(&driver->timer, on_timer, next > now ? next - now : 0, 0);
}

int wheel_uv_start(struct wheel_uv *driver, uv_loop_t *loop, struct wheel *wheel)
{
	int err;

	driver->wheel = wheel;
	err = uv_timer_init(loop, &driver->timer);
	if (err)
		return err;
	err = uv_prepare_init(loop, &driver->prepare);
	if (err)
		return err;
	driver->timer.data = driver;
	driver->prepare.data = driver;
	uv_unref((uv_handle_t *)&driver->timer);
	err = uv_prepare_start(&driver->prepare, on_prepare);
	uv_unref((uv_handle_t *)&driver->prepare);
	return err;
}

void wheel_uv_stop(struct wheel_uv *driver)
{
	uv_close((uv_handle_t *)&driver->timer, NULL);
	uv_close((uv_handle_t *)&driver->prepare, NULL);
}
