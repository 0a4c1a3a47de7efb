/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/proto.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A packet of one record, in memory of exactly its size, so that a sanitizer sees any read beyond.
 */
union record {
	struct proto_hello hello;
	struct proto_sync sync;
	struct proto_conf conf;
	struct proto_media_addr media;
	struct proto_binding binding;
	struct proto_handle handle;
	struct proto_flow flow;
	struct proto_welcome welcome;
	struct proto_ack ack;
	struct proto_media_ready ready;
	struct proto_flow_event flow_event;
	struct proto_binding_event binding_event;
	struct proto_lost lost;
};

static const uint16_t types[] = {PROTO_HELLO, PROTO_SYNC_BEGIN, PROTO_SYNC_END, PROTO_CONF,
	PROTO_MEDIA_ADDR, PROTO_BINDING_SET, PROTO_BINDING_DEL, PROTO_FLOW_SET, PROTO_FLOW_DEL,
	PROTO_WELCOME, PROTO_ACK, PROTO_MEDIA_READY, PROTO_FLOW_EVENT, PROTO_BINDING_EVENT,
	PROTO_LOST};
#define TYPES (sizeof(types) / sizeof(types[0]))

static struct addr address(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(&addr, text, 0), 0);
	return addr;
}

static void good_flow(struct proto_flow *flow)
{
	*flow = (struct proto_flow){
		.id = 7,
		.gen = 3,
		.peer_id = 8,
		.peer_gen = 1,
		.remote = address("192.0.2.1:4000"),
		.remote_rtcp = address("192.0.2.1:4001"),
		.signal = address("198.51.100.1:5060"),
		.latched = address("198.51.100.1:4000"),
		.latched_rtcp = address("198.51.100.1:4001"),
		.flags = PROTO_FLOW_MUX | PROTO_FLOW_CLOCK | PROTO_FLOW_SIGNAL |
			PROTO_FLOW_LATCHED | PROTO_FLOW_RTCP_LIFE,
		.payload_types = {0x01, 0x01},
		.ssrc = 0xdeadbeef,
		.start_ms = 60000,
		.silence_ms = 60000,
		.dscp = 46,
		.clock_ms = 1000,
		.expires_ms = 2000,
	};
}

static void good_conf(struct proto_conf *conf)
{
	*conf = (struct proto_conf){
		.class_id = 7,
		.payload_kind = PROTO_PAYLOAD_TEXT,
		.payload_len = 5,
		.period_ms = 30000,
		.send_interval_ms = 500,
		.send_one_time = PROTO_BATCH_AUTO,
		.send_least = 3000,
		.smooth = 1,
		.missed_max = 3,
		.dscp = 63,
		.payload = "HELLO",
	};
}

static void good_client(uint16_t type, union record *r)
{
	switch (type) {
	case PROTO_HELLO:
		r->hello = (struct proto_hello){
			.magic = PROTO_MAGIC, .version = PROTO_VERSION, .slot = 15};
		proto_sizes(r->hello.sizes);
		break;
	case PROTO_SYNC_BEGIN:
	case PROTO_SYNC_END:
		r->sync.generation = 1;
		break;
	case PROTO_CONF:
		good_conf(&r->conf);
		break;
	case PROTO_MEDIA_ADDR:
		r->media = (struct proto_media_addr){
			.local = address("192.0.2.10"), .port_min = 20000, .port_max = 29999};
		break;
	case PROTO_BINDING_SET:
		r->binding = (struct proto_binding){.id = 1,
			.gen = 1,
			.dst = address("203.0.113.9:1024"),
			.local = address("192.0.2.10:5060"),
			.class_id = 7,
			.expires_ms = 1};
		break;
	case PROTO_FLOW_SET:
		good_flow(&r->flow);
		break;
	default:
		r->handle = (struct proto_handle){1, 1};
	}
}

