/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/keepalive/probe.h"

#include <stdio.h>
#include <strings.h>

#define STUN_HEAD    20
#define STUN_SUCCESS 0x0101
#define STUN_ERROR   0x0111
#define STUN_COOKIE  0x2112a442u
#define SIP_VERSION  "SIP/2.0 "
#define SIP_COOKIE   "branch=z9hG4bK"
#define OUR_COOKIE   SIP_COOKIE "-lwka-"
#define LINES_MAX    64 /* of a response, in which its first Via is looked for */

void probe_stun(struct probe_payload *out)
{
	static const uint8_t head[8] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};

	memset(out, 0, sizeof(*out));
	memcpy(out->data, head, sizeof(head));
	out->len = STUN_HEAD;
	out->form = PROBE_STUN;
	out->places = 1;
	out->at[0] = sizeof(head);
}

static void probe_text(struct probe_payload *out, const char *text)
{
	size_t len = strlen(text);

	memcpy(out->data + out->len, text, len);
	out->len = (uint16_t)(out->len + len);
}

/* `head`, `text` and a name, on an even place: a second space behind the colon makes it so. */
static void probe_place(struct probe_payload *out, const char *head, const char *text)
{
	bool odd = (out->len + strlen(head) + 1 + strlen(text)) % 2;

	probe_text(out, head);
	probe_text(out, odd ? "  " : " ");
	probe_text(out, text);
	out->at[out->places++] = out->len;
	out->len += PROBE_HEX;
}

void probe_options(struct probe_payload *out, const struct addr *local)
{
	char at[ADDR_STRLEN], text[2 * ADDR_STRLEN + 128];

	memset(out, 0, sizeof(*out));
	out->form = PROBE_OPTIONS;
	addr_format(local, at);
	/* From has a user: some phones and routers answer nothing else. */
	snprintf(text, sizeof(text), "OPTIONS sip:keepalive@%s SIP/2.0\r\n", at);
	probe_text(out, text);
	snprintf(text, sizeof(text), "SIP/2.0/UDP %s;rport;" OUR_COOKIE, at);
	probe_place(out, "Via:", text);
	snprintf(text, sizeof(text), "<sip:keepalive@%s>;tag=", at);
	probe_place(out, "\r\nMax-Forwards: 70\r\nFrom:", text);
	snprintf(text, sizeof(text), "\r\nTo: <sip:keepalive@%s>\r\nCall-ID:", at);
	probe_place(out, text, "");
	snprintf(text, sizeof(text),
		"\r\nCSeq: 1 OPTIONS\r\nContact: <sip:keepalive@%s>\r\n"
		"Accept: application/sdp\r\nContent-Length: 0\r\n\r\n",
		at);
	probe_text(out, text);
}

static uint32_t probe_word(const uint8_t *data)
{
	uint32_t word;

	memcpy(&word, data, sizeof(word));
	return __builtin_bswap32(word);
}

static enum probe_verdict probe_parse_stun(const uint8_t *data, size_t len, struct probe *probe)
{
	uint32_t head = probe_word(data);

	if ((head >> 16 != STUN_SUCCESS && head >> 16 != STUN_ERROR) ||
		probe_word(data + 4) != STUN_COOKIE)
		return PROBE_OTHER;
	if ((head & 0xffff) % 4 || (head & 0xffff) != len - STUN_HEAD)
		return PROBE_REFUSE;
	*probe = (struct probe){probe_word(data + 8), probe_word(data + 12), probe_word(data + 16)};
	return PROBE_ANSWER;
}

static bool probe_number(const uint8_t *text, uint32_t *value)
{
	*value = 0;
	for (int i = 0; i < 8; i++) {
		uint8_t c = text[i];

		if (c >= '0' && c <= '9')
			*value = *value << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			*value = *value << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	return true;
}

/* "Via" or "v", white space, a colon. */
static bool probe_is_via(const uint8_t *line, size_t len)
{
	size_t name = len > 3 && strncasecmp((const char *)line, "via", 3) == 0 ? 3 : 1;

	if (len < 2 || (name == 1 && (line[0] | 0x20) != 'v'))
		return false;
	while (name < len && (line[name] == ' ' || line[name] == '\t'))
		name++;
	return name < len && line[name] == ':';
}

/* Where the topmost Via begins and ends; false: there is none before the body. */
static bool probe_find_via(const uint8_t **line, size_t *len)
{
	const uint8_t *at = *line, *end = at + *len;

	for (int i = 0; i < LINES_MAX && at < end; i++) {
		const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));

		if (!stop)
			stop = end;
		if (probe_is_via(at, (size_t)(stop - at))) {
			*line = at;
			*len = (size_t)(stop - at);
			return true;
		}
		at = stop + 1;
	}
	return false;
}

static enum probe_verdict probe_parse_options(const uint8_t *data, size_t len, struct probe *probe)
{
	static const char cookie[] = OUR_COOKIE;
	const uint8_t *via = data, *name;
	size_t left = len;

	if (!probe_find_via(&via, &left))
		return PROBE_OTHER;
	name = memmem(via, left, cookie, sizeof(cookie) - 1);
	if (!name)
		return PROBE_OTHER;
	name += sizeof(cookie) - 1;
	/* 100 to 199 say only that an answer will come. */
	if (data[8] < '2' || data[8] > '6' || via + left - name < PROBE_HEX ||
		!probe_number(name, &probe->id) || !probe_number(name + 8, &probe->stamp) ||
		!probe_number(name + 16, &probe->tag))
		return PROBE_REFUSE;
	return PROBE_ANSWER;
}

enum probe_verdict probe_parse(const uint8_t *data, size_t len, struct probe *probe)
{
	if (len < STUN_HEAD)
		return PROBE_OTHER;
	if (memcmp(data, SIP_VERSION, sizeof(SIP_VERSION) - 1) == 0)
		return probe_parse_options(data, len, probe);
	return probe_parse_stun(data, len, probe);
}
