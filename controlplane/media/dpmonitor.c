/* SPDX-License-Identifier: BSD-3-Clause */
/* Monitored flows, by number. */
#include "controlplane/media/dpclient_impl.h"

#include <errno.h>

static int64_t dpmonitor_id(const struct dpclient *c, uint32_t number)
{
	if (number >= c->welcome.monitor_count)
		return -1;
	return c->welcome.monitor_first + number;
}

static void dpmonitor_resync(struct dpwant *w, uint64_t now_ms)
{
	struct dpmonitor *m = (struct dpmonitor *)w;

	/* Nothing was heard while nobody listened: silence is counted from now. */
	if ((m->monitor.flags & PROTO_FLOW_CLOCK) && m->monitor.clock_ms < now_ms)
		m->monitor.clock_ms = now_ms;
}

const struct dptable_kind dpmonitor_kind = {
	.set = PROTO_MONITOR_SET,
	.del = PROTO_FLOW_DEL,
	.stride = sizeof(struct dpmonitor),
	.id = dpmonitor_id,
	.resync = dpmonitor_resync,
};

int dpclient_monitor_set(struct dpclient *c, uint32_t number, const struct proto_monitor *monitor)
{
	if (number >= c->monitors.size || dpclient_check(PROTO_MONITOR_SET, monitor) < 0)
		return -EINVAL;
	dptable_set(&c->monitors, number, monitor->gen);
	((struct dpmonitor *)dptable_at(&c->monitors, number))->monitor = *monitor;
	return 0;
}

void dpclient_monitor_del(struct dpclient *c, uint32_t number, uint32_t gen)
{
	if (dptable_held(&c->monitors, number, gen))
		dptable_del(&c->monitors, number);
}

const struct proto_monitor *dpclient_monitor_get(const struct dpclient *c, uint32_t number)
{
	return dptable_get(&c->monitors, number);
}

bool dpmonitor_event(struct dpclient *c, const struct proto_flow_event *ev)
{
	uint32_t number = ev->id - c->welcome.monitor_first;
	const struct dpmonitor *m;

	if (ev->id < c->welcome.monitor_first || number >= c->welcome.monitor_count)
		return false;
	m = (const struct dpmonitor *)dptable_held(&c->monitors, number, ev->gen);
	if (!m)
		return true;
	if (ev->kind == PROTO_FLOW_EXPIRED &&
		!dptable_expire(&c->monitors, number, m->monitor.expires_ms, ev->at_ms))
		return true;
	c->event_count++;
	if (c->events.monitor)
		c->events.monitor(c->events.arg, number, ev);
	return true;
}
