/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/callrecord.h"

#include "controlplane/call/anchor.h"
#include "controlplane/call/calls.h"
#include "controlplane/sip/msg.h"
#include "shared/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* CSeq numbers reserved at a time (cluster.md 3.4). */
#define CSEQ_BLOCK 16

static const char *const role_names[] = {"off", "us", "peer"};
static const char *const media_names[] = {"relay", "monitor", "none"};

/* "a.name" */
static const char *leg_field(const struct leg *leg, const char *name, char buf[static 32])
{
	snprintf(buf, 32, "%c.%s", leg->name, name);
	return buf;
}

static void put(struct record *rec, const struct leg *leg, const char *name, const char *value)
{
	char field[32];

	record_put(rec, leg_field(leg, name, field), value);
}

static void put_num(struct record *rec, const struct leg *leg, const char *name, int64_t value)
{
	char field[32];

	record_put_num(rec, leg_field(leg, name, field), value);
}

static void put_time(struct record *rec, const struct leg *leg, const char *name, uint64_t ms)
{
	char field[32];

	record_put_time(rec, leg_field(leg, name, field), ms);
}

static uint64_t leg_expiry(const struct leg *leg)
{
	struct stimer_params par = leg_stimer_params(leg);
	uint64_t expiry = stimer_expiry(&leg->stimer, &par);

	return expiry == STIMER_NEVER ? 0 : expiry;
}

/* The session expires when the first of its legs does. */
static uint64_t call_expiry(const struct call *call)
{
	uint64_t a = leg_expiry(&call->leg[0]), b = leg_expiry(&call->leg[1]);

	if (a == 0 || b == 0)
		return a | b;
	return a < b ? a : b;
}

/* When the owner will next do something for the call: the order of {P}:due. */
static uint64_t call_next(const struct call *call)
{
	uint64_t next = UINT64_MAX;

	for (unsigned int i = 0; i < 2; i++) {
		const struct wheel_timer *wake = &call->leg[i].wake;

		if (wheel_armed(wake) && wake->deadline_ms < next)
			next = wake->deadline_ms;
	}
	if (wheel_armed(&call->judge) && call->judge.deadline_ms < next)
		next = call->judge.deadline_ms;
	return next == UINT64_MAX ? calls_now(call->calls) : next;
}

static void write_core(const struct call *call, struct record *rec)
{
	char cause[CAUSE_STRLEN];

	record_put(rec, "st", call_state_name(call->state));
	record_put(rec, "from", call->from);
	record_put(rec, "to", call->to);
	record_put(rec, "media", media_names[call->media]);
	record_put_num(rec, "t0", (int64_t)call->setup_wall);
	if (call->answer_wall)
		record_put_num(rec, "t1", (int64_t)call->answer_wall);
	if (call->answered_ms)
		record_put_time(rec, "up", call->answered_ms);
	if (call->state == CALL_ENDING) {
		record_put(rec, "why", cause_format(call->cause, call->code, cause));
		record_put(rec, "by", cause_by(call->cause));
		record_put_num(rec, "t2", (int64_t)call->end_wall);
	}
	record_put_time(rec, "exp_ms", call_expiry(call));
	record_put_time(rec, "next_ms", call_next(call));
}

