/* SPDX-License-Identifier: BSD-3-Clause */
/* linewatch-dp between a wire and the kernel: an af_packet port on a veth whose far end is another
 * host, the host interface lw0 as TAP, prepared by scripts/port-prepare.sh ($LW_SOURCE). Also how
 * it starts and what it says when it cannot. */
#include "shared/clock.h"
#include "tests/component/dp_scene.h"
#include "tests/component/netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/if_ether.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

static struct dp dp;

static const char lines[] = "  ports: [\"af_packet:eth1\"]\n"
			    "  memory: 128\n"
			    "  bindings: 100\n"
			    "  flows: 64\n";

static int cable(void **state)
{
	dp_make(&dp);
	/* What a test that failed left behind. */
	sh("for i in eth1 lw0 lw1 lx0; do ip link del $i 2>/dev/null; done; true");
	sh("ip link add eth1 type veth peer name far0 netns $FAR_PID");
	sh(FAR "sh -c 'ip link set far0 address 02:00:00:00:00:a0 up && "
	       "ip addr add 192.0.2.1/24 dev far0 && "
	       "ip -6 addr add 2001:db8::1/64 dev far0 nodad && "
	       "ethtool -K far0 tx off >/dev/null'");
	sh("$LW_SOURCE/scripts/port-prepare.sh eth1");
	return 0;
}

static int uncable(void **state)
{
	dp_remove(&dp);
	sh("$LW_SOURCE/scripts/port-release.sh eth1 lw0");
	sh("! nft list tables | grep -q linewatch");
	sh("ip link del eth1");
	return 0;
}

static int setup(void **state)
{
	cable(state);
	dp_start(&dp, lines);
	sh("ip addr add 192.0.2.10/24 dev lw0 && "
	   "ip -6 addr add 2001:db8::10/64 dev lw0 nodad && "
	   "ip route add default via 192.0.2.1");
	return 0;
}

static int teardown(void **state)
{
	int status = dp.pid > 0 ? dp_stop(&dp, SIGTERM) : 0;

	return uncable(state) || status;
}

static void ping(const char *to)
{
	sh(FAR "ping -c 5 -i 0.2 -w 20 %s >%s/ping || { cat %s/ping; false; }", to, dp.dir, dp.dir);
	/* Not twice either. */
	sh("! grep DUP %s/ping", dp.dir);
}

static void test_ping_through_host_interface(void **state)
{
	ping("192.0.2.10");
	ping("2001:db8::10");
	sh("ping -c 2 -i 0.2 -w 20 192.0.2.1 >/dev/null");
}

/* lw0 stands for the port: same MAC, same MTU. */
static void test_host_interface(void **state)
{
	sh("for word in 'ether [0-9a-f:]*' 'mtu [0-9]*'; do "
	   "host=$(ip -o link show lw0 | grep -o \"$word\") && "
	   "test \"$host\" = \"$(ip -o link show eth1 | grep -o \"$word\")\" || exit 1; done");
}

