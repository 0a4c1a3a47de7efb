/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/port.h"

#include "dataplane/core/bond.h"
#include "shared/log.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <string.h>

/* Short rings fit the cache: 2,048 descriptors cost 15 to 30 % of the packet rate. */
#define PORT_DESCRIPTORS 512

static int port_make(struct port *port, const struct port_conf *conf)
{
	char suffix[DEVICE_SUFFIX];
	int err;

	snprintf(suffix, sizeof(suffix), "%u", conf->index);
	err = device_make(&port->device[0], port->text, suffix, conf->workers, conf->mtu);
	port->id = port->device[0].id;
	port->device_count = 1;
	return err;
}

/* Some drivers take no odd number of queues, or fewer than they say: then half as many. */
static int port_configure(struct port *port, const struct rte_eth_dev_info *info, uint16_t workers,
	bool rx_interrupts)
{
	uint16_t most = workers;
	int err;

	for (;;) {
		struct rte_eth_conf conf = {.intr_conf.rxq = rx_interrupts};

		port->rx_queues = RTE_MIN(most, info->max_rx_queues);
		port->tx_queues = RTE_MIN(most, info->max_tx_queues);
		if (port->rx_queues > 1 && info->flow_type_rss_offloads) {
			conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
			conf.rx_adv_conf.rss_conf.rss_hf = (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP) &
				info->flow_type_rss_offloads;
		}
		/* No Tx offload: checksums are our own, and NICs keep their fast Tx path. */
		err = rte_eth_dev_configure(port->id, port->rx_queues, port->tx_queues, &conf);
		if (!err || most == 1)
			return err;
		most = (uint16_t)rte_align32prevpow2(most - 1u);
	}
}

/* Longest packet that a buffer holds with its Ethernet header and a tag. */
static uint16_t port_mtu_max(struct rte_mempool *pool)
{
	return (uint16_t)(rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM -
		sizeof(struct rte_ether_hdr) - sizeof(struct rte_vlan_hdr));
}

/* A monitor port takes what its buffers hold, tags and all, unless it is told what to take. */
static void port_raise_mtu(struct port *port, uint16_t most)
{
	struct rte_eth_dev_info info;
	uint16_t mtu;

	if (rte_eth_dev_info_get(port->id, &info))
		return;
	mtu = RTE_MIN(info.max_mtu, most);
	if (mtu > port->mtu && rte_eth_dev_set_mtu(port->id, mtu) == 0)
		port->mtu = mtu;
}

/* All members have the same. */
static int port_set_mtu(struct port *port, const struct port_conf *conf)
{
	uint16_t most = (uint16_t)(port_mtu_max(conf->pool) - port->device[0].header);
	int err = 0;

	for (uint16_t i = 0; i < port->device_count && !err; i++) {
		port->mtu = conf->mtu;
		err = device_mtu(&port->device[i], &port->mtu);
	}
	if (!err && port->mtu > most) {
		log_warning("port %s: packets may have %u bytes, buffers hold %u: longer ones are "
			    "dropped (dataplane.mtu)",
			port->text, port->mtu, most);
		port->mtu = most;
	}
	if (!err && conf->watch && !conf->mtu && !port->device[0].ifname[0])
		port_raise_mtu(port, most);
	return err;
}

static int port_start(struct port *port, const struct port_conf *conf, bool rx_interrupts)
{
	uint16_t rxd = PORT_DESCRIPTORS, txd = PORT_DESCRIPTORS;
	unsigned int socket = (unsigned int)rte_eth_dev_socket_id(port->id);
	struct rte_eth_dev_info info;
	int err = rte_eth_dev_info_get(port->id, &info);

	if (!err)
		err = port_configure(port, &info, conf->workers, rx_interrupts);
	if (!err)
		err = port_set_mtu(port, conf);
	if (!err)
		err = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rxd, &txd);
	for (uint16_t q = 0; q < port->rx_queues && !err; q++)
		err = rte_eth_rx_queue_setup(port->id, q, rxd, socket, NULL, conf->pool);
	for (uint16_t q = 0; q < port->tx_queues && !err; q++)
		err = rte_eth_tx_queue_setup(port->id, q, txd, socket, NULL);
	port->interrupts = rx_interrupts;
	return err ? err : rte_eth_dev_start(port->id);
}