static void write_leg(struct leg *leg, struct record *rec)
{
	const struct sip_dialog *dialog = &leg->dialog;
	char flow[SIP_FLOW_STRLEN], tag[IDS_TAG_STRLEN];

	leg->cseq_high = dialog->local_cseq + CSEQ_BLOCK;
	put(rec, leg, "st", leg_state_name(leg->state));
	put(rec, leg, "cid", dialog->call_id);
	put(rec, leg, "ltag", leg_tag(leg, tag));
	put(rec, leg, "rtag", dialog->remote_tag);
	put(rec, leg, "luri", dialog->local_uri);
	put(rec, leg, "ruri", dialog->remote_uri);
	put(rec, leg, "name", dialog->local_display);
	put(rec, leg, "tgt", dialog->remote_target);
	put(rec, leg, "route", dialog->route);
	put(rec, leg, "src", sip_flow_format(&dialog->flow, flow));
	put(rec, leg, "trunk", leg->trunk ? leg->trunk->name : NULL);
	put_num(rec, leg, "lcs", dialog->local_cseq);
	put_num(rec, leg, "lcs_hi", leg->cseq_high);
	if (dialog->remote_cseq_known)
		put_num(rec, leg, "rcs", dialog->remote_cseq);
	put_num(rec, leg, "se", leg->stimer.interval);
	put_num(rec, leg, "mse", leg->stimer.min_se);
	put(rec, leg, "rfr", role_names[leg->stimer.role]);
	put_num(rec, leg, "timer", leg->stimer.timer);
	put_num(rec, leg, "allow", leg->stimer.allow_update);
	put_num(rec, leg, "update", leg->stimer.update);
	put_time(rec, leg, "conf", leg->stimer.confirmed_ms);
	put_time(rec, leg, "exp", leg_expiry(leg));
	put_num(rec, leg, "sdpv", (int64_t)leg->sdp_version);
	put_time(rec, leg, "proof_sip", leg->sip_ms);
}

static void media_num(struct record *rec, const struct leg *leg, const char *name, uint64_t value)
{
	char field[32], text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	record_put_media(rec, leg_field(leg, name, field), text);
}

static void media_addr(
	struct record *rec, const struct leg *leg, const char *name, const struct addr *a)
{
	char field[32], text[ADDR_STRLEN];

	record_put_media(rec, leg_field(leg, name, field),
		a->family == ADDR_NONE ? NULL : addr_format(a, text));
}

static void write_media(const struct leg *leg, struct record *rec)
{
	const struct calls *calls = leg->call->calls;
	const struct leg_media *media = &leg->media;
	const struct proto_flow *flow;
	struct addr local;

	put_time(rec, leg, "proof_rtp", media->rtp_ms);
	if (leg->call->media == CONF_MEDIA_NONE)
		return;
	media_addr(rec, leg, "sdp", &media->rtp);
	media_num(rec, leg, "pkts", media->packets + media->packets_past);
	media_num(rec, leg, "lost", media->lost + media->lost_past);
	media_num(rec, leg, "dp", media->boot_id);
	if (media->packets_past)
		media_num(rec, leg, "pkts_past", media->packets_past);
	if (media->lost_past)
		media_num(rec, leg, "lost_past", media->lost_past);
	media_num(rec, leg, "jitter_ms", media->jitter_ms);
	media_num(rec, leg, "rtp_ms", media->rtp_ms ? clock_wall_of(media->rtp_ms) : 0);
	if (media->at.port == 0)
		return;
	local = calls->conf->node.media.item[media->at.media];
	local.port = media->at.port;
	media_addr(rec, leg, "local", &local);
	media_num(rec, leg, "gen", media->gen);
	flow = dpclient_flow_get(calls->dp, media->at);
	if (!flow || !(flow->flags & PROTO_FLOW_LATCHED))
		return;
	media_addr(rec, leg, "latched", &flow->latched);
	media_addr(rec, leg, "latched_rtcp", &flow->latched_rtcp);
	media_num(rec, leg, "ssrc", flow->ssrc);
}

/* What we said last on the leg, and what its party said. */
static void write_sdp(const struct leg *leg, struct record *rec)
{
	char field[32];

	record_put_sdp(rec, leg->name, leg->local_sdp);
	record_put_media(rec, leg_field(leg, "peer_sdp", field), leg->remote_sdp);
}

void callrecord_write(struct call *call, uint32_t parts, struct record *rec)
{
	if (parts & PART_CORE)
		write_core(call, rec);
	for (unsigned int i = 0; i < 2; i++) {
		struct leg *leg = &call->leg[i];

		if (parts & leg_part(leg))
			write_leg(leg, rec);
		if (parts & PART_MEDIA)
			write_media(leg, rec);
		if (parts & PART_SDP)
			write_sdp(leg, rec);
	}
}

