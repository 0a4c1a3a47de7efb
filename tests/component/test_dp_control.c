/* SPDX-License-Identifier: BSD-3-Clause */
/* The control protocol against the real linewatch-dp, on a port that receives nothing. */
#include "shared/clock.h"
#include "tests/component/dp_scene.h"
#include "tests/component/netns.h"

#include <errno.h>
#include <rte_hash_crc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static struct dp dp;

static const char lines[] = "  ports: [\"vdev:net_null0,no-rx=1\"]\n"
			    "  memory: 128\n"
			    "  clients: 2\n"
			    "  bindings: 1000\n"
			    "  flows: 512\n";

static int setup(void **state)
{
	dp_make(&dp);
	dp_start(&dp, lines);
	return 0;
}

/* Whatever a test did, the program lives and ends cleanly. */
static int teardown(void **state)
{
	int status = dp_stop(&dp, SIGTERM);

	dp_remove(&dp);
	return status;
}

static struct addr ipv4(uint8_t last, uint16_t port)
{
	return (struct addr){.family = ADDR_IPV4, .port = port, .ip = {198, 51, 100, last}};
}

static struct proto_binding binding(uint32_t id)
{
	return (struct proto_binding){
		.id = id,
		.gen = 1,
		.dst = ipv4((uint8_t)(id % 200 + 1), 5060),
		.local = {.family = ADDR_IPV4, .port = 5060, .ip = {192, 0, 2, 10}},
		.expires_ms = clock_boot_ms() + 3600000,
	};
}

static struct proto_flow flow(uint32_t id)
{
	return (struct proto_flow){
		.id = id,
		.gen = 1,
		.peer_id = id ^ 1,
		.peer_gen = 1,
		.remote = ipv4(7, (uint16_t)(10000 + 2 * id)),
		.expires_ms = clock_boot_ms() + 3600000,
	};
}

/* Sixteen slots: ports 20000-20031. Returns the first slot's id. */
static uint32_t claim(int fd, uint16_t port_min)
{
	struct proto_media_addr media = {
		.local = {.family = ADDR_IPV4, .ip = {192, 0, 2, 10}},
		.port_min = port_min,
		.port_max = (uint16_t)(port_min + 31),
	};
	struct proto_media_ready ready;
	struct dp_packet packet;

	dp_send(fd, PROTO_MEDIA_ADDR, 9, &media, 1);
	dp_receive(fd, &packet);
	assert_int_equal(packet.head.type, PROTO_MEDIA_READY);
	assert_int_equal(packet.head.seq, 9);
	memcpy(&ready, packet.records, sizeof(ready));
	assert_int_equal(ready.slots, 16);
	assert_int_equal(ready.port_min, port_min);
	dp_receive(fd, &packet);
	assert_int_equal(packet.head.type, PROTO_ACK);
	return ready.base;
}

static void sync_to(int fd, uint16_t type, uint64_t generation, int status)
{
	struct proto_sync sync = {.generation = generation};
	struct proto_ack ack;

	assert_int_equal(dp_order(fd, type, &sync, 1, &ack), status);
}

/* The gauges follow at the data plane's own pace. */
static void await_gauges(const struct facts_head *facts, uint32_t bindings, uint32_t flows)
{
	uint64_t end = clock_boot_ms() + DP_WAIT_MS;

	while (__atomic_load_n(&facts->bindings_used, __ATOMIC_RELAXED) != bindings ||
		__atomic_load_n(&facts->flows_used, __ATOMIC_RELAXED) != flows) {
		if (clock_boot_ms() > end)
			fail_msg("%u bindings and %u flows instead of %u and %u",
				facts->bindings_used, facts->flows_used, bindings, flows);
		usleep(10000);
	}
}

