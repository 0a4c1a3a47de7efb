/* SPDX-License-Identifier: BSD-3-Clause */
/* What one request costs must not depend on how many transactions are open (libosip2's own lists
 * are linear: 69 us a creation and 1.8 ms a lookup at 20,000). Compared within one run, on CPU
 * time, the least of several. */
#include "controlplane/sip/msg.h"
#include "controlplane/sip/stack.h"
#include "shared/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <time.h>

#define FEW   100
#define MANY  20000
#define BATCH 500
#define RUNS  5
#define BOUND 5.0

static struct wheel wheel;
static struct sip_stack *stack;
static unsigned int serial;

static int on_output(void *arg, const struct sip_flow *flow, const char *buf, size_t len)
{
	return 0;
}

static void on_request(void *arg, struct sip_server *server, const struct sip_rx *rx)
{
}

static void on_cancel(void *arg, struct sip_server *server)
{
}

static void on_ack(void *arg, struct sip_server *server, const struct sip_rx *rx)
{
}

static void on_ack_timeout(void *arg, struct sip_server *server)
{
}

static const struct addr far = {ADDR_IPV4, 0, 4000, {203, 0, 113, 7}};

static void receive(const char *method, unsigned int branch)
{
	struct sip_flow flow = sip_flow_to(&far);
	char text[600];
	int n = snprintf(text, sizeof(text),
		"%s sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK%u\r\n"
		"From: <sip:a@h>;tag=%u\r\nTo: <sip:us@h>\r\nCall-ID: c%u\r\nCSeq: 1 %s\r\n\r\n",
		method, branch, branch, branch, method);

	sip_stack_receive(stack, text, (size_t)n, &flow);
}

static void start(void)
{
	struct sip_flow flow = sip_flow_to(&far);

	assert_non_null(sip_client_start(stack,
		sip_msg_request(&(struct sip_request){.method = "OPTIONS",
			.uri = "sip:b@203.0.113.7",
			.from_uri = "sip:us@h",
			.from_tag = "t",
			.to_uri = "sip:b@h",
			.call_id = "c",
			.cseq = 1,
			.max_forwards = -1}),
		&flow, NULL, NULL));
}

static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

enum work { CREATE_SERVER, FIND_SERVER, CREATE_CLIENT, WORKS };
static const char *const names[WORKS] = {"new request in", "repeated request", "new request out"};

static double measure(enum work work)
{
	double begin = cpu_seconds();

	for (int i = 0; i < BATCH; i++) {
		if (work == CREATE_SERVER)
			receive("OPTIONS", ++serial);
		else if (work == FIND_SERVER)
			receive("OPTIONS", 1 + (unsigned int)i % (FEW / 2));
		else
			start();
	}
	return cpu_seconds() - begin;
}

/* With `open` transactions, half of them servers. */
static void measure_all(unsigned int open, double best[WORKS])
{
	for (int work = 0; work < WORKS; work++)
		best[work] = 1e9;
	for (int run = 0; run < RUNS; run++) {
		struct sip_stack_config config = {.wheel = &wheel,
			.output = on_output,
			.node = "n1",
			.service = {ADDR_IPV4, 0, 5060, {192, 0, 2, 1}}};
		struct sip_handlers handlers = {.request = on_request,
			.cancel = on_cancel,
			.ack = on_ack,
			.ack_timeout = on_ack_timeout};

		serial = 0;
		wheel_init(&wheel, clock_boot_ms());
		assert_int_equal(sip_stack_open(&stack, &config, &handlers), 0);
		for (unsigned int i = 0; i < open / 2; i++) {
			receive("OPTIONS", ++serial);
			start();
		}
		assert_int_equal(sip_stack_counters(stack)->servers_open, open / 2);
		assert_int_equal(sip_stack_counters(stack)->clients_open, open / 2);
		for (int work = 0; work < WORKS; work++) {
			double t = measure((enum work)work);

			if (t < best[work])
				best[work] = t;
		}
		sip_stack_close(stack);
	}
}

static void test_open_transactions_cost_nothing(void **state)
{
	double few[WORKS];
	double many[WORKS];

	measure_all(FEW, few);
	measure_all(MANY, many);
	for (int work = 0; work < WORKS; work++) {
		print_message("%s: %.1f us with %d open, %.1f us with %d\n", names[work],
			few[work] / BATCH * 1e6, FEW, many[work] / BATCH * 1e6, MANY);
		assert_true(many[work] < BOUND * few[work]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_transactions_cost_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
