/* SPDX-License-Identifier: BSD-3-Clause */
/* Monitored flows, by number. */
#include "controlplane/media/dpclient_impl.h"

#include <errno.h>

int dpclient_monitor_set(struct dpclient *c, uint32_t number, const struct proto_monitor *monitor)
{
	struct dpmonitor *m;

	if (number >= c->monitors_max || dpclient_check(PROTO_MONITOR_SET, monitor) < 0)
		return -EINVAL;
	m = &c->monitors[number];
	m->counted &= m->state == DPWANT_SET && m->monitor.gen == monitor->gen;
	if (m->state != DPWANT_SET)
		c->monitors_set++;
	m->state = DPWANT_SET;
	m->monitor = *monitor;
	dptable_mark(&c->monitors_dirty, number);
	return 0;
}

void dpclient_monitor_del(struct dpclient *c, uint32_t number, uint32_t gen)
{
	struct dpmonitor *m;

	if (number >= c->monitors_max)
		return;
	m = &c->monitors[number];
	if (m->state != DPWANT_SET || m->monitor.gen != gen)
		return;
	m->state = DPWANT_GONE;
	c->monitors_set--;
	dptable_mark(&c->monitors_dirty, number);
}

const struct proto_monitor *dpclient_monitor_get(const struct dpclient *c, uint32_t number)
{
	if (number >= c->monitors_max || c->monitors[number].state != DPWANT_SET)
		return NULL;
	return &c->monitors[number].monitor;
}

void dpmonitor_resync(struct dpclient *c, uint64_t now_ms)
{
	for (uint32_t i = 0; i < c->monitors_max; i++) {
		struct dpmonitor *m = &c->monitors[i];

		m->sent = false;
		if (m->state != DPWANT_SET) {
			m->state = DPWANT_NONE;
			continue;
		}
		/* Nothing was heard while nobody listened: silence is counted from now. */
		if ((m->monitor.flags & PROTO_FLOW_CLOCK) && m->monitor.clock_ms < now_ms)
			m->monitor.clock_ms = now_ms;
		dptable_mark(&c->monitors_dirty, i);
	}
}

static void dpmonitor_sent(struct dpclient *c, uint32_t number)
{
	struct dpmonitor *m = &c->monitors[number];

	m->sent = m->state == DPWANT_SET && number < c->welcome.monitor_count;
	m->counted |= m->sent;
	m->sent_gen = m->monitor.gen;
	if (m->state == DPWANT_GONE)
		m->state = DPWANT_NONE;
}

/* Those for which the data plane has no room keep their place in the table and are tried again
 * after the next connection. */
uint32_t dpmonitor_pack(struct dpclient *c, void *records, uint32_t *taken, uint16_t *type)
{
	struct dptable *t = &c->monitors_dirty;
	uint8_t state = c->monitors[dptable_peek(t, 0)].state;
	struct proto_monitor *set = records;
	struct proto_handle *gone = records;
	uint32_t n = 0;

	*type = state == DPWANT_SET ? PROTO_MONITOR_SET : PROTO_FLOW_DEL;
	for (*taken = 0; *taken < t->count && n < PROTO_RECORDS_MAX; ++*taken) {
		uint32_t number = dptable_peek(t, *taken);
		const struct dpmonitor *m = &c->monitors[number];
		uint32_t id = c->welcome.monitor_first + number;

		if (m->state != state)
			break;
		if (state == DPWANT_SET && number < c->welcome.monitor_count) {
			set[n] = m->monitor;
			set[n++].id = id;
		} else if (state == DPWANT_GONE && m->sent) {
			gone[n++] = (struct proto_handle){.id = id, .gen = m->sent_gen};
		}
	}
	return n;
}

void dpmonitor_packed(struct dpclient *c, uint32_t taken)
{
	for (uint32_t i = 0; i < taken; i++)
		dpmonitor_sent(c, dptable_peek(&c->monitors_dirty, i));
	dptable_pop(&c->monitors_dirty, taken);
}

bool dpmonitor_event(struct dpclient *c, const struct proto_flow_event *ev)
{
	uint32_t number = ev->id - c->welcome.monitor_first;
	struct dpmonitor *m;

	if (ev->id < c->welcome.monitor_first || number >= c->welcome.monitor_count)
		return false;
	if (number >= c->monitors_max)
		return true;
	m = &c->monitors[number];
	if (m->state != DPWANT_SET || m->monitor.gen != ev->gen)
		return true;
	if (ev->kind == PROTO_FLOW_EXPIRED) {
		/* Prolonged meanwhile: the update on its way begins it anew. */
		if (m->monitor.expires_ms > ev->at_ms) {
			dptable_mark(&c->monitors_dirty, number);
			return true;
		}
		m->state = DPWANT_NONE;
		m->sent = false;
		c->monitors_set--;
	}
	c->event_count++;
	if (c->events.monitor)
		c->events.monitor(c->events.arg, number, ev);
	return true;
}
