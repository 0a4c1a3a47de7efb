/* SPDX-License-Identifier: BSD-3-Clause */
/* A node is killed and starts again: what it finds in Redis. */
#include "shared/clock.h"
#include "tests/component/store_scene.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define CALLS 1000

/* In the child: calls with number = index, the last two of them not answered yet, a binding, then
 * a burst of commits in the middle of which the process is killed. */
static void live_until_killed(int tell)
{
	struct record *rec;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	owner_make(&owner, server.address, "n01");
	owner_start(&owner);
	for (int i = 0; i < CALLS; i++) {
		struct owner_call *call = owner_new(&owner, i < CALLS - 2 ? "active" : "early");

		call->number = i;
		call->wide = true;
	}
	rec = store_scratch(owner.store);
	record_put(rec, "contact", "sip:al@10.0.0.9");
	store_binding_set(owner.store, "sip:al@x", "b1", rec, clock_boot_ms() + 50000);
	if (!owner_until(&owner, owner_is_clean) || write(tell, "x", 1) != 1)
		_exit(1);
	for (int i = 0;; i = (i + 1) % CALLS) {
		store_call_commit(owner.store, &owner.calls[i].store, 1, NULL, NULL);
		if (i % 16 == 0)
			uv_run(&owner.loop, UV_RUN_NOWAIT);
	}
}

static void run_and_kill(void)
{
	int tell[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(tell), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		live_until_killed(tell[1]);
	close(tell[1]);
	assert_int_equal(read(tell[0], &byte, 1), 1);
	close(tell[0]);
	usleep(20000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Processor time of ours and of Redis. */
static uint64_t work_ms(void)
{
	struct timespec ours, theirs;
	clockid_t clock;

	assert_int_equal(clock_getcpuclockid(server.pid, &clock), 0);
	assert_int_equal(clock_gettime(clock, &theirs), 0);
	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ours), 0);
	return (uint64_t)(ours.tv_sec + theirs.tv_sec) * 1000 +
		(uint64_t)(ours.tv_nsec + theirs.tv_nsec) / 1000000;
}

static void test_restore(void **state)
{
	static bool seen[CALLS];
	uint32_t active = 0;
	uint64_t start, took;

	run_and_kill();
	start = work_ms();
	owner_start(&owner);
	took = work_ms() - start;
	print_message("%d calls are back with %d ms of work\n", (int)owner.loaded, (int)took);
	assert_int_equal(owner.loaded, CALLS);
	/* Well under a second; the sanitizers are slower. */
	assert_in_range(took, 0, 5000);
	for (uint32_t i = 0; i < owner.count; i++) {
		struct owner_call *call = &owner.calls[i];

		assert_in_range(call->number, 0, CALLS - 1);
		assert_false(seen[call->number]);
		seen[call->number] = true;
		active += strcmp(call->st, "active") == 0;
		/* Times come back in this process's clock: 600 s from their last writing. */
		assert_in_range(call->exp_ms, clock_boot_ms() + 570000, clock_boot_ms() + 600000);
		assert_true(call->wide);
	}
	assert_int_equal(active, CALLS - 2);
	assert_int_equal(owner.bindings_loaded, 1);
	assert_string_equal(owner.binding_seen, "sip:al@x|b1|sip:al@10.0.0.9");
	assert_in_range(owner.binding_expires, clock_boot_ms() + 20000, clock_boot_ms() + 50000);
	assert_int_equal(store_incarnation(owner.store), 2);
	/* And they go on. */
	owner.calls[5].number = 4711;
	store_call_commit(owner.store, &owner.calls[5].store, 1, owner_told, &owner.calls[5]);
	owner_done(&owner, &owner.calls[6], "normal");
	assert_true(owner_until(&owner, owner_is_clean));
	assert_int_equal(owner.calls[5].results[STORE_OK], 1);
	assert_string_equal(owner_field(&server, &owner.calls[5], "n"), "4711");
	assert_string_equal(owner_field(&server, &owner.calls[6], "st"), "ended");
}

/* Redis dies while the node is reading. */
static void test_interrupted(void **state)
{
	run_and_kill();
	owner_open(&owner);
	for (int i = 0; i < 2000 && owner.loaded == 0; i++)
		uv_run(&owner.loop, UV_RUN_ONCE);
	redis_text(&server, "CLIENT KILL TYPE normal SKIPME yes");
	assert_true(owner_until(&owner, owner_is_ready));
	assert_int_equal(owner.loaded, CALLS);
	assert_int_equal(owner.ready, 1);
}

static void test_rubbish(void **state)
{
	owner_start(&owner);
	owner_new(&owner, "active");
	assert_true(owner_until(&owner, owner_is_clean));
	owner_close(&owner);
	/* Index entries without a call, of another partition, and such as we never write. */
	redis_text(&server, "ZADD {p004}:due 1 p004-n01-1-00000ff 2 p005-n01-1-00000fe 3 ../x");
	redis_text(&server, "ZADD {p004}:regdue 1 nobody 2 sip:a@x:b:c 3 %s", "a:b:x");
	redis_text(&server, "HSET {p004}:call:p004-n01-1-00000fd st active");
	redis_text(&server, "ZADD {p004}:due 4 p004-n01-1-00000fc");
	redis_text(&server, "HSET {p004}:call:p004-n01-1-00000fc st ended ver x exp_ms 1e99");
	redis_text(&server, "SET {p006}:due text");
	owner_open(&owner);
	owner_run(&owner, 600);
	/* A key of a wrong type is for the operator to look at: the node does not serve. */
	assert_int_equal(owner.ready, 0);
	redis_text(&server, "DEL {p006}:due");
	assert_true(owner_until(&owner, owner_is_ready));
	assert_int_equal(owner.loaded, 1);
	assert_true(owner_until(&owner, owner_is_idle));
	assert_int_equal(redis_number(&server, "ZSCORE {p004}:due p004-n01-1-00000ff"), 0);
	assert_int_equal(redis_number(&server, "ZSCORE {p004}:due p005-n01-1-00000fe"), 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, scene_make, scene_end)
	const struct CMUnitTest tests[] = {T(test_restore), T(test_interrupted), T(test_rubbish)};

	return cmocka_run_group_tests(tests, scene_server_start, scene_server_end);
}
