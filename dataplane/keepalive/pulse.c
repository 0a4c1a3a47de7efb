/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/keepalive/pulse.h"

#include "dataplane/keepalive/context.h"

#include <rte_ring_elem.h>

static void pulse_note(struct worker *w, uint32_t id)
{
	struct keepalive *ka = w->keepalive;
	struct pulse_note note = {.id = id};

	/* Without room main looks at all of them. */
	if (unlikely(rte_ring_sp_enqueue_elem(ka->notes[w->index], &note, sizeof(note))))
		__atomic_store_n(&ka->notes_full, true, __ATOMIC_RELEASE);
}

void pulse_begin(struct worker *w, const struct slots_binding *binding)
{
	struct pulse *p = &w->keepalive->pulse[binding->id];
	uint8_t family = binding->flags & SLOTS_IPV6 ? ADDR_IPV6 : ADDR_IPV4;
	uint64_t key = pulse_key(
		family == ADDR_IPV4 ? binding->ip : 0, binding->port, binding->gen, family);

	if (p->key == key)
		return;
	__atomic_store_n(&p->lost, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&p->gen, binding->gen, __ATOMIC_RELEASE);
	p->tick = 0;
	p->missed = 0;
	p->silent = 0;
	__atomic_store_n(&p->key, key, __ATOMIC_RELEASE);
}

void pulse_end(struct worker *w, uint32_t id)
{
	struct pulse *p = &w->keepalive->pulse[id];

	__atomic_store_n(&p->lost, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&p->key, 0, __ATOMIC_RELEASE);
}

void pulse_heard(struct worker *w, uint32_t id)
{
	uint32_t *heard = &w->keepalive->conf.facts->binding_heard[id];
	struct pulse *p = &w->keepalive->pulse[id];

	/* Stored only when it changes: readers keep the line. */
	if (__atomic_load_n(heard, __ATOMIC_RELAXED) != w->now_tick)
		__atomic_store_n(heard, w->now_tick, __ATOMIC_RELAXED);
	if (unlikely(__atomic_load_n(&p->lost, __ATOMIC_RELAXED)) &&
		__atomic_exchange_n(&p->lost, 0, __ATOMIC_RELAXED))
		pulse_note(w, id);
}

static uint32_t pulse_tick_of(const struct worker *w, uint32_t id)
{
	return __atomic_load_n(&w->keepalive->conf.facts->binding_heard[id], __ATOMIC_RELAXED);
}

const struct template *pulse_choose(
	struct worker *w, const struct slots_binding *binding, const struct template *t)
{
	const struct template *other;

	if (!t->escalate || w->keepalive->pulse[binding->id].silent < t->escalate)
		return t;
	other = templates_get(
		&w->keepalive->templates, (uint16_t)(binding->template + t->escalate_step));
	return other ? other : t;
}

/* A probe left: was the one before it answered? */
static void pulse_judge(struct worker *w, uint32_t id, uint8_t missed_max)
{
	struct pulse *p = &w->keepalive->pulse[id];
	uint32_t heard = pulse_tick_of(w, id);

	if (p->tick == 0 || (heard && !clock_tick_before(heard, p->tick))) {
		p->missed = 0;
		/* A binding that shares its address was heard by way of the other. */
		if (heard && unlikely(__atomic_load_n(&p->lost, __ATOMIC_RELAXED)) &&
			__atomic_exchange_n(&p->lost, 0, __ATOMIC_RELAXED))
			pulse_note(w, id);
	} else if (p->missed < UINT8_MAX) {
		p->missed++;
	}
	p->tick = w->now_tick;
	if (likely(!missed_max || p->missed < missed_max) ||
		__atomic_load_n(&p->lost, __ATOMIC_RELAXED))
		return;
	__atomic_store_n(&p->lost, 1, __ATOMIC_RELAXED);
	pulse_note(w, id);
}

void pulse_sent(struct worker *w, const struct slots_binding *binding, const struct template *t)
{
	struct pulse *p = &w->keepalive->pulse[binding->id];

	if (t->form != PROBE_NONE)
		pulse_judge(w, binding->id, t->missed_max);
	else if (t->escalate && p->silent < UINT8_MAX)
		p->silent = pulse_tick_of(w, binding->id) ? 0 : (uint8_t)(p->silent + 1);
}
