/* SPDX-License-Identifier: BSD-3-Clause */
/* linewatch-dp under floods from the wire, as fast as a process can send: neighbours are answered,
 * BGP, BFD and DHCP reach the kernel meanwhile, a call goes on and its streams are nobody else's,
 * and afterwards everything is as before. */
#include "shared/clock.h"
#include "tests/component/dp_call.h"
#include "tests/component/dp_telemetry.h"
#include "tests/component/frame.h"
#include "tests/component/netns.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define FLOOD_BURST 64
#define FLOOD_FRAME 128
#define HEARD       20 /* packets of each kind that must get through */
#define PAUSE_US    20000
#define DHCP_BUDGET 5000 /* frames a second */
#define OTHERS      2000 /* frames of all other classes in the DHCP flood, far more than there are */

/* A command that may need several attempts. */
#define AGAIN   "for i in 1 2 3 4 5 6 7; do "
#define OR_FAIL " && exit 0; done; exit 1"

static uint8_t mac[6]; /* of the port */

enum flood {
	FLOOD_SIP,   /* to the SIP port, from everywhere */
	FLOOD_ARP,   /* questions from everybody on the net */
	FLOOD_PORTS, /* to every port of the media address, RTP that nobody asked for */
	FLOOD_DHCP,  /* to its DHCP port */
	FLOOD_KINDS,
};

static int setup(void **state)
{
	struct ifreq ifr = {.ifr_name = "eth1"};
	int err, fd = socket(AF_INET, SOCK_DGRAM, 0);

	call_open("  ports: [\"af_packet:eth1\"]\n  memory: 128\n  bindings: 100\n"
		  "  flows: 64\n");
	err = ioctl(fd, SIOCGIFHWADDR, &ifr);
	memcpy(mac, ifr.ifr_hwaddr.sa_data, sizeof(mac));
	close(fd);
	return err;
}

static uint16_t flood_frame(enum flood kind, uint8_t *data)
{
	struct frame frame = {
		.ttl = 64,
		.src = {.family = ADDR_IPV4,
			.port = (uint16_t)rand(),
			.ip = {(uint8_t)(1 + rand() % 200), (uint8_t)rand(), (uint8_t)rand(), 7}},
		.dst = {.family = ADDR_IPV4, .port = 5060, .ip = {192, 0, 2, 10}},
	};
	uint16_t len;

	frame_rtp(&frame, 0, (uint16_t)rand(), (uint32_t)rand(), 60);
	if (kind == FLOOD_PORTS)
		frame.dst.port = (uint16_t)rand();
	if (kind == FLOOD_DHCP)
		frame.dst.port = 67;
	memcpy(frame.mac_dst, mac, 6);
	len = frame_write(&frame, data);
	if (kind == FLOOD_ARP) {
		static const uint8_t arp[] = {0, 1, 8, 0, 6, 4, 0, 1};

		memset(data, 0xff, 6);
		data[13] = 6;
		memcpy(data + 14, arp, sizeof(arp));
		memcpy(data + 22, (const uint8_t[]){2, 1, 1, 1, 1, (uint8_t)rand()}, 6);
		memcpy(data + 28, (const uint8_t[]){192, 0, 2, (uint8_t)(20 + rand() % 200)}, 4);
		memset(data + 32, 0, 6);
		memcpy(data + 38, (const uint8_t[]){192, 0, 2, 10}, 4);
		len = 60;
	}
	return len;
}

