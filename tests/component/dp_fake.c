/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/dp_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

const struct addr fake_media_addr[MEDIA] = {
	{.family = ADDR_IPV4, .ip = {192, 0, 2, 1}},
	{.family = ADDR_IPV4, .ip = {192, 0, 2, 2}},
};

uint32_t fake_base(const struct fake *f, uint32_t i)
{
	return f->base + i * (SLOTS + 7);
}

void fake_listen(struct fake *f)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", f->path);
	unlink(f->path);
	f->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(f->listener >= 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(f->listener, 4), 0);
}

/* The facts memory of one process of the data plane. */
static void fake_facts(struct fake *f)
{
	struct facts_head head = {
		.magic = FACTS_MAGIC,
		.version = FACTS_VERSION,
		.boot_id = f->boot_id,
		.workers = 2,
		.worker_stride = 1024,
		.worker_off = 1024,
		.bindings = 2 * BINDINGS,
		.flows = FLOWS,
		.binding_heard_off = 4096,
	};

	static_assert(sizeof(struct facts_head) <= 1024, "head fits");
	static_assert(sizeof(struct facts_worker) <= 1024, "worker fits");
	head.flow_rtcp_off = head.binding_heard_off + 4ull * head.bindings;
	head.flow_count_off = head.flow_rtcp_off + 4 * FLOWS;
	head.flow_count_stride = sizeof(struct facts_flow);
	head.flow_quality_off = head.flow_count_off + FLOWS * sizeof(struct facts_flow);
	head.flow_quality_stride = sizeof(struct facts_quality);
	f->facts_size = head.flow_quality_off + FLOWS * sizeof(struct facts_quality);
	f->facts_fd = memfd_create("facts", MFD_CLOEXEC);
	assert_true(f->facts_fd >= 0);
	assert_int_equal(ftruncate(f->facts_fd, (off_t)f->facts_size), 0);
	f->facts = mmap(NULL, f->facts_size, PROT_READ | PROT_WRITE, MAP_SHARED, f->facts_fd, 0);
	assert_true(f->facts != MAP_FAILED);
	memcpy(f->facts, &head, sizeof(head));
}

void fake_boot(struct fake *f, uint32_t base, uint32_t binding_first)
{
	if (f->facts) {
		munmap(f->facts, f->facts_size);
		close(f->facts_fd);
	}
	f->boot_id++;
	f->base = base;
	f->binding_first = binding_first;
	f->generation = 0;
	memset(f->flows, 0, sizeof(f->flows));
	memset(f->bindings, 0, sizeof(f->bindings));
	fake_facts(f);
}

void fake_hang_up(struct fake *f)
{
	if (f->conn >= 0)
		close(f->conn);
	f->conn = -1;
}

void fake_die(struct fake *f)
{
	fake_hang_up(f);
	close(f->listener);
	f->listener = -1;
	unlink(f->path);
}

void fake_send_raw(struct fake *f, const void *data, size_t len, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {.iov_base = (void *)data, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		struct cmsghdr *cm;

		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		cm = CMSG_FIRSTHDR(&msg);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	}
	assert_int_equal(sendmsg(f->conn, &msg, MSG_NOSIGNAL), len);
}

void fake_send(
	struct fake *f, uint16_t type, uint32_t seq, const void *records, uint16_t count, int fd)
{
	_Alignas(8) uint8_t packet[PROTO_PACKET_MAX];
	struct proto_head head = {
		.type = type, .size = (uint16_t)proto_size(type), .count = count, .seq = seq};

	memcpy(packet, &head, sizeof(head));
	memcpy(packet + sizeof(head), records, (size_t)head.size * count);
	fake_send_raw(f, packet, sizeof(head) + (size_t)head.size * count, fd);
}

static void fake_ack(struct fake *f, uint32_t seq, int status)
{
	struct proto_ack ack = {.seq = seq, .status = status, .refused = status ? 1 : 0};

	fake_send(f, PROTO_ACK, 0, &ack, 1, -1);
}

