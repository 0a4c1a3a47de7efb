/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ops/capture.h"

#include "controlplane/media/dpcapture.h"
#include "shared/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPTURE_SECONDS 60 /* if nobody says how long */
#define CAPTURE_PACKETS 10000
#define AOR_MAX         256
#define CAPTURE_BEAT_MS 500 /* so often at least linewatchctl hears of us */

/* One binding, or one leg of the call. */
struct target {
	struct capture *capture;
	uint32_t name;       /* 0: ended */
	uint32_t index, gen; /* of a binding */
	char leg;            /* 'a', 'b', or 0 */
	uint64_t lost;       /* as last told */
};

/* One request, until its answer. */
struct capture {
	struct ctlserver_request *request;
	struct dpclient *dp;
	uv_timer_t beat;
	uint64_t wall_us; /* of CLOCK_BOOTTIME 0: one for all, so that differences are true */
	uint64_t frames, lost;
	uint64_t packets; /* bound of all targets together */
	uint64_t until_ms;
	struct registrar *registrar;
	const char *aor; /* its bindings are followed as they move; NULL: a call */
	uint32_t open;
	bool told; /* something since the last beat */
	bool ended;
	struct target target[PROTO_CAPTURES]; /* in use if it has a name */
};

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void capture_stop(struct capture *c)
{
	for (uint32_t i = 0; i < PROTO_CAPTURES; i++)
		if (c->target[i].name)
			dpcapture_stop(c->dp, c->target[i].name);
}

/* The one way out; what is told goes nowhere if the client has gone. */
static void capture_finish(struct capture *c, const char *why)
{
	if (c->ended)
		return;
	c->ended = true;
	capture_stop(c);
	ctlserver_reply(c->request,
		json_pack("{ss, sI, sI}", "why", why, "frames", (json_int_t)c->frames, "lost",
			(json_int_t)c->lost));
	uv_close((uv_handle_t *)&c->beat, on_closed);
}

static void on_gone(void *arg)
{
	capture_finish(arg, "the client has gone");
}

static const char *fate_name(const struct proto_frame *frame)
{
	static const char *const fates[PROTO_FRAME_FATES] = {
		[PROTO_FRAME_RELAYED] = "relayed",
		[PROTO_FRAME_KEEPALIVE] = "keep-alive",
		[PROTO_FRAME_ANSWER] = "answer",
		[PROTO_FRAME_REFUSED] = "refused answer",
		[PROTO_FRAME_TO_HOST] = "sip",
		[PROTO_FRAME_FROM_HOST] = "sip",
		[PROTO_FRAME_WATCHED] = "watched",
	};
	static const char *const reasons[FACTS_DROP_MAX] = {
#define X(name, text) text,
		FACTS_DROPS(X)
#undef X
	};

	return frame->fate == PROTO_FRAME_DROPPED ? reasons[frame->reason] : fates[frame->fate];
}

static json_t *frame_json(const struct target *t, const struct proto_frame *frame)
{
	static const char digits[] = "0123456789abcdef";
	char hex[2 * PROTO_FRAME_MAX];
	json_t *out;

	for (uint32_t i = 0; i < frame->kept; i++) {
		hex[2 * i] = digits[frame->data[i] >> 4];
		hex[2 * i + 1] = digits[frame->data[i] & 15];
	}
	out = json_pack("{sI, sb, ss, sb, si, ss#}", "at_us",
		(json_int_t)(t->capture->wall_us + frame->at_us), "out", frame->out, "fate",
		fate_name(frame), "dropped", frame->fate == PROTO_FRAME_DROPPED, "len", frame->len,
		"data", hex, (int)(2 * frame->kept));
	if (frame->fate == PROTO_FRAME_ANSWER)
		json_object_set_new(out, "round_us", json_integer(frame->round_us));
	if (t->leg)
		json_object_set_new(out, "leg", json_stringn(&t->leg, 1));
	if (t->capture->lost)
		json_object_set_new(out, "lost", json_integer((json_int_t)t->capture->lost));
	return out;
}

static void capture_lost(struct target *t, uint64_t lost)
{
	t->capture->lost += lost - t->lost;
	t->lost = lost;
}

static void on_frame(void *arg, const struct proto_frame *frame)
{
	struct target *t = arg;
	struct capture *c = t->capture;

	capture_lost(t, frame->lost);
	if (!ctlserver_part(c->request, frame_json(t, frame))) {
		c->lost++;
		return;
	}
	c->told = true;
	if (++c->frames == c->packets)
		capture_finish(c, "that many packets are captured");
}

static void on_end(void *arg, uint32_t why, const char *words, uint64_t lost)
{
	struct target *t = arg;
	struct capture *c = t->capture;

	t->name = 0;
	c->open--;
	if (lost > t->lost)
		capture_lost(t, lost);
	if (why == PROTO_CAPTURE_GONE && c->aor)
		c->told = ctlserver_part(
			c->request, json_pack("{ss}", "note", "a binding moved or was removed"));
	else if (c->open == 0 || why != PROTO_CAPTURE_GONE)
		capture_finish(c, words);
}

static struct target *target_free(struct capture *c)
{
	for (uint32_t i = 0; i < PROTO_CAPTURES; i++)
		if (!c->target[i].name)
			return &c->target[i];
	return NULL;
}