/* Takes all frames, whatever host they are for. */
static int port_watch_all(struct port *port)
{
	int err = rte_eth_promiscuous_enable(port->id);

	/* Virtual devices that know no addresses take everything as it is. */
	if (err == 0 || err == -ENOTSUP)
		return 0;
	log_error("dataplane.monitor_ports: %s: cannot be made to take all frames: %s", port->text,
		strerror(-err));
	return err;
}

static int port_filter(struct port *port)
{
	/* Neighbour discovery asks by multicast; what has no such filter takes it anyway. */
	rte_eth_allmulticast_enable(port->id);
	if (bond_is(port->text))
		bond_filter(port);
	return port->conf.watch ? port_watch_all(port) : 0;
}

int port_open(struct port *port, const char *text, const struct port_conf *conf)
{
	int err;

	*port = (struct port){.conf = *conf};
	if (snprintf(port->text, sizeof(port->text), "%s", text) >= (int)sizeof(port->text)) {
		log_error("dataplane.ports: %s: longer than %zu characters", text,
			sizeof(port->text) - 1);
		return -EINVAL;
	}
	err = bond_is(text) ? bond_make(port, conf) : port_make(port, conf);
	if (err)
		return err;
	err = port_start(port, conf, conf->rx_interrupts);
	/* Some drivers without Rx interrupts do not start when asked for them. */
	if (err && conf->rx_interrupts)
		err = port_start(port, conf, false);
	if (!err)
		err = rte_eth_macaddr_get(port->id, &port->mac);
	if (err) {
		log_error("dataplane.ports: %s: cannot be set up%s: %s", text,
			conf->mtu ? " with dataplane.mtu" : "", strerror(-err));
		rte_eth_dev_close(port->id);
		return err;
	}
	err = port_filter(port);
	if (err) {
		rte_eth_dev_close(port->id);
		return err;
	}
	port->started = true;
	if (port->rx_queues < conf->workers || port->tx_queues < conf->workers)
		log_notice("port %s: %u Rx and %u Tx queues for %u workers: frames are spread by "
			   "software",
			text, port->rx_queues, port->tx_queues, conf->workers);
	return 0;
}

/* The host interface, neighbours and switches know the address that it had. */
static int port_restore_mac(struct port *port)
{
	struct rte_ether_addr mac;
	int err = rte_eth_macaddr_get(port->id, &mac);

	if (err || rte_is_same_ether_addr(&mac, &port->mac))
		return err;
	err = rte_eth_dev_default_mac_addr_set(port->id, &port->mac);
	if (err)
		log_error("port %s: the device came back with another hardware address "
			  "(" RTE_ETHER_ADDR_PRT_FMT ") and does not take the old one: %s",
			port->text, RTE_ETHER_ADDR_BYTES(&mac), strerror(-err));
	return err;
}

static int port_set_up_again(struct port *port)
{
	uint16_t rx_queues = port->rx_queues, tx_queues = port->tx_queues;
	int err = port_start(port, &port->conf, port->interrupts);

	/* The workers share the queues as they were at the start. */
	if (!err && (port->rx_queues != rx_queues || port->tx_queues != tx_queues)) {
		log_error("port %s: the device came back with %u Rx and %u Tx queues, and had %u "
			  "and %u: linewatch-dp must be restarted",
			port->text, port->rx_queues, port->tx_queues, rx_queues, tx_queues);
		port->rx_queues = rx_queues;
		port->tx_queues = tx_queues;
		err = -ENODEV;
	}
	if (!err)
		err = port_restore_mac(port);
	return err ? err : port_filter(port);
}

static void port_add_losses(struct device *device, struct port_losses *losses)
{
	struct rte_eth_stats stats;

	losses->missed += afpacket_missed(&device->sockets);
	if (rte_eth_stats_get(device->id, &stats))
		return;
	losses->missed += stats.imissed;
	losses->damaged += stats.ierrors;
	losses->no_mbuf += stats.rx_nombuf;
	losses->unsent += stats.oerrors;
}

void port_keep_losses(struct port *port, uint16_t member)
{
	port_add_losses(&port->device[member], &port->past);
}

