/* SPDX-License-Identifier: BSD-3-Clause */
/* Monitored flows as the control plane sets them: the main thread's half. The map holds for each
 * destination twice the flow's id, plus one where it is that of RTCP. */
#include "dataplane/media/monitor.h"
#include "dataplane/media/publish.h"

#include <errno.h>
#include <string.h>

static int monitor_check(
	const struct media *m, uint32_t slot, const struct proto_monitor *set, uint64_t now_ms)
{
	const struct flow *f;

	if (!media_is_monitor(m, set->id) || media_client_of(m, set->id) != slot)
		return -ERANGE;
	if (set->expires_ms <= now_ms)
		return -ETIME;
	f = &m->flow[set->id];
	return f->state & FLOW_ACTIVE && (int32_t)(set->gen - f->gen) < 0 ? -ESTALE : 0;
}

static void monitor_let_go(struct media *m, const struct addr *dst, uint32_t value)
{
	/* The address may be another flow's by now. */
	if (dst->family != ADDR_NONE && addrmap_get(m->monitors, dst) == value)
		addrmap_del(m->monitors, dst);
}

/* Who does not see the packets must not take that for silence. */
static void monitor_stop_clock(struct media *m, uint32_t id)
{
	m->flow[id].flags &= ~(uint32_t)PROTO_FLOW_CLOCK;
	m->flow[id].state &= (uint8_t)~FLOW_SILENT;
	m->due[id] = 0;
}

/* Packets to *at were the flow's, those to *dst are from now on. */
static int monitor_aim(struct media *m, struct addr *at, const struct addr *dst, uint32_t value)
{
	bool moved = !addr_equal(at, dst);
	uint32_t owner;

	if (moved)
		monitor_let_go(m, at, value);
	*at = *dst;
	if (dst->family == ADDR_NONE)
		return 0;
	owner = addrmap_get(m->monitors, dst);
	if (owner != ADDRMAP_NONE && (!moved || owner == value))
		return 0;
	if (owner != ADDRMAP_NONE)
		monitor_stop_clock(m, owner >> 1);
	return addrmap_set(m->monitors, dst, value);
}

/* Another flow may have its destination. */
static bool monitor_sees(const struct media *m, const struct addr *dst, uint32_t value)
{
	return dst->family == ADDR_NONE || addrmap_get(m->monitors, dst) == value;
}

static void monitor_begin(struct media *m, uint32_t id, uint32_t gen)
{
	publish_clear(m, id);
	m->flow[id].gen = m->side[id - m->monitor_first].gen = gen;
	m->flow[id].state = FLOW_ACTIVE;
	m->conf.facts->head->flows_used++;
	if (id - m->monitor_first >= m->monitors_used)
		m->monitors_used = id - m->monitor_first + 1;
}

void monitor_end(struct media *m, uint32_t id)
{
	struct monitor_side *side = &m->side[id - m->monitor_first];

	monitor_let_go(m, &side->dst, id << 1);
	monitor_let_go(m, &side->dst_rtcp, id << 1 | 1);
	side->dst = side->dst_rtcp = (struct addr){0};
	record_store(&m->record[id].from, 0);
	m->flow[id] = (struct flow){.token = rte_rcu_qsbr_start(m->conf.qsbr)};
	m->expires[id] = 0;
	m->due[id] = 0;
	m->conf.facts->head->flows_used--;
}

/* A worker that looks while an address changes may misjudge a packet, no more. */
static void monitor_publish(struct media *m, const struct proto_monitor *set)
{
	struct monitor_side *side = &m->side[set->id - m->monitor_first];
	struct flow_record *record = &m->record[set->id];
	bool signal = set->flags & PROTO_FLOW_SIGNAL;
	uint64_t match = 0;
	uint32_t ip;

	publish_codecs(record, &side->types, set->payload_types, set->clock_rate);
	side->source = set->source;
	side->signal = signal ? set->signal : (struct addr){0};
	memcpy(&ip, set->source.ip, sizeof(ip));
	if (set->source.family == ADDR_IPV4)
		match = record_key(ip, 0);
	else if (set->source.family == ADDR_NONE && !signal)
		match = MONITOR_ANYBODY;
	record_store(&record->match, match);
	record_store(&record->from,
		record_from(0, 0, PROTO_DSCP_KEEP,
			RECORD_ACTIVE | (set->flags & PROTO_FLOW_MUX ? RECORD_MUX : 0)));
}

int monitor_set(struct media *m, uint32_t slot, const struct proto_monitor *set, uint64_t now_ms)
{
	int err = monitor_check(m, slot, set, now_ms);
	const struct addr none = {0};
	struct monitor_side *side;
	struct flow *f;

	if (err)
		return err;
	f = &m->flow[set->id];
	side = &m->side[set->id - m->monitor_first];
	if (f->state & FLOW_ACTIVE && f->gen != set->gen)
		monitor_end(m, set->id);
	if (!(f->state & FLOW_ACTIVE))
		monitor_begin(m, set->id, set->gen);
	monitor_publish(m, set);
	err = monitor_aim(m, &side->dst, &set->dst, set->id << 1);
	if (!err)
		err = monitor_aim(m, &side->dst_rtcp,
			set->flags & PROTO_FLOW_MUX ? &none : &set->dst_rtcp, set->id << 1 | 1);
	if (err) {
		monitor_end(m, set->id);
		return err;
	}
	f->mark = m->sync[slot].mark;
	flow_expire_at(m, set->id, set->expires_ms, now_ms);
	flow_clock(m, set->id,
		&(struct flow_clock){
			.flags = monitor_sees(m, &side->dst, set->id << 1)
				? set->flags
				: set->flags & ~(uint32_t)PROTO_FLOW_CLOCK,
			.start_ms = set->start_ms,
			.silence_ms = set->silence_ms,
			.clock_ms = set->clock_ms,
		},
		now_ms);
	return 0;
}

int monitor_del(struct media *m, uint32_t slot, const struct proto_handle *handle)
{
	if (media_client_of(m, handle->id) != slot)
		return -ERANGE;
	if (m->flow[handle->id].state & FLOW_ACTIVE && m->flow[handle->id].gen == handle->gen)
		monitor_end(m, handle->id);
	return 0;
}
