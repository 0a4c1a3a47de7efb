/* SPDX-License-Identifier: BSD-3-Clause */
/* The client of the data plane against a scripted data plane on a socket of its own. Both run on
 * one uv loop's turns in one thread, so nothing depends on timing but the retries themselves. */
#include "controlplane/media/dpcapture.h"
#include "controlplane/media/dpclient.h"

#include "shared/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define PORT_MIN 20000
#define SLOTS    64 /* of each media address */
#define MEDIA    2
#define BINDINGS 3000
#define FLOWS    4096 /* port slots of the data plane */
#define PATIENCE 20000

/* ---- a data plane ---- */

struct held_flow {
	struct proto_flow flow;
	bool set;
};

struct held_binding {
	struct proto_binding binding;
	bool set;
};

struct fake {
	char dir[64];
	char path[108];
	int listener;
	int conn;
	uint64_t boot_id;
	uint32_t base; /* slot of the first media address; the second follows after a gap */
	uint32_t binding_first;
	uint32_t binding_count;
	uint64_t generation;
	uint64_t since_ms; /* of the last sync that began */
	int refuse;        /* hello is answered by this error */
	bool refuse_media;
	bool deaf; /* reads nothing */
	struct held_flow flows[FLOWS];
	struct held_binding bindings[2 * BINDINGS];
	uint32_t packets[PROTO_FROM_CLIENT]; /* received, by type */
	uint32_t hellos;
	struct proto_hello hello;
	struct proto_conf conf;
	struct proto_capture capture; /* the last one */
	uint32_t capture_del;
	int capture_refuse;
	int facts_fd;
	uint8_t *facts;
	size_t facts_size;
};

static const struct addr media[MEDIA] = {
	{.family = ADDR_IPV4, .ip = {192, 0, 2, 1}},
	{.family = ADDR_IPV4, .ip = {192, 0, 2, 2}},
};

static uint32_t fake_base(const struct fake *f, uint32_t i)
{
	return f->base + i * (SLOTS + 7);
}

static void fake_listen(struct fake *f)
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
		.worker_off = 256,
		.bindings = 2 * BINDINGS,
		.flows = FLOWS,
		.binding_heard_off = 4096,
	};

	static_assert(sizeof(struct facts_head) <= 256, "head fits");
	static_assert(sizeof(struct facts_worker) <= 1024, "worker fits");
	head.flow_rtp_off = head.binding_heard_off + 4ull * head.bindings;
	head.flow_rtcp_off = head.flow_rtp_off + 4 * FLOWS;
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

/* Another process: it knows nothing, and numbers everything anew. */
static void fake_boot(struct fake *f, uint32_t base, uint32_t binding_first)
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

static void fake_hang_up(struct fake *f)
{
	if (f->conn >= 0)
		close(f->conn);
	f->conn = -1;
}

static void fake_die(struct fake *f)
{
	fake_hang_up(f);
	close(f->listener);
	f->listener = -1;
	unlink(f->path);
}

static void fake_send_raw(struct fake *f, const void *data, size_t len, int fd)
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

static void fake_send(
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
		assert_true(addr_equal(&claims[i].local, &media[i]));
		ready[i] = (struct proto_media_ready){
			.local = claims[i].local,
			.port_min = claims[i].port_min,
			.port_max = claims[i].port_max,
			.base = fake_base(f, i),
			.slots = SLOTS,
		};
	}
	if (f->refuse_media) {
		fake_ack(f, seq, -ENOSPC);
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

/* Does what it can without waiting. */
static void fake_turn(struct fake *f)
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

/* ---- the client and what it tells ---- */

struct bench {
	struct fake fake;
	uv_loop_t loop;
	uv_timer_t tick;
	struct dpclient *c;
	struct dpclient_conf conf;
	unsigned ups, downs, restarts, flow_events, binding_events;
	uint64_t lost;
	struct dpclient_port last_at;
	struct proto_flow_event last_flow;
	uint32_t last_index;
	struct proto_binding_event last_binding;
};

static void on_up(void *arg, bool restarted)
{
	struct bench *b = arg;

	assert_true(dpclient_is_up(b->c));
	b->ups++;
	b->restarts += restarted;
}

static void on_down(void *arg)
{
	struct bench *b = arg;

	assert_false(dpclient_is_up(b->c));
	b->downs++;
}

static void on_flow(void *arg, struct dpclient_port at, const struct proto_flow_event *ev)
{
	struct bench *b = arg;

	b->flow_events++;
	b->last_at = at;
	b->last_flow = *ev;
}

static void on_binding(void *arg, uint32_t index, const struct proto_binding_event *ev)
{
	struct bench *b = arg;

	b->binding_events++;
	b->last_index = index;
	b->last_binding = *ev;
}

static void on_lost(void *arg, uint64_t events)
{
	((struct bench *)arg)->lost += events;
}

static void on_tick(uv_timer_t *timer)
{
}

static void turn(struct bench *b)
{
	fake_turn(&b->fake);
	uv_run(&b->loop, UV_RUN_NOWAIT);
}

/* Turns until the condition holds; fails after a patience that no machine needs. */
#define UNTIL(b, condition)                                         \
	do {                                                        \
		uint64_t end_ = clock_boot_ms() + PATIENCE;         \
		while (!(condition)) {                              \
			turn(b);                                    \
			if (clock_boot_ms() > end_)                 \
				fail_msg("waited for " #condition); \
			if (!(condition))                           \
				poll(NULL, 0, 1);                   \
		}                                                   \
	} while (0)

static bool settled(const struct bench *b)
{
	struct dpclient_status status;

	dpclient_status(b->c, &status);
	return status.up && status.pending == 0;
}

/* Some turns more, for what must not happen. */
static void settle(struct bench *b)
{
	UNTIL(b, settled(b));
	for (int i = 0; i < 20; i++)
		turn(b);
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct fake *f = &b->fake;

	strcpy(f->dir, "/tmp/lw-dpclient-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/dp.sock", f->dir);
	f->listener = -1;
	f->conn = -1;
	f->binding_count = BINDINGS;
	fake_boot(f, 100, 500);
	assert_int_equal(uv_loop_init(&b->loop), 0);
	uv_timer_init(&b->loop, &b->tick);
	uv_timer_start(&b->tick, on_tick, 1, 1);
	b->conf = (struct dpclient_conf){
		.socket = f->path,
		.slot = 3,
		.incarnation = 9,
		.retry_max_ms = 300,
		.media = {media[0], media[1]},
		.media_count = MEDIA,
		.port_min = PORT_MIN,
		.port_max = PORT_MIN + 2 * SLOTS - 1,
		.bindings_max = BINDINGS,
		.class_count = 1,
		.classes = {{.payload_kind = PROTO_PAYLOAD_TEXT,
			.payload_len = 5,
			.payload = "HELLO",
			.period_ms = 30000,
			.send_interval_ms = 500,
			.send_least = 3000}},
		.events = {.up = on_up,
			.down = on_down,
			.flow = on_flow,
			.binding = on_binding,
			.lost = on_lost,
			.arg = b},
	};
	assert_int_equal(dpclient_open(&b->c, &b->loop, &b->conf), 0);
	dpclient_start(b->c);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	struct fake *f = &b->fake;

	dpclient_close(b->c);
	uv_close((uv_handle_t *)&b->tick, NULL);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&b->loop), 0);
	fake_die(f);
	rmdir(f->dir);
	munmap(f->facts, f->facts_size);
	close(f->facts_fd);
	free(b);
	return 0;
}

