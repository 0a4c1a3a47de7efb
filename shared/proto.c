/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/proto.h"

#include "shared/facts.h"
#include "shared/proto_capture.h"

#include <errno.h>
#include <string.h>

/* Ranges of product.md 1 and 2, in the units of the wire. The clocks of media reach from the
 * shortest anybody may set to the longest hold. */
#define PERIOD_MIN_MS   10000u
#define PERIOD_MAX_MS   86400000u
#define INTERVAL_MIN_MS 10u
#define INTERVAL_MAX_MS 10000u
#define BATCH_MAX       1000000u
#define SILENCE_MIN_MS  1000u
#define SILENCE_MAX_MS  86400000u
#define DSCP_MAX        63
#define WORKERS_MAX     64
#define ERRNO_MAX       4095

#define FLOW_FLAGS                                                                    \
	(PROTO_FLOW_MUX | PROTO_FLOW_CLOCK | PROTO_FLOW_RELEARN | PROTO_FLOW_SIGNAL | \
		PROTO_FLOW_LATCHED | PROTO_FLOW_RTCP_LIFE | PROTO_FLOW_SECURE)

#define MONITOR_FLAGS (PROTO_FLOW_MUX | PROTO_FLOW_CLOCK | PROTO_FLOW_SIGNAL | PROTO_FLOW_RTCP_LIFE)

/* Every check returns NULL, or a sentence for the log. */

static bool is_zero(const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++) {
		if (p[i])
			return false;
	}
	return true;
}

static bool addr_is_none(const struct addr *a)
{
	return is_zero(a, sizeof(*a));
}

/* A host that a packet can name: known family, unused bytes zero, not 0.0.0.0 or ::. */
static bool addr_is_host(const struct addr *a)
{
	if (a->zero || is_zero(a->ip, sizeof(a->ip)))
		return false;
	if (a->family == ADDR_IPV4)
		return is_zero(a->ip + 4, sizeof(a->ip) - 4);
	return a->family == ADDR_IPV6;
}

static bool addr_is_endpoint(const struct addr *a)
{
	return addr_is_host(a) && a->port != 0;
}

static bool addr_is_endpoint_or_none(const struct addr *a)
{
	return addr_is_none(a) || addr_is_endpoint(a);
}

static bool silence_is_valid(uint32_t ms)
{
	return ms == 0 || (ms >= SILENCE_MIN_MS && ms <= SILENCE_MAX_MS);
}

static const char *check_ports(const struct addr *local, uint16_t min, uint16_t max)
{
	if (!addr_is_host(local) || local->port != 0)
		return "media address is not an IP address with port 0";
	if (min == 0 || min % 2 != 0 || max % 2 == 0 || min >= max)
		return "media ports are not an even and a higher odd port";
	return NULL;
}

static const char *check_hello(const void *record)
{
	const struct proto_hello *hello = record;
	uint16_t sizes[PROTO_SIZES];

	if (hello->magic != PROTO_MAGIC)
		return "hello is not of this protocol";
	if (hello->version != PROTO_VERSION)
		return "hello of another version of the protocol";
	proto_sizes(sizes);
	if (memcmp(sizes, hello->sizes, sizeof(sizes)) != 0)
		return "hello of a program with other record sizes";
	if (hello->slot >= PROTO_SLOTS)
		return "hello for a slot that does not exist";
	return NULL;
}

static const char *check_sync(const void *record)
{
	const struct proto_sync *sync = record;

	return sync->generation == 0 ? "sync of generation 0" : NULL;
}

static const char *check_sync_end(const void *record)
{
	const struct proto_sync *sync = record;

	return sync->since_ms ? "end of a sync with a time" : check_sync(record);
}

