/* SPDX-License-Identifier: BSD-3-Clause */
/* What is lost outside of the workers, made to happen one reason at a time. Each time the reason's
 * counter has exactly what is missing, in the facts and in telemetry, and no other counter moves.
 */
#include "dataplane/control/losses.h"
#include "shared/clock.h"
#include "tests/component/losses_scene.h"
#include "tests/component/netns.h"

#include <errno.h>
#include <poll.h>
#include <rte_mbuf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FLOOD    1000
#define PATIENCE 100 /* turns of the loop in which nothing may happen */

/* The kernel sends faster than the worker takes. */
static void from_host(void **state)
{
	const struct exception_count *host = &dp->exception.count;
	uint64_t dropped = load(&host->from_host_drop), queued = load(&host->from_host);
	uint64_t refused = kernel_dropped("lw0"), end = clock_boot_ms() + DP_WAIT_MS, sent = 0;
	struct counts before = counts();
	int fd = packet_socket("lw0");

	hold_worker();
	while (load(&host->from_host_drop) < dropped + SOME) {
		assert_true(clock_boot_ms() < end);
		send_frames(fd, SOME, FRAME);
		sent += SOME;
		turn();
	}
	while (load(&host->from_host_drop) - dropped + load(&host->from_host) - queued +
			kernel_dropped("lw0") - refused <
		sent) {
		assert_true(clock_boot_ms() < end);
		turn();
	}
	free_worker();
	close(fd);
	await(&w->count->tx, before.tx + load(&host->from_host) - queued);
	lost(&before, FACTS_LOSS_FROM_HOST, load(&host->from_host_drop) - dropped);
}

/* The ring of a port is full, and after the port was reset this is not forgotten. */
static void rx_missed(void **state)
{
	struct counts before = counts(), now;
	int fd = packet_socket("cable0");

	hold_worker();
	send_frames(fd, FLOOD, FRAME);
	free_worker();
	await_loss(FACTS_LOSS_RX_MISSED, before.loss[FACTS_LOSS_RX_MISSED] + 1);
	now = counts();
	assert_in_range(now.rx - before.rx, RING / 2, RING);
	lost(&before, FACTS_LOSS_RX_MISSED, FLOOD - (now.rx - before.rx));
	works("cable0");
	lost(&before, FACTS_LOSS_RX_MISSED, FLOOD - (now.rx - before.rx));
	assert_int_equal(outages_reset(&dp->outages, MIRROR), 0);
	await(&dp->facts.head->port[2].resets, 1);
	hold_worker();
	send_frames(fd, FLOOD, FRAME);
	free_worker();
	close(fd);
	await_loss(FACTS_LOSS_RX_MISSED, before.loss[FACTS_LOSS_RX_MISSED] + FLOOD + 1);
	lost(&before, FACTS_LOSS_RX_MISSED, 2 * FLOOD + SOME - (counts().rx - before.rx));
}

/* Frames that do not fit the device's buffers; also of a bond, whose members may leave it. */
static void rx_error(void **state)
{
	struct counts before = counts();
	int fd = packet_socket("tap0");

	sh("ip link set tap0 mtu 9000 && ip link set bnd0 mtu 9000");
	send_frames(fd, SOME, LONG);
	close(fd);
	lost(&before, FACTS_LOSS_RX_ERROR, SOME);
	works("tap0");
	fd = packet_socket("bnd0");
	send_frames(fd, SOME, LONG);
	close(fd);
	lost(&before, FACTS_LOSS_RX_ERROR, 2 * SOME);
	assert_int_equal(outages_reset(&dp->outages, BOND), 0);
	await(&dp->facts.head->port[1].resets, 2);
	works("bnd0");
	losses_note(dp);
	lost(&before, FACTS_LOSS_RX_ERROR, 2 * SOME);
}

static struct rte_mbuf *taken;

