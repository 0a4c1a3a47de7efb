/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports whose device asks for a reset or goes, on net_ring devices that hand back what they are
 * given. The worker is a thread of its own, or its part is done by hand; main's is done by hand. */
#include "dataplane/core/bond.h"
#include "dataplane/core/workers.h"
#include "dataplane/outage.h"
#include "shared/clock.h"
#include "tests/component/hot_rig.h"

#include <pthread.h>
#include <rte_dev.h>
#include <rte_eth_bond.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define BOND    "bond:active-backup:vdev:net_null12+vdev:net_null13"
#define PORTS   2
#define FRAMES  50    /* that have to pass by a port that works */
#define WAIT_MS 30000 /* for anything that must come */
#define QUIET   20    /* looks at a port that nobody may touch, a millisecond apart */

/* Raised by drivers; of their own header, which is not installed. */
struct rte_eth_dev;
struct rte_eth_dev *rte_eth_dev_allocated(const char *name);
int rte_eth_dev_callback_process(struct rte_eth_dev *dev, enum rte_eth_event_type event, void *ret);

static struct rte_mempool *pool;
static struct port *ports;
static struct workers *workers;
static struct rte_ring *from_host[PORTS];
static struct outages *outages;
static struct facts_head *head;
static struct rig *rig;
static pthread_t thread;
static unsigned int told[PROTO_PORT_BACK + 1];
static unsigned int missed[PORTS];
static uint64_t missed_ms;   /* since when, the last time */
static unsigned int touched; /* a device that nobody may touch */

static void on_port(void *ctx, const struct proto_port_event *event)
{
	told[event->kind]++;
}

static void on_missed(void *ctx, uint16_t port, uint64_t since_ms)
{
	missed[port]++;
	missed_ms = since_ms;
}

/* The rig's worker, with the given ports in place of its own. */
static void open_ports(const char *const text[PORTS])
{
	const struct port_conf conf = {.workers = 1, .pool = pool};
	struct worker *w = rig->w;

	w->port_count = PORTS;
	w->stop = &workers->stop;
	w->idle.max_us = 100;
	workers->item = w;
	workers->count = 1;
	for (uint16_t i = 0; i < PORTS; i++) {
		struct port_conf own = conf;

		own.index = 10u + i;
		assert_int_equal(port_open(&ports[i], text[i], &own), 0);
		w->port[i] = (struct worker_port){.id = ports[i].id,
			.device = i,
			.mac = ports[i].mac,
			.beats = ports[i].beats,
			.from_host = from_host[i]};
	}
}

static void open_all(const char *const text[PORTS])
{
	struct outages_conf conf = {.count = PORTS};

	rig = rig_open(64, 64);
	ports = calloc(PORTS, sizeof(*ports));
	workers = calloc(1, sizeof(*workers));
	outages = calloc(1, sizeof(*outages));
	head = calloc(1, sizeof(*head));
	memset(told, 0, sizeof(told));
	memset(missed, 0, sizeof(missed));
	touched = 0;
	open_ports(text);
	conf.ports = ports;
	conf.workers = workers;
	conf.head = head;
	conf.events.port = on_port;
	conf.missed = on_missed;
	assert_int_equal(outages_open(outages, &conf), 0);
}

static void start_worker(void)
{
	assert_int_equal(rte_rcu_qsbr_thread_register(rig->qsbr, 0), 0);
	pthread_create(&thread, NULL, (void *(*)(void *))(void (*)(void))worker_run, rig->w);
	workers->running = true;
}

static int setup_two(void **state)
{
	static const char *const text[PORTS] = {"vdev:net_ring10", "vdev:net_ring11"};

	open_all(text);
	start_worker();
	return 0;
}

static int setup_bond(void **state)
{
	static const char *const text[PORTS] = {BOND, "vdev:net_ring14"};

	open_all(text);
	return 0;
}

static void drain(struct rte_ring *ring)
{
	struct rte_mbuf *mbuf;

	while (rte_ring_sc_dequeue(ring, (void **)&mbuf) == 0)
		rte_pktmbuf_free(mbuf);
}