/* Returns NULL, or why it cannot be. */
static const char *capture_add(
	struct capture *c, const struct target *target, struct dpcapture_conf *conf)
{
	const char *why = "more bindings than can be captured at a time";
	struct target *t = target_free(c);

	if (!t)
		return why;
	*t = *target;
	t->capture = c;
	conf->packets_max = (uint32_t)c->packets;
	conf->until_ms = c->until_ms;
	conf->frame = on_frame;
	conf->end = on_end;
	conf->arg = t;
	t->name = dpcapture_start(c->dp, conf, &why);
	if (!t->name)
		return why;
	c->open++;
	return NULL;
}

static const char *capture_call(struct capture *c, struct loop *loop, const char *id)
{
	struct call *call = calls_by_id(&loop->calls, id);
	struct dpcapture_conf conf = {.kind = PROTO_CAPTURE_FLOW};
	const char *why = NULL;

	if (!call)
		return "no live call has this id (linewatchctl calls lists them)";
	for (unsigned int i = 0; i < 2 && !why; i++) {
		struct target target = {.leg = "ab"[i]};

		conf.at = call->leg[i].media.at;
		conf.monitor = call->leg[i].media.monitor;
		if (conf.at.port || conf.monitor)
			why = capture_add(c, &target, &conf);
	}
	return why || c->open ? why : "its media does not pass through this node";
}

static bool capture_has(const struct capture *c, const struct binding *b)
{
	for (uint32_t i = 0; i < PROTO_CAPTURES; i++) {
		const struct target *t = &c->target[i];

		if (t->name && t->index == b->index && t->gen == b->gen)
			return true;
	}
	return false;
}

static const char *capture_binding(struct capture *c, const struct binding *b)
{
	struct dpcapture_conf conf = {.kind = PROTO_CAPTURE_BINDING, .index = b->index};
	struct target target = {.index = b->index, .gen = b->gen};

	return capture_has(c, b) ? NULL : capture_add(c, &target, &conf);
}

/* Those of the AOR that are not captured yet; its scheme may be left out. */
static const char *capture_aor(struct capture *c)
{
	const struct binding *b = registrar_of_aor(c->registrar, c->aor);
	const char *why = NULL;
	char name[AOR_MAX];

	if (!b && snprintf(name, sizeof(name), "sip:%s", c->aor) < (int)sizeof(name))
		b = registrar_of_aor(c->registrar, name);
	for (; b && !why; b = b->next)
		why = capture_binding(c, b);
	return why;
}

/* Whoever is bound at an address, listed devices too. */
static const char *capture_address(struct capture *c, const struct addr *address)
{
	const struct binding *b;
	const char *why = NULL;
	uint32_t cursor = 0;

	while (!why && (b = registrar_next(c->registrar, &cursor)))
		if (addr_equal(&b->source, address))
			why = capture_binding(c, b);
	return why;
}

static void on_beat(uv_timer_t *timer)
{
	struct capture *c = timer->data;

	if (!c->told)
		ctlserver_part(c->request, json_object());
	c->told = false;
	if (!c->aor)
		return;
	if (clock_boot_ms() >= c->until_ms)
		capture_finish(c, "the time is over");
	else
		capture_aor(c);
}

static uint64_t bounded(const json_t *args, const char *name, uint64_t otherwise, uint64_t most)
{
	json_int_t value = json_integer_value(json_object_get(args, name));

	if (value <= 0)
		return otherwise;
	return (uint64_t)value < most ? (uint64_t)value : most;
}

/* Returns NULL, or why it cannot be. */
static const char *capture_begin(struct capture *c, struct loop *loop, const json_t *args)
{
	const char *call = json_string_value(json_object_get(args, "call"));
	struct addr address;
	const char *why;

	c->aor = json_string_value(json_object_get(args, "aor"));
	c->packets = bounded(args, "packets", CAPTURE_PACKETS, PROTO_CAPTURE_PACKETS_MAX);
	c->until_ms = clock_boot_ms() +
		bounded(args, "seconds", CAPTURE_SECONDS, PROTO_CAPTURE_MS_MAX / 1000 - 1) * 1000;
	if (!c->aor == !call)
		return "an AOR or the id of a call is wanted";
	if (!c->dp)
		return "this node has no data plane";
	if (call)
		return capture_call(c, loop, call);
	if (addr_parse(&address, c->aor, 0) == 0 && address.port)
		why = capture_address(c, &address);
	else
		why = capture_aor(c);
	return why || c->open
		? why
		: "no binding has this AOR or address (linewatchctl bindings lists them)";
}

void capture_command(void *arg, struct ctlserver_request *request, const json_t *args)
{
	struct loop *loop = arg;
	struct capture *c = calloc(1, sizeof(*c));
	const char *why;

	if (!c) {
		ctlserver_fail(request, "no memory");
		return;
	}
	c->request = request;
	c->dp = loop->calls.dp;
	c->registrar = loop->calls.registrar;
	c->wall_us = clock_wall_us() - clock_boot_us();
	why = capture_begin(c, loop, args);
	if (why) {
		capture_stop(c);
		free(c);
		ctlserver_fail(request, "%s", why);
		return;
	}
	c->beat.data = c;
	uv_timer_init(&loop->uv, &c->beat);
	uv_timer_start(&c->beat, on_beat, CAPTURE_BEAT_MS, CAPTURE_BEAT_MS);
	ctlserver_stream(request, on_gone, c);
}
