/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/media/sdp_parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int fail(const char **why, int err, const char *text)
{
	*why = text;
	return err;
}

static bool same(const char *a, const char *b)
{
	return a && strcasecmp(a, b) == 0;
}

static enum sdp_kind kind_of(const char *media)
{
	if (same(media, "audio"))
		return SDP_AUDIO;
	if (same(media, "video"))
		return SDP_VIDEO;
	if (same(media, "image"))
		return SDP_IMAGE;
	return SDP_OTHER;
}

static void set_proto(struct sdp_line *line, const char *proto)
{
	if (strncasecmp(proto, "UDP/TLS/", 8) == 0)
		proto += 8;
	line->secure = same(proto, "RTP/SAVP") || same(proto, "RTP/SAVPF");
	line->rtp = line->secure || same(proto, "RTP/AVP") || same(proto, "RTP/AVPF");
}

static bool dir_of(const char *name, uint8_t *dir)
{
	if (same(name, "sendrecv"))
		*dir = SDP_SENDRECV;
	else if (same(name, "sendonly"))
		*dir = SDP_SENDONLY;
	else if (same(name, "recvonly"))
		*dir = SDP_RECVONLY;
	else if (same(name, "inactive"))
		*dir = SDP_INACTIVE;
	else
		return false;
	return true;
}

static bool has_pt(const struct sdp_line *line, uint32_t pt)
{
	return pt < 128 && line->payload_types[pt / 8] & 1u << pt % 8;
}

/* "96 opus/48000/2", "18 annexb=no": the payload type, and what follows it; NULL if it is no such
 * thing or not a payload type of this line. */
static const char *behind_pt(const struct sdp_line *line, const char *value, uint32_t *pt)
{
	size_t digits = value ? strspn(value, "0123456789") : 0;

	if (digits == 0 || value[digits] != ' ' || sdp_number(value, digits, 127, pt) < 0)
		return NULL;
	return has_pt(line, *pt) ? value + digits + strspn(value + digits, " ") : NULL;
}

static bool codec_is(const char *rtpmap, const char *name)
{
	size_t len = strlen(name);

	return strncasecmp(rtpmap, name, len) == 0 && (rtpmap[len] == '/' || rtpmap[len] == '\0');
}

/* The fmtp of a payload type, NULL if none. */
static const char *find_fmtp(const struct sdp_line *line, const osip_list_t *attrs, uint32_t want)
{
	osip_list_iterator_t it;
	sdp_attribute_t *a;
	const char *rest;
	uint32_t pt;

	for (a = osip_list_get_first(attrs, &it); a; a = osip_list_get_next(&it)) {
		if (!same(a->a_att_field, "fmtp"))
			continue;
		rest = behind_pt(line, a->a_att_value, &pt);
		if (rest && pt == want)
			return rest;
	}
	return NULL;
}

static bool fmtp_has(const char *fmtp, const char *word)
{
	return fmtp && strcasestr(fmtp, word);
}

/* May the sender of this codec pause while its user is silent? (LV-04) */
static bool codec_pauses(const char *codec, const char *fmtp)
{
	if (codec_is(codec, "CN") || codec_is(codec, "AMR") || codec_is(codec, "AMR-WB") ||
		codec_is(codec, "EVS"))
		return true;
	if (codec_is(codec, "G729"))
		return !fmtp_has(fmtp, "annexb=no");
	if (codec_is(codec, "G723"))
		return !fmtp_has(fmtp, "annexa=no");
	return codec_is(codec, "opus") && fmtp_has(fmtp, "usedtx=1");
}

/* The rate in "opus/48000/2", 0 if there is none that fits. */
static uint16_t codec_rate(const char *codec)
{
	const char *rate = strchr(codec, '/');
	size_t digits = rate ? strspn(rate + 1, "0123456789") : 0;
	uint32_t value;

	return digits && sdp_number(rate + 1, digits, UINT16_MAX, &value) == 0 ? (uint16_t)value
									       : 0;
}

static bool is_first_pt(const osip_list_t *payloads, uint32_t pt)
{
	const char *text = osip_list_get(payloads, 0);
	uint32_t first;

	return text && sdp_number(text, strlen(text), 127, &first) == 0 && first == pt;
}

static void describe_codecs(
	struct sdp_line *line, const osip_list_t *payloads, const osip_list_t *attrs)
{
	static const struct {
		uint8_t pt;
		const char *name;
	} fixed[] = {{4, "G723"}, {13, "CN"}, {18, "G729"}};
	osip_list_iterator_t it;
	sdp_attribute_t *a;
	const char *codec;
	uint32_t pt;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (has_pt(line, fixed[i].pt) &&
			codec_pauses(fixed[i].name, find_fmtp(line, attrs, fixed[i].pt)))
			line->dtx = true;
	for (a = osip_list_get_first(attrs, &it); a; a = osip_list_get_next(&it)) {
		if (!same(a->a_att_field, "rtpmap"))
			continue;
		codec = behind_pt(line, a->a_att_value, &pt);
		if (!codec)
			continue;
		if (is_first_pt(payloads, pt))
			line->clock_rate = codec_rate(codec);
		if (codec_is(codec, "telephone-event"))
			line->event_pt = (uint8_t)pt;
		else if (codec_pauses(codec, find_fmtp(line, attrs, pt)))
			line->dtx = true;
	}
}

