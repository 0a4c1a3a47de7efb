/* SPDX-License-Identifier: BSD-3-Clause */
/* The control plane's part of a bench with the real linewatch-dp.
 *
 *   bench_client SOCKET relay LEGS              the flows of a file of legs, latched
 *   bench_client SOCKET keepalive COUNT PERIOD  bindings, pinged every PERIOD seconds
 *
 * Says "ready" when the data plane holds everything, and then for each line on stdin the counters
 * "RX TX DROPPED KEEPALIVES" of its workers. */
#include "controlplane/media/dpclient.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "tests/bench/legs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIENT_LIFE_MS     (3600u * 1000)
#define CLIENT_PORT_MIN    20000
#define CLIENT_PORT_MAX    65535
#define CLIENT_INTERVAL_MS 500 /* the default of the product */
#define CLIENT_SIP_PORT    5060

static struct {
	uv_loop_t loop;
	uv_poll_t input;
	struct dpclient *dp;
	struct dpclient_conf conf;
	struct legs legs;
	uint32_t bindings;
} client;

static const struct addr client_node = {.family = ADDR_IPV4, .ip = {192, 0, 2, 10}};

static void client_must(int err, const char *what)
{
	if (err == 0)
		return;
	fprintf(stderr, "bench_client: %s: %s\n", what, strerror(-err));
	exit(1);
}

static void client_up(void *arg)
{
	struct dpclient_status status;

	dpclient_status(client.dp, &status);
	if (status.refused || status.unplaced)
		client_must(-ENOSPC, "the data plane does not take all");
	puts("ready");
	fflush(stdout);
}

static void client_answer(uv_poll_t *input, int status, int events)
{
	struct facts_worker sum;
	uint64_t dropped = 0;
	char line[64];

	if (read(STDIN_FILENO, line, sizeof(line)) <= 0) {
		uv_stop(&client.loop);
		return;
	}
	client_must(dpclient_totals(client.dp, &sum, NULL), "no facts");
	for (int why = 0; why < FACTS_DROP_MAX; why++)
		dropped += sum.drop[why];
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", sum.rx, sum.tx, dropped,
		sum.keepalives);
	fflush(stdout);
}

static struct dpclient_port client_port(uint32_t leg)
{
	const struct addr *local = &client.legs.item[leg].local;

	for (uint16_t i = 0; i < client.conf.media_count; i++)
		if (addr_same_ip(&client.conf.media[i], local))
			return (struct dpclient_port){i, local->port};
	return (struct dpclient_port){0};
}

static void client_set_flows(void)
{
	for (uint32_t leg = 0; leg < client.legs.count; leg++) {
		struct proto_flow flow = {
			.gen = 1,
			.peer_gen = 1,
			.remote = client.legs.item[leg].phone,
			.latched = client.legs.item[leg].phone,
			.flags = PROTO_FLOW_LATCHED,
			.payload_types = {1},
			.dscp = PROTO_DSCP_KEEP,
			.expires_ms = clock_boot_ms() + CLIENT_LIFE_MS,
		};

		client_must(
			dpclient_flow_set(client.dp, client_port(leg), client_port(leg ^ 1), &flow),
			"flow");
	}
}

static void client_set_bindings(void)
{
	for (uint32_t i = 0; i < client.bindings; i++) {
		struct proto_binding binding = {
			.gen = 1,
			.dst = {.family = ADDR_IPV4,
				.port = CLIENT_SIP_PORT,
				.ip = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}},
			.local = client_node,
			.expires_ms = clock_boot_ms() + CLIENT_LIFE_MS,
		};

		binding.local.port = CLIENT_SIP_PORT;
		client_must(dpclient_binding_set(client.dp, i, &binding), "binding");
	}
}

/* The media addresses are those of the legs. */
static void client_read_legs(const char *path)
{
	legs_read(&client.legs, path);
	for (uint32_t leg = 0; leg < client.legs.count; leg++) {
		if (client_port(leg).port)
			continue;
		if (client.conf.media_count == DPCLIENT_MEDIA_MAX)
			client_must(-E2BIG, "media addresses");
		client.conf.media[client.conf.media_count] = client.legs.item[leg].local;
		client.conf.media[client.conf.media_count++].port = 0;
	}
}

int main(int argc, char **argv)
{
	struct proto_conf *class = &client.conf.classes[0];
	bool relay = argc == 4 && strcmp(argv[2], "relay") == 0;

	if (!relay && (argc != 5 || strcmp(argv[2], "keepalive") != 0)) {
		fputs("bench_client: see the head of its source\n", stderr);
		return 2;
	}
	log_open("bench_client", LOG_WARNING);
	client.conf = (struct dpclient_conf){
		.socket = argv[1],
		.port_min = CLIENT_PORT_MIN,
		.port_max = CLIENT_PORT_MAX,
		.bindings_max = 1,
		.class_count = 1,
		.events = {.up = client_up},
	};
	*class = (struct proto_conf){
		.payload_kind = PROTO_PAYLOAD_ZERO,
		.period_ms = relay ? 10000 : (uint32_t)atoi(argv[4]) * 1000,
		.send_interval_ms = CLIENT_INTERVAL_MS,
		.send_one_time = PROTO_BATCH_AUTO,
		.send_least = 1,
	};
	if (relay) {
		client_read_legs(argv[3]);
	} else {
		client.bindings = (uint32_t)atoi(argv[3]);
		client.conf.bindings_max = client.bindings;
		client.conf.media_count = 1;
		client.conf.media[0] = client_node;
	}
	client_must(uv_loop_init(&client.loop), "loop");
	client_must(dpclient_open(&client.dp, &client.loop, &client.conf), "client");
	if (relay)
		client_set_flows();
	else
		client_set_bindings();
	uv_poll_init(&client.loop, &client.input, STDIN_FILENO);
	uv_poll_start(&client.input, UV_READABLE, client_answer);
	dpclient_start(client.dp);
	uv_run(&client.loop, UV_RUN_DEFAULT);
	dpclient_close(client.dp);
	uv_close((uv_handle_t *)&client.input, NULL);
	uv_run(&client.loop, UV_RUN_DEFAULT);
	free(client.legs.item);
	return 0;
}