static void good_dataplane(uint16_t type, union record *r)
{
	switch (type) {
	case PROTO_WELCOME:
		r->welcome = (struct proto_welcome){.boot_id = 1,
			.binding_first = UINT32_MAX - 100,
			.binding_count = 100,
			.flow_count = 10,
			.workers = 64,
			.facts_size = 1};
		break;
	case PROTO_ACK:
		r->ack = (struct proto_ack){
			.seq = 1, .status = -EBUSY, .refused = PROTO_RECORDS_MAX, .first_id = 4};
		break;
	case PROTO_MEDIA_READY:
		r->ready = (struct proto_media_ready){.local = address("2001:db8::1"),
			.port_min = 20000,
			.port_max = 29999,
			.base = UINT32_MAX - 5000,
			.slots = 5000};
		break;
	case PROTO_FLOW_EVENT:
		r->flow_event = (struct proto_flow_event){.id = 1,
			.gen = 1,
			.kind = PROTO_FLOW_LEARNT,
			.addr = address("192.0.2.1:4000"),
			.at_ms = 1};
		break;
	case PROTO_BINDING_EVENT:
		r->binding_event = (struct proto_binding_event){
			.kind = PROTO_BINDING_EXPIRED, .at_ms = 1};
		break;
	default:
		r->lost.events = 1;
	}
}

static bool is_client(uint16_t type)
{
	return type < PROTO_FROM_CLIENT;
}

static struct proto_head *packet_new(uint16_t type, uint16_t count, size_t *len)
{
	size_t size = proto_size(type);
	struct proto_head *head = calloc(1, sizeof(*head) + size * count);
	union record record;

	memset(&record, 0, sizeof(record));
	if (is_client(type))
		good_client(type, &record);
	else
		good_dataplane(type, &record);
	*head = (struct proto_head){
		.type = type, .size = (uint16_t)size, .count = count, .seq = 99};
	for (uint16_t i = 0; i < count; i++)
		memcpy((uint8_t *)(head + 1) + i * size, &record, size);
	*len = sizeof(*head) + size * count;
	return head;
}

static void every_type_is_accepted(void **state)
{
	const char *why;
	size_t len;

	for (size_t i = 0; i < TYPES; i++) {
		struct proto_head *head = packet_new(types[i], 1, &len);

		if (proto_check(head, len, is_client(types[i]), &why))
			fail_msg("type %u: %s", types[i], why);
		assert_null(why);
		assert_int_equal(proto_check(head, len, !is_client(types[i]), &why), -EPROTO);
		assert_string_equal(why, "type of the other direction");
		free(head);
	}
}

static void sizes_are_those_of_the_structs(void **state)
{
	uint16_t sizes[PROTO_SIZES];
	size_t known = 0;

	proto_sizes(sizes);
	for (size_t i = 0; i < TYPES; i++) {
		size_t at = is_client(types[i]) ? types[i] : types[i] - PROTO_WELCOME + 16u;

		assert_int_equal(sizes[at], proto_size(types[i]));
		assert_true(proto_size(types[i]) > 0);
	}
	for (size_t i = 0; i < PROTO_SIZES; i++)
		known += sizes[i] != 0;
	assert_int_equal(known, TYPES);
	assert_int_equal(proto_size(PROTO_FLOW_SET), sizeof(struct proto_flow));
	assert_int_equal(proto_size(0), 0);
	assert_int_equal(proto_size(PROTO_FROM_CLIENT), 0);
	assert_int_equal(proto_size(PROTO_FROM_DATAPLANE), 0);
	assert_int_equal(proto_size(65535), 0);
}

static void many_records_are_checked_each(void **state)
{
	size_t len;
	const char *why;
	struct proto_head *head = packet_new(PROTO_FLOW_SET, PROTO_RECORDS_MAX, &len);
	struct proto_flow *flows = (struct proto_flow *)(head + 1);

	assert_int_equal(proto_check(head, len, true, &why), 0);
	flows[PROTO_RECORDS_MAX - 1].dscp = 64;
	assert_int_equal(proto_check(head, len, true, &why), -EPROTO);
	assert_string_equal(why, "flow has a DSCP out of range");
	free(head);
}

