/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/losses_scene.h"

#include "shared/clock.h"
#include "shared/log.h"
#include "tests/component/dp_telemetry.h"
#include "tests/component/netns.h"

#include <ifaddrs.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct dp files;
static struct conf *conf;
struct dataplane *dp;
struct worker *w;
static bool go;
unsigned int ran;

uint64_t load(const uint64_t *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}

struct counts counts(void)
{
	struct counts c = {.rx = load(&w->count->rx),
		.tx = load(&w->count->tx),
		.punted = load(&w->count->punted)};

	for (int i = 0; i < FACTS_LOSS_MAX; i++)
		c.loss[i] = load(&dp->facts.head->loss[i]);
	for (int i = 0; i < FACTS_DROP_MAX; i++)
		c.drop[i] = load(&w->count->drop[i]);
	return c;
}

void turn(void)
{
	uv_run(&dp->loop, UV_RUN_NOWAIT);
	usleep(1000);
}

void await(const uint64_t *count, uint64_t value)
{
	uint64_t end = clock_boot_ms() + DP_WAIT_MS;

	while (load(count) < value) {
		if (clock_boot_ms() > end)
			fail_msg("%llu instead of %llu", (unsigned long long)load(count),
				(unsigned long long)value);
		turn();
	}
}

void await_loss(enum facts_loss why, uint64_t value)
{
	await(&dp->facts.head->loss[why], value);
}

static uint64_t told(const char *name)
{
	static char answer[DP_TELEMETRY_MAX];
	char key[32];
	int fd = dp_telemetry_open(&files);
	const char *at;

	dp_telemetry(fd, "/linewatch/drops", answer);
	close(fd);
	snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(answer, key);
	assert_non_null(at);
	return strtoull(at + strlen(key), NULL, 10);
}

void lost(const struct counts *before, enum facts_loss why, uint64_t n)
{
	static const char *const names[] = {
#define X(name, text) #name,
		FACTS_LOSSES(X)
#undef X
	};
	struct counts now;

	await_loss(why, before->loss[why] + n);
	now = counts();
	for (int i = 0; i < FACTS_LOSS_MAX; i++) {
		if (now.loss[i] != before->loss[i] + (i == (int)why ? n : 0))
			fail_msg("%s: %llu", names[i],
				(unsigned long long)(now.loss[i] - before->loss[i]));
		assert_int_equal(told(names[i]), now.loss[i]);
	}
	assert_memory_equal(now.drop, before->drop, sizeof(now.drop));
}

/* A turn of the worker that lasts. */
static void linger(struct worker *worker, const struct mail *mail)
{
	while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE))
		usleep(100);
	__atomic_store_n(&go, false, __ATOMIC_RELEASE);
}

void run(struct worker *worker, const struct mail *mail)
{
	__atomic_fetch_add(&ran, 1, __ATOMIC_RELAXED);
}

void hold_worker(void)
{
	const struct mail mail = {.run = linger};

	assert_int_equal(mailbox_send(&w->mailbox, &mail), 0);
	/* It is busy when it has taken the message. */
	while (mailbox_room(&w->mailbox) < MAILBOX_SIZE - 1)
		usleep(100);
}

void free_worker(void)
{
	__atomic_store_n(&go, true, __ATOMIC_RELEASE);
	while (__atomic_load_n(&go, __ATOMIC_ACQUIRE))
		usleep(100);
}

/* After a test that failed, too, nobody holds it. */
int release(void **state)
{
	const struct mail mail = {.run = run};
	uint64_t end = clock_boot_ms() + DP_WAIT_MS;
	unsigned int before;

	__atomic_store_n(&go, true, __ATOMIC_RELEASE);
	while (mailbox_room(&w->mailbox) < MAILBOX_SIZE - 1 && clock_boot_ms() < end)
		usleep(100);
	before = __atomic_load_n(&ran, __ATOMIC_RELAXED);
	mailbox_send(&w->mailbox, &mail);
	while (__atomic_load_n(&ran, __ATOMIC_RELAXED) == before && clock_boot_ms() < end)
		usleep(100);
	__atomic_store_n(&go, false, __ATOMIC_RELEASE);
	return 0;
}

int packet_socket(const char *ifname)
{
	struct sockaddr_ll sll = {.sll_family = AF_PACKET};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	sll.sll_ifindex = (int)if_nametoindex(ifname);
	assert_int_equal(bind(fd, (struct sockaddr *)&sll, sizeof(sll)), 0);
	return fd;
}

void send_frames(int fd, unsigned int n, size_t len)
{
	static const uint8_t head[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};
	uint8_t data[LONG] = {0};

	memcpy(data, head, sizeof(head));
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(send(fd, data, len, 0), len);
}

void works(const char *ifname)
{
	struct counts before = counts();
	int fd = packet_socket(ifname);

	send_frames(fd, SOME, FRAME);
	await(&w->count->rx, before.rx + SOME);
	close(fd);
}

uint64_t kernel_dropped(const char *ifname)
{
	struct ifaddrs *all = NULL;
	uint64_t n = 0;

	assert_int_equal(getifaddrs(&all), 0);
	for (const struct ifaddrs *it = all; it; it = it->ifa_next) {
		if (strcmp(it->ifa_name, ifname) == 0 && it->ifa_addr->sa_family == AF_PACKET)
			n = ((const struct rtnl_link_stats *)it->ifa_data)->tx_dropped;
	}
	freeifaddrs(all);
	return n;
}

int losses_open(void **state)
{
	static const char text[] = "node: {service_address: 192.0.2.10, media_ports: 20000-20063}\n"
				   "dataplane:\n"
				   "  socket: %s\n"
				   "  ports: [\"tap:tap0\", \"" BOND "\"]\n"
				   "  monitor: mirror\n"
				   "  monitor_ports: [\"" MIRROR ",framecnt=64\"]\n"
				   "  monitors: 32\n"
				   "  memory: 256\n"
				   "  bindings: 100\n"
				   "  flows: 64\n";
	char yaml[1024], err[512];

	if (netns_enter(state))
		return -1;
	sh("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
	sh("ip link add mon0 type veth peer name cable0 && ip link set cable0 arp off up");
	log_open("test", LOG_WARNING);
	dp_make(&files);
	snprintf(yaml, sizeof(yaml), text, files.socket);
	if (conf_load_text(&conf, "test", yaml, strlen(yaml), err, sizeof(err))) {
		print_message("%s\n", err);
		return -1;
	}
	dp = calloc(1, sizeof(*dp));
	if (dataplane_start(dp, &conf->dataplane))
		return -1;
	w = &dp->workers.item[0];
	return 0;
}

int losses_close(void **state)
{
	dataplane_stop(dp);
	free(dp);
	conf_free(conf);
	dp_remove(&files);
	return 0;
}