static const char *check_conf(const void *record)
{
	const struct proto_conf *conf = record;

	if (conf->class_id >= PROTO_CLASSES)
		return "keep-alive class does not exist";
	if (conf->payload_kind > PROTO_PAYLOAD_OPTIONS)
		return "keep-alive payload is of no known kind";
	if (conf->payload_len > PROTO_PAYLOAD_MAX)
		return "keep-alive payload is too long";
	if (conf->payload_kind != PROTO_PAYLOAD_TEXT && conf->payload_len != 0)
		return "keep-alive payload of a class that sends no text";
	if (!is_zero(conf->payload + conf->payload_len, PROTO_PAYLOAD_MAX - conf->payload_len))
		return "keep-alive payload goes on behind its length";
	if (conf->period_ms < PERIOD_MIN_MS || conf->period_ms > PERIOD_MAX_MS)
		return "keep-alive period is out of range";
	if (conf->send_interval_ms < INTERVAL_MIN_MS || conf->send_interval_ms > INTERVAL_MAX_MS)
		return "keep-alive send interval is out of range";
	if (conf->send_one_time > BATCH_MAX)
		return "keep-alive batch is out of range";
	if (conf->send_least > BATCH_MAX ||
		(conf->send_one_time == PROTO_BATCH_AUTO && conf->send_least == 0))
		return "keep-alive least batch is out of range";
	if (conf->smooth > 1)
		return "keep-alive mode is neither burst nor smooth";
	if (conf->dscp > DSCP_MAX)
		return "keep-alive DSCP is out of range";
	if (conf->escalate ? conf->escalate_class >= PROTO_CLASSES ||
				conf->escalate_class == conf->class_id
			   : conf->escalate_class != 0)
		return "keep-alive class escalates to no other class";
	if (conf->skip_heard > 1)
		return "keep-alive class neither skips nor sends";
	if (conf->zero || !is_zero(conf->zero2, sizeof(conf->zero2)))
		return "keep-alive class has bytes that must be zero";
	return NULL;
}

static const char *check_media_addr(const void *record)
{
	const struct proto_media_addr *media = record;

	return check_ports(&media->local, media->port_min, media->port_max);
}

static const char *check_media_ready(const void *record)
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

static const char *check_binding(const void *record)
{
	const struct proto_binding *binding = record;

	if (!addr_is_endpoint(&binding->dst))
		return "binding has no destination";
	if (!addr_is_endpoint(&binding->local))
		return "binding has no local address";
	if (binding->dst.family != binding->local.family)
		return "binding mixes address families";
	if (binding->class_id >= PROTO_CLASSES)
		return "binding is of a class that does not exist";
	if (!is_zero(binding->zero, sizeof(binding->zero)))
		return "binding has bytes that must be zero";
	if (binding->expires_ms == 0)
		return "binding has no expiry";
	return NULL;
}

static const char *check_flow_addrs(const struct proto_flow *flow)
{
	if (!addr_is_endpoint_or_none(&flow->remote))
		return "flow has a malformed remote address";
	if (!addr_is_endpoint_or_none(&flow->remote_rtcp))
		return "flow has a malformed remote RTCP address";
	if (!addr_is_none(&flow->signal) && !addr_is_host(&flow->signal))
		return "flow has a malformed signalling address";
	if (flow->flags & PROTO_FLOW_LATCHED) {
		if (!addr_is_endpoint(&flow->latched))
			return "flow is latched to no address";
		if (!addr_is_endpoint_or_none(&flow->latched_rtcp))
			return "flow has a malformed latched RTCP address";
	} else if (!addr_is_none(&flow->latched) || !addr_is_none(&flow->latched_rtcp)) {
		return "flow has a latched address and is not latched";
	}
	if ((flow->flags & PROTO_FLOW_SIGNAL) && addr_is_none(&flow->signal))
		return "flow has no signalling address to learn from";
	return NULL;
}

static const char *check_flow(const void *record)
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
	if (flow->dscp > DSCP_MAX && flow->dscp != PROTO_DSCP_KEEP)
		return "flow has a DSCP out of range";
	if (flow->keepalive_s && flow->keepalive_s < PROTO_RTP_KEEPALIVE_MIN)
		return "flow has a keep-alive too often";
	if ((flow->flags & PROTO_FLOW_CLOCK) && flow->clock_ms == 0)
		return "flow has a media clock that starts never";
	if (flow->expires_ms == 0)
		return "flow has no expiry";
	return check_flow_addrs(flow);
}

static const char *check_monitor(const void *record)
{
	const struct proto_monitor *monitor = record;

	if (monitor->flags & ~(uint32_t)MONITOR_FLAGS)
		return "monitored flow has unknown flags";
	if (!addr_is_endpoint_or_none(&monitor->dst))
		return "monitored flow has a malformed destination";
	if (!addr_is_endpoint_or_none(&monitor->dst_rtcp))
		return "monitored flow has a malformed RTCP destination";
	if (!addr_is_none(&monitor->source) && !addr_is_host(&monitor->source))
		return "monitored flow has a malformed source";
	if (!addr_is_none(&monitor->signal) && !addr_is_host(&monitor->signal))
		return "monitored flow has a malformed signalling address";
	if ((monitor->flags & PROTO_FLOW_SIGNAL) && addr_is_none(&monitor->signal))
		return "monitored flow has no signalling address to expect";
	if (!addr_is_none(&monitor->behind) && !addr_is_host(&monitor->behind))
		return "monitored flow has a malformed address of the receiver's NAT";
	if (!silence_is_valid(monitor->start_ms) || !silence_is_valid(monitor->silence_ms))
		return "monitored flow has a media clock out of range";
	if (!is_zero(monitor->zero, sizeof(monitor->zero)))
		return "monitored flow has bytes that must be zero";
	if ((monitor->flags & PROTO_FLOW_CLOCK) && monitor->clock_ms == 0)
		return "monitored flow has a media clock that starts never";
	return monitor->expires_ms == 0 ? "monitored flow has no expiry" : NULL;
}