/* Sets a field of a good packet and expects the sentence. */
#define BROKEN(packet_type, rtype, change, sentence)                                       \
	do {                                                                               \
		size_t len_;                                                               \
		const char *why_;                                                          \
		struct proto_head *head_ = packet_new(packet_type, 1, &len_);              \
		rtype *r __attribute__((unused)) = (rtype *)(head_ + 1);                   \
		change;                                                                    \
		assert_int_equal(                                                          \
			proto_check(head_, len_, is_client(packet_type), &why_), -EPROTO); \
		assert_string_equal(why_, sentence);                                       \
		free(head_);                                                               \
	} while (0)

#define ACCEPTED(packet_type, rtype, change)                                  \
	do {                                                                  \
		size_t len_;                                                  \
		const char *why_;                                             \
		struct proto_head *head_ = packet_new(packet_type, 1, &len_); \
		rtype *r __attribute__((unused)) = (rtype *)(head_ + 1);      \
		change;                                                       \
		if (proto_check(head_, len_, is_client(packet_type), &why_))  \
			fail_msg("%s", why_);                                 \
		free(head_);                                                  \
	} while (0)

static void heads(void **state)
{
	size_t len;
	const char *why;
	struct proto_head *head = packet_new(PROTO_BINDING_DEL, 1, &len);
	uint8_t *big = calloc(1, PROTO_PACKET_MAX + 8);

	assert_int_equal(proto_check(head, 0, true, &why), -EPROTO);
	assert_string_equal(why, "shorter than a head");
	assert_int_equal(proto_check(head, sizeof(*head) - 1, true, &why), -EPROTO);
	assert_int_equal(proto_check(head, len - 1, true, &why), -EPROTO);
	assert_string_equal(why, "length does not fit the number of records");
	assert_int_equal(proto_check(big, PROTO_PACKET_MAX + 1, true, &why), -EPROTO);
	assert_string_equal(why, "longer than a packet may be");
	assert_int_equal(proto_check(big + 4, 64, true, &why), -EPROTO);
	assert_string_equal(why, "buffer is not aligned to 8 bytes");
	free(head);
	free(big);

	BROKEN(PROTO_BINDING_DEL, struct proto_handle, head_->zero = 1,
		"head has bytes that must be zero");
	BROKEN(PROTO_BINDING_DEL, struct proto_handle, head_->zero2 = 1,
		"head has bytes that must be zero");
	BROKEN(PROTO_BINDING_DEL, struct proto_handle, head_->type = 0, "type does not exist");
	BROKEN(PROTO_BINDING_DEL, struct proto_handle, head_->type = PROTO_FROM_CLIENT,
		"type does not exist");
	BROKEN(PROTO_BINDING_DEL, struct proto_handle, head_->size = 12, "record size is not ours");
	BROKEN(PROTO_BINDING_DEL, struct proto_handle, head_->count = 0,
		"number of records is out of range");
	BROKEN(PROTO_BINDING_DEL, struct proto_handle, head_->count = 2,
		"length does not fit the number of records");
	BROKEN(PROTO_BINDING_DEL, struct proto_handle, head_->count = PROTO_RECORDS_MAX + 1,
		"number of records is out of range");
	BROKEN(PROTO_HELLO, struct proto_hello, head_->count = 2,
		"number of records is out of range");
	BROKEN(PROTO_CONF, struct proto_conf, head_->count = PROTO_CLASSES + 1,
		"number of records is out of range");
}

