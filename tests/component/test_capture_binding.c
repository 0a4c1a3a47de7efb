/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures of bindings: keep-alives, answers, forged answers and SIP, on a net_ring port in virtual
 * time. */
#include "tests/component/capture_world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define LOCAL  "192.0.2.10:5060"
#define DEVICE "10.9.0.1:1024"

static void configure(struct world *w, enum proto_payload kind)
{
	const struct proto_conf conf = {
		.payload_kind = (uint8_t)kind,
		.period_ms = 10000,
		.send_interval_ms = 500,
		.send_least = 3000,
	};

	assert_int_equal(keepalive_conf_set(w->rig->keepalive, &conf), 0);
	mailbox_run(&w->rig->w->mailbox, w->rig->w);
}

static void bind_device(struct world *w, uint32_t id, uint32_t gen, const char *device)
{
	const struct proto_binding binding = {
		.id = id,
		.gen = gen,
		.dst = rig_addr(device),
		.local = rig_addr(LOCAL),
		.expires_ms = w->rig->now_ms + 3600000,
	};

	assert_int_equal(binding_set(w->rig->keepalive, 0, &binding, w->rig->now_ms), 0);
	mailbox_run(&w->rig->w->mailbox, w->rig->w);
}

/* A keep-alive to each of two devices; *asked is the first one's. */
static void send_both(struct world *w, struct frame *asked)
{
	unsigned int sent = 0;

	for (int i = 0; i < 100 && sent < 2; i++) {
		struct frame frame;

		w->rig->w->now_tsc += RIG_HZ / 5;
		keepalive_turn(w->rig->w, w->rig->w->now_tsc);
		while (rig_sent(w->rig, &frame)) {
			sent++;
			if (frame.dst.ip[3] == 1)
				*asked = frame;
		}
	}
	assert_int_equal(sent, 2);
}

/* The world of two devices, of which the first is captured, with one keep-alive sent to each. */
static struct world *world_of_devices(struct frame *asked)
{
	struct world *w = world_open(rig_open(8, 8));
	struct proto_capture set;

	rig_pass(w->rig, 20);
	configure(w, PROTO_PAYLOAD_STUN);
	bind_device(w, 1, 301, DEVICE);
	bind_device(w, 2, 302, "10.9.0.2:1024");
	set = wanted(w, 5);
	set.kind = PROTO_CAPTURE_BINDING;
	set.id = 1;
	set.gen = 301;
	assert_int_equal(start(w, &set), 0);
	send_both(w, asked);
	return w;
}

static void world_of_devices_close(struct world *w)
{
	for (uint32_t i = 1; i < 3; i++)
		binding_del(w->rig->keepalive, 0, &(struct proto_handle){i, 300 + i});
	mailbox_run(&w->rig->w->mailbox, w->rig->w);
	world_close(w);
}

static struct frame answer_to(const struct frame *asked)
{
	struct frame answer = {.src = asked->dst, .dst = asked->src, .len = 20};

	memcpy(answer.payload, asked->payload, 20);
	answer.payload[0] = 1;
	return answer;
}

static void test_keepalive_and_answer(void **state)
{
	struct frame asked, seen, answer;
	struct world *w = world_of_devices(&asked);
	uint64_t took;

	answer = answer_to(&asked);
	w->rig->w->now_tsc += RIG_HZ / 50;
	rig_feed(w->rig, &answer);
	tick(w);
	assert_int_equal(w->frames, 2);
	assert_int_equal(w->frame[0].fate, PROTO_FRAME_KEEPALIVE);
	assert_true(frame_read(&seen, w->frame[0].data, w->frame[0].kept));
	assert_memory_equal(&seen, &asked, offsetof(struct frame, payload) + asked.len);
	assert_int_equal(w->frame[1].fate, PROTO_FRAME_ANSWER);
	took = w->frame[1].at_us - w->frame[0].at_us;
	assert_in_range(took, 20000, 1000000);
	assert_in_range(w->frame[1].round_us, took - 1, took + 1);
	assert_true(frame_read(&seen, w->frame[1].data, w->frame[1].kept));
	assert_true(addr_equal(&seen.src, &asked.dst));
	world_of_devices_close(w);
}

/* A forged answer is shown as what it is: of another source, or with a wrong tag. */
static void test_forged_answers_show(void **state)
{
	struct frame asked, answer;
	struct world *w = world_of_devices(&asked);

	answer = answer_to(&asked);
	answer.src = rig_addr("203.0.113.66:1024");
	rig_feed(w->rig, &answer);
	answer = answer_to(&asked);
	answer.payload[19] ^= 1;
	rig_feed(w->rig, &answer);
	tick(w);
	assert_int_equal(w->frames, 3);
	assert_int_equal(w->frame[1].fate, PROTO_FRAME_REFUSED);
	assert_int_equal(w->frame[2].fate, PROTO_FRAME_REFUSED);
	assert_int_equal(w->frame[2].round_us, 0);
	/* In the name of another device. */
	answer = answer_to(&asked);
	answer.payload[11] = 2;
	rig_feed(w->rig, &answer);
	tick(w);
	assert_int_equal(w->frames, 4);
	assert_int_equal(w->frame[3].fate, PROTO_FRAME_REFUSED);
	world_of_devices_close(w);
}

