/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions to a real kernel in a network namespace of our own: an answer that was given up, or
 * changed while it was read, does not spoil those that follow. No EAL. */
#include "dataplane/host/rtnl.h"
#include "tests/component/netns.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { PAIRS = 60 }; /* of interfaces: far more than one buffer tells of */

static struct addr addr_of(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(&addr, text, 1), 0);
	return addr;
}

static void expect_gateway(struct rtnl *rtnl, const char *dst, const char *gateway)
{
	struct addr to = addr_of(dst), by = addr_of(gateway);
	struct rtnl_route route;

	assert_int_equal(rtnl_route_get(rtnl, &to, 0, &route), 0);
	assert_true(route.gateway && addr_same_ip(&route.hop, &by));
}

/* A question of nobody who reads its answer. */
static void ask_in_vain(struct rtnl *rtnl)
{
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct addr to = addr_of("203.0.113.1");
	struct rtmsg *rtm;

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = ++rtnl->seq;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = AF_INET;
	rtm->rtm_dst_len = 32;
	mnl_attr_put(nlh, RTA_DST, 4, to.ip);
	assert_true(mnl_socket_sendto(rtnl->socket, nlh, nlh->nlmsg_len) > 0);
}

static void test_answer_that_was_given_up(void **state)
{
	struct rtnl rtnl;

	sh("ip link add v0 type veth peer name v1 && ip addr add 192.0.2.10/24 dev v0 && "
	   "ip link set v0 up && ip route add 203.0.113.0/24 via 192.0.2.1 && "
	   "ip route add 198.51.100.0/24 via 192.0.2.2");
	assert_int_equal(rtnl_open(&rtnl), 0);
	ask_in_vain(&rtnl);
	ask_in_vain(&rtnl);
	expect_gateway(&rtnl, "198.51.100.7", "192.0.2.2");
	expect_gateway(&rtnl, "203.0.113.7", "192.0.2.1");
	rtnl_close(&rtnl);
}

struct found {
	unsigned int links;
	bool last;
};

static void on_link(void *ctx, const struct rtnl_link *link)
{
	struct found *found = ctx;

	if (found->links++ == 0)
		sh("ip link add between type veth peer name between1");
	found->last |= strcmp(link->ifname, "p59") == 0;
}

static void test_dump_that_changed(void **state)
{
	struct found found = {0};
	struct rtnl rtnl;

	sh("for i in $(seq 0 %d); do echo link add p$i type veth peer name q$i; done | "
	   "ip -batch -",
		PAIRS - 1);
	assert_int_equal(rtnl_open(&rtnl), 0);
	assert_int_equal(rtnl_link_each(&rtnl, on_link, &found), 0);
	assert_true(found.links >= 2 * PAIRS && found.last);
	expect_gateway(&rtnl, "198.51.100.7", "192.0.2.2");
	rtnl_close(&rtnl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer_that_was_given_up),
		cmocka_unit_test(test_dump_that_changed),
	};

	return cmocka_run_group_tests(tests, netns_enter, netns_leave);
}
