/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/capture.h"
#include "dataplane/keepalive/context.h"

#include <rte_mempool.h>
#include <rte_prefetch.h>
#include <string.h>

#define SWEEP_BURST 64  /* frames in one call of the driver */
#define SWEEP_TURN  256 /* most frames in one turn of the worker, so that Rx is served between */
#define SWEEP_STEPS 32  /* spans and slots looked at in one turn */

/* Frames on their way to one port, and which binding of the span each is for. */
struct sweep_burst {
	struct rte_mbuf *mbuf[SWEEP_BURST];
	uint8_t origin[SWEEP_BURST];
	uint16_t made; /* frames written */
	uint16_t sent; /* of them */
	uint8_t port;
	bool watch; /* one of them is watched */
};

/* What an mbuf says of a frame: the part that an Rx driver resets, and the part that it fills in.
 */
struct sweep_arms {
	__m128i reset, fill;
};
static_assert(offsetof(struct rte_mbuf, ol_flags) == offsetof(struct rte_mbuf, rearm_data) + 8 &&
		offsetof(struct rte_mbuf, rx_descriptor_fields1) ==
			offsetof(struct rte_mbuf, rearm_data) + 16 &&
		offsetof(struct rte_mbuf, pkt_len) == offsetof(struct rte_mbuf, packet_type) + 4 &&
		offsetof(struct rte_mbuf, data_len) == offsetof(struct rte_mbuf, packet_type) + 8,
	"written as two vectors");

/* The pool is the sweep's own: its mbufs come back as they were sent, and need no full reset. */
static inline struct sweep_arms sweep_arms_of(const struct sweep *s, uint16_t len)
{
	return (struct sweep_arms){
		.reset = _mm_set_epi64x(0, (int64_t)s->rearm),
		.fill = _mm_set_epi32(0, len, len, 0),
	};
}

static inline void sweep_arm(const struct sweep_arms *arms, struct rte_mbuf *mbuf)
{
	_mm_store_si128((__m128i *)&mbuf->rearm_data, arms->reset);
	_mm_store_si128((__m128i *)&mbuf->rx_descriptor_fields1, arms->fill);
}

static inline uint8_t *sweep_frame(const struct rte_mbuf *mbuf)
{
	return (uint8_t *)mbuf->buf_addr + RTE_PKTMBUF_HEADROOM;
}

/* Sends what was written. False: the ring is full. */
static bool sweep_flush(struct worker *w, struct sweep_burst *b)
{
	struct worker_port *port = &w->port[b->port];
	uint16_t n = (uint16_t)(b->made - b->sent);

	if (n == 0)
		return true;
	n = worker_put(w, port, b->mbuf + b->sent, n);
	b->sent = (uint16_t)(b->sent + n);
	return b->sent == b->made;
}

/* What neighbours in a slot nearly always share. */
struct sweep_aim {
	const struct template *template; /* NULL: such bindings get nothing */
	struct nexthop_entry nexthop;
	uint32_t key;   /* of the bindings that this is for */
	bool reachable; /* else each of them is counted, */
	uint8_t why;    /* as this: enum facts_drop */
};

static inline uint32_t sweep_key(const struct slots_binding *binding)
{
	return (uint32_t)binding->nexthop << 16 | binding->template;
}

/* Looks up template and next hop of a binding. False: it cannot be sent in this burst. That is so
 * at a full ring, and for a frame longer than `room`: a new message was set a moment ago. */
static bool sweep_take_aim(struct worker *w, const struct sweep *s,
	const struct slots_binding *binding, uint16_t room, struct sweep_burst *b,
	struct sweep_aim *aim)
{
	const struct template *t = templates_get(s->templates, binding->template);

	aim->key = sweep_key(binding);
	aim->template = t;
	aim->reachable = nexthop_load(w->nexthops, binding->nexthop, &aim->nexthop);
	if (!t)
		return true;
	aim->why = FACTS_DROP_NEXT_HOP;
	/* They keep their phase: waiting for the port would hold up all others. */
	if (aim->reachable && unlikely(worker_port_is_out(w, aim->nexthop.port))) {
		aim->why = FACTS_DROP_PORT_OUT;
		aim->reachable = false;
	}
	if (!aim->reachable) {
		aim->template = NULL;
		return true;
	}
	if (t->len > room)
		return false;
	if (aim->nexthop.port != b->port) {
		if (!sweep_flush(w, b))
			return false;
		b->port = aim->nexthop.port;
	}
	return true;
}

static void sweep_probe(const struct worker *w, const struct template *t, uint8_t *frame,
	const struct slots_binding *binding)
{
	struct probe probe = {
		.id = binding->id, .stamp = (uint32_t)timebase_us(w->timebase, w->now_tsc)};

	probe.tag = tag_of(&w->keepalive->tag, probe.id, probe.stamp, binding->gen);
	template_probe(t, frame, &probe);
}