/* Its SIP both ways, and nobody else's. */
static void test_sip_of_the_device(void **state)
{
	struct frame asked, sip = {.src = rig_addr(DEVICE), .dst = rig_addr(LOCAL)};
	struct world *w = world_of_devices(&asked);
	struct rte_mbuf *mbuf[2];
	uint8_t data[FRAME_MAX];
	uint16_t len;

	sip.len = (uint16_t)sprintf((char *)sip.payload, "REGISTER sip:a SIP/2.0\r\n\r\n");
	rig_feed(w->rig, &sip);
	sip.src.port++;
	rig_feed(w->rig, &sip);
	assert_int_equal(rig_punted(w->rig, PUNT_SIP), 2);
	sip.src = rig_addr(LOCAL);
	for (int i = 0; i < 2; i++) {
		sip.dst = rig_addr(i ? "10.9.0.2:1024" : DEVICE);
		len = frame_write(&sip, data);
		mbuf[i] = rig_mbuf(data, len);
	}
	keepalive_capture_host(w->rig->w, mbuf, 2);
	/* On a VLAN too, and of a tag that is cut short nothing. */
	for (int i = 0; i < 2; i++)
		vlan_push(mbuf[i], RTE_BE16(7));
	keepalive_capture_host(w->rig->w, mbuf, 2);
	rte_pktmbuf_trim(mbuf[0], (uint16_t)(mbuf[0]->data_len - 16));
	keepalive_capture_host(w->rig->w, mbuf, 1);
	rte_pktmbuf_free_bulk(mbuf, 2);
	tick(w);
	assert_int_equal(w->frames, 4);
	assert_int_equal(w->frame[1].fate, PROTO_FRAME_TO_HOST);
	assert_int_equal(w->frame[2].fate, PROTO_FRAME_FROM_HOST);
	assert_int_equal(w->frame[3].fate, PROTO_FRAME_FROM_HOST);
	assert_int_equal(w->frame[3].len, w->frame[2].len + 4);
	world_of_devices_close(w);
}

static void test_ends_with_its_binding(void **state)
{
	struct frame asked;
	struct world *w = world_of_devices(&asked);

	tick(w);
	binding_del(w->rig->keepalive, 0, &(struct proto_handle){1, 301});
	mailbox_run(&w->rig->w->mailbox, w->rig->w);
	expect_end(w, PROTO_CAPTURE_GONE, 1);
	assert_false(capture_on(w->rig->w, PROTO_CAPTURE_BINDING));
	world_of_devices_close(w);
}

/* What another registration in its place gets is not shown, not even before main has looked. */
static void test_replaced_binding(void **state)
{
	struct frame asked;
	struct world *w = world_of_devices(&asked);

	bind_device(w, 1, 401, "10.9.0.1:2048");
	send_both(w, &asked);
	assert_int_equal(asked.dst.port, 2048);
	expect_end(w, PROTO_CAPTURE_GONE, 1);
	binding_del(w->rig->keepalive, 0, &(struct proto_handle){1, 401});
	world_of_devices_close(w);
}

/* A binding and a flow of the same id and generation are two things. */
static void test_same_id_as_a_flow(void **state)
{
	struct world *w = world_of_call();
	struct proto_capture set = wanted(w, 8);

	bind_device(w, set.id, set.gen, DEVICE);
	assert_int_equal(start(w, &set), 0);
	set.kind = PROTO_CAPTURE_BINDING;
	set.capture = 9;
	assert_int_equal(start(w, &set), 0);
	scene_rtp(w->s, 0);
	tick(w);
	assert_int_equal(w->frames, 2);
	assert_int_equal(w->frame[0].capture, 8);
	assert_int_equal(w->frame[1].capture, 8);
	binding_del(w->rig->keepalive, 0, &(struct proto_handle){set.id, set.gen});
	mailbox_run(&w->rig->w->mailbox, w->rig->w);
	world_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keepalive_and_answer),
		cmocka_unit_test(test_forged_answers_show),
		cmocka_unit_test(test_sip_of_the_device),
		cmocka_unit_test(test_ends_with_its_binding),
		cmocka_unit_test(test_replaced_binding),
		cmocka_unit_test(test_same_id_as_a_flow),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
