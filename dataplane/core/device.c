/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/device.h"

#include "dataplane/core/eal.h"
#include "dataplane/core/pool.h"
#include "shared/log.h"

#include <errno.h>
#include <libgen.h>
#include <net/if_arp.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEVICE_ARGS_MAX (DEVICE_TEXT_MAX + 64)

/* Words of the configuration, and the device they stand for. What the operator says comes last, and
 * counts. */
static const struct {
	const char *word;
	const char *driver;
	const char *args;  /* %1$s the word's value, %2$u queues */
	const char *jumbo; /* in front of those; %1$u bytes of a frame that no usual buffer holds,
			    * %2$u of four such frames */
	bool interface;    /* the value is a kernel interface that must exist */
	uint16_t header;   /* bytes of a frame's room that are the kernel's; it cuts off what does
			    * not fit the rest */
} device_kinds[] = {
	{"af_packet:", "net_af_packet", "framecnt=2048,qpairs=%2$u,iface=%1$s",
		"framesz=%1$u,blocksz=%2$u,", true, 72},
	{"af_xdp:", "net_af_xdp", "queue_count=%2$u,iface=%1$s", "", true, 0},
	{"tap:", "net_tap", "iface=%1$s", "", false, 0},
	{"pcap:", "net_pcap", "%1$s", "", false, 0},
};

/* "eth1,qdisc_bypass=1": the interface's name is what stands before the comma. */
static int device_interface(struct device *device, const char *value)
{
	size_t len = strcspn(value, ",");

	if (len == 0 || len >= sizeof(device->ifname)) {
		log_error("dataplane.ports: %s: an interface name has 1 to %d characters",
			device->text, IF_NAMESIZE - 1);
		return -EINVAL;
	}
	memcpy(device->ifname, value, len);
	device->ifindex = if_nametoindex(device->ifname);
	if (!device->ifindex) {
		log_error("dataplane.ports: %s: there is no interface %s here (ip link shows those "
			  "there are)",
			device->text, device->ifname);
		return -ENODEV;
	}
	return 0;
}

/* Name and arguments of the device. Returns 0 or -errno after a log line. */
static int device_describe(struct device *device, const char *suffix, uint16_t queues, uint16_t mtu,
	char *args, size_t args_len)
{
	unsigned int room = pool_room(mtu);
	const char *text = device->text;
	size_t len;

	args[0] = '\0';
	for (size_t i = 0; i < RTE_DIM(device_kinds); i++) {
		const char *value = text + strlen(device_kinds[i].word);
		int err;

		if (strncmp(text, device_kinds[i].word, strlen(device_kinds[i].word)) != 0)
			continue;
		err = device_kinds[i].interface ? device_interface(device, value) : 0;
		device->header = device_kinds[i].header;
		snprintf(
			device->name, sizeof(device->name), "%s%s", device_kinds[i].driver, suffix);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		len = room > RTE_MBUF_DEFAULT_DATAROOM
			? (size_t)snprintf(args, args_len, device_kinds[i].jumbo, room, 4 * room)
			: 0;
		snprintf(args + len, args_len - len, device_kinds[i].args, value, queues);
#pragma GCC diagnostic pop
		return err;
	}
	if (strncmp(text, "vdev:", 5) == 0)
		text += 5;
	else if (!eal_port_is_pci(text)) {
		log_error("dataplane.ports: %s: allowed are af_packet:IFACE, af_xdp:IFACE, "
			  "tap:NAME, pcap:ARGUMENTS, vdev:DRIVER, a PCI address and "
			  "bond:MODE:MEMBER+MEMBER",
			text);
		return -EINVAL;
	}
	len = strcspn(text, ",");
	if (len == 0 || len >= sizeof(device->name)) {
		log_error("dataplane.ports: %s: device name too long", text);
		return -EINVAL;
	}
	memcpy(device->name, text, len);
	if (text[len])
		snprintf(args, args_len, "%s", text + len + 1);
	return 0;
}

/* Where the kernel tells of a PCI device, or of a thing of it. */
static void device_sysfs(const struct device *device, const char *what, char *path, size_t path_len)
{
	bool domain = strchr(device->name, ':') != strrchr(device->name, ':');

	snprintf(path, path_len, "/sys/bus/pci/devices/%s%s%s", domain ? "" : "0000:", device->name,
		what);
}

/* The kernel's driver of a PCI device, empty: it has none. */
static void device_kernel_driver(const struct device *device, char driver[static IF_NAMESIZE])
{
	char path[DEVICE_NAME_MAX + 64], link[256] = "";

	driver[0] = '\0';
	device_sysfs(device, "/driver", path, sizeof(path));
	if (readlink(path, link, sizeof(link) - 1) > 0)
		snprintf(driver, IF_NAMESIZE, "%s", basename(link));
}

bool device_is_gone(const struct device *device)
{
	char path[DEVICE_NAME_MAX + 64], name[IF_NAMESIZE];

	if (device->ifname[0])
		return !if_indextoname(device->ifindex, name);
	if (!eal_port_is_pci(device->text))
		return false;
	device_sysfs(device, "", path, sizeof(path));
	return access(path, F_OK) != 0;
}

bool device_can_reset(const struct device *device)
{
	return strncmp(device->text, "af_xdp:", strlen("af_xdp:")) != 0;
}

bool device_is_back(const struct device *device)
{
	char driver[IF_NAMESIZE];

	if (device->ifname[0])
		return if_nametoindex(device->ifname) != 0;
	if (!eal_port_is_pci(device->text))
		return true;
	device_kernel_driver(device, driver);
	return strcmp(driver, device->driver) == 0;
}

