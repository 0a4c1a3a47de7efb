/* SPDX-License-Identifier: BSD-3-Clause */
/* Two ports that are taken out of service and put back, with a worker. Main's part is done by hand,
 * the worker's by a thread, or by hand as well. */
#ifndef TESTS_COMPONENT_OUTAGE_SCENE_H
#define TESTS_COMPONENT_OUTAGE_SCENE_H

#include "dataplane/core/workers.h"
#include "dataplane/outage.h"
#include "shared/clock.h"
#include "tests/component/hot_rig.h"

#define PORTS   2
#define WAIT_MS 30000 /* for anything that must come */

/* Of one test. */
extern struct port *ports;
extern struct workers *workers;
extern struct rte_ring *from_host[PORTS];
extern struct outages *outages;
extern struct facts_head *head;
extern struct rig *rig;
extern unsigned int told[PROTO_PORT_BACK + 1];
extern unsigned int missed[PORTS];
extern uint64_t missed_ms; /* since when, the last time */

int group_open(void **state);
int teardown(void **state);

/* The rig's worker, with the given ports in place of its own; and its thread. */
void open_all(const char *const text[PORTS]);
void start_worker(void);

/* A turn of main, and one of a worker that has no thread. */
void turn(uint64_t now_ms);

/* A driver speaks of its device. */
void raise_event(const char *device, enum rte_eth_event_type event);

/* A counter that the worker's thread writes. */
static inline uint64_t load(const uint64_t *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}

/* A frame of the kernel for a port. */
void offer(uint16_t port);

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