static void hello_fields(void **state)
{
	BROKEN(PROTO_HELLO, struct proto_hello, r->magic++, "hello is not of this protocol");
	BROKEN(PROTO_HELLO, struct proto_hello, r->version++,
		"hello of another version of the protocol");
	BROKEN(PROTO_HELLO, struct proto_hello, r->slot = PROTO_SLOTS,
		"hello for a slot that does not exist");
	BROKEN(PROTO_HELLO, struct proto_hello, r->sizes[PROTO_FLOW_SET]++,
		"hello of a program with other record sizes");
	BROKEN(PROTO_HELLO, struct proto_hello, r->sizes[PROTO_SIZES - 1] = 1,
		"hello of a program with other record sizes");
	BROKEN(PROTO_SYNC_BEGIN, struct proto_sync, r->generation = 0, "sync of generation 0");
	BROKEN(PROTO_SYNC_END, struct proto_sync, r->generation = 0, "sync of generation 0");
	BROKEN(PROTO_WELCOME, struct proto_welcome, r->binding_count++,
		"welcome with binding ids that run over");
	BROKEN(PROTO_WELCOME, struct proto_welcome, r->workers = 0,
		"welcome with a number of workers out of range");
	BROKEN(PROTO_WELCOME, struct proto_welcome, r->workers = 65,
		"welcome with a number of workers out of range");
	BROKEN(PROTO_WELCOME, struct proto_welcome, r->facts_size = 0,
		"welcome without facts memory");
}

static void conf_fields(void **state)
{
	BROKEN(PROTO_CONF, struct proto_conf, r->class_id = 8, "keep-alive class does not exist");
	BROKEN(PROTO_CONF, struct proto_conf, r->payload_kind = 5,
		"keep-alive payload is of no known kind");
	BROKEN(PROTO_CONF, struct proto_conf, r->payload_len = 1201,
		"keep-alive payload is too long");
	BROKEN(PROTO_CONF, struct proto_conf, r->payload_kind = PROTO_PAYLOAD_OFF,
		"keep-alive payload of a class that is off");
	BROKEN(PROTO_CONF, struct proto_conf, r->payload[1199] = 1,
		"keep-alive payload goes on behind its length");
	BROKEN(PROTO_CONF, struct proto_conf, r->period_ms = 9999,
		"keep-alive period is out of range");
	BROKEN(PROTO_CONF, struct proto_conf, r->period_ms = 86400001,
		"keep-alive period is out of range");
	BROKEN(PROTO_CONF, struct proto_conf, r->send_interval_ms = 9,
		"keep-alive send interval is out of range");
	BROKEN(PROTO_CONF, struct proto_conf, r->send_interval_ms = 10001,
		"keep-alive send interval is out of range");
	BROKEN(PROTO_CONF, struct proto_conf, r->send_one_time = 1000001,
		"keep-alive batch is out of range");
	BROKEN(PROTO_CONF, struct proto_conf, r->send_least = 0,
		"keep-alive least batch is out of range");
	BROKEN(PROTO_CONF, struct proto_conf, r->send_least = 1000001,
		"keep-alive least batch is out of range");
	BROKEN(PROTO_CONF, struct proto_conf, r->smooth = 2,
		"keep-alive mode is neither burst nor smooth");
	BROKEN(PROTO_CONF, struct proto_conf, r->dscp = 64, "keep-alive DSCP is out of range");
	ACCEPTED(PROTO_CONF, struct proto_conf, r->send_one_time = 1; r->send_least = 0);
	ACCEPTED(PROTO_CONF, struct proto_conf, memset(r->payload, 0xff, sizeof(r->payload));
		 r->payload_len = PROTO_PAYLOAD_MAX);
	ACCEPTED(PROTO_CONF, struct proto_conf, memset(r->payload, 0, 5); r->payload_len = 0;
		 r->payload_kind = PROTO_PAYLOAD_OFF);
}

