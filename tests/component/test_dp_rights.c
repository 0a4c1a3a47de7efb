/* SPDX-License-Identifier: BSD-3-Clause */
/* linewatch-dp as a user without rights but the capabilities that the table in dataplane/README.md
 * names for its ports, and what it says when one is missing. */
#include "tests/component/dp_scene.h"
#include "tests/component/netns.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define USER "65534"
/* The user, and which capabilities remain, twice. */
#define RIGHTS(caps)                                                               \
	"setpriv --reuid " USER " --regid " USER " --clear-groups --no-new-privs " \
	"--inh-caps=-all" caps " --ambient-caps=-all" caps " --bounding-set=-all" caps
#define RAW   ",+net_raw"
#define ADMIN ",+net_admin"

static const char packet[] = "  ports: [\"af_packet:eth1\"]\n"
			     "  memory: 128\n"
			     "  bindings: 100\n"
			     "  flows: 64\n";
static const char tap[] = "  ports: [\"tap:wire0\"]\n"
			  "  memory: 128\n"
			  "  bindings: 100\n"
			  "  flows: 64\n";
static const char nothing[] = "  ports: [\"vdev:net_null0,no-rx=1\"]\n"
			      "  memory: 128\n"
			      "  bindings: 100\n"
			      "  flows: 64\n";

static struct dp dp;

static int setup(void **state)
{
	dp_make(&dp);
	sh("chown " USER ":" USER " %s", dp.dir);
	sh("for i in eth1 lw0 wire0; do ip link del $i 2>/dev/null; done; true");
	sh("ip link add eth1 type veth peer name far0 netns $FAR_PID");
	sh(FAR "sh -c 'ip link set far0 up && ip addr add 192.0.2.1/24 dev far0 && "
	       "ethtool -K far0 tx off >/dev/null'");
	sh("$LW_SOURCE/scripts/port-prepare.sh eth1");
	return 0;
}

static int teardown(void **state)
{
	dp_remove(&dp);
	sh("$LW_SOURCE/scripts/port-release.sh eth1; ip link del eth1");
	return 0;
}

/* No other user, no other capability: neither now nor after an execve. */
static void expect_rights(const char *mask)
{
	sh("grep -q '^Uid:.*" USER ".*" USER ".*" USER ".*" USER "' /proc/%d/status", (int)dp.pid);
	sh("for set in CapEff CapPrm CapBnd CapAmb; do "
	   "grep -q \"^$set:.*%s$\" /proc/%d/status || exit 1; done",
		mask, (int)dp.pid);
	sh("grep -q '^NoNewPrivs:.*1$' /proc/%d/status", (int)dp.pid);
}

static void refuses(const char *lines, const char *rights, const char *why)
{
	dp.rights = rights;
	dp_launch(&dp, lines);
	assert_int_equal(dp_wait(&dp), 1);
	if (dp_log_count(&dp, why) == 0) {
		sh("cat %s", dp.log);
		fail_msg("the log does not say: %s", why);
	}
	sh("rm %s", dp.log);
}

/* Packets of both ways, and a neighbour that the kernel keeps for us. */
static void works(void)
{
	struct proto_welcome welcome;
	struct proto_binding binding;
	struct proto_ack ack;
	int client = dp_client(&dp, 0, &welcome, NULL);

	sh("ip addr replace 192.0.2.10/24 dev lw0");
	sh(FAR "ping -q -c 3 -i 0.2 -w 20 192.0.2.10 >/dev/null");
	binding = dp_binding(welcome.binding_first);
	binding.dst.ip[0] = 192;
	binding.dst.ip[1] = 0;
	binding.dst.ip[2] = 2;
	binding.dst.ip[3] = 1;
	assert_int_equal(dp_order(client, PROTO_BINDING_SET, &binding, 1, &ack), 0);
	sh("ip neigh show 192.0.2.1 dev lw0 | grep -q managed");
	close(client);
	assert_int_equal(dp_stop(&dp, SIGTERM), 0);
}

static void test_af_packet(void **state)
{
	dp.rights = RIGHTS(RAW ADMIN);
	dp_start(&dp, packet);
	expect_rights("0000000000003000");
	works();
	/* What it left behind is no hindrance. */
	dp_start(&dp, packet);
	works();
	sh("ip link del lw0; rm %s", dp.log);
	refuses(packet, RIGHTS(ADMIN), "CAP_NET_RAW");
}

static void test_tap(void **state)
{
	dp.rights = RIGHTS(ADMIN);
	dp_start(&dp, tap);
	expect_rights("0000000000001000");
	assert_int_equal(dp_stop(&dp, SIGTERM), 0);
	sh("ip link del lw0");
}

/* Every port has a host interface, and that needs its right. */
static void test_host_interface(void **state)
{
	refuses(nothing, RIGHTS(""), "CAP_NET_ADMIN");
	dp.rights = RIGHTS(ADMIN);
	dp_start(&dp, nothing);
	assert_int_equal(dp_stop(&dp, SIGTERM), 0);
	sh("ip link del lw0");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_af_packet),
		TEST(test_tap),
		TEST(test_host_interface),
	};

	if (geteuid() != 0) {
		print_message("skipped: needs root for network namespaces\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, netns_enter_two, netns_leave);
}