/* What the threads keep for themselves stays with them. */
static void take_buffers(void)
{
	struct rte_mbuf *mbuf;

	while ((mbuf = rte_pktmbuf_alloc(dp->pool))) {
		mbuf->next = taken;
		taken = mbuf;
	}
}

static void give_buffers(void)
{
	while (taken) {
		struct rte_mbuf *mbuf = taken;

		taken = mbuf->next;
		mbuf->next = NULL;
		rte_pktmbuf_free(mbuf);
	}
}

/* All buffers are in use. */
static void rx_no_mbuf(void **state)
{
	const uint64_t *loss = &dp->facts.head->loss[FACTS_LOSS_RX_NO_MBUF];
	uint64_t end = clock_boot_ms() + DP_WAIT_MS, sent = 0;
	struct counts before = counts();
	int fd = packet_socket("tap0");

	while (load(loss) == before.loss[FACTS_LOSS_RX_NO_MBUF]) {
		assert_true(clock_boot_ms() < end);
		take_buffers();
		send_frames(fd, 1, FRAME);
		sent++;
		turn();
	}
	give_buffers();
	/* The driver reads what it left when the next frame comes. */
	while (load(loss) - before.loss[FACTS_LOSS_RX_NO_MBUF] + counts().punted - before.punted <
		sent) {
		assert_true(clock_boot_ms() < end);
		send_frames(fd, 1, FRAME);
		sent++;
		turn();
	}
	close(fd);
	lost(&before, FACTS_LOSS_RX_NO_MBUF, sent - (counts().punted - before.punted));
	works("tap0");
}

static void receive(int fd, struct dp_packet *packet)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t end = clock_boot_ms() + DP_WAIT_MS;

	while (poll(&p, 1, 0) == 0) {
		assert_true(clock_boot_ms() < end);
		turn();
	}
	dp_receive(fd, packet);
}

/* Orders for which a worker has no room. A client's are not among them: they wait. */
static void mail(void **state)
{
	const struct mail order = {.run = run};
	struct proto_binding binding = dp_binding(0);
	struct counts before = counts();
	struct proto_hello hello;
	struct dp_packet packet;
	struct proto_ack ack;
	uint64_t end = clock_boot_ms() + 2 * DP_WAIT_MS;
	unsigned int accepted = 0, ran_before = __atomic_load_n(&ran, __ATOMIC_RELAXED);
	struct pollfd p = {.fd = dp_connect(&files), .events = POLLIN};

	dp_hello(&hello, 0);
	dp_send(p.fd, PROTO_HELLO, 1, &hello, 1);
	receive(p.fd, &packet);
	assert_int_equal(packet.head.type, PROTO_WELCOME);
	close(packet.fd);
	hold_worker();
	while (mailbox_send(&w->mailbox, &order) == 0)
		accepted++;
	assert_int_equal(mailbox_send(&w->mailbox, &order), -EAGAIN);
	dp_send(p.fd, PROTO_BINDING_SET, 2, &binding, 1);
	for (int i = 0; i < PATIENCE; i++) {
		turn();
		assert_int_equal(poll(&p, 1, 0), 0);
	}
	lost(&before, FACTS_LOSS_MAIL, 2);
	free_worker();
	receive(p.fd, &packet);
	assert_int_equal(packet.head.type, PROTO_ACK);
	memcpy(&ack, packet.records, sizeof(ack));
	assert_int_equal(ack.status, 0);
	assert_int_equal(dp->facts.head->bindings_used, 1);
	while (__atomic_load_n(&ran, __ATOMIC_RELAXED) < ran_before + accepted) {
		assert_true(clock_boot_ms() < end);
		turn();
	}
	lost(&before, FACTS_LOSS_MAIL, 2);
	close(p.fd);
}

#define TEST(name) cmocka_unit_test_teardown(name, release)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(from_host),
		TEST(rx_missed),
		TEST(rx_error),
		TEST(rx_no_mbuf),
		TEST(mail),
	};

	if (geteuid() != 0) {
		print_message("skipped: needs root for network namespaces\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, losses_open, losses_close);
}
