/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet frames into the hot half of the data plane: three calls (IPv4, IPv6, one across) and a
 * binding of each family are in place. Whatever arrives, what leaves is sound, leaves from an
 * address of ours, and goes to nobody but the hosts that the control plane named.
 *
 * The input is a list of orders; the first byte of each picks one of run[]. */
#include "tests/fuzz/rig_input.h"

#define LEGS 6
#define PORT 20000

struct fuzz_leg {
	const char *local;
	const char *phone;
	const char *signal;
	uint32_t index; /* port pair of the local address */
};

static const struct fuzz_leg legs[LEGS] = {
	{"192.0.2.1", "10.0.0.11:4000", "10.0.1.11", 0},
	{"192.0.2.2", "10.0.0.12:5000", "10.0.1.12", 0},
	{"192.0.2.1", "10.0.0.13:6000", "10.0.1.13", 1},
	{"2001:db8::1", "[2001:db8:1::14]:4000", "2001:db8:2::14", 0},
	{"2001:db8::1", "[2001:db8:1::15]:4000", "2001:db8:2::15", 1},
	{"2001:db8::1", "[2001:db8:1::16]:4000", "2001:db8:2::16", 2},
};

struct scene {
	struct rig *rig;
	struct addr local[LEGS], phone[LEGS], signal[LEGS];
	struct addr device[2], service[2];
	struct proto_flow flow[LEGS];
	uint16_t seq;
	uint32_t sent;
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return rig_input_open();
}

static void set_leg(struct scene *s, int leg)
{
	assert(flow_set(s->rig->media, 0, &s->flow[leg], s->rig->now_ms) == 0);
}

static uint32_t claim(struct scene *s, const char *local)
{
	struct proto_media_addr range = {
		.local = rig_addr(local),
		.port_min = PORT,
		.port_max = PORT + 7,
	};
	struct proto_media_ready ready;

	assert(media_addr_claim(s->rig->media, 0, &range, &ready) == 0);
	return ready.base;
}

static void open_leg(struct scene *s, int i)
{
	const struct fuzz_leg *leg = &legs[i];

	s->local[i] = rig_addr(leg->local);
	s->local[i].port = (uint16_t)(PORT + 2 * leg->index);
	s->phone[i] = rig_addr(leg->phone);
	s->signal[i] = rig_addr(leg->signal);
	s->flow[i] = (struct proto_flow){
		.id = claim(s, leg->local) + leg->index,
		.gen = 1,
		.peer_gen = 1,
		.remote = s->phone[i],
		.remote_rtcp = s->phone[i],
		.signal = s->signal[i],
		.payload_types = {1},
		.flags = PROTO_FLOW_SIGNAL | PROTO_FLOW_CLOCK,
		.start_ms = 2000,
		.silence_ms = 2000,
		.clock_ms = s->rig->now_ms,
		.expires_ms = s->rig->now_ms + 3600000,
	};
	s->flow[i].remote_rtcp.port++;
}

static void open_bindings(struct scene *s)
{
	static const char *const text[2][2] = {{"203.0.113.9:1024", "192.0.2.10:5060"},
		{"[2001:db8:3::9]:1024", "[2001:db8::10]:5060"}};
	const struct proto_conf conf = {
		.payload_kind = PROTO_PAYLOAD_TEXT,
		.payload_len = 5,
		.period_ms = 10000,
		.send_interval_ms = 20,
		.send_least = 3000,
		.payload = "HELLO",
	};

	assert(keepalive_conf_set(s->rig->keepalive, &conf) == 0);
	for (uint32_t i = 0; i < 2; i++) {
		struct proto_binding binding = {
			.id = i, .gen = 1, .expires_ms = s->rig->now_ms + 3600000};

		binding.dst = s->device[i] = rig_addr(text[i][0]);
		binding.local = s->service[i] = rig_addr(text[i][1]);
		assert(binding_set(s->rig->keepalive, 0, &binding, s->rig->now_ms) == 0);
	}
}

static bool is_ours(const struct scene *s, const struct addr *src)
{
	for (int i = 0; i < LEGS; i++)
		if (addr_same_ip(src, &s->local[i]) && src->port >= PORT && src->port < PORT + 8)
			return true;
	return addr_equal(src, &s->service[0]) || addr_equal(src, &s->service[1]);
}

