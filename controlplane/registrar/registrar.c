/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/media/dpclient.h"
#include "controlplane/registrar/registrar_impl.h"
#include "controlplane/registrar/uri.h"
#include "controlplane/store/keys.h"
#include "shared/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static uint32_t registrar_or(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

static int registrar_limits(struct registrar *r, const struct registrar_conf *conf)
{
	r->expires_min = registrar_or(conf->expires_min, 60);
	r->expires_max = registrar_or(conf->expires_max, 3600);
	r->expires_default = registrar_or(conf->expires_default, 3600);
	r->bindings_per_aor = registrar_or(conf->bindings_per_aor, 10);
	r->bindings_per_ip = registrar_or(conf->bindings_per_ip, 1000);
	r->bindings_max = registrar_or(conf->bindings_max, 65536);
	r->retry_after = registrar_or(conf->retry_after, 60);
	r->rate = conf->register_rate;
	r->tokens = r->rate;
	r->tokens_ms = conf->now_ms;
	if (r->expires_min > REGISTRAR_EXPIRES_FLOOR || r->expires_max < r->expires_min ||
		r->bindings_per_aor > REGISTRAR_PER_AOR_MAX)
		return -EINVAL;
	return 0;
}

static int registrar_names(struct registrar *r, const struct registrar_conf *conf)
{
	char name[REGISTRAR_AOR_STRLEN];

	if (conf->domain_count == 0 || ids_node_check(conf->node) < 0)
		return -EINVAL;
	snprintf(r->node, sizeof(r->node), "%s", conf->node);
	r->domains = calloc(conf->domain_count, sizeof(*r->domains));
	if (!r->domains)
		return -ENOMEM;
	for (size_t i = 0; i < conf->domain_count; i++) {
		r->domains[i] = strdup(conf->domains[i]);
		if (!r->domains[i])
			return -ENOMEM;
		r->domain_count++;
	}
	if (strlen(r->domains[0]) > 128)
		return -EINVAL;
	snprintf(name, sizeof(name), "sip:x@%s", r->domains[0]);
	return keys_check_name(name, KEYS_AOR_MAX);
}

int registrar_open(struct registrar **out, const struct registrar_conf *conf)
{
	struct registrar *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->wheel = conf->wheel;
	wheel_timer_init(&r->proof_timer, NULL);
	record_init(&r->rec);
	err = registrar_limits(r, conf);
	if (err == 0)
		err = registrar_names(r, conf);
	if (err == 0)
		err = siphash_key_random(&r->key);
	if (err < 0)
		goto fail;
	r->incarnation = conf->incarnation;
	r->open = conf->open;
	r->classes = conf->classes;
	r->class_count = conf->class_count;
	r->dp = conf->dp;
	r->store = conf->store;
	r->at = calloc(r->bindings_max, sizeof(*r->at));
	r->gens = calloc(r->bindings_max, sizeof(*r->gens));
	r->spare = calloc(r->bindings_max, sizeof(*r->spare));
	if (!r->at || !r->gens || !r->spare) {
		err = -ENOMEM;
		goto fail;
	}
	/* Above all that a former process left in the data plane. */
	for (uint32_t i = 0; i < r->bindings_max; i++)
		r->gens[i] = conf->incarnation << 16;
	persist_start(r, conf->now_ms);
	*out = r;
	return 0;
fail:
	registrar_close(r);
	return err;
}

void registrar_close(struct registrar *r)
{
	struct aor *aor, *next;

	if (!r)
		return;
	wheel_cancel(r->wheel, &r->proof_timer);
	for (uint32_t i = 0; i < r->top; i++) {
		struct binding *b = r->at[i];

		if (!b)
			continue;
		table_remove(r, b);
		binding_free(b);
	}
	HASH_ITER(hh, r->aors, aor, next)
		table_aor_drop(r, aor);
	for (size_t i = 0; i < r->domain_count; i++)
		free(r->domains[i]);
	record_free(&r->rec);
	free(r->domains);
	free(r->at);
	free(r->gens);
	free(r->spare);
	free(r);
}

bool registrar_serves(const struct registrar *r, const osip_uri_t *uri)
{
	for (size_t i = 0; uri && uri->host && i < r->domain_count; i++)
		if (strcasecmp(uri->host, r->domains[i]) == 0)
			return true;
	return false;
}

int registrar_aor_name(
	const struct registrar *r, const osip_uri_t *uri, char name[static REGISTRAR_AOR_STRLEN])
{
	if (!uri || !uri->scheme || strcasecmp(uri->scheme, "sip") != 0 ||
		!registrar_serves(r, uri))
		return -ENOENT;
	return uri_aor(uri, r->domains[0], name, REGISTRAR_AOR_STRLEN);
}

