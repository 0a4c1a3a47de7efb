/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/outage_scene.h"

#include "dataplane/core/bond.h"

#include <pthread.h>
#include <rte_dev.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Raised by drivers; of their own header, which is not installed. */
struct rte_eth_dev;
struct rte_eth_dev *rte_eth_dev_allocated(const char *name);
int rte_eth_dev_callback_process(struct rte_eth_dev *dev, enum rte_eth_event_type event, void *ret);

struct port *ports;
struct workers *workers;
struct rte_ring *from_host[PORTS];
struct outages *outages;
struct facts_head *head;
struct rig *rig;
unsigned int told[PROTO_PORT_BACK + 1];
unsigned int missed[PORTS];
uint64_t missed_ms;
static struct rte_mempool *pool;
static pthread_t thread;

static void on_port(void *ctx, const struct proto_port_event *event)
{
	told[event->kind]++;
}

static void on_missed(void *ctx, uint16_t port, uint64_t since_ms)
{
	missed[port]++;
	missed_ms = since_ms;
}

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

void open_all(const char *const text[PORTS])
{
	struct outages_conf conf = {.count = PORTS};

	rig = rig_open(64, 64);
	ports = calloc(PORTS, sizeof(*ports));
	workers = calloc(1, sizeof(*workers));
	outages = calloc(1, sizeof(*outages));
	head = calloc(1, sizeof(*head));
	memset(told, 0, sizeof(told));
	memset(missed, 0, sizeof(missed));
	open_ports(text);
	conf.ports = ports;
	conf.workers = workers;
	conf.head = head;
	conf.events.port = on_port;
	conf.missed = on_missed;
	assert_int_equal(outages_open(outages, &conf), 0);
}

void start_worker(void)
{
	assert_int_equal(rte_rcu_qsbr_thread_register(rig->qsbr, 0), 0);
	pthread_create(&thread, NULL, (void *(*)(void *))(void (*)(void))worker_run, rig->w);
	workers->running = true;
}

static void drain(struct rte_ring *ring)
{
	struct rte_mbuf *mbuf;

	while (rte_ring_sc_dequeue(ring, (void **)&mbuf) == 0)
		rte_pktmbuf_free(mbuf);
}

int teardown(void **state)
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

void raise_event(const char *device, enum rte_eth_event_type event)
{
	struct rte_eth_dev *dev = rte_eth_dev_allocated(device);

	assert_non_null(dev);
	rte_eth_dev_callback_process(dev, event, NULL);
}

void offer(uint16_t port)
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

int group_open(void **state)
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

void turn(uint64_t now_ms)
{
	outages_tick(outages, now_ms);
	mailbox_run(&rig->w->mailbox, rig->w);
}