static void media_fields(void **state)
{
#define NO_HOST  "media address is not an IP address with port 0"
#define NO_PORTS "media ports are not an even and a higher odd port"
	BROKEN(PROTO_MEDIA_ADDR, struct proto_media_addr, r->local.port = 1, NO_HOST);
	BROKEN(PROTO_MEDIA_ADDR, struct proto_media_addr, r->local.family = ADDR_NONE, NO_HOST);
	BROKEN(PROTO_MEDIA_ADDR, struct proto_media_addr, r->local.family = 5, NO_HOST);
	BROKEN(PROTO_MEDIA_ADDR, struct proto_media_addr, r->local.zero = 1, NO_HOST);
	BROKEN(PROTO_MEDIA_ADDR, struct proto_media_addr, r->local.ip[15] = 1, NO_HOST);
	BROKEN(PROTO_MEDIA_ADDR, struct proto_media_addr, memset(r->local.ip, 0, 16), NO_HOST);
	BROKEN(PROTO_MEDIA_ADDR, struct proto_media_addr, r->port_min = 20001, NO_PORTS);
	BROKEN(PROTO_MEDIA_ADDR, struct proto_media_addr, r->port_min = 0, NO_PORTS);
	BROKEN(PROTO_MEDIA_ADDR, struct proto_media_addr, r->port_max = 30000, NO_PORTS);
	BROKEN(PROTO_MEDIA_ADDR, struct proto_media_addr, r->port_max = 19999, NO_PORTS);
	ACCEPTED(PROTO_MEDIA_ADDR, struct proto_media_addr, r->port_max = 20001);
	BROKEN(PROTO_MEDIA_READY, struct proto_media_ready, r->local.port = 1, NO_HOST);
	BROKEN(PROTO_MEDIA_READY, struct proto_media_ready, r->port_min = 20001, NO_PORTS);
	BROKEN(PROTO_MEDIA_READY, struct proto_media_ready, r->port_max = 0, NO_PORTS);
	BROKEN(PROTO_MEDIA_READY, struct proto_media_ready, r->slots--,
		"media slots are not half the ports");
	BROKEN(PROTO_MEDIA_READY, struct proto_media_ready, r->base++, "media slots run over");
}

static void binding_fields(void **state)
{
	BROKEN(PROTO_BINDING_SET, struct proto_binding, r->dst.port = 0,
		"binding has no destination");
	BROKEN(PROTO_BINDING_SET, struct proto_binding, r->dst.family = ADDR_NONE,
		"binding has no destination");
	BROKEN(PROTO_BINDING_SET, struct proto_binding, r->local.port = 0,
		"binding has no local address");
	BROKEN(PROTO_BINDING_SET, struct proto_binding, r->local.ip[4] = 1,
		"binding has no local address");
	BROKEN(PROTO_BINDING_SET, struct proto_binding, r->dst = address("[2001:db8::1]:1"),
		"binding mixes address families");
	BROKEN(PROTO_BINDING_SET, struct proto_binding, r->class_id = 8,
		"binding is of a class that does not exist");
	BROKEN(PROTO_BINDING_SET, struct proto_binding, r->zero[6] = 1,
		"binding has bytes that must be zero");
	BROKEN(PROTO_BINDING_SET, struct proto_binding, r->expires_ms = 0, "binding has no expiry");
}

static void flow_fields(void **state)
{
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->id = PROTO_NO_PEER, "flow has no slot");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->peer_id = r->id, "flow is its own peer");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->flags |= 1u << 6, "flow has unknown flags");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->flags |= 1u << 31, "flow has unknown flags");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->flags |= PROTO_FLOW_RELEARN,
		"flow is given back and learnt afresh at once");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->start_ms = 999,
		"flow has a media clock out of range");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->silence_ms = 86400001,
		"flow has a media clock out of range");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->dscp = 64, "flow has a DSCP out of range");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->zero[2] = 1,
		"flow has bytes that must be zero");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->clock_ms = 0,
		"flow has a media clock that starts never");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->expires_ms = 0, "flow has no expiry");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->remote.port = 0,
		"flow has a malformed remote address");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->remote.family = ADDR_NONE,
		"flow has a malformed remote address");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->remote_rtcp.ip[9] = 1,
		"flow has a malformed remote RTCP address");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->signal.family = 9,
		"flow has a malformed signalling address");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, memset(&r->signal, 0, sizeof(r->signal)),
		"flow has no signalling address to learn from");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->latched.port = 0,
		"flow is latched to no address");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->latched_rtcp.zero = 1,
		"flow has a malformed latched RTCP address");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->flags &= ~(uint32_t)PROTO_FLOW_LATCHED,
		"flow has a latched address and is not latched");
	ACCEPTED(PROTO_FLOW_SET, struct proto_flow, r->peer_id = PROTO_NO_PEER);
	ACCEPTED(PROTO_FLOW_SET, struct proto_flow, r->start_ms = r->silence_ms = 0);
	ACCEPTED(PROTO_FLOW_SET, struct proto_flow, memset(&r->remote, 0, sizeof(r->remote));
		 memset(&r->remote_rtcp, 0, sizeof(r->remote_rtcp));
		 memset(&r->latched_rtcp, 0, sizeof(r->latched_rtcp)); r->signal.port = 0);
	ACCEPTED(PROTO_FLOW_SET, struct proto_flow,
		 r->flags = PROTO_FLOW_RELEARN | PROTO_FLOW_SIGNAL;
		 memset(&r->latched, 0, 2 * sizeof(r->latched)); r->clock_ms = 0);
}