static struct dpclient_port at(uint32_t i, uint32_t slot)
{
	return (struct dpclient_port){
		.media = (uint16_t)i, .port = (uint16_t)(PORT_MIN + 2 * slot)};
}

static struct addr far(uint32_t n)
{
	struct addr a = {.family = ADDR_IPV4, .ip = {198, 51, 100, 1}};

	a.ip[2] = (uint8_t)(n >> 8);
	a.ip[3] = (uint8_t)(n | 1);
	a.port = (uint16_t)(1024 + n % 60000);
	return a;
}

static struct proto_flow some_flow(uint32_t gen, uint32_t n)
{
	return (struct proto_flow){
		.gen = gen,
		.peer_gen = gen,
		.remote = far(n),
		.flags = PROTO_FLOW_CLOCK,
		.silence_ms = 60000,
		.clock_ms = 1,
		.expires_ms = clock_boot_ms() + 3600000,
	};
}

static struct proto_binding some_binding(uint32_t gen, uint32_t n)
{
	struct addr local = media[0];

	local.port = 5060;
	return (struct proto_binding){
		.gen = gen,
		.dst = far(n),
		.local = local,
		.expires_ms = clock_boot_ms() + 3600000,
	};
}

static void set_flow(
	struct bench *b, struct dpclient_port own, struct dpclient_port peer, uint32_t gen)
{
	struct proto_flow flow = some_flow(gen, own.port);

	assert_int_equal(dpclient_flow_set(b->c, own, peer, &flow), 0);
}

static struct held_flow *held(struct bench *b, uint32_t i, uint32_t slot)
{
	return &b->fake.flows[fake_base(&b->fake, i) + slot];
}

static void start(struct bench *b)
{
	fake_listen(&b->fake);
	UNTIL(b, dpclient_is_up(b->c));
}

/* ---- tests ---- */

/* Set before there is a data plane, it arrives when there is one. */
static void test_first_sync(void **state)
{
	struct bench *b = *state;
	struct proto_binding binding = some_binding(4, 1);
	uint64_t before = clock_boot_ms();

	set_flow(b, at(0, 5), at(1, 6), 1);
	set_flow(b, at(1, 6), at(0, 5), 1);
	set_flow(b, at(1, 7), (struct dpclient_port){0}, 2);
	assert_int_equal(dpclient_binding_set(b->c, 17, &binding), 0);
	for (int i = 0; i < 20; i++)
		turn(b);
	assert_false(dpclient_is_up(b->c));
	start(b);
	assert_int_equal(b->ups, 1);
	assert_int_equal(b->restarts, 1);
	assert_int_equal(b->fake.since_ms, 0);
	assert_int_equal(b->fake.hello.slot, 3);
	assert_int_equal(b->fake.hello.incarnation, 9);
	assert_int_equal(b->fake.generation, 1);
	assert_int_equal(b->fake.conf.payload_len, 5);
	assert_true(held(b, 0, 5)->set && held(b, 1, 6)->set && held(b, 1, 7)->set);
	assert_int_equal(held(b, 0, 5)->flow.peer_id, fake_base(&b->fake, 1) + 6);
	assert_int_equal(held(b, 1, 6)->flow.peer_id, fake_base(&b->fake, 0) + 5);
	assert_int_equal(held(b, 1, 7)->flow.peer_id, PROTO_NO_PEER);
	/* The media clock starts now, not when the flow was set. */
	assert_true(held(b, 0, 5)->flow.clock_ms >= before);
	assert_true(b->fake.bindings[500 + 17].set);
	assert_int_equal(b->fake.bindings[500 + 17].binding.gen, 4);
}

