/* SPDX-License-Identifier: BSD-3-Clause */
/* What most tests of the store begin with: one redis-server for the program, one owner a test. */
#ifndef TESTS_COMPONENT_STORE_SCENE_H
#define TESTS_COMPONENT_STORE_SCENE_H

#include "tests/component/store_owner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct redis_server server;
static struct owner owner;

/* For cmocka_run_group_tests(). */
static inline int scene_server_start(void **state)
{
	redis_server_make(&server, true, false, 0);
	return 0;
}

static inline int scene_server_end(void **state)
{
	redis_server_free(&server);
	return 0;
}

/* Each test: empty Redis, an owner that has not started yet; the other starts it too. */
static inline int scene_make(void **state)
{
	redis_text(&server, "FLUSHALL");
	owner_make(&owner, server.address, "n01");
	return 0;
}

static inline int scene_start(void **state)
{
	scene_make(state);
	owner_start(&owner);
	return 0;
}

static inline int scene_end(void **state)
{
	owner_free(&owner);
	return 0;
}

/* All that was committed is in Redis. */
static inline void scene_settle(void)
{
	assert_true(owner_until(&owner, owner_is_clean));
}

#endif
