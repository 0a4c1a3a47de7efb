/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK devices: from a word of the configuration to a device that the EAL knows. */
#ifndef DATAPLANE_CORE_DEVICE_H
#define DATAPLANE_CORE_DEVICE_H

#include "dataplane/core/afpacket.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#define DEVICE_TEXT_MAX 256
#define DEVICE_NAME_MAX 64
#define DEVICE_SUFFIX   16

struct rte_eth_link;
struct rte_ether_addr;

struct device {
	char text[DEVICE_TEXT_MAX]; /* as configured */
	char name[DEVICE_NAME_MAX]; /* of DPDK */
	char ifname[IF_NAMESIZE];   /* the kernel's interface below it, empty = none */
	unsigned int ifindex;       /* of that */
	char suffix[DEVICE_SUFFIX]; /* that makes its name unique */
	char driver[IF_NAMESIZE];   /* the kernel's that holds a PCI device for us */
	uint16_t id;                /* DPDK port */
	uint16_t header;            /* bytes of a frame's room that are not for the frame */
	bool out;                   /* it was removed, id means nothing */
	bool link_seen;             /* link_up is known */
	bool link_up;
	struct afpacket sockets; /* of an af_packet device */
};

/* Creates or finds the device; suffix makes its name unique, queues and mtu (0: its own) are what
 * it shall have, where that is told at its making. Returns 0 or -errno after a log line that says
 * what is wrong. */
int device_make(
	struct device *device, const char *text, const char *suffix, uint16_t queues, uint16_t mtu);

/* False for a device that its driver cannot open a second time in a process: of af_xdp something
 * stays open, and keeps the interface's queues. */
bool device_can_reset(const struct device *device);

/* Closes and forgets a device that is made, whether the machine still has it or not. */
void device_remove(struct device *device);

/* Whether the machine has lost what the device stands for: the PCI device, or the kernel's
 * interface. False for devices that stand for nothing. Asks the kernel. */
bool device_is_gone(const struct device *device);

/* Of a removed device: whether making it anew (device_make) can succeed. Asks the kernel. */
bool device_is_back(const struct device *device);

/* Gives the kernel's interface below a device that is to be made anew the hardware address that it
 * had, which not every driver does, and takes care that its packets may be as long as they were.
 * Nothing for other devices. */
void device_give_back(const struct device *device, const struct rte_ether_addr *mac, uint16_t mtu);

/* Longest packet, which drivers that read from an interface of the kernel leave to the kernel: sets
 * it unless mtu is 0, and gives what it is then. Returns 0 or -errno. */
int device_mtu(const struct device *device, uint16_t *mtu);

/* Takes the link up or down, or the kernel's interface below the device. Returns 0 or -errno. */
int device_set_up(const struct device *device, bool up);

/* The link as the driver sees it, or the kernel, where the driver sees none. Returns 0 or -errno.
 */
int device_link(const struct device *device, struct rte_eth_link *link);

#endif
