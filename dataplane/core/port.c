/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/port.h"

#include "dataplane/core/eal.h"
#include "shared/log.h"

#include <errno.h>
#include <net/if.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <string.h>

/* Short rings fit the cache: 2,048 descriptors cost 15 to 30 % of the packet rate. */
#define PORT_DESCRIPTORS 512
#define PORT_NAME_MAX    64 /* of a DPDK device */
#define PORT_ARGS_MAX    (PORT_TEXT_MAX + 32)

/* Words of the configuration, and the device they stand for. What the operator says comes last, and
 * counts. */
static const struct {
	const char *word;
	const char *driver;
	const char *args; /* %1$s the word's value, %2$u queues */
	bool interface;   /* the value is a kernel interface that must exist */
} port_kinds[] = {
	{"af_packet:", "net_af_packet", "framecnt=2048,qpairs=%2$u,iface=%1$s", true},
	{"af_xdp:", "net_af_xdp", "queue_count=%2$u,iface=%1$s", true},
	{"tap:", "net_tap", "iface=%1$s", false},
	{"pcap:", "net_pcap", "%1$s", false},
};

/* "eth1,qdisc_bypass=1": the interface's name is what stands before the comma. */
static int port_check_interface(const char *text, const char *value)
{
	char name[IF_NAMESIZE];
	size_t len = strcspn(value, ",");

	if (len == 0 || len >= sizeof(name)) {
		log_error("dataplane.ports: %s: an interface name has 1 to %d characters", text,
			IF_NAMESIZE - 1);
		return -EINVAL;
	}
	memcpy(name, value, len);
	name[len] = '\0';
	if (!if_nametoindex(name)) {
		log_error("dataplane.ports: %s: there is no interface %s here (ip link shows those "
			  "there are)",
			text, name);
		return -ENODEV;
	}
	return 0;
}

/* Device name and arguments of a configured port. Returns 0 or -errno after a log line. */
static int port_device(const char *text, unsigned int index, uint16_t queues,
	char name[static PORT_NAME_MAX], char *args, size_t args_len)
{
	size_t len;

	args[0] = '\0';
	for (size_t i = 0; i < RTE_DIM(port_kinds); i++) {
		const char *value = text + strlen(port_kinds[i].word);

		if (strncmp(text, port_kinds[i].word, strlen(port_kinds[i].word)) != 0)
			continue;
		if (port_kinds[i].interface && port_check_interface(text, value))
			return -ENODEV;
		snprintf(name, PORT_NAME_MAX, "%s%u", port_kinds[i].driver, index);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(args, args_len, port_kinds[i].args, value, queues);
#pragma GCC diagnostic pop
		return 0;
	}
	if (strncmp(text, "vdev:", 5) == 0)
		text += 5;
	else if (!eal_port_is_pci(text)) {
		log_error("dataplane.ports: %s: allowed are af_packet:IFACE, af_xdp:IFACE, "
			  "tap:NAME, pcap:ARGUMENTS, vdev:DRIVER and a PCI address",
			text);
		return -EINVAL;
	}
	len = strcspn(text, ",");
	if (len == 0 || len >= PORT_NAME_MAX) {
		log_error("dataplane.ports: %s: device name too long", text);
		return -EINVAL;
	}
	memcpy(name, text, len);
	name[len] = '\0';
	if (text[len])
		snprintf(args, args_len, "%s", text + len + 1);
	return 0;
}

/* Creates the device unless the EAL has found it already (PCI). */
static int port_probe(struct port *port, unsigned int index, uint16_t workers)
{
	char name[PORT_NAME_MAX], args[PORT_ARGS_MAX];
	bool pci = eal_port_is_pci(port->text);
	int err = port_device(port->text, index, workers, name, args, sizeof(args));

	if (err)
		return err;
	if (rte_eth_dev_get_port_by_name(name, &port->id) == 0)
		return 0;
	err = rte_eal_hotplug_add(pci ? "pci" : "vdev", name, args);
	if (err) {
		log_error("dataplane.ports: %s: device %s cannot be made: %s%s", port->text, name,
			strerror(-err),
			pci ? " (is it bound to vfio-pci? scripts/nic-bind.sh)"
				: err == -EPERM || err == -EACCES
				? " (CAP_NET_RAW and CAP_NET_ADMIN?)"
				: "");
		return err;
	}
	err = rte_eth_dev_get_port_by_name(name, &port->id);
	if (err)
		log_error(
			"dataplane.ports: %s: device %s is not an Ethernet port", port->text, name);
	return err;
}

