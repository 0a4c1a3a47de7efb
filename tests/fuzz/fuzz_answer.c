/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers to keep-alives: devices that are asked by STUN and by OPTIONS, over IPv4 and IPv6. What
 * anybody sends either is an answer to a question that was asked, from the device that was asked,
 * or it changes nothing. The tag is keyed, so no input can hold a right one but by an echo.
 *
 * The input is a list of orders; the first byte of each picks one of run[]. */
#include "dataplane/keepalive/probe.h"
#include "tests/fuzz/rig_input.h"

#include <stdio.h>
#include <strings.h>

#define DEVICES 4
#define OLD_MS  32000    /* an answer that comes later than this is a copy of one */
#define LIFE_MS 86400000 /* of a binding: more than any input lets pass */

struct device {
	struct addr dst, local;
	struct frame asked; /* the last question; no payload: none yet */
	uint64_t asked_ms;
	uint32_t gen, asked_gen;
};

struct world {
	struct rig *rig;
	struct device device[DEVICES];
	uint64_t fed, punted;
};

static const char *const places[DEVICES][2] = {
	{"203.0.113.9:1024", "192.0.2.10:5060"},
	{"203.0.113.10:1024", "192.0.2.10:5060"},
	{"[2001:db8:3::9]:1024", "[2001:db8::10]:5060"},
	{"[2001:db8:3::a]:1024", "[2001:db8::10]:5060"},
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return rig_input_open();
}

static void bind_device(struct world *w, uint32_t i)
{
	struct device *d = &w->device[i];
	struct proto_binding binding = {
		.id = i,
		.gen = d->gen,
		.dst = d->dst,
		.local = d->local,
		.class_id = i & 1,
		.expires_ms = w->rig->now_ms + LIFE_MS,
	};

	assert(binding_set(w->rig->keepalive, 0, &binding, w->rig->now_ms) == 0);
}

/* What was asked meanwhile. */
static void look(struct world *w)
{
	struct frame frame;

	while (rig_sent(w->rig, &frame))
		for (int i = 0; i < DEVICES; i++) {
			struct device *d = &w->device[i];

			if (!addr_equal(&frame.dst, &d->dst))
				continue;
			d->asked = frame;
			d->asked_ms = w->rig->now_ms;
			d->asked_gen = d->gen;
		}
	w->rig->binding_events = 0;
}

static void world_open(struct world *w)
{
	*w = (struct world){.rig = rig_input_rig(64, 64)};
	for (uint8_t class_id = 0; class_id < 2; class_id++) {
		const struct proto_conf conf = {
			.class_id = class_id,
			.payload_kind = class_id ? PROTO_PAYLOAD_OPTIONS : PROTO_PAYLOAD_STUN,
			.period_ms = 10000,
			.send_interval_ms = 500,
			.send_least = 3000,
			.missed_max = 2,
		};

		assert(keepalive_conf_set(w->rig->keepalive, &conf) == 0);
	}
	for (uint32_t i = 0; i < DEVICES; i++) {
		w->device[i].dst = rig_addr(places[i][0]);
		w->device[i].local = rig_addr(places[i][1]);
		w->device[i].gen = 1;
		bind_device(w, i);
	}
	rig_input_turn(w->rig);
	look(w);
	for (int n = 0; n < 21; n++) {
		rig_input_pass(w->rig, 500);
		look(w);
	}
	for (int i = 0; i < DEVICES; i++)
		assert(w->device[i].asked.len);
}

static void world_close(struct world *w)
{
	for (uint32_t i = 0; i < DEVICES; i++)
		binding_del(w->rig->keepalive, 0, &(struct proto_handle){i, w->device[i].gen});
	rig_input_turn(w->rig);
	assert(w->rig->facts.head->bindings_used == 0 && w->rig->routes == 0);
	look(w);
	rig_close(w->rig);
}

/* Feeds it; returns by how much the answers grew. Each frame is an answer, refused, or punted. */
static uint64_t feed(struct world *w, struct frame *frame)
{
	const struct facts_worker *count = w->rig->w->count;
	uint64_t answers = count->answers, refused = count->answers_refused;
	unsigned int punted;

	if (frame->ttl == 0)
		frame->ttl = 64;
	rig_input_frame(w->rig, frame);
	punted = rig_punted(w->rig, PUNT_SIP);
	assert(count->answers - answers + count->answers_refused - refused + punted == 1);
	look(w);
	return count->answers - answers;
}

