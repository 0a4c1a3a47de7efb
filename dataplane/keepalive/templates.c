/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/keepalive/templates.h"

#include <errno.h>
#include <stdlib.h>

static const uint8_t templates_zero[4];

static void templates_build(
	struct template *t, const struct proto_conf *conf, const struct addr *local)
{
	struct probe_payload probe;
	uint8_t dscp = (uint8_t)conf->dscp;

	if (conf->payload_kind == PROTO_PAYLOAD_TEXT) {
		template_build(t, local, conf->payload, conf->payload_len, dscp);
	} else if (conf->payload_kind == PROTO_PAYLOAD_ZERO) {
		template_build(t, local, templates_zero, sizeof(templates_zero), dscp);
	} else {
		if (conf->payload_kind == PROTO_PAYLOAD_STUN)
			probe_stun(&probe);
		else
			probe_options(&probe, local);
		template_build_probe(t, local, &probe, dscp);
	}
	t->missed_max = conf->missed_max;
	if (t->form == PROBE_NONE && conf->escalate) {
		t->escalate = conf->escalate;
		t->escalate_step = (int8_t)(conf->escalate_class - conf->class_id);
	}
	t->watch = t->form != PROBE_NONE || t->escalate;
}

static bool templates_sends(const struct proto_conf *conf)
{
	return conf->payload_kind == PROTO_PAYLOAD_TEXT ? conf->payload_len != 0
							: conf->payload_kind != PROTO_PAYLOAD_OFF;
}

/* *out is NULL for a class that sends nothing. */
static int templates_make(
	const struct proto_conf *conf, const struct addr *local, struct template **out)
{
	*out = NULL;
	if (!templates_sends(conf))
		return 0;
	*out = aligned_alloc(_Alignof(struct template), sizeof(struct template));
	if (!*out)
		return -ENOMEM;
	templates_build(*out, conf, local);
	return 0;
}

static void templates_put(struct templates *t, unsigned int index, struct template *template)
{
	struct template *old = t->entry[index];

	__atomic_store_n(&t->entry[index], template, __ATOMIC_RELEASE);
	if (!old)
		return;
	old->token = rte_rcu_qsbr_start(t->qsbr);
	old->next = t->retired;
	t->retired = old;
}

static void templates_measure(struct templates *t)
{
	uint16_t longest = 0;

	for (unsigned int i = 0; i < t->locals * PROTO_CLASSES; i++)
		if (t->entry[i] && t->entry[i]->len > longest)
			longest = t->entry[i]->len;
	__atomic_store_n(&t->longest, longest, __ATOMIC_RELAXED);
}

static int templates_add(struct templates *t, const struct addr *local)
{
	unsigned int first = t->locals * PROTO_CLASSES;

	if (t->locals == TEMPLATES_LOCALS)
		return -ENOSPC;
	for (unsigned int i = 0; i < PROTO_CLASSES; i++) {
		if (templates_make(&t->class[i], local, &t -> entry[first + i]) == 0)
			continue;
		while (i) {
			free(t->entry[first + --i]);
			t->entry[first + i] = NULL;
		}
		return -ENOMEM;
	}
	t->local[t->locals++] = *local;
	templates_measure(t);
	return 0;
}

int templates_index(struct templates *t, uint8_t class_id, const struct addr *local)
{
	unsigned int i;
	int err;

	for (i = 0; i < t->locals && !addr_equal(&t->local[i], local); i++)
		;
	if (i == t->locals) {
		err = templates_add(t, local);
		if (err)
			return err;
	}
	return (int)(i * PROTO_CLASSES + class_id);
}

int templates_set(struct templates *t, const struct proto_conf *conf)
{
	struct template *made[TEMPLATES_LOCALS];

	for (unsigned int i = 0; i < t->locals; i++) {
		if (templates_make(conf, &t->local[i], &made[i]) == 0)
			continue;
		while (i)
			free(made[--i]);
		return -ENOMEM;
	}
	t->class[conf->class_id] = *conf;
	for (unsigned int i = 0; i < t->locals; i++)
		templates_put(t, i * PROTO_CLASSES + conf->class_id, made[i]);
	templates_measure(t);
	return 0;
}

void templates_tick(struct templates *t)
{
	struct template **link = &t->retired;

	while (*link) {
		struct template *old = *link;

		if (rte_rcu_qsbr_check(t->qsbr, old->token, false) == 1) {
			*link = old->next;
			free(old);
		} else {
			link = &old->next;
		}
	}
}

void templates_close(struct templates *t)
{
	while (t->retired) {
		struct template *old = t->retired;

		t->retired = old->next;
		free(old);
	}
	for (unsigned int i = 0; i < t->locals * PROTO_CLASSES; i++)
		free(t->entry[i]);
}