/* Some drivers take no odd number of queues, or fewer than they say: then half as many. */
static int port_configure(struct port *port, const struct rte_eth_dev_info *info, uint16_t workers)
{
	uint16_t most = workers;
	int err;

	for (;;) {
		struct rte_eth_conf conf = {0};

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

static int port_setup(struct port *port, uint16_t workers, struct rte_mempool *pool)
{
	uint16_t rxd = PORT_DESCRIPTORS, txd = PORT_DESCRIPTORS;
	unsigned int socket = (unsigned int)rte_eth_dev_socket_id(port->id);
	struct rte_eth_dev_info info;
	int err = rte_eth_dev_info_get(port->id, &info);

	if (!err)
		err = port_configure(port, &info, workers);
	if (!err)
		err = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rxd, &txd);
	for (uint16_t q = 0; q < port->rx_queues && !err; q++)
		err = rte_eth_rx_queue_setup(port->id, q, rxd, socket, NULL, pool);
	for (uint16_t q = 0; q < port->tx_queues && !err; q++)
		err = rte_eth_tx_queue_setup(port->id, q, txd, socket, NULL);
	return err;
}

int port_open(struct port *port, const char *text, unsigned int index, uint16_t workers,
	struct rte_mempool *pool)
{
	int err;

	*port = (struct port){0};
	if (snprintf(port->text, sizeof(port->text), "%s", text) >= (int)sizeof(port->text)) {
		log_error("dataplane.ports: %s: longer than %zu characters", text,
			sizeof(port->text) - 1);
		return -EINVAL;
	}
	err = port_probe(port, index, workers);
	if (err)
		return err;
	err = port_setup(port, workers, pool);
	if (!err)
		err = rte_eth_macaddr_get(port->id, &port->mac);
	if (!err)
		err = rte_eth_dev_get_mtu(port->id, &port->mtu);
	if (!err)
		err = rte_eth_dev_start(port->id);
	if (err) {
		log_error("dataplane.ports: %s: cannot be set up: %s", text, strerror(-err));
		rte_eth_dev_close(port->id);
		return err;
	}
	/* Neighbour discovery asks by multicast; what has no such filter takes it anyway. */
	rte_eth_allmulticast_enable(port->id);
	port->started = true;
	if (port->rx_queues < workers || port->tx_queues < workers)
		log_notice("port %s: %u Rx and %u Tx queues for %u workers: frames are spread by "
			   "software",
			text, port->rx_queues, port->tx_queues, workers);
	return 0;
}

int port_watch_all(struct port *port)
{
	int err = rte_eth_promiscuous_enable(port->id);

	/* Virtual devices that know no addresses take everything as it is. */
	if (err == 0 || err == -ENOTSUP)
		return 0;
	log_error("dataplane.monitor_ports: %s: cannot be made to take all frames: %s", port->text,
		strerror(-err));
	return err;
}

/* Without an entry a device that filters (virtio does) takes no tagged frame; the priority tag's
 * comes first. */
void port_set_vlan(const struct port *port, uint16_t vlan, bool present)
{
	int offload = rte_eth_dev_get_vlan_offload(port->id);
	int err = 0;

	if (offload < 0)
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

void port_watch_link(struct port *port)
{
	struct rte_eth_link link;

	if (rte_eth_link_get_nowait(port->id, &link))
		return;
	if (port->link_seen && port->link_up == link.link_status)
		return;
	port->link_seen = true;
	port->link_up = link.link_status;
	if (!port->link_up)
		log_warning("port %s: link is down", port->text);
	else if (link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN)
		log_notice("port %s: link is up", port->text);
	else
		log_notice("port %s: link is up, %u Mbit/s", port->text, link.link_speed);
}

void port_close(struct port *port)
{
	if (!port->started)
		return;
	rte_eth_dev_stop(port->id);
	rte_eth_dev_close(port->id);
	port->started = false;
}