static void test_hello(void **state)
{
	const struct facts_head *facts;
	struct proto_welcome first, second;
	struct stat st;
	int a = dp_client(&dp, 0, &first, &facts), b = dp_client(&dp, 1, &second, NULL);

	assert_int_equal(facts->magic, FACTS_MAGIC);
	assert_int_equal(facts->boot_id, first.boot_id);
	assert_int_equal(facts->workers, 1);
	assert_int_equal(facts->bindings, 1000);
	assert_int_equal(facts->flows, 512);
	assert_int_equal(first.workers, 1);
	assert_int_equal(first.flow_count, 512);
	assert_int_equal(first.generation, 0);
	assert_int_equal(first.binding_first, 0);
	assert_int_equal(first.binding_count, 500);
	assert_int_equal(second.binding_first, 500);
	assert_int_equal(second.binding_count, 500);
	assert_int_equal(second.boot_id, first.boot_id);
	assert_int_equal(stat(dp.socket, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	close(a);
	close(b);
}

/* A refused hello is answered, then the connection ends. */
static void refused(const struct proto_hello *hello, int status)
{
	struct dp_packet packet;
	struct proto_ack ack;
	int fd = dp_connect(&dp);

	dp_send(fd, PROTO_HELLO, 3, hello, 1);
	dp_receive(fd, &packet);
	assert_int_equal(packet.head.type, PROTO_ACK);
	memcpy(&ack, packet.records, sizeof(ack));
	assert_int_equal(ack.status, status);
	dp_receive_end(fd);
	close(fd);
}

static void test_hello_of_another_kind(void **state)
{
	struct proto_hello hello;

	dp_hello(&hello, 0);
	hello.version++;
	refused(&hello, -EPROTO);
	dp_await_log(&dp, "hello of another version of the protocol");
	dp_hello(&hello, 0);
	hello.magic++;
	refused(&hello, -EPROTO);
	dp_hello(&hello, 0);
	hello.sizes[PROTO_FLOW_SET]++;
	refused(&hello, -EPROTO);
	dp_await_log(&dp, "hello of a program with other record sizes");
	dp_hello(&hello, 2);
	refused(&hello, -EINVAL);
	dp_await_log(&dp, "hello for a slot beyond dataplane.clients");
}

static void test_slot_in_use(void **state)
{
	struct proto_hello hello;
	struct proto_ack ack;
	int fd = dp_client(&dp, 0, NULL, NULL);
	struct proto_binding set = binding(1);

	dp_hello(&hello, 0);
	refused(&hello, -EBUSY);
	/* The first lives on; when it goes, the slot is free. */
	assert_int_equal(dp_order(fd, PROTO_BINDING_SET, &set, 1, &ack), 0);
	close(fd);
	dp_await_log(&dp, "closed the client of slot 0");
	close(dp_client(&dp, 0, NULL, NULL));
}

static void test_garbage_closes_only_its_connection(void **state)
{
	static const struct {
		const char *what;
		struct proto_head head;
		size_t len;
	} bad[] = {
		{"shorter than a head", {.type = PROTO_BINDING_DEL}, 15},
		{"type does not exist", {.type = 99, .size = 8, .count = 1}, 24},
		{"type of the other direction", {.type = PROTO_LOST, .size = 8, .count = 1}, 24},
		{"record size is not ours", {.type = PROTO_BINDING_DEL, .size = 4, .count = 2}, 24},
		{"number of records is out of range", {.type = PROTO_BINDING_DEL, .size = 8}, 16},
		{"length does not fit", {.type = PROTO_BINDING_DEL, .size = 8, .count = 2}, 24},
		{"second hello", {0}, 0},
	};
	int good = dp_client(&dp, 1, NULL, NULL);
	struct proto_hello hello;
	struct proto_ack ack;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t packet[64] = {0};
		struct proto_binding set = binding(500 + (uint32_t)i);
		int fd = dp_client(&dp, 0, NULL, NULL);

		memcpy(packet, &bad[i].head, sizeof(bad[i].head));
		dp_hello(&hello, 0);
		if (bad[i].len)
			dp_send_raw(fd, packet, bad[i].len);
		else
			dp_send(fd, PROTO_HELLO, 2, &hello, 1);
		dp_receive_end(fd);
		close(fd);
		dp_await_log(&dp, bad[i].what);
		assert_int_equal(dp_log_count(&dp, "closed the client of slot 0"), i + 1);
		assert_int_equal(dp_order(good, PROTO_BINDING_SET, &set, 1, &ack), 0);
	}
	close(good);
}

static void test_too_long_packet(void **state)
{
	static uint8_t packet[PROTO_PACKET_MAX + 8];
	struct proto_head head = {
		.type = PROTO_BINDING_DEL,
		.size = sizeof(struct proto_handle),
		.count = PROTO_RECORDS_MAX,
	};
	int fd = dp_client(&dp, 0, NULL, NULL);

	memcpy(packet, &head, sizeof(head));
	dp_send_raw(fd, packet, sizeof(packet));
	dp_receive_end(fd);
	dp_await_log(&dp, "longer than a packet may be");
	close(fd);
}

static void test_orders_before_hello(void **state)
{
	struct proto_binding set = binding(1);
	int fd = dp_connect(&dp);

	dp_send(fd, PROTO_BINDING_SET, 1, &set, 1);
	dp_receive_end(fd);
	dp_await_log(&dp, "no hello first");
	close(fd);
}

static void test_silent_connection_is_closed(void **state)
{
	int fd = dp_connect(&dp);

	dp_receive_end(fd);
	dp_await_log(&dp, "it never said hello");
	close(fd);
}

/* The status is that of the first refused record, and the others are done. */
static void test_acknowledgements(void **state)
{
	const struct facts_head *facts;
	int fd = dp_client(&dp, 0, NULL, &facts);
	struct proto_binding set[4] = {binding(1), binding(500), binding(2), binding(999)};
	struct proto_handle del[2] = {{.id = 1, .gen = 1}, {.id = 700, .gen = 1}};
	struct proto_ack ack;

	assert_int_equal(dp_order(fd, PROTO_BINDING_SET, set, 4, &ack), -ERANGE);
	assert_int_equal(ack.refused, 2);
	assert_int_equal(ack.first_id, 500);
	await_gauges(facts, 2, 0);
	assert_int_equal(dp_order(fd, PROTO_BINDING_DEL, del, 2, &ack), -ERANGE);
	assert_int_equal(ack.refused, 1);
	assert_int_equal(ack.first_id, 700);
	await_gauges(facts, 1, 0);
	set[0].expires_ms = 1;
	assert_int_equal(dp_order(fd, PROTO_BINDING_SET, set, 1, &ack), -ETIME);
	close(fd);
}

static void test_media_claims(void **state)
{
	const struct facts_head *facts;
	int fd = dp_client(&dp, 0, NULL, &facts), other = dp_client(&dp, 1, NULL, NULL);
	struct proto_media_addr media = {
		.local = {.family = ADDR_IPV4, .ip = {192, 0, 2, 10}},
		.port_min = 20000,
		.port_max = 20031,
	};
	uint32_t base = claim(fd, 20000);
	struct proto_flow set[2] = {flow(base), flow(base + 1)};
	struct proto_ack ack;

	/* The same again is the same; another client's claim of it is refused. */
	assert_int_equal(claim(fd, 20000), base);
	assert_int_equal(dp_order(other, PROTO_MEDIA_ADDR, &media, 1, &ack), -EEXIST);
	assert_int_not_equal(claim(other, 21000), base);

	set[0].peer_id = base + 1;
	set[1].peer_id = base;
	assert_int_equal(dp_order(fd, PROTO_FLOW_SET, set, 2, &ack), 0);
	await_gauges(facts, 0, 2);
	assert_int_equal(dp_order(other, PROTO_FLOW_SET, set, 2, &ack), -EPERM);
	assert_int_equal(ack.refused, 2);
	assert_int_equal(ack.first_id, base);
	close(fd);
	close(other);
}

/* Mark and sweep: what a slot does not set again goes, what others hold stays. */
static void test_sync_sweeps(void **state)
{
	const struct facts_head *facts;
	struct proto_welcome welcome;
	struct proto_binding set[3] = {binding(1), binding(2), binding(3)};
	struct proto_binding foreign = binding(501);
	int fd = dp_client(&dp, 0, NULL, &facts), other = dp_client(&dp, 1, NULL, NULL);
	struct proto_flow flows[2];
	struct proto_ack ack;
	uint32_t base;

	assert_int_equal(dp_order(other, PROTO_BINDING_SET, &foreign, 1, &ack), 0);
	sync_to(fd, PROTO_SYNC_BEGIN, 1, 0);
	base = claim(fd, 20000);
	flows[0] = flow(base);
	flows[1] = flow(base + 1);
	assert_int_equal(dp_order(fd, PROTO_BINDING_SET, set, 3, &ack), 0);
	assert_int_equal(dp_order(fd, PROTO_FLOW_SET, flows, 2, &ack), 0);
	sync_to(fd, PROTO_SYNC_END, 2, -EINVAL);
	sync_to(fd, PROTO_SYNC_END, 1, 0);
	sync_to(fd, PROTO_SYNC_END, 1, -EINVAL);
	await_gauges(facts, 4, 2);

	/* The client dies: nothing goes. It comes back and sets less. */
	close(fd);
	dp_await_log(&dp, "closed the client of slot 0");
	fd = dp_client(&dp, 0, &welcome, NULL);
	assert_int_equal(welcome.generation, 1);
	await_gauges(facts, 4, 2);
	sync_to(fd, PROTO_SYNC_BEGIN, 1, -EINVAL);
	sync_to(fd, PROTO_SYNC_BEGIN, 2, 0);
	assert_int_equal(claim(fd, 20000), base);
	assert_int_equal(dp_order(fd, PROTO_BINDING_SET, set + 1, 1, &ack), 0);
	assert_int_equal(dp_order(fd, PROTO_FLOW_SET, flows, 1, &ack), 0);
	await_gauges(facts, 4, 2);
	sync_to(fd, PROTO_SYNC_END, 2, 0);
	await_gauges(facts, 2, 1);

	/* Broken off in the middle: still nothing goes. */
	sync_to(fd, PROTO_SYNC_BEGIN, 3, 0);
	close(fd);
	fd = dp_client(&dp, 0, &welcome, NULL);
	assert_int_equal(welcome.generation, 2);
	await_gauges(facts, 2, 1);
	close(fd);
	close(other);
}

static void test_expiry_is_told(void **state)
{
	const struct facts_head *facts;
	struct proto_binding set = binding(4);
	struct proto_binding_event event;
	int fd = dp_client(&dp, 0, NULL, &facts);
	struct dp_packet packet;
	struct proto_ack ack;

	set.expires_ms = clock_boot_ms() + 300;
	assert_int_equal(dp_order(fd, PROTO_BINDING_SET, &set, 1, &ack), 0);
	dp_receive(fd, &packet);
	assert_int_equal(packet.head.type, PROTO_BINDING_EVENT);
	memcpy(&event, packet.records, sizeof(event));
	assert_int_equal(event.id, 4);
	assert_int_equal(event.gen, 1);
	assert_int_equal(event.kind, PROTO_BINDING_EXPIRED);
	assert_true(event.at_ms >= set.expires_ms);
	await_gauges(facts, 0, 0);
	close(fd);
}

/* A client that sends without reading is made to wait, loses no answer and harms nobody. */
static void test_slow_reader(void **state)
{
	struct proto_handle del[PROTO_RECORDS_MAX] = {{.id = 1}};
	int slow = dp_client(&dp, 0, NULL, NULL), good = dp_client(&dp, 1, NULL, NULL);
	struct proto_binding set = binding(600);
	uint32_t sent = 0, seen;
	struct dp_packet packet = {
		.head = {.type = PROTO_BINDING_DEL, .size = sizeof(del[0]), .count = 1}};
	struct dp_packet answer;
	struct proto_ack ack;

	for (;; sent++) {
		packet.head.seq = sent;
		if (send(slow, &packet, sizeof(packet.head) + sizeof(del[0]),
			    MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		if (sent % 64 == 0)
			assert_int_equal(dp_order(good, PROTO_BINDING_SET, &set, 1, &ack), 0);
		assert_true(sent < 1000000);
	}
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(dp_order(good, PROTO_BINDING_SET, &set, 1, &ack), 0);
	for (seen = 0; seen < sent; seen++) {
		dp_receive(slow, &answer);
		assert_int_equal(answer.head.type, PROTO_ACK);
		assert_int_equal(answer.head.seq, seen);
	}
	close(slow);
	close(good);
}

/* Asks DPDK's telemetry socket; returns the answer's length. */
static void telemetry(int fd, const char *command, char *answer, size_t size)
{
	ssize_t n;

	dp_send_raw(fd, command, strlen(command));
	n = recv(fd, answer, size - 1, 0);
	assert_true(n > 0);
	answer[n] = '\0';
}

static void test_telemetry(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int client = dp_client(&dp, 0, NULL, NULL);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char answer[16384];

	/* The folder bears the checksum of our socket's name. */
	snprintf(sun.sun_path, sizeof(sun.sun_path),
		"/var/run/dpdk/linewatch-%08x/dpdk_telemetry.v2",
		rte_hash_crc(dp.socket, (uint32_t)strlen(dp.socket), 0));
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_true(recv(fd, answer, sizeof(answer), 0) > 0);
	telemetry(fd, "/linewatch/status", answer, sizeof(answer));
	assert_non_null(strstr(answer, "\"clients\":1"));
	telemetry(fd, "/linewatch/drops", answer, sizeof(answer));
	assert_non_null(strstr(answer, "\"PUNT_FULL\":0"));
	telemetry(fd, "/linewatch/workers", answer, sizeof(answer));
	assert_non_null(strstr(answer, "[0]"));
	telemetry(fd, "/linewatch/workers,0", answer, sizeof(answer));
	assert_non_null(strstr(answer, "\"loop_gap_max_us\":"));
	telemetry(fd, "/linewatch/workers,1", answer, sizeof(answer));
	assert_null(strstr(answer, "loop_gap_max_us"));
	close(fd);
	close(client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hello),
		TEST(test_hello_of_another_kind),
		TEST(test_slot_in_use),
		TEST(test_garbage_closes_only_its_connection),
		TEST(test_too_long_packet),
		TEST(test_orders_before_hello),
		TEST(test_silent_connection_is_closed),
		TEST(test_acknowledgements),
		TEST(test_media_claims),
		TEST(test_sync_sweeps),
		TEST(test_expiry_is_told),
		TEST(test_slow_reader),
		TEST(test_telemetry),
	};

	if (geteuid() != 0) {
		print_message("skipped: needs root for a network namespace\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, netns_enter, NULL);
}
