/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/host/rtnl_impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

/* IFLA_INFO_DATA of a device of the kind "vlan". Returns its id, 0 for another protocol's. */
static uint16_t rtnl_vlan_id(const struct nlattr *data)
{
	const struct nlattr *attr;
	uint16_t id = 0, protocol = htons(ETH_P_8021Q);

	mnl_attr_for_each_nested(attr, data)
	{
		if (mnl_attr_get_payload_len(attr) != sizeof(uint16_t))
			continue;
		if (mnl_attr_get_type(attr) == IFLA_VLAN_ID)
			id = mnl_attr_get_u16(attr);
		else if (mnl_attr_get_type(attr) == IFLA_VLAN_PROTOCOL)
			protocol = mnl_attr_get_u16(attr);
	}
	return protocol == htons(ETH_P_8021Q) ? id : 0;
}

static uint16_t rtnl_link_vlan(const struct nlattr *info)
{
	const struct nlattr *attr, *data = NULL;
	bool vlan = false;

	mnl_attr_for_each_nested(attr, info)
	{
		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
			vlan = mnl_attr_get_payload_len(attr) >= sizeof("vlan") - 1 &&
				memcmp(mnl_attr_get_payload(attr), "vlan", sizeof("vlan") - 1) == 0;
		else if (mnl_attr_get_type(attr) == IFLA_INFO_DATA)
			data = attr;
	}
	return vlan && data ? rtnl_vlan_id(data) : 0;
}

int rtnl_link_parse(const struct nlmsghdr *nlh, struct rtnl_link *link)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const unsigned int up = IFF_UP | IFF_RUNNING;
	const struct nlattr *attr;

	/* A bridge tells with the same message that it lost a port. */
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi) || ifi->ifi_family != AF_UNSPEC)
		return -EINVAL;
	*link = (struct rtnl_link){
		.ifindex = ifi->ifi_index,
		.up = (ifi->ifi_flags & up) == up,
	};
	mnl_attr_for_each(attr, nlh, sizeof(*ifi))
	{
		size_t len = mnl_attr_get_payload_len(attr);

		switch (mnl_attr_get_type(attr)) {
		case IFLA_IFNAME:
			memcpy(link->ifname, mnl_attr_get_payload(attr),
				len < sizeof(link->ifname) ? len : sizeof(link->ifname) - 1);
			break;
		case IFLA_LINK:
			if (len == sizeof(uint32_t))
				link->parent = (int)mnl_attr_get_u32(attr);
			break;
		case IFLA_LINKINFO:
			link->vlan = rtnl_link_vlan(attr);
			break;
		}
	}
	return 0;
}

struct rtnl_link_walk {
	void (*fn)(void *ctx, const struct rtnl_link *link);
	void *ctx;
};

static int rtnl_link_cb(const struct nlmsghdr *nlh, void *data)
{
	const struct rtnl_link_walk *walk = data;
	struct rtnl_link link;

	if (nlh->nlmsg_type == RTM_NEWLINK && rtnl_link_parse(nlh, &link) == 0)
		walk->fn(walk->ctx, &link);
	return MNL_CB_OK;
}

int rtnl_link_each(
	struct rtnl *rtnl, void (*fn)(void *ctx, const struct rtnl_link *link), void *ctx)
{
	struct rtnl_link_walk walk = {.fn = fn, .ctx = ctx};
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = RTM_GETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	return rtnl_talk(rtnl, nlh, rtnl_link_cb, &walk);
}
