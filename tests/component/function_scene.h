/* SPDX-License-Identifier: BSD-3-Clause */
/* The function library in a Redis of its own, as any node speaks to it: node n01, started for the
 * third time, owns partition p017. */
#ifndef TESTS_COMPONENT_FUNCTION_SCENE_H
#define TESTS_COMPONENT_FUNCTION_SCENE_H

#include "tests/component/redis_server.h"

#define LEASE "{p017}:lease"
#define KEYS  "6 " LEASE " {p017}:call:x {p017}:due {p017}:sdp:x-a {p017}:sdp:x-b {p017}:med:x"
#define KEYS7                                                                              \
	"7 " LEASE " {p017}:call:x {p017}:due {p017}:sdp:x-a {p017}:sdp:x-b {p017}:med:x " \
	"{p017}:cdr"

extern struct redis_server server;
extern char token[64]; /* of the lease */

/* For the group, and for each test: then Redis holds the lease and nothing else. */
int server_start(void **state);
int server_end(void **state);
int setup(void **state);
#define T(name) cmocka_unit_test_setup(name, setup)

/* The reply's parts with a space between, the epoch and the seq left out: "OK 2". */
const char *call(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