static void test_changes(void **state)
{
	struct bench *b = *state;
	struct proto_binding binding = some_binding(4, 1);
	struct proto_conf conf = b->conf.classes[0];

	start(b);
	set_flow(b, at(0, 1), at(0, 2), 1);
	dpclient_binding_set(b->c, 0, &binding);
	conf.period_ms = 20000;
	assert_int_equal(dpclient_class_set(b->c, &conf), 0);
	settle(b);
	assert_true(held(b, 0, 1)->set);
	assert_int_equal(held(b, 0, 1)->flow.clock_ms, 1);
	assert_true(b->fake.bindings[500].set);
	assert_int_equal(b->fake.conf.period_ms, 20000);

	dpclient_flow_del(b->c, at(0, 1), 99); /* another generation: not this one */
	dpclient_binding_del(b->c, 0, 99);
	settle(b);
	assert_true(held(b, 0, 1)->set && b->fake.bindings[500].set);
	dpclient_flow_del(b->c, at(0, 1), 1);
	dpclient_binding_del(b->c, 0, 4);
	settle(b);
	assert_false(held(b, 0, 1)->set || b->fake.bindings[500].set);
	assert_null(dpclient_flow_get(b->c, at(0, 1)));

	/* Removed and set again before anything was sent: the new one wins. */
	set_flow(b, at(0, 1), at(0, 2), 2);
	settle(b);
	dpclient_flow_del(b->c, at(0, 1), 2);
	set_flow(b, at(0, 1), at(0, 2), 3);
	settle(b);
	assert_true(held(b, 0, 1)->set);
	assert_int_equal(held(b, 0, 1)->flow.gen, 3);
}

/* What the data plane would take for malformed never leaves; the connection stays. */
static void test_refused_here(void **state)
{
	struct bench *b = *state;
	struct proto_flow flow = some_flow(1, 1);
	struct proto_binding binding = some_binding(1, 1);
	struct proto_conf conf = b->conf.classes[0];
	struct dpclient_port odd = {.port = PORT_MIN + 1}, high = {.port = PORT_MIN + 2 * SLOTS};

	start(b);
	assert_int_equal(dpclient_flow_set(b->c, odd, at(0, 1), &flow), -EINVAL);
	assert_int_equal(dpclient_flow_set(b->c, high, at(0, 1), &flow), -EINVAL);
	assert_int_equal(dpclient_flow_set(b->c, at(2, 1), at(0, 1), &flow), -EINVAL);
	assert_int_equal(dpclient_flow_set(b->c, at(0, 1), odd, &flow), -EINVAL);
	assert_int_equal(dpclient_flow_set(b->c, at(0, 1), at(0, 1), &flow), -EINVAL);
	flow.expires_ms = 0;
	assert_int_equal(dpclient_flow_set(b->c, at(0, 1), at(0, 2), &flow), -EINVAL);
	binding.dst.port = 0;
	assert_int_equal(dpclient_binding_set(b->c, 1, &binding), -EINVAL);
	binding = some_binding(1, 1);
	assert_int_equal(dpclient_binding_set(b->c, BINDINGS, &binding), -EINVAL);
	conf.period_ms = 1;
	assert_int_equal(dpclient_class_set(b->c, &conf), -EINVAL);
	settle(b);
	assert_int_equal(b->downs, 0);
	assert_int_equal(b->fake.packets[PROTO_FLOW_SET], 0);
	assert_int_equal(b->fake.packets[PROTO_BINDING_SET], 0);
}

/* Another process with other bases: everything again, under the new ids; what went away meanwhile
 * does not come back. */
static void test_restart(void **state)
{
	struct bench *b = *state;
	uint64_t before, died;

	start(b);
	for (uint32_t n = 0; n < BINDINGS; n++) {
		struct proto_binding binding = some_binding(1, n);

		dpclient_binding_set(b->c, n, &binding);
	}
	for (uint32_t n = 0; n < SLOTS; n++) {
		set_flow(b, at(0, n), at(1, n), 1);
		set_flow(b, at(1, n), at(0, n), 1);
	}
	settle(b);
	died = clock_boot_ms();
	fake_die(&b->fake);
	UNTIL(b, b->downs == 1);
	dpclient_flow_del(b->c, at(0, 3), 1);
	dpclient_binding_del(b->c, 7, 1);
	set_flow(b, at(0, 4), at(1, 4), 2);

	fake_boot(&b->fake, 1000, 20);
	before = clock_boot_ms();
	start(b);
	assert_int_equal(b->ups, 2);
	assert_int_equal(b->restarts, 2);
	/* Keep-alives are missing since the old one died. */
	assert_in_range(b->fake.since_ms, died, before);
	for (uint32_t n = 0; n < SLOTS; n++) {
		assert_int_equal(held(b, 0, n)->set, n != 3);
		assert_true(held(b, 1, n)->set);
		assert_int_equal(held(b, 1, n)->flow.peer_id, 1000 + n);
		assert_int_equal(held(b, 1, n)->flow.remote.port, far(at(1, n).port).port);
		assert_true(held(b, 1, n)->flow.clock_ms >= before);
	}
	assert_int_equal(held(b, 0, 4)->flow.gen, 2);
	for (uint32_t n = 0; n < BINDINGS; n++)
		assert_int_equal(b->fake.bindings[20 + n].set, n != 7);

	/* The same process again: only the connection was lost. */
	fake_hang_up(&b->fake);
	UNTIL(b, b->downs == 2);
	UNTIL(b, dpclient_is_up(b->c));
	assert_int_equal(b->ups, 3);
	assert_int_equal(b->restarts, 2);
	assert_int_equal(b->fake.generation, 2);
}

