/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/host/rtnl_impl.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/time.h>

#define RTNL_BUFFER 32768

/* Of a neighbour: how long an answer counts (half to one and a half of it), when doubt turns into a
 * question, and how often managed entries are looked at. */
#define RTNL_REACHABLE_MS 5000
#define RTNL_DELAY_MS     1000
#define RTNL_INTERVAL_MS  1000

static uint8_t rtnl_family(const struct addr *addr)
{
	return addr->family == ADDR_IPV6 ? AF_INET6 : AF_INET;
}

static uint16_t rtnl_ip_len(const struct addr *addr)
{
	return addr->family == ADDR_IPV6 ? 16 : 4;
}

/* An address of netlink's family; *addr gets port 0, and is written on success only. */
static int rtnl_addr(struct addr *addr, int family, const void *ip, size_t len)
{
	if (!(family == AF_INET && len == 4) && !(family == AF_INET6 && len == 16))
		return -EINVAL;
	*addr = (struct addr){.family = family == AF_INET ? ADDR_IPV4 : ADDR_IPV6};
	memcpy(addr->ip, ip, len);
	return 0;
}

int rtnl_open(struct rtnl *rtnl)
{
	/* Only a belt: the kernel answers at once. */
	struct timeval limit = {.tv_sec = 1};

	rtnl->seq = 0;
	rtnl->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!rtnl->socket)
		return -errno;
	if (setsockopt(mnl_socket_get_fd(rtnl->socket), SOL_SOCKET, SO_RCVTIMEO, &limit,
		    sizeof(limit)) < 0 ||
		mnl_socket_bind(rtnl->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		int err = -errno;

		rtnl_close(rtnl);
		return err;
	}
	return 0;
}

void rtnl_close(struct rtnl *rtnl)
{
	if (rtnl->socket)
		mnl_socket_close(rtnl->socket);
	rtnl->socket = NULL;
}

/* False: left over of an answer that was given up. A dump during which something changed is read to
 * its end all the same: what changed is told as an event too. */
static bool rtnl_is_answer(const struct rtnl *rtnl, char *buf, ssize_t n)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	int len = (int)n;

	if (!mnl_nlmsg_ok(nlh, len) || nlh->nlmsg_seq != rtnl->seq)
		return false;
	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
		nlh->nlmsg_flags &= (uint16_t)~NLM_F_DUMP_INTR;
	return true;
}

int rtnl_talk(struct rtnl *rtnl, struct nlmsghdr *request, mnl_cb_t cb, void *data)
{
	unsigned int port = mnl_socket_get_portid(rtnl->socket);
	char buf[RTNL_BUFFER] __attribute__((aligned(8)));
	ssize_t n;
	int ret;

	request->nlmsg_seq = ++rtnl->seq;
	if (mnl_socket_sendto(rtnl->socket, request, request->nlmsg_len) < 0)
		return -errno;
	do {
		n = mnl_socket_recvfrom(rtnl->socket, buf, sizeof(buf));
		if (n < 0)
			return -errno;
		ret = rtnl_is_answer(rtnl, buf, n)
			? mnl_cb_run(buf, (size_t)n, rtnl->seq, port, cb, data)
			: MNL_CB_OK;
	} while (ret > MNL_CB_STOP);
	if (ret != MNL_CB_ERROR)
		return 0;
	return errno > 0 ? -errno : -EPROTO;
}

int rtnl_route_parse(const struct nlmsghdr *nlh, struct rtnl_route *route)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm))
		return -EINVAL;
	if (rtm->rtm_type != RTN_UNICAST)
		return -EHOSTUNREACH;
	mnl_attr_for_each(attr, nlh, sizeof(*rtm))
	{
		const void *value = mnl_attr_get_payload(attr);
		uint16_t len = mnl_attr_get_payload_len(attr);

		switch (mnl_attr_get_type(attr)) {
		case RTA_OIF:
			if (len == sizeof(uint32_t))
				route->ifindex = (int)mnl_attr_get_u32(attr);
			break;
		case RTA_GATEWAY:
			route->gateway = rtnl_addr(&route->hop, rtm->rtm_family, value, len) == 0;
			break;
		case RTA_VIA: { /* an IPv4 destination behind an IPv6 gateway */
			const struct rtvia *via = value;

			route->gateway = len > sizeof(*via) &&
				rtnl_addr(&route->hop, via->rtvia_family, via->rtvia_addr,
					len - sizeof(*via)) == 0;
			break;
		}
		}
	}
	return 0;
}

