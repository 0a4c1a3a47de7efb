/* SPDX-License-Identifier: BSD-3-Clause */
/* The client of the data plane: reading the facts. */
#include "tests/component/dpclient_scene.h"

#include "shared/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_facts(void **state)
{
	struct bench *b = *state;
	struct facts_head *head = (struct facts_head *)b->fake.facts;
	struct dpclient_flow_facts facts;
	struct facts_worker sum, *worker;
	struct facts_head copy;
	struct facts_flow *count;
	struct facts_quality *quality;
	uint64_t now = clock_boot_ms();
	uint32_t id;

	assert_int_equal(dpclient_flow_facts(b->c, at(1, 3), now, &facts), -ENOENT);
	assert_int_equal(dpclient_totals(b->c, &sum, &copy), -ENOENT);
	assert_int_equal(dpclient_binding_heard(b->c, 4, now), 0);
	set_flow(b, at(1, 3), at(0, 3), 7);
	assert_int_equal(dpclient_flow_facts(b->c, at(1, 3), now, &facts), -ENOENT);
	start(b);
	id = fake_base(&b->fake, 1) + 3;
	((uint32_t *)(b->fake.facts + head->binding_heard_off))[500 + 4] = clock_tick(now - 700);
	count = (struct facts_flow *)(b->fake.facts + head->flow_count_off) + id;
	*count = (struct facts_flow){
		.bytes = 1720,
		.packets = 10,
		.seq = 0x10013,
		.jitter = 16 * 240,
		.heard = clock_tick(now - 5000),
	};
	quality = (struct facts_quality *)(b->fake.facts + head->flow_quality_off) + id;
	*quality = (struct facts_quality){
		.lost_base = 0u - 0x10006,
		.ssrc_changes = 4,
		.rtcp = 5,
		.off_source = 2,
		.malformed = 1,
		.payload_type = 3,
		.clock = 16000,
	};
	for (uint32_t i = 0; i < 2; i++) {
		worker = (struct facts_worker *)(b->fake.facts + head->worker_off +
			i * head->worker_stride);
		*worker = (struct facts_worker){
			.rx = 100 + i, .loop_gap_max_us = 50 - i, .keepalive_late_max_us = 7 + i};
		worker->drop[FACTS_DROP_NO_MBUF] = 1;
	}

	assert_int_equal(dpclient_flow_facts(b->c, at(1, 3), now, &facts), 0);
	assert_true(facts.rtp_ms <= now - 5000 && facts.rtp_ms > now - 5020);
	assert_int_equal(facts.rtcp_ms, 0);
	assert_int_equal(facts.bytes, 1720);
	assert_int_equal(facts.packets, 10);
	assert_int_equal(facts.lost, 3);
	assert_int_equal(facts.jitter_ms, 15);
	assert_int_equal(facts.ssrc_changes, 4);
	assert_int_equal(facts.rtcp, 5);
	assert_int_equal(facts.off_source, 2);
	assert_int_equal(facts.malformed, 1);
	assert_int_equal(facts.payload_type, 3);
	/* More came than was expected. */
	quality->lost_base -= 4;
	assert_int_equal(dpclient_flow_facts(b->c, at(1, 3), now, &facts), 0);
	assert_int_equal(facts.lost, 0);
	assert_int_equal(dpclient_flow_facts(b->c, at(1, SLOTS), now, &facts), -ENOENT);
	assert_true(dpclient_binding_heard(b->c, 4, now) > now - 720);
	assert_int_equal(dpclient_binding_heard(b->c, 5, now), 0);
	assert_int_equal(dpclient_totals(b->c, &sum, &copy), 0);
	assert_int_equal(sum.rx, 201);
	assert_int_equal(sum.loop_gap_max_us, 50);
	assert_int_equal(sum.keepalive_late_max_us, 8);
	assert_int_equal(sum.drop[FACTS_DROP_NO_MBUF], 2);
	assert_int_equal(copy.boot_id, b->fake.boot_id);

	/* The last values stay readable while the data plane is away, but not as another flow's. */
	fake_die(&b->fake);
	UNTIL(b, b->downs == 1);
	assert_int_equal(dpclient_flow_facts(b->c, at(1, 3), now, &facts), 0);
	assert_int_equal(facts.packets, 10);
	set_flow(b, at(1, 3), at(0, 3), 7);
	assert_int_equal(dpclient_flow_facts(b->c, at(1, 3), now, &facts), 0);
	dpclient_flow_del(b->c, at(1, 3), 7);
	set_flow(b, at(1, 3), at(0, 3), 8);
	assert_int_equal(dpclient_flow_facts(b->c, at(1, 3), now, &facts), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