/* A data plane that reads nothing for a while: bounded memory, and in the end the latest of each.
 */
static void test_slow_reader(void **state)
{
	struct bench *b = *state;
	struct dpclient_status status;

	start(b);
	for (uint32_t n = 0; n < SLOTS; n++)
		set_flow(b, at(0, n), at(1, n), 100);
	settle(b);
	for (uint32_t n = 0; n < SLOTS; n++) {
		set_flow(b, at(0, n), at(1, n), 101);
		dpclient_flow_del(b->c, at(0, n), 101); /* before 101 was sent: 100 must go */
	}
	settle(b);
	for (uint32_t n = 0; n < SLOTS; n++)
		assert_false(held(b, 0, n)->set);
	b->fake.deaf = true;
	for (uint32_t round = 1; round <= 30; round++) {
		for (uint32_t n = 0; n < BINDINGS; n++) {
			struct proto_binding binding = some_binding(round, n + round);

			if (n % 7 == round % 7)
				dpclient_binding_del(b->c, n, round - 1);
			else
				dpclient_binding_set(b->c, n, &binding);
		}
		for (uint32_t n = 0; n < SLOTS; n++)
			if (n % 5 == round % 5)
				dpclient_flow_del(b->c, at(0, n), round - 1);
			else
				set_flow(b, at(0, n), at(1, n), round);
		for (int i = 0; i < 5; i++)
			turn(b);
		dpclient_status(b->c, &status);
		assert_true(status.pending <= BINDINGS + SLOTS);
	}
	assert_true(status.pending > 0);
	b->fake.deaf = false;
	settle(b);
	assert_int_equal(b->downs, 0);
	for (uint32_t n = 0; n < BINDINGS; n++) {
		const struct held_binding *h = &b->fake.bindings[500 + n];

		assert_int_equal(h->set, n % 7 != 30 % 7);
		if (h->set)
			assert_int_equal(h->binding.gen, 30);
	}
	for (uint32_t n = 0; n < SLOTS; n++) {
		assert_int_equal(held(b, 0, n)->set, n % 5 != 30 % 5);
		if (held(b, 0, n)->set)
			assert_int_equal(held(b, 0, n)->flow.gen, 30);
	}
}

static void event(struct bench *b, struct dpclient_port where, uint32_t gen, uint32_t kind,
	const struct addr *addr)
{
	struct proto_flow_event ev = {
		.id = fake_base(&b->fake, where.media) + (where.port - PORT_MIN) / 2u,
		.gen = gen,
		.kind = kind,
		.ssrc = 0xabcd,
		.addr = *addr,
		.at_ms = clock_boot_ms(),
	};

	fake_send(&b->fake, PROTO_FLOW_EVENT, 0, &ev, 1, -1);
}

/* What was learnt is remembered, and given back to another process only. */
static void test_learnt(void **state)
{
	struct bench *b = *state;
	struct addr rtp = far(77), rtcp = far(78);
	const struct proto_flow *flow;
	struct proto_flow again = some_flow(1, 1);

	start(b);
	set_flow(b, at(1, 9), at(0, 9), 1);
	settle(b);
	event(b, at(1, 9), 2, PROTO_FLOW_LEARNT, &rtcp); /* of another generation */
	event(b, at(1, 9), 1, PROTO_FLOW_LEARNT, &rtp);
	event(b, at(1, 9), 1, PROTO_FLOW_LEARNT_RTCP, &rtcp);
	UNTIL(b, b->flow_events == 2);
	assert_int_equal(b->last_at.media, 1);
	assert_int_equal(b->last_at.port, PORT_MIN + 18);
	flow = dpclient_flow_get(b->c, at(1, 9));
	assert_true(flow->flags & PROTO_FLOW_LATCHED);
	assert_true(addr_equal(&flow->latched, &rtp));
	assert_int_equal(flow->ssrc, 0xabcd);

	/* An update of the same generation keeps it, and does not tell what the data plane knows.
	 */
	dpclient_flow_set(b->c, at(1, 9), at(0, 9), &again);
	settle(b);
	assert_false(held(b, 1, 9)->flow.flags & PROTO_FLOW_LATCHED);
	assert_true(dpclient_flow_get(b->c, at(1, 9))->flags & PROTO_FLOW_LATCHED);

	fake_die(&b->fake);
	UNTIL(b, b->downs == 1);
	fake_boot(&b->fake, 300, 0);
	start(b);
	assert_true(held(b, 1, 9)->flow.flags & PROTO_FLOW_LATCHED);
	assert_true(addr_equal(&held(b, 1, 9)->flow.latched, &rtp));
	assert_true(addr_equal(&held(b, 1, 9)->flow.latched_rtcp, &rtcp));
	assert_int_equal(held(b, 1, 9)->flow.ssrc, 0xabcd);

	/* A new offer forgets it, once; a restart before anything is learnt asks for it again. */
	again.flags |= PROTO_FLOW_RELEARN;
	dpclient_flow_set(b->c, at(1, 9), at(0, 9), &again);
	again.flags &= ~(uint32_t)PROTO_FLOW_RELEARN;
	dpclient_flow_set(b->c, at(1, 9), at(0, 9), &again); /* before the first one was sent */
	settle(b);
	assert_true(held(b, 1, 9)->flow.flags & PROTO_FLOW_RELEARN);
	assert_false(dpclient_flow_get(b->c, at(1, 9))->flags & PROTO_FLOW_LATCHED);
	dpclient_flow_set(b->c, at(1, 9), at(0, 9), &again);
	settle(b);
	assert_false(held(b, 1, 9)->flow.flags & PROTO_FLOW_RELEARN);
	fake_hang_up(&b->fake);
	UNTIL(b, b->downs == 2);
	UNTIL(b, dpclient_is_up(b->c));
	assert_true(held(b, 1, 9)->flow.flags & PROTO_FLOW_RELEARN);
	event(b, at(1, 9), 1, PROTO_FLOW_LEARNT, &rtcp);
	UNTIL(b, b->flow_events == 3);
	fake_hang_up(&b->fake);
	UNTIL(b, b->downs == 3);
	UNTIL(b, dpclient_is_up(b->c));
	assert_false(held(b, 1, 9)->flow.flags & PROTO_FLOW_RELEARN);
	assert_true(addr_equal(&held(b, 1, 9)->flow.latched, &rtcp));

	/* A higher generation starts with nothing. */
	set_flow(b, at(1, 9), at(0, 9), 2);
	assert_false(dpclient_flow_get(b->c, at(1, 9))->flags & PROTO_FLOW_LATCHED);
}