static void fake_welcome(struct fake *f, const struct proto_hello *hello, uint32_t seq)
{
	struct proto_welcome welcome = {
		.boot_id = f->boot_id,
		.binding_first = f->binding_first,
		.binding_count = f->binding_count,
		.flow_count = FLOWS,
		.workers = 2,
		.facts_size = f->facts_size,
		.generation = f->generation,
	};

	f->hellos++;
	f->hello = *hello;
	if (f->refuse) {
		fake_ack(f, seq, f->refuse);
		fake_hang_up(f);
		return;
	}
	fake_send(f, PROTO_WELCOME, seq, &welcome, 1, f->facts_fd);
}

static void fake_media(
	struct fake *f, const struct proto_media_addr *claims, uint16_t count, uint32_t seq)
{
	struct proto_media_ready ready[MEDIA];

	assert_int_equal(count, MEDIA);
	for (uint32_t i = 0; i < count; i++) {
		assert_true(addr_equal(&claims[i].local, &fake_media_addr[i]));
		ready[i] = (struct proto_media_ready){
			.local = claims[i].local,
			.port_min = claims[i].port_min,
			.port_max = claims[i].port_max,
			.base = fake_base(f, i),
			.slots = SLOTS,
		};
	}
	if (f->refuse_media) {
		fake_ack(f, seq, f->refuse_media);
		return;
	}
	fake_send(f, PROTO_MEDIA_READY, seq, ready, count, -1);
	fake_ack(f, seq, 0);
}

static void fake_flow_set(struct fake *f, const struct proto_flow *flow)
{
	struct held_flow *held;

	assert_true(flow->id < FLOWS);
	held = &f->flows[flow->id];
	held->flow = *flow;
	held->set = true;
}

static void fake_take(struct fake *f, const struct proto_head *head)
{
	const void *records = proto_records(head);

	f->packets[head->type]++;
	for (uint32_t i = 0; i < head->count; i++) {
		const struct proto_handle *handle = (const struct proto_handle *)records + i;
		const struct proto_binding *binding = (const struct proto_binding *)records + i;

		switch (head->type) {
		case PROTO_CONF:
			f->conf = ((const struct proto_conf *)records)[i];
			break;
		case PROTO_FLOW_SET:
			fake_flow_set(f, (const struct proto_flow *)records + i);
			break;
		case PROTO_FLOW_DEL:
			assert_int_equal(f->flows[handle->id].flow.gen, handle->gen);
			f->flows[handle->id].set = false;
			break;
		case PROTO_BINDING_SET:
			assert_true(binding->id >= f->binding_first &&
				binding->id < f->binding_first + f->binding_count);
			f->bindings[binding->id] = (struct held_binding){
				.binding = *binding, .set = true};
			break;
		case PROTO_BINDING_DEL:
			assert_int_equal(f->bindings[handle->id].binding.gen, handle->gen);
			f->bindings[handle->id].set = false;
			break;
		case PROTO_SYNC_BEGIN:
			f->since_ms = ((const struct proto_sync *)records)->since_ms;
			break;
		case PROTO_CAPTURE_SET:
			f->capture = ((const struct proto_capture *)records)[i];
			break;
		case PROTO_CAPTURE_DEL:
			f->capture_del = ((const struct proto_capture_del *)records)->capture;
			break;
		case PROTO_SYNC_END:
			f->generation = ((const struct proto_sync *)records)->generation;
			break;
		default:
			break;
		}
	}
	fake_ack(f, head->seq, head->type == PROTO_CAPTURE_SET ? f->capture_refuse : 0);
}

static void fake_packet(struct fake *f, const struct proto_head *head, size_t len)
{
	const char *why = NULL;

	if (proto_check(head, len, true, &why) < 0)
		fail_msg("the client sends: %s", why);
	if (head->type == PROTO_HELLO)
		fake_welcome(f, proto_records(head), head->seq);
	else if (head->type == PROTO_MEDIA_ADDR)
		fake_media(f, proto_records(head), head->count, head->seq);
	else
		fake_take(f, head);
}

void fake_turn(struct fake *f)
{
	_Alignas(8) static uint8_t packet[PROTO_PACKET_MAX];

	if (f->listener >= 0 && f->conn < 0)
		f->conn = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (f->conn >= 0 && !f->deaf) {
		ssize_t n = recv(f->conn, packet, sizeof(packet), 0);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			fake_hang_up(f);
		else
			fake_packet(f, (const struct proto_head *)packet, (size_t)n);
	}
}
