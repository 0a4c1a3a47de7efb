/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports whose device asks for a reset or goes, on net_ring devices that hand back what they are
 * given. */
#include "tests/component/outage_scene.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FRAMES 50 /* that have to pass by a port that works */
#define QUIET  20 /* looks at a port that nobody may touch, a millisecond apart */

static unsigned int touched; /* a device that nobody may touch */

static int setup_by_hand(void **state)
{
	static const char *const text[PORTS] = {"vdev:net_ring10", "vdev:net_ring11"};

	touched = 0;
	open_all(text);
	return 0;
}

static int setup_two(void **state)
{
	setup_by_hand(state);
	start_worker();
	return 0;
}

/* The device takes and gives frames. */
static void works(uint16_t port)
{
	uint64_t end = clock_boot_ms() + WAIT_MS, rx = load(&rig->w->count->rx);

	while (load(&rig->w->count->rx) < rx + FRAMES) {
		assert_true(clock_boot_ms() < end);
		offer(port);
		usleep(100);
	}
}

static uint16_t on_touch(void *queue, struct rte_mbuf **mbufs, uint16_t n)
{
	__atomic_fetch_add(&touched, 1, __ATOMIC_RELAXED);
	return 0;
}

/* A turn of the worker that lasts. */
static void linger(struct worker *w, const struct mail *mail)
{
	const bool *go = mail->ptr;

	while (!__atomic_load_n(go, __ATOMIC_ACQUIRE))
		usleep(100);
}

/* Between the worker's answer and the order back, it neither looks at the device nor sends by it,
 * whatever there is to send; the other one works on. */
static void test_paused_port_is_left_alone(void **state)
{
	struct rte_eth_fp_ops *ops = &rte_eth_fp_ops[ports[0].id], was;
	uint64_t end = clock_boot_ms() + WAIT_MS, dropped;
	bool go = false;
	const struct mail mail = {.run = linger, .ptr = &go};

	works(0);
	mailbox_send(&rig->w->mailbox, &mail);
	assert_int_equal(workers_pause(workers, 0), 0);
	for (int i = 0; i < QUIET; i++) {
		assert_false(workers_paused(workers, 0));
		usleep(1000);
	}
	__atomic_store_n(&go, true, __ATOMIC_RELEASE);
	while (!workers_paused(workers, 0))
		assert_true(clock_boot_ms() < end);
	was = *ops;
	ops->rx_pkt_burst = on_touch;
	ops->tx_pkt_burst = on_touch;
	workers_leave(workers, 0);
	dropped = load(&rig->w->count->drop[FACTS_DROP_PORT_OUT]);
	for (int i = 0; i < QUIET; i++) {
		offer(0);
		works(1);
		usleep(1000);
	}
	assert_true(load(&rig->w->count->drop[FACTS_DROP_PORT_OUT]) > dropped);
	assert_int_equal(__atomic_load_n(&touched, __ATOMIC_RELAXED), 0);
	*ops = was;
	assert_int_equal(workers_resume(workers, 0, ports[0].id), 0);
	while (!workers_paused(workers, 0))
		assert_true(clock_boot_ms() < end);
	works(0);
	works(1);
}

/* DPDK complains of whoever touches a device that is stopped. */
static bool complained(FILE *log, const char *text)
{
	char line[512];
	bool found = false;

	rewind(log);
	while (fgets(line, sizeof(line), log))
		found |= strstr(line, text) != NULL;
	return found;
}

static void test_reset_by_event(void **state)
{
	FILE *log = tmpfile();
	uint64_t end = clock_boot_ms() + WAIT_MS;

	assert_non_null(log);
	rte_openlog_stream(log);
	works(0);
	raise_event("net_ring10", RTE_ETH_EVENT_INTR_RESET);
	while (load(&head->port[0].resets) == 0) {
		assert_true(clock_boot_ms() < end);
		offer(0);
		offer(1);
		outages_tick(outages, clock_boot_ms());
	}
	works(0);
	works(1);
	assert_int_equal(told[PROTO_PORT_RESETS], 1);
	assert_int_equal(told[PROTO_PORT_GONE], 0);
	assert_int_equal(told[PROTO_PORT_BACK], 1);
	assert_int_equal(head->port[0].state, FACTS_PORT_IN);
	assert_int_equal(load(&head->port[1].resets), 0);
	assert_false(complained(log, "not ready port"));
	rte_openlog_stream(NULL);
	fclose(log);
}

int __real_rte_eth_dev_reset(uint16_t id);
int __wrap_rte_eth_dev_reset(uint16_t id);
static unsigned int again; /* times that a device wants to be reset once more, amid it */

int __wrap_rte_eth_dev_reset(uint16_t id)
{
	int err = __real_rte_eth_dev_reset(id);

	if (again && again--)
		raise_event("net_ring10", RTE_ETH_EVENT_INTR_RESET);
	return err;
}

/* The physical function below a virtual one is reset twice: the second time counts as well. */
static void test_reset_amid_reset(void **state)
{
	uint64_t end = clock_boot_ms() + WAIT_MS;

	again = 1;
	raise_event("net_ring10", RTE_ETH_EVENT_INTR_RESET);
	while (load(&head->port[0].resets) < 2) {
		assert_true(clock_boot_ms() < end);
		offer(0);
		outages_tick(outages, clock_boot_ms());
	}
	works(0);
	assert_int_equal(told[PROTO_PORT_BACK], 2);
	assert_int_equal(head->port[0].state, FACTS_PORT_IN);
}

