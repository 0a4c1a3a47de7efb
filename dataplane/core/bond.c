/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/bond.h"

#include "shared/log.h"

#include <errno.h>
#include <rte_dev.h>
#include <rte_eth_bond.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <string.h>

#define BOND_WORD     "bond:"
#define BOND_ARGS_MAX (PORT_DEVICES_MAX * (DEVICE_NAME_MAX + 8) + 64)
#define BOND_POLL_MS  100 /* of members that have no interrupt for their link */

static const struct {
	const char *word;
	unsigned int mode;
} bond_modes[] = {
	{"active-backup:", BONDING_MODE_ACTIVE_BACKUP},
	{"802.3ad:", BONDING_MODE_8023AD},
};

bool bond_is(const char *text)
{
	return strncmp(text, BOND_WORD, strlen(BOND_WORD)) == 0;
}

/* Where the members begin, NULL for a mode that is none. */
static const char *bond_members(const char *text, unsigned int *mode)
{
	text += strlen(BOND_WORD);
	for (size_t i = 0; i < RTE_DIM(bond_modes); i++) {
		if (strncmp(text, bond_modes[i].word, strlen(bond_modes[i].word)) != 0)
			continue;
		*mode = bond_modes[i].mode;
		return text + strlen(bond_modes[i].word);
	}
	return NULL;
}

int bond_each(const char *text, int (*fn)(void *ctx, const char *member), void *ctx)
{
	char member[DEVICE_TEXT_MAX];
	unsigned int mode;
	int err = 0;

	if (!bond_is(text))
		return -EINVAL;
	text = bond_members(text, &mode);
	if (!text)
		return -EINVAL;
	while (*text && !err) {
		size_t len = strcspn(text, "+");

		if (len == 0 || len >= sizeof(member))
			return -EINVAL;
		memcpy(member, text, len);
		member[len] = '\0';
		text += text[len] ? len + 1 : len;
		err = fn(ctx, member);
	}
	return err;
}

struct bond_making {
	struct port *port;
	const struct port_conf *conf;
};

static int bond_add(void *ctx, const char *member)
{
	struct bond_making *making = ctx;
	struct port *port = making->port;
	char suffix[DEVICE_SUFFIX];
	int err;

	if (port->device_count == PORT_DEVICES_MAX)
		return -E2BIG;
	snprintf(suffix, sizeof(suffix), "%um%u", making->conf->index, port->device_count);
	err = device_make(&port->device[port->device_count], member, suffix, making->conf->workers,
		making->conf->mtu);
	if (!err)
		port->device_count++;
	return err;
}

static int bond_create(struct port *port, unsigned int index, unsigned int mode)
{
	char name[DEVICE_NAME_MAX], args[BOND_ARGS_MAX];
	size_t used;
	int err;

	snprintf(name, sizeof(name), "net_bonding%u", index);
	used = (size_t)snprintf(args, sizeof(args), "mode=%u", mode);
	for (uint16_t i = 0; i < port->device_count; i++)
		used += (size_t)snprintf(
			args + used, sizeof(args) - used, ",slave=%s", port->device[i].name);
	err = rte_eal_hotplug_add("vdev", name, args);
	if (!err)
		err = rte_eth_dev_get_port_by_name(name, &port->id);
	if (!err)
		err = rte_eth_bond_link_monitoring_set(port->id, BOND_POLL_MS);
	return err;
}

int bond_make(struct port *port, const struct port_conf *conf)
{
	struct bond_making making = {.port = port, .conf = conf};
	const char *text = port->text;
	unsigned int mode = 0;
	int err;

	if (!bond_members(text, &mode)) {
		log_error("dataplane.ports: %s: a bond is bond:active-backup:MEMBER+MEMBER or "
			  "bond:802.3ad:MEMBER+MEMBER",
			text);
		return -EINVAL;
	}
	err = bond_each(text, bond_add, &making);
	if (!err)
		err = port->device_count < 2 ? -EINVAL : bond_create(port, conf->index, mode);
	/* Its calls to send are what LACP runs on: one each 100 ms at least. */
	port->beats = mode == BONDING_MODE_8023AD;
	if (err)
		log_error("dataplane.ports: %s: %s (a bond has 2 to %d members)", text,
			strerror(-err), PORT_DEVICES_MAX);
	return err;
}

/* With LACP a member has the bond's address, which the driver gives to the first one alone; and the
 * driver drops broadcasts unless one of its members has a filter for multicast to open, or all are
 * promiscuous. */
static void bond_share(struct port *port, const struct device *device)
{
	if (port->conf.watch || rte_eth_promiscuous_get(port->id) == 1)
		rte_eth_promiscuous_enable(device->id);
	if (rte_eth_bond_mode_get(port->id) == BONDING_MODE_8023AD)
		rte_eth_dev_default_mac_addr_set(device->id, &port->mac);
}

void bond_filter(struct port *port)
{
	if (rte_eth_bond_mode_get(port->id) == BONDING_MODE_8023AD &&
		rte_eth_allmulticast_get(port->id) != 1)
		rte_eth_promiscuous_enable(port->id);
	for (uint16_t i = 0; i < port->device_count; i++)
		bond_share(port, &port->device[i]);
}

void bond_drop(struct port *port, uint16_t member)
{
	struct device *device = &port->device[member];

	port_keep_losses(port, member);
	/* Else the bond's address would be that of whoever is left. */
	rte_eth_bond_mac_address_set(port->id, &port->mac);
	rte_eth_dev_stop(device->id);
	rte_eth_bond_slave_remove(port->id, device->id);
	device_remove(device);
}

int bond_remake(struct port *port, uint16_t member)
{
	struct device *device = &port->device[member], old = *device;
	int err = device_make(device, old.text, old.suffix, port->conf.workers, port->conf.mtu);

	if (err)
		*device = old;
	return err;
}

int bond_take(struct port *port, uint16_t member)
{
	struct device *device = &port->device[member];
	int err = rte_eth_bond_slave_add(port->id, device->id);

	if (err) {
		device_remove(device);
		return -EIO;
	}
	rte_eth_allmulticast_enable(device->id);
	bond_share(port, device);
	return 0;
}

void bond_turn(const struct port *port)
{
	const struct device *better = NULL;
	int active;

	if (rte_eth_bond_mode_get(port->id) != BONDING_MODE_ACTIVE_BACKUP)
		return;
	active = rte_eth_bond_primary_get(port->id);
	for (uint16_t i = 0; i < port->device_count; i++) {
		const struct device *device = &port->device[i];

		if (device->id == active && device->link_up)
			return;
		if (device->link_up && !better)
			better = device;
	}
	if (better && rte_eth_bond_primary_set(port->id, better->id) == 0)
		log_notice("port %s: %s is the active member now", port->text, better->text);
}