static bool is_named(const struct scene *s, const struct addr *dst)
{
	for (int i = 0; i < LEGS; i++)
		if (addr_same_ip(dst, &s->phone[i]) || addr_same_ip(dst, &s->signal[i]))
			return true;
	return addr_equal(dst, &s->device[0]) || addr_equal(dst, &s->device[1]);
}

/* sound: the frame that came in was, so the checksums must be right as well. */
static unsigned int look(struct scene *s, bool sound)
{
	unsigned int sent = 0;
	uint8_t data[FRAME_MAX];
	uint16_t len;

	for (; (len = rig_sent_raw(s->rig, data)) != 0; sent++) {
		struct frame frame;
		bool whole = frame_read(&frame, data, len);

		assert(whole || !sound);
		/* Only the UDP checksum may be wrong, and only as it came. */
		if (!whole) {
			uint8_t *udp = data + 14 + (data[12] == 0x08 ? 20 : 40);

			memset(udp + 6, 0, 2);
			frame_read(&frame, data, len);
		}
		assert(memcmp(frame.mac_src, rig_mac, 6) == 0);
		assert(frame.ttl > 0);
		assert(is_ours(s, &frame.src) && is_named(s, &frame.dst));
	}
	s->rig->flow_events = s->rig->binding_events = 0;
	return sent;
}

static void scene_open(struct scene *s)
{
	*s = (struct scene){.rig = rig_input_rig(64, 64), .seq = 100};
	for (int i = 0; i < LEGS; i++)
		open_leg(s, i);
	for (int i = 0; i < LEGS; i++) {
		s->flow[i].peer_id = s->flow[i ^ 1].id;
		set_leg(s, i);
	}
	open_bindings(s);
	rig_input_turn(s->rig);
	look(s, true);
}

static void drain(struct scene *s)
{
	for (enum punt_class class = 0; class < PUNT_CLASSES; class ++)
		rig_punted(s->rig, class);
}

static void put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Makes lengths and the IPv4 header's checksum fit, so that what is behind them is reached. */
static void mend(uint8_t *data, uint16_t len)
{
	uint8_t *ip = data + 14;
	uint32_t sum = 0;

	if (len < 14 + 28 || data[12] != 0x08 || data[13] != 0x00)
		return;
	ip[0] = 0x45;
	put16(ip + 2, len - 14u);
	put16(ip + 24, len - 34u);
	put16(ip + 10, 0);
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, ~sum & 0xffff);
}

static void run_raw(struct scene *s, struct fuzz *f)
{
	uint8_t flags = fuzz_u8(f), data[FRAME_MAX];
	uint16_t first = flags & 4 ? fuzz_u8(f) : 0;
	const uint8_t *at;
	size_t len;

	at = fuzz_bytes(f, fuzz_u16(f) % 1600u, &len);
	if (len)
		memcpy(data, at, len);
	if (flags & 1 && len >= 6)
		memcpy(data, rig_mac, 6);
	if (flags & 2)
		mend(data, (uint16_t)len);
	rig_input(s->rig, data, (uint16_t)len, first);
	look(s, false);
}

/* To a leg from its phone, another port of it, where it signals from, or a stranger. */
static uint8_t address(struct scene *s, struct fuzz *f, struct frame *frame)
{
	uint8_t leg = fuzz_u8(f) % LEGS, kind = fuzz_u8(f), port = fuzz_u8(f);

	*frame = (struct frame){.src = s->phone[leg], .dst = s->local[leg], .ttl = 64};
	if (kind & 2) {
		frame->src.port = (uint16_t)(frame->src.port + 2 * (port >> 4));
		memcpy(frame->src.ip, s->signal[leg].ip, 16);
	}
	if (kind & 1)
		frame->src.port = (uint16_t)(frame->src.port + (port >> 4));
	if ((kind & 3) == 3)
		frame->src.ip[1] ^= 0x40;
	frame->dst.port = (uint16_t)(frame->dst.port + (port & 1));
	frame->no_checksum = kind & 4 && frame->src.family == ADDR_IPV4;
	return kind & 3;
}