static inline void sweep_write(const struct worker *w, const struct sweep *s,
	const struct template *t, const struct nexthop_entry *nexthop, uint8_t *frame,
	const struct slots_binding *binding)
{
	if (likely(!(binding->flags & SLOTS_IPV6)))
		template_write4(t, frame, nexthop, binding->ip, binding->port);
	else
		template_write6(t, frame, nexthop, s->ip6[binding->id].ip, binding->port);
	if (unlikely(t->form != PROBE_NONE))
		sweep_probe(w, t, frame, binding);
}

/* Of what left, copies of what is captured: frames are the driver's by now, so they are written
 * once more. */
static __rte_noinline void sweep_capture(struct worker *w, const struct sweep *s,
	const struct sweep_burst *b, const struct slots_binding *binding)
{
	struct nexthop_entry nexthop;
	struct proto_frame frame;

	for (uint16_t i = 0; i < b->sent; i++) {
		const struct slots_binding *to = &binding[b->origin[i]];
		const struct template *t = templates_get(s->templates, to->template);
		uint32_t places = capture_of_binding(w, to->id, to->gen);
		uint8_t data[TEMPLATE_FRAME_MAX];

		if (likely(!places) || !t || !nexthop_load(w->nexthops, to->nexthop, &nexthop))
			continue;
		t = pulse_choose(w, to, t);
		sweep_write(w, s, t, &nexthop, data, to);
		capture_take(w, &frame, data, t->len);
		frame.out = 1;
		capture_give(w, places, &frame, PROTO_FRAME_KEEPALIVE);
	}
}

/* Of what left, those of which more is known than that. */
static void sweep_watch(struct worker *w, const struct sweep *s, const struct sweep_burst *b,
	const struct slots_binding *binding)
{
	for (uint16_t i = 0; i < b->sent; i++) {
		const struct slots_binding *to = &binding[b->origin[i]];
		const struct template *t = templates_get(s->templates, to->template);

		if (t && t->watch)
			pulse_sent(w, to, pulse_choose(w, to, t));
	}
}

/* Messages that are the same but for their destination. */
static inline bool sweep_is_plain(const struct template *t)
{
	return t->len <= (t->family == ADDR_IPV4 ? TEMPLATE_READY4 : TEMPLATE_READY6) &&
		t->form == PROBE_NONE && !t->watch;
}

/* Binding as a word: port, next hop, template, generation, flags. */
static inline uint64_t sweep_word(const struct slots_binding *binding)
{
	uint64_t word;

	static_assert(offsetof(struct slots_binding, port) == 8, "the second half");
	memcpy(&word, &binding->port, sizeof(word));
	return word;
}
#define SWEEP_WORD_KEY 0xff00ffffffff0000u /* next hop, template, flags */

/* Writes such messages for as many bindings as follow each other with one aim; returns how many. */
static __rte_always_inline uint32_t sweep_fill_run(const struct sweep *s,
	const struct slots_binding *binding, uint32_t n, const struct sweep_aim *aim,
	uint32_t first, bool ip6, struct sweep_burst *b)
{
	const struct template_ready ready = template_get_ready(aim->template, &aim->nexthop);
	const struct sweep_arms arms = sweep_arms_of(s, aim->template->len);
	struct rte_mbuf **mbuf = &b->mbuf[b->made];
	uint8_t *origin = &b->origin[b->made];
	uint64_t key = sweep_word(binding);
	uint32_t i;

	for (i = 0; i < n; i++) {
		uint64_t word = sweep_word(&binding[i]);

		if (unlikely((word ^ key) & SWEEP_WORD_KEY))
			break;
		sweep_arm(&arms, mbuf[i]);
		if (ip6)
			template_write_ready6(&ready, sweep_frame(mbuf[i]),
				s->ip6[binding[i].id].ip, (uint16_t)word);
		else
			template_write_ready4(
				&ready, sweep_frame(mbuf[i]), binding[i].ip, (uint16_t)word);
		origin[i] = (uint8_t)(first + i);
	}
	b->made = (uint16_t)(b->made + i);
	return i;
}

static uint32_t sweep_fill_plain(const struct sweep *s, const struct slots_binding *binding,
	uint32_t n, const struct sweep_aim *aim, uint32_t first, struct sweep_burst *b)
{
	if (binding->flags & SLOTS_IPV6)
		return sweep_fill_run(s, binding, n, aim, first, true, b);
	return sweep_fill_run(s, binding, n, aim, first, false, b);
}

/* Writes one message of any kind. False: it does not fit. */
static bool sweep_fill_one(struct worker *w, const struct sweep *s,
	const struct slots_binding *binding, uint16_t room, const struct sweep_aim *aim,
	uint32_t index, struct sweep_burst *b)
{
	const struct template *t = aim->template;
	struct rte_mbuf *mbuf = b->mbuf[b->made];
	struct sweep_arms arms;

	if (unlikely(t->watch)) {
		t = pulse_choose(w, binding, t);
		if (t->len > room)
			return false;
		b->watch = true;
	}
	arms = sweep_arms_of(s, t->len);
	sweep_arm(&arms, mbuf);
	sweep_write(w, s, t, &aim->nexthop, sweep_frame(mbuf), binding);
	b->origin[b->made++] = (uint8_t)index;
	return true;
}

/* Writes frames for the bindings of a span but those held back; returns how many bindings were
 * looked at. */
