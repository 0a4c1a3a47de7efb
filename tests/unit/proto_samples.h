/* SPDX-License-Identifier: BSD-3-Clause */
/* A good packet of each type of the control protocol. Included behind cmocka.h. */
#ifndef TESTS_UNIT_PROTO_SAMPLES_H
#define TESTS_UNIT_PROTO_SAMPLES_H

#include "shared/proto.h"

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
	struct proto_monitor monitor;
	struct proto_welcome welcome;
	struct proto_ack ack;
	struct proto_media_ready ready;
	struct proto_flow_event flow_event;
	struct proto_binding_event binding_event;
	struct proto_lost lost;
	struct proto_capture capture;
	struct proto_capture_del capture_del;
	struct proto_frame frame;
	struct proto_capture_end capture_end;
	struct proto_port_reset port_reset;
	struct proto_port_event port_event;
};

static const uint16_t types[] = {PROTO_HELLO, PROTO_SYNC_BEGIN, PROTO_SYNC_END, PROTO_CONF,
	PROTO_MEDIA_ADDR, PROTO_BINDING_SET, PROTO_BINDING_DEL, PROTO_FLOW_SET, PROTO_FLOW_DEL,
	PROTO_MONITOR_SET, PROTO_CAPTURE_SET, PROTO_CAPTURE_DEL, PROTO_WELCOME, PROTO_ACK,
	PROTO_MEDIA_READY, PROTO_FLOW_EVENT, PROTO_BINDING_EVENT, PROTO_LOST, PROTO_FRAME,
	PROTO_CAPTURE_END, PROTO_PORT_RESET, PROTO_PORT_EVENT};
#define TYPES (sizeof(types) / sizeof(types[0]))

static inline struct addr address(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(&addr, text, 0), 0);
	return addr;
}

static inline void good_flow(struct proto_flow *flow)
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

static inline void good_monitor(struct proto_monitor *monitor)
{
	*monitor = (struct proto_monitor){
		.id = 100,
		.gen = 3,
		.dst = address("192.0.2.1:4000"),
		.dst_rtcp = address("192.0.2.1:4001"),
		.source = address("198.51.100.1"),
		.signal = address("203.0.113.1:5060"),
		.flags = PROTO_FLOW_CLOCK | PROTO_FLOW_SIGNAL | PROTO_FLOW_RTCP_LIFE,
		.payload_types = {0x01, 0x01},
		.start_ms = 60000,
		.silence_ms = 60000,
		.clock_rate = 8000,
		.clock_ms = 1000,
		.expires_ms = 2000,
	};
}

static inline void good_conf(struct proto_conf *conf)
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

static inline void good_client(uint16_t type, union record *r)
{
	switch (type) {
	case PROTO_HELLO:
		r->hello = (struct proto_hello){
			.magic = PROTO_MAGIC, .version = PROTO_VERSION, .slot = 15};
		proto_sizes(r->hello.sizes);
		break;
	case PROTO_SYNC_BEGIN:
		r->sync = (struct proto_sync){.generation = 1, .since_ms = 1000};
		break;
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
	case PROTO_MONITOR_SET:
		good_monitor(&r->monitor);
		break;
	case PROTO_CAPTURE_SET:
		r->capture = (struct proto_capture){.capture = 7,
			.id = 1,
			.gen = 1,
			.packets_max = 1000,
			.until_ms = 1,
			.kind = PROTO_CAPTURE_BINDING};
		break;
	case PROTO_CAPTURE_DEL:
		r->capture_del.capture = 7;
		break;
	case PROTO_PORT_RESET:
		r->port_reset = (struct proto_port_reset){.name = "af_packet:eth1"};
		break;
	default:
		r->handle = (struct proto_handle){1, 1};
	}
}

static inline void good_dataplane(uint16_t type, union record *r)
{
	switch (type) {
	case PROTO_WELCOME:
		r->welcome = (struct proto_welcome){.boot_id = 1,
			.binding_first = UINT32_MAX - 100,
			.binding_count = 100,
			.flow_count = 10,
			.workers = 64,
			.facts_size = 1,
			.monitor_first = 16,
			.monitor_count = 8};
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
	case PROTO_FRAME:
		r->frame = (struct proto_frame){.capture = 7,
			.at_us = 1,
			.len = 60,
			.kept = 2,
			.fate = PROTO_FRAME_DROPPED,
			.reason = 1,
			.data = {1, 2}};
		break;
	case PROTO_CAPTURE_END:
		r->capture_end = (struct proto_capture_end){
			.capture = 7, .why = PROTO_CAPTURE_GONE};
		break;
	case PROTO_PORT_EVENT:
		r->port_event = (struct proto_port_event){
			.port = 7, .kind = PROTO_PORT_BACK, .at_ms = 1};
		break;
	default:
		r->lost.events = 1;
	}
}

static inline bool is_client(uint16_t type)
{
	return type < PROTO_FROM_CLIENT;
}

static inline struct proto_head *packet_new(uint16_t type, uint16_t count, size_t *len)
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

#endif