static void feed(struct scene *s, const struct frame *frame, uint8_t kind)
{
	unsigned int sent;

	rig_input_frame(s->rig, frame);
	sent = look(s, true);
	assert(sent <= (kind != 3));
	s->sent += sent;
}

static void run_udp(struct scene *s, struct fuzz *f)
{
	struct frame frame;
	uint8_t kind = address(s, f, &frame);
	const uint8_t *at;
	size_t len;

	frame.ttl = fuzz_u8(f);
	frame.tos = fuzz_u8(f);
	at = fuzz_bytes(f, fuzz_u16(f) % sizeof(frame.payload), &len);
	if (len)
		memcpy(frame.payload, at, len);
	frame.len = (uint16_t)len;
	feed(s, &frame, kind);
}

static void run_rtp(struct scene *s, struct fuzz *f)
{
	struct frame frame;
	uint8_t kind = address(s, f, &frame), how = fuzz_u8(f);

	for (int n = how & 7; n >= 0; n--) {
		if (how & 0x10)
			frame_rtcp(&frame, how >> 5);
		else
			frame_rtp(&frame, how & 8 ? 101 : 0, s->seq++, how >> 5, 172);
		feed(s, &frame, kind);
	}
}

static void run_pass(struct scene *s, struct fuzz *f)
{
	rig_input_pass(s->rig, 20u * fuzz_u8(f));
	look(s, true);
	drain(s);
}

static void run_set(struct scene *s, struct fuzz *f)
{
	uint8_t leg = fuzz_u8(f) % LEGS, flags = fuzz_u8(f), how = fuzz_u8(f);
	struct proto_flow *flow = &s->flow[leg];

	flow->flags = flags &
		(PROTO_FLOW_MUX | PROTO_FLOW_CLOCK | PROTO_FLOW_RELEARN | PROTO_FLOW_SIGNAL |
			PROTO_FLOW_RTCP_LIFE | PROTO_FLOW_SECURE);
	flow->keepalive_s = flags & 0x80 ? PROTO_RTP_KEEPALIVE_MIN : 0;
	if (flags & PROTO_FLOW_LATCHED && !(flags & PROTO_FLOW_RELEARN)) {
		flow->flags |= PROTO_FLOW_LATCHED;
		flow->latched = s->phone[leg];
	}
	if (how & 1)
		flow->gen++;
	if (how & 2)
		s->flow[leg ^ 1].peer_gen = flow->gen;
	flow->dscp = how >> 2;
	flow->remote.port = (uint16_t)(s->phone[leg].port + 2 * (how >> 6));
	flow->clock_ms = s->rig->now_ms;
	flow->expires_ms = s->rig->now_ms + 3600000;
	set_leg(s, leg);
	look(s, true);
}

static void run_del(struct scene *s, struct fuzz *f)
{
	uint8_t leg = fuzz_u8(f) % LEGS;
	struct proto_handle handle = {s->flow[leg].id, s->flow[leg].gen};

	assert(flow_del(s->rig->media, 0, &handle) == 0);
}

static void run_reroute(struct scene *s, struct fuzz *f)
{
	s->rig->route_shift ^= 2;
	media_reroute(s->rig->media);
	keepalive_reroute(s->rig->keepalive);
}

static void scene_close(struct scene *s)
{
	for (int i = 0; i < LEGS; i++)
		flow_del(s->rig->media, 0, &(struct proto_handle){s->flow[i].id, s->flow[i].gen});
	for (uint32_t i = 0; i < 2; i++)
		binding_del(s->rig->keepalive, 0, &(struct proto_handle){i, 1});
	rig_input_turn(s->rig);
	assert(s->rig->facts.head->flows_used == 0);
	assert(s->rig->facts.head->bindings_used == 0);
	assert(s->rig->routes == 0);
	/* Every buffer comes back. */
	rig_close(s->rig);
}

static void (*const run[])(struct scene *s, struct fuzz *f) = {
	run_raw,
	run_udp,
	run_rtp,
	run_pass,
	run_set,
	run_del,
	run_reroute,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scene scene;
	struct fuzz f = {data, size};

	scene_open(&scene);
	while (f.left)
		run[fuzz_u8(&f) % (sizeof(run) / sizeof(run[0]))](&scene, &f);
	scene_close(&scene);
	return 0;
}