static int rtnl_route_cb(const struct nlmsghdr *nlh, void *data)
{
	int err = rtnl_route_parse(nlh, data);

	if (!err)
		return MNL_CB_STOP;
	errno = -err;
	return MNL_CB_ERROR;
}

int rtnl_route_get(struct rtnl *rtnl, const struct addr *dst, int ifindex, struct rtnl_route *route)
{
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm;
	int err;

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = rtnl_family(dst);
	rtm->rtm_dst_len = (uint8_t)(rtnl_ip_len(dst) * 8);
	mnl_attr_put(nlh, RTA_DST, rtnl_ip_len(dst), dst->ip);
	if (ifindex)
		mnl_attr_put_u32(nlh, RTA_OIF, (uint32_t)ifindex);

	*route = (struct rtnl_route){.hop = *dst};
	route->hop.port = 0;
	err = rtnl_talk(rtnl, nlh, rtnl_route_cb, route);
	if (err)
		return err;
	return route->ifindex ? 0 : -EHOSTUNREACH;
}

struct rtnl_prefixes {
	void (*fn)(void *ctx, const struct addr *prefix, uint8_t len, bool varied);
	void *ctx;
};

/* Routes and rules begin alike (struct rtmsg, struct fib_rule_hdr), and RTA_DST is FRA_DST. */
static int rtnl_prefix_cb(const struct nlmsghdr *nlh, void *data)
{
	const struct rtnl_prefixes *each = data;
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	bool route = nlh->nlmsg_type == RTM_NEWROUTE, varied = false;
	struct addr prefix = {0};
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm))
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(*rtm))
	{
		uint16_t type = mnl_attr_get_type(attr);

		if (type == RTA_DST)
			rtnl_addr(&prefix, rtm->rtm_family, mnl_attr_get_payload(attr),
				mnl_attr_get_payload_len(attr));
		varied |= route && (type == RTA_MULTIPATH || type == RTA_NH_ID);
	}
	if (prefix.family == ADDR_NONE)
		prefix.family = rtm->rtm_family == AF_INET ? ADDR_IPV4 : ADDR_IPV6;
	each->fn(each->ctx, &prefix, rtm->rtm_dst_len, varied);
	return MNL_CB_OK;
}

int rtnl_prefix_each(struct rtnl *rtnl,
	void (*fn)(void *ctx, const struct addr *prefix, uint8_t len, bool varied), void *ctx)
{
	static const uint16_t types[] = {RTM_GETROUTE, RTM_GETRULE};
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct rtnl_prefixes each = {.fn = fn, .ctx = ctx};
	int err = 0;

	static_assert(sizeof(struct rtmsg) == sizeof(struct fib_rule_hdr) &&
			offsetof(struct rtmsg, rtm_dst_len) ==
				offsetof(struct fib_rule_hdr, dst_len) &&
			(int)RTA_DST == (int)FRA_DST,
		"one parser for both");
	for (int i = 0; i < 4 && !err; i++) {
		char buf[256] __attribute__((aligned(8)));
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
		struct rtmsg *rtm;

		nlh->nlmsg_type = types[i / 2];
		nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
		rtm->rtm_family = families[i % 2];
		err = rtnl_talk(rtnl, nlh, rtnl_prefix_cb, &each);
	}
	return err;
}

int rtnl_neigh_parse(const struct nlmsghdr *nlh, struct rtnl_neigh *neigh)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	int err = -EINVAL;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ndm))
		return -EINVAL;
	*neigh = (struct rtnl_neigh){.ifindex = ndm->ndm_ifindex, .state = ndm->ndm_state};
	mnl_attr_for_each(attr, nlh, sizeof(*ndm))
	{
		const void *value = mnl_attr_get_payload(attr);
		uint16_t len = mnl_attr_get_payload_len(attr);

		switch (mnl_attr_get_type(attr)) {
		case NDA_DST:
			err = rtnl_addr(&neigh->addr, ndm->ndm_family, value, len);
			break;
		case NDA_LLADDR:
			neigh->has_mac = len == sizeof(neigh->mac);
			if (neigh->has_mac)
				memcpy(neigh->mac, value, len);
			break;
		case NDA_FLAGS_EXT:
			neigh->managed = len == sizeof(uint32_t) &&
				mnl_attr_get_u32(attr) & NTF_EXT_MANAGED;
			break;
		case NDA_PROTOCOL:
			neigh->ours = len == 1 && mnl_attr_get_u8(attr) == RTNL_PROTOCOL;
			break;
		}
	}
	return err;
}