static uint32_t sweep_fill(struct worker *w, const struct sweep *s,
	const struct slots_binding *binding, uint32_t n, uint64_t held, uint16_t room,
	struct sweep_burst *b)
{
	struct sweep_aim aim = {.key = ~sweep_key(binding)};

	for (uint32_t i = 0; i < n; i++) {
		if (unlikely(held >> i & 1))
			continue;
		if (unlikely(sweep_key(&binding[i]) != aim.key) &&
			!sweep_take_aim(w, s, &binding[i], room, b, &aim))
			return i;
		if (unlikely(!aim.template)) {
			w->count->drop[aim.why] += !aim.reachable;
		} else if (likely(!held && sweep_is_plain(aim.template))) {
			i += sweep_fill_plain(s, &binding[i], n - i, &aim, i, b) - 1;
		} else if (!sweep_fill_one(w, s, &binding[i], room, &aim, i, b)) {
			return i;
		}
	}
	return n;
}

/* Sends to n bindings of a span; returns how many are done with. The rest, if any, comes again: the
 * ring is full, or there are no buffers. */
static uint32_t sweep_send(struct worker *w, struct sweep *s, const struct slots_binding *binding,
	uint32_t n, uint64_t held)
{
	bool small = __atomic_load_n(&s->templates->longest, __ATOMIC_RELAXED) <=
		KEEPALIVE_FRAME_SMALL;
	struct rte_mempool *pool = small ? s->small : s->large;
	struct sweep_burst b;
	uint32_t done;

	if (unlikely(rte_mempool_get_bulk(pool, (void **)b.mbuf, n))) {
		w->count->drop[FACTS_DROP_NO_MBUF]++;
		return 0;
	}
	b.made = b.sent = 0;
	b.watch = false;
	b.port = 0;
	/* The side table is read in no order: all of the span at once. */
	for (uint32_t i = 0; unlikely(s->ip6 != NULL) && i < n; i++)
		if (binding[i].flags & SLOTS_IPV6)
			rte_prefetch0(&s->ip6[binding[i].id]);
	done = sweep_fill(
		w, s, binding, n, held, small ? KEEPALIVE_FRAME_SMALL : KEEPALIVE_FRAME_LARGE, &b);
	if (!sweep_flush(w, &b))
		done = b.origin[b.sent];
	w->count->keepalives += b.sent;
	w->count->tx += b.sent;
	w->work += b.sent;
	if (unlikely(capture_on(w, PROTO_CAPTURE_BINDING)))
		sweep_capture(w, s, &b, binding);
	if (unlikely(b.watch))
		sweep_watch(w, s, &b, binding);
	if (unlikely(b.sent < n))
		rte_mempool_put_bulk(pool, (void **)(b.mbuf + b.sent), n - b.sent);
	return done;
}

/* Lateness of n messages against the schedule: a span counts by its first. */
static void sweep_late(
	struct worker *w, struct sweep *s, uint64_t now_tsc, uint64_t due, uint64_t n)
{
	uint64_t late = now_tsc - due;
	uint64_t us = timebase_us(w->timebase, late);

	w->count->keepalive_late[facts_place(us, FACTS_LATE)] += n;
	if (likely(late <= s->late))
		return;
	s->late = late;
	w->count->keepalive_late_max_us = us;
}

/* Sends to a span that is due; returns how many bindings are done with. */
static uint32_t sweep_span(struct worker *w, struct sweep *s, uint64_t now_tsc,
	const struct slots_binding *first, uint32_t n, uint64_t due)
{
	uint64_t sent = w->count->keepalives;
	struct defer_moves moves;
	uint32_t done;

	static_assert(SWEEP_BURST <= DEFER_MAX, "a span is judged as a whole");
	moves.held = moves.capped = 0;
	if (unlikely(s->defer.on))
		defer_judge(w, s, first, n, &moves);
	done = sweep_send(w, s, first, n, moves.held);
	sweep_late(w, s, now_tsc, due, w->count->keepalives - sent);
	if (unlikely(s->defer.on))
		defer_undo(s, first, done, n, &moves);
	schedule_sent(&s->schedule, done);
	if (unlikely(moves.held))
		defer_move(w, s, done, &moves);
	return done;
}

uint64_t keepalive_turn(struct worker *w, uint64_t now_tsc)
{
	struct sweep *s = sweep_of(w);
	uint64_t next = schedule_next(&s->schedule);
	uint32_t budget = SWEEP_TURN;

	for (int i = 0; i < SWEEP_STEPS && budget && next <= now_tsc; i++) {
		uint32_t n, most = budget < SWEEP_BURST ? budget : SWEEP_BURST;
		const struct slots_binding *first;
		uint64_t due;

		n = schedule_due(&s->schedule, now_tsc, most, &first, &due);
		if (n && sweep_span(w, s, now_tsc, first, n, due) < n)
			break;
		budget -= n;
		schedule_close(&s->schedule);
		next = schedule_next(&s->schedule);
	}
	__atomic_store_n(&s->cut, s->schedule.cut, __ATOMIC_RELAXED);
	return next;
}