static const char *check_welcome(const void *record)
{
	const struct proto_welcome *welcome = record;

	if (welcome->binding_first > UINT32_MAX - welcome->binding_count)
		return "welcome with binding ids that run over";
	if (welcome->monitor_first > UINT32_MAX - welcome->monitor_count ||
		(welcome->monitor_count && welcome->monitor_first < welcome->flow_count))
		return "welcome with ids of monitored flows that run over";
	if (welcome->workers == 0 || welcome->workers > WORKERS_MAX)
		return "welcome with a number of workers out of range";
	if (welcome->facts_size == 0)
		return "welcome without facts memory";
	return NULL;
}

static const char *check_ack(const void *record)
{
	const struct proto_ack *ack = record;

	if (ack->status > 0 || ack->status < -ERRNO_MAX)
		return "acknowledgement with a status out of range";
	if (ack->refused > PROTO_RECORDS_MAX)
		return "acknowledgement that refuses more than a packet holds";
	if (ack->status == 0 && (ack->refused != 0 || ack->first_id != 0))
		return "acknowledgement that refuses without an error";
	return NULL;
}

static const char *check_flow_event(const void *record)
{
	const struct proto_flow_event *event = record;
	bool learnt = event->kind == PROTO_FLOW_LEARNT || event->kind == PROTO_FLOW_LEARNT_RTCP;

	if (event->kind < PROTO_FLOW_LEARNT || event->kind > PROTO_FLOW_EXPIRED)
		return "flow event of no known kind";
	if (learnt ? !addr_is_endpoint(&event->addr) : !addr_is_endpoint_or_none(&event->addr))
		return "flow event with a malformed address";
	if (event->zero)
		return "flow event has bytes that must be zero";
	if (event->at_ms == 0)
		return "flow event without a time";
	return NULL;
}

static const char *check_binding_event(const void *record)
{
	const struct proto_binding_event *event = record;

	if (event->kind < PROTO_BINDING_LOST || event->kind > PROTO_BINDING_EXPIRED)
		return "binding event of no known kind";
	if (event->zero)
		return "binding event has bytes that must be zero";
	if (event->at_ms == 0)
		return "binding event without a time";
	return NULL;
}

static const char *check_lost(const void *record)
{
	const struct proto_lost *lost = record;

	return lost->events == 0 ? "loss of no events" : NULL;
}

static const char *check_port_reset(const void *record)
{
	const struct proto_port_reset *reset = record;
	size_t len = strnlen(reset->name, sizeof(reset->name));

	if (len == 0 || len == sizeof(reset->name))
		return "reset of a port without a name";
	return is_zero(reset->name + len, sizeof(reset->name) - len)
		? NULL
		: "reset of a port has bytes that must be zero";
}

static const char *check_port_event(const void *record)
{
	const struct proto_port_event *event = record;

	if (event->kind < PROTO_PORT_RESETS || event->kind > PROTO_PORT_BACK)
		return "port event of no known kind";
	if (event->port >= FACTS_PORTS)
		return "port event of a port that cannot be";
	return event->at_ms == 0 ? "port event without a time" : NULL;
}

/* Any id and generation may be asked to go. */
static const char *check_handle(const void *record)
{
	return NULL;
}

struct proto_rule {
	uint16_t size;
	uint16_t count_max;
	const char *(*check)(const void *record);
};

#define FROM_DATAPLANE(type) ((type)-PROTO_WELCOME + PROTO_SIZES / 2)
#define MANY                 PROTO_RECORDS_MAX

