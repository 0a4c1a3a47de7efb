/* SPDX-License-Identifier: BSD-3-Clause */
/* How main hears from the workers of the sources that they learn: checklist LA-01. */
#include "dataplane/media/learn.h"
#include "tests/component/relay_scene.h"

#include <pthread.h>
#include <rte_ring_elem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* Main must hear of each source that is learnt, or it would forget it with the process: while there
 * is no room to tell it, nothing is learnt. */
static void main_is_busy(void **state)
{
	struct scene *s = scene_open4();
	const struct learnt other = {.id = s->flow[0].id, .gen = 77};
	struct rte_ring *ring = s->rig->media->learnt[0];

	scene_set(s, 0);
	scene_set(s, 1);
	while (rte_ring_sp_enqueue_elem(ring, (void *)(uintptr_t)&other, sizeof(other)) == 0)
		;
	for (int n = 0; n < 10; n++)
		scene_rtp(s, 0);
	scene_expect_none(s);
	rig_pass(s->rig, 20);
	scene_expect_no_event(s);
	scene_rtp(s, 0);
	scene_expect(s, 0, NULL);
	rig_pass(s->rig, 20);
	scene_event(s, 0, PROTO_FLOW_LEARNT);
	scene_close(s);
}

/* A worker that the system puts to sleep between its word to main and its own change. */
static void *slow_worker(void *arg)
{
	struct scene *s = arg;
	struct media *m = s->rig->media;
	uint32_t ip, id = s->flow[0].id;

	memcpy(&ip, s->phone[0].ip, sizeof(ip));
	while (rte_ring_count(m->learnt[0]))
		usleep(100);
	usleep(20000);
	record_store(&m->record[id].match, record_key(ip, rte_cpu_to_be_16(s->phone[0].port)));
	learn_end(&m->cold[id]);
	return NULL;
}

/* Main hears of a source before it is the flow's: it must not take that for old news. */
static void told_before_done(void **state)
{
	struct scene *s = scene_open4();
	struct media *m = s->rig->media;
	struct learnt learnt = {.id = s->flow[0].id, .gen = 1, .kind = PROTO_FLOW_LEARNT};
	pthread_t thread;

	learnt.addr = s->phone[0];
	scene_set(s, 0);
	scene_set(s, 1);
	assert_true(learn_begin(&m->cold[learnt.id]));
	assert_int_equal(rte_ring_sp_enqueue_elem(m->learnt[0], &learnt, sizeof(learnt)), 0);
	assert_int_equal(pthread_create(&thread, NULL, slow_worker, s), 0);
	rig_pass(s->rig, 20);
	pthread_join(thread, NULL);
	scene_event(s, 0, PROTO_FLOW_LEARNT);
	scene_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(main_is_busy),
		cmocka_unit_test(told_before_done),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