static int describe_payloads(struct sdp_line *line, const osip_list_t *payloads, const char **why)
{
	osip_list_iterator_t it;
	const char *text;
	uint32_t pt;

	for (text = osip_list_get_first(payloads, &it); text; text = osip_list_get_next(&it)) {
		if (sdp_number(text, strlen(text), 127, &pt) < 0)
			return fail(why, -EINVAL, "payload type in m= is not 0 to 127");
		line->payload_types[pt / 8] |= (uint8_t)(1u << pt % 8);
	}
	return 0;
}

/* a=rtcp:53020 or a=rtcp:53020 IN IP4 126.16.64.4 (RFC 3605). */
static int describe_rtcp(struct sdp_line *line, const char *value, const char **why)
{
	size_t digits = value ? strspn(value, "0123456789") : 0;
	const char *ip = value ? strrchr(value, ' ') : NULL;
	struct addr addr;
	uint32_t port;

	if (digits == 0 || sdp_number(value, digits, UINT16_MAX, &port) < 0)
		return fail(why, -EINVAL, "port in a=rtcp is not 0 to 65535");
	if (ip && addr_from_ip(&addr, ip + 1, (uint16_t)port) == 0)
		line->rtcp_addr = addr;
	else
		line->rtcp_addr.port = (uint16_t)port;
	return 0;
}

static int describe_connection(struct sdp_line *line, const sdp_connection_t *c, const char **why)
{
	static const uint8_t none[16];

	if (!c || !c->c_addr || !same(c->c_nettype, "IN"))
		return fail(why, -EINVAL, "a stream has no c= line of the Internet");
	if (addr_from_ip(&line->rtp_addr, c->c_addr, line->port) < 0)
		return 0; /* a host name: the source address has to be learnt */
	line->zero = memcmp(line->rtp_addr.ip, none, sizeof(none)) == 0;
	line->rtcp_addr = line->rtp_addr;
	line->rtcp_addr.port = line->port < UINT16_MAX ? line->port + 1 : 0;
	return 0;
}

static int describe_attributes(struct sdp_line *line, const osip_list_t *attrs, const char **why)
{
	osip_list_iterator_t it;
	sdp_attribute_t *a;
	bool dir_set = false;
	uint8_t dir;
	int err;

	for (a = osip_list_get_first(attrs, &it); a; a = osip_list_get_next(&it)) {
		if (!dir_set && dir_of(a->a_att_field, &dir)) {
			line->dir = dir;
			dir_set = true;
		} else if (same(a->a_att_field, "rtcp-mux")) {
			line->mux = true;
		} else if (line->rtp && line->port && same(a->a_att_field, "rtcp")) {
			err = describe_rtcp(line, a->a_att_value, why);
			if (err < 0)
				return err;
		}
	}
	return 0;
}

static int describe_line(struct sdp_line *line, const sdp_message_t *msg, const sdp_media_t *m,
	uint8_t dir, const char **why)
{
	const sdp_connection_t *c = osip_list_get(&m->c_connections, 0);
	uint32_t port;
	int err;

	memset(line, 0, sizeof(*line));
	if (!m->m_media || !m->m_proto || !m->m_port ||
		sdp_number(m->m_port, strlen(m->m_port), UINT16_MAX, &port) < 0)
		return fail(why, -EINVAL, "port in m= is not 0 to 65535");
	line->kind = kind_of(m->m_media);
	line->port = (uint16_t)port;
	line->dir = dir;
	set_proto(line, m->m_proto);
	if (line->port) {
		err = describe_connection(line, c ? c : msg->c_connection, why);
		if (err < 0)
			return err;
	}
	if (line->rtp) {
		err = describe_payloads(line, &m->m_payloads, why);
		if (err < 0)
			return err;
		describe_codecs(line, &m->m_payloads, &m->a_attributes);
	}
	return describe_attributes(line, &m->a_attributes, why);
}

static int8_t choose_audio(const struct sdp *sdp)
{
	int8_t chosen = -1;

	for (int8_t i = 0; i < sdp->lines; i++) {
		const struct sdp_line *line = &sdp->line[i];

		if (line->kind != SDP_AUDIO || !line->rtp)
			continue;
		if (line->port)
			return i;
		if (chosen < 0)
			chosen = i;
	}
	return chosen;
}

int sdp_describe_tree(struct sdp *out, sdp_message_t *msg, const char **why)
{
	struct sdp_line session = {.dir = SDP_SENDRECV};
	osip_list_iterator_t it;
	sdp_media_t *m;
	int err;

	memset(out, 0, sizeof(*out));
	err = describe_attributes(&session, &msg->a_attributes, why);
	if (err < 0)
		return err;
	for (m = osip_list_get_first(&msg->m_medias, &it); m; m = osip_list_get_next(&it)) {
		if (out->lines == SDP_LINES_MAX)
			return fail(why, -ENOTSUP, "too many m= lines");
		err = describe_line(&out->line[out->lines], msg, m, session.dir, why);
		if (err < 0)
			return err;
		out->lines++;
	}
	out->audio = choose_audio(out);
	return 0;
}

int sdp_describe(struct sdp *out, const char *text, size_t len, const char **why)
{
	sdp_message_t *msg;
	int err;

	err = sdp_parse(&msg, text, len, why);
	if (err < 0)
		return err;
	err = sdp_describe_tree(out, msg, why);
	sdp_message_free(msg);
	return err;
}
