/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/keepalive/binding.h"

#include "dataplane/core/due.h"
#include "dataplane/keepalive/context.h"
#include "shared/clock.h"

#include <errno.h>
#include <string.h>

/* Ticks are compared signed: nothing may lie farther ahead. */
#define BINDING_EXPIRES_MAX_MS (200ull * 86400 * 1000)
#define BINDING_WALK_LEAST     16 /* blocks of the walk in a tick */
#define BINDING_NOTICE_MS      20

static uint32_t binding_expiry(uint64_t expires_ms, uint64_t now_ms)
{
	if (expires_ms - now_ms > BINDING_EXPIRES_MAX_MS)
		expires_ms = now_ms + BINDING_EXPIRES_MAX_MS;
	/* Never early: the tick in which it lies is over then. */
	return clock_tick(expires_ms + CLOCK_TICK_MS - 1);
}

static unsigned int binding_owner(const struct keepalive *ka, uint32_t id)
{
	return id % ka->conf.worker_count;
}

static struct mailbox *binding_mailbox(const struct keepalive *ka, uint32_t id)
{
	return &ka->conf.workers[binding_owner(ka, id)].mailbox;
}

/* Stands for an IPv6 address where only its phase matters: neighbours remain neighbours. */
static uint32_t binding_digest(const uint8_t ip[static 16])
{
	uint32_t word[4];

	memcpy(word, ip, sizeof(word));
	return rte_cpu_to_be_32(rte_be_to_cpu_32(word[3]) + rte_be_to_cpu_32(word[2]) +
		rte_be_to_cpu_32(word[1]) + rte_be_to_cpu_32(word[0]));
}

/* Tells the worker; the caller has seen to it that its mailbox has room. away: as sweep_mail_add.
 */
static void binding_tell(struct keepalive *ka, uint32_t id, uint64_t away)
{
	const struct binding *b = &ka->binding[id];
	struct slots_binding hot = {
		.id = id,
		.ip = addr_ip4(&b->dst),
		.port = rte_cpu_to_be_16(b->dst.port),
		.nexthop = b->nexthop,
		.template = b->template,
		.gen = (uint8_t)b->gen,
	};
	struct mail mail;

	if (b->dst.family == ADDR_IPV6) {
		hot.flags = SLOTS_IPV6;
		hot.ip = binding_digest(b->dst.ip);
		mail = sweep_mail_ip6(id, b->dst.ip);
		mailbox_send(binding_mailbox(ka, id), &mail);
	}
	mail = sweep_mail_add(&hot, away);
	mailbox_send(binding_mailbox(ka, id), &mail);
}

/* Its next hop as of now, and one that it had. */
static void binding_take_hop(struct keepalive *ka, struct binding *b)
{
	b->nexthop = route_get(&ka->conf.route, &b->dst);
	ka->routeless += b->nexthop == NEXTHOP_NONE;
}

static void binding_put_hop(struct keepalive *ka, uint16_t nexthop)
{
	route_put(&ka->conf.route, nexthop);
	ka->routeless -= nexthop == NEXTHOP_NONE;
}

static void binding_free(struct keepalive *ka, uint32_t id)
{
	struct binding *b = &ka->binding[id];
	struct mail mail = sweep_mail_remove(id);

	mailbox_send(binding_mailbox(ka, id), &mail);
	shared_leave(ka, id);
	binding_put_hop(ka, b->nexthop);
	*b = (struct binding){0};
	ka->expires[id] = 0;
	ka->used[binding_owner(ka, id)]--;
	ka->conf.facts->head->bindings_used--;
}

/* The side table is made with the first IPv6 binding, and told to all workers. */
static int binding_table6(struct keepalive *ka)
{
	struct mail mail;

	if (ka->ip6)
		return 0;
	ka->ip6 = mem_get(ka->conf.mem, ka->conf.bindings * sizeof(*ka->ip6),
		"the addresses of IPv6 bindings");
	if (!ka->ip6)
		return -ENOMEM;
	mail = sweep_mail_table6(ka->ip6);
	for (unsigned int i = 0; i < ka->conf.worker_count; i++)
		mailbox_send(&ka->conf.workers[i].mailbox, &mail);
	return 0;
}

static int binding_check(
	const struct keepalive *ka, uint32_t slot, const struct proto_binding *set, uint64_t now_ms)
{
	const struct binding *b;

	if (set->id >= ka->conf.bindings || set->dst.family != set->local.family)
		return -EINVAL;
	if (set->expires_ms <= now_ms)
		return -ETIME;
	b = &ka->binding[set->id];
	return (b->flags & BINDING_USED) && b->slot != slot ? -EPERM : 0;
}

