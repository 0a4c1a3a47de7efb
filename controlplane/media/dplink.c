/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/media/dpclient_impl.h"
#include "shared/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void dplink_retry(struct dpclient *c, bool late)
{
	uint32_t delay = late || c->retry_ms > c->retry_max_ms ? c->retry_max_ms : c->retry_ms;

	if (c->closing)
		return;
	uv_timer_start(&c->retry, c->retry.timer_cb, delay, 0);
	c->retry_ms = delay * 2;
}

static void dplink_on_closed(uv_handle_t *handle)
{
	struct dplink *link = handle->data;
	struct dpclient *c = link->client;

	free(link);
	dpclient_unref(c);
}

void dplink_drop(struct dpclient *c, enum log_level level, const char *why, bool late)
{
	struct dplink *link = c->link;
	bool was_up = c->up;

	log_line(level, "data plane at %s: %s", c->path.sun_path, why);
	/* Until all is in place again, the first loss counts. */
	if (was_up)
		c->lost_ms = clock_boot_ms();
	c->link = NULL;
	c->up = false;
	c->again = false;
	c->stage = DPSTAGE_AWAY;
	c->blocked = false;
	uv_poll_stop(&link->poll);
	close(link->fd);
	uv_close((uv_handle_t *)&link->poll, dplink_on_closed);
	dplink_retry(c, late);
	dpcapture_away(c);
	dpport_away(c);
	if (was_up && c->events.down)
		c->events.down(c->events.arg);
}

static void dplink_on_poll(uv_poll_t *poll, int status, int events)
{
	struct dplink *link = poll->data;
	struct dpclient *c = link->client;

	if (c->link != link)
		return;
	if (status < 0) {
		dplink_drop(c, LOG_WARNING, uv_strerror(status), false);
		return;
	}
	if (events & UV_READABLE)
		dprecv_read(c);
	if (c->link == link && (events & UV_WRITABLE)) {
		c->blocked = false;
		uv_poll_start(poll, UV_READABLE, dplink_on_poll);
		dpsend_flush(c);
	}
}

/* Each cause is told once, not at each attempt. */
static void dplink_failed(struct dpclient *c, int err)
{
	if (c->last_error != err)
		log_notice("data plane at %s: waiting for it: %s", c->path.sun_path, strerror(err));
	c->last_error = err;
	dplink_retry(c, false);
}

static int dplink_connect(const struct dpclient *c)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&c->path, sizeof(c->path)) == 0)
		return fd;
	err = errno;
	close(fd);
	return -err;
}

void dplink_start(struct dpclient *c)
{
	int fd = dplink_connect(c);
	struct dplink *link;

	if (fd < 0) {
		dplink_failed(c, -fd);
		return;
	}
	link = calloc(1, sizeof(*link));
	if (!link || uv_poll_init(c->loop, &link->poll, fd) != 0) {
		free(link);
		close(fd);
		dplink_failed(c, ENOMEM);
		return;
	}
	link->poll.data = link;
	link->client = c;
	link->fd = fd;
	c->link = link;
	c->handles++;
	c->seq = 0;
	c->blocked = false;
	c->stage = DPSTAGE_HELLO;
	uv_poll_start(&link->poll, UV_READABLE, dplink_on_poll);
}