static const char *get(const struct record *rec, const struct leg *leg, const char *name)
{
	char field[32];

	return record_get(rec, leg_field(leg, name, field));
}

static int64_t get_num(
	const struct record *rec, const struct leg *leg, const char *name, int64_t absent)
{
	char field[32];

	return record_get_num(rec, leg_field(leg, name, field), absent);
}

static uint64_t get_time(const struct record *rec, const struct leg *leg, const char *name)
{
	char field[32];

	return record_get_time(rec, leg_field(leg, name, field));
}

static int get_string(
	const struct record *rec, const struct leg *leg, const char *name, char **text, bool needed)
{
	const char *value = get(rec, leg, name);

	if (!value)
		return needed ? -EINVAL : 0;
	return text_set(text, value, strlen(value));
}

/* Index of a word, or 0. */
static uint8_t word(const char *value, const char *const *names, uint8_t count)
{
	for (uint8_t i = 0; i < count && value; i++) {
		if (strcmp(value, names[i]) == 0)
			return i;
	}
	return 0;
}

static int read_dialog(struct leg *leg, const struct record *rec)
{
	struct sip_dialog *dialog = &leg->dialog;
	const char *tag = get(rec, leg, "ltag"), *flow = get(rec, leg, "src");
	bool answered = leg->state >= LEG_ANSWERED;
	char contact[SIP_URI_MAX];
	struct ids_tag parsed;

	if (!tag || ids_tag_parse(&parsed, tag, strlen(tag)) < 0 || parsed.leg != leg->name ||
		!flow || sip_flow_parse(&dialog->flow, flow) < 0)
		return -EINVAL;
	leg->random = parsed.random;
	if (leg_contact(leg, contact, sizeof(contact)) < 0 ||
		text_set(&dialog->local_tag, tag, strlen(tag)) < 0 ||
		text_set(&dialog->contact, contact, strlen(contact)) < 0 ||
		get_string(rec, leg, "cid", &dialog->call_id, true) < 0 ||
		get_string(rec, leg, "rtag", &dialog->remote_tag, answered) < 0 ||
		get_string(rec, leg, "luri", &dialog->local_uri, true) < 0 ||
		get_string(rec, leg, "ruri", &dialog->remote_uri, true) < 0 ||
		get_string(rec, leg, "name", &dialog->local_display, false) < 0 ||
		get_string(rec, leg, "tgt", &dialog->remote_target, true) < 0 ||
		get_string(rec, leg, "route", &dialog->route, false) < 0)
		return -EINVAL;
	/* What was reserved may have been used (cluster.md 3.4). */
	dialog->local_cseq = (uint32_t)get_num(rec, leg, "lcs_hi", 0);
	dialog->remote_cseq = (uint32_t)get_num(rec, leg, "rcs", 0);
	dialog->remote_cseq_known = get(rec, leg, "rcs") != NULL;
	dialog->confirmed = answered;
	return 0;
}

static void read_timer(struct leg *leg, const struct record *rec)
{
	struct stimer *st = &leg->stimer;

	st->confirmed_ms = get_time(rec, leg, "conf");
	st->interval = (uint32_t)get_num(rec, leg, "se", 0);
	st->min_se = (uint32_t)get_num(rec, leg, "mse", 0);
	st->role = word(get(rec, leg, "rfr"), role_names, 3);
	st->timer = get_num(rec, leg, "timer", 0);
	st->allow_update = get_num(rec, leg, "allow", 0);
	st->update = (uint8_t)get_num(rec, leg, "update", 0);
}

static const char *get_media(const struct record *rec, const struct leg *leg, const char *name)
{
	char field[32];

	return record_get_media(rec, leg_field(leg, name, field));
}

static uint64_t get_media_num(const struct record *rec, const struct leg *leg, const char *name)
{
	const char *text = get_media(rec, leg, name);

	return text ? strtoull(text, NULL, 10) : 0;
}