/* What a store kept is handed in by the caller. */
static void test_given_back(void **state)
{
	struct bench *b = *state;
	struct proto_flow flow = some_flow(5, 1);

	flow.flags |= PROTO_FLOW_LATCHED;
	flow.latched = far(50);
	flow.ssrc = 4711;
	assert_int_equal(dpclient_flow_set(b->c, at(0, 0), at(0, 1), &flow), 0);
	start(b);
	assert_true(held(b, 0, 0)->flow.flags & PROTO_FLOW_LATCHED);
	assert_true(addr_equal(&held(b, 0, 0)->flow.latched, &flow.latched));
	assert_int_equal(held(b, 0, 0)->flow.ssrc, 4711);
}

/* Expiry in the data plane: the flow is gone here too, unless it was prolonged meanwhile. */
static void test_expired(void **state)
{
	struct bench *b = *state;
	struct addr none = {0};
	struct proto_flow flow = some_flow(1, 1);
	struct proto_binding binding = some_binding(1, 1);
	struct proto_binding_event bev = {.id = 500 + 3, .gen = 1, .kind = PROTO_BINDING_EXPIRED};
	uint32_t sets;

	flow.expires_ms = binding.expires_ms = clock_boot_ms() + 1;
	start(b);
	dpclient_flow_set(b->c, at(0, 1), at(0, 2), &flow);
	set_flow(b, at(0, 3), at(0, 4), 1);
	dpclient_binding_set(b->c, 3, &binding);
	settle(b);
	UNTIL(b, clock_boot_ms() > flow.expires_ms);
	sets = b->fake.packets[PROTO_FLOW_SET];
	event(b, at(0, 1), 1, PROTO_FLOW_EXPIRED, &none);
	event(b, at(0, 3), 1, PROTO_FLOW_EXPIRED, &none);
	bev.at_ms = clock_boot_ms();
	fake_send(&b->fake, PROTO_BINDING_EVENT, 0, &bev, 1, -1);
	UNTIL(b, b->binding_events == 1);
	settle(b);
	assert_int_equal(b->flow_events, 1);
	assert_int_equal(b->last_at.port, at(0, 1).port);
	assert_null(dpclient_flow_get(b->c, at(0, 1)));
	assert_null(dpclient_binding_get(b->c, 3));
	assert_non_null(dpclient_flow_get(b->c, at(0, 3)));
	assert_int_equal(b->fake.packets[PROTO_FLOW_SET], sets + 1);
}

static void test_events(void **state)
{
	struct bench *b = *state;
	struct proto_binding binding = some_binding(6, 1);
	struct proto_binding_event bev = {
		.id = 500 + 2, .gen = 6, .kind = PROTO_BINDING_LOST, .at_ms = 1};
	struct proto_lost lost = {.events = 12};
	struct addr none = {0};

	start(b);
	dpclient_binding_set(b->c, 2, &binding);
	set_flow(b, at(0, 1), at(0, 2), 1);
	settle(b);
	fake_send(&b->fake, PROTO_BINDING_EVENT, 0, &bev, 1, -1);
	bev.gen = 5;
	fake_send(&b->fake, PROTO_BINDING_EVENT, 0, &bev, 1, -1);
	bev.id = 3; /* of another client */
	fake_send(&b->fake, PROTO_BINDING_EVENT, 0, &bev, 1, -1);
	event(b, at(0, 1), 1, PROTO_FLOW_SILENT, &none);
	event(b, at(0, 1), 1, PROTO_FLOW_HEARD, &none);
	event(b, at(0, 2), 1, PROTO_FLOW_SILENT, &none); /* not set */
	fake_send(&b->fake, PROTO_LOST, 0, &lost, 1, -1);
	UNTIL(b, b->lost == 12);
	assert_int_equal(b->binding_events, 1);
	assert_int_equal(b->last_index, 2);
	assert_int_equal(b->flow_events, 2);
	assert_int_equal(b->last_flow.kind, PROTO_FLOW_HEARD);
}

