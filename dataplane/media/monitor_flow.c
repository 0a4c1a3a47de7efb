/* SPDX-License-Identifier: BSD-3-Clause */
/* Monitored flows as the control plane sets them: the main thread's half. */
#include "dataplane/media/monitor.h"
#include "dataplane/media/monitor_item.h"
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

static struct tagmap_at monitor_at(const struct media *m, const struct addr *addr, uint32_t number)
{
	uint64_t from = monitor_is_from(number) ? MONITOR_FROM : 0;

	if (addr->family == ADDR_IPV6)
		return monitor_at6(
			&m->monitors, addr->ip, record_key(0, rte_cpu_to_be_16(addr->port)) | from);
	return monitor_at4(
		&m->monitors, record_key(addr_ip4(addr), rte_cpu_to_be_16(addr->port)) | from);
}

/* Packets to *at were the flow's, those to *dst are from now on. False: too many others have that
 * destination, or the map is full: it will see nothing. */
static bool monitor_aim(struct media *m, struct addr *at, const struct addr *dst, uint32_t number)
{
	uint32_t there[MONITOR_SHARE], count;
	struct tagmap_at place;

	if (!addr_equal(at, dst) && at->family != ADDR_NONE)
		tagmap_del(&m->monitors, monitor_at(m, at, number), number);
	*at = *dst;
	if (dst->family == ADDR_NONE)
		return true;
	place = monitor_at(m, dst, number);
	count = tagmap_all(&m->monitors, place, there, MONITOR_SHARE);
	for (uint32_t i = 0; i < count; i++)
		if (there[i] == number)
			return true;
	return count < MONITOR_SHARE && tagmap_add(&m->monitors, place, number) == 0;
}

/* All by which the map finds a flow. */
struct monitor_keys {
	struct addr dst, dst_rtcp, from, from_rtcp;
};

static bool monitor_aim_all(struct media *m, uint32_t id, const struct monitor_keys *keys)
{
	uint32_t number = (id - m->monitor_first) * MONITOR_KINDS;
	struct monitor_side *side = &m->side[id - m->monitor_first];
	bool was = side->from.family != ADDR_NONE, is = keys->from.family != ADDR_NONE;
	bool sees = monitor_aim(m, &side->dst, &keys->dst, number + MONITOR_RTP);

	sees &= monitor_aim(m, &side->dst_rtcp, &keys->dst_rtcp, number + MONITOR_RTCP);
	sees &= monitor_aim(m, &side->from, &keys->from, number + MONITOR_RTP_FROM);
	sees &= monitor_aim(m, &side->from_rtcp, &keys->from_rtcp, number + MONITOR_RTCP_FROM);
	__atomic_store_n(&m->monitors_from, m->monitors_from + is - was, __ATOMIC_RELAXED);
	return sees;
}

/* Who sends to a receiver behind a NAT is known by its own address: RTP comes from where it is
 * awaited (RFC 4961), and RTCP from the port above. */
static struct monitor_keys monitor_keys_of(const struct proto_monitor *set)
{
	struct monitor_keys keys = {.dst = set->dst};

	if (!(set->flags & PROTO_FLOW_MUX))
		keys.dst_rtcp = set->dst_rtcp;
	if (set->behind.family == ADDR_NONE || set->dst.family == ADDR_NONE ||
		set->source.family == ADDR_NONE || set->source.port == 0)
		return keys;
	keys.from = set->source;
	if (set->flags & PROTO_FLOW_MUX || set->source.port == UINT16_MAX)
		return keys;
	keys.from_rtcp = keys.from;
	keys.from_rtcp.port++;
	return keys;
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
	const struct monitor_keys none = {0};

	record_store(&m->record[id].out, 0);
	record_store(&m->record[id].from, 0);
	monitor_aim_all(m, id, &none);
	publish_forget(m, id);
	m->flow[id] = (struct flow){.token = rte_rcu_qsbr_start(m->conf.qsbr)};
	m->expires[id] = 0;
	m->due[id] = 0;
	m->conf.facts->head->flows_used--;
}

/* A worker that looks while an address changes may misjudge a packet, no more. Returns false if the
 * flow sees nothing. */
static bool monitor_publish(struct media *m, const struct proto_monitor *set)
{
	struct monitor_side *side = &m->side[set->id - m->monitor_first];
	struct flow_record *record = &m->record[set->id];
	const struct monitor_keys keys = monitor_keys_of(set);
	const struct addr none = {0};
	const struct addr *signal = set->flags & PROTO_FLOW_SIGNAL ? &set->signal : &none;
	const struct addr *source = set->source.family == ADDR_NONE ? signal : &set->source;
	uint64_t match = 0, out = 0;
	bool sees;

	publish_codecs(m, set->id, &side->types, set->payload_types, set->clock_rate);
	side->source = set->source;
	side->signal = *signal;
	if (source->family == ADDR_IPV4)
		match = record_key(addr_ip4(source), 0);
	if (set->dst.family == ADDR_IPV4)
		out = record_key(addr_ip4(&set->dst), rte_cpu_to_be_16(set->dst.port));
	record_store(&record->match, match);
	record_store(&record->from,
		record_from(addr_ip4(signal->family == ADDR_IPV4 ? signal : source), 0,
			PROTO_DSCP_KEEP,
			RECORD_ACTIVE | (set->flags & PROTO_FLOW_MUX ? RECORD_MUX : 0),
			m->quality[set->id].clock));
	side->behind = set->behind;
	sees = monitor_aim_all(m, set->id, &keys);
	record_store(&record->out, out);
	return sees;
}

void monitor_replace(struct media *m, uint32_t slot, const struct proto_monitor *set, uint32_t n,
	uint64_t now_ms)
{
	for (uint32_t i = 0; i < n; i++)
		if (monitor_check(m, slot, &set[i], now_ms) == 0 &&
			flow_is_other(&m->flow[set[i].id], set[i].gen))
			monitor_end(m, set[i].id);
}

int monitor_set(struct media *m, uint32_t slot, const struct proto_monitor *set, uint64_t now_ms)
{
	int err = monitor_check(m, slot, set, now_ms);
	struct flow *f;
	bool sees, again;

	if (err)
		return err;
	f = &m->flow[set->id];
	if (flow_is_other(f, set->gen))
		monitor_end(m, set->id);
	if (!(f->state & FLOW_ACTIVE))
		monitor_begin(m, set->id, set->gen);
	sees = monitor_publish(m, set);
	again = f->mark != m->sync[slot].mark;
	f->mark = m->sync[slot].mark;
	flow_expire_at(m, set->id, set->expires_ms, now_ms);
	flow_clock(m, set->id,
		&(struct flow_clock){
			/* Who does not see the packets must not take that for silence. */
			.flags = sees ? set->flags : set->flags & ~(uint32_t)PROTO_FLOW_CLOCK,
			.start_ms = set->start_ms,
			.silence_ms = set->silence_ms,
			.clock_ms = set->clock_ms,
			.again = again,
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
