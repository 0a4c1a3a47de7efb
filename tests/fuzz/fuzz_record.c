/* SPDX-License-Identifier: BSD-3-Clause */
/* What Redis may hold about a call, a binding or a CDR, whoever wrote it there. A call that could
 * not be read leaves the media ports of others alone; one that could is written again as it was.
 *
 * The input is a list of items: kind, length of the name, name, length of the value (two bytes),
 * value. */
#include "controlplane/call/anchor.h"
#include "controlplane/call/callrecord.h"
#include "controlplane/call/calls.h"
#include "controlplane/registrar/registrar_impl.h"
#include "controlplane/sip/msg.h"
#include "controlplane/store/cdrline.h"
#include "tests/fuzz/fuzz.h"

#include <jansson.h>

#define FIELDS_MAX 64

static struct calls calls;
static struct wheel wheel;
static uv_loop_t loop;

static uint64_t clock_virtual(void)
{
	return 5000000;
}

static int on_output(void *arg, const struct sip_flow *flow, const char *buf, size_t len)
{
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char text[] = "node: {service_address: 192.0.2.1, media_ports: 20000-20007}\n"
				   "trunks: [{name: carrier, address: 198.51.100.5}]\n";
	const struct dpclient_conf dp = {
		.socket = "/nonexistent/dp.sock",
		.bindings_max = 8,
		.media_count = 1,
		.media = {{.family = ADDR_IPV4, .ip = {192, 0, 2, 1}}},
		.port_min = 20000,
		.port_max = 20007,
		.class_count = 1,
		.classes = {{.period_ms = 30000, .send_interval_ms = 500, .send_one_time = 1}},
	};
	const struct sip_stack_config sip = {
		.wheel = &wheel,
		.clock = clock_virtual,
		.output = on_output,
		.node = "n01",
		.service = {ADDR_IPV4, 0, 5060, {192, 0, 2, 1}},
	};
	const struct sip_handlers handlers = {0};
	struct conf *conf;
	char err[256];

	log_open("fuzz", LOG_ERROR);
	wheel_init(&wheel, clock_virtual());
	if (uv_loop_init(&loop) != 0 || sip_msg_setup() != 0 ||
		conf_load_text(&conf, "fuzz.yaml", text, strlen(text), err, sizeof(err)) != 0 ||
		dpclient_open(&calls.dp, &loop, &dp) != 0 ||
		sip_stack_open(&calls.sip, &sip, &handlers) != 0)
		return -1;
	calls.conf = conf;
	calls.wheel = &wheel;
	return calls_open(&calls, 1);
}

static void put(struct record *rec, uint8_t kind, const char *name, const char *value)
{
	switch (kind) {
	case 'M':
		record_put_media(rec, name, value);
		break;
	case 'a':
	case 'b':
		record_put_sdp(rec, (char)kind, value);
		break;
	default:
		record_put(rec, name, value);
	}
}

static redisReply *string_of(const char *text, size_t len)
{
	redisReply *reply = calloc(1, sizeof(*reply));

	reply->type = REDIS_REPLY_STRING;
	reply->str = (char *)(uintptr_t)text;
	reply->len = len;
	return reply;
}

/* Returns the number of items. */
static size_t read_items(struct fuzz *f, struct record *rec, redisReply *fields[2 * FIELDS_MAX])
{
	size_t n = 0;

	while (f->left && n < FIELDS_MAX) {
		uint8_t kind = fuzz_u8(f);
		size_t name_len, len;
		const uint8_t *name = fuzz_bytes(f, fuzz_u8(f), &name_len);
		const uint8_t *value = fuzz_bytes(f, fuzz_u16(f), &len);
		char *name_text = fuzz_string(name, name_len), *text = fuzz_string(value, len);

		put(rec, kind, name_text, text);
		fields[2 * n] = string_of(name_text, strlen(name_text));
		fields[2 * n + 1] = string_of(text, len);
		n++;
	}
	return n;
}

static void try_call(const struct record *rec)
{
	static const struct ids_call ids = {
		.partition = 0x17, .node = "n01", .incarnation = 5, .seq = 0xa41f2};
	uint32_t used = ports_used(calls.ports[0]);
	struct call *call = call_create(&calls, &ids);
	struct record again;

	assert(call);
	record_init(&again);
	if (callrecord_read(call, rec) == 0) {
		for (int i = 0; i < 2; i++)
			anchor_claim(&call->leg[i]);
		callrecord_write(
			call, PART_CORE | PART_LEG_A | PART_LEG_B | PART_MEDIA | PART_SDP, &again);
		assert(strcmp(record_get(&again, "from"), record_get(rec, "from")) == 0);
	}
	call_free(call);
	assert(ports_used(calls.ports[0]) <= used);
	assert(used == 1);
	record_free(&again);
}

static void try_binding(const struct record *rec)
{
	struct binding *b = persist_read(rec);

	if (!b)
		return;
	assert(sip_uri_usable(b->contact) && b->source.port && b->q <= BINDING_Q_MAX);
	binding_free(b);
}

static bool is_number(const char *name)
{
	return name[0] == 'n';
}

static void try_cdr(redisReply **fields, size_t n)
{
	redisReply all = {.type = REDIS_REPLY_ARRAY, .elements = 2 * n, .element = fields};
	char *text = NULL, id[IDS_CALL_STRLEN];
	size_t len = 0, room = 0;
	json_error_t error;
	json_t *json;

	if (cdrline_add(&text, &len, &room, &all, id, sizeof(id), is_number) == 0) {
		assert(len > 0 && text[len - 1] == '\n' && !memchr(text, '\n', len - 1));
		json = json_loadb(text, len, JSON_ALLOW_NUL, &error);
		assert(json_is_object(json));
		json_decref(json);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	redisReply *fields[2 * FIELDS_MAX];
	struct fuzz f = {data, size};
	struct record rec;
	size_t n;

	/* Somebody else's. */
	if (ports_used(calls.ports[0]) == 0)
		assert(ports_claim(calls.ports[0], 20002, 7) == 0);
	record_init(&rec);
	n = read_items(&f, &rec, fields);
	try_call(&rec);
	try_binding(&rec);
	try_cdr(fields, n);
	record_free(&rec);
	for (size_t i = 0; i < 2 * n; i++) {
		free(fields[i]->str);
		free(fields[i]);
	}
	return 0;
}