void port_lose(struct port *port)
{
	port_keep_losses(port, 0);
	device_remove(&port->device[0]);
	port->started = false;
}

int port_return(struct port *port)
{
	struct device *device = &port->device[0], old = *device;
	int err;

	device_give_back(&old, &port->mac, port->mtu);
	err = device_make(device, old.text, old.suffix, port->conf.workers, port->conf.mtu);
	if (err) {
		*device = old;
		return err;
	}
	port->id = device->id;
	port->started = true;
	err = port_set_up_again(port);
	if (err) {
		device_remove(device);
		port->started = false;
	}
	return err;
}

int port_reset(struct port *port)
{
	int err;

	/* Drivers on top of the kernel's interfaces do not start a second time. */
	if (port->device[0].ifname[0]) {
		port_lose(port);
		return port_return(port);
	}
	port_keep_losses(port, 0);
	rte_eth_dev_stop(port->id);
	err = rte_eth_dev_reset(port->id);
	/* What a driver without a reset counted goes on, or begins anew: it is forgotten. */
	rte_eth_stats_reset(port->id);
	if (!err || err == -ENOTSUP)
		err = port_set_up_again(port);
	if (err) {
		device_remove(&port->device[0]);
		port->started = false;
	}
	return err;
}

void port_count_losses(struct port *port, struct port_losses *losses)
{
	*losses = port->past;
	for (uint16_t i = 0; port->started && i < port->device_count; i++)
		if (!port->device[i].out)
			port_add_losses(&port->device[i], losses);
}

/* Without an entry a device that filters (virtio does) takes no tagged frame; the priority tag's
 * comes first. */
void port_set_vlan(const struct port *port, uint16_t vlan, bool present)
{
	int offload = rte_eth_dev_get_vlan_offload(port->id);
	int err = 0;

	/* A device that was closed is told when it is back. */
	if (offload < 0 || !port->started)
		return;
	if (!(offload & RTE_ETH_VLAN_FILTER_OFFLOAD)) {
		/* Refused: the device has no filter and takes everything. */
		if (rte_eth_dev_set_vlan_offload(port->id, offload | RTE_ETH_VLAN_FILTER_OFFLOAD))
			return;
		err = rte_eth_dev_vlan_filter(port->id, 0, 1);
	}
	if (!err)
		err = rte_eth_dev_vlan_filter(port->id, vlan, present);
	if (err)
		log_warning("port %s: the device's filter cannot be told of VLAN %u: %s",
			port->text, vlan, strerror(-err));
}

static void port_watch_device(const struct port *port, struct device *device)
{
	const char *member = port->device_count > 1 ? device->text : "";
	const char *gap = *member ? " " : "";
	struct rte_eth_link link;

	if (device->out)
		return;
	if (device_link(device, &link) ||
		(device->link_seen && device->link_up == link.link_status))
		return;
	device->link_seen = true;
	device->link_up = link.link_status;
	if (!device->link_up)
		log_warning("port %s%s%s: link is down", port->text, gap, member);
	else if (link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN || device->ifname[0])
		log_notice("port %s%s%s: link is up", port->text, gap, member);
	else
		log_notice("port %s%s%s: link is up, %u Mbit/s", port->text, gap, member,
			link.link_speed);
}

void port_watch_link(struct port *port)
{
	if (port->down)
		return;
	for (uint16_t i = 0; i < port->device_count; i++)
		port_watch_device(port, &port->device[i]);
	if (bond_is(port->text))
		bond_turn(port);
}

bool port_has_link(const struct port *port)
{
	for (uint16_t i = 0; i < port->device_count; i++)
		if (!port->down && !port->device[i].out && port->device[i].link_up)
			return true;
	return false;
}

int port_set_link(struct port *port, bool up)
{
	int err = 0;

	if (port->down)
		return -ENODEV;
	for (uint16_t i = 0; i < port->device_count && !err; i++)
		if (!port->device[i].out)
			err = device_set_up(&port->device[i], up);
	return err;
}

void port_close(struct port *port)
{
	if (!port->started)
		return;
	rte_eth_dev_stop(port->id);
	rte_eth_dev_close(port->id);
	port->started = false;
}