static void answer_fields(void **state)
{
	BROKEN(PROTO_ACK, struct proto_ack, r->status = 1,
		"acknowledgement with a status out of range");
	BROKEN(PROTO_ACK, struct proto_ack, r->status = -4096,
		"acknowledgement with a status out of range");
	BROKEN(PROTO_ACK, struct proto_ack, r->refused = PROTO_RECORDS_MAX + 1,
		"acknowledgement that refuses more than a packet holds");
	BROKEN(PROTO_ACK, struct proto_ack, r->status = 0,
		"acknowledgement that refuses without an error");
	ACCEPTED(PROTO_ACK, struct proto_ack, r->status = 0; r->refused = 0; r->first_id = 0);
	BROKEN(PROTO_FLOW_EVENT, struct proto_flow_event, r->kind = 0,
		"flow event of no known kind");
	BROKEN(PROTO_FLOW_EVENT, struct proto_flow_event, r->kind = PROTO_FLOW_EXPIRED + 1,
		"flow event of no known kind");
	BROKEN(PROTO_FLOW_EVENT, struct proto_flow_event, r->addr.port = 0,
		"flow event with a malformed address");
	BROKEN(PROTO_FLOW_EVENT, struct proto_flow_event, r->kind = PROTO_FLOW_SILENT;
		r->addr.zero = 1, "flow event with a malformed address");
	BROKEN(PROTO_FLOW_EVENT, struct proto_flow_event, r->zero = 1,
		"flow event has bytes that must be zero");
	BROKEN(PROTO_FLOW_EVENT, struct proto_flow_event, r->at_ms = 0,
		"flow event without a time");
	ACCEPTED(PROTO_FLOW_EVENT, struct proto_flow_event, r->kind = PROTO_FLOW_SILENT;
		 memset(&r->addr, 0, sizeof(r->addr)));
	BROKEN(PROTO_BINDING_EVENT, struct proto_binding_event, r->kind = 0,
		"binding event of no known kind");
	BROKEN(PROTO_BINDING_EVENT, struct proto_binding_event, r->kind = 4,
		"binding event of no known kind");
	BROKEN(PROTO_BINDING_EVENT, struct proto_binding_event, r->zero = 1,
		"binding event has bytes that must be zero");
	BROKEN(PROTO_BINDING_EVENT, struct proto_binding_event, r->at_ms = 0,
		"binding event without a time");
	BROKEN(PROTO_LOST, struct proto_lost, r->events = 0, "loss of no events");
}

/* What the fields of an accepted record must satisfy, said once more and differently. */
static bool plausible_addr(const struct addr *a, bool may_be_none, bool may_lack_port)
{
	static const struct addr none;
	char text[ADDR_STRLEN];
	struct addr back;

	if (memcmp(a, &none, sizeof(none)) == 0)
		return may_be_none;
	if (a->family != ADDR_IPV4 && a->family != ADDR_IPV6)
		return false;
	/* The text holds only what an address has; unused bytes do not come back. */
	return addr_parse(&back, addr_format(a, text), 0) == 0 && addr_equal(a, &back) &&
		(a->port || may_lack_port) && strcmp(addr_format_ip(a, text), "0.0.0.0") != 0 &&
		strcmp(text, "::") != 0;
}

