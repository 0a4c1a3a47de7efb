/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/media/dpport.h"

#include "controlplane/media/dpclient_impl.h"

#include <errno.h>
#include <string.h>

int dpport_reset(struct dpclient *c, const char *name, void (*done)(void *arg, int err), void *arg)
{
	struct dpport_order order = {.done = done, .arg = arg, .state = DPPORT_WANTED};
	size_t len = strlen(name);

	if (len == 0 || len >= sizeof(order.reset.name))
		return -EINVAL;
	if (!dpclient_is_up(c))
		return -ENOTCONN;
	if (c->port_order.state)
		return -EALREADY;
	memcpy(order.reset.name, name, len);
	c->port_order = order;
	return 0;
}

static void dpport_done(struct dpclient *c, int err)
{
	struct dpport_order order = c->port_order;

	c->port_order.state = DPPORT_NONE;
	order.done(order.arg, err);
}

bool dpport_ack(struct dpclient *c, const struct proto_ack *ack)
{
	if (c->port_order.state != DPPORT_SENT || c->port_order.seq != ack->seq)
		return false;
	dpport_done(c, ack->status);
	return true;
}

void dpport_away(struct dpclient *c)
{
	if (c->port_order.state)
		dpport_done(c, -ENOTCONN);
}

void dpport_event(struct dpclient *c, const struct proto_port_event *ev)
{
	static const char *const words[] = {
		[PROTO_PORT_RESETS] = "out of service: its device is being reset",
		[PROTO_PORT_GONE] = "out of service: its device has gone",
		[PROTO_PORT_BACK] = "in service again",
	};
	const struct facts_head *head = (const struct facts_head *)c->facts;
	char name[FACTS_PORT_NAME];

	memcpy(name, head->port[ev->port].name, sizeof(name));
	name[sizeof(name) - 1] = '\0';
	log_line(ev->kind == PROTO_PORT_BACK ? LOG_NOTICE : LOG_WARNING,
		"data plane at %s: port %s: %s%s", c->path.sun_path, name,
		head->port[ev->port].members_out && ev->kind != PROTO_PORT_BACK ? "a member is "
										: "",
		words[ev->kind]);
}