/* Indexed as sizes[] of the hello. */
static const struct proto_rule rules[PROTO_SIZES] = {
	[PROTO_HELLO] = {sizeof(struct proto_hello), 1, check_hello},
	[PROTO_SYNC_BEGIN] = {sizeof(struct proto_sync), 1, check_sync},
	[PROTO_SYNC_END] = {sizeof(struct proto_sync), 1, check_sync_end},
	[PROTO_CONF] = {sizeof(struct proto_conf), PROTO_CLASSES, check_conf},
	[PROTO_MEDIA_ADDR] = {sizeof(struct proto_media_addr), MANY, check_media_addr},
	[PROTO_BINDING_SET] = {sizeof(struct proto_binding), MANY, check_binding},
	[PROTO_BINDING_DEL] = {sizeof(struct proto_handle), MANY, check_handle},
	[PROTO_FLOW_SET] = {sizeof(struct proto_flow), MANY, check_flow},
	[PROTO_FLOW_DEL] = {sizeof(struct proto_handle), MANY, check_handle},
	[PROTO_MONITOR_SET] = {sizeof(struct proto_monitor), MANY, check_monitor},
	[PROTO_CAPTURE_SET] = {sizeof(struct proto_capture), PROTO_CAPTURES, proto_capture_check},
	[PROTO_CAPTURE_DEL] = {sizeof(struct proto_capture_del), PROTO_CAPTURES,
		proto_capture_check_del},
	[PROTO_PORT_RESET] = {sizeof(struct proto_port_reset), 1, check_port_reset},
	[FROM_DATAPLANE(PROTO_WELCOME)] = {sizeof(struct proto_welcome), 1, check_welcome},
	[FROM_DATAPLANE(PROTO_ACK)] = {sizeof(struct proto_ack), 1, check_ack},
	[FROM_DATAPLANE(PROTO_MEDIA_READY)] = {sizeof(struct proto_media_ready), MANY,
		check_media_ready},
	[FROM_DATAPLANE(PROTO_FLOW_EVENT)] = {sizeof(struct proto_flow_event), MANY,
		check_flow_event},
	[FROM_DATAPLANE(PROTO_BINDING_EVENT)] = {sizeof(struct proto_binding_event), MANY,
		check_binding_event},
	[FROM_DATAPLANE(PROTO_LOST)] = {sizeof(struct proto_lost), 1, check_lost},
	[FROM_DATAPLANE(PROTO_FRAME)] = {sizeof(struct proto_frame), PROTO_FRAMES_MAX,
		proto_capture_check_frame},
	[FROM_DATAPLANE(PROTO_CAPTURE_END)] = {sizeof(struct proto_capture_end), MANY,
		proto_capture_check_end},
	[FROM_DATAPLANE(PROTO_PORT_EVENT)] = {sizeof(struct proto_port_event), MANY,
		check_port_event},
};
static_assert(PROTO_FROM_CLIENT <= PROTO_SIZES / 2, "client types fit into the hello");
static_assert(FROM_DATAPLANE(PROTO_FROM_DATAPLANE) <= PROTO_SIZES, "types fit into the hello");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the wire is little-endian");

static const struct proto_rule *rule_of(uint16_t type)
{
	if (type > 0 && type < PROTO_FROM_CLIENT)
		return &rules[type];
	if (type >= PROTO_WELCOME && type < PROTO_FROM_DATAPLANE)
		return &rules[FROM_DATAPLANE(type)];
	return NULL;
}

size_t proto_size(uint16_t type)
{
	const struct proto_rule *rule = rule_of(type);

	return rule ? rule->size : 0;
}

void proto_sizes(uint16_t sizes[static PROTO_SIZES])
{
	for (size_t i = 0; i < PROTO_SIZES; i++)
		sizes[i] = rules[i].size;
}

static const char *check_packet(const struct proto_head *head, size_t len, bool from_client)
{
	const struct proto_rule *rule;

	if ((uintptr_t)head % _Alignof(uint64_t) != 0)
		return "buffer is not aligned to 8 bytes";
	if (len < sizeof(*head))
		return "shorter than a head";
	if (len > PROTO_PACKET_MAX)
		return "longer than a packet may be";
	if (head->zero || head->zero2)
		return "head has bytes that must be zero";
	rule = rule_of(head->type);
	if (!rule)
		return "type does not exist";
	if ((head->type < PROTO_FROM_CLIENT) != from_client)
		return "type of the other direction";
	if (head->size != rule->size)
		return "record size is not ours";
	if (head->count == 0 || head->count > rule->count_max)
		return "number of records is out of range";
	if (len - sizeof(*head) != (size_t)head->size * head->count)
		return "length does not fit the number of records";
	for (size_t i = 0; i < head->count; i++) {
		const char *why = rule->check((const uint8_t *)(head + 1) + i * head->size);

		if (why)
			return why;
	}
	return NULL;
}

int proto_check(const void *packet, size_t len, bool from_client, const char **why)
{
	*why = check_packet(packet, len, from_client);
	return *why ? -EPROTO : 0;
}
