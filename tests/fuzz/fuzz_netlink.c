/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel may say over rtnetlink: each message by itself, in memory of exactly its size,
 * and whole conversations of the next-hop table, in which the input is all that is ever received.
 *
 * The first byte picks one of the two; of conversations the next bytes are orders, each with one
 * packet to be received (its length first). */
#include "dataplane/host/nexthop_impl.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

static struct fuzz *conversation;
static const struct rtnl *asker;

ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *nl, const void *buf, size_t len);
ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *nl, void *buf, size_t size);

/* Nothing is ever asked of the kernel. */
ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *nl, const void *buf, size_t len)
{
	return (ssize_t)len;
}

/* Messages become answers to our question, or most would be thrown away by libmnl. It takes lengths
 * from 2 GB for negative ones, and walks on; no kernel sends such. */
static void mend(uint8_t *buf, size_t len)
{
	struct nlmsghdr head;

	for (size_t at = 0; at + sizeof(head) <= len; at += MNL_ALIGN(head.nlmsg_len)) {
		memcpy(&head, buf + at, sizeof(head));
		head.nlmsg_len &= INT32_MAX;
		if (asker) {
			head.nlmsg_seq = asker->seq;
			head.nlmsg_pid = mnl_socket_get_portid(asker->socket);
		}
		memcpy(buf + at, &head, sizeof(head));
		if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > len - at)
			break;
	}
}

ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *nl, void *buf, size_t size)
{
	const uint8_t *at;
	size_t len;

	if (!conversation || conversation->left < 2) {
		errno = EAGAIN;
		return -1;
	}
	at = fuzz_bytes(conversation, fuzz_u16(conversation) % 1024u, &len);
	if (len == 1023) {
		errno = ENOBUFS;
		return -1;
	}
	len = len < size ? len : size;
	if (len)
		memcpy(buf, at, len);
	mend(buf, len);
	return (ssize_t)len;
}

static void on_reroute(void *ctx)
{
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	log_open("fuzz", LOG_ERROR);
	return 0;
}

static int on_message(const struct nlmsghdr *nlh, void *data)
{
	struct rtnl_route route = {.hop = {.family = ADDR_IPV4, .ip = {10, 0, 0, 1}}};
	struct rtnl_neigh neigh;

	if (rtnl_neigh_parse(nlh, &neigh) == 0)
		assert(neigh.addr.family != ADDR_NONE && neigh.addr.port == 0);
	if (rtnl_route_parse(nlh, &route) == 0)
		assert(route.hop.family != ADDR_NONE && route.hop.port == 0);
	return MNL_CB_OK;
}

static void nobody(void *ctx, const struct rtnl_neigh *neigh)
{
	assert(neigh->addr.family != ADDR_NONE);
}

static void talk(struct fuzz *f)
{
	struct nexthop_port port = {.ifname = "lo", .mac = {2, 0, 0, 0, 0, 1}};
	struct nexthops_conf conf = {.ports = &port, .port_count = 1, .reroute = on_reroute};
	uint16_t held[8] = {0};
	struct nexthops *nh;
	uv_loop_t loop;

	assert(uv_loop_init(&loop) == 0);
	conf.loop = &loop;
	assert(nexthops_open(&nh, &conf) == 0);
	conversation = f;
	while (f->left) {
		uint8_t order = fuzz_u8(f), last = fuzz_u8(f);
		struct addr dst = {
			.family = order & 8 ? ADDR_IPV6 : ADDR_IPV4, .ip = {10, 0, 0, last}};
		struct rtnl_neigh neigh;

		asker = order & 0x80 ? NULL : &nh->rtnl;
		switch (order & 7) {
		case 0:
		case 1:
			nexthop_put(nh, held[last & 7]);
			held[last & 7] = nexthop_get(nh, &dst);
			break;
		case 2:
			rtnl_neigh_get(&nh->rtnl, 1, &dst, &neigh);
			break;
		case 3:
			rtnl_neigh_each(&nh->rtnl, nobody, NULL);
			break;
		default:
			asker = NULL;
			nexthop_events_read(nh->poll, 0, UV_READABLE);
		}
	}
	conversation = NULL;
	for (int i = 0; i < 8; i++)
		nexthop_put(nh, held[i]);
	nexthops_close(nh);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert(uv_loop_close(&loop) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};

	if (fuzz_u8(&f) & 1) {
		talk(&f);
	} else {
		void *copy = fuzz_copy(f.at, f.left);

		asker = NULL;
		mend(copy, f.left);
		mnl_cb_run(copy, f.left, 0, 0, on_message, NULL);
		free(copy);
	}
	return 0;
}