/* A busy slot: one attempt each longest back-off, and on as soon as it is free. */
static void test_hello_refused(void **state)
{
	struct bench *b = *state;
	uint64_t begin;

	b->fake.refuse = -EBUSY;
	fake_listen(&b->fake);
	UNTIL(b, b->fake.hellos == 1);
	begin = clock_boot_ms();
	UNTIL(b, b->fake.hellos == 2);
	assert_true(clock_boot_ms() - begin >= 250);
	assert_int_equal(b->ups, 0);
	b->fake.refuse = 0;
	UNTIL(b, dpclient_is_up(b->c));
	assert_int_equal(b->downs, 0);
}

static void test_media_refused(void **state)
{
	struct bench *b = *state;

	b->fake.refuse_media = true;
	set_flow(b, at(0, 1), at(0, 2), 1);
	fake_listen(&b->fake);
	UNTIL(b, b->fake.hellos == 2);
	assert_int_equal(b->ups, 0);
	assert_int_equal(b->fake.packets[PROTO_FLOW_SET], 0);
	b->fake.refuse_media = false;
	UNTIL(b, dpclient_is_up(b->c));
	assert_true(held(b, 0, 1)->set);
}

/* Broken packets: the connection goes, nothing else; then all is well again. */
static void test_broken(void **state)
{
	struct bench *b = *state;
	_Alignas(8) static uint8_t packet[PROTO_PACKET_MAX + 64];
	struct proto_head *head = (struct proto_head *)packet;
	static const struct {
		struct proto_head head;
		size_t len;
	} rows[] = {
		{{0}, 1},                                            /* short */
		{{.type = 999, .size = 8, .count = 1}, 24},          /* unknown */
		{{.type = PROTO_HELLO, .size = 80, .count = 1}, 96}, /* wrong direction */
		{{.type = PROTO_ACK, .size = 16, .count = 2}, 32},   /* count lies */
		{{.type = PROTO_ACK, .size = 20, .count = 1}, 36},   /* size lies */
		{{.type = PROTO_LOST, .size = 8, .count = 1}, 24},   /* loss of nothing */
		{{.type = PROTO_ACK, .size = 16, .count = 1}, 32 + PROTO_PACKET_MAX},
		{{.type = PROTO_WELCOME, .size = 40, .count = 1}, 56}, /* in the middle */
		{{.type = PROTO_MEDIA_READY, .size = 32, .count = 1}, 48},
	};

	start(b);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(packet, 0, sizeof(packet));
		*head = rows[i].head;
		fake_send_raw(&b->fake, packet,
			rows[i].len < sizeof(packet) ? rows[i].len : sizeof(packet), -1);
		UNTIL(b, b->downs == i + 1);
		UNTIL(b, dpclient_is_up(b->c));
	}
	assert_int_equal(b->ups, 1 + sizeof(rows) / sizeof(rows[0]));
}

/* A facts memory that is too short or of another layout is not read. */
static void test_broken_facts(void **state)
{
	struct bench *b = *state;
	struct facts_head *head = (struct facts_head *)b->fake.facts;
	struct facts_head good = *head;

	/* The next hello tells that the welcome before it was not believed. */
	fake_listen(&b->fake);
	head->version++;
	UNTIL(b, b->fake.hellos == 2);
	*head = good;
	head->flows = 1u << 30;
	UNTIL(b, b->fake.hellos == 4);
	*head = good;
	head->flow_rtp_off = UINT64_MAX - 3;
	UNTIL(b, b->fake.hellos == 6);
	*head = good;
	b->fake.facts_size += 4096; /* what WELCOME says */
	UNTIL(b, b->fake.hellos == 8);
	b->fake.facts_size -= 4096;
	assert_int_equal(b->ups, 0);
	UNTIL(b, dpclient_is_up(b->c));
}

