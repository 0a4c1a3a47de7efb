/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK ports: from the configuration's words to a started device. */
#ifndef DATAPLANE_CORE_PORT_H
#define DATAPLANE_CORE_PORT_H

#include "dataplane/core/device.h"

#include <rte_ether.h>
#include <rte_mempool.h>
#include <stdbool.h>
#include <stdint.h>

#define PORT_TEXT_MAX    DEVICE_TEXT_MAX
#define PORT_DEVICES_MAX 4 /* members of a bond */

struct port_conf {
	unsigned int index; /* makes the device's name unique */
	uint16_t workers;
	uint16_t mtu;       /* 0 = the device's own */
	bool rx_interrupts; /* if it has them */
	bool watch;         /* a monitor port: takes frames whatever host they are for */
	struct rte_mempool *pool;
};

/* What a device counted until it was removed or reset. */
struct port_losses {
	uint64_t missed, damaged, no_mbuf, unsent;
};

struct port {
	struct port_conf conf;
	char text[PORT_TEXT_MAX]; /* as configured, for the log */
	uint16_t id;
	uint16_t rx_queues; /* worker i has one if i is below */
	uint16_t tx_queues;
	uint16_t mtu;
	struct rte_ether_addr mac;
	bool started;
	bool interrupts;  /* configured with Rx interrupts */
	bool down;        /* out of service: the device is not looked at */
	uint32_t returns; /* times that a device of it was put back in service */
	struct port_losses past;
	bool beats; /* it wants calls to send even when there is nothing to send */
	struct device device[PORT_DEVICES_MAX]; /* itself, or the members of a bond */
	uint16_t device_count;
};

/* Creates or finds the device of "af_packet:eth1", "af_xdp:eth1", "tap:NAME", "pcap:ARGS",
 * "vdev:DRIVER[,ARGS]", a PCI address, or a bond of these (bond.h), sets it up with an Rx and a Tx
 * queue for each worker, or as many as it has, and starts it. Returns 0 or -errno after one log
 * line that says what is wrong. */
int port_open(struct port *port, const char *text, const struct port_conf *conf);
void port_close(struct port *port);

/* The three that follow are for a port of one device that no worker touches (workers_pause). */

/* Resets the device and sets it up as it was, by the driver's own reset where it has one. Returns
 * 0, or -errno and it is closed. */
int port_reset(struct port *port);

/* Closes a device that has gone, or is to be made anew. */
void port_lose(struct port *port);

/* Makes it anew, as it was: same queues, same hardware address. Returns 0, or -errno and it is
 * still closed. */
int port_return(struct port *port);

/* What the port lost since the start. Main thread. */
void port_count_losses(struct port *port, struct port_losses *losses);

/* Keeps what a member of the port (0: the device itself) counted, before it is removed or its
 * counters are set to 0. */
void port_keep_losses(struct port *port, uint16_t member);

/* Tells the filter of a device that has one which VLANs to take. Main thread. */
void port_set_vlan(const struct port *port, uint16_t vlan, bool present);

/* Logs when a link went down or came up since the last call; first call: what it is. Moves a bond
 * away from a link that is down. Asked, not told by an interrupt: several drivers have none, or
 * none beside Rx interrupts. Main thread, several times a second. */
void port_watch_link(struct port *port);

/* A device of it had a link when port_watch_link() looked. */
bool port_has_link(const struct port *port);

/* Takes the link down, so that the neighbour sees it, or up again. Returns 0, or -errno: -ENOTSUP,
 * the driver cannot. */
int port_set_link(struct port *port, bool up);

#endif