/* A question that everybody hears gets one answer, although two interfaces bear the MAC. */
static void test_arp_is_answered_once(void **state)
{
	struct {
		struct ether_header eth;
		struct ether_arp arp;
	} __attribute__((packed)) ask = {
		.eth = {.ether_dhost = {255, 255, 255, 255, 255, 255},
			.ether_shost = {2, 0, 0, 0, 0, 0xa0},
			.ether_type = htons(ETHERTYPE_ARP)},
		.arp = {.ea_hdr = {.ar_hrd = htons(ARPHRD_ETHER),
				.ar_pro = htons(ETHERTYPE_IP),
				.ar_hln = 6,
				.ar_pln = 4,
				.ar_op = htons(ARPOP_REQUEST)},
			.arp_sha = {2, 0, 0, 0, 0, 0xa0},
			.arp_spa = {192, 0, 2, 1},
			.arp_tpa = {192, 0, 2, 10}},
	};
	int fd = netns_far_packet("far0"), answers = 0;
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	uint64_t end = clock_boot_ms() + DP_WAIT_MS;
	uint8_t frame[2048];

	assert_true(fd >= 0);
	assert_int_equal(send(fd, &ask, sizeof(ask), 0), sizeof(ask));
	while (clock_boot_ms() < end && poll(&pollfd, 1, answers ? 500 : 100) >= 0) {
		const struct ether_arp *arp = (const void *)(frame + sizeof(ask.eth));
		ssize_t n = recv(fd, frame, sizeof(frame), MSG_DONTWAIT);

		if (n >= (ssize_t)sizeof(ask) && frame[12] == 8 && frame[13] == 6 &&
			arp->arp_op == htons(ARPOP_REPLY) && arp->arp_spa[3] == 10)
			answers++;
		/* The first one is there: what is to come comes soon. */
		if (answers && end > clock_boot_ms() + 500)
			end = clock_boot_ms() + 500;
	}
	assert_int_equal(answers, 1);
	close(fd);
}

/* Addresses and routes of lw0 outlive the program, however it ends. */
static void test_restart_keeps_the_host_interface(void **state)
{
	ping("192.0.2.10");
	assert_int_equal(dp_stop(&dp, SIGTERM), 0);
	sh("ip route get 203.0.113.1 | grep -q 'via 192.0.2.1 dev lw0'");
	dp_start(&dp, lines);
	ping("192.0.2.10");
	assert_int_equal(dp_stop(&dp, SIGKILL), -SIGKILL);
	sh("ip route get 203.0.113.1 | grep -q 'via 192.0.2.1 dev lw0'");
	dp_start(&dp, lines);
	ping("192.0.2.10");
}

/* Kernel and wire keep going while a flood of other frames is punted. */
static void test_flood_starves_nobody(void **state)
{
	sh(FAR "sh -c 'ping -q -f -s 1000 -w 5 192.0.2.10 >/dev/null & "
	       "ip neigh flush dev far0; sleep 1; ip neigh flush dev far0; "
	       "ping -c 3 -w 20 192.0.2.10 >/dev/null; status=$?; wait; exit $status'");
}

static void refuses_with(int status, const char *conf, const char *why)
{
	dp_launch(&dp, conf);
	assert_int_equal(dp_wait(&dp), status);
	if (dp_log_count(&dp, why) == 0) {
		sh("cat %s", dp.log);
		fail_msg("the log does not say: %s", why);
	}
	sh("rm %s", dp.log);
}

static void refuses(const char *conf, const char *why)
{
	refuses_with(1, conf, why);
}

/* Each start that cannot work ends with a line that says why. */
static void test_start_that_cannot_work(void **state)
{
	refuses("  ports: [\"af_packet:eth7\"]\n", "there is no interface eth7 here");
	refuses("  ports: [\"eth1\"]\n", "allowed are af_packet:IFACE");
	refuses("  ports: [\"vdev:net_nothing0\"]\n", "device net_nothing0 cannot be made");
	refuses("  ports: [\"bond:fast:af_packet:eth1\"]\n", "a bond is bond:active-backup:");
	refuses("  ports: [\"bond:active-backup:af_packet:eth1\"]\n", "a bond has 2 to 4 members");
	refuses("  ports: []\n", "dataplane.ports: 0 ports: 1 to 8 are allowed");
	refuses("  memory: 64\n  workers: 16\n  ports: [\"vdev:net_null0,no-rx=1\"]\n",
		"dataplane.memory");
	sh("ip tuntap add busy0 mode tun");
	refuses("  host_interface: busy0\n  ports: [\"vdev:net_null0,no-rx=1\"]\n",
		"host interface busy0");
	sh("ip link del busy0");
	refuses_with(
		EX_CONFIG, "  workers: 300\n  ports: [\"vdev:net_null0\"]\n", "dataplane.workers");
}