/* A process that sends until it is killed; *sent counts. */
static pid_t flood_start(enum flood kind, volatile uint64_t *sent)
{
	static uint8_t data[FLOOD_BURST][FLOOD_FRAME];
	struct mmsghdr msg[FLOOD_BURST] = {0};
	struct iovec iov[FLOOD_BURST];
	int fd = netns_far_packet("far0");
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid) {
		close(fd);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It only sends. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){0}, sizeof(int));
	for (unsigned int i = 0; i < FLOOD_BURST; i++) {
		iov[i].iov_base = data[i];
		msg[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	for (;;) {
		int n;

		for (unsigned int i = 0; i < FLOOD_BURST; i++)
			iov[i].iov_len = flood_frame(kind, data[i]);
		n = sendmmsg(fd, msg, FLOOD_BURST, 0);
		*sent += n > 0 ? (uint64_t)n : 0;
	}
}

static int udp_here(uint16_t port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

/* Sends a datagram each 20 ms until HEARD of them arrived; returns how many that took. */
static unsigned int probe(const struct frame *frame)
{
	uint64_t end = clock_boot_ms() + DP_WAIT_MS;
	int far = netns_far_packet("far0"), here = udp_here(frame->dst.port);
	unsigned int sent = 0, heard = 0;
	uint8_t data[FRAME_MAX], got[64];
	uint16_t len = frame_write(frame, data);

	while (heard < HEARD) {
		if (clock_boot_ms() > end)
			fail_msg("%u of %u packets to port %u were heard", heard, sent,
				frame->dst.port);
		assert_int_equal(send(far, data, len, 0), len);
		sent++;
		usleep(PAUSE_US);
		for (ssize_t n; (n = recv(here, got, sizeof(got), 0)) > 0;)
			heard += n == frame->len;
	}
	close(far);
	close(here);
	return sent;
}

static struct frame control(uint16_t port, uint8_t ttl)
{
	struct frame frame = {
		.ttl = ttl,
		.src = {.family = ADDR_IPV4, .port = 49152, .ip = {192, 0, 2, 1}},
		.dst = {.family = ADDR_IPV4, .port = port, .ip = {192, 0, 2, 10}},
		.len = 24,
	};

	memcpy(frame.mac_dst, mac, 6);
	return frame;
}

/* All that must get through while the flood runs; DHCP that is flooded need not. */
static void live(enum flood kind)
{
	struct frame bfd = control(3784, 255), dhcp = control(68, 64);

	dhcp.dst = (struct addr){.family = ADDR_IPV4, .port = 68, .ip = {255, 255, 255, 255}};
	memset(dhcp.mac_dst, 0xff, 6);
	print_message("          BFD: %u of %u, ", HEARD, probe(&bfd));
	if (kind != FLOOD_DHCP)
		print_message("DHCP: %u of %u", HEARD, probe(&dhcp));
	print_message("\n");
	await_conversation();
	/* Our kernel learns its neighbour anew; a connection of the far end to our BGP port. What
	 * the device itself had no room for is lost, as on any wire, and comes again. */
	sh("ip neigh flush dev lw0; " AGAIN "ping -q -c 1 -w 20 192.0.2.1 >/dev/null" OR_FAIL);
	sh(AGAIN FAR "timeout 4 bash -c 'exec 3<>/dev/tcp/192.0.2.10/179'" OR_FAIL);
}

/* Frames that the kernel got so far. */
static uint64_t to_host(void)
{
	char answer[DP_TELEMETRY_MAX];
	int fd = dp_telemetry_open(&dp);
	const char *text;

	dp_telemetry(fd, "/linewatch/status", answer);
	close(fd);
	text = strstr(answer, "\"to_host\":");
	assert_non_null(text);
	return strtoull(text + sizeof("\"to_host\":") - 1, NULL, 10);
}

/* DHCP has 5,000 a second of the kernel's time, however much comes. */
static void expect_budget(uint64_t before, uint64_t ms)
{
	uint64_t got = to_host() - before;

	print_message("          %lu frames to the kernel in %lu ms\n", got, ms);
	assert_true(got <= DHCP_BUDGET * (ms + 1000) / 1000 + OTHERS);
}

static void flood(enum flood kind)
{
	uint64_t *sent = mmap(
		NULL, sizeof(*sent), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(179)};
	int bgp = socket(AF_INET, SOCK_STREAM, 0);
	uint64_t began = clock_boot_ms(), before = to_host(), ms;
	pid_t pid;

	setsockopt(bgp, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	assert_int_equal(bind(bgp, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(bgp, 5), 0);
	pid = flood_start(kind, sent);
	live(kind);
	/* Many times what the packet buffers are: one that is lost each time would be missed. */
	while (*sent < 500000 && clock_boot_ms() < began + DP_WAIT_MS)
		usleep(PAUSE_US);
	ms = clock_boot_ms() - began + 1;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	print_message("          %lu packets, %lu a second\n", *sent, *sent * 1000 / ms);
	assert_true(*sent >= 100000);
	if (kind == FLOOD_DHCP)
		expect_budget(before, ms);
	assert_true(dp_is_alive(&dp));
	/* Nothing was relayed but what the phones said. */
	assert_in_range(worker_count(0)->relayed_rtp, 1, said);
	live(FLOOD_KINDS);
	sh(FAR "ping -q -i 0.05 -c 20 -W 5 192.0.2.10 | grep -q 'received, 0%%'");
	close(bgp);
	munmap(sent, sizeof(*sent));
}

static void test_sip(void **state)
{
	flood(FLOOD_SIP);
}

static void test_arp(void **state)
{
	flood(FLOOD_ARP);
}

static void test_ports(void **state)
{
	flood(FLOOD_PORTS);
}

static void test_dhcp(void **state)
{
	flood(FLOOD_DHCP);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, call_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sip),
		TEST(test_arp),
		TEST(test_ports),
		TEST(test_dhcp),
	};

	if (geteuid() != 0) {
		print_message("skipped: needs root for network namespaces\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, netns_enter_two, netns_leave);
}