/* A new source address, for a binding in use or a fresh one. */
static void binding_move(struct keepalive *ka, uint32_t id, const struct addr *dst)
{
	struct binding *b = &ka->binding[id];

	if (b->flags & BINDING_USED) {
		if (addr_equal(&b->dst, dst))
			return;
		shared_leave(ka, id);
		binding_put_hop(ka, b->nexthop);
	}
	shared_join(ka, id, dst);
	b->dst = *dst;
	binding_take_hop(ka, b);
}

static void binding_begin(struct keepalive *ka, uint32_t id, uint32_t slot)
{
	struct binding *b = &ka->binding[id];

	b->slot = (uint8_t)slot;
	b->flags |= BINDING_USED;
	ka->used[binding_owner(ka, id)]++;
	ka->conf.facts->head->bindings_used++;
}

/* How long the bindings of a client have had no messages, in cycles: in its first sync with this
 * process. */
static uint64_t binding_away(const struct keepalive *ka, uint32_t slot, uint64_t now_ms)
{
	const struct binding_sync *sync = &ka->sync[slot];

	if (!sync->owing)
		return 0;
	if (sync->since_ms <= BINDING_NOTICE_MS || sync->since_ms > now_ms)
		return UINT64_MAX;
	/* The client may have noticed it a moment later than it was. */
	return (now_ms - sync->since_ms + BINDING_NOTICE_MS) * ka->conf.tsc_hz / 1000;
}

int binding_set(
	struct keepalive *ka, uint32_t slot, const struct proto_binding *set, uint64_t now_ms)
{
	int err = binding_check(ka, slot, set, now_ms);
	struct binding *b;
	struct binding before;
	int template;

	if (err)
		return err;
	if (keepalive_room(ka) == 0)
		return -EAGAIN;
	if (set->dst.family == ADDR_IPV6)
		err = binding_table6(ka);
	if (err)
		return err;
	template = templates_index(&ka->templates, set->class_id, &set->local);
	if (template <0)
		return template;
	b = &ka->binding[set->id];
	before = *b;
	binding_move(ka, set->id, &set->dst);
	if (!(b->flags & BINDING_USED))
		binding_begin(ka, set->id, slot);
	if (!(before.flags & BINDING_USED) || before.gen != set->gen) {
		__atomic_store_n(&ka->conf.facts->binding_heard[set->id], 0, __ATOMIC_RELAXED);
		b->flags &= (uint8_t)~BINDING_LOST;
	}
	b->gen = set->gen;
	/* A client that came back may have missed it. */
	if ((b->flags & BINDING_LOST) && b->mark != ka->sync[slot].mark)
		lost_tell(ka, set->id, now_ms);
	b->template = (uint16_t) template;
	b->class_id = set->class_id;
	b->mark = ka->sync[slot].mark;
	ka->expires[set->id] = binding_expiry(set->expires_ms, now_ms);
	/* A refreshed registration changes nothing for the worker. */
	if (!(before.flags & BINDING_USED) || before.gen != b->gen ||
		before.template != b->template || before.nexthop != b->nexthop ||
		!addr_equal(&before.dst, &b->dst))
		binding_tell(ka, set->id, binding_away(ka, slot, now_ms));
	return 0;
}

int binding_del(struct keepalive *ka, uint32_t slot, const struct proto_handle *handle)
{
	const struct binding *b;

	if (handle->id >= ka->conf.bindings)
		return 0;
	b = &ka->binding[handle->id];
	if (!(b->flags & BINDING_USED) || b->slot != slot || b->gen != handle->gen)
		return 0;
	if (keepalive_room(ka) == 0)
		return -EAGAIN;
	binding_free(ka, handle->id);
	return 0;
}

const struct addr *binding_device(
	const struct keepalive *ka, uint32_t slot, uint32_t id, uint32_t gen)
{
	const struct binding *b = id < ka->conf.bindings ? &ka->binding[id] : NULL;

	return b && b->flags & BINDING_USED && b->slot == slot && b->gen == gen ? &b->dst : NULL;
}

void binding_sync_begin(struct keepalive *ka, uint32_t slot, uint64_t since_ms)
{
	struct binding_sync *sync = &ka->sync[slot];

	/* A sweep that still runs has its answer in the new one's. */
	sync->left = 0;
	sync->owing = !sync->done;
	sync->since_ms = since_ms;
	sync->mark++;
}

void binding_sync_end(struct keepalive *ka, uint32_t slot)
{
	ka->sync[slot].owing = false;
	ka->sync[slot].done = true;
	ka->sync[slot].left = ka->conf.bindings;
}