static bool plausible_flow(const struct proto_flow *f)
{
	bool latched = f->flags & PROTO_FLOW_LATCHED;

	return f->flags < 64 && !(latched && (f->flags & PROTO_FLOW_RELEARN)) && f->dscp < 64 &&
		f->zero[0] + f->zero[1] + f->zero[2] == 0 && f->expires_ms && f->peer_id != f->id &&
		f->id != PROTO_NO_PEER && (f->start_ms == 0 || f->start_ms - 1000 <= 86399000) &&
		(f->silence_ms == 0 || f->silence_ms - 1000 <= 86399000) &&
		(f->clock_ms || !(f->flags & PROTO_FLOW_CLOCK)) &&
		plausible_addr(&f->remote, true, false) &&
		plausible_addr(&f->remote_rtcp, true, false) &&
		plausible_addr(&f->signal, !(f->flags & PROTO_FLOW_SIGNAL), true) &&
		plausible_addr(&f->latched, !latched, false) && latched == !!f->latched.family &&
		plausible_addr(&f->latched_rtcp, true, false) &&
		(latched || !f->latched_rtcp.family);
}

static bool plausible_conf(const struct proto_conf *c)
{
	size_t used = PROTO_PAYLOAD_MAX;

	while (used && c->payload[used - 1] == 0)
		used--;
	return c->class_id < 8 && c->payload_kind < 5 && used <= c->payload_len &&
		c->payload_len <= 1200 && (c->payload_kind || !c->payload_len) &&
		c->period_ms - 10000 <= 86390000 && c->send_interval_ms - 10 <= 9990 &&
		c->send_interval_ms <= c->period_ms && c->send_one_time <= 1000000 &&
		c->send_least <= 1000000 && (c->send_one_time || c->send_least) && c->smooth < 2 &&
		c->dscp < 64;
}

static bool plausible_ports(const struct addr *local, uint16_t min, uint16_t max)
{
	return plausible_addr(local, false, true) && local->port == 0 && min && (min & 1) == 0 &&
		(max & 1) && max > min;
}

static bool plausible_binding(const struct proto_binding *b)
{
	static const uint8_t zero[7];

	return plausible_addr(&b->dst, false, false) && plausible_addr(&b->local, false, false) &&
		b->dst.family == b->local.family && b->class_id < 8 &&
		memcmp(b->zero, zero, 7) == 0 && b->expires_ms;
}

static bool plausible(uint16_t type, const union record *r)
{
	uint16_t sizes[PROTO_SIZES];

	switch (type) {
	case PROTO_HELLO:
		proto_sizes(sizes);
		return r->hello.magic == 0x4c574450 && r->hello.version == 1 &&
			r->hello.slot < 16 && memcmp(sizes, r->hello.sizes, sizeof(sizes)) == 0;
	case PROTO_SYNC_BEGIN:
	case PROTO_SYNC_END:
		return r->sync.generation;
	case PROTO_CONF:
		return plausible_conf(&r->conf);
	case PROTO_MEDIA_ADDR:
		return plausible_ports(&r->media.local, r->media.port_min, r->media.port_max);
	case PROTO_BINDING_SET:
		return plausible_binding(&r->binding);
	case PROTO_FLOW_SET:
		return plausible_flow(&r->flow);
	case PROTO_WELCOME:
		return (uint64_t)r->welcome.binding_first + r->welcome.binding_count <=
			UINT32_MAX &&
			r->welcome.workers - 1 < 64 && r->welcome.facts_size;
	case PROTO_ACK:
		return r->ack.status > -4096 && r->ack.status <= 0 && r->ack.refused <= 128 &&
			(r->ack.status || (!r->ack.refused && !r->ack.first_id));
	case PROTO_MEDIA_READY:
		return plausible_ports(&r->ready.local, r->ready.port_min, r->ready.port_max) &&
			r->ready.slots * 2 == r->ready.port_max + 1u - r->ready.port_min &&
			(uint64_t)r->ready.base + r->ready.slots <= UINT32_MAX;
	case PROTO_FLOW_EVENT:
		return r->flow_event.kind - 1 < 5 && !r->flow_event.zero && r->flow_event.at_ms &&
			plausible_addr(&r->flow_event.addr, r->flow_event.kind > 2, false);
	case PROTO_BINDING_EVENT:
		return r->binding_event.kind - 1 < 3 && !r->binding_event.zero &&
			r->binding_event.at_ms;
	case PROTO_LOST:
		return r->lost.events;
	default:
		return true;
	}
}