static void test_facts(void **state)
{
	struct bench *b = *state;
	struct facts_head *head = (struct facts_head *)b->fake.facts;
	struct dpclient_flow_facts facts;
	struct facts_worker sum, *worker;
	struct facts_head copy;
	struct facts_flow *count;
	struct facts_quality *quality;
	uint64_t now = clock_boot_ms();
	uint32_t id;

	assert_int_equal(dpclient_flow_facts(b->c, at(1, 3), now, &facts), -ENOENT);
	assert_int_equal(dpclient_totals(b->c, &sum, &copy), -ENOENT);
	assert_int_equal(dpclient_binding_heard(b->c, 4, now), 0);
	start(b);
	id = fake_base(&b->fake, 1) + 3;
	((uint32_t *)(b->fake.facts + head->flow_rtp_off))[id] = clock_tick(now - 5000);
	((uint32_t *)(b->fake.facts + head->binding_heard_off))[500 + 4] = clock_tick(now - 700);
	count = (struct facts_flow *)(b->fake.facts + head->flow_count_off) + id;
	*count = (struct facts_flow){
		.bytes = 1720, .packets = 10, .seq = 0x10013, .jitter = 16 * 240, .clock = 16000};
	quality = (struct facts_quality *)(b->fake.facts + head->flow_quality_off) + id;
	*quality = (struct facts_quality){
		.lost_base = 0u - 0x10006,
		.ssrc_changes = 4,
		.rtcp = 5,
		.off_source = 2,
		.malformed = 1,
		.payload_type = 3,
	};
	for (uint32_t i = 0; i < 2; i++) {
		worker = (struct facts_worker *)(b->fake.facts + head->worker_off +
			i * head->worker_stride);
		*worker = (struct facts_worker){
			.rx = 100 + i, .loop_gap_max_us = 50 - i, .keepalive_late_max_us = 7 + i};
		worker->drop[FACTS_DROP_NO_MBUF] = 1;
	}

	assert_int_equal(dpclient_flow_facts(b->c, at(1, 3), now, &facts), 0);
	assert_true(facts.rtp_ms <= now - 5000 && facts.rtp_ms > now - 5020);
	assert_int_equal(facts.rtcp_ms, 0);
	assert_int_equal(facts.bytes, 1720);
	assert_int_equal(facts.packets, 10);
	assert_int_equal(facts.lost, 3);
	assert_int_equal(facts.jitter_ms, 15);
	assert_int_equal(facts.ssrc_changes, 4);
	assert_int_equal(facts.rtcp, 5);
	assert_int_equal(facts.off_source, 2);
	assert_int_equal(facts.malformed, 1);
	assert_int_equal(facts.payload_type, 3);
	/* More came than was expected. */
	quality->lost_base -= 4;
	assert_int_equal(dpclient_flow_facts(b->c, at(1, 3), now, &facts), 0);
	assert_int_equal(facts.lost, 0);
	assert_int_equal(dpclient_flow_facts(b->c, at(1, SLOTS), now, &facts), -ENOENT);
	assert_true(dpclient_binding_heard(b->c, 4, now) > now - 720);
	assert_int_equal(dpclient_binding_heard(b->c, 5, now), 0);
	assert_int_equal(dpclient_totals(b->c, &sum, &copy), 0);
	assert_int_equal(sum.rx, 201);
	assert_int_equal(sum.loop_gap_max_us, 50);
	assert_int_equal(sum.keepalive_late_max_us, 8);
	assert_int_equal(sum.drop[FACTS_DROP_NO_MBUF], 2);
	assert_int_equal(copy.boot_id, b->fake.boot_id);

	/* The last values stay readable while the data plane is away. */
	fake_die(&b->fake);
	UNTIL(b, b->downs == 1);
	assert_int_equal(dpclient_flow_facts(b->c, at(1, 3), now, &facts), 0);
	assert_int_equal(facts.packets, 10);
}

/* More bindings than the data plane has room for: the rest waits for a larger one. */
static void test_capacity(void **state)
{
	struct bench *b = *state;
	struct dpclient_status status;

	b->fake.binding_count = 100;
	start(b);
	for (uint32_t n = 0; n < 150; n++) {
		struct proto_binding binding = some_binding(1, n);

		assert_int_equal(dpclient_binding_set(b->c, n, &binding), 0);
	}
	settle(b);
	dpclient_status(b->c, &status);
	assert_int_equal(status.bindings, 150);
	assert_int_equal(status.unplaced, 50);
	assert_int_equal(status.binding_capacity, 100);
	dpclient_binding_del(b->c, 149, 1);
	settle(b);
	assert_int_equal(b->fake.packets[PROTO_BINDING_DEL], 0);
	fake_hang_up(&b->fake);
	b->fake.binding_count = 200;
	UNTIL(b, b->downs == 1);
	settle(b);
	dpclient_status(b->c, &status);
	assert_int_equal(status.unplaced, 0);
	for (uint32_t n = 0; n < 150; n++)
		assert_int_equal(b->fake.bindings[500 + n].set, n != 149);
}

/* Closed in every stage, without a leak (the sanitizers look). */
struct captured {
	unsigned frames, ends;
	uint32_t why;
	const char *words;
	uint64_t lost;
};

static void on_frame(void *arg, const struct proto_frame *frame)
{
	((struct captured *)arg)->frames++;
}

static void on_end(void *arg, uint32_t why, const char *words, uint64_t lost)
{
	struct captured *seen = arg;

	seen->ends++;
	seen->why = why;
	seen->words = words;
	seen->lost = lost;
}

static struct dpcapture_conf capture_conf(struct captured *seen, uint8_t kind)
{
	return (struct dpcapture_conf){
		.kind = kind,
		.index = 7,
		.at = {1, PORT_MIN + 4},
		.packets_max = 100,
		.until_ms = clock_boot_ms() + 60000,
		.frame = on_frame,
		.end = on_end,
		.arg = seen,
	};
}

static void tell_frame(struct bench *b, uint32_t capture)
{
	struct proto_frame frame = {
		.capture = capture, .at_us = 1, .len = 60, .fate = PROTO_FRAME_TO_HOST};

	fake_send(&b->fake, PROTO_FRAME, 0, &frame, 1, -1);
}

static void tell_end(struct bench *b, uint32_t capture, enum proto_capture_why why)
{
	struct proto_capture_end end = {.capture = capture, .why = why, .lost = 5};

	fake_send(&b->fake, PROTO_CAPTURE_END, 0, &end, 1, -1);
}

