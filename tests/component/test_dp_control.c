/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections of the control protocol against the real linewatch-dp, on a port that receives
 * nothing: who is let in, who is thrown out, who has to wait. */
#include "shared/clock.h"
#include "tests/component/dp_scene.h"
#include "tests/component/dp_telemetry.h"
#include "tests/component/netns.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
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
	struct proto_binding set = dp_binding(1);

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
		struct proto_binding set = dp_binding(500 + (uint32_t)i);
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
	struct proto_binding set = dp_binding(1);
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

/* A client that sends without reading is made to wait, loses no answer and harms nobody. */
static void test_slow_reader(void **state)
{
	struct proto_handle del[PROTO_RECORDS_MAX] = {{.id = 1}};
	int slow = dp_client(&dp, 0, NULL, NULL), good = dp_client(&dp, 1, NULL, NULL);
	struct proto_binding set = dp_binding(600);
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

static void telemetry(const char *command, char answer[static DP_TELEMETRY_MAX])
{
	int fd = dp_telemetry_open(&dp);

	dp_telemetry(fd, command, answer);
	close(fd);
}

static void test_telemetry(void **state)
{
	int client = dp_client(&dp, 0, NULL, NULL);
	char answer[DP_TELEMETRY_MAX];

	telemetry("/linewatch/status", answer);
	assert_non_null(strstr(answer, "\"clients\":1"));
	telemetry("/linewatch/drops", answer);
	assert_non_null(strstr(answer, "\"PUNT_FULL\":0"));
	assert_non_null(strstr(answer, "\"RX_MISSED\":"));
	assert_non_null(strstr(answer, "\"TO_HOST\":"));
	telemetry("/linewatch/roundtrip", answer);
	assert_non_null(strstr(answer, "\"p99_us\":0"));
	assert_non_null(strstr(answer, "\"from_16777216_us\":0"));
	telemetry("/linewatch/senderror", answer);
	assert_non_null(strstr(answer, "\"max_us\":"));
	telemetry("/linewatch/workers", answer);
	assert_non_null(strstr(answer, "[0]"));
	telemetry("/linewatch/workers,0", answer);
	assert_non_null(strstr(answer, "\"loop_gap_max_us\":"));
	assert_non_null(strstr(answer, "\"busy_cycles\":"));
	assert_non_null(strstr(answer, "\"total_cycles\":"));
	telemetry("/linewatch/workers,1", answer);
	assert_null(strstr(answer, "loop_gap_max_us"));
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
		TEST(test_slow_reader),
		TEST(test_telemetry),
	};

	if (geteuid() != 0) {
		print_message("skipped: needs root for a network namespace\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, netns_enter, NULL);
}
