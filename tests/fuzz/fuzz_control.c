/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of the control protocol, checked and carried out on real media and keep-alive contexts,
 * while time passes and RTP arrives. What is answered and what is raised must pass the check of the
 * other end, and a sync with nothing in it must leave nothing behind.
 *
 * The input is a list of orders; the first byte of each picks one of run[]. */
#include "dataplane/control/captures.h"
#include "dataplane/control/client.h"
#include "shared/clock.h"
#include "tests/fuzz/rig_input.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/proto_samples.h"

#define CLIENTS 2
#define PORT    20000

struct world {
	struct rig *rig;
	struct server server;
	struct client client;
	struct captures *captures;
	uint16_t seq;
};

static struct rig *now_rig;

int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
int __real_clock_gettime(clockid_t id, struct timespec *ts);

/* The data plane's clock is the rig's. */
int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	if (id != CLOCK_BOOTTIME || !now_rig)
		return __real_clock_gettime(id, ts);
	ts->tv_sec = (time_t)(now_rig->now_ms / 1000);
	ts->tv_nsec = (long)(now_rig->now_ms % 1000 * 1000000);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return rig_input_open();
}

/* Answers and events, as the client would get them. */
static void judge(struct world *w)
{
	struct client *client = &w->client;
	uint64_t packet[PROTO_PACKET_MAX / 8];
	const char *why = "";
	size_t len;

	for (unsigned int i = 0; i < client->replies; i++)
		assert(proto_check(client->reply[i].data, client->reply[i].len, false, &why) == 0);
	client->replies = 0;
	for (unsigned int i = 0; client->queue.place && i < w->rig->flow_events; i++)
		queue_push(&client->queue, PROTO_FLOW_EVENT, &w->rig->event[i].flow);
	for (unsigned int i = 0; client->queue.place && i < w->rig->binding_events; i++)
		queue_push(&client->queue, PROTO_BINDING_EVENT, &w->rig->binding_event[i]);
	w->rig->flow_events = w->rig->binding_events = 0;
	for (int i = 0; i < 2; i++) {
		struct queue *queue = i ? &client->frames : &client->queue;

		while (queue->place && (len = queue_pack(queue, packet, client->seq++)) != 0) {
			assert(proto_check(packet, len, false, &why) == 0);
			queue_sent(queue, packet);
		}
	}
}

/* As the server does with what captures tell. */
static bool on_capture(void *ctx, uint32_t slot, uint16_t type, const void *record)
{
	struct world *w = ctx;

	assert(slot == w->client.slot);
	return queue_push(&w->client.frames, type, record);
}

static void client_begin(struct world *w)
{
	w->client.server = &w->server;
	w->client.slot = CLIENT_NO_SLOT;
}

static void client_end(struct world *w)
{
	if (w->client.slot != CLIENT_NO_SLOT)
		w->server.slot[w->client.slot].client = NULL;
	captures_forget(w->captures, w->client.slot);
	assert(captures_count(w->captures) == 0);
	queue_close(&w->client.queue);
	queue_close(&w->client.frames);
	memset(&w->client, 0, sizeof(w->client));
	client_begin(w);
}

/* As client_read does with what it received. */
static void take(struct world *w, const void *packet, size_t len)
{
	uint64_t *copy = fuzz_copy(packet, len);
	const char *why = NULL;
	int err = proto_check(copy, len, true, &why);

	assert(err == 0 || err == -EPROTO);
	assert((err == 0) == (why == NULL));
	if (err == 0)
		err = dispatch(&w->client, (const struct proto_head *)copy, &why);
	assert(err == 0 || why);
	judge(w);
	if (err)
		client_end(w);
	free(copy);
	while (mailbox_run(&w->rig->w->mailbox, w->rig->w))
		;
}

static void run_raw(struct world *w, struct fuzz *f)
{
	size_t len;
	const uint8_t *at = fuzz_bytes(f, fuzz_u16(f) % 4096u, &len);

	take(w, at, len);
}

/* Fits a good record to the rig. */
static void fit(const struct world *w, uint16_t type, union record *r)
{
	switch (type) {
	case PROTO_HELLO:
		r->hello.slot = 0;
		break;
	case PROTO_MEDIA_ADDR:
		r->media.port_max = PORT + 15;
		break;
	case PROTO_BINDING_SET:
		r->binding.expires_ms = w->rig->now_ms + 5000;
		break;
	case PROTO_CONF:
		r->conf.class_id = 0;
		break;
	case PROTO_FLOW_SET:
		r->flow.clock_ms = w->rig->now_ms;
		r->flow.expires_ms = w->rig->now_ms + 5000;
		r->flow.start_ms = r->flow.silence_ms = 1000;
		break;
	case PROTO_MONITOR_SET:
		r->monitor.id = media_monitor_first(64);
		r->monitor.dst = address("192.0.2.10:20000");
		r->monitor.dst_rtcp = address("192.0.2.10:20001");
		r->monitor.clock_ms = w->rig->now_ms;
		r->monitor.expires_ms = w->rig->now_ms + 5000;
		r->monitor.start_ms = r->monitor.silence_ms = 1000;
		break;
	case PROTO_CAPTURE_SET:
		r->capture.until_ms = w->rig->now_ms + 5000;
		break;
	default:;
	}
}