static int teardown(void **state)
{
	if (workers->running) {
		__atomic_store_n(&workers->stop, true, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
	}
	outages_close(outages);
	for (uint16_t i = 0; i < PORTS; i++) {
		struct rte_mbuf *mbuf;

		/* net_null gives frames for ever. */
		for (int n = 0; n < 4096 && rte_eth_rx_burst(ports[i].id, 0, &mbuf, 1); n++)
			rte_pktmbuf_free(mbuf);
		port_close(&ports[i]);
		if (bond_is(ports[i].text))
			rte_eal_hotplug_remove("vdev", "net_bonding10");
		for (uint16_t j = 0; j < ports[i].device_count; j++)
			rte_eal_hotplug_remove("vdev", ports[i].device[j].name);
		drain(from_host[i]);
	}
	for (unsigned int i = 0; i < PUNT_CLASSES; i++)
		drain(rig->w->punt[i]);
	rig_close(rig);
	free(ports);
	free(workers);
	free(outages);
	free(head);
	return 0;
}

static void raise(const char *device, enum rte_eth_event_type event)
{
	struct rte_eth_dev *dev = rte_eth_dev_allocated(device);

	assert_non_null(dev);
	rte_eth_dev_callback_process(dev, event, NULL);
}

static uint64_t load(const uint64_t *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}

/* A frame of the kernel for a port, which its device hands back. */
static void offer(uint16_t port)
{
	static const uint8_t data[60] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);

	if (!mbuf)
		return;
	memcpy(rte_pktmbuf_append(mbuf, sizeof(data)), data, sizeof(data));
	if (rte_ring_sp_enqueue(from_host[port], mbuf))
		rte_pktmbuf_free(mbuf);
	drain(rig->w->punt[PUNT_OTHER]);
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
	raise("net_ring10", RTE_ETH_EVENT_INTR_RESET);
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

static void test_removal_by_event(void **state)
{
	uint64_t end = clock_boot_ms() + WAIT_MS;

	raise("net_ring10", RTE_ETH_EVENT_INTR_RMV);
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
	raise("net_ring11", RTE_ETH_EVENT_INTR_RESET);
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
			raise("net_ring10", RTE_ETH_EVENT_INTR_RESET);
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
	raise("net_ring10", RTE_ETH_EVENT_INTR_RESET);
	while (load(&head->port[0].resets) == first) {
		assert_true(clock_boot_ms() < end);
		outages_tick(outages, now);
	}
	works(0);
}

/* Main and worker by hand. */
static void turn(uint64_t now_ms)
{
	outages_tick(outages, now_ms);
	mailbox_run(&rig->w->mailbox, rig->w);
}

static unsigned int members(void)
{
	uint16_t ids[PORT_DEVICES_MAX];

	return (unsigned int)rte_eth_bond_slaves_get(ports[0].id, ids, PORT_DEVICES_MAX);
}

static uint64_t sent_by(uint16_t member)
{
	struct rte_eth_stats stats;

	if (ports[0].device[member].out)
		return 0;
	assert_int_equal(rte_eth_stats_get(ports[0].device[member].id, &stats), 0);
	return stats.opackets;
}

/* Frames leave by a member that is in service, and come by one. */
static void bond_works(void)
{
	struct rte_mbuf *mbufs[WORKER_BURST];
	uint64_t end = clock_boot_ms() + WAIT_MS, before = sent_by(0) + sent_by(1);
	uint16_t n = 0;

	while (n == 0 || sent_by(0) + sent_by(1) == before) {
		assert_true(clock_boot_ms() < end);
		offer(0);
		if (rte_ring_sc_dequeue(from_host[0], (void **)mbufs) == 0)
			worker_tx(rig->w, 0, mbufs[0]);
		worker_flush(rig->w, 0);
		port_watch_link(&ports[0]);
		n = rte_eth_rx_burst(ports[0].id, 0, mbufs, WORKER_BURST);
		rte_pktmbuf_free_bulk(mbufs, n);
	}
}

/* A bond loses the member that it uses, works on with the other, and gets it back. */
static void test_bond_loses_member(void **state)
{
	struct rte_ether_addr mac;
	uint64_t now = clock_boot_ms();

	bond_works();
	assert_int_equal(members(), 2);
	raise("net_null12", RTE_ETH_EVENT_INTR_RMV);
	for (int i = 0; i < 3 && !ports[0].device[0].out; i++)
		turn(now);
	assert_true(ports[0].device[0].out);
	mailbox_run(&rig->w->mailbox, rig->w);
	assert_int_equal(members(), 1);
	assert_int_equal(head->port[0].members_out, 1);
	assert_int_equal(head->port[0].state, FACTS_PORT_IN);
	bond_works();
	for (int i = 0; i < 5; i++)
		turn(now += 20);
	assert_int_equal(members(), 2);
	assert_int_equal(head->port[0].members_out, 0);
	assert_int_equal(load(&head->port[0].removals), 1);
	assert_int_equal(told[PROTO_PORT_GONE], 1);
	assert_int_equal(told[PROTO_PORT_BACK], 1);
	assert_int_equal(rte_eth_macaddr_get(ports[0].id, &mac), 0);
	assert_memory_equal(&mac, &ports[0].mac, sizeof(mac));
	bond_works();
}

/* All members, one after another: never both at a time. */
static void test_bond_is_reset(void **state)
{
	uint64_t now = clock_boot_ms();

	assert_int_equal(outages_reset(outages, BOND), 0);
	for (int i = 0; i < 20; i++) {
		turn(now += 20);
		assert_true(members() >= 1);
		assert_in_range(head->port[0].members_out, 0, 1);
	}
	assert_int_equal(members(), 2);
	assert_int_equal(load(&head->port[0].resets), 2);
	assert_int_equal(load(&head->port[0].removals), 0);
	bond_works();
}

static int group_open(void **state)
{
	if (rig_eal(state))
		return -1;
	pool = rte_pktmbuf_pool_create(
		"outage", 8191, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	for (int i = 0; i < PORTS; i++) {
		char name[RTE_RING_NAMESIZE];

		snprintf(name, sizeof(name), "from_host_%d", i);
		from_host[i] = rte_ring_create(
			name, 256, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (!from_host[i])
			return -1;
	}
	return pool ? 0 : -1;
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_paused_port_is_left_alone, setup_two),
		TEST(test_reset_by_event, setup_two),
		TEST(test_removal_by_event, setup_two),
		TEST(test_dark_times_are_told, setup_two),
		TEST(test_resets_are_limited, setup_two),
		TEST(test_bond_loses_member, setup_bond),
		TEST(test_bond_is_reset, setup_bond),
	};

	return cmocka_run_group_tests(tests, group_open, rig_eal_end);
}
