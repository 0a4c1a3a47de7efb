/* SPDX-License-Identifier: BSD-3-Clause */
/* Orders of the control protocol against the real linewatch-dp: bindings, flows, media claims,
 * syncs, expiry. */
#include "shared/clock.h"
#include "tests/component/dp_scene.h"
#include "tests/component/netns.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static struct dp dp;

static const char lines[] = "  ports: [\"vdev:net_null0,no-rx=1\"]\n"
			    "  memory: 128\n"
			    "  clients: 2\n"
			    "  bindings: 1000\n"
			    "  flows: 9000\n";

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

static struct proto_flow flow(uint32_t id)
{
	return (struct proto_flow){
		.id = id,
		.gen = 1,
		.peer_id = id ^ 1,
		.peer_gen = 1,
		.remote = {.family = ADDR_IPV4,
			.port = (uint16_t)(10000 + 2 * id),
			.ip = {198, 51, 100, 7}},
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

/* The status is that of the first refused record, and the others are done. */
static void test_acknowledgements(void **state)
{
	const struct facts_head *facts;
	int fd = dp_client(&dp, 0, NULL, &facts), other = dp_client(&dp, 1, NULL, NULL);
	struct proto_binding set[4] = {
		dp_binding(1), dp_binding(500), dp_binding(2), dp_binding(999)};
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
	/* Ids below its share are another client's as well as those above. */
	assert_int_equal(dp_order(other, PROTO_BINDING_SET, &set[2], 1, &ack), -ERANGE);
	assert_int_equal(dp_order(other, PROTO_BINDING_SET, &set[1], 1, &ack), 0);
	close(other);
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
	assert_int_equal(dp_order(other, PROTO_MEDIA_ADDR, &media, 1, &ack), -EPERM);
	assert_int_not_equal(claim(other, 21000), base);

	set[0].peer_id = base + 1;
	set[1].peer_id = base;
	assert_int_equal(dp_order(fd, PROTO_FLOW_SET, set, 2, &ack), 0);
	await_gauges(facts, 0, 2);
	assert_int_equal(dp_order(other, PROTO_FLOW_SET, set, 2, &ack), -EPERM);
	assert_int_equal(ack.refused, 2);
	assert_int_equal(ack.first_id, base);
	assert_int_equal(dp_order(other, PROTO_FLOW_SET, &set[1], 1, &ack), -EPERM);
	assert_int_equal(ack.first_id, base + 1);
	close(fd);
	close(other);
}

/* Mark and sweep: what a slot does not set again goes, what others hold stays. */
static void test_sync_sweeps(void **state)
{
	const struct facts_head *facts;
	struct proto_welcome welcome;
	struct proto_binding set[3] = {dp_binding(1), dp_binding(2), dp_binding(3)};
	struct proto_binding foreign = dp_binding(501);
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
	/* The end of what another connection began would sweep all. */
	sync_to(fd, PROTO_SYNC_END, 3, -EINVAL);
	await_gauges(facts, 2, 1);
	close(fd);
	close(other);
}

static void test_expiry_is_told(void **state)
{
	const struct facts_head *facts;
	struct proto_binding set = dp_binding(4);
	struct proto_binding_event event;
	int fd = dp_client(&dp, 0, NULL, &facts);
	struct dp_packet packet;
	struct proto_ack ack;

	/* A machine that is slow to bring it finds it expired. */
	for (uint64_t life = 300; life < DP_WAIT_MS; life *= 2) {
		set.expires_ms = clock_boot_ms() + life;
		if (dp_order(fd, PROTO_BINDING_SET, &set, 1, &ack) == 0)
			break;
		assert_int_equal(ack.status, -ETIME);
	}
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

#define MANY_PORT_MIN 20000
#define MANY_FLOWS    8000u
#define MANY_PACKETS  ((MANY_FLOWS + PROTO_RECORDS_MAX - 1) / PROTO_RECORDS_MAX)

/* Many flows, all given back as learnt: RTP and RTCP. */
static void many_flows(uint32_t base, uint32_t packet, struct dp_packet *out)
{
	struct proto_flow *set = (struct proto_flow *)out->records;
	uint32_t first = packet * PROTO_RECORDS_MAX;
	uint32_t n = MANY_FLOWS - first < PROTO_RECORDS_MAX ? MANY_FLOWS - first
							    : PROTO_RECORDS_MAX;

	out->head = (struct proto_head){
		.type = PROTO_FLOW_SET, .size = sizeof(*set), .count = (uint16_t)n, .seq = packet};
	for (uint32_t i = 0; i < n; i++) {
		set[i] = flow(base + first + i);
		set[i].peer_id = PROTO_NO_PEER;
		set[i].flags = PROTO_FLOW_LATCHED;
		set[i].latched = set[i].remote;
		set[i].latched_rtcp = set[i].remote;
		set[i].latched_rtcp.port++;
	}
}

/* Sends them all as fast as the data plane takes them, and reads only when it has to: what a
 * client does that has a million to tell. Returns how many events came; none may be lost. */
static uint32_t many_set(int fd, uint32_t base)
{
	static struct dp_packet out, in;
	uint32_t sent = 0, acks = 0, events = 0;

	many_flows(base, 0, &out);
	while (acks < MANY_PACKETS) {
		size_t len = sizeof(out.head) + (size_t)out.head.size * out.head.count;

		if (sent < MANY_PACKETS && send(fd, &out, len, MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
			if (++sent < MANY_PACKETS)
				many_flows(base, sent, &out);
			continue;
		}
		dp_receive(fd, &in);
		assert_int_not_equal(in.head.type, PROTO_LOST);
		acks += in.head.type == PROTO_ACK;
		events += in.head.type == PROTO_FLOW_EVENT ? in.head.count : 0;
	}
	return events;
}

/* A client that came back hears of every source that was learnt, however many there are and
 * however late it reads. */
static void test_sync_tells_all_that_was_learnt(void **state)
{
	struct proto_media_addr media = {
		.local = {.family = ADDR_IPV4, .ip = {192, 0, 2, 10}},
		.port_min = MANY_PORT_MIN,
		.port_max = MANY_PORT_MIN + 2 * MANY_FLOWS - 1,
	};
	const struct facts_head *facts;
	struct proto_media_ready ready;
	struct dp_packet packet;
	int fd = dp_client(&dp, 0, NULL, &facts);
	uint32_t events;

	sync_to(fd, PROTO_SYNC_BEGIN, 1, 0);
	dp_send(fd, PROTO_MEDIA_ADDR, 9, &media, 1);
	dp_receive(fd, &packet);
	memcpy(&ready, packet.records, sizeof(ready));
	dp_receive(fd, &packet);
	assert_int_equal(many_set(fd, ready.base), 0);
	sync_to(fd, PROTO_SYNC_END, 1, 0);
	sync_to(fd, PROTO_SYNC_BEGIN, 2, 0);
	for (events = many_set(fd, ready.base); events < 2 * MANY_FLOWS;
		events += packet.head.count) {
		dp_receive(fd, &packet);
		assert_int_equal(packet.head.type, PROTO_FLOW_EVENT);
	}
	assert_int_equal(events, 2 * MANY_FLOWS);
	assert_int_equal(facts->events_lost, 0);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_acknowledgements),
		TEST(test_media_claims),
		TEST(test_sync_sweeps),
		TEST(test_expiry_is_told),
		TEST(test_sync_tells_all_that_was_learnt),
	};

	if (geteuid() != 0) {
		print_message("skipped: needs root for a network namespace\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, netns_enter, NULL);
}
