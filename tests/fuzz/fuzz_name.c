/* SPDX-License-Identifier: BSD-3-Clause */
/* Text that names something: addresses, flows, calls, tags, causes, URIs. The first byte picks the
 * parser. What one accepts must come back the same from its formatter. */
#include "controlplane/call/cause.h"
#include "controlplane/sip/msg.h"
#include "controlplane/sip/transport.h"
#include "shared/ids.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return sip_msg_setup();
}

static void try_addr(const char *text)
{
	struct addr a, again;
	char buf[ADDR_STRLEN];

	if (addr_parse(&a, text, 5060) == 0) {
		assert(a.family == ADDR_IPV4 || a.family == ADDR_IPV6);
		assert(addr_parse(&again, addr_format(&a, buf), 1) == 0);
		assert(addr_equal(&a, &again));
	}
	if (addr_from_ip(&a, text, 7) == 0) {
		assert(addr_from_ip(&again, addr_format_ip(&a, buf), 7) == 0);
		assert(addr_equal(&a, &again));
	}
}

/* Nothing but what the formatter writes is accepted. */
static void try_ids(const char *text, size_t len)
{
	char buf[IDS_TAG_STRLEN];
	struct ids_call call;
	struct ids_tag tag;

	if (ids_call_parse(&call, text, len) == 0) {
		assert(call.partition < IDS_PARTITIONS && ids_node_check(call.node) == 0);
		assert(strlen(ids_call_format(&call, buf)) == len && memcmp(buf, text, len) == 0);
	}
	if (ids_tag_parse(&tag, text, len) == 0) {
		assert(tag.leg == 'a' || tag.leg == 'b');
		assert(strlen(ids_tag_format(&tag, buf)) == len && memcmp(buf, text, len) == 0);
	}
	assert(ids_partition_of(text, len) < IDS_PARTITIONS);
}

static void try_flow(const char *text)
{
	struct sip_flow flow, again;
	char buf[SIP_FLOW_STRLEN];

	if (sip_flow_parse(&flow, text) == 0) {
		assert(sip_flow_parse(&again, sip_flow_format(&flow, buf)) == 0);
		assert(addr_equal(&flow.local, &again.local));
		assert(addr_equal(&flow.remote, &again.remote));
	}
}

static void try_cause(const char *text)
{
	char buf[CAUSE_STRLEN];
	unsigned int code = 0, again = 0;
	enum cause cause = cause_parse(text, NULL, &code);

	if (cause != CAUSE_NONE)
		assert(cause_parse(cause_format(cause, code, buf), cause_by(cause), &again) ==
			cause);
}

static void try_uri(const char *text)
{
	char user[64], host[64], made[SIP_URI_MAX];
	uint16_t port;
	struct addr addr;

	sip_uri_usable(text);
	if (sip_uri_parts(text, user, sizeof(user), host, sizeof(host), &port) < 0)
		return;
	addr = (struct addr){.family = ADDR_IPV4, .port = 5060, .ip = {192, 0, 2, 1}};
	if (user[0] && sip_uri_make(made, sizeof(made), user, &addr) == 0) {
		char again[64];

		assert(sip_uri_usable(made));
		assert(sip_uri_parts(made, again, sizeof(again), NULL, 0, NULL) == 0);
		assert(strcmp(user, again) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	uint8_t kind = fuzz_u8(&f);
	char *text = fuzz_string(f.at, f.left);
	char *bare = fuzz_copy(f.at, f.left);

	switch (kind & 7) {
	case 0:
		try_addr(text);
		break;
	case 1:
		try_ids(bare, f.left);
		break;
	case 2:
		try_flow(text);
		break;
	case 3:
		try_cause(text);
		break;
	default:
		try_uri(text);
	}
	free(bare);
	free(text);
	return 0;
}