static void binding_route(struct keepalive *ka, uint32_t id)
{
	struct binding *b = &ka->binding[id];
	uint16_t old = b->nexthop;

	binding_take_hop(ka, b);
	binding_put_hop(ka, old);
	if (b->nexthop != old)
		binding_tell(ka, id, 0);
}

static void binding_expire(struct keepalive *ka, uint32_t id, uint64_t now_ms)
{
	const struct binding *b = &ka->binding[id];
	struct proto_binding_event event = {
		.id = id,
		.gen = b->gen,
		.kind = PROTO_BINDING_EXPIRED,
		.at_ms = now_ms,
	};
	uint32_t slot = b->slot;

	binding_free(ka, id);
	event_binding(&ka->conf.events, slot, &event);
}

/* What is due at one binding in use. */
static void binding_visit(struct keepalive *ka, uint32_t id, uint64_t now_ms)
{
	const struct binding *b = &ka->binding[id];

	if (!clock_tick_before(clock_tick(now_ms), ka->expires[id]))
		binding_expire(ka, id, now_ms);
	else if (ka->sync[b->slot].left && b->mark != ka->sync[b->slot].mark)
		binding_free(ka, id);
	else if (ka->reroute_left)
		binding_route(ka, id);
	if (ka->shared && (b->flags & BINDING_SOURCE) && b->next != id)
		shared_stamp(ka, id);
	if (ka->relook_left)
		lost_look(ka, id, now_ms);
	if (ka->age_left)
		clock_tick_age(&ka->conf.facts->binding_heard[id], clock_tick(now_ms));
}

/* The walk has more to do than to see what has expired. */
static bool binding_is_sweeping(const struct keepalive *ka)
{
	if (ka->reroute_left || ka->relook_left || ka->age_left)
		return true;
	for (unsigned int i = 0; i < PROTO_SLOTS; i++)
		if (ka->sync[i].left)
			return true;
	return false;
}

bool binding_is_busy(const struct keepalive *ka)
{
	return ka->behind || binding_is_sweeping(ka);
}

static void binding_walked(struct keepalive *ka, uint32_t n)
{
	ka->reroute_left -= RTE_MIN(n, ka->reroute_left);
	ka->relook_left -= RTE_MIN(n, ka->relook_left);
	ka->age_left -= RTE_MIN(n, ka->age_left);
	for (unsigned int i = 0; i < PROTO_SLOTS; i++) {
		struct binding_sync *sync = &ka->sync[i];

		sync->left -= RTE_MIN(n, sync->left);
	}
}

/* All of a block, or those that have expired; returns how many it were. */
static uint32_t binding_visit_block(struct keepalive *ka, uint32_t first, bool all, uint64_t now_ms)
{
	uint32_t now = clock_tick(now_ms), visits = 0;

	if (!all && !due_any(&ka->expires[first], now))
		return 0;
	for (uint32_t id = first; id < first + DUE_BLOCK; id++)
		if (ka->expires[id] && (all || due_is(ka->expires[id], now))) {
			binding_visit(ka, id, now_ms);
			visits++;
		}
	return visits;
}

/* Blocks whose turn has come since the last tick. */
static uint32_t binding_portion(struct keepalive *ka, uint64_t now_ms)
{
	uint32_t blocks = due_blocks(ka->conf.bindings);
	uint64_t passed = RTE_MIN(now_ms - ka->walked_ms, (uint64_t)BINDING_WALK_MS);
	uint64_t most = blocks * passed / BINDING_WALK_MS + BINDING_WALK_LEAST;

	ka->walked_ms = now_ms;
	return (uint32_t)RTE_MIN(most, (uint64_t)blocks);
}

void binding_walk(struct keepalive *ka, uint64_t now_ms)
{
	uint32_t blocks = due_blocks(ka->conf.bindings);
	uint32_t most = binding_portion(ka, now_ms);
	unsigned int room = keepalive_room(ka);
	uint32_t now = clock_tick(now_ms), n;
	bool all;

	if (now - ka->aged > CLOCK_TICK_LOOK) {
		ka->aged = now;
		ka->age_left = ka->conf.bindings;
	}
	all = binding_is_sweeping(ka) || ka->shared;
	for (n = 0; n < most && room >= DUE_BLOCK; n++) {
		uint32_t first = due_next(&ka->cursor, blocks) * DUE_BLOCK;

		room -= binding_visit_block(ka, first, all, now_ms);
	}
	ka->behind = n < most;
	binding_walked(ka, n * DUE_BLOCK);
}