/* Connects until the program, which does not look, has no place left for more. */
static unsigned int crowd(int *fd, unsigned int most)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	unsigned int n = 0;

	memcpy(sun.sun_path, dp.socket, sizeof(dp.socket));
	for (; n < most; n++) {
		fd[n] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		assert_true(fd[n] >= 0);
		if (connect(fd[n], (struct sockaddr *)&sun, sizeof(sun)) < 0)
			break;
	}
	assert_true(n < most && errno == EAGAIN);
	return n + 1;
}

/* Also when the first one is stuck. */
static void test_two_on_one_socket(void **state)
{
	int fd[256];
	unsigned int n;
	struct dp second;

	dp_start(&dp, lines);
	assert_int_equal(kill(dp.pid, SIGSTOP), 0);
	n = crowd(fd, 256);
	dp_make(&second);
	memcpy(second.socket, dp.socket, sizeof(dp.socket));
	dp_launch(&second, "  host_interface: lx0\n  ports: [\"vdev:net_null0,no-rx=1\"]\n");
	assert_int_equal(dp_wait(&second), 1);
	assert_int_equal(dp_log_count(&second, "does another linewatch-dp serve it?"), 1);
	sh("ip link del lx0");
	dp_remove(&second);
	while (n--)
		close(fd[n]);
	assert_int_equal(kill(dp.pid, SIGCONT), 0);
	/* The first one has noticed nothing. */
	close(dp_client(&dp, 0, NULL, NULL));
	assert_int_equal(dp_stop(&dp, SIGINT), 0);
}

/* Frames are spread over the workers; none is left behind. */
static void workers_answer(const char *conf)
{
	dp_start(&dp, conf);
	sh("ip addr add 192.0.2.10/24 dev lw0");
	for (int i = 0; i < 5; i++)
		sh(FAR "ip addr add 192.0.2.%d/24 dev far0 && " FAR
		       "ping -I 192.0.2.%d -c 2 -i 0.2 -w 20 192.0.2.10 >/dev/null",
			20 + i, 20 + i);
	assert_int_equal(dp_stop(&dp, SIGTERM), 0);
}

/* By the kernel. */
static void test_two_workers(void **state)
{
	workers_answer("  workers: 2\n  ports: [\"af_packet:eth1\"]\n");
	assert_int_equal(dp_log_count(&dp, "spread by software"), 0);
}

/* By themselves, since the device has one queue. */
static void test_three_workers_one_queue(void **state)
{
	workers_answer("  workers: 3\n  memory: 256\n  ports: [\"af_packet:eth1,qpairs=1\"]\n");
	assert_int_equal(dp_log_count(&dp, "1 Rx and 1 Tx queues for 3 workers"), 1);
}

/* Several workers, ports and drivers; each port has its host interface. */
static void test_drivers(void **state)
{
	dp_start(&dp,
		"  workers: 2\n  memory: 256\n  idle_sleep: 0\n"
		"  ports: [\"vdev:net_null0,no-rx=1\"]\n");
	assert_int_equal(dp_stop(&dp, SIGTERM), 0);
	sh("rm %s", dp.log);
	dp_start(&dp, "  ports: [\"vdev:net_ring0\", \"tap:dtap0\"]\n");
	sh("ip link show lw1 >/dev/null && ip link show dtap0 >/dev/null");
	assert_int_equal(dp_stop(&dp, SIGTERM), 0);
	sh("ip link del lw1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define BARE(name) cmocka_unit_test_setup_teardown(name, cable, uncable)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ping_through_host_interface),
		TEST(test_host_interface),
		TEST(test_arp_is_answered_once),
		TEST(test_restart_keeps_the_host_interface),
		TEST(test_flood_starves_nobody),
		BARE(test_start_that_cannot_work),
		BARE(test_two_on_one_socket),
		BARE(test_two_workers),
		BARE(test_three_workers_one_queue),
		BARE(test_drivers),
	};

	if (geteuid() != 0) {
		print_message("skipped: needs root for network namespaces\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, netns_enter_two, netns_leave);
}
