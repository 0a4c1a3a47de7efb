/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK devices: from a word of the configuration to a device that the EAL knows. */
#ifndef DATAPLANE_CORE_DEVICE_H
#define DATAPLANE_CORE_DEVICE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#define DEVICE_TEXT_MAX 256
#define DEVICE_NAME_MAX 64

struct rte_eth_link;

struct device {
	char text[DEVICE_TEXT_MAX]; /* as configured */
	char name[DEVICE_NAME_MAX]; /* of DPDK */
	char ifname[IF_NAMESIZE];   /* the kernel's interface below it, empty = none */
	uint16_t id;                /* DPDK port */
	bool link_seen;             /* link_up is known */
	bool link_up;
};

/* Creates or finds the device; suffix makes its name unique, queues and mtu (0: its own) are what
 * it shall have, where that is told at its making. Returns 0 or -errno after a log line that says
 * what is wrong. */
int device_make(
	struct device *device, const char *text, const char *suffix, uint16_t queues, uint16_t mtu);

/* Longest packet, which drivers that read from an interface of the kernel leave to the kernel: sets
 * it unless mtu is 0, and gives what it is then. Returns 0 or -errno. */
int device_mtu(const struct device *device, uint16_t *mtu);

/* The link as the driver sees it, or the kernel, where the driver sees none. Returns 0 or -errno.
 */
int device_link(const struct device *device, struct rte_eth_link *link);

#endif
