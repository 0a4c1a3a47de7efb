/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/host/nexthop_impl.h"
#include "shared/clock.h"

#include <errno.h>
#include <string.h>

int nexthop_link_of(const struct nexthops *nh, int ifindex)
{
	for (int i = 0; i < nh->link_count; i++) {
		if (nh->link[i].ifindex == ifindex && ifindex > 0)
			return i;
	}
	return -1;
}

/* The kernel's timing of neighbours without it notices a changed one late, but works. */
static void link_hasten(struct nexthops *nh, const struct nexthop_link *link)
{
	int err = rtnl_neigh_timing(&nh->rtnl, link->ifindex);

	if (err)
		log_notice("%s: neighbour timing of the system stays: %s", link->ifname,
			strerror(-err));
}

static void link_tell(struct nexthops *nh, const struct nexthop_link *link, bool present)
{
	const struct nexthop_vlan vlan = {
		.link = (uint16_t)(link - nh->link),
		.device = link->device,
		.id = link->vlan,
		.present = present,
	};

	if (nh->on_vlan)
		nh->on_vlan(nh->on_vlan_ctx, &vlan);
}

/* A place for a VLAN: its old one, or one that has long been nobody's. */
static struct nexthop_link *link_place(struct nexthops *nh, uint16_t device, uint16_t vlan)
{
	struct nexthop_link *place = NULL;
	uint64_t now_ms = clock_boot_ms();

	for (uint16_t i = NEXTHOP_PORTS_MAX; i < nh->link_count; i++) {
		struct nexthop_link *link = &nh->link[i];

		if (link->ifindex > 0)
			continue;
		if (link->device == device && link->vlan == vlan)
			return link;
		if (now_ms >= link->gone_ms + 2 * NEXTHOP_KEEP_MS)
			place = link;
	}
	if (!place && nh->link_count < NEXTHOP_LINKS_MAX)
		place = &nh->link[nh->link_count++];
	return place;
}

static struct nexthop_link *link_add(struct nexthops *nh, const struct rtnl_link *found)
{
	int device = nexthop_link_of(nh, found->parent);
	struct nexthop_link *link;

	if (!found->vlan || device < 0 || device >= nh->conf.port_count)
		return NULL;
	link = link_place(nh, (uint16_t)device, found->vlan);
	if (!link) {
		log_error("%s: VLAN %u is not used: at most %d on all ports", found->ifname,
			found->vlan, NEXTHOP_LINKS_MAX - NEXTHOP_PORTS_MAX);
		return NULL;
	}
	*link = (struct nexthop_link){
		.ifindex = found->ifindex,
		.device = (uint16_t)device,
		.vlan = found->vlan,
	};
	memcpy(link->ifname, found->ifname, sizeof(link->ifname));
	log_notice("%s: VLAN %u of %s", link->ifname, link->vlan, nh->link[device].ifname);
	link_hasten(nh, link);
	link_tell(nh, link, true);
	return link;
}

void nexthop_link_update(struct nexthops *nh, const struct rtnl_link *found)
{
	int i = nexthop_link_of(nh, found->ifindex);
	struct nexthop_link *link = i < 0 ? link_add(nh, found) : &nh->link[i];

	if (!link)
		return;
	link->seen = true;
	if (found->up == link->up)
		return;
	link->up = found->up;
	/* Routes of a link that goes down may vanish without a message of their own. */
	nexthop_reroute_soon(nh);
}

static void link_forget_hop(struct nexthop *hop, void *ctx)
{
	static const struct rtnl_neigh none = {.state = NUD_NONE};
	struct nexthops *nh = ctx;

	if (nh->link[hop->port].ifindex <= 0)
		nexthop_update(nh, hop, &none);
}

void nexthop_link_gone(struct nexthops *nh, int ifindex)
{
	int i = nexthop_link_of(nh, ifindex);
	struct nexthop_link *link;

	/* A host interface itself goes with its device only. */
	if (i < NEXTHOP_PORTS_MAX)
		return;
	link = &nh->link[i];
	log_notice("%s: VLAN %u is gone", link->ifname, link->vlan);
	link->ifindex = -1;
	link->up = false;
	link->gone_ms = clock_boot_ms();
	nexthop_table_each(nh->table, link_forget_hop, nh);
	link_tell(nh, link, false);
	nexthop_reroute_soon(nh);
}

/* What a dump tells of ours; nothing is asked while it runs. */
struct link_dump {
	struct nexthops *nh;
	struct rtnl_link item[NEXTHOP_LINKS_MAX];
	unsigned int count;
};

static void link_collect(void *ctx, const struct rtnl_link *found)
{
	struct link_dump *dump = ctx;

	if (dump->count < RTE_DIM(dump->item) &&
		(nexthop_link_of(dump->nh, found->ifindex) >= 0 ||
			(found->vlan && nexthop_link_of(dump->nh, found->parent) >= 0)))
		dump->item[dump->count++] = *found;
}

void nexthop_links_read(struct nexthops *nh)
{
	struct link_dump dump = {.nh = nh};

	/* The kernel answers at once: only memory can fail. */
	if (rtnl_link_each(&nh->rtnl, link_collect, &dump))
		return;
	for (uint16_t i = 0; i < nh->link_count; i++)
		nh->link[i].seen = false;
	for (unsigned int i = 0; i < dump.count; i++)
		nexthop_link_update(nh, &dump.item[i]);
	for (uint16_t i = NEXTHOP_PORTS_MAX; i < nh->link_count; i++) {
		if (nh->link[i].ifindex > 0 && !nh->link[i].seen)
			nexthop_link_gone(nh, nh->link[i].ifindex);
	}
}

void nexthop_links_open(struct nexthops *nh)
{
	nh->link_count = NEXTHOP_PORTS_MAX;
	for (uint16_t i = 0; i < nh->conf.port_count; i++) {
		struct nexthop_link *link = &nh->link[i];

		link->device = i;
		link->up = true;
		link->ifindex = (int)if_nametoindex(nh->conf.ports[i].ifname);
		memcpy(link->ifname, nh->conf.ports[i].ifname, sizeof(link->ifname));
		link_hasten(nh, link);
	}
	nexthop_links_read(nh);
}

void nexthops_on_vlan(
	struct nexthops *nh, void (*fn)(void *ctx, const struct nexthop_vlan *vlan), void *ctx)
{
	nh->on_vlan = fn;
	nh->on_vlan_ctx = ctx;
	for (uint16_t i = NEXTHOP_PORTS_MAX; i < nh->link_count; i++) {
		if (nh->link[i].ifindex > 0)
			link_tell(nh, &nh->link[i], true);
	}
}
