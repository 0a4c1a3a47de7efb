/* SPDX-License-Identifier: BSD-3-Clause */
/* Flows that take the place of others while a worker may still be before those: main waits for it,
 * and a packet of orders costs one such wait, however many it replaces. */
#include "dataplane/media/context.h"
#include "dataplane/media/monitor.h"
#include "tests/component/hot_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MANY 32

static unsigned int waits;

void __real_rte_rcu_qsbr_synchronize(struct rte_rcu_qsbr *v, unsigned int thread_id);
void __wrap_rte_rcu_qsbr_synchronize(struct rte_rcu_qsbr *v, unsigned int thread_id);

/* The worker passes its quiet moment only when it is waited for. */
void __wrap_rte_rcu_qsbr_synchronize(struct rte_rcu_qsbr *v, unsigned int thread_id)
{
	waits++;
	__real_rte_rcu_qsbr_synchronize(v, 0);
}

static struct rig *open_busy(void)
{
	struct rig *rig = rig_open(64, MANY);

	assert_int_equal(rte_rcu_qsbr_thread_register(rig->qsbr, 0), 0);
	rte_rcu_qsbr_thread_online(rig->qsbr, 0);
	waits = 0;
	return rig;
}

static void close_busy(struct rig *rig)
{
	rte_rcu_qsbr_thread_offline(rig->qsbr, 0);
	rte_rcu_qsbr_thread_unregister(rig->qsbr, 0);
	rig_close(rig);
}

static void set_flows(struct rig *rig, struct proto_flow *flow, uint32_t gen)
{
	for (uint32_t i = 0; i < MANY; i++)
		flow[i] = (struct proto_flow){
			.id = i,
			.gen = gen,
			.peer_id = PROTO_NO_PEER,
			.remote = rig_addr("10.0.0.11:4000"),
			.expires_ms = rig->now_ms + 3600000,
		};
	flow_replace(rig->media, 0, flow, MANY, rig->now_ms);
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(flow_set(rig->media, 0, &flow[i], rig->now_ms), 0);
}

static void flows(void **state)
{
	struct rig *rig = open_busy();
	struct proto_media_addr range = {.local = rig_addr("192.0.2.1:0"),
		.port_min = 20000,
		.port_max = 20000 + 2 * MANY - 1};
	struct proto_media_ready ready;
	struct proto_flow flow[MANY];

	assert_int_equal(media_addr_claim(rig->media, 0, &range, &ready), 0);
	set_flows(rig, flow, 1);
	assert_int_equal(waits, 0);
	set_flows(rig, flow, 1);
	assert_int_equal(waits, 0);
	set_flows(rig, flow, 2);
	assert_int_equal(waits, 1);
	/* What would be refused ends nothing: another's, an older one. */
	flow[0].gen = 3;
	flow_replace(rig->media, 1, flow, 1, rig->now_ms);
	assert_true(media_has_flow(rig->media, 0, 0, 2));
	flow[0].gen = 1;
	flow_replace(rig->media, 0, flow, 1, rig->now_ms);
	assert_true(media_has_flow(rig->media, 0, 0, 2));
	assert_int_equal(rig->facts.head->flows_used, MANY);
	/* Twice in one packet: the second waits for the first. */
	flow[0].gen = 3;
	flow[1] = flow[0];
	flow[1].gen = 4;
	flow_replace(rig->media, 0, flow, 2, rig->now_ms);
	assert_int_equal(flow_set(rig->media, 0, &flow[0], rig->now_ms), 0);
	assert_int_equal(flow_set(rig->media, 0, &flow[1], rig->now_ms), 0);
	assert_true(media_has_flow(rig->media, 0, 0, 4));
	assert_int_equal(waits, 3);
	close_busy(rig);
}

static void set_monitors(struct rig *rig, uint32_t gen)
{
	struct proto_monitor monitor[RIG_MONITORS / 2];

	for (uint32_t i = 0; i < RTE_DIM(monitor); i++) {
		monitor[i] = (struct proto_monitor){
			.id = media_monitor_first(MANY) + i,
			.gen = gen,
			.dst = rig_addr("10.0.0.11:4000"),
			.expires_ms = rig->now_ms + 3600000,
		};
		monitor[i].dst.port = (uint16_t)(monitor[i].dst.port + 2 * i);
	}
	monitor_replace(rig->media, 0, monitor, RTE_DIM(monitor), rig->now_ms);
	for (uint32_t i = 0; i < RTE_DIM(monitor); i++)
		assert_int_equal(monitor_set(rig->media, 0, &monitor[i], rig->now_ms), 0);
}

static void monitored_flows(void **state)
{
	struct rig *rig = open_busy();

	set_monitors(rig, 1);
	assert_int_equal(waits, 0);
	set_monitors(rig, 2);
	assert_int_equal(waits, 1);
	assert_int_equal(rig->facts.head->flows_used, RIG_MONITORS / 2);
	close_busy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows),
		cmocka_unit_test(monitored_flows),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