static uint64_t rng_state;

static uint32_t rng(void)
{
	rng_state = rng_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(rng_state >> 33);
}

/* Small changes and extreme values find more edges than noise does. */
static void mutate(uint8_t *data, size_t len)
{
	static const uint8_t extremes[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff};

	for (uint32_t n = 1 + rng() % 3; n; n--) {
		size_t at = rng() % len;

		switch (rng() % 3) {
		case 0:
			data[at] ^= (uint8_t)(1u << rng() % 8);
			break;
		case 1:
			data[at] = extremes[rng() % sizeof(extremes)];
			break;
		default:
			memset(data + at, extremes[rng() % sizeof(extremes)],
				rng() % (len - at < 20 ? len - at + 1 : 20));
		}
	}
}

/* Wherever random changes are accepted, every field must still be one that is allowed. */
static void mutations_are_refused_or_harmless(void **state)
{
	unsigned accepted = 0, refused = 0;

	rng_state = 20260101;
	for (int round = 0; round < 200000; round++) {
		uint16_t type = types[rng() % TYPES];
		const char *why;
		size_t len;
		struct proto_head *head = packet_new(type, 1, &len);
		/* Mostly the record; the head gets its share. */
		size_t from = rng() % 8 ? sizeof(*head) : 0;
		union record record;

		mutate((uint8_t *)head + from, len - from);
		if (rng() % 16 == 0) {
			len = rng() % (len + 1);
			head = realloc(head, len ? len : 1);
		}
		if (proto_check(head, len, is_client(type), &why) == 0) {
			accepted++;
			assert_null(why);
			assert_int_equal(len, sizeof(*head) + head->size);
			memset(&record, 0, sizeof(record));
			memcpy(&record, head + 1, head->size);
			if (!plausible(head->type, &record))
				fail_msg("round %d, type %u: a bad record was accepted", round,
					head->type);
		} else {
			refused++;
			assert_non_null(why);
		}
		free(head);
	}
	/* Both must have happened often, else the test shows nothing. */
	assert_true(accepted > 10000);
	assert_true(refused > 10000);
}

/* Pure noise of every length up to a little more than the largest record. */
static void noise_is_refused(void **state)
{
	const char *why;

	rng_state = 7;
	for (size_t len = 0; len < sizeof(union record) + 64; len++) {
		uint8_t *data = malloc(len ? len : 1);

		for (size_t i = 0; i < len; i++)
			data[i] = (uint8_t)rng();
		assert_int_equal(proto_check(data, len, len % 2, &why), -EPROTO);
		assert_non_null(why);
		free(data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_accepted),
		cmocka_unit_test(sizes_are_those_of_the_structs),
		cmocka_unit_test(many_records_are_checked_each),
		cmocka_unit_test(heads),
		cmocka_unit_test(hello_fields),
		cmocka_unit_test(conf_fields),
		cmocka_unit_test(media_fields),
		cmocka_unit_test(binding_fields),
		cmocka_unit_test(flow_fields),
		cmocka_unit_test(answer_fields),
		cmocka_unit_test(mutations_are_refused_or_harmless),
		cmocka_unit_test(noise_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
