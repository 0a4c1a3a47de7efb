/* SPDX-License-Identifier: BSD-3-Clause */
/* Network namespaces of a test: its own, and one at the far end of a cable. They vanish with the
 * test. Needs root. */
#ifndef TESTS_COMPONENT_NETNS_H
#define TESTS_COMPONENT_NETNS_H

#include <stdbool.h>
#include <stdint.h>

/* Prefix of a shell command that runs in the far namespace; interfaces get there with
 * "netns $FAR_PID". */
#define FAR "nsenter --net=/proc/$FAR_PID/ns/net "

/* Group setup and teardown functions. */
int netns_enter(void **state);     /* a namespace of our own */
int netns_enter_two(void **state); /* and the far one */
int netns_leave(void **state);

/* Runs a shell command that must succeed. */
__attribute__((format(printf, 1, 2))) void sh(const char *fmt, ...);

/* Whether this machine's kernel has VLAN devices. */
bool netns_has_vlan(void);

/* A socket in the far namespace: a packet socket on an interface, or a UDP socket bound to an IPv4
 * address. */
int netns_far_packet(const char *ifname);
int netns_far_udp(const char *ip, uint16_t port);

#endif