static struct ndmsg *rtnl_neigh_request(
	char *buf, uint16_t type, uint16_t flags, int ifindex, const struct addr *addr)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ndmsg *ndm;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));
	ndm->ndm_family = rtnl_family(addr);
	ndm->ndm_ifindex = ifindex;
	mnl_attr_put(nlh, NDA_DST, rtnl_ip_len(addr), addr->ip);
	return ndm;
}

static int rtnl_neigh_get_cb(const struct nlmsghdr *nlh, void *data)
{
	if (nlh->nlmsg_type == RTM_NEWNEIGH && rtnl_neigh_parse(nlh, data) == 0)
		return MNL_CB_STOP;
	errno = ENOENT;
	return MNL_CB_ERROR;
}

int rtnl_neigh_get(
	struct rtnl *rtnl, int ifindex, const struct addr *addr, struct rtnl_neigh *neigh)
{
	char buf[256] __attribute__((aligned(8)));
	int err;

	*neigh = (struct rtnl_neigh){0};
	rtnl_neigh_request(buf, RTM_GETNEIGH, 0, ifindex, addr);
	err = rtnl_talk(rtnl, (struct nlmsghdr *)buf, rtnl_neigh_get_cb, neigh);
	/* An answer may be no neighbour at all. */
	return err || neigh->addr.family != ADDR_NONE ? err : -ENOENT;
}

int rtnl_neigh_keep(struct rtnl *rtnl, int ifindex, const struct addr *addr)
{
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;

	/* NTF_USE is for kernels before 5.16, which know no managed entries. */
	rtnl_neigh_request(buf, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_ACK, ifindex, addr)
		->ndm_flags = NTF_USE;
	mnl_attr_put_u32(nlh, NDA_FLAGS_EXT, NTF_EXT_MANAGED);
	mnl_attr_put_u8(nlh, NDA_PROTOCOL, RTNL_PROTOCOL);
	return rtnl_talk(rtnl, nlh, NULL, NULL);
}

int rtnl_neigh_release(struct rtnl *rtnl, int ifindex, const struct addr *addr)
{
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;

	rtnl_neigh_request(buf, RTM_NEWNEIGH, NLM_F_ACK, ifindex, addr)->ndm_flags = NTF_USE;
	mnl_attr_put_u8(nlh, NDA_PROTOCOL, RTPROT_KERNEL);
	return rtnl_talk(rtnl, nlh, NULL, NULL);
}

struct rtnl_each {
	void (*fn)(void *ctx, const struct rtnl_neigh *neigh);
	void *ctx;
};

static int rtnl_neigh_each_cb(const struct nlmsghdr *nlh, void *data)
{
	const struct rtnl_each *each = data;
	struct rtnl_neigh neigh;

	if (nlh->nlmsg_type == RTM_NEWNEIGH && rtnl_neigh_parse(nlh, &neigh) == 0)
		each->fn(each->ctx, &neigh);
	return MNL_CB_OK;
}

int rtnl_neigh_each(
	struct rtnl *rtnl, void (*fn)(void *ctx, const struct rtnl_neigh *neigh), void *ctx)
{
	struct rtnl_each each = {.fn = fn, .ctx = ctx};
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = RTM_GETNEIGH;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ndmsg));
	return rtnl_talk(rtnl, nlh, rtnl_neigh_each_cb, &each);
}

static int rtnl_table_timing(struct rtnl *rtnl, const char *table, uint8_t family, int ifindex)
{
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ndtmsg *ndt;
	struct nlattr *parms;

	nlh->nlmsg_type = RTM_SETNEIGHTBL;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	ndt = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndt));
	ndt->ndtm_family = family;
	mnl_attr_put_strz(nlh, NDTA_NAME, table);
	parms = mnl_attr_nest_start(nlh, NDTA_PARMS);
	mnl_attr_put_u32(nlh, NDTPA_IFINDEX, (uint32_t)ifindex);
	mnl_attr_put_u64(nlh, NDTPA_BASE_REACHABLE_TIME, RTNL_REACHABLE_MS);
	mnl_attr_put_u64(nlh, NDTPA_DELAY_PROBE_TIME, RTNL_DELAY_MS);
	mnl_attr_put_u64(nlh, NDTPA_INTERVAL_PROBE_TIME_MS, RTNL_INTERVAL_MS);
	mnl_attr_nest_end(nlh, parms);
	return rtnl_talk(rtnl, nlh, NULL, NULL);
}

int rtnl_neigh_timing(struct rtnl *rtnl, int ifindex)
{
	int err = rtnl_table_timing(rtnl, "arp_cache", AF_INET, ifindex);
	int err6 = rtnl_table_timing(rtnl, "ndisc_cache", AF_INET6, ifindex);

	return err ? err : err6;
}