/* Bytes of the input, from a device or from somebody else. */
static void run_raw(struct world *w, struct fuzz *f)
{
	uint8_t who = fuzz_u8(f);
	const struct device *d = &w->device[who % DEVICES];
	struct frame frame = {.src = d->dst, .dst = d->local};
	const uint8_t *at;
	size_t len;

	if (who & 0x80)
		frame.src.port++;
	at = fuzz_bytes(f, fuzz_u16(f) % 1400u, &len);
	if (len)
		memcpy(frame.payload, at, len);
	frame.len = (uint16_t)len;
	assert(feed(w, &frame) == 0);
}

static void answer_stun(const struct frame *asked, struct frame *out)
{
	static const uint8_t mapped[12] = {0, 0x20, 0, 8, 0, 1, 1, 1, 2, 2, 2, 2};

	memcpy(out->payload, asked->payload, 20);
	out->payload[0] = 1;
	out->payload[3] = sizeof(mapped);
	memcpy(out->payload + 20, mapped, sizeof(mapped));
	out->len = 32;
}

/* False: what was asked has no Via, so it was no OPTIONS. */
static bool answer_sip(const struct frame *asked, unsigned int code, struct frame *out)
{
	char text[sizeof(asked->payload) + 1];
	const char *via, *end;

	memcpy(text, asked->payload, asked->len);
	text[asked->len] = '\0';
	via = strstr(text, "Via:");
	end = via ? strstr(via, "\r\n") : NULL;
	if (!end)
		return false;
	out->len = (uint16_t)snprintf((char *)out->payload, sizeof(out->payload),
		"SIP/2.0 %u Word\r\n%.*s;received=192.0.2.10\r\nContent-Length: 0\r\n\r\n", code,
		(int)(end - via), via);
	return true;
}

/* The id, moment and tag in an answer: a change there makes it another's. */
static bool is_named_alike(const struct frame *a, const struct frame *b)
{
	const uint8_t *name;

	if (a->payload[0] == 1)
		return memcmp(a->payload + 8, b->payload + 8, PROBE_BYTES) == 0;
	name = memmem(a->payload, a->len, "-lwka-", 6);
	assert(name);
	return strncasecmp((const char *)name, (const char *)b->payload + (name - a->payload),
		       6 + PROBE_HEX) == 0;
}

/* An answer as a device gives it, or nearly so: from elsewhere, late, changed, cut. */
static void run_echo(struct world *w, struct fuzz *f)
{
	uint8_t who = fuzz_u8(f), how = fuzz_u8(f);
	struct device *d = &w->device[who % DEVICES];
	struct frame frame = {.src = d->dst, .dst = d->local}, sound;
	bool right = d->asked_gen == d->gen && w->rig->now_ms - d->asked_ms <= OLD_MS;
	uint64_t got;
	bool same;

	if (d->asked.len == 0)
		return;
	if (!(who & 1))
		answer_stun(&d->asked, &frame);
	else if (!answer_sip(&d->asked, how & 8 ? 404 : 200, &frame))
		return;
	sound = frame;
	if (how & 1)
		frame.src.port ^= (uint16_t)(1 + (who >> 2));
	if (how & 2)
		frame.src.ip[3 - (how >> 7)] ^= 1;
	for (int n = how >> 4 & 7; n > 0; n--) {
		uint16_t at = (uint16_t)(fuzz_u16(f) % frame.len);

		frame.payload[at] ^= fuzz_u8(f);
	}
	if (how & 4)
		frame.len = (uint16_t)(fuzz_u16(f) % (frame.len + 1u));
	same = frame.len == sound.len && memcmp(frame.payload, sound.payload, sound.len) == 0;
	got = feed(w, &frame);
	if (how & 3 || !right || !is_named_alike(&sound, &frame))
		assert(got == 0);
	else if (same)
		assert(got == 1);
}

static void run_pass(struct world *w, struct fuzz *f)
{
	rig_input_pass(w->rig, 100u * fuzz_u8(f));
	look(w);
}

/* Another device is at the address, or it is at another one. */
static void run_bind(struct world *w, struct fuzz *f)
{
	uint8_t who = fuzz_u8(f);
	struct device *d = &w->device[who % DEVICES];

	if (d->gen == UINT8_MAX)
		return;
	d->gen++;
	if (who & 0x80)
		d->dst.port ^= 0x100;
	bind_device(w, who % DEVICES);
	rig_input_turn(w->rig);
	look(w);
}

static void (*const run[])(struct world *w, struct fuzz *f) = {
	run_raw,
	run_echo,
	run_pass,
	run_bind,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world world;
	struct fuzz f = {data, size};

	world_open(&world);
	while (f.left)
		run[fuzz_u8(&f) % (sizeof(run) / sizeof(run[0]))](&world, &f);
	world_close(&world);
	return 0;
}
