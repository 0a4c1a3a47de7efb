/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/proto.h"

#include "shared/facts.h"
#include "shared/proto_capture.h"
#include "shared/proto_media.h"
#include "shared/proto_value.h"

#include <errno.h>
#include <string.h>

/* Ranges of product.md 1 and 2, in the units of the wire. */
#define PERIOD_MIN_MS   10000u
#define PERIOD_MAX_MS   86400000u
#define INTERVAL_MIN_MS 10u
#define INTERVAL_MAX_MS 10000u
#define BATCH_MAX       1000000u
#define WORKERS_MAX     64
#define ERRNO_MAX       4095

/* Every check returns NULL, or a sentence for the log. */

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
	if (!proto_is_zero(
		    conf->payload + conf->payload_len, PROTO_PAYLOAD_MAX - conf->payload_len))
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
	if (conf->dscp > PROTO_DSCP_MAX)
		return "keep-alive DSCP is out of range";
	if (conf->escalate ? conf->escalate_class >= PROTO_CLASSES ||
				conf->escalate_class == conf->class_id
			   : conf->escalate_class != 0)
		return "keep-alive class escalates to no other class";
	if (conf->skip_heard > 1)
		return "keep-alive class neither skips nor sends";
	if (conf->zero || !proto_is_zero(conf->zero2, sizeof(conf->zero2)))
		return "keep-alive class has bytes that must be zero";
	return NULL;
}

static const char *check_binding(const void *record)
{
	const struct proto_binding *binding = record;

	if (!proto_addr_is_endpoint(&binding->dst))
		return "binding has no destination";
	if (!proto_addr_is_endpoint(&binding->local))
		return "binding has no local address";
	if (binding->dst.family != binding->local.family)
		return "binding mixes address families";
	if (binding->class_id >= PROTO_CLASSES)
		return "binding is of a class that does not exist";
	if (!proto_is_zero(binding->zero, sizeof(binding->zero)))
		return "binding has bytes that must be zero";
	if (binding->expires_ms == 0)
		return "binding has no expiry";
	return NULL;
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
	return proto_is_zero(reset->name + len, sizeof(reset->name) - len)
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
	[PROTO_MEDIA_ADDR] = {sizeof(struct proto_media_addr), MANY, proto_media_check_addr},
	[PROTO_BINDING_SET] = {sizeof(struct proto_binding), MANY, check_binding},
	[PROTO_BINDING_DEL] = {sizeof(struct proto_handle), MANY, check_handle},
	[PROTO_FLOW_SET] = {sizeof(struct proto_flow), MANY, proto_media_check_flow},
	[PROTO_FLOW_DEL] = {sizeof(struct proto_handle), MANY, check_handle},
	[PROTO_MONITOR_SET] = {sizeof(struct proto_monitor), MANY, proto_media_check_monitor},
	[PROTO_CAPTURE_SET] = {sizeof(struct proto_capture), PROTO_CAPTURES, proto_capture_check},
	[PROTO_CAPTURE_DEL] = {sizeof(struct proto_capture_del), PROTO_CAPTURES,
		proto_capture_check_del},
	[PROTO_PORT_RESET] = {sizeof(struct proto_port_reset), 1, check_port_reset},
	[FROM_DATAPLANE(PROTO_WELCOME)] = {sizeof(struct proto_welcome), 1, check_welcome},
	[FROM_DATAPLANE(PROTO_ACK)] = {sizeof(struct proto_ack), 1, check_ack},
	[FROM_DATAPLANE(PROTO_MEDIA_READY)] = {sizeof(struct proto_media_ready), MANY,
		proto_media_check_ready},
	[FROM_DATAPLANE(PROTO_FLOW_EVENT)] = {sizeof(struct proto_flow_event), MANY,
		proto_media_check_event},
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