static void order_send(struct world *w, uint16_t type, uint16_t count, struct fuzz *f)
{
	size_t len, size = proto_size(type);
	struct proto_head *head = packet_new(type, count, &len);
	uint8_t *bytes = (uint8_t *)(head + 1);
	union record good;

	memset(&good, 0, sizeof(good));
	good_client(type, &good);
	fit(w, type, &good);
	for (uint16_t i = 0; i < count; i++)
		memcpy(bytes + i * size, &good, size);
	for (uint8_t n = fuzz_u8(f) & 15; n; n--) {
		uint16_t at = fuzz_u16(f);

		bytes[at % (size * count)] = fuzz_u8(f);
	}
	take(w, head, len);
	free(head);
}

/* Good records with a few bytes changed. */
static void run_sample(struct world *w, struct fuzz *f)
{
	uint16_t type = (uint16_t)(PROTO_HELLO + fuzz_u8(f) % (PROTO_FROM_CLIENT - PROTO_HELLO));

	order_send(w, type, (uint16_t)(1 + fuzz_u8(f) % 3), f);
}

static void run_pass(struct world *w, struct fuzz *f)
{
	uint8_t data[FRAME_MAX];

	rig_input_pass(w->rig, 20u * fuzz_u8(f));
	captures_tick(w->captures, w->rig->now_ms * 1000, w->rig->w->now_tsc);
	while (rig_sent_raw(w->rig, data))
		;
	judge(w);
}

static void run_rtp(struct world *w, struct fuzz *f)
{
	uint8_t port = fuzz_u8(f), how = fuzz_u8(f), data[FRAME_MAX];
	struct frame frame = {
		.src = address(how & 0x80 ? "198.51.100.1:4000" : "192.0.2.1:4000"),
		.dst = address("192.0.2.10:20000"),
		.ttl = 64,
	};

	frame.src.port = (uint16_t)(frame.src.port + (how >> 5 & 3));
	frame.dst.port = (uint16_t)(frame.dst.port + port % 32);
	for (int n = how & 7; n >= 0; n--) {
		if (how & 8)
			frame_rtcp(&frame, 1);
		else
			frame_rtp(&frame, 0, w->seq++, 1, 60);
		rig_input_frame(w->rig, &frame);
	}
	while (rig_sent_raw(w->rig, data))
		;
}

static void run_gone(struct world *w, struct fuzz *f)
{
	client_end(w);
}

static void run_reroute(struct world *w, struct fuzz *f)
{
	w->rig->route_shift ^= 2;
	media_reroute(w->rig->media);
	keepalive_reroute(w->rig->keepalive);
}

static void world_open(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->rig = now_rig = rig_input_rig(64, 64);
	assert(captures_open(&w->captures,
		       &(struct captures_conf){
			       .qsbr = w->rig->qsbr,
			       .events = {.ctx = w, .capture = on_capture},
			       .workers = w->rig->w,
			       .board = w->rig->board,
			       .worker_count = 1,
			       .media = w->rig->media,
			       .keepalive = w->rig->keepalive,
			       .tsc_hz = RIG_HZ,
		       }) == 0);
	w->server = (struct server){
		.conf = {.facts = &w->rig->facts,
			.clients = CLIENTS,
			.bindings = 64,
			.flows = 64,
			.monitors = RIG_MONITORS,
			.workers = 1},
		.media = w->rig->media,
		.keepalive = w->rig->keepalive,
		.captures = w->captures,
	};
	client_begin(w);
}

/* Each client comes back once more with nothing to keep. */
static void world_close(struct world *w)
{
	struct fuzz none = {NULL, 0};

	for (uint32_t slot = 0; slot < CLIENTS; slot++) {
		binding_sync_begin(w->rig->keepalive, slot, 0);
		flow_sync_begin(w->rig->media, slot);
		binding_sync_end(w->rig->keepalive, slot);
		flow_sync_end(w->rig->media, slot);
	}
	for (int i = 0; i < 4; i++)
		run_pass(w, &(struct fuzz){(const uint8_t *)"\4", 1});
	run_gone(w, &none);
	assert(w->rig->facts.head->flows_used == 0);
	assert(w->rig->facts.head->bindings_used == 0);
	assert(w->rig->routes == 0);
	captures_close(w->captures);
	rig_close(w->rig);
	now_rig = NULL;
}

static void (*const run[])(struct world *w, struct fuzz *f) = {
	run_raw,
	run_sample,
	run_sample,
	run_pass,
	run_rtp,
	run_gone,
	run_reroute,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world world;
	struct fuzz f = {data, size};

	world_open(&world);
	/* Most begin like this. */
	if (fuzz_u8(&f) & 1) {
		struct fuzz none = {NULL, 0};

		order_send(&world, PROTO_HELLO, 1, &none);
		order_send(&world, PROTO_MEDIA_ADDR, 1, &none);
		order_send(&world, PROTO_CONF, 1, &none);
	}
	while (f.left)
		run[fuzz_u8(&f) % (sizeof(run) / sizeof(run[0]))](&world, &f);
	world_close(&world);
	return 0;
}
