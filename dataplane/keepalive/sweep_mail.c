/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/keepalive/context.h"

#include <string.h>

/* A process that has just started learns its next hops meanwhile. */
#define SWEEP_READY_US 100000

static void run_add(struct worker *w, const struct mail *mail)
{
	uint64_t away = (uintptr_t)mail->ptr, now = w->now_tsc;
	struct sweep *s = sweep_of(w);
	struct slots_binding binding;

	memcpy(&binding, mail->arg, sizeof(binding));
	pulse_begin(w, &binding);
	if (away)
		schedule_owe(&s->schedule, &binding, away > now ? 0 : now - away,
			now + SWEEP_READY_US * s->defer.us_tsc);
	else
		schedule_add(&s->schedule, &binding);
}

static void run_remove(struct worker *w, const struct mail *mail)
{
	pulse_end(w, (uint32_t)mail->arg[0]);
	schedule_remove(&sweep_of(w)->schedule, (uint32_t)mail->arg[0]);
}

static void run_missed(struct worker *w, const struct mail *mail)
{
	struct sweep *s = sweep_of(w);
	int32_t ticks = (int32_t)(w->now_tick - (uint32_t)mail->arg[0]);
	/* Main's clock may be ahead. */
	uint64_t away = ticks > 0 ? (uint32_t)ticks * s->defer.tick_tsc : 0;

	schedule_missed(&s->schedule, w->now_tsc - away);
}

static void run_conf(struct worker *w, const struct mail *mail)
{
	struct schedule_conf conf = {.smooth = mail->ptr != NULL};

	memcpy(&conf, mail->arg, sizeof(mail->arg));
	schedule_set(&sweep_of(w)->schedule, &conf, w->now_tsc);
}

static void run_defer(struct worker *w, const struct mail *mail)
{
	struct defer *d = &sweep_of(w)->defer;

	d->cap = (struct cap){
		.place = mail->ptr,
		.shift = mail->arg[0] >> 32 & 31,
		.gap = (uint32_t)mail->arg[0],
		.credit = (uint32_t)(mail->arg[1] >> 32),
		.far = (uint32_t)mail->arg[1],
	};
	d->skip = mail->arg[0] >> 63;
	d->on = d->skip || d->cap.place;
}

static void run_table6(struct worker *w, const struct mail *mail)
{
	sweep_of(w)->ip6 = mail->ptr;
}

static void run_ip6(struct worker *w, const struct mail *mail)
{
	memcpy(sweep_of(w)->ip6[(uintptr_t)mail->ptr].ip, mail->arg, 16);
}

struct mail sweep_mail_add(const struct slots_binding *binding, uint64_t away)
{
	struct mail mail = {.run = run_add, .ptr = (void *)(uintptr_t)away};

	static_assert(sizeof(*binding) == sizeof(mail.arg), "travels in a mail");
	memcpy(mail.arg, binding, sizeof(mail.arg));
	return mail;
}

struct mail sweep_mail_remove(uint32_t id)
{
	return (struct mail){.run = run_remove, .arg = {id}};
}

struct mail sweep_mail_missed(uint32_t tick)
{
	return (struct mail){.run = run_missed, .arg = {tick}};
}

struct mail sweep_mail_conf(const struct schedule_conf *conf)
{
	struct mail mail = {.run = run_conf};

	static_assert(offsetof(struct schedule_conf, smooth) == sizeof(mail.arg),
		"all but the flag travel in the arguments");
	mail.ptr = (void *)(uintptr_t)conf->smooth;
	memcpy(mail.arg, conf, sizeof(mail.arg));
	return mail;
}

struct mail sweep_mail_defer(const struct cap *cap, bool skip)
{
	return (struct mail){
		.run = run_defer,
		.ptr = cap->place,
		.arg = {(uint64_t)skip << 63 | (uint64_t)cap->shift << 32 | cap->gap,
			(uint64_t)cap->credit << 32 | cap->far},
	};
}

struct mail sweep_mail_table6(struct sweep_ip6 *table)
{
	return (struct mail){.run = run_table6, .ptr = table};
}

struct mail sweep_mail_ip6(uint32_t id, const uint8_t ip[static 16])
{
	struct mail mail = {.run = run_ip6, .ptr = (void *)(uintptr_t)id};

	memcpy(mail.arg, ip, 16);
	return mail;
}
