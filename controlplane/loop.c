/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/loop.h"

#include "controlplane/call/hangup.h"
#include "shared/clock.h"

#include <signal.h>
#include <string.h>

/* What is unwritten when the process is told to stop may take so long. */
#define FLUSH_MS 3000

static void close_modules(struct loop *loop, size_t count)
{
	while (count-- > 0)
		loop_modules[count].close(loop);
	/* Runs what close callbacks are left. */
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	uv_loop_close(&loop->uv);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct loop *loop = handle->data;

	log_notice("stopping: calls stay in Redis");
	loop_stop(loop, false);
}

static void signal_open(struct loop *loop, uv_signal_t *handle, int number)
{
	uv_signal_init(&loop->uv, handle);
	handle->data = loop;
	uv_signal_start(handle, on_signal, number);
	uv_unref((uv_handle_t *)handle);
}

int loop_open(struct loop *loop, const struct conf *conf)
{
	size_t i;
	int rc = uv_loop_init(&loop->uv);

	if (rc < 0)
		return rc;
	loop->conf = conf;
	loop->calls.conf = conf;
	loop->calls.wheel = &loop->wheel;
	loop->stamp = (uint32_t)(clock_wall_ms() / 1000);
	loop->started_ms = clock_boot_ms();
	for (i = 0; i < loop_module_count; i++) {
		rc = loop_modules[i].open(loop);
		if (rc < 0) {
			log_error("%s: %s", loop_modules[i].name, strerror(-rc));
			close_modules(loop, i);
			return rc;
		}
	}
	signal_open(loop, &loop->sigterm, SIGTERM);
	signal_open(loop, &loop->sigint, SIGINT);
	return 0;
}

/* With end_calls the loop goes on until the last call is gone. */
void loop_stop(struct loop *loop, bool end_calls)
{
	struct call *call, *next;

	loop->stopping = true;
	loop->calls.closing = true;
	loop->flush_until_ms = clock_boot_ms() + FLUSH_MS;
	loop->end_calls = end_calls;
	if (end_calls) {
		HASH_ITER(hh, loop->calls.table, call, next)
			hangup_fact(call, CAUSE_SHUTDOWN, 0, 2);
	}
}

/* Is there still something to wait for? */
static bool busy(struct loop *loop)
{
	struct store_stats stats;

	if (!loop->stopping)
		return true;
	if (loop->end_calls && loop->calls.count > 0)
		return true;
	store_stats_read(loop->calls.store, &stats);
	return stats.up && stats.journal > 0 && clock_boot_ms() < loop->flush_until_ms;
}

int loop_run(struct loop *loop)
{
	while (busy(loop))
		uv_run(&loop->uv, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&loop->sigterm, NULL);
	uv_close((uv_handle_t *)&loop->sigint, NULL);
	close_modules(loop, loop_module_count);
	return loop->status;
}
