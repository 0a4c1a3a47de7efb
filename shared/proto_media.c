/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/proto_media.h"

#include "shared/proto.h"
#include "shared/proto_value.h"

/* In the units of the wire: the clocks of media reach from the shortest anybody may set to the
 * longest hold. */
#define SILENCE_MIN_MS 1000u
#define SILENCE_MAX_MS 86400000u

#define FLOW_FLAGS                                                                    \
	(PROTO_FLOW_MUX | PROTO_FLOW_CLOCK | PROTO_FLOW_RELEARN | PROTO_FLOW_SIGNAL | \
		PROTO_FLOW_LATCHED | PROTO_FLOW_RTCP_LIFE | PROTO_FLOW_SECURE)

#define MONITOR_FLAGS (PROTO_FLOW_MUX | PROTO_FLOW_CLOCK | PROTO_FLOW_SIGNAL | PROTO_FLOW_RTCP_LIFE)

static bool silence_is_valid(uint32_t ms)
{
	return ms == 0 || (ms >= SILENCE_MIN_MS && ms <= SILENCE_MAX_MS);
}

static const char *check_ports(const struct addr *local, uint16_t min, uint16_t max)
{
	if (!proto_addr_is_host(local) || local->port != 0)
		return "media address is not an IP address with port 0";
	if (min == 0 || min % 2 != 0 || max % 2 == 0 || min >= max)
		return "media ports are not an even and a higher odd port";
	return NULL;
}

const char *proto_media_check_addr(const void *record)
{
	const struct proto_media_addr *media = record;

	return check_ports(&media->local, media->port_min, media->port_max);
}

const char *proto_media_check_ready(const void *record)
{
	const struct proto_media_ready *ready = record;
	const char *why = check_ports(&ready->local, ready->port_min, ready->port_max);

	if (why)
		return why;
	if (ready->slots != (uint32_t)(ready->port_max - ready->port_min + 1) / 2)
		return "media slots are not half the ports";
	if (ready->base > UINT32_MAX - ready->slots)
		return "media slots run over";
	return NULL;
}

static const char *check_flow_addrs(const struct proto_flow *flow)
{
	if (!proto_addr_is_endpoint_or_none(&flow->remote))
		return "flow has a malformed remote address";
	if (!proto_addr_is_endpoint_or_none(&flow->remote_rtcp))
		return "flow has a malformed remote RTCP address";
	if (!proto_addr_is_none(&flow->signal) && !proto_addr_is_host(&flow->signal))
		return "flow has a malformed signalling address";
	if (flow->flags & PROTO_FLOW_LATCHED) {
		if (!proto_addr_is_endpoint(&flow->latched))
			return "flow is latched to no address";
		if (!proto_addr_is_endpoint_or_none(&flow->latched_rtcp))
			return "flow has a malformed latched RTCP address";
	} else if (!proto_addr_is_none(&flow->latched) ||
		!proto_addr_is_none(&flow->latched_rtcp)) {
		return "flow has a latched address and is not latched";
	}
	if ((flow->flags & PROTO_FLOW_SIGNAL) && proto_addr_is_none(&flow->signal))
		return "flow has no signalling address to learn from";
	return NULL;
}

const char *proto_media_check_flow(const void *record)
{
	const struct proto_flow *flow = record;

	if (flow->id == PROTO_NO_PEER)
		return "flow has no slot";
	if (flow->peer_id == flow->id)
		return "flow is its own peer";
	if (flow->flags & ~(uint32_t)FLOW_FLAGS)
		return "flow has unknown flags";
	if ((flow->flags & PROTO_FLOW_RELEARN) && (flow->flags & PROTO_FLOW_LATCHED))
		return "flow is given back and learnt afresh at once";
	if (!silence_is_valid(flow->start_ms) || !silence_is_valid(flow->silence_ms))
		return "flow has a media clock out of range";
	if (flow->dscp > PROTO_DSCP_MAX && flow->dscp != PROTO_DSCP_KEEP)
		return "flow has a DSCP out of range";
	if (flow->keepalive_s && flow->keepalive_s < PROTO_RTP_KEEPALIVE_MIN)
		return "flow has a keep-alive too often";
	if ((flow->flags & PROTO_FLOW_CLOCK) && flow->clock_ms == 0)
		return "flow has a media clock that starts never";
	if (flow->expires_ms == 0)
		return "flow has no expiry";
	return check_flow_addrs(flow);
}

const char *proto_media_check_monitor(const void *record)
{
	const struct proto_monitor *monitor = record;

	if (monitor->flags & ~(uint32_t)MONITOR_FLAGS)
		return "monitored flow has unknown flags";
	if (!proto_addr_is_endpoint_or_none(&monitor->dst))
		return "monitored flow has a malformed destination";
	if (!proto_addr_is_endpoint_or_none(&monitor->dst_rtcp))
		return "monitored flow has a malformed RTCP destination";
	if (!proto_addr_is_none(&monitor->source) && !proto_addr_is_host(&monitor->source))
		return "monitored flow has a malformed source";
	if (!proto_addr_is_none(&monitor->signal) && !proto_addr_is_host(&monitor->signal))
		return "monitored flow has a malformed signalling address";
	if ((monitor->flags & PROTO_FLOW_SIGNAL) && proto_addr_is_none(&monitor->signal))
		return "monitored flow has no signalling address to expect";
	if (!proto_addr_is_none(&monitor->behind) && !proto_addr_is_host(&monitor->behind))
		return "monitored flow has a malformed address of the receiver's NAT";
	if (!silence_is_valid(monitor->start_ms) || !silence_is_valid(monitor->silence_ms))
		return "monitored flow has a media clock out of range";
	if (!proto_is_zero(monitor->zero, sizeof(monitor->zero)))
		return "monitored flow has bytes that must be zero";
	if ((monitor->flags & PROTO_FLOW_CLOCK) && monitor->clock_ms == 0)
		return "monitored flow has a media clock that starts never";
	return monitor->expires_ms == 0 ? "monitored flow has no expiry" : NULL;
}

const char *proto_media_check_event(const void *record)
{
	const struct proto_flow_event *event = record;
	bool learnt = event->kind == PROTO_FLOW_LEARNT || event->kind == PROTO_FLOW_LEARNT_RTCP;

	if (event->kind < PROTO_FLOW_LEARNT || event->kind > PROTO_FLOW_EXPIRED)
		return "flow event of no known kind";
	if (learnt ? !proto_addr_is_endpoint(&event->addr)
		   : !proto_addr_is_endpoint_or_none(&event->addr))
		return "flow event with a malformed address";
	if (event->zero)
		return "flow event has bytes that must be zero";
	if (event->at_ms == 0)
		return "flow event without a time";
	return NULL;
}
