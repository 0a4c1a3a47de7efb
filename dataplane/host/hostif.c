/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/host/hostif.h"

#include "shared/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOSTIF_DESCRIPTORS 512
#define HOSTIF_AROUND      (RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + RTE_VLAN_HLEN)
#define HOSTIF_VHOST_NODE  "/dev/vhost-net"

int hostif_name(char name[static IF_NAMESIZE], const char *configured, unsigned int index)
{
	size_t stem = strlen(configured);
	int n;

	if (index == 0)
		n = snprintf(name, IF_NAMESIZE, "%s", configured);
	else {
		while (stem > 0 && configured[stem - 1] >= '0' && configured[stem - 1] <= '9')
			stem--;
		n = snprintf(name, IF_NAMESIZE, "%.*s%lu", (int)stem, configured,
			strtoul(configured + stem, NULL, 10) + index);
	}
	return n < IF_NAMESIZE ? 0 : -ENAMETOOLONG;
}

/* Creates the persistent TAP device unless it is there. Drivers attach to it afterwards; the number
 * of queues must be of the kind that they ask for. */
static int hostif_make(const char *ifname, short flags)
{
	struct ifreq ifr = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | flags)};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC), err = 0;

	if (fd < 0) {
		err = -errno;
		log_error("/dev/net/tun: %s (the host interface %s needs it)", strerror(errno),
			ifname);
		return err;
	}
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", ifname);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0 || ioctl(fd, TUNSETPERSIST, 1) < 0) {
		err = -errno;
		log_error("host interface %s: %s%s", ifname, strerror(errno),
			errno == EPERM           ? " (CAP_NET_ADMIN is needed)"
				: errno == EBUSY ? " (does another linewatch-dp use it?)"
				: errno == EINVAL
				? " (it exists and is of another kind: ip link del it)"
				: "");
	}
	close(fd);
	return err;
}

/* Device name and arguments for the driver. */
static void hostif_device(const char *ifname, unsigned int index, const struct port *wire,
	bool vhost, char *name, size_t name_len, char *args, size_t args_len)
{
	const uint8_t *m = wire->mac.addr_bytes;

	snprintf(name, name_len, vhost ? "virtio_user%u" : "net_tap_host%u", index);
	snprintf(args, args_len, "%siface=%s,mac=%02x:%02x:%02x:%02x:%02x:%02x",
		vhost ? "path=" HOSTIF_VHOST_NODE ",queues=1,queue_size=1024," : "", ifname, m[0],
		m[1], m[2], m[3], m[4], m[5]);
}

static int hostif_probe(
	struct hostif *hostif, unsigned int index, const struct port *wire, bool vhost)
{
	char name[64], args[160];
	int err = hostif_make(hostif->ifname, vhost ? IFF_VNET_HDR : IFF_MULTI_QUEUE);

	if (err)
		return err;
	hostif_device(hostif->ifname, index, wire, vhost, name, sizeof(name), args, sizeof(args));
	err = rte_eal_hotplug_add("vdev", name, args);
	if (!err)
		err = rte_eth_dev_get_port_by_name(name, &hostif->port);
	return err;
}

static int hostif_setup(struct hostif *hostif, const struct port *wire, struct rte_mempool *pool)
{
	uint16_t rxd = HOSTIF_DESCRIPTORS, txd = HOSTIF_DESCRIPTORS;
	/* No checksum offload: the kernel would then leave its sums to us. Interrupts are for the
	 * pump's long sleeps. */
	struct rte_eth_conf conf = {.intr_conf.rxq = 1};
	struct rte_eth_dev_info info;
	int err = rte_eth_dev_info_get(hostif->port, &info);

	if (!err)
		err = rte_eth_dev_configure(hostif->port, 1, 1, &conf);
	conf.intr_conf.rxq = 0;
	if (err)
		err = rte_eth_dev_configure(hostif->port, 1, 1, &conf);
	if (!err)
		err = rte_eth_dev_adjust_nb_rx_tx_desc(hostif->port, &rxd, &txd);
	if (!err)
		err = rte_eth_rx_queue_setup(
			hostif->port, 0, rxd, (unsigned int)SOCKET_ID_ANY, NULL, pool);
	if (!err)
		err = rte_eth_tx_queue_setup(
			hostif->port, 0, txd, (unsigned int)SOCKET_ID_ANY, NULL);
	/* The TAP driver takes no long frames, and the kernel must know. */
	hostif->mtu = (uint16_t)RTE_MIN(wire->mtu, info.max_rx_pktlen - HOSTIF_AROUND);
	if (hostif->mtu < wire->mtu)
		log_notice("%s: packets of up to %u bytes only, those of the port have %u",
			hostif->ifname, hostif->mtu, wire->mtu);
	if (!err)
		err = rte_eth_dev_set_mtu(hostif->port, hostif->mtu);
	if (!err)
		err = rte_eth_dev_start(hostif->port);
	return err;
}

/* The TAP driver does this by itself, virtio-user leaves the kernel's side of the device alone. */
static int hostif_raise(const struct hostif *hostif)
{
	struct ifreq ifr = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	memcpy(ifr.ifr_name, hostif->ifname, sizeof(ifr.ifr_name));
	ifr.ifr_mtu = hostif->mtu;
	if (ioctl(fd, SIOCSIFMTU, &ifr) < 0 || ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
		err = -errno;
	ifr.ifr_flags |= IFF_UP;
	if (!err && ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		err = -errno;
	close(fd);
	return err;
}

int hostif_open(struct hostif *hostif, const char *ifname, unsigned int index,
	const struct port *wire, struct rte_mempool *pool)
{
	bool vhost = access(HOSTIF_VHOST_NODE, R_OK | W_OK) == 0;
	int err;

	*hostif = (struct hostif){.tap = !vhost};
	snprintf(hostif->ifname, sizeof(hostif->ifname), "%s", ifname);
	if (!vhost && index == 0)
		log_notice("%s: %s: host interfaces are TAP devices, slower than vhost-net",
			HOSTIF_VHOST_NODE, strerror(errno));
	err = hostif_probe(hostif, index, wire, vhost);
	if (!err)
		err = hostif_setup(hostif, wire, pool);
	if (!err)
		err = hostif_raise(hostif);
	if (err) {
		log_error("host interface %s cannot be set up: %s", ifname, strerror(-err));
		return err;
	}
	return 0;
}