static void test_capture(void **state)
{
	struct bench *b = *state;
	struct captured seen = {0};
	struct dpcapture_conf conf = capture_conf(&seen, PROTO_CAPTURE_BINDING);
	struct proto_binding binding = some_binding(42, 9);
	const char *why = NULL;
	uint32_t name;

	assert_int_equal(dpcapture_start(b->c, &conf, &why), 0);
	assert_string_equal(why, "the data plane is not there");
	start(b);
	assert_int_equal(dpcapture_start(b->c, &conf, &why), 0);
	assert_string_equal(why, "the data plane has no such flow or binding");
	/* Set in the same turn, the binding goes first. */
	assert_int_equal(dpclient_binding_set(b->c, 7, &binding), 0);
	name = dpcapture_start(b->c, &conf, &why);
	assert_int_not_equal(name, 0);
	UNTIL(b, b->fake.capture.capture == name);
	assert_int_equal(b->fake.capture.id, b->fake.binding_first + 7);
	assert_int_equal(b->fake.capture.gen, 42);
	assert_true(b->fake.bindings[b->fake.binding_first + 7].set);
	tell_frame(b, name);
	tell_frame(b, name + 1);
	tell_end(b, name, PROTO_CAPTURE_FULL);
	tell_frame(b, name);
	UNTIL(b, seen.ends);
	settle(b);
	assert_int_equal(seen.frames, 1);
	assert_int_equal(seen.why, PROTO_CAPTURE_FULL);
	assert_int_equal(seen.lost, 5);
	assert_int_equal(seen.ends, 1);
}

/* Nobody hears of it any more, and the data plane is told. */
static void test_capture_stopped(void **state)
{
	struct bench *b = *state;
	struct captured seen = {0};
	struct dpcapture_conf conf = capture_conf(&seen, PROTO_CAPTURE_FLOW);
	const char *why;
	uint32_t name;

	start(b);
	set_flow(b, conf.at, (struct dpclient_port){0, PORT_MIN}, 8);
	name = dpcapture_start(b->c, &conf, &why);
	dpcapture_stop(b->c, name);
	settle(b);
	assert_int_equal(b->fake.packets[PROTO_CAPTURE_SET], 0);
	name = dpcapture_start(b->c, &conf, &why);
	UNTIL(b, b->fake.capture.capture == name);
	assert_int_equal(b->fake.capture.id, fake_base(&b->fake, 1) + 2);
	assert_int_equal(b->fake.capture.gen, 8);
	dpcapture_stop(b->c, name);
	dpcapture_stop(b->c, name);
	tell_frame(b, name);
	UNTIL(b, b->fake.capture_del == name);
	settle(b);
	assert_int_equal(seen.frames + seen.ends, 0);
	/* Every place is free again. */
	for (int i = 0; i < PROTO_CAPTURES; i++)
		assert_int_not_equal(dpcapture_start(b->c, &conf, &why), 0);
	assert_int_equal(dpcapture_start(b->c, &conf, &why), 0);
	assert_string_equal(why, "too many captures at a time");
}

static void test_capture_refused_or_lost(void **state)
{
	struct bench *b = *state;
	struct captured seen = {0};
	struct dpcapture_conf conf = capture_conf(&seen, PROTO_CAPTURE_FLOW);
	struct dpclient_status status;
	const char *why;

	start(b);
	set_flow(b, conf.at, (struct dpclient_port){0, PORT_MIN}, 8);
	b->fake.capture_refuse = -ENOENT;
	assert_int_not_equal(dpcapture_start(b->c, &conf, &why), 0);
	UNTIL(b, seen.ends);
	/* One that moved a moment ago is gone, and ends nobody else's capture. */
	assert_int_equal(seen.why, PROTO_CAPTURE_GONE);
	assert_string_equal(seen.words, "it is not in the data plane");
	dpclient_status(b->c, &status);
	assert_int_equal(status.refused, 0);
	b->fake.capture_refuse = -ENOSPC;
	assert_int_not_equal(dpcapture_start(b->c, &conf, &why), 0);
	UNTIL(b, seen.ends == 2);
	assert_int_equal(seen.why, 0);
	assert_string_equal(seen.words, "the data plane has too many captures");
	b->fake.capture_refuse = 0;
	assert_int_not_equal(dpcapture_start(b->c, &conf, &why), 0);
	settle(b);
	fake_hang_up(&b->fake);
	UNTIL(b, seen.ends == 3);
	assert_int_equal(seen.why, 0);
	assert_string_equal(seen.words, "the data plane went away");
	/* It is not given back. */
	UNTIL(b, settled(b));
	settle(b);
	assert_int_equal(b->fake.packets[PROTO_CAPTURE_SET], 3);
}

static void test_close(void **state)
{
	struct bench *b = *state;

	fake_listen(&b->fake);
	for (int turns = 0; turns < 12; turns++) {
		struct dpclient *c;

		b->conf.slot = (uint32_t)turns;
		b->conf.events = (struct dpclient_events){0};
		assert_int_equal(dpclient_open(&c, &b->loop, &b->conf), 0);
		dpclient_start(c);
		for (int i = 0; i < turns; i++)
			turn(b);
		dpclient_close(c);
	}
	b->conf.slot = PROTO_SLOTS;
	assert_int_equal(dpclient_open(&b->c, &b->loop, &b->conf), -EINVAL);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_first_sync),
		CASE(test_changes),
		CASE(test_refused_here),
		CASE(test_restart),
		CASE(test_slow_reader),
		CASE(test_learnt),
		CASE(test_given_back),
		CASE(test_expired),
		CASE(test_events),
		CASE(test_hello_refused),
		CASE(test_media_refused),
		CASE(test_broken),
		CASE(test_broken_facts),
		CASE(test_facts),
		CASE(test_capacity),
		CASE(test_capture),
		CASE(test_capture_stopped),
		CASE(test_capture_refused_or_lost),
		CASE(test_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