void registrar_new_bid(struct registrar *r, char bid[static BINDING_BID_STRLEN])
{
	snprintf(bid, BINDING_BID_STRLEN, "%s-%x-%07" PRIx64, r->node, r->incarnation,
		r->next_bid++);
}

void registrar_drop(struct registrar *r, struct binding *b)
{
	persist_ping_del(r, b);
	persist_store_del(r, b);
	table_remove(r, b);
	binding_free(b);
}

static void registrar_on_expiry(struct wheel_timer *timer)
{
	struct binding *b = WHEEL_OWNER(timer, struct binding, timer);
	struct registrar *r = b->registrar;
	struct aor *aor = b->aor;

	r->expired++;
	registrar_drop(r, b);
	table_aor_drop(r, aor);
}

void registrar_arm(struct registrar *r, struct binding *b)
{
	wheel_timer_init(&b->timer, registrar_on_expiry);
	wheel_arm(r->wheel, &b->timer, b->expires_ms);
}

struct aor *registrar_prune(struct registrar *r, struct aor *aor, uint64_t now_ms)
{
	struct binding *next;

	if (!aor)
		return NULL;
	for (struct binding *b = aor->first; b; b = next) {
		next = b->next;
		if (b->expires_ms > now_ms)
			continue;
		r->expired++;
		registrar_drop(r, b);
	}
	if (aor->first)
		return aor;
	table_aor_drop(r, aor);
	return NULL;
}

static bool registrar_better(const struct binding *a, const struct binding *b)
{
	if (a->q != b->q)
		return a->q > b->q;
	return a->registered_ms > b->registered_ms;
}

int registrar_lookup(struct registrar *r, const osip_uri_t *uri, uint64_t now_ms,
	const struct binding **out, unsigned max)
{
	char name[REGISTRAR_AOR_STRLEN];
	const struct aor *aor;
	unsigned n = 0;
	int err = registrar_aor_name(r, uri, name);

	if (err == -ENOENT)
		return -ENOENT;
	aor = err < 0 ? NULL : table_aor_find(r, name);
	for (const struct binding *b = aor ? aor->first : NULL; b; b = b->next) {
		unsigned i;

		if (b->expires_ms <= now_ms || b->unreachable)
			continue;
		for (i = n; i > 0 && registrar_better(b, out[i - 1]); i--)
			if (i < max)
				out[i] = out[i - 1];
		if (i < max)
			out[i] = b;
		if (n < max)
			n++;
	}
	return (int)n;
}

bool registrar_is_from(
	struct registrar *r, const osip_uri_t *uri, const struct addr *source, uint64_t now_ms)
{
	char name[REGISTRAR_AOR_STRLEN];
	const struct aor *aor;

	if (registrar_aor_name(r, uri, name) < 0)
		return false;
	aor = table_aor_find(r, name);
	for (const struct binding *b = aor ? aor->first : NULL; b; b = b->next)
		if (b->expires_ms > now_ms && addr_equal(&b->source, source))
			return true;
	return false;
}

void registrar_binding_event(
	struct registrar *r, uint32_t index, const struct proto_binding_event *ev)
{
	struct binding *b = index < r->top ? r->at[index] : NULL;
	char text[ADDR_STRLEN];
	uint64_t dropped;

	if (!b || b->gen != ev->gen)
		return;
	if (ev->kind != PROTO_BINDING_LOST && ev->kind != PROTO_BINDING_FOUND)
		return;
	b->unreachable = ev->kind == PROTO_BINDING_LOST;
	if (!log_rate_pass(&r->event_rate, r->wheel->now_ms, REGISTRAR_LOG_MS, &dropped))
		return;
	log_info("binding %s %s at %s: %s (%" PRIu64 " such events not logged)", b->bid,
		binding_aor(b), addr_format(&b->source, text),
		b->unreachable ? "keep-alives go unanswered" : "answers again", dropped);
}

void registrar_resync(struct registrar *r)
{
	for (uint32_t i = 0; i < r->top; i++)
		if (r->at[i])
			r->at[i]->unreachable = false;
}

const struct binding *registrar_next(const struct registrar *r, uint32_t *cursor)
{
	while (*cursor < r->top) {
		const struct binding *b = r->at[(*cursor)++];

		if (b)
			return b;
	}
	return NULL;
}

uint64_t registrar_heard(const struct registrar *r, const struct binding *b, uint64_t now_ms)
{
	uint64_t heard = r->dp ? dpclient_binding_heard(r->dp, b->index, now_ms) : 0;

	return heard > b->registered_ms ? heard : b->registered_ms;
}

void registrar_status(const struct registrar *r, struct registrar_status *out)
{
	*out = (struct registrar_status){
		.aors = r->aor_count,
		.bindings = r->binding_count,
		.statics = r->static_count,
		.accepted = r->accepted,
		.refused = r->refused,
		.expired = r->expired,
	};
}