void device_remove(struct device *device)
{
	bool pci = eal_port_is_pci(device->text);

	rte_eth_dev_stop(device->id);
	rte_eth_dev_close(device->id);
	rte_eal_hotplug_remove(pci ? "pci" : "vdev", device->name);
	device->out = true;
	device->link_up = false;
}

static int device_set_kernel_up(const struct device *device, bool up)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;
	struct ifreq ifr = {0};

	if (fd < 0)
		return -errno;
	memcpy(ifr.ifr_name, device->ifname, sizeof(ifr.ifr_name));
	if (ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
		err = -errno;
	ifr.ifr_flags = (short)(up ? ifr.ifr_flags | IFF_UP : ifr.ifr_flags & ~IFF_UP);
	if (!err && ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		err = -errno;
	close(fd);
	return err;
}

int device_make(
	struct device *device, const char *text, const char *suffix, uint16_t queues, uint16_t mtu)
{
	bool pci = eal_port_is_pci(text);
	char args[DEVICE_ARGS_MAX];
	int err;

	*device = (struct device){0};
	snprintf(device->suffix, sizeof(device->suffix), "%s", suffix);
	if (snprintf(device->text, sizeof(device->text), "%s", text) >= (int)sizeof(device->text)) {
		log_error("dataplane.ports: %s: longer than %zu characters", text,
			sizeof(device->text) - 1);
		return -EINVAL;
	}
	err = device_describe(device, suffix, queues, mtu, args, sizeof(args));
	if (err)
		return err;
	if (pci)
		device_kernel_driver(device, device->driver);
	/* Older kernels refuse packet sockets that share an interface while it is down. */
	if (device->ifname[0])
		device_set_kernel_up(device, true);
	/* The EAL has found it already (PCI). */
	if (rte_eth_dev_get_port_by_name(device->name, &device->id) == 0)
		return 0;
	err = rte_eal_hotplug_add(pci ? "pci" : "vdev", device->name, args);
	if (err) {
		log_error("dataplane.ports: %s: device %s cannot be made: %s%s", text, device->name,
			strerror(-err),
			pci ? " (is it bound to vfio-pci? scripts/nic-bind.sh)"
				: err == -EPERM || err == -EACCES
				? " (CAP_NET_RAW and CAP_NET_ADMIN?)"
				: "");
		return err;
	}
	err = rte_eth_dev_get_port_by_name(device->name, &device->id);
	if (err)
		log_error("dataplane.ports: %s: device %s is not an Ethernet port", text,
			device->name);
	else if (device->ifname[0])
		afpacket_find(&device->sockets, device->ifindex);
	return err;
}

static int device_kernel_mtu(const struct device *device, uint16_t *mtu)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;
	struct ifreq ifr = {.ifr_mtu = *mtu};

	if (fd < 0)
		return -errno;
	memcpy(ifr.ifr_name, device->ifname, sizeof(ifr.ifr_name));
	if (ioctl(fd, *mtu ? SIOCSIFMTU : SIOCGIFMTU, &ifr) < 0)
		err = -errno;
	close(fd);
	*mtu = (uint16_t)RTE_MIN(ifr.ifr_mtu, UINT16_MAX);
	return err;
}

static void device_give_mac(const struct device *device, const struct rte_ether_addr *mac)
{
	struct ifreq ifr = {.ifr_hwaddr.sa_family = ARPHRD_ETHER};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	memcpy(ifr.ifr_name, device->ifname, sizeof(ifr.ifr_name));
	memcpy(ifr.ifr_hwaddr.sa_data, mac, sizeof(*mac));
	/* Who cannot is found out when the address is compared. */
	ioctl(fd, SIOCSIFHWADDR, &ifr);
	close(fd);
}

void device_give_back(const struct device *device, const struct rte_ether_addr *mac, uint16_t mtu)
{
	uint16_t now = 0;

	if (!device->ifname[0])
		return;
	device_give_mac(device, mac);
	if (device_kernel_mtu(device, &now) == 0 && now < mtu)
		device_kernel_mtu(device, &mtu);
}

int device_mtu(const struct device *device, uint16_t *mtu)
{
	int err = 0;

	if (device->ifname[0])
		return device_kernel_mtu(device, mtu);
	if (*mtu)
		err = rte_eth_dev_set_mtu(device->id, *mtu);
	return err ? err : rte_eth_dev_get_mtu(device->id, mtu);
}

int device_set_up(const struct device *device, bool up)
{
	if (device->ifname[0])
		return device_set_kernel_up(device, up);
	return up ? rte_eth_dev_set_link_up(device->id) : rte_eth_dev_set_link_down(device->id);
}

/* Drivers that read from an interface of the kernel do not look at its carrier. */
static bool device_has_carrier(const struct device *device)
{
	struct ifreq ifr = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool carrier = true;

	if (fd < 0)
		return true;
	memcpy(ifr.ifr_name, device->ifname, sizeof(ifr.ifr_name));
	if (ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
		carrier = errno != ENODEV;
	else
		carrier = (ifr.ifr_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
	close(fd);
	return carrier;
}

int device_link(const struct device *device, struct rte_eth_link *link)
{
	int err = rte_eth_link_get_nowait(device->id, link);

	if (!err && device->ifname[0] && !device_has_carrier(device))
		link->link_status = RTE_ETH_LINK_DOWN;
	return err;
}