static void read_media(struct leg *leg, const struct record *rec)
{
	const struct conf_addrs *media = &leg->call->calls->conf->node.media;
	const char *local = get_media(rec, leg, "local"), *text;
	struct addr at;

	leg->media.rtp_ms = get_time(rec, leg, "proof_rtp");
	leg->media.boot_id = get_media_num(rec, leg, "dp");
	leg->media.packets_past = get_media_num(rec, leg, "pkts_past");
	leg->media.packets = get_media_num(rec, leg, "pkts") - leg->media.packets_past;
	leg->media.lost_past = get_media_num(rec, leg, "lost_past");
	leg->media.lost = get_media_num(rec, leg, "lost") - leg->media.lost_past;
	leg->media.jitter_ms = (uint32_t)get_media_num(rec, leg, "jitter_ms");
	leg->media.gen = (uint32_t)get_media_num(rec, leg, "gen");
	leg->media.ssrc = (uint32_t)get_media_num(rec, leg, "ssrc");
	text = get_media(rec, leg, "latched");
	if (text)
		addr_parse(&leg->media.latched, text, 0);
	text = get_media(rec, leg, "latched_rtcp");
	if (text)
		addr_parse(&leg->media.latched_rtcp, text, 0);
	text = get_media(rec, leg, "peer_sdp");
	if (text)
		anchor_accept(leg, text, strlen(text));
	if (!local || addr_parse(&at, local, 0) < 0)
		return;
	for (uint16_t i = 0; i < media->count; i++) {
		if (addr_same_ip(&media->item[i], &at))
			leg->media.at = (struct dpclient_port){.media = i, .port = at.port};
	}
}

static const struct conf_trunk *trunk_named(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->trunk_count && name; i++) {
		if (strcmp(conf->trunks[i].name, name) == 0)
			return &conf->trunks[i];
	}
	return NULL;
}

static int read_leg(struct leg *leg, const struct record *rec)
{
	static const char *const states[] = {"idle", "invited", "answered", "up", "bye", "gone"};
	const char *sdp = record_get_sdp(rec, leg->name);

	leg->state = word(get(rec, leg, "st"), states, 6);
	leg->trunk = trunk_named(leg->call->calls->conf, get(rec, leg, "trunk"));
	leg->sdp_version = (uint64_t)get_num(rec, leg, "sdpv", 1);
	leg->sip_ms = get_time(rec, leg, "proof_sip");
	read_timer(leg, rec);
	read_media(leg, rec);
	if (sdp && text_set(&leg->local_sdp, sdp, strlen(sdp)) < 0)
		return -ENOMEM;
	if (leg->call->state == CALL_ACTIVE && leg->state < LEG_ANSWERED)
		return -EINVAL;
	return leg->state >= LEG_INVITED ? read_dialog(leg, rec) : 0;
}

int callrecord_read(struct call *call, const struct record *rec)
{
	const char *from = record_get(rec, "from"), *to = record_get(rec, "to");
	static const char *const states[] = {"setup", "early", "active", "ending"};
	unsigned int code = 0;
	int rc;

	call->state = word(record_get(rec, "st"), states, 4);
	call->media = word(record_get(rec, "media"), media_names, 3);
	call->setup_wall = (uint64_t)record_get_num(rec, "t0", 0);
	call->answer_wall = (uint64_t)record_get_num(rec, "t1", 0);
	call->end_wall = (uint64_t)record_get_num(rec, "t2", 0);
	call->answered_ms = record_get_time(rec, "up");
	call->cause = (uint8_t)cause_parse(
		record_get(rec, "why") ? record_get(rec, "why") : "", record_get(rec, "by"), &code);
	call->code = (uint16_t)code;
	if (!from || !to || text_set(&call->from, from, strlen(from)) < 0 ||
		text_set(&call->to, to, strlen(to)) < 0)
		return -EINVAL;
	rc = read_leg(&call->leg[0], rec);
	if (rc == 0)
		rc = read_leg(&call->leg[1], rec);
	/* Nothing is claimed yet: call_free must not give back what may be another call's port. */
	if (rc < 0)
		call->leg[0].media.at.port = call->leg[1].media.at.port = 0;
	return rc;
}
