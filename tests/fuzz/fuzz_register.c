/* SPDX-License-Identifier: BSD-3-Clause */
/* REGISTERs of one phone after another. Each NUL ends one and lets time pass: what is before it are
 * header lines (Contact, Expires, ...). Whatever they say, the bounds hold, and what is answered is
 * text that fits into a message. */
#include "controlplane/registrar/registrar.h"
#include "controlplane/sip/msg.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <stdio.h>

#define NOW    10000000ull
#define WALL   1700000000000ull
#define PER_IP 20
#define PER    5

static const char *const domains[] = {"example.com"};
static struct registrar_reply reply;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return sip_msg_setup();
}

static osip_message_t *request(const char *lines, int len, uint32_t cseq)
{
	osip_message_t *msg = NULL;
	char text[8192];
	int n = snprintf(text, sizeof(text),
		"REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1\r\n"
		"From: <sip:bob@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\n"
		"Call-ID: c\r\nCSeq: %u REGISTER\r\n%.*sContent-Length: 0\r\n\r\n",
		cseq, len, lines);

	if ((size_t)n >= sizeof(text) || sip_msg_parse(&msg, text, (size_t)n) < 0)
		return NULL;
	return msg;
}

static void judge(const struct registrar *r)
{
	struct registrar_status status;

	assert(reply.status >= 200 && reply.status < 700 && reply.reason);
	assert(reply.header_count <= REGISTRAR_HEADERS_MAX);
	for (unsigned int i = 0; i < reply.header_count; i++)
		assert(reply.headers[i].name[0] && !strpbrk(reply.headers[i].value, "\r\n"));
	registrar_status(r, &status);
	assert(status.bindings <= PER && status.aors <= 1);
}

static void look_up(struct registrar *r, const osip_message_t *msg, uint64_t now)
{
	const struct binding *found[2 * PER];
	int n = registrar_lookup(r, msg->to->url, now, found, 2 * PER);

	assert(n <= PER);
	for (int i = 0; i < n; i++) {
		assert(found[i]->expires_ms > now && found[i]->expires_ms <= now + 3600000);
		assert(sip_uri_usable(found[i]->contact));
		assert(i == 0 || found[i - 1]->q >= found[i]->q);
	}
}

static void register_one(struct registrar *r, osip_message_t *msg, uint8_t from, uint64_t now)
{
	const struct registrar_request request = {
		.message = msg,
		.source = {ADDR_IPV4, 0, (uint16_t)(1024 + (from & 7)), {198, 51, 100, 7}},
		.local = {ADDR_IPV4, 0, 5060, {192, 0, 2, 1}},
		.user = from & 8 ? NULL : "bob",
		.now_ms = now,
		.wall_ms = WALL,
	};

	registrar_register(r, &request, &reply);
	judge(r);
	look_up(r, msg, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	struct wheel wheel;
	struct registrar *r;
	uint64_t now = NOW;
	uint32_t cseq = 1;
	const struct registrar_conf conf = {
		.domains = domains,
		.domain_count = 1,
		.node = "n01",
		.incarnation = 5,
		.bindings_per_aor = PER,
		.bindings_per_ip = PER_IP,
		.bindings_max = 64,
		.now_ms = now,
		.wheel = &wheel,
	};

	wheel_init(&wheel, now);
	assert(registrar_open(&r, &conf) == 0);
	while (f.left) {
		uint8_t from = fuzz_u8(&f);
		const uint8_t *end = f.left ? memchr(f.at, 0, f.left) : NULL;
		size_t len;
		const char *lines = (const char *)fuzz_bytes(
			&f, end ? (size_t)(end - f.at) : f.left, &len);
		osip_message_t *msg = request(lines, (int)len, cseq++);

		if (msg) {
			register_one(r, msg, from, now);
			osip_message_free(msg);
		}
		fuzz_u8(&f);
		now += 250u * (from & 0xf0);
		wheel_run(&wheel, now);
	}
	registrar_close(r);
	return 0;
}
