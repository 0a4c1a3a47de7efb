/* SPDX-License-Identifier: BSD-3-Clause */
/* Every field of every record of the control protocol, broken once. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/proto_samples.h"

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
	BROKEN(PROTO_SYNC_END, struct proto_sync, r->since_ms = 1, "end of a sync with a time");
	BROKEN(PROTO_WELCOME, struct proto_welcome, r->binding_count++,
		"welcome with binding ids that run over");
	BROKEN(PROTO_WELCOME, struct proto_welcome, r->monitor_first = 9,
		"welcome with ids of monitored flows that run over");
	BROKEN(PROTO_WELCOME, struct proto_welcome, r->monitor_first = UINT32_MAX - 7,
		"welcome with ids of monitored flows that run over");
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
		"keep-alive payload of a class that sends no text");
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
	BROKEN(PROTO_CONF, struct proto_conf, r->payload_kind = PROTO_PAYLOAD_STUN,
		"keep-alive payload of a class that sends no text");
	BROKEN(PROTO_CONF, struct proto_conf, r->escalate = 1;
		r->escalate_class = 8, "keep-alive class escalates to no other class");
	BROKEN(PROTO_CONF, struct proto_conf, r->escalate = 1;
		r->escalate_class = 7, "keep-alive class escalates to no other class");
	BROKEN(PROTO_CONF, struct proto_conf, r->escalate_class = 1,
		"keep-alive class escalates to no other class");
	BROKEN(PROTO_CONF, struct proto_conf, r->zero = 1,
		"keep-alive class has bytes that must be zero");
	BROKEN(PROTO_CONF, struct proto_conf, r->zero2[1] = 1,
		"keep-alive class has bytes that must be zero");
	BROKEN(PROTO_CONF, struct proto_conf, r->skip_heard = 2,
		"keep-alive class neither skips nor sends");
	ACCEPTED(PROTO_CONF, struct proto_conf, r->skip_heard = 1; r->per_address_cap = 65535);
	ACCEPTED(PROTO_CONF, struct proto_conf, r->escalate = 2; r->escalate_class = 6);
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
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->flags |= 1u << 7, "flow has unknown flags");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->flags |= 1u << 31, "flow has unknown flags");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->flags |= PROTO_FLOW_RELEARN,
		"flow is given back and learnt afresh at once");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->start_ms = 999,
		"flow has a media clock out of range");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->silence_ms = 86400001,
		"flow has a media clock out of range");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->dscp = 65, "flow has a DSCP out of range");
	BROKEN(PROTO_FLOW_SET, struct proto_flow, r->keepalive_s = 14,
		"flow has a keep-alive too often");
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
	ACCEPTED(PROTO_FLOW_SET, struct proto_flow, r->keepalive_s = 0);
	ACCEPTED(PROTO_FLOW_SET, struct proto_flow, memset(&r->remote, 0, sizeof(r->remote));
		 memset(&r->remote_rtcp, 0, sizeof(r->remote_rtcp));
		 memset(&r->latched_rtcp, 0, sizeof(r->latched_rtcp)); r->signal.port = 0);
	ACCEPTED(PROTO_FLOW_SET, struct proto_flow,
		 r->flags = PROTO_FLOW_RELEARN | PROTO_FLOW_SIGNAL;
		 memset(&r->latched, 0, 2 * sizeof(r->latched)); r->clock_ms = 0);
}

static void monitor_fields(void **state)
{
	BROKEN(PROTO_MONITOR_SET, struct proto_monitor, r->flags |= PROTO_FLOW_RELEARN,
		"monitored flow has unknown flags");
	BROKEN(PROTO_MONITOR_SET, struct proto_monitor, r->flags |= PROTO_FLOW_LATCHED,
		"monitored flow has unknown flags");
	BROKEN(PROTO_MONITOR_SET, struct proto_monitor, r->flags |= 1u << 31,
		"monitored flow has unknown flags");
	BROKEN(PROTO_MONITOR_SET, struct proto_monitor, r->dst.port = 0,
		"monitored flow has a malformed destination");
	BROKEN(PROTO_MONITOR_SET, struct proto_monitor, r->dst_rtcp.ip[9] = 1,
		"monitored flow has a malformed RTCP destination");
	BROKEN(PROTO_MONITOR_SET, struct proto_monitor, r->source.family = 9,
		"monitored flow has a malformed source");
	BROKEN(PROTO_MONITOR_SET, struct proto_monitor, r->signal.zero = 1,
		"monitored flow has a malformed signalling address");
	BROKEN(PROTO_MONITOR_SET, struct proto_monitor, memset(&r->signal, 0, sizeof(r->signal)),
		"monitored flow has no signalling address to expect");
	BROKEN(PROTO_MONITOR_SET, struct proto_monitor, r->behind.family = 5,
		"monitored flow has a malformed address of the receiver's NAT");
	BROKEN(PROTO_MONITOR_SET, struct proto_monitor, r->start_ms = 999,
		"monitored flow has a media clock out of range");
	BROKEN(PROTO_MONITOR_SET, struct proto_monitor, r->silence_ms = 86400001,
		"monitored flow has a media clock out of range");
	BROKEN(PROTO_MONITOR_SET, struct proto_monitor, r->zero[5] = 1,
		"monitored flow has bytes that must be zero");
	BROKEN(PROTO_MONITOR_SET, struct proto_monitor, r->clock_ms = 0,
		"monitored flow has a media clock that starts never");
	BROKEN(PROTO_MONITOR_SET, struct proto_monitor, r->expires_ms = 0,
		"monitored flow has no expiry");
	ACCEPTED(PROTO_MONITOR_SET, struct proto_monitor, memset(&r->dst, 0, 5 * sizeof(r->dst));
		 r->flags = 0; r->clock_ms = 0);
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

static void capture_fields(void **state)
{
	BROKEN(PROTO_CAPTURE_SET, struct proto_capture, r->kind = 0, "capture of no known kind");
	BROKEN(PROTO_CAPTURE_SET, struct proto_capture, r->kind = 3, "capture of no known kind");
	BROKEN(PROTO_CAPTURE_SET, struct proto_capture, r->packets_max = 0,
		"capture of a number of packets out of range");
	BROKEN(PROTO_CAPTURE_SET, struct proto_capture, r->packets_max = 1000001,
		"capture of a number of packets out of range");
	BROKEN(PROTO_CAPTURE_SET, struct proto_capture, r->until_ms = 0, "capture without an end");
	BROKEN(PROTO_CAPTURE_SET, struct proto_capture, r->zero[6] = 1,
		"capture has bytes that must be zero");
	BROKEN(PROTO_CAPTURE_DEL, struct proto_capture_del, r->zero = 1,
		"end of a capture has bytes that must be zero");
	BROKEN(PROTO_CAPTURE_END, struct proto_capture_end, r->why = 0,
		"capture ends for no known reason");
	BROKEN(PROTO_CAPTURE_END, struct proto_capture_end, r->why = 4,
		"capture ends for no known reason");
}

static void port_fields(void **state)
{
	BROKEN(PROTO_PORT_RESET, struct proto_port_reset, r->name[0] = 0,
		"reset of a port without a name");
	BROKEN(PROTO_PORT_RESET, struct proto_port_reset, memset(r->name, 'x', sizeof(r->name)),
		"reset of a port without a name");
	BROKEN(PROTO_PORT_RESET, struct proto_port_reset, r->name[63] = 1,
		"reset of a port has bytes that must be zero");
	BROKEN(PROTO_PORT_EVENT, struct proto_port_event, r->kind = 0,
		"port event of no known kind");
	BROKEN(PROTO_PORT_EVENT, struct proto_port_event, r->kind = 4,
		"port event of no known kind");
	BROKEN(PROTO_PORT_EVENT, struct proto_port_event, r->port = 8,
		"port event of a port that cannot be");
	BROKEN(PROTO_PORT_EVENT, struct proto_port_event, r->at_ms = 0,
		"port event without a time");
}

static void frame_fields(void **state)
{
	BROKEN(PROTO_FRAME, struct proto_frame, r->fate = 0, "captured frame of no known fate");
	BROKEN(PROTO_FRAME, struct proto_frame, r->fate = PROTO_FRAME_FATES,
		"captured frame of no known fate");
	BROKEN(PROTO_FRAME, struct proto_frame, r->out = 1,
		"captured frame of the wrong direction");
	BROKEN(PROTO_FRAME, struct proto_frame, r->fate = PROTO_FRAME_RELAYED; r->reason = 0;
		r->out = 2, "captured frame of the wrong direction");
	BROKEN(PROTO_FRAME, struct proto_frame, r->fate = PROTO_FRAME_KEEPALIVE;
		r->reason = 0, "captured frame of the wrong direction");
	BROKEN(PROTO_FRAME, struct proto_frame, r->reason = 255,
		"captured frame with a reason out of range");
	BROKEN(PROTO_FRAME, struct proto_frame, r->fate = PROTO_FRAME_ANSWER,
		"captured frame with a reason out of range");
	BROKEN(PROTO_FRAME, struct proto_frame, r->round_us = 1,
		"captured frame with a round trip and no answer");
	BROKEN(PROTO_FRAME, struct proto_frame, r->len = PROTO_FRAME_MAX + 1;
		r->kept = PROTO_FRAME_MAX + 1, "captured frame keeps more than there is");
	BROKEN(PROTO_FRAME, struct proto_frame, r->len = 1,
		"captured frame keeps more than there is");
	BROKEN(PROTO_FRAME, struct proto_frame, r->data[PROTO_FRAME_MAX - 1] = 1,
		"captured frame goes on behind its length");
	BROKEN(PROTO_FRAME, struct proto_frame, r->zero[4] = 1,
		"captured frame has bytes that must be zero");
	BROKEN(PROTO_FRAME, struct proto_frame, r->at_us = 0, "captured frame without a time");
	ACCEPTED(PROTO_FRAME, struct proto_frame, r->len = 9000; r->kept = PROTO_FRAME_MAX;
		 r->data[PROTO_FRAME_MAX - 1] = 1);
	ACCEPTED(PROTO_FRAME, struct proto_frame, r->fate = PROTO_FRAME_ANSWER; r->reason = 0;
		 r->round_us = 20000);
	ACCEPTED(PROTO_FRAME, struct proto_frame, r->fate = PROTO_FRAME_RELAYED; r->reason = 0;
		 r->out = 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads),
		cmocka_unit_test(hello_fields),
		cmocka_unit_test(conf_fields),
		cmocka_unit_test(media_fields),
		cmocka_unit_test(binding_fields),
		cmocka_unit_test(flow_fields),
		cmocka_unit_test(monitor_fields),
		cmocka_unit_test(answer_fields),
		cmocka_unit_test(capture_fields),
		cmocka_unit_test(port_fields),
		cmocka_unit_test(frame_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
