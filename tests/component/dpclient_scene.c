/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/dpclient_scene.h"

#include "shared/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static void on_up(void *arg)
{
	struct dpclient_status status;
	struct bench *b = arg;

	assert_true(dpclient_is_up(b->c));
	b->ups++;
	dpclient_status(b->c, &status);
	b->restarts += status.boot_id != b->boot_id;
	b->boot_id = status.boot_id;
}

static void on_down(void *arg)
{
	struct bench *b = arg;

	assert_false(dpclient_is_up(b->c));
	b->downs++;
}

static void on_flow(void *arg, struct dpclient_port at, const struct proto_flow_event *ev)
{
	struct bench *b = arg;

	b->flow_events++;
	b->last_at = at;
	b->last_flow = *ev;
}

static void on_binding(void *arg, uint32_t index, const struct proto_binding_event *ev)
{
	struct bench *b = arg;

	b->binding_events++;
	b->last_index = index;
	b->last_binding = *ev;
}

static void on_resync(void *arg)
{
	((struct bench *)arg)->resyncs++;
}

static void on_lost(void *arg, uint64_t events)
{
	((struct bench *)arg)->lost += events;
}

static void on_tick(uv_timer_t *timer)
{
}

void turn(struct bench *b)
{
	fake_turn(&b->fake);
	uv_run(&b->loop, UV_RUN_NOWAIT);
}

bool settled(const struct bench *b)
{
	struct dpclient_status status;

	dpclient_status(b->c, &status);
	return status.up && status.pending == 0;
}

void settle(struct bench *b)
{
	UNTIL(b, settled(b));
	for (int i = 0; i < 20; i++)
		turn(b);
}

int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct fake *f = &b->fake;

	strcpy(f->dir, "/tmp/lw-dpclient-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/dp.sock", f->dir);
	f->listener = -1;
	f->conn = -1;
	f->binding_count = BINDINGS;
	fake_boot(f, 100, 500);
	assert_int_equal(uv_loop_init(&b->loop), 0);
	uv_timer_init(&b->loop, &b->tick);
	uv_timer_start(&b->tick, on_tick, 1, 1);
	b->conf = (struct dpclient_conf){
		.socket = f->path,
		.slot = 3,
		.incarnation = 9,
		.retry_max_ms = 300,
		.media = {fake_media_addr[0], fake_media_addr[1]},
		.media_count = MEDIA,
		.port_min = PORT_MIN,
		.port_max = PORT_MIN + 2 * SLOTS - 1,
		.bindings_max = BINDINGS,
		.class_count = 1,
		.classes = {{.payload_kind = PROTO_PAYLOAD_TEXT,
			.payload_len = 5,
			.payload = "HELLO",
			.period_ms = 30000,
			.send_interval_ms = 500,
			.send_least = 3000}},
		.events = {.up = on_up,
			.down = on_down,
			.flow = on_flow,
			.binding = on_binding,
			.resync = on_resync,
			.lost = on_lost,
			.arg = b},
	};
	assert_int_equal(dpclient_open(&b->c, &b->loop, &b->conf), 0);
	dpclient_start(b->c);
	*state = b;
	return 0;
}

int teardown(void **state)
{
	struct bench *b = *state;
	struct fake *f = &b->fake;

	dpclient_close(b->c);
	uv_close((uv_handle_t *)&b->tick, NULL);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&b->loop), 0);
	fake_die(f);
	rmdir(f->dir);
	munmap(f->facts, f->facts_size);
	close(f->facts_fd);
	free(b);
	return 0;
}

struct dpclient_port at(uint32_t i, uint32_t slot)
{
	return (struct dpclient_port){
		.media = (uint16_t)i, .port = (uint16_t)(PORT_MIN + 2 * slot)};
}

struct addr far(uint32_t n)
{
	struct addr a = {.family = ADDR_IPV4, .ip = {198, 51, 100, 1}};

	a.ip[2] = (uint8_t)(n >> 8);
	a.ip[3] = (uint8_t)(n | 1);
	a.port = (uint16_t)(1024 + n % 60000);
	return a;
}

struct proto_flow some_flow(uint32_t gen, uint32_t n)
{
	return (struct proto_flow){
		.gen = gen,
		.peer_gen = gen,
		.remote = far(n),
		.flags = PROTO_FLOW_CLOCK,
		.silence_ms = 60000,
		.clock_ms = 1,
		.expires_ms = clock_boot_ms() + 3600000,
	};
}

struct proto_binding some_binding(uint32_t gen, uint32_t n)
{
	struct addr local = fake_media_addr[0];

	local.port = 5060;
	return (struct proto_binding){
		.gen = gen,
		.dst = far(n),
		.local = local,
		.expires_ms = clock_boot_ms() + 3600000,
	};
}

void set_flow(struct bench *b, struct dpclient_port own, struct dpclient_port peer, uint32_t gen)
{
	struct proto_flow flow = some_flow(gen, own.port);

	assert_int_equal(dpclient_flow_set(b->c, own, peer, &flow), 0);
}

struct held_flow *held(struct bench *b, uint32_t i, uint32_t slot)
{
	return &b->fake.flows[fake_base(&b->fake, i) + slot];
}

void start(struct bench *b)
{
	fake_listen(&b->fake);
	UNTIL(b, dpclient_is_up(b->c));
}

void event(struct bench *b, struct dpclient_port where, uint32_t gen, uint32_t kind,
	const struct addr *addr)
{
	struct proto_flow_event ev = {
		.id = fake_base(&b->fake, where.media) + (where.port - PORT_MIN) / 2u,
		.gen = gen,
		.kind = kind,
		.ssrc = 0xabcd,
		.addr = *addr,
		.at_ms = clock_boot_ms(),
	};

	fake_send(&b->fake, PROTO_FLOW_EVENT, 0, &ev, 1, -1);
}