static void test_removal_by_event(void **state)
{
	uint64_t end = clock_boot_ms() + WAIT_MS;

	raise_event("net_ring10", RTE_ETH_EVENT_INTR_RMV);
	while (ports[0].started || !told[PROTO_PORT_BACK]) {
		assert_true(clock_boot_ms() < end);
		offer(0);
		outages_tick(outages, clock_boot_ms());
		if (told[PROTO_PORT_BACK])
			break;
	}
	works(0);
	works(1);
	assert_int_equal(told[PROTO_PORT_GONE], 1);
	assert_int_equal(load(&head->port[0].removals), 1);
	assert_int_equal(load(&head->port[0].resets), 0);
}

/* Since when a port could not send: its link was down, or it was out of service. */
static void test_dark_times_are_told(void **state)
{
	uint64_t before, end = clock_boot_ms() + WAIT_MS;

	outages_watch(outages);
	assert_int_equal(missed[0] + missed[1], 0);
	before = clock_boot_ms();
	assert_int_equal(rte_eth_dev_set_link_down(ports[0].id), 0);
	for (int i = 0; i < QUIET; i++) {
		outages_watch(outages);
		usleep(1000);
	}
	assert_int_equal(missed[0], 0);
	assert_int_equal(rte_eth_dev_set_link_up(ports[0].id), 0);
	outages_watch(outages);
	outages_watch(outages);
	assert_int_equal(missed[0], 1);
	assert_in_range(missed_ms, before, clock_boot_ms() - QUIET + 1);
	before = clock_boot_ms();
	raise_event("net_ring11", RTE_ETH_EVENT_INTR_RESET);
	while (missed[1] == 0) {
		assert_true(clock_boot_ms() < end);
		outages_tick(outages, clock_boot_ms());
		outages_watch(outages);
	}
	assert_in_range(missed_ms, before, clock_boot_ms());
	assert_int_equal(told[PROTO_PORT_BACK], 1);
	assert_int_equal(missed[0], 1);
}

/* A device that asks again as soon as it is back, for an hour: once a minute and not oftener. */
static void test_resets_are_limited(void **state)
{
	uint64_t now = clock_boot_ms(), hour = now + 3600000, minute = now + 60000;
	uint64_t end = now + WAIT_MS, first = 0;

	while (now < hour) {
		assert_true(clock_boot_ms() < end);
		if (outages->port[0].stage == OUTAGE_NONE)
			raise_event("net_ring10", RTE_ETH_EVENT_INTR_RESET);
		outages_tick(outages, now);
		/* The worker's part takes time of its own. */
		if (!workers_paused(workers, 0))
			continue;
		now += 20;
		if (now < minute)
			first = load(&head->port[0].resets);
	}
	assert_in_range(first, 5, 7);
	assert_in_range(load(&head->port[0].resets), 60, 66);
	/* After a while of peace the first one is at once again. */
	while (outages->port[0].stage != OUTAGE_NONE || !workers_paused(workers, 0))
		outages_tick(outages, now += OUTAGE_WAIT_MAX_MS);
	now += OUTAGE_CALM_MS + 20;
	first = load(&head->port[0].resets);
	raise_event("net_ring10", RTE_ETH_EVENT_INTR_RESET);
	while (load(&head->port[0].resets) == first) {
		assert_true(clock_boot_ms() < end);
		outages_tick(outages, now);
	}
	works(0);
}

/* What is to be seen of a port that is out of service; nobody can reset it then, nor does it mean
 * another reset when its device asks again before the first. */
static void test_while_it_is_out(void **state)
{
	static const enum rte_eth_event_type events[] = {
		RTE_ETH_EVENT_INTR_RESET, RTE_ETH_EVENT_INTR_RMV};
	const struct facts_port *fact = &head->port[0];
	uint64_t now = clock_boot_ms();

	assert_int_equal(outages_reset(outages, "vdev:net_ring1"), -ENOENT);
	for (int i = 0; i < 2; i++) {
		outages_watch(outages);
		assert_int_equal(fact->link_up, 1);
		raise_event("net_ring10", events[i]);
		outages_tick(outages, now);
		assert_int_equal(fact->state, i ? FACTS_PORT_GONE : FACTS_PORT_RESET);
		assert_int_equal(fact->link_up, 0);
		assert_int_equal(fact->members_out, 0);
		outages_watch(outages);
		assert_int_equal(fact->link_up, 0);
		assert_int_equal(outages_reset(outages, "vdev:net_ring10"), -EBUSY);
		assert_int_equal(head->port[1].state, FACTS_PORT_IN);
		raise_event("net_ring10", events[i]);
		for (int n = 0; n < 5; n++)
			turn(now);
		assert_int_equal(fact->state, FACTS_PORT_IN);
		assert_int_equal(fact->resets, 1);
		assert_int_equal(fact->removals, i);
		now += OUTAGE_CALM_MS + 20;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_paused_port_is_left_alone, setup_two),
		TEST(test_reset_by_event, setup_two),
		TEST(test_reset_amid_reset, setup_two),
		TEST(test_removal_by_event, setup_two),
		TEST(test_dark_times_are_told, setup_two),
		TEST(test_resets_are_limited, setup_two),
		TEST(test_while_it_is_out, setup_by_hand),
	};

	return cmocka_run_group_tests(tests, group_open, rig_eal_end);
}
