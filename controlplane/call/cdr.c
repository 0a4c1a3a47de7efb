/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/cdr.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool was_up(const struct cdr *cdr)
{
	return cdr->answered_ms && cdr->ended_ms > cdr->answered_ms;
}

uint64_t cdr_connected_ms(const struct cdr *cdr)
{
	return was_up(cdr) ? cdr->ended_ms - cdr->answered_ms : 0;
}

static uint64_t proof_ms(const struct cdr_leg *leg)
{
	return larger(leg->sip_ms, leg->rtp_ms);
}

uint64_t cdr_proven_ms(const struct cdr *cdr)
{
	uint64_t until = smaller(proof_ms(&cdr->leg[0]), proof_ms(&cdr->leg[1]));

	if (!was_up(cdr) || until <= cdr->answered_ms)
		return 0;
	return smaller(until, cdr->ended_ms) - cdr->answered_ms;
}

static void add(struct cdr_text *out, const char *name, const char *value)
{
	out->field[out->count++] = (struct cdr_field){.name = name, .value = value ? value : ""};
}

static void add_number(struct cdr_text *out, const char *name, uint64_t value)
{
	char *text = out->store[out->count];

	snprintf(text, sizeof(out->store[0]), "%" PRIu64, value);
	add(out, name, text);
}

/* Seconds with three decimals: what a biller adds up. */
static void add_seconds(struct cdr_text *out, const char *name, uint64_t ms)
{
	char *text = out->store[out->count];

	snprintf(text, sizeof(out->store[0]), "%" PRIu64 ".%03" PRIu64, ms / 1000, ms % 1000);
	add(out, name, text);
}

static void add_leg(struct cdr_text *out, const struct cdr_leg *leg, const char *const names[8])
{
	add(out, names[0], leg->call_id);
	add(out, names[1], leg->peer);
	add_number(out, names[2], leg->sip_ms);
	add_number(out, names[3], leg->rtp_ms);
	add_number(out, names[4], leg->packets);
	add_number(out, names[5], leg->lost);
	add_number(out, names[6], leg->jitter_ms);
	add_number(out, names[7], leg->timer);
}

void cdr_write(const struct cdr *cdr, struct cdr_text *out)
{
	static const char *const names[2][8] = {
		{"a_cid", "a_peer", "a_sip", "a_rtp", "a_packets", "a_lost", "a_jitter_ms",
			"a_timer"},
		{"b_cid", "b_peer", "b_sip", "b_rtp", "b_packets", "b_lost", "b_jitter_ms",
			"b_timer"},
	};

	out->count = 0;
	add(out, "id", cdr->id);
	add(out, "node", cdr->node);
	add(out, "from", cdr->from);
	add(out, "to", cdr->to);
	add(out, "trunk", cdr->trunk);
	add_number(out, "t0", cdr->setup_ms);
	add_number(out, "t1", cdr->answered_ms);
	add_number(out, "t2", cdr->ended_ms);
	add(out, "cause", cause_format(cdr->cause, cdr->code, out->cause));
	add(out, "text", cause_text(cdr->cause));
	add(out, "by", cause_by(cdr->cause));
	add_seconds(out, "connected", cdr_connected_ms(cdr));
	add_seconds(out, "proven", cdr_proven_ms(cdr));
	add_number(out, "media", cdr->media);
	add_number(out, "media_live", cdr->media && cdr->media_live);
	for (unsigned int i = 0; i < 2; i++)
		add_leg(out, &cdr->leg[i], names[i]);
}

bool cdr_is_number(const char *name)
{
	static const char *const texts[] = {"id", "node", "from", "to", "trunk", "cause", "text",
		"by", "a_cid", "a_peer", "b_cid", "b_peer"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strcmp(name, texts[i]) == 0)
			return false;
	}
	return true;
}
